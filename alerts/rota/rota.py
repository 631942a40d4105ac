"""The rota: who is on call on a schedule at an instant, until when, who is next, and where nobody is.

An instant in, people out. Hand-offs are marks on a zone's wall clock (`wall_clock.py`); between two of them one person of each
rotation is on call; overrides then put others in their place. Nothing is stored: the answer is worked out from the
configuration and the overrides each time, so that a clock change, a swap or a new rotation cannot leave an old answer behind.
Bad at: fairness; it does what the table says. Cost: some 20 µs a rotation. Never here: a clock, who is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from alerts.rota.wall_clock import instant_us, wall_of
from models.instants import FAR, to_us
from models.oncall import EVERYBODY, WEEKDAYS, Hours, OnCall, Override, Rotation, Schedule

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_us` until `end_us` (exclusive) these people are on call, in the order of the rotations; perhaps nobody."""

    start_us: int
    end_us: int
    people: tuple[str, ...]


# ---- one rotation ----------------------------------------------------------------------------------------------------


def _mark(rotation: Rotation, turn: int) -> datetime:
    """The wall time at which turn number `turn` begins; turn 0 at or after `since`."""
    first = datetime.combine(rotation.since, rotation.handoff)
    if rotation.every_hours is not None:
        return first + timedelta(hours=rotation.every_hours * turn)
    if not rotation.days:
        return first + timedelta(days=(rotation.every_days or 1) * turn)
    offsets = sorted((WEEKDAYS.index(day) - first.weekday()) % 7 for day in set(rotation.days))
    weeks, place = divmod(turn, len(offsets))
    return first + timedelta(days=7 * weeks + offsets[place])


def turn_at(rotation: Rotation, zone: str, at_us: int) -> int | None:
    """Which turn it is; None before the first."""
    passed = wall_of(at_us, zone) - _mark(rotation, 0)
    if rotation.every_hours is not None:
        turn = passed // timedelta(hours=rotation.every_hours)
    elif rotation.days:
        turn = passed // timedelta(days=7) * len(set(rotation.days))
    else:
        turn = passed // timedelta(days=rotation.every_days or 1)
    # What the wall shows now it has shown, so no fewer marks are past; more are where it was put back since.
    turn = max(turn, 0)
    if instant_us(_mark(rotation, turn), zone) > at_us:
        return None
    while instant_us(_mark(rotation, turn + 1), zone) <= at_us:
        turn += 1
    return turn


def _end_us(rotation: Rotation, zone: str) -> int:
    return FAR if rotation.until is None else instant_us(datetime.combine(rotation.until, rotation.handoff), zone)


def _on_turn(rotation: Rotation, zone: str, at_us: int) -> tuple[str | None, int]:
    """Who a rotation has on call, and the next instant at which that may change."""
    end_us = _end_us(rotation, zone)
    if at_us >= end_us:
        return None, FAR
    turn = turn_at(rotation, zone, at_us)
    if turn is None:
        return None, instant_us(_mark(rotation, 0), zone)
    change_us = min(instant_us(_mark(rotation, turn + 1), zone), end_us)
    inside, edge_us = within(rotation.hours, zone, at_us)
    person = rotation.people[turn % len(rotation.people)] if inside else None
    return person, min(change_us, edge_us)


# ---- hours -----------------------------------------------------------------------------------------------------------


def within(hours: Sequence[Hours], zone: str, at_us: int) -> tuple[bool, int]:
    """Whether an instant is in any of these hours, and the next instant at which that may change. No hours: always in them."""
    if not hours:
        return True, FAR
    today = wall_of(at_us, zone).date()
    edges: list[int] = []
    inside = False
    for each in hours:
        # Two days back, for what lasts over midnight; eight ahead, so that the next one of a weekday is seen.
        for ahead in range(-2, 9):
            day = today + ahead * _DAY
            if WEEKDAYS[day.weekday()] in each.days:
                start, end = _of_day(each, zone, day)
                inside |= start <= at_us < end
                edges += [edge for edge in (start, end) if edge > at_us]
    return inside, min(edges, default=FAR)


