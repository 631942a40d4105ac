"""Patient days: the calendar day of an instant, for one patient.

A day is the patient's own, in the zone in force when the thing happened: a patient who moves takes the new zone from the
registration that says so. Where no zone is known, it is the date in the observation's own offset. A zone's rules are the
machine's (IANA data), so an old machine may put an hour near midnight on another day than a new one.
Days are whole numbers (`date.toordinal`), so that they can be counted, compared and put in arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone_of(name: str | None) -> ZoneInfo | None:
    """The zone of an IANA name; None where there is no such zone."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError, raised for well-formed names
        return None
    except KeyError:
        return None


def day_in(moment: datetime, zone: ZoneInfo | None) -> int:
    """The day of an instant in a zone; without one, in the instant's own offset."""
    return (moment if zone is None else moment.astimezone(zone)).toordinal()


Moves = tuple[tuple[datetime, ZoneInfo], ...]
"""(from when, zone), in order of time."""


def zone_at(moves: Moves, moment: datetime) -> ZoneInfo | None:
    """The zone in force at an instant: the last move before it, else the first zone known."""
    found = moves[0][1] if moves else None
    for since, zone in moves:
        if since > moment:
            break
        found = zone
    return found


def day_of(moment: datetime, moves: Moves) -> int:
    """The patient's day of an instant."""
    return day_in(moment, zone_at(moves, moment))


def iso_day(day: int) -> str:
    """An ordinal day as ISO 8601: ``2026-11-23``."""
    return date.fromordinal(day).isoformat()


def days_between(first: int, last: int, every: int) -> Sequence[int]:
    """The origins from `first` to `last`, both included, in steps of `every` days."""
    return range(first, last + 1, every)
