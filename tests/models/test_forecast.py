"""What `chairside forecast` says, to people and to scripts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from models.wire.live import FORECAST_ADAPTER
from tests.support.patients import Patient


def story(name: str = "P1") -> Patient:
    patient = Patient(name).phq(-7, 21).phq(-2, 19)
    for day in (0, 2, 4, 7, 9, 11, 40):
        patient.madrs(day, 30 if day < 4 else 14).dose(day)
    for day, score in ((14, 6), (21, 8), (28, 10), (35, 13), (42, 6), (49, 8), (56, 9)):
        patient.phq(day, score)
    return patient


def run(*arguments: str) -> tuple[list[dict[str, Any]], str]:
    result = CliRunner().invoke(app, ["forecast", *arguments])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def written(path: Path, *patients: Patient) -> Path:
    text = "".join(line + "\n" for patient in patients for line in patient.lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "clinic.ndjson", story())


def test_one_line_a_patient_and_origin_from_the_first_observation_on(file: Path) -> None:
    patient = story()
    lines, _ = run(str(file), "--every", "7", "--from", patient.date(-14), "--to", patient.date(70))
    assert [line["as_of"] for line in lines] == [patient.date(day) for day in range(-7, 71, 7)]


def test_before_the_first_dose_there_is_no_window_and_the_response_is_unknown(file: Path) -> None:
    (line,), _ = run(str(file), "--as-of", story().date(-1), "--cdf")
    assert line["due"] is None
    assert line["cdf"] is None
    assert line["relapse_probability"] is None
    assert line["response"] == "unknown"
    assert 15 < line["severity_now"]["mean"] < 22
    assert "No dose is known yet" in line["reasons"][0]


def test_what_is_said_is_the_distribution(file: Path) -> None:
    patient = story()
    (line,), _ = run(str(file), "--as-of", patient.date(58), "--cdf")
    FORECAST_ADAPTER.validate_python(line)
    cdf = line["cdf"]
    assert len(cdf) == 85
    assert cdf == sorted(cdf)
    assert line["relapse_probability"] == {"7d": cdf[7], "14d": cdf[14], "28d": cdf[28]}
    for name, level in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        first = next((day for day, value in enumerate(cdf) if value >= level), None)
        assert line["due"][name] == ("beyond_horizon" if first is None else patient.date(58 + first))
    assert line["response"] == "responder"
    assert line["basis"]["patient"] + line["basis"]["population"] == pytest.approx(1)
    assert line["spacing"]["source"] == "Sanacora 2017"


def test_one_origin_says_what_many_origins_say_of_that_day(file: Path) -> None:
    patient = story()
    many, _ = run(str(file), "--every", "4", "--from", patient.date(-8), "--to", patient.date(66), "--cdf")
    for line in many[::5]:
        assert run(str(file), "--as-of", line["as_of"], "--cdf")[0] == [line]


def test_neither_order_nor_split_nor_other_patients_change_a_forecast(tmp_path: Path) -> None:
    patient = story()
    origins = ("--every", "9", "--from", patient.date(0), "--to", patient.date(60), "--cdf")
    whole, _ = run(str(written(tmp_path / "whole.ndjson", patient)), *origins)
    first = written(tmp_path / "first.ndjson.gz", Patient("P1", patient.lines[::2][::-1]), story("P0"))
    second = written(tmp_path / "second.ndjson", story("P2"), Patient("P1", patient.lines[1::2]))
    for files in ((first, second), (second, first)):
        lines, _ = run(*map(str, files), *origins)
        assert [line for line in lines if line["patient"] == "P1"] == whole
        assert [line["patient"] for line in lines] == sorted(line["patient"] for line in lines)


def test_a_nearer_horizon_says_no_date_beyond_it_and_leaves_the_distribution_alone(file: Path) -> None:
    day = story().date(58)
    (far,), _ = run(str(file), "--as-of", day, "--cdf")
    (near,), _ = run(str(file), "--as-of", day, "--cdf", "--horizon", "5")
    assert near["cdf"] == far["cdf"]
    assert far["due"]["p90"] != "beyond_horizon"
    assert near["due"]["p90"] == "beyond_horizon"
    assert run(str(file), "--as-of", day, "--cdf", "--horizon", "365")[0] == [far]


def test_bad_lines_are_named_with_their_reason_and_the_others_count(tmp_path: Path) -> None:
    patient = story()
    bad = [
        "not json",
        '{"kind":"checkin","at":"2026-01-20T10:00:00Z","patient":"P1","instrument":"phq-9","score":99}',
        '{"kind":"checkin","at":"2026-01-20T10:00:00","patient":"P1","instrument":"phq-9","score":9}',
        '{"kind":"something-new","at":"2026-01-20T10:00:00Z","patient":"P1"}',
        '{"kind":"checkin","at":"2026-01-20T10:00:00Z","patient":"P1","instrument":"phq-9"}',
    ]
    clean, _ = run(str(written(tmp_path / "clean.ndjson", patient)), "--as-of", patient.date(50), "--cdf")
    mixed = written(tmp_path / "mixed.ndjson", Patient("P1", [*bad, *patient.lines]))
    lines, said = run(str(mixed), "--as-of", patient.date(50), "--cdf")
    assert lines == clean
    assert [line.split(":")[1] for line in said.splitlines()] == ["1", "2", "3", "4", "5"]
    assert "score: PHQ-9 is 0 to 27" in said


def test_a_file_from_windows_says_what_any_file_says(tmp_path: Path, file: Path) -> None:
    windows = tmp_path / "windows.ndjson"
    windows.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    question = ("--as-of", story().date(50), "--cdf")
    assert run(str(windows), *question) == run(str(file), *question)


def test_an_empty_recording_says_so_and_is_no_failure(tmp_path: Path) -> None:
    empty = tmp_path / "empty.ndjson"
    empty.write_text("")
    lines, said = run(str(empty), "--as-of", "2026-01-01")
    assert lines == []
    assert "nothing to forecast" in said


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--as-of", "2026-13-01"],
        ["--as-of", "9999-12-31"],
        ["--as-of", "2026-01-01", "--every", "7"],
        ["--every", "7", "--from", "2026-01-01"],
        ["--every", "7", "--from", "2026-02-01", "--to", "2026-01-01"],
    ],
)
def test_a_question_without_origins_is_answered_with_how_to_ask(file: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["forecast", str(file), *arguments])
    assert result.exit_code == 2
    assert "chairside:" in result.stderr


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["forecast", str(tmp_path / "none.ndjson"), "--as-of", "2026-01-01"])
    assert result.exit_code == 1
    assert "No such file" in result.stderr


def test_a_file_that_cannot_be_read_costs_nothing_of_those_beside_it_and_is_named(file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.ndjson.gz"
    cut.write_bytes(gzip.compress(b"{}")[:6])
    alone, _ = run(str(file), "--as-of", "2026-01-01")
    for files in ([cut, file], [file, cut]):
        lines, said = run(*map(str, files), "--as-of", "2026-01-01")
        assert (lines, "cut.ndjson.gz" in said, "left out" in said) == (alone, True, True)
    for files in ([cut], [cut, cut], [tmp_path / "none.ndjson", file]):
        assert CliRunner().invoke(app, ["forecast", *map(str, files), "--as-of", "2026-01-01"]).exit_code == 1
