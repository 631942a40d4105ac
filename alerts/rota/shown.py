"""The rota as people read it: who is on call now and next, turn by turn, and where nobody is.

What is in force and an instant in, documents and turns out. Cost: some 20 µs a hand-off looked at.
Never here: a clock, an address, how a calendar writes it (`alerts/api/calendar.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from alerts.rota.rota import Span, holes, spans
from models.instants import DAY, iso, to_us
from models.oncall import NOBODY_CONFIGURED, OnCall, Override
from models.wire.on_call import HoleOut, OverrideOut, RotaOut, ScheduleOut, TurnOut

ROTA_AHEAD: Final = 28 * DAY
"""How far ahead holes and what comes next are looked for. Chosen by us: a month's rota is what a clinic plans."""
LONGEST_DAYS: Final = 35
"""Days of turns that may be asked for at once: a month as a calendar shows it."""
LOOK_BACK: Final = (8 * DAY, 35 * DAY, 400 * DAY)
"""How far back a turn's beginning is looked for: a week, a month, more than a year. One that began earlier has always been."""


@dataclass(frozen=True, slots=True)
class RotaInForce:
    """What a site has configured, and the overrides made since, oldest first."""

    on_call: OnCall = NOBODY_CONFIGURED
    overrides: tuple[Override, ...] = ()

    def document(self) -> dict[str, Any]:
        """JSON-able, for a process that has no shard."""
        overrides = [each.model_dump(mode="json") for each in self.overrides]
        return {"on_call": self.on_call.model_dump(mode="json"), "overrides": overrides}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """What `document` gave."""
        overrides = tuple(Override.model_validate(each) for each in document["overrides"])
        return cls(OnCall.model_validate(document["on_call"]), overrides)

    def spans(self, schedule: str, start_us: int, end_us: int) -> Iterator[Span]:
        return spans(self.on_call, schedule, start_us, end_us, self.overrides)

    def holes(self, schedule: str, start_us: int, end_us: int) -> list[tuple[int, int]]:
        """Where nobody is on call though somebody is expected; what touches is one."""
        found: list[tuple[int, int]] = []
        for since_us, until_us in holes(self.on_call, schedule, start_us, end_us, self.overrides):
            if found and found[-1][1] == since_us:
                found[-1] = (found[-1][0], until_us)
            else:
                found.append((since_us, until_us))
        return found


@dataclass(frozen=True, slots=True)
class OnCallTurn:
    """One person on call without a break. `start_us` None: for longer than anybody remembers; `end_us` None: not seen to end."""

    person: str
    start_us: int | None
    end_us: int | None


def turns(rota: RotaInForce, schedule: str, start_us: int, end_us: int) -> list[OnCallTurn]:
    """The turns of a schedule that touch the time from `start_us` to `end_us`, each from its true beginning."""
    return [
        OnCallTurn(each.person, _began_us(rota, schedule, each.person, start_us), each.end_us)
        if each.start_us is None else each
        for each in _turns(rota, schedule, start_us, end_us)
    ]  # fmt: skip


def _turns(rota: RotaInForce, schedule: str, start_us: int, end_us: int) -> Iterator[OnCallTurn]:
    """The same; `start_us` is None of a turn that may have begun before."""
    standing: dict[str, int | None] = {}
    for span in rota.spans(schedule, start_us, end_us):
        for person in [person for person in standing if person not in span.people]:
            yield OnCallTurn(person, standing.pop(person), span.start_us)
        for person in span.people:
            standing.setdefault(person, None if span.start_us == start_us else span.start_us)
    for person, since_us in standing.items():
        yield OnCallTurn(person, since_us, None)


def _began_us(rota: RotaInForce, schedule: str, person: str, at_us: int) -> int | None:
    for back_us in LOOK_BACK:
        before = [each for each in _turns(rota, schedule, at_us - back_us, at_us) if each.person == person]
        if not before or before[-1].end_us is not None:
            return at_us
        if before[-1].start_us is not None:
            return before[-1].start_us
    return None


def rota_document(site: str, rota: RotaInForce, now_us: int, since_us: int, days: int) -> RotaOut:
    """`GET /v1/rota` of a site: who is on call now, and the turns of `days` days from `since_us` on."""
    return {
        "site": site,
        "at": iso(now_us),
        "timezone": rota.on_call.timezone,
        "people": [
            {"name": name, "display": each.display, "role": each.role, "timezone": each.timezone}
            for name, each in rota.on_call.people.items()
        ],
        "schedules": [_schedule(name, rota, now_us, since_us, days) for name in rota.on_call.schedules],
    }


def _schedule(name: str, rota: RotaInForce, now_us: int, since_us: int, days: int) -> ScheduleOut:
    ahead = list(rota.spans(name, now_us, now_us + ROTA_AHEAD))
    now = ahead[0]
    following = next((span for span in ahead[1:] if span.people), None)
    overrides: list[OverrideOut] = [
        {"who": each.who, "covers": each.covers, "since": iso(to_us(each.since)), "until": iso(to_us(each.until))}
        for each in (*rota.on_call.overrides, *rota.overrides)
        if each.schedule == name and to_us(each.until) > min(now_us, since_us)
    ]
    until_us = since_us + days * DAY
    return {
        "name": name,
        "timezone": rota.on_call.schedules[name].timezone,
        "now": _turn(now, now_us + ROTA_AHEAD, _since_us(name, rota, now)),
        "next": None if following is None else _turn(following, now_us + ROTA_AHEAD, following.start_us),
        "turns": [_turn(span, 0, span.start_us) for span in rota.spans(name, since_us, until_us)],
        "overrides": overrides,
        "holes": [_hole(hole) for hole in rota.holes(name, now_us, now_us + ROTA_AHEAD)],
        "holes_shown": [_hole(hole) for hole in rota.holes(name, since_us, until_us)],
    }


def _since_us(name: str, rota: RotaInForce, now: Span) -> int | None:
    before = list(rota.spans(name, now.start_us - LOOK_BACK[1], now.start_us))
    last = before[-1]
    if last.people != now.people:
        return now.start_us
    return last.start_us if before[1:] else None


def _turn(span: Span, horizon_us: int, since_us: int | None) -> TurnOut:
    until = None if span.end_us == horizon_us else iso(span.end_us)
    return {"people": list(span.people), "since": None if since_us is None else iso(since_us), "until": until}


def _hole(hole: tuple[int, int]) -> HoleOut:
    return {"since": iso(hole[0]), "until": iso(hole[1])}
