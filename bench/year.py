"""A simulated year of a twelve-chair clinic: what it takes of the disk, how long starts, backup and restore take, and memory.

A working week of invented days (five seeds, twelve chairs, three sessions each) is packed as the service packs it, a frame a
second, and lived again and again under new names and at new instants, with the ticks of nights and week-ends between; ward, desk,
store, checkpoints and retention are the service's own. Only the disk is not waited for: a year of fsyncs would measure that.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from alerts.store.store import Store
from bench.figures import Figure, heading, table
from bench.speed.load import lines_of
from deploy.upkeep.backup import back_up, restore
from deploy.upkeep.retention import delete_old_frames
from deploy.upkeep.verify import verify
from models.instants import DAY, SECOND, to_datetime, to_us
from streams.clinic.clinic import OPENS_US, simulate
from streams.hosts.embedded import Owner
from streams.intake.json import read_lines
from streams.journal.frame import Frame, FrameBuilder, decode, pack_frame
from streams.journal.head import HEAD_FILE, HeadFile
from streams.journal.journal import SqliteJournal
from streams.shard import SHARD_FORMAT

WORKING: Final = 5
OPEN_H: Final = 8.0
RAW_DAYS: Final = 90
CHECKPOINT_EVERY: Final = 3600
"""Frames; the service's half minute would make a year of it in snapshots alone, and only the last ones stay."""
START_US: Final = OPENS_US // DAY * DAY
WHOLE_DAY: Final = range(86_400)


def working_day(seed: int, sessions: int, hours: float = OPEN_H) -> list[tuple[int, bytes]]:
    """A day as frames of a second, each with its second of the day."""
    made: dict[int, FrameBuilder] = {}
    for arrives_us, text in lines_of(simulate(sessions=sessions, seed=seed, hours=hours)):
        second = (arrives_us - START_US) // SECOND
        made.setdefault(second, FrameBuilder()).extend(read_lines([text]).records)
    return [(second, builder.seal()) for second, builder in sorted(made.items())]


def moved(frame: Frame, day: int) -> Frame:
    """A frame of the first day as one of another: other instants, sessions and patients."""
    shift = day * DAY
    named = tuple(
        origin._replace(session=_renamed(origin.session, day), patient=_renamed(origin.patient, day))
        for origin in frame.origins
    )
    events = tuple((position, _event_moved(record, day, shift)) for position, record in frame.events)
    return replace(frame, origins=named, at_us=(frame.at_us + shift).astype(np.int64), events=events)


def _renamed(name: str | None, day: int) -> str | None:
    return None if name is None else f"{name}-{day}"


def _event_moved(record: Any, day: int, shift: int) -> Any:
    change: dict[str, Any] = {"at": to_datetime(to_us(record.at) + shift)}
    for name in ("session", "patient"):
        if getattr(record, name, None) is not None:
            change[name] = _renamed(getattr(record, name), day)
    for name in ("prompted_at", "received_at"):
        if getattr(record, name, None) is not None:
            change[name] = to_datetime(to_us(getattr(record, name)) + shift)
    return record.model_copy(update=change)


class Clinic:
    """Journal, store and owner on a directory, lived through as fast as the machine can."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.now_us, self._day = START_US, 0
        self.store = Store(f"sqlite:///{data / 'chairside.sqlite'}")
        self.journal = SqliteJournal(data / "chairside.sqlite", lambda: self.now_us, head=HeadFile(data / HEAD_FILE))
        self.owner = Owner(
            self.journal, self.store, "received", lambda _: None, lambda fault: print(fault, file=sys.stderr)
        )
        self.owner.restore()
        self.store.migrate()
        self.frames_read = self.owner.recover()

    def hurry(self) -> None:
        """Do not wait for the disk from now on."""
        self.journal._connection.execute("PRAGMA synchronous=OFF")
        connection = self.store.database.engine.raw_connection()
        connection.cursor().execute("PRAGMA synchronous=OFF")
        connection.close()  # back to the pool, which gives it out again

    def lives(self, payloads: list[bytes], seconds: list[int]) -> None:
        """Frames at these seconds of the year, each decided and written."""
        shard = self.owner.shard
        for second, payload in zip(seconds, payloads, strict=True):
            self.now_us = START_US + second * SECOND
            (entry,) = self.journal.append([payload])
            effects = shard.step(entry.offset, entry.received_us, entry.payload)
            if effects.to_write:
                self.store.commit(effects)
            if shard.next_offset % CHECKPOINT_EVERY == 0:
                self.checkpoint()

    def checkpoint(self) -> None:
        shard = self.owner.shard
        day = self.now_us // DAY
        self.store.save_checkpoint(0, shard.next_offset, shard.snapshot(), SHARD_FORMAT, daily=day != self._day)
        self._day = day

    def ends(self) -> None:
        self.journal.close()
        self.store.close()


TICK: Final = FrameBuilder().seal()


def days_of(
    week: list[list[tuple[int, bytes]]], days: int, seconds: range
) -> Iterator[tuple[int, list[bytes], list[int]]]:
    """Each day's frames and their seconds, of `seconds` of the day; every second without a frame is a tick."""
    for day in range(days):
        weekday = day % 7
        busy = dict(week[weekday]) if weekday < len(week) else {}
        payloads = [pack_frame(moved(decode(busy[n]), day)) if n in busy else TICK for n in seconds]
        yield day, payloads, [day * 86_400 + n for n in seconds]


