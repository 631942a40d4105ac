"""The rule book: a site's table of limits in, every rule in words with an example that this product itself has played, out.

An example is an invented quarter of an hour, made from the limit's own row: the line goes past it for longer than its hold and
comes back, through the same ward and desk as everything else; what the alert then did is written beside it. So a site that
moves a limit sees its own example.
Bad at: rules without a limit; they have words, and no example.
Cost: one small replay a rule with limits, some tenths of a second for all of them; kept for a table.
Never here: what a rule decides (`models/tables/rule_words.py` says it, the ward does it).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from math import ceil
from typing import Any, Final

from models.arrays import Document
from models.instants import SECOND, from_iso, iso
from models.tables.limits import LABELS, LIMITS, MEASURED_AS, SCORES, UNITS, Limit
from models.tables.rule_words import DECIDES
from models.tables.rules import INHIBITS, RULES, Rule
from models.tables.sources import NUMBERED_SOURCES, cited_numbers, without_numbers
from models.wire.observations import SiteConfigured
from models.wire.rules import CitedOut, ExampleOut, ExampleStepOut, LimitRowOut, RuleOut, RulesOut
from streams.hosts.replay import Replay
from streams.intake.json import read_lines
from streams.journal.frame import frame_of
from streams.ward.rules.registry import REGISTRY
from streams.ward.sentences import duration, number

BEGINS: Final = from_iso("2026-11-23T14:00:00Z")
"""Of every example: an afternoon that nobody had."""
CALM: Final = {"spo2": 97.0, "hr": 74.0, "rr": 14.0, "etco2": 38.0}
"""Somebody who is well, each second. Chosen by us."""
QUIET_S: Final = 300
"""Before anything happens: long enough for what is usual for the person to be known."""
RAMP: Final = {"spo2": 0.5, "hr": 1.0, "rr": 0.25, "etco2": 0.5}
"""How fast a line moves, per second: slower than what is doubted as a jump."""
EXAMPLE_COMPANY: Final = {"bradypnoea": {"spo2": 89.0}, "shallow-breathing": {}}
"""What stands beside a line that counts only in company."""


def limit_words(limit: Limit) -> str:
    """``SpO2 below 90 % for 15 s; over at 92 % or better for 30 s; told anew 5 % deeper.``"""
    word = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}[limit.past]
    unit = UNITS[limit.channel]
    held = f" for {duration(limit.hold_s)}" if limit.hold_s else ""
    often = f", {limit.readings} readings in a row" if limit.readings > 1 else ""
    role = {"alone": "", "and": "only together with ", "instead": "in place of a second reading: "}[limit.role]
    leave = f"; over at {number(limit.leave, limit.channel)} {unit} or {'below' if limit.above else 'above'}"
    stays = f" for {duration(limit.leave_s)}" if limit.leave_s else ""
    anew = (
        f"; told anew {number(limit.step, limit.channel)} {unit.removeprefix('of ') if unit.startswith('of') else unit} deeper"
        if limit.step
        else ""
    )
    if unit.startswith("of"):
        anew = f"; told anew {number(limit.step)} points deeper" if limit.step else ""
    return f"{role}{LABELS[limit.channel]} {word} {number(limit.enter, limit.channel)} {unit}{held}{often}{leave}{stays}{anew}."


def rule_book(site: str, limits: tuple[Limit, ...]) -> RulesOut:
    """Every rule with a site's limits and an example."""
    return {"site": site, "rules": [*_rules(limits)]}


@lru_cache(maxsize=8)
def _rules(limits: tuple[Limit, ...]) -> tuple[RuleOut, ...]:
    return tuple(_rule(rule, tuple(limit for limit in limits if limit.rule == rule.name)) for rule in RULES.values())


def _rule(rule: Rule, own: tuple[Limit, ...]) -> RuleOut:
    return {
        "rule": rule.name, "title": rule.title, "category": rule.category, "decides": DECIDES[rule.name],
        "latches": rule.latches, "ends": REGISTRY[rule.name].ends, "must_go_on": rule.measured is not None,
        "holds_back": [RULES[name].title for name in sorted(INHIBITS.get(rule.name, ()))],
        "limits": [_row(limit) for limit in own],
        "example": next((found for limit in _tellable(own) if (found := _example(rule, limit, own)) is not None), None),
    }  # fmt: skip


