"""A patient's history: facts as they were received, and the course that they were known to make at the end of a day.

Everything that was ever received is kept; a course is worked out anew for each origin from what had been received by then,
so a late or corrected entry simply makes another course, and the forecast that follows from it is the one that would have
been made had the entry been in time. The order in which facts are given changes nothing.

- A repeat (the same id, or without one the same source, kind, instrument or drug, and instant) counts once, as first received.
- A correction (`replaces`) takes the place of what it names, from the day on which it was received.
- What happened after the origin's day, or was received after it, is not known.
- Several doses of a day are one, as strong as all together; of an instrument's several scores before, or after, that day's
  dose the last one counts.

Cost: about 2 µs a fact and origin. Never here: the model (`filter.py`), sentences (`forecast.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from models.calendar import Moves, day_of, zone_of
from models.chance import key_of
from models.drugs import usual_doses
from models.facts import Fact, fact_of
from models.records import Event, Vitals
from models.severity import SCALES

Treatment = Literal["drug", "ect", "tms"]
Happening = Literal["drug", "ect", "tms", "week", "visit", "mood", "answered", "silent", "change"]
TREATMENTS: Final = frozenset({"drug", "ect", "tms"})
BEFORE, AT, AFTER = 0, 1, 2
"""Where in its day something stands: before that day's treatment, the treatment itself, after it (or a day without one)."""


class Entry(NamedTuple):
    """One thing that happened. `value`: strength in usual doses, or severity (mood: 0-10). `sd`: what conversion adds."""

    day: int
    part: int
    kind: Happening
    value: float
    sd: float


@dataclass(frozen=True, slots=True)
class Course:
    """What was known of a patient at the end of the day `as_of`. Days are ordinals of the patient's own calendar.

    Args:
        key: seeds the patient's draws. first_day: of the first observation. tau: the severity from which a dose is due.
        baseline: mean of the screening scores on the PHQ-9 scale; None: there is none. screens: how many there were.
        start: the day of the first treatment; None: none yet. entries: from the first treatment on, in order.
        screening: before it, the same. drug: of the last treatment. outside: treatments given without a session.
    """

    patient: str
    key: int
    as_of: int
    first_day: int
    tau: float
    baseline: float | None
    screens: int
    start: int | None
    entries: tuple[Entry, ...]
    screening: tuple[Entry, ...] = ()
    drug: str = ""
    outside: int = 0

    def continues(self, earlier: Course) -> bool:
        """Whether nothing up to the earlier origin has become known since: its state may be carried on."""
        known = len(earlier.entries)
        return (
            self.patient == earlier.patient
            and self.start == earlier.start
            and (self.baseline, self.tau, self.screens) == (earlier.baseline, earlier.tau, earlier.screens)
            and self.entries[:known] == earlier.entries
            and (len(self.entries) == known or self.entries[known].day > earlier.as_of)
        )


TAU_LEAST: Final = 10.0
"""PHQ-9 of a case (Kroenke 2001): with no screening, or a screening below 20, a dose is due from here on."""

_MOST_STRENGTH: Final = 2.0
"""Several doses of one day add up to no more than this; chosen by us."""

_TREATED_IN_SESSION: Final = frozenset(
    {
        "oxygen",
        "labetalol",
        "hydralazine",
        "nifedipine",
        "clonidine",
        "midazolam",
        "lorazepam",
        "ondansetron",
        "stimulation",
        "airway",
        "position",
        "fluids",
        "reassurance",
        "monitoring",
    }
)
"""Given against a dose's own effects: no change in the course of the depression."""


