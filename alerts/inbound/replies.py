"""Replies: what a person who was paged means by a short text. Pure.

OK (or yes, ack, 1) acknowledges the one alert that waits for their answer; where several wait, they are named with their codes,
and nothing is acknowledged. A code acknowledges the alert that it names. Anything else acknowledges nothing, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from alerts.notify.twilio import code_of
from models.wire.live import AlertOut, AlertPhase

MEANS_YES: Final = frozenset({"ok", "okay", "yes", "y", "ack", "acknowledge", "acknowledged", "ja", "1"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that is not closed, about which this person was paged."""

    alert: AlertOut
    person: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What to acknowledge, if anything, and what to answer."""

    acknowledged: Waiting | None
    answer: str


def meaning_of(text: str, open_alerts: Sequence[Waiting]) -> Meaning:
    """What a reply means.

    Args:
        open_alerts: those about which its sender was paged lately, the last one first.
    """
    words = re.findall(r"[a-z]+|\d+", text.lower())
    codes = [word for word in words if re.fullmatch(r"\d{4}", word)]
    if codes:
        named = [each for each in open_alerts if code_of(each.alert["alert"]) in codes]
        if len({each.alert["alert"] for each in named}) == 1:
            return Meaning(named[0], f"Acknowledged: {_name(named[0])}.")
        return Meaning(None, _refusal("No open alert of yours has that number.", open_alerts))
    if not words or words[0] not in MEANS_YES:
        return Meaning(None, _refusal("Not understood, nothing is acknowledged.", open_alerts))
    waiting = [each for each in open_alerts if each.alert["phase"] in (AlertPhase.ACTIVE, AlertPhase.LATCHED)]
    match len({each.alert["alert"] for each in waiting}):
        case 0:
            return Meaning(None, "Nothing waits for your answer.")
        case 1:
            return Meaning(waiting[0], f"Acknowledged: {_name(waiting[0])}.")
        case _:
            return Meaning(None, _refusal("Which one? Nothing is acknowledged yet.", waiting))


def _refusal(why: str, open_alerts: Sequence[Waiting]) -> str:
    """Why, and how to answer each alert that is open."""
    named = dict.fromkeys(f"{code_of(each.alert['alert'])} for {_name(each)}" for each in open_alerts)
    return f"{why} Reply {', '.join(named)}." if named else f"{why} Nothing waits for your answer."


def _name(waiting: Waiting) -> str:
    alert = waiting.alert
    where = f"Chair {alert['chair']}" if alert["chair"] else alert["patient"]
    return f"{where}: {alert['title']}"
