"""The pager process: `chairside pager`. Several run at once; each page goes out once from one of them, or again if that one died.

A look a second finds where something is due, in one query for all sites. When a site's destinations change, it begins anew.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from typing import Final

from alerts.notify.pager import Pager
from alerts.store.store import Store
from deploy.http import listen
from deploy.logs import set_up_log
from deploy.network.door import PagerMetrics, door, door_app
from deploy.network.processes import patiently
from deploy.network.settings import NetworkSettings
from deploy.network.sites import Sites, Switchboard
from deploy.tracing import set_up_tracing
from deploy.wiring import steady_us, wall_us
from streams.hosts.embedded import UNWRITABLE

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


async def _page(network: NetworkSettings, listening: socket.socket | None) -> None:
    store = Store(network.database.located())
    await patiently("the database", lambda: asyncio.to_thread(store.migrate))
    sites, over = Sites(network.sites), asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, over.set)
    metrics = PagerMetrics()
    app = door_app("Chairside pager", metrics.registry, lambda: metrics.update(store, wall_us()), dict)
    async with door(app, listening):
        await _send(store, sites, over)
    store.close()


async def _send(store: Store, sites: Sites, over: asyncio.Event) -> None:
    """Send until it is over."""
    while not over.is_set():
        board = Switchboard(sites)
        pager = Pager(
            store, board.destinations, wall_us, steady_us, alone=False, recipients=board.recipients, idle_s=UNASKED_S
        )  # fmt: skip
        log.info("pages go to %s", ", ".join(each.name for each in board.destinations))
        running = asyncio.create_task(pager.run(), name="pager")
        while not over.is_set() and not running.done() and not sites.look():
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
