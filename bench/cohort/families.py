"""The invented bodies: how severity runs without treatment, and what is left of a dose's effect after so many days.

A family is a mechanism. F1-F4 are those on which forecasts are scored, with published times to relapse; the G families
have other mechanisms and widen what the pooled model is trained on; the H families are never trained on by anything.
In every family  severity = clip(untreated − A × remaining(days since the dose), 0, 27)  on the PHQ-9 scale, and a dose
sets A ← E + strength × gain × (top − E)+, E being what is left of the one before.
Bad at: effects of more than one earlier dose at a time (a dose restarts the clock), suicidality, drugs that interact.
Cost: a few µs per patient and day, vectorised. Never here: reports, policies, truth.
Every scale below is chosen by us so that the days to relapse after induction meet the published quartiles (the table in
docs/forecast.md; a test holds them); spreads between cycles and day-to-day noise are chosen by us, near what is
reported for weekly PHQ-9 (retest SD about 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.cohort.chance import Chance
from models.arrays import Floats, Ints

Remaining = Callable[[Ints, Ints, Floats], Floats]
"""(patients (m,), dose numbers from 1 (m,), days since that dose (m, k)) → share of the effect left (m, k)."""


@dataclass(frozen=True, slots=True)
class Variety:
    """How far a training cohort strays from the family as published: log-SDs between patients, 0 for the family itself."""

    time: float = 0.0
    noise: float = 0.0
    gain: float = 0.0


AS_PUBLISHED: Final = Variety()


@dataclass(frozen=True, slots=True)
class Body:
    """What is true of each patient; arrays over patients."""

    untreated: Floats
    """(n, days): severity if never treated, before clipping. Exogenous: no dose changes it."""
    baseline: Floats
    top: Floats
    """The largest effect that treatment can have, PHQ-9 points."""
    gain: Floats
    """Share of the way to the top that one usual dose goes."""
    remaining: Remaining


@dataclass(frozen=True, slots=True)
class Traits:
    """What the families have in common, drawn once per patient."""

    baseline: Floats
    top: Floats
    gain: Floats
    time: Floats
    """A factor on every time constant of the body; 1 unless the cohort varies."""
    noise: Floats


def _traits(chance: Chance, variety: Variety) -> Traits:
    z, v = chance.normal, chance.uniform
    baseline = np.clip(18.5 + 3.0 * z[:, 0], 11.0, 26.0)  # §4: 18.5 ± 3
    poor = v[:, 0] < 0.22  # §4
    responder = 1 / (1 + np.exp(-(1.7 + 0.6 * z[:, 1])))
    fraction = np.where(poor, 0.1 + 0.45 * v[:, 1], responder)
    gain = 1 / (1 + np.exp(-(0.6 + (0.6 + variety.gain) * z[:, 2])))
    return Traits(baseline, fraction * baseline, gain, np.exp(variety.time * z[:, 3]), np.exp(variety.noise * z[:, 4]))


def _wander(steps: Floats, sd: Floats, tau_days: float) -> Floats:
    """A stationary first-order process of this SD along the days; `steps` standard normal (n, days)."""
    keep = np.exp(-1 / tau_days)
    path = np.empty_like(steps)
    path[:, 0] = steps[:, 0]
    for day in range(1, steps.shape[1]):
        path[:, day] = keep * path[:, day - 1] + np.sqrt(1 - keep * keep) * steps[:, day]
    return path * sd[:, None]


def _untreated(
    chance: Chance, traits: Traits, *, wander: float = 1.2, tau_days: float = 6.0, drift: float = 0.03
) -> Floats:
    """Baseline, day-to-day wandering and a slow random walk of `drift` points per square root of a day."""
    day_to_day = _wander(chance.daily_normal[:, :, 0], wander * traits.noise, tau_days)
    slow = np.cumsum(chance.daily_normal[:, :, 1], axis=1) * drift
    return traits.baseline[:, None] + day_to_day + slow


def _events(chance: Chance, rate: float, size: float, tau_days: float) -> Floats:
    """Life events: sudden worsenings at `rate` a day, of mean `size`, that fade with `tau_days`."""
    happens = chance.daily_uniform[:, :, 5] < rate
    jumps = np.where(happens, size * (0.5 + chance.daily_uniform[:, :, 4]), 0.0)
    keep = np.exp(-1 / tau_days)
    path = np.empty_like(jumps)
    path[:, 0] = jumps[:, 0]
    for day in range(1, jumps.shape[1]):
        path[:, day] = keep * path[:, day - 1] + jumps[:, day]
    return path


def _log_normal(median: float, log_sd: float, z: Floats, time: Floats) -> Floats:
    return np.asarray(median * np.exp(log_sd * z) * time)


def f1(chance: Chance, variety: Variety) -> Body:
    """Exponential decay; the half-life grows over induction; mild tolerance afterwards."""
    traits = _traits(chance, variety)
    scale = _log_normal(42.0, 0.6, chance.normal[:, 5], traits.time)
    tolerance = 0.012 * chance.uniform[:, 2]

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        cycle = np.exp(0.2 * chance.cycle_normal[who, number, 0])
        grown = 1 - np.exp(-number / 3.0)
        worn = np.exp(-tolerance[who] * np.maximum(number - 6, 0))
        return np.asarray(np.exp(-days / (scale[who] * grown * worn * cycle)[:, None]))

    return Body(_untreated(chance, traits), traits.baseline, traits.top, traits.gain, remaining)


def f2(chance: Chance, variety: Variety) -> Body:
    """A plateau of some weeks, then a linear fall."""
    traits = _traits(chance, variety)
    plateau = _log_normal(13.0, 0.8, chance.normal[:, 5], traits.time)
    fall = _log_normal(30.0, 0.55, chance.normal[:, 6], traits.time)

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        cycle = np.exp(0.25 * chance.cycle_normal[who, number, 0]) * (1 - np.exp(-number / 2.0))
        past = days - (plateau[who] * cycle)[:, None]
        return np.asarray(np.clip(1 - past / fall[who][:, None], 0.0, 1.0))

    return Body(_untreated(chance, traits), traits.baseline, traits.top, traits.gain, remaining)


def f3(chance: Chance, variety: Variety) -> Body:
    """Well until an abrupt relapse, whose day has a rising (Weibull) hazard; nothing announces it.

    The published quartiles leave open how much of the spread lies between patients and how much between one patient's
    cycles; half of the log variance each. G7 is the other extreme.
    """
    return _abrupt(chance, variety, scale=30.0, frailty=0.6, shape=2.0)


def _abrupt(chance: Chance, variety: Variety, *, scale: float, frailty: float, shape: float) -> Body:
    traits = _traits(chance, variety)
    own = _log_normal(scale, frailty, chance.normal[:, 5], traits.time)

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        wait = own[who] * (-np.log(chance.cycle_uniform[who, number, 0])) ** (1 / shape)
        width = 1.0 + 3.0 * chance.cycle_uniform[who, number, 1]  # days from well to ill
        return np.asarray(np.clip(1 - (days - wait[:, None]) / width[:, None], 0.08, 1.0))

    return Body(_untreated(chance, traits), traits.baseline, traits.top, traits.gain, remaining)


def f4(chance: Chance, variety: Variety) -> Body:
    """Decay, a random walk of the untreated level, and life events."""
    traits = _traits(chance, variety)
    scale = _log_normal(53.0, 0.6, chance.normal[:, 5], traits.time)

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        cycle = np.exp(0.25 * chance.cycle_normal[who, number, 0]) * (1 - np.exp(-number / 2.0))
        return np.asarray(np.exp(-days / (scale[who] * cycle)[:, None]))

    untreated = _untreated(chance, traits, drift=0.22) + _events(chance, 1 / 110, 4.5, 14.0)
    return Body(untreated, traits.baseline, traits.top, traits.gain, remaining)


def g1(chance: Chance, variety: Variety) -> Body:
    """Two exponentials: a part that is gone within days and a part that lasts for weeks."""
    traits = _traits(chance, variety)
    fast = _log_normal(4.0, 0.4, chance.normal[:, 5], traits.time)
    slow = _log_normal(70.0, 0.6, chance.normal[:, 6], traits.time)
    share = 0.1 + 0.35 * chance.uniform[:, 2]

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        cycle = np.exp(0.2 * chance.cycle_normal[who, number, 0])[:, None]
        part = (share[who] * np.exp(-(number - 1) / 4.0))[:, None]
        return np.asarray(
            part * np.exp(-days / fast[who][:, None]) + (1 - part) * np.exp(-days / (slow[who][:, None] * cycle))
        )

    return Body(_untreated(chance, traits, drift=0.08), traits.baseline, traits.top, traits.gain, remaining)


def g2(chance: Chance, variety: Variety) -> Body:
    """Two states, well and ill, that also switch by themselves: a relapse may lift without a dose."""
    traits = _traits(chance, variety)
    well = _log_normal(26.0, 0.5, chance.normal[:, 5], traits.time)
    ill = _log_normal(30.0, 0.4, chance.normal[:, 6], traits.time)

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        waits = -np.log(chance.cycle_uniform[who, number])
        first = (well[who] * waits[:, 0] ** 0.8)[:, None]
        second = first + (ill[who] * waits[:, 1])[:, None]
        third = second + (well[who] * waits[:, 2])[:, None]
        lifted = np.clip(1 - (days - first) / 3.0, 0.1, 1.0) + np.clip((days - second) / 5.0, 0.0, 0.7)
        return np.asarray(lifted - np.clip((days - third) / 3.0, 0.0, 0.7))

    return Body(_untreated(chance, traits), traits.baseline, traits.top, traits.gain, remaining)


def g3(chance: Chance, variety: Variety) -> Body:
    """A stretched exponential under a seasonal rise and fall of the untreated level."""
    traits = _traits(chance, variety)
    scale = _log_normal(36.0, 0.55, chance.normal[:, 5], traits.time)
    shape = 0.7 + 2.0 * chance.uniform[:, 2]
    days = np.arange(chance.daily_normal.shape[1])
    period = 120 + 245 * chance.uniform[:, 3]
    swing = 1.0 + 3.0 * chance.uniform[:, 4]
    season = swing[:, None] * np.sin(2 * np.pi * (days / period[:, None] + chance.uniform[:, 5][:, None]))

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        cycle = np.exp(0.3 * chance.cycle_normal[who, number, 0]) * (1 - np.exp(-number / 3.0))
        return np.asarray(np.exp(-((days / (scale[who] * cycle)[:, None]) ** shape[who][:, None])))

    return Body(_untreated(chance, traits) + season, traits.baseline, traits.top, traits.gain, remaining)


def g4(chance: Chance, variety: Variety) -> Body:
    """Strong tolerance with the count of doses in some, sensitisation in others; a sigmoid fall."""
    traits = _traits(chance, variety)
    half = _log_normal(27.0, 0.5, chance.normal[:, 5], traits.time)
    trend = -0.06 + 0.09 * chance.uniform[:, 2]

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        lasting = np.exp(np.clip(trend[who] * np.maximum(number - 6, 0), -1.5, 1.5))
        at = (half[who] * lasting * np.exp(0.2 * chance.cycle_normal[who, number, 0]))[:, None]
        steep = at / 5.0
        return np.asarray((1 + np.exp(-at / steep)) / (1 + np.exp((days - at) / steep)))

    return Body(_untreated(chance, traits, drift=0.08), traits.baseline, traits.top, traits.gain, remaining)


def g5(chance: Chance, variety: Variety) -> Body:
    """Slow onset over one to two weeks, never quite sustained."""
    traits = _traits(chance, variety)
    rise = _log_normal(4.0, 0.5, chance.normal[:, 5], np.ones(chance.size))
    scale = _log_normal(34.0, 0.5, chance.normal[:, 6], traits.time)

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        cycle = np.exp(0.3 * chance.cycle_normal[who, number, 0])[:, None]
        late = 1 - (0.5 * np.exp(-(number - 1) / 3.0))[:, None] * np.exp(-days / rise[who][:, None])
        return np.asarray(late * np.exp(-((days / (scale[who][:, None] * cycle)) ** 1.3)))

    body = _untreated(chance, traits, wander=1.8, tau_days=10.0, drift=0.1)
    return Body(body, traits.baseline, traits.top, traits.gain, remaining)


def g6(chance: Chance, variety: Variety) -> Body:
    """A new mechanism in every cycle: decay, plateau or abrupt, as if patients were not of one kind."""
    bodies = [family(chance, variety) for family in (f1, f2, f3)]
    habit = chance.uniform[:, 6:9] ** 2

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        pull = habit[who] + 0.5 * chance.cycle_uniform[who, number]
        kind = np.argmax(pull, axis=1)
        each = np.stack([body.remaining(who, number, days) for body in bodies])
        return np.asarray(each[kind, np.arange(len(who))])

    first = bodies[0]
    untreated = first.untreated + _events(chance, 1 / 200, 3.0, 20.0)
    return Body(untreated, first.baseline, first.top, first.gain, remaining)


def g7(chance: Chance, variety: Variety) -> Body:
    """As F3, but with a nearly constant hazard and patients who are nearly alike: hardly anything can be foreseen."""
    return _abrupt(chance, variety, scale=31.0, frailty=0.4, shape=1.4)


def g8(chance: Chance, variety: Variety) -> Body:
    """A curve of each patient's own: six losses of uneven size at uneven times, from smooth to all at once."""
    traits = _traits(chance, variety)
    v = chance.uniform
    losses = 6
    uneven = 0.25 * 16 ** v[:, 2]  # exponent 0.25 (even sizes) to 4 (one loss is nearly everything)
    size = (-np.log(v[:, 6 : 6 + losses])) ** uneven[:, None]
    size /= size.sum(axis=1, keepdims=True)
    last = _log_normal(45.0, 0.65, chance.normal[:, 5], traits.time)
    at = last[:, None] * np.sort(v[:, 12 : 12 + losses], axis=1) ** (0.5 + v[:, 3])[:, None]
    width = np.maximum(1.0, 0.25 * last * v[:, 4])
    steady = 0.05 + 0.6 * v[:, 5]

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        cycle = np.exp(steady[who] * chance.cycle_normal[who, number, 0])[:, None]
        left = np.ones_like(days)
        for k in range(losses):
            left = left - size[who, k][:, None] * np.clip(
                (days / cycle - at[who, k][:, None]) / width[who][:, None], 0, 1
            )
        return np.asarray(np.maximum(left, 0.05))

    return Body(_untreated(chance, traits, drift=0.06), traits.baseline, traits.top, traits.gain, remaining)


