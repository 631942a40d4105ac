"""The forecaster process: `chairside forecaster`. It makes what the workers ask for; start as many as the night needs.

A SIGTERM lets it finish what it has claimed. Never here: which forecasts are missing (the workers' schedulers), a shard.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Collection, Iterable
from itertools import chain
from typing import Any

from alerts.store.forecast_queue import TRIES, QueuedForecast
from deploy.http import listen
from deploy.logs import set_up_log
from deploy.network.door import ForecasterMetrics, door, door_app
from deploy.network.processes import opened, patiently
from deploy.network.settings import NetworkSettings
from deploy.wiring import wall_us
from models.instants import EPOCH
from models.wire.observations import Fault
from streams.forecasts.making import Maker
from streams.forecasts.queue import QueueForecaster
from streams.forecasts.worker import Worker
from streams.hosts.kafka.worker import ShardWorker
from streams.intake.kafka import NetworkIntake
from streams.journal.frame import FrameBuilder
from streams.journal.kafka import KafkaProducer
from streams.journal.topics import OBSERVATIONS_TOPIC, operators_site, shard_of
from streams.ward.home.rows import AtHome

log = logging.getLogger(__name__)


def run_forecaster(network: NetworkSettings, host: str, port: int) -> None:
    """Make forecasts until a signal. `port` is for `/metrics` and `/healthz`; 0 for neither."""
    set_up_log()
    listening = listen(host, port) if port else None
    asyncio.run(_forecast(network, listening))


async def _forecast(network: NetworkSettings, listening: socket.socket | None) -> None:
    store, shards = await opened(network)
    producer, worker = KafkaProducer(network.kafka.connection()), Worker()
    await patiently("the brokers", producer.start)
    intake = NetworkIntake(producer, shards)
    maker = Maker(store, intake.append, worker, wall_us)

    async def given_up(each: QueuedForecast) -> None:
        """Raise a technical alert, under the operators' site of the shard that the clinic is in."""
        shard, builder = shard_of(each.site, shards), FrameBuilder()
        what = f"A forecast of the site {each.site} is given up after {TRIES} tries"
        builder.add(Fault(at=EPOCH, site=operators_site(shard), what=what[:200], raised="whoever made it ended"))
        await producer.send(OBSERVATIONS_TOPIC, [(None, builder.seal())], shard)

    forecaster = QueueForecaster(store, maker, wall_us, given_up=given_up)
    metrics = ForecasterMetrics()

    def health() -> dict[str, Any]:
        return {"waiting": store.forecasts_waiting(), "given_up": store.forecasts_given_up()}

    app = door_app("Chairside forecaster", metrics.registry, lambda: metrics.update(store, maker), health)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, forecaster.stop)
    log.info("%d forecasts are asked for", await asyncio.to_thread(store.forecasts_waiting))
    try:
        async with door(app, listening):
            await forecaster.run()
    finally:
        log.info("forecasts: %d made, %d failed", maker.made, maker.failed)
        await worker.close()
        await intake.stop()
        await producer.stop()
        store.close()


class ShardsAtHome:
    """The patients of all shards that a worker has now. Implements `streams.forecasts.scheduler.ShardView`."""

    def __init__(self, worker: ShardWorker) -> None:
        self._worker = worker

    def at_home(self, only: Collection[tuple[str, str]] | None) -> Iterable[AtHome]:
        wards = [hosted.shard.ward for hosted in self._worker.shards.values()]
        if only is None:
            return chain.from_iterable(list(ward.home.patients.values()) for ward in wards)
        return [ward.home.patients[key] for ward in wards for key in sorted(only) if key in ward.home.patients]

    def clock_us(self) -> int:
        """The wall's: shards of one worker are not at one instant."""
        return wall_us()

    def recalibration(self, site: str) -> dict[str, Any] | None:
        hosted = self._worker.shards.get(shard_of(site, self._worker.of_shards))
        return None if hosted is None else hosted.shard.ward.home.policies(site).recalibration

    def watches(self) -> bool:
        return True
