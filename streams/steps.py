"""Impossible steps: a reading further from its neighbour than the body can go is doubted until it returns or has held.

A step is judged between neighbouring samples. Once one is found, its channel is not believed until it is back at about
where it was (it was an artefact, and what it showed is dropped) or has held for `HELD_FOR` (it was real, and counts from
its first sample: what was kept is then held against the limits in its order). A further step starts anew. After a gap there
is no neighbour, and the returning signal is believed at once.

Good at: spikes, a probe that slips and is put back, a real step that is there to stay.
Bad at:  an artefact that stays for longer: it looks like a change of state, and somebody should look.
Cost:    some 2 µs a doubted reading, in plain Python, because they are rare. Kept in the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.channels import CHANNELS, STALE_AFTER
from models.instants import NEVER, SECOND

HELD_FOR: Final = 30 * SECOND
"""A step that has lasted this long is believed. Chosen by us: as long as a value stays valid, so that no step is doubted for
longer than a silence would go unsaid."""

GRAIN: Final = np.array([channel.grain for channel in CHANNELS])
FASTEST_PER_US: Final = np.array([channel.fastest / SECOND for channel in CHANNELS])
_ABOUT: Final = [channel.grain + channel.fastest for channel in CHANNELS]
"""How near to where it was a reading has returned: what the body may change in a second."""


@dataclass(slots=True)
class Step:
    """A step that is doubted: the reading before it, the instant of the sample before it, and its samples so far.

    other_us: once it is believed, of a rate: until when the other probe's rate was believed in its stead.
    """

    before: float
    before_us: int
    samples: list[tuple[int, float]]
    other_us: int = NEVER

    @property
    def began_us(self) -> int:
        return self.samples[0][0]


Steps = dict[int, dict[int, Step]]
"""Row → channel's column → the step that is doubted there."""


def impossible(moved: NDArray[np.float64], since: NDArray[np.int64], plausible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which readings are too far from their neighbours. moved, since (µs), plausible: (n, C)."""
    far = plausible & (moved > GRAIN)
    if far.any():
        far &= (since <= STALE_AFTER) & (moved > GRAIN + FASTEST_PER_US * since)
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
                mine[column] = Step(float(near[column]), int(near_us[column]), [(at_us, reading)])
                doubted.append(column)
        elif abs(reading - step.before) <= _ABOUT[column]:
            del mine[column]
        else:
            if stepped[column]:
                step.samples.clear()
            step.samples.append((at_us, reading))
            doubted.append(column)
    if not mine:
        del steps[row]
    return doubted, believed


def packed(steps: Steps) -> list[Any]:
    """As msgpack-able values, columns by their channels' names."""
    return [
        [row, CHANNELS[column].name, step.before, step.before_us, step.samples]
        for row, mine in sorted(steps.items())
        for column, step in sorted(mine.items())
    ]


def unpacked(rows: list[Any]) -> Steps:
    names = [channel.name for channel in CHANNELS]
    steps: Steps = {}
    for row, name, before, before_us, samples in rows:
        step = Step(before, before_us, [(at_us, reading) for at_us, reading in samples])
        steps.setdefault(row, {})[names.index(name)] = step
    return steps
