"""A contender: Chairside's ward and desk called from bare aiokafka: a worker without Faust."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from aiokafka import AIOKafkaConsumer, TopicPartition

from alerts.effects import FrameEffects, Transition, encode
from alerts.store.store import Store
from bench.network.peers.plain import Given
from deploy.compiling import compile_ward
from models.wire.observations import Internal
from streams.hosts.kafka.hosted import HostedShard
from streams.journal.kafka import KafkaConnection, KafkaProducer
from streams.journal.topics import ALERTS_TOPIC


async def run(given: Given) -> None:
    """Consume until ended."""
    connection = KafkaConnection(given.brokers, prefix=given.prefix)
    producer, store = KafkaProducer(connection), Store(given.database)

    async def tell(number: int, effects: FrameEffects) -> None:
        values = [
            (effect.site.encode(), encode(effect).encode())
            for effect in effects.effects
            if isinstance(effect, Transition)
        ]
        if values:
            await producer.send(ALERTS_TOPIC, values, number)

    async def append(number: int, record: Internal) -> None:
        raise RuntimeError(f"shard {number}: {record}")

    shard = HostedShard(0, store, ThreadPoolExecutor(1), tell, append)
    consumer = AIOKafkaConsumer(**connection.client(), enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(given.topic, 0)])
    consumer.seek(TopicPartition(given.topic, 0), 0)
    async for record in consumer:
        await shard.take(record.offset, record.timestamp * 1000, record.value)


if __name__ == "__main__":
    compile_ward(print)
    asyncio.run(run(Given(sys.argv[1])))
