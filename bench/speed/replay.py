"""Replay: `chairside replay` in a process of its own, from the start of Python to the last transition.

Eighty-four hours of the invented clinic at 1 Hz, as recordings come: a CSV a monitor, gzipped, and one NDJSON of everything.
What is timed is what somebody waits for who types the command, start included; `read` is the reading of the files alone, in this
process. `python -m bench.speed.replay FILE...` times any recordings (`--rename` as in `chairside replay`).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter, thread_time
from typing import Final

from bench.figures import Figure, table
from bench.speed.load import Line, full_house, lines_of
from bench.speed.posting import COMMAND
from models.tables.channels import CHANNEL_NAMES
from streams.intake.files import recorded_frames

SESSIONS: Final = 63
MINUTES: Final = 82.0
"""As many people and hours as the largest set of recordings that we have, in which people are watched for 84 hours."""
REPETITIONS: Final = 5


def written(lines: Sequence[Line], folder: Path) -> tuple[list[Path], Path]:
    """The vitals as a CSV a monitor, and all of the lines as NDJSON."""
    observations = [json.loads(line.text) for line in lines]
    by_device: dict[str, list[dict[str, object]]] = {}
    for each in observations:
        if each["kind"] == "vitals" and "device" in each:
            by_device.setdefault(each["device"], []).append(each)
    tables = []
    for device, samples in sorted(by_device.items()):
        tables.append(folder / f"{device}.csv.gz")
        with gzip.open(tables[-1], "wt", newline="") as out:
            csv.writer(out).writerows(
                [("at", *CHANNEL_NAMES)]
                + [(each["at"], *(each.get(name, "") for name in CHANNEL_NAMES)) for each in samples]
            )
    day = folder / "day.ndjson"
    day.write_bytes(b"\n".join(line.text for line in lines) + b"\n")
    return tables, day


def figures(
    what: str, paths: Sequence[Path], rename: Mapping[str, str], repetitions: int = REPETITIONS
) -> list[Figure]:
    """How long the command takes over these files, and the reading of them alone."""
    processor, wall, reading = [], [], []
    lines = 0
    renames = [part for column, channel in rename.items() for part in ("--rename", f"{column}={channel}")]
    for _ in range(repetitions):
        before, began = os.times(), perf_counter()
        subprocess.run(
            [sys.executable, *COMMAND, "replay", *map(str, paths), *renames, "--summary", "--alerts", os.devnull],
            stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        after = os.times()
        wall.append(perf_counter() - began)
        processor.append(after.children_user + after.children_system - before.children_user - before.children_system)
        began = thread_time()
        lines = sum(map(len, recorded_frames(paths, rename)))
        reading.append(1e6 * (thread_time() - began) / lines)
    return [
        Figure("replay", f"{what}, {lines:,} lines, processor", processor, "s"),
        Figure("replay", f"{what}, by the wall", wall, "s"),
        Figure("replay", f"{what}, reading alone", reading, "µs/line"),
    ]


def all_figures() -> list[Figure]:
    """Both kinds of file, of an invented clinic."""
    lines = list(lines_of(full_house(SESSIONS, MINUTES)))
    with tempfile.TemporaryDirectory(prefix="chairside-bench-") as folder:
        tables, day = written(lines, Path(folder))
        return [*figures("CSV a monitor", tables, {}), *figures("one NDJSON", [day], {})]


def main() -> None:
    """Time recordings."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.replay", description="Times chairside replay.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rename", default="", help="COLUMN=CHANNEL, comma-separated")
    options = parser.parse_args()
    pairs = (pair.partition("=") for pair in options.rename.split(",") if pair)
    print(table(figures("recordings", options.files, {column: channel for column, _, channel in pairs})))


if __name__ == "__main__":
    main()
