"""A table means the same however it is written: encodings, ends of lines, headers in the middle, rows that are uncertain."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from streams.intake.csv_file import (
    FEWER,
    MORE,
    UNCLOSED,
)
from streams.intake.json import NOBODY
from streams.intake.whole_lines import BLOCK_BYTES, LONGEST_LINE
from tests.support.recordings import asides, replayed_as, spo2, table
from tests.support.service import at, ndjson, sample

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
