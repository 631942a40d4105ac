"""Treatments as data: drug × route, what a session of it looks like, what its usual dose is, and how far apart doses are.

Every table here is for a clinician to review on one screen; a new compound is a row here and one in `compounds.py`, not code.
Tags on sources: (M) means from memory of the paper and not seen again, to be verified before it decides anything alone.
Bad at: a clinic's own protocol, which goes into its configuration; whether a treatment is indicated.
Never here: what the body does with a drug (`compounds.py`), whom it may harm (`conditions.py`), when anything is overdue.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Final, Literal

from models.instants import MINUTE
from models.tables.channels import ChannelName

Route = Literal["iv", "im", "sc", "intranasal", "oral", "sublingual"]

ROUTE_TITLES: Final[dict[Route, str]] = {
    "iv": "IV",
    "im": "IM",
    "sc": "SC",
    "intranasal": "Nasal",
    "oral": "Oral",
    "sublingual": "Sublingual",
}

ROUTES_CALLED: Final[dict[str, Route]] = {
    "i-v": "iv", "intravenous": "iv", "intravenously": "iv", "infusion": "iv",
    "i-m": "im", "intramuscular": "im", "intramuscularly": "im",
    "s-c": "sc", "subcutaneous": "sc", "subcutaneously": "sc", "subcut": "sc", "sq": "sc",
    "nasal": "intranasal", "nasally": "intranasal", "intra-nasal": "intranasal", "nasal-spray": "intranasal", "spray": "intranasal", "i-n": "intranasal", "in": "intranasal",
    "po": "oral", "p-o": "oral", "orally": "oral", "by-mouth": "oral", "sl": "sublingual", "s-l": "sublingual", "under-the-tongue": "sublingual",
}  # fmt: skip
"""Other names of the routes, as slugs."""

SessionPhase = Literal["before", "dosing", "observation", "unscheduled"]

WEIGHT_KG: Final = 70.0
"""The adult of every published parameter set, where a weight is not known."""


@dataclass(frozen=True, slots=True)
class TreatmentProtocol:
    """What is expected of a session. All minutes; None: not expected.

    Cuffs are overdue after `cuff_*_min` in each phase, check-ins of consciousness or dissociation after `checkin_min` from the
    start of the dose on: the usual cadence plus a grace of half of it, chosen by us, because a nurse who is five minutes late
    is at work, not absent. Observation lasts `observe_min` from the start of the dose and, where `until_resolved`, until
    sedation, dissociation and vital signs are back. A pressure above `predose_mmhg` (systolic, diastolic) asks before a dose.
    `pressure_at_min`: when one cuff is due whatever the cadence (the time of the peak). `expects`: continuous channels without
    which it is not watched (REMS 2023: pulse oximetry at each session; APA 2017: respiratory status).
    """

    name: str
    title: str
    dose_min: float
    observe_min: float
    cuff_before_min: float | None
    cuff_dosing_min: float | None
    cuff_observation_min: float | None
    checkin_min: float | None
    pressure_at_min: float | None
    predose_mmhg: tuple[float, float] | None
    until_resolved: bool
    source: str
    expects: tuple[ChannelName, ...] = ("spo2",)

    def cuff_overdue_us(self, phase: SessionPhase) -> int | None:
        """How long after the last cuff the next is overdue, in microseconds; None where none is expected."""
        minutes = {
            "before": self.cuff_before_min,
            "dosing": self.cuff_dosing_min,
            "observation": self.cuff_observation_min,
            "unscheduled": None,
        }[phase]
        return None if minutes is None else round(minutes * MINUTE)


@dataclass(frozen=True, slots=True)
class Treatment:
    """A drug by a route. `usual` is one usual dose, in mg or, where `per_kg`, in mg/kg; None: it has no amount.

    An amount outside `plausible_mg` is a slip of unit or finger. `peak_min` and `gone_min` are when dissociation and the
    pressure are usually at their highest, and dissociation gone, in minutes from the start of the dose; `rise_mmhg` is the
    usual range of the systolic rise then.
    """

    drug: str
    route: str | None
    protocol: TreatmentProtocol
    usual: float | None
    per_kg: bool
    plausible_mg: tuple[float, float] | None
    peak_min: float
    gone_min: float
    rise_mmhg: tuple[int, int] | None
    source: str


_ASK: Final = (140.0, 90.0)
"""Systolic above, or diastolic above: the US label of esketamine asks to weigh and perhaps delay (a guide, no ban). For
ketamine it is borrowed from there, as clinics do."""

# fmt: off
#                     name             title                  dose observe  cuffs, in the three phases check-in at  ask   resolved
UNSCHEDULED: Final = TreatmentProtocol("unscheduled", "Unscheduled",          0,   0,      None, None, None,        None,    None, None, False, "nothing was announced, so nothing is overdue", ())
NO_DRUG:     Final = TreatmentProtocol("no-drug",  "Treatment without a drug", 0,  0,      None, None, None,        None,    None, None, False, "watched elsewhere; it counts for the course", ())
OTHER:       Final = TreatmentProtocol("other",    "Ketamine",               40, 120,      30,   20,   25,          45,      40,   _ASK, True,  "as intravenous, until the clinic says otherwise")
_IV          = TreatmentProtocol("ketamine-iv",    "Ketamine infusion",      40, 120,      30,   15,   22.5,        45,      40,   _ASK, True,  "Riva-Posse 2018: cuff every 10 min, then every 15; 2 h: ASA 2025, McIntyre 2021")
_ESK_IV      = TreatmentProtocol("esketamine-iv",  "Esketamine infusion",    40, 120,      30,   15,   22.5,        45,      40,   _ASK, True,  "as ketamine by infusion")
_INJECTED    = TreatmentProtocol("ketamine-im",    "Ketamine injection",      1, 120,      30,   22.5, 22.5,        45,      30,   _ASK, True,  "cuff every 15 min to 120 min: Del Sant 2020 (subcutaneous)")
_UNDER_SKIN  = TreatmentProtocol("ketamine-sc",    "Ketamine injection",      1, 120,      30,   22.5, 22.5,        45,      30,   _ASK, True,  "cuff every 15 min to 120 min: Del Sant 2020")
_ESK_SC      = TreatmentProtocol("esketamine-sc",  "Esketamine injection",    1, 120,      30,   22.5, 22.5,        45,      30,   _ASK, True,  "cuff every 15 min to 120 min: Del Sant 2020")
_SPRAY       = TreatmentProtocol("esketamine-nasal", "Esketamine spray",     10, 120,      30,   50,   50,          60,      40,   _ASK, True,  "US label and REMS: cuff before, about 40 min after, before leaving; at least 2 h and resolved")
_KET_NASAL   = TreatmentProtocol("ketamine-nasal", "Ketamine spray",         10, 120,      30,   22.5, 22.5,        45,      40,   _ASK, True,  "as by injection; Lapidus 2014")
_SWALLOWED   = TreatmentProtocol("ketamine-oral",  "Ketamine by mouth",      10, 120,      30,   45,   45,          60,      60,   _ASK, True,  "slower and flatter than an injection: cadence chosen by us")

_TABLE: Final = (
    #         drug          route         protocol     usual  per kg plausible mg   peak gone   systolic rise
    Treatment("ketamine",   "iv",         _IV,          0.5,  True,  (5, 300),       40, 100,   (10, 20), "Singh 2016, Sanacora 2017; peak 40 min, near baseline 80-120; rise: Yale 2024 +16 (SD 11)"),
    Treatment("ketamine",   "im",         _INJECTED,    0.5,  True,  (5, 300),       25,  90,   (10, 20), "Chilukuri 2014, Loo 2016 (M): 0.5 mg/kg as by vein"),
    Treatment("ketamine",   "sc",         _UNDER_SKIN,  0.5,  True,  (5, 300),       30,  90,   (10, 20), "Loo 2016, 2023 (M): 0.5 mg/kg, up to 0.9"),
    Treatment("ketamine",   "intranasal", _KET_NASAL,  50.0,  False, (5, 300),       40, 100,   (5, 15),  "Lapidus 2014 (M): 50 mg"),
    Treatment("ketamine",   "oral",       _SWALLOWED,   1.0,  True,  (10, 600),      60, 120,   (5, 15),  "Domany 2019 (M): 1 mg/kg"),
    Treatment("ketamine",   "sublingual", _SWALLOWED,   1.5,  True,  (10, 1200),     45, 120,   (5, 15),  "Swainson 2020 (M): 0.5-3 mg/kg, its middle; at home up to 1,200 mg (Hull 2022, M)"),
    Treatment("esketamine", "intranasal", _SPRAY,      84.0,  False, (14, 168),      40,  90,   (7, 16),  "US label: 56 or 84 mg; peak 40 min, gone by 1.5 h; rise: Doherty 2020 +13, placebo-adjusted +7-9"),
    Treatment("esketamine", "iv",         _ESK_IV,      0.25, True,  (2, 150),       40, 100,   (10, 20), "Correia-Melo 2020 (M): 0.25 mg/kg over 40 min beside racemate 0.5"),
    Treatment("esketamine", "sc",         _ESK_SC,      0.5,  True,  (5, 200),       30,  90,   (10, 20), "Del Sant 2020: 0.5 mg/kg, up to 1"),
    Treatment("ect",        None,         NO_DRUG,     None,  False, None,            0,   0,   None,     "a treatment of the course; it has no amount"),
    Treatment("tms",        None,         NO_DRUG,     None,  False, None,            0,   0,   None,     "a treatment of the course; it has no amount"),
)
# fmt: on

TREATMENTS: Final = {(treatment.drug, treatment.route): treatment for treatment in _TABLE}
_FIRST_ROUTE: Final = {treatment.drug: treatment for treatment in reversed(_TABLE)}
"""The route that is meant where none is said: each drug's first row."""


