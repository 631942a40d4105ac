"""The worker process: `chairside worker`. It runs the shards that the group gives it, until it is told to stop.

The brokers and the database are waited for at the start, as they are later. Status 3 says that another version must go on here.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiokafka.errors import KafkaError

from alerts.store.store import Store
from deploy.network.settings import NetworkSettings
from streams.hosts.embedded import UNWRITABLE
from streams.hosts.kafka.hosted import NotOurs
from streams.hosts.kafka.worker import ShardWorker
from streams.journal.kafka import shards_of

log = logging.getLogger(__name__)

SERVER_RETRY_S: Final = 1.0
NOT_OURS: Final = 3
"""The exit status of a worker that met what a later version wrote."""

_T = TypeVar("_T")


async def patiently(what: str, call: Callable[[], Awaitable[_T]]) -> _T:
    """The result of `call`, tried again while a server is away."""
    while True:
        try:
            return await call()
        except (KafkaError, OSError, *UNWRITABLE) as away:
            log.error("%s cannot be reached, trying again: %s", what, " ".join(str(away).split())[:200])
            await asyncio.sleep(SERVER_RETRY_S)


def speak() -> None:
    """Log lines to stderr, without the libraries' chatter."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for library in ("alembic", "faust", "mode", "aiokafka", "httpx"):
        logging.getLogger(library).setLevel(logging.WARNING)


async def opened(network: NetworkSettings) -> tuple[Store, int]:
    """The store, brought up to this version, and how many shards there are.

    Raises:
        TopicsRefused: there are no topics. DatabaseTooNew: a later version was here.
    """
    store = Store(network.database.located())
    await patiently("the database", lambda: asyncio.to_thread(store.migrate))
    connection = network.kafka.connection()
    return store, await patiently("the brokers", lambda: shards_of(connection))


def run_worker(network: NetworkSettings) -> int:
    """Work until a signal; the exit status."""
    speak()
    return asyncio.run(_work(network))


async def _work(network: NetworkSettings) -> int:
    store, shards = await opened(network)
    worker = ShardWorker(network.kafka.connection(), shards, store, watched=True)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, worker.stop)
    log.info("worker of %d shards", shards)
    try:
        await worker.run()
    except NotOurs as other:
        log.critical("%s", other)
        return NOT_OURS
    finally:
        store.close()
    return 0
