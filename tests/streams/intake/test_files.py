"""Recordings are read in blocks as they are read line by line, and put together by time as one line after the other would be."""

from __future__ import annotations

import gzip
import heapq
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.instants import NEVER, SECOND, to_us
from models.tables.channels import CHANNEL_NAMES
from models.wire.observations import SetAside
from streams.intake.csv_file import (
    FEWER,
    MORE,
    NO_OFFSET,
    NO_SECONDS,
    NO_TIME,
    NUMBER,
    TOO_FAR,
    UNCLOSED,
    columns,
)
from streams.intake.csv_header import layout_of
from streams.intake.files import Line, read_file, recorded_frames
from streams.intake.json import NOBODY
from streams.intake.whole_lines import BLOCK_BYTES, LONGEST_LINE, UnreadableFile
from streams.journal.frame import Frame, FrameBuilder, decode, frame_of
from tests.support.service import START_US, at, ndjson, sample

RENAME = {"pulse_rate": "pulse"}


def in_order(read: Iterable[Frame]) -> list[Any]:
    """What frames hold, sample by sample and event by event, whatever their boundaries."""
    found: list[Any] = []
    for frame in read:
        events = list(frame.events)
        for n in range(len(frame.at_us)):
            while events and events[0][0] <= n:
                found.append(events.pop(0)[1])
            key = 0 if frame.keys is None else int(frame.keys[n])
            origin = frame.origins[frame.origin[n]]
            found.append((origin, int(frame.at_us[n]), frame.values[n].tobytes(), frame.status[n].tobytes(), key, frame.authors.get(n)))  # fmt: skip
        found += [event for _, event in events]
    return found


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


# ---- files of every kind

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


# ---- what is odd about a file


def replayed_as(
    folder: Path, *contents: tuple[str, bytes], rename: dict[str, str] | None = None
) -> tuple[list[Any], list[str]]:
    """What files hold, in the order in which a replay has it, and what is remarked of them."""
    remarks: list[str] = []
    paths = []
    for name, content in contents:
        paths.append(folder / name)
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_bytes(content)
    read = in_order(
        recorded_frames(paths, rename or {}, None, lambda path, what: remarks.append(f"{path.name}: {what}"))
    )
    return read, remarks


def table(*lines: str, header: str = "at,spo2,hr", end: str = "\n") -> bytes:
    return end.join([header, *lines, ""]).encode()


def spo2(read: Sequence[Any]) -> list[float]:
    """SpO2 of every sample, in order; NaN where there is none."""
    place = CHANNEL_NAMES.index("spo2")
    return [float(np.frombuffer(each[2])[place]) for each in read if isinstance(each, tuple)]


def asides(read: Sequence[Any]) -> list[tuple[str, str]]:
    return [(each.field, each.reason) for each in read if isinstance(each, SetAside)]


@pytest.mark.parametrize("left", [0.2, 0.5, 0.9, 0.999])
def test_what_a_broken_file_holds_before_it_breaks_is_read(tmp_path: Path, left: float) -> None:
    content = ndjson(sample(second, patient="P-1", spo2=90 + second % 7) for second in range(20_000))
    packed = gzip.compress(content)

    read, remarks = replayed_as(tmp_path, ("day.ndjson.gz", packed[: round(len(packed) * left)]))

    assert 0.1 * left * 20_000 < len(spo2(read)) < 20_000
    assert asides(read) == [], "the line in which it breaks off is none"
    assert remarks == [
        "day.ndjson.gz: truncated or damaged: its packed data breaks off; the whole lines before that are used"
    ]


def test_a_file_of_which_nothing_can_be_read_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"day\.ndjson\.gz"):
        replayed_as(tmp_path, ("day.ndjson.gz", gzip.compress(b"{}")[:9]))


