"""The outbox: pages that are owed, and the state of each delivery to each destination.

A delivery is `pending`, then `sending` under a lease, then `sent`, or `failed` until its next try. A lease that runs out makes
it due again, because a sender that died after claiming has perhaps sent nothing: a page may arrive twice (with the same key),
never not at all. `abandoned` and `retired` deliveries are over: given up, or to a destination that is no longer configured.
Every destination has its own delivery of a page, so that a dead one delays nobody else's.
Deliveries are claimed by lane (`LANES`), so that neither retries nor lesser pages keep the first try of a high one waiting.
Bad at: guessing whether a lost answer meant success; it sends again. Never here: sending, clocks, transactions (the caller's).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import Page, page_of
from alerts.store.tables import DELIVERIES, OUTBOX
from models.instants import MINUTE, SECOND
from models.tables.rules import Priority

LONGEST_WAIT_US: Final = 2 * MINUTE
"""No lease or retry is longer (pager.py): a due time further ahead was written under a wrong clock and does not hold."""

Recipients = Callable[[str, str], Sequence[str]]
"""The destinations of a page, by its site and its audience; none leaves it owed."""

Lane = Literal["high", "other", "again"]
"""First tries of high pages, of others, and all later tries."""
LANES: Final[tuple[Lane, ...]] = ("high", "other", "again")

_LIVE: Final = ("pending", "sending", "failed")


@dataclass(frozen=True, slots=True)
class OwedPage:
    """One delivery that its claimer must now attempt. `attempt` counts from 1."""

    page: Page
    destination: str
    attempt: int
    lane: Lane = field(default="high", compare=False)
    trace: str | None = field(default=None, compare=False)
    """What led to it (alerts/tracing.py)."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a try. `retry_us`: when the next one is due; None: it arrived, or is given up."""

    owed: OwedPage
    arrived: bool
    retry_us: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PageCounts:
    """Counts of pages and deliveries.

    A page counts as sent when one destination took it; `failing` counts deliveries waiting for a retry.
    """

    owed: int
    sent: int
    abandoned: int
    failing: int
    oldest_unsent_s: float


def address(connection: Connection, insert: Any, recipients: Recipients) -> int:
    """Give every page that has none its deliveries; how many pages that were."""
    unaddressed = sa.select(OUTBOX.c.key, OUTBOX.c.for_, OUTBOX.c.doc).where(~OUTBOX.c.addressed)
    waiting = connection.execute(unaddressed.with_for_update()).all()
    start = {"state": "pending", "attempts": 0, "due_us": 0}
    rows = [
        {"key": page.key, "destination": destination, **start}
        for page in waiting for destination in recipients(json.loads(page.doc)["site"], page.for_)
    ]  # fmt: skip
    if rows:
        again = insert(DELIVERIES)
        again = again.on_conflict_do_update(
            index_elements=["key", "destination"], set_=start, where=DELIVERIES.c.state == "retired"
        )
        connection.execute(again, rows)
        keys = {row["key"] for row in rows}
        connection.execute(sa.update(OUTBOX).where(OUTBOX.c.key.in_(keys)).values(addressed=True))
    return len(waiting)


def everybody(destinations: Sequence[str], schedulers: Sequence[str] = ()) -> Recipients:
    """The recipients where all pages are one clinic's.

    `schedulers` get the scheduler's pages; without any, everybody does, because a page to nobody is a page lost.
    """
    planning = sorted(set(schedulers) & set(destinations))
    watching = [each for each in destinations if each not in planning]

    def recipients(site: str, audience: str) -> Sequence[str]:
        return (planning if audience == "scheduler" else watching) or destinations

    return recipients


def retire(connection: Connection, destinations: Sequence[str]) -> None:
    """Stop waiting for destinations that are gone; a page that reached nobody is owed to whoever is there now."""
    connection.execute(
        sa.update(DELIVERIES)
        .where(DELIVERIES.c.destination.not_in(destinations), DELIVERIES.c.state.in_(_LIVE))
        .values(state="retired")
    )
    connection.execute(
        sa.update(OUTBOX)
        .where(OUTBOX.c.sent_us.is_(None), ~_delivery("pending", "sending", "failed", "abandoned"))
        .values(addressed=False)
    )


def release(connection: Connection) -> None:
    """End every lease: for the only pager there is, when it starts, whatever was being sent was cut short."""
    connection.execute(
        sa.update(DELIVERIES).where(DELIVERIES.c.state == "sending").values(state="pending", due_us=0)
    )  # fmt: skip


def is_due(destination: str, now_us: int) -> sa.ColumnElement[bool]:
    """Deliveries that may be tried now."""
    due = DELIVERIES.c.due_us
    return sa.and_(
        DELIVERIES.c.destination == destination,
        DELIVERIES.c.state.in_(_LIVE),
        sa.or_(due <= now_us, due > now_us + LONGEST_WAIT_US),
    )


def has_work(connection: Connection, destination: str, now_us: int) -> bool:
    """True if there is anything to address or to claim. Asked before a write, so that an idle pager takes no write lock."""
    waiting = sa.select(sa.literal(1)).where(sa.exists(sa.select(DELIVERIES.c.key).where(is_due(destination, now_us))))
    return has_unaddressed(connection) or connection.scalar(waiting) is not None


