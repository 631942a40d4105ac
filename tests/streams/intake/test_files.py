"""What is odd about a recorded file costs as little as can be: gaps, quotes, breaks, names."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

from streams.intake.files import recorded_frames
from streams.intake.whole_lines import UnreadableFile
from tests.support.recordings import asides, in_order, replayed_as, spo2, table
from tests.support.service import at, ndjson, sample


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


def test_a_cell_that_names_its_unit_is_read_in_it(tmp_path: Path) -> None:
    read, remarks = replayed_as(
        tmp_path,
        ("rowan.csv", table(f"{at(0)},97%,72 bpm", f"{at(1)},96 %,73/min", f"{at(2)},95,74", f"{at(3)},9 kPa,75")),
    )

    assert spo2(read)[:3] == [97, 96, 95]
    assert np.isnan(spo2(read)[3])
    assert asides(read) == []
    assert remarks == [
        "rowan.csv: spo2: 1 cell is no number, such as '9 kPa': no reading there, the rest of the row is used"
    ]


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