@pytest.mark.parametrize(
    "gap", ["", "-", "--", "—", "NA", "n/a", "N/A", "nan", "NaN", "null", "NULL", "None", " ", "?", ".", "*", "#N/A", "missing", "no reading"]
)  # fmt: skip
def test_a_gap_costs_its_cell_and_nothing_else(tmp_path: Path, gap: str) -> None:
    read, remarks = replayed_as(tmp_path, ("rowan.csv", table(f"{at(0)},97,{gap}", f"{at(1)},{gap},72")))

    assert spo2(read)[0] == 97
    assert np.isnan(spo2(read)[1])
    assert (asides(read), remarks) == ([], [])


def test_a_cell_that_is_no_number_costs_itself_and_is_counted(tmp_path: Path) -> None:
    read, remarks = replayed_as(
        tmp_path, ("rowan.csv", table(f"{at(0)},97,err", f"{at(1)},96,9_7", f"{at(2)},95,inf", f"{at(3)},low,72"))
    )

    assert spo2(read)[:3] == [97, 96, 95]
    assert asides(read) == []
    assert remarks == [
        "rowan.csv: hr: 3 cells are no numbers, such as 'err': no reading there, the rest of the row is used",
        "rowan.csv: spo2: 1 cell is no number, such as 'low': no reading there, the rest of the row is used",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("stray", ['"{0},97,72', '{0},"97,72', '{0},97,"72', '{0},97,72,"note'])
def test_a_quote_that_is_never_closed_costs_its_own_line(tmp_path: Path, stray: str, end: str) -> None:
    lines = [f"{at(second)},97,72" for second in range(60)]
    lines[10] = stray.format(at(10))

    read, _ = replayed_as(tmp_path, ("rowan.csv", table(*lines, end=end)))

    assert len(spo2(read)) + len(asides(read)) == 60
    assert asides(read) in ([], [("", "a quote is never closed")])


def test_two_stray_quotes_do_not_swallow_what_is_between_them(tmp_path: Path) -> None:
    lines = [f"{at(second)},97,72" for second in range(30)]
    lines[5], lines[12] = f'{at(5)},97,"72', f'{at(12)},97,"72'
    lines[20], lines[22] = f'"{at(20)},97,72', f'{at(22)},97,72"'

    read, _ = replayed_as(tmp_path, ("rowan.csv", table(*lines)))

    assert len(spo2(read)) + len(asides(read)) == 30
    assert len(asides(read)) <= 4


def test_text_that_is_quoted_may_have_commas_quotes_and_ends_of_lines(tmp_path: Path) -> None:
    lines = [f'{at(0)},97,"a, b"', f'{at(1)},96,"she said ""well"""', f'{at(2)},95,"two\nlines"', f"{at(3)},94,c"]
    read, remarks = replayed_as(tmp_path, ("rowan.csv", table(*lines, header="at,spo2,note")))

    assert spo2(read) == [97, 96, 95, 94]
    assert (asides(read), remarks) == ([], ["rowan.csv: not read: note"])


@pytest.mark.parametrize(("apart", "point"), [(";", ","), (";", "."), ("\t", ","), ("\t", "."), (",", ".")])
def test_semicolons_tabs_and_decimal_commas_are_read(tmp_path: Path, apart: str, point: str) -> None:
    header = apart.join(["t_s", "SpO2", "HR"])
    read, remarks = replayed_as(
        tmp_path,
        ("rowan.csv", table(apart.join(["0", f"96{point}5", "72"]), apart.join(["1", "", "NA"]), header=header)),
    )

    assert spo2(read)[0] == 96.5
    assert (asides(read), remarks) == ([], [])


def test_a_decimal_comma_among_commas_is_no_number(tmp_path: Path) -> None:
    read, remarks = replayed_as(tmp_path, ("rowan.csv", table(f'{at(0)},"96,5",72')))

    assert np.isnan(spo2(read)[0])
    assert len(remarks) == 1


@pytest.mark.parametrize("name", ["UPPER.CSV", "upper.csv", "Upper.Csv", "upper.CSV.gz", "UPPER.CSV.GZ", "upper.TSV"])
def test_endings_have_no_case(tmp_path: Path, name: str) -> None:
    content = table("0,97", header="t_s,spo2")
    read, _ = replayed_as(tmp_path, (name, gzip.compress(content) if name.lower().endswith("gz") else content))

    assert [each[0].patient for each in read] == [name.split(".", maxsplit=1)[0]]


@pytest.mark.parametrize("name", ["day.NDJSON", "day.NDJSON.GZ", "day.jsonl", "day"])
def test_whatever_is_no_table_is_a_line_an_observation(tmp_path: Path, name: str) -> None:
    content = ndjson([sample(0, patient="P-1", spo2=97)])
    read, _ = replayed_as(tmp_path, (name, gzip.compress(content) if name.endswith("GZ") else content))

    assert spo2(read) == [97]


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (["visit.1.csv", "visit.2.csv"], ["visit.1", "visit.2"]),
        (["visit.csv", "visit.csv.gz"], ["visit.csv", "visit.csv.gz"]),
        (["a/rec.csv", "b/rec.csv", "c.csv"], ["a/rec", "b/rec", "c"]),
        (["a/1/rec.csv", "b/1/rec.csv", "b/2/rec.csv"], ["a/1/rec", "b/1/rec", "2/rec"]),
        (["rec.csv", "rec.tsv", "rec.txt"], ["rec.csv", "rec.tsv", "rec.txt"]),
        (["rec.csv", "REC.csv"], ["rec", "REC"]),
        (["rec.csv", "rec.csv.csv", "rec.tsv"], ["rec.csv#1", "rec.csv#2", "rec.tsv"]),
        (["P.CSV.GZ", "P.1.Csv"], ["P", "P.1"]),
        (["no ending", "two words.csv"], ["no ending", "two words"]),
    ],
)  # fmt: skip
def test_two_files_never_become_one_patient(tmp_path: Path, names: list[str], people: list[str]) -> None:
    content = table("0,97", header="t_s,spo2")
    files = [(name, gzip.compress(content) if name.lower().endswith(".gz") else content) for name in names]

    read, remarks = replayed_as(tmp_path, *files)

    assert [each[0].patient for each in read] == people
    alike = [
        person
        for name, person in zip(names, people, strict=True)
        if person != re.sub(r"(?i)\.(csv|tsv|txt)(\.gz)?$", "", Path(name).name)
    ]
    assert [remark.partition("called ")[2] for remark in remarks] == alike