def has_unaddressed(connection: Connection) -> bool:
    """Is there a page that has no deliveries yet?"""
    return connection.scalar(sa.select(sa.literal(1)).where(sa.exists().where(~OUTBOX.c.addressed))) is not None


def due_destinations(connection: Connection, now_us: int) -> set[str]:
    """Where something can be sent now."""
    due = DELIVERIES.c.due_us
    late = sa.or_(due <= now_us, due > now_us + LONGEST_WAIT_US)
    return set(
        connection.scalars(sa.select(DELIVERIES.c.destination).distinct().where(DELIVERIES.c.state.in_(_LIVE), late))
    )


def claim(
    connection: Connection, destination: str, now_us: int, lease_us: int, room: Mapping[Lane, int]
) -> list[OwedPage]:  # fmt: skip
    """Take due deliveries for `lease_us`, up to `room` in each lane, in the order of `LANES`: worst first, then oldest."""
    claimed: list[OwedPage] = []
    for lane in LANES:
        if room.get(lane, 0) > 0:
            claimed += _claim(connection, destination, now_us, lease_us, lane, room[lane])
    return claimed


def _claim(
    connection: Connection, destination: str, now_us: int, lease_us: int, lane: Lane, limit: int
) -> list[OwedPage]:  # fmt: skip
    wanted = (
        sa.select(DELIVERIES.c.key, DELIVERIES.c.attempts, OUTBOX.c.doc, OUTBOX.c.trace)
        .join(OUTBOX, OUTBOX.c.key == DELIVERIES.c.key)
        .where(is_due(destination, now_us), _in_lane(lane))
        .order_by(OUTBOX.c.rank.desc(), OUTBOX.c.at_us, OUTBOX.c.key)
        .limit(limit)
        .with_for_update(of=DELIVERIES, skip_locked=True)
    )
    rows = connection.execute(wanted).all()
    if not rows:
        return []
    connection.execute(
        sa.update(DELIVERIES)
        .where(DELIVERIES.c.destination == destination, DELIVERIES.c.key.in_([row.key for row in rows]))
        .values(state="sending", attempts=DELIVERIES.c.attempts + 1, due_us=now_us + min(lease_us, LONGEST_WAIT_US))
    )
    return [OwedPage(page_of(json.loads(row.doc)), destination, row.attempts + 1, lane, row.trace) for row in rows]


def _in_lane(lane: Lane) -> sa.ColumnElement[bool]:
    if lane == "again":
        return DELIVERIES.c.attempts > 0
    high = OUTBOX.c.rank >= Priority.HIGH
    return sa.and_(DELIVERIES.c.attempts == 0, high if lane == "high" else ~high)


def mark_tried(connection: Connection, tried: Sequence[Tried], now_us: int) -> None:
    """Write what became of tries: sent, failed until the next one, or given up.

    One that arrived is sent also where its lease ran out meanwhile. A failure leaves a later claim of its delivery alone.
    """
    for each in tried:
        owed = each.owed
        if each.arrived:
            connection.execute(sa.update(DELIVERIES).where(_is(owed)).values(state="sent", last_error=None))
            unsent = sa.and_(OUTBOX.c.key == owed.page.key, OUTBOX.c.sent_us.is_(None))
            connection.execute(sa.update(OUTBOX).where(unsent).values(sent_us=now_us))
            continue
        connection.execute(
            sa.update(DELIVERIES)
            .where(_is(owed), DELIVERIES.c.state == "sending", DELIVERIES.c.attempts == owed.attempt)
            .values(
                state="abandoned" if each.retry_us is None else "failed",
                due_us=0 if each.retry_us is None else each.retry_us,
                last_error=each.reason[:200],
            )
        )


def counts(connection: Connection, now_us: int) -> PageCounts:
    unsent = OUTBOX.c.sent_us.is_(None)
    given_up = sa.and_(unsent, OUTBOX.c.addressed, ~_delivery(*_LIVE), _delivery("abandoned"))
    row = connection.execute(
        sa.select(
            sa.func.count().filter(unsent, ~given_up),
            sa.func.count().filter(~unsent),
            sa.func.count().filter(given_up),
            sa.func.min(OUTBOX.c.at_us).filter(unsent, ~given_up),
        ).select_from(OUTBOX)
    ).one()
    failing = connection.scalar(
        sa.select(sa.func.count()).select_from(DELIVERIES).where(DELIVERIES.c.state == "failed")
    )  # fmt: skip
    age_s = 0.0 if row[3] is None else max(0.0, (now_us - row[3]) / SECOND)
    return PageCounts(row[0], row[1], row[2], failing or 0, age_s)


def _delivery(*states: str) -> sa.Exists:
    """True if the page has a delivery in one of these states."""
    return sa.exists().where(DELIVERIES.c.key == OUTBOX.c.key, DELIVERIES.c.state.in_(states))


def _is(owed: OwedPage) -> sa.ColumnElement[bool]:
    return sa.and_(DELIVERIES.c.key == owed.page.key, DELIVERIES.c.destination == owed.destination)
