"""What invented patients and their clinicians report of a severity that nobody sees, and when they stay silent.

Weekly PHQ-9 (or QIDS-SR16, PHQ-2, or none), a daily 0-10 mood from some, a MADRS before each dose. People in relapse
stay silent twice as often, so that silence means something.
Bad at: reporting styles that change over time, respondents other than patient and clinician.
Cost: a few µs per patient and day. Never here: the truth as of an origin, decisions about doses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.cohort.chance import Chance
from models.arrays import Flags, Floats, Ints

WEEKLY: Final = ("phq-9", "qids-sr16", "phq-2", "none")


@dataclass(frozen=True, slots=True)
class Habits:
    """How a cohort reports. The defaults are §4's; `MIXED` is what training adds, so that no input is taken for granted."""

    weekly: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    """Shares of `WEEKLY`."""
    mood: float = 0.6
    clinician: float = 1.0
    cadence: tuple[int, ...] = (7,)
    screened: float = 1.0
    """Share with two screening PHQ-9; the others have one, or none if they never fill in a PHQ-9."""
    silent: float = 0.2
    """Missing a weekly check-in while well; twice that in relapse: 27 % of all, as §4 asks."""
    drift: float = 0.0
    """SD after 100 days of a drift in how one fills in questionnaires."""
    noise: float = 0.0
    """Log-SD of the personal reporting noise between cohort members beyond the standard 0.25."""


STANDARD: Final = Habits()
MIXED: Final = Habits(
    weekly=(0.62, 0.15, 0.13, 0.10),
    mood=0.5,
    clinician=0.65,
    cadence=(7, 7, 7, 7, 14, 4),
    screened=0.75,
    drift=1.2,
    noise=0.3,
)


@dataclass(frozen=True, slots=True)
class Reporting:
    """Each patient's way of reporting; arrays over patients."""

    weekly: Ints
    mood: Flags
    clinician: Flags
    cadence: Ints
    offset: Ints
    screens: Ints
    noise: Floats
    bias: Floats
    """(n, days): how much the questionnaire reads above what is true."""
    mood_zero: Floats
    mood_slope: Floats
    mood_noise: Floats
    """(n, days), autocorrelated."""
    silent: float


def reporting_of(chance: Chance, habits: Habits) -> Reporting:
    """Draw how everybody reports."""
    z, v = chance.normal, chance.uniform
    n, days = chance.daily_normal.shape[:2]
    weekly = np.searchsorted(np.cumsum(habits.weekly), v[:, 20], side="right").clip(0, 3)
    noise = 1.8 * np.exp(np.hypot(0.25, habits.noise) * z[:, 20])  # §4: about 1.8
    bias = np.cumsum(chance.daily_normal[:, :, 5], axis=1) * (habits.drift / 10.0)
    # Real daily mood has lag-1 autocorrelation .25 and noise near 1.5 of 10 (§6); half of people wobble slower.
    keep = 0.25 + 0.35 * v[:, 21]
    mood = np.empty((n, days))
    mood[:, 0] = chance.daily_normal[:, 0, 2]
    for day in range(1, days):
        mood[:, day] = keep * mood[:, day - 1] + np.sqrt(1 - keep**2) * chance.daily_normal[:, day, 2]
    mood *= (1.3 * np.exp(0.3 * z[:, 21]))[:, None]
    screened = v[:, 22] < habits.screened
    screens = np.where(weekly == 3, 0, np.where(screened, 2, 1 if habits.screened > 0 else 0))
    return Reporting(
        weekly=weekly,
        mood=v[:, 23] < habits.mood,
        clinician=v[:, 24] < habits.clinician,
        cadence=np.asarray(habits.cadence)[(v[:, 25] * len(habits.cadence)).astype(int)],
        offset=(v[:, 26] * 7).astype(int),
        screens=screens,
        noise=noise,
        bias=bias,
        mood_zero=0.9 * z[:, 22],
        mood_slope=10 / 27 * (1 + 0.2 * z[:, 23]),
        mood_noise=mood,
        silent=habits.silent,
    )


def questionnaire(reporting: Reporting, chance: Chance, day: int, severity: Floats) -> Floats:
    """The week's questionnaire, (n,), NaN where there is none: mean of the last 7 days plus noise, on its own scale."""
    mean = severity[:, max(0, day - 6) : day + 1].mean(axis=1)
    felt = mean + reporting.bias[:, day] + reporting.noise * chance.daily_normal[:, day, 3]
    phq9 = np.clip(np.round(felt), 0, 27)
    # QIDS-SR16 and PHQ-9 have the same bands nearly point for point (Rush 2003, Kroenke 2001); PHQ-2 is 2 of its 9 items.
    qids = np.clip(np.round(0.95 * felt + 0.5 + 0.8 * chance.normal[:, 24]), 0, 27)
    phq2 = np.clip(np.round(felt * 6 / 27 + 0.35 * chance.daily_normal[:, day, 4]), 0, 6)
    return np.where(
        reporting.weekly == 0,
        phq9,
        np.where(reporting.weekly == 1, qids, np.where(reporting.weekly == 2, phq2, np.nan)),
    )


def answered(reporting: Reporting, chance: Chance, day: int, ill: Flags) -> Flags:
    """Who answers today's check-in."""
    return np.asarray(chance.daily_uniform[:, day, 0] >= np.where(ill, 2.0, 1.0) * reporting.silent)


def mood(reporting: Reporting, chance: Chance, day: int, severity: Floats, ill: Flags) -> Floats:
    """Today's mood 0-10, NaN where none is reported: nine of ten days, fewer in relapse (chosen by us)."""
    given = reporting.mood & (chance.daily_uniform[:, day, 1] >= np.where(ill, 0.3, 0.15))
    felt = reporting.mood_zero + reporting.mood_slope * severity[:, day] + reporting.mood_noise[:, day]
    return np.where(given, np.clip(np.round(felt), 0, 10), np.nan)


def madrs(reporting: Reporting, chance: Chance, day: int, severity: Floats) -> Floats:
    """A clinician's MADRS before today's dose; SD 1.9 on the PHQ-9 scale, half of its points (§5)."""
    seen = severity[:, max(0, day - 1)] + 1.9 * chance.daily_normal[:, day, 4]
    return np.where(reporting.clinician, np.clip(np.round(2 * seen), 0, 60), np.nan)
