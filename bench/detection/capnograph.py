"""A capnograph's numbers, invented over breathing that was labelled second by second: what a monitor would have shown.

`breathing_states` (51 people, 35 h of sedation) has the breathing as its authors labelled it from the CO2 wave, and neither
a rate nor an EtCO2. Both are invented here, from the labels, as a common bedside capnograph was measured to show them:

- in a pause the last RR and EtCO2 stay for about 35 s after the last breath, then both are 0; at the first breath EtCO2 is
  back at once, and RR stays 0 for another 18 s. A pause that ends earlier is never seen in the numbers;
- every 40 min or so it sets its own zero: no reading for about 9 s, then EtCO2, with RR 0 for about 21 s.

*Nothing of it was measured on these people*: labels, SpO2 and pulse are theirs, RR and EtCO2 are not. Every draw is seeded.
Bad at: other makes of monitor; levels within a label, which are ours; a cannula that slips.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.recorded import DATA
from models.instants import SECOND, to_datetime
from models.wire.observations import Vitals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDER: Final = "breathing_states"
MEASURED: Final = ("spo2", "pulse", "tcco2")
UNLABELLED, NORMAL, PAUSE = -1, 0, 5
SLOW: Final = (3, 6, 7)
"""The labels of slow breathing: bradypnoea, slow with high CO2, slow with low CO2."""

HELD_S, HELD_SD_S = 35.0, 1.0
"""How long the last numbers stay after the last breath (median of 247 h of one make of monitor); the SD is ours."""
RATE_BACK_S, RATE_BACK_SD_S = 18.0, 1.0
"""How long RR stays 0 after the first breath; the SD is ours."""
ZERO_EVERY_S, ZERO_EVERY_SD_S = 2400.0, 60.0
ZERO_GAP_S: Final = 9
ZERO_RATE_S, ZERO_RATE_SD_S = 21.0, 1.0
"""The monitor's own zero: how often, how long without a reading, how long RR is 0 afterwards."""
RATE_SETTLES_S, CO2_SETTLES_S = 10.0, 4.0
"""Time constants of the averages that a monitor shows. Chosen by us: a rate is counted over some breaths, EtCO2 over two."""


@dataclass(frozen=True, slots=True)
class Level:
    """What a label shows: RR and EtCO2 within (lowest, highest), both invented. None: the person's own."""

    rr: tuple[float, float] | None
    etco2: tuple[float, float] | None


