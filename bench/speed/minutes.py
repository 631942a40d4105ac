"""Sessions' vitals by the minute into the store: processor time a session and minute, by how many of them a frame has.

An hour of a hundred sessions of five channels, on SQLite in a folder of its own: each minute is added to what its hour has, in
the transaction of its frame. `python -m bench.speed.minutes`. Bad at: PostgreSQL, whose own time is another process's.
"""

from __future__ import annotations

import random
import tempfile
from itertools import count
from pathlib import Path
from time import process_time_ns
from typing import Final

from alerts.effects import ChannelMinute, FrameEffects, VitalsMinute
from alerts.store.store import Store
from bench.figures import Figure, table
from models.instants import MINUTE

SESSIONS: Final = 100
MINUTES: Final = 60
SIZES: Final = (1, 100)
SEED: Final = 1
SHOWN: Final = ("hr", "pulse", "rr", "spo2", "etco2")


def figures() -> list[Figure]:
    """A figure for each number of sessions in a frame: a minute of the hour is a repetition."""
    return [
        Figure("store", f"vitals by the minute, {size} a frame", write_hour(size), "µs/session and minute")
        for size in SIZES
    ]


def write_hour(size: int) -> list[float]:
    """Microseconds a session and minute, for each minute of an hour."""
    drawn, found, offsets = random.Random(SEED), list[float](), count()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'store.sqlite'}")
        store.migrate()
        for minute in range(MINUTES):
            parts = [
                VitalsMinute.of("main", f"s{n}", f"p{n}", minute * MINUTE, _readings(drawn)) for n in range(SESSIONS)
            ]
            frames = [tuple(parts[n : n + size]) for n in range(0, SESSIONS, size)]
            began_ns = process_time_ns()
            for some in frames:
                store.commit(FrameEffects(0, next(offsets), (), some))
            found.append((process_time_ns() - began_ns) / SESSIONS / 1000)
        store.close()
    return found


def _readings(drawn: random.Random) -> dict[str, ChannelMinute]:
    lowest = [float(drawn.randint(60, 97)) for _ in SHOWN]
    return {
        name: ChannelMinute(low, low + drawn.randint(0, 5), 60 * low + drawn.randint(0, 99), 60)
        for name, low in zip(SHOWN, lowest, strict=True)
    }


if __name__ == "__main__":
    print(table(figures()))
