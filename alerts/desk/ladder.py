"""The ladder of an alert: whom its next page calls, and when the one after is due.

A policy is chosen by the site's routes when the alert is raised, or is worse than before, and copied, so that an edit does not
break a ladder that is being climbed. Each rung calls its people as they are on call at that instant; where there is nobody,
or all of them have answered, the next rung is called at once. The last rung is everybody, again and again.
Without a policy there is one rung, everybody.
Pure. Bad at: knowing whether a page arrived. Never here: whether a page is owed (`paging.py`), an alert's life, a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from alerts.rota.rota import rung_people, within
from models.findings import Subject
from models.instants import DAY, HOUR, MINUTE, iso
from models.oncall import EVERYBODY, OnCall, Override, Routing
from models.tables.rules import Priority

AGAIN: Final = {Priority.HIGH: 5 * MINUTE, Priority.MEDIUM: 30 * MINUTE, Priority.LOW: HOUR, Priority.INFO: 4 * HOUR}
"""Without a policy: how long until everybody is called again. Chosen by us: no longer than an acknowledgement of that priority
lasts (`desk.py`), because silence must not be quieter than an answer; half of it for a high one."""
AGAIN_AT_HOME: Final = DAY
"""The same for a medium one about somebody at home, with or without a policy: its pages go by day. Chosen by us."""


@dataclass(frozen=True, slots=True)
class Call:
    """One step of a ladder: whom a page calls. `to` is None for everybody; `skipped` are the rungs passed over, and why."""

    rung: int
    to: tuple[str, ...] | None
    wait_us: int
    skipped: tuple[str, ...]


@dataclass(slots=True)
class Ladder:
    """A policy as it was when its alert was raised, and how far it has been climbed."""

    #: The policy's name; empty: none was configured for such an alert.
    policy: str
    #: Who, and how long until the next rung, µs. The last one is everybody, and waits until it calls them again.
    rungs: tuple[tuple[tuple[str, ...], int], ...]
    #: How many people must answer.
    answers: int
    #: The rung that was called last, from 1; 0: none since it was raised, ran out or got worse.
    rung: int = 0
    #: How many pages that made.
    calls: int = 0
    #: Who has answered since, each once.
    answered: tuple[str, ...] = ()
    #: Whom pages have called, ever; they are told that it is answered, or over.
    called: tuple[str, ...] = ()
    everybody: bool = False
    #: A person asked for it, so that it goes on where the priority asks for no page.
    by_hand: bool = False

    def next_call(self, site: OnCall, overrides: Sequence[Override], at_us: int) -> Call:
        """The call that is due at an instant. Changes nothing."""
        skipped: list[str] = []
        for rung in range(min(self.rung + 1, len(self.rungs)), len(self.rungs)):
            who, wait_us = self.rungs[rung - 1]
            people = rung_people(site, who, at_us, overrides)
            if people is None:
                return Call(rung, None, wait_us, tuple(skipped))
            left = tuple(person for person in people if person not in self.answered)
            if left:
                return Call(rung, left, wait_us, tuple(skipped))
            why = "all of them have answered" if people else "nobody is on call"
            skipped.append(f"rung {rung}, {', '.join(who)}: {why}")
        return Call(len(self.rungs), None, self.rungs[-1][1], tuple(skipped))

    def note(self, call: Call) -> None:
        """The call is made."""
        self.rung = call.rung
        self.calls += 1
        if call.to is None:
            self.everybody = True
        else:
            self.called = tuple(dict.fromkeys((*self.called, *call.to)))

    def answer(self, by: str) -> bool:
        """Somebody has answered; whether that is enough."""
        self.answered = tuple(dict.fromkeys((*self.answered, by)))
        return len(self.answered) >= self.answers

    def restart(self) -> None:
        """Begin at the first rung; nobody has answered."""
        self.rung, self.calls, self.answered = 0, 0, ()

    def said(self, call: Call, at_us: int) -> dict[str, Any]:
        """A call as the evidence of a transition."""
        found: dict[str, Any] = {
            "policy": self.policy or EVERYBODY, "rung": call.rung, "of": len(self.rungs),
            "called": EVERYBODY if call.to is None else list(call.to), "next_call_at": iso(at_us + call.wait_us),
        }  # fmt: skip
        if call.skipped:
            found["nobody"] = list(call.skipped)
        return found

    def packed(self) -> list[Any]:
        """Msgpack-able."""
        rungs = [[list(who), wait_us] for who, wait_us in self.rungs]
        return [
            self.policy, rungs, self.answers, self.rung, self.calls, list(self.answered), list(self.called), self.everybody, self.by_hand,
        ]  # fmt: skip

    @classmethod
    def unpacked(cls, packed: Sequence[Any]) -> Ladder:
        policy, rungs, answers, rung, calls, answered, called, everybody, by_hand = packed
        return cls(
            policy, tuple((tuple(who), wait_us) for who, wait_us in rungs), answers, rung, calls,
            tuple(answered), tuple(called), everybody, by_hand,
        )  # fmt: skip


def choose(site: OnCall, subject: Subject, rule: str, priority: Priority, at_us: int) -> tuple[Ladder, dict[str, str]]:
    """The ladder of an alert that is raised now, and why it is this one: of the first route that takes it."""
    at_home = subject.session is None and priority < Priority.HIGH
    for place, route in enumerate(site.routes, 1):
        if why_not_taken(site, route, rule, priority, subject.chair, at_us) is None:
            policy = site.policies[route.policy]
            rungs = [(rung.who, round(rung.minutes * MINUTE)) for rung in policy.rungs]
            if EVERYBODY in rungs[-1][0]:
                rungs.pop()
            repeat_us = round(policy.repeat_minutes * MINUTE)
            last = ((EVERYBODY,), max(repeat_us, AGAIN_AT_HOME) if at_home else repeat_us)
            return Ladder(route.policy, (*rungs, last), policy.answers), {"route": f"{place}: {route.policy}"}
    why = {"route": f"none takes it: {EVERYBODY}"} if site.routes else {}
    again_us = AGAIN_AT_HOME if at_home and priority is Priority.MEDIUM else AGAIN[priority]
    return Ladder("", (((EVERYBODY,), again_us),), 1), why


def why_not_taken(
    site: OnCall, route: Routing, rule: str, priority: Priority, chair: str | None, at_us: int
) -> str | None:
    """Why a route does not take an alert that is raised at this instant; None: it does."""
    why = route.why_not(rule, priority, chair)
    if why is None and not within(route.hours, site.timezone, at_us)[0]:
        why = "it is not its hours"
    return why


def all_called(call: Call, by: Call) -> bool:
    """Whether everybody whom `call` calls is called by `by`."""
    if by.to is None:
        return True
    return call.to is not None and set(call.to) <= set(by.to)
