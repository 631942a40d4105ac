"""The whole embedded path: `chairside serve` in a process of its own, from the post to the last effect in the store.

On the observed clock, because the load is played faster than life and the ward must do all of its work on it; each repetition
goes on where the one before ended, because the ward drops what it has had. The clock stops when the shard has had the last frame.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure
from bench.speed.edge import rates
from bench.speed.posting import SERVE, Posted, post_all, running


def over_http(
    opening: Sequence[bytes], bodies: Sequence[Sequence[bytes]], size: int, repetitions: int
) -> tuple[list[Figure], list[Posted]]:
    """Posts to `serve`: the opening one after the other, not counted; then every sender's bodies, in `repetitions` parts."""
    with (
        tempfile.TemporaryDirectory(prefix="chairside-bench-") as folder,
        running([*SERVE, "--data", folder, "--clock", "observed"], Path(folder)) as server,
    ):
        asyncio.run(post_all(server, [opening], settled=True))
        posted = []
        for part in range(repetitions):
            mine = [_part(each, part, repetitions) for each in bodies]
            posted.append(asyncio.run(post_all(server, mine, settled=True)))
    return rates("whole path over HTTP", size, posted, ""), posted


def _part(bodies: Sequence[bytes], part: int, parts: int) -> Sequence[bytes]:
    return bodies[len(bodies) * part // parts : len(bodies) * (part + 1) // parts]
