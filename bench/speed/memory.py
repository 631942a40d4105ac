"""Memory a session: how much a process grows by, from an empty shard to one with many sessions.

A process of its own gets frames of a full house over a pipe and does with them what an owner does: step, and at the end a
snapshot, which is kept to go back to. What is counted is what the kernel says is resident (Linux only), so arrays that have grown
for more sessions than there are count whole, as does what Python keeps for later. That process: `python -m bench.speed.memory`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgpack

from bench.figures import Figure
from bench.speed.load import frames, full_house, lines_of
from streams.shard import Shard
from streams.ward.samples import prepare

SESSIONS: Final = 10_000
MINUTES: Final = 3.0
"""They arrive over two: everyone has readings, the protocol's first entries and a device by then."""


def figures(sessions: int = SESSIONS, minutes: float = MINUTES) -> list[Figure]:
    """How much a process with so many sessions has grown by, of the whole and of each.

    Raises:
        RuntimeError: the process failed.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "bench.speed.memory"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipe to the process")
        for stamped in frames(lines_of(full_house(sessions, minutes)), 1000):
            process.stdin.write(msgpack.packb((stamped.received_us, stamped.payload)))
        process.stdin.close()
        said = process.stdout.read()
    if process.returncode:
        raise RuntimeError(f"the process ended with {process.returncode}")
    found = json.loads(said)
    of = f"a shard of {found['sessions']:,} sessions"
    grown = found["resident"] - found["resident_empty"]
    return [
        Figure("memory", f"{of}, the process", [found["resident"] / 1e6], "MB"),
        Figure("memory", f"{of}, a session", [grown / found["sessions"]], "B"),
    ]


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Take frames from stdin; say what an empty shard took, and what they have made of it."""
    prepare()
    shard = Shard()
    empty = resident()
    for received_us, payload in msgpack.Unpacker(sys.stdin.buffer):
        shard.step(shard.next_offset, received_us, payload)
    shard.snapshot()
    found = {"sessions": len(shard.ward.association.sessions), "resident_empty": empty, "resident": resident()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
