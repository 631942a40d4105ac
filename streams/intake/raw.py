"""The intake from `raw`: single observations that programs of others write to a topic, packed into frames.

Kafka Connect, a bridge from MQTT or a script of ten lines needs nothing of ours: a record's value is one observation as JSON, or
several, one a line. A record is done with when its observations are durable in their shards' journals; edges that share the
topic, and one that takes over from another, may write an observation twice, and the ward drops it.
Bad at: naming the sender of a line that cannot be read; it is set aside under a site of the operators (admission.py).
Never here: validation (json.py), what a frame means.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError

from streams.intake.admission import Admission
from streams.intake.append import Overloaded, Records
from streams.intake.json import read_packable
from streams.intake.kafka import NetworkIntake
from streams.journal.frame import FULL
from streams.journal.kafka import KafkaConnection
from streams.journal.topics import RAW_TOPIC

log = logging.getLogger(__name__)

RAW_GROUP: Final = "edge"
RAW_POLL_MS: Final = 100
RAW_GATHER_S: Final = 0.05
"""How long it waits for more while little comes: a frame of a few records costs a worker nearly what one of a thousand does.
Chosen by us: a twentieth of a monitor's beat."""
RAW_AT_ONCE: Final = 5_000
"""Records read together: some ten frames, and a second's work at the most."""
RAW_RETRY_S: Final = 1.0


def read_raw(values: Iterable[bytes | None]) -> tuple[Records, int]:
    """The records of raw values, in order, and how many of them could not be used."""
    reading = read_packable([line for value in values if value for line in value.split(b"\n")], Admission())
    return reading.records, len(reading.bad)


class RawIntake:
    """Reads `raw` in the edges' group, and hands over.

    Args:
        counted: told how many were accepted and set aside.
    """

    def __init__(self, connection: KafkaConnection, intake: NetworkIntake, counted: Callable[[int, int], None]) -> None:
        self._connection = connection
        self._intake = intake
        self._counted = counted

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            KafkaError: no broker answers at the start.
        """
        consumer = AIOKafkaConsumer(
            self._connection.named(RAW_TOPIC), **self._connection.client(), group_id=self._connection.prefix + RAW_GROUP,
            enable_auto_commit=False, auto_offset_reset="earliest", max_poll_records=RAW_AT_ONCE,
        )  # fmt: skip
        await consumer.start()
        try:
            while True:
                found = await consumer.getmany(timeout_ms=RAW_POLL_MS)
                values = [record.value for records in found.values() for record in records]
                if not values:
                    continue
                little = len(values) < FULL
                records, bad = read_raw(values)
                await self._append(records)
                self._counted(len(records) - bad, bad)
                try:
                    await consumer.commit({place: taken[-1].offset + 1 for place, taken in found.items()})
                except (CommitFailedError, IllegalStateError) as moved:
                    # The partitions are another edge's by now: it reads them again, which changes nothing.
                    log.warning("raw is read again by another edge: %s", moved)
                if little:
                    await asyncio.sleep(RAW_GATHER_S)
        finally:
            await consumer.stop()

    async def _append(self, records: Records) -> None:
        """Append, until it is durable: nobody else holds these."""
        while True:
            try:
                await self._intake.append(records)
                return
            except Overloaded as wait:
                log.error("raw has to wait: %s", wait)
                await asyncio.sleep(RAW_RETRY_S)
