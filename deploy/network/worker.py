"""The worker process: `chairside worker`. It runs the shards that the group gives it, until it is told to stop.

The brokers and the database are waited for at the start, as they are later. Status 3 says that another version must go on here.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Final

from deploy.board_views import ShardViews
from deploy.network.answering import Answering
from deploy.network.processes import SERVER_RETRY_S, opened, patiently, set_up_log
from deploy.network.settings import NetworkSettings
from deploy.wiring import wall_us
from streams.forecasts.worker import Worker
from streams.hosts.kafka.hosted import HostedShard, NotOurs
from streams.hosts.kafka.worker import ShardWorker
from streams.journal.kafka import KafkaProducer
from streams.journal.kafka_reader import KafkaReader

log = logging.getLogger(__name__)

NOT_OURS: Final = 3
"""The exit status of a worker that met what a later version wrote."""


def run_worker(network: NetworkSettings) -> int:
    """Work until a signal; the exit status."""
    set_up_log()
    return asyncio.run(_work(network))


async def _work(network: NetworkSettings) -> int:
    store, shards = await opened(network)
    connection = network.kafka.connection()
    worker = ShardWorker(connection, shards, store, watched=True)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, worker.stop)
    log.info("worker of %d shards", shards)
    reader, producer, drawing = KafkaReader(connection), KafkaProducer(connection), Worker()
    await patiently("the brokers", reader.start)
    await patiently("the brokers", producer.start)

    def views(shard: HostedShard) -> ShardViews:
        return ShardViews(shard, reader.of(shard.number), store, drawing, wall_us, "received")

    answering = asyncio.create_task(_answer(Answering(connection, producer, worker.shards, views)), name="answers")
    try:
        await worker.run()
    except NotOurs as other:
        log.critical("%s", other)
        return NOT_OURS
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        await reader.stop()
        await producer.stop()
        await drawing.close()
        store.close()
    return 0


async def _answer(answering: Answering) -> None:
    """Answer boards. They must not end what watches patients: what fails is begun again."""
    while True:
        try:
            await answering.run()
        except Exception:  # its reason is in the log
            log.exception("boards get no answers, trying again")
            await asyncio.sleep(SERVER_RETRY_S)
