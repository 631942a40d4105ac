"""Live a year of a twelve-chair clinic and measure what it leaves: disk, start, memory, backup, restore.

`python -m bench.year [--days N] [--into FOLDER]`. With a folder, a year that was broken off goes on where it was; more days go on
from fewer. Some 9 s of one core a working day, 3 s a day off: three quarters of an hour a year. Never here: what is lived.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.figures import Figure, heading, table
from bench.year.days import MADE_US, WHOLE_DAY, working_week
from bench.year.left import measured, size_mb
from bench.year.living import Clinic, live
from models.instants import DAY, iso

SESSIONS: Final = 36
"""Of a working day: twelve chairs have three each."""
SAY_EVERY: Final = 5
_WEEK: Final = 7 * DAY


def year(
    folder: Path, days: int, sessions: int, hours: float | None = None, seconds: range = WHOLE_DAY
) -> list[Figure]:
    """Live so many days in a folder, those that it does not have yet, and measure what they leave."""
    data, start_us = folder / "data", _start_us(folder, days)
    week = working_week(sessions) if hours is None else working_week(sessions, hours)
    clinic = Clinic(data)
    clinic.hurry()
    begun, used = time.monotonic(), time.process_time()
    for day in live(clinic, week, days, start_us, seconds):
        if day % SAY_EVERY == SAY_EVERY - 1:
            waited, worked = time.monotonic() - begun, time.process_time() - used
            said = f"day {day + 1} of {days}: {size_mb(data):,.0f} MB, {waited:,.0f} s, of which {worked:,.0f} s of the processor"
            print(said, file=sys.stderr, flush=True)
    clinic.ends()
    return measured(data, days, start_us, week)


def _start_us(folder: Path, days: int) -> int:
    """The Monday on which the year begins: the last from which so many days are over by now, or what the folder has noted."""
    note = folder / "year.json"
    if note.is_file():
        return int(json.loads(note.read_text("utf-8"))["start_us"])
    ended_us = time.time_ns() // 1000 - (days + 1) * DAY
    start_us = MADE_US + (ended_us - MADE_US) // _WEEK * _WEEK
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"start_us": start_us, "start": iso(start_us)}) + "\n", "utf-8")
    return start_us


def main() -> None:
    """Live the year and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.year", description="A year of a twelve-chair clinic.")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="a working day's; twelve chairs have three each")
    parser.add_argument("--into", type=Path, help="the folder, which stays; else one that is removed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = year(options.into or Path(temporary), options.days, options.sessions)
    print(f"{heading('make prove-year', 1)}\n\n{table(figures)}")


if __name__ == "__main__":
    main()
