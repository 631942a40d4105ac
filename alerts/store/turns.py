"""Turns of a person's methods: a push that no phone confirms is followed by the next one, unless somebody answers before.

A push service takes a page for a phone that may sleep or be out of reach, and never tells whether that has it. So the delivery is
`handed on`, and the person's next method has its turn half a minute later. An answer, or the end of the alert, spares what waits:
it is better than any receipt. A page about several alerts goes on as long as one of them asks; where more people must answer, one
answer spares only theirs.
Bad at: an answer that comes before the pager has looked at the page at all. Cost: some statements a push, one an answer.
Never here: what counts as an answer (the desk's), transactions (the caller's).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import Page, Transition, page_of
from alerts.store.tables import ALERTS, DELIVERIES, OUTBOX, PAGE_ALERTS
from models.instants import SECOND
from models.wire.live import AlertPhase

UNSEEN_WITHIN_US: Final = 30 * SECOND
"""How long somebody has to answer a push that was taken for their phone before their next method is tried too. Chosen by us: time
to take a phone in hand and to press once; it is twice what another method may take to be reached."""
BETWEEN_US: Final = 15 * SECOND
"""Between their further methods, as where the first gives no receipt (outbox.py)."""
LAST_US: Final = 45 * SECOND
"""No turn is later than that after the first: a due time further ahead is taken for one of a wrong clock (outbox.py)."""
NO_RECEIPT: Final = "taken, no receipt of the phone"


class Push(Protocol):
    """The delivery of a page that a push service took."""

    @property
    def page(self) -> Page: ...
    @property
    def person(self) -> str: ...
    @property
    def destination(self) -> str: ...
    @property
    def attempt(self) -> int: ...


def hand_on(connection: Connection, push: Push, next_us: int, live: Sequence[str]) -> bool:
    """Have the person's next methods tried from `next_us`, one after the other; False: there is none, so that this one counts.

    After a later try that leaves the turns alone, which the first try's failure has given them. `live`: the states of deliveries
    that are not over.
    """
    if not push.person:
        return False
    theirs = sa.and_(DELIVERIES.c.key == push.page.key, DELIVERIES.c.person == push.person)
    mine = sa.and_(theirs, DELIVERIES.c.destination == push.destination)
    waiting = sa.select(DELIVERIES.c.destination, DELIVERIES.c.state).where(theirs, DELIVERIES.c.state.in_(live))
    others = connection.execute(
        waiting.where(DELIVERIES.c.destination != push.destination).order_by(DELIVERIES.c.place)
    ).all()
    if not others:
        return False
    connection.execute(sa.update(DELIVERIES).where(mine).values(state="handed on", last_error=NO_RECEIPT))
    reserve = [row.destination for row in others if row.state == "reserve"] if push.attempt == 1 else []
    for n, destination in enumerate(reserve):
        turn = sa.update(DELIVERIES).where(theirs, DELIVERIES.c.destination == destination)
        connection.execute(turn.values(due_us=next_us + min(n * BETWEEN_US, LAST_US)))
    return True


def spare_answered(connection: Connection, steps: Iterable[Transition]) -> None:
    """Spare what waits of the pages about alerts that these transitions have answered or ended."""
    for step in steps:
        if step.phase == AlertPhase.ACTIVE:
            continue
        waiting = (
            sa.select(DELIVERIES.c.key, DELIVERIES.c.person, OUTBOX.c.doc)
            .join(PAGE_ALERTS, PAGE_ALERTS.c.key == DELIVERIES.c.key)
            .join(OUTBOX, OUTBOX.c.key == DELIVERIES.c.key)
            .where(PAGE_ALERTS.c.alert == step.alert, DELIVERIES.c.state == "reserve")
        )
        if _more_must_answer(step):
            waiting = waiting.where(DELIVERIES.c.person == step.evidence.get("by", ""))
        for key, person, doc in connection.execute(waiting).all():
            others = [alert for alert in page_of(json.loads(doc)).alerts if alert != step.alert]
            asks = sa.exists().where(ALERTS.c.alert.in_(others), ALERTS.c.phase == AlertPhase.ACTIVE.value)
            if others and connection.scalar(sa.select(sa.literal(1)).where(asks)) is not None:
                continue
            theirs = sa.update(DELIVERIES).where(DELIVERIES.c.key == key, DELIVERIES.c.person == person)
            connection.execute(theirs.where(DELIVERIES.c.state == "reserve").values(state="spared"))


def _more_must_answer(step: Transition) -> bool:
    """Whether the ladder goes on behind an answer: it says "1 of 2"."""
    have, _, of = str(step.evidence.get("answers", "")).partition(" of ")
    return bool(of) and int(have) < int(of)
