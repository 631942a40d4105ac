"""The heart's rhythm in an invented body: the rate that an ECG counts, and the pulse that reaches the finger.

Applied after everything else has set the rate, so that an irregular heart can also be fast, slow or in an event.
Bad at: beats. It gives what monitors show, a rate averaged over some seconds; sizes are chosen by us.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.arrays import Floats
from streams.clinic.artefacts import stretches
from streams.clinic.hazards import Pulled, pull_strength
from streams.clinic.plan import SessionPlan


def apply_rhythm(plan: SessionPlan, second: Floats, channels: dict[Pulled, Floats]) -> None:
    """Change the rate by the rhythm, and set the pulse, in place."""
    hr = channels["hr"]
    pulse = channels["pulse"] = hr if plan.rhythm == "sinus" else hr.copy()
    if plan.rhythm == "sinus":
        return
    rng = plan.rng("rhythm")
    always = np.ones(len(second), dtype=np.bool_)
    if plan.rhythm == "fibrillation":
        # No two intervals alike; a monitor's average over some six beats still wanders by 5-10 /min.
        quick = np.convolve(rng.normal(0, 11, size=len(second) + 3), np.full(4, 0.25), "valid")
        hr += np.clip(quick, -16, 16)
        # Early beats fill little: the finger misses some.
        pulse += np.clip(quick, -16, 16) - np.abs(rng.normal(0, 2.5, size=len(second)))
    elif plan.rhythm == "ectopics":
        for stretch in stretches(rng, always, 60, (1, 5)):
            hr[stretch] += rng.uniform(8, 30)
            pulse[stretch] -= rng.uniform(0, 18)
    elif plan.rhythm == "bigeminy":
        for stretch in stretches(rng, always, 5, (15, 300)):
            pulse[stretch] = hr[stretch] / 2
    elif plan.rhythm == "paced":
        rate = float(rng.choice([60.0, 70.0, 75.0]))
        _steady(plan, second, channels, {"hr": rate, "pulse": rate, "spo2": round(plan.person.spo2)})


def _steady(plan: SessionPlan, second: Floats, channels: dict[Pulled, Floats], at: Mapping[Pulled, float]) -> None:
    """Numbers that look frozen because the heart is: only breathing moves."""
    for channel, value in at.items():
        free = np.ones(len(second), dtype=np.bool_)
        for event in plan.events:
            for pull in event.pulls:
                if pull.channel == channel or (channel == "pulse" and pull.channel == "hr"):
                    free &= pull_strength(pull, event, second) == 0
        channels[channel][free] = value
