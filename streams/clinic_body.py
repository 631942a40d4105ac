"""The invented body: what is really so at each second of a session, before any device has looked at it.

One array per channel over the session's seconds: a resting value, the drug's effect, slow autocorrelated wandering, and
the pull of the events that the plan holds. Outside events everything is kept short of the limits that events cross, so that
what really happened can be read off these arrays exactly.
Bad at: anything within a breath or a beat, circadian change, and physiology's feedback (a fast heart after a low pressure).
Cost:   about 2 ms a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.clinic_hazards import Floats, Pulled, grip
from streams.clinic_plan import SessionPlan
from streams.clinic_rhythm import beat

PEAK_MIN: Final = 40.0
"""Pressure, dissociation and plasma level peak about 40 min after the start of a 40 min infusion or of a spray."""
RISE_MIN: Final = 25.0
"""Time constant of the rise: 0.41 of the peak at 10 min, 0.69 at 20; Clements' model of the same infusion has 0.35, 0.62."""


@dataclass(frozen=True, slots=True)
class Given:
    """One dose given. `share` is of the usual dose; a spray cannot be stopped."""

    at_min: float
    share: float = 1.0
    stopped_min: float | None = None


def effect_level(doses: tuple[Given, ...], minute: Floats, half_life_min: float) -> Floats:
    """The drug's effect, 0 none to 1 the usual dose's peak, from the history of doses.

    The seam for a pharmacokinetic model: nothing else in the clinic knows how an effect comes and goes.

    Args:
        doses: what was given, on the same axis as `minute`.
        minute: the minutes asked for, any shape.
        half_life_min: of the decay after the peak.
    """
    level = np.zeros_like(minute)
    for dose in doses:
        since = np.maximum(minute - dose.at_min, 0.0)
        flow_min = PEAK_MIN if dose.stopped_min is None else np.clip(dose.stopped_min - dose.at_min, 0.0, PEAK_MIN)
        risen = (1 - np.exp(-np.minimum(since, flow_min) / RISE_MIN)) / (1 - np.exp(-PEAK_MIN / RISE_MIN))
        level += dose.share * risen * 0.5 ** (np.maximum(since - flow_min, 0.0) / half_life_min)
    return level


@dataclass(frozen=True, slots=True)
class Body:
    """What is so, one value per second since the session's start."""

    second: Floats
    level: Floats
    channels: dict[Pulled, Floats]


# Wandering as (knot spacing s, standard deviation): the fast part as wide as in eight minutes of intensive-care recordings
# (bidmc: medians 1.6 /min, 1.2 /min, 0.46 %), the slow part and pressures chosen by us.
_WANDERS: Final[dict[Pulled, tuple[tuple[float, float], ...]]] = {
    "hr": ((15, 1.5), (240, 1.5)),
    "rr": ((25, 1.0), (240, 0.6)),
    "spo2": ((45, 0.45),),
    "etco2": ((30, 0.9),),
    "sbp": ((240, 3.0),),
    "dbp": ((240, 2.0),),
}
# Where a body without an event stays: inside every limit that a protocol acts on, with room for a device's error.
_KEPT: Final[dict[Pulled, tuple[float, float]]] = {
    "hr": (55, 106),
    "rr": (11, 21),
    "spo2": (94.6, 99.4),
    "etco2": (31, 45),
    "sbp": (97, 172),
    "dbp": (55, 103),
    "cadss": (0, 7),
    "distress": (0, 5),
    "moaas": (3, 5),
}


def live(plan: SessionPlan) -> Body:
    """Live through the planned session."""
    rng = plan.rng("body")
    person, response = plan.person, plan.response
    second: Floats = np.arange(plan.end_s + 1, dtype=np.float64)
    minute = (second - plan.dose_s) / 60
    stopped_min = None if plan.stopped_s is None else (plan.stopped_s - plan.dose_s) / 60
    level = effect_level((Given(0.0, stopped_min=stopped_min),), minute, response.half_life_min)
    sleepy = (level > 0.5).astype(np.float64) * min(1, response.sedation_depth)  # from about 13 min to an hour (label)
    # The scale has whole steps, and the deepest lasts as long as the peak: 30-45 min.
    sleepy += (level > 0.85) * max(0, response.sedation_depth - 1)
    channels: dict[Pulled, Floats] = {
        "hr": person.hr + response.rise_hr * level,
        "rr": person.rr - 0.6 * sleepy,
        "spo2": person.spo2 - 0.7 * sleepy,
        "etco2": person.etco2 + 1.0 * sleepy,
        "sbp": person.sbp + response.rise_sbp * level,
        "dbp": person.dbp + response.rise_dbp * level,
        # Dissociation is gone by 80-120 min, sooner than the pressure: it follows the level's square.
        "cadss": response.dissociation * level**2,
        "distress": response.distress * level,
        "moaas": 5 - sleepy,
    }
    for channel, wanders in _WANDERS.items():
        for knot_s, sd in wanders:
            channels[channel] += wander(rng, second, knot_s, sd)
    for channel, (lowest, highest) in _KEPT.items():
        np.clip(channels[channel], lowest, highest, out=channels[channel])
    for event in plan.events:
        for pull in event.pulls:
            value = channels[pull.channel]
            held = grip(pull, event, second)
            goal = pull.mild + event.strength * (pull.grave - pull.mild)
            if pull.channel == "moaas":
                np.copyto(value, goal, where=(held > 0.5) & (value > goal))
            elif goal == 0:
                value *= 1 - held
            else:
                middle = float(np.median(value[held > 0])) if (held > 0).any() else 0.0
                value += held * (goal - value + pull.noise * np.clip(value - middle, -1, 1))
    beat(plan, second, channels)
    return Body(second, level, channels)


def wander(rng: np.random.Generator, second: Floats, knot_s: float, sd: float) -> Floats:
    """Smooth noise of standard deviation `sd`: independent knots joined by straight lines, remembered for about `knot_s`."""
    knots = rng.normal(0.0, sd * np.sqrt(1.5), size=int(second[-1] // knot_s) + 3)  # lines between knots lose a third
    offset = rng.random()
    line: Floats = np.interp(second / knot_s + offset, np.arange(len(knots)), knots)
    return line
