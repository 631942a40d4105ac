"""A contender: aiokafka alone, a loop and a dict. The least that Python can do on a topic, and nothing survives its end."""

from __future__ import annotations

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.network.peers.plain import Given, State, alert, sample_of, samples_of


async def run(given: Given) -> None:
    """Consume until ended."""
    states: dict[str, State] = {}
    consumer = AIOKafkaConsumer(
        given.topic, bootstrap_servers=given.brokers, group_id=given.prefix + "aiokafka", auto_offset_reset="earliest"
    )
    producer = AIOKafkaProducer(bootstrap_servers=given.brokers)
    await consumer.start()
    await producer.start()
    async for record in consumer:
        samples = samples_of(record.value) if given.form == "frames" else [sample_of(json.loads(record.value))]
        for device, at_s, readings in samples:
            if device not in states:
                states[device] = given.rules.start()
            for rule, priority in given.rules.step(states[device], at_s, readings):
                await producer.send(
                    given.alerts, json.dumps(alert(device, at_s, rule, priority)).encode(), device.encode()
                )


if __name__ == "__main__":
    asyncio.run(run(Given(sys.argv[1])))
