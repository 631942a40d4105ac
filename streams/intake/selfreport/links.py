"""A patient's links: signed, for one check-in of one patient or one session's tablet, good until a time that is in them.

Whoever has one can answer that check-in, or for that session, and see that patient's own curve; nothing else. Their key is
another than that of pages' links, so that neither is ever taken for the other.
Bad at: knowing who holds the phone. Never here: what an answer does (`http.py`), when a link is sent (`sender.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadData, URLSafeSerializer

from models.instants import DAY, HOUR, SECOND

ANSWERS_AFTER: Final = 2 * DAY
"""How long after a link's end answers are taken that were given before it: a phone may have been without a network. Chosen by
us."""
TABLET_GOOD_FOR: Final = 12 * HOUR
"""How long a tablet's link holds at the most; it ends with its session. Chosen by us: longer than any day in a chair."""


class NoLink(ValueError):
    """A link that is not ours, was changed, or is too old."""


@dataclass(frozen=True, slots=True)
class CheckInLink:
    """One check-in: whose, which set of instruments, in which language; `occasion` makes its answers' ids."""

    site: str
    patient: str
    form: str
    language: str
    occasion: str
    until_us: int


@dataclass(frozen=True, slots=True)
class TabletLink:
    """The tablet of one session."""

    site: str
    session: str
    language: str
    until_us: int


class PatientLinks:
    """Makes and reads them. `keys`: as they are now, the newest first: that one signs, all are believed."""

    def __init__(self, keys: Callable[[], Sequence[str]], now_us: Callable[[], int]) -> None:
        self._keys = keys
        self._now_us = now_us

    def checkin(self, site: str, patient: str, form: str, language: str, until_us: int) -> str:
        """The token of a new check-in's link."""
        fields = [site, patient, form, language, secrets.token_hex(8), until_us // SECOND]
        return _signer(self._keys(), "checkin").dumps(fields)

    def tablet(self, site: str, session: str, language: str) -> str:
        """The token of a session's tablet."""
        until_us = self._now_us() + TABLET_GOOD_FOR
        return _signer(self._keys(), "tablet").dumps([site, session, language, until_us // SECOND])

    def read_checkin(self, token: str, late_us: int = 0) -> CheckInLink:
        """What a token is for; `late_us`: how long after its end it still counts.

        Raises:
            NoLink: it is none of ours, or too old.
        """
        site, patient, form, language, occasion, until_s = self._read(token, "checkin", 6)
        self._refuse_old(int(until_s), late_us)
        return CheckInLink(str(site), str(patient), str(form), str(language), str(occasion), int(until_s) * SECOND)

    def read_tablet(self, token: str) -> TabletLink:
        """What a token is for.

        Raises:
            NoLink: it is none of ours, or too old.
        """
        site, session, language, until_s = self._read(token, "tablet", 4)
        self._refuse_old(int(until_s), 0)
        return TabletLink(str(site), str(session), str(language), int(until_s) * SECOND)

    def _read(self, token: str, what: str, fields: int) -> list[str | int]:
        try:
            found: list[str | int] = _signer(self._keys(), what).loads(token)
        except (BadData, ValueError, TypeError) as bad:
            raise NoLink("no link of ours") from bad
        if len(found) != fields:
            raise NoLink("a link of another version")
        return found

    def _refuse_old(self, until_s: int, late_us: int) -> None:
        if self._now_us() > until_s * SECOND + late_us:
            raise NoLink("too old")


def _signer(keys: Sequence[str], what: str) -> URLSafeSerializer:
    return URLSafeSerializer(list(reversed(keys)), salt=f"chairside.patient.{what}")
