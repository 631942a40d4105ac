"""Day entries: a patient's valid facts in, what the filter folds in day by day out.

Doses become strengths in usual doses, scores become severity, silence is read off the habit of answering, and what changed
outside is marked. Several doses of a day are one, as strong as all together; of an instrument's several scores before, or
after, that day's dose the last one counts.
Bad at: a schedule of check-ins other than every one or two weeks; senders do not say who was prompted and when.
Never here: which facts had been received when (`history.py`), the model (`filter.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from models.relapse.facts import Fact
from models.relapse.priors import TREATMENT_KINDS
from models.tables.drugs import usual_doses
from models.tables.severity import SCALES

TreatmentKind = Literal["drug", "ect", "tms"]
DayEntryKind = Literal["drug", "ect", "tms", "week", "visit", "mood", "answered", "silent", "change"]
READINGS: Final = frozenset({"week", "visit", "mood"})
BEFORE, AT, AFTER = 0, 1, 2
"""The part of its day that an entry is of: before that day's treatment, the treatment itself, after it (or a day without one)."""


class DayEntry(NamedTuple):
    """One thing that happened on a day. `part` is BEFORE, AT or AFTER. `value`: strength in usual doses, or severity (mood:
    0-10). `sd`: what conversion adds.
    """

    day: int
    part: int
    kind: DayEntryKind
    value: float
    sd: float


class DatedFact(NamedTuple):
    """A fact and the patient's day of it. `order` is its place in time among all of the patient's facts."""

    order: int
    day: int
    fact: Fact


class Treated(NamedTuple):
    """A day's treatment; `at` is that of its first dose."""

    at: datetime
    kind: TreatmentKind
    drug: str
    strength: float
    outside: bool


_MOST_STRENGTH: Final = 2.0
"""Several doses of one day add up to no more than this; chosen by us."""

_STOP_WITHIN_S: Final = 86_400
"""A stop belongs to a dose of the same session (or, outside, the same patient) within the day before it."""


def treatment_days(valid: Sequence[DatedFact]) -> dict[int, Treated]:
    """Day → that day's treatment, from valid facts by time. ECT beside a drug on one day counts as ECT; both restart the
    effect.
    """
    weights = [each.fact for each in valid if each.fact.kind == "registered" and each.fact.value]
    stops = [each.fact for each in valid if each.fact.kind == "stopped" and each.fact.value is not None]
    by_day: dict[int, list[Treated]] = defaultdict(list)
    for _, day, fact in valid:
        if fact.kind == "intervention" and fact.name in {"ect", "tms"}:
            by_day[day].append(Treated(fact.at, _class_of(fact.name), fact.name, 1.0, True))
        if fact.kind != "dose":
            continue
        amount = fact.value
        # A dose of 0 mg is an amount that nobody filled in: one usual dose. One corrected to 0 mg is taken back.
        none_given = bool(fact.replaces) and amount == 0
        for stop in stops:
            # A dose that was stopped is as strong as what was given of it.
            if stop.session == fact.session and 0 <= (stop.at - fact.at).total_seconds() < _STOP_WITHIN_S:
                amount = stop.value
                none_given = amount == 0
        if none_given:
            continue
        weight_kg = next((each.value for each in reversed(weights) if each.at <= fact.at), None)
        if weight_kg is None and weights:
            weight_kg = weights[0].value
        strength = usual_doses(fact.name, fact.route, amount, weight_kg)
        by_day[day].append(Treated(fact.at, _class_of(fact.name), fact.name, strength, not fact.session))
    merged = {}
    for day, given in by_day.items():
        lead = max(given, key=lambda dose: (dose.kind != "drug", dose.at, dose))
        strength = min(_MOST_STRENGTH, sum(dose.strength for dose in given if dose.kind == lead.kind))
        merged[day] = Treated(given[0].at, lead.kind, lead.drug, strength, lead.outside)
    return merged


def _class_of(drug: str) -> TreatmentKind:
    return "ect" if drug == "ect" else "tms" if drug == "tms" else "drug"


