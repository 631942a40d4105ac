"""Frames of every format that was ever written mean what they meant, whatever becomes of the channels' table.

`frames/frame-N.bin` holds `frames/records.ndjson`, written by the version whose format N was. A frame numbers nothing, so a
table with rows added, moved or taken out reads the same readings under the same names; only copies of the tree can show it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.instants import to_us
from models.tables.channels import CHANNEL_NAMES
from models.wire.observations import Vitals
from streams.intake.json import read, read_lines
from streams.journal.frame import CHANNELS_1, FORMAT, STATUSES_1, FrameBuilder, key_hash

TREE = Path(__file__).resolve().parents[3]
FRAMES = Path(__file__).parent / "frames"
RECORDS = (FRAMES / "records.ndjson").read_bytes()
GOLDEN = sorted(FRAMES.glob("frame-*.bin"))

ONE_MORE = """
from dataclasses import replace
CHANNELS = (*CHANNELS[:4], replace(CHANNELS[0], name="unheard_of"), *CHANNELS[4:])
"""
BACKWARDS = "CHANNELS = CHANNELS[::-1]"
WITHOUT_TCCO2 = 'CHANNELS = tuple(channel for channel in CHANNELS if channel.name != "tcco2")'


def expected() -> dict[str, Any]:
    """What the golden frames say, from the records themselves."""
    samples: list[dict[str, Any]] = []
    events: list[Any] = []
    for record in read_lines(RECORDS.split(b"\n")).records:
        if not isinstance(record, Vitals):
            events.append([len(samples), record.model_dump(mode="json")])
            continue
        read = {name: getattr(record, name) for name in CHANNEL_NAMES}
        samples.append(
            {
                "origin": [record.site, record.session, record.patient, record.device, record.source],
                "at_us": to_us(record.at),
                "readings": {name: value for name, value in read.items() if value is not None},
                "status": dict(record.status or {}),
                "key": 0 if record.id is None else key_hash(record.id),
                "author": None if record.by is None else [record.by, record.id],
            }
        )
    return {"samples": samples, "events": events, "unknown": 0}


def copy_of_the_tree(folder: Path, table: str, model: dict[str, str] | None = None) -> Path:
    """Models and streams, with lines put under the channels' table and texts of the names and the model replaced."""
    for package in ("models", "streams"):
        shutil.copytree(TREE / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    channels = folder / "models" / "tables" / "channels.py"
    mark = "CHANNEL_NAMES: Final ="
    assert mark in channels.read_text()
    channels.write_text(channels.read_text().replace(mark, f"{table}\n{mark}", 1))
    observations = folder / "models" / "wire" / "observations.py"
    for old, new in (model or {}).items():
        (place,) = [path for path in (channels, observations) if old in path.read_text()]
        place.write_text(place.read_text().replace(old, new, 1))
    return folder


def reads(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, FRAMES / "said.py", *GOLDEN], cwd=tree, capture_output=True, text=True, check=False
    )


def said(tree: Path) -> list[dict[str, Any]]:
    """Each golden frame as that tree reads it."""
    run = reads(tree)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_there_is_a_golden_frame_of_every_format() -> None:
    assert [path.name for path in GOLDEN] == [f"frame-{number}.bin" for number in range(1, FORMAT + 1)]


def test_golden_frames_are_read_by_name() -> None:
    assert said(TREE) == [expected()] * FORMAT


def test_the_golden_frame_of_today_is_what_is_written_today() -> None:
    builder = FrameBuilder()
    for record in read(RECORDS, "application/x-ndjson").records:
        builder.add(record)
    assert builder.seal() == GOLDEN[-1].read_bytes()


def test_the_names_of_format_1_are_those_of_its_day() -> None:
    """Its journals hold the numbers: were this to change, a pressure would be read as something else."""
    assert CHANNELS_1 == ("hr", "pulse", "rr", "spo2", "sbp", "dbp", "map", "etco2", "temp", "tcco2")
    assert STATUSES_1 == ("ok", "probe-off", "artefact", "cuff-failed", "off")


def test_a_channel_put_into_the_middle_of_the_table_changes_no_frame(tmp_path: Path) -> None:
    tree = copy_of_the_tree(
        tmp_path,
        ONE_MORE,
        {'"sbp", "dbp"': '"unheard_of", "sbp", "dbp"', "    sbp: ": "    unheard_of: float | None = None\n    sbp: "},
    )
    assert said(tree) == [expected()] * FORMAT


def test_a_table_of_channels_and_statuses_in_another_order_changes_no_frame(tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path, BACKWARDS)
    with (tree / "models" / "tables" / "channels.py").open("a") as table:
        table.write('\nSTATUSES = ("ok", *STATUSES[:0:-1])\n')
    assert said(tree) == [expected()] * FORMAT


def test_a_channel_that_the_table_no_longer_has_is_left_out_and_counted(tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path, WITHOUT_TCCO2, {', "tcco2"]': "]", "    tcco2: Number | None = None\n": ""})
    without = expected()
    without["unknown"] = sum(sample["readings"].pop("tcco2", None) is not None for sample in without["samples"])
    assert without["unknown"] == 1
    assert said(tree) == [without] * FORMAT


@pytest.mark.parametrize(
    ("table", "model"),
    [
        (ONE_MORE, {}),
        (WITHOUT_TCCO2, {}),
        (ONE_MORE, {'"sbp", "dbp"': '"unheard_of", "sbp", "dbp"'}),
        ("", {'"sbp", "dbp"': '"unheard_of", "sbp", "dbp"'}),
        ("", {"    sbp: ": "    unheard_of: float | None = None\n    sbp: "}),
    ],
    ids=["one row more", "one row less", "a row and a name", "a name alone", "a field alone"],
)
def test_a_table_that_the_model_does_not_follow_stops_at_once_and_says_which_files(
    tmp_path: Path, table: str, model: dict[str, str]
) -> None:
    run = reads(copy_of_the_tree(tmp_path, table, model))
    assert run.returncode == 1
    assert "models/tables/channels.py" in run.stderr.splitlines()[-1]
    assert "models/wire/observations.py" in run.stderr.splitlines()[-1]
