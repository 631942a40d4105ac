"""Five exports of five kinds become a replay, without a look at the source: inspect says what they are, and what to type."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from models.wire.observations import SetAside, Vitals
from streams.intake.exports.converted import NotThisExport, convert
from streams.intake.exports.inspection import inspect_file, mapping_text
from streams.intake.exports.mapping import BadMapping, ExportMapping, format_named, known_formats, mapping_of
from streams.intake.files import read_file
from tests.support.service import chairside, ndjson, sample

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 23, 10, 0, tzinfo=BERLIN)
SECONDS = 120


def spo2(second: int) -> int:
    """Oxygen that falls and stays low: one medium alert."""
    return max(97 - second // 4, 85 + second % 2)


def when(second: int, form: str) -> str:
    return (START + timedelta(seconds=second)).strftime(form)


def vscapture() -> str:
    head = "Time,RelativeTime,SystemLocalTime,NOM_ECG_CARD_BEAT_RATE,NOM_PULS_OXIM_SAT_O2,NOM_PLETH_PULS_RATE,NOM_ECG_AMPL_ST_I\n"
    rows = (
        f"{when(s, '%d-%m-%Y %H:%M:%S')}.480,{556384768 + 8000 * s},{when(s, '%d-%m-%Y %H:%M:%S')}.674,{72 + s % 3},{spo2(s)},{72 + s % 3},-"
        for s in range(SECONDS)
    )
    return head + "\n".join(rows) + "\n"


def openice() -> str:
    lines = []
    for second in range(SECONDS):
        at = when(second, "%Y%m%d%H%M%S%z")
        lines += [
            f"dev0,MDC_PULS_OXIM_SAT_O2,0,{at},{spo2(second)}.0", f"dev0,MDC_PULS_OXIM_PULS_RATE,0,{at},{72 + second % 3}.0",
            f"dev0,MDC_PULS_OXIM_PERF_REL,0,{at},1.2",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def o2ring() -> str:
    rows = (
        f"{when(s, '%H:%M:%S %d/%m/%Y')},{spo2(s) if s != 8 else '--'},{72 + s % 3},0,0,0"
        for s in range(0, 4 * SECONDS, 4)
    )
    return "Time,Oxygen Level,Pulse Rate,Motion,O2 Reminder,PR Reminder\r\n" + "\r\n".join(rows) + "\r\n"


def spreadsheet() -> str:
    rows = (
        f"{when(s, '%d.%m.%Y')};{when(s, '%H:%M:%S')};{spo2(s)};{72 + s % 3};36,{5 + s % 2};4,8;gut"
        for s in range(SECONDS)
    )
    return (
        "Aufnahme Station 3\n\nDatum;Uhrzeit;SpO2 (%);Puls;Temperatur;EtCO2 (kPa);Bemerkung\n" + "\n".join(rows) + "\n"
    )


def american() -> str:
    rows = (f"{when(s, '%m/%d/%Y %I:%M:%S %p')},{72 + s % 3},{spo2(s)},{14 + s % 2}" for s in range(SECONDS))
    return "Date Time,Heart Rate,O2 Saturation,Resp Rate\n" + "\n".join(rows) + "\n"


EXPORTS = {
    "vscapture.csv": vscapture, "ice.csv": openice, "ring.csv": o2ring, "station.csv": spreadsheet, "clinic.csv": american,
}  # fmt: skip


def run(command: str, folder: Path) -> str:
    """A command as somebody types it in a folder; what it says on both streams."""
    words = shlex.split(command)
    assert words[0] == "chairside"
    told = CliRunner().invoke(
        app, [str(folder / word) if (folder / word).exists() or word.endswith(".toml") else word for word in words[1:]]
    )
    assert told.exit_code == 0, told.output
    return told.output


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_an_export_becomes_a_replay_by_doing_what_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(EXPORTS[name]())
    said = run(f"chairside inspect {name} --zone Europe/Berlin --write mapping.toml", tmp_path)
    (following,) = re.findall(r"next: (chairside replay .*)", said)
    assert following.endswith("--summary")
    told = run(following.replace(f"{tmp_path}/", ""), tmp_path)
    alerts = [json.loads(line) for line in told.splitlines() if line.startswith('{"alert"')]
    raised = [each for each in alerts if (each["rule"], each["transition"]) == ("desaturation", "raised")]
    assert raised, told
    assert START.astimezone(UTC).isoformat()[:13] == raised[0]["at"][:13], "at the hour at which it was"
    assert raised[0]["patient"] == name.removesuffix(".csv")


def test_what_would_be_used_and_what_not_is_said(tmp_path: Path) -> None:
    path = tmp_path / "station.csv"
    path.write_text(spreadsheet())
    found = inspect_file(path, "Europe/Berlin")
    assert found.kind == "guess"
    assert found.used == {
        "Datum": "the time", "Uhrzeit": "the time", "SpO2 (%)": "spo2", "Puls": "pulse", "Temperatur": "temp",
        "EtCO2 (kPa)": "etco2, converted from kpa",
    }  # fmt: skip
    assert set(found.unused) == {"Bemerkung"}
    assert (found.lines, found.aside.total()) == (SECONDS, 0)
    assert found.ranges["temp"][:2] == (36.5, 36.6), "a decimal comma is one"
    assert found.ranges["etco2"][0] == pytest.approx(36.0, abs=0.1)
    assert found.first == START


def test_a_mapping_that_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "station.csv"
    path.write_text(spreadsheet())
    mapping = inspect_file(path, "Europe/Berlin").mapping
    assert mapping is not None
    written = tmp_path / "station.toml"
    written.write_text(mapping_text(mapping))
    assert mapping_of(written) == mapping
    for known in known_formats().values():
        written.write_text(mapping_text(known.model_copy(update={"delimiter": None})))
        assert mapping_of(written) == known


def test_a_date_that_can_be_either_way_round_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Date Time,SpO2\n" + "\n".join(f"03/04/2026 10:00:{second:02},97" for second in range(30)) + "\n")
    found = inspect_file(path, "UTC")
    assert any("day and month can be either way round" in note for note in found.notes)


def test_a_local_time_needs_a_zone_and_is_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "ring.csv"
    path.write_text(o2ring())
    with pytest.raises(NotThisExport, match="say --zone"):
        convert(path, format_named("o2ring"), None, tmp_path / "out.csv", lambda *_: None)
    assert any("zone" in note for note in inspect_file(path).notes)


def test_the_hour_that_the_clock_shows_twice_goes_on_and_does_not_go_back(tmp_path: Path) -> None:
    path = tmp_path / "ring.csv"
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    lines = [
        f"{(first + timedelta(minutes=m)).astimezone(BERLIN):%H:%M:%S %d/%m/%Y},97,70,0" for m in range(0, 150, 10)
    ]
    path.write_text("Time,Oxygen Level,Pulse Rate,Motion\n" + "\n".join(lines) + "\n")
    out = tmp_path / "out.csv"
    said: list[str] = []
    convert(path, format_named("o2ring"), "Europe/Berlin", out, lambda _, what: said.append(what))
    read = [record.at for record in read_file(out, {})]
    assert read == [first + timedelta(minutes=m) for m in range(0, 150, 10)]
    assert any("shows twice" in each for each in said)


def test_a_line_whose_time_is_none_is_set_aside_with_its_reason_and_the_rest_is_used(tmp_path: Path) -> None:
    path = tmp_path / "ring.csv"
    path.write_text(
        "Time,Oxygen Level,Pulse Rate\n10:00:00 23/11/2026,97,70\nyesterday,96,70\n10:00:08 23/11/2026,255,65535\n"
    )
    out = tmp_path / "out.csv"
    convert(path, format_named("o2ring"), "UTC", out, lambda *_: None)
    read = list(read_file(out, {}))
    assert [record.reason.partition(":")[0] for record in read if isinstance(record, SetAside)] == ["not a time"]
    assert [record.spo2 for record in read if isinstance(record, Vitals)] == [97, None]


def test_another_table_is_no_export_and_the_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(NotThisExport, match="no column Time among a, b"):
        convert(path, format_named("o2ring"), "UTC", tmp_path / "out.csv", lambda *_: None)
    told = CliRunner().invoke(app, ["replay", str(path), "--format", "nothing"])
    assert told.exit_code == 2
    assert "there are" in told.output


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[time]\ncolumns = ["t"]\n', r"give \[channels\]"),
        ('[time]\ncolumns = ["t"]\nzone = "Mars"\n[channels]\na = "spo2"\n', "unknown time zone 'Mars'"),
        ('[time]\ncolumns = ["t"]\n[channels]\na = "sp02"\n', "channels.a"),
        ('[time]\ncolumns = ["t"]\n[channels]\na = { channel = "spo2", unit = "kPa" }\n', "no unit of spo2"),
        ("[time\n", "not TOML"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(BadMapping, match=named):
        mapping_of(path)


def test_what_needs_no_mapping_is_said_to_need_none(tmp_path: Path) -> None:
    plain, lines, hl7, empty = (tmp_path / name for name in ("plain.csv", "day.ndjson", "monitor.hl7", "empty.csv"))
    plain.write_text("at,spo2\n2026-11-23T10:00:00Z,97\n2026-11-23T10:00:01Z,96\n")
    lines.write_bytes(ndjson([sample(second, patient="P-1", spo2=97) for second in range(5)]))
    hl7.write_text("MSH|^~\\&|A|B|C|D|20261123100000||ORU^R01|1|P|2.6\rPID|||P-1\r")
    empty.write_text("")
    assert [inspect_file(path).kind for path in (plain, lines, hl7, empty)] == [
        "table",
        "observations",
        "hl7",
        "nothing",
    ]


def test_observations_come_over_standard_input() -> None:
    lines = [sample(second, patient="P-1", spo2=spo2(second), pulse=70 + second % 3) for second in range(SECONDS)]
    told = chairside("replay", "-", given=ndjson(lines))
    assert told.returncode == 0, told.stderr
    assert b'"rule":"desaturation"' in told.stdout


def test_every_format_that_is_known_has_its_export_here() -> None:
    assert set(known_formats()) == {"vscapture", "openice", "o2ring"}
    for mapping in known_formats().values():
        assert isinstance(mapping, ExportMapping)
        assert mapping.about
