"""When the next dose is due: a cloud of particles in, the distribution of the day on which severity is back at tau out.

Each particle is followed for 84 days and the week after, as if nothing more were given. It is due on the first day on which
severity reaches tau and stays there on the mean of seven days. The paths' noise is one fixed even sample, the same for every
patient and day, so that a forecast changes from one day to the next for the patient's reasons only.
Cost: about 0.4 ms a patient. Never here: the filter, sentences.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from models.arrays import Float32s, Floats
from models.relapse.chance import patient_key, stratified
from models.relapse.filter import (
    CYCLE_SCALE,
    DRIFT,
    EFFECT,
    FLUCTUATION,
    FLUCTUATION_VAR,
    PACE,
    SHAPE,
    UNTREATED,
    UNTREATED_FLUCTUATION_COV,
    UNTREATED_VAR,
    WOBBLE,
    Cloud,
    ancestors,
)
from models.relapse.priors import CHANGE_DRIFT
from models.tables.severity import HIGHEST_PHQ9, LOWEST_PHQ9
from models.wire.observations import CDF_DAYS

HORIZON: Final = CDF_DAYS - 1
"""Days ahead that are forecast: twelve weeks, as the contract says."""
WEEK_DAYS: Final = 7
"""Severity must stay there on the mean of so many days: one bad day is no relapse. Chosen by us, with the target."""
DAYS: Final = HORIZON + WEEK_DAYS
PATHS: Final = 384
"""Of each patient: so many give a chance of a half to within 2.6 points at random, an even sample closer. Chosen by us."""
CHUNK: Final = 32
"""Patients at a time: their paths fit into a core's cache."""


@cache
def _noise() -> tuple[Float32s, Float32s]:
    """Normal draws of drift and of x, each (DAYS, PATHS); the first of each is of today."""
    key = np.array([patient_key("paths without a dose")], np.uint64)
    drawn = stratified(key, 2 * DAYS, PATHS)[:, 0]
    return drawn[:DAYS], drawn[DAYS:]


def due(cloud: Cloud, tau: Float32s) -> tuple[Floats, Floats, Floats]:
    """P(due within 0..84 days), and mean and SD of today's severity.

    Args:
        cloud: at the end of the origins' days. tau: (patients,).

    Returns:
        cdf (patients, 85), mean (patients,), sd (patients,).
    """
    n = len(tau)
    cdf = np.empty((n, HORIZON + 1))
    mean, sd = np.empty(n), np.empty(n)
    for low in range(0, n, CHUNK):
        rows = slice(low, min(low + CHUNK, n))
        cdf[rows], mean[rows], sd[rows] = _due(cloud.picked(rows), np.asarray(tau[rows], np.float32))
    return cdf, mean, sd


def _due(cloud: Cloud, tau: Float32s) -> tuple[Floats, Floats, Floats]:
    path = paths(cloud)
    return crossing(path, tau[:, None]), *_now(path[0])


def paths(cloud: Cloud) -> Float32s:
    """Severity on the coming days if nothing more is given; (DAYS, patients, PATHS), the first of today."""
    n = len(cloud.day)
    chosen = ancestors(cloud.weights(), np.full(n, 0.5), PATHS)
    fields = np.take_along_axis(cloud.fields[: FLUCTUATION_VAR + 1], chosen[None], axis=2)
    drift_z, x_z = _noise()
    pace = np.exp(-1 / np.exp(fields[PACE]))
    push = np.exp(fields[WOBBLE]) * np.sqrt(1 - pace**2)
    drift = np.exp(fields[DRIFT])
    shape = np.exp(fields[SHAPE])
    apart = np.sqrt(np.maximum(fields[UNTREATED_VAR], 1e-6))
    shared = fields[UNTREATED_FLUCTUATION_COV] / apart
    level = cloud.base[:, None] + fields[UNTREATED] + apart * drift_z[0]
    x = fields[FLUCTUATION] + shared * drift_z[0] + np.sqrt(np.maximum(fields[FLUCTUATION_VAR] - shared**2, 0)) * x_z[0]
    since = cloud.day - cloud.dosed
    widened = cloud.changing - cloud.day
    path = np.empty((DAYS, n, PATHS), np.float32)
    for ahead in range(DAYS):
        if ahead:
            wide = np.where(ahead <= widened, CHANGE_DRIFT, 1.0).astype(np.float32)[:, None]
            level = level + drift * wide * drift_z[ahead]
            x = pace * x + push * x_z[ahead]
        log_days = np.log(np.maximum(since + ahead, 1e-3)).astype(np.float32)[:, None]
        fading = np.exp(np.minimum(shape * (log_days - fields[CYCLE_SCALE]), 20))
        effect = cloud.base[:, None] * fields[EFFECT] * np.exp(-fading)
        np.clip(level - effect + x, LOWEST_PHQ9, HIGHEST_PHQ9, out=path[ahead])
    return path


def crossing(path: Float32s, tau: Float32s) -> Floats:
    """The CDF of the first day at or above tau whose week is so too; (patients, 85) of paths (91, patients, paths)."""
    first = np.full(path.shape[1:], HORIZON + 1, np.int16)
    week = path[HORIZON + 1 :].sum(axis=0)
    for ahead in range(HORIZON, -1, -1):
        week = week + path[ahead]
        first[(path[ahead] >= tau) & (week >= WEEK_DAYS * tau)] = ahead
        week -= path[ahead + WEEK_DAYS - 1]
    shares = np.stack([np.bincount(row, minlength=HORIZON + 2)[: HORIZON + 1] for row in first])
    return np.asarray(np.cumsum(shares, axis=1) / path.shape[2])


def _now(today: Float32s) -> tuple[Floats, Floats]:
    return today.mean(axis=1, dtype=np.float64), today.std(axis=1, dtype=np.float64)
