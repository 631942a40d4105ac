"""The queue of forecasts, on both databases: nothing asked for is lost, whoever dies, and nothing newer is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.store.forecast_queue import TRIES, QueuedForecast
from alerts.store.store import Store

pytest_plugins = ("tests.support.postgres",)

LEASE_US = 20_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'clinic.sqlite'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    store = Store(url)
    store.migrate()
    yield store
    store.close()


def wanted(patient: str, as_of: int = 10, entries: int = 3) -> QueuedForecast:
    return QueuedForecast("main", patient, as_of, entries, f'{{"patient":"{patient}","as_of":{as_of}}}')


def names(found: list[QueuedForecast]) -> list[str]:
    return [each.patient for each in found]


def test_what_is_claimed_is_nobody_else_s_until_its_lease_ends(store: Store) -> None:
    store.ask_forecasts([wanted("A"), wanted("B"), wanted("C")], 0)
    assert names(store.claim_forecasts(1, LEASE_US, 2)) == ["A", "B"]
    assert names(store.claim_forecasts(2, LEASE_US, 9)) == ["C"]
    assert store.claim_forecasts(LEASE_US, LEASE_US, 9) == []
    again = store.claim_forecasts(2 + LEASE_US, LEASE_US, 9)
    assert names(again) == ["A", "B", "C"]
    assert {each.tries for each in again} == {2}


def test_what_is_done_is_out_and_what_was_asked_for_meanwhile_stays(store: Store) -> None:
    store.ask_forecasts([wanted("A"), wanted("B")], 0)
    claimed = store.claim_forecasts(1, LEASE_US, 9)
    store.ask_forecasts([wanted("B", entries=4)], 2)
    store.forecasts_done(claimed)
    assert store.forecasts_waiting() == 1
    assert [(each.patient, each.entries) for each in store.claim_forecasts(3, LEASE_US, 9)] == [("B", 4)]


def test_asking_again_for_the_same_does_not_end_a_lease(store: Store) -> None:
    store.ask_forecasts([wanted("A")], 0)
    assert names(store.claim_forecasts(1, LEASE_US, 9)) == ["A"]
    store.ask_forecasts([wanted("A")], 2)
    assert store.claim_forecasts(3, LEASE_US, 9) == []


def test_days_that_somebody_may_be_looking_at_go_before_the_night(store: Store) -> None:
    store.ask_forecasts([wanted("A", 9), wanted("B", 10), wanted("C", 9)], 0)
    assert names(store.claim_forecasts(1, LEASE_US, 9)) == ["B", "A", "C"]


def test_a_request_that_kills_whoever_makes_it_is_given_up_until_it_is_another(store: Store) -> None:
    store.ask_forecasts([wanted("A")], 0)
    for turn in range(TRIES):
        assert names(store.claim_forecasts(turn * LEASE_US, LEASE_US, 9)) == ["A"]
    assert store.claim_forecasts(99 * LEASE_US, LEASE_US, 9) == []
    store.ask_forecasts([wanted("A", 11)], 100 * LEASE_US)
    assert names(store.claim_forecasts(100 * LEASE_US, LEASE_US, 9)) == ["A"]


def test_a_request_that_is_given_up_is_said_once_and_counted_until_it_is_another(store: Store) -> None:
    store.ask_forecasts([wanted("A"), wanted("B")], 0)
    for turn in range(TRIES):
        assert names(store.claim_forecasts(turn * LEASE_US, LEASE_US, 1)) == ["A"]
    ended = TRIES * LEASE_US
    assert store.give_up_forecasts(ended - 1) == []  # its last try is not over
    assert names(store.give_up_forecasts(ended)) == ["A"]
    assert store.give_up_forecasts(ended) == []
    assert (store.forecasts_waiting(), store.forecasts_given_up()) == (1, 1)
    store.ask_forecasts([wanted("A")], ended)  # the same again changes nothing
    assert store.forecasts_given_up() == 1
    store.ask_forecasts([wanted("A", 11)], ended)
    assert (store.forecasts_waiting(), store.forecasts_given_up()) == (2, 0)
