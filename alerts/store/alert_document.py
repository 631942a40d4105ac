"""How an alert stands now: its transitions, folded one at a time into the document that boards show.

Pure and idempotent: a transition that is not newer than the document changes nothing, so any stretch of the past may be
folded in again. Never here: deciding anything about an alert; that is the desk's, this only says what the desk said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from alerts.effects import Transition, TransitionKind
from models.tables.rules import RULES


class _Turn(NamedTuple):
    """What one transition does to the phase (None: it stays), and to who has the alert in hand.

    `holder`: "takes" by and until from the evidence, "drops" them (nobody has it in hand any more) or "keeps" them.
    """

    phase: str | None
    holder: str


# fmt: off
TURNS: Final[Mapping[TransitionKind, _Turn]] = {
    "raised":       _Turn("active",       "drops"),
    "worsened":     _Turn("active",       "drops"),
    "eased":        _Turn(None,           "keeps"),
    "latched":      _Turn("latched",      "keeps"),
    "escalated":    _Turn("active",       "drops"),  # but a latched alert stays latched: its condition is over
    "expired":      _Turn("active",       "drops"),
    "acknowledged": _Turn("acknowledged", "takes"),
    "snoozed":      _Turn("snoozed",      "takes"),
    "closed":       _Turn("closed",       "keeps"),
}
# fmt: on

_ANSWER: Final = frozenset(("by", "until"))


def fold(alert: Mapping[str, Any] | None, step: Transition) -> dict[str, Any]:
    """The alert's document after one more transition.

    Args:
        alert: the document so far; None before the alert's first transition. Not modified.
        step: a transition of this alert.

    Returns:
        The Alert document, without its `pages`; equal to `alert` where `step` is not newer.
    """
    if alert is not None and step.seq <= alert["seq"]:
        return dict(alert)
    was: Mapping[str, Any] = alert or {}
    turn = TURNS[step.transition]
    phase = turn.phase or was.get("phase", "active")
    if step.transition == "escalated" and was.get("phase") == "latched":
        phase = "latched"
    evidence = {name: value for name, value in step.evidence.items() if name not in _ANSWER}
    holder = {
        "takes": {"by": step.evidence.get("by"), "until": step.evidence.get("until")},
        "drops": {"by": None, "until": None},
        "keeps": {"by": step.evidence.get("by") or was.get("by"), "until": was.get("until")},
    }[turn.holder]
    rule = RULES.get(step.rule)
    return {
        "alert": step.alert,
        "phase": phase,
        "priority": step.priority,
        "rule": step.rule,
        "title": rule.title if rule else step.rule,
        "category": step.category,
        "site": step.site,
        "patient": step.patient,
        "session": step.session,
        "chair": step.evidence.get("chair") or was.get("chair"),
        "onset_at": step.onset_at,
        "raised_at": was.get("raised_at", step.at),
        "changed_at": step.at,
        "seq": step.seq,
        "text": step.text,
        "evidence": evidence,
        "source": step.source,
        **holder,
    }
