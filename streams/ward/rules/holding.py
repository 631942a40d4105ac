"""Limits with persistence and hysteresis: the whole table against many samples as one (samples × limits) array operation.

A limit comes into force once trusted readings have been past `enter` for its hold, and goes out of force once they have
been back at `leave` for its leave time. The time that counts is the observations' own, between one trusted reading and the
next; readings that are not trusted pause it; one or two readings the other way slow it; a third starts it anew. Limits on
cuffs and scores count readings instead: the next good one within `CONFIRM_WITHIN` confirms, one that disagrees starts anew.

Good at: a value that goes past its limit and stays there, however noisy.
Bad at:  a slow slide inside the limits.
Cost:    the hold as delay, by design (Görges 2009: 14 s removes half of the ignored alarms, 19 s two thirds).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.tables.channels import STALE_AFTER
from models.tables.limits import CONFIRM_WITHIN, HELD, LimitArrays
from streams.ward.rows import IDLE, Rows

_COUNTED: Final = np.array([limit.readings > 0 for limit in HELD])
_HELD: Final = ~_COUNTED
_SIGN: Final = np.array([1.0 if limit.above else -1.0 for limit in HELD])


class LimitSets:
    """The limit tables in force, stacked: set 0 is the default, others belong to a site or a patient. Shape (sets, R)."""

    def __init__(self, tables: list[LimitArrays]) -> None:
        self.column = tables[0].column
        self.enter = np.stack([table.enter for table in tables])
        self.leave = np.stack([table.leave for table in tables])
        self.enter_need = np.stack([table.enter_need for table in tables])
        self.leave_need = np.stack([table.leave_need for table in tables])
        self.calm_low = np.stack([table.calm_low for table in tables])
        self.calm_high = np.stack([table.calm_high for table in tables])


def hold(
    rows: Rows,
    sets: LimitSets,
    row: NDArray[np.int64],
    at_us: NDArray[np.int64],
    readings: NDArray[np.float64],
    trusted: NDArray[np.bool_],
    held_us: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Fold in one sample of each of n distinct rows.

    Args:
        row: (n,) row indices. at_us: (n,). readings, trusted, held_us: (n, K), by `LIMIT_COLUMNS`; for channels
            that come in single readings `held_us` is the time since the last good one.

    Returns:
        flips (n, R): which limits came into force or went out of it; since (n, R): when the hold that did it began.
    """
    which = rows.limit_set[row]
    column = sets.column
    on = rows.on.take(row, 0)
    signed = readings.take(column, 1) * _SIGN
    good = trusted.take(column, 1)
    towards = good & np.where(on, signed <= sets.leave.take(which, 0), signed >= sets.enter.take(which, 0))
    against = good & ~towards

    strikes = rows.strikes.take(row, 0)
    passed = held_us.take(column, 1)
    # Counted limits pass one reading at a time, and only a reading that comes soon enough confirms the one before.
    lapsed = _COUNTED & (passed > CONFIRM_WITHIN)
    begins = towards & ((strikes == IDLE) | lapsed)
    gained = np.where(strikes == 0, np.where(_COUNTED, 1, np.minimum(passed, STALE_AFTER)), 0)
    held = np.where(begins, 0, rows.held.take(row, 0) + np.where(towards, gained, 0))
    since = np.where(begins, at_us[:, None], rows.since.take(row, 0))
    struck = np.where(_COUNTED, IDLE, np.minimum(strikes + 1, IDLE))
    strikes = np.where(towards, 0, np.where(against, struck, strikes)).astype(np.uint8)

    flips = towards & (held >= np.where(on, sets.leave_need.take(which, 0), sets.enter_need.take(which, 0)))
    resting = flips | (strikes == IDLE)
    now_on = on ^ flips
    rows.on[row] = now_on
    rows.held[row] = np.where(resting, 0, held)
    rows.since[row] = np.where(resting, 0, since)
    struck = np.where(flips, IDLE, strikes)
    rows.strikes[row] = struck
    rows.warm[row] = (((struck != IDLE) | now_on) & _HELD).any(axis=1)
    return flips, since
