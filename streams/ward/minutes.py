"""A session's vitals by the minute: of each channel the lowest, the highest, the sum and the number of its readings.

What stays of a session for years, when the journal's second-by-second samples are gone (alerts/store/minutes.py). A reading
counts if it is in its channel's range and no status says that it is none; one that comes late counts too. Whether it is believed
does not matter: like a plot, a record shows what the device said.
A minute is put away once the session shows another, or is over. One that comes back (a late line) is put away again, as another
part of the same minute: parts add up. The loop puts it into a buffer, whose minutes get their sessions' names each time that the
loop comes back to Python: so a minute goes by the name that its session had then.
Bad at: a late line that is sent again without an `id` counts again, which moves no extreme. Cost: 20 ns a sample, and 1 µs a
session and minute. Never here: storage.
"""

from __future__ import annotations

from math import inf
from typing import Final

import numpy as np

from alerts.effects import MINUTE_READINGS, VitalsMinute
from models.instants import MINUTE, NEVER
from streams.ward.compiled import compiled
from streams.ward.records import RecordArray
from streams.ward.rows import CHANNEL_COUNT, SessionRecord
from streams.ward.sample import EndedMinute, SampleRecord
from streams.ward.state import WardState

_KEPT_AS: Final = {
    "lowest": "minute_lowest",
    "highest": "minute_highest",
    "total": "minute_sum",
    "readings": "minute_count",
}


@compiled
def is_other_minute(session: SessionRecord, sample: SampleRecord) -> bool:
    """Whether a sample is of another minute than the readings that are counted; without any it is of none other."""
    return bool(session.minute != NEVER and session.minute != sample.at_us // MINUTE * MINUTE)


@compiled
def count_in_minute(session: SessionRecord, sample: SampleRecord) -> None:
    """Count a judged sample's readings in its session's minute, which the first of them begins."""
    for column in range(CHANNEL_COUNT):
        if sample.counted[column]:
            session.minute = sample.at_us // MINUTE * MINUTE
            reading = sample.reading[column]
            session.minute_lowest[column] = min(session.minute_lowest[column], reading)
            session.minute_highest[column] = max(session.minute_highest[column], reading)
            session.minute_sum[column] += reading
            session.minute_count[column] += 1


@compiled
def end_minute(session: SessionRecord, sample: SampleRecord, ended: RecordArray[EndedMinute]) -> None:
    """Put the minute of a sample's session into the buffer, which has room, and begin none."""
    minute = ended[sample.minutes]
    sample.minutes += 1
    minute.row = sample.row
    minute.minute = session.minute
    session.minute = NEVER
    for column in range(CHANNEL_COUNT):
        minute.lowest[column] = session.minute_lowest[column]
        minute.highest[column] = session.minute_highest[column]
        minute.total[column] = session.minute_sum[column]
        minute.readings[column] = session.minute_count[column]
        session.minute_lowest[column] = inf
        session.minute_highest[column] = -inf
        session.minute_sum[column] = 0
        session.minute_count[column] = 0


def name_minutes(state: WardState) -> None:
    """Add the minutes that the loop has put into its buffer to what the frame has led to, by their sessions' names; empty it."""
    ended, count = state.under_way.ended, int(state.under_way.minutes[0])
    state.under_way.minutes[0] = 0
    size = ended.itemsize
    packed = ended[:count].tobytes()
    whose = zip(ended["row"][:count].tolist(), ended["minute"][:count].tolist(), strict=True)
    for place, (row, minute_us) in enumerate(whose, start=1):
        session, end = state.association.sessions[row], place * size
        readings = packed[end - MINUTE_READINGS.itemsize : end]
        state.minutes.append(VitalsMinute(session.site, session.name, session.patient, minute_us, readings))


def put_minute_away(state: WardState, row: int) -> None:
    """Add a session's minute to what the frame has led to, and begin none; nothing if no reading is counted."""
    rows = state.rows
    minute_us = int(rows.minute[row])
    if minute_us == NEVER:
        return
    session, packed = state.association.sessions[row], np.zeros((), MINUTE_READINGS)
    for field, kept in _KEPT_AS.items():
        packed[field] = rows.sessions[kept][row]
    state.minutes.append(VitalsMinute(session.site, session.name, session.patient, minute_us, packed.tobytes()))
    rows.rest(row, ("minute", *_KEPT_AS.values()))
