"""How each destination does: when it last took a page, since when it takes none, why, and how many are owed to it.

One row a destination, written with what became of its tries. Bad at: a destination that takes what it then loses.
Never here: when that is worth an alert (`alerts/notify/pager.py`), addresses, clocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store.tables import DELIVERIES, DESTINATIONS
from models.instants import iso, to_datetime
from models.synthetic import SYNTHETIC_PHONE
from models.wire.live import DestinationOut
from models.wire.observations import DestinationFailing, DestinationRestored

_STATES: Final = sa.select(
    DESTINATIONS,
    sa.select(sa.func.count())
    .where(
        DELIVERIES.c.destination == DESTINATIONS.c.name,
        DELIVERIES.c.state.in_(sa.bindparam("live", expanding=True, type_=sa.String)),
    )
    .scalar_subquery()
    .label("owed"),
).order_by(DESTINATIONS.c.name)
"""A pager asks it every second: it is built once."""


@dataclass(frozen=True, slots=True)
class DestinationState:
    """One destination, as its last tries left it. Instants in microseconds; `owed`: its deliveries that are not over."""

    name: str
    last_success_us: int | None
    failing_since_us: int | None
    last_error: str | None
    reported: bool
    owed: int


def destination_document(state: DestinationState) -> DestinationOut:
    """The state as the API gives it."""
    failing = state.failing_since_us is not None
    return {
        "name": state.name,
        "state": "failing" if failing else "untried" if state.last_success_us is None else "well",
        "last_success_at": None if state.last_success_us is None else iso(state.last_success_us),
        "failing_since": None if state.failing_since_us is None else iso(state.failing_since_us),
        "last_error": state.last_error,
        "owed": state.owed,
    }


def state_record(
    state: DestinationState, name: str, well: int, site: str, now_us: int
) -> DestinationFailing | DestinationRestored:
    """What a site's journal gets of the state: it fails while `well` others take theirs, or it no longer does."""
    at = to_datetime(now_us)
    if state.failing_since_us is None:
        return DestinationRestored(at=at, site=site, destination=name)
    since = to_datetime(state.failing_since_us)
    reason = state.last_error or ""
    return DestinationFailing(at=at, site=site, destination=name, since=since, reason=reason, well=well)


def enrol(connection: Connection, insert: Any, names: Sequence[str]) -> None:
    """Give each of these its row, and forget all others but those of which the journal has it that they fail.

    The synthetic patient's phone has none.
    """
    names = [name for name in names if name != SYNTHETIC_PHONE]
    connection.execute(sa.delete(DESTINATIONS).where(DESTINATIONS.c.name.not_in(names), ~DESTINATIONS.c.reported))
    if names:
        rows = [{"name": name, "reported": False} for name in names]
        connection.execute(insert(DESTINATIONS).on_conflict_do_nothing(), rows)


def note(connection: Connection, name: str, arrived: bool, reason: str, now_us: int) -> None:
    """Write the outcome of one try."""
    row = sa.update(DESTINATIONS).where(DESTINATIONS.c.name == name)
    if arrived:
        connection.execute(row.values(last_success_us=now_us, failing_since_us=None, last_error=None))
    else:
        since = sa.func.coalesce(DESTINATIONS.c.failing_since_us, now_us)
        connection.execute(row.values(failing_since_us=since, last_error=reason[:200]))


def set_reported(connection: Connection, name: str, reported: bool) -> None:
    """Write whether the journal has it that this one fails."""
    connection.execute(sa.update(DESTINATIONS).where(DESTINATIONS.c.name == name).values(reported=reported))


def delete_state(connection: Connection, name: str) -> None:
    """Forget one that is gone."""
    connection.execute(sa.delete(DESTINATIONS).where(DESTINATIONS.c.name == name))


def states(connection: Connection, live: Sequence[str]) -> list[DestinationState]:
    """All destinations, by name. `live`: the states of a delivery that is not over."""
    rows = connection.execute(_STATES, {"live": live})
    return [
        DestinationState(
            row.name, row.last_success_us, row.failing_since_us, row.last_error, row.reported, row.owed or 0
        )
        for row in rows
    ]
