"""The days that a cohort lives through, and its arrays by patient and day.

What `cohort.py` fills in, policies read as far as it has come, and `records.py` writes down. Never here: a draw, a decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.cohort import reports
from bench.cohort.chance import Chance
from bench.cohort.families import Body
from models.arrays import Flags, Floats, Ints

SCREEN_DAYS: Final = (0, 5)
FIRST_DOSE: Final = 7
IV_DAYS: Final = (7, 9, 11, 14, 16, 18)
NASAL_DAYS: Final = (7, 10, 14, 17, 21, 24, 28, 31)
WEEKS: Final = 30
DAYS: Final = NASAL_DAYS[-1] + 7 * WEEKS + 1
HORIZON: Final = 84
PATH: Final = DAYS + HORIZON + 7
SETTLED_DAYS: Final = 2
"""No origin sooner after a dose (§3)."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """What happened and what was reported; rows are patients, columns days from the first screening."""

    family: str
    seed: int
    numbers: Ints
    chance: Chance
    body: Body
    reporting: reports.Reporting
    nasal: Flags
    policy: Ints
    """Index into `KINDS`; -1 where all are under one rule of the closed loop."""
    severity: Floats
    strength: Floats
    """Dose of the day, 0 without one."""
    score: Floats
    """The questionnaire answered on the day, on its own scale."""
    mood: Floats
    madrs: Floats
    asked: Flags
    """A check-in was due on the day."""
    tau: Floats
    after: Floats
    """(n, DOSES): the effect right after each dose, from 1."""
    last_day: Ints
    """The last day of follow-up."""

    @property
    def size(self) -> int:
        return len(self.tau)

    @property
    def induction_end(self) -> Ints:
        return np.where(self.nasal, NASAL_DAYS[-1], IV_DAYS[-1])


@dataclass(frozen=True, slots=True)
class Origins:
    """The scheduled weekly check-in days that are scored, answered or not; one row each."""

    patient: Ints
    day: Ints
    due: Ints
    """R, 0..84; 85 is beyond."""
    since: Ints
    """Days since the last dose."""
    number: Ints
    """Doses given so far."""
    further: Ints
    """Doses since induction, that is, the cycle."""
    answered: Flags
    policy: Ints
    severity: Floats
