"""Ways to reach a person: one `Notifier` per kind of address, each saying whether the page arrived, and if not, why.

`open_destination` chooses it by the address: `console` prints one line; every other is Apprise's (a phone by ntfy, e-mail, and
about a hundred more).
An address holds secrets (a token, a password, an ntfy topic), so only its scheme and host ever leave this file, and the host
only where it is one: some services put their token there. What Apprise logs about an address is kept from our logs too.
Bad at: knowing that a person has read it. Cost: a thread a page while it is being sent; Apprise blocks and may sleep.
Never here: retries, clocks, or a word that the page does not hold.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread, get_ident
from typing import Final, Protocol, TextIO
from urllib.parse import quote, urlsplit

from rich.console import Console
from rich.text import Text

from alerts.effects import Page

TIMEOUT_S: Final = 20.0
"""When a send counts as failed, whatever it is doing. Chosen by us: Apprise waits 4 s for a connection and 4 s for each answer,
a mail server needs several, and a page that takes longer than this is better tried again."""

STUCK: Final = 8
"""How many sends of one destination may be hanging in their threads; more are not begun. Chosen by us: a thread cannot be
stopped from outside, and a receiver that swallows every connection must not use up the process."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Did the page arrive, and if not, why. `reason` is made of our own words, never of an address or an answer."""

    arrived: bool
    reason: str = ""


class Notifier(Protocol):
    """Blocks until the page was taken or refused. Called from a thread of its own."""

    def send(self, page: Page) -> Outcome: ...


@dataclass(slots=True)
class Destination:
    """Where pages go. `name` is what logs and deliveries call it: keep it, or its unsent pages are sent anew."""

    name: str
    notifier: Notifier
    hanging: int = field(default=0, init=False)

    async def deliver(self, page: Page, timeout_s: float = TIMEOUT_S) -> Outcome:
        """Send in a thread, and stop waiting after `timeout_s`. Never raises but for cancellation."""
        if self.hanging >= STUCK:
            return Outcome(False, f"{self.hanging} earlier sends still hang")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()

        def finish(outcome: Outcome) -> None:
            self.hanging -= 1
            if not answer.done():
                answer.set_result(outcome)

        def work() -> None:
            try:
                outcome = self.notifier.send(page)
            except Exception as error:  # noqa: BLE001  # a failed page is an event, whatever a service's client raises
                outcome = Outcome(False, type(error).__name__)
            with suppress(
                RuntimeError
            ):  # the loop is closed: the process is ending, and the lease will bring the page back
                loop.call_soon_threadsafe(finish, outcome)

        self.hanging += 1
        # A daemon, not a pool's thread: a pool waits for its threads at exit, and this one may hang for good.
        Thread(target=work, name=f"page to {self.name}", daemon=True).start()
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            return Outcome(False, f"no answer in {timeout_s:g} s")


class ConsoleNotifier:
    """One line on stderr a page; in colour on a terminal."""

    STYLES: Final[Mapping[str, str]] = {"high": "bold red", "medium": "bold yellow", "low": "cyan", "info": "white"}

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, page: Page) -> Outcome:
        stream = self._stream or sys.stderr
        # A sender's text must not drive somebody's terminal, or look like a second page.
        title, body = (" ".join(_printable(text).split()) for text in (page.title, page.body))
        line = Text(f"PAGE {title}", self.STYLES.get(page.priority, ""))
        line.append(f"  {body}", "not bold default")
        if stream.isatty():
            Console(file=stream, soft_wrap=True).print(line)
        else:
            stream.write(f"{line.plain}\n")
            stream.flush()
        return Outcome(True)


class AppriseNotifier:
    """Any address that Apprise knows. A fresh client for each page: its own rate limit would sleep between two of them."""

    TYPES: Final[Mapping[str, str]] = {"high": "failure", "medium": "warning"}

    def __init__(self, url: str) -> None:
        # Imported where it is needed: that takes longer than an hour's replay, which pages nobody.
        import apprise

        self._apprise = apprise
        _guard_logs()
        self._url = url
        self._scheme = urlsplit(url).scheme.lower()
        if apprise.Apprise.instantiate(url) is None:
            raise ValueError(f"{safe_name(url)}: not an address that Apprise knows, or not all of it")

    def send(self, page: Page) -> Outcome:
        client = self._apprise.Apprise.instantiate(self._address(page))
        if client is None:
            return Outcome(False, "the address is no longer one that Apprise knows")
        _failures.pop(get_ident(), None)
        # The client's own `notify`, which sends in this thread: Apprise's sends in threads that all its clients share, where
        # the hanging sends of one destination would hold up the others.
        kind = self._apprise.NotifyType(self.TYPES.get(page.priority, "info"))
        arrived = client.notify(body=page.body, title=page.title, notify_type=kind)
        said = _failures.pop(get_ident(), "")
        return Outcome(True) if arrived else Outcome(False, said or "not taken")

    def _address(self, page: Page) -> str:
        """The address with what this page adds: its key, for receivers that can drop a repeat; urgency, for a phone."""
        if self._scheme in ("json", "jsons", "form", "forms"):
            return _with(self._url, f":key={quote(page.key, safe='')}")
        if self._scheme in ("ntfy", "ntfys") and "priority=" not in self._url:
            # ntfy's max rings through "do not disturb" and keeps vibrating; high makes a sound (docs.ntfy.sh/publish).
            return _with(self._url, f"priority={'max' if page.priority == 'high' else 'high'}")
        return self._url


def open_destination(url: str, name: str | None = None) -> Destination:
    """The destination of an address: `console`, or any Apprise URL.

    Raises:
        ValueError: an address that nobody here can send to. The message holds no secret.
    """
    kind = urlsplit(url).scheme or url
    notifier: Notifier = ConsoleNotifier() if kind == "console" else AppriseNotifier(url)
    return Destination(name or safe_name(url), notifier)


def open_destinations(urls: Sequence[str]) -> list[Destination]:
    """Destinations with names of their own: the second one at the same host is called `…#2`."""
    found: list[Destination] = []
    for url in urls:
        base = safe_name(url)
        twins = sum(it.name.split("#")[0] == base for it in found)
        found.append(open_destination(url, f"{base}#{twins + 1}" if twins else base))
    return found


def safe_name(url: str) -> str:
    """What may be said of an address: its scheme, and its host where that is a machine and not a token or a topic."""
    parts = urlsplit(url)
    try:
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not parts.scheme:
        return "console" if url == "console" else "an address without a scheme"
    is_machine = host == "localhost" or _is_ip(host) or re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", host)
    return f"{parts.scheme}://{host}" if is_machine else parts.scheme


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _with(url: str, setting: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{setting}"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


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
