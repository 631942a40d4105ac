"""What the body does with a drug, as data: compartments, flows between them, and what each route puts where.

A row is a linear compartment model: amounts flow from one compartment to another, or out of the body, at a constant rate per
minute. `pharmacokinetics.py` solves any such row exactly, so a new compound is a row. Weight is no covariate where `per_kg` is
false. Amounts are in mg of base, volumes in L (where `per_kg`: L/kg), concentrations are of plasma, total, in ng/mL.
Tags on sources: (M) means from memory of the paper and not seen again.
Bad at: one person. Between people clearance and volume differ by a quarter to a half (Perez-Ruixo 2021), and the two models of
the racemate differ by a factor of two from minute 60 on, so no "the drug is gone" may rest on either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Uptake:
    """A share of a dose that enters a compartment: at once or, where `over_min`, evenly over that long after it.

    `later` is the share of sprays after the first of a sitting; None: the same.
    """

    into: str
    share: float
    later: float | None = None
    over_min: float = 0.0


@dataclass(frozen=True, slots=True)
class Absorption:
    """A route. A spray comes in devices of `device_mg`, `device_min` apart."""

    route: str
    uptakes: tuple[Uptake, ...]
    source: str
    device_mg: float | None = None
    device_min: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Kinetics:
    """A compartment model, equal to itself only: what was solved for it is looked up by it.

    `flows`: (from, to or None for out of the body, per minute). `volume` is the central compartment's. Compartments in `depots`
    hold what is not taken up yet: body size and clearance do not change their flows.
    """

    name: str
    drug: str
    per_kg: bool
    volume: float
    flows: tuple[tuple[str, str | None, float], ...]
    depots: tuple[str, ...]
    intakes: tuple[Absorption, ...]
    source: str

    def intake(self, route: str | None) -> Absorption:
        """The intake by a route; of one that is not listed, the first."""
        return next((each for each in self.intakes if each.route == route), self.intakes[0])


def _hourly(*flows: tuple[str, str | None, float]) -> tuple[tuple[str, str | None, float], ...]:
    return tuple((source, target, rate / 60) for source, target, rate in flows)


_VEIN = Absorption("iv", (Uptake("central", 1.0),), "by vein everything arrives")

# fmt: off
# Where the racemate enters other than by vein. Rates put the peak where the papers saw it; none was fitted here.
_RACEMATE: Final = (
    _VEIN,
    Absorption("im",         (Uptake("muscle", 0.93),),  "Grant 1981 (M): 93 %, peak at 22 min"),
    Absorption("sc",         (Uptake("muscle", 0.93),),  "taken as intramuscular: no human value was found"),
    Absorption("intranasal", (Uptake("mucosa", 0.45),),  "Yanagihara 2003 (M): 45 %"),
    Absorption("sublingual", (Uptake("mucosa", 0.30),),  "Yanagihara 2003, Rolan 2014 (M): 29-30 %"),
    Absorption("oral",       (Uptake("gut", 0.17),),     "Clements 1982 (M): 17 %, peak at 30 min"),
)
_DEPOTS: Final = (("muscle", "central", 0.09), ("mucosa", "central", 0.06), ("gut", "central", 0.05))

CLEMENTS: Final = Kinetics(
    "clements-250", "ketamine", True, 1.7522,
    (("central", None, 0.0109), ("central", "slow", 0.0186), ("slow", "central", 0.0137), *_DEPOTS),
    ("muscle", "mucosa", "gut"), _RACEMATE,
    "Clements & Nimmo 1981 (0.25 mg/kg), venous; its peak of 0.5 mg/kg over 40 min is within 5 % of what was observed (Zanos 2018)",
)
DOMINO: Final = Kinetics(
    "domino", "ketamine", True, 0.063,
    (("central", None, 0.4381), ("central", "fast", 0.5921), ("fast", "central", 0.247), ("central", "slow", 0.59),
     ("slow", "central", 0.0146), *_DEPOTS),
    ("muscle", "mucosa", "gut"), _RACEMATE,
    "Domino 1982/1984, arterial-like: higher during an infusion, half of Clements an hour after; the bound, not the default",
)

# Perez-Ruixo 2021, n = 820: litres and litres per hour, rates per hour. The liver is a well-stirred compartment of its own, so
# what is swallowed passes it first. Bioavailability of the nose 0.54 for the first device, times 0.62 for later ones; of what is
# swallowed 0.64 leaves the gut.
_VC, _VP1, _VP2, _VH = 192.0, 143.0, 417.0, 101.0
_Q1, _Q2, _QH = 84.3, 37.6, 151.0
_NOSE, _LATER, _GUT = 0.54, 0.54 * 0.62, 0.64
PEREZ_RUIXO: Final = Kinetics(
    "perez-ruixo", "esketamine", False, _VC,
    _hourly(
        ("central", "liver", _QH / _VC), ("liver", "central", _QH / _VH), ("liver", None, 1.11 + 2.77),
        ("central", "fast", _Q1 / _VC), ("fast", "central", _Q1 / _VP1),
        ("central", "slow", _Q2 / _VC), ("slow", "central", _Q2 / _VP2),
        ("nose", "central", 2.93), ("gut", "liver", 1.45), ("muscle", "central", 0.09 * 60),
    ),
    ("nose", "gut", "muscle"),
    (
        Absorption(
            "intranasal",
            (Uptake("nose", _NOSE, _LATER), Uptake("gut", (1 - _NOSE) * _GUT, (1 - _LATER) * _GUT, 0.53 * 60)),
            "Perez-Ruixo 2021, table 3; devices of 28 mg, 5 min apart: US label", 28.0, 5.0,
        ),
        _VEIN,
        Absorption("oral", (Uptake("gut", _GUT, None, 0.53 * 60),), "as what is swallowed of the spray"),
        Absorption("im", (Uptake("muscle", 0.93),), "taken as the racemate"),
        Absorption("sc", (Uptake("muscle", 0.93),), "taken as the racemate"),
    ),
    "Perez-Ruixo 2021 (n = 820), as transcribed by nlmixr2lib; reproduces the published peaks and AUC of 28, 56 and 84 mg",
)
# fmt: on

KINETICS_OF: Final = {"ketamine": CLEMENTS, "esketamine": PEREZ_RUIXO}
"""The default model of each drug."""

POTENCY: Final = {"ketamine": 1.0, "esketamine": 1.65}
"""Effect per concentration, the racemate's being 1: by the affinities for the NMDA receptor (Ebert 1997, rat: S 0.3, R 1.4 µM),
S alone is (1/0.3) / ((1/0.3 + 1/1.4) / 2) = 1.65 times as potent."""