@lru_cache(maxsize=1000)
def treatment_of(drug: str | None, route: str | None) -> Treatment | None:
    """The row of a drug by a route; of a drug alone, its first row; None: not in the table."""
    name = (drug or "").strip().lower()
    found = TREATMENTS.get((name, route)) or TREATMENTS.get((name, None))
    return found if found is not None or route is not None else _FIRST_ROUTE.get(name)


def protocol_of(drug: str | None, route: str | None) -> TreatmentProtocol:
    """The protocol of a planned treatment."""
    found = treatment_of(drug, route)
    return OTHER if found is None else found.protocol


_STRENGTH: Final = 0.4
"""Doses do not add up: 56 mg of esketamine works like 0.85 of 84 mg in the trials, and (56/84)^0.4 = 0.85. For ketamine the same,
which agrees with Fava 2020 (M): twice the dose is no clear gain, half of it is a clear loss."""
_STRONGEST: Final = (0.3, 1.4)
"""Beyond what was studied (0.1 to 1 mg/kg: 0.5 to 1.3) nothing more is read into an amount. Chosen by us."""


def plausible(drug: str | None, route: str | None, amount_mg: float | None) -> bool:
    """Whether somebody can have meant this amount."""
    found = treatment_of(drug, route)
    if found is None or found.plausible_mg is None or amount_mg is None or not isfinite(amount_mg):
        return False
    lowest, highest = found.plausible_mg
    return lowest <= amount_mg <= highest