def _row(limit: Limit) -> LimitRowOut:
    before = next(each for each in LIMITS if each.key == limit.key and each.past == limit.past)
    cited: list[CitedOut] = [
        {"number": n, "title": found.title, "what": found.what, "address": found.address}
        for n in cited_numbers(limit.source) if (found := NUMBERED_SOURCES.get(n)) is not None
    ]  # fmt: skip
    return {
        "priority": limit.priority.word, "channel": limit.channel, "label": LABELS[limit.channel],
        "unit": UNITS[limit.channel], "past": limit.past, "enter": limit.enter, "leave": limit.leave,
        "hold_s": limit.hold_s, "leave_s": limit.leave_s, "readings": limit.readings, "step": limit.step,
        "enabled": limit.enabled, "changed": limit != before, "words": limit_words(limit), "built_in": limit_words(before),
        "why": limit.at_limit, "source": without_numbers(limit.source), "cited": cited,
    }  # fmt: skip


def _tellable(own: tuple[Limit, ...]) -> list[Limit]:
    """The rows that an example can be made of, the worst and the plainest first."""
    rows = [limit for limit in own if limit.enabled and limit.role == "alone" and limit.channel != "breaths"]
    return sorted(rows, key=lambda limit: (-limit.priority, limit.channel in MEASURED_AS, limit.hold_s))


def _example(rule: Rule, limit: Limit, own: tuple[Limit, ...]) -> ExampleOut | None:
    """The row's example; None where its rule says nothing of it, as of a row that needs what the example has not."""
    lines, points = _course(limit)
    changes: dict[str, Any] = {}
    for row in own:
        if row not in LIMITS:
            one = {name: getattr(row, name) for name in ("enter", "leave", "hold_s", "leave_s", "enabled")}
            if row.readings:
                one = {name: value for name, value in one.items() if not name.endswith("_s")}
            changes.setdefault(row.rule, {}).setdefault(row.priority.word, {})[row.channel] = one
    # What follows another row is not changed by itself.
    for by_priority in changes.values():
        for by_channel in by_priority.values():
            by_channel.pop("spo2-doubted", None)
    configuration = SiteConfigured.model_validate(
        {"at": iso(BEGINS), "site": "main", "limits": changes, "source": "configuration"}
    )
    played = Replay(configuration)
    batches = (
        read_lines([json.dumps(line).encode() for line in batch])
        for _, batch in groupby(lines, lambda one: one["at"][:16])
    )
    steps: list[ExampleStepOut] = [
        {
            "at_s": (from_iso(step.at) - BEGINS) / SECOND,
            "transition": step.transition, "priority": step.priority, "text": step.text,
        }
        for step in played.run(frame_of(batch.records) for batch in batches)
        if step.rule == rule.name and step.transition in {"raised", "worsened", "eased", "latched", "closed"}
    ]  # fmt: skip
    if not any(step["transition"] == "raised" for step in steps):
        return None
    return {
        "channel": limit.channel, "label": LABELS[limit.channel], "unit": UNITS[limit.channel], "points": points,
        "enter": limit.enter, "leave": limit.leave, "steps": steps,
    }  # fmt: skip


