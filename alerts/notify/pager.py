"""The pager: sends every owed page to every destination, at least once, until it has arrived.

One line of work for each destination, so that a dead one delays nobody else. In a line many tries go on at once, by lane
(`TRIES_AT_ONCE`): the first try of a high page waits for no retry and for no lesser page. A page is claimed under a lease,
tried, and marked; whoever dies in between loses nothing, because the lease ends. Tries wait 1, 2, 4 … 60 s. A high page is never
given up. Leases and retries are timed by a clock that no jump of the wall's moves.
Bad at: exactly once, a receiver can drop a repeat by the page's key; the order of pages to one receiver.
Cost: a read a second for each destination when idle. Never here: who should be paged (the desk's), names, addresses.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final, ParamSpec, TypeVar

from alerts.effects import Page
from alerts.notify.destination import HANGING, Destination, Message, Outcome, TriedAt
from alerts.store.alert_list import AlertNow
from alerts.store.destinations import DestinationState
from alerts.store.outbox import LANES, Lane, OwedPage, Recipients, Tried, everybody
from alerts.store.store import Store
from alerts.store.turns import UNSEEN_WITHIN_US
from alerts.tracing import SpanKind, context_of, tracer
from models.instants import SECOND
from models.synthetic import SYNTHETIC_PHONE

log = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")

IDLE_S: Final = 1.0
"""How long to wait for a wake-up before looking anyway: retries fall due, and other processes owe pages too."""

MARGIN_S: Final = 10.0
"""A lease outlasts the send by this much: time for marking it on a busy database (`alerts.store.database.BUSY_S`)."""

LONGEST_RETRY_S: Final = 60
"""A destination that comes back has its pages within a minute. Chosen by us."""

MAX_TRIES: Final = 65
"""Tries, about an hour, after which a page that is not high is news no longer. Chosen by us."""

TRIES_AT_ONCE: Final[Mapping[Lane, int]] = {"high": HANGING, "other": 8, "again": 8}
"""Tries of one destination at once, by lane. Chosen by us: 64 high pages at once are more than a clinic of twenty chairs can owe.
A high page that finds 64 others in their first try to a destination that hangs waits one time-out, 10 s, for each 64 before it;
at every other destination it does not."""

PAGER_THREADS: Final = 4
"""Threads of the pager's own for its reads and writes of the store. In those that a process has for everything (six, on two
cores), a page would wait until somebody's record is drawn, or a password is weighed. Chosen by us.
"""

FAILING_AFTER_S: Final = 60.0
"""How long a destination must have failed before the others are told. Chosen by us: a restart of a service takes less, and the
pages themselves have gone to the others at once."""

ReportDestination = Callable[[DestinationState, Sequence[str]], Awaitable[None]]
"""Puts into the journal that a destination fails, or that it no longer does; with the names of the others that do not fail."""

AnswerLink = Callable[[Page, str], str | None]
"""The signed link with which a person acknowledges what a page is about; None where no phone could reach it."""


def _by_name(destinations: Sequence[Destination]) -> dict[str, Destination]:
    found = {destination.name: destination for destination in destinations}
    if len(found) < len(destinations):
        raise ValueError("two destinations have the same name")
    return found


def retry_after_s(attempt: int) -> int:
    """Seconds to wait after the attempt-th try failed: 1, 2, 4 … 60. No jitter: a clinic's few pages make no stampede."""
    return min(LONGEST_RETRY_S, 1 << min(attempt - 1, 10))


