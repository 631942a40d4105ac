"""A Kafka broker for tests: librdkafka's own mock, in this process, up in a few milliseconds.

It speaks the real protocol (produce, fetch, offsets, consumer groups), so Faust and aiokafka run against it unchanged.
What it cannot do, and what that means here, as found with librdkafka 2.16, aiokafka 0.14 and Faust 0.15:

- It does not know CreateTopics (an admin request hangs until its timeout): a topic comes into being when it is first
  named, always with 4 partitions. So Faust must not declare topics (`topic_allow_declare=False`), must not want its
  leader topic (`topic_disable_leader=True`) and must be told of 4 partitions.
- It has no LogAppendTime: a record keeps the CreateTime that the producer gave it. That arrives in the same field, and a
  test can choose it.
- A new consumer group waits 3 s for more members; nothing in the client's settings changes that. One second more is
  Faust's own, before it subscribes. So a worker takes 4 s to start, and a test should start few.
- When the last member leaves, the group waits out the session timeout before it lets the next one in: 60 s with Faust's
  defaults. `broker_session_timeout=6` (the least a real broker takes), with heartbeat and rebalance to match, makes it 5 s.
  Under 3 s, joining itself runs into the timeout.
- No API version needs to be forced: aiokafka and the mock agree by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

_WAIT_S = 30.0
"""How long a request to the mock may take before the machine is called broken."""


class Broker:
    """One mock broker. It lives as long as the producer that made it."""

    partitions = 4
    """What the mock gives every topic."""

    def __init__(self) -> None:
        # A level of 4 leaves out the notice that this is a mock. Nothing else connects to the address that is not there.
        self._producer = Producer(
            {"bootstrap.servers": "mock.invalid:9", "test.mock.num.brokers": 1, "linger.ms": 0, "log_level": 4}
        )
        brokers = self._producer.list_topics(timeout=_WAIT_S).brokers.values()
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def append(self, topic: str, partition: int, records: Sequence[tuple[int, bytes]]) -> None:
        """Append (milliseconds since the epoch, payload), in order; returns once the broker has them."""
        refused: list[object] = []
        for stamp_ms, payload in records:
            self._producer.produce(
                topic,
                payload,
                partition=partition,
                timestamp=stamp_ms,
                on_delivery=lambda error, _: refused.append(error) if error else None,
            )
        left = self._producer.flush(_WAIT_S)
        if left or refused:
            raise RuntimeError(f"the mock broker did not take {left} records and refused {refused}")

    def committed(self, group: str, topic: str, partition: int) -> int:
        """The offset that a consumer group has committed; negative where it has not."""
        asker = Consumer({"bootstrap.servers": self.address, "group.id": group, "log_level": 4})
        try:
            (answer,) = asker.committed([TopicPartition(topic, partition)], timeout=_WAIT_S)
            return int(answer.offset)
        finally:
            asker.close()


@pytest.fixture
def kafka() -> Iterator[Broker]:
    """An empty broker of this test's own."""
    broker = Broker()
    yield broker
    del broker
