"""Replay is exact: the same input gives the same transitions, from files or over HTTP, however it is cut up.

What differs between a replay and the service is only `cause`, the frame of the journal, because the service's frames are
cut where its senders and the disk cut them.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from models.arrays import Document
from models.instants import to_datetime
from models.tables.channels import CHANNEL_NAMES
from streams.clinic.clinic import simulate
from streams.hosts.replay import Replay
from streams.intake.files import recorded_frames
from tests.support.service import (
    at,
    chairside,
    falling,
    invoked,
    ndjson,
    recorded,
    recovering,
    said_once,
    sample,
    serving,
)

RENAME = {"pulse_rate": "pulse", "tcco2_mmhg": "tcco2"}


def written(path: Path, lines: Iterable[Document | str]) -> Path:
    """A file of these lines; what is text goes in as it is."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    content = "".join(text + "\n" for text in texts).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def replayed(*arguments: object) -> list[Document]:
    """The transitions of a replay that goes well."""
    done = invoked("replay", *arguments)
    assert done.status == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_cause(transitions: Iterable[Document]) -> list[Document]:
    return [{name: value for name, value in one.items() if name != "cause"} for one in transitions]


def rules(transitions: Iterable[Document]) -> list[tuple[str, str]]:
    return [(one["rule"], one["transition"]) for one in transitions]


def invented(sessions: int, hours: float, seed: int) -> list[str]:
    """A clinic's day with what goes wrong in real ones: a bad line now and then, and one that comes twice."""
    chance = random.Random(seed)
    lines = []
    for line in simulate(sessions=sessions, seed=seed, hours=hours, adverse=8.0).observations():
        text = json.dumps(line)
        lines.append(text)
        if chance.random() < 0.002:
            lines.append(text)
        if chance.random() < 0.002:
            lines.append(
                chance.choice([text[:-9], "nonsense", '{"kind": "vitals"}', text.replace('"spo2": ', '"spo2": "x')])
            )
    return lines


async def over_http(data: Path, lines: Sequence[str], seed: int) -> tuple[list[Document], Document]:
    """The same lines posted to the service in random batches; the transitions, and what became of the lines."""
    chance = random.Random(seed)
    rest = iter(lines)
    sent = {"accepted": 0, "set_aside": 0}
    async with serving(data) as clinic:
        while batch := list(islice(rest, chance.choice([1, 2, 7, 60, 400, 3000]))):
            answer = await clinic.http.post(
                "/v1/observations",
                content="\n".join(batch).encode(),
                headers={"content-type": "application/x-ndjson"},
            )
            assert answer.status_code in (200, 422)
            document = answer.json()
            sent["accepted"] += document["accepted"]
            sent["set_aside"] += document.get("set_aside_in_all", len(document["set_aside"]))
        return await clinic.transitions(), sent


# ---- exactness -------------------------------------------------------------------------------------------------------


def as_sent(files: Sequence[Path], rename: Mapping[str, str]) -> Iterator[str]:
    """The samples of some recordings, merged, as their senders would have posted them."""
    for frame in recorded_frames(files, rename):
        assert not frame.events
        for origin, at_us, row in zip(frame.origin, frame.at_us.tolist(), frame.values.tolist(), strict=True):
            read = {name: value for name, value in zip(CHANNEL_NAMES, row, strict=True) if not isnan(value)}
            at_sent = to_datetime(at_us).isoformat()
            yield json.dumps({"kind": "vitals", "at": at_sent, "patient": frame.origins[origin].patient, **read})


async def test_recorded_sedations_give_the_same_transitions_twice_and_over_http(tmp_path: Path) -> None:
    files = recorded("hfno_sedation", "P*.csv.gz")[:6]
    command = ["replay", *files, "--rename", "pulse_rate=pulse,tcco2_mmhg=tcco2"]
    first, second = chairside(*command), chairside(*command)
    assert first.returncode == 0
    assert first.stdout == second.stdout
    assert len(first.stdout.splitlines()) > 20

    lines = list(as_sent(files, RENAME))
    transitions, _ = await over_http(tmp_path, lines, seed=7)
    assert without_cause(transitions) == without_cause(map(json.loads, first.stdout.splitlines()))


async def test_recorded_intensive_care_gives_the_same_transitions_over_http(tmp_path: Path) -> None:
    files = recorded("bidmc", "*.csv*")[:9]
    lines = list(as_sent(files, {"resp": "rr"}))
    transitions, _ = await over_http(tmp_path, lines, seed=8)
    assert without_cause(transitions) == without_cause(replayed(*files, "--rename", "resp=rr"))


