"""Receipts: what a provider tells, sooner or later, of a page that it took; and which alerts a person was paged about.

Somebody who was reached stays so, whatever comes after it. A try that is lost is due again, and the person's next method at once.
A network that takes a message and tells no more of it is no receipt, and no reason to send it again either: the person's next
method has its turn in time. `record_heard` and `was_heard` are for what a provider sends us and must count once.
Bad at: a provider that lies. Never here: who may tell (`alerts/inbound`), clocks, transactions (the caller's).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import page_of
from alerts.store.destinations import note
from alerts.store.outbox import DeliveryKey, first_sent, is_delivery, next_method, reached
from alerts.store.tables import DELIVERIES, OUTBOX, PROVIDER_EVENTS
from alerts.store.tries import FinishedTry, write_tries
from models.tables.rules import Priority

Fate = Literal["reached", "handed on", "failed"]
"""What a provider tells: the person has it; a network has it, which tells no more; it is lost."""

UNDER_WAY: Final = ("sending", "taken", "handed on")
"""The states in which a try may yet be lost. A receipt may come before the answer that the page was taken."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider tells of the `attempt`-th try of one delivery."""

    delivery: DeliveryKey
    attempt: int
    fate: Fate
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PagedAlert:
    """An alert about which a person was paged by a destination; `at_us`: when the last such page was owed."""

    alert: str
    person: str
    destination: str
    at_us: int


def receive(
    connection: Connection, insert: Any, receipt: Receipt, now_us: int, retry_us: int, most_tries: int
) -> str:  # fmt: skip
    """Write what a provider tells of a try; why that changes nothing, or an empty text.

    Args:
        retry_us: when a try that is lost is due again. most_tries: how often a page that is not high is tried.
    """
    delivery = receipt.delivery
    wanted = (
        sa.select(DELIVERIES.c.state, DELIVERIES.c.attempts, OUTBOX.c.rank)
        .join(OUTBOX, OUTBOX.c.key == DELIVERIES.c.key)
        .where(is_delivery(delivery))
        .with_for_update(of=DELIVERIES)
    )
    row = connection.execute(wanted).one_or_none()
    if row is None or not 0 < receipt.attempt <= row.attempts:
        return "there was no such try"
    if row.state == "sent":
        return "somebody was reached already"
    known = FinishedTry(
        delivery.key, delivery.person, delivery.destination, receipt.attempt, now_us, receipt.fate, receipt.reason or None
    )  # fmt: skip
    if receipt.fate == "reached":
        write_tries(connection, insert, [known])
        note(connection, delivery.destination, True, "", now_us)
        reached(connection, delivery, now_us)
        return ""
    if row.state not in UNDER_WAY or receipt.attempt < row.attempts:
        return "that try is over"
    write_tries(connection, insert, [known])
    after = sa.update(DELIVERIES).where(is_delivery(delivery))
    if receipt.fate == "handed on":
        connection.execute(after.values(state="handed on", last_error=receipt.reason[:200]))
        first_sent(connection, delivery.key, now_us)
        return ""
    note(connection, delivery.destination, False, receipt.reason, now_us)
    over = row.rank < Priority.HIGH and row.attempts >= most_tries
    state = "abandoned" if over else "failed"
    connection.execute(after.values(state=state, due_us=retry_us, last_error=receipt.reason[:200]))
    next_method(connection, delivery)
    return ""


def paged(connection: Connection, destinations: Collection[str], since_us: int) -> list[PagedAlert]:
    """The first alert of each page that was tried at these destinations since then: the newest first, each once a person."""
    wanted = (
        sa.select(OUTBOX.c.doc, OUTBOX.c.at_us, DELIVERIES.c.person, DELIVERIES.c.destination)
        .join(OUTBOX, OUTBOX.c.key == DELIVERIES.c.key)
        .where(DELIVERIES.c.destination.in_(destinations), OUTBOX.c.at_us >= since_us, DELIVERIES.c.attempts > 0)
        .order_by(OUTBOX.c.at_us.desc(), OUTBOX.c.key)
    )
    found: dict[tuple[str, str], PagedAlert] = {}
    for row in connection.execute(wanted):
        page = page_of(json.loads(row.doc))
        if page.kind == "page" and page.alerts:
            its = PagedAlert(page.alerts[0], row.person, row.destination, row.at_us)
            found.setdefault((its.alert, its.person), its)
    return list(found.values())


def was_heard(connection: Connection, id_: str) -> bool:
    """Whether what a provider sent under this id has counted already."""
    return connection.scalar(sa.select(PROVIDER_EVENTS.c.id).where(PROVIDER_EVENTS.c.id == id_)) is not None


def record_heard(connection: Connection, insert: Any, id_: str, now_us: int) -> None:
    """What a provider sent under this id has counted."""
    connection.execute(insert(PROVIDER_EVENTS).on_conflict_do_nothing(), [{"id": id_, "at_us": now_us}])
