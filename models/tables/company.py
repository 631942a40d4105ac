"""What must stand beside slow or shallow breathing before somebody is called: its company, one row each.

At 6 to 8 a minute many people are asleep and well: of 237 alerts on 247 h of capnography half were at 6-7 with nothing else
out of order, and nobody acted. So a rate at the limit of `bradypnoea` on `rr` counts in the seconds in which one of these is so
as well, and the alert says which; a rate at the lower limit, on `rr-alone`, needs no company.
An EtCO2 of 15 or less is shallow breathing, or a line that lies wrong: it calls somebody beside a saturation or a rate that is
out of order too, and where it has fallen from the session's own.
Never here: the limits of the rate (`limits.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Company:
    """One thing that counts. `at`: from where on; of a fall, the share of the session's own."""

    name: Literal["saturation", "CO2", "sedation", "fall", "CO2 fall"]
    at: float
    source: str


# fmt: off
COMPANY: Final = (
    Company("saturation", 93,  "SpO2 <=93: NEWS2 scores 2 at 92-93"),
    Company("CO2",        50,  "EtCO2 >=50 mmHg: between what is usual (35-45) and PRODIGY's 60; chosen by us"),
    Company("sedation",   3,   "MOAA/S <=3 in the last score: moderate or greater sedation [S6]; the ward's rule `sedation` is in force"),
    Company("fall",       0.6, "three fifths or less of the session's own rate, the mean of its first ten minutes above the limit: 8 from 14, as NEWS2's 3 from the middle of its 0; chosen by us"),
    Company("CO2 fall",   0.5, "half or less of the session's own EtCO2, learnt likewise: 38 to 19, more than a deep sleep's rate explains; chosen by us"),
)
# fmt: on
BY_NAME: Final = {each.name: each for each in COMPANY}