async def test_a_clinics_day_with_bad_and_repeated_lines_gives_the_same_transitions_over_http(tmp_path: Path) -> None:
    lines = invented(sessions=6, hours=2.5, seed=3)
    path = written(tmp_path / "day.ndjson", lines)
    transitions, sent = await over_http(tmp_path / "data", lines, seed=9)
    assert {"session.started", "checkin", "dose"} <= set(re.findall(r'"kind": "([a-z.]+)"', "".join(lines)))
    assert len(transitions) > 10
    assert sent["set_aside"] > 10
    assert sent["accepted"] + sent["set_aside"] == len(lines)
    assert without_cause(transitions) == without_cause(replayed(path))


# ---- accounting ------------------------------------------------------------------------------------------------------


def test_every_line_is_either_processed_or_set_aside_with_its_reason(tmp_path: Path) -> None:
    path = written(tmp_path / "day.ndjson", invented(sessions=3, hours=1.5, seed=5))
    run = Replay()
    for _ in run.run(recorded_frames([path], {})):
        pass
    counts = run.summary.counts
    assert run.summary.lines == len(path.read_text().splitlines())
    assert run.summary.lines == counts["samples"] + counts["events"] + counts["set aside"]
    assert sum(run.summary.set_aside.values()) > 5


def table_of(stderr: str) -> list[list[str]]:
    """The summary's rows, cell by cell."""
    rows = [re.split(r"\s*│\s*", line.strip("│ ")) for line in stderr.splitlines() if "│" in line]
    return [[cell.strip() for cell in row] for row in rows]


def test_the_summary_tells_hours_alerts_per_hour_and_what_was_set_aside(tmp_path: Path) -> None:
    lines: list[Document | str] = [
        *falling(seconds=1800),
        "nonsense",
        "nonsense",
        '{"kind": "weather", "at": "2026-11-23T14:00:00Z"}',
    ]
    done = invoked("replay", written(tmp_path / "a.ndjson", lines), "--summary", "--alerts", tmp_path / "out.ndjson")
    assert done.status == 0
    assert done.stdout == ""
    assert rules(map(json.loads, (tmp_path / "out.ndjson").read_text().splitlines())) == [("desaturation", "raised")]
    said = done.stderr
    assert "0.50 hours watched, 1,800 observations" in said
    rows = table_of(done.stderr)
    assert ["desaturation", "medium", "1", "2.001"] in rows
    assert ["all", "medium", "1", "2.001"] in rows
    assert "3 lines set aside" in said
    (unknown,) = [row for row in rows if row[1:2] == ["kind: unknown kind"]]
    assert unknown[0] == "1"
    assert unknown[2].startswith('{"kind": "weather"')
    assert any(row[0] == "2" and "JSON" in row[1] and row[2] == "nonsense" for row in rows)


def test_lines_that_are_bad_for_one_reason_are_one_row_of_the_summary(tmp_path: Path) -> None:
    """Where in a line it went wrong, and what stood there, is the example's to show."""
    lines: list[Document | str] = [*falling()]
    lines += ['{"kind": "vitals", "at": ' + "1" * length for length in range(1, 9)]
    lines += [json.dumps({**sample(1, patient="P-1"), "spo2": f"{value}"}) for value in range(90, 97)]
    lines += [json.dumps({**sample(1, patient="P-1"), "at": f"2026-11-{day}"}) for day in range(10, 15)]
    done = invoked("replay", written(tmp_path / "a.ndjson", lines), "--summary", "--alerts", tmp_path / "out.ndjson")
    assert "20 lines set aside" in done.stderr
    counts = sorted(int(row[0]) for row in table_of(done.stderr) if row[0].isdigit() and len(row) == 3)
    assert counts == [5, 7, 8]


def test_without_a_summary_bad_lines_are_still_counted_aloud(tmp_path: Path) -> None:
    done = invoked("replay", written(tmp_path / "a.ndjson", [*falling(), "nonsense"]))
    assert done.status == 0
    assert done.stderr == "1 of 61 lines set aside: try --summary\n"


def test_when_nothing_could_be_used_the_exit_status_says_so(tmp_path: Path) -> None:
    done = invoked("replay", written(tmp_path / "a.ndjson", ["nonsense", "{}"]))
    assert done.status == 1
    assert done.stderr.splitlines()[-1].startswith("chairside: no line could be used: Invalid JSON: expected ident")
    assert invoked("replay", written(tmp_path / "empty.ndjson", [])).status == 1


