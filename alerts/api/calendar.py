"""The rota as an iCalendar feed (RFC 5545) that calendar programmes subscribe to: an event a turn, and one for each hole.

A turn keeps its UID for as long as it begins when it does, whatever becomes of its end, so that a programme moves an event
instead of making a second one. Times are in the schedule's zone, with the zone's rules in the file; an instant that the zone's
clock shows for the second time is written in UTC, because a calendar would read the first.
Names are those that colleagues read; no address. Never here: who is on call (`alerts/rota/`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

from icalendar import Calendar, Event

from alerts.rota.shown import RotaInForce, turns
from models.calendar import zone_of
from models.instants import DAY, to_datetime

CALENDAR_BACK: Final = 28 * DAY
CALENDAR_AHEAD: Final = 91 * DAY
"""What a feed holds: four weeks back, a quarter ahead. Chosen by us: who was on call last month is still asked, and a rota is
planned by the quarter."""
REFRESH: Final = timedelta(hours=1)
"""How often a programme should ask again. Chosen by us; most take it as a wish."""
STANDING: Final = "standing"
"""What stands for the beginning of a turn that has always been, in its UID."""


def feed(site: str, rota: RotaInForce, now_us: int, schedules: Iterable[str], person: str | None = None) -> bytes:
    """The feed of these schedules: of one person's turns, or of everybody's and the holes."""
    start_us = (
        (now_us - CALENDAR_BACK) // (7 * DAY) * (7 * DAY)
    )  # a week's mark, so that what is cut there stays as it is
    end_us = now_us + CALENDAR_AHEAD
    calendar = Calendar()
    calendar.add("prodid", "-//Chairside//On call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"On call: {_named(rota, person) if person else site}")
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for schedule in schedules:
        zone = rota.on_call.schedules[schedule].timezone
        for turn in turns(rota, schedule, start_us, end_us):
            if person in (None, turn.person):
                began = STANDING if turn.start_us is None else str(turn.start_us)
                who = _named(rota, turn.person)
                title = f"On call: {schedule}" if person else f"{schedule}: {who}"
                since_us = start_us if turn.start_us is None else turn.start_us
                until_us = end_us if turn.end_us is None else turn.end_us
                calendar.add_component(
                    _event(_uid(site, schedule, turn.person, began), title, since_us, until_us, zone, now_us)
                )
        for since_us, until_us in rota.holes(schedule, start_us, end_us) if person is None else ():
            uid = _uid(site, schedule, "", str(since_us))
            calendar.add_component(_event(uid, f"{schedule}: nobody is on call", since_us, until_us, zone, now_us))
    calendar.add_missing_timezones()
    text: bytes = calendar.to_ical()
    return text


def _event(uid: str, title: str, since_us: int, until_us: int, zone: str, now_us: int) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", to_datetime(now_us).replace(microsecond=0))
    event.add("dtstart", _local(since_us, zone))
    event.add("dtend", _local(until_us, zone))
    event.add("summary", title)
    event.add("transp", "TRANSPARENT")  # to be on call is not to be busy
    return event


def _local(at_us: int, zone: str) -> datetime:
    moment = to_datetime(at_us).replace(microsecond=0)
    local = moment.astimezone(zone_of(zone) or UTC)
    return moment if local.fold else local


def _named(rota: RotaInForce, person: str) -> str:
    known = rota.on_call.people.get(person)
    return person if known is None or known.display is None else known.display


def _uid(*parts: str) -> str:
    return f"{blake2b(chr(31).join(parts).encode(), digest_size=16).hexdigest()}@chairside"