def test_one_file_given_twice_is_two_people(tmp_path: Path) -> None:
    path = tmp_path / "rec.csv"
    path.write_bytes(table("0,97", header="t_s,spo2"))

    assert [each[0].patient for each in in_order(recorded_frames([path, path], {}))] == ["rec#1", "rec#2"]


def test_who_is_named_in_a_column_is_the_same_person_in_every_file(tmp_path: Path) -> None:
    content = table("0,rowan,97", header="t_s,patient,spo2")
    read, remarks = replayed_as(tmp_path, ("a/rec.csv", content), ("b/rec.csv", content))

    assert [each[0].patient for each in read] == ["rowan", "rowan"]
    assert remarks == []


@pytest.mark.parametrize("name", ["rowan.csv", "rowan.txt", "rowan", "rowan.dat", "rowan.ndjson", "rowan.TXT.gz"])
def test_what_a_file_is_its_content_says(tmp_path: Path, name: str) -> None:
    rows = table(f"{at(0)},97,72")
    lines = ndjson([sample(0, patient="P-1", spo2=97, hr=72)])
    for content, person in ((rows, "rowan.ndjson" if name.endswith("ndjson") else "rowan"), (lines, "P-1")):
        read, _ = replayed_as(tmp_path, (name, gzip.compress(content) if name.endswith("gz") else content))
        assert [each[0].patient for each in read] == [person]
        assert spo2(read) == [97]


