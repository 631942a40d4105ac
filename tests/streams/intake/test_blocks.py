"""Recordings are read in blocks as they are read line by line, and put together by time as one line after the other would be."""

from __future__ import annotations

import gzip
import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.instants import NEVER, to_us
from models.wire.observations import SetAside
from streams.intake.csv_file import (
    columns,
)
from streams.intake.csv_header import layout_of
from streams.intake.files import Line, read_file, recorded_frames
from streams.journal.frame import FrameBuilder, decode, frame_of
from tests.support.recordings import in_order
from tests.support.service import at, ndjson, sample

RENAME = {"pulse_rate": "pulse"}


def one_by_one(paths: Sequence[Path]) -> list[Any]:
    """The same from the records of the files, merged one line after the other."""

    def placed(path: Path, order: int) -> Iterator[tuple[int, int, Line]]:
        known_us = NEVER
        for line in read_file(path, RENAME):
            if not isinstance(line, SetAside):
                known_us = max(known_us, to_us(line.received_at or line.at))
            yield known_us, order, line

    files = [placed(path, order) for order, path in enumerate(paths)]
    return in_order([frame_of(line for _, _, line in heapq.merge(*files, key=lambda each: each[:2]))])


numbers = st.sampled_from(["", "", "97", "96.5", "12", "-0", "40", " 97", "9_7", "1e308", "1e400", "nan", "inf", "much", "\u0663", '"97"', '"9', "97,98"])  # fmt: skip
seconds = st.sampled_from(["0", "1", "1.5", "2.0000005", "3", "3", "1e9", "7258118399", "7258118400", "-2208988800", "-2208988801", "1e20", "-1e300", "nan", "inf", "x", ""])  # fmt: skip
times = st.sampled_from(["2026-11-23T14:00:00Z", "2026-11-23T14:00:01.5+01:00", "2026-11-23T14:00:02Z", "2026-11-23 14:00:00Z", "2026-11-23T14:00:00", "1899-12-31T00:00:00Z", "yesterday", ""])  # fmt: skip
patients = st.sampled_from(["P-1", "P-1", "P-2", "", "x" * 201, "ä", '"P, 3"', '"P\n4"', "P\x7f"])
plain_numbers = st.sampled_from(["", "97", "96.5", "12", "-0"])
ends = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", "\r", "\r\n\r\n"])


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A CSV file: some rows plain, some not."""
    kind = draw(st.sampled_from(["t_s", "at", "t_s", "at"]))
    header = draw(st.sampled_from([[kind, "spo2"], [kind, "spo2", "pulse_rate"], ["room", kind, "patient", "hr", "spo2"]]))  # fmt: skip
    odd = draw(st.integers(0, 3))
    field = {
        "t_s": seconds if odd == 1 else st.integers(0, 90).map(str),
        "at": times if odd == 1 else st.sampled_from(["2026-11-23T14:00:00Z", "2026-11-23T15:00:00.25+01:00"]),
        "patient": patients if odd == 2 else st.sampled_from(["P-1", "P-2"]),
        "room": st.just("") | st.text(max_size=3) if odd == 2 else st.just("7"),
    }
    readings = numbers if odd == 3 else plain_numbers
    one_end = st.just(draw(ends)) if draw(st.booleans()) else ends
    text = ",".join(header) + draw(one_end)
    for _ in range(draw(st.integers(0, 12))):
        row = [draw(field.get(name, readings)) for name in header]
        if odd and not draw(st.integers(0, 9)):
            row = draw(st.sampled_from([row[:-1], [*row, ""], [*row, "1", "2"], [""], [" "]]))
        text += ",".join(row) + draw(one_end)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + text.encode("utf-8", "surrogatepass")


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """An NDJSON file."""
    made: list[Any] = []
    for _ in range(draw(st.integers(0, 10))):
        second = draw(st.integers(0, 30))
        more = {"received_at": at(draw(st.integers(0, 60)))} if not draw(st.integers(0, 3)) else {}
        kind = draw(st.sampled_from(["vitals", "vitals", "vitals", "entered", "event", "bad", "empty"]))
        who = draw(st.sampled_from(["P-1", "P-2"]))
        match kind:
            case "vitals":
                made.append(sample(second, patient=who, spo2=97, **more))
            case "entered":
                made.append(
                    sample(second, patient=who, sbp=120, by="rn-1", id=f"cuff-{second}", status={"hr": "off"}, **more)
                )
            case "event":
                made.append({"kind": "intervention", "at": at(second), "patient": who, "what": "oxygen", **more})
            case "bad":
                made.append({"kind": "vitals", "at": "now", "patient": who})
            case _:
                made.append(None)
    text = b"".join(b"\n" if each is None else ndjson([each]) for each in made)
    return text if draw(st.booleans()) else text.rstrip(b"\n")


def check(folder: Path, contents: Sequence[tuple[str, bytes]], block: int, at_once: int) -> None:
    paths = []
    for number, (ending, content) in enumerate(contents):
        paths.append(folder / f"P-{number}.{ending}")
        paths[-1].write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.intake.whole_lines.BLOCK_BYTES", block)
        patch.setattr("streams.intake.blocks.LINES_AT_ONCE", at_once)
        patch.setattr("streams.intake.files.LINES_AT_ONCE", at_once)
        assert in_order(recorded_frames(paths, RENAME, arrange=False)) == one_by_one(paths)


files = st.one_of(
    st.tuples(st.sampled_from(["csv", "csv.gz"]), tables()),
    st.tuples(st.sampled_from(["ndjson", "ndjson.gz"]), lines()),
)


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(files, min_size=1, max_size=4), st.sampled_from([1, 20, 90, 400, 4000]), st.integers(1, 9))
@example([("csv", b't_s,spo2,note\n0,97,"a\n1,96,b"\n2,95,c\n')], 8, 3)
@example([("csv", b"t_s,spo2\r\n0,97\r\n\r\n1,96\r\n")], 7, 3)
@example([("csv", b"t_s,spo2\r0,97\r1,96")], 7, 3)
@example([("csv", b't_s,"spo2"\n0,97\n1,96\n')], 7, 3)
def test_blocks_are_what_single_lines_are(
    tmp_path: Path, contents: list[tuple[str, bytes]], block: int, at_once: int
) -> None:
    check(tmp_path, contents, block, at_once)


def test_plain_rows_are_read_as_columns() -> None:
    """Else reading them in blocks would be right and useless."""
    layout = layout_of(["t_s", "spo2", "pulse_rate"], ",", "P-1", RENAME)
    read = columns(b"0,97,\n1,,64.5\n2,,\n", layout)
    assert read is not None
    assert read.at_us.tolist() == [0, 1_000_000, 2_000_000]
    assert {origin.patient for origin in read.origins} == {"P-1"}
    assert np.count_nonzero(~np.isnan(read.values)) == 2


@pytest.mark.parametrize("row", [b"0,97,64,1", b"0,97", b"0,inf,64", b"0,9_7,64", b"0,much,64", b'0,"97",64', b"x,97,64", b"7258118400,97,64", "0,97,٦".encode()])  # fmt: skip
def test_a_row_that_is_not_plain_is_left_to_the_model_with_those_around_it(row: bytes) -> None:
    layout = layout_of(["t_s", "spo2", "pulse_rate"], ",", "P-1", RENAME)
    assert columns(b"1,97,64\n" + row + b"\n2,97,64\n", layout) is None


def test_arrays_are_of_one_kind_wherever_they_come_from(tmp_path: Path) -> None:
    """The ward's compiled loop is compiled for these kinds; of another one it would compile once more, for half a minute."""
    table, day = tmp_path / "P-1.csv", tmp_path / "day.ndjson"
    table.write_text("t_s,spo2\n0,97\n5,96\n")
    day.write_bytes(ndjson([sample(1, patient="P-2", spo2=97, id="x"), sample(2, patient="P-2", spo2=97, id="y")]))
    builder = FrameBuilder()
    builder.extend(read_file(day, {}))
    payload = builder.seal()
    sources = [decode(payload), frame_of(read_file(day, {})), frame_of([]), *recorded_frames([table], {}), *recorded_frames([day], {}), *recorded_frames([table, day], {})]  # fmt: skip
    for frame in sources:
        arrays: list[Any] = [frame.origin, frame.at_us, frame.values, frame.status]
        arrays += [] if frame.keys is None else [frame.keys]
        assert [array.dtype for array in arrays][:4] == [np.int64, np.int64, np.float64, np.uint8]
        assert frame.keys is None or frame.keys.dtype == np.uint64
        for array in arrays:
            assert (array.flags.c_contiguous, array.flags.writeable, array.flags.aligned) == (True, True, True)