def size_mb(data: Path) -> float:
    """Of all files of a directory."""
    return sum(file.stat().st_size for file in data.iterdir()) / 10**6


def table_sizes(path: Path) -> dict[str, float]:
    """MB by table, its indexes with it."""
    with closing(sqlite3.connect(path)) as database:
        owner = dict(database.execute("SELECT name, tbl_name FROM sqlite_master"))
        found: dict[str, float] = {}
        try:
            rows = database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        except sqlite3.OperationalError:
            return {}
        for name, size in rows:
            whose = owner.get(name, name)
            found[whose] = found.get(whose, 0.0) + size / 10**6
    return found


def live_year(
    data: Path, days: int, sessions: int, say: Any = print, hours: float = OPEN_H, seconds: range = WHOLE_DAY
) -> list[Figure]:
    """Live so many days, `seconds` of each, and measure what they leave."""
    week = [working_day(seed, sessions, hours) for seed in range(1, WORKING + 1)]
    clinic = Clinic(data)
    clinic.hurry()
    begun = time.monotonic()
    for day, payloads, when in days_of(week, days, seconds):
        clinic.lives(payloads, when)
        delete_old_frames(clinic.journal, clinic.store, 0, clinic.now_us, RAW_DAYS, pause_s=0)
        if day % 10 == 9:
            say(f"day {day + 1}: {size_mb(data):,.0f} MB, {time.monotonic() - begun:,.0f} s", file=sys.stderr)
    clinic.checkpoint()
    tail = [TICK] * 30
    clinic.lives(tail, [days * 86_400 + n for n in range(30)])
    clinic.ends()
    return measured(data, days, say)


def measured(data: Path, days: int, say: Any = print) -> list[Figure]:
    """Figures of a directory in which so many days were lived."""
    part = f"{days} days"
    found = [Figure(part, "data directory", [size_mb(data)], "MB")]
    sizes = table_sizes(data / "chairside.sqlite")
    raw = sum(size for name, size in sizes.items() if name.startswith("journal"))
    found.append(Figure(part, f"of that the journal's seconds, of the last {RAW_DAYS} days", [raw], "MB"))
    found.append(Figure(part, "of that vitals by the minute", [sizes.get("vitals_hours", 0.0)], "MB"))
    found.append(
        Figure(
            part,
            "of that everything else, kept for ever",
            [sum(sizes.values()) - raw - sizes.get("vitals_hours", 0.0)],
            "MB",
        )
    )
    starts = []
    for _ in range(3):
        began = time.perf_counter()
        clinic = Clinic(data)
        starts.append(time.perf_counter() - began)
        clinic.ends()
    found.append(Figure(part, "start: state restored and journal read on", starts, "s"))
    with tempfile.TemporaryDirectory(dir=data.parent) as folder:
        began = time.perf_counter()
        backup = back_up(data, Path(folder) / "backups", time.time_ns() // 1000)
        found.append(Figure(part, "backup", [time.perf_counter() - began], "s"))
        began = time.perf_counter()
        wrong = verify(backup).wrong
        found.append(Figure(part, "verify", [time.perf_counter() - began], "s"))
        began = time.perf_counter()
        restore(backup, Path(folder) / "restored", say=lambda _: None)
        found.append(Figure(part, "restore", [time.perf_counter() - began], "s"))
    if wrong:
        raise SystemExit(f"the backup is not whole: {wrong}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    found.append(Figure(part, "memory of this process at its peak", [peak], "MB"))
    say(
        json.dumps({name: round(size, 1) for name, size in sorted(sizes.items(), key=lambda one: -one[1])[:12]}),
        file=sys.stderr,
    )
    return found


def main() -> None:
    """Live the year and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.year", description="A year of a twelve-chair clinic.")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--sessions", type=int, default=36, help="a working day's; twelve chairs have three each")
    parser.add_argument("--data", type=Path, help="where; else in a folder that is removed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or Path(folder) / "data"
        figures = live_year(data, options.days, options.sessions)
    text = f"{heading('make prove-year', 1)}\n\n{table(figures)}"
    print(text)


if __name__ == "__main__":
    main()
