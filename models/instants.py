"""Instants: whole microseconds since 1970-01-01T00:00:00Z, the type of every instant in journal, ward and desk.

Integers, because adding up thousands of float seconds depends on the order in which they are added, and a replay must
give the same bytes as the day itself. Only edges speak RFC 3339.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

NEVER = -(2**62)
"""Before every instant that a sender can name; in an integer column: no reading yet."""

FAR = 2**62
"""After every instant: the due time of what is not due."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    since = moment - EPOCH
    return since.days * DAY + since.seconds * SECOND + since.microseconds


def to_datetime(instant_us: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return EPOCH + timedelta(microseconds=instant_us)


def iso(instant_us: int) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-11-23T14:03:21.500Z``."""
    return to_datetime(instant_us).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """The instant of an RFC 3339 time with an offset.

    Raises:
        ValueError: not a time, or a time without an offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset: add Z or +hh:mm")
    return to_us(moment)
