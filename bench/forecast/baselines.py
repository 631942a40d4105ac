"""What a forecast must beat: the reference, the usual rules, the usual time-series tools, and what nothing could beat.

Each baseline gives (n, 85) cumulative probabilities for the origins of a cohort. Those with something to learn (the
reference, residual spreads, the survival regression) learn it on the training cohorts only.
Bad at: being tuned; each is the plain textbook form with its spread fitted on the training cohorts.
Cost: seconds for 10,000 origins. Never here: the product's forecaster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr
from sklearn.linear_model import LinearRegression

from bench.cohort.days import Cohort, Origins
from bench.cohort.policies import on_phq9_scale
from bench.forecast.scores import DAYS, HORIZON
from models.arrays import Floats, Ints

ELAPSED: Final = (2, 7, 14, 21, 28, 42)
"""Lower ends of the reference's groups: days since the last dose 2-6, 7-13, 14-20, 21-27, 28-41, 42 and more."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A cohort with its scored origins."""

    cohort: Cohort
    origins: Origins


Model = Callable[[Sample], Floats]


def reference(training: Sequence[Sample]) -> Model:
    """The share of training origins with R ≤ k, by days since the last dose."""
    since = np.concatenate([sample.origins.since for sample in training])
    due = np.concatenate([sample.origins.due for sample in training])
    group = np.searchsorted(ELAPSED, since, side="right") - 1
    table = np.stack(
        [
            (due[group == g][:, None] <= DAYS).mean(axis=0)
            if (group == g).any()
            else (due[:, None] <= DAYS).mean(axis=0)
            for g in range(len(ELAPSED))
        ]
    )
    return lambda sample: table[np.searchsorted(ELAPSED, sample.origins.since, side="right") - 1]


def every(days: int) -> Model:
    """Due so many days after the last dose, certainly."""

    def model(sample: Sample) -> Floats:
        return ((days - sample.origins.since)[:, None] <= DAYS).astype(float)

    return model


def answers(sample: Sample) -> list[tuple[Ints, Floats]]:
    """Per origin: days and PHQ-9-scale scores of all questionnaires answered by then (MADRS/2 counts as one)."""
    cohort = sample.cohort
    score = on_phq9_scale(cohort.reporting.weekly[:, None], cohort.score)
    both = np.where(np.isnan(score), cohort.madrs / 2, score)
    found = []
    for patient, day in zip(sample.origins.patient, sample.origins.day, strict=True):
        days = np.flatnonzero(~np.isnan(both[patient, : day + 1]))
        found.append((days, both[patient, days]))
    return found


def _levels(sample: Sample, follow: Callable[[Ints, Floats, int], tuple[float, float]]) -> tuple[Floats, Floats]:
    pairs = [
        follow(days, scores, int(day)) for (days, scores), day in zip(answers(sample), sample.origins.day, strict=True)
    ]
    level, slope = np.array(pairs).T
    return level, slope


def _last(days: Ints, scores: Floats, day: int) -> tuple[float, float]:
    return (float(scores[-1]), 0.0) if len(days) else (10.0, 0.0)


def line(days: Ints, scores: Floats, day: int) -> tuple[float, float]:
    """A straight line through the last four answers."""
    if len(days) < 3:
        return _last(days, scores, day)
    slope, level = np.polyfit(days[-4:] - day, scores[-4:], 1)
    return float(level), float(slope)


def holt(days: Ints, scores: Floats, day: int) -> tuple[float, float]:
    """Holt's linear smoothing with steps as long as the gaps; alpha .5 and beta .1, the usual middle values."""
    if not len(days):
        return 10.0, 0.0
    level, slope, before = float(scores[0]), 0.0, int(days[0])
    for now, seen in zip(days[1:].tolist(), scores[1:].tolist(), strict=True):
        ahead = level + slope * (now - before)
        new = 0.5 * seen + 0.5 * ahead
        slope = 0.9 * slope + 0.1 * (new - level) / (now - before)
        level, before = new, now
    return level + slope * (day - before), slope


def extrapolation(
    follow: Callable[[Ints, Floats, int], tuple[float, float]], training: Sequence[Sample], floor_sd: float = 0.5
) -> Model:
    """A straight line into the future, with a normal spread that grows as the training residuals say.

    The spread of the level at k days is sd·sqrt(1 + k/7); the sd is the one with the best CRPS on the training cohorts.
    """

    def cdf(sample: Sample, level: Floats, slope: Floats, sd: float) -> Floats:
        tau = sample.cohort.tau[sample.origins.patient][:, None]
        mean = level[:, None] + slope[:, None] * DAYS
        return np.maximum.accumulate(ndtr((mean - tau) / (sd * np.sqrt(1 + DAYS / 7))), axis=1)

    fitted = [(sample, *_levels(sample, follow)) for sample in training]

    def loss(sd: float) -> float:
        return float(
            np.mean(
                [
                    ((cdf(sample, level, slope, sd) - (sample.origins.due[:, None] <= DAYS)) ** 2).sum(axis=1).mean()
                    for sample, level, slope in fitted
                ]
            )
        )

    best = min((floor_sd, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0), key=loss)
    return lambda sample: cdf(sample, *_levels(sample, follow), best)


