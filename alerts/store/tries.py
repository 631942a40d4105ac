"""Each try of a delivery: when, and what became of it. Of each delivery the last `TRIES_KEPT`, however often it is tried.

A try whose outcome nobody has written, because the process that made it ended, is not there. What a receipt tells of a try later
takes the place of what its provider answered; that a person was reached stays.
Cost: one statement a batch of tries. Never here: what follows from an outcome (`outbox.py`, `receipts.py`), clocks, transactions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store.tables import DELIVERY_TRIES
from models.instants import iso
from models.wire.on_call import TryOut, TryOutcome

TRIES_KEPT: Final = 20
"""Of each delivery. Chosen by us: of what is tried each minute in the end, the last quarter of an hour."""


@dataclass(frozen=True, slots=True)
class FinishedTry:
    """The `attempt`-th try of a delivery, and what became of it by `at_us`."""

    key: str
    person: str
    destination: str
    attempt: int
    at_us: int
    outcome: TryOutcome
    error: str | None = None


def write_tries(connection: Connection, insert: Any, tries: Sequence[FinishedTry]) -> None:
    """Write tries, each over the one that was `TRIES_KEPT` before it, or over what was known of it."""
    if not tries:
        return
    statement = insert(DELIVERY_TRIES)
    offered = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["key", "person", "destination", "slot"],
        set_={name: offered[name] for name in ("attempt", "at_us", "outcome", "error")},
        where=sa.or_(DELIVERY_TRIES.c.attempt != offered.attempt, DELIVERY_TRIES.c.outcome != "reached"),
    )
    connection.execute(statement, [_columns(each) for each in tries])


def _columns(each: FinishedTry) -> dict[str, Any]:
    fields = {name: getattr(each, name) for name in FinishedTry.__dataclass_fields__}
    return fields | {"slot": each.attempt % TRIES_KEPT, "error": each.error and each.error[:200]}


def read_tries(connection: Connection, keys: Collection[str]) -> dict[tuple[str, str, str], list[TryOut]]:
    """The tries of pages by (key, person, destination), in order."""
    found: dict[tuple[str, str, str], list[TryOut]] = {}
    wanted = (
        sa.select(DELIVERY_TRIES)
        .where(DELIVERY_TRIES.c.key.in_(keys))
        .order_by(DELIVERY_TRIES.c.at_us, DELIVERY_TRIES.c.attempt)
    )
    for row in connection.execute(wanted):
        shown: TryOut = {"at": iso(row.at_us), "attempt": row.attempt, "outcome": row.outcome, "error": row.error}
        found.setdefault((row.key, row.person, row.destination), []).append(shown)
    return found
