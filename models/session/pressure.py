"""Pressure between cuffs: cuffs and doses in; the chance that a cuff within 10 or 20 min shows 180 systolic or 110 diastolic out.

Both pressures of a session are a level of the person's own, a rise that follows what the doses do, and a wandering that forgets
within an hour or so; a cuff reads them with a noise. The cuffs so far give its level and how restless it is (a Student's t
process), so the next cuff has a distribution in closed form. The chance is that of the likelier of the two pressures, at the
worst moment of the horizon.

Good at: distinguishing a pressure that was high once from one that stays high; a rise that the dose has still to bring.
Bad at:  a surge that nothing announces: cuffs come every ten minutes and err by 5-10 mmHg, so the lead is a cuff's interval at
         most. No data with ketamine's pressures were to be had, so the size of the rise is from papers, not fitted; how well it
         does on cuffs without ketamine, against two simple rules, is in docs/detection-estimates.md.
Cost:    about 0.3 ms. It asks for a cuff, at most; it delays, lowers and ends nothing. Never here: a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.session.dissociation import normal_below
from models.session.pharmacokinetics import USUAL_BODY, Body, DoseEvent, racemate_equivalent

HORIZONS_MIN: Final = (10.0, 20.0)
LIMITS_MMHG: Final = (180.0, 110.0)
"""`hypertension` as shipped (`limits.py`), and what a cuff's interval and two of them (ten minutes) could warn of."""
_STEPS_MIN: Final = np.arange(2.5, 20.1, 2.5)
"""The moments at which the worst is looked for: the rise is slower than that."""
_CUFFS: Final = 8
_WITHIN_MIN: Final = 240.0
"""Older cuffs, and more of them, changed nothing on the recordings."""


class PressureReading(NamedTuple):
    """A good cuff, in mmHg; NaN where a part was not read."""

    at_min: float
    sbp: float
    dbp: float


class _Part(NamedTuple):
    """One pressure, mmHg: where people are (mean, SD), wandering, a cuff's noise, the rise at the peak (mean, SD)."""

    mean: float
    between: float
    wander: float
    noise: float
    rise: float
    rise_sd: float


# Wandering and noise: fitted on half of the stays of eicu_nibp by the log score of both horizons; what is between people is a
# clinic's, where those above 140/90 are not treated (chosen by us). Rises at the peak, mean and SD: Yale 2024 (138 people, 2,342
# infusions).
_PARTS: Final = (
    _Part(125.0, 15.0, 7.5, 5.8, 16.0, 11.2),
    _Part(72.0, 9.0, 3.6, 4.5, 11.0, 8.45),
)
_WANDER_MIN: Final = 70.0
_FREEDOM: Final = 6.0
"""Before the first cuff, of how restless somebody's pressure is; each cuff adds one. Chosen by us between 4, which the recordings
like a little better, and 8, which calmer invented people do."""

_ON, _TIRES, _TOLERANCE, _UNIT = 0.2, 0.01, 0.6, 142.5
"""How the rise follows the doses, as in `dissociation.drive`, but it tires less: peak at 40 min, half of it after 25-30 min more
(papers: 20-30), some of it for hours (label: about four). `_UNIT`: of the usual infusion, ng/mL; a test holds it to that."""

_SINCE_45: Final = 0.1
"""mmHg of rise a year of age: 13.3 at 18-64, 16.0 from 65 on (Doherty 2020)."""
_HYPERTENSIVE: Final = 1.15
"""A history of hypertension makes rises larger (Zhou 2021); by how much is chosen by us."""


@dataclass(frozen=True, slots=True)
class PressureRisk:
    """A person's risk factors: age in years, a history of hypertension, and the largest systolic rises of earlier sessions."""

    age: float | None = None
    hypertension: bool = False
    past_rise: float = 0.0
    past_sessions: int = 0


ANYBODY: Final = PressureRisk()


class PressureForecast(NamedTuple):
    """The chance of a cuff at or past 180/110 within ten and within twenty minutes, and the pressures expected in ten."""

    within_10: float
    within_20: float
    sbp: float
    dbp: float


def pressure_drive(doses: Sequence[DoseEvent], at_min: ArrayLike, body: Body = USUAL_BODY) -> Floats:
    """The doses' drive on the pressure at these minutes, shape of `at_min`: 1 at the peak of the usual infusion."""
    effect = racemate_equivalent(doses, at_min, _ON, body) - _TOLERANCE * racemate_equivalent(
        doses, at_min, _TIRES, body
    )
    return np.maximum(effect, 0.0) / _UNIT


