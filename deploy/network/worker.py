"""The worker process: `chairside worker`. It runs the shards that the group gives it, until it is told to stop.

The brokers and the database are waited for at the start, as they are later. Status 3 says that another version must go on here.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from typing import Final

from alerts.effects import FrameEffects
from deploy.board_views import ShardViews
from deploy.compiling import compile_ward
from deploy.http import listen
from deploy.logs import log_decisions, set_up_log
from deploy.network.answering import Answering
from deploy.network.door import door
from deploy.network.forecaster import ShardsAtHome
from deploy.network.processes import SERVER_RETRY_S, opened, patiently
from deploy.network.settings import NetworkSettings
from deploy.network.worker_http import WorkerMetrics, worker_app
from deploy.tracing import set_up_tracing
from deploy.wiring import wall_us
from streams.forecasts.queue import AskingScheduler
from streams.forecasts.worker import Worker
from streams.hosts.kafka.hosted import HostedShard, NotOurs
from streams.hosts.kafka.worker import ShardWorker
from streams.journal.kafka import KafkaProducer
from streams.journal.kafka_reader import KafkaReader

log = logging.getLogger(__name__)

NOT_OURS: Final = 3
"""The exit status of a worker that met what a later version wrote."""


def run_worker(network: NetworkSettings, host: str, port: int) -> int:
    """Work until a signal; the exit status. `port` is for `/metrics` and `/healthz`; 0 for neither."""
    set_up_log()
    set_up_tracing("worker")
    compile_ward(log.warning)  # before it joins: its first frames must not wait for a compiler
    listening = listen(host, port) if port else None
    return asyncio.run(_work(network, listening))


async def _work(network: NetworkSettings, listening: socket.socket | None) -> int:
    store, shards = await opened(network)
    connection = network.kafka.connection()
    metrics = WorkerMetrics()

    def told(effects: FrameEffects, received_us: int) -> None:
        metrics.told(effects, received_us)
        log_decisions(effects)
        asking.note_effects(effects)

    worker = ShardWorker(connection, shards, store, told=told, watched=True)
    asking = AskingScheduler(ShardsAtHome(worker), store, wall_us)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, worker.stop)
    log.info("worker of %d shards", shards)
    reader, producer, drawing = KafkaReader(connection), KafkaProducer(connection), Worker()
    await patiently("the brokers", reader.start)
    await patiently("the brokers", producer.start)

    def views(shard: HostedShard) -> ShardViews:
        return ShardViews(shard, reader.of(shard.number), store, drawing, wall_us, "received")

    forecasts = asyncio.create_task(asking.run(), name="forecasts")
    answering = asyncio.create_task(_answer(Answering(connection, producer, worker.shards, views)), name="answers")
    try:
        async with door(worker_app(worker, metrics), listening):
            await worker.run()
    except NotOurs as other:
        log.critical("%s", other)
        return NOT_OURS
    finally:
        forecasts.cancel()
        answering.cancel()
        await asyncio.gather(forecasts, answering, return_exceptions=True)
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
