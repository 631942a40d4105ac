"""What the ward keeps of people between sessions, and of estimates between two looks of a board.

A `Past` is a few numbers of each person, updated when a session ends (`estimates.py`) and part of the state. The cache of
estimates is no part of it: without it the same values are worked out again.
Never here: how anything is estimated.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any, Final

from models.instants import DAY, NEVER
from models.session.dissociation import UNKNOWN_PERSON_PRIOR, DissociationPrior
from models.wire.live import EstimatesOut

COURSE_ENDS_AFTER: Final = 60 * DAY
"""After so long without a session the next is the first of a course again, as far as wearing off goes. Chosen by us."""
FORGOTTEN_AFTER: Final = 2 * 365 * DAY
"""The past of somebody who has not come for so long is dropped: it says nothing of them now. Chosen by us."""


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier sessions say of a person."""

    #: Sensitivity to dissociation, as the log gain of `models/session/dissociation.py`: mean and variance.
    mean: float = UNKNOWN_PERSON_PRIOR.mean
    variance: float = UNKNOWN_PERSON_PRIOR.variance
    #: Sessions that the two stand on.
    sessions: int = 0
    #: When the last session ended, by the shard's clock; NEVER before the first.
    ended_us: int = NEVER
    #: The mean of the sessions' largest systolic rises, mmHg, over `rises` sessions with a cuff before and after a dose.
    rise: float = 0.0
    rises: int = 0

    def prior(self, clock_us: int) -> DissociationPrior:
        """The prior of the dissociation estimate at an instant of the shard's clock."""
        sessions = 0 if clock_us - self.ended_us > COURSE_ENDS_AFTER else self.sessions
        return DissociationPrior(self.mean, self.variance, sessions)


_UNKNOWN: Final = Past()


class Pasts:
    """The pasts of a shard's people, by site and alias."""

    def __init__(self) -> None:
        self._by_person: dict[tuple[str, str], Past] = {}

    def of(self, site: str, patient: str, clock_us: int) -> Past:
        """The past of a person at an instant of the shard's clock; an empty one of somebody who is new, or forgotten by then."""
        past = self._by_person.get((site, patient), _UNKNOWN)
        return past if clock_us - past.ended_us < FORGOTTEN_AFTER else _UNKNOWN

    def put(self, site: str, patient: str, past: Past) -> None:
        """Replace the past of a person."""
        self._by_person[site, patient] = past

    def merge(self, site: str, into: str, gone: str, clock_us: int) -> None:
        """Join the past of an alias that goes to that of the one that stays."""
        one, other = self.of(site, into, clock_us), self.of(site, gone, clock_us)
        self._by_person.pop((site, gone), None)
        if other.ended_us != NEVER:
            self._by_person[site, into] = other if one.ended_us == NEVER else joined_past(one, other)

    def packed(self, clock_us: int) -> list[Any]:
        """As msgpack-able values."""
        return [
            [*key, *astuple(past)]
            for key, past in sorted(self._by_person.items())
            if clock_us - past.ended_us < FORGOTTEN_AFTER
        ]

    @classmethod
    def unpacked(cls, packed: list[Any]) -> Pasts:
        pasts = cls()
        width = len(Past.__dataclass_fields__)
        pasts._by_person = {(site, patient): Past(*fields[:width]) for site, patient, *fields in packed}
        return pasts


def joined_past(one: Past, other: Past) -> Past:
    """The past of somebody whose sessions were written down as two people's: each was learnt from what is usual, and that
    counts once.
    """
    usual = UNKNOWN_PERSON_PRIOR
    precision = 1 / one.variance + 1 / other.variance - 1 / usual.variance
    pull = one.mean / one.variance + other.mean / other.variance - usual.mean / usual.variance
    rises = one.rises + other.rises
    rise = (one.rise * one.rises + other.rise * other.rises) / rises if rises else 0.0
    if not precision > 0:
        mean, variance = max(one, other, key=lambda past: past.sessions).mean, min(one.variance, other.variance)
    else:
        mean, variance = pull / precision, 1 / precision
    return Past(mean, variance, one.sessions + other.sessions, max(one.ended_us, other.ended_us), rise, rises)


class EstimateCache:
    """What boards were last shown of a session, by row, with what it was made from. No part of the state."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[object, EstimatesOut]] = {}

    def get(self, row: int, made_from: object) -> EstimatesOut | None:
        """The estimates of a row, if they were made from the same."""
        entry = self._entries.get(row)
        return entry[1] if entry is not None and entry[0] == made_from else None

    def put(self, row: int, made_from: object, estimated: EstimatesOut) -> None:
        """Store the estimates of a row, over earlier ones."""
        self._entries[row] = (made_from, estimated)
