"""Checkpoints: bytes a session, and how long writing and reading one takes.

On the stream of the other figures: an hour of a full house, with doses, cuffs, check-ins, repeats that must be remembered
for a day, and standing alerts. The larger house is ten minutes in, for the time that it takes.
"""

from __future__ import annotations

from time import thread_time_ns
from typing import Final

from bench.figures import Figure
from streams.shard import Shard

REPETITIONS: Final = 5


def figures(shard: Shard, aim: str = "≤ 500", repetitions: int = REPETITIONS) -> list[Figure]:
    """Size and times of one shard's checkpoint. Restored and written again, it must be the same bytes."""
    sessions = len(shard.ward.association.sessions)
    of = f"{sessions:,} sessions"
    writing, reading = [], []
    state = b""
    for _ in range(repetitions):
        t0 = thread_time_ns()
        state = shard.snapshot()
        t1 = thread_time_ns()
        again = Shard.restore(state)
        t2 = thread_time_ns()
        writing.append((t1 - t0) / 1e6)
        reading.append((t2 - t1) / 1e6)
    if again.snapshot() != state:
        raise ValueError("a restored checkpoint is not what was written")
    return [
        Figure("checkpoint", of, [len(state) / sessions], "B/session", aim),
        Figure("checkpoint", f"{of}, open alerts", [len(shard.desk.open)], "alerts"),
        Figure("checkpoint", f"{of}, write", writing, "ms"),
        Figure("checkpoint", f"{of}, read", reading, "ms"),
    ]