def test_a_json_array_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="is a JSON array: give one observation a line"):
        replayed_as(tmp_path, ("day.json", json.dumps([sample(0, patient="P-1", spo2=97)]).encode()))


def test_a_header_with_units_and_commas_can_be_renamed(tmp_path: Path) -> None:
    content = table(f"{at(0)},97,72,0,", header='Time,SpO2(%),"Pulse Rate, bpm",Motion,')
    read, _ = replayed_as(
        tmp_path, ("rowan.csv", content), rename={"Time": "at", "SpO2(%)": "spo2", "Pulse Rate, bpm": "pulse"}
    )

    assert spo2(read) == [97]


# ---- times and headers

FIRST = START_US / SECOND
"""When a recording begins, in seconds since 1970."""


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("at", "2026-11-23T14:00:00Z"), ("AT", "2026-11-23 14:00:00Z"), ("at", "2026-11-23T15:00:00+01:00"), ("at", "2026-11-23T09:00:00-0500"),
        ("at", " 2026-11-23T14:00:00Z "), ("at", "2026-11-23 14:00:00 UTC"), ("at", "2026-11-23 15:00:00 +01:00"),
        ("at", "2026-11-23T14:00:00.000000000Z"), ("at", "20261123T140000Z"), ("at", '"2026-11-23T14:00:00Z"'),
        ("Time", "2026-11-23T14:00:00Z"), ("Timestamp", "2026-11-23T14:00:00Z"), ("date_time", "2026-11-23T14:00:00Z"),
        ("Time (UTC)", "2026-11-23 14:00:00"), ("time_utc", "2026-11-23T14:00:00"), ("at [UTC]", "2026-11-23T14:00:00Z"),
        ("Time (local)", "2026-11-23T15:00:00+01:00"),
        ("t_s", f"{FIRST:.0f}"), ("T_S", f"{FIRST:.3f}"), ("t_ms", f"{FIRST * 1e3:.0f}"), ("Time (s)", f"{FIRST:.0f}"),
        ("timestamp_ms", f"{FIRST * 1e3:.0f}"), ("Timestamp [ms]", f"{FIRST * 1e3:.0f}"), ("Time (us)", f"{FIRST * 1e6:.0f}"),
        ("Elapsed (min)", f"{FIRST / 60:.0f}"),
    ],
)  # fmt: skip
def test_a_time_is_read_as_its_column_and_its_cell_say(tmp_path: Path, header: str, cell: str) -> None:
    read, _ = replayed_as(tmp_path, ("rowan.csv", table(f"{cell},97", header=f"{header},spo2")))

    assert [each[1] for each in read] == [START_US]


@pytest.mark.parametrize(
    ("header", "cell", "reason"),
    [
        ("at", "20261109", NUMBER), ("at", "1731142800", NUMBER), ("at", "1731142800.5", NUMBER), ("Time", "0", NUMBER),
        ("at", "11/9/2026 9:00", NO_TIME), ("at", "09:00:00", NO_TIME), ("at", "", NO_TIME), ("at", "NA", NO_TIME),
        ("at", "2026-11-09T09:00:00", NO_OFFSET), ("at", "2026-11-09", NO_OFFSET), ("Time (local)", "2026-11-09 09:00:00", NO_OFFSET),
        ("at", "2026-13-09T09:00:00Z", NO_TIME), ("at", "2026-11-09T25:00:00Z", NO_TIME),
        ("t_s", "09:00:00", NO_SECONDS), ("t_s", "", NO_SECONDS), ("t_s", "1_0", NO_SECONDS), ("t_s", "inf", NO_SECONDS),
        ("t_s", "1731142800000", TOO_FAR), ("t_s", "1e300", TOO_FAR),
    ],
)  # fmt: skip
def test_a_row_without_a_time_is_set_aside_with_a_reason_that_holds_no_value(
    tmp_path: Path, header: str, cell: str, reason: str
) -> None:
    good = str(FIRST + 1) if header == "t_s" else at(1)
    read, _ = replayed_as(tmp_path, ("rowan.csv", table(f"{cell},97", f"{good},96", header=f"{header},spo2")))

    assert asides(read) == [(header, reason)]
    assert spo2(read) == [96]


