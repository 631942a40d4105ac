"""A network under load, and under attack: `python -m bench.network.load --sessions 100000 --sites 200 --minutes 10`.

Starts a real broker, a real database, workers and an edge with boards on it, opens so many sessions over so many sites, and
sends each one's vitals once a second in packed frames, as edges do (sender.py); with `--http` as NDJSON posts of a gateway for
each clinic, to real edges. What is measured begins when all sessions are open and the workers are up to date.
`--find-limit` opens more and more sessions until one decision in a hundred takes longer than a second.
`--kill`: workers are killed with SIGKILL every 1 to 30 s and started again, and broker and database each crash twice.
`--takeover`: a worker is killed each minute, and nothing else; how long until its shards decide again.
`--flood`: one site misbehaves in the second half: 10,000 devices that nobody announced, all its sessions in alarm at once, and
a sender in a loop; latencies of the others are given for both halves.

What is held against what: every frame of the topic is replayed in one process; effects in the database, and the states of all
shards, must be those of the replay, byte for byte; and all that was sent must be in it. Latency is from the brokers' stamp of the
frame that caused an alert to that of the alert on the topic `alerts`, which follows its commit in the database, and to its
arrival at a board.
Bad at: more than one machine; a crash of an edge. The senders run beside what they measure, and are named in the CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from alerts.store.store import Store
from bench.network.sender import FLOODING, HttpLoad, Load, PackedLoad
from bench.network.usage import Usage
from deploy.cluster.broker import LocalBroker, free_ports
from deploy.cluster.database import LocalDatabase
from models.instants import SECOND
from streams.journal.kafka import KafkaProducer
from streams.journal.topics import ALERTS_TOPIC
from streams.shard import SHARD_FORMAT
from tests.support.network import Compared, Network, Processes, assert_exact, network_on, until

SLOWEST_S: Final = 1.0
"""One decision in a hundred may take so long; a bucket of the workers' histogram (deploy/network/worker_http.py)."""
UP_TO_DATE_S: Final = 2.0
"""How old the last decided frame of a shard is at most, where each gets one a second, or a tick, and nothing waits."""
UP_TO_DATE_WITHIN_S: Final = 120.0
STEP_S: Final = 30.0
"""How long each step of `--find-limit` is measured."""
TAKEOVER_EVERY_S: Final = 60.0
LOOK_S: Final = 0.1

