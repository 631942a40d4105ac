"""The queue of forecasts to make, one row a patient: workers ask, forecaster processes claim.

A row is claimed under a lease, so that what a dead process had claimed is another's when the lease ends. A patient who is asked
for again while theirs is being made stays in the queue. Derived: an empty queue fills again within a minute.
Plain statements in the caller's transaction. Never here: which forecasts are missing, what a request means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store.ledger import clean
from alerts.store.tables import FORECAST_QUEUE

TRIES: Final = 5
"""How often a request is claimed before it is given up: then it is one that kills whoever makes it."""
GIVEN_UP: Final = TRIES + 1
"""The tries of a request that was given up, and of which that was said."""


class QueuedForecast(NamedTuple):
    """One request: `doc` says what to make (JSON), `as_of` the day, `entries` how many the patient had when it was asked for."""

    site: str
    patient: str
    as_of: int
    entries: int
    doc: str
    tries: int = 0


def ask(
    connection: Connection, insert: Callable[[sa.Table], Any], wanted: Iterable[QueuedForecast], now_us: int
) -> None:
    """Put requests into the queue, each in the place of an earlier one of the same patient that asked for something else."""
    rows = [
        {"site": clean(each.site), "patient": clean(each.patient), "as_of": each.as_of, "entries": each.entries,
         "doc": each.doc, "due_us": now_us, "tries": 0}
        for each in wanted
    ]  # fmt: skip
    if not rows:
        return
    upsert = insert(FORECAST_QUEUE)
    new = upsert.excluded
    upsert = upsert.on_conflict_do_update(
        index_elements=["site", "patient"],
        set_={name: new[name] for name in ("as_of", "entries", "doc", "due_us", "tries")},
        where=sa.or_(FORECAST_QUEUE.c.as_of != new.as_of, FORECAST_QUEUE.c.entries != new.entries),
    )
    connection.execute(upsert, rows)


def claim_forecasts(connection: Connection, now_us: int, lease_us: int, limit: int) -> list[QueuedForecast]:
    """Take up to `limit` requests for `lease_us`: the newest days first, because somebody may be looking at those."""
    table = FORECAST_QUEUE
    wanted = (
        sa.select(table).where(table.c.due_us <= now_us, table.c.tries < TRIES)
        .order_by(table.c.as_of.desc(), table.c.site, table.c.patient)
        .limit(limit).with_for_update(skip_locked=True)
    )  # fmt: skip
    rows = connection.execute(wanted).all()
    if rows:
        keys = sa.tuple_(table.c.site, table.c.patient).in_([(row.site, row.patient) for row in rows])
        connection.execute(sa.update(table).where(keys).values(due_us=now_us + lease_us, tries=table.c.tries + 1))
    return [QueuedForecast(row.site, row.patient, row.as_of, row.entries, row.doc, row.tries + 1) for row in rows]


def has_spent(connection: Connection, now_us: int) -> bool:
    """Whether a request has had all its tries, and nobody has said so."""
    spent = sa.exists().where(FORECAST_QUEUE.c.tries == TRIES, FORECAST_QUEUE.c.due_us <= now_us)
    return connection.scalar(sa.select(sa.literal(1)).where(spent)) is not None


def give_up(connection: Connection, now_us: int) -> list[QueuedForecast]:
    """Take the requests that have had all their tries out of the running, each once; whoever gets them says so."""
    table = FORECAST_QUEUE
    spent = (
        sa.select(table).where(table.c.tries == TRIES, table.c.due_us <= now_us)
        .order_by(table.c.site, table.c.patient).with_for_update(skip_locked=True)
    )  # fmt: skip
    rows = connection.execute(spent).all()
    if rows:
        keys = sa.tuple_(table.c.site, table.c.patient).in_([(row.site, row.patient) for row in rows])
        connection.execute(sa.update(table).where(keys).values(tries=GIVEN_UP))
    return [QueuedForecast(row.site, row.patient, row.as_of, row.entries, row.doc, GIVEN_UP) for row in rows]


def done(connection: Connection, made: Sequence[QueuedForecast]) -> None:
    """Take requests out of the queue, unless something else has been asked for meanwhile."""
    table = FORECAST_QUEUE
    which = sa.tuple_(table.c.site, table.c.patient, table.c.as_of, table.c.entries)
    same = which.in_([(clean(each.site), clean(each.patient), each.as_of, each.entries) for each in made])
    connection.execute(sa.delete(table).where(same))


def count_waiting(connection: Connection) -> tuple[int, int]:
    """How many requests wait, and how many were given up: these stay until something else is asked for the patient."""
    given_up = FORECAST_QUEUE.c.tries >= GIVEN_UP
    row = connection.execute(
        sa.select(sa.func.count().filter(~given_up), sa.func.count().filter(given_up)).select_from(FORECAST_QUEUE)
    ).one()
    return row[0], row[1]
