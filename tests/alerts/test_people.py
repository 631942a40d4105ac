"""What a page that names people promises: each by their first method, and by the next one where that fails or takes too long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from alerts.effects import FrameEffects, Page, PageKind
from alerts.notify.destination import Destination, InThread
from alerts.notify.pager import FAILING_AFTER_S, Pager
from alerts.store.destinations import DestinationState
from alerts.store.outbox import RECEIPT_WITHIN_US, Method, everybody
from alerts.store.store import Store
from models.instants import SECOND, iso
from tests.support.paging import (
    LEASE,
    START,
    Clock,
    Phone,
    destination,
    failed,
    owe,
    page,
    sent,
    store,
    store_of,
    until_idle,
    url,
)

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures

PEOPLE = {"ada": ["ada push", "ada sms"], "ben": ["ben push"]}
PHONES = ["ada push", "ada sms", "ben push", "desk"]


def call(*people: str, key: str = "k1", kind: PageKind = "page") -> Page:
    return Page(key, iso(START), "main", "P-07", "high", ("a1",), "Low oxygen", "SpO2 85", to=people, rung=1, kind=kind)


def reached(store: Store) -> tuple[list[str], list[str]]:
    """Who the alert's pages reached, and by what nobody was."""
    from alerts.store import outbox

    with store.database.reading() as connection:
        return outbox.tried_of(connection, ["k1"]).get("k1", ([], []))


def test_a_page_goes_to_whom_it_names_and_one_that_names_nobody_to_everybody() -> None:
    to = everybody(PHONES, people=PEOPLE)

    assert to(call("ada")) == [Method("ada push", "ada", 0), Method("ada sms", "ada", 1)]
    theirs = [Method(way, name, place) for name, ways in PEOPLE.items() for place, way in enumerate(ways)]
    assert to(call()) == [Method("desk"), *theirs]
    assert to(call("ada", kind="over")) == [Method("ada push", "ada", 0)], "news needs no second try elsewhere"
    assert to(call("nobody known")) == [Method("desk")], "a page to nobody is a page lost"
    assert everybody(["ada push"], people=PEOPLE)(call()) == [Method("ada push", "ada", 0)], (
        "nor may there be none at all"
    )


def test_the_next_method_has_its_turn_when_the_first_gives_no_receipt_in_time(store: Store) -> None:
    owe(store, call("ada"))
    to = everybody(PHONES, people=PEOPLE)
    (first,) = store.claim_pages("ada push", to, START, LEASE)
    assert first.person == "ada"
    assert store.claim_pages("ada sms", to, START + RECEIPT_WITHIN_US - 1, LEASE) == []

    (second,) = store.claim_pages("ada sms", to, START + RECEIPT_WITHIN_US, LEASE)

    assert (second.person, second.lane) == ("ada", "high")


def test_the_next_method_has_its_turn_at_once_when_the_first_fails(store: Store) -> None:
    owe(store, call("ada"))
    to = everybody(PHONES, people=PEOPLE)
    (first,) = store.claim_pages("ada push", to, START, LEASE)
    store.mark_pages([failed(first, START + SECOND)], START)

    assert store.claim_pages("ada sms", to, START, LEASE)


def test_who_was_reached_is_not_tried_by_another_method(store: Store) -> None:
    owe(store, call("ada", "ben"))
    to = everybody(PHONES, people=PEOPLE)
    (first,) = store.claim_pages("ada push", to, START, LEASE)
    store.mark_pages([sent(first)], START)

    assert store.claim_pages("ada sms", to, START + 10 * LEASE, LEASE) == []
    assert store.claim_pages("ben push", to, START, LEASE), "ben was not"


async def test_two_people_at_one_destination_are_each_paged_and_shown_as_reached(store: Store) -> None:
    phone, gone = Phone(), Phone(refuses=99)
    owe(store, call("ada", "ben"))
    people = {"ada": ["gone", "ward"], "ben": ["ward"]}
    pager = Pager(store, [destination("ward", phone), destination("gone", gone)], Clock(), people=people)
    await until_idle(pager)
    await until_idle(Pager(store, [destination("ward", phone), destination("gone", gone)], Clock(), people=people))

    assert len(phone.got) == 2
    assert reached(store) == (["ada by ward", "ben by ward"], ["ada by gone: busy"])


