"""The features of a course, from which the pool's trees forecast: some forty numbers about doses, scores and silence, and the
filter's forecast.

One row per origin; what is missing is NaN, never a made-up number. Everything is worked out from the course as it was
known at the origin, on the PHQ-9 scale and relative to tau, so that patients of other severity and instrument look alike.
A feature is a field of one of the groups below; its name in a model's file is the field's, with spaces. So order and names of
the fields are the model's: a change of either needs a new training (`make train-forecast`).
Cost: about 0.1 ms a course. Never here: the trees, the patient's identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from models.arrays import Floats
from models.relapse.forecaster import Forecasts
from models.relapse.history import Course
from models.relapse.priors import TREATMENT_KINDS

NOTHING: Final = float("nan")

HORIZONS: Final = (0, 3, 7, 10, 14, 21, 28, 35, 42, 56, 70, 84)
"""Days at which the trees are asked; between them the pool interpolates (`docs/forecast.md`)."""
SEEN_AT: Final = (0, 7, 14, 21, 28, 42, 56, 84)
"""Days at which the filter's forecast is a feature."""
CYCLE_WINDOWS: Final = ((-4, 4), (4, 11), (11, 18), (18, 35), (35, 200))
"""Days from today's place in its cycle on at which earlier cycles' scores are averaged: about today, one, two and four weeks
on, and later. Chosen by us: scores come weekly, so each of the first three holds one a cycle."""
RECENT_SCORES, RECENT_GAPS, RECENT_VISITS, RECENT_CYCLES = 3, 3, 4, 4
"""How many of the last ones a mean is of. Chosen by us: enough to average a slip, few enough to follow a change."""
MOOD_WEEK, MOOD_MONTH = 7, 35
"""Days of mood that are "this week", and where "before" ends: the four weeks before it. Chosen by us."""
LATELY: Final = 28
"""Days in which silence is recent: four weekly check-ins. Chosen by us."""
THIS_LATE: Final = 3
"""Scores of earlier cycles count as "this late" from so many days before today's place on. Chosen by us: half a week."""


class _Score(NamedTuple):
    """A questionnaire's or clinician's score: its day, PHQ-9 points above tau, and how many doses came before it."""

    day: int
    above: float
    cycle: int


@dataclass(slots=True)
class _Record:
    """A course's entries, sorted by what they are. Days are ordinals."""

    doses: list[tuple[int, float]] = field(default_factory=list)
    """(day, strength in usual doses)"""
    scores: list[_Score] = field(default_factory=list)
    visits: list[tuple[int, float]] = field(default_factory=list)
    """Of the scores, the clinician's: (day, above)."""
    moods: list[tuple[int, float]] = field(default_factory=list)
    """(day, 0-10)"""
    silent: list[int] = field(default_factory=list)
    """Days of check-ins that were not answered."""
    answered: int = 0
    cycle_ends: list[float] = field(default_factory=list)
    """The last score of each cycle that is over and had one."""
    heard: float = NOTHING
    """The last day with a score or a mood."""


def _record(course: Course) -> _Record:
    found = _Record()
    last_in_cycle: float | None = None
    for entry in course.entries:
        day, kind = entry.day, entry.kind
        if kind in TREATMENT_KINDS:
            if found.doses and last_in_cycle is not None:
                found.cycle_ends.append(last_in_cycle)
            found.doses.append((day, entry.value))
            last_in_cycle = None
        elif kind in ("week", "visit"):
            above = entry.value - course.tau
            found.scores.append(_Score(day, above, len(found.doses)))
            last_in_cycle = above
            found.heard = day
            if kind == "visit":
                found.visits.append((day, above))
        elif kind == "mood":
            found.moods.append((day, entry.value))
            found.heard = day
        elif kind == "silent":
            found.silent.append(day)
        elif kind == "answered":
            found.answered += 1
    return found


class DoseFeatures(NamedTuple):
    """Days, counts, strength in usual doses; gaps are days between doses. tau and baseline are PHQ-9 points."""

    days_since_dose: float
    doses: float
    days_since_first_dose: float
    strength: float
    last_gap: float
    mean_gap: float
    longest_gap: float
    tau: float
    baseline: float
    screens: float


def _of_doses(course: Course, record: _Record) -> DoseFeatures:
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(record.doses)]
    (first, _), (last, strength) = record.doses[0], record.doses[-1]
    return DoseFeatures(
        days_since_dose=course.as_of - last,
        doses=len(record.doses),
        days_since_first_dose=course.as_of - first,
        strength=strength,
        last_gap=gaps[-1] if gaps else NOTHING,
        mean_gap=_mean(gaps[-RECENT_GAPS:]),
        longest_gap=max(gaps, default=NOTHING),
        tau=course.tau,
        baseline=NOTHING if course.baseline is None else course.baseline,
        screens=course.screens,
    )


