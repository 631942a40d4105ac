"""Dissociation between check-ins: doses and reports in; the level now, its interval, and when it will be over, out.

The level lives on CADSS's scale (0-92). On z = log(1 + level) a session's course is log(1 + gain · drive^shape) plus a slow
wandering: `drive` is what the doses so far do (effect site less acute tolerance; 1 at the peak of 0.5 mg/kg over 40 min), `gain`
the person's sensitivity, halved by the eighth session of a course, `shape` how sharply it comes and goes. Gain and shape are a
small grid, the wandering a Gaussian process, and reports are noisy readings of z; so the estimate is exact, in closed form, and
the same in whatever order reports came. The state is the reports themselves and, from session to session, three numbers.

Good at: half an hour after a check-in; noticing a score that this person at this minute would hardly give.
Bad at:  the first minutes of a first session: before any report an interval spans a factor of ten. Sedation (MOAA/S is a scale
         of its own). Every width here is chosen by us from published group figures and checked on invented patients only.
Cost:    about 0.3 ms a report and a forecast. Used for context and readiness: it lowers no measured alarm. Never here: a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, log1p
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.session.pharmacokinetics import USUAL_BODY, Body, DoseEvent, racemate_equivalent
from models.tables.instruments import CADSS_6_TO_CADSS

RESOLVED: Final = 4.0
"""CADSS above 4 is dissociation, by the label's convention."""
WORST_CADSS: Final = 92.0
"""CADSS: 23 items of 0-4 (Bremner 1998)."""

# ---- the drive -------------------------------------------------------------------------------------------------------

# Effect follows plasma at `_ON` per minute and is met by a tolerance that follows at `_TIRES`. Chosen by us so that both
# published courses come out: by vein the peak at 40 min, near baseline by 80-120 (Singh 2016), the spray's at 40 and gone by 90
# (label), though plasma is at half and three quarters of its peak then. Plasma alone cannot do that.
_ON: Final = 0.2
_TIRES: Final = 0.015
_TOLERANCE: Final = 0.8
_UNIT: Final = 122.79
"""The drive of 0.5 mg/kg over 40 min at its peak, ng/mL; a test holds it to that."""


def drive(doses: Sequence[DoseEvent], at_min: ArrayLike, body: Body = USUAL_BODY) -> Floats:
    """The doses' drive at these minutes, shape of `at_min`: 1 at the peak of the usual infusion, never below 0."""
    effect = racemate_equivalent(doses, at_min, _ON, body) - _TOLERANCE * racemate_equivalent(
        doses, at_min, _TIRES, body
    )
    return np.maximum(effect, 0.0) / _UNIT


# ---- what is known beforehand ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DissociationPrior:
    """A person's sensitivity before a session: log gain (mean, variance), and how many sessions of the course came before."""

    mean: float = log(8.0)
    variance: float = 1.0
    sessions: int = 0


UNKNOWN_PERSON_PRIOR: Final = DissociationPrior()
"""A peak of 8 in the middle and 0.5 to 130 in all but a few: group means at 40 min are 8-20 with SD 10-15, skewed, and
61-84 % exceed 4 (trials and label). The spread of the log is chosen so that both come out."""
_DAY_SD: Final = 0.35
"""One person's sessions differ by so much (log gain); and by `_DRIFT_SD` more for good. Chosen by us."""
_DRIFT_SD: Final = 0.1
_HALVED_AT: Final = 7
"""Sessions until half is left: "about half by dose 8". No further than by `_MOST` sessions, as nothing is known beyond."""
_MOST: Final = 10
_SHAPES: Final = np.array([0.7, 1.0, 1.5, 2.2, 3.2])
_SHAPE_PRIOR: Final = np.array([0.1, 0.22, 0.36, 0.22, 0.1])
"""Shape 1.5 gives 10 % of the peak at minute 80 by vein and 25 % at minute 90 of the spray. Spread chosen by us."""
_GAINS: Final = np.linspace(-2.8, 2.8, 17)
"""Standard deviations of the log gain."""
_WANDER_SD: Final = 0.45
_WANDER_MIN: Final = 40.0
_AT_REST: Final = 0.4
"""Wandering on z, how long it lasts, and the share of it that is left without a drug. Chosen by us."""

# ---- reports ---------------------------------------------------------------------------------------------------------

