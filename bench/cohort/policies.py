"""When the next dose is given in an invented clinic: the mix of §4, and the rules that the closed loop compares.

A policy sees what the clinic sees (reports, dates), never the severity behind them.
Cost: a few µs per patient and day. Never here: what a dose does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from bench.cohort.chance import Chance
from bench.cohort.days import Cohort
from models.arrays import Floats, Ints

NOTHING_BOOKED: Final = 10**6
KINDS: Final = ("label taper", "fixed 14-28 d", "fixed 28-56 d", "symptom-guided")
LEAD_DAYS: Final = 3
"""From deciding to treating (§8)."""


@dataclass(slots=True)
class Book:
    """What the clinic knows at the end of a day."""

    day: int
    numbers: Ints
    """Doses given so far, today's included."""
    last: Ints
    """Day of the last dose."""
    treated_today: Floats
    """Strength of today's dose, 0 without one."""
    score: Floats
    """Today's questionnaire on its own scale, NaN without an answer."""
    visit_score: Floats
    """Today's MADRS, NaN without one."""
    tau: Floats
    weekly: Ints
    induction: Ints
    """Doses of the induction course."""
    told: Cohort
    """Reports and doses up to today; what is of later days is not there yet, and what is latent is not to be looked at."""


class Policy(Protocol):
    """Chooses the day of the next visit."""

    def book(self, book: Book, booked: Ints) -> Ints:
        """The day of each patient's next visit; asked at the end of each day once induction is over."""
        ...


def on_phq9_scale(weekly: Ints, score: Floats) -> Floats:
    """A questionnaire's score as PHQ-9 points: PHQ-2 by the ratio of the maxima."""
    return np.where(weekly == 2, score * 27 / 6, score)


class Mixed:
    """§4's mix, a quarter each; a visit slips by a day or so, and one in twenty by a week (chosen by us)."""

    def __init__(self, chance: Chance, kind: int | None = None) -> None:
        pick = (chance.uniform[:, 27] * 4).astype(int)
        self.kind: Ints = pick if kind is None else np.full(chance.size, kind)
        self._every = np.where(
            self.kind == 1,
            np.array([14, 21, 28])[(chance.uniform[:, 28] * 3).astype(int)],
            np.array([28, 35, 42, 56])[(chance.uniform[:, 28] * 4).astype(int)],
        )
        self._late = np.where(chance.uniform[:, 29] < 0.5, 7, 14)
        self._chance = chance

    def book(self, book: Book, booked: Ints) -> Ints:
        number = np.minimum(book.numbers, self._chance.cycle_normal.shape[1] - 1)
        everyone = np.arange(len(booked))
        slip = np.round(0.8 * self._chance.cycle_normal[everyone, number, 1]).astype(int)
        slip = slip + 7 * (self._chance.cycle_uniform[everyone, number, 2] < 0.05)
        further = book.numbers - book.induction
        taper = np.where(further < 4, 7, self._late)
        gap = np.where(self.kind == 0, taper, self._every) + slip
        by_date = np.where((booked == NOTHING_BOOKED) & (self.kind < 3), book.last + np.maximum(gap, 4), booked)
        # Symptom-guided: a score at or over tau, a week or more after the last dose, books the next slot.
        bad = on_phq9_scale(book.weekly, book.score) >= book.tau
        asks = (self.kind == 3) & (booked == NOTHING_BOOKED) & bad & (book.day - book.last >= 7)
        return np.where(asks, book.day + LEAD_DAYS, by_date)


class Every:
    """A fixed interval in days, which may be fractional: then visits fall on the nearest days."""

    def __init__(self, days: float) -> None:
        self._days = days

    def book(self, book: Book, booked: Ints) -> Ints:
        further = book.numbers - book.induction
        gap = np.round((further + 1) * self._days) - np.round(further * self._days)
        return np.where(booked == NOTHING_BOOKED, book.last + gap.astype(int), booked)


STEPS: Final = (7, 14, 21, 28, 42, 56)
"""Intervals of the titration, days: the label's 1 and 2 weeks, SUSTAIN-3's 4, and what clinics use beyond."""


class Titration:
    """By the clinician's score at each visit: at or over a limit one step shorter, well under it one step longer.

    After SUSTAIN-3's table (CGI-S at most 3 lengthens, more than 3 shortens); `shift` moves the limit in PHQ-9 points,
    which is what draws this rule's frontier of doses against days in relapse.
    """

    def __init__(self, size: int, shift: float = 0.0) -> None:
        self._step = np.ones(size, dtype=np.int64)
        self._shift = shift

    def book(self, book: Book, booked: Ints) -> Ints:
        treated = book.treated_today > 0
        seen = np.where(np.isnan(book.visit_score), book.tau, book.visit_score / 2)
        limit = book.tau + self._shift
        move = np.where(seen >= limit, -1, np.where(seen < limit - 2, 1, 0))
        self._step = np.where(treated, np.clip(self._step + move, 0, len(STEPS) - 1), self._step)
        return np.where(booked == NOTHING_BOOKED, book.last + np.asarray(STEPS)[self._step], booked)
