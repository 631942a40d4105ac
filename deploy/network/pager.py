"""The pager process: `chairside pager`. Several run at once; each page goes out once from one of them, or again if that one died.

A look a second finds where something is due, in one query for all sites. When a site's file changes, pages go where it says now,
and what is being sent is sent to its end. What it finds of a destination goes into the journal of its site.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Final

from alerts.answer_links import AnswerLinks
from alerts.notify.pager import Pager
from alerts.store.destinations import DestinationState, state_record
from alerts.store.store import Store
from deploy.http import listen
from deploy.logs import set_up_log
from deploy.network.door import PagerMetrics, door, door_app
from deploy.network.processes import patiently
from deploy.network.settings import NetworkSettings
from deploy.network.sites import Sites, Switchboard, place_of
from deploy.tracing import set_up_tracing
from deploy.wiring import steady_us, wall_us
from streams.hosts.embedded import UNWRITABLE
from streams.intake.kafka import NetworkIntake
from streams.journal.kafka import KafkaConnection, KafkaProducer, shards_of
from streams.journal.topics import OPERATORS, operators_site

log = logging.getLogger(__name__)

SCOUT_S: Final = 1.0
"""How often it looks for what is due."""
UNASKED_S: Final = 60.0
"""How often each destination looks by itself: the look for all wakes it."""


def run_pager(network: NetworkSettings, host: str, port: int) -> None:
    """Send until a signal; then what is due now is still sent. `port` is for `/metrics` and `/healthz`; 0 for neither."""
    set_up_log()
    set_up_tracing("pager")
    listening = listen(host, port) if port else None
    asyncio.run(_page(network, listening))


class Reports:
    """Puts what becomes of destinations into the journals of their sites. Nothing of it is needed to send a page, so a broker
    that is away is in nobody's way: the pager asks again.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._producer = KafkaProducer(connection)
        self._intake: NetworkIntake | None = None

    async def report(self, state: DestinationState, well: Sequence[str]) -> None:
        """One destination fails, or no longer does; `well` counts as far as it is of the same site. Durable when it returns.

        Raises:
            Overloaded, KafkaError, OSError: it may not be in the journal.
        """
        if self._intake is None:
            self._intake = NetworkIntake(self._producer, await shards_of(self._connection))
        site, name = place_of(state.name)
        others = sum(place_of(each)[0] == site for each in well)
        journal = operators_site(0) if site == OPERATORS else site
        await self._intake.append([state_record(state, name, others, journal, wall_us())])

    async def stop(self) -> None:
        if self._intake is not None:
            await self._intake.stop()
        await self._producer.stop()


async def _page(network: NetworkSettings, listening: socket.socket | None) -> None:
    store = Store(network.database.located())
    await patiently("the database", lambda: asyncio.to_thread(store.migrate))
    sites, over = Sites(network.sites), asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, over.set)
    metrics, reports = PagerMetrics(), Reports(network.kafka.connection())
    app = door_app("Chairside pager", metrics.registry, lambda: metrics.update(store, wall_us()), dict)
    async with door(app, listening):
        await _send(store, sites, network.answers.keys(), reports, over)
    await reports.stop()
    store.close()


async def _send(
    store: Store, sites: Sites, keys: Callable[[], Sequence[str]], reports: Reports, over: asyncio.Event
) -> None:
    """Send until it is over."""
    board = Switchboard(sites)

    def link_of(site: str) -> str | None:
        return board.link_of(site)  # of the board that is in force then

    links = AnswerLinks(keys, link_of)
    pager = Pager(
        store, board.destinations, wall_us, steady_us, alone=False, recipients=board.recipients, idle_s=UNASKED_S,
        report=reports.report, answer_link=links.link, base=link_of,
    )  # fmt: skip
    _say(board, keys())
    running = asyncio.create_task(pager.run(), name="pager")
    while not over.is_set() and not running.done():
        if sites.look():
            board = Switchboard(sites)
            await pager.change(board.destinations, board.recipients)
            _say(board, keys())
        try:
            pager.wake(await asyncio.to_thread(store.due_destinations, board.recipients, steady_us()))
        except UNWRITABLE as away:
            log.error("the store cannot be used, trying again: %s", type(away).__name__)
        try:
            async with asyncio.timeout(SCOUT_S):
                await over.wait()
        except TimeoutError:
            pass
    await pager.drain(running)
    running.result()


def _say(board: Switchboard, keys: Sequence[str]) -> None:
    log.info("pages go to %s", ", ".join(each.name for each in board.destinations))
    if board.linked and not keys:
        log.warning(
            "no page of %s can be acknowledged by its link: answers.key_file is not set", ", ".join(board.linked)
        )