@pytest.mark.parametrize(
    ("header", "cell", "channel", "value"),
    [
        ("SpO2 (%)", "97", "spo2", 97), ("SpO2(%)", "97", "spo2", 97), ("SPO2 %", "97", "spo2", 97), ("spo2%", "97", "spo2", 97),
        ("SpO2 [percent]", "97", "spo2", 97), ("spo2_pct", "97", "spo2", 97), ("SpO2 (fraction)", "0.97", "spo2", 97),
        ("Oxygen Saturation (%)", "97", "spo2", 97), ("HR [bpm]", "72", "hr", 72), ("hr_bpm", "72", "hr", 72), ("Heart Rate", "72", "hr", 72),
        ('"Pulse Rate, bpm"', "72", "pulse", 72), ("pulse_rate", "72", "pulse", 72), ("Resp. Rate (1/min)", "14", "rr", 14),
        ("rr (rpm)", "14", "rr", 14), ("Temp (°C)", "37", "temp", 37), ("Temp (°F)", "98.6", "temp", 37), ("temp_f", "98.6", "temp", 37),
        ("Temperature [deg F]", "212", "temp", 100), ("TEMP (K)", "310.15", "temp", 37), ("SBP (mmHg)", "120", "sbp", 120),
        ("SBP [mm[Hg]]", "120", "sbp", 120), ("sbp_kpa", "16", "sbp", 120.00987), ("Systolic (kPa)", "16", "sbp", 120.00987),
        ("EtCO2 (kPa)", "5", "etco2", 37.503085), ("tcco2_mmhg", "40", "tcco2", 40),
    ],
)  # fmt: skip
def test_a_channel_is_known_by_its_name_and_converted_from_its_unit(
    tmp_path: Path, header: str, cell: str, channel: str, value: float
) -> None:
    read, _ = replayed_as(tmp_path, ("rowan.csv", table(f"{at(0)},{cell}", f"{at(1)},NA", header=f"at,{header}")))

    assert [pytest.approx(value, rel=1e-6)] == list(np.frombuffer(read[0][2])[[CHANNEL_NAMES.index(channel)]])
    assert np.isnan(np.frombuffer(read[1][2])).all()
    assert asides(read) == []


