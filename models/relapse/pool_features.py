"""What the pooled model is told of a course: some forty numbers about doses, scores, silence, and the filter's forecast.

One row per origin; what there is not is NaN, never a made-up number. Everything is worked out from the course as it was
known at the origin, on the PHQ-9 scale and relative to tau, so that patients of other severity and instrument look alike.
Cost: about 60 µs a course. Never here: the trees, the patient's identity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

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

COURSE: Final = (
    "days since dose", "doses", "days since first dose", "strength", "last gap", "mean gap", "longest gap",
    "tau", "baseline", "screens",
    "last score", "age of last score", "mean score this cycle", "mean of last 3", "slope this cycle", "lowest this cycle",
    "first this cycle", "lowest ever", "scores this cycle",
    "last visit", "age of last visit", "mean visit", "visits",
    "end of last cycle", "mean end of cycle", "longest seen well", "soonest seen ill", "share ill",
    "share ill this late", "count this late", "mean this late or later", "mean sooner",
    "then at this day", "then a week on", "then two weeks on", "then four weeks on", "then later on",
    "cycles seen ill", "day seen ill", "day last well",
    "mood this week", "mood before", "mood now against here", "moods",
    "silent this cycle", "silent lately", "share silent", "days since word",
)  # fmt: skip
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
    """The features of a course that has had a treatment."""
    now = course.as_of
    doses: list[tuple[int, float]] = []
    readings: list[tuple[int, float, int]] = []  # day, score - tau, which cycle
    visits: list[tuple[int, float]] = []
    moods: list[tuple[int, float]] = []
    silent: list[int] = []
    answered = 0
    word = NOTHING
    ends: list[float] = []
    last_in_cycle: float | None = None
    for entry in course.entries:
        day, kind = entry.day, entry.kind
        if kind in TREATMENT_KINDS:
            if doses and last_in_cycle is not None:
                ends.append(last_in_cycle)
            doses.append((day, entry.value))
            last_in_cycle = None
        elif kind in ("week", "visit"):
            above = entry.value - course.tau
            readings.append((day, above, len(doses)))
            last_in_cycle = above
            word = day
            if kind == "visit":
                visits.append((day, above))
        elif kind == "mood":
            moods.append((day, entry.value))
            word = day
        elif kind == "silent":
            silent.append(day)
        elif kind == "answered":
            answered += 1
    last = doses[-1][0]
    cycle = len(doses)
    gaps = [b[0] - a[0] for a, b in pairwise(doses)]
    here = [(day, above) for day, above, number in readings if number == cycle and day > last]
    days_of = [day for day, _ in doses]
    past = [(day - days_of[number - 1], above, number) for day, above, number in readings if number]
    later = [(u, above) for u, above, _ in past]
    since = now - last
    well = [u for u, above in later if above < 0]
    ill = [u for u, above in later if above >= 0]
    late = [above for u, above in later if u >= since - 3]
    soon = [above for u, above in later if u < since - 3]
    then = [(u - since, above) for u, above, number in past if number < cycle]
    ahead = [_mean([above for far, above in then if low <= far < high]) for low, high in CYCLE_WINDOWS]
    # Of each earlier cycle: the first day seen ill, and the last day seen well before that.
    fell: list[float] = []
    held: list[float] = []
    which, bad, good = 0, NOTHING, NOTHING
    for u, above, number in past:
        if number != which:
            _closed(which, cycle, bad, good, fell, held)
            which, bad, good = number, NOTHING, NOTHING
        if u > 1 and math.isnan(bad):
            if above >= 0:
                bad = u
            else:
                good = u
    _closed(which, cycle, bad, good, fell, held)
    week = [mood for day, mood in moods if now - day < 7]
    before = [mood for day, mood in moods if 7 <= now - day < 35]
    slope = NOTHING
    if len(here) > 1:
        at = np.array([day for day, _ in here], dtype=float)
        at -= at.mean()
        slope = float((at * [above for _, above in here]).sum() / max(float((at * at).sum()), 1e-9))
    return [
        since, cycle, now - doses[0][0], doses[-1][1], gaps[-1] if gaps else NOTHING, _mean(gaps[-3:]), max(gaps, default=NOTHING),
        course.tau, NOTHING if course.baseline is None else course.baseline, course.screens,
        readings[-1][1] if readings else NOTHING, now - readings[-1][0] if readings else NOTHING,
        _mean([above for _, above in here]), _mean([above for _, above, _ in readings[-3:]]), slope,
        min((above for _, above in here), default=NOTHING), here[0][1] if here else NOTHING,
        min((above for _, above, _ in readings), default=NOTHING), len(here),
        visits[-1][1] if visits else NOTHING, now - visits[-1][0] if visits else NOTHING, _mean([above for _, above in visits[-4:]]), len(visits),
        ends[-1] if ends else NOTHING, _mean(ends[-4:]), max(well, default=NOTHING), min(ill, default=NOTHING), _mean([above >= 0 for _, above in later]),
        _mean([above >= 0 for above in late]), len(late), _mean(late), _mean(soon),
        *ahead, len(fell), _mean(fell[-4:]), _mean(held[-4:]),
        _mean(week), _mean(before), _mean(week) - _mean(before), len(moods),
        sum(day > last for day in silent), sum(now - day < 28 for day in silent), len(silent) / (len(silent) + answered) if silent or answered else NOTHING,
        now - word,
    ]  # fmt: skip


def _closed(which: int, cycle: int, bad: float, good: float, fell: list[float], held: list[float]) -> None:
    """An earlier cycle is over: note when it was seen to end, and until when it was seen to hold."""
    if 1 <= which < cycle:
        if not math.isnan(bad):
            fell.append(bad)
        if not math.isnan(good):
            held.append(good)


CYCLE_WINDOWS: Final = ((-4, 4), (4, 11), (11, 18), (18, 35), (35, 200))
"""Days from the one after the dose that it is today, at which earlier cycles' scores are looked up."""


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
