"""Links with which a page is acknowledged: signed, for one alert and one person, good for `GOOD_FOR_S`.

Whoever has the link can acknowledge that alert in that person's name, and nothing else: no sign-in, on any phone.
Bad at: knowing who holds the phone. Never here: what an acknowledgement does (`alerts/api/answer.py`), where a secret comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from alerts.effects import Page

GOOD_FOR_S: Final = 4 * 3600
"""How long a link holds. Chosen by us: longer than a session and its observation; an older page is answered on the board."""

NOBODY_IN_PARTICULAR: Final = "whoever had the page"


class BadLink(ValueError):
    """A link that is not ours, or was changed. Its text is for the person who has it."""


@dataclass(frozen=True, slots=True)
class Answerable:
    """What a link is for."""

    alert: str
    person: str


class AnswerLinks:
    """Makes and reads links.

    Args:
        keys: gives the keys as they are now, the newest first: that one signs, all are believed, so that one can be replaced
            while links are out. Without any, no link is made and none is believed.
        base: where a phone finds the board of a site; None: nowhere, and no link is made for it.
    """

    def __init__(self, keys: Callable[[], Sequence[str]], base: Callable[[str], str | None]) -> None:
        self._keys = keys
        self._base = base

    def link(self, page: Page, person: str) -> str | None:
        """The link of a page's first alert for a person."""
        base, keys = self._base(page.site), self._keys()
        if base is None or not keys or not page.alerts or page.kind != "page":
            return None
        return f"{base.rstrip('/')}/answer/{_serializer(keys).dumps([page.alerts[0], person])}"

    def read(self, token: str) -> Answerable:
        """What a link's token is for.

        Raises:
            BadLink: it is not one of ours, or too old.
        """
        keys = self._keys()
        if not keys:
            raise BadLink("No link is believed here: answer on the board.")
        try:
            alert, person = _serializer(keys).loads(token, max_age=GOOD_FOR_S)
        except SignatureExpired as old:
            raise BadLink("This link is too old. Answer on the board.") from old
        except (BadData, ValueError, TypeError) as bad:
            raise BadLink("This is no link of ours, or a part of it is missing.") from bad
        return Answerable(str(alert), str(person) or NOBODY_IN_PARTICULAR)


def _serializer(keys: Sequence[str]) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(list(reversed(keys)), salt="chairside.acknowledge")