# fmt: off
LEVELS: Final = {
    #  label          RR /min     EtCO2 mmHg
    0: Level(None,         None),          # normal
    1: Level((8, 11),      (46, 56)),      # hypoventilation
    2: Level(None,         (18, 28)),      # low CO2: shallow, or a cannula in the wrong place
    3: Level((5, 7),       None),          # bradypnoea
    4: Level((8, 12),      (26, 38)),      # periodic
    6: Level((5, 7),       (48, 58)),      # slow with high CO2
    7: Level((5, 7),       (18, 28)),      # slow with low CO2
    8: Level((8, 12),      (18, 28)),      # low CO2, periodic
    9: Level((24, 30),     (28, 34)),      # fast
}
# fmt: on
OWN_RR, OWN_ETCO2 = (11.0, 18.0), (35.0, 43.0)
"""What is normal of a person: within these. Chosen by us: adults under light sedation."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One person, a row a second. `state` is -1 where nobody labelled; `measured` NaN where there is no reading."""

    name: str
    state: Ints
    measured: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Pause:
    """A labelled pause: its first and last second, and the first second in which the numbers show it (None: never)."""

    first: int
    last: int
    shown: int | None

    @property
    def length_s(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Shown:
    """What the capnograph shows: (n,) each, NaN where it shows nothing; and the pauses under it."""

    rr: Floats
    etco2: Floats
    pauses: tuple[Pause, ...]


def paths(folder: Path = DATA) -> list[Path]:
    """The files of the set, in order of name; none where it is not there."""
    return sorted((folder / FOLDER).glob("*.csv.gz"))


def load(path: Path) -> Labelled:
    """One person's file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    state = np.array([UNLABELLED if row["state"] == "" else round(float(row["state"])) for row in rows], np.int64)
    measured = {name: np.array([float(row[name] or "nan") for row in rows], np.float64) for name in MEASURED}
    return Labelled(path.name.partition(".")[0], state, measured)


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of every run of true rows."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(last) - 1) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def capnograph(person: Labelled, seed: int) -> Shown:
    """The numbers over a person's labels; the same person and seed give the same."""
    rng = np.random.default_rng([seed, zlib.crc32(person.name.encode())])
    rr, etco2 = _levels(person.state, rng)
    seconds = len(person.state)
    rate_gone, gone = np.zeros(seconds, bool), person.state == UNLABELLED
    paused = np.zeros(seconds, bool)
    for first, last in runs(person.state == PAUSE):
        zero = first + round(float(np.clip(rng.normal(HELD_S, HELD_SD_S), HELD_S - 3, HELD_S + 3)))
        if zero <= last:
            paused[zero : last + 1] = True
            back = last + 1 + round(rng.normal(RATE_BACK_S, RATE_BACK_SD_S))
            rate_gone[zero:back] = True
        # The last numbers stay, whatever they were: also a rate that is 0 because the breath before was the first one.
        rr[first : last + 1], etco2[first : last + 1] = rr[max(first - 1, 0)], etco2[max(first - 1, 0)]
        if first and rate_gone[first - 1]:
            rate_gone[first : min(zero, last + 1)] = True
    at = float(rng.uniform(0, ZERO_EVERY_S))
    while at < seconds:
        begin = round(at)
        gone[begin : begin + ZERO_GAP_S] = True
        rate_gone[begin + ZERO_GAP_S : begin + ZERO_GAP_S + round(rng.normal(ZERO_RATE_S, ZERO_RATE_SD_S))] = True
        at += float(rng.normal(ZERO_EVERY_S, ZERO_EVERY_SD_S))
    rr, etco2 = np.where(rate_gone, 0.0, rr), np.where(paused, 0.0, etco2)
    rr, etco2 = np.where(gone, np.nan, rr), np.where(gone, np.nan, etco2)
    nothing = (rr == 0) & (etco2 == 0)
    pauses = tuple(
        Pause(first, last, next((row for row in range(first, last + 1) if nothing[row]), None))
        for first, last in runs(person.state == PAUSE)
    )
    return Shown(rr, etco2, pauses)


def _levels(state: Ints, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """RR and EtCO2 of somebody who breathes as labelled: averages that settle, with noise, in whole numbers."""
    rows = len(state)
    bounds = np.empty((rows, 2, 2))
    own = [float(rng.uniform(low, high)) for low, high in (OWN_RR, OWN_ETCO2)]
    mine = [(own[0] - 1.5, own[0] + 1.5), (own[1] - 2.5, own[1] + 2.5)]
    wanted = np.empty((rows, 2))
    for first, last in _stretches(state):
        level = LEVELS.get(int(state[first]), LEVELS[NORMAL])
        for which, given in enumerate((level.rr, level.etco2)):
            low, high = given or mine[which]
            bounds[first : last + 1, which] = low, high
            wanted[first : last + 1, which] = own[which] if given is None else rng.uniform(low, high)
    shown = np.empty((rows, 2))
    settles = 1 - np.exp(-1 / np.array([RATE_SETTLES_S, CO2_SETTLES_S]))
    now, wander = np.array(own), np.zeros(2)
    noise = rng.normal(0, 1, (rows, 2)) * np.array([0.35, 0.6])
    for row in range(rows):
        now = now + settles * (wanted[row] - now)
        wander = 0.85 * wander + noise[row]
        value = now + wander
        # Once it has settled it stays within what the label says.
        low, high = np.minimum(bounds[row, :, 0], now), np.maximum(bounds[row, :, 1], now)
        shown[row] = np.clip(value, low, high)
    return np.round(shown[:, 0]), np.round(shown[:, 1])


def _stretches(state: Ints) -> list[tuple[int, int]]:
    """(first, last) of every stretch of one label."""
    breaks = np.flatnonzero(np.diff(state)) + 1
    firsts = np.concatenate([[0], breaks])
    lasts = np.concatenate([breaks, [len(state)]]) - 1
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def lines(people: Iterable[tuple[Labelled, Shown | None]]) -> Iterator[Vitals]:
    """All people at once, a line a second each; without what a capnograph shows where there is none."""
    columns = []
    for person, shown in people:
        mine = dict(person.measured) if shown is None else {**person.measured, "rr": shown.rr, "etco2": shown.etco2}
        columns.append((person.name, mine, len(person.state)))
    for second in range(max((rows for _, _, rows in columns), default=0)):
        at = to_datetime(second * SECOND)
        for name, mine, rows in columns:
            if second < rows:
                values = {
                    channel: value for channel, column in mine.items() if (value := float(column[second])) == value
                }
                yield Vitals(at=at, patient=name, **values)  # type: ignore[arg-type]  # the names are channels
