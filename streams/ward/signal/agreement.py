"""Two probes that should say the same: the ECG's rate against the pleth's pulse.

Both are averaged over some seconds before they are compared, because in atrial fibrillation two honest probes differ by 40
from one beat to the next. While the averages are more than `APART` apart, one of the two probes is wrong and nobody knows
which: neither rate is believed, nor the SpO2 that the pleth shows beside it. That they disagree is said after `SAID_AFTER`.

Good at: a finger that moves, an ECG that counts T waves or the electrocautery, a pleth that counts every second beat.
Bad at:  two probes that are wrong together.
Cost:    a dozen operations of (samples,).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.instants import NEVER, SECOND
from models.tables.channels import CHANNEL_COLUMN, STALE_AFTER
from streams.ward.rows import Rows

APART: Final = 0.2
"""Of the ECG's rate. Chosen by us: twice an oximeter's error and lag at a change of rate (5 /min, 8-16 s of averaging)."""
SAID_AFTER: Final = 20 * SECOND
"""Chosen by us: longer than an oximeter's averaging after a sudden change of rate, and than most movements."""
BESIDE: Final = 5 * SECOND
"""A rate is compared with one no older than this: a probe that is off disagrees with nobody. Chosen by us: some lost lines."""
AVERAGED_OVER: Final = 8 * SECOND
"""As the shorter of an oximeter's averaging times (8-16 s): both probes are then equally slow."""

_HR, _PULSE, _SPO2 = CHANNEL_COLUMN["hr"], CHANNEL_COLUMN["pulse"], CHANNEL_COLUMN["spo2"]
_BEATS: Final = np.array([_HR, _PULSE])
CONCERNED: Final = np.array([_HR, _PULSE, _SPO2])


def compare(
    rows: Rows, row: NDArray[np.int64], at_us: NDArray[np.int64], values: NDArray[np.float64],
    plausible: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:  # fmt: skip
    """Fold in one sample of each of n distinct rows.

    Args:
        row, at_us: (n,). values, plausible: (n, C), plausible where a reading is in range and no step.

    Returns:
        apart, turned: (n,) whether the two probes disagree now, and whether that is news worth saying. None: they agree.
    """
    beats = plausible.take(_BEATS, 1)
    since = rows.apart_since.take(row)
    if not beats.any() and (since == NEVER).all():
        return None
    reading = np.where(beats, values.take(_BEATS, 1), 0.0)
    at = at_us[:, None]
    before, heard = rows.beat.take(row, 0), rows.beat_at.take(row, 0)
    passed = at - heard
    first = passed > STALE_AFTER
    # A sample that comes late, or not of this channel, is weighed at nothing, whatever its instant.
    passed = np.where(first | ~beats, 0, passed)
    # A rational weight, because an exponential's last bit may depend on how many are reckoned at once.
    average = np.where(first, reading, before + (reading - before) * (passed / (passed + AVERAGED_OVER)))
    average = np.where(beats, average, before)
    heard = np.where(beats, at, heard)
    current = (at - heard <= BESIDE).all(axis=1)
    apart = current & (np.abs(average[:, 0] - average[:, 1]) > APART * average[:, 0])
    if apart.any():
        # Both at once, and they agree: what they were before does not matter any more.
        together = apart & beats.all(axis=1) & (np.abs(reading[:, 0] - reading[:, 1]) <= APART * reading[:, 0])
        average[together] = reading[together]
        apart &= ~together
    rows.beat[row] = average
    rows.beat_at[row] = heard
    if not apart.any() and (since == NEVER).all():
        return None
    since = np.where(apart, np.where(since == NEVER, at_us, since), NEVER)
    rows.apart_since[row] = since
    said = rows.apart.take(row)
    says = apart & (said | (at_us - since >= SAID_AFTER))
    rows.apart[row] = says
    return apart, says != said
