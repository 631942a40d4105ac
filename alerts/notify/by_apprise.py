"""The long tail: any address that Apprise knows (about a hundred services), with no word of an address in a log of ours.

What Apprise logs about an address is kept from our logs; a failure's reason is taken from there, in our words.
Bad at: saying what a service answered; it blocks, and is run in a thread. Cost: Apprise's import, a second, where it is used.
Never here: retries, clocks.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from threading import get_ident
from typing import Final
from urllib.parse import quote, urlsplit

from alerts.notify.destination import Message, Outcome

TYPES: Final[Mapping[str, str]] = {"high": "failure", "medium": "warning"}


class AppriseNotifier:
    """Any address that Apprise knows. A fresh client for each page: its own rate limit would sleep between two of them.

    Raises:
        ValueError: an address that Apprise does not know.
    """

    def __init__(self, url: str, name: str) -> None:
        # Imported where it is needed: that takes longer than an hour's replay, which pages nobody.
        import apprise

        self._apprise = apprise
        _guard_logs()
        self._url = url
        self._scheme = urlsplit(url).scheme.lower()
        if apprise.Apprise.instantiate(url) is None:
            raise ValueError(f"{name}: not an address that Apprise knows, or not all of it")

    def send(self, message: Message) -> Outcome:
        page = message.page
        client = self._apprise.Apprise.instantiate(self.address(message))
        if client is None:
            return Outcome(False, "the address is no longer one that Apprise knows")
        client.redirects = False  # a redirect is no delivery
        _failures.pop(get_ident(), None)
        body = page.body if message.answer is None else f"{page.body}\nAcknowledge: {message.answer}"
        # The client's own `notify`, which sends in this thread: Apprise's sends in threads that all its clients share, where
        # the hanging sends of one destination would hold up the others.
        kind = self._apprise.NotifyType(TYPES.get(page.priority, "info"))
        try:
            arrived = client.notify(body=body, title=page.title, notify_type=kind)
        finally:
            said = _failures.pop(get_ident(), "")
        return Outcome(True) if arrived else Outcome(False, said or "not taken")

    def address(self, message: Message) -> str:
        """The address with what this page adds: its key, for receivers that can drop a repeat."""
        if self._scheme in ("json", "jsons", "form", "forms"):
            return _with(self._url, f":key={quote(message.page.key, safe='')}")
        return self._url


def _with(url: str, setting: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{setting}"


_failures: Final[dict[int, str]] = {}
"""Thread id → the reason of the last failure that Apprise logged in that thread, in our words."""


class _Listener(logging.Handler):
    """Learns why a send failed from what Apprise logs, and lets nothing of it through: it names topics and tokens."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING:
            return
        message = record.getMessage()
        status = re.search(r"\berror=(\d{3})\b", message)
        if status:
            _failures[get_ident()] = f"answered {status[1]}"
        elif "onnection" in message:
            _failures[get_ident()] = "no connection, or no answer in time"


def _guard_logs() -> None:
    """Keep addresses out of our logs: Apprise writes them at several levels, urllib3 the path of each request at DEBUG."""
    apprise = logging.getLogger("apprise")
    if not any(isinstance(handler, _Listener) for handler in apprise.handlers):
        apprise.handlers[:] = [_Listener()]
        apprise.propagate = False
        apprise.setLevel(logging.WARNING)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
