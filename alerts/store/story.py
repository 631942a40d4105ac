"""An alert's story as it was written: its transitions, the pages about it, and what became of each delivery. `why.py` tells it.

All of one alert is read in one transaction. Cost: a read of each of four tables by its key. Never here: a word of explanation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import page_of
from alerts.store.ledger import clean
from alerts.store.tables import ALERTS, AUDIT, DELIVERIES, OUTBOX, PAGE_ALERTS, TRANSITIONS
from alerts.store.tries import read_tries
from models.instants import from_iso
from models.wire.on_call import AlertStoryOut, DeliveryOut, PageStoryOut


def story(connection: Connection, alert: str) -> AlertStoryOut | None:
    """The story of an alert; None if there is none of that id."""
    steps = [
        json.loads(doc)
        for doc in connection.scalars(
            sa.select(TRANSITIONS.c.doc).where(TRANSITIONS.c.alert == clean(alert)).order_by(TRANSITIONS.c.seq)
        )
    ]
    if not steps:
        return None
    pages = sa.select(OUTBOX.c.key, OUTBOX.c.doc).join(PAGE_ALERTS, PAGE_ALERTS.c.key == OUTBOX.c.key)
    found = connection.execute(
        pages.where(PAGE_ALERTS.c.alert == clean(alert)).order_by(OUTBOX.c.at_us, OUTBOX.c.key)
    ).all()
    deliveries = _deliveries(connection, [row.key for row in found])
    return {
        "alert": steps[0]["alert"],
        "timezone": timezone(connection, steps[0]["site"]),
        "transitions": steps,
        "pages": [_page(row.doc, deliveries.get(row.key, [])) for row in found],
    }


def _page(doc: str, deliveries: list[DeliveryOut]) -> PageStoryOut:
    page = page_of(json.loads(doc))
    return {
        "at": page.at, "kind": page.kind, "audience": page.audience, "to": list(page.to) or None, "rung": page.rung,
        "alerts": list(page.alerts), "deliveries": deliveries,
    }  # fmt: skip


def _deliveries(connection: Connection, keys: list[str]) -> dict[str, list[DeliveryOut]]:
    wanted = sa.select(DELIVERIES).where(DELIVERIES.c.key.in_(keys))
    tries = read_tries(connection, keys)
    found: dict[str, list[DeliveryOut]] = {}
    for row in connection.execute(
        wanted.order_by(DELIVERIES.c.person, DELIVERIES.c.place, DELIVERIES.c.destination)
    ):  # fmt: skip
        delivery: DeliveryOut = {
            "person": row.person or None, "destination": row.destination, "state": row.state, "attempts": row.attempts,
            "error": row.last_error, "tries": tries.get((row.key, row.person, row.destination), []),
        }  # fmt: skip
        found.setdefault(row.key, []).append(delivery)
    return found


def timezone(connection: Connection, site: str) -> str:
    """The zone of a site's clock, as its last configuration has it."""
    mine = sa.select(AUDIT.c.doc).where(AUDIT.c.site == clean(site), AUDIT.c.kind == "site.configured")
    order = (AUDIT.c.shard.desc(), AUDIT.c.offset_.desc(), AUDIT.c.n.desc())
    doc = connection.scalar(mine.order_by(*order).limit(1))
    entered: dict[str, Any] = {} if doc is None else json.loads(doc)["doc"]
    zone: str = entered.get("policies", {}).get("timezone", "UTC")
    return zone


@dataclass(frozen=True, slots=True)
class AlertSpan:
    """An alert, when it was raised, and when it was closed; None: it is open."""

    alert: str
    raised_at: str
    closed_at: str | None

    def was_open(self, at_us: int | None) -> bool:
        """At an instant; None: whether it is open."""
        if at_us is None:
            return self.closed_at is None
        return from_iso(self.raised_at) <= at_us and (self.closed_at is None or at_us < from_iso(self.closed_at))


def alerts_of(connection: Connection, patient: str) -> list[AlertSpan]:
    """A patient's alerts, in the order in which they were raised."""
    wanted = sa.select(ALERTS.c.doc).where(
        ALERTS.c.alert.in_(sa.select(TRANSITIONS.c.alert).where(TRANSITIONS.c.patient == clean(patient)))
    )
    found = [json.loads(doc) for doc in connection.scalars(wanted)]
    return [
        AlertSpan(doc["alert"], doc["raised_at"], doc["changed_at"] if doc["phase"] == "closed" else None)
        for doc in sorted(found, key=lambda doc: (from_iso(doc["raised_at"]), doc["alert"]))
    ]
