"""The outbox: pages that are owed, and the state of each delivery to each destination.

A delivery is `pending`, then `sending` under a lease, then `sent`, or `failed` until its next try. Where a provider tells later
what became of it, it is `taken` until that receipt comes, and tried again where none does. That of a person's second
method is in `reserve` until the first one failed, took too long or went where no receipt comes from (`handed on`), and `spared`
once they were reached, or somebody has answered (`turns.py`). A lease that ends makes
it due again, because a sender that died after claiming has perhaps sent nothing: a page may arrive twice (with the same key),
never not at all. `abandoned`, `retired` and `superseded` deliveries are over: given up, to a destination that is no longer
configured, or said again by a later page to the same (`repeats.py`).
Every destination has its own delivery of a page, so that a dead one delays nobody else's.
Deliveries are claimed by lane (`LANES`), so that neither retries nor lesser pages keep the first try of a high one waiting.
Bad at: guessing whether a lost answer meant success; it sends again. Never here: sending, clocks, transactions (the caller's).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import Page, page_of
from alerts.store.destinations import note
from alerts.store.repeats import supersede
from alerts.store.tables import DELIVERIES, DELIVERY_TRIES, OUTBOX, PAGE_ALERTS
from alerts.store.tries import FinishedTry, write_tries
from alerts.store.turns import NO_RECEIPT, hand_on
from models.instants import MINUTE, SECOND
from models.tables.rules import Priority

LONGEST_WAIT_US: Final = 2 * MINUTE
"""No lease or retry is longer (pager.py): a due time further ahead was written under a wrong clock and does not hold."""

RECEIPT_WITHIN_US: Final = 15 * SECOND
"""How long a person's method may take to be reached before their next one is tried too. Chosen by us: one time-out of a try, and
half of it again. A method that fails sooner is followed at once."""


@dataclass(frozen=True, slots=True)
class Method:
    """One way of a page: a destination, for whoever is there or for a person, whose methods have their turn by `place`."""

    destination: str
    person: str = ""
    place: int = 0


Recipients = Callable[[Page], Sequence[Method]]
"""The ways of a page; none leaves it owed."""

Lane = Literal["high", "other", "again"]
"""First tries of high pages, of others, and all later tries."""
LANES: Final[tuple[Lane, ...]] = ("high", "other", "again")

LIVE: Final = ("pending", "reserve", "sending", "taken", "failed")


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """Which delivery: of the page with this key, to a person, by a destination."""

    key: str
    person: str
    destination: str


@dataclass(frozen=True, slots=True)
class OwedPage:
    """One delivery that its claimer must now attempt. `attempt` counts from 1."""

    page: Page
    destination: str
    attempt: int
    lane: Lane = field(default="high", compare=False)
    trace: str | None = field(default=None, compare=False)
    """What led to it (alerts/tracing.py)."""
    person: str = ""
    """Whom it calls; empty: whoever is there."""

    @property
    def delivery(self) -> DeliveryKey:
        return DeliveryKey(self.page.key, self.person, self.destination)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a try. `retry_us`: when the next one is due; None: it arrived, or is given up.

    `taken`: a provider has it, and tells later what became of it; by `retry_us`, or it is tried again.
    `unseen`: it arrived at a service that never tells whether the phone has it; the next method's turn is at `retry_us`.
    """

    owed: OwedPage
    arrived: bool
    retry_us: int | None = None
    reason: str = ""
    taken: bool = False
    unseen: bool = False
    at_us: int | None = field(default=None, compare=False)
    """When it was over; None: when it is written."""


@dataclass(frozen=True, slots=True)
class PageCounts:
    """Counts of pages and deliveries.

    A page counts as sent when one destination took it; `failing` counts deliveries waiting for a retry; `oldest_unsent_s` is of
    pages that ask for somebody.
    """

    owed: int
    sent: int
    abandoned: int
    failing: int
    oldest_unsent_s: float


def address(connection: Connection, insert: Any, recipients: Recipients, now_us: int) -> int:
    """Give every page that has none its deliveries; how many pages that were."""
    unaddressed = sa.select(OUTBOX.c.key, OUTBOX.c.doc).where(~OUTBOX.c.addressed)
    waiting = connection.execute(unaddressed.with_for_update()).all()
    pages = {row.key: page_of(json.loads(row.doc)) for row in waiting}
    rows = [_delivery_of(key, way, now_us) for key, page in pages.items() for way in recipients(page)]
    if rows:
        again = insert(DELIVERIES)
        again = again.on_conflict_do_update(
            index_elements=["key", "person", "destination"],
            set_={name: again.excluded[name] for name in ("state", "place", "attempts", "due_us")},
            where=DELIVERIES.c.state == "retired",
        )
        connection.execute(again, rows)
        keys = {row["key"] for row in rows}
        connection.execute(sa.update(OUTBOX).where(OUTBOX.c.key.in_(keys)).values(addressed=True))
        supersede(connection, {key: pages[key] for key in keys})
    return len(waiting)


