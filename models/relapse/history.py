"""A patient's history: all facts ever received in, the course as it was known at the end of a given day out.

No fact is dropped; a course is worked out anew for each origin from what had been received by then,
so a late or corrected entry simply makes another course, and the forecast that follows from it is the one that would have
been made had the entry been in time. The order in which facts are given changes nothing.

- A repeat (the same id, or without one the same source, kind, instrument or drug, and instant) counts once, as first received.
- A correction (`replaces`) takes the place of what it names, from the day on which it was received.
- What happened after the origin's day, or was received after it, is not known.

Cost: about 5 µs a fact and origin. Never here: what the facts amount to (`day_entries.py`), the model (`filter.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Final

from models.calendar import Moves, day_in, day_of, zone_of
from models.relapse.chance import patient_key
from models.relapse.day_entries import (
    AT,
    DatedFact,
    DayEntry,
    baseline_of,
    changes_of,
    check_ins_of,
    readings_of,
    treatment_days,
)
from models.relapse.facts import Fact
from models.relapse.response import measured_improvement

TAU_LEAST: Final = 10.0
"""PHQ-9 of a case (Kroenke 2001): with no screening, or a screening below 20, a dose is due from here on."""


@dataclass(frozen=True, slots=True)
class Course:
    """What was known of a patient at the end of the day `as_of`. Days are ordinals of the patient's own calendar.

    Args:
        key: seeds the patient's draws. tau: the severity from which a dose is due.
        baseline: mean of the screening scores on the PHQ-9 scale; None: there is none. screens: how many there were.
        start: the day of the first treatment; None: none yet. entries: from the first treatment on, in order.
        screening: readings before it. drug: of the last treatment. outside: treatments given without a session.
        improvement: the share of the untreated score that is gone, as measured; None: nothing was measured that shows it.
    """

    patient: str
    key: int
    as_of: int
    tau: float
    baseline: float | None
    screens: int
    start: int | None
    entries: tuple[DayEntry, ...]
    screening: tuple[DayEntry, ...] = ()
    drug: str = ""
    outside: int = 0
    improvement: float | None = None

    def continues(self, earlier: Course) -> bool:
        """True if no fact about the time up to the earlier origin came since: its filter state may be carried on."""
        count = len(earlier.entries)
        return (
            self.patient == earlier.patient
            and self.start == earlier.start
            and (self.baseline, self.tau, self.screens) == (earlier.baseline, earlier.tau, earlier.screens)
            and self.entries[:count] == earlier.entries
            and (len(self.entries) == count or self.entries[count].day > earlier.as_of)
        )


class PatientHistory:
    """One patient's facts. `course(day)` is the course as known at the end of a day; None before the first observation."""

    def __init__(self, patient: str, facts: Iterable[Fact]) -> None:
        self.patient = patient
        self.key = patient_key(patient)
        # By their own content where times leave the order open, so that no file's order matters.
        in_time = [
            fact for _, together in groupby(sorted(facts, key=_when), key=_when) for fact in _by_content(list(together))
        ]
        self._facts = sorted(enumerate(in_time), key=lambda pair: (pair[1].received, pair[0]))
        self._registrations = [
            (order, fact, zone)
            for order, fact in self._facts
            if fact.kind == "registered" and (zone := zone_of(fact.timezone)) is not None
        ]
        self._dated: dict[Moves, list[tuple[int, DatedFact]]] = {}

    def course(self, as_of: int) -> Course | None:
        """The course made of what was received by the end of the day `as_of`; None if that is nothing."""
        received = self._received(as_of)
        if not received:
            return None
        valid = sorted(_corrected(received))
        doses = treatment_days(valid)
        if not doses:
            return self._course(as_of, _scores(valid), None, ())
        start = min(doses)
        before, after = _around(_scores(valid), doses[start].at)
        entries = [DayEntry(day, AT, dose.kind, dose.strength, 0.0) for day, dose in doses.items()]
        readings = readings_of(after, doses)
        entries += readings + check_ins_of(readings, start, as_of) + changes_of(valid, start)
        last = doses[max(doses)].drug
        outside = sum(dose.outside for dose in doses.values())
        improvement = measured_improvement(before, after, [dose.at for dose in doses.values()])
        return self._course(as_of, before, start, tuple(sorted(entries)), last, outside, improvement)

    def improvement(self, as_of: int) -> float | None:
        """`Course.improvement` of the course made of what was received by the end of the day `as_of`, without the rest of it."""
        valid = sorted(_corrected(self._received(as_of)))
        doses = treatment_days(valid)
        if not doses:
            return None
        before, after = _around(_scores(valid), doses[min(doses)].at)
        return measured_improvement(before, after, [dose.at for dose in doses.values()])

    def _received(self, as_of: int) -> list[DatedFact]:
        """The facts received by the end of a day, in order of receipt."""
        dated = self._days(self._moves(as_of))
        return [each for received_on, each in dated if received_on <= as_of and each.day <= as_of]

    def _course(
        self, as_of: int, before: Sequence[DatedFact], start: int | None, entries: tuple[DayEntry, ...],
        drug: str = "", outside: int = 0, improvement: float | None = None,
    ) -> Course:  # fmt: skip
        baseline, screens = baseline_of(before)
        tau = TAU_LEAST if baseline is None else max(TAU_LEAST, baseline / 2)
        screening = tuple(readings_of(before, {}))
        return Course(
            self.patient, self.key, as_of, tau, baseline, screens, start, entries, screening, drug, outside, improvement
        )  # fmt: skip

    def day_of(self, moment: datetime) -> int:
        """The patient's day of an instant, in the zone in force then by all registrations."""
        return day_of(moment, self._moves(date.max.toordinal()))

    def _moves(self, as_of: int) -> Moves:
        """(from when, zone) of the registrations received by a day, by time. A corrected one was never in force."""
        received = [
            DatedFact(order, 0, fact)
            for order, fact, zone in self._registrations
            if day_in(fact.received, zone) <= as_of
        ]
        zones = {order: zone for order, _, zone in self._registrations}
        return tuple((each.fact.at, zones[each.order]) for each in sorted(_corrected(received)))

    def _days(self, moves: Moves) -> list[tuple[int, DatedFact]]:
        """(day of receipt, dated fact) of every fact, in order of receipt."""
        if moves not in self._dated:
            self._dated[moves] = [
                (day_of(fact.received, moves), DatedFact(order, day_of(fact.at, moves), fact))
                for order, fact in self._facts
            ]
        return self._dated[moves]