@pytest.mark.parametrize(
    ("header", "remarks"),
    [
        ("Time,SpO2(%),HR,Pleth", ["read Time as at", "not read: Pleth"]),
        ("at,spo2,Unnamed: 2,", []),
        ("at,spo2,resp,hr", ["not read: resp"]),
        ("at,Temp (°F),hr", ["Temp (°F) is converted from °F to °C"]),
        ("at,spo2,EtCO2 (%)", ["EtCO2 (%) is left out: % cannot be converted to mmHg"]),
        ("at,hr,Heart Rate", ["not read: Heart Rate"]),
        ("at,Heart Rate,spo2", ["read Heart Rate as hr"]),
    ],
)
def test_what_is_guessed_converted_or_left_out_is_remarked(tmp_path: Path, header: str, remarks: list[str]) -> None:
    _, said = replayed_as(tmp_path, ("rowan.csv", table(f"{at(0)},97,72,1", header=f"{header},")))

    assert said == [f"rowan.csv: {remark}" for remark in remarks]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no column `at` or `t_s` among nothing: it is empty"), (b"\n\n", "it is empty"),
        (b"Date,Clock,SpO2\n2026-11-23,14:00:00,97\n", "no column `at` or `t_s` among Date, Clock, SpO2; name the time with --rename COLUMN=at"),
        (b"at,note\n", "no channel among at, note; map one with --rename COLUMN=CHANNEL"),
        (b"at,EtCO2 (%)\n", "EtCO2 (%) is left out: % cannot be converted to mmHg; map one with"),
        (b"at,spo2,spo2\n", "2 columns are spo2: spo2 and spo2; keep one"),
        (b"at,SpO2 (%),SpO2 [%]\n", "2 columns are spo2: SpO2 (%) and SpO2 [%]; keep one, or choose one with --rename COLUMN=spo2"),
        (b"at,Time,spo2,patient,Patient\n", "2 columns are patient"),
        (b'at,"' + b"x" * 200_000, "no column `at` or `t_s` among at,xxx"), (b"PK\x03\x04" + b"\x00" * 50, "is an Excel or zip file: give CSV or NDJSON, plain or gzipped"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=re.escape(reason)) as refused:
        replayed_as(tmp_path, ("rowan.csv", content))

    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("column", "rename"),
    [
        ("SpO2(%)", "spo2(%)"), ("  Pulse   Ox ", "pulse ox"), ('"Pulse Rate, bpm"', "Pulse Rate, bpm"), ('"SpO2\n(%)"', "SpO2 (%)"), ("a=b", "a=b"),
        ("血氧", "血氧"), ("Sättigung [%]", "sättigung [%]"), ('"say ""SpO2"""', 'say "SpO2"'), ("'spo2'", "'spo2'"), ("97", "97"), ("NA", "NA"),
    ],
)  # fmt: skip
def test_a_column_can_be_renamed_whatever_it_is_called(tmp_path: Path, column: str, rename: str) -> None:
    content = table(f"{at(0)},97,1", f"{at(1)},96,2", header=f"at,{column},n")
    read, _ = replayed_as(tmp_path, ("rowan.csv", content), rename={rename: "spo2"})

    assert spo2(read) == [97, 96]
    assert asides(read) == []


@pytest.mark.parametrize(
    ("rename", "read_as"),
    [
        ({"SpO2 [%]": "spo2"}, 96), ({"SpO2 (%)": "spo2"}, 97), ({"other": "spo2"}, 95),
    ],
)  # fmt: skip
def test_of_two_columns_the_renamed_one_is_meant(tmp_path: Path, rename: dict[str, str], read_as: float) -> None:
    content = table(f"{at(0)},97,96,95", header="at,SpO2 (%),SpO2 [%],other")
    read, _ = replayed_as(tmp_path, ("rowan.csv", content), rename=rename)

    assert spo2(read) == [read_as]


# ---- bytes and lines

