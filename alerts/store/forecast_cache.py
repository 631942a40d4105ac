"""The forecaster's caches of patients: bytes, and the number of entries that they were made from.

Derived: nothing here is ever the only copy, and deleting all of it costs one slow night. Plain statements in the caller's
transaction. Cost: 50 kB a patient. Never here: what the bytes mean (`streams/forecasts/cache.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store.ledger import clean
from alerts.store.tables import FORECAST_CACHE


class CachedState(NamedTuple):
    """One patient's cache: `state` is bytes of `streams/forecasts/cache.py`, made from `entries` entries."""

    site: str
    patient: str
    entries: int
    state: bytes


def cached_states(connection: Connection, site: str, patients: Sequence[str]) -> dict[str, CachedState]:
    """The caches of these patients; a patient without one is missing from the answer."""
    names = {clean(patient): patient for patient in patients}
    wanted = sa.select(FORECAST_CACHE).where(FORECAST_CACHE.c.site == clean(site), FORECAST_CACHE.c.patient.in_(names))
    return {
        names[row.patient]: CachedState(site, names[row.patient], row.entries, bytes(row.state))
        for row in connection.execute(wanted)
    }


def save_states(connection: Connection, insert: Callable[[sa.Table], Any], states: Iterable[CachedState]) -> None:
    """Write these caches, over earlier ones of the same patients."""
    upsert = insert(FORECAST_CACHE)
    upsert = upsert.on_conflict_do_update(
        index_elements=["site", "patient"], set_={name: upsert.excluded[name] for name in ("entries", "state")}
    )
    rows = [
        {"site": clean(each.site), "patient": clean(each.patient), "entries": each.entries, "state": each.state}
        for each in states
    ]
    if rows:
        connection.execute(upsert, rows)
