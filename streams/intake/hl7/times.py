"""HL7 v2 times (DTM): text and a zone in, microseconds out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from models.instants import to_us

HomeZone = tzinfo
_TIME: Final = re.compile(r"(\d{8})(\d{2})(\d{2})(?:(\d{2})(?:\.(\d{1,6}))?)?([+-]\d{4})?", re.ASCII)
"""To the minute at least: a reading of "some time that day" has no place on a line of seconds."""


def zone_in(text: str) -> HomeZone | None:
    """The zone that a time's own offset says; None: it says none."""
    found = _TIME.fullmatch(text)
    try:
        return None if found is None or found[6] is None else _offset(found[6])
    except ValueError:
        return None


def hl7_instant(text: str, zone: HomeZone) -> int:
    """The instant of a time, in microseconds; `zone` is that of one without an offset.

    Where a clock is set back, a time that is there twice is the first of the two.

    Raises:
        ValueError: it is no time to the minute, or none that a calendar has.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text[:40]} is no time to the minute (YYYYMMDDHHMM[SS[.S]][+ZZZZ])" if text else "no time is said"
        )
    day, hour, minute, second, fraction, offset = found.groups()
    try:
        on_wall = datetime.strptime(f"{day}{hour}{minute}{second or '00'}+0000", "%Y%m%d%H%M%S%z")
    except ValueError:
        raise ValueError(f"{text[:40]} is in no calendar") from None
    where = _offset(offset) if offset else zone
    return to_us(on_wall.replace(tzinfo=where).astimezone(UTC)) + int((fraction or "").ljust(6, "0"))


def _offset(text: str) -> timezone:
    minutes = int(text[1:3]) * 60 + int(text[3:5])
    if minutes >= 24 * 60:
        raise ValueError(f"{text} is no offset")
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
