"""Lists of alerts as they stand, a page at a time: those that are open the worst first, all of them the last changed first.

However many alerts a flood has raised, the first page of the open ones holds the worst, and says that there are more. A cursor is
the rank and number of the last alert of a page: what is raised meanwhile moves nobody's place.
Cost: five statements a page. Never here: a decision about an alert.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import page_of
from alerts.store import archive, outbox
from alerts.store.tables import ALERTS, OUTBOX, PAGE_ALERTS
from models.instants import iso
from models.wire.live import AlertOut, AlertState, PageStateOut

MOST_ALERTS: Final = 1000
"""Of a page, at the most: some 2 MB. Chosen by us."""


class BadCursor(ValueError):
    """A cursor that no page has given."""


def alerts_page(
    connection: Connection, *conditions: sa.ColumnElement[bool], open_only: bool = False, after: str | None = None,
    limit: int = MOST_ALERTS,
) -> tuple[list[AlertOut], str | None]:  # fmt: skip
    """Alerts, each with its pages; and the cursor of the next page, None: that was all.

    A page is sorted for a reader, worst first, then oldest; which alerts are on it is by rank and number for open ones, by number
    for all.

    Raises:
        BadCursor: `after` is none of ours.
    """
    wanted = sa.select(ALERTS).where(*conditions)
    if open_only:
        wanted = wanted.where(ALERTS.c.phase != "closed").order_by(ALERTS.c.rank.desc())
    if after is not None:
        rank, seq = _cursor(after)
        older = ALERTS.c.seq < seq
        wanted = wanted.where((ALERTS.c.rank < rank) | ((ALERTS.c.rank == rank) & older) if open_only else older)
    found = list(connection.execute(wanted.order_by(ALERTS.c.seq.desc(), ALERTS.c.alert).limit(limit + 1)))
    rows = found[:limit]
    cursor = f"{rows[-1].rank}.{rows[-1].seq}" if len(found) > limit else None
    pages = _pages_of(connection, [row.alert for row in rows])
    rows.sort(key=lambda row: (-row.rank, row.onset_at, row.alert))
    states: list[tuple[str, AlertState]] = [(row.alert, json.loads(row.doc)) for row in rows]
    left = archive.ends_of(connection, {state["session"] for _, state in states if state["session"] is not None})
    return [
        {**state, "left_at": left.get((state["site"], state["session"] or "")), "pages": pages.get(alert, [])}
        for alert, state in states
    ], cursor


class AlertNow(NamedTuple):
    """An alert as it stands, and the first page that spoke of it: its key, and the priority that it had; empty: none did."""

    state: AlertState
    first_page: str
    first_priority: str


def alerts_now(connection: Connection, alerts: Sequence[str]) -> list[AlertNow]:
    """Alerts as they stand, in this order."""
    states = dict(connection.execute(sa.select(ALERTS.c.alert, ALERTS.c.doc).where(ALERTS.c.alert.in_(alerts))).all())
    pages = sa.select(PAGE_ALERTS.c.alert, OUTBOX.c.key, OUTBOX.c.doc).join(OUTBOX, OUTBOX.c.key == PAGE_ALERTS.c.key)
    wanted = pages.where(PAGE_ALERTS.c.alert.in_(alerts)).order_by(OUTBOX.c.at_us, OUTBOX.c.key)
    first: dict[str, tuple[str, str]] = {}
    for row in connection.execute(wanted):
        page = page_of(json.loads(row.doc))
        if page.kind == "page":
            first.setdefault(row.alert, (page.key, page.priority))
    return [AlertNow(json.loads(states[each]), *first.get(each, ("", ""))) for each in alerts if each in states]


def _cursor(text: str) -> tuple[int, int]:
    rank, _, seq = text.partition(".")
    if not (rank.isdecimal() and seq.isdecimal() and len(text) < 40):
        raise BadCursor("after: give the `next` of an earlier answer")
    return int(rank), min(int(seq), 2**63 - 1)


def _pages_of(connection: Connection, alerts: list[str]) -> dict[str, list[PageStateOut]]:
    pages = sa.select(PAGE_ALERTS.c.alert, OUTBOX.c.key, OUTBOX.c.at_us, OUTBOX.c.sent_us).join(
        OUTBOX, OUTBOX.c.key == PAGE_ALERTS.c.key
    )
    found = connection.execute(
        pages.where(PAGE_ALERTS.c.alert.in_(alerts)).order_by(OUTBOX.c.at_us, OUTBOX.c.key)
    ).all()
    tried = outbox.tried_of(connection, {page.key for page in found})
    of_alert: dict[str, list[PageStateOut]] = {}
    for page in found:
        sent = page.sent_us is not None
        reached, failed = tried.get(page.key, ([], []))
        shown: PageStateOut = {
            "key": page.key,
            "state": "sent" if sent else "failed" if failed else "pending",
            "at": iso(page.sent_us if sent else page.at_us),
            "reached": reached,
            "failed": failed,
        }
        of_alert.setdefault(page.alert, []).append(shown)
    return of_alert
