"""Alerts against truth: which events were found, how late, and which alerts nobody had a reason for.

The truth says of each stretch what it expects (`streams/clinic/truth.py`): `raise` must be found, `either` may be, `quiet`
was past the limit and too short. An event is found if an alert of its rule, or of one that says more about the same (`SAME`),
stands at its priority or a worse one between its start and its end plus `AFTER_S`. It is late by the seconds from the sample
that completed the rule's own time, seconds without a sound reading not counted. A step to high or medium is false if no
stretch of at least that severity, other than a quiet one, holds it.
Bad at: two events of one rule within a minute of each other, which the truth joins into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bench.detection.told import PHYSIOLOGICAL, Alert, Step
from models.instants import SECOND
from models.tables.rules import Priority

AFTER_S: Final = 60
"""An alert about something that has just ended is late, not false: seconds pass without a reading, and rechecks come late."""
BEFORE_S: Final = 5

_GROUPS: Final = (
    ("desaturation",),
    ("bradycardia",),
    ("tachycardia",),
    ("bradypnoea", "apnoea"),
    ("shallow-breathing", "apnoea"),
    ("hypoventilation",),
    ("hypertension", "hypertensive-crisis"),
    ("hypotension",),
    ("sedation", "unresponsive"),
    ("dissociation", "severe-dissociation"),
    ("prolonged-dissociation",),
)
SAME: Final = {
    rule: frozenset(other for group in _GROUPS if rule in group for other in group)
    for rule in {rule for group in _GROUPS for rule in group}
}
"""Rules about one thing, where a worse one answers for a milder: apnoea for slow breathing, a crisis for hypertension."""


Expect = Literal["raise", "either", "quiet"]


@dataclass(frozen=True, slots=True)
class Expected:
    """What really happened. `due_us`: the sample's time that completes the rule's own time; None where it need not be told."""

    patient: str
    rule: str
    priority: Priority
    from_us: int
    to_us: int
    expect: Expect
    due_us: int | None


@dataclass(frozen=True, slots=True)
class Match:
    """An event that had to be told, and when it was; None where it was not."""

    event: Expected
    told_us: int | None

    @property
    def late_s(self) -> float | None:
        if self.told_us is None or self.event.due_us is None:
            return None
        return (self.told_us - self.event.due_us) / SECOND


@dataclass(frozen=True, slots=True)
class FalseStep:
    """A step to high or medium that no truth explains."""

    alert: Alert
    step: Step


def matched(events: Iterable[Expected], alerts: Sequence[Alert]) -> list[Match]:
    """Every event that had to be told, with the alert step that told it."""
    by_patient: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_patient.setdefault(alert.patient, []).append(alert)
    return [
        Match(event, _told_us(event, by_patient.get(event.patient, []))) for event in events if event.expect == "raise"
    ]


def _told_us(event: Expected, alerts: Sequence[Alert]) -> int | None:
    rules = SAME.get(event.rule, frozenset({event.rule}))
    found = [
        reached_us
        for alert in alerts
        if alert.rule in rules
        and alert.stands(event.from_us, event.to_us + AFTER_S * SECOND, event.priority)
        and (reached_us := alert.reached_us(event.priority)) is not None
    ]
    return min(found, default=None)


def unexplained(events: Iterable[Expected], alerts: Sequence[Alert]) -> list[FalseStep]:
    """The false steps: high or medium, physiological, about nothing that was so."""
    truth: dict[str, list[Expected]] = {}
    for event in events:
        truth.setdefault(event.patient, []).append(event)
    return [
        FalseStep(alert, step)
        for alert in alerts
        if alert.category in PHYSIOLOGICAL
        for step in alert.burdens()
        if not any(_explains(event, alert, step) for event in truth.get(alert.patient, []))
    ]


def _explains(event: Expected, alert: Alert, step: Step) -> bool:
    if event.rule not in SAME.get(alert.rule, frozenset({alert.rule})) or event.expect == "quiet":
        return False
    if event.priority < step.priority:
        return False
    # A symptom entered on a tablet can complete what a monitor with another clock began.
    times = (step.at_us, step.at_us if step.sent_us is None else step.sent_us)
    return any(event.from_us - BEFORE_S * SECOND <= at_us <= event.to_us + AFTER_S * SECOND for at_us in times)