ReportKind = Literal["cadss", "cadss-6", "moaas", "distress", "answered"]
REPORT_KINDS: Final[tuple[ReportKind, ...]] = ("cadss", "cadss-6", "moaas", "distress", "answered")


@dataclass(frozen=True, slots=True)
class DissociationReport:
    """One observation of dissociation: a score, or (`answered`) the seconds between a prompt and its answer, as `value`."""

    at_min: float
    kind: ReportKind
    value: float


class _Reading(NamedTuple):
    """A report as a reading of z with a noise."""

    z: float
    sd: float


def _read(report: DissociationReport) -> _Reading | None:
    """A report as a reading of z; None where it carries none. Widths, chosen by us: how far people who mean the same differ."""
    value = report.value
    match report.kind:
        case "cadss":
            return _Reading(log1p(value), 0.25 + 0.4 / (1 + value))
        case "cadss-6":
            # One point is 3.8 of the whole scale's.
            return _Reading(log1p(value * CADSS_6_TO_CADSS), 0.3 + 1.0 / (1 + value * CADSS_6_TO_CADSS))
        case "moaas":
            # Sedation and dissociation share the drug, no more: awake says little, drowsy that it acts.
            return _Reading(log1p(4.0 * (5.0 - value)), 1.6) if value < 5 else _Reading(log1p(2.0), 2.0)
        case "distress":
            # People are frightened by what they live through, but most who are far away are not frightened.
            return _Reading(log1p(3.0 * value), 1.2) if value > 0 else None
        case "answered":
            # 20 s where nothing is amiss, three times as long at a level of 20, with a wide spread: a patient may be asleep.
            return _Reading((log(min(max(value, 5.0), 600.0)) - log(20.0)) / 0.35, 2.0)


_SILENT: Final = (-2.2, 0.5)
"""Chance of no answer: logistic(-2.2 + 0.5 z), one in ten when all is well and one in three at a level of 20. Chosen by us."""


class DissociationEstimate(NamedTuple):
    """A level on CADSS's scale with its 80 % interval, and the chance that it is at most 4."""

    level: float
    low: float
    high: float
    resolved: float


