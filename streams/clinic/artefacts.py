"""Artefacts of an invented monitor's signals: movement, loose probes, standing numbers, miscounts, blocked lines, bursts.

Each kind spoils a stretch of some channels and marks it in a mask, from which the truth takes the readings that a clinician
could have believed. A spoilt reading may still look fine: a frozen number does.
Good at: the rates and lengths of dropouts, out-of-range values and jumps of the sedation recordings (hfnosedrct, 83 h).
Bad at:  artefacts that look like events for minutes (a cold hand); movement here is a shift and noise, not a waveform.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from models.arrays import Flags
from models.tables.channels import STATUSES
from streams.clinic.conditions import Artefacts

MISSING: Final = -1
STATUS_PROBE_OFF, STATUS_ARTEFACT = STATUSES.index("probe-off"), STATUSES.index("artefact")
NAMED_BY_DEVICE: Final = 0.3
"""Share of movements that the monitor itself calls an artefact. Chosen by us: some monitors notice."""

ArtefactExpectation = Literal["raise", "either"]


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch without a usable signal, in rows or in seconds since the session's start, as its owner documents.

    `either`: it may rightly be raised, or rightly not. A physiological rule here is one that the stretch imitates exactly.
    """

    rule: str
    from_s: int
    to_s: int
    expect: ArtefactExpectation = "raise"


@dataclass(slots=True)
class Signals:
    """The readings of one monitor, a row a second, and the masks of what was spoilt; (rows, channels)."""

    names: tuple[str, ...]
    values: npt.NDArray[np.int16]
    status: npt.NDArray[np.uint8]
    spoilt: Flags
    noted: list[Silence] = field(default_factory=list)

    def column(self, name: str) -> int:
        return self.names.index(name)

    def take_off(self, stretch: slice) -> None:
        """Blank the finger probe's channels in a stretch."""
        for name in ("spo2", "pulse"):
            self.hide(stretch, self.column(name), STATUS_PROBE_OFF)

    def hide(self, stretch: slice, column: int, status: int) -> None:
        self.values[stretch, column] = MISSING
        self.status[stretch, column] = status
        self.spoilt[stretch, column] = True


def stretches(rng: np.random.Generator, clear: Flags, per_hour: float, lasts_s: tuple[int, int]) -> Iterator[slice]:
    """Random stretches that lie wholly where `clear` is true."""
    for _ in range(int(rng.poisson(per_hour * len(clear) / 3600))):
        begin = int(rng.integers(len(clear)))
        stretch = slice(begin, begin + int(rng.integers(lasts_s[0], lasts_s[1] + 1)))
        if clear[stretch].all() and stretch.stop < len(clear):
            yield stretch


def add_artefacts(rng: np.random.Generator, signals: Signals, clear: Flags, rates: Artefacts) -> None:
    """Add all artefacts of this monitor to its signals; the silences. A probe that is off shows nothing, so these come last."""
    for stretch in stretches(rng, clear, rates.movements_per_hour, rates.movement_s):
        _move(rng, signals, stretch)
    hr, pulse, rr, spo2 = (signals.column(name) for name in ("hr", "pulse", "rr", "spo2"))
    for stretch in stretches(rng, clear, rates.standing_per_hour, (60, 180)):
        column = (hr, pulse, rr)[int(rng.integers(3))]
        signals.values[stretch, column] = signals.values[stretch.start, column]
        signals.spoilt[stretch, column] = True
    for stretch in stretches(rng, clear, rates.out_of_range_per_hour, (1, 4)):
        column, nonsense = ((spo2, 0), (spo2, 1), (pulse, 255), (hr, 300))[int(rng.integers(4))]
        signals.values[stretch, column] = nonsense
        signals.status[stretch, column] = 0
        signals.spoilt[stretch, column] = True
    for stretch in stretches(rng, clear, rates.flicker_per_hour, (1, 2)):
        column = (hr, rr, spo2)[int(rng.integers(3))]
        signals.values[stretch, column] += int(rng.integers(1, 4)) * (-1 if column == spo2 or rng.random() < 0.5 else 1)
        signals.spoilt[stretch, column] = True
    for stretch in stretches(rng, clear, rates.bursts_per_hour, rates.burst_s):
        _burst(rng, signals, stretch)
    for stretch in stretches(rng, clear, rates.miscount_per_hour, rates.miscount_s):
        _miscount(rng, signals, stretch)
    if "etco2" in signals.names:
        for stretch in stretches(rng, clear, rates.occlusions_per_hour, rates.occlusion_s):
            _occlude(rng, signals, stretch)
    for stretch in stretches(rng, clear, rates.frozen_per_hour, rates.frozen_s):
        signals.values[stretch] = signals.values[stretch.start]
        signals.status[stretch] = signals.status[stretch.start]
        signals.spoilt[stretch] = True
        signals.noted.append(Silence("artefact", stretch.start, stretch.stop))
    for stretch in stretches(rng, clear, rates.probe_off_per_hour, rates.probe_off_s):
        # A third lasts longer, up to 55 s; beyond that somebody should have come, and it is an event.
        longer = slice(stretch.start, stretch.stop + int(rng.random() < 0.3) * int(rng.integers(5, 32)))
        signals.take_off(longer)
        signals.noted.append(Silence("probe-off", longer.start, longer.stop))


