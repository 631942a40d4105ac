"""Plain limit alarms: what a monitor without a delay or a doubt would have sounded on the same data.

An alarm begins when the value goes from inside, or from no reading, to outside; it ends when the value is inside or gone. So a
limit crossed, lost and found again outside is two alarms, and a zero from a loose probe is one. The same limits with a plain
delay sound once the value has been outside without a break for that long.
This is the yardstick and not a straw man of ours: limits at their factory places, each crossing an alarm, is what the
studies of 52 alarms an hour counted (Drew 2014), and 14-19 s of delay is what halves them (Görges 2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.detection.recordings import Recording
from models.arrays import Floats

DELAY_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class PlainLimit:
    """Outside is past `limit`. `rules`: those of Chairside that watch the same side of the same value."""

    channel: str
    above: bool
    limit: float
    rules: tuple[str, ...]

    single: bool = False
    """Read now and then, as a cuff is: each reading past it is an alarm, and a delay means nothing."""

    def outside(self, value: Floats) -> NDArray[np.bool_]:
        return value > self.limit if self.above else value < self.limit

    @property
    def name(self) -> str:
        words = {"spo2": "SpO2", "rate": "rate", "rr": "RR", "sbp": "SBP", "dbp": "DBP"}
        return f"{words[self.channel]} {'>' if self.above else '<'}{self.limit:g}"


CUFFS: Final = (
    PlainLimit("sbp", True, 179, ("hypertension", "hypertensive-crisis"), single=True),
    PlainLimit("dbp", True, 109, ("hypertension", "hypertensive-crisis"), single=True),
    PlainLimit("sbp", False, 90, ("hypotension",), single=True),
)
"""180/110 and 90, for invented sessions: the recordings have no cuff."""
PLAIN: Final = (
    PlainLimit("spo2", False, 90, ("desaturation",)),
    PlainLimit("rate", True, 120, ("tachycardia",)),
    PlainLimit("rate", False, 45, ("bradycardia",)),
    PlainLimit("rr", False, 8, ("bradypnoea", "apnoea")),
)
"""The four limits that Chairside's burden is held against."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One plain alarm: rows [first, last] of the recording are outside."""

    limit: PlainLimit
    first: int
    last: int


def crossings(recording: Recording, limits: tuple[PlainLimit, ...] = PLAIN, delayed: bool = False) -> list[Crossing]:
    """The plain alarms of one recording, limit by limit; `delayed`: those that are left after `DELAY_S`."""
    found = []
    for limit in limits:
        value = recording.reading(limit.channel)
        if limit.single:
            found += [Crossing(limit, row, row) for row in np.flatnonzero(limit.outside(value)).tolist()]
            continue
        edges = np.diff(np.concatenate([[0], limit.outside(value).astype(np.int8), [0]]))
        for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1, strict=True):
            if not delayed or recording.at_s[last] - recording.at_s[first] >= DELAY_S:
                found.append(Crossing(limit, int(first), int(last)))
    return found
