"""Cuffs at their own pace, recorded: lasting pressures told whatever the spacing, and crises believed from one cuff.

`eicu_nibp` (1,174 stays of intensive care with a cuff, some 121,000 cuffs, every 15 min in the median). A pressure lasts if
at least three cuffs in a row, over 20 min or more and never more than 30 min apart, are past the limit; it is told if an
alert on pressure of the same side stands at medium or more before the next cuff after it. Its spacing is the median time
between its cuffs. The same stays are replayed thinned as well, to cuffs at least 5 to 30 min apart. A crisis is the first
cuff in a row of 200 or more, or 120 diastolic; its neighbours, the nearest cuff before it and the nearest after it within
30 min, bear it out if one of them is 180/110 or more, and refute it if there is one and none is. A cuff is believed at once if
an alert on a crisis stands at high at its own second, and is news if one rises to it then. Cuffs that no device can mean
(diastolic at or above systolic, outside 40-280 or 20-200) count nowhere in the yardstick; the ward is sent them all.
Bad at: who is right where neighbours are half an hour away: a crisis may be real and over by then.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import isnan, nan
from pathlib import Path
from typing import Final

import numpy as np

from bench.detection.told import Alert, replayed
from bench.recorded import DATA
from models.instants import DAY, HOUR, MINUTE, SECOND, to_datetime
from models.tables.rules import Priority
from models.wire.observations import Vitals

FOLDER: Final = "eicu_nibp"
LEAST_CUFFS: Final = 3
LASTS_MIN, APART_MIN, NEAR_MIN = 20.0, 30.0, 30.0
NARROW_MMHG: Final = 30.0
SPACINGS: Final = ((5, 7.5), (10, 12.5), (15, 22.5), (30, 30.0))
"""(name, longest median) of the spacings, in minutes."""
THINNED: Final = (5, 10, 13, 20, 30)
"""Least minutes between cuffs, in the copies with fewer of them."""
AT_ONCE_S: Final = 5
FIRST_DAY: Final = 20_000 * DAY
"""Minutes are relative to admission and may be negative: everybody is admitted on one invented day."""


@dataclass(frozen=True, slots=True)
class CuffRow:
    """One cuff of a stay; pressures in mmHg, NaN where there is none."""

    minute: int
    sbp: float
    dbp: float
    map: float

    @property
    def at_us(self) -> int:
        return FIRST_DAY + self.minute * MINUTE

    @property
    def possible(self) -> bool:
        """Whether a device can mean it."""
        return 40 <= self.sbp <= 280 and 20 <= self.dbp < min(self.sbp, 200)


Past = Callable[[float, float], bool]
LOW: Final = frozenset({"hypotension"})
HIGH: Final = frozenset({"hypertension", "hypertensive-crisis", "pressure-rise"})
LASTING: Final[Mapping[str, tuple[Past, frozenset[str]]]] = {
    "SBP <90": (lambda sbp, dbp: sbp < 90, LOW),
    "SBP <80": (lambda sbp, dbp: sbp < 80, LOW),
    "180/110 or more": (lambda sbp, dbp: sbp >= 180 or dbp >= 110, HIGH),
}


@dataclass(frozen=True, slots=True)
class Lasting:
    """A pressure that lasted: which limit, whose, from when to when, and whether it was told in time."""

    of: str
    stay: str
    from_us: int
    to_us: int
    spacing_min: int
    told: bool


@dataclass(frozen=True, slots=True)
class Crisis:
    """The first cuff of a crisis. `believed`: an alert stands at high at its own second; `news`: it made it high; `called`: one
    stands at medium or high.

    `borne_out` None: it has no neighbour.
    """

    stay: str
    at_us: int
    sbp: float
    dbp: float
    believed: bool
    news: bool
    called: bool
    borne_out: bool | None

    @property
    def chosen_on(self) -> bool:
        """Whether it is of the half of the stays on which the rule was chosen; the others show it."""
        return is_chosen_on(self.stay)

    @property
    def diastolic_alone(self) -> bool:
        return self.sbp < 200

    @property
    def narrow(self) -> bool:
        return self.sbp - self.dbp < NARROW_MMHG


@dataclass(slots=True)
class CuffSeries:
    """What was measured. `loud`: times that somebody is called (high or medium) about a pressure. `thinned`: what lasted in
    the copies with fewer cuffs, by the least minutes between them.
    """

    stays: int
    cuffs: int
    days: float
    lasting: list[Lasting]
    crises: list[Crisis]
    loud: int
    thinned: dict[int, list[Lasting]] = field(default_factory=dict)


def stays(folder: Path = DATA) -> dict[str, list[CuffRow]]:
    """Every stay's cuffs in order of time; of several in one minute, the last. None where the set is not there."""
    found: dict[str, dict[int, CuffRow]] = defaultdict(dict)
    if not (folder / FOLDER).is_dir():
        return {}
    with gzip.open(folder / FOLDER / "vitalaperiodic.csv.gz", "rt", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            values = [_number(line[f"noninvasive{name}"]) for name in ("systolic", "diastolic", "mean")]
            if line["observationoffset"] and not all(map(isnan, values)):
                minute = int(line["observationoffset"])
                found[line["patientunitstayid"]][minute] = CuffRow(minute, *values)
    return {stay: [rows[minute] for minute in sorted(rows)] for stay, rows in sorted(found.items())}


def _number(text: str) -> float:
    return float(text) if text else nan


def measure(found: Mapping[str, Sequence[CuffRow]]) -> CuffSeries:
    """Replay these stays, all at once, and hold what was told against their cuffs; then with fewer cuffs."""
    by_stay, loud = _told(found)
    cuffs = sum(map(len, found.values()))
    watched_us = sum(rows[-1].at_us - rows[0].at_us for rows in found.values())
    result = CuffSeries(len(found), cuffs, watched_us / DAY, [], [], loud)
    for stay, rows in found.items():
        result.lasting += _lasting(stay, rows, by_stay[stay])
        result.crises += _crises(stay, rows, by_stay[stay])
    for apart_min in THINNED:
        fewer = {stay: thin(rows, apart_min) for stay, rows in found.items()}
        told, _ = _told(fewer)
        result.thinned[apart_min] = [each for stay, rows in fewer.items() for each in _lasting(stay, rows, told[stay])]
    return result


def crises_told(found: Mapping[str, Sequence[CuffRow]]) -> list[Crisis]:
    """The crises of these stays and what was told of them; the stays without one are not replayed."""
    some = {stay: rows for stay, rows in found.items() if any(row.possible and is_critical(row) for row in rows)}
    told, _ = _told(some)
    return [crisis for stay, rows in some.items() for crisis in _crises(stay, rows, told[stay])]


def thin(rows: Sequence[CuffRow], apart_min: int) -> list[CuffRow]:
    """The cuffs that are left if each is taken at least so long after the one before."""
    left: list[CuffRow] = []
    for row in rows:
        if not left or row.minute - left[-1].minute >= apart_min:
            left.append(row)
    return left


def _told(found: Mapping[str, Sequence[CuffRow]]) -> tuple[Mapping[str, list[Alert]], int]:
    """The alerts of each stay, and how often somebody is called about a pressure."""
    alerts, _ = replayed(_lines(found))
    by_stay: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_stay[alert.patient].append(alert)
    return by_stay, sum(1 for alert in alerts if alert.rule in LOW | HIGH for _ in alert.burdens())


def _lines(found: Mapping[str, Sequence[CuffRow]]) -> Iterator[Vitals]:
    every = sorted((row.minute, stay, row) for stay, rows in found.items() for row in rows)
    for _, stay, row in every:
        values = {name: value for name in ("sbp", "dbp", "map") if not isnan(value := getattr(row, name))}
        yield Vitals(at=to_datetime(row.at_us), patient=stay, device=f"cuff-{stay}", **values)


def _lasting(stay: str, rows: Sequence[CuffRow], alerts: Sequence[Alert]) -> Iterator[Lasting]:
    possible = [row for row in rows if row.possible]
    for of, (past, rules) in LASTING.items():
        for run in _runs(possible, past):
            if len(run) < LEAST_CUFFS or run[-1].minute - run[0].minute < LASTS_MIN:
                continue
            apart = float(np.median(np.diff([row.minute for row in run])))
            after = next((row.at_us for row in rows if row.minute > run[-1].minute), run[-1].at_us + HOUR)
            told = any(
                alert.rule in rules and alert.stands(run[0].at_us, after - 1, Priority.MEDIUM) for alert in alerts
            )
            spacing = next(name for name, longest in SPACINGS if apart <= longest)
            yield Lasting(of, stay, run[0].at_us, run[-1].at_us, spacing, told)


def _runs(rows: Sequence[CuffRow], past: Past) -> Iterator[list[CuffRow]]:
    run: list[CuffRow] = []
    for row in rows:
        on = past(row.sbp, row.dbp)
        if run and (not on or row.minute - run[-1].minute > APART_MIN):
            yield run
            run = []
        if on:
            run.append(row)
    if run:
        yield run


def is_chosen_on(stay: str) -> bool:
    """Whether a stay is of the half on which the rule was chosen."""
    return sha256(stay.encode()).digest()[-1] % 2 == 0


def is_critical(row: CuffRow) -> bool:
    """Whether a cuff is a crisis by itself."""
    return row.sbp >= 200 or row.dbp >= 120


def is_raised(row: CuffRow) -> bool:
    """Whether a cuff bears a crisis beside it out."""
    return row.sbp >= 180 or row.dbp >= 110


def _crises(stay: str, rows: Sequence[CuffRow], alerts: Sequence[Alert]) -> Iterator[Crisis]:
    possible = [row for row in rows if row.possible]
    for before, row, after in zip([None, *possible], possible, [*possible[1:], None], strict=False):
        if not is_critical(row):
            continue
        near = [each for each in (before, after) if each is not None and abs(each.minute - row.minute) <= NEAR_MIN]
        if before is not None and before in near and is_critical(before):
            continue
        until_us = row.at_us + AT_ONCE_S * SECOND
        crises = [alert for alert in alerts if alert.rule == "hypertensive-crisis"]
        reached = [high for alert in crises if (high := alert.reached_us(Priority.HIGH)) is not None]
        yield Crisis(
            stay, row.at_us, row.sbp, row.dbp, any(alert.stands(until_us, until_us, Priority.HIGH) for alert in crises),
            any(row.at_us <= high <= until_us for high in reached),
            any(alert.stands(until_us, until_us, Priority.MEDIUM) for alert in alerts if alert.rule in HIGH),
            any(map(is_raised, near)) if near else None,
        )  # fmt: skip
