"""The auditor: asks again and again whether whoever should have been paged was, and if not pages every destination itself.

It stands beside what it judges: a thread with its own event loop and its own monotonic clock, which reads what the service has
done and needs neither journal nor store to send. It finds: a shard that makes no progress (which is also how a journal or a store
that cannot be written shows, because a tick is appended each second), a page that nobody got, a destination that fails for long,
a store that cannot be read, a synthetic patient whose page does not come (synthetic.py). While all is well, and only then, it
calls an address outside, whose owner raises the alarm when the calls stop: that covers this thread, its process and its machine.
The service ends when this thread does (`failed`).
Bad at: what the ward did not conclude. Cost: a read in ten seconds. Never here: a decision about an alert.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from alerts.effects import Page
from alerts.notify.destination import Destination, Message
from alerts.notify.http import request
from alerts.store.destinations import DestinationState
from alerts.store.store import Store
from models.instants import iso

log = logging.getLogger(__name__)

UNHEARD_S: Final = 180.0
"""How long the synthetic patient's phone may have had no page. One comes each minute; two may be lost. Chosen by us."""
EVERY_S: Final = 10.0
"""How often it asks. Chosen by us: a watch that stands still is paged within 40 s; grafana/oncall's auditor asks each minute."""
BEAT_S: Final = 60.0
"""How often it calls the address outside, while all is well. As dead man's switches expect: the usual ones count minutes."""
HUNG_S: Final = 120.0
"""How long one look and its pages may take. Chosen by us: every try ends after ten seconds."""
NO_PROGRESS_S: Final = 30.0
"""A frame is decided each second. Chosen by us: a slow disk or a backup holds one up for seconds, not for half a minute."""
OVERDUE_S: Final = 60.0
"""How long what an alert waits for (its next call, an answer that runs out) may be past. A tick comes each second (design)."""
UNSENT_S: Final = 60.0
"""How long a page may be owed to nobody's receipt. Chosen by us: three time-outs of a try, and the next methods' turns."""
DESTINATION_FAILS_S: Final = 300.0
"""How long a destination may fail. Chosen by us: four minutes after the journal's own alert about it."""
PAGE_AGAIN_S: Final = 300.0
"""How often it pages about what goes on. As often as a high alert that nobody answers."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the auditor looks at, once: ages in seconds by its own clock.

    `why`: what is known of why nothing is decided; `unsent_s`: of each alert whose page nobody got; `failing_s`: of each failing
    destination; `store`: why it cannot be read; `overdue_s`: what is due of open alerts and was not done, how long past;
    `unheard_s`: since the synthetic patient's phone had a page.
    """

    no_progress_s: float
    unsent_s: Sequence[float] = ()
    failing_s: Sequence[tuple[str, float]] = ()
    store: str = ""
    why: str = ""
    overdue_s: Sequence[float] = ()
    unheard_s: float = 0.0


def wrongs(seen: Seen) -> dict[str, str]:
    """What is wrong, by kind, in a sentence each; empty: all is well."""
    found: dict[str, str] = {}
    if seen.no_progress_s >= NO_PROGRESS_S:
        why = f" ({seen.why})" if seen.why else ""
        found["progress"] = f"Nobody is being watched: nothing was decided for {seen.no_progress_s:.0f} s{why}."
    if seen.store:
        found["store"] = f"The store cannot be read: {seen.store}."
    late = [age_s for age_s in seen.unsent_s if age_s >= UNSENT_S]
    if late:
        found["pages"] = (
            f"Pages about {len(late)} alerts reached nobody, the oldest for {max(late):.0f} s. Look at the board."
        )
    missed = [past_s for past_s in seen.overdue_s if past_s >= OVERDUE_S]
    if missed:
        found["due"] = (
            f"{len(missed)} open alerts should have been called again, the first {max(missed):.0f} s ago. Look at the board."
        )
    if seen.unheard_s >= UNHEARD_S:
        found["path"] = (
            f"For {seen.unheard_s:.0f} s no page of the synthetic patient has come through: pages may not go out. Look at the board."
        )
    for name, age_s in seen.failing_s:
        if age_s >= DESTINATION_FAILS_S:
            found[f"destination {name}"] = f"No page arrives at {name} for {age_s / 60:.0f} min."
    return found


