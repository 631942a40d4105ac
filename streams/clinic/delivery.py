"""Delivery of an invented monitor's lines: cadence, losses, repeats, late batches, overtaking, and a clock that is wrong.

A row is one second of the monitor. Here it is decided which rows are sent, when each arrives, and what time the device
puts on it; their values are decided elsewhere.
Bad at: a network's correlations (a bad hour for everybody); every device is unlucky by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.arrays import Flags, Ints
from models.instants import SECOND
from models.tables.channels import STALE_AFTER
from streams.clinic.artefacts import Silence, stretches
from streams.clinic.conditions import Delivery


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """A device's clock, in pieces: from second `from_s[i]` it is `offset_us[i]` ahead of the true time, and drifts."""

    from_s: tuple[float, ...] = (0.0,)
    offset_us: tuple[int, ...] = (0,)
    drift_us_per_s: float = 0.0

    def error_us(self, second: Ints) -> Ints:
        """How far ahead the device's time is, to the millisecond that a line shows."""
        piece = np.searchsorted(np.array(self.from_s), second, side="right") - 1
        raw = np.array(self.offset_us)[np.maximum(piece, 0)] + self.drift_us_per_s * second
        rounded: Ints = (np.rint(raw / 1000) * 1000).astype(np.int64)
        return rounded

    @property
    def right(self) -> bool:
        return self == RIGHT


RIGHT: Final = DeviceClock()


def draw_clock(rng: np.random.Generator, delivery: Delivery, length_s: int) -> DeviceClock:
    """A device's clock for a session of this length."""
    if not (delivery.offset_s or delivery.drift_s_per_hour or delivery.jumps_per_hour):
        return RIGHT
    drift = rng.uniform(-1, 1) * delivery.drift_s_per_hour / 3600 * SECOND
    from_s, offset_us = [0.0], [round(rng.uniform(-1, 1) * delivery.offset_s * SECOND)]
    for at_s in sorted(
        rng.uniform(300, length_s - 300, size=int(rng.poisson(delivery.jumps_per_hour * length_s / 3600)))
    ):
        # Most jumps are small; a few go all the way.
        size = delivery.jump_s * float(rng.random()) ** 3 * (1 if rng.random() < 0.5 else -1)
        from_s.append(float(at_s))
        offset_us.append(offset_us[-1] + round(size * SECOND))
    return DeviceClock(tuple(from_s), tuple(offset_us), drift)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Which rows arrive and when. `order` lists rows in order of arrival; one may be absent or come twice."""

    order: npt.NDArray[np.int32]
    arrives_us: Ints
    at_us: Ints
    late: Flags
    silences: tuple[Silence, ...]
    cadence_s: int


def deliver(
    rng: np.random.Generator,
    delivery: Delivery,
    true_us: Ints,
    seconds: Ints,
    clock: DeviceClock,
    clear: Flags,
    cut: Flags,
) -> Arrivals:
    """Decide which rows arrive, and when.

    Args:
        true_us: (rows,) when each was measured. seconds: (rows,) the same, since the session's start.
        clear: where chance may delay or lose a stretch. cut: what a planned network cut loses.
    """
    rows = len(seconds)
    arrives_us = true_us.copy()
    late = np.zeros(rows, dtype=np.bool_)
    silences: list[Silence] = []
    lost = rng.random(rows) < delivery.lost
    for stretch in stretches(rng, clear, delivery.gaps_per_hour, (3, 15)):
        lost[stretch] = True
    for stretch in stretches(rng, clear, delivery.late_per_hour, delivery.late_s):
        behind_us = 300_000
        if delivery.overtaken and rng.random() < delivery.overtaken:
            behind_us = int(rng.integers(2, 120)) * SECOND + 300_000
        arrives_us[stretch] = true_us[stretch.stop - 1] + behind_us
        late[stretch] = True
        if (stretch.stop - 1 - stretch.start) * SECOND >= STALE_AFTER:
            # Whoever has nothing else to read cannot know the time: nothing is missed before the batch comes.
            silences.append(Silence("no-data", stretch.start, stretch.stop - 1, "either"))
    lost |= cut
    cadence_s = 1
    if delivery.cadence_s != (1,):
        cadence_s = int(rng.choice(delivery.cadence_s))
        lost |= seconds % cadence_s != int(rng.integers(cadence_s))
        if cadence_s * SECOND > STALE_AFTER:
            silences.append(Silence("no-data", 0, rows - 1, "either"))
    if delivery.reordered:
        held_up = (rng.random(rows) < delivery.reordered) & ~late
        arrives_us[held_up] += rng.integers(1_100, 2_900, size=int(held_up.sum())) * 1_000
        late |= held_up
    if not clock.right:
        # For a device whose time is not to be trusted, the gateway's time of receipt counts.
        late[:] = True
    arriving = np.flatnonzero(~lost)
    again = arriving[rng.random(len(arriving)) < delivery.repeated]
    again = again[again < rows - 10]
    sent = np.concatenate([arriving, again])
    when = np.concatenate([arrives_us[arriving], arrives_us[again] + rng.integers(200, 3_000, size=len(again)) * 1_000])
    # Nothing of a session may come after its end, whatever held it up.
    when = np.minimum(when, true_us[-1] + 4 * SECOND)
    sorting = np.argsort(when, kind="stable")
    return Arrivals(
        sent[sorting].astype(np.int32),
        when[sorting],
        true_us + clock.error_us(seconds),
        late,
        tuple(silences),
        cadence_s,
    )