class History:
    """One patient's facts. `course(day)` is what was known at the end of a day; None before the first observation."""

    def __init__(self, patient: str, facts: Iterable[Fact]) -> None:
        self.patient = patient
        self.key = key_of(patient)
        self._facts = sorted(facts, key=_in_order)
        self._registrations = [fact for fact in self._facts if fact.kind == "registered" and fact.timezone]
        self._dated: dict[Moves, list[tuple[int, int, Fact]]] = {}

    def course(self, as_of: int) -> Course | None:
        """What was known at the end of the day `as_of`, and nothing later."""
        known = [
            (day, fact) for known_on, day, fact in self._days(self._moves(as_of)) if known_on <= as_of and day <= as_of
        ]
        if not known:
            return None
        first_day = min(day for day, _ in known)
        standing = _corrected(known)
        doses = _doses(standing)
        start = min(doses) if doses else None
        began = None if start is None else doses[start].at
        scores = [(day, fact) for day, fact in standing if fact.kind == "score"]
        before = [fact for _, fact in scores if began is None or fact.at < began or fact.at == began]
        baseline, screens = _baseline(before)
        entries = [] if start is None else _entries(standing, doses, start, as_of)
        last = None if start is None else doses[max(doses)]
        return Course(
            patient=self.patient, key=self.key, as_of=as_of, first_day=first_day,
            tau=TAU_LEAST if baseline is None else max(TAU_LEAST, baseline / 2), baseline=baseline, screens=screens,
            start=start, entries=tuple(entries), screening=tuple(_readings(before, standing, {})),
            drug="" if last is None else last.drug, outside=sum(1 for dose in doses.values() if dose.outside),
        )  # fmt: skip

    def _moves(self, as_of: int) -> Moves:
        """The zones known by a day, in order of the time from which they hold."""
        moves = []
        for fact in self._registrations:
            zone = zone_of(fact.timezone)
            assert zone is not None  # `fact_of` took none that is not
            if day_of(fact.received, ((fact.at, zone),)) <= as_of:
                moves.append((fact.at, zone))
        return tuple(sorted(moves, key=lambda move: (move[0], move[1].key)))

    def _days(self, moves: Moves) -> list[tuple[int, int, Fact]]:
        """(the day it was known, the day it happened, fact) of every fact, in order of receipt."""
        if moves not in self._dated:
            self._dated[moves] = [(day_of(fact.received, moves), day_of(fact.at, moves), fact) for fact in self._facts]
        return self._dated[moves]


def course_of(patient: str, records: Iterable[Vitals | Event], as_of: int) -> Course | None:
    """The course that a patient's records make, as known at the end of the day `as_of`."""
    facts = (fact_of(record) for record in records if record.patient == patient)
    return History(patient, (fact for fact in facts if fact is not None)).course(as_of)


def _in_order(fact: Fact) -> tuple[datetime, datetime, str]:
    """The order of receipt; the facts' own content where that leaves it open, so that no file's order matters."""
    return fact.received, fact.at, repr(fact)


def _corrected(known: Sequence[tuple[int, Fact]]) -> list[tuple[int, Fact]]:
    """What stands once repeats are dropped and corrections taken; in order of receipt."""
    seen = set()
    kept = []
    latest: dict[str, Fact] = {}
    for day, fact in known:
        if fact.replaces:
            latest[fact.replaces] = fact
        identity: tuple[object, ...]
        if fact.id:
            identity = (fact.id, fact.replaces, fact.at if fact.replaces else None)
        else:
            identity = (fact.source, fact.kind, fact.name, fact.at, fact.replaces)
        if identity not in seen:
            seen.add(identity)
            kept.append((day, fact))
    # A correction may itself be corrected, and of two corrections of one entry the later received one stands.
    return [
        (day, fact)
        for day, fact in kept
        if (latest[fact.replaces] is fact if fact.replaces else fact.id not in latest)
        and (not fact.id or fact.id == fact.replaces or fact.id not in latest)
    ]


class _Treated(NamedTuple):
    at: datetime
    kind: Treatment
    drug: str
    strength: float
    outside: bool


def _doses(standing: Sequence[tuple[int, Fact]]) -> dict[int, _Treated]:
    """Day → that day's treatment. ECT beside a drug on one day counts as ECT; both restart the effect."""
    weights = [(fact.at, fact.value) for _, fact in standing if fact.kind == "registered" and fact.value]
    stops = [fact for _, fact in standing if fact.kind == "stopped"]
    by_day: dict[int, list[_Treated]] = defaultdict(list)
    for day, fact in standing:
        if fact.kind == "intervention" and fact.name in {"ect", "tms"}:
            by_day[day].append(_Treated(fact.at, _class_of(fact.name), fact.name, 1.0, True))
        if fact.kind != "dose":
            continue
        amount = fact.value
        for stop in stops:
            # A dose that was stopped is as strong as what was given of it; a stop belongs to the session's last dose before it.
            if (
                stop.value is not None
                and stop.session == fact.session
                and 0 <= (stop.at - fact.at).total_seconds() < 86_400
            ):
                amount = stop.value
        if amount == 0:
            continue
        weight = max((pair for pair in weights if pair[0] <= fact.at), default=min(weights, default=(None, None)))[1]
        strength = usual_doses(fact.name, fact.route, amount, weight)
        by_day[day].append(_Treated(fact.at, _class_of(fact.name), fact.name, strength, not fact.session))
    merged = {}
    for day, given in by_day.items():
        given.sort()
        lead = max(given, key=lambda dose: (dose.kind != "drug", dose.at))
        strength = min(_MOST_STRENGTH, sum(dose.strength for dose in given if dose.kind == lead.kind))
        merged[day] = _Treated(given[0].at, lead.kind, lead.drug, strength, lead.outside)
    return merged