class DissociationBelief:
    """The posterior of one person's dissociation in one session, given doses and reports so far."""

    def __init__(
        self,
        doses: Sequence[DoseEvent],
        reports: Sequence[DissociationReport] = (),
        prior: DissociationPrior = UNKNOWN_PERSON_PRIOR,
        body: Body = USUAL_BODY,
    ) -> None:
        self._doses, self._body, self._prior = tuple(doses), body, prior
        ordered = sorted(reports, key=lambda one: (one.at_min, one.kind, one.value))
        read = [(report.at_min, reading) for report in ordered if (reading := _read(report)) is not None]
        self._at = np.array([at for at, _ in read])
        noise = np.array([reading.sd for _, reading in read])
        spread = (prior.variance + _DAY_SD**2) ** 0.5
        halvings = min(prior.sessions, _MOST) / _HALVED_AT
        gains = prior.mean - log(2) * halvings + spread * _GAINS
        self._gain, self._shape = (each.ravel() for each in np.meshgrid(gains, _SHAPES, indexing="ij"))
        log_weight = (-0.5 * _GAINS[:, None] ** 2 + np.log(_SHAPE_PRIOR)).ravel()
        self._scale = self._liveliness(self._at)
        if len(self._at):
            covariance = self._covariance(self._at, self._scale) + np.diag(noise**2)
            self._inverse = np.linalg.inv(covariance)
            self._off = np.array([reading.z for _, reading in read]) - self._course(self._at)
            log_weight = log_weight - 0.5 * np.einsum("gn,nm,gm->g", self._off, self._inverse, self._off)
        weight = np.exp(log_weight - log_weight.max())
        self._weight: Floats = weight / weight.sum()

    def _course(self, at_min: Floats) -> Floats:
        """(grid, T) z without wandering."""
        pushed = drive(self._doses, at_min, self._body)
        level = np.exp(self._gain[:, None]) * pushed ** self._shape[:, None]
        course: Floats = np.log1p(np.minimum(level, WORST_CADSS))
        return course

    def _liveliness(self, at_min: Floats) -> Floats:
        """(T,) how much of the wandering there is: all of it while the drug acts."""
        return _AT_REST + (1 - _AT_REST) * np.minimum(drive(self._doses, at_min, self._body) / 0.3, 1.0)

    def _covariance(self, at_min: Floats, scale: Floats) -> Floats:
        """(T, N) between the wandering at these minutes and at the reports'."""
        near: Floats = np.exp(-np.abs(at_min[:, None] - self._at) / _WANDER_MIN)
        return _WANDER_SD**2 * scale[:, None] * self._scale * near

    def _spread(self, at_min: Floats) -> tuple[Floats, Floats]:
        """Z at these minutes: mean (grid, T), standard deviation (T,)."""
        scale = self._liveliness(at_min)
        mean, variance = self._course(at_min), (_WANDER_SD * scale) ** 2
        if len(self._at):
            towards = self._covariance(at_min, scale) @ self._inverse
            mean = mean + self._off @ towards.T
            variance = variance - (towards * self._covariance(at_min, scale)).sum(axis=1)
        return mean, np.sqrt(np.maximum(variance, 1e-6))

    def at(self, at_min: float, *, silent: bool = False) -> DissociationEstimate:
        """The level at a minute. `silent`: a prompt is out and has not been answered."""
        mean, sd = self._spread(np.array([at_min]))
        weight = self._weight
        if silent:
            weight = weight / (1 + np.exp(-_SILENT[0] - _SILENT[1] * np.maximum(mean[:, 0], 0)))
            weight = weight / weight.sum()
        low, middle, high = map(_level, _quantiles((0.1, 0.5, 0.9), mean[:, 0], float(sd[0]), weight))
        below = weight @ normal_below((log1p(RESOLVED) - mean[:, 0]) / sd[0])
        return DissociationEstimate(middle, low, high, min(float(below), 1.0))

    def resolves_min(self, now_min: float, sure: float = 0.5, horizon_min: float = 240.0) -> float | None:
        """The minute from which on the level is at most 4 with probability `sure`; None: it is so from now on.

        Where that is not within the horizon, the end of the horizon.
        """
        at = now_min + np.arange(0.0, horizon_min + 1, 4.0)
        mean, sd = self._spread(at)
        over = self._weight @ normal_below((log1p(RESOLVED) - mean) / sd)
        still = np.flatnonzero(over < sure)
        if not still.size:
            return None
        last = int(still[-1])
        if last + 1 == len(at):
            return float(at[-1])
        share = (sure - over[last]) / (over[last + 1] - over[last])
        return float(at[last] + share * (at[last + 1] - at[last]))

    def surprise(self, report: DissociationReport) -> float | None:
        """How many standard deviations a new report is above (or below) what was expected; None where it carries no reading."""
        reading = _read(report)
        if reading is None:
            return None
        mean, sd = self._spread(np.array([report.at_min]))
        p = float(self._weight @ normal_below((reading.z - mean[:, 0]) / np.hypot(sd[0], reading.sd)))
        return NormalDist().inv_cdf(min(max(p, 1e-6), 1 - 1e-6))

    def next_prior(self) -> DissociationPrior:
        """The prior for this person's next session."""
        prior = self._prior
        halvings = log(2) * min(prior.sessions, _MOST) / _HALVED_AT
        mean = float(self._weight @ self._gain) + halvings
        variance = float(self._weight @ (self._gain + halvings - mean) ** 2)
        share = prior.variance / (prior.variance + _DAY_SD**2)
        return DissociationPrior(
            prior.mean + share * (mean - prior.mean),
            min(prior.variance * (1 - share) + share**2 * variance + _DRIFT_SD**2, 1.5),
            prior.sessions + 1,
        )


def _level(z: float) -> float:
    return min(max(exp(z) - 1, 0.0), WORST_CADSS)


def normal_below(x: Floats) -> Floats:
    """The normal distribution function, to 1e-7: Abramowitz & Stegun 7.1.26."""
    t = 1 / (1 + 0.3275911 * np.abs(x) / np.sqrt(2))
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    tail = 0.5 * tail * np.exp(-0.5 * x**2)
    below: Floats = np.where(x > 0, 1 - tail, tail)
    return below


def _quantiles(chances: Sequence[float], mean: Floats, sd: float, weight: Floats) -> list[float]:
    """Of a mixture of normals of one width: read off a fine grid, to a hundredth."""
    at = np.linspace(float(mean.min()) - 4 * sd, float(mean.max()) + 4 * sd, 161)
    below = weight @ normal_below((at - mean[:, None]) / sd)
    return [float(each) for each in np.interp(chances, np.maximum.accumulate(below), at)]
