"""Repeats that nobody could get meanwhile: who is reached at last has the newest page, once; nobody goes without for another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.effects import Page
from alerts.notify.pager import Pager
from alerts.store.outbox import Method, everybody
from alerts.store.store import Store
from models.instants import MINUTE, iso
from tests.support.paging import START, Clock, Phone, destination, owe, page, sent, store, until_idle, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures

HOURS = 2
EVERY_MIN = 5


def call(
    n: int, *, alert: str = "a", to: tuple[str, ...] = (), priority: str = "high", alerts: tuple[str, ...] = ()
) -> Page:
    """The n-th call about an alert."""
    at = iso(START + n * EVERY_MIN * MINUTE)
    return replace(page(f"{alert}-{n:03}", priority), at=at, alerts=alerts or (alert,), to=to)


CALLS = [call(n) for n in range(HOURS * 60 // EVERY_MIN)]


async def test_a_night_that_falls_due_at_once_is_one_page(store: Store) -> None:
    clock, phone = Clock(), Phone()
    owe(store, *CALLS)
    await until_idle(Pager(store, [destination("phone", phone)], clock))

    assert [each.key for each in phone.got] == [CALLS[-1].key]
    counts = store.page_counts(clock.now_us)
    assert (counts.owed, counts.sent, counts.abandoned, counts.failing) == (0, 1, 0, 0)
    assert store.unsent_pages() == {}


async def test_a_phone_that_took_nothing_all_night_takes_the_newest_once(store: Store) -> None:
    clock, phone = Clock(), Phone(refuses=10_000)
    for n, each in enumerate(CALLS):
        owe(store, each, offset=n + 1)
        await until_idle(Pager(store, [destination("phone", phone)], clock))
        assert list(store.unsent_pages()) == [each.key]
        clock.passes(EVERY_MIN * 60)
    phone.refuses = 0
    await until_idle(Pager(store, [destination("phone", phone)], clock))

    assert [each.key for each in phone.got] == [CALLS[-1].key]
    assert store.page_counts(clock.now_us).failing == 0


async def test_who_changes_destinations_is_not_told_what_was_said_again(store: Store) -> None:
    clock, phone = Clock(), Phone(refuses=10_000)
    owe(store, *CALLS[:3])
    await until_idle(Pager(store, [destination("phone", phone)], clock))
    other = Phone()
    await until_idle(Pager(store, [destination("other", other)], clock))

    assert [each.key for each in other.got] == [CALLS[2].key]


async def test_whom_the_later_page_does_not_call_gets_the_earlier_one(store: Store) -> None:
    clock, anna, ben = Clock(), Phone(), Phone()
    owe(store, call(0, to=("anna",)), call(1, to=("ben",)), call(2, to=("ben",)))
    people = {"anna": ["annas"], "ben": ["bens"]}
    pager = Pager(store, [destination("annas", anna), destination("bens", ben)], clock, people=people)
    await until_idle(pager)

    assert [each.key for each in anna.got] == ["a-000"]
    assert [each.key for each in ben.got] == ["a-002"]


@pytest.mark.parametrize(
    "later",
    [
        call(1, alert="b"),
        call(1, priority="medium"),
        replace(call(1), kind="over", priority="info"),
    ],
    ids=["another alert", "lesser", "news"],
)
async def test_what_says_less_spares_nobody(store: Store, later: Page) -> None:
    clock, phone = Clock(), Phone()
    owe(store, call(0), later)
    await until_idle(Pager(store, [destination("phone", phone)], clock))

    assert {each.key for each in phone.got} == {"a-000", later.key}


async def test_a_page_about_two_alerts_is_not_said_again_by_one_about_the_first(store: Store) -> None:
    clock, phone = Clock(), Phone()
    owe(store, call(0, alerts=("a", "b")), call(1))
    await until_idle(Pager(store, [destination("phone", phone)], clock))

    assert {each.key for each in phone.got} == {"a-000", "a-001"}


def test_what_is_being_tried_is_left_to_its_try(store: Store) -> None:
    owe(store, call(0))
    (first,) = store.claim_pages("phone", everybody(["phone"]), START, 10 * 1_000_000)
    owe(store, call(1), offset=2)
    (second,) = store.claim_pages("phone", lambda _: [Method("phone")], START, 10 * 1_000_000)
    store.mark_pages([sent(first)], START)
    store.mark_pages([sent(second)], START)

    assert store.page_counts(START).sent == 2