def _class_of(drug: str) -> Treatment:
    return "ect" if drug == "ect" else "tms" if drug == "tms" else "drug"


def _baseline(before: Sequence[Fact]) -> tuple[float | None, int]:
    """Mean and number of the last two screening scores: PHQ-9, else the best other instrument that was used."""
    ranked = sorted(before, key=lambda fact: (SCALES[fact.name].rank, fact.at, repr(fact)))
    if not ranked:
        return None, 0
    best = [fact for fact in ranked if fact.name == ranked[0].name][-2:]
    values = [SCALES[fact.name].phq9(fact.value or 0.0) for fact in best]
    return sum(values) / len(values), len(values)


def _entries(standing: Sequence[tuple[int, Fact]], doses: dict[int, _Treated], start: int, as_of: int) -> list[Entry]:
    began = doses[start].at
    entries = [Entry(day, AT, dose.kind, dose.strength, 0.0) for day, dose in doses.items()]
    after = [fact for _, fact in standing if fact.kind == "score" and fact.at > began]
    entries += _readings(after, standing, doses)
    asked = {entry.day for entry in entries if entry.kind == "week"}
    entries += _check_ins(asked, start, as_of)
    entries += _changes(standing, start)
    return sorted(entries)


def _readings(scores: Sequence[Fact], standing: Sequence[tuple[int, Fact]], doses: dict[int, _Treated]) -> list[Entry]:
    """Scores on the severity scale; of an instrument's several in one part of a day, the last."""
    days = {id(fact): day for day, fact in standing}
    last: dict[tuple[int, int, str], Fact] = {}
    for fact in sorted(scores, key=lambda fact: (fact.at, repr(fact))):
        day = days[id(fact)]
        dose = doses.get(day)
        part = BEFORE if dose is not None and fact.at <= dose.at else AFTER
        last[day, part, fact.name] = fact
    readings = []
    for (day, part, name), fact in last.items():
        scale = SCALES[name]
        score = fact.value or 0.0
        readings.append(
            Entry(day, part, scale.reading, score if scale.reading == "mood" else scale.phq9(score), scale.sd)
        )
    return readings


_HABIT_WEEKS: Final = 4
_HABIT_LEAST: Final = 2
_GRACE_DAYS: Final = 3


def _check_ins(answered: set[int], start: int, as_of: int) -> list[Entry]:
    """When a questionnaire was to be expected, and whether it came.

    A prompt that nobody answers leaves no line, so the schedule is read off the habit: a day is a check-in day if at least
    two of the same weekday's last four had a questionnaire. Silent if there was none on it nor in the three days before.
    Who has not answered for a month has no habit any more, and their silence says nothing further. Chosen by us.
    """
    entries = []
    for day in range(start + 1, as_of + 1):
        habit = sum(day - 7 * week in answered for week in range(1, _HABIT_WEEKS + 1))
        if habit < _HABIT_LEAST:
            continue
        if day in answered:
            entries.append(Entry(day, AFTER, "answered", 1.0, 0.0))
        elif not any(day - back in answered for back in range(1, _GRACE_DAYS + 1)):
            entries.append(Entry(day, AFTER, "silent", 0.0, 0.0))
    return entries


def _changes(standing: Sequence[tuple[int, Fact]], start: int) -> list[Entry]:
    """Days on which something outside changed: an intervention that is no treatment of a session, other medications."""
    days = set()
    medications: tuple[str, ...] | None = None
    for day, fact in sorted(standing, key=lambda pair: (pair[1].at, repr(pair[1]))):
        if fact.kind == "intervention" and not fact.session and fact.name not in _TREATED_IN_SESSION | {"ect", "tms"}:
            days.add(day)
        elif fact.kind == "registered" and fact.medications is not None:
            if medications is not None and fact.medications != medications:
                days.add(day)
            medications = fact.medications
    return [Entry(day, BEFORE, "change", 0.0, 0.0) for day in days if day >= start]
