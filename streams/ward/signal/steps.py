"""Impossible steps: a reading further from its neighbour than the body can go is doubted until it returns or has held.

A step is judged between neighbouring samples. Signals of different organs that all jump in the same second, each by less
than would be impossible alone, are a movement, and doubted likewise. Once doubted, a channel is not believed until it is
back at about where it was, twice (it was an artefact, and what it showed is dropped) or has held for `HELD_FOR` (it was real, and
counts from its first sample: what was kept is then held against the limits in its order). A further step starts anew. After
a gap there is no neighbour, and the returning signal is believed at once.

Good at: spikes, a probe that slips and is put back, a real step that is there to stay.
Bad at:  an artefact that stays for longer: it looks like a change of state, and somebody should look.
Cost:    some 2 µs a doubted reading, in plain Python, because they are rare. Kept in the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.instants import NEVER, SECOND
from models.tables.channels import CHANNEL_COLUMN, CHANNELS, STALE_AFTER

HELD_FOR: Final = 30 * SECOND
"""A step that has lasted this long is believed. Chosen by us: as long as a value stays valid, so that no step is doubted for
longer than a silence would go unsaid."""

GRAIN: Final = np.array([channel.grain for channel in CHANNELS])
FASTEST_PER_US: Final = np.array([channel.fastest / SECOND for channel in CHANNELS])
STARTLES: Final = {"hr": 20.0, "pulse": 20.0, "rr": 8.0, "spo2": 3.0}
"""A change within a second that means a movement if two organs show it at once. Chosen by us: a displayed rate of breathing is
an average over breaths, and saturation follows what the heart and lungs do by half a minute (circulation and averaging)."""
STARTLES_WITHIN: Final = 2 * SECOND
FLUTTERS: Final = {CHANNEL_COLUMN["spo2"]: 3.0}
"""While it is doubted, a change beyond this within a second is no sign of having settled. As `STARTLES`: an average over 8-16 s
does not go up and down by 4 % from one second to the next."""
_STARTLES: Final = np.array([STARTLES.get(channel.name, inf) for channel in CHANNELS])
_ORGANS: Final = tuple(tuple(CHANNEL_COLUMN[name] for name in names) for names in (("hr", "pulse"), ("rr",), ("spo2",)))


def _about(column: int, size: float) -> float:
    """How near to where it was a reading has returned: half of the step, and what the body may change in a second anyway."""
    channel = CHANNELS[column]
    return max(channel.grain, min(channel.grain + channel.fastest, size / 2))


@dataclass(slots=True)
class Step:
    """A step that is doubted: the reading before it, the instant of the sample before it, and its samples so far.

    size: the furthest from where it was, samples of earlier steps included: what has returned is judged by all of it.
    other_us: once it is believed, of a rate: until when the other probe's rate was believed in its stead.
    """

    before: float
    before_us: int
    samples: list[tuple[int, float]]
    size: float
    other_us: int = NEVER
    back: bool = False
    """The last sample was about where it had been; so must the next be."""

    @property
    def began_us(self) -> int:
        return self.samples[0][0]


Steps = dict[int, dict[int, Step]]
"""Row → channel's column → the step that is doubted there."""


def impossible(moved: NDArray[np.float64], since: NDArray[np.int64], plausible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which readings are too far from their neighbours. moved, since (µs), plausible: (n, C)."""
    startled = plausible & (moved > _STARTLES)
    far = plausible & (moved > GRAIN)
    if far.any():
        far &= (since <= STALE_AFTER) & (moved > GRAIN + FASTEST_PER_US * since)
    if startled.any():
        startled &= since <= STARTLES_WITHIN
        # A rate counts if every probe that shows one jumps: an irregular heart does not move both in step.
        organs = [
            (startled[:, columns].any(axis=1) & ~(plausible & ~startled)[:, columns].any(axis=1)).astype(np.int64)
            for columns in _ORGANS
        ]
        moving = np.sum(organs, axis=0) >= 2
        if moving.any():
            far |= startled & moving[:, None]
    return far


def doubt(
    steps: Steps, row: int, at_us: int, values: NDArray[np.float64], plausible: NDArray[np.bool_],
    stepped: NDArray[np.bool_], near: NDArray[np.float64], near_us: NDArray[np.int64],
) -> tuple[list[int], list[tuple[int, Step]]]:  # fmt: skip
    """Fold in one sample of one row that steps or is doubted already.

    Args:
        values, plausible, stepped: (C,) readings, whether in range, whether too far from their neighbours.
        near, near_us: (C,) the neighbours and their instants.

    Returns:
        The columns that are not believed, and the steps that are from now on, by column.
    """
    mine = steps.setdefault(row, {})
    doubted: list[int] = []
    believed: list[tuple[int, Step]] = []
    for column in sorted({*mine, *np.flatnonzero(stepped).tolist()}):
        if not plausible[column]:
            continue
        reading = float(values[column])
        step = mine.get(column)
        if step is not None and at_us - int(near_us[column]) > STALE_AFTER:
            del mine[column]
            continue
        if step is not None and at_us - step.began_us >= HELD_FOR:
            believed.append((column, mine.pop(column)))
            step = None
        if step is None:
            if stepped[column]:
                before = float(near[column])
                mine[column] = Step(before, int(near_us[column]), [(at_us, reading)], abs(reading - before))
                doubted.append(column)
        else:
            soon = at_us - int(near_us[column]) <= STARTLES_WITHIN
            flutters = soon and abs(reading - float(near[column])) > FLUTTERS.get(column, inf)
            back = abs(reading - step.before) <= _about(column, step.size)
            if back and not (soon and (flutters or not step.back)):
                del mine[column]
                continue
            step.back = back
            if stepped[column] or flutters:
                step.samples.clear()
                step.size = max(step.size, abs(reading - step.before))
            step.samples.append((at_us, reading))
            doubted.append(column)
    if not mine:
        del steps[row]
    return doubted, believed


def packed(steps: Steps) -> list[Any]:
    """As msgpack-able values, columns by their channels' names."""
    return [
        [row, CHANNELS[column].name, step.before, step.before_us, step.samples, step.back, step.size]
        for row, mine in sorted(steps.items())
        for column, step in sorted(mine.items())
    ]


def unpacked(rows: list[Any]) -> Steps:
    names = [channel.name for channel in CHANNELS]
    steps: Steps = {}
    for row, name, before, before_us, samples, back, size in rows:
        step = Step(before, before_us, [(at_us, reading) for at_us, reading in samples], size, back=back)
        steps.setdefault(row, {})[names.index(name)] = step
    return steps
