"""The sample under way: what each step of the loop leaves to the next, and to Python where the loop stops for it.

One record, written over by each sample. `streams/ward/loop.py` says which step writes what.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from alerts.effects import MINUTE_READINGS
from models.arrays import Floats, Ints
from models.instants import NEVER
from models.tables.limits import LIMIT_COLUMN, LIMIT_COLUMNS
from streams.ward.records import RecordView
from streams.ward.rows import CHANNEL_COUNT, HELD_COUNT, Octets

RATE: Final = LIMIT_COLUMN["rate"]
"""Behind the channels: the heart rate, or the pulse where there is none."""
_COLUMNS: Final = len(LIMIT_COLUMNS)


class SampleRecord(Protocol):
    """One sample of one session on its way. Arrays are by channel's column; some have more, those that limits are on."""

    #: Its place in the frame.
    place: int
    #: Where the loop goes on with it.
    step: int
    #: The shard's clock is the samples' own (a replay), not the journal's.
    observed: bool
    #: The shard's clock when it came.
    clock_us: int
    #: Its instant by the sender.
    sent_us: int
    #: The same, corrected where the sender's clock cannot be right: what it is judged by.
    at_us: int
    #: Its sender has sent the same before.
    again: bool
    #: Its session's; negative where none takes it.
    row: int
    #: The row of a session of which something falls due before it.
    overdue: int

    #: As sent, NaN where there is none; (limits' columns,).
    reading: Floats
    #: The channel's newest sample before this one.
    before_us: Ints
    #: Newer than that, with a reading or a status.
    fresh: Octets
    #: Fresh, with a reading and no status.
    readable: Octets
    #: Readable, and in its range.
    plausible: Octets
    #: Plausible, and too far from its neighbour.
    stepped: Octets
    #: In its range, no repeat, and perhaps late: it counts for its minute (`minutes.py`).
    counted: Octets
    #: Believed: starts and ends alerts; (limits' columns,).
    trusted: Octets
    #: What is known of it: an index into `QUALITIES`.
    quality: Octets
    #: The time that a trusted reading vouches for; (limits' columns,).
    passed_us: Ints
    #: The place in the pool of a step that is believed from now on, else NO_STEP.
    believed: Ints

    #: Its rate may show that there is no breath, as far as EtCO2 knows (`signal/breathing.py`).
    rate_counts: bool
    #: Some limit on it does not count it.
    rate_withheld: bool
    #: What else is out of order beside slow breathing: a sum of `SATURATION`, `CO2`, `SEDATION`, `FALL` of that module.
    company: int

    #: A temperature is out of its range, or no longer.
    odd: bool
    any_fresh: bool
    #: The session's monitor has started.
    begun: bool
    #: A channel that was lost is back.
    returned: bool
    #: Its device froze or thawed, or its two probes part or agree.
    turned: bool
    #: Its device's clock went wrong or right.
    skewed: bool

    #: By limit: it came into force, or went out of it.
    flips: Octets
    #: By limit: it is in force, and was past by a step more than was told for its hold.
    deepens: Octets
    #: By limit that flips: when the hold began that did it.
    since: Ints
    #: The channel whose believed step comes next; where one flips limits, it is of the channel before.
    column: int
    #: The last reading of the believed step.
    shown: float
    #: It counted for the heart rate too.
    of_rate: bool

    #: Samples that were late or repeated, since this was last put to the ward's counts.
    late: int
    #: Samples that named nobody, likewise.
    nameless: int
    #: Taken places in the pool of steps.
    in_use: int
    #: Taken places in the buffer of minutes that are over.
    minutes: int


class EndedMinute(Protocol):
    """A minute that is over: its session's row, its beginning, and what `alerts.effects.MINUTE_READINGS` has, at the end."""

    row: int
    minute: int
    lowest: Floats
    highest: Floats
    total: Floats
    readings: Ints


# fmt: off
_C, _R = (CHANNEL_COUNT,), (HELD_COUNT,)
_RECORD: Final = np.dtype([
    ("place", "i8"), ("row", "i8"), ("step", "i8"), ("observed", "u1"), ("clock_us", "i8"), ("at_us", "i8"), ("sent_us", "i8"),
    ("again", "u1"), ("reading", "f8", (_COLUMNS,)), ("passed_us", "i8", (_COLUMNS,)), ("before_us", "i8", _C),
    ("fresh", "u1", _C), ("readable", "u1", _C), ("plausible", "u1", _C), ("counted", "u1", _C), ("trusted", "u1", (_COLUMNS,)), ("quality", "u1", _C), ("stepped", "u1", _C),
    ("believed", "i8", _C), ("rate_counts", "u1"), ("rate_withheld", "u1"), ("company", "i8"), ("flips", "u1", _R), ("deepens", "u1", _R), ("since", "i8", _R),
    ("odd", "u1"), ("any_fresh", "u1"), ("begun", "u1"), ("returned", "u1"), ("turned", "u1"), ("skewed", "u1"),
    ("column", "i8"), ("shown", "f8"), ("of_rate", "u1"), ("overdue", "i8"), ("late", "i8"), ("nameless", "i8"), ("in_use", "i8"),
    ("minutes", "i8"),
], align=True)
_ENDED: Final = np.dtype([("row", "i8"), ("minute", "i8"), *MINUTE_READINGS.descr])
# fmt: on


MINUTES_KEPT: Final = 256
"""Room for minutes that are over, before the loop stops to have them named. Chosen by us: a frame of a thousand ends fewer."""


class SampleUnderWay:
    """The record, as the loop takes it (`array`, of one), as Python reads it (`record`), and its clock, which Python sets.

    `ended`: the minutes that are over, the first `minutes[0]` of it; none but while the loop runs.
    """

    def __init__(self, observed: bool) -> None:
        self.array = np.zeros(1, _RECORD)
        self.array["observed"] = observed
        self.record: SampleRecord = RecordView(self.array)[0]
        self.clock_us: Ints = self.array["clock_us"]
        self.clock_us[0] = NEVER
        self.ended = np.zeros(MINUTES_KEPT, _ENDED)
        self.minutes: Ints = self.array["minutes"]