def _when(fact: Fact) -> tuple[datetime, datetime]:
    return fact.at, fact.received


def _by_content(together: list[Fact]) -> list[Fact]:
    return sorted(together, key=repr) if len(together) > 1 else together


_Key = tuple[str, str, str]
"""Sender, kind and id: an id counts only within its sender and kind."""


def _key(fact: Fact) -> _Key:
    return fact.source, fact.kind, fact.id


def _scores(valid: Sequence[DatedFact]) -> list[DatedFact]:
    """The scores among facts, in their order."""
    return [each for each in valid if each.fact.kind == "score"]


def _around(scores: Sequence[DatedFact], treated: datetime) -> tuple[Sequence[DatedFact], Sequence[DatedFact]]:
    """Scores in order of time, split into those up to the first treatment and those after it."""
    before = [each for each in scores if each.fact.at <= treated]
    return before, scores[len(before) :]


def _corrected(received: Sequence[DatedFact]) -> list[DatedFact]:
    """What stands once repeats are dropped and corrections taken; `received` is in order of receipt."""
    seen = set()
    distinct = []
    for each in received:
        fact = each.fact
        identity: tuple[object, ...] = (fact.source, fact.kind, fact.name, fact.at, fact.replaces)
        if fact.id:
            # A correction under the id of what it corrects is no repeat of it.
            identity = (*_key(fact), fact.replaces, fact.at if fact.replaces else None)
        if identity not in seen:
            seen.add(identity)
            distinct.append(each)
    corrections = [each.fact for each in distinct if each.fact.replaces]
    if not corrections:
        return distinct
    keys = {_key(each.fact) for each in distinct if each.fact.id}
    # A correction may itself be corrected, and of two corrections of one entry the later received one stands.
    latest = {key: fact for fact in corrections for key in _replaced(fact, keys)}
    standing = set(map(id, latest.values()))
    return [each for each in distinct if _is_latest(each.fact, latest, standing)]


def _replaced(correction: Fact, keys: set[_Key]) -> set[_Key]:
    """The entries that a correction takes the place of: its own sender's, of its kind; if there is none, anybody's."""
    own = (correction.source, correction.kind, correction.replaces)
    if own in keys:
        return {own}
    others = {key for key in keys if key[2] == correction.replaces}
    return {key for key in others if key[1] == correction.kind} or others or {own}


def _is_latest(fact: Fact, latest: dict[_Key, Fact], standing: set[int]) -> bool:
    if fact.replaces and id(fact) not in standing:
        return False
    return _key(fact) not in latest or fact.id == fact.replaces
