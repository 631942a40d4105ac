"""Cuffs at the bedside beside their text: what a whole shard says of a monitor's lines, symptoms, doses, limits and time.

To the text of the rules (`cuffs_in_words`) come the ward's own sentences:
 - a pressure that no cuff can show, and a diastolic at or above its systolic, is no reading; nor is such a mean;
 - the baseline is the median of the good cuffs before the first dose (of all where there is none), else the first cuff; one
   that jumped or is doubted is not good;
 - the rate is the newest heart rate if it is less than 30 s old, else the newest pulse that is;
 - symptoms are those of the last check-in of symptoms, for 30 min;
 - a crisis that waits, and came at most 5 min after the cuff before, is believed 3 min after it was read, unless it is decided
   before; what comes at that instant still counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pytest
from hypothesis import event as noted
from hypothesis import given, settings

from models.tables.limits import LIMITS
from models.tables.rules import Priority
from models.wire.observations import CheckIn
from tests.streams.ward.cuff_series import Step, series, with_changes
from tests.streams.ward.cuffs_in_words import (
    PRESSURES,
    RULES,
    SECOND,
    Event,
    Named,
    Said,
    Shown,
    Table,
    Taken,
    Unchecked,
    crisis,
    cuffs_of,
    follows_fast,
    jumps,
    said,
    said_of_symptoms,
    said_unchecked,
    shown_again,
)
from tests.support.scenes import Scene, moment, seconds

RANGES = {"sbp": (40, 280), "dbp": (20, 200)}
Told = tuple[float, str, str | None, dict[str, Any]]
"""When, in seconds, of which rule, its priority (None: over), and why, with reading and limit."""


@dataclass
class Bedside:
    """What the text makes of a session, event by event."""

    events: list[Event] = field(default_factory=list)
    table: Table = LIMITS
    doubted: list[bool] = field(default_factory=list)
    """Of each cuff, whether it jumped or is doubted."""
    rates: list[tuple[float, str, float]] = field(default_factory=list)
    symptoms_s: float | None = None
    dose_s: float | None = None
    recheck_s: float | None = None
    conditions: dict[str, Priority] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)

    def time_passes_to(self, now_s: float) -> None:
        if self.recheck_s is not None and self.recheck_s < now_s:
            due_s, self.recheck_s = self.recheck_s, None
            self.events.append(Unchecked(self.table))
            found = said_unchecked(self.events)
            self.tell(due_s, [found] if found else [])

    def symptoms(self, now_s: float) -> None:
        self.symptoms_s = now_s
        self.events.append(Named(round(now_s * SECOND), self.table))
        found = said_of_symptoms(self.events)
        if found:
            self.recheck_s = None
            self.tell(now_s, [found])

    def line(self, now_s: float, line: dict[str, float]) -> None:
        self.rates += [(now_s, name, x) for name, x in line.items() if name in {"hr", "pulse"}]
        pressures = {name: line[name] for name in PRESSURES if name in line}
        if len(pressures) == 2 and pressures["dbp"] >= pressures["sbp"]:
            return
        pressures = {name: x for name, x in pressures.items() if RANGES[name][0] <= x <= RANGES[name][1]}
        if not pressures:
            return
        now_us = round(now_s * SECOND)
        mean = {"map": line["map"]} if 25 <= line.get("map", 0) <= 230 else {}
        if shown_again(self.events, now_us, {**pressures, **mean}):
            self.events.append(Shown(now_us))
            return
        jumped, fast = jumps(self.events, now_us, pressures), follows_fast(self.events, now_us)
        readings = {**pressures, **self._rises(pressures), **mean, **self._rate(now_s)}
        symptoms = self.symptoms_s is not None and now_s - self.symptoms_s <= 1800
        self.events.append(Taken(now_us, readings, symptoms, self.table))
        waits_us = crisis(self.events).waits_us
        self.doubted.append(jumped or waits_us == now_us)
        if waits_us is None:
            self.recheck_s = None
        elif waits_us == now_us:
            self.recheck_s = now_s + 180 if fast else None
        self.tell(now_s, said(self.events))

    def _rises(self, pressures: dict[str, float]) -> dict[str, float]:
        cuffs = list(zip(cuffs_of(self.events), self.doubted, strict=True))
        before = [
            cuff
            for cuff, doubted in cuffs
            if not doubted and (self.dose_s is None or cuff.at_us <= self.dose_s * SECOND)
        ]
        before = before or [cuff for cuff, _ in cuffs[:1]]
        usual = {name: [cuff.readings[name] for cuff in before if name in cuff.readings] for name in PRESSURES}
        return {f"{name}-rise": x - median(usual[name]) for name, x in pressures.items() if usual[name]}

    def _rate(self, now_s: float) -> dict[str, float]:
        for wanted in ("hr", "pulse"):
            for at_s, name, x in reversed(self.rates):
                if name == wanted and now_s - at_s < 30:
                    return {"rate": x}
        return {}

    def tell(self, at_s: float, found: Sequence[Said]) -> None:
        for rule, priority, limit, value, _, why in found:
            before = self.conditions.pop(rule, None)
            if priority is not None:
                self.conditions[rule] = priority
            if priority == before:
                continue
            about = {"value": value, "limit": limit.enter, "because": why or None}
            self.told.append(
                (at_s, rule, None if priority is None else priority.word, about if priority is not None else {})
            )
            noted(f"{rule} {self.told[-1][2]} {why}")


def told_by(clinic: Scene) -> list[Told]:
    """What was said of cuffs that their text speaks of: no deeper reading (`rules/deeper.py`), and nothing of the desk's own, of
    who is called and of what comes back.
    """
    found: list[Told] = []
    for one in clinic.transitions:
        of_the_desk = one.transition == "escalated" or one.evidence.get("because") == "it came back"
        deeper = one.transition == "worsened" and "was" in one.evidence
        if one.rule in RULES and not of_the_desk and not deeper:
            over = one.transition in {"closed", "latched"}
            about = {name: one.evidence.get(name) for name in ("value", "limit", "because")}
            found.append((seconds(one.at), one.rule, None if over else one.priority, {} if over else about))
    return sorted(found, key=in_order)


def in_order(told: Told) -> tuple[float, int]:
    return told[0], RULES.index(told[1])


@settings(max_examples=150)
@given(steps=series())
def test_a_shard_says_of_a_session_s_cuffs_what_their_text_says(steps: list[Step]) -> None:
    clinic, text = Scene(), Bedside()
    three = clinic.chair("3")
    three.starts()
    shown: dict[str, float] = {}
    for step in steps:
        clinic.now_s += step.wait_s
        now_s = clinic.now_s
        text.time_passes_to(now_s)
        match step.kind:
            case "symptoms" | "no symptoms":
                who = {"at": moment(now_s), "patient": "P-3", "session": "S-3", "instrument": "symptoms"}
                named = step.kind == "symptoms"
                clinic.send(CheckIn.model_validate({**who, "items": {"severe-headache": named, "nausea": True}}))
                if named:
                    text.symptoms(now_s)
                else:
                    text.symptoms_s = None
            case "dose":
                three.infuses()
                text.dose_s = text.dose_s or now_s
            case "limits":
                clinic.configures(step.changes)
                text.table = with_changes(step.changes)
            case "restart":
                clinic.shard = type(clinic.shard).restore(clinic.shard.snapshot())
            case "cuff" | "again" | "rate":
                shown = step.pressures if step.kind == "cuff" else shown
                line = {**({} if step.kind == "rate" else {**shown, **step.mean}), **step.rate}
                clinic.send(three.vitals(**line))
                text.line(now_s, line)
    clinic.now_s += 1000
    text.time_passes_to(clinic.now_s)
    clinic.send()
    assert told_by(clinic) == sorted(text.told, key=in_order)


@pytest.mark.parametrize(("sbp", "dbp"), [(39, None), (281, None), (None, 19), (None, 201), (200, 200), (185, 190)])
def test_what_no_cuff_can_show_is_no_cuff(sbp: float | None, dbp: float | None) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.cuff(sbp, dbp)
    assert told_by(clinic) == []
