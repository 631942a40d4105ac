"""Forecasts of many courses at once: each patient's filter runs forward once, and a forecast is made at every origin on the way.

Origins of one patient share a run as long as the later one has nothing new about the time before the earlier one; a late
or corrected entry begins a new run from the first dose. So a forecast is the same alone or among others, at one origin or
among many: each draw is a function of patient and day, and no array mixes patients.
Cost: about 30 ms a patient and year of history, 0.4 ms an origin. Never here: files, sentences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.arrays import Floats
from models.relapse.due import CHUNK, HORIZON, due
from models.relapse.filter import CYCLE_SCALE, EFFECT, SHAPE, Cloud, begin, walk
from models.relapse.history import Course
from models.relapse.priors import PARTICLES

RUNS_AT_ONCE: Final = 64
"""Runs carried at once: their particles stay near the cores."""


@dataclass(slots=True)
class Forecasts:
    """Forecasts, one row a course, in the order of the courses.

    Args:
        cdf: (n, 85); NaN before the first dose. mean, sd: today's severity. improved: mean share of the untreated severity that
            the last dose took away. responds: P(that share is at least a half). half_days: median over particles of the
            days after which half of this cycle's effect is gone, with its 10 % and 90 % (n, 3). own: how much of the spread of
            these days the patient's own record has taken away, 0 (all population) to 1.
    """

    cdf: Floats
    mean: Floats
    sd: Floats
    improved: Floats
    responds: Floats
    half_days: Floats
    own: Floats


@dataclass(slots=True)
class _Run:
    """A patient's origins that one pass serves. `courses` and `places` (in the answer) in order of time."""

    courses: list[Course] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    @property
    def last(self) -> Course:
        return self.courses[-1]

    @property
    def start(self) -> int:
        start = self.last.start
        assert start is not None  # runs are made of courses with a treatment
        return start


def forecast_many(
    courses: Sequence[Course], progress: Callable[[int], None] | None = None, particles: int = PARTICLES
) -> Forecasts:
    """Forecasts of courses, of any patients and origins, in any order.

    Args:
        progress: called now and then with how many more forecasts are made.
    """
    answer = empty(len(courses))
    for place, course in enumerate(courses):
        if course.start is None:
            answer.mean[place], answer.sd[place] = untreated(course)
    runs = sorted(_runs(courses), key=lambda run: run.start - run.last.as_of)
    for low in range(0, len(runs), RUNS_AT_ONCE):
        _forward(runs[low : low + RUNS_AT_ONCE], answer, progress, particles)
    return answer


def empty(n: int) -> Forecasts:
    """Forecasts with room for n rows, all NaN."""
    return Forecasts(*(np.full(shape, np.nan) for shape in ((n, HORIZON + 1), n, n, n, n, (n, 3), n)))


def put(answer: Forecasts, place: int, made: Forecasts, row: int) -> None:
    """Copy one forecast into an answer."""
    for name in Forecasts.__slots__:
        getattr(answer, name)[place] = getattr(made, name)[row]


def forecast_states(cloud: Cloud, tau: Floats) -> Forecasts:
    """Forecasts from clouds at the end of their origins' days; `tau` (patients,) in PHQ-9 points."""
    cdf, mean, sd = due(cloud, np.asarray(tau, np.float32))
    n = len(tau)
    improved, responds, half_days, own = np.empty(n), np.empty(n), np.empty((n, 3)), np.empty(n)
    weight = cloud.weights()
    share = cloud.fields[EFFECT]
    improved[:] = (share * weight).sum(axis=1)
    responds[:] = ((share >= 0.5) * weight).sum(axis=1)
    log_half = cloud.fields[CYCLE_SCALE] + np.float32(np.log(np.log(2))) * np.exp(-cloud.fields[SHAPE])
    middle = (log_half * weight).sum(axis=1, keepdims=True)
    spread = np.sqrt(((log_half - middle) ** 2 * weight).sum(axis=1))
    own[:] = np.clip(1 - spread / LOG_HALF_SD, 0, 1)
    order = np.argsort(log_half, axis=1, kind="stable")
    rising = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    for column, level in enumerate((0.1, 0.5, 0.9)):
        place = np.minimum((rising < level).sum(axis=1), rising.shape[1] - 1)
        half_days[:, column] = np.exp(log_half[np.arange(n), order[np.arange(n), place]])
    return Forecasts(cdf, mean, sd, improved, responds, half_days, own)


LOG_HALF_SD: Final = 1.1
"""SD of the log of a cycle's half-life over the prior: scale .9, cycle .33, the shape's part .3, and some more."""


def untreated(course: Course) -> tuple[float, float]:
    """Mean and SD of severity before any treatment: the readings of the last two weeks beside 18.5 ± 3.5 of all patients."""
    precision, total = 1 / 3.5**2, 18.5 / 3.5**2
    for entry in course.screening:
        if course.as_of - entry.day <= 14:
            # Noise 2 and wobble 1.8 as in the filter's priors; mood, whose meaning is personal, has its conversion's SD.
            value = entry.value * 2.7 if entry.kind == "mood" else entry.value
            weight = 1 / (2.0**2 + 1.8**2 + entry.sd**2)
            precision, total = precision + weight, total + weight * value
    # What remains is mostly today's ups and downs.
    return total / precision, float(np.hypot(precision**-0.5, 1.8 / 2))


def _runs(courses: Sequence[Course]) -> list[_Run]:
    by_patient: dict[str, list[int]] = defaultdict(list)
    for place, course in enumerate(courses):
        if course.start is not None:
            by_patient[course.patient].append(place)
    runs = []
    for patient in sorted(by_patient):
        run = _Run()
        for place in sorted(by_patient[patient], key=lambda place: (courses[place].as_of, place)):
            if run.courses and not courses[place].continues(run.last):
                runs.append(run)
                run = _Run()
            run.courses.append(courses[place])
            run.places.append(place)
        runs.append(run)
    return runs


def _forward(runs: Sequence[_Run], answer: Forecasts, progress: Callable[[int], None] | None, particles: int) -> None:
    cloud = begin([run.last for run in runs], particles)
    until = np.array([run.last.as_of for run in runs], np.int64)
    asked = [defaultdict[int, list[int]](list) for _ in runs]
    for origins, run in zip(asked, runs, strict=True):
        for place, course in zip(run.places, run.courses, strict=True):
            origins[course.as_of].append(place)
    waiting: list[tuple[Cloud, float, list[int]]] = []

    def answered() -> None:
        if not waiting:
            return
        made = forecast_states(joined([each for each, _, _ in waiting]), np.array([tau for _, tau, _ in waiting]))
        for row, (_, _, places) in enumerate(waiting):
            for place in places:
                put(answer, place, made, row)
        if progress is not None:
            progress(sum(len(places) for _, _, places in waiting))
        waiting.clear()

    for active, _ in walk(cloud, [run.last.entries for run in runs], until):
        for row in range(active):
            places = asked[row].get(int(cloud.day[row]))
            if places:
                waiting.append((cloud.picked(np.array([row])), runs[row].last.tau, places))
                if len(waiting) == CHUNK:
                    answered()
    answered()


def joined(clouds: Sequence[Cloud]) -> Cloud:
    """Several clouds as one, in their order."""
    return Cloud(
        np.concatenate([cloud.fields for cloud in clouds], axis=1),
        *(np.concatenate([getattr(cloud, name) for cloud in clouds]) for name in Cloud.__slots__[1:]),
    )
