"""Destinations: where pages go, and how one try to get a page there ends. `Notifier` is what every channel is behind.

A try has one time-out for all of it, whatever the other side does: says nothing, drips bytes, redirects. A channel that can only
block runs in a thread of its own (`InThread`), which is ended by an exception when nobody waits for it any more.
Bad at: knowing that a person has read it. Cost: a socket a try, and a thread where a channel blocks.
Never here: retries, clocks, addresses.
"""

from __future__ import annotations

import asyncio
import ctypes
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Final, Protocol
from urllib.parse import urlencode

from alerts.effects import Page
from alerts.store.alert_list import AlertNow

TIMEOUT_S: Final = 10.0
"""When a try counts as failed, whatever it is doing. Chosen by us: a service that takes a page answers within two or three
seconds, and what takes longer than this is better tried again."""

HANGING: Final = 64
"""How many threads of one destination may hang; no more are begun. Chosen by us: as many as there may be first tries of high
pages at once (pager.py). A thread that waits in the system, for a name server say, cannot be ended from outside."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Did the page arrive, and if not, why. `reason` is made of our own words, never of an address or an answer.

    `receipt_within_s`: a provider has taken the page, and tells within this time what became of it; 0: it tells no more.
    `unseen`: a push service has taken it for a phone that may sleep or be out of reach, and never tells whether that has it.
    """

    arrived: bool
    reason: str = ""
    receipt_within_s: float = 0.0
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class TriedAt:
    """Where a provider tells what became of one try, and how the person answers through it: `base` is the site's own address.

    The provider signs what it posts there with its address, so that whoever else posts is refused (alerts/inbound).
    """

    base: str
    key: str
    person: str
    destination: str
    attempt: int

    def url(self, path: str, **more: str) -> str:
        """The address of one kind of news, with all that says which try it is about."""
        which = {"key": self.key, "person": self.person, "destination": self.destination, "attempt": str(self.attempt)}
        return f"{self.base.rstrip('/')}{path}?{urlencode(which | more)}"


@dataclass(frozen=True, slots=True)
class Message:
    """One page, as it goes to one person.

    `person`: whom it calls; empty: whoever is there. `answer`: the signed link with which they acknowledge it, and `tried_at`
    where a provider tells more of this try; None: the site has no address that they could reach. `about`: the alerts of the page
    as they stand when it is tried, where the destination wants them (`Destination.wants_alerts`).
    """

    page: Page
    person: str = ""
    answer: str | None = None
    tried_at: TriedAt | None = None
    about: tuple[AlertNow, ...] = ()


class Notifier(Protocol):
    """Sends until the message was taken or refused. It may be cancelled at any moment."""

    async def send(self, message: Message) -> Outcome: ...


class Blocking(Protocol):
    """A notifier that blocks; `InThread` makes a `Notifier` of it."""

    def send(self, message: Message) -> Outcome: ...


class _GaveUp(BaseException):
    """Nobody waits for this thread any more. No `Exception`, so that no client takes it for a failure to try again after."""


class InThread:
    """A blocking notifier behind `Notifier`: a daemon thread a send.

    A send that is cancelled gets `_GaveUp` raised in its thread, at the next line of Python that this runs: so one that is
    dripped bytes ends with the next of them, and one that waits ends with its client's own time-out.
    """

    def __init__(self, notifier: Blocking) -> None:
        self.notifier = notifier
        self.hanging = 0

    async def send(self, message: Message) -> Outcome:
        if self.hanging >= HANGING:
            return Outcome(False, f"{self.hanging} earlier tries still hang")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        ending, ended = Lock(), False

        def finish(outcome: Outcome) -> None:
            self.hanging -= 1
            if not answer.done():
                answer.set_result(outcome)

        def work() -> None:
            nonlocal ended
            outcome = Outcome(False, "cut short")
            try:
                try:
                    outcome = self.notifier.send(message)
                except Exception as error:  # noqa: BLE001  # a failed page is an event, whatever a service's client raises
                    outcome = Outcome(False, type(error).__name__)
                with ending:
                    ended = True
            except _GaveUp:
                ended = True
            with suppress(RuntimeError):  # the loop is closed: the process ends, and the lease brings the page back
                loop.call_soon_threadsafe(finish, outcome)

        self.hanging += 1
        # A daemon, not a pool's thread: a pool waits for its threads at exit, and this one may hang for good.
        thread = Thread(target=work, name="page", daemon=True)
        thread.start()
        try:
            return await answer
        except asyncio.CancelledError:
            with ending:
                if not ended and thread.ident is not None:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_GaveUp))
            raise


@dataclass(slots=True)
class Destination:
    """Where pages go. `name` is what logs and deliveries call it: keep it, or its unsent pages are sent anew."""

    name: str
    notifier: Notifier
    timeout_s: float = TIMEOUT_S
    wants_alerts: bool = False

    async def deliver(self, message: Message) -> Outcome:
        """Try once, for `timeout_s` at most. Never raises but for cancellation."""
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self.notifier.send(message)
        except TimeoutError:
            return Outcome(False, f"no answer in {self.timeout_s:g} s")
        except Exception as error:  # noqa: BLE001  # a failed page is an event, whatever a service's client raises
            return Outcome(False, type(error).__name__)
