"""The truth of an invented clinic: sessions in, one record per real event out; alerts on its lines are scored against it.

One record per rule, severity and stretch, read off the body, the artefacts and the definitions of the monitoring protocol;
nothing of the ward's code, and not what the ward made of it:

    session, patient   whose
    rule, severity     `low`, `medium` or `high`: what the stretch deserves; a worse one has a record of its own
    from, to           when it was so in the body (for cuffs and scores: from the entry that shows it to the one that ends it)
    expect             `raise`   must be found, by `due` and whatever margin the scorer gives
                       `either`  too close to call, or hidden from the lines: neither a hit nor a false alert
                       `quiet`   past the limit, and too short: an alert is a false one
    due                when the line arrives that completes the rule's own time (null unless `raise`)
    due_at             the same line's `at`: another instant where the device's clock is wrong or the line is late
    trusted            [from, to] pairs inside the stretch in which a sound reading arrived in time to be used

"For N s" is counted as the protocol says: on the observations' clock, over sound readings beyond the limit; one or two back
inside slow the count, three restart it; a spoilt, missing or overtaken reading pauses it. A reading vouches for 30 s at most.
Bad at: what has no definition there, such as overdue rounds and ordinary drug effects (CADSS above 4, MOAA/S 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from models.arrays import Flags, Ints
from models.instants import SECOND, iso
from models.tables.channels import STALE_AFTER
from streams.clinic.artefacts import Silence
from streams.clinic.hazards import TECHNICAL
from streams.clinic.monitor import Screen
from streams.clinic.notes import Notes
from streams.clinic.plan import SessionPlan
from streams.clinic.truth_entries import Severity, TruthEntry, from_entries


@dataclass(frozen=True, slots=True)
class Criterion:
    """A rule's limit on a channel that is read all the time, and how long it wants it."""

    rule: str
    severity: Severity
    channel: Literal["hr", "rr", "spo2", "etco2"]
    side: Literal["<", "<=", ">", ">="]
    limit: float
    for_s: float

    def beyond(self, values: npt.NDArray[np.int16]) -> Flags:
        compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[self.side]
        past: Flags = compare(values, self.limit)
        return past


# fmt: off
CRITERIA: Final = (
    # The monitoring protocol's words, retyped on purpose: copied from the ward's table, a slip there would pass unseen here.
    Criterion("tachycardia",     "low",    "hr",    ">",  120, 300),
    Criterion("tachycardia",     "medium", "hr",    ">",  140, 60),
    Criterion("bradycardia",     "medium", "hr",    "<",  45,  30),
    Criterion("bradycardia",     "high",   "hr",    "<",  38,  15),
    Criterion("desaturation",    "medium", "spo2",  "<",  90,  15),
    Criterion("desaturation",    "high",   "spo2",  "<=", 85,  10),
    Criterion("bradypnoea",      "medium", "rr",    "<=", 8,   30),
    Criterion("apnoea",          "high",   "rr",    "<=", 3,   20),
    Criterion("apnoea",          "high",   "etco2", "<",  8,   20),
    Criterion("hypoventilation", "medium", "etco2", ">=", 60,  60),
    Criterion("shallow-breathing", "low",  "etco2", "<=", 15,  180),
)
# fmt: on
ALONE_AT, LOW_OXYGEN, HIGH_CO2 = 5, 93, 50
"""Breathing of 8 a minute or fewer needs somebody at 5 whatever else is so, or beside such a saturation or EtCO2."""
OWN_S, FALLEN_FOR_SURE = 600, 0.55
"""Or at three fifths of the rate of the first ten minutes; a little less is a fall beyond doubt."""
JOIN_S: Final = 60
"""Stretches this close are one event. Chosen by us: a value that wanders about its limit is not news each time."""
CLOSE_S: Final = 2
"""Within so many seconds of the rule's time, a second's difference in counting decides: either is right. Chosen by us."""
WORTH_RECORDING: Final = 0.2
"""A stretch shorter than this share of the rule's time has no record. Chosen by us."""
_BACK_INSIDE = 3