def _delivery_of(key: str, way: Method, now_us: int) -> dict[str, Any]:
    # Never further ahead than a due time that holds, however many methods somebody has.
    later_us = min(way.place * RECEIPT_WITHIN_US, LONGEST_WAIT_US - SECOND)
    first = {"state": "pending", "due_us": 0} if way.place == 0 else {"state": "reserve", "due_us": now_us + later_us}
    return {
        "key": key,
        "person": way.person,
        "destination": way.destination,
        "place": way.place,
        "attempts": 0,
        **first,
    }


def everybody(
    destinations: Sequence[str], schedulers: Sequence[str] = (), people: Mapping[str, Sequence[str]] | None = None
) -> Recipients:
    """The recipients where all pages are one clinic's.

    A page that names people goes to each by their methods in order, `people` having the destinations of each by name; the news
    that somebody answered only by the first. One that names nobody goes to everybody: all of them, and every destination that is
    nobody's own. `schedulers` get the scheduler's pages. Without any, and where none of the people can be reached, everybody
    does, because a page to nobody is a page lost.
    """
    planning = sorted(set(schedulers) & set(destinations))
    own = {method for methods in (people or {}).values() for method in methods}
    watching = [each for each in destinations if each not in planning and each not in own]

    def recipients(page: Page) -> Sequence[Method]:
        everyone = page.audience == "watch" and not page.to
        called = [
            Method(destination, name, place)
            for name in (people or {} if everyone else page.to)
            for place, destination in enumerate(dict.fromkeys((people or {}).get(name, ())))
            if destination in destinations and (place == 0 or page.kind == "page")
        ]  # fmt: skip
        if called:
            return [*map(Method, watching), *called] if everyone else called
        names = (planning if page.audience == "scheduler" else watching) or destinations
        return [Method(name) for name in names]

    return recipients


def retire(connection: Connection, destinations: Sequence[str]) -> None:
    """Stop waiting for destinations that are gone; a page that reached nobody is owed to whoever is there now."""
    connection.execute(
        sa.update(DELIVERIES)
        .where(DELIVERIES.c.destination.not_in(destinations), DELIVERIES.c.state.in_(LIVE))
        .values(state="retired")
    )
    connection.execute(
        sa.update(OUTBOX)
        .where(OUTBOX.c.sent_us.is_(None), ~_delivery(*LIVE, "abandoned", "superseded"))
        .values(addressed=False)
    )


def release(connection: Connection) -> None:
    """End every lease: for the only pager there is, when it starts, whatever was being sent was cut short."""
    connection.execute(
        sa.update(DELIVERIES).where(DELIVERIES.c.state == "sending").values(state="pending", due_us=0)
    )  # fmt: skip


def _in_lane(lane: Lane) -> sa.ColumnElement[bool]:
    if lane == "again":
        return DELIVERIES.c.attempts > 0
    high = OUTBOX.c.rank >= Priority.HIGH
    return sa.and_(DELIVERIES.c.attempts == 0, high if lane == "high" else ~high)


# What pagers ask every second, whether there is anything to do or not: each statement is built once.

_NOW: Final = sa.bindparam("now_us", type_=sa.BigInteger)
_IS_DUE: Final = sa.and_(
    DELIVERIES.c.state.in_(LIVE),
    sa.or_(DELIVERIES.c.due_us <= _NOW, DELIVERIES.c.due_us > _NOW + LONGEST_WAIT_US),
)
"""Deliveries that may be tried now."""
_IS_DUE_AT: Final = sa.and_(DELIVERIES.c.destination == sa.bindparam("destination", type_=sa.String), _IS_DUE)
"""Those of them that go to one destination."""
_WORK: Final = sa.select(sa.literal(1)).where(sa.exists(sa.select(DELIVERIES.c.key).where(_IS_DUE_AT)))
_UNADDRESSED: Final = sa.select(sa.literal(1)).where(sa.exists().where(~OUTBOX.c.addressed))
_DUE_DESTINATIONS: Final = sa.select(DELIVERIES.c.destination).distinct().where(_IS_DUE)
_CLAIMABLE: Final = {
    lane: sa.select(DELIVERIES.c.key, DELIVERIES.c.person, DELIVERIES.c.attempts, OUTBOX.c.doc, OUTBOX.c.trace)
    .join(OUTBOX, OUTBOX.c.key == DELIVERIES.c.key)
    .where(_IS_DUE_AT, _in_lane(lane))
    .order_by(OUTBOX.c.rank.desc(), OUTBOX.c.at_us, OUTBOX.c.key)
    .limit(sa.bindparam("room", type_=sa.Integer))
    .with_for_update(of=DELIVERIES, skip_locked=True)
    for lane in LANES
}


