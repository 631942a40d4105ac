"""What a flood costs an announced chair: its alert's latency alone, beside a flood, and beside one without the bounds on floods.

Each in a service of its own, one after the other in one run. The flood: 10,000 devices that nobody knows, a sample each every
second by one gateway, and 1,000 connections that are opened and say nothing. Forty announced chairs send each second by
connections of their own, as in `bench.speed.latency`, which measures. "without bounds" is the same service with the bounds of
`streams/ward/rules/crowding.py` and `deploy/slow_connections.py` taken away before it starts.
`python -m bench.speed.flood [--seconds S] [--devices N]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from bench.figures import Figure, heading, table
from bench.speed.latency import LASTS, Clinic, Played, plan
from bench.speed.load import SEED
from bench.speed.posting import SERVE, Connection, Server, running
from models.instants import iso

CHAIRS: Final = 40
DEVICES: Final = 10_000
HALF_OPEN: Final = 1000
SECONDS: Final = 40
PATIENCE_S: Final = 60
"""How much longer than it should take a run may last: a service that a flood has stopped answers nobody."""
_WITHOUT: Final = """
import deploy.slow_connections as slow, streams.ward.rules.crowding as crowding
crowding.OF_A_SENDER = crowding.AT_A_SITE = slow.MOST_UNFINISHED = 10**9
slow.HEAD_WITHIN_S, slow.open_many_files = 1e9, lambda: None
from deploy.cli import main; main()
"""
UNBOUNDED: Final = ("-c", _WITHOUT, *SERVE[2:])
"""`serve` without what bounds a flood."""


class Flood:
    """What comes beside the chairs, until `stop`."""

    def __init__(self, server: Server, devices: int) -> None:
        self._server, self._devices = server, devices
        self._idle: list[asyncio.StreamWriter] = []
        self.posts = 0
        self.answers_mb = 0.0
        self.lost = ""

    async def run(self) -> None:
        """Open the silent connections, then post each second."""
        for _ in range(HALF_OPEN):
            with suppress(OSError, TimeoutError):
                _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self._server.port), 1)
                self._idle.append(writer)
        connection, asking = Connection(self._server.port), Connection(self._server.port)
        try:
            while True:
                at = iso(time.time_ns() // 1000)
                lines = (
                    json.dumps({"kind": "vitals", "at": at, "device": f"x-{n}", "spo2": 97})
                    for n in range(self._devices)
                )
                await connection.post("\n".join(lines).encode())
                _, answer = await asking.ask("GET", "/v1/chairs")
                self.posts, self.answers_mb = self.posts + 1, max(self.answers_mb, len(answer) / 1e6)
                await asyncio.sleep(1)
        except (OSError, TimeoutError, EOFError, RuntimeError) as failed:
            self.lost = str(failed) or type(failed).__name__

    def stop(self) -> None:
        """Let go of the silent connections."""
        for writer in self._idle:
            writer.transport.abort()


def run(command: Sequence[str], devices: int, seconds: int) -> tuple[Played, Flood | None]:
    """One run of the chairs, beside a flood of so many devices; of none: alone."""
    with (
        tempfile.TemporaryDirectory(prefix="chairside-bench-") as folder,
        running([*command, "--data", folder], Path(folder), pinned=False) as server,
    ):

        async def played() -> tuple[Played, Flood | None]:
            clinic = Clinic(server, plan(CHAIRS, seconds), 1.0)
            if not devices:
                return await clinic.play("devices"), None
            flood = Flood(server, devices)
            pouring = asyncio.create_task(flood.run())
            try:
                async with asyncio.timeout(seconds + PATIENCE_S):
                    return await clinic.play("devices"), flood
            except (OSError, TimeoutError, EOFError, RuntimeError) as failed:
                # Chairs that could not send either: what was seen until then counts, and what was not is missing.
                print(f"the chairs' senders failed: {str(failed)[:200] or type(failed).__name__}", file=sys.stderr)
                clinic.reckon()
                return clinic.played, flood
            finally:
                pouring.cancel()
                flood.stop()

        return asyncio.run(played())


def figures(part: str, played: Played, flood: Flood | None) -> list[Figure]:
    """Percentiles of one run, and how large the flood has made an answer."""
    found = [Figure(part, "alerts seen of those due", [100 * len(played.from_send) / max(played.due, 1)], "%", "100")]
    for word, percent in (("p50", 50), ("max", 100)):
        if played.from_send:
            found.append(Figure(part, f"send → alert, {word}", [float(np.percentile(played.from_send, percent))], "ms"))
    if flood is not None:
        found.append(Figure(part, "posts of the flood", [flood.posts], ""))
        found.append(Figure(part, "largest answer of /v1/chairs", [flood.answers_mb], "MB"))
    return found


def main() -> None:
    """Alone, beside a flood, and beside one without bounds."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.speed.flood", description="An alert's latency beside a flood."
    )
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--devices", type=int, default=DEVICES)
    options = parser.parse_args()
    if options.seconds < LASTS + 8:
        parser.error(f"--seconds must be at least {LASTS + 8}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    found: list[Figure] = []
    for part, command, devices in (
        ("alone", SERVE, 0), ("beside a flood", SERVE, options.devices), ("without bounds", UNBOUNDED, options.devices),
    ):  # fmt: skip
        print(f"{CHAIRS} chairs, {part}, {options.seconds} s …", file=sys.stderr, flush=True)
        found += figures(f"flood, {part}", *run(command, devices, options.seconds))
    print(heading("make prove-flood", SEED), table(found), sep="\n\n")


if __name__ == "__main__":
    main()
