"""A network under load, and under attack: `python -m bench.network.load --sessions 100000 --sites 200 --minutes 10`.

Starts a real broker, a real database and some workers, opens so many sessions over so many sites, and sends each one's vitals
once a second in packed frames, as edges do. One session in a hundred desaturates each minute: each step of an alert is timed.
With `--kill`, workers are killed with SIGKILL every 1 to 30 s and started again, and broker and database each crash twice.
With `--flood`, one site misbehaves in the second half: 10,000 devices that nobody announced, all its sessions in alarm at once,
and a sender in a loop; latencies of the others are given for both halves.

What is held against what: every frame of the topic is replayed in one process; effects in the database, and the states of all
shards, must be those of the replay, byte for byte; and all samples that were sent must be in it. Latency is the brokers' own:
from the stamp of the frame that caused an alert to that of the alert on the topic `alerts`, which follows its commit.
Bad at: HTTP (bench/speed measures edges); more than one machine. CPU is of each process, from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from aiokafka.errors import KafkaError

from alerts.store.store import Store
from deploy.cluster.broker import LocalBroker
from deploy.cluster.database import LocalDatabase
from models.instants import to_us
from models.tables.channels import CHANNEL_NAMES
from models.wire.observations import SessionStarted
from streams.intake.kafka import frames
from streams.journal.frame import FULL, FrameBuilder, Sample
from streams.journal.kafka import KafkaProducer
from streams.journal.topics import ALERTS_TOPIC, OBSERVATIONS_TOPIC, shard_of
from streams.shard import SHARD_FORMAT
from tests.support.network import Network, Processes, assert_exact, network_on, until

TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
FALLS: Final = 100
"""One session in so many desaturates each minute."""
LASTS_S: Final = 40
FLOODING: Final = "site-0"
STRANGERS: Final = 10_000
"""Unknown devices of the flood, each with a sample a second."""
LOOPS: Final = 10
"""How often the sender in a loop sends the same second again."""


@dataclass
class Seat:
    """One session of the load."""

    origin: tuple[str, str | None, str | None, str | None, str | None]
    falls_at_s: int


def values(**readings: float) -> bytes:
    """One sample's values, as a frame has them."""
    return np.array([readings.get(name, np.nan) for name in CHANNEL_NAMES], "<f8").tobytes()


GOOD: Final = tuple(values(spo2=97.0 - n, pulse=70.0 + n, rr=14.0 + n) for n in range(2))
LOW: Final = tuple(
    values(spo2=max(97.0 - n, 83.0 + n % 2), pulse=70.0 + n % 2, rr=14.0 + n % 2) for n in range(LASTS_S)
)
"""A slide of one a second, because a step would be doubted for half a minute."""


