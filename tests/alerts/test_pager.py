"""What the pager promises: every page reaches every destination, at least once, and nothing dead delays the living."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading

import pytest

from alerts.notify.destination import HANGING, Destination, InThread, Message, Notifier, Outcome
from alerts.notify.notifiers import open_destination
from alerts.notify.pager import MAX_TRIES, TRIES_AT_ONCE, Pager
from alerts.store.store import Store
from models.instants import SECOND
from tests.support.paging import (
    LEASE,
    START,
    Clock,
    Phone,
    destination,
    failed,
    misbehaving,
    owe,
    page,
    receiver,
    sent,
    store,
    until_idle,
    url,
)
from tests.support.service import until

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures


def states(store: Store) -> dict[str, int]:
    counts = store.page_counts(START)
    return {"owed": counts.owed, "sent": counts.sent, "abandoned": counts.abandoned, "failing": counts.failing}


# The outbox


def test_a_page_claimed_by_a_sender_that_died_is_sent_by_the_next(store: Store) -> None:
    owe(store, page("k1"))
    (first,) = store.claim_pages("phone", ["phone"], START, LEASE)

    assert store.claim_pages("phone", ["phone"], START + LEASE - 1, LEASE) == []
    (second,) = store.claim_pages("phone", ["phone"], START + LEASE, LEASE)

    assert second.page == first.page == page("k1")
    assert (first.attempt, second.attempt) == (1, 2)


async def test_a_page_that_was_being_sent_when_the_process_was_killed_goes_out_at_the_next_start(
    store: Store, url: str
) -> None:
    owe(store, page("k1"))
    claim_and_die = (
        "import os, signal; from alerts.store.store import Store\n"
        f"assert Store({url!r}).claim_pages('phone', ['phone'], {START}, {LEASE})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    died = await asyncio.create_subprocess_exec(sys.executable, "-c", claim_and_die)
    assert await died.wait() == -9
    assert store.claim_pages("phone", ["phone"], START, LEASE) == []

    phone = Phone()
    await until_idle(Pager(store, [destination("phone", phone)], lambda: START))

    assert [it.key for it in phone.got] == ["k1"]


def test_a_late_failure_says_nothing_about_the_sender_that_took_over(store: Store) -> None:
    owe(store, page("k1"))
    (first,) = store.claim_pages("phone", ["phone"], START, LEASE)
    (second,) = store.claim_pages("phone", ["phone"], START + LEASE, LEASE)

    store.mark_pages([sent(second)], START + LEASE)
    store.mark_pages([failed(first)], START)

    assert states(store) == {"owed": 0, "sent": 1, "abandoned": 0, "failing": 0}
    assert store.claim_pages("phone", ["phone"], START + 10 * LEASE, LEASE) == []


def test_a_failure_of_a_sender_whose_lease_ran_out_does_not_free_the_page_of_the_one_that_holds_it(
    store: Store,
) -> None:
    owe(store, page("k1"))
    (first,) = store.claim_pages("phone", ["phone"], START, LEASE)
    assert store.claim_pages("phone", ["phone"], START + LEASE, LEASE)

    store.mark_pages([failed(first)], START)

    assert store.claim_pages("phone", ["phone"], START + LEASE, LEASE) == []


def test_two_pagers_never_hold_the_same_page_at_once(store: Store, url: str) -> None:
    owe(store, *(page(f"k{n}") for n in range(20)))
    other = Store(url)
    held: list[str] = []
    ready = threading.Barrier(2)

    def take(mine: Store) -> None:
        ready.wait()
        while claimed := mine.claim_pages("phone", ["phone"], START, LEASE, room=3):
            held.extend(it.page.key for it in claimed)

    pagers = [threading.Thread(target=take, args=(it,)) for it in (store, other)]
    for it in pagers:
        it.start()
    for it in pagers:
        it.join()
    other.close()

    assert len(held) == len(set(held))
    store.start_paging(["phone"], alone=True)
    left = store.claim_pages("phone", ["phone"], START, LEASE, room=99)
    assert {it.page.key for it in left} == {f"k{n}" for n in range(20)}


async def test_two_pagers_and_a_receiver_that_is_away_are_one_page_when_it_is_back(store: Store, url: str) -> None:
    clock, phone, other = Clock(), Phone(refuses=3), Store(url)
    owe(store, page("k1"))
    for _ in range(20):
        both = (Pager(each, [destination("phone", phone)], clock, alone=False) for each in (store, other))
        await asyncio.gather(*map(until_idle, both))
        clock.passes(1)
    other.close()

    assert len(phone.tried) == 4, "three that failed, by whichever of the two, and the one that arrived"
    assert [each.key for each in phone.got] == ["k1"]


def test_the_worst_page_goes_first_then_the_oldest(store: Store) -> None:
    late = START + SECOND
    owe(store, page("l", "low"), page("m", "medium", late), page("new", at_us=late), page("old"))

    claimed = store.claim_pages("phone", ["phone"], START, LEASE, room=9)

    assert [it.page.key for it in claimed] == ["old", "new", "m", "l"]


def test_replaying_a_frame_never_sends_its_page_again(store: Store) -> None:
    owe(store, page("k1"))
    (owed,) = store.claim_pages("phone", ["phone"], START, LEASE)
    store.mark_pages([sent(owed)], START)

    owe(store, page("k1"))
    owe(store, page("k1"), offset=2)

    assert store.claim_pages("phone", ["phone"], START + 10 * LEASE, LEASE) == []


def test_a_page_that_reached_nobody_is_owed_to_the_destinations_there_are_now(store: Store) -> None:
    owe(store, page("reached"))
    (owed,) = store.claim_pages("old phone", ["old phone", "gone"], START, LEASE)
    store.mark_pages([sent(owed)], START)
    owe(store, page("unheard"), offset=2)
    store.claim_pages("old phone", ["old phone"], START, LEASE)

    store.start_paging(["new phone"], alone=True)

    claimed = store.claim_pages("new phone", ["new phone"], START, LEASE, room=9)
    assert [it.page.key for it in claimed] == ["unheard"]
    store.start_paging(["old phone"], alone=True)
    claimed = store.claim_pages("old phone", ["old phone"], START, LEASE, room=9)
    assert [it.page.key for it in claimed] == ["unheard"], "back to the first phone: again what nobody has"


def test_a_due_time_written_under_a_wrong_clock_does_not_hold_a_page_back(store: Store) -> None:
    owe(store, page("k1"))
    year = 365 * 86_400 * SECOND
    assert store.claim_pages("phone", ["phone"], START + year, LEASE)

    assert store.claim_pages("phone", ["phone"], START, LEASE)


def test_the_age_of_the_oldest_page_that_nobody_got_is_known(store: Store) -> None:
    assert store.page_counts(START).oldest_unsent_s == 0
    owe(store, page("k1"), page("k2", at_us=START + SECOND))

    assert store.page_counts(START + 90 * SECOND).oldest_unsent_s == 90


# The pager


async def test_every_page_goes_to_every_destination_and_is_logged(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "alerts.notify.pager")
    desk, phone = Phone(), Phone()
    owe(store, page("k1"), page("k2", "medium"))

    await until_idle(Pager(store, [destination("desk", desk), destination("phone", phone)], Clock()))

    assert {it.key for it in desk.got} == {it.key for it in phone.got} == {"k1", "k2"}
    assert states(store) == {"owed": 0, "sent": 2, "abandoned": 0, "failing": 0}
    lines = sorted(it.getMessage() for it in caplog.records)
    assert lines == [
        f"delivery page={key!r} destination={where!r} outcome='sent' attempt=1"
        for key, where in (("k1", "desk"), ("k1", "phone"), ("k2", "desk"), ("k2", "phone"))
    ]


async def test_a_page_is_sent_as_soon_as_the_pager_is_woken(store: Store) -> None:
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Bell(Phone):
        def send(self, message: Message) -> Outcome:
            loop.call_soon_threadsafe(arrived.set)
            return super().send(message)

    pager = Pager(store, [destination("desk", Bell())], Clock())
    running = asyncio.create_task(pager.run())
    await asyncio.to_thread(owe, store, page("k1"))
    pager.wake()
    await arrived.wait()

    assert await pager.drain(running)
    assert states(store)["sent"] == 1


async def test_one_dead_destination_does_not_delay_the_other(store: Store) -> None:
    dead, alive = Phone(hangs=True), Phone()
    owe(store, *(page(f"k{n}") for n in range(5)))
    pager = Pager(store, [destination("dead", dead), destination("alive", alive)], Clock())
    running = asyncio.create_task(pager.run())
    await alive.has_got(5)

    for _ in range(5):
        await asyncio.to_thread(dead.beginnings.acquire)
    assert dead.got == []
    assert not await pager.drain(running, within_s=0.05), "the dead one is cut short"
    dead.release.set()


async def test_the_first_try_of_a_high_page_waits_for_no_retry_and_no_lesser_page(store: Store) -> None:
    clock, phone = Clock(), Phone(refuses=10_000)
    owe(store, *(page(f"old{n}") for n in range(TRIES_AT_ONCE["again"] + 5)))
    pager = Pager(store, [destination("phone", phone)], clock)
    await until_idle(pager)
    phone.release.clear()
    clock.passes(60)
    owe(store, *(page(f"m{n}", "medium") for n in range(TRIES_AT_ONCE["other"] + 5)), offset=2)
    running = asyncio.create_task((again := Pager(store, [destination("phone", phone)], clock)).run())
    before = TRIES_AT_ONCE["again"] + 5
    await until(
        lambda: len(phone.tried) == before + TRIES_AT_ONCE["again"] + TRIES_AT_ONCE["other"], "both lanes to be full"
    )

    await asyncio.to_thread(owe, store, *(page(f"new{n}") for n in range(12)), offset=3)
    again.wake()
    await until(lambda: sum(each.key.startswith("new") for each in phone.tried) == 12, "all twelve, none answered yet")

    assert not await again.drain(running, within_s=0.01)
    phone.release.set()


async def test_a_stop_sends_what_is_due_and_leaves_what_waits_to_the_next_start(store: Store) -> None:
    clock, alive, dead = Clock(), Phone(), Phone(refuses=1)
    both = [destination("alive", alive), destination("dead", dead)]
    keys = {f"k{n}" for n in range(TRIES_AT_ONCE["other"] + 3)}
    owe(store, *(page(key, "medium") for key in sorted(keys)))
    pager = Pager(store, both, clock)
    running = asyncio.create_task(pager.run())
    assert await pager.drain(running), "told to stop before it has looked, and more is due than it tries at once"

    assert {each.key for each in alive.got} == keys
    assert (len(dead.tried), len(dead.got)) == (len(keys), len(keys) - 1)
    clock.passes(1)
    await until_idle(Pager(store, both, clock))
    assert {each.key for each in dead.got} == keys
    assert len(alive.got) == len(keys)


async def test_a_clock_that_jumps_moves_no_retry(store: Store) -> None:
    wall, steady, phone = Clock(), Clock(), Phone(refuses=2)
    owe(store, page("k1"))

    def pager_of() -> Pager:
        return Pager(store, [destination("phone", phone)], wall, steady)

    await until_idle(pager_of())
    wall.passes(-3600)
    steady.passes(0.999)
    await until_idle(pager_of())
    assert len(phone.tried) == 1, "not due, whatever the wall says"
    steady.passes(0.001)
    await until_idle(pager_of())
    assert len(phone.tried) == 2, "an hour back delays it not"
    wall.passes(86_400)
    steady.passes(2)
    await until_idle(pager_of())
    assert [each.key for each in phone.got] == ["k1"]


async def test_a_failed_page_is_tried_again_after_one_two_four_and_at_most_sixty_seconds(store: Store) -> None:
    clock, phone = Clock(), Phone(refuses=8)
    owe(store, page("k1"))
    target = destination("phone", phone)

    for tries, wait_s in enumerate((1, 2, 4, 8, 16, 32, 60, 60), 1):
        await until_idle(Pager(store, [target], clock))
        clock.passes(wait_s - 0.001)
        await until_idle(Pager(store, [target], clock))
        assert len(phone.tried) == tries
        clock.passes(0.001)
    await until_idle(Pager(store, [target], clock))

    assert [it.key for it in phone.got] == ["k1"]


async def test_a_high_page_is_never_given_up_and_a_lesser_one_after_an_hour(store: Store) -> None:
    clock, phone = Clock(), Phone(refuses=10_000)
    owe(store, page("high"), page("medium", "medium"))
    for _ in range(MAX_TRIES + 5):
        await until_idle(Pager(store, [destination("phone", phone)], clock))
        clock.passes(60)

    assert states(store) == {"owed": 1, "sent": 0, "abandoned": 1, "failing": 1}
    assert len(phone.tried) == 2 * MAX_TRIES + 5
    assert (clock.now_us - START) / SECOND >= 3600
    assert [it["state"] for alert in store.alerts() for it in alert["pages"]] == []


async def test_a_send_that_hangs_counts_as_failed_and_hanging_threads_do_not_pile_up(store: Store) -> None:
    phone, clock = Phone(hangs=True), Clock()
    target = destination("phone", phone, timeout_s=0.01)
    owe(store, page("k1"))
    await until_idle(Pager(store, [target], clock))
    assert states(store) == {"owed": 1, "sent": 0, "abandoned": 0, "failing": 1}
    for _ in range(HANGING + 3):
        await target.deliver(Message(page("k1")))

    for _ in range(HANGING):
        await asyncio.to_thread(phone.beginnings.acquire)
    assert len(phone.tried) == HANGING
    assert (await target.deliver(Message(page("k1")))).reason == f"{HANGING} earlier tries still hang"
    phone.release.set()


async def test_a_thread_that_is_dripped_bytes_ends_when_its_try_does() -> None:
    """A read that is answered byte by byte never times out by itself: its thread is ended by an exception."""
    with misbehaving("drip") as address:
        target = open_destination(address.replace("http://", "json://"))
        target.timeout_s = 0.3
        outcome = await target.deliver(Message(page("k1")))
        assert outcome == Outcome(False, "no answer in 0.3 s")
        thread = target.notifier
        assert isinstance(thread, InThread)
        await until(lambda: thread.hanging == 0, "the thread to end")


async def test_a_notifier_that_raises_is_a_failed_page_and_nothing_worse(store: Store) -> None:
    class Broken:
        async def send(self, message: Message) -> Outcome:
            raise RuntimeError("https://user:secret@host")

    class BrokenInAThread:
        def send(self, message: Message) -> Outcome:
            raise RuntimeError("https://user:secret@host")

    both: list[Notifier] = [Broken(), InThread(BrokenInAThread())]
    for n, broken in enumerate(both, 1):
        owe(store, page(f"k{n}"), offset=n)
        await until_idle(Pager(store, [Destination("broken", broken)], Clock()))
        assert states(store)["failing"] == n
        assert await Destination("broken", broken).deliver(Message(page("k1"))) == Outcome(False, "RuntimeError")


async def test_a_store_that_fails_for_a_while_does_not_end_the_pager(store: Store) -> None:
    phone = Phone()
    pager = Pager(store, [destination("phone", phone)], Clock())
    with store.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox RENAME TO outbox_away")
    await until_idle(pager)
    running = asyncio.create_task(Pager(store, [destination("phone", phone)], Clock()).run())
    with store.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox_away RENAME TO outbox")
    owe(store, page("k1"))
    await phone.has_got(1)

    running.cancel()
    await asyncio.wait([running])


def test_two_destinations_of_one_name_are_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="same name"):
        Pager(store, [destination("phone", Phone()), destination("phone", Phone())], Clock())


# Notifiers


async def test_a_page_reaches_a_real_receiver_after_it_answered_500(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    owe(store, page("k1"))
    with receiver([500, 503]) as (address, got):
        target = open_destination(address)
        for _ in range(3):
            await until_idle(Pager(store, [target], clock))
            clock.passes(2)

    (message,) = got
    assert (message["title"], message["message"], message["key"]) == ("Low oxygen", "Chair 3: SpO2 85 below 90", "k1")
    assert message["type"] == "failure"
    assert states(store)["sent"] == 1
    reasons = [it.__dict__["facts"].get("reason") for it in caplog.records if it.name == "alerts.notify.pager"]
    assert reasons == ["answered 500", "answered 503"]


async def test_a_receiver_that_hangs_fails_in_time_and_gets_the_page_later(store: Store) -> None:
    clock, hang = Clock(), threading.Event()
    owe(store, page("k1"))
    with receiver([hang]) as (address, got):
        impatient = open_destination(address.replace("rto=60", "rto=0.2"))
        await until_idle(Pager(store, [impatient], clock))
        assert states(store) == {"owed": 1, "sent": 0, "abandoned": 0, "failing": 1}
        clock.passes(1)
        await until_idle(Pager(store, [open_destination(address)], clock))
        hang.set()

    assert [it["key"] for it in got] == ["k1"]
    assert states(store)["sent"] == 1
