"""The people who are called around a service that is killed, by real HTTP and SMTP, and what must have reached them.

A ladder of two people and then everybody, a quarter of a minute each, so that it climbs through many kills. What must hold:
every high alert that was raised has reached somebody who was on its ladder, each rung was called, and what fell due while the
service was down was done after it was up. That the alerts' states and times are those of a replay is `kill_disk.py`'s.
Never here: a kill, sending.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from email import message_from_bytes
from typing import Any, Final

from aiosmtpd.controller import Controller

from alerts.effects import Page
from bench.crash.kill_clinic import Phone
from models.instants import SECOND, from_iso
from models.wire.live import TransitionOut

PEOPLE: Final = ("ann", "ben", "chief")
_SITE: Final = """
[destinations]
ann-phone = "json://127.0.0.1:{phone}/ann"
ben-mail = "smtp://127.0.0.1:{mail}/?from=chairside@localhost&to=ben@localhost&tls=no"
chief-phone = "json://127.0.0.1:{phone}/chief"
[people.ann]
methods = ["ann-phone"]
[people.ben]
methods = ["ben-mail"]
[people.chief]
methods = ["chief-phone"]
[policies.all]
repeat_minutes = 0.25
rungs = [{{ who = ["ann"], minutes = 0.25 }}, {{ who = ["ben"], minutes = 0.25 }}]
[[routes]]
policy = "all"
"""


class Mailbox:
    """A mail server on this machine, whose mails count as the phone's pages do."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._server = Controller(self, hostname="127.0.0.1", port=self.port)
        self._server.start()

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 - what aiosmtpd calls
        mail = message_from_bytes(envelope.content)
        self._phone.took(str(mail["X-Chairside-Key"]), "ben")
        return "250 taken"

    def close(self) -> None:
        self._server.stop()


def site(phone: Phone, mailbox: Mailbox) -> str:
    """The site's file."""
    return _SITE.format(phone=phone.server_port, mail=mailbox.port)


def unreached(
    transitions: Iterable[TransitionOut], pages: Iterable[Page], by_whom: Mapping[str, set[str]]
) -> tuple[int, list[str]]:
    """How many high alerts were raised; those whose pages reached nobody whom they called, each with its rule."""
    reached: set[str] = set()
    for page in pages:
        if page.kind == "page" and by_whom.get(page.key, set()) & set(page.to or PEOPLE):
            reached.update(page.alerts)
    high = {
        step["alert"]: step["rule"] for step in transitions
        if step["transition"] in {"raised", "worsened"} and step["priority"] == "high"
    }  # fmt: skip
    return len(high), [f"{alert} ({rule})" for alert, rule in high.items() if alert not in reached]


def climbed(
    transitions: Iterable[TransitionOut], stamps: Mapping[int, int], starts_us: Iterable[int]
) -> tuple[int, int, float]:
    """Rungs that were climbed; how many of them after a restart since the alert was raised; the latest, in seconds after its
    instant. `stamps`: of each frame; `starts_us`: when the service was started.
    """
    raised: dict[str, int] = {}
    rungs = across = 0
    latest_s = 0.0
    starts = list(starts_us)
    for step in transitions:
        at_us = from_iso(step["at"])
        raised.setdefault(step["alert"], at_us)
        if step["transition"] != "escalated" or "called" not in step["evidence"]:
            continue
        rungs += 1
        across += any(raised[step["alert"]] < start_us <= stamps[step["cause"]["offset"]] for start_us in starts)
        latest_s = max(latest_s, (stamps[step["cause"]["offset"]] - at_us) / SECOND)
    return rungs, across, latest_s