def cpu_s(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def memory_mb(pid: int) -> float:
    """Megabytes that a process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Load:
    """The sender of all sites."""

    def __init__(self, producer: KafkaProducer, shards: int, sessions: int, sites: int, flood: bool = False) -> None:
        self._producer = producer
        self._flood = flood
        self.flooding_since_us: int | None = None
        self.seats: list[list[Seat]] = [[] for _ in range(shards)]
        chance = random.Random(1)
        for number in range(sessions):
            site = f"site-{number % sites}"
            origin = (site, None, None, f"m{number}", None)
            falls = chance.randrange(20) if number % FALLS == 0 else -1
            self.seats[shard_of(site, shards)].append(Seat(origin, falls))
        self.sent = 0
        self.late_s = 0.0
        """By how much the sender was behind its own clock, at the worst."""

    async def open(self) -> None:
        """Begin every session."""
        now = datetime.now(UTC)
        for shard, seats in enumerate(self.seats):
            started = [
                SessionStarted(
                    at=now, site=seat.origin[0], patient=f"p{seat.origin[3]}", session=f"s{seat.origin[3]}",
                    chair=seat.origin[3], device=seat.origin[3], drug="esketamine", route="intranasal", planned_mg=56.0,
                )
                for seat in seats
            ]  # fmt: skip
            await self._write(shard, frames(started) if started else [])

    async def run(self, seconds: int) -> None:
        """A second's vitals of everybody, each second, spread over it by shard."""
        begun = time.monotonic()
        writing: set[asyncio.Task[None]] = set()
        for second in range(seconds):
            if self._flood and second >= seconds // 2:
                self.flooding_since_us = self.flooding_since_us or to_us(datetime.now(UTC))
                task = asyncio.create_task(self._write(shard_of(FLOODING, len(self.seats)), self._pack_flood(second)))
                writing.add(task)
                task.add_done_callback(writing.discard)
            for shard, seats in enumerate(self.seats):
                ahead_s = second + shard / len(self.seats) - (time.monotonic() - begun)
                if ahead_s > 0:
                    await asyncio.sleep(ahead_s)
                self.late_s = max(self.late_s, -ahead_s)
                task = asyncio.create_task(self._write(shard, self._pack(seats, second)))
                writing.add(task)
                task.add_done_callback(writing.discard)
        await asyncio.gather(*writing)

    def _pack(self, seats: list[Seat], second: int) -> list[bytes]:
        builder, packed = FrameBuilder(), []
        at_us, of_minute, odd = to_us(datetime.now(UTC)), second % 60, second % 2
        for seat in seats:
            low = of_minute - seat.falls_at_s
            falling = seat.falls_at_s >= 0 and 0 <= low < LASTS_S
            builder.add(Sample(at_us, seat.origin, LOW[low] if falling else GOOD[odd], None, None, None, None))
            if len(builder) >= FULL:
                packed.append(builder.seal())
        if len(builder):
            packed.append(builder.seal())
        self.sent += len(seats)
        return packed

    def _pack_flood(self, second: int) -> list[bytes]:
        """One second of the site that misbehaves."""
        builder, packed = FrameBuilder(), []
        at_us, low = to_us(datetime.now(UTC)), LOW[min(second % 60, LASTS_S - 1)]
        strangers = [(FLOODING, None, None, f"stranger{number}", None) for number in range(STRANGERS)]
        mine = [seat.origin for seat in self.seats[shard_of(FLOODING, len(self.seats))] if seat.origin[0] == FLOODING]
        for origin in [*strangers, *mine, *(mine * LOOPS)]:
            builder.add(Sample(at_us, origin, low, None, None, None, None))
            if len(builder) >= FULL:
                packed.append(builder.seal())
        if len(builder):
            packed.append(builder.seal())
        self.sent += len(strangers) + len(mine) * (1 + LOOPS)
        return packed

    async def _write(self, shard: int, packed: list[bytes]) -> None:
        while packed:
            try:
                await self._producer.send(OBSERVATIONS_TOPIC, [(None, frame) for frame in packed], shard)
                return
            except KafkaError:
                await asyncio.sleep(0.5)  # what was written all the same is written twice, and dropped by the ward


async def keep_up(processes: Processes, ended: list[str]) -> None:
    """Start again what ended by itself, as systemd and Kubernetes do; `ended` gets its name and status."""
    while True:
        for name, process in list(processes.running.items()):
            if (status := process.poll()) is not None:
                ended.append(f"{name}: {status}")
                processes.start(name, "worker")
        await asyncio.sleep(1)


async def attack(processes: Processes, broker: LocalBroker, database: LocalDatabase, seconds: int) -> dict[str, int]:
    """Kill for so many seconds; how often what died."""
    chance, begun = random.Random(2), time.monotonic()
    died = {"workers": 0, "brokers": 0, "databases": 0}
    at_s = sorted(
        [(seconds * part, "broker") for part in (0.3, 0.6)] + [(seconds * part, "database") for part in (0.45, 0.75)]
    )
    while (passed_s := time.monotonic() - begun) < seconds:
        if at_s and passed_s >= at_s[0][0]:
            server = broker if at_s.pop(0)[1] == "broker" else database
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            died["brokers" if server is broker else "databases"] += 1
        name = chance.choice(sorted(processes.running))
        processes.kill(name)
        died["workers"] += 1
        processes.start(name, "worker")
        await asyncio.sleep(chance.uniform(1, 30))
    return died


async def prove(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run it; the figures."""
    with ExitStack() as stack:
        broker, database = LocalBroker(folder / "broker"), LocalDatabase(folder / "database")
        for server in (broker, database):
            server.start()
            stack.callback(server.stop)
        network = await network_on(broker, database, given.shards)
        processes = stack.enter_context(closing(Processes(network, folder)))
        for number in range(given.workers):
            processes.start(f"worker-{number}", "worker")
        await until(lambda: all("loading shards" in processes.log(name) for name in processes.running), "all at work")
        ended: list[str] = []
        keeping = asyncio.create_task(keep_up(processes, ended))
        producer = KafkaProducer(network.connection)
        load = Load(producer, network.shards, given.sessions, given.sites, given.flood)
        await load.open()
        say(f"{given.sessions:,} sessions opened")

        pids = {"broker": broker.pid, "sender": os.getpid()}
        if not given.kill:
            pids |= {name: process.pid for name, process in processes.running.items()}
        before, seconds = {name: cpu_s(pid) for name, pid in pids.items()}, round(given.minutes * 60)
        attacking = asyncio.create_task(attack(processes, broker, database, seconds)) if given.kill else None
        await load.run(seconds)
        cpu = {
            name: round(cpu_s(pid) - before[name], 1)
            for name, pid in pids.items()
            if attacking is None or name == "sender"
        }
        memory = {name: round(memory_mb(pid)) for name, pid in pids.items() if attacking is None or name == "sender"}
        died = None if attacking is None else await attacking
        say("sent; settling")
        await settle(network)
        keeping.cancel()
        for name in sorted(processes.running):
            processes.end(name)
        await producer.stop()
        say("comparing with the linear replay")
        compared = await assert_exact(network, folder)
        waits, flooded = [], []
        for shard in range(network.shards):
            async for _, stamp_us, value in network.records(ALERTS_TOPIC, shard):
                said = json.loads(value)
                place = (said["cause"]["shard"], said["cause"]["offset"])
                if place in compared.stamps:
                    begun_us = compared.stamps[place]
                    if load.flooding_since_us is None or begun_us < load.flooding_since_us:
                        waits.append((stamp_us - begun_us) / 1000)
                    elif said["site"] != FLOODING:
                        flooded.append((stamp_us - begun_us) / 1000)
        store = Store(network.url)
        sizes = [len(found.state) for n in range(network.shards) if (found := store.load_checkpoint(n, SHARD_FORMAT))]
        store.close()
    return {
        "sessions": given.sessions, "sites": given.sites, "shards": given.shards, "workers": given.workers,
        "seconds": seconds, "samples_sent": load.sent, "samples_in_replay": compared.samples, "frames": compared.frames,
        "effects": compared.effects, "alerts_timed": len(waits),
        "latency_ms": percentiles(waits), "latency_ms_of_others_in_the_flood": percentiles(flooded),
        "sender_late_s": round(load.late_s, 2), "cpu_s": cpu, "memory_mb": memory, "killed": died, "ended_by_themselves": ended,
        "checkpoint_bytes": {"largest": max(sizes), "all": sum(sizes)},
    }  # fmt: skip


def percentiles(waits: list[float]) -> dict[str, float] | None:
    """The middle, the hundredth and the worst; None where there is nothing."""
    return {f"p{part}": float(np.percentile(waits, part)) for part in (50, 99, 100)} if waits else None


async def settle(network: Network) -> None:
    """Return when the workers have decided all frames: their checkpoints pass what was there when this began."""
    ends = {number: await network.end(number) for number in range(network.shards)}
    store = Store(network.url)

    def passed() -> bool:
        found = (store.load_checkpoint(number, SHARD_FORMAT) for number in ends)
        return all(one is not None and one.next_offset >= ends[n] for n, one in enumerate(found))

    await until(passed, "all is decided")
    store.close()


def say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main() -> None:
    arguments = argparse.ArgumentParser(
        prog="python -m bench.network.load", description="A network under load, or under attack."
    )
    arguments.add_argument("--sessions", type=int, default=100_000)
    arguments.add_argument("--sites", type=int, default=200)
    arguments.add_argument("--shards", type=int, default=64)
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--kill", action="store_true", help="kill workers, broker and database meanwhile")
    arguments.add_argument("--flood", action="store_true", help="have one site misbehave in the second half")
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end with us
    with tempfile.TemporaryDirectory(prefix="chairside-load-") as folder:
        Path(folder).chmod(0o755)
        print(json.dumps(asyncio.run(prove(given, Path(folder))), indent=1))


if __name__ == "__main__":
    main()