def last_value() -> Model:
    """Ill now: due now. Well now: not within the horizon. What persistence says about a day."""

    def model(sample: Sample) -> Floats:
        level, _ = _levels(sample, _last)
        ill = level >= sample.cohort.tau[sample.origins.patient]
        return np.repeat(ill[:, None].astype(float), HORIZON + 1, axis=1)

    return model


def design(sample: Sample) -> Floats:
    """What a survival regression is given: time since the dose, last scores against tau, their means, doses."""
    cohort, origins = sample.cohort, sample.origins
    tau = cohort.tau[origins.patient]
    rows = []
    for (days, scores), day, since, number, limit in zip(
        answers(sample), origins.day, origins.since, origins.number, tau, strict=True
    ):
        if len(days):
            recent = scores[days > day - since]
            rows.append(
                [
                    since,
                    scores[-1] - limit,
                    scores[-4:].mean() - limit,
                    scores.mean() - limit,
                    day - days[-1],
                    number,
                    (recent[-1] - recent[0]) if len(recent) > 1 else 0.0,
                ]
            )
        else:
            rows.append([since, 0.0, 0.0, 0.0, 30.0, number, 0.0])
    return np.asarray(rows, dtype=float)


def log_normal(training: Sequence[Sample]) -> Model:
    """Log-normal survival: log(R + 1) is normal around a linear predictor; beyond the horizon is censored (EM, 30 steps)."""
    x = np.concatenate([design(sample) for sample in training])
    due = np.concatenate([sample.origins.due for sample in training])
    y, censored = np.log(due + 1.0), due > HORIZON
    target, sd = y.copy(), 1.0
    regression = LinearRegression()
    for _ in range(30):
        regression.fit(x, target)
        mean = regression.predict(x)
        z = (y[censored] - mean[censored]) / sd
        hazard = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) / np.maximum(ndtr(-z), 1e-9)
        target[censored] = mean[censored] + sd * hazard
        sd = float(np.sqrt(np.mean((target - mean) ** 2)))

    def model(sample: Sample) -> Floats:
        mean = regression.predict(design(sample))
        return np.asarray(ndtr((np.log(DAYS + 1.5) - mean[:, None]) / sd))

    return model


@dataclass(frozen=True, slots=True)
class LevelModel:
    """A Kalman level that a dose pulls down and that drifts back to the person's baseline; constants fitted by CRPS."""

    pull: float = 0.45
    back: float = 1 / 30
    process: float = 0.5
    noise: float = 2.2

    def run(self, sample: Sample, paths: int = 200) -> Floats:
        """Filter day by day, then sample paths without a dose."""
        cohort, origins = sample.cohort, sample.origins
        score = on_phq9_scale(cohort.reporting.weekly[:, None], cohort.score)
        seen = np.where(np.isnan(score), cohort.madrs / 2, score)
        first = np.nan_to_num(np.nanmean(np.where(np.isnan(seen[:, :7]), np.nan, seen[:, :7]), axis=1), nan=18.0)
        mean, variance = first.copy(), np.full(cohort.size, 9.0)
        by_day: list[tuple[Floats, Floats]] = []
        for day in range(seen.shape[1]):
            mean = mean + self.back * (first - mean)
            variance = (1 - self.back) ** 2 * variance + self.process**2
            there = ~np.isnan(seen[:, day])
            gain = variance / (variance + self.noise**2)
            mean = np.where(there, mean + gain * (np.nan_to_num(seen[:, day]) - mean), mean)
            variance = np.where(there, (1 - gain) * variance, variance)
            dosed = cohort.strength[:, day] > 0
            mean = np.where(dosed, mean - self.pull * (mean - 2.0), mean)
            variance = np.where(dosed, variance + 4.0, variance)
            by_day.append((mean.copy(), variance.copy()))
        means = np.stack([m for m, _ in by_day], axis=1)[origins.patient, origins.day]
        sds = np.sqrt(np.stack([v for _, v in by_day], axis=1)[origins.patient, origins.day])
        tau, home = cohort.tau[origins.patient], first[origins.patient]
        rng = np.random.default_rng(20261123)
        counts = np.zeros((len(means), HORIZON + 1))
        for _ in range(paths):
            x = means + sds * rng.standard_normal(len(means))
            crossed = np.zeros(len(means), dtype=bool)
            for k in range(HORIZON + 1):
                crossed |= x >= tau
                counts[:, k] += crossed
                x = x + self.back * (home - x) + self.process * rng.standard_normal(len(means))
        return counts / paths


def kalman(training: Sequence[Sample]) -> Model:
    """The best of a small grid on a thinned training set."""
    grid = [
        LevelModel(pull, 1 / back, process) for pull in (0.3, 0.5) for back in (20, 35, 60) for process in (0.3, 0.6)
    ]

    def loss(model: LevelModel) -> float:
        return float(
            np.mean([((model.run(s, 30) - (s.origins.due[:, None] <= DAYS)) ** 2).sum(axis=1).mean() for s in training])
        )

    best = min(grid, key=loss)
    return best.run


FAMILIAR: Final[Mapping[str, Model]] = {"every 14 d": every(14), "every 28 d": every(28), "last value": last_value()}
