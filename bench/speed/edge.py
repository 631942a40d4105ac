"""The edge: validate, pack, append. In this process a step at a time, and over HTTP as a server with nothing behind it.

The server is the observation routes, the intake and the SQLite journal as `serve` has them, without ward, desk and store:
2xx still means fsynced. `python -m bench.speed.edge FOLDER` runs it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import thread_time_ns
from typing import Final

import uvicorn
from fastapi import FastAPI

from alerts.store.store import Store
from bench.figures import Figure
from bench.speed.load import Line
from bench.speed.posting import PATIENCE_S, Posted, post_all, running
from clients.python.chairside_client import Client
from deploy.http import listen
from streams.intake.admission import Admission
from streams.intake.append import Intake
from streams.intake.http import observation_routes
from streams.intake.json import read
from streams.journal.frame import FrameBuilder, decode
from streams.journal.journal import SqliteJournal

SENDERS: Final = 4
SIZES: Final = (100, 1000)
REPETITIONS: Final = 5
AIM: Final = "≥ 60,000"
NDJSON: Final = "application/x-ndjson"


def in_process(lines: Sequence[Line], repetitions: int = REPETITIONS) -> list[Figure]:
    """What validating and packing cost, in bodies and frames of 1,000."""
    bodies = [b"\n".join(text for _, text in lines[n : n + 1000]) for n in range(0, len(lines), 1000)]
    reading, packing = [], []
    for _ in range(repetitions):
        builder = FrameBuilder()
        read_ns = pack_ns = 0
        for body in bodies:
            t0 = thread_time_ns()
            records = read(body, NDJSON).records
            t1 = thread_time_ns()
            for record in records:
                builder.add(record)
            builder.seal()
            pack_ns += thread_time_ns() - t1
            read_ns += t1 - t0
        reading.append(read_ns / 1e3 / len(lines))
        packing.append(pack_ns / 1e3 / len(lines))
    return [
        Figure("edge, in process", "read (validate)", reading, "µs/observation"),
        Figure("edge, in process", "pack", packing, "µs/observation"),
    ]


def over_http(
    bodies: Sequence[Sequence[bytes]], size: int, repetitions: int = REPETITIONS
) -> tuple[list[Figure], list[Posted], int]:
    """Posts to the edge alone; the figures, what was posted, and the samples that its journal then holds."""
    with tempfile.TemporaryDirectory(prefix="chairside-bench-") as folder:
        with running(["-m", "bench.speed.edge", folder], Path(folder)) as server:
            asyncio.run(post_all(server, [mine[:2] for mine in bodies]))
            posted = [asyncio.run(post_all(server, bodies)) for _ in range(repetitions)]
        held = kept(Path(folder) / "chairside.sqlite")
    return rates("edge over HTTP", size, posted, AIM), posted, held


def by_gateway(lines: Sequence[Line], repetitions: int = 3) -> list[Figure]:
    """The same edge, fed by the client for gateways: every line goes over its buffer on disk."""
    by_wall, cost = [], []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(prefix="chairside-bench-") as folder:
            with running(["-m", "bench.speed.edge", folder], Path(folder)) as server:
                began, used = time.perf_counter(), time.process_time()
                with Client(f"http://127.0.0.1:{server.port}", Path(folder) / "buffer.sqlite") as client:
                    for n in range(0, len(lines), 100):
                        client.put(*(text for _, text in lines[n : n + 100]))
                    if not client.flush(PATIENCE_S):
                        raise RuntimeError(f"{client.waiting} lines did not go: {client.problem}")
                by_wall.append(len(lines) / (time.perf_counter() - began))
                cost.append(1e6 * (time.process_time() - used) / len(lines))
            held = kept(Path(folder) / "chairside.sqlite")
            if held != len(lines):
                raise RuntimeError(f"{len(lines)} lines went, and {held} are in the journal")
    return [
        Figure("client for gateways", "put by hundreds, sent by 500, by the wall", by_wall, "observations/s"),
        Figure("client for gateways", "its cost, buffer and all", cost, "µs/observation"),
    ]


def rates(part: str, size: int, posted: Sequence[Posted], aim: str) -> list[Figure]:
    """Observations a second: of the server's processor time, by the wall, and what the client took."""
    what = f"posts of {size:,} lines"
    return [
        Figure(part, what, [p.observations / p.server_s for p in posted], "observations/s/core", aim),
        Figure(part, f"{what}, by the wall", [p.observations / p.wall_s for p in posted], "observations/s"),
        Figure(part, f"{what}, client", [100 * p.client_s / p.wall_s for p in posted], "% of a core"),
    ]


def kept(path: Path) -> int:
    """Observations in a journal, as decoded."""
    journal = SqliteJournal(path, lambda: 0)
    held, offset = 0, 0
    while entries := journal.read(offset):
        held += sum(len(decode(entry.payload)) for entry in entries)
        offset = entries[-1].offset + 1
    journal.close()
    return held


def serve(folder: Path) -> None:
    """The edge alone, until it is told to stop."""
    path = folder / "chairside.sqlite"
    journal = SqliteJournal(path, lambda: time.time_ns() // 1000)
    store = Store(f"sqlite:///{path}")
    intake = Intake(journal, lambda entries: None)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        appending = asyncio.create_task(intake.run())
        yield
        intake.stop()
        await appending
        journal.close()

    app = FastAPI(lifespan=lifespan)
    app.include_router(observation_routes(intake.append, store, lambda accepted, set_aside: None, Admission()))
    listening = listen("127.0.0.1", 0)
    print(f"edge on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False, loop="uvloop", http="httptools", lifespan="on")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
