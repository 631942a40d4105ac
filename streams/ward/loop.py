"""The inner loop: samples one after the other, in their true order, whatever session they belong to.

First it is settled which instant a sample is judged by (`signal/clocks.py`). Then time passes: what is due before the shard's
clock falls due first, for any session. Then the sample is judged (`signal/quality.py`), heard (`absence.py`), held against the
limits (`rules/holding.py`), counted for its minute (`minutes.py`) and noted (`signal/trends.py`).

Scalar code over the records of `rows.py`, compiled (`compiled.py`). What is rare (something falls due, a channel is back, a
limit is flipped, a cuff was read, nobody takes a sample) is Python's to act on: the loop stops there, says why, and is entered
again where it stopped. So Python finds the very state that the sample left, and the next sample finds what Python did.
Bad at: being stopped by every sample. Never here: a rule's words, who a sample belongs to.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats, Ints
from models.instants import FAR, SECOND
from models.tables.channels import CHANNEL_COLUMN, STALE_AFTER
from streams.ward.absence import next_due, update_presence
from streams.ward.association import NAMELESS, UNKNOWN
from streams.ward.compiled import compiled, entry
from streams.ward.limit_book import LimitRecord
from streams.ward.minutes import count_in_minute, end_minute, is_other_minute
from streams.ward.records import RecordArray, RecordGrid
from streams.ward.rows import CHANNEL_COUNT, NO_STEP, SessionRecord, StepRecord, TraceRecord
from streams.ward.rules.holding import hold_sample, hold_step
from streams.ward.sample import EndedMinute, SampleRecord
from streams.ward.signal.beat import learn_beats
from streams.ward.signal.breathing import take_breathing
from streams.ward.signal.channel_table import ChannelRecord
from streams.ward.signal.clock_records import ClockRecord
from streams.ward.signal.clocks import take_instant
from streams.ward.signal.quality import is_repeat, judge
from streams.ward.signal.rate import take_rate
from streams.ward.signal.steps import forget, has_room
from streams.ward.signal.trends import mark
from streams.ward.state import REPEAT_WINDOW

DONE: Final = 0
"""All is folded in."""
FALLS_DUE: Final = 1
"""Something of the session of row `overdue` is due, at the instant in `due`."""
UNCLAIMED: Final = 2
"""No session is known that takes the sample: its origin's row is UNKNOWN."""
NEEDS_CUTOFFS: Final = 3
"""The sample may be about whoever was there before: what its frame's origins left behind must be known."""
POOL_FULL: Final = 4
"""The pool of doubted steps is full."""
HEARD: Final = 5
"""Something is news of the session's monitor: `begun`, `returned`, `turned` or `skewed`."""
STEPPED: Final = 6
"""A step is believed, and flips or deepens limits: `shown`, `of_rate`, `flips`, `since`, `deepens`; its channel is the one before
`column`."""
FLIPPED: Final = 7
"""The sample flips or deepens limits: `flips`, `since`, `deepens`."""
CUFF: Final = 8
"""The sample has a pressure, trusted or not, or a temperature that is out of its range, or no longer (`odd`)."""
UNCOUNTED: Final = 9
"""All is folded in, and some of it came late or named nobody, which the ward does not count yet: `late`, `nameless`."""
MINUTES_FULL: Final = 10
"""The buffer of minutes that are over is full."""

ARRIVAL: Final = 0
TIME: Final = 1
BELIEVED: Final = 2
HOLDS: Final = 3
COUNTS: Final = 4
NOTES: Final = 5
NEXT: Final = 6
"""The steps of a sample, in order: where the loop goes on."""

GO_ON: Final = -1
"""Instead of a first sample: from where the loop stopped."""

RECKONED_AHEAD: Final = 2 * SECOND
"""So rows are looked through every two seconds, not at each of the thousands of instants in them at which one may be due. Chosen
by us: longer, and the rows that are not yet due would be reckoned more often than needed."""

_SBP: Final = CHANNEL_COLUMN["sbp"]
_DBP: Final = CHANNEL_COLUMN["dbp"]
_SPO2: Final = CHANNEL_COLUMN["spo2"]


@compiled
def _earliest(due: Ints) -> int:
    """The earliest instant at which anything may be due."""
    earliest = FAR
    for row in range(len(due)):
        earliest = min(earliest, due[row])
    return earliest


@compiled
def _overdue(sessions: RecordArray[SessionRecord], due: Ints, clock_us: int) -> int:
    """The first row of which something is due before the clock, and `due` says when; -1 if there is none.

    `due` is never late but may be early, so it is reckoned anew here for the rows where it has come or soon will: else all rows
    would be looked through again for each.
    """
    for row in range(len(due)):
        if due[row] < clock_us + RECKONED_AHEAD:
            due[row] = next_due(sessions[row])
            if due[row] < clock_us:
                return row
    return -1