_BEHIND: Final = re.compile(r'^chairside_shard_behind_seconds\{shard="(\d+)"\} (\S+)$', re.MULTILINE)
_DECIDED: Final = re.compile(r'^chairside_worker_decision_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


class Workers:
    """The workers, each with a door for its metrics; one that ends is started again, as systemd and Kubernetes do."""

    def __init__(self, processes: Processes, count: int) -> None:
        self._processes = processes
        self._ports = dict(zip([f"worker-{n}" for n in range(count)], free_ports(count), strict=True))
        self._asking = httpx.AsyncClient(timeout=5.0, trust_env=False)
        self.ended: list[str] = []
        """Names and statuses of those that ended without being killed."""

    @property
    def names(self) -> list[str]:
        return list(self._ports)

    def start(self, name: str) -> None:
        self._processes.start(name, "worker", "--port", str(self._ports[name]))

    async def keep_up(self) -> None:
        """Start again what ended by itself, until cancelled."""
        while True:
            for name in self._ports:
                process = self._processes.running.get(name)
                if process is not None and (status := process.poll()) is not None:
                    self.ended.append(f"{name}: {status}")
                    self.start(name)
            await asyncio.sleep(1)

    async def metrics(self, name: str) -> str:
        """A worker's metrics; empty if it does not answer."""
        with suppress(httpx.HTTPError):
            return (await self._asking.get(f"http://127.0.0.1:{self._ports[name]}/metrics")).text
        return ""

    async def decided_us(self, names: Sequence[str]) -> dict[int, float]:
        """By shard of these workers: a stamp that its last decided frame has, or a later one. Zero where nothing was decided."""
        asked = time.time()
        said = await asyncio.gather(*map(self.metrics, names))
        behind = {int(shard): float(seconds) for text in said for shard, seconds in _BEHIND.findall(text)}
        # A shard that has decided nothing yet is 0 s behind in the metrics, as one with nothing to do is.
        return {shard: (asked - seconds) * SECOND if seconds > 0 else 0.0 for shard, seconds in behind.items()}

    async def decisions(self) -> dict[float, float] | None:
        """How many frames with effects took how long at most, over all workers; None if one does not answer."""
        total: dict[float, float] = {}
        said = await asyncio.gather(*map(self.metrics, self._ports))
        for text in said:
            for most, count in _DECIDED.findall(text):
                total[float(most)] = total.get(float(most), 0.0) + float(count)
        return total if all(said) else None

    async def up_to_date(self, shards: int, within_s: float) -> bool:
        """Wait until every shard is; False if that takes too long."""
        give_up_at = time.monotonic() + within_s
        while time.monotonic() < give_up_at:
            now_us = time.time() * SECOND
            decided = await self.decided_us(self.names)
            if len(decided) == shards and now_us - min(decided.values()) < UP_TO_DATE_S * SECOND:
                return True
            await asyncio.sleep(LOOK_S)
        return False

    async def close(self) -> None:
        await self._asking.aclose()


@dataclass
class Takeovers:
    """What was killed, and how long it took until its shards decided again."""

    died: dict[str, int] = field(default_factory=lambda: {"workers": 0, "brokers": 0, "databases": 0})
    first_s: list[float] = field(default_factory=list)
    """SIGKILL → the first decision of a frame that came after it, of any shard of the worker killed."""
    all_s: list[float] = field(default_factory=list)
    """SIGKILL → all of its shards have decided such a frame."""
    cut_short: int = 0
    """Kills after which something else died before all shards were taken over."""

    def figures(self) -> dict[str, Any]:
        return {
            **self.died, "first_decision_s": spread(self.first_s), "all_shards_s": spread(self.all_s),
            "takeovers": len(self.all_s), "cut_short": self.cut_short,
        }  # fmt: skip


async def kill(processes: Processes, workers: Workers, name: str, seen: Takeovers, within_s: float) -> None:
    """Kill a worker, start it again, and watch for so long how its shards are taken over; returns after that time."""
    shards = set(await workers.decided_us([name]))
    processes.kill(name)
    killed, killed_us = time.monotonic(), time.time() * SECOND
    seen.died["workers"] += 1
    workers.start(name)
    first = None
    while (passed_s := time.monotonic() - killed) < within_s:
        decided = await workers.decided_us(workers.names)
        again = {shard for shard in shards if decided.get(shard, 0.0) > killed_us}
        passed_s = time.monotonic() - killed
        if again and first is None:
            first = passed_s
            seen.first_s.append(first)
        if again and again == shards:
            seen.all_s.append(passed_s)
            await asyncio.sleep(within_s - passed_s)
            return
        await asyncio.sleep(LOOK_S)
    seen.cut_short += bool(shards)


async def attack(
    processes: Processes, workers: Workers, broker: LocalBroker, database: LocalDatabase, seconds: int, seen: Takeovers
) -> None:
    """Kill for so many seconds, at random."""
    chance, begun = random.Random(2), time.monotonic()
    at_s = sorted(
        [(seconds * part, "broker") for part in (0.3, 0.6)] + [(seconds * part, "database") for part in (0.45, 0.75)]
    )
    while (passed_s := time.monotonic() - begun) < seconds:
        if at_s and passed_s >= at_s[0][0]:
            server = broker if at_s.pop(0)[1] == "broker" else database
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            seen.died["brokers" if server is broker else "databases"] += 1
        await kill(processes, workers, chance.choice(workers.names), seen, chance.uniform(1, 30))


async def take_over(processes: Processes, workers: Workers, seconds: int, seen: Takeovers) -> None:
    """Kill one worker after the other, each a minute after the last."""
    for number in range(max(1, round(seconds / TAKEOVER_EVERY_S))):
        await kill(processes, workers, workers.names[number % len(workers.names)], seen, TAKEOVER_EVERY_S)


class Boards:
    """Boards of some sites, each on the live feed of an edge; what arrives there, and when."""

    def __init__(self, port: int, sites: Sequence[str]) -> None:
        self._port = port
        self._sites = sites
        self.heard: dict[tuple[int, int], float] = {}
        """(shard, offset) of an alert's cause → when its first transition arrived, in microseconds."""

    async def run(self) -> None:
        """Listen until cancelled."""
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self._port}", timeout=None, trust_env=False
        ) as client:
            await asyncio.gather(*(self._listen(client, site) for site in self._sites))

    async def _listen(self, client: httpx.AsyncClient, site: str) -> None:
        while True:
            with suppress(httpx.HTTPError):
                async with client.stream("GET", "/v1/live", params={"site": site}) as answer:
                    event = ""
                    async for each in answer.aiter_lines():
                        if each.startswith("event:"):
                            event = each[6:].strip()
                        elif event == "alert" and each.startswith("data:"):
                            now_us, cause = time.time() * SECOND, json.loads(each[5:])["cause"]
                            self.heard.setdefault((cause["shard"], cause["offset"]), now_us)
            await asyncio.sleep(0.5)


