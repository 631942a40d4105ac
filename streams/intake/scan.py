"""A quick look through a recording, for the times of its lines alone: whether they stand in order, before anything is read.

Most recordings do, and are then read as they stand, a block at a time. Of one that does not all rows must be known before the
first is used (`order.py`), and this look costs a tenth of reading it.
Bad at: lines that are written unusually. Of those it is not certain, and says so.
Cost: 0.3 µs a line, 1 µs where an entry came late. Never here: what to do about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import gt, le, lt
from typing import Final

from models.instants import NEVER, SECOND, from_iso
from streams.intake.csv_header import Layout
from streams.intake.order import CLOCK_STEPS, LATE_SHARE, STRAY_ANYWHERE, STRAY_ROWS

BAD_SHARE: Final = 0.1
"""The most of times that are none. Chosen by us."""
RECEIVED_AT: Final = b'"received_at"'
"""In the bytes of lines of which some say when they arrived."""
_TIME: Final = rb'"%b"\s*:\s*"([^"\\]{10,40})"'
_AT, _RECEIVED_AT = (re.compile(_TIME % name) for name in (b"at", b"received_at"))


def ndjson_in_order(chunks: Iterable[bytes]) -> int | None:
    """How many lines are late though all stand in order; None: they do not, or it is not certain.

    Where some lines say when they arrived, all stand in the order of that, unless they are newest first. Otherwise they are in
    order of their own times, entries aside: those may come late.
    """
    seen, in_order = _Seen(None), True
    arrived, on, back = False, 0, 0
    for chunk in chunks:
        arrived = arrived or RECEIVED_AT in chunk
        if arrived:
            times = _RECEIVED_AT.findall(chunk)
            on += sum(map(lt, times, times[1:]))
            back += sum(map(gt, times, times[1:]))
        else:
            # To the end, even if they are not: whether they arrived otherwise may be said late.
            in_order = in_order and (seen.go_on(_AT.findall(chunk)) or seen.go_on_late(chunk))
    if arrived:
        return None if back > on else 0
    in_order = in_order and seen.ends_near() and seen.late <= max(CLOCK_STEPS, LATE_SHARE * seen.count)
    return seen.late if in_order else None


def csv_in_order(chunks: Iterable[bytes], layout: Layout) -> int | None:
    """0 if a table's rows, without its header, stand in order of time; None: they do not, or it is not certain."""
    apart = re.escape(layout.delimiter.encode())
    column = re.compile(rb"^(?:[^%b\n]*%b){%d}([^%b\r\n]+)" % (apart, apart, layout.when, apart), re.MULTILINE)
    seen = _Seen(layout.seconds)
    # What is quoted may hold a delimiter: then another column is taken for the time, and it is not certain.
    in_order = all(seen.go_on(column.findall(chunk.replace(b'"', b""))) for chunk in chunks)
    return 0 if in_order and seen.ends_near() else None


def _in_turn(texts: Sequence[bytes]) -> bool:
    """Whether times are all of one form, in which they are in order as texts are, and in order."""
    return (
        len(set(map(len, texts))) == 1 and all(map(le, texts, texts[1:])) and b"".join(texts).count(b"Z") == len(texts)
    )


def _rising(texts: Sequence[bytes]) -> bool:
    """Whether these are numbers that never fall."""
    try:
        numbers = list(map(float, texts))
    except ValueError:
        return False
    return all(map(le, numbers, numbers[1:]))


class _Seen:
    """The times seen so far. seconds: None: they are times; else what one is in seconds.

    count: how many. late: how many of them are older than one above them. The first and the last few of the others are kept.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._first: list[bytes] = []
        self._last: list[bytes] = []
        self._last_sample_us = NEVER
        self.count = self.late = 0

    def go_on(self, texts: Sequence[bytes]) -> bool:
        """Take the times of more lines; False, and nothing is taken: one goes back, or that is not certain."""
        together = [*self._last[-1:], *texts]
        if not (_in_turn(together) if self._seconds is None else _rising(together)):
            instants = [instant for text in together if (instant := self._instant(text)) is not None]
            # A few that are none are lines that cannot be used. Where there are many, something else was taken for the time.
            too_many = len(together) - len(instants) > BAD_SHARE * len(together)
            if too_many or not all(map(le, instants, instants[1:])):
                return False
        self._take(texts)
        return True

    def _take(self, texts: Sequence[bytes]) -> None:
        self.count += len(texts)
        if len(self._first) <= STRAY_ROWS:
            self._first += texts[: STRAY_ROWS + 1]
        self._last = [*self._last, *texts[-STRAY_ROWS - 1 :]][-STRAY_ROWS - 1 :]

    def go_on_late(self, chunk: bytes) -> bool:
        """Take more lines, of which some are late; False, and it is over: a sample is older than one above it, or as above."""
        newest_us = max((us for text in self._last if (us := self._instant(text)) is not None), default=NEVER)
        in_turn, bad = [], 0
        for line in chunk.split(b"\n"):
            found = _AT.search(line)
            if found is None or (at_us := self._instant(found[1])) is None:
                bad += bool(line)
                continue
            if b'"vitals"' in line:
                if at_us < self._last_sample_us:
                    return False
                self._last_sample_us = at_us
            if at_us < newest_us:
                self.late += 1
                self.count += 1
            else:
                newest_us = at_us
                in_turn.append(found[1])
        self._take(in_turn)
        return bad <= BAD_SHARE * (len(in_turn) + bad)

    def ends_near(self) -> bool:
        """False if the first or the last few are years from those beside them."""
        ends = [[self._instant(text) for text in some] for some in (self._first, self._last)]
        near = ([each for each in end if each is not None] for end in ends)
        return all(after - before <= STRAY_ANYWHERE for end in near for before, after in pairwise(end))

    def _instant(self, text: bytes) -> int | None:
        plain = text.decode("ascii", "replace")
        try:
            return from_iso(plain) if self._seconds is None else round(float(plain) * self._seconds * SECOND)
        except (ValueError, OverflowError):
            return None
