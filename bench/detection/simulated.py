"""Invented sessions, scored: what their truth says had to be told, what was told, and what plain limits would have sounded.

Sessions of one family (`streams/clinic/families.py`, `held_out.py`) run at once, as lines through the reader and the
replay that files go through. Where a device's clock is wrong, an alert was told when the line came that told it, whatever it
says; the ward does not know.
Cost: some 0.15 s an hour of monitoring.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from bench.detection.matching import SAME, Expected, FalseStep, Match, matched, unexplained
from bench.detection.plain import CUFFS, PLAIN, crossings
from bench.detection.recordings import CHANNELS, Recording
from bench.detection.told import Alert, replayed, replayed_as_told
from models.arrays import Floats
from models.instants import MINUTE, SECOND, from_iso, to_us
from models.tables.rules import RULES, Priority
from models.wire.observations import CheckIn, DeviceAssigned, Event, SessionStarted, SetAside, SiteConfigured, Vitals
from streams.clinic.clinic import Clinic, simulate
from streams.clinic.families import Family
from streams.clinic.held_out import FAMILIES
from streams.clinic.plan import plan_session
from streams.intake.json import read_lines

HOURS: Final = 3.0
"""A session is two hours and a half; all start within the first half hour."""
_WORDS: Final = {priority.word: priority for priority in Priority}
_RULES: Final = {"high": SAME["hypertension"] | {"pressure-rise"}, "low": SAME["hypotension"]}
RECHECKED_WITHIN: Final = 30 * MINUTE
SIGNAL_LASTS_S: Final = 30.0
"""A signal that is back for less than this has not returned. Chosen by us: twice the hold of the rule at stake."""
HIDDEN_S: Final = 10.0
"""Low for this long before a reading shows it: behind something. Chosen by us, longer than one lost line in any cadence."""


@dataclass(frozen=True, slots=True)
class LoneCuff:
    """A cuff of 180-199 / 110-119, or 90 and below, that the next one within half an hour did not confirm."""

    patient: str
    at_us: int
    raised: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """One family's sessions. `hidden_s`: how long after the signal's return each hidden desaturation was told, None never."""

    family: str
    quiet: bool
    hovering: bool
    sessions: int
    hours: float
    alerts: list[Alert]
    matches: list[Match]
    false: list[FalseStep]
    alone: list[LoneCuff]
    hidden_s: list[float | None]
    plain: Counter[str]
    delayed: Counter[str]


@dataclass(slots=True)
class _Shown:
    """What went by on its way to the ward: vitals by device, devices by chair and by patient."""

    vitals: dict[str, list[Vitals]] = field(default_factory=dict)
    at_chair: dict[str, str] = field(default_factory=dict)
    device: dict[str, str] = field(default_factory=dict)
    """By patient: one session each, in these families."""
    symptoms: dict[str, list[int]] = field(default_factory=dict)


def family(name: str, sessions: int, seed: int, configuration: SiteConfigured | None = None) -> Scored:
    """So many sessions of a family, at once; `configuration`: other limits than the defaults."""
    row = FAMILIES[name]
    clinic = simulate(sessions=sessions, seed=seed, hours=HOURS, chairs=max(sessions, 1), family=name)
    return scored(clinic, row, configuration)


def scored(clinic: Clinic, row: Family, configuration: SiteConfigured | None = None) -> Scored:
    """Live through these sessions and score what was told of them."""
    shown = _Shown()
    wrong = _wrong_clocks(clinic)
    lines = _seen(_lines(clinic), shown)
    if wrong:
        alerts, told, summary = replayed_as_told(lines, _arrives_us, configuration)
        pairs = zip(alerts, told, strict=True)
        alerts = [
            by_arrival if _by_arrival(by_arrival.patient, by_arrival.category, wrong) else said
            for said, by_arrival in pairs
        ]
    else:
        alerts, summary = replayed(lines, configuration)
    truth = [
        (_expected(event, _by_arrival(event["patient"], RULES[event["rule"]].category, wrong)), event)
        for event in clinic.truth()
    ]
    events = [event for event, _ in truth]
    matches = matched(events, alerts)
    recordings = {device: _recording(device, rows) for device, rows in sorted(shown.vitals.items())}
    limits = PLAIN + CUFFS
    return Scored(
        family=row.name,
        quiet=row.quiet,
        hovering=row.conditions.trials.hovering,
        sessions=len(clinic.bookings),
        hours=summary.hours,
        alerts=alerts,
        matches=matches,
        false=unexplained(events, alerts),
        alone=list(_lone_cuffs(shown, events, alerts)),
        hidden_s=list(_hidden(matches, {id(event): document for event, document in truth})),
        plain=Counter(each.limit.name for one in recordings.values() for each in crossings(one, limits)),
        delayed=Counter(
            each.limit.name for one in recordings.values() for each in crossings(one, limits, delayed=True)
        ),
    )


def _lines(clinic: Clinic) -> Iterator[Vitals | Event | SetAside]:
    for line in clinic.observations():
        yield from read_lines([json.dumps(line).encode()]).records


def _seen(lines: Iterator[Vitals | Event | SetAside], shown: _Shown) -> Iterator[Vitals | Event | SetAside]:
    """The lines as they are, noted on the way."""
    for line in lines:
        if isinstance(line, Vitals):
            shown.vitals.setdefault(line.device or "", []).append(line)
        elif isinstance(line, CheckIn) and line.instrument == "symptoms" and line.patient:
            shown.symptoms.setdefault(line.patient, []).append(to_us(line.at))
        elif isinstance(line, DeviceAssigned):
            shown.at_chair[line.chair] = line.device
        elif isinstance(line, SessionStarted):
            shown.device[line.patient] = line.device or shown.at_chair.get(line.chair or "", "")
        yield line


_ENTERED: Final = frozenset({"consciousness", "dissociation", "mood"})
"""Categories of what people enter, on a tablet whose clock is right."""


def _by_arrival(patient: str, category: str, wrong: frozenset[str]) -> bool:
    return patient in wrong and category not in _ENTERED


def _wrong_clocks(clinic: Clinic) -> frozenset[str]:
    """Patients whose device's clock is wrong."""
    plans = (plan_session(clinic.seed, booking) for booking in clinic.bookings)
    return frozenset(plan.person.alias for plan in plans if not plan.clock.right)


