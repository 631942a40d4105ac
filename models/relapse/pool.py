"""The pool: the filter's forecast and that of boosted trees, averaged in log-odds, then corrected for what training found off.

The trees were trained on invented cohorts only, and have the filter's forecast among their features. They know what
is usual in patients who look like this one; the filter knows why. Where no trees were shipped the filter speaks alone, and
the forecast's `model` says so.
Good at: patients whose effect fades in a way that the filter does not describe. Bad at: what no invented cohort had.
Cost: 0.3 ms a forecast. Never here: training (`bench/forecast/train.py`), reading the file (`streams/forecasts/shipped.py`),
what a clinic's own history adds (`recalibration.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.arrays import Floats
from models.relapse.boosting import Trees, UnreadableTrees, trees_of
from models.relapse.document import MODEL
from models.relapse.due import HORIZON
from models.relapse.forecaster import Forecasts
from models.relapse.history import Course
from models.relapse.pool_features import FEATURE_NAMES, HORIZONS, at_horizons, log_odds, rows_of

FILE: Final = "data/pool-1.json"
"""Beside this file. Trained by `make train-forecast`; a new training is a new file with the next number."""


@dataclass(frozen=True, slots=True)
class PoolModel:
    """What was trained, per horizon.

    `weight` is the trees' share of the log-odds; `stretch` and `shift` put the mean of both right.
    """

    name: str
    trees: tuple[Trees, ...]
    weight: Floats
    stretch: Floats
    shift: Floats


def model_of(text: bytes) -> PoolModel:
    """The model of a file's bytes.

    Raises:
        UnreadableTrees: it is of another kind, or was trained on other features.
    """
    stored = json.loads(text)
    if tuple(stored.get("features", ())) != FEATURE_NAMES or tuple(stored.get("horizons", ())) != HORIZONS:
        raise UnreadableTrees("trained on other features or horizons than this version has")
    trees = tuple(trees_of(each, len(FEATURE_NAMES)) for each in stored["trees"])
    weight, stretch, shift = (np.asarray(stored[name], dtype=np.float64) for name in ("weight", "stretch", "shift"))
    return PoolModel(str(stored["name"]), trees, weight, stretch, shift)


def pooled(courses: Sequence[Course], made: Forecasts, model: PoolModel | None) -> tuple[Forecasts, str]:
    """The filter's forecasts with the pool's cdf in place of theirs, and the name of what made them.

    Args:
        courses: as they were given to the filter. made: its forecasts of them. model: the trained pool; None: the filter alone.
    """
    name = name_of(model)
    treated = np.flatnonzero(~np.isnan(made.cdf[:, 0]))
    cdf = made.cdf
    if model is not None and len(treated):
        part = Forecasts(*(getattr(made, each)[treated] for each in Forecasts.__slots__))
        rows = rows_of([courses[place] for place in treated.tolist()], part)
        cdf = made.cdf.copy()
        cdf[treated] = combined(rows, part.cdf, model)
    return replace(made, cdf=cdf), name


def name_of(model: PoolModel | None) -> str:
    """The name in a forecast's `model`, without a clinic's correction: a correction is fitted for this name and no other."""
    return f"{MODEL} alone" if model is None else f"{MODEL} + {model.name}"


def combined(rows: Floats, cdf: Floats, model: PoolModel) -> Floats:
    """The pool's cdf, (n, 85), of features (`rows_of`) and the filter's cdf, (n, 85)."""
    table = at_horizons(rows, cdf)
    trees = np.mean([each.log_odds(table) for each in model.trees], axis=0).reshape(len(rows), len(HORIZONS))
    own = log_odds(cdf[:, HORIZONS])
    both = model.stretch * (model.weight * trees + (1 - model.weight) * own) + model.shift
    return spread_out(both)


def spread_out(at: Floats) -> Floats:
    """The cdf on 85 days of log-odds at the horizons, (n, horizons): straight in log-odds between them, and never falling."""
    days = np.arange(HORIZON + 1)
    place = np.clip(np.searchsorted(HORIZONS, days, side="right") - 1, 0, len(HORIZONS) - 2)
    low, high = np.asarray(HORIZONS)[place], np.asarray(HORIZONS)[place + 1]
    share = (days - low) / (high - low)
    rising = np.maximum.accumulate(at, axis=1)
    between = (1 - share) * rising[:, place] + share * rising[:, place + 1]
    return np.asarray(1 / (1 + np.exp(-between)))