def h1(chance: Chance, variety: Variety) -> Body:
    """Strain builds up to a personal limit, faster in some cycles; from there the effect is lost in four steps."""
    traits = _traits(chance, variety)
    limit = _log_normal(18.0, 0.45, chance.normal[:, 5], traits.time)

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        held = (limit[who] * np.exp(0.3 * chance.cycle_normal[who, number, 0]))[:, None]
        step = held * (0.2 + 0.2 * chance.cycle_uniform[who, number, 1])[:, None]
        lost = np.clip(np.floor((days - held) / step) + 1, 0, 4)
        return np.asarray(1 - 0.23 * lost)

    return Body(_untreated(chance, traits, drift=0.05), traits.baseline, traits.top, traits.gain, remaining)


def h2(chance: Chance, variety: Variety) -> Body:
    """A monthly cycle of the untreated level over a slow power-law loss."""
    traits = _traits(chance, variety)
    scale = _log_normal(40.0, 0.6, chance.normal[:, 5], traits.time)
    days_all = np.arange(chance.daily_normal.shape[1])
    swing = np.where(chance.uniform[:, 3] < 0.5, 2.5, 0.5) * (0.6 + 0.8 * chance.uniform[:, 4])
    month = swing[:, None] * np.sin(
        2 * np.pi * (days_all / (26 + 5 * chance.uniform[:, 5])[:, None] + chance.uniform[:, 6][:, None])
    )

    def remaining(who: Ints, number: Ints, days: Floats) -> Floats:
        cycle = np.exp(0.3 * chance.cycle_normal[who, number, 0])[:, None]
        return np.asarray((1 + days / (scale[who][:, None] * cycle * 1.2)) ** -1.2)

    return Body(_untreated(chance, traits, drift=0.08) + month, traits.baseline, traits.top, traits.gain, remaining)


Family = Callable[[Chance, Variety], Body]
SCORED: Final[Mapping[str, Family]] = {"F1": f1, "F2": f2, "F3": f3, "F4": f4}
FURTHER: Final[Mapping[str, Family]] = {"G1": g1, "G2": g2, "G3": g3, "G4": g4, "G5": g5, "G6": g6, "G7": g7, "G8": g8}
KEPT_APART: Final[Mapping[str, Family]] = {"H1": h1, "H2": h2}
FAMILIES: Final[Mapping[str, Family]] = {**SCORED, **FURTHER, **KEPT_APART}
