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

import numpy as np

from models.wire.observations import Event, Internal
from streams.journal.frame import Frame
from streams.ward.absence import pass_time
from streams.ward.association import Association
from streams.ward.entries import fold_event, stands_apart
from streams.ward.home.rows import Home
from streams.ward.limit_book import LimitBook
from streams.ward.pasts import Pasts
from streams.ward.people import People
from streams.ward.rows import Rows, cuff_columns
from streams.ward.rules.cuffs import CuffRules
from streams.ward.samples import fold_samples
from streams.ward.state import REMEMBER, Concluded, Place, WardState
from streams.ward.timers import arm

WARD_FORMAT: Final = 1


class UnknownState(ValueError):
    """A checkpoint of a format that this version does not read: upgrade, or go back to the version that wrote it."""

    def __init__(self, version: object) -> None:
        super().__init__(f"checkpoint format {version!r}; this version reads {WARD_FORMAT}")


class Ward(WardState):
    """One shard's sessions, folded forward a frame at a time."""

    def step(self, frame: Frame, received_us: int) -> list[tuple[Place, Concluded]]:
        """Fold in a frame stamped `received_us`; what was concluded, each with its place, in order."""
        if self.clock == "received":
            self.clock_us = max(self.clock_us, received_us)
            pass_time(self)
        self._fold(frame)
        pass_time(self)
        said, self.said = self.said, []
        said.sort(key=lambda concluded: concluded[0])
        return said

    def _fold(self, frame: Frame) -> None:
        """What is in the frame, in order; entries that samples know nothing of do not come between them."""
        count = len(frame.at_us)
        ordinals = np.arange(count)
        if frame.events:
            ordinals += np.searchsorted([position for position, _ in frame.events], ordinals, side="right")
        aside: list[tuple[Event | Internal, int]] = []
        done = 0
        for before, (position, record) in enumerate(frame.events):
            ordinal = position + before
            if self.clock == "received" and stands_apart(self, record):
                aside.append((record, ordinal))
                continue
            if position > done:
                fold_samples(self, frame, done, position, ordinals)
                done = position
            for apart, place in aside:
                fold_event(self, apart, place)
            aside.clear()
            fold_event(self, record, ordinal)
        if done < count:
            fold_samples(self, frame, done, count, ordinals)
        for apart, place in aside:
            fold_event(self, apart, place)

    def packed(self) -> dict[str, Any]:
        """Everything that the next frame depends on, msgpack-able; `unpacked` gives it back."""
        fresh = {key: seen for key, seen in self.seen.items() if self.clock_us - seen < REMEMBER}
        return {
            "state": WARD_FORMAT,
            "clock": self.clock,
            "clock_us": self.clock_us,
            "rows": self.rows.packed(),
            "known": self.known.packed(self.clock_us),
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
        if packed.get("state") != WARD_FORMAT:
            raise UnknownState(packed.get("state"))
        ward = cls(packed["clock"])
        ward.clock_us = packed["clock_us"]
        ward.rows = Rows.unpacked(packed["rows"])
        ward.known = Association.unpacked(packed["known"])
        ward.people = People.unpacked(packed.get("people", []))
        ward.pasts = Pasts.unpacked(packed.get("pasts", []))
        ward.limits = LimitBook.unpacked(packed["limits"])
        ward.home = Home.unpacked(packed.get("home", {}))
        ward.counts = Counter(packed["counts"])
        ward.seen = dict(packed["seen"])
        older = cuff_columns(packed["rows"])
        for row, session in sorted(ward.known.sessions.items()):
            if older and not session.cuff_rules.last:
                session.cuff_rules = CuffRules.of_columns(older[row])
            ward.rows.limit_set[row] = ward.limits.set_of(session.site, session.patient)
            if session.lasting_due_us is not None:
                session.lasting_due_us = max(session.lasting_due_us, ward.clock_us)
            arm(ward, row)
        return ward
