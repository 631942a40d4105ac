"""A shard's journal in Kafka, read again: for plots, which look back over some minutes, never for what decides.

One consumer for all the shards of a process, one question at a time; called from threads, it works on the event loop.
Cost: a fetch of what is read; a plot of twenty minutes reads the whole shard's twenty minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.journal.journal import JournalEntry
from streams.journal.kafka import KafkaConnection
from streams.journal.topics import OBSERVATIONS_TOPIC

READ_WITHIN_S: Final = 10.0
"""How long a plot is waited for; then the board asks again. Chosen by us."""
NOTHING_MS: Final = 500

_T = TypeVar("_T")


class KafkaReader:
    """The consumer. `start` it on the loop that serves it; `of` gives one shard's journal."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._consumer: Any = None

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers.
        """
        self._loop = asyncio.get_running_loop()
        self._consumer = AIOKafkaConsumer(
            **self._connection.client(), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await self._consumer.start()

    async def stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    def of(self, shard: int) -> ShardJournal:
        """The journal of a shard."""
        return ShardJournal(self, TopicPartition(self._connection.named(OBSERVATIONS_TOPIC), shard))

    def call(self, asked: Coroutine[Any, Any, _T]) -> _T:
        """The result of `asked` on the loop, for a thread."""
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(READ_WITHIN_S)

    async def read(self, place: TopicPartition, first_offset: int, limit: int) -> list[JournalEntry]:
        """Up to `limit` entries of a partition from an offset on; none at its end."""
        async with self._turn:
            end = (await self._consumer.end_offsets([place]))[place]
            if first_offset >= end:
                return []
            self._consumer.assign([place])
            self._consumer.seek(place, first_offset)
            found = (await self._consumer.getmany(place, timeout_ms=NOTHING_MS, max_records=limit)).get(place, [])
            return [JournalEntry(each.offset, each.timestamp * 1000, each.value) for each in found]

    async def offset_since(self, place: TopicPartition, received_us: int) -> int:
        """The first offset stamped at or after an instant, or the next one."""
        async with self._turn:
            found = (await self._consumer.offsets_for_times({place: max(received_us // 1000, 0)}))[place]
            if found is not None:
                return int(found.offset)
            return int((await self._consumer.end_offsets([place]))[place])


class ShardJournal:
    """One shard's journal, for threads (`journal.JournalReader`)."""

    def __init__(self, reader: KafkaReader, place: TopicPartition) -> None:
        self._reader = reader
        self._place = place

    def read(self, first_offset: int, limit: int = 1000) -> list[JournalEntry]:
        return self._reader.call(self._reader.read(self._place, first_offset, limit))

    def offset_since(self, received_us: int) -> int:
        return self._reader.call(self._reader.offset_since(self._place, received_us))