@dataclass
class Window:
    """A stretch of time that is measured, and what was seen of it at once."""

    sessions: int
    begun_us: float
    ended_us: float = 0.0
    late_s: float = 0.0
    posts_ms: dict[str, float] | None = None
    slow: float | None = None
    """The share of frames with effects that took longer than `SLOWEST_S`, by the workers' own histograms."""
    waits_ms: list[float] = field(default_factory=list)
    boards_ms: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        return {
            "sessions": self.sessions, "seconds": round((self.ended_us - self.begun_us) / SECOND),
            "alerts_timed": len(self.waits_ms), "latency_ms": spread(self.waits_ms),
            "on_boards": len(self.boards_ms), "latency_on_boards_ms": spread(self.boards_ms),
            "slower_than_1_s": None if self.slow is None else round(self.slow, 4),
            "senders_late_s": round(self.late_s, 2), "posts_ms": self.posts_ms,
        }  # fmt: skip


async def prove(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run it; the figures."""
    with ExitStack() as stack:
        broker, database = LocalBroker(folder / "broker"), LocalDatabase(folder / "database")
        for server in (broker, database):
            server.start()
            stack.callback(server.stop)
        network = await network_on(broker, database, given.shards)
        processes = stack.enter_context(closing(Processes(network, folder)))
        workers = Workers(processes, given.workers)
        for name in workers.names:
            workers.start(name)
        await until(lambda: all("loading shards" in processes.log(name) for name in workers.names), "all at work")
        edges = [await processes.edge(f"edge-{n}") for n in range(given.edges if given.http else 1)]
        ports = [int(edge.base_url.port or 0) for edge in edges]
        for edge in edges:
            await edge.aclose()

        def pids() -> dict[str, int]:
            named = {name: process.pid for name, process in processes.running.items()} | {"senders": os.getpid()}
            with suppress(OSError, RuntimeError, ValueError):  # it is being started again
                named["broker"] = broker.pid
                named["database"] = int((database.folder / "postmaster.pid").read_text().split()[0])
            return named

        usage = Usage(pids, frozenset({"database"}))
        producer = KafkaProducer(network.connection)
        load: PackedLoad | HttpLoad = (
            HttpLoad(ports, given.sites) if given.http else PackedLoad(producer, network.shards, given.sites)
        )
        boards = Boards(ports[0], [f"site-{n + 1}" for n in range(min(given.boards, given.sites - 1))])
        beside = [asyncio.create_task(each) for each in (workers.keep_up(), usage.run(), boards.run(), load.run())]

        seen, seconds, windows = Takeovers(), round(given.minutes * 60), list[Window]()
        await open_up_to(load, given.sessions)
        if not await workers.up_to_date(network.shards, UP_TO_DATE_WITHIN_S):
            say("the workers do not get up to date")
        usage.begin()
        if given.find_limit:
            while True:
                window = await measure(load, workers, asyncio.sleep(STEP_S), windows)
                slow = 1.0 if window.slow is None else window.slow
                say(f"{window.sessions:,} sessions: {slow:.2%} of decisions took longer than {SLOWEST_S:g} s")
                if slow > 0.01 or load.sessions + given.step > given.most:
                    break
                await open_up_to(load, load.sessions + given.step)
                if not await workers.up_to_date(network.shards, UP_TO_DATE_WITHIN_S):
                    say(f"with {load.sessions:,} sessions the workers do not get up to date any more")
                    break
        elif given.flood and isinstance(load, PackedLoad):
            await measure(load, workers, asyncio.sleep(seconds / 2), windows)
            load.flood()
            await measure(load, workers, asyncio.sleep(seconds / 2), windows)
        elif given.kill:
            await measure(load, workers, attack(processes, workers, broker, database, seconds, seen), windows)
        elif given.takeover:
            await measure(load, workers, take_over(processes, workers, seconds, seen), windows)
        else:
            await measure(load, workers, asyncio.sleep(seconds), windows)
        cpu = usage.figures()
        say("sent; settling")
        await load.stop()
        await settle(network)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        for name in workers.names:
            processes.end(name)
        await workers.close()
        await producer.stop()
        say("comparing with the linear replay")
        compared = await assert_exact(network, folder)
        await time_alerts(network, compared, boards, windows, without=FLOODING if given.flood else "")
        store = Store(network.url)
        sizes = [len(found.state) for n in range(network.shards) if (found := store.load_checkpoint(n, SHARD_FORMAT))]
        store.close()
    lost = (
        len(load.written.keys() - compared.payloads) if isinstance(load, PackedLoad) else load.sent - compared.samples
    )
    return {
        "sites": given.sites, "shards": given.shards, "workers": given.workers, "over": "http" if given.http else "packed frames",
        "measured": [window.figures() for window in windows],
        "killed": seen.figures() if given.kill or given.takeover else None,
        "cpu_s": cpu, "most_memory_mb": {name: round(most) for name, most in sorted(usage.most_mb.items())},
        "checkpoint_bytes": {"largest": max(sizes), "all": sum(sizes)},
        "in_all": {
            "sessions": load.sessions, "samples_sent": load.sent, "sent_again": load.again, "frames": compared.frames,
            "samples_in_replay": compared.samples, "of_these_repeated_or_late": compared.repeated,
            "lost_posts_or_frames": lost, "effects": compared.effects, "effects_lost_or_doubled": 0,
            "workers_ended_by_themselves": workers.ended,
        },
    }  # fmt: skip


async def open_up_to(load: Load, sessions: int) -> None:
    """Open sessions until there are so many, saying how far it is."""
    began, growing = time.monotonic(), asyncio.create_task(load.grow(sessions))
    while not growing.done():
        await asyncio.wait([growing], timeout=10.0)
        say(f"{load.sessions:,} of {sessions:,} sessions are open, after {time.monotonic() - began:.0f} s")
    growing.result()


async def measure(load: Load, workers: Workers, meanwhile: Awaitable[object], windows: list[Window]) -> Window:
    """What the network does until `meanwhile` is over; put into `windows`."""
    load.late_s = 0.0
    if isinstance(load, HttpLoad):
        load.posts_s.clear()
    before, window = await workers.decisions(), Window(load.sessions, time.time() * SECOND)
    await meanwhile
    window.ended_us, window.late_s = time.time() * SECOND, load.late_s
    if isinstance(load, HttpLoad):
        window.posts_ms = spread([1000 * each for each in load.posts_s])
    after = await workers.decisions()
    if before is not None and after is not None:
        decided = {most: count - before.get(most, 0.0) for most, count in after.items()}
        of = decided.get(float("inf"), 0.0)
        if of > 0 and min(decided.values()) >= 0:  # a worker that was started anew counts from 0
            window.slow = 1 - decided[SLOWEST_S] / of
    windows.append(window)
    return window


async def time_alerts(
    network: Network, compared: Compared, boards: Boards, windows: Sequence[Window], without: str
) -> None:
    """Give each window how long the alerts took that its frames caused; those of the site `without` left out."""
    for shard in range(network.shards):
        async for _, stamp_us, value in network.records(ALERTS_TOPIC, shard):
            said = json.loads(value)
            place = (said["cause"]["shard"], said["cause"]["offset"])
            begun_us = compared.stamps.get(place)
            if begun_us is None or said["site"] == without:
                continue
            for window in windows:
                if window.begun_us <= begun_us < window.ended_us:
                    window.waits_ms.append((stamp_us - begun_us) / 1000)
                    if (heard_us := boards.heard.pop(place, None)) is not None:
                        window.boards_ms.append((heard_us - begun_us) / 1000)


def spread(waits: Sequence[float]) -> dict[str, float] | None:
    """The middle, the hundredth and the worst; None where there is nothing."""
    return {f"p{part}": round(float(np.percentile(waits, part)), 2) for part in (50, 99, 100)} if waits else None


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
    sys.stderr.flush()


def main() -> int:
    arguments = argparse.ArgumentParser(
        prog="python -m bench.network.load", description="A network under load, or under attack."
    )
    arguments.add_argument("--sessions", type=int, default=100_000)
    arguments.add_argument("--sites", type=int, default=200)
    arguments.add_argument("--shards", type=int, default=64)
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--edges", type=int, default=2, help="edges that posts go to, with --http")
    arguments.add_argument("--boards", type=int, default=4, help="sites that a board looks at all the while")
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--http", action="store_true", help="NDJSON posts of a gateway for each clinic, to edges")
    what = arguments.add_mutually_exclusive_group()
    what.add_argument("--kill", action="store_true", help="kill workers, broker and database meanwhile")
    what.add_argument("--takeover", action="store_true", help="kill a worker each minute, and time the takeover")
    what.add_argument("--flood", action="store_true", help="have one site misbehave in the second half")
    what.add_argument("--find-limit", action="store_true", help="open more sessions until decisions are late")
    arguments.add_argument("--step", type=int, default=25_000, help="by how many, with --find-limit")
    arguments.add_argument("--most", type=int, default=400_000, help="where --find-limit ends at the latest")
    given = arguments.parse_args()
    if given.flood and given.http:
        arguments.error("--flood sends packed frames")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end with us
    with tempfile.TemporaryDirectory(prefix="chairside-load-") as folder:
        Path(folder).chmod(0o755)
        figures = asyncio.run(prove(given, Path(folder)))
    print(json.dumps(figures, indent=1))
    return 1 if figures["in_all"]["lost_posts_or_frames"] else 0


if __name__ == "__main__":
    sys.exit(main())
