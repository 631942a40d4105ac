"""Wall clocks: when a zone's clock shows a time, and what it shows at an instant. Right through every change of the clock.

A time that the clock skips is the instant at which the skipping ends; one that it shows twice is the first of the two. So what
comes later on the wall never comes earlier in the world, and nothing that happens by the wall happens twice or not at all.
Pure but for the machine's IANA data (`tzdata` where the system has none): two machines whose data differ may differ.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from models.calendar import zone_of
from models.instants import to_datetime, to_us

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=65536)
def instant_us(wall: datetime, zone_name: str) -> int:
    """The instant at which the clock of a zone first shows `wall` (without a zone), or has passed it."""
    zone = zone_of(zone_name)
    if zone is None:
        raise ValueError(f"no such time zone: {zone_name!r}")
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return to_us(first)
    # Skipped. Read by the offset after the change it lies before the change, by the one before it lies after.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC) - _SECOND, first
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        between = (before + (after - before) / 2).replace(microsecond=0)
        if between <= before:
            break
        before, after = (before, between) if between.astimezone(zone).utcoffset() == offset else (between, after)
    return to_us(after)


def wall_of(at_us: int, zone_name: str) -> datetime:
    """What the clock of a zone shows at an instant, without a zone."""
    return to_datetime(at_us).astimezone(zone_of(zone_name) or UTC).replace(tzinfo=None, fold=0)