PLAIN = table(f"{at(0)},97,72", f"{at(1)},,73", f"{at(2)},95,74")


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.rstrip(b"\n"), PLAIN.replace(b"\n", b"\r\n"), PLAIN.replace(b"\n", b"\r"), PLAIN.replace(b"\n", b"\n\n"), b"\n\r\n" + PLAIN,
        b"\xef\xbb\xbf" + PLAIN, PLAIN.decode().encode("utf-16"), b"\xfe\xff" + PLAIN.decode().encode("utf-16-be"),
        PLAIN.decode().encode("utf-16-le"), PLAIN.decode().encode("utf-16-be"), PLAIN.replace(b",", b";"), PLAIN.replace(b",", b"\t"),
        PLAIN.replace(b",", b"|"), b"sep=;\r\n" + PLAIN.replace(b",", b";"), PLAIN.replace(b"\n", b",\n"), PLAIN.replace(b"\n", b",,\n"),
        PLAIN + b",,\n , ,\n", PLAIN.replace(b",", b", "), b"Device: X\nExported 2026-11-23, by hand\n\n" + PLAIN,
        re.sub(rb"([^,\n]+)", rb'"\1"', PLAIN), PLAIN.replace(b"97", b"97.0").replace(b",", b";").replace(b".", b","),
        PLAIN.replace(b"at,spo2,hr", b"at,spo2,hr,caf\xe9"), PLAIN.replace(b"at,", b'"at,'), PLAIN.replace(b"spo2,", b'"spo2",'), PLAIN + PLAIN.splitlines(keepends=True)[0],
        PLAIN.splitlines(keepends=True)[0] + PLAIN,
    ],
    ids=["no last end", "CRLF", "CR", "blank lines", "blank lines first", "marked", "UTF-16", "UTF-16 BE", "UTF-16 LE unmarked", "UTF-16 BE unmarked",
         "semicolons", "tabs", "bars", "sep=", "trailing comma", "trailing commas", "rows without fields", "spaces", "notes above", "all quoted",
         "decimal comma", "Windows' letters", "stray quote in the header", "quoted name", "header last", "header twice"],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_table_means_the_same_however_it_is_written(tmp_path: Path, content: bytes, packed: bool) -> None:
    expected, _ = replayed_as(tmp_path, ("rowan.csv", PLAIN))
    read, _ = replayed_as(tmp_path, ("rowan.csv", gzip.compress(content) if packed else content))

    assert read == expected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{at(1)},96,5,72", MORE), (f"{at(1)},96", FEWER), (f"{at(1)}", FEWER), (f'{at(1)},"96,72', UNCLOSED), ("garbage", FEWER),
        ("\x01\x02", FEWER),
    ],
)  # fmt: skip
def test_a_row_of_which_it_is_not_certain_what_is_what_is_set_aside(tmp_path: Path, row: str, reason: str) -> None:
    read, _ = replayed_as(tmp_path, ("rowan.csv", table(f"{at(0)},97,72", row, f"{at(2)},95,74")))

    assert asides(read) == [("", reason)]
    assert spo2(read) == [97, 95]


def test_a_header_in_the_middle_counts_from_there_on(tmp_path: Path) -> None:
    lines = [f"{at(0)},97,72", f"{at(1)},96,73", "hr,SpO2 (%),at", f"72,95,{at(2)}", f"73,94,{at(3)}"]
    read, remarks = replayed_as(tmp_path, ("rowan.csv", table(*lines)))

    assert spo2(read) == [97, 96, 95, 94]
    assert asides(read) == []
    assert remarks == ["rowan.csv: headers among the rows: 1; each counts from there on"]


@pytest.mark.parametrize("name", ["", " ", "NA", "null", "-"])
def test_a_row_that_names_nobody_is_nobodys(tmp_path: Path, name: str) -> None:
    content = table(f"{at(0)},rowan,97", f"{at(1)},{name},96", header="at,patient_id,spo2")
    read, _ = replayed_as(tmp_path, ("clinic.csv", content))

    assert [each[0].patient for each in read if isinstance(each, tuple)] == ["rowan"]
    assert asides(read) == [("patient_id", NOBODY)]


def test_names_that_differ_in_a_letter_stay_two_in_any_encoding(tmp_path: Path) -> None:
    content = table(f"{at(0)},Müller,97", f"{at(1)},Möller,96", header="at,patient,spo2")
    for encoding in ("utf-8", "cp1252", "utf-16"):
        read, _ = replayed_as(tmp_path, ("clinic.csv", content.decode().encode(encoding)))
        assert [each[0].patient for each in read] == ["Müller", "Möller"]


def test_a_line_that_never_ends_is_cut_and_the_next_one_is_read(tmp_path: Path) -> None:
    content = b"x" * (LONGEST_LINE + 3 * BLOCK_BYTES) + b"\n" + ndjson([sample(0, patient="P-1", spo2=97)])
    read, _ = replayed_as(tmp_path, ("day.ndjson", content))

    assert spo2(read) == [97]
    assert len(asides(read)) == 2


# ---- the order of rows


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