class ScoreFeatures(NamedTuple):
    """PHQ-9 points above tau, days, points a day, counts. This cycle is the days since the last dose."""

    last_score: float
    age_of_last_score: float
    mean_score_this_cycle: float
    mean_of_last_3: float
    slope_this_cycle: float
    lowest_this_cycle: float
    first_this_cycle: float
    lowest_ever: float
    scores_this_cycle: float


def _of_scores(course: Course, record: _Record) -> ScoreFeatures:
    scores, last_dose = record.scores, record.doses[-1][0]
    here = [(each.day, each.above) for each in scores if each.cycle == len(record.doses) and each.day > last_dose]
    return ScoreFeatures(
        last_score=scores[-1].above if scores else NOTHING,
        age_of_last_score=course.as_of - scores[-1].day if scores else NOTHING,
        mean_score_this_cycle=_mean([above for _, above in here]),
        mean_of_last_3=_mean([each.above for each in scores[-RECENT_SCORES:]]),
        slope_this_cycle=_slope(here),
        lowest_this_cycle=min((above for _, above in here), default=NOTHING),
        first_this_cycle=here[0][1] if here else NOTHING,
        lowest_ever=min((each.above for each in scores), default=NOTHING),
        scores_this_cycle=len(here),
    )


def _slope(points: Sequence[tuple[int, float]]) -> float:
    """The least-squares slope, points a day; NaN for fewer than two."""
    if len(points) < 2:
        return NOTHING
    at = np.array([day for day, _ in points], dtype=float)
    at -= at.mean()
    return float((at * [above for _, above in points]).sum() / max(float((at * at).sum()), 1e-9))


class VisitFeatures(NamedTuple):
    """The clinician's scores: PHQ-9 points above tau, days, a count."""

    last_visit: float
    age_of_last_visit: float
    mean_visit: float
    visits: float


def _of_visits(course: Course, record: _Record) -> VisitFeatures:
    visits = record.visits
    return VisitFeatures(
        last_visit=visits[-1][1] if visits else NOTHING,
        age_of_last_visit=course.as_of - visits[-1][0] if visits else NOTHING,
        mean_visit=_mean([above for _, above in visits[-RECENT_VISITS:]]),
        visits=len(visits),
    )


class CycleFeatures(NamedTuple):
    """All cycles by the day after the dose: when this patient was well (below tau) and ill, about where they are today and later.

    `then_*`: mean scores of earlier cycles from today's place in the cycle on, by `CYCLE_WINDOWS`.
    """

    end_of_last_cycle: float
    mean_end_of_cycle: float
    longest_seen_well: float
    soonest_seen_ill: float
    share_ill: float
    share_ill_this_late: float
    count_this_late: float
    mean_this_late_or_later: float
    mean_sooner: float
    then_at_this_day: float
    then_a_week_on: float
    then_two_weeks_on: float
    then_four_weeks_on: float
    then_later_on: float
    cycles_seen_ill: float
    day_seen_ill: float
    day_last_well: float


def _of_cycles(course: Course, record: _Record) -> CycleFeatures:
    dose_days = [day for day, _ in record.doses]
    cycle, since = len(dose_days), course.as_of - dose_days[-1]
    # (days since that cycle's dose, points above tau, cycle)
    past = [(each.day - dose_days[each.cycle - 1], each.above, each.cycle) for each in record.scores if each.cycle]
    late = [above for after, above, _ in past if after >= since - THIS_LATE]
    soon = [above for after, above, _ in past if after < since - THIS_LATE]
    then = [(after - since, above) for after, above, number in past if number < cycle]
    windows = [_mean([above for far, above in then if low <= far < high]) for low, high in CYCLE_WINDOWS]
    fell, well_until = _falls(past, cycle)
    return CycleFeatures(
        end_of_last_cycle=record.cycle_ends[-1] if record.cycle_ends else NOTHING,
        mean_end_of_cycle=_mean(record.cycle_ends[-RECENT_CYCLES:]),
        longest_seen_well=max((after for after, above, _ in past if above < 0), default=NOTHING),
        soonest_seen_ill=min((after for after, above, _ in past if above >= 0), default=NOTHING),
        share_ill=_mean([above >= 0 for _, above, _ in past]),
        share_ill_this_late=_mean([above >= 0 for above in late]),
        count_this_late=len(late),
        mean_this_late_or_later=_mean(late),
        mean_sooner=_mean(soon),
        then_at_this_day=windows[0],
        then_a_week_on=windows[1],
        then_two_weeks_on=windows[2],
        then_four_weeks_on=windows[3],
        then_later_on=windows[4],
        cycles_seen_ill=len(fell),
        day_seen_ill=_mean(fell[-RECENT_CYCLES:]),
        day_last_well=_mean(well_until[-RECENT_CYCLES:]),
    )