def true_events(plan: SessionPlan, notes: Notes, screen: Screen, closes_us: int) -> list[dict[str, Any]]:
    """The truth of one session, up to the clinic's closing, in order of time."""
    found = [one for criterion in CRITERIA if criterion.channel in screen.names for one in found_in(criterion, screen)]
    found = [_softened(one, found) for one in found]
    found += [_silent(plan, silence) for silence in screen.silences]
    found += from_entries(plan, notes, screen)
    records = []
    for one in sorted(_merged(found), key=lambda one: (one.from_s, one.rule, one.severity)):
        if plan.at_us(one.from_s) < closes_us:
            cut_off = one.due_us is not None and one.due_us >= closes_us
            records.append(_record(plan, _open(one) if cut_off else one))
    return records


class _Arrivals:
    """The rows that a reader could use when they came: those newer than all before them, in order."""

    def __init__(self, screen: Screen) -> None:
        at_us = screen.at_us[screen.order]
        newest = np.maximum.accumulate(np.concatenate([[np.iinfo(np.int64).min], at_us[:-1]]))
        fresh = at_us > newest
        self.rows = screen.order[fresh]
        self.at_us = at_us[fresh]
        self.arrives_us = screen.arrives_us[fresh]
        # Two samples in a row at the device's own pace; a gap that is longer says nothing of the time in between.
        self.pace_us = round(1.5 * screen.cadence_s * SECOND)


def found_in(criterion: Criterion, screen: Screen) -> Iterator[TruthEntry]:
    """Every stretch past this limit."""
    beyond = criterion.beyond(screen.sound[:, screen.names.index(criterion.channel)])
    if criterion.rule != "bradypnoea":
        yield from _found_where(criterion, screen, beyond)
        return
    grave = beyond & _needs_somebody(screen)
    yield from _found_where(criterion, screen, grave)
    # Slow, and nothing that is sure stands beside it: a score of sedation might, or a fall that is nearly one.
    for one in _found_where(criterion, screen, beyond & ~grave):
        yield _open(one)


def _needs_somebody(screen: Screen) -> Flags:
    """Where slow breathing needs somebody: 5 a minute or fewer, or beside low oxygen, high CO2 or a fall that nobody doubts."""
    shown = {name: screen.sound[:, column] for column, name in enumerate(screen.names)}
    rate = shown["rr"]
    grave: Flags = (rate <= ALONE_AT) | (rate <= FALLEN_FOR_SURE * np.median(rate[:OWN_S]))
    if "spo2" in shown:
        grave |= shown["spo2"] <= LOW_OXYGEN
    if "etco2" in shown:
        grave |= shown["etco2"] >= HIGH_CO2
    return grave


def _found_where(criterion: Criterion, screen: Screen, beyond: Flags) -> Iterator[TruthEntry]:
    """Every stretch of these seconds."""
    column = screen.names.index(criterion.channel)
    if not beyond.any():
        return
    arrivals = _Arrivals(screen)
    rows, sound = arrivals.rows, ~screen.spoilt[:, column]
    for first, last in _stretches(beyond):
        longest = _longest(beyond[first : last + 1])
        if longest < WORTH_RECORDING * criterion.for_s:
            continue
        near = np.flatnonzero((rows >= first) & (rows <= last + _BACK_INSIDE))
        due, held_s = _count(criterion, beyond, sound, arrivals, near)
        if due is not None and held_s >= criterion.for_s + 1:
            expect: Literal["raise", "either", "quiet"] = "raise"
        elif longest >= criterion.for_s - CLOSE_S or held_s >= criterion.for_s - CLOSE_S:
            expect, due = "either", None
        else:
            expect, due = "quiet", None
        usable = [int(rows[n]) for n in near if sound[rows[n]] and rows[n] <= last]
        yield TruthEntry(
            criterion.rule,
            criterion.severity,
            screen.on_s + first,
            screen.on_s + last + 1,
            expect,
            None if due is None else int(arrivals.arrives_us[due]),
            None if due is None else int(arrivals.at_us[due]),
            tuple((screen.on_s + a, screen.on_s + b) for a, b in _runs(usable, 1.5 * screen.cadence_s)),
        )


