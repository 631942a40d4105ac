"""What a reading is to be seen beside: where it was a minute or two ago, and what is usual for this session.

Once a minute a session's trusted readings are noted. A trend is told from the note that is at least a minute old; a session's
own baseline is the mean of the first `USUAL_OF` notes, as far as they come before the dose. For evidence only.
Never here: anything that decides.
"""

from __future__ import annotations

from math import isnan, nan
from typing import Final

from models.arrays import Ints
from models.instants import MINUTE, NEVER, SECOND
from models.tables.channels import CHANNEL_NAMES
from streams.ward.compiled import compiled
from streams.ward.rows import CHANNEL_COUNT, SessionRecord
from streams.ward.sentences import number
from streams.ward.state import WardState

USUAL_OF: Final = 10
"""Ten minutes, as before a dose there usually are. Chosen by us."""


@compiled
def mark(session: SessionRecord, at_us: int) -> None:
    """Note a session's readings if its last note is a minute old."""
    if at_us - session.marked_at < MINUTE:
        return
    learns = not session.dosed and session.marks < USUAL_OF
    if learns:
        session.marks += 1
    for column in range(CHANNEL_COUNT):
        session.earlier[column] = session.marked[column]
        # What was not read since the last note is not noted again: a trend is of this hour.
        noted = session.value[column] if session.trusted_at[column] > session.marked_at else nan
        session.marked[column] = noted
        if learns and not isnan(noted):
            before = session.usual[column]
            session.usual[column] = noted if isnan(before) else before + (noted - before) / session.marks
    session.earlier_at = session.marked_at
    session.marked_at = at_us


def trend(state: WardState, row: int, columns: Ints, at_us: int) -> dict[str, object] | None:
    """Where the first of these channels that has one was, and how long ago: ``{"from": 96, "over_s": 75}``."""
    rows = state.rows
    for readings, noted_us in ((rows.marked, rows.marked_at), (rows.earlier, rows.earlier_at)):
        if noted_us[row] == NEVER or at_us - noted_us[row] < MINUTE:
            continue
        for column in columns.tolist():
            if not isnan(before := float(readings[row, column])):
                return {
                    "from": number(before, CHANNEL_NAMES[column]),
                    "over_s": round((at_us - int(noted_us[row])) / SECOND),
                }
    return None


def usual(state: WardState, row: int, columns: Ints) -> float | None:
    """What was usual of these channels in this session, before the dose."""
    return next((float(x) for x in state.rows.usual[row, columns] if not isnan(x)), None)