def _course(limit: Limit) -> tuple[list[Document], list[tuple[float, float]]]:
    """An invented session that goes past a limit and comes back: its lines, and the points of the line that decides."""
    start = [
        _line(0, "session.started", patient="Example", session="example", chair="1", device="example-monitor",
              drug="ketamine", route="iv", planned_mg=35, planned_minutes=40),
        _line(1, "dose", patient="Example", session="example", drug="ketamine", route="iv", amount_mg=35, minutes=40),
    ]  # fmt: skip
    if limit.by_cuff:
        cuffs = list(_cuffs(limit))
        points = [(float(s), _of(limit, sbp, dbp)) for s, sbp, dbp in cuffs]
        # The last cuff before the dose is what a rise is over.
        first = [_line(0, "session.started", **{k: v for k, v in start[0].items() if k not in {"kind", "at"}})]
        dose = [_line(310, "dose", **{k: v for k, v in start[1].items() if k not in {"kind", "at"}})]
        told = [_line(s, "vitals", device="example-monitor", sbp=sbp, dbp=dbp) for s, sbp, dbp in cuffs]
        return sorted([*first, *dose, *told], key=lambda line: str(line["at"])), points
    if limit.channel in SCORES:
        scale = 5.0 if limit.channel == "moaas" else 0.0
        worse = limit.enter if limit.past.endswith("=") else limit.enter + 1
        scores = [(300, scale), (900, worse), (1500, scale)]
        return [
            *start,
            *(
                _line(s, "checkin", patient="Example", session="example", instrument=limit.channel, score=v)
                for s, v in scores
            ),
        ], [(float(s), v) for s, v in scores]
    return _samples(start, limit)


def _of(limit: Limit, sbp: float, dbp: float) -> float:
    value = sbp if limit.channel.startswith("sbp") else dbp
    return (
        value - (_CALM_CUFF[0] if limit.channel.startswith("sbp") else _CALM_CUFF[1])
        if limit.channel.endswith("-rise")
        else value
    )


_CALM_CUFF: Final = (124.0, 78.0)


def _cuffs(limit: Limit) -> Iterator[tuple[int, float, float]]:
    """A cuff every five minutes: two that are calm, three past the limit, two that are calm."""
    value = limit.enter + (5 if limit.above else -5)
    if limit.channel.endswith("-rise"):
        # Beside the rise the pressure itself must be high.
        value = max(
            value + (_CALM_CUFF[0] if limit.channel.startswith("sbp") else _CALM_CUFF[1]),
            166.0 if limit.channel.startswith("sbp") else 0,
        )
    past = (value, value * 0.62) if limit.channel.startswith("sbp") else (value * 1.5, value)
    for n in range(7):
        sbp, dbp = past if 2 <= n < 5 else _CALM_CUFF
        yield 5 + 300 * n, round(sbp), round(dbp)


def _samples(start: list[Document], limit: Limit) -> tuple[list[Document], list[tuple[float, float]]]:
    """A line sampled each second: calm, past the limit for longer than its hold, and back for longer than it takes to be over."""
    channel = MEASURED_AS.get(limit.channel, limit.channel)
    calm = 36.8 if channel == "temp" else CALM[channel]
    beyond = limit.step / 2 or 1.0
    worst = max(limit.enter + (beyond if limit.above else -beyond), 0.0)
    back = max(limit.leave, calm) if not limit.above else min(limit.leave, calm)
    slope = RAMP.get(channel, 0.1)
    lasts = ceil(limit.hold_s + abs(worst - calm) / slope) + 60
    comes_back = ceil(limit.leave_s + abs(worst - back) / slope) + 60
    lines, points, value = list(start), list[tuple[float, float]](), calm
    beside = {
        name: level
        for name, level in CALM.items()
        if name != channel and not (channel in {"rr", "etco2"} and name in {"rr", "etco2"})
    }
    company = EXAMPLE_COMPANY.get(limit.rule, {})
    for second in range(2, QUIET_S + lasts + comes_back):
        goal = worst if QUIET_S <= second < QUIET_S + lasts else back if second >= QUIET_S else calm
        value += max(-slope, min(slope, goal - value))
        # No living signal stands still, and one that does is doubted.
        stirs = (second % 3 - 1) * (0.1 if channel == "temp" else 0.4)
        shown = round(max(value + (stirs if abs(value - worst) > 1 or channel == "temp" else stirs / 2), 0.0), 1)
        others = {name: level + (second % 3 - 1) for name, level in beside.items()}
        if goal == worst:
            others |= {name: level - second % 2 for name, level in company.items() if name in others}
        lines.append(_line(second, "vitals", device="example-monitor", **{channel: shown}, **others))
        points.append((float(second), shown))
    return lines, points[:: max(1, len(points) // 300)]


def _line(second: float, kind: str, **fields: Any) -> Document:
    return {"kind": kind, "at": iso(BEGINS + round(second * SECOND)), **fields}
