"""What a reading is to be seen beside: where it was a minute or two ago, and what is usual for this session.

Once a minute a session's trusted readings are noted. A trend is told from the note that is at least a minute old; a session's
own baseline is the mean of the first `USUAL_OF` notes, as far as they come before the dose. For evidence only.
Cost: one comparison a sample, a few array operations a session a minute. Never here: anything that decides.
"""

from __future__ import annotations

from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Ints
from models.instants import MINUTE, NEVER, SECOND
from models.tables.channels import CHANNEL_NAMES
from streams.ward.sentences import number
from streams.ward.state import WardState

USUAL_OF: Final = 10
"""Ten minutes, as before a dose there usually are. Chosen by us."""


def mark(state: WardState, row: Ints, at_us: Ints) -> None:
    """Note the readings of those sessions whose last note is a minute old. row, at_us: (n,), rows distinct."""
    rows = state.rows
    due = at_us - rows.marked_at.take(row) >= MINUTE
    if not due.any():
        return
    some, now_us = row[due], at_us[due]
    rows.earlier[some], rows.earlier_at[some] = rows.marked[some], rows.marked_at[some]
    # What was not read since the last note is not noted again: a trend is of this hour.
    fresh = rows.trusted_at[some] > rows.marked_at[some][:, None]
    noted = np.where(fresh, rows.value[some], np.nan)
    rows.marked[some], rows.marked_at[some] = noted, now_us
    sessions = state.known.sessions
    learns = np.array([sessions[one].dose_us is None for one in some.tolist()]) & (rows.marks[some] < USUAL_OF)
    if learns.any():
        some, noted = some[learns], noted[learns]
        rows.marks[some] += 1
        usual = rows.usual[some]
        moved = usual + (noted - usual) / rows.marks[some][:, None]
        rows.usual[some] = np.where(np.isnan(noted), usual, np.where(np.isnan(usual), noted, moved))


def trend(state: WardState, row: int, columns: NDArray[np.int64], at_us: int) -> dict[str, object] | None:
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


def usual(state: WardState, row: int, columns: NDArray[np.int64]) -> float | None:
    """What was usual of these channels in this session, before the dose."""
    return next((float(x) for x in state.rows.usual[row, columns] if not isnan(x)), None)