def test_a_line_that_was_set_aside_and_of_which_somebody_was_told_was_of_use(tmp_path: Path) -> None:
    form = {"kind": "checkin", "at": at(0), "patient": "olive", "instrument": "madrs", "items": [2, None, *[2] * 7, 6]}
    done = invoked("replay", written(tmp_path / "a.ndjson", [form]), "--summary")
    assert (done.status, "1 lines set aside" in done.stderr) == (0, True)
    assert [json.loads(line)["rule"] for line in done.stdout.splitlines()] == ["suicidal-ideation"]


BESIDE = {
    "empty.csv": b"",
    "header.csv": b"when,spo2\n1,97\n",
    "array.json": b"[]",
    "sheet.xlsx": b"PK\x03\x04" + b"\x00" * 50,
    "cut.csv.gz": gzip.compress(b"at,spo2\n")[:5],
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_file_that_cannot_be_read_does_not_cost_those_beside_it_and_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BESIDE[name])
    good = written(tmp_path / "good.ndjson", falling())
    alone = invoked("replay", good)
    for files in ([tmp_path / name, good], [good, tmp_path / name]):
        done = invoked("replay", *files)
        assert (done.status, done.stdout) == (0, alone.stdout)
        assert name in done.stderr
        assert "left out: " in done.stderr
    assert invoked("replay", tmp_path / name, tmp_path / name).status == 1
    assert invoked("replay", tmp_path / "missing.csv", good).status == 1


# ---- files -----------------------------------------------------------------------------------------------------------


def csv_of(lines: Iterable[Document], *columns: str) -> str:
    return "\n".join([",".join(columns), *(",".join(str(line.get(c, "")) for c in columns) for line in lines)]) + "\n"


@pytest.mark.parametrize("packed", [False, True])
def test_csv_and_ndjson_plain_and_packed_mean_the_same(tmp_path: Path, packed: bool) -> None:
    ending = ".gz" if packed else ""
    lines = falling("P-7")
    table = csv_of(lines, "at", "spo2", "pulse").encode()
    by_name = tmp_path / f"P-7.csv{ending}"
    by_name.write_bytes(gzip.compress(table) if packed else table)
    expected = replayed(written(tmp_path / f"lines.ndjson{ending}", lines))
    assert rules(expected) == [("desaturation", "raised")]
    assert replayed(by_name) == expected


def test_a_file_that_windows_marked_means_the_same(tmp_path: Path) -> None:
    lines = falling("P-7")
    expected = replayed(written(tmp_path / "lines.ndjson", lines))
    for name in ("lines.ndjson", "P-7.csv"):
        marked = tmp_path / "marked" / name
        marked.parent.mkdir(exist_ok=True)
        text = csv_of(lines, "at", "spo2", "pulse") if name.endswith("csv") else (tmp_path / name).read_text()
        marked.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
        assert replayed(marked) == expected


def test_a_csv_may_name_its_patients_and_count_seconds(tmp_path: Path) -> None:
    lines = [{**line, "t_s": second, "patient": "P-8"} for second, line in enumerate(falling())]
    path = tmp_path / "ward.csv"
    path.write_text(csv_of(lines, "t_s", "patient", "spo2", "room"))
    (raised,) = replayed(path)
    assert (raised["patient"], raised["onset_at"], raised["at"]) == (
        "P-8",
        "1970-01-01T00:00:08.000Z",
        "1970-01-01T00:00:23.000Z",
    )


def test_columns_are_renamed_one_by_one_or_all_at_once(tmp_path: Path) -> None:
    lines = [{"at": line["at"], "oxygen": line["spo2"], "beats": line["pulse"], "resp": 3} for line in falling()]
    path = tmp_path / "P-1.csv"
    path.write_text(csv_of(lines, "at", "oxygen", "beats", "resp"))
    expected = [("apnoea", "raised"), ("bradypnoea", "raised"), ("desaturation", "raised")]
    repeated = replayed(path, "--rename", "oxygen=spo2", "--rename", "resp=rr", "--rename", "beats=pulse")
    assert sorted(rules(repeated)) == expected
    assert replayed(path, "--rename", "oxygen=spo2,resp=rr,beats=pulse") == repeated
    assert said_once(invoked("replay", path, "--rename", "oxygen")) == (
        "chairside: --rename oxygen: write COLUMN=NAME, for example resp_rate=rr; the names are "
        "at, dbp, etco2, hr, map, patient, pulse, rr, sbp, spo2, t_s, tcco2, temp"
    )


