"""Who comes to the invented clinic, what they are given, and how strongly their body answers it.

Everything is drawn once per session from published distributions, so that two people differ as patients do. Persons
are aliases: there is no name anywhere in an invented clinic either.
Bad at: links between traits (age, drug history and pressure are drawn apart, but for systolic and diastolic rise).
Cost:   about 50 µs a person. Never here: time, devices, or anything that changes within a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

Drug = Literal["ketamine", "esketamine"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way of treating. Minutes count from the start of the dose; negative is before it.

    A spread is (mean, standard deviation), in mmHg or /min; `dissociation` is (median, sigma of the log) on CADSS-6, 0-24.
    """

    drug: Drug
    route: Literal["iv", "intranasal"]
    cuff_min: tuple[int, ...]
    checkin_min: tuple[int, ...]
    rise_sbp: tuple[float, float]
    rise_dbp: tuple[float, float]
    rise_hr: tuple[float, float]
    dissociation: tuple[float, float]
    sedated: float
    """The share of sessions with MOAA/S below 5."""


KETAMINE: Final = Protocol(
    drug="ketamine",
    route="iv",
    # Riva-Posse 2018: every 10 min during the infusion, then every 15.
    cuff_min=(-4, 10, 20, 30, 40, 55, 70, 85, 100, 115),
    checkin_min=(10, 20, 40, 60, 90, 120),
    # Gen Hosp Psychiatry 2024 (138 people, 2,342 infusions): mean change at the peak and its SD.
    rise_sbp=(16.0, 11.2),
    rise_dbp=(11.0, 8.45),
    # Vankawala 2021, pooled over 15 papers; the spread between people is chosen by us, half of their interval's width.
    rise_hr=(4.1, 3.5),
    # Trials' group means of the 23 items lie at 8-20 of 92, skewed; as a share of 24 that is 2-5.
    dissociation=(3.0, 0.6),
    sedated=0.35,  # chosen by us: the registry's share over all sessions (34.7 %), as no share for 0.5 mg/kg was found
)
ESKETAMINE: Final = Protocol(
    drug="esketamine",
    route="intranasal",
    # Label: before, about 40 min after, before leaving; every 20 min between is usual practice, chosen by us.
    cuff_min=(-4, 20, 40, 60, 80, 100, 116),
    checkin_min=(10, 20, 40, 60, 90, 120),
    # Doherty 2020 (n = 1,708): mean of the largest rise, 18-64 years; SDs taken from the intravenous study above.
    rise_sbp=(13.3, 11.2),
    rise_dbp=(8.7, 8.45),
    rise_hr=(4.1, 3.5),
    dissociation=(2.2, 0.6),  # group means of the 23 items 7-12 of 92 on day 1
    sedated=0.55,  # label, fixed doses: 50 % at 56 mg, 61 % at 84 mg
)
PROTOCOLS: Final[dict[Drug, Protocol]] = {protocol.drug: protocol for protocol in (KETAMINE, ESKETAMINE)}


@dataclass(frozen=True, slots=True)
class Person:
    """A patient at rest: rates in /min, pressures in mmHg, SpO2 in %."""

    alias: str
    weight_kg: float
    birth_year: int
    sex: Literal["female", "male"]
    conditions: tuple[str, ...]
    medications: tuple[str, ...]
    hr: float
    rr: float
    spo2: float
    etco2: float
    sbp: float
    dbp: float


@dataclass(frozen=True, slots=True)
class Response:
    """How this body answers this drug today, each at the drug's full effect."""

    rise_sbp: float
    rise_dbp: float
    rise_hr: float
    half_life_min: float
    dissociation: float
    sedation_depth: Literal[0, 1, 2]
    """How far MOAA/S falls below 5."""
    distress: float


def draw_person(rng: np.random.Generator, alias: str) -> Person:
    """A patient with treatment-resistant depression, inside the ranges in which a clinic would treat."""

    def normal(mean: float, sd: float, lowest: float, highest: float) -> float:
        return float(np.clip(rng.normal(mean, sd), lowest, highest))

    hypertension = rng.random() < 0.27  # chosen by us: near the share of adults of that age
    antidepressant = ("sertraline", "venlafaxine", "bupropion", "mirtazapine")[int(rng.integers(4))]
    return Person(
        alias=alias,
        weight_kg=round(normal(78, 16, 48, 130), 1),  # adults, chosen by us
        birth_year=2026 - round(normal(45, 13, 20, 75)),  # trials' mean age is 45-47
        sex="female" if rng.random() < 0.65 else "male",  # two thirds women, as in the trials
        conditions=("hypertension",) if hypertension else (),
        medications=(antidepressant, "amlodipine") if hypertension else (antidepressant,),
        # Resting adults inside NEWS2's zero bands (pulse 51-90, breathing 12-20, SpO2 at least 96).
        hr=normal(74, 9, 60, 90),
        rr=normal(15, 1.8, 12.5, 18.5),
        spo2=normal(97.3, 0.8, 96.2, 98.8),
        etco2=normal(37, 2, 34, 41),
        # Below 140/90, the label's guide to delaying a dose.
        sbp=normal(126 if hypertension else 120, 8, 100, 133),
        dbp=normal(79 if hypertension else 75, 6, 60, 85),
    )


def draw_response(rng: np.random.Generator, protocol: Protocol) -> Response:
    """Individual effect sizes around the protocol's."""
    # The two pressures rise together (correlation 0.7, chosen by us: they share the cardiac output that drives them).
    shared, apart, hr = rng.normal(size=3)
    deep = rng.random()
    # Most of those sedated are lethargic to name only, MOAA/S 4; one in seven goes deeper (chosen by us).
    depth: Literal[0, 1, 2] = 2 if deep < protocol.sedated / 7 else 1 if deep < protocol.sedated else 0
    median, sigma = protocol.dissociation
    return Response(
        # Cut where single readings end in the same papers: nobody falls by more than 8, and more than 42 is an event.
        rise_sbp=float(np.clip(protocol.rise_sbp[0] + protocol.rise_sbp[1] * shared, -8, 42)),
        rise_dbp=float(np.clip(protocol.rise_dbp[0] + protocol.rise_dbp[1] * (0.7 * shared + 0.714 * apart), -6, 29)),
        rise_hr=float(np.clip(protocol.rise_hr[0] + protocol.rise_hr[1] * hr, -4, 14)),
        half_life_min=float(rng.uniform(20, 30)),  # decay of the pressure rise after infusions: 20-30 min
        # Below 8 of 24, the share of the proposed severe band (30 of 92): beyond it is an event.
        dissociation=float(min(7.0, median * np.exp(sigma * rng.normal()))),
        sedation_depth=depth,
        distress=float(rng.uniform(0, 4)),
    )
