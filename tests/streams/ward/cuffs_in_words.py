"""The rules on cuffs in words: what a clinician concludes from a list of cuffs, a sentence of the text at a time.

Nothing is kept from one cuff to the next: each question is answered by reading the whole list again. Slow, and written
without any code of the product but the rows of its table of limits, so that the two agree only if both follow the text:

 1. The numbers that a pressure last had, shown again less than 30 s after they were last shown, are the same cuff. With the same
    mean, or where either has none, they are so for less than 3 min.
 2. A cuff that comes less than 20 s after another began corrects it. It is read like any other, but confirms nothing.
 3. A row of the table is past from a reading beyond its limit on, until a reading is back at where it ends. A cuff that lacks
    the channel changes nothing, nor does one in between. A row that is not enabled is passed over.
 4. Cuffs agree that are past a row of one rule and priority, each at most 30 min after the one before was last
    shown, itself or what corrects it. A cuff that shows all of the rows' channels and is past none of them ends that.
 5. A priority is in force from a cuff on that is past one of its rows, once enough cuffs agree (two, where the table says so)
    or a slow heart stands in for the second, and only while what must come with it is past as well. It goes out of force
    when none of its rows is past any more.
 6. A crisis by one cuff is doubted if its mean is not between its two pressures; if they are less than 50 mmHg apart, unless they
    are 40 or more apart and the mean is at least three tenths of the way up; or if it stands more than 60 mmHg from the last
    reading of that pressure, after a cuff that was past nothing and was last shown at most 30 min before, and its two
    pressures are not both in crisis with a mean in the lower half between them, or without one. It is not doubted if a crisis
    is in force already, if it and the cuff before agree that they are at hypertension's limits, or if there are symptoms. One
    that is doubted is told at medium priority and waits for its recheck.
 7. The recheck is the next cuff that corrects none, if it comes at most 30 min after the last was shown. If it is at
    hypertension's limits, the crisis is believed, and began when it began to wait. If it is not, that was no crisis; nor was
    it if a correction takes it back. But a cuff that lacks a pressure that was in crisis takes nothing back. A cuff that comes
    later is judged anew.
 8. With symptoms, a cuff at hypertension's limits is a crisis; so are the pressures last read, if they were shown in the last
    30 min when the symptoms are named.
 9. A crisis that was believed below its own limits lasts until hypertension's limits are over, or until it reaches its own.
10. If nobody rechecks where cuffs come fast (the one before at most 5 min earlier), it is believed.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from models.tables.limits import Limit
from models.tables.rules import Priority

SECOND: Final = 1_000_000
SHOWN_FOR, SHOWN_AGAIN_FOR, CORRECTS_FOR, FAST = 30 * SECOND, 180 * SECOND, 20 * SECOND, 300 * SECOND
AGREES_FOR = NAMED_FOR = 1800 * SECOND
JUMP_MMHG: Final = 60
WIDE_MMHG, USUAL_MMHG, MEAN_UP = 50, 40, 0.3
PRESSURES: Final[tuple[str, ...]] = ("sbp", "dbp")
RULES: Final = ("hypertensive-crisis", "hypertension", "pressure-rise", "hypotension")
CRISIS: Final = ("hypertensive-crisis", Priority.HIGH)
HIGH_PRESSURE: Final = ("hypertension", Priority.LOW)
PAST: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

Table = Sequence[Limit]
Group = tuple[str, Priority]
"""A rule and a priority."""
Said = tuple[str, Priority | None, Limit, float | None, int, str]
"""A rule, its priority (None: not in force), the row that it is about, its reading, since when (µs), why."""


@dataclass(frozen=True)
class Taken:
    """A cuff, and what there is beside it: the rises over the baseline and the heart rate among `readings`."""

    at_us: int
    readings: Mapping[str, float]
    symptoms: bool
    table: Table
    shown_us: int | None = None
    """When it, or what corrects it, was last on the display; None: when it was taken."""


@dataclass(frozen=True)
class Shown:
    """The last cuff is still on the display."""

    at_us: int


@dataclass(frozen=True)
class Named:
    """Symptoms are named."""

    at_us: int
    table: Table


@dataclass(frozen=True)
class Unchecked:
    """The time for a recheck is over."""

    table: Table


Event = Taken | Shown | Named | Unchecked
Events = Sequence[Event]


# ---- sentence 1: one cuff or two


def shown_again(events: Events, at_us: int, readings: Mapping[str, float]) -> bool:
    """`readings`: the pressures, and the mean, `map`, where there is one."""
    cuffs, shown_us = cuffs_of(events), last_shown(events)
    known = last_read(cuffs)
    if shown_us is None or any(known.get(name) != x for name, x in readings.items() if name != "map"):
        return False
    means = {x for x in (readings.get("map"), cuffs[-1].readings.get("map")) if x is not None}
    return at_us - shown_us < (SHOWN_FOR if len(means) > 1 else SHOWN_AGAIN_FOR)


def last_shown(events: Events) -> int | None:
    return next((event.at_us for event in reversed(events) if isinstance(event, Taken | Shown)), None)


def cuffs_of(events: Events) -> list[Taken]:
    """The cuffs, each with the time at which it was last shown."""
    cuffs: list[Taken] = []
    for event in events:
        match event:
            case Taken():
                cuffs.append(event)
            case Shown():
                began = next(n for n in reversed(range(len(cuffs))) if not corrects(cuffs[: n + 1]))
                cuffs[began:] = [replace(cuff, shown_us=event.at_us) for cuff in cuffs[began:]]
    return cuffs


def last_read(cuffs: Sequence[Taken]) -> dict[str, float]:
    return {name: cuff.readings[name] for cuff in cuffs for name in PRESSURES if name in cuff.readings}


# ---- sentence 2: corrections


def corrects(cuffs: Sequence[Taken]) -> bool:
    """Whether the newest of these corrects another."""
    began_us: int | None = None
    correction = False
    for cuff in cuffs:
        correction = began_us is not None and cuff.at_us - began_us < CORRECTS_FOR
        began_us = began_us if correction else cuff.at_us
    return correction


def follows_fast(events: Events, at_us: int) -> bool:
    """Sentence 10: whether a cuff follows the one before, its corrections aside, in a time that makes silence news."""
    began_us: int | None = None
    for cuff in cuffs_of(events):
        began_us = cuff.at_us if began_us is None or cuff.at_us - began_us >= CORRECTS_FOR else began_us
    return began_us is not None and at_us - began_us <= FAST


# ---- sentence 3: rows


def rows_of(table: Table, group: Group, role: str = "alone") -> list[Limit]:
    return [row for row in table if row.enabled and (row.rule, row.priority) == group and row.role == role]


def is_past(cuff: Taken, row: Limit) -> bool:
    return row.channel in cuff.readings and PAST[row.past](cuff.readings[row.channel], row.enter)


def any_past(cuff: Taken, rows: Sequence[Limit]) -> bool:
    return any(is_past(cuff, row) for row in rows)


def still_past(cuffs: Sequence[Taken], wanted: Limit) -> bool:
    for cuff in reversed(cuffs):
        for row in cuff.table:
            if row.enabled and row.key == wanted.key and row.channel in cuff.readings:
                reading = cuff.readings[row.channel]
                if PAST[row.past](reading, row.enter):
                    return True
                if reading <= row.leave if row.past[0] == ">" else reading >= row.leave:
                    return False
    return False


# ---- sentence 4: cuffs that agree


def agreeing(cuffs: Sequence[Taken], group: Group) -> list[Taken]:
    found: list[Taken] = []
    for n, cuff in enumerate(cuffs):
        alone = rows_of(cuff.table, group)
        if not alone:
            continue
        if any_past(cuff, alone):
            if not found or cuff.at_us - (found[-1].shown_us or found[-1].at_us) > AGREES_FOR:
                found = [cuff]
            elif not corrects(cuffs[: n + 1]):
                found.append(cuff)
        elif all(row.channel in cuff.readings for row in alone):
            found = []
    return found


# ---- sentence 5: what is in force


def in_force(cuffs: Sequence[Taken], group: Group) -> bool:
    if not cuffs:
        return False
    *earlier, cuff = cuffs
    alone = rows_of(cuff.table, group)
    if not alone:
        return in_force(earlier, group)
    complete = all(still_past(cuffs, row) for row in rows_of(cuff.table, group, "and"))
    if any_past(cuff, alone) and complete and (confirmed(cuffs, group) or slow_heart(cuff, group)):
        return True
    if not complete or not any(still_past(cuffs, row) for row in alone):
        return False
    return in_force(earlier, group)


def confirmed(cuffs: Sequence[Taken], group: Group) -> bool:
    return len(agreeing(cuffs, group)) >= max(row.readings for row in rows_of(cuffs[-1].table, group))


def slow_heart(cuff: Taken, group: Group) -> bool:
    return any_past(cuff, rows_of(cuff.table, group, "instead"))


# ---- sentences 6 to 10: a crisis


@dataclass(frozen=True)
class Crisis:
    """How it stands with a crisis after some events; it waits, or is believed, or neither. `as_high`: below its own limits."""

    waits_us: int | None = None
    believed: bool = False
    as_high: bool = False
    why: str = ""
    onset_us: int = 0


def jumps(events: Events, at_us: int, pressures: Mapping[str, float]) -> bool:
    """Whether the next cuff is far from the last reading of a pressure, soon after a cuff that was past nothing."""
    cuffs, shown_us = cuffs_of(events), last_shown(events)
    if shown_us is None or at_us - shown_us > AGREES_FOR:
        return False
    before, known = cuffs[-1], last_read(cuffs)
    pressed = [row for row in before.table if row.enabled and row.rule in RULES and row.role == "alone"]
    normal = not any(row.channel in PRESSURES and is_past(before, row) for row in pressed)
    return normal and any(abs(x - known[name]) > JUMP_MMHG for name, x in pressures.items() if name in known)


def incoherent(readings: Mapping[str, float]) -> str:
    """What speaks against a crisis in its own numbers."""
    if not {"sbp", "dbp"} <= readings.keys():
        return ""
    low, high, mean = readings["dbp"], readings["sbp"], readings.get("map")
    if mean is not None and (mean <= low or mean >= high):
        return "mean"
    if high - low >= WIDE_MMHG or (
        high - low >= USUAL_MMHG and mean is not None and mean - low >= MEAN_UP * (high - low)
    ):
        return ""
    return "narrow"


def doubt(events: Events) -> str:
    """What speaks against a crisis in the newest event, a cuff."""
    *earlier, cuff = events
    assert isinstance(cuff, Taken)
    agree = agreeing(cuffs_of(events), HIGH_PRESSURE)
    if cuff.symptoms or (len(agree) > 1 and any_past(cuff, rows_of(cuff.table, HIGH_PRESSURE))):
        return ""
    pressures = {name: cuff.readings[name] for name in PRESSURES if name in cuff.readings}
    in_crisis = {row.channel for row in rows_of(cuff.table, CRISIS) if is_past(cuff, row)}
    mean, middle = cuff.readings.get("map"), sum(pressures.values()) / 2
    both = set(PRESSURES) <= in_crisis and (mean is None or mean < middle)
    far = jumps(earlier, cuff.at_us, pressures) and not both
    return incoherent(cuff.readings) or ("far" if far else "")


def crisis(events: Events) -> Crisis:
    if not events:
        return Crisis()
    *earlier, event = events
    before = crisis(earlier)
    match event:
        case Taken():
            return after_cuff(before, events)
        case Named():
            return after_symptoms(before, event, earlier)
        case Unchecked() if before.waits_us is not None and rows_of(event.table, CRISIS):
            return Crisis(None, True, before.as_high, "not rechecked", before.waits_us)
        case _:
            return before


def after_cuff(before: Crisis, events: Events) -> Crisis:
    cuffs = cuffs_of(events)
    cuff = cuffs[-1]
    rows, now_us, waits_us = rows_of(cuff.table, CRISIS), cuff.at_us, before.waits_us
    in_crisis, high = any_past(cuff, rows), any_past(cuff, rows_of(cuff.table, HIGH_PRESSURE))
    on_its_own = in_crisis or (before.believed and (not rows or any(still_past(cuffs, row) for row in rows)))
    lacking = any(still_past(cuffs, row) and row.channel not in cuff.readings for row in rows)
    if waits_us is not None and (corrects(cuffs) if in_crisis or high else lacking):
        return Crisis(waits_us, False, before.as_high, "waits", waits_us)
    shown_us = last_shown(events[:-1])
    if waits_us is not None and shown_us is not None and now_us - shown_us <= AGREES_FOR:
        if high:
            return Crisis(None, True, not in_crisis, "rechecked", waits_us)
        return Crisis(None, on_its_own, before.as_high, "", waits_us)
    if in_crisis and not before.believed and (doubted := doubt(events)):
        return Crisis(now_us, False, before.as_high, doubted, now_us)
    if rows and high and cuff.symptoms:
        return Crisis(None, True, not in_crisis, "symptoms", now_us)
    lasts = any(still_past(cuffs, row) for row in rows_of(cuff.table, HIGH_PRESSURE))
    if before.as_high and not in_crisis and lasts:
        return Crisis(None, True, True, "", now_us)
    return Crisis(None, on_its_own, False, "", now_us)


def after_symptoms(before: Crisis, named: Named, earlier: Events) -> Crisis:
    return before if as_high_row(named, earlier) is None else Crisis(None, True, True, "symptoms", named.at_us)


def as_high_row(named: Named, earlier: Events) -> Limit | None:
    """The row of hypertension that makes the pressures last read a crisis now that symptoms are named."""
    shown = [event.at_us for event in earlier if isinstance(event, Taken | Shown)]
    if not shown or named.at_us - shown[-1] > NAMED_FOR:
        return None
    if crisis(earlier).believed or not rows_of(named.table, CRISIS):
        return None
    known = last_read(cuffs_of(earlier))
    rows = rows_of(named.table, HIGH_PRESSURE)
    return next((row for row in rows if row.channel in known and PAST[row.past](known[row.channel], row.enter)), None)


# ---- what is said


def said(events: Events) -> list[Said]:
    """What the newest event, a cuff, makes of each rule."""
    cuffs, stands = cuffs_of(events), crisis(events)
    cuff = cuffs[-1]
    found: list[Said] = []
    for rule in RULES:
        groups = [
            (rule, priority) for priority in sorted(Priority, reverse=True) if rows_of(cuff.table, (rule, priority))
        ]
        if rule == CRISIS[0] and groups:
            found.append(_of_crisis(cuff, stands))
        elif groups:
            forced = [group for group in groups if in_force(cuffs, group)]
            found.append(
                _of_rule(cuffs, forced[0]) if forced else (rule, None, *_about(cuff, groups[0]), cuff.at_us, "")
            )
    return found


def _of_crisis(cuff: Taken, stands: Crisis) -> Said:
    rule, worst = CRISIS
    if stands.believed:
        about = _about(cuff, HIGH_PRESSURE if stands.as_high else CRISIS)
        return (rule, worst, *about, stands.onset_us, stands.why)
    if stands.waits_us is not None:
        return (rule, Priority.MEDIUM, *_about(cuff, CRISIS), stands.waits_us, stands.why)
    return (rule, None, *_about(cuff, CRISIS), cuff.at_us, "")


def _of_rule(cuffs: Sequence[Taken], group: Group) -> Said:
    agree = agreeing(cuffs, group)
    why = ""
    if confirmed(cuffs, group):
        why = "confirmed" if len(agree) > 1 else ""
    elif slow_heart(cuffs[-1], group):
        why = "slow heart"
    return (*group, *_about(cuffs[-1], group), agree[0].at_us if agree else cuffs[-1].at_us, why)


def _about(cuff: Taken, group: Group) -> tuple[Limit, float | None]:
    """The first row that is past, else the first that was read, else the first."""
    rows = rows_of(cuff.table, group)
    read = [row for row in rows if row.channel in cuff.readings]
    row = next((row for row in rows if is_past(cuff, row)), (read or rows)[0])
    return row, cuff.readings.get(row.channel)


def said_of_symptoms(events: Events) -> Said | None:
    """What the newest event, symptoms that were named, makes of a crisis; None: nothing."""
    *earlier, named = events
    assert isinstance(named, Named)
    row = as_high_row(named, earlier)
    known = last_read(cuffs_of(earlier))
    return None if row is None else (*CRISIS, row, known[row.channel], named.at_us, "symptoms")


def said_unchecked(events: Events) -> Said | None:
    """What the newest event, a recheck that did not come, makes of a crisis; None: nothing."""
    *earlier, unchecked = events
    assert isinstance(unchecked, Unchecked)
    waits_us, rows = crisis(earlier).waits_us, rows_of(unchecked.table, CRISIS)
    if waits_us is None or not rows:
        return None
    known = last_read(cuffs_of(earlier))
    row = next((row for row in rows if PAST[row.past](known[row.channel], row.enter)), rows[0]) if known else rows[0]
    return (*CRISIS, row, known.get(row.channel), waits_us, "not rechecked")
