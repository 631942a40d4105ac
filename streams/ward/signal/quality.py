"""Signal quality: which readings may be believed. One pass over a frame's samples, all channels at once.

A reading is trusted if it is newer than its channel's last, inside the channel's plausible range, no impossible step from
its neighbour (`steps.py`), its two probes agree (`agreement.py`), and its device is not frozen. What is not trusted starts
and ends nothing; when a channel has no trusted reading for `STALE_AFTER`, that is its own alert (`absence.py`).

Good at: probe-off zeros, movement spikes, a probe that slips, a monitor that repeats its last values.
Bad at:  an artefact that begins slowly and sits at a believable value.
Cost:    some 40 array operations of (samples, channels), and plain Python for the few readings that are doubted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.instants import NEVER, SECOND
from models.tables.card import QualityWord
from models.tables.channels import CHANNEL_COLUMN, CHANNELS, STALE_AFTER
from streams.ward.rows import CONTINUOUS, Rows
from streams.ward.signal.agreement import CONCERNED, compare
from streams.ward.signal.steps import Step, doubt, impossible

FROZEN_AFTER: Final = 120 * SECOND
"""Every continuous channel unchanged for this long. Chosen by us: in 83 h of sedation recordings two live channels hold
still together for some tens of seconds, not for minutes."""
ALONE_VOUCHES: Final = SECOND
"""What a trusted reading vouches for when the one before it was not: a second, the usual cadence. So a signal that is good
every other second counts half of the time, and one good reading behind a long artefact proves little."""

QUALITIES: Final[tuple[QualityWord, ...]] = (
    "none", "probe-off", "artefact", "cuff-failed", "off", "good", "implausible", "step", "frozen", "outlier", "disagrees",
)  # fmt: skip
"""The first five are the frame's statuses, so that a status is its own quality."""
PROBE_OFF, GOOD, IMPLAUSIBLE, STEP, FROZEN, OUTLIER, DISAGREES = 1, 5, 6, 7, 8, 9, 10
NO_READING: Final = (0.0, 1.0, 127.0, 255.0, 511.0)
"""What devices send for no reading, where a channel cannot show it: zeros and 1 % without a finger, all bits set (Nonin's and
others' serial formats: 127 for SpO2, 511 for the pulse). It says that a probe is off, not that a body is out of range."""

_HR, _PULSE, _SBP, _DBP = CHANNEL_COLUMN["hr"], CHANNEL_COLUMN["pulse"], CHANNEL_COLUMN["sbp"], CHANNEL_COLUMN["dbp"]
LOWEST: Final = np.array([channel.lowest for channel in CHANNELS])
HIGHEST: Final = np.array([channel.highest for channel in CHANNELS])


