"""What the processes of a network share at their start: waiting for servers, opening the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiokafka.errors import KafkaError

from alerts.store.store import Store
from deploy.network.settings import NetworkSettings
from streams.hosts.embedded import UNWRITABLE
from streams.journal.kafka import shards_of

log = logging.getLogger(__name__)

SERVER_RETRY_S: Final = 1.0

_T = TypeVar("_T")


async def patiently(what: str, call: Callable[[], Awaitable[_T]]) -> _T:
    """The result of `call`, tried again while a server is away."""
    while True:
        try:
            return await call()
        except (KafkaError, OSError, *UNWRITABLE) as away:
            log.error("%s cannot be reached, trying again: %s", what, " ".join(str(away).split())[:200])
            await asyncio.sleep(SERVER_RETRY_S)


async def opened(network: NetworkSettings) -> tuple[Store, int]:
    """The store, brought up to this version, and how many shards there are.

    Raises:
        TopicsRefused: there are no topics. DatabaseTooNew: a later version was here.
    """
    store = Store(network.database.located())
    await patiently("the database", lambda: asyncio.to_thread(store.migrate))
    connection = network.kafka.connection()
    return store, await patiently("the brokers", lambda: shards_of(connection))
