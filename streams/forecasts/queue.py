"""Forecasts of a network: the workers' schedulers ask for what is missing, forecaster processes make it from the queue.

The queue is a table in PostgreSQL. States stay there too: a patient's cache is a row that any forecaster reads, so no
process owns a patient, any number share the night, and what one that died had claimed is made by the others when its lease ends.
Bad at: a clock of a forecaster's machine that is minutes off; leases are short or long then, and a forecast may be made twice,
which changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Final

from alerts.store.forecast_queue import TRIES, QueuedForecast
from alerts.store.store import Store
from models.instants import SECOND
from streams.forecasts.jobs import ForecastRequest
from streams.forecasts.making import PATIENTS_PER_JOB, Maker, Wanted
from streams.forecasts.scheduler import Scheduler, ShardView

log = logging.getLogger(__name__)

LEASE_S: Final = 20.0
"""A job of 64 patients takes a second or two; what a dead process had claimed waits so long. One that takes longer is made twice,
which changes nothing."""
NONE_ASKED_S: Final = 1.0
FORECASTER_RETRY_S: Final = 2.0


class AskingScheduler(Scheduler):
    """The scheduler of a worker: it puts what it finds missing into the queue."""

    def __init__(self, shard: ShardView, store: Store, now_us: Callable[[], int]) -> None:
        super().__init__(shard)
        self._store = store
        self._now_us = now_us

    async def have_made(self, wanted: Sequence[Wanted]) -> None:
        await asyncio.to_thread(self._store.ask_forecasts, [queued(each) for each in wanted], self._now_us())


def queued(wanted: Wanted) -> QueuedForecast:
    """A request as the queue has it."""
    request, entries = wanted
    doc = json.dumps(asdict(request), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return QueuedForecast(request.site, request.patient, request.as_of, entries, doc)


class QueueForecaster:
    """Makes what is in the queue until `stop`. Any number of them share it.

    Args:
        given_up: told of a request that had all its tries, and returns when somebody else knows of it.
    """

    def __init__(
        self, store: Store, maker: Maker, now_us: Callable[[], int], lease_s: float = LEASE_S,
        given_up: Callable[[QueuedForecast], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        self._given_up = given_up
        self._store = store
        self._maker = maker
        self._now_us = now_us
        self._lease_us = round(lease_s * SECOND)
        self._halt = asyncio.Event()

    def stop(self) -> None:
        """Make `run` return once what it has claimed is made."""
        self._halt.set()

    async def run(self) -> None:
        """Claim, make, and take out, until `stop`; servers that are away are waited for."""
        while not self._halt.is_set():
            try:
                claimed = await asyncio.to_thread(
                    self._store.claim_forecasts, self._now_us(), self._lease_us, PATIENTS_PER_JOB
                )
                if claimed:
                    await self._maker.make(
                        [(ForecastRequest(**json.loads(each.doc)), each.entries) for each in claimed]
                    )
                    await asyncio.to_thread(self._store.forecasts_done, claimed)
                    continue
                if self._given_up is not None:
                    for each in await asyncio.to_thread(self._store.give_up_forecasts, self._now_us()):
                        log.error("a forecast of the site %s is given up after %d tries", each.site, TRIES)
                        await self._given_up(each)
                pause_s = NONE_ASKED_S
            except Exception as away:  # noqa: BLE001  # a forecaster that died would be missed by nobody for days
                # What was claimed is due again when its lease ends.
                log.error("forecasts have to wait: %s", " ".join(str(away).split())[:200])
                pause_s = FORECASTER_RETRY_S
            try:
                async with asyncio.timeout(pause_s):
                    await self._halt.wait()
            except TimeoutError:
                pass
