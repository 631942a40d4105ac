"""The synthetic patient: one who goes through the whole path to a phone each minute, so that a break in it is known by itself.

Journal, ward, desk, store, outbox, pager, phone: a session opens, its patient does not respond, then does, and it ends, in four
observations of one frame. That is a high alert, whose page is owed to the phone, which is a function of this process. Once it has
come, the alert is closed. Nothing of it stays: of this site the store has but the pages that are owed (`alerts/store/ledger.py`),
and these are forgotten a minute later. No board shows it, no figure counts it, no person is paged.
Bad at: what lies beyond the pager; whether a real destination takes pages is what its own tries say.
Never here: what is done when nothing comes (auditor.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from alerts.effects import FrameEffects, Page, Transition
from alerts.notify.destination import Destination, Message, Outcome
from alerts.store.outbox import Method, Recipients
from models.instants import SECOND, from_iso, iso, to_datetime
from models.synthetic import SYNTHETIC_PHONE, SYNTHETIC_SITE
from models.wire.observations import AlertClosed, CheckIn, SessionEnded, SessionStarted
from streams.intake.append import Records

log = logging.getLogger(__name__)

PATIENT_EVERY_S: Final = 60.0
MISSED_AFTER_S: Final = 30.0
"""Chosen by us: two time-outs of a slow disk (`alerts.store.database.BUSY_S`), and what a high page may take at most."""


class SyntheticPatient:
    """One service's. Give it what the owner tells, and the pager its phone.

    Args:
        append: writes observations; returns when they are durable. now_us: the journal's clock.
        forget: takes pages, by key, out of the outbox.
    """

    def __init__(
        self, append: Callable[[Records], Awaitable[None]], now_us: Callable[[], int], forget: Callable[[Collection[str]], None],
        every_s: float = PATIENT_EVERY_S, lost_after_s: float = MISSED_AFTER_S,
    ) -> None:  # fmt: skip
        self._append = append
        self._now_us = now_us
        self._forget = forget
        self.every_s = every_s
        self.lost_after_s = lost_after_s
        self._began_us = 0
        self._arrived = asyncio.Event()
        self._alerts: dict[str, None] = {}
        """Its open alerts, in the order in which they were raised."""
        self._pages: list[str] = []
        self._heard_s: float | None = None
        self.phone: Final = Destination(SYNTHETIC_PHONE, self)

    @property
    def unheard_s(self) -> float:
        """Seconds since its phone had a page that was sent in time; at first since it began, and 0 before."""
        return 0.0 if self._heard_s is None else time.monotonic() - self._heard_s

    def beside(self, recipients: Recipients) -> Recipients:
        """A clinic's recipients, but for its own pages, which are its phone's."""
        return lambda page: [Method(SYNTHETIC_PHONE)] if page.site == SYNTHETIC_SITE else recipients(page)

    def note(self, effects: FrameEffects) -> None:
        """A frame's effects are written."""
        for effect in effects.effects:
            if isinstance(effect, Transition) and effect.site == SYNTHETIC_SITE:
                if effect.transition == "closed":
                    self._alerts.pop(effect.alert, None)
                else:
                    self._alerts[effect.alert] = None
            elif isinstance(effect, Page) and effect.site == SYNTHETIC_SITE:
                self._pages.append(effect.key)

    async def send(self, message: Message) -> Outcome:
        """The phone rings."""
        if message.page.kind == "page" and from_iso(message.page.at) >= self._began_us:
            self._heard_s = time.monotonic()
            self._arrived.set()
        return Outcome(True)

    async def run(self) -> None:
        """Send one each minute until cancelled, the first after a minute."""
        self._heard_s = began_s = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, self.every_s - (time.monotonic() - began_s)))
            began_s = time.monotonic()
            await self._once()

    async def _once(self) -> None:
        why = ""
        try:
            async with asyncio.timeout(self.lost_after_s):
                await self._clear()
                self._arrived.clear()
                now_us = self._now_us()
                # A page says its time by the millisecond: one of this very millisecond is of this round.
                self._began_us = from_iso(iso(now_us))
                await self._append(synthetic_visit(now_us))
                await self._arrived.wait()
        except TimeoutError:
            why = f"within {self.lost_after_s:g} s"
        except Exception as error:  # noqa: BLE001  # whatever the path says where it is broken
            why = f"({type(error).__name__})"
        if why:
            log.error("the synthetic patient's page did not arrive %s", why)

    async def _clear(self) -> None:
        """Close what the last ones have raised, and forget their pages, come or not."""
        at = to_datetime(self._now_us())
        if self._alerts:
            await self._append(
                [AlertClosed(at=at, site=SYNTHETIC_SITE, alert=alert, by="synthetic patient") for alert in self._alerts]
            )
        pages, self._pages = self._pages, []
        await asyncio.to_thread(self._forget, pages)


def synthetic_visit(now_us: int) -> Records:
    """What it sends: a session in which somebody does not respond, and two seconds later does."""
    session = f"synthetic-{now_us}"

    def who(ago_s: int) -> dict[str, Any]:
        at = to_datetime(now_us - ago_s * SECOND)
        return {"at": at, "site": SYNTHETIC_SITE, "patient": "synthetic", "session": session}

    return [
        SessionStarted(**who(3), chair="synthetic", drug="esketamine", route="intranasal", planned_mg=56.0),
        CheckIn(**who(2), instrument="moaas", score=0, id=f"{session}-0"),
        CheckIn(**who(1), instrument="moaas", score=5, id=f"{session}-5"),
        SessionEnded(**who(0), reason="synthetic", discharged=False),
    ]