def usual_mg(drug: str | None, route: str | None, weight_kg: float | None = None) -> float | None:
    """One usual dose in mg; None for what has no amount or is not in the table."""
    found = treatment_of(drug, route)
    if found is None or found.usual is None:
        return None
    return found.usual * (weight_kg or WEIGHT_KG) if found.per_kg else found.usual


def usual_doses(
    drug: str | None, route: str | None, amount_mg: float | None = None, weight_kg: float | None = None
) -> float:
    """How strongly a dose works on the mood, 1 for one usual dose: 84 mg of esketamine 1, 56 mg 0.85, 0.5 mg/kg of ketamine 1.

    An amount that is not known or not plausible, and whatever has no amount or is not in the table, is one usual dose.
    """
    usual = usual_mg(drug, route, weight_kg)
    if usual is None or amount_mg is None or not plausible(drug, route, amount_mg):
        return 1.0
    weakest, strongest = _STRONGEST
    return float(min(max((amount_mg / usual) ** _STRENGTH, weakest), strongest))


# ---- spacing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spacing:
    """From `from_day` after the first dose on, doses are usually at least `min_days` apart."""

    drug: str
    from_day: int
    min_days: int
    words: str
    source: str


# fmt: off
SPACINGS: Final = (
    # Three days where the label says "twice a week", as it names no shortest gap.
    Spacing("esketamine",  0,  3, "twice a week in weeks 1-4",                       "US label §2.2"),
    Spacing("esketamine", 28,  7, "once a week in weeks 5-8",                        "US label §2.2"),
    Spacing("esketamine", 56,  7, "every two weeks or weekly, the least frequent that holds", "US label §2.2"),
    Spacing("ketamine",    0,  2, "two or three times a week in the first course",   "Singh 2016; Sanacora 2017"),
    Spacing("ketamine",   30,  7, "at most weekly from the second month on, else consider stopping", "Sanacora 2017"),
)
# fmt: on


def spacing_of(drug: str | None, day: int) -> Spacing | None:
    """What the label or guidance says of the gap between doses so many days after the first one; None: nothing."""
    name = (drug or "").strip().lower()
    rows = [row for row in SPACINGS if row.drug == name and row.from_day <= day]
    return rows[-1] if rows else None
