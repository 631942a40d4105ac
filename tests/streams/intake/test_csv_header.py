"""A table's times and channels are read as its header says, and what is guessed is remarked."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from models.instants import SECOND
from models.tables.channels import CHANNEL_NAMES
from streams.intake.csv_file import (
    NO_OFFSET,
    NO_SECONDS,
    NO_TIME,
    NUMBER,
    TOO_FAR,
)
from streams.intake.whole_lines import UnreadableFile
from tests.support.recordings import asides, replayed_as, spo2, table
from tests.support.service import START_US, at

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
