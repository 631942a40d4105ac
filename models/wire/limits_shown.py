"""A table of limits in; per channel the sides that a plot draws, out.

Never here: what is decided by them (`models/tables/limits.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from models.tables.limits import LIMIT_COLUMN, Limit
from models.wire.live import SidesOut


def limits_shown(table: Iterable[Limit]) -> dict[str, SidesOut]:
    """Per channel, the innermost limits that are more than information: what a sparkline draws."""
    found: dict[str, SidesOut] = {}
    for limit in table:
        if not limit.enabled or limit.priority < 1 or LIMIT_COLUMN[limit.channel] >= LIMIT_COLUMN["moaas"]:
            continue
        sides = found.setdefault(limit.channel, {"low": None, "high": None})
        low, high = sides["low"], sides["high"]
        if limit.above:
            sides["high"] = limit.enter if high is None else min(high, limit.enter)
        else:
            sides["low"] = limit.enter if low is None else max(low, limit.enter)
    return found