ASKS: Final[sa.ColumnElement[bool]] = ~OUTBOX.c.doc.like('%,"kind":"%')
"""Pages that ask for somebody, and are no news of what became of an alert: only of those is the kind written (effects.py), and no
text in a page can look so, because its quotes are escaped."""


def has_work(connection: Connection, destination: str, now_us: int) -> bool:
    """True if there is anything to address or to claim. Asked before a write, so that an idle pager takes no write lock."""
    at = {"destination": destination, "now_us": now_us}
    return has_unaddressed(connection) or connection.scalar(_WORK, at) is not None


def forget_pages(connection: Connection, keys: Collection[str]) -> None:
    """Take pages out, with their deliveries and tries: as if they had never been owed."""
    for table in (DELIVERY_TRIES, DELIVERIES, PAGE_ALERTS, OUTBOX):
        connection.execute(sa.delete(table).where(table.c.key.in_(keys)))


def has_unaddressed(connection: Connection) -> bool:
    """Is there a page that has no deliveries yet?"""
    return connection.scalar(_UNADDRESSED) is not None


def due_destinations(connection: Connection, now_us: int) -> set[str]:
    """Where something can be sent now."""
    return set(connection.scalars(_DUE_DESTINATIONS, {"now_us": now_us}))


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
    rows = connection.execute(
        _CLAIMABLE[lane], {"destination": destination, "now_us": now_us, "room": limit}
    ).all()  # fmt: skip
    if not rows:
        return []
    connection.execute(
        sa.update(DELIVERIES)
        .where(
            DELIVERIES.c.destination == destination,
            # Each by itself: for a list of pairs SQLite reads every delivery that there ever was.
            DELIVERIES.c.key == sa.bindparam("of_key"),
            DELIVERIES.c.person == sa.bindparam("of_person"),
        )
        .values(state="sending", attempts=DELIVERIES.c.attempts + 1, due_us=now_us + min(lease_us, LONGEST_WAIT_US)),
        [{"of_key": row.key, "of_person": row.person} for row in rows],
    )
    return [
        OwedPage(page_of(json.loads(row.doc)), destination, row.attempts + 1, lane, row.trace, row.person)
        for row in rows
    ]


def mark_tried(connection: Connection, insert: Any, tried: Sequence[Tried], now_us: int) -> None:
    """Write what became of tries: sent, failed until the next one, or given up.

    One that arrived is sent also where its lease ran out meanwhile. A failure leaves a later claim of its delivery alone.
    """
    over: list[FinishedTry] = []
    for each in tried:
        owed = each.owed
        at_us = now_us if each.at_us is None else each.at_us
        where = (owed.page.key, owed.person, owed.destination, owed.attempt, at_us)
        if each.taken:
            taken = connection.execute(
                sa.update(DELIVERIES)
                .where(*_is_try(owed))
                .values(state="taken", due_us=each.retry_us or 0, last_error="taken, no receipt yet")
            )
            if taken.rowcount:  # else its receipt came before the answer
                over.append(FinishedTry(*where, "taken"))
            continue
        if each.unseen and hand_on(connection, owed, each.retry_us or 0, LIVE):
            first_sent(connection, owed.page.key, now_us)
            over.append(FinishedTry(*where, "handed on", NO_RECEIPT))
            note(connection, owed.destination, each.arrived, "", now_us)
            continue
        over.append(FinishedTry(*where, "arrived") if each.arrived else FinishedTry(*where, "failed", each.reason))
        note(connection, owed.destination, each.arrived, each.reason, now_us)
        if each.arrived:
            reached(connection, owed.delivery, now_us)
            continue
        connection.execute(
            sa.update(DELIVERIES)
            .where(*_is_try(owed))
            .values(
                state="abandoned" if each.retry_us is None else "failed",
                due_us=0 if each.retry_us is None else each.retry_us,
                last_error=each.reason[:200],
            )
        )
        if owed.attempt == 1:
            next_method(connection, owed.delivery)
    write_tries(connection, insert, over)