def forecast_pressure(
    cuffs: Sequence[PressureReading],
    doses: Sequence[DoseEvent],
    now_min: float,
    who: PressureRisk = ANYBODY,
    body: Body = USUAL_BODY,
) -> PressureForecast | None:
    """The forecast of the next cuffs from those read by `now_min`; None without one."""
    recent = [cuff for cuff in cuffs if now_min - _WITHIN_MIN <= cuff.at_min <= now_min][-_CUFFS:]
    if not recent:
        return None
    at = np.array([cuff.at_min for cuff in recent])
    pushed = pressure_drive(doses, np.concatenate([at, now_min + _STEPS_MIN]), body)
    read = np.array([[[cuff.sbp, cuff.dbp] for cuff in recent]])
    chances, expected = chances_of(
        at[None] - now_min, read, pushed[None, : len(at)], pushed[None, len(at) :], np.array([rise_of(who)])
    )
    (p10, p20), (sbp, dbp) = chances[0].tolist(), expected[0].tolist()
    return PressureForecast(p10, p20, sbp, dbp)


def rise_of(who: PressureRisk) -> float:
    """How much larger than usual this person's rise at the peak should be, as a factor.

    Small rises before are half believed: "a substantial increase could occur after any dose even if smaller effects were observed
    previously" (label).
    """
    usual = _PARTS[0].rise
    rise = usual + _SINCE_45 * ((45.0 if who.age is None else who.age) - 45.0)
    if who.hypertension:
        rise *= _HYPERTENSIVE
    # Half of the variance is between people, and a largest cuff is one reading of many: two sessions weigh as much as the papers.
    off = (who.past_rise - rise) * who.past_sessions / (who.past_sessions + 2.0)
    return max(rise + (off if off > 0 else off / 2), usual / 4) / usual


def chances_of(at_min: Floats, read: Floats, pushed: Floats, ahead: Floats, factor: Floats) -> tuple[Floats, Floats]:
    """Many forecasts at once.

    Args:
        at_min: (N, K) when cuffs were read, against now. NaN in `read` where there is none, or a part was not read.
        read: (N, K, 2) mmHg. pushed: (N, K) `pressure_drive` then. ahead: (N, 8) `pressure_drive` each 2.5 minutes from now on.
        factor: (N,) by which a person's rise is larger than usual.

    Returns:
        (N, 2) the chance within each horizon; (N, 2) the pressures expected in ten minutes.
    """
    steps = len(_STEPS_MIN)
    beyond = np.zeros((len(at_min), steps, 2))
    expected = np.zeros((len(at_min), 2))
    for which, (part, limit) in enumerate(zip(_PARTS, LIMITS_MMHG, strict=True)):
        mean, width, freedom = _ahead(part, at_min, read[:, :, which], pushed, ahead, factor)
        # Cuffs are whole numbers: 179.5 is where 180 begins.
        beyond[:, :, which] = _above((limit - 0.5 - mean) / width, freedom)
        expected[:, which] = mean[:, 3]
    each = beyond.max(axis=2)
    return np.stack([each[:, :upto].max(axis=1) for upto in (4, steps)], axis=1), expected


def _ahead(
    part: _Part, at_min: Floats, read: Floats, pushed: Floats, ahead: Floats, factor: Floats
) -> tuple[Floats, Floats, Floats]:
    """A cuff at each step ahead, as a Student's t: middle and width (N, 8), degrees of freedom (N, 1)."""
    there = ~np.isnan(read)
    at = np.where(there, at_min, 0.0)
    rise = part.rise * factor[:, None]
    off = np.where(there, read - part.mean - rise * pushed, 0.0)
    spread = (part.rise_sd * np.maximum(factor, 1.0))[:, None, None] ** 2

    def together(one_at: Floats, other_at: Floats, one: Floats, other: Floats) -> Floats:
        wander = part.wander**2 * np.exp(-np.abs(one_at[:, :, None] - other_at[:, None, :]) / _WANDER_MIN)
        found: Floats = part.between**2 + wander + spread * one[:, :, None] * other[:, None, :]
        return found

    covariance = together(at, at, pushed, pushed) * there[:, :, None] * there[:, None, :]
    k = np.arange(at.shape[1])
    covariance[:, k, k] += np.where(there, part.noise**2, 1.0)
    steps = np.broadcast_to(_STEPS_MIN, ahead.shape)
    towards = together(steps, at, ahead, pushed) * there[:, None, :]
    solved = np.linalg.solve(covariance, np.concatenate([off[:, :, None], towards.transpose(0, 2, 1)], axis=2))
    mean = part.mean + rise * ahead + (towards * solved[:, None, :, 0]).sum(axis=2)
    alone = part.between**2 + part.wander**2 + spread[:, :, 0] * ahead**2 + part.noise**2
    variance = alone - (towards * solved[:, :, 1:].transpose(0, 2, 1)).sum(axis=2)
    # Some people's pressures jump about and others' do not: how far the known cuffs were off says which (a Student's t process).
    freedom = _FREEDOM + there.sum(axis=1)
    restless = (_FREEDOM + (off * solved[:, :, 0]).sum(axis=1)) / freedom
    return mean, np.sqrt(np.maximum(variance, 1.0) * restless[:, None]), freedom[:, None]


def _above(x: Floats, freedom: Floats) -> Floats:
    """The chance above x of a Student's t, to a thousandth: Wallace's transformation to a normal."""
    z = np.sqrt(freedom * np.log1p(x**2 / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return normal_below(np.where(x > 0, -z, z))