@dataclass(slots=True)
class Judged:
    """Samples, judged; (n, C). turned, any_fresh: (n,) whether the device froze or its probes disagree, or no longer do;
    said anything new. believed: (sample, column, step) of the steps that are believed from now on, in order.
    """

    trusted: NDArray[np.bool_]
    turned: NDArray[np.bool_]
    any_fresh: NDArray[np.bool_]
    believed: list[tuple[int, int, Step]]
    _good: NDArray[np.bool_]
    _newest: NDArray[np.int64]

    def held_us(self, some: NDArray[np.int64], at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """The time that each trusted reading of some samples vouches for; (m, C).

        Since the sample before it, no longer than a value is valid; `ALONE_VOUCHES` if that was not trusted.
        """
        since = np.minimum(at_us[:, None] - self._newest[some], STALE_AFTER)
        held: NDArray[np.int64] = np.where(self._good[some], since, np.minimum(since, ALONE_VOUCHES))
        return held

    def before_us(self, some: NDArray[np.int64]) -> NDArray[np.int64]:
        """When each channel was last heard before these samples; (m, C)."""
        before: NDArray[np.int64] = self._newest[some]
        return before


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
    at = at_us[:, None]
    newest = rows.at.take(row, 0)
    newer = at > newest
    if repeated is not None:
        newer &= ~repeated[:, None]
    readable = fresh = newer & ~np.isnan(values)
    if status.any():
        fresh = newer & (fresh | (status > 0))
        readable = readable & (status == 0)
    plausible = readable & (values >= LOWEST) & (values <= HIGHEST)
    inverted = values[:, _DBP] >= values[:, _SBP]
    if inverted.any():
        # A diastolic at or above its systolic is no pressure at all.
        plausible[inverted, _SBP] = plausible[inverted, _DBP] = False
    code = np.where(plausible, np.uint8(GOOD), status)
    beyond = readable & ~plausible
    if beyond.any():
        code[beyond] = np.where(np.isin(values[beyond], NO_READING), np.uint8(PROBE_OFF), np.uint8(IMPLAUSIBLE))

    near, near_at = rows.near.take(row, 0), rows.near_at.take(row, 0)
    quality = rows.quality.take(row, 0)
    good = quality == GOOD
    trusted, believed = plausible, []
    stepped = impossible(np.abs(values - near), at - near_at, plausible)
    concerned = rows.stepping.take(row) | stepped.any(axis=1)
    if concerned.any():
        trusted = plausible.copy()
        for i in np.flatnonzero(concerned).tolist():
            doubted, steps = doubt(
                rows.steps, int(row[i]), int(at_us[i]), values[i], plausible[i], stepped[i], near[i], near_at[i]
            )
            trusted[i, doubted] = False
            code[i, doubted] = STEP
            believed += [(i, column, step) for column, step in steps]
            rows.stepping[row[i]] = int(row[i]) in rows.steps
    disagreeing = compare(rows, row, at_us, values, trusted)
    turned = np.zeros(len(row), bool)
    if disagreeing is not None:
        apart, turned = disagreeing
        unsure = np.zeros_like(trusted)
        unsure[:, CONCERNED] = trusted[:, CONCERNED] & apart[:, None]
        trusted = trusted & ~unsure
        code[unsure] = DISAGREES
        # While two probes disagree, a step of either has not held: what it showed proves nothing.
        believed = [(i, column, step) for i, column, step in believed if not unsure[i, column]]
    iced = _freeze(rows, row, at, values, readable, near)
    if iced is not None:
        cold = trusted & iced[:, None] & CONTINUOUS
        trusted = trusted & ~cold
        code[cold] = FROZEN

    blank = _lacking(rows, row, at_us, fresh, newest)
    if blank is not None:
        good &= ~blank
    last_trusted = rows.trusted_at.take(row, 0)
    for i, column, step in believed:
        good[i, column] = True
        if column == _HR:
            step.other_us = int(last_trusted[i, _PULSE])
        elif column == _PULSE:
            both = any((j, other) == (i, _HR) for j, other, _ in believed)
            step.other_us = int(at_us[i] if both else last_trusted[i, _HR])
    quality = np.where(fresh, code, quality)
    rows.quality[row] = quality
    was_frozen = rows.frozen.take(row)
    if iced is not None or was_frozen.any():
        # Of what its channels showed last: another device's samples do not thaw this one.
        frozen = ((quality == FROZEN) & CONTINUOUS).any(axis=1)
        rows.frozen[row] = frozen
        turned = turned | (frozen != was_frozen)
    rows.at[row] = np.where(fresh, at, newest)
    rows.near[row] = np.where(plausible, values, near)
    rows.near_at[row] = np.where(plausible, at, near_at)
    rows.value[row] = np.where(trusted, values, rows.value.take(row, 0))
    rows.trusted_at[row] = np.where(trusted, at, last_trusted)
    rows.heard[row] = np.where(trusted, clock_us[:, None], rows.heard.take(row, 0))
    any_fresh: NDArray[np.bool_] = np.any(fresh, axis=1)
    return Judged(trusted, turned, any_fresh, believed, good, newest)


def _freeze(
    rows: Rows, row: NDArray[np.int64], at: NDArray[np.int64], values: NDArray[np.float64], readable: NDArray[np.bool_],
    near: NDArray[np.float64],
) -> NDArray[np.bool_] | None:  # fmt: skip
    """(n,) which samples are of a device that has shown the same for too long; None: none is."""
    live = readable & CONTINUOUS
    changed = live & (values != near)
    since = rows.same_since.take(row, 0)
    since = np.where(changed, at, since)
    rows.same_since[row] = since
    # One channel alone may well stand still: a healthy SpO2 reads 98 for hours.
    still = ~changed.any(axis=1) & (np.count_nonzero(live, axis=1) >= 2)
    if not still.any():
        return None
    still &= ~(live & (at - since < FROZEN_AFTER)).any(axis=1)
    return still if still.any() else None


def _lacking(
    rows: Rows, row: NDArray[np.int64], at_us: NDArray[np.int64], fresh: NDArray[np.bool_], newest: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """(n, C) which channels' last line had no reading of theirs; and note which channels this line lacks.

    A line lacks a channel if the channel came with the line before of the same device: what came at one instant is one
    device's. So a sender of a line every ten seconds is believed over the ten, and one that sends gaps is not.
    """
    absent = CONTINUOUS & ~fresh & (newest > NEVER)
    blank = rows.blank.take(row, 0)
    if absent.any():
        together = np.where(fresh & CONTINUOUS, newest, NEVER).max(axis=1)
        together = np.where(fresh.any(axis=1), together, rows.row_at.take(row))
        lacks = absent & (np.maximum(newest, blank) == together[:, None]) & (at_us > together)[:, None]
        if lacks.any():
            rows.blank[row] = np.where(lacks, at_us[:, None], blank)
    missed = (blank > newest) & (blank < at_us[:, None])
    return missed if missed.any() else None