def test_bad_rows_of_a_csv_are_set_aside_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "P-1.csv"
    rows = csv_of(falling(), "at", "spo2").splitlines()
    bad = ["yesterday,97", f"{at(5)},much", f"{at(6)}", f"{at(7)},nan", "2026-11-23T14:00:00,97"]
    path.write_text("\n".join([*rows[:9], *bad, *rows[9:]]) + "\n")
    done = invoked("replay", path, "--summary")
    assert done.status == 0
    assert rules(map(json.loads, done.stdout.splitlines())) == [("desaturation", "raised")]
    # A cell that is no number costs itself, as a gap does.
    assert "62 observations" in done.stderr
    assert "3 lines set aside" in done.stderr
    assert "spo2: 1 cell is no number, such as 'much'" in done.stderr


def test_several_files_are_merged_by_the_time_at_which_their_lines_became_known(tmp_path: Path) -> None:
    one = written(tmp_path / "one.ndjson", falling("P-1"))
    other = written(tmp_path / "other.ndjson", falling("P-2", start_s=10))
    # A line whose file says that it came later is placed later, whatever it is about.
    late = written(tmp_path / "late.ndjson", [sample(2, patient="P-3", spo2=97, received_at=at(40))])
    seen = [
        (str(frame.origins[origin].patient), to_datetime(at_us).isoformat())
        for frame in recorded_frames([other, late, one], {})
        for origin, at_us in zip(frame.origin, frame.at_us.tolist(), strict=True)
    ]
    assert [patient for patient, _ in seen].index("P-3") == next(
        n for n, (patient, when) in enumerate(seen) if "14:00:40" in when or "14:00:41" in when
    ) + 1
    assert [one["patient"] for one in replayed(other, one)] == ["P-1", "P-2"]
    assert without_cause(replayed(one, other)) == without_cause(replayed(other, one))


def test_limits_from_a_file_are_in_force_from_the_first_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson", [*falling(), *recovering()])
    (tmp_path / "off.toml").write_text("[limits.desaturation.medium]\nspo2 = { enabled = false, reason = 'test' }\n")
    (tmp_path / "site.toml").write_text("[limits.desaturation.medium]\nspo2 = { enter = 88, leave = 89 }\n")
    assert ("desaturation", "raised") in rules(replayed(path))
    assert replayed(path, "--limits", tmp_path / "off.toml") == []
    (raised, *_) = replayed(path, "--limits", tmp_path / "site.toml")
    assert raised["evidence"]["limit"] == 88


def test_a_recording_can_come_through_a_pipe() -> None:
    done = chairside("replay", "/dev/stdin", "--summary", given=ndjson(falling()))
    assert done.returncode == 0, done.stderr.decode()
    assert rules(map(json.loads, done.stdout.splitlines())) == [("desaturation", "raised")]


def test_a_file_that_was_cut_short_is_replayed_as_far_as_it_goes_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "P-1.csv.gz"
    path.write_bytes(gzip.compress(csv_of(falling(seconds=3000), "at", "spo2").encode())[:-2000])
    done = invoked("replay", path)
    assert done.status == 0
    assert rules(map(json.loads, done.stdout.splitlines())) == [("desaturation", "raised")]
    assert (
        done.stderr
        == f"{path}: truncated or damaged: its packed data breaks off; the whole lines before that are used\n"
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.ndjson", None, "No such file"),
        ("P-1.csv", b"", "no column `at` or `t_s` among nothing"),
        ("P-1.csv", b"when,spo2\n1,97\n", "no column `at` or `t_s` among when, spo2"),
        ("P-1.csv", b"t_s,oxygen\n1,97\n", "map one with --rename COLUMN=CHANNEL"),
        ("P-1.csv.gz", gzip.compress(b"t_s,spo2\n1,97\n")[:12], "P-1.csv.gz: "),
        ("P-1.ndjson", b"\x1f\x8bnot really", "P-1.ndjson: "),
    ],
    ids=["missing", "empty", "no time", "no channel", "cut short", "not packed"],
)
def test_a_file_that_is_no_recording_is_named_with_the_reason(
    tmp_path: Path, name: str, content: Any, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert said in said_once(invoked("replay", path))
