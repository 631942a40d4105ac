"""`chairside check-config FILE --who-is-paged RULE`: beforehand, who is called about an alert, when, and how they are reached.

The desk says whom each call names (`alerts/desk/foretold.py`), the outbox where a page to them goes; here is only how it reads.
Never here: a decision, an address.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from pydantic import TypeAdapter, ValidationError

from alerts.desk.foretold import Foretold, ForetoldCall, foretell
from alerts.desk.paging import GROUP_FOR, QUIET_AFTER
from alerts.rota.wall_clock import wall_of
from alerts.store.outbox import Method, Recipients, everybody
from deploy.cli.terminal import fail, instant_on_clock
from deploy.settings import Settings
from models.findings import IN_DIGEST
from models.instants import MINUTE, SECOND
from models.oncall import EVERYBODY
from models.tables.rules import INHIBITS, RULES, Priority
from models.wire.bounds import Name

OUTSIDE_SESSIONS: Final = frozenset(
    ("checkin-overdue", "nobody-on-call", "page-failing", "host-clock", "disk-full", "glass-broken")
)
"""Beside mood and maintenance, the rules whose alerts are of no session, unless a chair is named: of the home or the house."""


def who_is_paged_lines(
    settings: Settings, rule: str, priority: str | None, at: str | None, chair: str | None
) -> list[str]:
    """The answer, line by line; times are the site's.

    Raises:
        typer.Exit: there is no such rule, priority, time or chair; said in one line.
    """
    if rule not in RULES:
        near = get_close_matches(rule, RULES, 1)
        raise fail(f"there is no rule {rule!r}" + (f"; there is {near[0]}" if near else f": {', '.join(RULES)}"), 2)
    words = {each.word: each for each in Priority}
    if priority is not None and priority not in words:
        raise fail(f"there is no priority {priority!r}: {', '.join(words)}", 2)
    if chair is not None:
        try:
            TypeAdapter(Name).validate_python(chair)
        except ValidationError as wrong:
            raise fail(f"there is no chair {chair!r}: {wrong.errors()[0]['msg']}", 2) from wrong
    zone = settings.site.timezone
    at_us = time.time_ns() // 1000 if at is None else instant_on_clock(at, zone)
    rank = _worst(settings, rule) if priority is None else words[priority]
    of_session = chair is not None or not _is_outside_sessions(rule)
    foretold = foretell(settings.record(), rule, rank, "-" if of_session else None, chair, at_us)
    where = f"chair {chair}" if chair else "no chair named" if of_session else "outside any session"
    lines = [f"{rule}, {rank.word}, {where}, raised {wall_of(at_us, zone):%a %Y-%m-%d %H:%M:%S} ({zone})."]
    known = {each for route in settings.routes for each in route.chairs}
    if chair is not None and known and chair not in known:
        lines.append(f"No route names chair {chair}; they name {', '.join(sorted(known))}.")
    if not foretold.calls:
        return [*lines, f"Nobody is paged ({foretold.page}).", *_digest(settings, rule)]
    lines += _route(foretold)
    if rank is Priority.MEDIUM:
        lines.append(_may_wait(rule))
    lines += [line for call in foretold.calls for line in _call(settings, foretold, call)]
    return [*lines, _after(foretold)]


def _worst(settings: Settings, rule: str) -> Priority:
    limits = [each.priority for each in settings.limit_table() if each.rule == rule and each.enabled]
    return max(limits, default=Priority.LOW if RULES[rule].category == "maintenance" else Priority.HIGH)


def _is_outside_sessions(rule: str) -> bool:
    return RULES[rule].category in {"mood", "maintenance"} or rule in OUTSIDE_SESSIONS


def _route(foretold: Foretold) -> Iterator[str]:
    for passed in foretold.passed:
        yield f"Not by route {passed}."
    if not foretold.route:
        yield "The site has no routes: everybody is called."
    elif foretold.route.startswith("none"):
        yield "No route takes it: everybody is called."
    else:
        yield f"By route {foretold.route}: the first that takes it."


def _digest(settings: Settings, rule: str) -> Iterator[str]:
    if settings.maintenance.digest and rule in IN_DIGEST:
        to = "whoever plans the visits" if settings.pages.scheduler else "everybody"
        yield f"The daily digest names it, at {settings.maintenance.digest_hour:02d}:00, to {to}."


def _may_wait(rule: str) -> str:
    by = [worse for worse, milder in INHIBITS.items() if rule in milder]
    held = f", and while {' or '.join(by)} of its patient says it" if by else ""
    again = f"{QUIET_AFTER // MINUTE} min after a page of its rule"
    return f"It may wait: {GROUP_FOR // SECOND} s after another page of its patient, {again}{held}."


def _call(settings: Settings, foretold: Foretold, call: ForetoldCall) -> Iterator[str]:
    clock = f"{wall_of(call.at_us, settings.site.timezone):%a %H:%M:%S}"
    page = call.page
    for each in call.nobody:
        yield f"{clock}  passed over: {each}."
    destinations, schedulers = settings.opened()
    methods = {name: each.methods for name, each in settings.people.items()}
    recipients: Recipients = everybody([each.name for each in destinations], schedulers, methods)
    ways = recipients(page)
    named = "" if call.who == page.to or not page.to else f" ({', '.join(call.who)})"
    who = "; ".join(_ways(ways, methods)) if ways else "nobody: the site has no destination"
    yield f"{clock}  rung {page.rung} of {foretold.rungs}{named}: {'' if page.to else f'{EVERYBODY}: '}{who}."
    called = {way.person for way in ways}
    for person in [each for each in (page.to or methods) if each not in called]:
        why = "no method" if not methods[person] else "no method that can be reached"
        instead = "" if any(called) or not page.to else f"; nobody else is called by this rung, so it goes to {who}"
        yield f"{clock}  passed over: {person}: {why}{instead}."


def _ways(ways: Sequence[Method], methods: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Each person with their methods in turn, and each destination that is nobody's own."""
    for way in ways:
        if not way.person:
            yield way.destination
        elif way.place == 0:
            yield f"{way.person} by {', then '.join(dict.fromkeys(methods[way.person]))}"


def _after(foretold: Foretold) -> str:
    until = "somebody answers" if foretold.answers == 1 else f"{foretold.answers} people have answered"
    if not foretold.repeat_us:
        return "Nobody is called again."
    return f"Then everybody again every {foretold.repeat_us / MINUTE:g} min until {until}."
