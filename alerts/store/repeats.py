"""Pages that a later one says again: where a page has not reached somebody yet and a newer one about the same goes to them, only
the newer one is sent.

A call that nobody answers is repeated every few minutes, so after hours without network, or of a service that stood still,
somebody would have a hundred pages at once about one alert: the newest says all that is still true. A page is said again by
one that asks too, is no older, has no lesser priority, and is about all of its alerts. This holds for each delivery by itself:
whoever the newer page does not go to still gets the older one. What is being tried now, or was reached, stays as it is.
Bad at: a repeat that comes while the page before is being tried. Cost: a look at the pages that are owed, for each new one.
Never here: what a page says; transactions (the caller's).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import Page, page_of
from alerts.store.tables import DELIVERIES, OUTBOX
from models.tables.rules import Priority

WAITS: Final = ("pending", "reserve", "failed")
"""Deliveries that nobody tries at this moment."""
_RANKS: Final[dict[str, Priority]] = {priority.word: priority for priority in Priority}


def supersede(connection: Connection, addressed: Mapping[str, Page]) -> None:
    """Spare those who now get one of these pages, by key, every earlier one that it says again."""
    asking = {page.alerts[0] for page in addressed.values() if page.kind == "page" and page.alerts}
    if not asking:
        return
    waiting = sa.exists().where(DELIVERIES.c.key == OUTBOX.c.key, DELIVERIES.c.state.in_(WAITS))
    rows = connection.execute(sa.select(OUTBOX.c.key, OUTBOX.c.doc).where(waiting)).all()
    by_alert: dict[str, list[tuple[str, Page]]] = {}
    for row in rows:
        page = page_of(json.loads(row.doc))
        if page.kind == "page" and page.alerts:
            by_alert.setdefault(page.alerts[0], []).append((row.key, page))
    newer = DELIVERIES.alias("newer")
    for key, page in addressed.items():
        older = [each for each, other in by_alert.get(next(iter(page.alerts), ""), ()) if says_again(page, other)]
        if page.kind != "page" or not older:
            continue
        theirs = sa.exists().where(
            newer.c.key == key, newer.c.person == DELIVERIES.c.person, newer.c.destination == DELIVERIES.c.destination
        )
        connection.execute(
            sa.update(DELIVERIES)
            .where(DELIVERIES.c.key.in_(older), DELIVERIES.c.state.in_(WAITS), theirs)
            .values(state="superseded")
        )


def said_again(connection: Connection) -> set[tuple[str, str]]:
    """The pages that were given up for a later one, by key and the person whom that calls too."""
    wanted = sa.select(DELIVERIES.c.key, DELIVERIES.c.person).where(DELIVERIES.c.state == "superseded")
    return {(row.key, row.person) for row in connection.execute(wanted)}


def says_again(page: Page, other: Page) -> bool:
    """Whether a page says all that an earlier one of the same alert asks for."""
    return (
        (other.at, other.key) < (page.at, page.key)
        and set(other.alerts) <= set(page.alerts)
        and _RANKS[other.priority] <= _RANKS[page.priority]
    )
