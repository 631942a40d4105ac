"""Runs of low oxygen that a clinician would believe, found without any of the ward's code: each must have been raised.

Fixed before any detector was tuned. A reading of SpO2 is believable if it is 50-100 %, if the pulse beside it, where there
is one, is 30-200 /min, and if it is no more than 4 %/s from the reading before it. A run is low while every believable
reading is below 90 %; it lasts from its first believable low reading to its last, counts if that is 30 s or more, and if in
some 30 s of it at least 25 seconds hold a believable low reading.
A reading that steps is not believed itself; the next one, that stays where it went, is. So a fall that looks like a step
is asked for too. Bad at: saying who is right when an artefact sits at a believable value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.detection.recordings import Recording

LOW: Final = 90.0
LOWEST, HIGHEST = 50.0, 100.0
SLOWEST_PULSE, FASTEST_PULSE = 30.0, 200.0
STEP_PER_S: Final = 4.0
LASTS_S: Final = 30
PRESENT: Final = 25


@dataclass(frozen=True, slots=True)
class LowRun:
    """A believable run below 90 %: seconds of its first and last reading, and the lowest."""

    patient: str
    from_s: float
    to_s: float
    lowest: float


def believable(recording: Recording) -> NDArray[np.bool_]:
    """(n,) which readings of SpO2 are."""
    spo2, pulse = recording.channels["spo2"], recording.channels["pulse"]
    good: NDArray[np.bool_] = (spo2 >= LOWEST) & (spo2 <= HIGHEST)
    good &= np.isnan(pulse) | ((pulse >= SLOWEST_PULSE) & (pulse <= FASTEST_PULSE))
    there = np.flatnonzero(~np.isnan(spo2))
    apart_s = np.maximum(np.diff(recording.at_s[there]), 1.0)
    steps = np.abs(np.diff(spo2[there])) > STEP_PER_S * apart_s
    good[there[1:][steps]] = False
    return good


def low_runs(recording: Recording) -> list[LowRun]:
    """The runs that must be raised."""
    good = np.flatnonzero(believable(recording))
    if not len(good):
        return []
    low = recording.channels["spo2"][good] < LOW
    breaks = np.flatnonzero(np.diff(low.astype(np.int8)) != 0) + 1
    found = []
    for part in np.split(np.arange(len(good)), breaks):
        if not low[part[0]]:
            continue
        second = recording.at_s[good[part]]
        if second[-1] - second[0] + 1 < LASTS_S:
            continue
        # In the 30 s that begin at each reading: how many readings.
        present = np.searchsorted(second, second + LASTS_S, side="left") - np.arange(len(second))
        if present.max() >= PRESENT:
            lowest = float(recording.channels["spo2"][good[part]].min())
            found.append(LowRun(recording.name, float(second[0]), float(second[-1]), lowest))
    return found
