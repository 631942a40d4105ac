"""What a recording raises does not depend on how its rows stand, and a damaged row costs itself alone."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.effects import encode
from models.arrays import Document
from models.instants import SECOND
from streams.hosts.replay import Replay
from streams.intake.files import read_file, recorded_frames
from streams.intake.json import read
from streams.intake.post import arranged
from streams.journal.frame import frame_of
from streams.shard import Shard
from tests.support.service import START_US, at, ndjson, sample


def spo2_at(second: int) -> int:
    """Good, then low for two minutes, then good again."""
    return 79 if 120 <= second < 240 else 97 - second % 2


TREATMENT: list[Document] = [
    {"kind": "session.started", "at": at(0), "patient": "fern", "session": "s1", "device": "m1", "drug": "esketamine",
     "route": "intranasal", "planned_mg": 56, "planned_minutes": 10},
    *({**sample(second + 0.5, device="m1", spo2=spo2_at(second), hr=70 + second % 3)} for second in range(360)),
    {"kind": "dose", "at": at(60.25), "patient": "fern", "session": "s1", "drug": "esketamine", "route": "intranasal", "mg": 56},
    *(sample(second + 0.7, patient="rowan", spo2=84 if second > 200 else 96, pulse=64) for second in range(0, 360, 2)),
]  # fmt: skip
ROWS = [json.dumps(row) for row in sorted(TREATMENT, key=lambda row: str(row["at"]))]


def raised_by(path: Path) -> list[str]:
    """The transitions of a recording, without what caused them."""
    transitions = (json.loads(encode(each)) for each in Replay().run(recorded_frames([path], {})))
    return [json.dumps({name: value for name, value in each.items() if name != "cause"}) for each in transitions]


def recording(folder: Path, rows: Sequence[str], name: str = "day.ndjson") -> Path:
    path = folder / name
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    raised = raised_by(recording(tmp_path_factory.mktemp("in_order"), ROWS))
    assert sum('"desaturation"' in each and '"high"' in each for each in raised) >= 2
    return raised


def test_newest_first_raises_the_same(tmp_path: Path, in_order: list[str]) -> None:
    assert raised_by(recording(tmp_path, ROWS[::-1])) == in_order


def test_one_person_after_the_other_raises_the_same(tmp_path: Path, in_order: list[str]) -> None:
    rowan = [row for row in ROWS if '"rowan"' in row]
    others = [row for row in ROWS if '"rowan"' not in row]
    for rows in (rowan + others, others + rowan, rowan[::-1] + others[::-1]):
        assert raised_by(recording(tmp_path, rows)) == in_order


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), window=st.sampled_from([3, 20, 1000]))
def test_rows_in_any_disorder_raise_the_same(tmp_path: Path, in_order: list[str], seed: int, window: int) -> None:
    """Each row up to `window` places from its own."""
    chance = random.Random(seed)
    places = [place + chance.uniform(0, window) for place in range(len(ROWS))]
    rows = [ROWS[place] for place in sorted(range(len(ROWS)), key=places.__getitem__)]
    assert raised_by(recording(tmp_path, rows)) == in_order


@pytest.mark.parametrize("year", [1970, 2000, 2161, 2199])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(ROWS)))
def test_a_row_of_another_time_raises_nothing_and_hides_nothing(
    tmp_path: Path, in_order: list[str], place: int, year: int
) -> None:
    far = json.dumps({"kind": "vitals", "at": f"{year}-07-12T02:24:18Z", "device": "m1", "spo2": 97})
    path = recording(tmp_path, [*ROWS[:place], far, *ROWS[place:]])
    run = Replay()
    transitions = [json.loads(encode(each)) for each in run.run(recorded_frames([path], {}))]
    without_cause = [
        json.dumps({name: value for name, value in each.items() if name != "cause"}) for each in transitions
    ]
    assert without_cause == in_order
    assert run.summary.set_aside.total() == 1


def test_a_form_of_another_century_is_told_of_and_hides_nothing(tmp_path: Path, in_order: list[str]) -> None:
    phq9 = {"kind": "checkin", "patient": "fern", "session": "s1", "instrument": "phq-9", "items": [0] * 8 + [2]}
    rows = [*ROWS[:100], json.dumps({**phq9, "at": "2161-07-12T02:24:18Z"}), *ROWS[100:]]
    raised = raised_by(recording(tmp_path, rows))
    said = [json.loads(each) for each in raised if "answers-unread" in each]
    assert [(each["patient"], each["priority"]) for each in said] == [("fern", "medium")]
    rest = [{**json.loads(each), "seq": 0} for each in raised if "answers-unread" not in each]
    assert rest == [{**json.loads(each), "seq": 0} for each in in_order]


UNREADABLE = '{"kind":"checkin","at":"20261109","patient":"olive","instrument":"phq-9","items":[1,1,1,1,1,1,1,1,3]}'
FIRST = {
    "a sample": sample(0, patient="rowan", spo2=97),
    "an entry": {"kind": "intervention", "at": at(0), "patient": "rowan", "what": "oxygen"},
}


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("others", [0, 1, 5000])
def test_a_form_that_cannot_be_read_is_told_of_though_it_stands_first(tmp_path: Path, first: str, others: int) -> None:
    later = [json.dumps(sample(second, patient="rowan", spo2=97)) for second in range(1, 4)]
    rows = [UNREADABLE, *["nonsense"] * others, json.dumps(FIRST[first]), *later]
    run = Replay()
    transitions = [json.loads(encode(each)) for each in run.run(recorded_frames([recording(tmp_path, rows)], {}))]
    assert [(each["rule"], each["patient"], each["at"]) for each in transitions] == [("answers-unread", "olive", at(0))]
    assert run.summary.lines == len(rows)
    assert run.summary.set_aside.total() == others + 1


@pytest.mark.parametrize(
    ("said_at", "told_at"), [("20261109", "2026-11-09T00:00:00"), ("2026-11-09 14:30", "2026-11-09T14:30:00")]
)
def test_a_recording_of_nothing_but_a_form_that_cannot_be_read_is_told_at_the_time_that_can_be_seen_of_it(
    tmp_path: Path, said_at: str, told_at: str
) -> None:
    run = Replay()
    raised = list(run.run(recorded_frames([recording(tmp_path, [UNREADABLE.replace("20261109", said_at)])], {})))
    assert [(one.rule, one.patient, one.at[:19]) for one in raised] == [("answers-unread", "olive", told_at)]
    assert (run.summary.used, run.summary.untold) == (0, 0)


def test_one_that_says_no_time_at_all_is_counted_as_told_to_nobody(tmp_path: Path) -> None:
    run = Replay()
    rows = [UNREADABLE.replace("20261109", "yesterday")]
    assert list(run.run(recorded_frames([recording(tmp_path, rows)], {}))) == []
    assert run.summary.untold == 1


def test_what_holds_nothing_that_can_be_read_is_counted_all_the_same(tmp_path: Path) -> None:
    for count in (1, 30_000):
        run = Replay()
        assert list(run.run(recorded_frames([recording(tmp_path, ["nonsense"] * count)], {}))) == []
        assert (run.summary.lines, run.summary.set_aside.total()) == (count, count)


# ---- damage ----------------------------------------------------------------------------------------------------------

CSV_ROWS = [f"{at(second)},{spo2_at(second)},{70 + second % 3},note {second}" for second in range(300)]
DAMAGE: dict[str, Callable[[str], str]] = {
    "a quote before it": lambda row: f'"{row}',
    "a quote after it": lambda row: f'{row}"',
    "a quote within it": lambda row: row.replace(",", ',"', 1),
    "cut off": lambda row: row[: len(row) // 2],
    "nothing left": lambda row: "",
    "other bytes": lambda row: "\x01\xff\x02",
    "a field more": lambda row: row.replace(",", ",5,", 1),
    "twice": lambda row: row + row,
    "a quoted end of line": lambda row: row.replace("note", '"no\nte', 1),
    "the time gone": lambda row: row[row.index(",") :],
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.sets(st.integers(0, len(CSV_ROWS) - 1), min_size=1, max_size=6))
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_row_costs_itself_alone(tmp_path: Path, damage: str, places: set[int]) -> None:
    rows = [DAMAGE[damage](row) if place in places else row for place, row in enumerate(CSV_ROWS)]
    path = tmp_path / "rowan.csv"
    path.write_bytes("\n".join(["at,spo2,hr,note", *rows, ""]).encode("latin-1"))
    read_at = {line.at.timestamp(): line.spo2 for line in read_file(path, {}) if line.kind == "vitals"}
    for place in range(len(CSV_ROWS)):
        second = START_US / SECOND + place
        if place not in places:
            assert read_at.pop(second) == spo2_at(place)
        else:
            assert read_at.pop(second, spo2_at(place)) == spo2_at(place)
    assert not read_at


# ---- posts -----------------------------------------------------------------------------------------------------------


def told(body: bytes) -> list[tuple[str, str]]:
    """The rules that a post raises, with their priorities."""
    shard = Shard(0, "received")
    effects = shard.fold(frame_of(arranged(read(body, "application/x-ndjson").records)), START_US + 70 * SECOND).effects
    documents = [json.loads(encode(each)) for each in effects]
    return [(each["rule"], each["priority"]) for each in documents if each.get("transition") in {"raised", "worsened"}]


def test_a_post_that_is_newest_first_is_told_as_one_in_order() -> None:
    minute = [sample(second, device="m1", patient="fern", spo2=97 if second < 10 else 79) for second in range(61)]
    in_turn = told(ndjson(minute))
    assert ("desaturation", "high") in in_turn
    assert told(ndjson(minute[::-1])) == in_turn
    random.Random(5).shuffle(minute)
    assert told(ndjson(minute)) == in_turn


def test_a_post_keeps_all_its_records_and_bad_lines_stay_beside_the_ones_above_them() -> None:
    lines = [ndjson([sample(second, device="m1", spo2=97)]).strip() for second in (5, 4, 3, 2)]
    records = read(b"\n".join([*lines[:2], b"nonsense", *lines[2:]]), "application/x-ndjson").records
    assert arranged(records) == [records[place] for place in (4, 3, 2, 1, 0)]
    assert arranged(records[::-1]) == records[::-1]
