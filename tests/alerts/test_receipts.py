"""What a provider's receipt does: a person is reached by it, or the next method has its turn; and nothing of it counts twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from alerts.effects import Page
from alerts.notify.destination import Destination, Message, Outcome
from alerts.notify.pager import MAX_TRIES, Pager
from alerts.store.outbox import DeliveryKey, OwedPage, Tried, everybody
from alerts.store.receipts import Fate, Receipt
from alerts.store.store import Store
from models.instants import SECOND, iso
from tests.support.paging import LEASE, START, Clock, Phone, destination, owe, page, sent, store, until_idle, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures

TO = everybody(["sms", "call"], people={"ada": ["sms", "call"]})
WAITS = 90 * SECOND


def owe_ada(store: Store, key: str = "k1", alert: str = "a1", at_us: int = START, offset: int = 1) -> None:
    owe(store, Page(key, iso(at_us), "main", "P", "high", (alert,), "T", "B", to=("ada",)), offset=offset)


def claim(store: Store, by: str, at_us: int = START) -> list[OwedPage]:
    return store.claim_pages(by, TO, at_us, LEASE)


def taken(store: Store) -> None:
    (owed,) = claim(store, "sms")
    store.mark_pages([Tried(owed, arrived=False, retry_us=START + WAITS, taken=True)], START)


def receive(store: Store, fate: Fate, attempt: int = 1, by: str = "sms", reason: str = "") -> str:
    receipt = Receipt(DeliveryKey("k1", "ada", by), attempt, fate, reason)
    return store.receive(receipt, START, START + SECOND, MAX_TRIES)


def ways(store: Store) -> tuple[Sequence[str], Sequence[str]]:
    from alerts.store import outbox

    with store.database.reading() as connection:
        return outbox.tried_of(connection, ["k1"]).get("k1", ([], []))


def test_a_page_that_a_provider_took_reached_nobody_until_it_says_so(store: Store) -> None:
    owe_ada(store)
    taken(store)
    assert list(store.unsent_pages()) == ["k1"]
    assert ways(store) == ([], ["ada by sms: taken, no receipt yet"])
    assert claim(store, "sms", START + WAITS - 1) == []

    assert receive(store, "reached") == ""

    assert ways(store) == (["ada by sms"], [])
    assert list(store.unsent_pages()) == []
    assert claim(store, "call", START + 10 * WAITS) == claim(store, "sms", START + 10 * WAITS) == []
    assert receive(store, "failed") == "somebody was reached already", "whatever comes late or again"


def test_a_page_without_a_receipt_is_tried_again(store: Store) -> None:
    owe_ada(store)
    taken(store)
    (again,) = claim(store, "sms", START + WAITS)
    assert (again.attempt, again.lane) == (2, "again")
    assert receive(store, "failed") == "that try is over"
    assert receive(store, "reached") == "", "the first try's receipt is one all the same"


def test_a_try_that_is_lost_is_followed_by_the_next_method_at_once_and_tried_again(store: Store) -> None:
    owe_ada(store)
    taken(store)
    assert claim(store, "call") == []
    assert receive(store, "failed", reason="undelivered (30003)") == ""
    assert [each.person for each in claim(store, "call")] == ["ada"]
    assert ways(store) == ([], ["ada by sms: undelivered (30003)"])
    assert claim(store, "sms", START + SECOND)


def test_a_receipt_that_overtakes_the_answer_counts(store: Store) -> None:
    owe_ada(store)
    (owed,) = claim(store, "sms")
    assert receive(store, "failed", reason="busy") == ""
    store.mark_pages([Tried(owed, arrived=False, retry_us=START + WAITS, taken=True)], START)
    assert ways(store) == ([], ["ada by sms: busy"])
    assert claim(store, "sms", START + SECOND), "the answer that it was taken came too late to make it wait"


def test_what_a_network_has_and_tells_no_more_of_is_not_sent_again_and_the_next_method_has_its_turn(
    store: Store,
) -> None:
    owe_ada(store)
    taken(store)
    assert receive(store, "handed on", reason="no receipt of the phone") == ""
    assert claim(store, "sms", START + 10 * WAITS) == []
    assert claim(store, "call", START + 15 * SECOND)
    assert ways(store) == ([], ["ada by sms: no receipt of the phone"])
    assert receive(store, "reached") == ""
    assert ways(store)[0] == ["ada by sms"]


def test_who_was_reached_by_another_method_is_not_sent_what_has_no_receipt(store: Store) -> None:
    owe_ada(store)
    taken(store)
    (call,) = claim(store, "call", START + 15 * SECOND)
    store.mark_pages([sent(call)], START)
    assert claim(store, "sms", START + 10 * WAITS) == []


def test_a_lesser_page_that_is_lost_for_an_hour_is_given_up(store: Store) -> None:
    owe(store, page("k1", "medium"))
    owe(store, page("k2"), offset=2)
    for _ in range(MAX_TRIES):
        for owed in store.claim_pages("sms", ["sms"], START, LEASE, 5):
            receipt = Receipt(owed.delivery, owed.attempt, "failed", "busy")
            assert store.receive(receipt, START, START, MAX_TRIES) == ""
    assert [each.page.key for each in store.claim_pages("sms", ["sms"], START, LEASE, 5)] == ["k2"]


@pytest.mark.parametrize(
    ("key", "by", "attempt"), [("other", "sms", 1), ("k1", "nowhere", 1), ("k1", "sms", 2), ("k1", "sms", 0)]
)
def test_a_receipt_of_a_try_that_there_was_not_changes_nothing(store: Store, key: str, by: str, attempt: int) -> None:
    owe_ada(store)
    taken(store)
    receipt = Receipt(DeliveryKey(key, "ada", by), attempt, "reached")
    assert store.receive(receipt, START, START, MAX_TRIES) == "there was no such try"
    assert list(store.unsent_pages()) == ["k1"]


def test_a_destination_whose_pages_are_lost_fails_however_often_it_takes_them(store: Store) -> None:
    store.start_paging(["sms"], alone=True)
    owe_ada(store)
    taken(store)
    assert store.destinations()[0].failing_since_us is None
    receive(store, "failed", reason="undelivered")
    assert (store.destinations()[0].failing_since_us, store.destinations()[0].last_error) == (START, "undelivered")


def test_the_alerts_that_somebody_was_paged_about_are_known_the_last_one_first(store: Store) -> None:
    for number, (key, alert) in enumerate((("k0", "a0"), ("k1", "a1"), ("k2", "a2"), ("k3", "a1"))):
        owe_ada(store, key, alert, START + number * SECOND, offset=number + 1)
        claim(store, "sms")
    owe_ada(store, "k4", "a4", START + 4 * SECOND, offset=9)
    paged = store.paged(["sms", "call"], START + SECOND)
    assert [(each.alert, each.person, each.destination) for each in paged] == [
        ("a1", "ada", "sms"),
        ("a2", "ada", "sms"),
    ]


def test_what_has_counted_counts_once(store: Store) -> None:
    assert not store.was_heard("twilio-SM1")
    for _ in range(2):
        store.record_heard("twilio-SM1", START)
    assert store.was_heard("twilio-SM1")


async def test_a_pager_waits_for_the_receipt_and_says_where_it_is_told(store: Store) -> None:
    got: list[Message] = []

    class Provider:
        async def send(self, message: Message) -> Outcome:
            got.append(message)
            return Outcome(True, receipt_within_s=90.0)

    clock = Clock()
    # The call reaches nobody, or it would spare the message its second try.
    both = [Destination("sms", Provider()), destination("call", Phone(refuses=99))]
    owe_ada(store)
    await until_idle(Pager(store, both, clock, recipients=TO, base=lambda site: f"https://{site}.example.org/"))
    assert ways(store) == ([], ["ada by sms: taken, no receipt yet"])
    told_at = got[0].tried_at
    assert told_at is not None
    assert told_at.url("/x", y="1") == ("https://main.example.org/x?key=k1&person=ada&destination=sms&attempt=1&y=1")
    clock.passes(90)
    await until_idle(Pager(store, both, clock, recipients=TO))
    assert [each.tried_at for each in got[1:]] == [None]
