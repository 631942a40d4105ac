"""One patient's severity over time, for a page: day by day as the filter had it then, and the days to come without a dose.

Each past day is as the filter had it at its end (entries in their order, corrections taken), so the band is what a forecast of
that day started from. The coming days are the very paths that the due date is made of (`due.py`).
Cost: about 5 ms a patient and year. Never here: a decision, a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from models.arrays import Float32s, Floats, Ints
from models.relapse.chance import patient_key, stratified
from models.relapse.due import HORIZON, paths
from models.relapse.filter import Cloud, begin, walk
from models.relapse.history import Course
from models.relapse.priors import PARTICLES
from models.tables.severity import HIGHEST_PHQ9, LOWEST_PHQ9

BAND: Final = (0.1, 0.9)
FAN: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
"""The 80 % window of the document (`document.QUANTILES`), and its half."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Days are ordinals. past: (n, 3) mean and 80 % band on each of `days`. ahead: (85, 5) quantiles `FAN` from the last on."""

    days: Ints
    past: Floats
    ahead: Floats


def curve(course: Course) -> Curve:
    """The curve of a course with a treatment.

    Raises:
        ValueError: there is no treatment yet, so nothing wears off.
    """
    if course.start is None:
        raise ValueError("no dose is known yet")
    cloud = begin([course])
    days, past = [], []
    for _ in walk(cloud, [course.entries], np.array([course.as_of])):
        days.append(int(cloud.day[0]))
        past.append(_today(cloud))
    ahead = np.quantile(paths(cloud)[: HORIZON + 1, 0].astype(np.float64), FAN, axis=1).T
    return Curve(np.array(days), np.array(past).reshape(len(days), 3), ahead)


def _today(cloud: Cloud) -> tuple[float, float, float]:
    weight = cloud.weights()[0]
    mean, spread = cloud.today()
    level = mean[0] + spread[0] * _even()
    level = np.clip(level, LOWEST_PHQ9, HIGHEST_PHQ9)
    order = np.argsort(level, kind="stable")
    rising = np.cumsum(weight[order])
    low, high = (float(level[order][min(np.searchsorted(rising, at), len(order) - 1)]) for at in BAND)
    return float((weight * level).sum()), low, high


@cache
def _even() -> Float32s:
    """Normal draws, evenly spread, of what varies from day to day within a particle."""
    drawn: Float32s = stratified(np.array([patient_key("a day's band")], np.uint64), 1, PARTICLES)[0, 0]
    return drawn
