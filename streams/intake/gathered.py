"""All lines of one recording that is not in order: gathered as they stand, then given in another order.

Samples wait in temporary files as columns, which the machine may keep in memory or not; what decides the order (`order.py`)
and the events, of which there are few, are in memory. A line with a time that cannot be is set aside in its place.
Cost: 1 µs a line beside reading it; some 35 bytes a line of memory, 150 of disk. Never here: which order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from math import isnan
from tempfile import TemporaryFile
from typing import Any, Final, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.arrays import Flags, Ints
from models.instants import EPOCH, NEVER, iso
from models.tables.channels import CHANNELS
from models.wire.observations import Event, Internal, SetAside
from streams.intake.blocks import LINES_AT_ONCE, Block, picked
from streams.journal.frame import Frame, Origin

FAR_AWAY: Final = "far from the times of the rows around it"

_Element = TypeVar("_Element", bound=np.generic)


class _Column(Generic[_Element]):
    """An array that grows, in a file that `files` closes. width: numbers of a line."""

    def __init__(self, files: ExitStack, kind: type[_Element], width: int = 1) -> None:
        self._file = files.enter_context(TemporaryFile())  # noqa: SIM115  # that closes it
        self._kind, self._width = kind, width

    def add(self, array: NDArray[Any]) -> None:
        self._file.write(np.ascontiguousarray(array, self._kind).tobytes())

    def whole(self) -> NDArray[_Element]:
        """What was added."""
        self._file.flush()
        if not self._file.tell():
            return np.empty((0, self._width) if self._width > 1 else 0, self._kind)
        flat: NDArray[_Element] = np.memmap(self._file, self._kind, "r")
        return flat.reshape(-1, self._width) if self._width > 1 else flat


class Lines(NamedTuple):
    """The lines as they stand, (n,): when each became known, whose it is (a number), and which are samples.

    One that could not be read has the time of the one above it.
    """

    known_us: Ints
    whose: Ints
    sample: Flags


class Gathered:
    """The lines of one recording. files: closed when they are not needed any more."""

    def __init__(self, files: ExitStack) -> None:
        #: Whether some line says when it arrived.
        self.arrival = False
        self._lines = 0
        self._samples = 0
        self._origins: dict[Origin, int] = {}
        self._owners: dict[str | None, int] = {}
        self._events: list[Event | Internal] = []
        self._authors: dict[int, tuple[str, str | None]] = {}
        self._known_us, self._at_us = _Column(files, np.int64), _Column(files, np.int64)
        self._whose, self._origin = _Column(files, np.int64), _Column(files, np.int64)
        self._numbers = _Column(files, np.int64)
        self._values = _Column(files, np.float64, len(CHANNELS))
        self._status = _Column(files, np.uint8, len(CHANNELS))
        self._keys = _Column(files, np.uint64)
        self._keyed = False

    def add(self, block: Block) -> None:
        """Take the next lines."""
        frame, count = block.frame, len(block.frame.at_us)
        owners = np.array(
            [self._owner(each.device or each.patient or each.session) for each in frame.origins], np.int64
        )
        places = np.array([self._origins.setdefault(each, len(self._origins)) for each in frame.origins], np.int64)
        numbers, whose = np.arange(self._samples, self._samples + count), owners[frame.origin]
        if frame.events:
            at = [position for position, _ in frame.events]
            numbers = np.insert(numbers, at, -1 - np.arange(len(self._events), len(self._events) + len(at)))
            whose = np.insert(whose, at, [self._owner_of(event) for _, event in frame.events])
            self._events += [event for _, event in frame.events]
        self._authors.update({self._samples + row: author for row, author in frame.authors.items()})
        self._keyed = self._keyed or frame.keys is not None
        self.arrival = self.arrival or block.arrival
        self._samples += count
        self._lines += len(numbers)
        for column, array in (
            (self._known_us, block.known_us), (self._at_us, frame.at_us), (self._whose, whose), (self._numbers, numbers),
            (self._origin, places[frame.origin]), (self._values, frame.values), (self._status, frame.status),
            (self._keys, np.zeros(count, np.uint64) if frame.keys is None else frame.keys),
        ):  # fmt: skip
            column.add(array)

    def _owner(self, name: str | None) -> int:
        return self._owners.setdefault(name, len(self._owners))

    def _owner_of(self, event: Event | Internal) -> int:
        return self._owner(getattr(event, "device", None) or event.patient or event.session)

    def lines(self) -> Lines:
        """The lines as they stand."""
        known_us = self._known_us.whole()
        return Lines(_filled(known_us), self._whose.whole(), self._numbers.whole() >= 0)

    def arranged(self, known_us: Ints, places: Ints, stray: Flags) -> Iterator[Block]:
        """The lines in another order, those with a time that cannot be set aside.

        Args:
            known_us: (n,) of `lines`. places: (n,) the lines in their new order. stray: (n,) which are set aside.
        """
        keys = self._keys.whole() if self._keyed else None
        every = Frame(
            origins=tuple(self._origins), origin=self._origin.whole(), at_us=self._at_us.whole(), values=self._values.whole(),
            status=self._status.whole(), keys=keys, authors=self._authors, events=(),
        )  # fmt: skip
        numbers: Ints = np.array(self._numbers.whole())
        for row in np.flatnonzero(stray).tolist():
            aside = self._aside(every, int(numbers[row]))
            numbers[row] = -1 - len(self._events)
            self._events.append(aside)
        in_turn = np.where(stray, NEVER, known_us)[places]
        for start in range(0, len(places), LINES_AT_ONCE):
            part = slice(start, start + LINES_AT_ONCE)
            yield Block(picked(every, self._events, numbers[places[part]]), in_turn[part])

    def _aside(self, every: Frame, number: int) -> SetAside:
        """The line of a time that cannot be, as far as it is still known. A form is said to be one: somebody must read it."""
        if number < 0:
            event = self._events[-1 - number]
            line, form = event.model_dump_json(exclude_none=True), getattr(event, "instrument", None)
            return SetAside(
                at=EPOCH, site=event.site, patient=event.patient, field="at", reason=FAR_AWAY, line=line, form=form
            )
        origin = every.origins[every.origin[number]]
        readings = zip(CHANNELS, every.values[number].tolist(), strict=True)
        read = [f"{channel.name} {reading:g}" for channel, reading in readings if not isnan(reading)]
        whose = origin.device or origin.patient or origin.session or ""
        line = " ".join([iso(int(every.at_us[number])), whose, *read])
        return SetAside(at=EPOCH, site=origin.site, field="at", reason=FAR_AWAY, line=line)


def _filled(known_us: Ints) -> Ints:
    """The same, where it is not known as in the line above; above all that are known, as in the first of them."""
    known = known_us != NEVER
    if known.all() or not known.any():
        return known_us
    above = np.maximum.accumulate(np.where(known, np.arange(len(known_us)), -1))
    return known_us[np.where(above < 0, int(np.argmax(known)), above)]
