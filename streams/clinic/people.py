"""The invented clinic's patients: who they are, their treatment, and the strength of their body's response.

Traits are drawn once per person, a day's part once per session, from published distributions where there are any, so that two
people differ as patients do. Persons are aliases: there is no name anywhere in an invented clinic either.
Bad at: links between traits (age, drug history and pressure are drawn apart, but for systolic and diastolic rise).
Cost:   about 50 µs a person. Never here: time, devices, or anything that changes within a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

SimulatedDrug = Literal["ketamine", "esketamine"]


@dataclass(frozen=True, slots=True)
class SimulatedProtocol:
    """One way of treating. Minutes count from the start of the dose; negative is before it.

    Effects are those of a first session's usual dose at its peak, over people: `rise_*` the mean in mmHg or /min,
    `dissociation` (median, sigma of the log) on CADSS, 0-92, `sedation` (median, sigma of the log) of a depth of which each
    whole step takes one from MOAA/S. They were set so that what is then measured comes out as published: see docs/clinic.md.
    """

    drug: SimulatedDrug
    route: Literal["iv", "intranasal"]
    cuff_min: tuple[int, ...]
    checkin_min: tuple[int, ...]
    rise_sbp: float
    rise_dbp: float
    rise_hr: float
    rise_sigma: float
    """How much people's rises differ, of their log."""
    dissociation: tuple[float, float]
    sedation: tuple[float, float]


KETAMINE: Final = SimulatedProtocol(
    drug="ketamine",
    route="iv",
    # Riva-Posse 2018: every 10 min during the infusion, then every 15.
    cuff_min=(-4, 10, 20, 30, 40, 55, 70, 85, 100, 115),
    checkin_min=(10, 20, 40, 60, 90, 120),
    # Between the pooled +12.6/+8.5 (Vankawala 2021) and +16/+11 at 40 min (Gen Hosp Psychiatry 2024).
    rise_sbp=13.3,
    rise_dbp=9.2,
    rise_hr=3.4,  # pooled +4.1 (Vankawala 2021), +1.9 (Zhou 2021)
    rise_sigma=0.4,
    dissociation=(7.5, 0.85),  # group means at 40 min 8-20, SD 10-15, skewed
    sedation=(0.97, 0.45),  # chosen by us, near the spray's: no share for 0.5 mg/kg was found
)
ESKETAMINE: Final = SimulatedProtocol(
    drug="esketamine",
    route="intranasal",
    # Label: before, about 40 min after, before leaving; every 20 min between is usual practice, chosen by us.
    cuff_min=(-4, 20, 40, 60, 80, 100, 116),
    checkin_min=(10, 20, 40, 60, 90, 120),
    # Doherty 2020 (n = 1,708): largest mean rise 13.3/8.7, placebo 6.1/4.9; placebo-adjusted 7-9/4-6 at 40 min.
    rise_sbp=10.4,
    rise_dbp=7.1,
    rise_hr=3.4,
    rise_sigma=0.68,
    dissociation=(8.6, 0.8),  # above 4 in 61-84 %; group means 7-12 on day 1
    sedation=(1.2, 0.45),  # label, fixed doses: 50 % at 56 mg, 61 % at 84 mg
)
PROTOCOLS: Final[dict[SimulatedDrug, SimulatedProtocol]] = {
    protocol.drug: protocol for protocol in (KETAMINE, ESKETAMINE)
}

# Between one person's sessions, mmHg and /min (SD). With the differences between people, the drug's own and the cuff's they make
# the SD of 11.2 and 8.45 at the peak (Gen Hosp Psychiatry 2024); how they share it is chosen by us.
_RISE_SD: Final = {"sbp": 4.5, "dbp": 3.6, "hr": 1.8}
_OLDER: Final = 0.008
"""Per year from 45: largest rise 16.0 from 65 on, 13.3 below (Doherty 2020)."""
_HYPERTENSIVE: Final = 1.2
"""180/110 in 5.5-7.6 % of people with hypertension, 2.0-4.9 % overall (Doherty 2020); most of it is where they start from."""
_CLEARANCE_CV: Final = 0.23
_VOLUME_CV: Final = 0.28
"""Perez-Ruixo 2021: hepatic flow 23.2 %, central volume 27.5 %."""
_HALVED_AFTER: Final = 7
"""Dissociation is at about half by the eighth session."""
_SEDATION_HALVED_AFTER: Final = 14
"""Sedation attenuates too; by how much, from 48-61 % at first to 34.7 % of all the registry's sessions."""


