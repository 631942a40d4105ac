"""What really happened in an invented clinic: the yardstick against which alerts on its lines can be scored.

A stretch of the body beyond a rule's limit, or of silence long enough to make a value stale, is an event if at least one
arriving line shows it. So everything listed can be found, and what cannot be known from the lines is not held against
anybody. Limits are the published ones, not those of any site. Ordinary drug effects are not events: dissociation short of
severe, MOAA/S 4.
Bad at: being an alert list. A rule may rightly speak earlier, later or about a trend; score with a margin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from models.channels import STALE_AFTER
from models.instants import SECOND, iso
from streams.clinic_body import Body
from streams.clinic_hazards import Pulled
from streams.clinic_monitor import Screen
from streams.clinic_notes import Notes
from streams.clinic_plan import SessionPlan

Severity = Literal["low", "medium", "high"]
"""The words of `models/rules.py`'s priorities."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A rule's limit on what is so in the body. Past `grave` the event's severity is high, else medium."""

    rule: str
    channel: Pulled
    side: Literal["below", "from"]
    limit: float
    grave: float
    seen_by: Literal["monitor", "cuff", "moaas", "cadss-6"]
    source: str
    but_not_below: float = float("-inf")


# fmt: off
CRITERIA: Final = (
    Criterion("desaturation",        "spo2",  "below", 90,  85,  "monitor", "call or stop below 90-92 % (sedation policies); 85 % is respiratory depression (PRODIGY)"),
    Criterion("apnoea",              "rr",    "below", 0.5, 0.5, "monitor", "no breath; over 30 s in PRODIGY"),
    Criterion("bradypnoea",          "rr",    "below", 8,   5,   "monitor", "sedation policies 8-10; 5 in PRODIGY; no breath at all is apnoea", but_not_below=0.5),
    Criterion("hypertension",        "sbp",   "from",  180, 200, "cuff",    "180/110, label's Table 6 and trials"),
    Criterion("hypertension",        "dbp",   "from",  110, 120, "cuff",    "as above"),
    Criterion("hypertensive-crisis", "sbp",   "from",  200, 200, "cuff",    "200/120 once: an academic clinic's protocol"),
    Criterion("hypertensive-crisis", "dbp",   "from",  120, 120, "cuff",    "as above"),
    Criterion("hypotension",         "sbp",   "below", 90,  80,  "cuff",    "NEWS2: 90 or less scores 3"),
    Criterion("tachycardia",         "hr",    "from",  120, 140, "monitor", "HR above 120 for 5 min: an academic clinic's protocol"),
    Criterion("bradycardia",         "hr",    "below", 50,  40,  "monitor", "NEWS2: 41-50 scores 1, 40 or less 3"),
    Criterion("sedation",            "moaas", "below", 3.5, 2.5, "moaas",   "MOAA/S 3 or less is moderate or deeper (label)"),
    Criterion("unresponsive",        "moaas", "below", 1.5, 1.5, "moaas",   "responds to pain only, or not at all"),
    Criterion("severe-dissociation", "cadss", "from",  16,  24,  "cadss-6", "no validated cut; chosen by us, two thirds of the scale and far above ordinary"),
)
# fmt: on
JOIN_S: Final = 60
"""Stretches this close are one event. Chosen by us: a value that wanders about its limit is not news each time."""
LEAST_S: Final = 10
"""Shorter is on the way to somewhere: the second between breathing and apnoea. Chosen by us."""
RISE_SBP: Final = 40
RISE_DBP: Final = 25
"""The label's composite: a rise of at least 40 systolic or 25 diastolic."""


