"""Each try of a delivery is kept, with its instant and outcome, and no more than the last of them."""

from __future__ import annotations

import pytest

from alerts.desk.why import OUTCOMES
from alerts.store.outbox import OwedPage, Tried
from alerts.store.receipts import Receipt
from alerts.store.store import Store
from alerts.store.tries import TRIES_KEPT, read_tries
from models.instants import SECOND, iso
from models.wire.on_call import TryOut
from tests.support.paging import LEASE, START, owe, page, store, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures


def kept(store: Store) -> list[TryOut]:
    with store.database.reading() as connection:
        return read_tries(connection, ["k1"]).get(("k1", "", "phone"), [])


def claimed(store: Store, at_us: int) -> OwedPage:
    (owed,) = store.claim_pages("phone", ["phone"], at_us, LEASE)
    return owed


def shown(attempt: int, at_us: int, outcome: str, error: str | None = None) -> TryOut:
    assert outcome in OUTCOMES
    return {"at": iso(at_us), "attempt": attempt, "outcome": outcome, "error": error}  # type: ignore[typeddict-item]  # the text is one of the outcomes, see above


def test_the_last_tries_are_kept_each_with_its_instant_and_error_and_the_first_give_way(store: Store) -> None:
    owe(store, page("k1"))
    for attempt in range(1, 26):
        at_us = START + attempt * SECOND
        store.mark_pages([Tried(claimed(store, at_us), False, at_us, f"busy {attempt}")], at_us)
    store.mark_pages([Tried(claimed(store, START + 60 * SECOND), True)], START + 60 * SECOND)

    failed = [shown(attempt, START + attempt * SECOND, "failed", f"busy {attempt}") for attempt in range(7, 26)]
    assert kept(store) == [*failed, shown(26, START + 60 * SECOND, "arrived")]
    assert len(kept(store)) == TRIES_KEPT


def test_a_try_has_the_instant_at_which_it_was_over_however_late_that_could_be_written(store: Store) -> None:
    owe(store, page("k1"))
    store.mark_pages([Tried(claimed(store, START), False, START, "busy", at_us=START + 1000)], START + 9 * SECOND)
    assert kept(store) == [shown(1, START + 1000, "failed", "busy")]


def test_a_try_that_a_crash_cut_short_leaves_no_outcome_and_the_next_one_its_own(store: Store) -> None:
    owe(store, page("k1"))
    claimed(store, START)
    later = START + LEASE + SECOND
    store.mark_pages([Tried(claimed(store, later), True)], later)
    assert kept(store) == [shown(2, later, "arrived")]


@pytest.mark.parametrize(("fate", "error"), [("reached", None), ("handed on", None), ("failed", "30003")])
def test_a_receipt_says_what_became_of_a_try_that_a_provider_took(store: Store, fate: str, error: str | None) -> None:
    owe(store, page("k1"))
    owed = claimed(store, START)
    store.mark_pages([Tried(owed, False, START + LEASE, taken=True)], START)
    assert kept(store) == [shown(1, START, "taken")]
    receipt = Receipt(owed.delivery, 1, fate, error or "")  # type: ignore[arg-type]  # a table's texts are fates
    assert store.receive(receipt, START + SECOND, START + 2 * SECOND, 65) == ""
    assert kept(store) == [shown(1, START + SECOND, fate, error)]


@pytest.mark.parametrize("answer", ["taken", "lost"])
def test_an_answer_that_comes_after_its_receipt_does_not_take_it_back(store: Store, answer: str) -> None:
    owe(store, page("k1"))
    owed = claimed(store, START)
    assert store.receive(Receipt(owed.delivery, 1, "reached"), START + SECOND, START + LEASE, 65) == ""
    late = Tried(owed, False, START + LEASE, taken=True) if answer == "taken" else Tried(owed, False, START, "lost")
    store.mark_pages([late], START + 2 * SECOND)
    assert kept(store) == [shown(1, START + SECOND, "reached")]