async def test_a_destination_that_fails_for_a_minute_is_reported_once_and_so_is_its_recovery(store: Store) -> None:
    wall, dead, alive = Clock(), Phone(refuses=3), Phone()
    said: list[tuple[str, bool, int]] = []

    async def report(state: DestinationState, well: Sequence[str]) -> None:
        said.append((state.name, state.failing_since_us is not None, len(well)))

    async def look() -> None:
        pager = Pager(store, [Destination("dead", InThread(dead)), destination("alive", alive)], wall)
        await until_idle(pager)
        await pager._tell(report, store.destinations())

    owe(store, page("k1"))
    await look()
    assert said == []
    states = {each.name: each for each in store.destinations()}
    assert (states["dead"].failing_since_us, states["dead"].last_error, states["dead"].owed) == (START, "busy", 1)
    assert (states["alive"].last_success_us, states["alive"].owed) == (START, 0)
    wall.passes(FAILING_AFTER_S)
    await look()
    await look()
    assert said == [("dead", True, 1)]
    wall.passes(60)
    await look()
    wall.passes(60)
    await look()
    assert said == [("dead", True, 1), ("dead", False, 1)]


async def test_where_pages_go_changes_while_it_runs_and_what_is_under_way_goes_on(store: Store) -> None:
    old, slow, new = Phone(refuses=99), Phone(hangs=True), Phone()
    pager = Pager(store, [destination("old", old), destination("slow", slow)], Clock())
    owe(store, page("k1"))
    running = asyncio.create_task(pager.run())
    await asyncio.to_thread(slow.beginnings.acquire)
    await asyncio.to_thread(old.beginnings.acquire)

    await pager.change([destination("new", new)], everybody(["new"]))
    await new.has_got(1)
    slow.release.set()
    await slow.has_got(1)
    await asyncio.to_thread(owe, store, page("k2"), offset=2)
    pager.wake()
    await new.has_got(1)

    assert await pager.drain(running)
    assert [each.key for each in new.got] == ["k1", "k2"], "what had reached nobody, and what came after"
    assert [each.key for each in slow.got] == ["k1"], "a try under way went on to its end"
    assert {each.key for each in old.tried} == {"k1"}
    assert [each.name for each in store.destinations()] == ["new"]


async def test_a_pager_without_a_destination_pages_as_soon_as_there_is_one(store: Store) -> None:
    phone = Phone()
    pager = Pager(store, [], Clock())
    owe(store, page("k1"))
    running = asyncio.create_task(pager.run())
    await asyncio.sleep(0)
    await pager.change([destination("phone", phone)], everybody(["phone"]))
    await phone.has_got(1)
    assert await pager.drain(running)


async def test_a_failing_destination_that_is_gone_fails_no_longer(store: Store) -> None:
    said: list[tuple[str, int | None, Sequence[str]]] = []

    async def report(state: DestinationState, well: Sequence[str]) -> None:
        said.append((state.name, state.failing_since_us, well))

    store.start_paging(["gone", "phone"], alone=True)
    store.set_reported("gone", True)
    await until_idle(Pager(store, [destination("phone", Phone())], Clock(), report=report))
    pager = Pager(store, [destination("phone", Phone())], Clock(), report=report)
    running = asyncio.create_task(pager.run())
    while not said:  # noqa: ASYNC110  # it looks by itself
        await asyncio.sleep(0.002)
    assert await pager.drain(running)
    assert said == [("gone", None, ())]
    assert [each.name for each in store.destinations()] == ["phone"]


def test_a_delivery_of_the_version_before_is_kept(tmp_path: Path) -> None:
    with store_of(tmp_path / "old.sqlite", "0006") as kept:
        with kept.database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO deliveries VALUES ('k1', 'phone', 'failed', 3, 0, 'busy')")
        kept.migrate()
        assert kept.commit(FrameEffects(0, 1, (page("k1"),))) == []
        (owed,) = kept.claim_pages("phone", ["phone"], START, LEASE)
        assert owed.attempt == 4