def true_events(plan: SessionPlan, body: Body, notes: Notes, screen: Screen, until_s: float) -> list[dict[str, Any]]:
    """What happened in this session and shows in lines before `until_s`, in order of time."""
    found: dict[str, list[tuple[float, float, Severity]]] = {}
    for criterion in CRITERIA:
        for from_s, to_s in _stretches(_beyond(body, criterion, criterion.limit)):
            if _shown_s(plan, notes, criterion, from_s, to_s) >= until_s:
                continue
            grave = bool(_beyond(body, criterion, criterion.grave)[from_s : to_s + 1].any())
            found.setdefault(criterion.rule, []).append((from_s, to_s, "high" if grave else "medium"))
    for silence in screen.silences:
        if silence.from_s + STALE_AFTER / SECOND < until_s:
            found.setdefault(silence.rule, []).append((silence.from_s, silence.to_s, "low"))
    found["pressure-rise"] = list(_rises(plan, notes, until_s))
    records = [
        (from_s, rule, to_s, severity) for rule, spans in found.items() for from_s, to_s, severity in _joined(spans)
    ]
    return [
        {
            "session": plan.session,
            "patient": plan.person.alias,
            "rule": rule,
            "from": iso(plan.at_us(from_s)),
            "to": iso(plan.at_us(to_s)),
            "severity": severity,
        }
        for from_s, rule, to_s, severity in sorted(records)
    ]


def _beyond(body: Body, criterion: Criterion, limit: float) -> npt.NDArray[np.bool_]:
    value = body.channels[criterion.channel]
    return (value < limit) & (value >= criterion.but_not_below) if criterion.side == "below" else value >= limit


def _stretches(held: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last second of every stretch of `LEAST_S` or more, those closer than `JOIN_S` as one."""
    seconds = np.flatnonzero(held)
    if not len(seconds):
        return []
    breaks = np.flatnonzero(np.diff(seconds) > JOIN_S)
    firsts = seconds[np.concatenate([[0], breaks + 1])]
    lasts = seconds[np.concatenate([breaks, [len(seconds) - 1]])]
    spans = zip(firsts.tolist(), lasts.tolist(), strict=True)
    return [(first, last) for first, last in spans if last - first >= LEAST_S]


def _joined(spans: list[tuple[float, float, Severity]]) -> Iterator[tuple[float, float, Severity]]:
    """Overlapping spans of one rule (its systolic and its diastolic side) as one, as grave as the graver."""
    held: tuple[float, float, Severity] | None = None
    for span in sorted(spans):
        if held is not None and span[0] <= held[1] + JOIN_S:
            severity: Severity = "high" if "high" in (held[2], span[2]) else span[2]
            held = (held[0], max(held[1], span[1]), severity)
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held


def _shown_s(plan: SessionPlan, notes: Notes, criterion: Criterion, from_s: float, to_s: float) -> float:
    """The second of the first line that shows it; infinity where none does."""
    if criterion.seen_by == "monitor":
        return from_s + 10
    if criterion.seen_by == "cuff":
        shown = (
            cuff.at_s
            for cuff in notes.cuffs
            if from_s <= cuff.at_s <= to_s + 1
            and _passes(criterion, cuff.sbp if criterion.channel == "sbp" else cuff.dbp)
        )
    else:
        shown = (
            score.at_s
            for score in notes.scores
            if score.instrument == criterion.seen_by
            and from_s <= score.at_s <= to_s + 1
            and _passes(criterion, score.score)
        )
    return min(shown, default=float("inf"))


def _passes(criterion: Criterion, value: float) -> bool:
    return value < criterion.limit if criterion.side == "below" else value >= criterion.limit


def _rises(plan: SessionPlan, notes: Notes, until_s: float) -> Iterator[tuple[float, float, Severity]]:
    """From the first cuff that is risen over the one before the dose to the first that is not, or to the end."""
    before = [cuff for cuff in notes.cuffs if cuff.at_s < plan.dose_s]
    if not before:
        return
    rest = before[-1]
    since: float | None = None
    for cuff in notes.cuffs:
        risen = cuff.sbp - rest.sbp >= RISE_SBP or cuff.dbp - rest.dbp >= RISE_DBP
        if risen and since is None and cuff.at_s < until_s:
            since = cuff.at_s
        elif not risen and since is not None:
            yield since, cuff.at_s, "low"
            since = None
    if since is not None:
        yield since, plan.end_s, "low"