def _count(
    criterion: Criterion,
    beyond: Flags,
    sound: Flags,
    arrivals: _Arrivals,
    near: Ints,
) -> tuple[int | None, float]:
    """Which arrival completes the rule's time, and the most that was ever counted in one go, in seconds."""
    held_us = most_us = 0
    inside = 0
    before_us: int | None = None
    due: int | None = None
    for n in near.tolist():
        row, at_us = arrivals.rows[n], int(arrivals.at_us[n])
        if not sound[row]:
            before_us = None
            continue
        if not beyond[row]:
            inside += 1
            before_us = None
            if inside >= _BACK_INSIDE:
                held_us = 0
            continue
        inside = 0
        if before_us is not None and at_us - before_us <= arrivals.pace_us:
            held_us += min(at_us - before_us, STALE_AFTER)
        before_us = at_us
        most_us = max(most_us, held_us)
        if due is None and held_us >= criterion.for_s * SECOND:
            due = n
    return due, most_us / SECOND


def _stretches(held: Flags) -> list[tuple[int, int]]:
    """First and last row of every stretch, those closer than `JOIN_S` as one."""
    return _runs(np.flatnonzero(held).tolist(), JOIN_S)


def _runs(rows: list[int], apart: float) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and row - runs[-1][1] <= apart:
            runs[-1] = (runs[-1][0], row)
        else:
            runs.append((row, row))
    return runs


def _longest(held: Flags) -> int:
    """The longest run, one or two back inside not counted as an end; in seconds."""
    return max(last - first for first, last in _runs(np.flatnonzero(held).tolist(), _BACK_INSIDE - 0.5))


def _softened(one: TruthEntry, others: Iterable[TruthEntry]) -> TruthEntry:
    """A record weakened where another implies it: no breath is also a slow and a shallow one, and the apnoea says it."""
    if one.rule in {"bradypnoea", "shallow-breathing"} and any(
        other.rule == "apnoea" and other.from_s <= one.to_s and one.from_s <= other.to_s for other in others
    ):
        return _open(one)
    return one


def _open(one: TruthEntry) -> TruthEntry:
    return replace(one, expect="either", due_us=None, due_at_us=None)


def _silent(plan: SessionPlan, silence: Silence) -> TruthEntry:
    due_us = plan.at_us(silence.from_s) + STALE_AFTER if silence.rule in TECHNICAL else None
    if silence.rule == "never-started":
        due_us = plan.at_us(180)
    if silence.rule == "artefact":
        due_us = plan.at_us(silence.from_s + 120)
    short = silence.rule == "artefact" and silence.to_s - silence.from_s < 125
    expect: Literal["raise", "either"] = "either" if short or silence.expect == "either" else "raise"
    if expect == "either":
        due_us = None
    imitated: list[Severity] = [each.severity for each in CRITERIA if each.rule == silence.rule]
    severity = imitated[0] if imitated else "low"
    return TruthEntry(silence.rule, severity, silence.from_s, silence.to_s, expect, due_us, due_us)


_RANK: Final = {"quiet": 0, "either": 1, "raise": 2}


def _merged(found: Iterable[TruthEntry]) -> list[TruthEntry]:
    """Overlapping stretches of one rule and severity, seen through two channels, as one."""
    merged: list[TruthEntry] = []
    for one in sorted(found, key=lambda one: (one.rule, one.severity, one.from_s)):
        last = merged[-1] if merged else None
        if last is None or (last.rule, last.severity) != (one.rule, one.severity) or one.from_s > last.to_s:
            merged.append(one)
            continue
        surer = max(last, one, key=lambda each: _RANK[each.expect])
        dues = [each.due_us for each in (last, one) if each.due_us is not None]
        at = [each.due_at_us for each in (last, one) if each.due_at_us is not None]
        merged[-1] = replace(
            surer,
            from_s=last.from_s,
            to_s=max(last.to_s, one.to_s),
            due_us=min(dues, default=None),
            due_at_us=min(at, default=None),
        )
    return merged


def _record(plan: SessionPlan, one: TruthEntry) -> dict[str, Any]:
    return {
        "session": plan.session,
        "patient": plan.person.alias,
        "rule": one.rule,
        "from": iso(plan.at_us(one.from_s)),
        "to": iso(plan.at_us(one.to_s)),
        "severity": one.severity,
        "expect": one.expect,
        "due": None if one.due_us is None else iso(one.due_us),
        "due_at": None if one.due_at_us is None else iso(one.due_at_us),
        "trusted": [[iso(plan.at_us(begin)), iso(plan.at_us(end))] for begin, end in one.trusted],
    }