def _of_day(hours: Hours, zone: str, day: date) -> tuple[int, int]:
    last = day if hours.until > hours.since else day + _DAY
    return (
        instant_us(datetime.combine(day, hours.since), zone),
        instant_us(datetime.combine(last, hours.until), zone),
    )


# ---- a schedule ------------------------------------------------------------------------------------------------------


def on_call(site: OnCall, schedule: str, at_us: int, overrides: Sequence[Override] = ()) -> tuple[str, ...]:
    """Who is on call on a schedule at an instant. `overrides`: those made since the configuration, oldest first."""
    return _at(site.schedules[schedule], _of(schedule, site, overrides), at_us).people


def _of(schedule: str, site: OnCall, overrides: Sequence[Override]) -> list[Override]:
    return [each for each in (*site.overrides, *overrides) if each.schedule == schedule]


def _at(schedule: Schedule, overrides: Sequence[Override], at_us: int) -> Span:
    """Who is on call, from this instant until it may change."""
    people: list[str | None] = []
    end_us = FAR
    for rotation in schedule.rotations:
        person, change_us = _on_turn(rotation, schedule.timezone, at_us)
        people.append(person)
        end_us = min(end_us, change_us)
    found = [person for person in people if person is not None]
    for each in overrides:
        since_us, until_us = to_us(each.since), to_us(each.until)
        end_us = min([end_us, *(edge for edge in (since_us, until_us) if edge > at_us)])
        if not since_us <= at_us < until_us:
            continue
        instead = [] if each.who is None else [each.who]
        if each.covers is None:
            found = instead
        elif each.covers in found:
            place = found.index(each.covers)
            found = [*found[:place], *instead, *found[place + 1 :]]
    return Span(at_us, end_us, tuple(dict.fromkeys(found)))


def spans(
    site: OnCall, schedule: str, start_us: int, end_us: int, overrides: Sequence[Override] = ()
) -> Iterator[Span]:
    """Who is on call from `start_us` to `end_us`, without a hole: each span as long as nothing changes."""
    table, changes = site.schedules[schedule], _of(schedule, site, overrides)
    open_span: Span | None = None
    at_us = start_us
    while at_us < end_us:
        found = _at(table, changes, at_us)
        until_us = min(found.end_us, end_us)
        if open_span is not None and open_span.people == found.people:
            open_span = Span(open_span.start_us, until_us, found.people)
        else:
            if open_span is not None:
                yield open_span
            open_span = Span(at_us, until_us, found.people)
        at_us = until_us
    if open_span is not None:
        yield open_span


def holes(
    site: OnCall, schedule: str, start_us: int, end_us: int, overrides: Sequence[Override] = ()
) -> Iterator[tuple[int, int]]:
    """Where somebody should be on call and nobody is, from when to when; hours that follow one another are one hole."""
    table = site.schedules[schedule]
    hole: tuple[int, int] | None = None
    for span in spans(site, schedule, start_us, end_us, overrides):
        at_us = span.start_us
        while not span.people and at_us < span.end_us:
            expected, edge_us = within(table.expected, table.timezone, at_us)
            until_us = min(edge_us, span.end_us)
            if expected and hole is not None and hole[1] == at_us:
                hole = hole[0], until_us
            elif expected:
                if hole is not None:
                    yield hole
                hole = at_us, until_us
            at_us = until_us
        if hole is not None and hole[1] < span.end_us:
            yield hole
            hole = None
    if hole is not None:
        yield hole


# ---- a rung ----------------------------------------------------------------------------------------------------------


def rung_people(
    site: OnCall, who: Sequence[str], at_us: int, overrides: Sequence[Override] = ()
) -> tuple[str, ...] | None:
    """The people whom a rung calls at an instant, each once; None: everybody."""
    found: list[str] = []
    for each in who:
        kind, _, name = each.partition(":")
        if each == EVERYBODY:
            return None
        if each in site.people:
            found.append(each)
        elif kind == "schedule" and name in site.schedules:
            found += on_call(site, name, at_us, overrides)
        elif kind == "role":
            found += [person for person, known in site.people.items() if known.role == name]
    return tuple(dict.fromkeys(found))
