"""The seam to Kafka: the ward and desk that run in one process run the same in a Faust agent against a broker.

`Worker` is the smallest host that keeps the promises: the agent's body is total, state is in the shard and nowhere else,
and where to read from is the shard's business, not the consumer group's. Each worker takes about 4 s to join its group
(see `tests/support/kafka.py`), so there are few.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import faust
import pytest
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP, StreamT

from alerts.effects import FrameEffects, Page, Transition, encode
from models.instants import SECOND, from_iso, to_datetime
from models.wire.observations import AlertAcknowledged, Dose, Event, LimitChange, SessionStarted, SiteConfigured, Vitals
from streams.journal.frame import FrameBuilder
from streams.shard import OffsetGap, Shard

if TYPE_CHECKING:
    from tests.support.kafka import Broker

pytest_plugins = ("tests.support.kafka",)

TOPIC: Final = "observations"
GROUP: Final = "ward"
START: Final = from_iso("2026-11-23T14:00:00Z")
MILLISECOND: Final = 1_000
SITES: Final = {0: "main", 1: "north"}
"""The site of each shard here; a shard is one partition of the topic."""
FRAMES: Final = 150
CHECKPOINT_EVERY: Final = 40
PATIENCE_S: Final = 120.0
"""How long a worker may take before the machine is called broken; it is never waited for when all is well."""

Stamped = tuple[int, bytes]
"""A frame as the journal has it: received_us, payload."""
Effects = dict[tuple[int, int, int], str]
"""(shard, offset, n) → the effect's line of JSON."""


# ---- the worker ------------------------------------------------------------------------------------------------------


class _ReadFromCheckpoints(Consumer):
    """Faust's consumer, but it starts where the shards say, however far the group has committed.

    This is the one place for it: Faust asks here after every rebalance, before it fetches anything; a seek made from the
    outside comes before that and is undone, or after it and finds frames from elsewhere already on their way.
    """

    positions: Mapping[int, int]

    async def seek_to_committed(self) -> Mapping[TP, int]:
        offsets = {tp: self.positions.get(tp.partition, 0) for tp in self.assignment()}
        await self.seek_wait(offsets)
        return offsets


