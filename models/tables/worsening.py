"""Sudden worsening of mood by rule: one score against the patient's own recent level, whatever any forecast says.

A score that is higher by `rise` than the recent level, or that crosses into the instrument's severe range, raises an alert at
once. The recent level is the median of the scores since the last dose, of the last `RECENT` where there are none since; scores
older than `RECENT_DAYS` are no evidence of the present. A first score has no level before it and raises nothing: whoever begins
treatment is ill. Between a score and severe at least `noise` must lie, or one point of reporting noise would page.
Bad at: a slow slide, which is the forecast's. Never here: suicidal thoughts, which have a rule of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from models.tables.rules import Priority

RECENT: Final = 3
RECENT_DAYS: Final = 42
"""Three weekly scores, and six weeks: one score is noise (retest SD 3, PMC7525967), older ones are another state. Ours."""


@dataclass(frozen=True, slots=True)
class Worsening:
    """Points of an instrument: a sudden rise, the lowest severe score, and the noise of reporting alone; the alert's priority."""

    instrument: str
    rise: float
    severe: float
    noise: float
    priority: Priority
    source: str


# fmt: off
_TABLE: Final = (
    Worsening("phq-9",     5,  20, 2, Priority.MEDIUM, "5 points are a clinical change (Lowe 2004, M); >=20 severe (Kroenke 2001); noise 2: PMC7525967"),
    Worsening("qids-sr16", 5,  16, 2, Priority.MEDIUM, "same range as PHQ-9 (0-27), so as PHQ-9, by us; >=16 severe (Rush 2003)"),
    Worsening("madrs",     10, 35, 4, Priority.LOW,    "half of MADRS lies on PHQ-9's scale, so twice PHQ-9's, by us; >=35 severe (Snaith 1986)"),
)
# fmt: on
"""What a patient answers at home is paged: nobody else has seen it. A MADRS is on the board: a clinician took it, and knows.
PHQ-2 and mood 0-10 are not here: five PHQ-9 points are one of PHQ-2's, and mood moves by 1.5 of 10 from day to day (SD)."""

WORSENINGS: Final = {row.instrument: row for row in _TABLE}


@dataclass(frozen=True, slots=True)
class WorseningFound:
    """Why a score is a worsening: it rose over `level` by at least the table's rise, or it crossed into severe."""

    level: float
    crossed: bool


def recent_level(before: Sequence[tuple[int, float]], day: int, dose_day: int | None) -> float | None:
    """The level before a score of `day`.

    Args:
        before: (day, score) of the same instrument, by time, all before this score.
        dose_day: the day of the last dose, None without one.
    """
    recent = [(at, score) for at, score in before if day - at <= RECENT_DAYS]
    # The day of the dose itself: its score was taken before it.
    since = [score for at, score in recent if dose_day is not None and at > dose_day]
    chosen = since or [score for _, score in recent[-RECENT:]]
    return median(chosen) if chosen else None


def judge_worsening(instrument: str, score: float, level: float | None) -> WorseningFound | None:
    """The worsening of a score over the recent level; None if it is none, or the instrument is not in the table."""
    row = WORSENINGS.get(instrument)
    if row is None or level is None:
        return None
    crossed = score >= row.severe > level and score - level >= row.noise
    return WorseningFound(level, crossed) if score - level >= row.rise or crossed else None
