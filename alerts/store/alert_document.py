"""An alert's present document, folded from its transitions one at a time; boards show it.

Pure and idempotent: a transition that is not newer than the document changes nothing, so any stretch of the past may be
folded in again. Never here: deciding anything about an alert, which is the desk's.
"""

from __future__ import annotations

from typing import Final

from alerts.effects import Transition
from models.tables.rules import RULES
from models.wire.live import AlertState

_ANSWER: Final = frozenset(("by", "until"))


def fold(alert: AlertState | None, step: Transition) -> AlertState:
    """The alert's document after one more transition.

    Args:
        alert: the document so far; None before the alert's first transition. Not modified.
        step: a transition of this alert.

    Returns:
        The document, without its `pages`; equal to `alert` where `step` is not newer.
    """
    if alert is not None and step.seq <= alert["seq"]:
        return alert
    evidence = {name: value for name, value in step.evidence.items() if name not in _ANSWER}
    match step.transition:
        case "acknowledged" | "snoozed":
            by, until = step.evidence.get("by"), step.evidence.get("until")
        case "eased" | "latched" | "closed" | "renamed":
            before = (None, None) if alert is None else (alert["by"], alert["until"])
            by, until = step.evidence.get("by") or before[0], before[1]
        case "raised" | "worsened" | "escalated" | "expired":
            by = until = None  # nobody has it in hand any more
    rule = RULES.get(step.rule)
    return {
        "alert": step.alert,
        "phase": step.phase,
        "priority": step.priority,
        "rule": step.rule,
        "title": rule.title if rule else step.rule,
        "category": step.category,
        "site": step.site,
        "patient": step.patient,
        "session": step.session,
        "chair": step.evidence.get("chair") or (None if alert is None else alert["chair"]),
        "onset_at": step.onset_at,
        "raised_at": step.at if alert is None else alert["raised_at"],
        "changed_at": step.at,
        "seq": step.seq,
        "text": step.text,
        "evidence": evidence,
        "source": step.source,
        "by": by,
        "until": until,
    }
