"""The worker: a Faust application that runs the ward and desk of those shards that its group has given it.

Faust joins the group, fetches, and calls one agent for each partition; all else is ours (decision 0004). Where a shard starts
is its checkpoint's business, whatever the group has committed, and the topic's events are not acknowledged at all. The agent's
body is total. A frame that is not the next, because an engine or a rebalance lost one on the way, is answered by a seek.
The owner of a shard appends a tick when a second passes without a frame. A tick that was written and does not come back, a frame
that is never done, a loop that hangs: each ends the process (watchdog.py).
Cost: a thread for fetching, one for the watchdog, some for the store. Never here: what a frame means (streams/shard.py).
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import faust
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP, StreamT

from alerts.effects import DeadLetter, FrameEffects, Transition, encode
from alerts.store.store import Store
from alerts.tracing import SpanKind, parents_of, traceparent, tracer
from models.wire.observations import Internal
from streams.hosts.embedded import UNWRITABLE
from streams.hosts.kafka.hosted import HostedShard, NotOurs, Reload
from streams.hosts.watchdog import Watchdog
from streams.intake.append import TICK_S
from streams.journal.frame import FrameBuilder
from streams.journal.kafka import KafkaConnection, KafkaProducer
from streams.journal.topics import ALERTS_TOPIC, DEAD_LETTERS_TOPIC, OBSERVATIONS_TOPIC, Topic
from streams.shard import SHARD_FORMAT, OffsetGap

log = logging.getLogger(__name__)

GROUP: Final = "ward"
TAKEOVER_S: Final = 20.0
"""How much of the journal a takeover reads again. Chosen by us: with it, the shards of a killed worker are taken over within
20 s; see docs/network.md."""
SESSION_S: Final = 6.0
"""How long the group waits for a worker that is gone. The least that brokers take by default; Faust's 60 s would leave its
shards unwatched for a minute."""
GROUP_HEARTBEAT_S: Final = 1.5
REJOIN_S: Final = 10.0
"""How long the others may take to join again after one came or went."""
BUFFER: Final = 16
"""Frames that wait in the process for each shard: half a megabyte. Faust's 4,096 would be a hundred."""
THREADS: Final = 8
"""Shards of one worker that can wait for the database at once."""
BROKER_RETRY_S: Final = 1.0
KEEP_WITHIN_S: Final = 10.0
"""What a worker that ends takes for its last checkpoints; without them its heirs read more of the journal."""
LEAVE_WITHIN_S: Final = 10.0
"""What a worker that ends takes to leave its group. A rebalance that is under way may never end in it."""
FRAME_WITHIN_S: Final = 30.0
"""A frame takes milliseconds; one that takes half a minute, with the store there, never ends."""
TICK_WITHIN_S: Final = 20.0
"""A tick comes back within milliseconds; one that does not for this long, with nothing else to do, tells of a hanging fetcher."""
SOUGHT_S: Final = 5.0
"""How long a seek has until it is asked for again."""

TICK: Final = FrameBuilder().seal()

_T = TypeVar("_T")


@dataclass(slots=True)
class _Beat:
    """What is known of one shard's time."""

    frame_at: float
    """When the last frame was done."""
    tick: tuple[int, float] | None = None
    """The tick that was written and has not come back: its offset, and when."""
    sought: tuple[int, float] | None = None
    """The last seek: to where, and when."""


class _FromCheckpoints(Consumer):
    """Faust's consumer, but it starts where the shards say.

    This is the one place for it: Faust asks here after every rebalance, before it fetches anything; a seek made from the
    outside comes before that and is undone, or after it and finds frames from elsewhere already on their way.
    """

    worker: ShardWorker

    async def seek_to_committed(self) -> Mapping[TP, int]:
        offsets = await self.worker.assigned(self, self.assignment())
        await self.seek_wait(offsets)
        return offsets


