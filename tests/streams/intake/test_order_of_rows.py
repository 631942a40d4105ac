"""Rows of a recorded file are brought into order, and none is lost or doubled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.wire.observations import SetAside
from streams.intake.files import recorded_frames
from tests.support.recordings import asides, in_order, replayed_as, spo2, table
from tests.support.service import at, ndjson, sample


def rows_by_second(seconds: Sequence[int], name: str = "fern") -> bytes:
    return ndjson(sample(second, patient=name, spo2=50 + second % 50) for second in seconds)


@pytest.mark.parametrize("block", [40, 300, 100_000])
def test_a_file_that_is_newest_first_is_read_from_its_end(tmp_path: Path, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.intake.whole_lines.BLOCK_BYTES", block)
        forwards, nothing = replayed_as(tmp_path, ("fern.ndjson", rows_by_second(range(40))))
        backwards, remarks = replayed_as(tmp_path, ("fern.ndjson", rows_by_second(range(39, -1, -1))))

    assert backwards == forwards
    assert (nothing, remarks) == (
        [],
        ["fern.ndjson: newest first: its 40 rows are read from its end, in order of time"],
    )


def test_rows_that_came_late_and_people_one_after_the_other_are_sorted(tmp_path: Path) -> None:
    expected, _ = replayed_as(
        tmp_path, ("fern.csv", table(*(f"{second},97" for second in range(9)), header="t_s,spo2"))
    )
    late, remarks = replayed_as(
        tmp_path, ("fern.csv", table(*(f"{second},97" for second in (0, 1, 2, 5, 6, 3, 4, 7, 8)), header="t_s,spo2"))
    )
    assert late == expected
    assert remarks == ["fern.csv: 2 of 9 rows are earlier than a row above them: all are sorted by time"]

    both = table(*(f"{second},{name},97" for name in ("a", "b") for second in range(5)), header="t_s,patient,spo2")
    read, remarks = replayed_as(tmp_path, ("both.csv", both))
    assert [each[0].patient for each in read] == ["a", "b"] * 5
    assert len(remarks) == 1


def test_a_clock_that_goes_back_stays_in_the_order_of_arrival_and_is_counted(tmp_path: Path) -> None:
    seconds = [*range(60), *range(30, 50)]
    read, remarks = replayed_as(tmp_path, ("fern.ndjson", rows_by_second(seconds)))

    assert spo2(read) == [50 + second % 50 for second in seconds]
    assert remarks == ["fern.ndjson: 20 of 80 rows go back in time: they are taken in the order in which they stand"]


def test_what_says_when_it_arrived_is_never_arranged(tmp_path: Path) -> None:
    content = ndjson(
        sample(second, patient="fern", spo2=97, received_at=at(100 + n)) for n, second in enumerate(range(20, 0, -1))
    )
    read, remarks = replayed_as(tmp_path, ("fern.ndjson", content))

    assert [each[1] for each in read] == sorted((each[1] for each in read), reverse=True)
    assert remarks == []


@pytest.mark.parametrize("place", [0, 1, 20, 39, 40])
@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_a_row_of_2161_is_set_aside_and_the_others_are_as_if_it_had_not_been_there(
    tmp_path: Path, place: int, kind: str
) -> None:
    lines = [f'{{"kind":"vitals","at":"{at(n)}","patient":"fern","spo2":{50 + n}}}' for n in range(40)]
    far = '{"kind":"vitals","at":"2161-07-12T02:24:18.577Z","patient":"fern","spo2":97}'
    header: list[str] = []
    if kind == "csv":
        lines, far, header = [f"{at(n)},{50 + n}" for n in range(40)], "2161-07-12T02:24:18.577Z,97", ["at,spo2"]
    whole, _ = replayed_as(tmp_path, (f"fern.{kind}", "\n".join([*header, *lines, ""]).encode()))
    lines[place:place] = [far]
    read, remarks = replayed_as(tmp_path, (f"fern.{kind}", "\n".join([*header, *lines, ""]).encode()))

    assert [each for each in read if not isinstance(each, SetAside)] == whole
    assert asides(read) == [("at", "far from the times of the rows around it")]
    assert "2161" in next(each.line for each in read if isinstance(each, SetAside))
    assert len(remarks) == 1


def test_a_dose_that_stands_before_its_session_is_late_and_stays(tmp_path: Path) -> None:
    lines = [
        {"kind": "dose", "at": at(120), "patient": "fern", "session": "s1", "drug": "ketamine"},
        {"kind": "session.started", "at": at(0), "patient": "fern", "session": "s1"},
        sample(121, patient="fern", spo2=97),
    ]
    read, remarks = replayed_as(tmp_path, ("fern.ndjson", ndjson(lines)))

    assert [each.kind for each in read if not isinstance(each, tuple)] == ["dose", "session.started"]
    assert remarks == ["fern.ndjson: late entries: 1, which are taken where they stand"]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["a", "b"]), st.booleans()), max_size=25),
    st.sampled_from([30, 200, 10_000]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_row_is_lost_or_doubled_however_they_stand(
    tmp_path: Path, rows: list[tuple[int, str, bool]], block: int
) -> None:
    made = [
        sample(second, patient=name, spo2=50 + n)
        if is_sample
        else {"kind": "intervention", "at": at(second), "patient": name, "what": f"w{n}"}
        for n, (second, name, is_sample) in enumerate(rows)
    ]
    path = tmp_path / "day.ndjson"
    path.write_bytes(ndjson(made))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.intake.whole_lines.BLOCK_BYTES", block)
        arranged = in_order(recorded_frames([path], {}))
        standing = in_order(recorded_frames([path], {}, arrange=False))
    assert sorted(map(repr, arranged)) == sorted(map(repr, standing))
