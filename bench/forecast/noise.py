"""The filter's noise layer alone: how well it foresees the next report of somebody who gets no dose.

For real diaries, of which there are some, while recordings of doses with repeated scores at home are not public: each
report is foreseen from the ones before it, and then folded in. Without a dose there is little to foresee beyond a person's
own mean (Moore 2012, Busk 2020), so what counts is that the width is honest.
Cost: about 5 ms a report. Never here: due dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from models.arrays import Float32s, Floats
from models.relapse.chance import patient_key, stratified
from models.relapse.day_entries import AFTER, DayEntry
from models.relapse.filter import (
    FLUCTUATION_MOOD_COV,
    FLUCTUATION_VAR,
    MOOD_PER,
    MOOD_SD,
    MOOD_ZERO,
    MOOD_ZERO_VAR,
    NOISE,
    UNTREATED_FLUCTUATION_COV,
    UNTREATED_MOOD_COV,
    UNTREATED_VAR,
    Cloud,
    begin,
    walk,
)
from models.relapse.history import TAU_LEAST, Course
from models.relapse.priors import OUTLIER_SHARE, OUTLIER_VAR, ROUNDING_VAR

DRAWS: Final = 8
"""Of each particle's reading, evenly spread."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What was foreseen of each report after the first, from those before it.

    Args:
        low, high: the 80 % interval. mean. below, upto: P(less than the report), P(at most it), by the scale's steps: a
            uniform number between the two is uniform over reports where the width is right.
    """

    low: Floats
    high: Floats
    mean: Floats
    below: Floats
    upto: Floats


def foreseen(
    days: Sequence[int], values: Sequence[float], reading: Literal["mood", "week"], name: str = "", step: float = 1.0
) -> Foreseen:
    """Foresee a series one report ahead.

    Args:
        days: whole days, ascending, one report each. values: mood 0-10 (worst 10), or severity 0-27 of the week behind.
        name: seeds the draws. step: of the scale, for `below` and `upto`; 0 where values are continuous.
    """
    first = int(days[0]) + 1000
    # Whoever keeps a diary is not ill as those who come for treatment are: the first week's score is where they start from.
    start = float(values[0]) if reading == "week" else None
    course = Course(name, patient_key(name), first, TAU_LEAST, start, 2 if start is not None else 0, first, ())
    cloud = begin([course])
    rows = []
    for place, (day, value) in enumerate(zip(days, values, strict=True)):
        today = int(day) + 1000
        entry = DayEntry(today, AFTER, reading, float(value), 0.0)
        if place:
            ahead = cloud.picked(slice(None))
            _go(ahead, today, [])
            drawn, weight = _readings(ahead, reading)
            rows.append(_summary(drawn, weight, float(value), step))
        _go(cloud, today, [entry])
    return Foreseen(*np.array(rows).reshape(-1, 5).T)


def _go(cloud: Cloud, day: int, entries: list[DayEntry]) -> None:
    for _ in walk(cloud, [entries], np.array([day])):
        pass


def _readings(cloud: Cloud, reading: Literal["mood", "week"]) -> tuple[Float32s, Float32s]:
    """Possible readings of the day, and how likely each is."""
    fields = cloud.fields[:, 0]
    level, _ = cloud.today()
    shown = np.clip(level[0], 0, 27)
    own = fields[UNTREATED_VAR] + 2 * fields[UNTREATED_FLUCTUATION_COV] + fields[FLUCTUATION_VAR]
    if reading == "mood":
        slope = fields[MOOD_PER]
        middle = fields[MOOD_ZERO] + slope * shown
        own = (
            slope * (slope * own + 2 * (fields[UNTREATED_MOOD_COV] + fields[FLUCTUATION_MOOD_COV]))
            + fields[MOOD_ZERO_VAR]
        )
        noise = np.exp(2 * fields[MOOD_SD]) + ROUNDING_VAR
        top = 10.0
    else:
        middle, noise, top = shown, np.exp(2 * fields[NOISE]) + ROUNDING_VAR, 27.0
    z = stratified(np.array([patient_key("readings")], np.uint64), 2 * DRAWS, len(middle))[:, 0]
    usual = middle + np.sqrt(np.maximum(own + noise, 0)) * z[:DRAWS]
    wild = middle + np.sqrt(np.maximum(own + OUTLIER_VAR * noise, 0)) * z[DRAWS:]
    weight = np.tile(cloud.weights()[0] / DRAWS, 2 * DRAWS)
    weight[: len(weight) // 2] *= 1 - OUTLIER_SHARE
    weight[len(weight) // 2 :] *= OUTLIER_SHARE
    return np.clip(np.concatenate((usual, wild)).ravel(), 0, top), weight


def _summary(drawn: Float32s, weight: Float32s, value: float, step: float) -> tuple[float, float, float, float, float]:
    order = np.argsort(drawn, kind="stable")
    rising = np.cumsum(weight[order], dtype=np.float64)
    low, high = (float(drawn[order[min(int(np.searchsorted(rising, at)), len(order) - 1)]]) for at in (0.1, 0.9))
    below = float(weight[drawn < value - step / 2].sum())
    upto = float(weight[drawn <= value + step / 2].sum())
    return low, high, float((drawn * weight).sum()), below, min(upto, 1.0)