@dataclass(frozen=True, slots=True)
class SimulatedPatient:
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
class DrugResponse:
    """This body's response to this drug today; effects at the level that the usual dose has in the usual body."""

    rise_sbp: float
    rise_dbp: float
    rise_hr: float
    dissociation: float
    steepness: float
    """The power of the level that dissociation follows: it comes later and goes sooner than the pressure."""
    sedation: float
    distress: float
    ke0: float
    """Per minute, to the site of effect."""
    tires: float
    tolerance: float
    """What follows at `tires` per minute takes this share away: acute tolerance."""
    clearance: float
    volume: float
    cuff_bias: float
    """What the cuff reads too high on this arm, mmHg."""


def draw_patient(rng: np.random.Generator, alias: str) -> SimulatedPatient:
    """A patient with treatment-resistant depression, inside the ranges in which a clinic would treat."""

    def normal(mean: float, sd: float, lowest: float, highest: float) -> float:
        return float(np.clip(rng.normal(mean, sd), lowest, highest))

    hypertension = rng.random() < 0.27  # chosen by us: near the share of adults of that age
    antidepressant = ("sertraline", "venlafaxine", "bupropion", "mirtazapine")[int(rng.integers(4))]
    return SimulatedPatient(
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
        sbp=normal(127 if hypertension else 119, 8, 98, 138),
        dbp=normal(80 if hypertension else 75, 6, 58, 88),
    )


def draw_response(
    people: np.random.Generator,
    day: np.random.Generator,
    protocol: SimulatedProtocol,
    visit: int,
    person: SimulatedPatient,
) -> DrugResponse:
    """How a person (whose stream `people` is) answers on a day, at the `visit`-th session of a course."""
    rise, apart, hr, far, sleepy, clearance, volume, ke0, bias = people.normal(size=9)
    tires, tolerance, steepness, distress = people.random(4)
    today_rise, today_apart, today_hr, today_far, today_sleepy = day.normal(size=5)
    # Dissociation and rise go together (Zhou 2021); the two pressures share the output of the heart. Sizes chosen by us.
    far = 0.3 * rise + 0.954 * far
    apart, today_apart = 0.7 * rise + 0.714 * apart, 0.7 * today_rise + 0.714 * today_apart
    more = 1 + _OLDER * (2026 - person.birth_year - 45)
    more *= _HYPERTENSIVE if "hypertension" in person.conditions else 1

    sigma = protocol.rise_sigma

    def raised(mean: float, name: str, lasting: float, today: float, factor: float) -> float:
        # Skewed: most rise a little and a few very much, or 8-19 % with a rise of 40 or 25 would not go with a mean of 9.
        return mean * factor * float(np.exp(sigma * lasting - sigma**2 / 2)) + _RISE_SD[name] * today

    (median, spread), (sleep, sleep_sigma) = protocol.dissociation, protocol.sedation
    return DrugResponse(
        # Nothing attenuates here: no tolerance of the pressure was seen over six infusions (Riva-Posse 2018, Zhou 2021).
        rise_sbp=raised(protocol.rise_sbp, "sbp", rise, today_rise, more),
        rise_dbp=raised(protocol.rise_dbp, "dbp", apart, today_apart, more),
        rise_hr=raised(protocol.rise_hr, "hr", hr, today_hr, 1),
        # Of the log's variance four fifths are the person's, the rest the day's. Chosen by us.
        dissociation=float(
            median * np.exp(spread * (0.9 * far + 0.436 * today_far)) * 0.5 ** ((visit - 1) / _HALVED_AFTER)
        ),
        steepness=1.6 + 1.2 * float(steepness),
        sedation=float(
            sleep
            * np.exp(sleep_sigma * (0.9 * sleepy + 0.436 * today_sleepy))
            * 0.5 ** ((visit - 1) / _SEDATION_HALVED_AFTER)
        ),
        distress=4.0 * float(distress),
        # No human value of ke0 is known: 0.1 to 0.7, in the middle 0.3. What tires was set by the decay of the pressure.
        ke0=float(np.clip(0.3 * np.exp(0.4 * ke0), 0.1, 0.7)),
        tires=0.014 + 0.012 * float(tires),
        tolerance=0.5 + 0.25 * float(tolerance),
        clearance=float(np.exp(_CLEARANCE_CV * clearance)),
        volume=float(np.exp(_VOLUME_CV * volume)),
        cuff_bias=float(np.clip(3.0 * bias, -5, 5)),
    )
