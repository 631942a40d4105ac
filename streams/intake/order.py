"""The order of rows that are given together: as they stand, newest first, or by time; and which have a time that cannot be.

Rows stand in order of arrival, and mostly that is the order of time. Where it is not, and nothing says when they arrived,

- most rows are older than the one above them: it is an export, newest first, and is read from its end;
- one person stands after the other, rows came late into a gap of their own, or they are all in disorder: by time;
- a clock went back, so that it shows times again, or began anew: only the order of arrival is right, and the rows stay;
- of several devices one is years behind or ahead all the time: its clock is wrong, and the rows stay;
- only entries go back: somebody entered them late, which means something, and they stay;
- a row or two say another year, and the next ones go on as before: they are strays, and the others are as if they were not.

Bad at: two recordings of one clock that were put together in the wrong order and overlap: that is what a clock that went back
looks like. Cost: a sort. Never here: files (`files.py`), posts (`json.py`), what a row means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from models.arrays import Flags, Ints
from models.instants import DAY, HOUR, SECOND

Arrangement = Literal["as it stands", "newest first", "by time"]

STRAY_ROWS: Final = 3
"""More rows in a row with another time are no slip. Chosen by us."""
MOST_STRAYS: Final = 100
"""What steps back more often is not in order but for its strays. Chosen by us."""
WHOLE_ROWS: Final = 10
"""So many rows beside a stray one are the recording. Chosen by us."""
STRAY_AMONG, STRAY_ANYWHERE = DAY, 5 * 365 * DAY
"""How far a stray sample lies from those before and after it, which are in order; and a stray row from all others, wherever it
stands: no recording, and no treatment, pauses for five years. Chosen by us."""
CLOCK_STEPS: Final = 3
"""A clock is set back so many times in a recording at most; what goes back more often is in disorder. Chosen by us."""
CLOCK_ROWS: Final = 4
"""Fewer rows that go back are late, not a clock's. Chosen by us."""
LATE_SHARE: Final = 0.1
"""Of more than this share of the rows nobody is late: they are in disorder. Chosen by us."""
_ZONES: Final = 14 * HOUR
"""A clock that is set by whole hours (summer time, a zone, morning for evening) is set by no more."""
_YEAR: Final = 365 * DAY


@dataclass(frozen=True, slots=True)
class RowOrder:
    """How to arrange rows, (n,). stray: which have a time that cannot be. back: how many are older than a row above them."""

    stray: Flags
    arrangement: Arrangement
    back: int

    def places(self, time_us: Ints) -> Ints:
        """The rows in their order, strays included."""
        rows = np.arange(len(time_us))
        if self.arrangement == "as it stands":
            return rows
        if self.arrangement == "newest first":
            rows = rows[::-1]
        return rows[np.argsort(time_us[rows], kind="stable")]


def order_of(time_us: Ints, whose: Ints, sample: Flags, *, arrival: bool = False) -> RowOrder:
    """The order of rows by their own times.

    Args:
        time_us: (n,) their instants, as they stand. whose: (n,) the number of the device or patient that each is of.
        sample: (n,) which are samples, not entries. arrival: some of the instants are of arrival: as the rows stand, or newest
            first.
    """
    stray = np.zeros(len(time_us), bool)
    if arrival:
        steps, back = np.diff(time_us), int(_behind(time_us).sum())
        return RowOrder(stray, "newest first" if (steps < 0).sum() > (steps > 0).sum() else "as it stands", back)
    far = _far_from_all(time_us)
    for rows in _each(whose):
        # What somebody has once only may be so far away.
        mine = far[rows] & ~far[rows].all()
        stray[rows] = _strays(time_us[rows], sample[rows], mine)
    if stray[~sample].all():
        # Not one entry has the samples' time: then it is the monitor's clock that is wrong.
        stray &= sample
    kept = ~stray
    time_us, sample, whose = time_us[kept], sample[kept], whose[kept]
    back = int(_behind(time_us).sum())
    if not back:
        return RowOrder(stray, "as it stands", 0)
    steps = np.diff(time_us)
    if (steps < 0).sum() > (steps > 0).sum():
        return RowOrder(stray, "newest first", back)
    if not _behind(time_us[sample]).any() and (steps < 0).sum() <= max(CLOCK_STEPS, LATE_SHARE * len(steps)):
        return RowOrder(stray, "as it stands", back)
    samples_us = time_us[sample]
    if any(_clock_went_back(samples_us[rows]) for rows in _each(whose[sample])) or _years_apart(
        samples_us, whose[sample]
    ):
        return RowOrder(stray, "as it stands", back)
    return RowOrder(stray, "by time", back)


