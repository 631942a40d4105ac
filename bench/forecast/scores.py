"""The scores of a forecast of a day: CRPS, skill, discrimination, calibration, coverage, exactly as docs/forecast.md says.

`cdf` is (n, 85), P(R ≤ k) for k = 0..84; `due` is R, 85 where it is beyond. All are means over origins; intervals are
bootstrapped over patients, whole patients at a time, because a patient's origins are not independent.
Cost: about 10 ms for 10,000 origins. Never here: what made the forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.arrays import Flags, Floats, Ints

HORIZON: Final = 84
DAYS: Final = np.arange(HORIZON + 1)


def crps(cdf: Floats, due: Ints) -> Floats:
    """Σ over k of (cdf[k] − 1[R ≤ k])², in days; one number per origin."""
    return np.asarray(((cdf - (due[:, None] <= DAYS)) ** 2).sum(axis=1))


def pit(cdf: Floats, due: Ints, seed: int) -> Floats:
    """Randomised: u = F(R−1) + v (F(R) − F(R−1)), v uniform; F(−1) = 0, F(85) = 1."""
    rows = np.arange(len(due))
    whole = np.concatenate([np.zeros((len(due), 1)), cdf, np.ones((len(due), 1))], axis=1)
    below, at = whole[rows, due], whole[rows, due + 1]
    v = np.random.default_rng([seed, 84]).random(len(due))
    return np.asarray(below + v * (at - below))


def auroc(score: Floats, happened: Flags) -> float:
    """Probability that one who is due scores above one who is not, ties half (Mann-Whitney)."""
    positives = int(happened.sum())
    if positives in (0, len(happened)):
        return float("nan")
    _, group, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    ranks = mean_rank[group]
    return float((ranks[happened].sum() - positives * (positives + 1) / 2) / (positives * (len(happened) - positives)))


def brier(p: Floats, happened: Flags) -> float:
    return float(((p - happened) ** 2).mean())


def ece(p: Floats, happened: Flags) -> float:
    """Ten equal bins of the probability: their mean |forecast − frequency|, weighted by size."""
    bins = np.minimum((p * 10).astype(int), 9)
    size = np.bincount(bins, minlength=10)
    gap = np.abs(np.bincount(bins, p, minlength=10) - np.bincount(bins, happened.astype(float), minlength=10))
    return float(gap.sum() / size.sum())


def quantile(cdf: Floats, q: float) -> Ints:
    """The smallest k with cdf[k] ≥ q; 85 if there is none."""
    reached = cdf >= q
    return np.where(reached.any(axis=1), reached.argmax(axis=1), HORIZON + 1)


@dataclass(frozen=True, slots=True)
class Scores:
    """One model on one set of origins."""

    origins: int
    crps: float
    skill: float
    auroc_7: float
    auroc_14: float
    brier_7: float
    brier_14: float
    ece_7: float
    ece_14: float
    cover: float
    low: float
    """Share of outcomes under the 80 % interval; 10 % if calibrated."""
    high: float
    width: float
    """Median width of the 80 % interval, days (beyond counts as 85)."""


def score(cdf: Floats, due: Ints, reference: Floats, seed: int = 0) -> Scores:
    """All scores of a model; `reference` is the reference's cdf on the same origins."""
    u = pit(cdf, due, seed)
    mean = float(crps(cdf, due).mean())
    within_7, within_14 = due <= 7, due <= 14
    return Scores(
        origins=len(due),
        crps=mean,
        skill=1 - mean / float(crps(reference, due).mean()),
        auroc_7=auroc(cdf[:, 7], within_7),
        auroc_14=auroc(cdf[:, 14], within_14),
        brier_7=brier(cdf[:, 7], within_7),
        brier_14=brier(cdf[:, 14], within_14),
        ece_7=ece(cdf[:, 7], within_7),
        ece_14=ece(cdf[:, 14], within_14),
        cover=float(((u >= 0.1) & (u <= 0.9)).mean()),
        low=float((u < 0.1).mean()),
        high=float((u > 0.9).mean()),
        width=float(np.median(quantile(cdf, 0.9) - quantile(cdf, 0.1))),
    )


def patients_drawn(patient: Ints, repetition: int, seed: int) -> Ints:
    """Rows of a bootstrap sample of whole patients."""
    kinds, group = np.unique(patient, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(kinds) + 1))
    drawn = np.random.default_rng([seed, repetition]).integers(len(kinds), size=len(kinds))
    return np.concatenate([order[starts[k] : starts[k + 1]] for k in drawn])