@compiled
def _hold_believed(
    session: SessionRecord, sample: SampleRecord, limits: RecordGrid[LimitRecord], steps: RecordArray[StepRecord],
    traces: RecordGrid[TraceRecord],
) -> bool:  # fmt: skip
    """Hold the steps that are believed from now on, from `column` on; whether one flips a limit, which ends it for now."""
    while sample.column < CHANNEL_COUNT:
        place = sample.believed[sample.column]
        sample.column += 1
        if place == NO_STEP:
            continue
        flipped = hold_step(session, sample, limits, steps[place], place, traces)
        if steps[place].column == _SPO2:
            for k in range(steps[place].length):
                session.lowest_spo2 = min(session.lowest_spo2, traces[place, k].reading)
        forget(sample, steps, place)
        if flipped:
            return True
    return False


Tables = tuple[
    RecordArray[SampleRecord], RecordArray[SessionRecord], Ints, RecordArray[ChannelRecord], RecordGrid[LimitRecord],
    RecordArray[StepRecord], RecordGrid[TraceRecord], Ints, Ints, RecordArray[ClockRecord],
    RecordArray[EndedMinute],
]  # fmt: skip
"""The ward's: the sample under way, the sessions' rows, their `due`, what they are judged by and held against, doubted steps; by
an origin's number its session's row and its sender's clock; the clocks; the minutes that are over.

One argument, because Python hands a tuple of arrays over in half of the time that it takes for each alone.
"""


@entry
def fold_in(
    tables: Tables, origin: Ints, number_of: Ints, cutoffs: Ints, at_us: Ints, values: Floats, status: NDArray[np.uint8],
    keys: NDArray[np.uint64], start: int, stop: int, latest_cutoff_us: int,
) -> int:  # fmt: skip
    """Fold in the samples [start, stop), or go on where the loop stopped; why it stops, DONE at the end.

    Args:
        origin: (n,) by sample, its origin in the frame. number_of: by that, the origin's number, which is the same in all frames.
        cutoffs: (origins, 2), the instant up to which an origin's samples are about somebody before, and the clock when that
            was noted; (0, 2) if that is not known yet.
        at_us, values, status, keys: by sample, as in the frame; keys is empty where none has one.
        start: the first sample, or GO_ON.
        latest_cutoff_us: the latest instant of any cutoff.
    """
    under_way, sessions, due, channels, limits, steps, traces, row_of, clock_of, clocks, ended = tables
    sample = under_way[0]
    if start != GO_ON:
        sample.place = start
        sample.step = ARRIVAL
    earliest = _earliest(due)
    while True:
        if sample.step == NEXT:
            sample.place += 1
            sample.step = ARRIVAL
        n = sample.place
        if sample.step == ARRIVAL and n < stop:
            take_instant(clocks[clock_of[number_of[origin[n]]]], sample, at_us[n], values[n], status[n])
            sample.step = TIME
        if sample.step <= TIME:
            if earliest < sample.clock_us:
                sample.overdue = _overdue(sessions, due, sample.clock_us)
                if sample.overdue >= 0:
                    return FALLS_DUE
                earliest = _earliest(due)
            if n == stop:
                return DONE if sample.late == 0 and sample.nameless == 0 else UNCOUNTED
            sample.row = UNKNOWN
            which = origin[n]
            if sample.at_us <= latest_cutoff_us:
                if len(cutoffs) == 0:
                    return NEEDS_CUTOFFS
                if sample.at_us <= cutoffs[which, 0] and sample.clock_us - cutoffs[which, 1] < REPEAT_WINDOW:
                    sample.late += 1
                    sample.step = NEXT
                    continue
            row = row_of[number_of[which]]
            if row == UNKNOWN:
                return UNCLAIMED
            if row == NAMELESS:
                sample.nameless += 1
                sample.step = NEXT
                continue
            session = sessions[row]
            if not has_room(session, sample, steps, traces.shape[1]):
                return POOL_FULL
            sample.row = row
            repeated = sample.again != 0
            if len(keys) > 0 and is_repeat(session, keys[n]):
                repeated = True
            judge(session, sample, channels, steps, traces, values[n], status[n], repeated)
            update_presence(session, sample)
            learn_beats(session, sample, channels)
            due[row] = min(due[row], sample.clock_us + STALE_AFTER)
            earliest = min(earliest, due[row])
            sample.column = 0
            sample.step = BELIEVED
            if sample.begun or sample.returned or sample.turned or sample.skewed:
                return HEARD
        session = sessions[sample.row]
        if sample.step == BELIEVED:
            if _hold_believed(session, sample, limits, steps, traces):
                return STEPPED
            sample.step = HOLDS
        if sample.step == HOLDS:
            take_rate(session, sample)
            take_breathing(session, sample, limits)
            sample.step = COUNTS
            if hold_sample(session, sample, limits):
                return FLIPPED
        if sample.step == COUNTS:
            if is_other_minute(session, sample):
                if sample.minutes == len(ended):
                    return MINUTES_FULL
                end_minute(session, sample, ended)
            count_in_minute(session, sample)
            sample.step = NOTES
        if sample.step == NOTES:
            if sample.trusted[_SPO2]:
                session.lowest_spo2 = min(session.lowest_spo2, sample.reading[_SPO2])
            mark(session, sample.at_us)
            sample.step = NEXT
            if sample.readable[_SBP] or sample.readable[_DBP] or sample.odd:
                return CUFF
