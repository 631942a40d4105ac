"""The sender of check-in links: who is to be asked now, through the channels that pages have, to the patient's own address.

What was sent when is in a file of the data directory, for its owner's eyes alone, written after a channel has taken the
message: a crash between the two sends a second link, never none. What fails is tried again at the next look.
Bad at: knowing whether a message was read. Never here: when somebody is due (`asking.py`), a word of an address in log or
journal.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from alerts.effects import Page
from alerts.notify.destination import Message
from models.calendar import zone_of
from models.instants import DAY, iso, to_datetime
from models.relapse.policies import CheckIns
from streams.intake.selfreport.asking import Asked, Asking, decide_asking
from streams.intake.selfreport.contacts import HomePart, PatientContact, WatchedContacts
from streams.intake.selfreport.links import PatientLinks
from streams.intake.selfreport.words import words_in

log = logging.getLogger(__name__)

SENDER_LOOKS_EVERY_S: Final = 60.0
"""How often it is looked who is to be asked. Chosen by us: hours matter here, minutes do not."""


class KnownPatient(Protocol):
    """What is asked of a patient at home."""

    answered_day: int | None
    zone: str | None

    @property
    def tz(self) -> tzinfo: ...


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """What the site's file says now."""

    site: str
    zone: str
    link: str | None
    home: HomePart
    checkins: CheckIns


class CheckInSender:
    """Sends them.

    Args:
        path: where it is written down who was asked. settings: as they are now. known: a patient as the ward has them, if it
        does. now_us: the site's time.
    """

    def __init__(
        self, path: Path, links: PatientLinks, settings: Callable[[], SenderSettings], known: Callable[[str], KnownPatient | None],
        now_us: Callable[[], int],
    ) -> None:  # fmt: skip
        self._path = path
        self._links = links
        self._settings = settings
        self._known = known
        self._now_us = now_us
        self.contacts = WatchedContacts()
        self.sent = 0
        self.failed = 0
        self._asked = _read(path)
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Look for ever. A look that fails is told and does not end it."""
        while True:
            try:
                await self.look()
            except Exception as wrong:
                log.error("check-in links are late, trying again: %s", type(wrong).__name__, exc_info=wrong)
            with suppress(TimeoutError):
                async with asyncio.timeout(SENDER_LOOKS_EVERY_S):
                    await self._news.wait()
            self._news.clear()

    def wake(self) -> None:
        """Look now: what patients are asked by has changed."""
        self._news.set()

    async def look(self) -> None:
        """Send what is to be sent now."""
        settings = self._settings()
        if settings.link is None or settings.home.lines() is None:
            return
        for patient, contact in self.contacts.now(settings.home).items():
            if contact.paused:
                continue
            known = self._known(patient)
            zone = zone_of(contact.timezone) or (
                known.tz if known is not None and known.zone else ZoneInfo(settings.zone)
            )
            now = to_datetime(self._now_us()).astimezone(zone)
            asked = self._asked.get(patient)
            answered_day = None if known is None else known.answered_day
            decision = decide_asking(
                settings.checkins,
                settings.home.hours,
                settings.home.remind_days,
                answered_day,
                asked,
                now.toordinal(),
                now.hour,
            )
            if decision.send is not None and await self._send(settings, patient, contact, decision.send, now):
                day = now.toordinal() if decision.send == "link" or asked is None else asked.day
                self._asked[patient] = Asked(day, reminded=decision.send == "reminder")
                await asyncio.to_thread(_write, self._path, self._asked)

    async def _send(
        self, settings: SenderSettings, patient: str, contact: PatientContact, what: Asking, now: datetime
    ) -> bool:  # fmt: skip
        """Whether one of a patient's channels took the message."""
        home, lines = settings.home, settings.home.lines()
        if lines is None or settings.link is None:
            return False
        code, words = words_in(contact.language or home.language, home.languages)
        until_us = self._now_us() + home.link_days * DAY
        token = self._links.checkin(settings.site, patient, contact.form or home.form, code, until_us)
        until = to_datetime(until_us).astimezone(now.tzinfo or UTC)
        sentence = words.message.link if what == "link" else words.message.reminder
        text = sentence.format(
            link=f"{settings.link.rstrip('/')}/checkin/{token}",
            until=f"{until:%Y-%m-%d %H:%M}",
            emergency=lines.emergency,
        )
        key = f"{what}-{patient}-{now.date().isoformat()}"
        page = Page(key, iso(self._now_us()), settings.site, patient, "low", (), words.message.link_title, text)
        for destination in contact.destinations(patient):
            outcome = await destination.deliver(Message(page))
            if outcome.arrived:
                self.sent += 1
                log.info("%s for a check-in sent to %s", what, patient)
                return True
            log.warning("%s for a check-in of %s was not taken: %s", what, patient, outcome.reason)
        self.failed += 1
        return False


def _read(path: Path) -> dict[str, Asked]:
    """Who was asked when; of a file that cannot be read nobody, so that they are asked once too often."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return {patient: Asked(int(each["day"]), bool(each["reminded"])) for patient, each in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        log.warning("%s cannot be read: patients whose answer is due are asked again", path.name)
        return {}


def _write(path: Path, asked: Mapping[str, Asked]) -> None:
    made = path.with_suffix(".new")
    made.touch(mode=0o600)
    made.write_text(
        json.dumps({patient: {"day": each.day, "reminded": each.reminded} for patient, each in asked.items()}), "utf-8"
    )
    made.replace(path)
