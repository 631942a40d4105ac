"""A network for a test on real servers (servers.py): its topics and database, a worker at work, and what it must come to.

A network is a prefix for its topics and groups and a database of its own, so tests share the servers and nothing else.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count
from pathlib import Path

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.exc import SQLAlchemyError

from alerts.store.store import Store
from bench.crash.states import state_differences
from deploy.cluster.broker import LocalBroker
from deploy.cluster.database import LocalDatabase
from models.wire.observations import CheckIn, Event, Intervention, SessionStarted, Vitals
from streams.hosts.kafka.worker import ShardWorker
from streams.intake.append import Overloaded
from streams.intake.kafka import NetworkIntake
from streams.journal.kafka import KafkaConnection, KafkaProducer, create_topics
from streams.journal.topics import OBSERVATIONS_TOPIC, Topic
from streams.shard import SHARD_FORMAT, Shard

SHARDS = 4
PATIENCE_S = 300.0
"""How long anything here may take before the machine is called broken; it is never waited for when all is well."""

_NUMBERS = count(1)

Record = tuple[int, int, bytes]
"""offset, the broker's stamp in microseconds, value."""


@dataclass
class Network:
    """Topics and a database that nobody else uses."""

    connection: KafkaConnection
    url: str
    shards: int = SHARDS

    async def end(self, shard: int) -> int:
        """The offset that the shard's next frame will have."""
        consumer = AIOKafkaConsumer(**self.connection.client(), enable_auto_commit=False)
        await consumer.start()
        try:
            place = TopicPartition(self.connection.named(OBSERVATIONS_TOPIC), shard)
            return int((await consumer.end_offsets([place]))[place])
        finally:
            await consumer.stop()

    async def records(self, topic: Topic, partition: int) -> AsyncIterator[Record]:
        """All that a partition of a topic holds now, in order."""
        consumer = AIOKafkaConsumer(**self.connection.client(), enable_auto_commit=False, auto_offset_reset="earliest")
        await consumer.start()
        try:
            place = TopicPartition(self.connection.named(topic), partition)
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                for record in (await consumer.getmany(place, timeout_ms=500)).get(place, ()):
                    if record.offset < end:
                        yield record.offset, record.timestamp * 1000, record.value
        finally:
            await consumer.stop()


@asynccontextmanager
async def working(worker: ShardWorker) -> AsyncIterator[ShardWorker]:
    """The worker at work, once it has its shards; when it has stopped, nothing of it is left behind."""
    before = asyncio.all_tasks()
    running = asyncio.create_task(worker.run())
    ready = asyncio.create_task(worker.ready.wait())
    try:
        done, _ = await asyncio.wait([running, ready], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        assert done, "the worker did not come up"
        if running in done:
            running.result()
        yield worker
    finally:
        ready.cancel()
        worker.stop()
        await asyncio.wait_for(running, PATIENCE_S)
    assert asyncio.all_tasks() - {ready} <= before


@asynccontextmanager
async def appending(network: Network) -> AsyncIterator[NetworkIntake]:
    """An edge's way into the network's journals."""
    producer = KafkaProducer(network.connection)
    await producer.start()
    appender = NetworkIntake(producer, network.shards)
    try:
        yield appender
    finally:
        await appender.stop()
        await producer.stop()
        gc.collect()  # what aiokafka left open of a broker that died is complained of here, where that is allowed


async def until(reached: Callable[[], bool], what: str) -> None:
    """Wait until something holds, looking often."""
    async with asyncio.timeout(PATIENCE_S):
        while not reached():  # noqa: ASYNC110 - what is waited for is in other threads, processes and servers
            await asyncio.sleep(0.02)
    assert reached(), what


async def network_on(broker: LocalBroker, database: LocalDatabase, shards: int = SHARDS) -> Network:
    """A new network on these servers."""
    number = next(_NUMBERS)
    connection = KafkaConnection(broker.address, prefix=f"n{number}.")
    await create_topics(connection, shards, 1)
    url = database.create(f"network_{number}")
    store = Store(url)
    store.migrate()
    store.close()
    return Network(connection, url, shards)


async def again(append: Callable[[], Awaitable[None]]) -> None:
    """What a sender does: send it again until it is taken."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await append()
            except Overloaded:
                continue
            return


async def everywhere(store: Store, appender: NetworkIntake, what: str) -> None:
    """A note at every site; return when the workers have written all of them, so that all before them is written too."""
    at = datetime.now(UTC)
    notes = [Intervention(at=at, site=site, patient=f"p-{site}", what="note", detail=what) for site in SITES]
    await again(lambda: appender.append(notes))

    def written() -> bool:
        try:
            return all(
                any(entry["doc"].get("detail") == what for entry in store.entries(site, limit=20)) for site in SITES
            )
        except SQLAlchemyError:
            return False

    await until(written, f"what was noted {what}")


class Processes:
    """`chairside` processes of a network, by name; each logs to a file in `folder`. All are ended at the end."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "network.toml"
        kafka, url = network.connection, network.url
        self._file.write_text(
            f'sites = "sites"\n[kafka]\nbrokers = "{kafka.brokers}"\nprefix = "{kafka.prefix}"\n[database]\nurl = "{url}"\n'
            '[answers]\nkey_file = "answer-keys"\n',
            "utf-8",
        )
        (folder / "answer-keys").write_text("new-key\nold-key\n", "utf-8")
        (folder / "sites").mkdir()
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: str, *options: str, after: str = "") -> None:
        """Start one; `after`: Python that it runs first, to be another version."""
        program = f"{after}\nfrom deploy.cli import main; main()"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-c", program, command, "--network", str(self._file), *options],
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def site(self, name: str, text: str) -> None:
        """Write a site's configuration file."""
        (self.folder / "sites" / f"{name}.toml").write_text(f'[site]\nname = "{name}"\n{text}', "utf-8")

    async def edge(self, name: str, *options: str) -> httpx.AsyncClient:
        """Start an edge; a client of it, once it answers."""
        self.start(name, "edge", "--port", "0", *options)
        await until(lambda: "http://" in self.log(name), f"{name} listens")
        client = httpx.AsyncClient(
            base_url=self.log(name).split("edge on ")[1].split()[0], timeout=PATIENCE_S, trust_env=False
        )
        answer = await client.get("/healthz")
        assert answer.status_code == 200, answer.text
        return client

    def send(self, name: str, signal_: signal.Signals) -> None:
        self.running[name].send_signal(signal_)

    def kill(self, name: str) -> None:
        """As a power cut does."""
        self.running[name].kill()
        self.running.pop(name).wait()

    def end(self, name: str) -> int:
        """Ask it to end; its exit status."""
        self.running[name].terminate()
        return self.running.pop(name).wait(PATIENCE_S)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()