def _move(rng: np.random.Generator, signals: Signals, stretch: slice) -> None:
    hr, pulse, rr, spo2 = (signals.column(name) for name in ("hr", "pulse", "rr", "spo2"))
    values, length = signals.values, stretch.stop - stretch.start
    values[stretch, pulse] += int(rng.integers(18, 60))
    values[stretch, spo2] -= int(rng.integers(2, 14))
    values[stretch, rr] += int(rng.integers(0, 14))
    values[stretch, hr] += int(rng.integers(0, 35))
    signals.spoilt[stretch, [hr, pulse, rr, spo2]] = True
    if length > 8:  # a long one is no steady shift
        for column, sd in ((pulse, 12), (spo2, 3), (rr, 4), (hr, 6)):
            values[stretch, column] += np.rint(rng.normal(0, sd, size=length)).astype(np.int16)
        values[stretch, spo2] = np.clip(values[stretch, spo2], 60, 100)
        values[stretch, rr] = np.maximum(values[stretch, rr], 0)
    if rng.random() < NAMED_BY_DEVICE:
        signals.hide(stretch, spo2, STATUS_ARTEFACT)


def _burst(rng: np.random.Generator, signals: Signals, stretch: slice) -> None:
    wild = {"hr": (30, 220), "pulse": (30, 220), "rr": (0, 60), "spo2": (60, 100), "etco2": (0, 60)}
    named = rng.random() < NAMED_BY_DEVICE
    for column, name in enumerate(signals.names):
        lowest, highest = wild[name]
        signals.values[stretch, column] = rng.integers(lowest, highest + 1, size=stretch.stop - stretch.start)
        signals.spoilt[stretch, column] = True
        if named:
            signals.hide(stretch, column, STATUS_ARTEFACT)


def _miscount(rng: np.random.Generator, signals: Signals, stretch: slice) -> None:
    pulse = signals.column("pulse")
    times = 0.5 if rng.random() < 0.6 else 2.0
    counted = np.minimum(signals.values[stretch, pulse] * times, 240)
    signals.values[stretch, pulse] = np.where(
        signals.values[stretch, pulse] == MISSING, MISSING, np.rint(counted)
    ).astype(np.int16)
    # Rate and pulse disagree: neither that rate nor that saturation can be believed.
    signals.spoilt[stretch, [signals.column(name) for name in ("hr", "pulse", "spo2")]] = True
    if stretch.stop - stretch.start >= 20:
        signals.noted.append(Silence("artefact", stretch.start, stretch.stop, "either"))


def _occlude(rng: np.random.Generator, signals: Signals, stretch: slice) -> None:
    etco2, rr = signals.column("etco2"), signals.column("rr")
    by_capnograph = rng.random() < 0.5  # where the breaths are counted from the same line
    if rng.random() < 0.6:
        signals.hide(stretch, etco2, STATUS_ARTEFACT)
        if by_capnograph:
            signals.hide(stretch, rr, STATUS_ARTEFACT)
        return
    signals.values[stretch, etco2] = rng.integers(0, 4)
    signals.spoilt[stretch, etco2] = True
    if by_capnograph:
        signals.values[stretch, rr] = 0
        signals.spoilt[stretch, rr] = True
    # No CO2 is what an apnoea shows: nobody could tell from this line, so an alert is neither right nor wrong.
    for rule in ("apnoea", "bradypnoea") if by_capnograph else ("apnoea",):
        signals.noted.append(Silence(rule, stretch.start, stretch.stop, "either"))