def _falls(past: Sequence[tuple[int, float, int]], cycle: int) -> tuple[list[float], list[float]]:
    """Of each earlier cycle: the first day after its dose seen ill, and the last day seen well before that.

    The dose's own day and the day after are left out: the effect comes within a day.
    """
    first_ill: dict[int, float] = {}
    last_well: dict[int, float] = {}
    for after, above, number in past:
        if after > 1 and number < cycle and number not in first_ill:
            (first_ill if above >= 0 else last_well)[number] = after
    return list(first_ill.values()), list(last_well.values())


class MoodFeatures(NamedTuple):
    """Daily mood, 0-10: means of this week and of the four weeks before it, their difference, and how many there are."""

    mood_this_week: float
    mood_before: float
    mood_now_against_here: float
    moods: float


def _of_moods(course: Course, record: _Record) -> MoodFeatures:
    week = _mean([mood for day, mood in record.moods if course.as_of - day < MOOD_WEEK])
    before = _mean([mood for day, mood in record.moods if MOOD_WEEK <= course.as_of - day < MOOD_MONTH])
    return MoodFeatures(
        mood_this_week=week, mood_before=before, mood_now_against_here=week - before, moods=len(record.moods)
    )  # fmt: skip


class SilenceFeatures(NamedTuple):
    """Check-ins that were not answered, and days since the last score or mood."""

    silent_this_cycle: float
    silent_lately: float
    share_silent: float
    days_since_word: float


def _of_silence(course: Course, record: _Record) -> SilenceFeatures:
    silent, asked = record.silent, len(record.silent) + record.answered
    return SilenceFeatures(
        silent_this_cycle=sum(day > record.doses[-1][0] for day in silent),
        silent_lately=sum(course.as_of - day < LATELY for day in silent),
        share_silent=len(silent) / asked if asked else NOTHING,
        days_since_word=course.as_of - record.heard,
    )


_GROUPS: Final = (DoseFeatures, ScoreFeatures, VisitFeatures, CycleFeatures, MoodFeatures, SilenceFeatures)

COURSE: Final = tuple(name.replace("_", " ") for group in _GROUPS for name in group._fields)
FILTER: Final = (
    *(f"filter {k} d" for k in SEEN_AT),
    "filter p10",
    "filter p50",
    "filter p90",
    "severity",
    "severity sd",
    "improved",
    "responds",
    "half p10",
    "half p50",
    "half p90",
    "own",
)
FEATURE_NAMES: Final = (*COURSE, *FILTER, "horizon", "filter here")
MONOTONE: Final = ("horizon", "filter here")


def course_row(course: Course) -> list[float]:
    """The features of a course with at least one treatment, in the order of `COURSE`."""
    record = _record(course)
    return [
        *_of_doses(course, record), *_of_scores(course, record), *_of_visits(course, record),
        *_of_cycles(course, record), *_of_moods(course, record), *_of_silence(course, record),
    ]  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else NOTHING


def rows_of(courses: Sequence[Course], made: Forecasts) -> Floats:
    """Features of treated courses with the filter's forecasts of them, (n, features without those of the horizon)."""
    own = np.asarray([course_row(course) for course in courses], dtype=np.float64).reshape(len(courses), len(COURSE))
    seen = made.cdf[:, SEEN_AT]
    tau = np.asarray([course.tau for course in courses])
    spread = [_quantile(made.cdf, q) for q in (0.1, 0.5, 0.9)]
    durable = np.log(np.maximum(made.half_days, 0.1))
    return np.column_stack(
        [own, seen, *spread, made.mean - tau, made.sd, made.improved, made.responds, durable, made.own]
    )


def _quantile(cdf: Floats, q: float) -> Floats:
    reached = cdf >= q
    return np.asarray(np.where(reached.any(axis=1), reached.argmax(axis=1), cdf.shape[1]), dtype=np.float64)


def at_horizons(rows: Floats, cdf: Floats) -> Floats:
    """Each row once for every horizon, with the horizon and the filter's log-odds there as the last two features."""
    count = len(HORIZONS)
    here = log_odds(cdf[:, HORIZONS]).ravel()
    return np.column_stack(
        [np.repeat(rows, count, axis=0), np.tile(np.asarray(HORIZONS, dtype=np.float64), len(rows)), here]
    )


def log_odds(p: Floats) -> Floats:
    """Log-odds, kept within what 1 in 500 means: the filter has a few hundred particles, so 0 is only "few"."""
    kept = np.clip(p, 0.002, 0.998)
    return np.asarray(np.log(kept / (1 - kept)))