class ShardWorker:
    """One worker of the group.

    Args:
        connection: to the brokers, where the topics are. shards: how many there are.
        store: where effects and checkpoints go.
        told: called with each frame's effects, and the frame's stamp, once they are committed.
        watched: whether a lack of progress ends this process; only for a process that is a worker and nothing else.
    """

    def __init__(
        self, connection: KafkaConnection, shards: int, store: Store, *, told: Callable[[FrameEffects, int], None] | None = None,
        group: str = GROUP, checkpoint_s: float = TAKEOVER_S, watched: bool = False,
    ) -> None:  # fmt: skip
        self.shards: dict[int, HostedShard] = {}
        """Those that this worker has now."""
        self._connection = connection
        self.of_shards = shards
        self._topic = connection.named(OBSERVATIONS_TOPIC)
        self._store = store
        self._told = told
        self._group = group
        self._checkpoint_s = checkpoint_s
        self._watched = watched
        self._beats: dict[int, _Beat] = {}
        self._producer = KafkaProducer(connection)
        self._threads = ThreadPoolExecutor(THREADS, "store")
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self._progress = 0
        self._assigning = asyncio.Lock()
        self.ready = asyncio.Event()
        """Set once it has been given its first shards, and has loaded them."""

    async def run(self) -> None:
        """Work until `stop`; then keep every shard's state, and leave the group.

        Raises:
            NotOurs: another version has written state here. KafkaError: no broker answers. Others: what went wrong.
        """
        self._loop = asyncio.get_running_loop()
        newest = await self._when_there(self._store.newest_state_format)
        if newest is not None and newest != SHARD_FORMAT:
            # Before joining: a worker that joins and leaves again and again gives the others no rest.
            raise NotOurs(f"another version has written states of format {newest}; this version reads {SHARD_FORMAT}")
        watchdog = Watchdog(lambda: self._progress, self.stuck)
        with tempfile.TemporaryDirectory(prefix="chairside-worker-") as nothing:
            await self._producer.start()
            app = self._app(nothing)
            tasks = [
                asyncio.create_task(each(app), name=each.__name__) for each in (self._tick, self._keep, self._beat)
            ]
            for task in tasks:
                task.add_done_callback(self._ended)
            if self._watched:
                watchdog.start()
            # It returns once the first shards are loaded, and never where they cannot be: then something else stops us.
            starting = asyncio.create_task(app.start(), name="start")
            tasks.append(starting)
            starting.add_done_callback(self._ended)
            try:
                await self._stopping.wait()
                await self._keep_all()
            finally:
                watchdog.stop()  # what follows has its own bounds
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._leave(app)
                await self._keep_all()
                await self._producer.stop()
                self._threads.shutdown(wait=False, cancel_futures=True)
        if self._failure is not None:
            raise self._failure

    async def _leave(self, app: faust.App) -> None:
        """Leave the group, so that others have the shards at once; after `LEAVE_WITHIN_S` its silence tells them."""
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await app.stop()
        except TimeoutError:
            log.error("the group was not left in order; its other workers wait %.0f s", SESSION_S)

    def stop(self) -> None:
        """Make `run` return in order."""
        self._stopping.set()

    # ---- what the group gives -------------------------------------------------------------------------------------

    async def assigned(self, consumer: Consumer, partitions: set[TP]) -> dict[TP, int]:
        """The shards that this worker has from now on; where each of their partitions is to be read from."""
        async with self._assigning:
            mine = {tp.partition: tp for tp in partitions if tp.topic == self._topic}
            for gone in self.shards.keys() - mine.keys():
                del self.shards[gone], self._beats[gone]
            new = [number for number in sorted(mine) if number not in self.shards]
            if new:
                log.info("loading shards %s", new)
            await self._patiently(self._load, consumer, [mine[number] for number in new])
            self.ready.set()
            return {mine[number]: self.shards[number].next_offset for number in mine}

    async def _load(self, consumer: Consumer, partitions: Sequence[TP]) -> None:
        if not partitions:
            return
        first, end = await consumer.earliest_offsets(*partitions), await consumer.highwaters(*partitions)

        async def load(tp: TP) -> HostedShard:
            shard = HostedShard(tp.partition, self._store, self._threads, self._tell, self._append)
            await shard.load(first[tp], end[tp])
            return shard

        loaded = await asyncio.gather(*(load(tp) for tp in partitions))
        now = asyncio.get_running_loop().time()
        for shard in loaded:
            self.shards[shard.number] = shard
            self._beats[shard.number] = _Beat(now)

    async def _patiently(self, call: Callable[..., Any], *arguments: object) -> None:
        """Call, and again while the brokers do not answer. What cannot be helped stops the worker, and never returns."""
        while True:
            try:
                await call(*arguments)
                return
            except (KafkaError, TimeoutError) as failed:
                log.error("the brokers cannot be asked, trying again: %s", failed)
                await asyncio.sleep(BROKER_RETRY_S)
            except Exception as failed:  # noqa: BLE001 - `run` raises it
                await self._give_up(failed)

    # ---- frames ---------------------------------------------------------------------------------------------------

    async def _observe(self, stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            message = event.message
            # Kafka's stamp is whole milliseconds, Faust's a float of seconds: rounding gives the milliseconds back exactly.
            parent, links = parents_of(message.headers)
            if parent is None:
                await self._take(
                    message.partition, message.offset, round(message.timestamp * 1000) * 1000, message.value
                )
                continue
            with tracer().start_as_current_span("decide frame", parent, SpanKind.CONSUMER, links=links) as span:
                span.set_attributes({"shard": message.partition, "offset": message.offset})
                await self._take(
                    message.partition, message.offset, round(message.timestamp * 1000) * 1000, message.value
                )

    async def _take(self, number: int, offset: int, received_us: int, payload: bytes) -> None:
        """Take a frame. Total: to raise would lose this frame and go on with the next."""
        shard = self.shards.get(number)
        if shard is None:
            return  # given away while it was on its way
        beat = self._beats[number]
        try:
            effects = await shard.take(offset, received_us, payload, traceparent())
        except OffsetGap:
            await self._seek(shard, beat)
        except Reload:
            await self._patiently(self._reload, shard)
            beat.sought = None
            await self._seek(shard, beat)
        except Exception as failed:  # noqa: BLE001 - `run` raises it
            await self._give_up(failed)
        else:
            beat.frame_at = asyncio.get_running_loop().time()
            if beat.tick is not None and offset >= beat.tick[0]:
                beat.tick = None
            if self._told is not None and effects.effects:
                self._told(effects, received_us)

    async def _reload(self, shard: HostedShard) -> None:
        place = TP(self._topic, shard.number)
        consumer = self._running.consumer
        first, end = await consumer.earliest_offsets(place), await consumer.highwaters(place)
        await shard.load(first[place], end[place])

    async def _seek(self, shard: HostedShard, beat: _Beat) -> None:
        """Have the partition read from where the shard stands; frames already on their way are no reason to ask again."""
        now = asyncio.get_running_loop().time()
        if beat.sought is not None and beat.sought[0] == shard.next_offset and now - beat.sought[1] < SOUGHT_S:
            return
        log.warning("shard %d: reading on from frame %d", shard.number, shard.next_offset)
        beat.sought = (shard.next_offset, now)
        place = TP(self._topic, shard.number)
        await self._patiently(self._running.consumer.seek_wait, {place: shard.next_offset})

    # ---- what comes of them ---------------------------------------------------------------------------------------

    async def _tell(self, number: int, effects: FrameEffects) -> None:
        """Transitions and dead letters to those who read the topics; returns when the brokers have them."""
        for topic, kind in ((ALERTS_TOPIC, Transition), (DEAD_LETTERS_TOPIC, DeadLetter)):
            values = [
                (effect.site.encode("utf-8", "replace"), encode(effect).encode("utf-8", "replace"))
                for effect in effects.effects if isinstance(effect, kind)
            ]  # fmt: skip
            if values:
                await self._write(number, topic, values, number % topic.count(self.of_shards))

    async def _append(self, number: int, record: Internal) -> None:
        frame = FrameBuilder()
        frame.add(record)
        await self._write(number, OBSERVATIONS_TOPIC, [(None, frame.seal())], number)

    async def _write(
        self, number: int, topic: Topic, values: Sequence[tuple[bytes | None, bytes]], partition: int
    ) -> None:  # fmt: skip
        while True:
            try:
                await self._producer.send(topic, values, partition)
                return
            except KafkaError as failed:
                log.error("shard %d: %s cannot be written, trying again: %s", number, topic.name, failed)
                await asyncio.sleep(BROKER_RETRY_S)

    # ---- time -----------------------------------------------------------------------------------------------------

    async def _tick(self, _: faust.App) -> None:
        """Give every shard that hears nothing its tick, once a second, one at a time."""
        while True:
            await asyncio.sleep(TICK_S / 4)
            now = asyncio.get_running_loop().time()
            quiet = [
                number for number, beat in self._beats.items()
                if beat.tick is None and now - beat.frame_at >= TICK_S and self.shards[number].busy_since is None
            ]  # fmt: skip
            await asyncio.gather(*map(self._tick_one, quiet))

    async def _tick_one(self, number: int) -> None:
        try:
            (place,) = await self._producer.send(OBSERVATIONS_TOPIC, [(None, TICK)], number)
        except KafkaError as failed:
            log.error("shard %d: no tick: %s", number, failed)
            return
        beat, shard = self._beats.get(number), self.shards.get(number)
        if beat is not None and shard is not None and shard.next_offset <= place.offset:
            beat.tick = (place.offset, asyncio.get_running_loop().time())

    async def _keep(self, _: faust.App) -> None:
        """Checkpoint every shard each `checkpoint_s`, one after the other, spread over that time."""
        while True:
            began = asyncio.get_running_loop().time()
            for number in sorted(self.shards):
                if (shard := self.shards.get(number)) is not None:
                    await shard.checkpoint()
                    await asyncio.sleep(self._checkpoint_s / max(1, 2 * len(self.shards)))
            passed_s = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(0.1, self._checkpoint_s - passed_s))

    async def _when_there(self, call: Callable[[], _T]) -> _T:
        """The store's answer, once it gives one."""
        while True:
            try:
                return await asyncio.to_thread(call)
            except UNWRITABLE as away:
                log.error("the store cannot be used, trying again: %s", away)
                await asyncio.sleep(BROKER_RETRY_S)

    async def _keep_all(self) -> None:
        """Checkpoint every shard now, for who has them next; a store that is away is not waited for long."""
        keeping = [asyncio.ensure_future(shard.checkpoint()) for shard in list(self.shards.values())]
        if keeping:
            _, late = await asyncio.wait(keeping, timeout=KEEP_WITHIN_S)
            for each in late:
                each.cancel()

    async def _beat(self, _: faust.App) -> None:
        """Count on while every shard makes progress."""
        while True:
            if not self.stuck():
                self._progress += 1
            await asyncio.sleep(0.5)

    def stuck(self) -> str:
        """Why there is no progress; empty if there is, or if a store or broker is waited for."""
        now = self._loop.time()
        for number, shard in list(self.shards.items()):
            beat = self._beats.get(number)
            if shard.waiting or beat is None:
                continue
            if shard.busy_since is not None and now - shard.busy_since > FRAME_WITHIN_S:
                return f"shard {number}: a frame is not done"
            if (
                shard.busy_since is None
                and beat.tick is not None
                and now - max(beat.tick[1], beat.frame_at) > TICK_WITHIN_S
            ):
                return f"shard {number} waits for frame {shard.next_offset}, and its tick at {beat.tick[0]} does not come back"
        return ""

    # ---- the application ------------------------------------------------------------------------------------------

    def _app(self, folder: str) -> faust.App:
        app = faust.App(
            self._connection.prefix + self._group,
            broker=[f"kafka://{place.strip()}" for place in self._connection.brokers.split(",")],
            broker_credentials=self._credentials(),
            store="memory://",
            datadir=folder,
            web_enabled=False,
            value_serializer="raw",
            topic_allow_declare=False,  # topics are made with care (`chairside create-topics`), not by whoever comes first
            topic_disable_leader=True,
            broker_session_timeout=SESSION_S,
            broker_heartbeat_interval=GROUP_HEARTBEAT_S,
            broker_rebalance_timeout=REJOIN_S,
            stream_buffer_maxsize=BUFFER,
            stream_wait_empty=False,  # what is not done when a shard is given away is done by its next owner
        )
        consumer = type("FromCheckpoints", (_FromCheckpoints,), {"worker": self, "__module__": __name__})
        transport = type("CheckpointTransport", (Transport,), {"Consumer": consumer})
        app.transport = transport(app.conf.broker_consumer, app, loop=app.loop)
        topic = app.topic(
            self._topic, value_type=bytes, value_serializer="raw", partitions=self.of_shards, acks=False
        )  # fmt: skip
        app.agent(topic, name="observe", isolated_partitions=True)(self._observe)
        self._running = app
        return app

    def _credentials(self) -> Any:
        kafka = self._connection
        if kafka.user is not None:
            return faust.SASLCredentials(
                username=kafka.user, password=kafka.password, ssl_context=kafka.context, mechanism=kafka.mechanism
            )
        return None if kafka.context is None else faust.SSLCredentials(kafka.context)

    async def _give_up(self, failed: BaseException) -> None:
        """End the worker, and never return: whoever called has nothing more to do."""
        if self._failure is None:
            log.critical("the worker stops: %s", failed, exc_info=None if isinstance(failed, NotOurs) else failed)
            self._failure = failed
        self._stopping.set()
        await asyncio.Event().wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failed := task.exception()) is not None and self._failure is None:
            log.critical("%s has failed", task.get_name(), exc_info=failed)
            self._failure = failed
            self._stopping.set()
