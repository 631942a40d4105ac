"""The ward: the pure state of one shard. Frames in, conclusions out.

`step` folds a frame into the state, in order: samples (`samples.py`: association, quality, limits), entries (`entries.py`),
and time (`absence.py`, `timers.py`). What it gives back is in an order that no split of the same observations can change.

Two clocks. The sender's `at` decides persistence and onset. The shard's clock decides absence: on the "received" clock it
is the journal's stamp, on the "observed" clock (replay) the running maximum of `at`.
Never here: I/O, a clock, an order that depends on frame boundaries.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from streams.journal.frame import Frame
from streams.ward.association import Association
from streams.ward.entries import fold_event
from streams.ward.home.rows import Home
from streams.ward.home.rules import pass_time_at_home
from streams.ward.limit_book import LimitBook
from streams.ward.pasts import Pasts
from streams.ward.people import People
from streams.ward.rows import Rows
from streams.ward.rules.deeper import reckon_deeper
from streams.ward.rules.forgotten import expect_life
from streams.ward.samples import fold_samples
from streams.ward.signal.clock_records import Clocks
from streams.ward.state import REPEAT_WINDOW, Concluded, Place, WardState
from streams.ward.timers import schedule_timers

WARD_FORMAT: Final = 2
OLDER_FORMATS: Final = {
    1: "had two columns more, `warm` and `stepping`, which are not kept any more: columns without a name are passed over",
}
"""The formats of the ward's state that earlier versions wrote and this one reads, each with what has changed since and how it is
read all the same. What is not here is refused in one line, before anything is written. The desk's: `OLDER_DESKS` (desk.py).
"""


class UnknownState(ValueError):
    """A checkpoint of a format that this version does not read; the message says so, and what to do."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. Start the version that wrote it, and upgrade from there one version at a time")

    @classmethod
    def of_format(cls, version: object, *reads: int) -> UnknownState:
        """Because of its format, where these are read."""
        return cls(f"checkpoint format {version!r}; this version reads {' and '.join(map(str, sorted(reads)))}")


class Ward(WardState):
    """One shard's sessions, folded forward a frame at a time."""

    def step(self, frame: Frame, received_us: int) -> list[tuple[Place, Concluded]]:
        """Fold in a frame stamped `received_us`; what leaves the ward because of it, each with its place, in order."""
        if self.clock == "received":
            self.clock_us = max(self.clock_us, received_us)
        self._fold(frame)
        if not self.emitted:
            return []
        emitted, self.emitted = self.emitted, []
        emitted.sort(key=lambda concluded: concluded[0])
        return emitted

    def _fold(self, frame: Frame) -> None:
        """Fold in samples and entries in order; before each, and at the end, what is due by then."""
        done = 0
        for before, (position, record) in enumerate(frame.events):
            if position > done:
                fold_samples(self, frame, done, position)
                done = position
            fold_event(self, record, position + before)
        fold_samples(self, frame, done, len(frame.at_us))
        pass_time_at_home(self)

    def packed(self) -> dict[str, Any]:
        """Everything that the next frame depends on, msgpack-able; `unpacked` gives it back."""
        fresh = {key: seen for key, seen in self.seen_keys.items() if self.clock_us - seen < REPEAT_WINDOW}
        return {
            "state": WARD_FORMAT,
            "clock": self.clock,
            "clock_us": self.clock_us,
            "rows": self.rows.packed(),
            "clocks": self.clocks.packed(self.clock_us),
            "known": self.association.packed(self.clock_us),
            "people": self.people.packed(),
            "pasts": self.pasts.packed(self.clock_us),
            "limits": self.limits.packed(),
            "home": self.home.packed(),
            "counts": dict(sorted(self.counts.items())),
            "seen": sorted(fresh.items()),
        }

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Ward:
        """The ward of `packed`.

        Raises:
            UnknownState: written by a version that this one does not know.
        """
        if packed.get("state") not in {WARD_FORMAT, *OLDER_FORMATS}:
            raise UnknownState.of_format(packed.get("state"), WARD_FORMAT, *OLDER_FORMATS)
        try:
            return cls._unpacked(packed)
        except KeyError as missing:
            raise UnknownState(
                f"checkpoint format {packed['state']} without {missing}: written while it was being made"
            ) from missing

    @classmethod
    def _unpacked(cls, packed: dict[str, Any]) -> Ward:
        ward = cls(packed["clock"])
        ward.clock_us = packed["clock_us"]
        ward.rows = Rows.unpacked(packed["rows"])
        ward.clocks = Clocks.unpacked(packed.get("clocks", []))
        ward.association = Association.unpacked(packed["known"])
        ward.people = People.unpacked(packed["people"])
        ward.pasts = Pasts.unpacked(packed["pasts"])
        ward.limits = LimitBook.unpacked(packed["limits"])
        ward.home = Home.unpacked(packed["home"])
        ward.counts = Counter(packed["counts"])
        ward.seen_keys = dict(packed["seen"])
        ward.under_way.record.in_use = ward.rows.steps.in_use
        for row, session in sorted(ward.association.sessions.items()):
            ward.rows.dosed[row] = session.dose_us is not None
            if session.announced and session.entered_us is None:
                # An older version asked about no session that was forgotten.
                expect_life(session, ward.clock_us)
                schedule_timers(ward, row)
            ward.rows.limit_set[row] = ward.limits.set_of(session.site, session.patient)
            reckon_deeper(ward, row)
        return ward
