"""What is asked of an amount before it is believed to be meant: a drug by a route, and the most that is usual of it at once.

Beyond it, beyond twice what was planned, or again within minutes of a full dose, `dose-check` says so. It changes nothing of
what is counted: a dose is counted as it was stated. Never here: what is plausible at all (`drugs.py`), the sentence.
Sources with (M) are from memory of the paper and not seen again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.instants import MINUTE
from models.tables.drugs import WEIGHT_KG, treatment_of


@dataclass(frozen=True, slots=True)
class DoseLimit:
    """The most of a drug by a route in one treatment: mg or, where `per_kg`, mg/kg."""

    drug: str
    route: str
    most: float
    per_kg: bool
    source: str

    def most_mg(self, weight_kg: float | None) -> float:
        """In mg, for a person; of an unknown weight as for `WEIGHT_KG`."""
        return self.most * (weight_kg or WEIGHT_KG) if self.per_kg else self.most


# fmt: off
_TABLE: Final = (
    #         drug          route         most  per kg  source
    DoseLimit("ketamine",   "iv",          1.0, True,  "usual 0.5 mg/kg, range to 1 mg/kg: ASKP3 2020"),
    DoseLimit("ketamine",   "im",          1.0, True,  "as by vein, which reaches no less; chosen by us"),
    DoseLimit("ketamine",   "sc",          0.9, True,  "Loo 2016, 2023 (M): 0.5 mg/kg, up to 0.9"),
    DoseLimit("ketamine",   "intranasal", 100.0, False, "twice what Lapidus 2014 (M) gave, 50 mg; chosen by us"),
    DoseLimit("ketamine",   "oral",        2.0, True,  "twice what Domany 2019 (M) gave, 1 mg/kg; chosen by us"),
    DoseLimit("ketamine",   "sublingual",  3.0, True,  "Swainson 2020 (M): 0.5-3 mg/kg"),
    DoseLimit("esketamine", "intranasal", 84.0, False, "US label: 56 or 84 mg"),
    DoseLimit("esketamine", "iv",          0.4, True,  "Singh 2016 (M): 0.2 and 0.4 mg/kg"),
    DoseLimit("esketamine", "sc",          1.0, True,  "Del Sant 2020: 0.5 mg/kg, up to 1"),
)
# fmt: on

DOSE_LIMITS: Final = {(limit.drug, limit.route): limit for limit in _TABLE}

ROUNDED: Final = 1.05
"""An amount is past its limit from 5 % on: syringes are drawn up to a mark, weights rounded. Chosen by us."""
TOO_MANY_TIMES: Final = 2.0
"""More than so many times what was planned asks, and so many times the most is high: by vein 2 mg/kg anaesthetize (ketamine's
label: 1-4.5 mg/kg, M). Chosen by us."""
WHOLE_DOSE: Final = 0.9
"""From this share of what was planned (or is usual) on, a dose is whole: what follows within minutes is a second one, and no
second device or other half. Chosen by us."""


ONE_DOSE_WITHIN: Final = 30 * MINUTE
"""Three devices of esketamine are given five minutes apart (US label); chosen by us, wide enough for an injection in halves."""


def dose_limit(drug: str | None, route: str | None) -> DoseLimit | None:
    """The row of a drug by a route; of a drug alone, of its first route; None: not in the table."""
    treatment = treatment_of(drug, route)
    return None if treatment is None else DOSE_LIMITS.get((treatment.drug, treatment.route or ""))