SITES = tuple(f"clinic-{number}" for number in range(12))


def recent(minutes: int = 2, sites: Sequence[str] = SITES) -> list[list[Vitals | Event]]:
    """Posts of some minutes that end now: at each site one sitting whose oxygen falls, and a patient at home who answers badly.

    The sender's clock is a little behind, as after a network that was away, and the falls are long: alerts come at once.
    """
    begin = datetime.now(UTC) - timedelta(minutes=minutes)
    posts: list[list[Vitals | Event]] = [
        [
            SessionStarted(
                at=begin, site=site, patient=f"p-{site}", session=f"s-{site}", chair="1", device=f"monitor-{site}",
                drug="esketamine", route="intranasal", planned_mg=56.0,
            ),
            CheckIn(at=begin, site=site, patient=f"home-{site}", instrument="phq-9", items=[*[2] * 8, 1 + number % 3]),
        ]
        for number, site in enumerate(sites)
    ]  # fmt: skip
    for second in range(1, minutes * 60):
        at = begin + timedelta(seconds=second)
        low = 20 <= second % 60 < 50
        posts.append(
            [
                Vitals(
                    at=at, site=site, device=f"monitor-{site}", id=f"{site}-{second}",
                    spo2=(84.0 if low else 97.0) - second % 2, pulse=70.0 + second % 3, rr=14.0 + second % 2,
                )
                for site in sites
            ]
        )  # fmt: skip
    return posts


@dataclass
class Compared:
    """What a comparison with the linear replay came to."""

    frames: int = 0
    effects: int = 0
    samples: int = 0
    repeated: int = 0
    """Samples that the ward had had, or that came late."""
    stamps: dict[tuple[int, int], int] = field(default_factory=dict)
    """(shard, offset) → when the brokers had the frame, of the frames that had effects."""
    payloads: set[bytes] = field(default_factory=set)
    """Hashes of all frames."""


def hashed(payload: bytes) -> bytes:
    """What a frame is known by."""
    return blake2b(payload, digest_size=8).digest()


async def assert_exact(network: Network, folder: Path) -> Compared:
    """The store has exactly what a linear replay of `observations` gives, up to each shard's checkpoint, and so has its state."""
    store, linear = Store(network.url), Store(f"sqlite:///{folder / 'linear.sqlite'}")
    compared = Compared()
    try:
        linear.migrate()
        for number in range(network.shards):
            checkpoint = store.load_checkpoint(number, SHARD_FORMAT)
            assert checkpoint is not None, f"shard {number} has no checkpoint"
            shard = Shard(number)
            async for offset, received_us, payload in network.records(OBSERVATIONS_TOPIC, number):
                if offset >= checkpoint.next_offset:
                    break
                done = shard.step(offset, received_us, payload)
                compared.payloads.add(hashed(payload))
                linear.commit(done)
                if done.effects:
                    compared.stamps[number, offset] = received_us
            assert shard.next_offset == checkpoint.next_offset, f"shard {number} has {shard.next_offset} frames"
            assert state_differences(checkpoint.state, shard.snapshot()) == [], f"shard {number} has another state"
            there = [row for row in store.digests(number) if row[0] < checkpoint.next_offset]
            assert there == linear.digests(number), f"shard {number} has other effects"
            compared.frames += shard.next_offset
            compared.effects += len(there)
            compared.samples += shard.ward.counts["samples"]
            compared.repeated += shard.ward.counts["repeated or late"]
        assert store.conflicts() == 0
        return compared
    finally:
        store.close()
        linear.close()
