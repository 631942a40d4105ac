"""The pager: sends every owed page to every destination, at least once, until it has arrived.

One line of work for each destination, so that a dead one delays nobody else. A page is claimed under a lease, sent, and marked;
whoever dies in between loses nothing, because the lease ends. Tries wait 1, 2, 4 … 60 s. A high page is never given up.
Bad at: exactly once; a receiver can drop a repeat by the page's key.
Cost: a read a second for each destination when idle. Never here: who should be paged (the desk's), names, addresses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Final

from alerts.notify.notifiers import TIMEOUT_S, Destination, Outcome
from alerts.store.outbox import OwedPage, Recipients, everybody
from alerts.store.store import Store
from alerts.tracing import SpanKind, context_of, tracer
from models.instants import SECOND

log = logging.getLogger(__name__)

IDLE_S: Final = 1.0
"""How long to wait for a wake-up before looking anyway: retries fall due, and other processes owe pages too."""

MARGIN_S: Final = 10.0
"""A lease outlasts the send by this much: time for marking it on a busy database (`alerts.store.database.BUSY_S`)."""

LONGEST_RETRY_S: Final = 60
"""A destination that comes back has its pages within a minute. Chosen by us."""

MAX_TRIES: Final = 65
"""Tries, about an hour, after which a page that is not high is news no longer. Chosen by us."""


def retry_after_s(attempt: int) -> int:
    """Seconds to wait after the attempt-th try failed: 1, 2, 4 … 60. No jitter: a clinic's few pages make no stampede."""
    return min(LONGEST_RETRY_S, 1 << min(attempt - 1, 10))


class Pager:
    """Sends the outbox.

    Args:
        store: where pages are owed.
        destinations: where each page goes; their names must differ.
        now_us: the wall clock in microseconds.
        timeout_s: when a send counts as failed.
        alone: no other pager uses this store, so pages that were being sent when the last one died go out at once.
        schedulers: the names of those destinations that are for whoever plans the visits.
        recipients: which destinations a page is for, where that hangs on its site; else `schedulers` decides.
        idle_s: how long to wait for a wake-up before looking anyway.
    """

    def __init__(
        self, store: Store, destinations: Sequence[Destination], now_us: Callable[[], int],
        timeout_s: float = TIMEOUT_S, alone: bool = True, schedulers: Sequence[str] = (),
        recipients: Recipients | None = None, idle_s: float = IDLE_S,
    ) -> None:  # fmt: skip
        self._store = store
        self._destinations = {destination.name: destination for destination in destinations}
        if len(self._destinations) < len(destinations):
            raise ValueError("two destinations have the same name")
        self._now_us = now_us
        self._timeout_s = timeout_s
        self._alone = alone
        self._recipients = recipients or everybody(list(self._destinations), schedulers)
        self._idle_s = idle_s
        self._wakers = {name: asyncio.Event() for name in self._destinations}
        self._nowhere = asyncio.Event()
        """Ends the waiting of a pager that has no destination."""
        self._stopping = False

    @property
    def destinations(self) -> list[Destination]:
        """Where pages go."""
        return list(self._destinations.values())

    def wake(self, only: Collection[str] | None = None) -> None:
        """Pages were written, for all destinations or these: look now. From the pager's own loop; elsewhere through
        `loop.call_soon_threadsafe`.
        """
        for name, waker in self._wakers.items():
            if only is None or name in only:
                waker.set()

    async def run(self) -> None:
        """Send until `stop`; then what is due now is still sent."""
        await self._begin()
        if not self._destinations:
            await self._nowhere.wait()
        async with asyncio.TaskGroup() as group:
            for destination in self._destinations.values():
                group.create_task(self._serve(destination), name=f"pager {destination.name}")

    def stop(self) -> None:
        """Make `run` return once nothing is due. What waits for a retry stays owed, for the next pager."""
        self._stopping = True
        self._nowhere.set()
        self.wake()

    async def drain(self, running: asyncio.Task[None], within_s: float = 10.0) -> bool:
        """Stop `run`'s task, and cut it short after `within_s`; True if everything that was due had its try."""
        self.stop()
        done, _ = await asyncio.wait([running], timeout=within_s)
        if not done:
            running.cancel()
            await asyncio.wait([running])
        return bool(done)

    async def _begin(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._store.start_paging, list(self._destinations), self._alone)
                return
            except Exception as error:  # noqa: BLE001  # see _serve
                log.error("pager cannot use the store: %s", type(error).__name__)
            if self._stopping:
                return
            await asyncio.sleep(IDLE_S)

    async def _serve(self, destination: Destination) -> None:
        waker = self._wakers[destination.name]
        while True:
            waker.clear()  # before looking: a page written while we look must not be slept over
            try:
                if await self._send_one(destination):
                    continue
            except Exception as error:  # noqa: BLE001  # a pager that died is the failure that pages nobody
                # The database may be restarting. What was sent and not marked comes again, which is what leases are for.
                log.error("pager cannot use the store: %s", type(error).__name__)
            if self._stopping:
                return
            try:
                async with asyncio.timeout(self._idle_s):
                    await waker.wait()
            except TimeoutError:
                pass

    async def _send_one(self, destination: Destination) -> bool:
        """Claim the most urgent due page and send it; False if none is due. One at a time, so that a worse one is next."""
        lease_us = round((self._timeout_s + MARGIN_S) * SECOND)
        claimed = await asyncio.to_thread(
            self._store.claim_pages, destination.name, self._recipients, self._now_us(), lease_us
        )
        for owed in claimed:
            with tracer().start_as_current_span("deliver page", context_of(owed.trace), kind=SpanKind.CLIENT) as span:
                outcome = await destination.deliver(owed.page, self._timeout_s)
                span.set_attributes(
                    {"destination": owed.destination, "attempt": owed.attempt, "arrived": outcome.arrived}
                )
            await self._mark(owed, outcome)
        return bool(claimed)

    async def _mark(self, owed: OwedPage, outcome: Outcome) -> None:
        now_us = self._now_us()
        if outcome.arrived:
            await asyncio.to_thread(self._store.mark_sent, owed, now_us)
            result, level = "sent", logging.INFO
        elif owed.page.priority != "high" and owed.attempt >= MAX_TRIES:
            await asyncio.to_thread(self._store.mark_failed, owed, None, outcome.reason)
            result, level = "abandoned", logging.ERROR
        else:
            retry_us = now_us + retry_after_s(owed.attempt) * SECOND
            await asyncio.to_thread(self._store.mark_failed, owed, retry_us, outcome.reason)
            result, level = "failed", logging.WARNING
        facts = {"page": owed.page.key, "destination": owed.destination, "outcome": result, "attempt": owed.attempt}
        if outcome.reason:
            facts["reason"] = outcome.reason
        log.log(
            level, "delivery %s", " ".join(f"{name}={value!r}" for name, value in facts.items()), extra={"facts": facts}
        )