class Ages:
    """How long each of some things has been so, by a monotonic clock: what is no longer so is forgotten."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def of(self, names: Sequence[str], now_s: float) -> list[tuple[str, float]]:
        """The age of each of these."""
        self._since = {name: self._since.get(name, now_s) for name in names}
        return [(name, now_s - since_s) for name, since_s in self._since.items()]


class Auditor:
    """Audits one service, in a thread.

    Args:
        site: the site's name, for its pages.
        destinations: where it pages; opened for it alone.
        store: read for pages that nobody got.
        progress: a number that changes whenever a frame was decided and written.
        states: how each destination does, as the pager saw it last.
        wall_us: the wall clock, for the instant in a page.
        heartbeat: the address that is called while all is well.
        why: what is known of why nothing is decided; empty where nothing is.
        overdue: of each open alert for which something is due and not done, how many seconds it is past.
        unheard: seconds since the synthetic patient's phone had a page.
    """

    def __init__(
        self, site: str, destinations: Sequence[Destination], store: Store, progress: Callable[[], int],
        states: Callable[[], Sequence[DestinationState]], wall_us: Callable[[], int], heartbeat: str | None = None,
        every_s: float | None = None, why: Callable[[], str] = str,
        overdue: Callable[[], Sequence[float]] = tuple, unheard: Callable[[], float] = float,
    ) -> None:  # fmt: skip
        self._site = site
        self._destinations = destinations
        self._store = store
        self._progress = progress
        self._states = states
        self._wall_us = wall_us
        self._heartbeat = heartbeat
        self._every_s = EVERY_S if every_s is None else every_s
        self._why = why
        self._overdue = overdue
        self._unheard = unheard
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="auditor", daemon=True)
        self._unsent, self._failing = Ages(), Ages()
        self._offset, self._progress_at_s = -1, time.monotonic()
        #: What was wrong, and when it was last paged about.
        self._paged: dict[str, float] = {}
        self._sent = 0
        self._beat_at_s = -BEAT_S
        self._looked_at_s = time.monotonic()

    def use(self, destinations: Sequence[Destination], heartbeat: str | None) -> None:
        """Page these from the next audit on, and call this address."""
        self._destinations, self._heartbeat = destinations, heartbeat

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Make it end; it may be in the middle of a page, which is then cut short with the process."""
        self._over.set()

    def failed(self) -> str:
        """Why nobody audits any more; empty while somebody does, or once it was told to stop."""
        if self._over.is_set():
            return ""
        if not self._thread.is_alive():
            return "its thread has ended"
        hung_s = time.monotonic() - self._looked_at_s
        return f"it has not looked for {hung_s:.0f} s" if hung_s > HUNG_S + self._every_s else ""

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            self._looked_at_s = time.monotonic()
            try:
                asyncio.run(self.audit(time.monotonic()))
            except Exception as error:
                # An auditor that died is worse than one that fails: the heartbeat stays away meanwhile.
                log.error("the audit failed: %s", type(error).__name__, exc_info=error)

    async def audit(self, now_s: float) -> dict[str, str]:
        """Look once, and page or call out; what was wrong."""
        found = wrongs(self._look(now_s))
        due = {
            kind: text for kind, text in found.items() if now_s - self._paged.get(kind, -PAGE_AGAIN_S) >= PAGE_AGAIN_S
        }
        self._paged = {kind: at_s for kind, at_s in self._paged.items() if kind in found} | dict.fromkeys(due, now_s)
        for text in due.values():
            log.error("audit: %s", text)
        if due:
            await self._page(" ".join(due.values()))
        if not found and self._heartbeat is not None and now_s - self._beat_at_s >= BEAT_S:
            self._beat_at_s = now_s
            answer = await request(self._heartbeat, b"", {})
            if answer.failure:
                log.warning("the heartbeat did not arrive: %s", answer.failure)
        return found

    def _look(self, now_s: float) -> Seen:
        if (offset := self._progress()) != self._offset:
            self._offset, self._progress_at_s = offset, now_s
        unsent, why = [], ""
        try:
            unsent = self._unsent.of(sorted(set(self._store.unsent_pages().values())), now_s)
        except Exception as error:  # noqa: BLE001  # whatever the database says, it cannot be read
            why = type(error).__name__
        failing = [each.name for each in self._states() if each.failing_since_us is not None]
        return Seen(
            now_s - self._progress_at_s, [age_s for _, age_s in unsent], self._failing.of(failing, now_s), why, self._why(),
            self._overdue(), self._unheard(),
        )  # fmt: skip

    async def _page(self, body: str) -> None:
        """To every destination, past desk and store; what does not arrive is in the log."""
        self._sent += 1
        now_us = self._wall_us()
        page = Page(
            f"auditor-{now_us}-{self._sent}", iso(now_us), self._site, "-", "high", (),
            f"HIGH ▲ {self._site}: Chairside itself", f"{body} Look at the bedside monitors.",
        )  # fmt: skip
        outcomes = await asyncio.gather(*(each.deliver(Message(page)) for each in self._destinations))
        for each, outcome in zip(self._destinations, outcomes, strict=True):
            if not outcome.arrived:
                log.error("the audit's page did not arrive at %s: %s", each.name, outcome.reason)
