"""A push that was taken for a phone that may sleep: the person's next method has its turn, unless somebody has answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from alerts.effects import Effect, FrameEffects, Page
from alerts.notify.destination import Destination, Message, Outcome
from alerts.notify.pager import Pager
from alerts.store import outbox
from alerts.store.outbox import RECEIPT_WITHIN_US, everybody
from alerts.store.store import Store
from alerts.store.turns import UNSEEN_WITHIN_US
from models.instants import SECOND, iso
from tests.alerts.test_store import step
from tests.support.paging import START, Clock, Phone, destination, owe, store, until_idle, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures

PEOPLE = {"ada": ["push", "sms"], "ben": ["push", "sms"], "cem": ["push"]}
WITHIN_S = UNSEEN_WITHIN_US / SECOND


class Push:
    """A push service: it takes everything, and never tells what became of it."""

    def __init__(self) -> None:
        self.got: list[Message] = []

    async def send(self, message: Message) -> Outcome:
        self.got.append(message)
        return Outcome(True, unseen=True)


class Way:
    """A pager over the store, with a clock that the test moves."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.push, self.sms, self.offset = store, Clock(), Push(), Phone(), 0

    def writes(self, *effects: Effect) -> None:
        self.offset += 1
        assert self.store.commit(FrameEffects(0, self.offset, effects)) == []

    async def sends(self, after_s: float = 0.0) -> None:
        self.clock.passes(after_s)
        both = [Destination("push", self.push), destination("sms", self.sms)]
        to = everybody(["push", "sms"], people=PEOPLE)
        await until_idle(Pager(self.store, both, self.clock, recipients=to))

    def reached(self) -> tuple[Sequence[str], Sequence[str]]:
        with self.store.database.reading() as connection:
            return outbox.tried_of(connection, ["k1"])["k1"]


def call(*people: str, alerts: tuple[str, ...] = ("a1",)) -> Page:
    return Page("k1", iso(START), "main", "P-07", "high", alerts, "Low oxygen", "SpO2 85", to=people, rung=1)


async def test_a_push_that_no_phone_confirms_is_followed_by_the_next_method_when_half_a_minute_passes_without_an_answer(
    store: Store,
) -> None:
    way = Way(store)
    way.writes(step(1), call("ada"))
    await way.sends()
    await way.sends(WITHIN_S - 0.001)
    assert (len(way.push.got), way.sms.got) == (1, [])
    assert way.reached() == ([], ["ada by push: taken, no receipt of the phone"])
    await way.sends(0.001)
    assert [each.key for each in way.sms.got] == ["k1"]
    assert way.reached() == (["ada by sms"], ["ada by push: taken, no receipt of the phone"])
    await way.sends(3600)
    assert (len(way.push.got), len(way.sms.got)) == (1, 1)
    assert store.unsent_pages() == {}


async def test_who_has_nothing_but_a_push_counts_as_reached_by_it(store: Store) -> None:
    way = Way(store)
    way.writes(step(1), call("cem"))
    await way.sends()
    await way.sends(3600)
    assert (way.reached(), len(way.push.got), way.sms.got) == ((["cem by push"], []), 1, [])


@pytest.mark.parametrize(
    ("kind", "evidence", "called"),
    [
        ("acknowledged", {"by": "ada"}, 0),
        ("snoozed", {"by": "somebody else"}, 0),
        ("closed", {}, 0),
        ("acknowledged", {"by": "ada", "answers": "2 of 2"}, 0),
        ("acknowledged", {"by": "ada", "answers": "1 of 2"}, 1),
        ("escalated", {"by": "ada"}, 2),
    ],
)
async def test_an_answer_spares_the_methods_that_wait_and_where_two_must_answer_only_their_own(
    store: Store, kind: str, evidence: Mapping[str, str], called: int
) -> None:
    way = Way(store)
    way.writes(step(1), call("ada", "ben"))
    await way.sends()
    way.writes(step(2, kind, **evidence))
    await way.sends(WITHIN_S)
    assert (len(way.push.got), len(way.sms.got)) == (2, called)


async def test_a_page_about_two_alerts_goes_on_as_long_as_one_of_them_asks(store: Store) -> None:
    way = Way(store)
    other = replace(step(2), alert="a2")
    way.writes(step(1), other, call("ada", alerts=("a1", "a2")))
    await way.sends()
    way.writes(step(3, "acknowledged", by="ben"))
    await way.sends(WITHIN_S)
    assert len(way.sms.got) == 1


async def test_after_a_first_try_that_failed_a_push_that_is_taken_delays_no_turn(store: Store) -> None:
    """Its failure has given the message its turn, of which no receipt comes; the call is next, as if there had been no push."""

    class Silent(Push):
        async def send(self, message: Message) -> Outcome:
            self.got.append(message)
            return Outcome(True, receipt_within_s=90.0)

    clock, dead, push, sms, voice = Clock(), Phone(refuses=99), Push(), Silent(), Phone()
    owe(store, call("ada"))
    to = everybody(["push", "sms", "voice"], people={"ada": ["push", "sms", "voice"]})

    async def sends(by_push: Destination, after_s: float = 0.0) -> None:
        clock.passes(after_s)
        every = [by_push, Destination("sms", sms), destination("voice", voice)]
        await until_idle(Pager(store, every, clock, recipients=to))

    for _ in range(2):  # the second has its turn when the first has failed
        await sends(destination("push", dead))
    assert (len(dead.tried), len(sms.got), voice.got) == (1, 1, [])
    await sends(Destination("push", push), 1)
    assert (len(push.got), voice.got) == (1, [])
    await sends(Destination("push", push), 2 * RECEIPT_WITHIN_US / SECOND - 1)
    assert [each.key for each in voice.got] == ["k1"]