class Worker:
    """A Faust app whose agent steps a shard for each partition. `effects` is what came out, in the order of the frames."""

    def __init__(
        self, kafka: Broker, shards: Iterable[Shard], where: Path, positions: Mapping[int, int] | None = None
    ) -> None:
        self.shards = {shard.number: shard for shard in shards}
        self.effects: list[FrameEffects] = []
        self.stamps: dict[int, list[int]] = {number: [] for number in self.shards}
        self.checkpoints: dict[int, bytes] = {}
        self.refused: Exception | None = None
        self._changed = asyncio.Event()
        starts = positions or {number: shard.next_offset for number, shard in self.shards.items()}
        self.app = faust.App(
            GROUP,
            broker=f"kafka://{kafka.address}",
            store="memory://",
            datadir=str(where),
            web_enabled=False,
            value_serializer="raw",
            topic_allow_declare=False,  # the mock knows no CreateTopics; in production topics are made with care, not by a worker
            topic_disable_leader=True,
            broker_session_timeout=6,  # see tests/support/kafka.py; heartbeat and rebalance to match
            broker_heartbeat_interval=1,
            broker_rebalance_timeout=6,
            stream_wait_empty=False,  # a frame that was refused is never acked: waiting for it would be for ever
        )
        consumer = type("ReadFromCheckpoints", (_ReadFromCheckpoints,), {"positions": starts})
        transport = type("CheckpointTransport", (Transport,), {"Consumer": consumer})
        self.app.transport = transport(self.app.conf.broker_consumer, self.app, loop=self.app.loop)
        topic = self.app.topic(TOPIC, value_type=bytes, value_serializer="raw", partitions=kafka.partitions)
        self.app.agent(topic, name="observe")(self._observe)

    async def _observe(self, stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            message = event.message
            try:
                # Kafka's stamp is whole milliseconds, Faust's a float of seconds: rounding gives the milliseconds back exactly.
                received_us = round(message.timestamp * 1000) * MILLISECOND
                shard = self.shards[message.partition]
                done = shard.step(message.offset, received_us, message.value)
                if shard.next_offset % CHECKPOINT_EVERY == 0:
                    self.checkpoints[shard.number] = shard.snapshot()
            except Exception as error:  # noqa: BLE001 - the body is total, and `refused` tells whoever runs it
                # To raise would ack this frame and go on with the next; to return would leave a worker that looks alive.
                self.refused = error
                self._changed.set()
                await asyncio.Event().wait()
            else:
                self.stamps[shard.number].append(received_us)
                self.effects.append(done)
                self._changed.set()

    async def reaches(self, next_offset: int) -> None:
        """Wait until each of its shards has had the frames below `next_offset`."""
        while any(shard.next_offset < next_offset for shard in self.shards.values()):
            if self.refused is not None:
                raise self.refused
            await self._change()

    async def refuses(self) -> Exception:
        """Wait until it meets a frame that it cannot take, and say why."""
        while self.refused is None:
            await self._change()
        return self.refused

    async def _change(self) -> None:
        await asyncio.wait_for(self._changed.wait(), PATIENCE_S)
        self._changed.clear()


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """The worker at work; when it has stopped, nothing of it is left behind."""
    before = asyncio.all_tasks()
    try:
        await asyncio.wait_for(worker.app.start(), PATIENCE_S)
        yield worker
    finally:
        await worker.app.stop()
    assert asyncio.all_tasks() <= before


# ---- the day ---------------------------------------------------------------------------------------------------------


def day(number: int) -> list[Stamped]:
    """Two sessions at a site, a frame a second. One desaturates from 0:30 to 1:30, by the site's own limit, which comes
    through the journal too (by the built-in one it does not); a nurse acknowledges at 1:00."""
    site = SITES[number]
    shard = Shard(number)
    frames: list[Stamped] = []
    alert: str | None = None
    for second in range(FRAMES):
        # Frames come a little late, each by another number of milliseconds, most of which a float of seconds cannot hold.
        received_us = START + second * SECOND + (second * 37 % 900 + 7) * MILLISECOND
        records: list[Event | Vitals] = []
        at = to_datetime(START) + timedelta(seconds=second)
        if second == 0:
            change = LimitChange(enter=91.0, reason="careful here")
            records.append(SiteConfigured(at=at, site=site, limits={"desaturation": {"medium": {"spo2": change}}}))
            records += [
                SessionStarted(
                    at=at, site=site, patient=f"p{chair}", session=f"s{chair}", chair=chair, device=f"monitor-{chair}",
                    drug="ketamine", route="iv", planned_mg=35.0, planned_minutes=40.0,
                )
                for chair in ("1", "2")
            ]  # fmt: skip
        if second == 5:
            records.append(Dose(at=at, site=site, patient="p1", session="s1", drug="ketamine", amount_mg=35.0))
        if second == 60 and alert is not None:
            records.append(AlertAcknowledged(at=at, site=site, alert=alert, by="rn-1", note="oxygen given"))
        low = 30 <= second < 90
        for chair in ("1", "2"):
            spo2 = (90.5 if low and chair == "1" else 97.0) - second % 2 / 2
            pulse, rr = 72.0 + second % 3, 14.0 + second % 2
            records.append(Vitals(at=at, site=site, device=f"monitor-{chair}", spo2=spo2, pulse=pulse, rr=rr))
        frame = FrameBuilder()
        for record in records:
            frame.add(record)
        frames.append((received_us, frame.seal()))
        for effect in shard.step(second, *frames[-1]).effects:
            if isinstance(effect, Transition) and effect.rule == "desaturation" and effect.transition == "raised":
                alert = effect.alert
    assert alert is not None
    return frames


def in_process(shard: Shard, frames: Iterable[Stamped], first: int = 0) -> list[FrameEffects]:
    """What the embedded host does with the same frames."""
    return [shard.step(offset, *frame) for offset, frame in enumerate(frames, first)]


def keyed(*runs: Iterable[FrameEffects]) -> Effects:
    """The effects of several runs together; two that share a key must be the same bytes, as the store demands."""
    together: Effects = {}
    for run in runs:
        for done in run:
            for n, effect in enumerate(done.effects):
                line = encode(effect)
                assert together.setdefault((done.shard, done.offset, n), line) == line
    return together


def write(kafka: Broker, number: int, frames: Iterable[Stamped]) -> None:
    kafka.append(TOPIC, number, [(received_us // MILLISECOND, payload) for received_us, payload in frames])


@pytest.fixture(scope="module")
def days() -> dict[int, list[Stamped]]:
    return {number: day(number) for number in SITES}


@pytest.fixture(scope="module")
def linear(days: Mapping[int, list[Stamped]]) -> dict[int, list[FrameEffects]]:
    """The in-process run of each shard: what every run through Kafka must give."""
    runs = {number: in_process(Shard(number), frames) for number, frames in days.items()}
    for run in runs.values():
        told = [effect for done in run for effect in done.effects]
        turns = [effect for effect in told if isinstance(effect, Transition) and effect.rule == "desaturation"]
        assert {"raised", "acknowledged"} <= {turn.transition for turn in turns}, (
            "the day has an alert that someone answers"
        )
        assert any(isinstance(effect, Page) for effect in told), "and that pages"
    return runs


# ---- the promises ----------------------------------------------------------------------------------------------------


async def test_the_same_frames_give_the_same_effects_through_kafka_as_in_one_process(
    kafka: Broker, tmp_path: Path, days: dict[int, list[Stamped]], linear: dict[int, list[FrameEffects]]
) -> None:
    for number, frames in days.items():
        write(kafka, number, frames)

    async with running(Worker(kafka, map(Shard, SITES), tmp_path)) as worker:
        await worker.reaches(FRAMES)

    for number, run in linear.items():
        assert [done for done in worker.effects if done.shard == number] == run
        assert worker.stamps[number] == [received_us for received_us, _ in days[number]]
    assert keyed(worker.effects) == keyed(*linear.values())


async def test_frames_read_again_from_an_earlier_offset_change_nothing(
    kafka: Broker, tmp_path: Path, days: dict[int, list[Stamped]], linear: dict[int, list[FrameEffects]]
) -> None:
    checkpoint = 70
    frames = days[0]
    write(kafka, 0, frames)
    before = Shard(0)
    in_process(before, frames[:checkpoint])

    again = Worker(kafka, [Shard.restore(before.snapshot())], tmp_path, positions={0: 20})
    async with running(again) as worker:
        await worker.reaches(FRAMES)

    read_again = [FrameEffects(0, offset, ()) for offset in range(20, checkpoint)]
    assert worker.effects == read_again + linear[0][checkpoint:]
    assert worker.shards[0].snapshot() == _after(frames).snapshot()


async def test_a_worker_that_takes_over_at_an_older_checkpoint_repeats_the_dead_ones_effects_byte_for_byte(
    kafka: Broker, tmp_path: Path, days: dict[int, list[Stamped]], linear: dict[int, list[FrameEffects]]
) -> None:
    checkpoint, death = 40, 75
    frames = days[0]

    write(kafka, 0, frames[:death])
    async with running(Worker(kafka, [Shard(0)], tmp_path)) as dead:
        await dead.reaches(death)
    # All that it knew since its checkpoint is gone, and the group is past it: whoever trusted the group would lose frames.
    left = Shard.restore(dead.checkpoints[0])
    assert left.next_offset == checkpoint
    assert kafka.committed(GROUP, TOPIC, 0) == death

    write(kafka, 0, frames[death:])
    async with running(Worker(kafka, [left], tmp_path)) as heir:
        await heir.reaches(FRAMES)

    assert dead.effects == linear[0][:death]
    assert heir.effects == linear[0][checkpoint:]
    assert keyed(dead.effects, heir.effects) == keyed(linear[0])
    assert heir.shards[0].snapshot() == _after(frames).snapshot()


async def test_a_worker_that_would_miss_a_frame_stops_before_it_concludes_anything(
    kafka: Broker, tmp_path: Path, days: dict[int, list[Stamped]]
) -> None:
    checkpoint = 40
    write(kafka, 0, days[0])
    shard = Shard(0)
    in_process(shard, days[0][:checkpoint])
    state = shard.snapshot()

    async with running(Worker(kafka, [shard], tmp_path, positions={0: checkpoint + 1})) as worker:
        why = await worker.refuses()

    assert isinstance(why, OffsetGap)
    assert (why.expected, why.came) == (checkpoint, checkpoint + 1)
    assert worker.effects == []
    assert worker.shards[0].snapshot() == state


def _after(frames: Iterable[Stamped]) -> Shard:
    """Shard 0 after these frames, in process."""
    shard = Shard(0)
    in_process(shard, frames)
    return shard
