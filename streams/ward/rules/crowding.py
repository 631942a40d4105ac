"""`unknown-devices`: a sender has more sessions open that nobody announced than it may; its next ones are not watched.

Vitals without a session are watched all the same, so a gateway that makes up devices, or sends in a loop under ever new names,
could open thousands: the ward would look at them instead of at patients. Each sender may have `OF_A_SENDER`, all of a site's
together `AT_A_SITE`; sessions that were started are not counted, and are watched whatever else comes. What is refused is counted
among the samples of nobody, and the alert says of whom; a place is free once a session is announced, or silent for an hour.
Only where time is that of arrival: a recording has as many people as it has.
Bad at: a sender that calls itself by ever new sources fills the site's share. Never here: who a sender is.
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.instants import MINUTE
from models.tables.rules import RULES, Priority
from streams.journal.frame import Origin, key_hash
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "unknown-devices"
OF_A_SENDER: Final = 100
"""Chosen by us: more than a clinic has chairs, so that a whole clinic whose sessions nobody starts is watched."""
AT_A_SITE: Final = 300
"""Chosen by us: three such senders."""
TOLD_AGAIN: Final = 10 * MINUTE
"""Chosen by us: whoever closes the alert while it goes on hears of it again."""


def is_crowded(state: WardState, origin: Origin) -> bool:
    """Whether no further session may be opened by what this origin sends."""
    if state.clock != "received":
        return False
    opened = state.association.unannounced
    if opened[origin.site, origin.source] >= OF_A_SENDER:
        return True
    return sum(count for (site, _), count in opened.items() if site == origin.site) >= AT_A_SITE


def tell_crowded(state: WardState, origin: Origin, here: Here) -> None:
    """Add the finding that a sender's devices are not watched."""
    if not is_news(state, (_RULE, origin.site, origin.source or ""), here[0]):
        return
    who = origin.source or "A sender that does not name itself"
    what = (
        f"{who} sends vitals under more names than can be watched without a session, {origin.device or origin.patient or origin.session}"
        f" among them. Start a session for whoever is being treated, and look at what sends."
    )
    opened = state.association.unannounced[origin.site, origin.source]
    evidence = {"sender": origin.source, "open": opened, "device": origin.device, "patient": origin.patient}
    text = rule_sentence("Somebody unknown", RULES[_RULE].title, what)
    subject, at_us = Subject(origin.site, "-", None), here[0]
    finding = Finding(
        "began", subject, _RULE, Priority.MEDIUM, at_us, at_us, at_us, text, evidence,
        f"at most {OF_A_SENDER} unannounced sessions of a sender; chosen by us",
    )  # fmt: skip
    state.emit(finding, here)


def is_news(state: WardState, what: tuple[str, ...], clock_us: int) -> bool:
    """Whether something was not told within `TOLD_AGAIN`; then it is noted as told."""
    key = key_hash("\x1c".join(("told", *what)))
    told_us = state.seen_keys.get(key)
    if told_us is not None and clock_us - told_us < TOLD_AGAIN:
        return False
    state.seen_keys[key] = clock_us
    return True
