"""What capnographs do with their numbers when breathing stops and starts, by make: assumptions, in one table.

RR and EtCO2 are two witnesses of one thing, and makes differ in how long each goes on showing what is no longer so. Every rule
that leans on such a habit reads it here. A device of which nothing is said has the cautious row, in which no assumption can
hide a pause: it raises as early, and lets an EtCO2 speak for a living breath only as long as that EtCO2 changes. What a device
is, `device.assigned` says in `profile`.
Never here: limits of breathing (`limits.py`); what is made of the witnesses (streams/ward/signal/breathing.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Capnograph:
    """One make.

    rate_back_s: RR may show 0 for so long after a gap, before its first rate.
    still_s: beside an RR of no breath, an EtCO2 that has not changed for so long may be one that is held, and is no breath.
    held_s: how long, at the least, the numbers of the last breath stay: so long ago was the last breath when they go.
    """

    name: str
    rate_back_s: float
    still_s: float
    held_s: float
    source: str


# fmt: off
CAPNOGRAPHS: Final = (
    Capnograph("unknown",    30,  60,  0, "chosen by us, to miss no pause: a rate is averaged over less than half a minute; of two averages of EtCO2 a minute apart one has changed where somebody breathes; nothing is claimed of when a pause began"),
    Capnograph("sidestream", 30, 300, 30, "a common sidestream capnograph, 247 h of procedural sedation: after its own zero, some 9 s without CO2 every 40 min, RR shows 0 for 21 s (median) beside an EtCO2 that is there; in a pause both stay for 35 s (median) and then are 0 together; margins chosen by us"),
)
# fmt: on

CAUTIOUS: Final = CAPNOGRAPHS[0]
"""Of a device of which nothing is said."""
CAPNOGRAPH_OF: Final = {each.name: each for each in CAPNOGRAPHS}