def _each(whose: Ints) -> list[Ints]:
    """The rows of each owner, in order."""
    by_owner = np.argsort(whose, kind="stable")
    return np.split(by_owner, np.flatnonzero(np.diff(whose[by_owner])) + 1) if len(whose) else []


def _behind(time_us: Ints) -> Flags:
    """(n,) which are older than one that stands above them."""
    return time_us < np.maximum.accumulate(time_us) if len(time_us) else np.zeros(0, bool)


def _far_from_all(time_us: Ints) -> Flags:
    """(n,) which rows are so few, and so far from all others, that their time cannot be."""
    far = np.zeros(len(time_us), bool)
    by_time = np.argsort(time_us, kind="stable")
    for part in np.split(by_time, np.flatnonzero(np.diff(time_us[by_time]) > STRAY_ANYWHERE) + 1):
        far[part] = len(part) <= STRAY_ROWS and len(time_us) - len(part) >= WHOLE_ROWS
    return far


def _strays(time_us: Ints, sample: Flags, found: Flags) -> Flags:
    """(n,) which rows of one owner have a time that cannot be; `found` are some of them."""
    # Also, if the others are in order then, samples far from those before and after it.
    among = found.copy()
    steps = np.diff(time_us)
    if min(int((steps < 0).sum()), int((steps > 0).sum())) > MOST_STRAYS:
        return found
    for edge in np.flatnonzero(np.abs(steps) > STRAY_AMONG).tolist():
        for after in range(edge + 2, min(edge + 2 + STRAY_ROWS, len(time_us))):
            run = slice(edge + 1, after)
            ahead = (time_us[run] - max(time_us[edge], time_us[after])).min()
            behind = (min(time_us[edge], time_us[after]) - time_us[run]).min()
            if max(ahead, behind) > STRAY_AMONG and sample[run].all() and not among[edge]:
                among[run] = True
                break
    steps = np.diff(time_us[~among])
    return among if (steps >= 0).all() or (steps <= 0).all() else found


def _clock_went_back(time_us: Ints) -> bool:
    """Whether most of one device's samples that are older than one above them are a clock's doing: it shows times again."""
    behind = _behind(time_us)
    falls = np.flatnonzero(np.diff(time_us) < 0) + 1
    if not 0 < len(falls) <= CLOCK_STEPS:
        return False
    again = 0
    pace = int(np.median(np.abs(np.diff(time_us))))
    for start, stop in zip(falls.tolist(), [*falls[1:].tolist(), len(time_us)], strict=True):
        run = time_us[start:stop][behind[start:stop]]
        before = time_us[:start]
        shown = int(((before >= run[0]) & (before <= run[-1])).sum())
        shift = int(before[-1]) + pace - int(run[0])
        set_back = run[0] < before.min() and (shift > _YEAR or _is_whole_hours(shift, pace))
        if len(run) >= CLOCK_ROWS and (set_back or 2 * shown >= len(run)):
            again += len(run)
    return bool(2 * again > behind.sum())


def _years_apart(time_us: Ints, whose: Ints) -> bool:
    """Whether devices that each go on in order stand among each other and are years apart: then a clock of theirs is wrong."""
    owners = _each(whose)
    if len(owners) < 2 or any(_behind(time_us[rows]).any() for rows in owners):
        return False
    among = np.count_nonzero(np.abs(np.diff(time_us)) > _YEAR)
    first, last = (np.array([int(time_us[rows[place]]) for rows in owners]) for place in (0, -1))
    by_time = np.argsort(first)
    apart = first[by_time][1:] - np.maximum.accumulate(last[by_time])[:-1]
    # Recordings of several years that stand one after the other change once each.
    return bool((apart > _YEAR).any() and among >= CLOCK_ROWS * len(owners))


def _is_whole_hours(shift_us: int, pace_us: int) -> bool:
    """Whether a clock was set by a whole number of hours, give or take two readings or five seconds."""
    off = (shift_us + HOUR // 2) % HOUR - HOUR // 2
    return HOUR // 2 < shift_us <= _ZONES + HOUR // 2 and abs(off) <= max(2 * pace_us, 5 * SECOND)
