"""The invented body: a plan in, the true value of every channel at each second of the session out, before any device.

One array per channel over the session's seconds: a resting value, what the drug does, slow autocorrelated wandering, and the
pull of the events that the plan holds. The drug is `models/session/pharmacokinetics.py`'s: its effect site drives pressure, rate,
dissociation and sedation, each by this person's sensitivity. What really happened can be read off these arrays exactly.
Bad at: anything within a breath or a beat, circadian change, and physiology's feedback (a fast heart after a low pressure).
Cost:   about 2 ms a session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from models.arrays import Floats
from models.session import pharmacokinetics
from models.session.pharmacokinetics import USUAL_BODY, DoseEvent, racemate_equivalent
from streams.clinic.hazards import Pulled, pull_strength
from streams.clinic.people import SimulatedDrug
from streams.clinic.plan import SessionPlan
from streams.clinic.rhythm import apply_rhythm

_GRID_S: Final = 15
"""Concentrations are worked out this often and joined by lines: nothing in them is quicker."""
_USUAL_KE0, _USUAL_TIRES, _USUAL_TOLERANCE = 0.3, 0.02, 0.625


def drug_level(
    doses: Sequence[DoseEvent], minute: Floats, body: pharmacokinetics.Body, ke0: float, tires: float, tolerance: float
) -> Floats:
    """The drug's net effect in ng/mL of racemate: the effect site less acute tolerance, never below 0.

    Plasma alone is not enough: 80 min after the start of an infusion it is at half its peak, and the pressure at a quarter.
    """
    felt = racemate_equivalent(doses, minute, ke0, body) - tolerance * racemate_equivalent(doses, minute, tires, body)
    net: Floats = np.maximum(felt, 0.0)
    return net


@cache
def usual_peak(drug: SimulatedDrug) -> float:
    """The highest level of one usual dose in the usual body: the level to which a response's effects refer."""
    dose = (
        DoseEvent("ketamine", "iv", 0.0, 35.0, 40.0)
        if drug == "ketamine"
        else DoseEvent("esketamine", "intranasal", 0.0, 84.0, 10.0)
    )
    minute = np.arange(0.0, 90.0, 0.5)
    return float(drug_level([dose], minute, USUAL_BODY, _USUAL_KE0, _USUAL_TIRES, _USUAL_TOLERANCE).max())


def actual_doses(plan: SessionPlan) -> DoseEvent:
    """The doses that this body really got, in minutes from the start of the dose."""
    dose = DoseEvent(plan.protocol.drug, plan.protocol.route, 0.0, plan.planned_mg, float(plan.planned_minutes))
    return dose if plan.stopped_s is None else dose.stopped((plan.stopped_s - plan.dose_s) / 60)


@dataclass(frozen=True, slots=True)
class Physiology:
    """The true state, one value per second since the session's start."""

    share: Floats
    """The drug's level, 1 at the usual dose's usual peak."""
    channels: dict[Pulled, Floats]


# Wandering as (knot spacing s, standard deviation): the fast part as wide as in eight minutes of intensive-care recordings
# (bidmc: medians 1.6 /min, 1.2 /min, 0.46 %), the slow part and pressures chosen by us.
_WANDERS: Final[dict[Pulled, tuple[tuple[float, float], ...]]] = {
    "hr": ((15, 1.5), (240, 1.5)),
    "rr": ((25, 1.0), (240, 0.6)),
    "spo2": ((45, 0.45),),
    "etco2": ((30, 0.9),),
    "sbp": ((240, 2.5),),
    "dbp": ((240, 2.0),),
}
CADSS_TOP: Final = 92.0
"""CADSS's end."""
# Where a body without an event stays: of what the drug hardly moves inside every limit, with room for a device's error.
# Pressure and dissociation go where the drug takes them.
_KEPT: Final[dict[Pulled, tuple[float, float]]] = {
    "hr": (55, 106),
    "rr": (11, 21),
    "spo2": (94.6, 99.4),
    "etco2": (31, 45),
    "sbp": (97, 230),
    "dbp": (52, 135),
    "cadss": (0, 92),
    "distress": (0, 5),
    "moaas": (3, 5),
}


def simulate_body(plan: SessionPlan) -> Physiology:
    """Simulate the body of a planned session."""
    rng = plan.rng("body")
    person, response = plan.person, plan.response
    second: Floats = np.arange(plan.end_s + 1, dtype=np.float64)
    minute = (second - plan.dose_s) / 60
    at_min = np.arange(minute[0], minute[-1] + _GRID_S / 30, _GRID_S / 60)
    frame = pharmacokinetics.Body(person.weight_kg, response.clearance, response.volume)
    felt = drug_level([actual_doses(plan)], at_min, frame, response.ke0, response.tires, response.tolerance)
    share: Floats = np.interp(minute, at_min, felt / usual_peak(plan.protocol.drug))
    # The scale has whole steps; deeper than 3 nobody goes without an event.
    sleepy = np.clip(np.floor(response.sedation * share), 0, 2)
    drowsy = np.minimum(response.sedation * share, 2)
    far = response.dissociation * share**response.steepness * np.exp(wander(rng, second, 400, 0.15))
    channels: dict[Pulled, Floats] = {
        "hr": person.hr + response.rise_hr * share,
        "rr": person.rr - 0.6 * drowsy,
        "spo2": person.spo2 - 0.5 * drowsy,
        "etco2": person.etco2 + 1.0 * drowsy,
        "sbp": person.sbp + response.rise_sbp * share,
        "dbp": person.dbp + response.rise_dbp * share,
        "cadss": CADSS_TOP * (1 - np.exp(-far / CADSS_TOP)),
        "distress": response.distress * np.minimum(share, 1),
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
            held = pull_strength(pull, event, second)
            goal = pull.mild + event.strength * (pull.grave - pull.mild)
            if pull.channel == "moaas":
                np.copyto(value, goal, where=(held > 0.5) & (value > goal))
            elif goal == 0:
                value *= 1 - held
            else:
                middle = float(np.median(value[held > 0])) if (held > 0).any() else 0.0
                value += held * (goal - value + pull.noise * np.clip(value - middle, -1, 1))
    apply_rhythm(plan, second, channels)
    return Physiology(share, channels)


def wander(rng: np.random.Generator, second: Floats, knot_s: float, sd: float) -> Floats:
    """Smooth noise of standard deviation `sd`: independent knots, `knot_s` apart, joined by straight lines."""
    knots = rng.normal(0.0, sd * np.sqrt(1.5), size=int(second[-1] // knot_s) + 3)  # lines between knots lose a third
    offset = rng.random()
    line: Floats = np.interp(second / knot_s + offset, np.arange(len(knots)), knots)
    return line
