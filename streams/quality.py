"""Signal quality: which readings may be believed. One pass over a frame's samples, all channels at once.

A reading is trusted if it is newer than its channel's last, inside the channel's plausible range, no further from the last
trusted reading than the channel can move in the time between, and its device is not frozen. What is not trusted starts and
ends nothing; when a channel has no trusted reading for `STALE_AFTER`, that is its own alert (`absence.py`).

Good at: probe-off zeros, movement spikes, a monitor that repeats its last values.
Bad at:  an artefact that sits at a believable value from its first sample.
Cost:    some 25 array operations of (samples, channels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.channels import CHANNELS, COLUMN, STALE_AFTER
from models.instants import NEVER, SECOND
from streams.rows import CONTINUOUS, Rows

FROZEN_AFTER: Final = 120 * SECOND
"""Every continuous channel unchanged for this long. Chosen by us: in 83 h of sedation recordings two live channels hold
still together for some tens of seconds, not for minutes."""

QUALITIES: Final = (
    "none", "probe-off", "artefact", "cuff-failed", "off", "good", "implausible", "step", "frozen",
    "outlier",
)  # fmt: skip
"""The first five are the frame's statuses, so that a status is its own quality."""
GOOD, IMPLAUSIBLE, STEP, FROZEN, OUTLIER = 5, 6, 7, 8, 9

_SBP, _DBP = COLUMN["sbp"], COLUMN["dbp"]
LOWEST: Final = np.array([channel.lowest for channel in CHANNELS])
HIGHEST: Final = np.array([channel.highest for channel in CHANNELS])
FASTEST_PER_US: Final = np.array([channel.fastest / SECOND for channel in CHANNELS])
GRAIN: Final = np.array([channel.grain for channel in CHANNELS])


@dataclass(slots=True)
class Judged:
    """Samples, judged; (n, C). froze, thawed, any_fresh: (n,) whether the device froze, came back, said anything new."""

    trusted: NDArray[np.bool_]
    froze: NDArray[np.bool_]
    thawed: NDArray[np.bool_]
    any_fresh: NDArray[np.bool_]
    _quality: NDArray[np.uint8]
    _newest: NDArray[np.int64]
    _last_trusted: NDArray[np.int64]

    def held_us(self, some: NDArray[np.int64], at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """The time that each trusted reading of some samples vouches for; (m, C).

        Since the sample before it, if that was trusted too; of channels that are read singly, since the last trusted one.
        """
        at = at_us[:, None]
        since = np.minimum(at - self._newest[some], STALE_AFTER)
        held: NDArray[np.int64] = np.where(
            CONTINUOUS, np.where(self._quality[some] == GOOD, since, 0), at - self._last_trusted[some]
        )
        return held


def judge(
    rows: Rows,
    row: NDArray[np.int64],
    at_us: NDArray[np.int64],
    clock_us: NDArray[np.int64],
    values: NDArray[np.float64],
    status: NDArray[np.uint8],
    repeated: NDArray[np.bool_] | None,
) -> Judged:
    """Judge one sample of each of n different sessions and write what is believed into their rows.

    Args:
        row: (n,) distinct row indices. at_us, clock_us: (n,). values, status: (n, C). repeated: (n,) known repeats.
    """
    width = values.shape[1]
    at = at_us[:, None]
    newest = rows.at.take(row, 0)[:, :width]
    newer = at > newest
    if repeated is not None:
        newer &= ~repeated[:, None]
    readable = fresh = newer & ~np.isnan(values)
    if status.any():
        fresh = newer & (fresh | (status > 0))
        readable = readable & (status == 0)

    before = rows.value.take(row, 0)[:, :width]
    last_trusted = rows.trusted_at.take(row, 0)[:, :width]
    trusted = readable & (values >= LOWEST) & (values <= HIGHEST)
    turned = values[:, _DBP] >= values[:, _SBP]
    if turned.any():
        # A diastolic at or above its systolic is no pressure at all.
        trusted[turned, _SBP] = trusted[turned, _DBP] = False
    code = np.where(trusted, np.uint8(GOOD), status)
    code[readable & ~trusted] = IMPLAUSIBLE
    moved = np.abs(values - before)
    jumped = trusted & (moved > GRAIN)
    if jumped.any():
        # After a gap the returning signal is trusted at once: a desaturation behind a loose probe must not wait.
        since = at - last_trusted
        jumped &= (since <= STALE_AFTER) & (moved > GRAIN + FASTEST_PER_US * since)
        trusted &= ~jumped
        code[jumped] = STEP

    live = readable & CONTINUOUS
    moving = (live & (values != before)).any(axis=1)
    still = np.count_nonzero(live, axis=1) >= 2
    changed_at = rows.changed_at[row]
    changed_at = np.where(moving | (still & (changed_at == NEVER)), at_us, changed_at)
    was_frozen = rows.frozen[row]
    frozen = np.where(still | moving, still & (at_us - changed_at >= FROZEN_AFTER), was_frozen)
    if frozen.any():
        iced = trusted & frozen[:, None] & CONTINUOUS
        trusted &= ~iced
        code[iced] = FROZEN

    quality = rows.quality.take(row, 0)
    rows.at[row, :width] = np.where(fresh, at, newest)
    rows.quality[row] = np.where(fresh, code, quality)
    rows.value[row, :width] = np.where(trusted, values, before)
    rows.trusted_at[row, :width] = np.where(trusted, at, last_trusted)
    rows.heard[row] = np.where(trusted, clock_us[:, None], rows.heard.take(row, 0))
    rows.changed_at[row] = changed_at
    rows.frozen[row] = frozen
    any_fresh: NDArray[np.bool_] = np.any(fresh, axis=1)
    return Judged(trusted, frozen & ~was_frozen, was_frozen & ~frozen, any_fresh, quality, newest, last_trusted)
