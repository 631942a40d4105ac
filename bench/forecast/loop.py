"""The closed loop: if the forecast books the visits, how many days does a patient spend in relapse, at how many doses?

Three rules treat the same patients with the same luck (common random numbers): a fixed interval, a titration by the
score at each visit, and the forecast. At each weekly check-in the forecast books the first day by which P(due) reaches p*,
at least three days ahead, if a slot booked a week later would be later than that. Each rule has one knob, so each draws a
frontier of doses against days in relapse; rules are compared at equal doses, by a straight line between neighbouring
points of the frontier.
Bad at: clinics without a slot in three days, patients who do not come. Cost: about 0.1 s a patient and p*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.cohort.chance import Chance
from bench.cohort.cohort import Making, simulate
from bench.cohort.days import DAYS, Cohort
from bench.cohort.policies import LEAD_DAYS, NOTHING_BOOKED, Book, Every, Titration
from bench.cohort.records import alias, calendar_day
from bench.forecast.gather import facts_of
from bench.forecast.scores import quantile
from models.arrays import Floats, Ints
from models.relapse.facts import Fact
from models.relapse.history import PatientHistory
from models.relapse.pool import PoolModel, combined
from models.relapse.pool_features import rows_of
from models.relapse.stored import carry_on

SPACING: Final = 7
"""No two doses within a week: the label's closest spacing in maintenance."""
EVERY: Final = (7, 9, 11, 14, 17, 21, 28, 42)
SHIFTS: Final = (-6, -4.5, -3, -1.5, 0, 1.5, 3)
P_STARS: Final = (0.15, 0.25, 0.35, 0.5, 0.65, 0.8)


class ByForecast:
    """At each weekly check-in: the first day by which P(due) reaches p* is booked, if the next check-in were too late for it."""

    def __init__(self, chance: Chance, model: PoolModel | None, p_star: float) -> None:
        self._model, self._p_star = model, p_star
        self._facts: list[list[Fact]] = [[] for _ in range(chance.size)]
        self._states: list[bytes | None] = [None] * chance.size
        self._taken = np.zeros(chance.size, dtype=np.int64)

    def book(self, book: Book, booked: Ints) -> Ints:
        told = book.told
        rows = np.flatnonzero(told.asked[:, book.day] & (booked == NOTHING_BOOKED)).tolist()
        courses = []
        for row in rows:
            # Only what is new is read; what is of later days is not there yet.
            self._facts[row] += facts_of(told, row, book.day, int(self._taken[row]))
            self._taken[row] = book.day + 1
            course = PatientHistory(alias(told, row), self._facts[row]).course(
                calendar_day(told, row, book.day).toordinal()
            )
            if course is None:
                raise ValueError(f"patient {row} has no history on day {book.day}, after induction")
            courses.append(course)
        if not courses:
            return booked
        made, states = carry_on(courses, [self._states[row] for row in rows])
        for row, state in zip(rows, states, strict=True):
            self._states[row] = state
        cdf = made.cdf if self._model is None else combined(rows_of(courses, made), made.cdf, self._model)
        ahead = quantile(cdf, self._p_star)
        slot = book.day + np.maximum(LEAD_DAYS, ahead)
        slot = np.maximum(slot, book.last[rows] + SPACING)
        chosen = booked.copy()
        chosen[rows] = np.where(ahead < LEAD_DAYS + 7, slot, NOTHING_BOOKED)
        return chosen


@dataclass(frozen=True, slots=True)
class Point:
    """A rule at one setting: per 180 days, means over patients."""

    rule: str
    knob: float
    doses: float
    ill: float
    each: Floats
    """Days in relapse of each patient, per 180 days."""


def lived(rule: str, knob: float, cohort: Cohort) -> Point:
    """What a cohort under one rule went through, from the end of induction on."""
    days = np.arange(DAYS)
    counted = (days > cohort.induction_end[:, None]) & (days <= cohort.last_day[:, None])
    ill = ((cohort.severity >= cohort.tau[:, None]) & counted).sum(axis=1) * 180 / counted.sum(axis=1)
    doses = ((cohort.strength > 0) & counted).sum(axis=1) * 180 / counted.sum(axis=1)
    return Point(rule, knob, float(doses.mean()), float(ill.mean()), ill)


def frontiers(
    family: str, patients: int, seed: int, model: PoolModel | None, p_stars: Sequence[float] = P_STARS
) -> list[Point]:
    """All rules at all settings on the same patients."""

    def under(policy: Making) -> Cohort:
        return simulate(family, patients, seed, policy=policy)

    def fixed(days: float) -> Making:
        return lambda _: Every(days)

    def titrated(shift: float) -> Making:
        return lambda chance: Titration(chance.size, shift)

    def forecast(p_star: float) -> Making:
        return lambda chance: ByForecast(chance, model, p_star)

    return [
        *(lived("fixed interval", days, under(fixed(days))) for days in EVERY),
        *(lived("visit titration", shift, under(titrated(shift))) for shift in SHIFTS),
        *(lived("forecast", p_star, under(forecast(p_star))) for p_star in p_stars),
    ]


def at_doses(points: Sequence[Point], rule: str, doses: float) -> float:
    """Days in relapse on a rule's frontier at so many doses; NaN outside of it."""
    mine = sorted((point.doses, point.ill) for point in points if point.rule == rule)
    return float(np.interp(doses, [d for d, _ in mine], [ill for _, ill in mine], left=np.nan, right=np.nan))


def averaged(runs: Sequence[Sequence[Point]]) -> list[Point]:
    """The mean frontier over families: point by point, as all have the same knobs."""
    return [
        Point(
            same[0].rule, same[0].knob, float(np.mean([point.doses for point in same])), float(np.mean([point.ill for point in same])),
            np.concatenate([point.each for point in same]),
        )
        for same in zip(*runs, strict=True)
    ]  # fmt: skip