class Pager:
    """Sends the outbox.

    Args:
        store: where pages are owed.
        destinations: where each page goes; their names must differ.
        now_us: the wall clock in microseconds: when a page was sent.
        steady_us: a clock that never jumps, in microseconds: when leases end and retries are due.
        alone: no other pager uses this store, so pages that were being sent when the last one died go out at once.
        schedulers: the names of those destinations that are for whoever plans the visits.
        people: the destinations of each person, by name, in the order in which they are tried.
        recipients: which destinations a page is for, where that hangs on its site; else `schedulers` and `people` decide.
        idle_s: how long to wait for a wake-up before looking anyway.
        answer_link: makes the link with which one person acknowledges one page's alert.
        base: where phones and providers find a site; None: nowhere.
        report: what is told of a destination that fails for `FAILING_AFTER_S`, and once it no longer does or is gone.
    """

    def __init__(
        self, store: Store, destinations: Sequence[Destination], now_us: Callable[[], int],
        steady_us: Callable[[], int] | None = None, alone: bool = True, schedulers: Sequence[str] = (),
        people: Mapping[str, Sequence[str]] | None = None, recipients: Recipients | None = None, idle_s: float = IDLE_S,
        report: ReportDestination | None = None, answer_link: AnswerLink | None = None,
        base: Callable[[str], str | None] = lambda site: None,
    ) -> None:  # fmt: skip
        self._store = store
        self._destinations = _by_name(destinations)
        self._now_us = now_us
        self._steady_us = steady_us or now_us
        self._alone = alone
        self._recipients = recipients or everybody(list(self._destinations), schedulers, people)
        self._idle_s = idle_s
        self._report = report
        self._base = base
        self._answer_link = answer_link or (lambda page, person: None)
        self._wakers = {name: asyncio.Event() for name in self._destinations}
        self._group: asyncio.TaskGroup | None = None
        """What every line and every try runs in; None: it does not run."""
        self._claiming: set[asyncio.Future[list[OwedPage]]] = set()
        """The claims under way: they go by the recipients of when they began."""
        self._threads: ThreadPoolExecutor | None = None
        """Its own; they end with `run`."""
        self._over = asyncio.Event()
        self._stopping = False
        self._unmarked: list[Tried] = []
        """Tries that are over and not written yet."""
        self._marking = asyncio.Lock()

        self.states: list[DestinationState] = []
        """How each destination did when last looked, each second."""

    @property
    def destinations(self) -> list[Destination]:
        """Where a clinic's pages go."""
        return [each for name, each in self._destinations.items() if name != SYNTHETIC_PHONE]

    def wake(self, only: Collection[str] | None = None) -> None:
        """Pages were written, for all destinations or these: look now. From the pager's own loop; elsewhere through
        `loop.call_soon_threadsafe`.
        """
        for name, waker in self._wakers.items():
            if only is None or name in only:
                waker.set()

    async def run(self) -> None:
        """Send until `stop`; then what is due now is still sent."""
        try:
            await self._begin(alone=self._alone)
            async with asyncio.TaskGroup() as self._group:
                self._group.create_task(self._watch(self._report), name="pager watches its destinations")
                for name in self._destinations:
                    self._group.create_task(self._serve(name, self._group), name=f"pager {name}")
        finally:
            self._group = None
            if self._threads is not None:
                self._threads.shutdown(wait=False)
                self._threads = None

    async def change(self, destinations: Sequence[Destination], recipients: Recipients) -> None:
        """Send to these from now on, and to nobody else. Tries under way go on to their end; what is owed to a destination that
        is gone, and reached nobody, is owed to those that `recipients` names now.
        """
        before, self._destinations, self._recipients = self._destinations, _by_name(destinations), recipients
        for name in self._destinations.keys() - before.keys():
            self._wakers[name] = asyncio.Event()
            if self._group is not None and not self._stopping:
                self._group.create_task(self._serve(name, self._group), name=f"pager {name}")
        self.wake()
        if self._claiming:
            # They may yet address a page to a destination that is gone; what retires it must come after them.
            await asyncio.wait(self._claiming)
        await self._begin(alone=False)
        self.wake()

    def stop(self) -> None:
        """Make `run` return once nothing is due. What waits for a retry stays owed, for the next pager."""
        self._stopping = True
        self._over.set()
        self.wake()

    async def drain(self, running: asyncio.Task[None], within_s: float = 10.0) -> bool:
        """Stop `run`'s task, and cut it short after `within_s`; True if everything that was due had its try."""
        self.stop()
        done, _ = await asyncio.wait([running], timeout=within_s)
        if not done:
            running.cancel()
            await asyncio.wait([running])
        return bool(done)

    async def _in_thread(self, call: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
        """What a call of the store returns, made in a thread of the pager's own."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(PAGER_THREADS, "pager")
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(call, *arguments, **options))

    async def _begin(self, *, alone: bool) -> None:
        """Have the store go by the destinations that there are now, however long it takes to be reached."""
        if not self.destinations:
            log.error("there is no destination: nobody can be paged, whatever happens")
        while True:
            try:
                await self._in_thread(self._store.start_paging, list(self._destinations), alone)
                return
            except Exception as error:  # noqa: BLE001  # see _serve
                log.error("pager cannot use the store: %s", type(error).__name__)
            if self._stopping:
                return
            await asyncio.sleep(IDLE_S)

    async def _watch(self, report: ReportDestination | None) -> None:
        """Report each destination that fails for long, and each that no longer does or is gone."""
        while not self._stopping:
            try:
                found = await self._in_thread(self._store.destinations)
                self.states = [each for each in found if each.name in self._destinations]
                if report is not None:
                    await self._tell(report, self.states)
                    for gone in found:
                        if gone.reported and gone.name not in self._destinations:
                            await report(replace(gone, failing_since_us=None), ())
                            await self._in_thread(self._store.forget_destination, gone.name)
            except Exception as error:  # noqa: BLE001  # see _serve
                log.error("the state of destinations cannot be reported: %s", type(error).__name__)
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._over.wait()
            except TimeoutError:
                pass

    async def _tell(self, report: ReportDestination, states: Sequence[DestinationState]) -> None:
        for each in states:
            failing = each.failing_since_us is not None
            long = failing and self._now_us() - (each.failing_since_us or 0) >= FAILING_AFTER_S * SECOND
            if long != each.reported and long == failing:
                well = [other.name for other in states if other is not each and other.failing_since_us is None]
                await report(each, well)
                await self._in_thread(self._store.set_reported, each.name, failing)

    async def _serve(self, name: str, group: asyncio.TaskGroup) -> None:
        waker, trying = self._wakers[name], Counter[Lane]()

        async def attempt(destination: Destination, owed: OwedPage) -> None:
            try:
                await self._try(destination, owed)
            finally:
                trying[owed.lane] -= 1
                waker.set()

        while (destination := self._destinations.get(name)) is not None and self._wakers[name] is waker:
            waker.clear()  # before looking: a page written while we look must not be slept over
            claimed: list[OwedPage] = []
            try:
                claimed = await self._claim(destination, {lane: TRIES_AT_ONCE[lane] - trying[lane] for lane in LANES})
                await self._mark([])
            except Exception as error:  # noqa: BLE001  # a pager that died is the failure that pages nobody
                # The database may be restarting. What was sent and not marked comes again, which is what leases are for.
                log.error("pager cannot use the store: %s", type(error).__name__)
            for owed in claimed:
                trying[owed.lane] += 1
                group.create_task(attempt(destination, owed), name=f"page to {name}")
            if self._stopping and not claimed and not trying.total():
                return
            try:
                async with asyncio.timeout(self._idle_s):
                    await waker.wait()
            except TimeoutError:
                pass

    async def _claim(self, destination: Destination, room: Mapping[Lane, int]) -> list[OwedPage]:
        """Claim what is due, as far as there is room."""
        if not any(free > 0 for free in room.values()):
            return []
        lease_us = round((destination.timeout_s + MARGIN_S) * SECOND)
        claiming = asyncio.ensure_future(
            self._in_thread(
                self._store.claim_pages, destination.name, self._recipients, self._steady_us(), lease_us, room
            )
        )
        self._claiming.add(claiming)
        claiming.add_done_callback(self._claiming.discard)
        return await claiming

    async def _try(self, destination: Destination, owed: OwedPage) -> None:
        """Try to send a claimed page, and write what became of it."""
        with tracer().start_as_current_span("deliver page", context_of(owed.trace), kind=SpanKind.CLIENT) as span:
            try:
                about = await self._about(destination, owed.page)
            except Exception as error:  # noqa: BLE001  # see _serve
                outcome = Outcome(False, f"the alert cannot be read: {type(error).__name__}")
            else:
                outcome = await destination.deliver(self._message(owed, about))
            span.set_attributes({"destination": owed.destination, "attempt": owed.attempt, "arrived": outcome.arrived})
        tried, result, level = self._judge(owed, outcome)
        try:
            await self._mark([tried])
        except Exception as error:  # noqa: BLE001  # see _serve
            log.error("pager cannot use the store: %s", type(error).__name__)
        facts = {"page": owed.page.key, "destination": owed.destination, "outcome": result, "attempt": owed.attempt}
        if outcome.reason:
            facts["reason"] = outcome.reason
        log.log(
            level, "delivery %s", " ".join(f"{name}={value!r}" for name, value in facts.items()), extra={"facts": facts}
        )

    async def _about(self, destination: Destination, page: Page) -> tuple[AlertNow, ...]:
        """A page's alerts as they stand, for a destination that wants them."""
        if not destination.wants_alerts:
            return ()
        return tuple(await self._in_thread(self._store.alerts_now, page.alerts))

    def _message(self, owed: OwedPage, about: tuple[AlertNow, ...]) -> Message:
        base = self._base(owed.page.site)
        tried_at = base and TriedAt(base, owed.page.key, owed.person, owed.destination, owed.attempt)
        return Message(owed.page, owed.person, self._answer_link(owed.page, owed.person), tried_at or None, about)

    def _judge(self, owed: OwedPage, outcome: Outcome) -> tuple[Tried, str, int]:
        """What a try's outcome means, in a word for the log, and how loud that is."""
        now_us = self._now_us()
        if outcome.arrived:
            if outcome.receipt_within_s:
                late_us = self._steady_us() + round(outcome.receipt_within_s * SECOND)
                return Tried(owed, arrived=False, retry_us=late_us, taken=True, at_us=now_us), "taken", logging.INFO
            if outcome.unseen:
                next_us = self._steady_us() + UNSEEN_WITHIN_US
                return Tried(owed, arrived=True, retry_us=next_us, unseen=True, at_us=now_us), "sent", logging.INFO
            return Tried(owed, arrived=True, at_us=now_us), "sent", logging.INFO
        if owed.page.priority != "high" and owed.attempt >= MAX_TRIES:
            return Tried(owed, arrived=False, reason=outcome.reason, at_us=now_us), "abandoned", logging.ERROR
        retry_us = self._steady_us() + retry_after_s(owed.attempt) * SECOND
        return (
            Tried(owed, arrived=False, retry_us=retry_us, reason=outcome.reason, at_us=now_us),
            "failed",
            logging.WARNING,
        )

    async def _mark(self, tried: Sequence[Tried]) -> None:
        """Write what became of tries, together with those that wait to be written: one fsync for all of them.

        Returns once it is written. What could not be is kept for the next call.
        """
        self._unmarked += tried
        async with self._marking:
            batch, self._unmarked = self._unmarked, []
            if not batch:
                return
            try:
                await self._in_thread(self._store.mark_pages, batch, self._now_us())
            except BaseException:
                self._unmarked = batch + self._unmarked
                raise
