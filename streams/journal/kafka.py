"""The journal in Kafka: how to reach the brokers, making the topics, and writing records so that they stay written.

What is written is durable when the brokers in sync have it (``acks=all``; replicated, not fsynced). The producer is idempotent:
a retry of its own makes no second record.
Never here: what a record means, what becomes of a sender (streams/intake/kafka.py).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from alerts.tracing import Header
from streams.journal.topics import LARGEST_RECORD, OBSERVATIONS_TOPIC, TOPICS, Topic

log = logging.getLogger(__name__)

REQUEST_MS: Final = 10_000
"""How long a broker may take to answer one request. A batch that has been sent is tried again for good: giving it up would
leave a hole in the producer's numbers."""


@dataclass(frozen=True)
class KafkaConnection:
    """How to reach the brokers.

    Args:
        brokers: ``host:port``, comma-separated.
        ca: the certificate to trust; with it, or with `tls`, the connection is TLS.
        user, password: SASL, by `mechanism`; never without TLS but on loopback.
        prefix: how the names of the topics and of the consumer groups begin, on brokers that others use too.
    """

    brokers: str
    tls: bool = False
    ca: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    prefix: str = ""

    def named(self, topic: Topic) -> str:
        """The topic's name on these brokers."""
        return self.prefix + topic.name

    @cached_property
    def context(self) -> ssl.SSLContext | None:
        """What TLS trusts; None for a connection in plain text."""
        if not self.tls and self.ca is None:
            return None
        return ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))

    def client(self) -> dict[str, Any]:
        """The arguments of every aiokafka client."""
        secure: dict[str, Any] = {"bootstrap_servers": self.brokers}
        if self.context is not None:
            secure["ssl_context"] = self.context
        if self.user is None:
            return {**secure, "security_protocol": "PLAINTEXT" if self.context is None else "SSL"}
        return {
            **secure,
            "security_protocol": "SASL_PLAINTEXT" if self.context is None else "SASL_SSL",
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }


class TopicsRefused(RuntimeError):
    """The topics are not as Chairside needs them; the message says which and what to do."""


async def create_topics(connection: KafkaConnection, shards: int, replication: int) -> list[str]:
    """Make the topics that are not there; their names. Those that are there keep their partitions and settings.

    Raises:
        TopicsRefused: one is there with another number of partitions, or a broker does not make one.
    """
    admin = AIOKafkaAdminClient(**connection.client())
    await admin.start()
    try:
        there = {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics()}
        missing = [topic for topic in TOPICS if connection.named(topic) not in there]
        for topic in TOPICS:
            name = connection.named(topic)
            if there.get(name, topic.count(shards)) != topic.count(shards):
                raise TopicsRefused(
                    f"topic {name} has {there[name]} partitions, not {topic.count(shards)}: "
                    "a site's shard is for good, so say --shards as it was, or begin a new network"
                )
        if not missing:
            return []
        made = await admin.create_topics(
            [
                NewTopic(
                    connection.named(each), each.count(shards), replication, topic_configs=each.settings(replication)
                )
                for each in missing
            ]
        )
        # Another process may have made one meanwhile.
        refused = [
            f"{name}: {said or code}" for name, code, said, *_ in made.topic_errors
            if code not in {0, TopicAlreadyExistsError.errno}
        ]  # fmt: skip
        if refused:
            raise TopicsRefused("; ".join(refused))
        return [connection.named(topic) for topic in missing]
    finally:
        await admin.close()


async def shards_of(connection: KafkaConnection) -> int:
    """How many shards the network has.

    Raises:
        TopicsRefused: there are no topics.
    """
    admin = AIOKafkaAdminClient(**connection.client())
    await admin.start()
    try:
        found = {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics()}
    finally:
        await admin.close()
    missing = [name for topic in TOPICS if (name := connection.named(topic)) not in found]
    if missing:
        raise TopicsRefused(f"no topic {', '.join(missing)}: run `chairside create-topics` first")
    return found[connection.named(OBSERVATIONS_TOPIC)]


class Written(Protocol):
    """Where a record stands: the broker's answer."""

    offset: int
    timestamp: int


class KafkaProducer:
    """An idempotent producer that is made anew when it has failed, because a failed one refuses everything from then on."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._producer: Any = None
        self._making = asyncio.Lock()

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers.
        """
        await self._live()

    async def send(
        self, topic: Topic, values: Sequence[tuple[bytes | None, bytes]], partition: int | None, headers: Sequence[Header] = ()
    ) -> list[Written]:  # fmt: skip
        """Write (key, value) records in order, each with these headers; where they stand, once the brokers in sync have them.

        Raises:
            KafkaError: not all were written, as far as is known.
        """
        producer, name = await self._live(), self._connection.named(topic)
        try:
            waiting = [
                await producer.send(name, value, key=key, partition=partition, headers=list(headers)) for key, value in values
            ]  # fmt: skip
            places: list[Written] = await asyncio.gather(*waiting)
        except KafkaError:
            await self._discard(producer)
            raise
        return places

    async def stop(self) -> None:
        """Close; what is on its way is finished first."""
        stopping, self._producer = self._producer, None
        if stopping is not None:
            await stopping.stop()

    async def _live(self) -> AIOKafkaProducer:
        async with self._making:
            if self._producer is None:
                made = AIOKafkaProducer(
                    **self._connection.client(), acks="all", enable_idempotence=True, max_request_size=LARGEST_RECORD,
                    request_timeout_ms=REQUEST_MS,
                )  # fmt: skip
                try:
                    await made.start()
                except BaseException:
                    await made.stop()
                    raise
                self._producer = made
            return self._producer

    async def _discard(self, failed: AIOKafkaProducer) -> None:
        async with self._making:
            if self._producer is failed:
                self._producer = None
                self._closing: asyncio.Future[None] = asyncio.ensure_future(failed.stop())