def reached(connection: Connection, delivery: DeliveryKey, now_us: int) -> None:
    """The person has the page: it is sent, and nothing more of it is due to them."""
    connection.execute(sa.update(DELIVERIES).where(is_delivery(delivery)).values(state="sent", last_error=None))
    first_sent(connection, delivery.key, now_us)
    connection.execute(sa.update(DELIVERIES).where(*_others(delivery, "reserve", "taken")).values(state="spared"))


def first_sent(connection: Connection, key: str, now_us: int) -> None:
    """The page counts as sent from now on, if it did not before."""
    unsent = sa.and_(OUTBOX.c.key == key, OUTBOX.c.sent_us.is_(None))
    connection.execute(sa.update(OUTBOX).where(unsent).values(sent_us=now_us))


def next_method(connection: Connection, delivery: DeliveryKey) -> None:
    """The person's next method has its turn now."""
    nearest = sa.select(sa.func.min(DELIVERIES.c.place)).where(*_others(delivery, "reserve")).scalar_subquery()
    connection.execute(
        sa.update(DELIVERIES).where(*_others(delivery, "reserve"), DELIVERIES.c.place == nearest).values(due_us=0)
    )  # fmt: skip


def unsent(connection: Connection) -> dict[str, str]:
    """Pages that ask for somebody and that no destination took, but for those that are over: by key, the alert of each."""
    waiting = ~OUTBOX.c.addressed | _delivery(*LIVE)
    rows = connection.execute(
        sa.select(OUTBOX.c.key, OUTBOX.c.doc).where(OUTBOX.c.sent_us.is_(None), waiting, ASKS)
    ).all()
    return {row.key: next(iter(page_of(json.loads(row.doc)).alerts), row.key) for row in rows}


def tried_of(connection: Connection, keys: Collection[str]) -> dict[str, tuple[list[str], list[str]]]:
    """Of each page: who was reached and by what, and by what nobody was, with the reason."""
    columns = (
        DELIVERIES.c.key,
        DELIVERIES.c.person,
        DELIVERIES.c.destination,
        DELIVERIES.c.state,
        DELIVERIES.c.last_error,
    )
    order = (DELIVERIES.c.person, DELIVERIES.c.place, DELIVERIES.c.destination)
    over = DELIVERIES.c.state.in_(("sent", "failed", "abandoned")) | DELIVERIES.c.last_error.is_not(None)
    found: dict[str, tuple[list[str], list[str]]] = {}
    for row in connection.execute(sa.select(*columns).where(DELIVERIES.c.key.in_(keys), over).order_by(*order)):
        reached, failed = found.setdefault(row.key, ([], []))
        way = f"{row.person} by {row.destination}" if row.person else row.destination
        if row.state == "sent":
            reached.append(way)
        elif row.state != "retired":
            failed.append(f"{way}: {row.last_error}")
    return found


def counts(connection: Connection, now_us: int) -> PageCounts:
    unsent = OUTBOX.c.sent_us.is_(None)
    over = sa.and_(unsent, OUTBOX.c.addressed, ~_delivery(*LIVE))
    given_up, said_again = sa.and_(over, _delivery("abandoned")), sa.and_(over, _delivery("superseded"))
    owed = sa.and_(unsent, ~given_up, ~said_again)
    row = connection.execute(
        sa.select(
            sa.func.count().filter(owed),
            sa.func.count().filter(~unsent),
            sa.func.count().filter(given_up, ~said_again),
            sa.func.min(OUTBOX.c.at_us).filter(owed, ASKS),
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


def _is_try(owed: OwedPage) -> tuple[sa.ColumnElement[bool], ...]:
    """The delivery, as long as nobody has claimed it again."""
    return is_delivery(owed.delivery), DELIVERIES.c.state == "sending", DELIVERIES.c.attempts == owed.attempt


def is_delivery(delivery: DeliveryKey) -> sa.ColumnElement[bool]:
    """The row of a delivery."""
    return sa.and_(
        DELIVERIES.c.key == delivery.key, DELIVERIES.c.person == delivery.person,
        DELIVERIES.c.destination == delivery.destination,
    )  # fmt: skip


def _others(delivery: DeliveryKey, *states: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The person's other methods in these states. Where it is for whoever is there, each destination is somebody else."""
    return (
        DELIVERIES.c.key == delivery.key, DELIVERIES.c.person == delivery.person, DELIVERIES.c.person != "",
        DELIVERIES.c.destination != delivery.destination, DELIVERIES.c.state.in_(states),
    )  # fmt: skip
