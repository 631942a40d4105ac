"""A session's vitals by the minute: of each channel the lowest, the highest, the sum and the number of its readings.

What stays of a session for years, when the journal's second-by-second samples are gone (alerts/store/minutes.py). A reading
counts if it is in its channel's range and no status says that it is none; one that comes late counts too. Whether it is believed
does not matter: like a plot, a record shows what the device said.
A minute is put away once the session shows another, or is over. One that comes back (a late line) is put away again, as another
part of the same minute: parts add up.
Bad at: a late line that is sent again without an `id` counts again, which moves no extreme. Cost: 20 ns a sample, and a stop of
the loop each minute and session. Never here: storage.
"""

from __future__ import annotations

from alerts.effects import ChannelMinute, VitalsMinute
from models.instants import MINUTE, NEVER
from models.tables.channels import CHANNEL_NAMES
from streams.ward.compiled import compiled
from streams.ward.rows import CHANNEL_COUNT, SessionRecord
from streams.ward.sample import SampleRecord
from streams.ward.state import WardState


@compiled
def is_other_minute(session: SessionRecord, sample: SampleRecord) -> bool:
    """Whether a sample is of another minute than the readings that are counted; without any it begins its own."""
    minute = sample.at_us // MINUTE * MINUTE
    if session.minute == minute:
        return False
    if session.minute != NEVER:
        return True
    for column in range(CHANNEL_COUNT):
        if sample.counted[column]:
            session.minute = minute
            return False
    return False


@compiled
def count_in_minute(session: SessionRecord, sample: SampleRecord) -> None:
    """Count a judged sample's readings in its session's minute."""
    for column in range(CHANNEL_COUNT):
        if sample.counted[column]:
            reading = sample.reading[column]
            session.minute_lowest[column] = min(session.minute_lowest[column], reading)
            session.minute_highest[column] = max(session.minute_highest[column], reading)
            session.minute_sum[column] += reading
            session.minute_count[column] += 1


def put_minute_away(state: WardState, row: int) -> None:
    """Add a session's minute to what the frame has led to, and begin none; nothing if no reading is counted."""
    rows = state.rows
    minute_us = int(rows.minute[row])
    if minute_us == NEVER:
        return
    session = state.association.sessions[row]
    channels: dict[str, ChannelMinute] = {
        name: ChannelMinute(
            float(rows.minute_lowest[row, column]), float(rows.minute_highest[row, column]),
            float(rows.minute_sum[row, column]), int(rows.minute_count[row, column]),
        )
        for column, name in enumerate(CHANNEL_NAMES) if rows.minute_count[row, column]
    }  # fmt: skip
    state.minutes.append(VitalsMinute(session.site, session.name, session.patient, minute_us, channels))
    rows.rest(row, ("minute", "minute_lowest", "minute_highest", "minute_sum", "minute_count"))
