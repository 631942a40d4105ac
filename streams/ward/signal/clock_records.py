"""What is remembered of each sender's clock: a record a sender, kept with the state.

Never here: what is made of it (clocks.py, which is compiled; who only reads a state need not wait for a compiler).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Ints
from models.instants import DAY, NEVER, SECOND
from streams.journal.frame import Origin

CLOCK_FORGOTTEN_AFTER: Final = DAY
"""A sender that was not heard for so long begins anew."""
USUAL_BEAT: Final = SECOND
REMEMBERED: Final = 1024
"""Contents of lines while a clock is in doubt."""
LANDMARKS: Final = 128
"""Contents of lines while it is not: an eighth of the bytes, because these are in every checkpoint."""


class ClockRecord(Protocol):
    """A sender's clock, instants in µs.

    shift: added to what it says. newest: the newest instant that a sample of it was judged by. beat: the longest gap of late, as
    in `beat.py`. usual: the same, but a longer gap only doubles it. heard: the shard's clock at its last sample.
    run, run_sent, count: of the samples that are not newer, or too far behind: the shard's clock and the sender's at the first
    of them, and how many there were; run is NEVER where there are none. sent, content: the last sample's. stands: its clock does.
    lines: how many of other content it sent at `sent`; each, pace: of the instant before, that and the time a line (0: unknown).
    marks: the contents of its last samples while its clock is in doubt (shift, run), each in the place of its half second;
    0: none. landmarks: those of the first newer sample of each four seconds, one byte each; 1: none, but the time passed at
    the sender's beat; 0: nothing has come of it.
    """

    shift: int
    newest: int
    beat: int
    usual: int
    heard: int
    run: int
    run_sent: int
    count: int
    sent: int
    content: int
    stands: bool
    lines: int
    each: int
    pace: int
    marks: NDArray[np.uint16]
    landmarks: NDArray[np.uint8]


_FIELDS: Final = {
    "shift": ("i8", 0), "newest": ("i8", NEVER), "beat": ("i8", USUAL_BEAT), "usual": ("i8", USUAL_BEAT), "heard": ("i8", NEVER), "run": ("i8", NEVER),
    "run_sent": ("i8", NEVER), "count": ("i8", 0), "sent": ("i8", NEVER), "content": ("i8", 0), "stands": ("u1", 0),
    "lines": ("i8", 0), "each": ("i8", 0), "pace": ("i8", 0),
}  # fmt: skip
_RECORD: Final = np.dtype(
    [
        *((name, kind) for name, (kind, _) in _FIELDS.items()),
        ("marks", "u2", (REMEMBERED,)), ("landmarks", "u1", (LANDMARKS,)),
    ],
    align=True,
)  # fmt: skip


class Clocks:
    """The clocks of all senders that were heard, a record each. A sender is a device, or who it is that samples are of."""

    def __init__(self, capacity: int = 16) -> None:
        self.records = _resting(capacity)
        self.place: dict[tuple[str, ...], int] = {}
        #: By an origin's number, its sender's place, of the first `_placed` origins. No part of the state.
        self._places: Ints = np.zeros(64, np.int64)
        self._placed = 0

    def of(self, origins: Sequence[Origin]) -> Ints:
        """By an origin's number, the place of its sender's clock; a new one where it was never heard. origins: all so far."""
        while self._placed < len(origins):
            if self._placed == len(self._places):
                self._places = np.concatenate([self._places, self._places])
            self._places[self._placed] = self._take(_sender(origins[self._placed]))
            self._placed += 1
        return self._places

    def _take(self, sender: tuple[str, ...]) -> int:
        place = self.place.setdefault(sender, len(self.place))
        if place >= len(self.records):
            self.records = np.concatenate([self.records, _resting(len(self.records))])
        return place

    def packed(self, clock_us: int) -> list[Any]:
        """As msgpack-able values, by sender; those that are forgotten by now are left out, as the next sample of theirs would."""
        return [
            [
                list(sender),
                {
                    **{name: int(self.records[name][place]) for name in _FIELDS},
                    "landmarks": self.records["landmarks"][place].tobytes(),
                },
                self.records["marks"][place].tobytes() if self.records["marks"][place].any() else b"",
            ]
            for sender, place in sorted(self.place.items())
            if clock_us - int(self.records["heard"][place]) <= CLOCK_FORGOTTEN_AFTER
        ]

    @classmethod
    def unpacked(cls, packed: list[Any]) -> Clocks:
        clocks = cls()
        for sender, fields, marks in packed:
            place = clocks._take(tuple(sender))
            for name, value in fields.items():
                if name in _FIELDS:
                    clocks.records[name][place] = value
                elif name == "landmarks" and len(value) == LANDMARKS:
                    clocks.records[name][place] = np.frombuffer(value, np.uint8)
            if len(marks) == 2 * REMEMBERED:
                clocks.records["marks"][place] = np.frombuffer(marks, np.uint16)
        return clocks


def _sender(origin: Origin) -> tuple[str, ...]:
    if origin.device is not None:
        return (origin.site, "device", origin.device)
    return (origin.site, "of", origin.patient or origin.session or "", origin.source or "")


def _resting(count: int) -> NDArray[Any]:
    resting = np.zeros(count, _RECORD)
    for name, (_, rest) in _FIELDS.items():
        resting[name] = rest
    return resting
