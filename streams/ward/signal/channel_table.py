"""What each channel's readings are judged by, as one table for scalar code: `models/tables/channels.py`, and what a step is.

Never here: a judgement.
"""

from __future__ import annotations

from math import inf
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.instants import SECOND
from models.tables.channels import CHANNELS

STARTLES: Final = {"hr": 20.0, "pulse": 20.0, "rr": 8.0, "spo2": 3.0}
"""A change within a second that means a movement if two organs show it at once. Chosen by us: a displayed rate of breathing is
an average over breaths, and saturation follows what the heart and lungs do by half a minute (circulation and averaging)."""
FLUTTERS: Final = {"spo2": 3.0}
"""While it is doubted, a change beyond this within a second is no sign of having settled. As `STARTLES`: an average over 8-16 s
does not go up and down by 4 % from one second to the next."""
ORGANS: Final = (("hr", "pulse"), ("rr",), ("spo2",))
"""Channels of one organ: a rate counts if every probe that shows one jumps. An irregular heart does not move both in step."""
NO_ORGAN: Final = -1


class ChannelRecord(Protocol):
    """One channel: its range, its display's grain, its fastest believable change a second, and whether it is continuous.

    startles, flutters: as above, infinite where it does neither. organ: the index in `ORGANS`, or NO_ORGAN.
    """

    lowest: float
    highest: float
    grain: float
    fastest: float
    fastest_per_us: float
    startles: float
    flutters: float
    organ: int
    continuous: bool


# fmt: off
_RECORD: Final = np.dtype([
    ("lowest", "f8"), ("highest", "f8"), ("grain", "f8"), ("fastest", "f8"), ("fastest_per_us", "f8"), ("startles", "f8"),
    ("flutters", "f8"), ("organ", "i8"), ("continuous", "u1"),
], align=True)
# fmt: on
_ORGAN: Final = {name: organ for organ, names in enumerate(ORGANS) for name in names}

CHANNEL_TABLE: Final[NDArray[Any]] = np.array(
    [
        (
            one.lowest, one.highest, one.grain, one.fastest, one.fastest / SECOND, STARTLES.get(one.name, inf),
            FLUTTERS.get(one.name, inf), _ORGAN.get(one.name, NO_ORGAN), one.continuous,
        )
        for one in CHANNELS
    ],
    _RECORD,
)  # fmt: skip