def baseline_of(before: Sequence[DatedFact]) -> tuple[float | None, int]:
    """Mean and number of the last two screening scores: PHQ-9, else the best other instrument that was used."""
    if not before:
        return None, 0
    best = min((each.fact.name for each in before), key=lambda name: SCALES[name].rank)
    values = [_severity(each.fact) for each in before if each.fact.name == best][-2:]
    return sum(values) / len(values), len(values)


def _severity(fact: Fact) -> float:
    return SCALES[fact.name].phq9(fact.value or 0.0)


def readings_of(scores: Sequence[DatedFact], doses: Mapping[int, Treated]) -> list[DayEntry]:
    """Scores on the severity scale; of an instrument's several in one part of a day, the last."""
    last: dict[tuple[int, int, str], DayEntry] = {}
    for _, day, fact in scores:
        dose = doses.get(day)
        part = BEFORE if dose is not None and fact.at <= dose.at else AFTER
        scale = SCALES[fact.name]
        value = (fact.value or 0.0) if scale.reading == "mood" else scale.phq9(fact.value or 0.0)
        last[day, part, fact.name] = DayEntry(day, part, scale.reading, value, scale.sd)
    return list(last.values())


_HABITS: Final = frozenset(
    habit
    for habit in ((a, b, c, d) for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1))
    # Answers one and three weeks ago, and none two and four weeks ago: every two weeks, and not this one.
    if sum(habit) >= 2 and habit != (1, 0, 1, 0)
)
_GRACE_DAYS: Final = 3
"""Who answered so few days before a check-in day has answered it. Chosen by us: less than half a week."""


def check_ins_of(readings: Sequence[DayEntry], start: int, as_of: int) -> list[DayEntry]:
    """Entries for the days on which a questionnaire was expected: answered or silent.

    A prompt that nobody answers leaves no line, so the schedule is read off the habit: a day is a check-in day if at least
    two of the same weekday's last four had a questionnaire. Silent if there was none on it nor in the three days before.
    A patient who has not answered for a month has no habit any more, so their silence makes no entry. Chosen by us.
    """
    answered = {entry.day for entry in readings if entry.kind == "week"}
    entries = []
    for day in sorted({day + 7 * week for day in answered for week in (1, 2, 3, 4)}):
        if not start < day <= as_of:
            continue
        if (day - 7 in answered, day - 14 in answered, day - 21 in answered, day - 28 in answered) not in _HABITS:
            continue
        if day in answered:
            entries.append(DayEntry(day, AFTER, "answered", 1.0, 0.0))
        elif not any(day - back in answered for back in range(1, _GRACE_DAYS + 1)):
            entries.append(DayEntry(day, AFTER, "silent", 0.0, 0.0))
    return entries


# fmt: off
_IN_SESSION: Final = frozenset({
    "oxygen", "airway", "stimulation", "position", "reassurance", "monitoring", "fluids", "labetalol", "hydralazine",
    "nifedipine", "clonidine", "midazolam", "lorazepam", "ondansetron", "flumazenil", "naloxone",
})
# fmt: on
"""Given against a dose's own effects: no change in the course of the depression."""

_OFFICE: Final = frozenset({"booking", "booked", "cancelled", "rescheduled", "reminder", "call"})
"""What the clinic's office does about visits."""


def changes_of(valid: Sequence[DatedFact], start: int) -> list[DayEntry]:
    """Entries for the days on which something outside changed: an intervention that is no treatment of a session, other
    medications.
    """
    days = set()
    medications: tuple[str, ...] | None = None
    for _, day, fact in valid:
        if fact.kind == "intervention":
            if not fact.session and fact.name not in {*_IN_SESSION, *_OFFICE, *TREATMENT_KINDS}:
                days.add(day)
        elif fact.kind == "registered" and fact.medications is not None:
            if medications is not None and fact.medications != medications:
                days.add(day)
            medications = fact.medications
    return [DayEntry(day, BEFORE, "change", 0.0, 0.0) for day in days if day >= start]