def _arrives_us(line: Vitals | Event | SetAside) -> int:
    """When a line arrives: by the gateway's clock, where the device's is wrong."""
    received = None if isinstance(line, SetAside) else line.received_at
    return to_us(line.at if received is None else received)


def _expected(event: Mapping[str, Any], by_arrival: bool) -> Expected:
    due = event["due" if by_arrival else "due_at"]
    return Expected(
        patient=event["patient"],
        rule=event["rule"],
        priority=_WORDS[event["severity"]],
        from_us=from_iso(event["from"]),
        to_us=from_iso(event["to"]),
        expect=event["expect"],
        due_us=None if due is None else from_iso(due),
    )


def _recording(device: str, rows: list[Vitals]) -> Recording:
    """A device's lines as a monitor with plain limits sees them: in order of time, a line sent twice is one."""
    ordered = sorted({to_us(row.at): row for row in rows}.items(), key=lambda pair: pair[0])
    return Recording(
        name=device,
        of="simulated",
        at_s=np.array([at_us for at_us, _ in ordered]) / SECOND,
        channels={name: _column([row for _, row in ordered], name) for name in (*CHANNELS, "sbp", "dbp")},
    )


def _column(rows: list[Vitals], name: str) -> Floats:
    return np.array([np.nan if (value := getattr(row, name)) is None else value for row in rows], dtype=np.float64)


def _lone_cuffs(shown: _Shown, events: list[Expected], alerts: list[Alert]) -> Iterator[LoneCuff]:
    sure = [
        event
        for event in events
        if event.rule in _RULES["high"] | _RULES["low"]
        and event.priority >= Priority.MEDIUM
        and event.expect != "quiet"
    ]
    for patient, device in shown.device.items():
        read = {
            to_us(row.at): (row.sbp, row.dbp)
            for row in shown.vitals.get(device, [])
            if row.sbp is not None and row.dbp is not None
        }
        cuffs = sorted(read.items())
        for before, cuff, after in zip([None, *cuffs], cuffs, cuffs[1:], strict=False):
            at_us, side = cuff[0], _side(*cuff[1])
            if side is None or _far(*cuff[1]) or after[0] - at_us > RECHECKED_WITHIN or _side(*after[1]) == side:
                continue
            if before is not None and _side(*before[1]) == side:
                continue
            # A slow heart or a symptom makes one cuff enough; the truth knows of both.
            if any(event.patient == patient and event.from_us <= at_us <= event.to_us for event in sure):
                continue
            if any(abs(said_us - at_us) <= RECHECKED_WITHIN for said_us in shown.symptoms.get(patient, [])):
                continue
            raised = any(
                at_us <= step.at_us <= after[0]
                for alert in alerts
                if alert.patient == patient and alert.rule in _RULES[side]
                for step in alert.burdens()
            )
            yield LoneCuff(patient, at_us, raised)


def _side(sbp: float, dbp: float) -> Literal["high", "low"] | None:
    if sbp >= 180 or dbp >= 110:
        return "high"
    return "low" if sbp <= 90 else None


def _far(sbp: float, dbp: float) -> bool:
    return sbp >= 200 or dbp >= 120


def _hidden(matches: list[Match], documents: Mapping[int, Mapping[str, Any]]) -> Iterator[float | None]:
    for match in matches:
        event = match.event
        if event.rule != "desaturation" or event.priority < Priority.MEDIUM:
            continue
        trusted = [(from_iso(a), from_iso(b)) for a, b in documents[id(event)]["trusted"]]
        back = next((a for a, b in trusted if b - a >= SIGNAL_LASTS_S * SECOND), None)
        if back is None or event.due_us is None or trusted[0][0] - event.from_us < HIDDEN_S * SECOND:
            continue
        # A monitor that sends every minute cannot show 15 s of anything in 30 s.
        if event.due_us - back > SIGNAL_LASTS_S * SECOND:
            continue
        yield None if match.told_us is None else (match.told_us - back) / SECOND
