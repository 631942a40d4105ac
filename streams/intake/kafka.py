"""The intake of a network: many senders' observations, each into the journal of its site's shard.

Whatever arrives for a shard while its last append is on its way shares the next one, as in one process (append.py), and `append`
returns when the brokers have it.
Bad at: saying no. While no broker answers, an append waits for `WAITS_S` and is refused, yet what was refused may still be
written; so its sender must send it again, with the same content, and the ward drops what it has had.
Never here: validation, what a frame means, ticks (the shard's owner appends them).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from alerts.tracing import headers_of, traceparent
from streams.intake.append import MOST_WAITING, Overloaded, Records
from streams.journal.frame import FULL, FrameBuilder
from streams.journal.kafka import KafkaProducer
from streams.journal.topics import OBSERVATIONS_TOPIC, shard_of

WAITS_S: Final = 10.0
"""How long an append waits for the brokers before its sender is told to come again. Chosen by us: a gateway's patience."""
HEAVY: Final = 2**20
"""Bytes at which a frame is made of fewer records: what a consumer fetches of one partition at a time."""


def frames(records: Records) -> list[bytes]:
    """The records as frames, in order, none with more than `FULL` of them or, if it can be helped, heavier than `HEAVY`."""
    builder = FrameBuilder()
    for record in records[:FULL]:
        builder.add(record)
    first = builder.seal()
    if len(first) > HEAVY and len(records) > 1:
        half = min(len(records), FULL) // 2
        return frames(records[:half]) + frames(records[half:])
    return [first, *frames(records[FULL:])] if len(records) > FULL else [first]


class _Lane:
    """What waits for one shard."""

    __slots__ = ("running", "waiting")

    def __init__(self) -> None:
        self.waiting: list[tuple[Records, asyncio.Future[None], str | None]] = []
        self.running: asyncio.Task[None] | None = None


class NetworkIntake:
    """Appends observations of all sites, each to its shard's journal. `start` before use.

    Args:
        shards: how many there are. told: called with (shard, offset) of each frame that was written.
    """

    def __init__(
        self, producer: KafkaProducer, shards: int, told: Callable[[int, int], None] = lambda shard, offset: None
    ) -> None:
        self._producer = producer
        self._shards = shards
        self._told = told
        self._lanes = [_Lane() for _ in range(shards)]
        self._size = 0
        self._stopping = False

    async def append(self, records: Records) -> None:
        """Return when the records are in their shards' journals.

        Raises:
            Overloaded: they may not be; the sender should send them again.
        """
        if self._stopping or self._size > MOST_WAITING:
            raise Overloaded("stopping" if self._stopping else "too much is waiting for the brokers")
        if not records:
            return
        parts: dict[int, list[Any]] = {}
        for record in records:
            parts.setdefault(shard_of(record.site, self._shards), []).append(record)
        waiting = [self._put(shard, part) for shard, part in parts.items()]
        done, late = await asyncio.wait(waiting, timeout=WAITS_S)
        failed = [each.exception() for each in done if each.exception() is not None]
        if late or failed:
            raise Overloaded(f"the journal cannot be written: {failed[0] if failed else 'no broker answers'}")

    async def stop(self) -> None:
        """Take nothing more; return when what was taken is written or refused."""
        self._stopping = True
        running = [lane.running for lane in self._lanes if lane.running is not None]
        if running:
            await asyncio.wait(running, timeout=WAITS_S)

    def _put(self, shard: int, records: Records) -> asyncio.Future[None]:
        lane = self._lanes[shard]
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.waiting.append((records, done, traceparent()))
        self._size += len(records)
        if lane.running is None:
            lane.running = asyncio.create_task(self._drain(shard, lane), name=f"append to shard {shard}")
        return done

    async def _drain(self, shard: int, lane: _Lane) -> None:
        try:
            while lane.waiting:
                batch, lane.waiting = lane.waiting, []
                together = [record for records, _, _ in batch for record in records]
                try:
                    values = [(None, frame) for frame in frames(together)]
                    headers = headers_of([trace for _, _, trace in batch])
                    places = await self._producer.send(OBSERVATIONS_TOPIC, values, shard, headers)
                except Exception as failed:  # noqa: BLE001 - the senders are told, and will send again
                    for _, done, _ in batch:
                        if not done.done():
                            done.set_exception(Overloaded(str(failed) or type(failed).__name__))
                            done.exception()  # seen: whoever waited may have gone
                else:
                    for place in places:
                        self._told(shard, place.offset)
                    for _, done, _ in batch:
                        if not done.done():
                            done.set_result(None)
                finally:
                    self._size -= len(together)
        finally:
            lane.running = None
