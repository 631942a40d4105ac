"""What the cuffs of one session come to: the rules on blood pressure, as a small state machine of their own.

A cuff is one reading of two pressures and their mean, minutes apart from the next and wrong now and then (a bent arm, a
shiver). So the first one past a limit says *low* and asks for a recheck, and the next good one confirms it, if it comes within
`CONFIRM_WITHIN`, or starts anew. Only a crisis is believed at once, and only if nothing in it speaks against it (`Doubt`) or
the cuff before bears it out; else it is *medium*, asks for a recheck, and the next good cuff decides. A monitor that shows its
last cuff every second or every minute has taken one cuff, not many.

Good at: a single wrong cuff. Bad at: a crisis that begins with a jump or with a diastolic alone, by one cuff's time.
Cost: some 30 µs a cuff. Never here: samples, arrays, what a patient's limits are; the heart rate as a witness of a pressure,
since no recording has both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from models.instants import MINUTE, NEVER, SECOND
from models.tables.limits import (
    CONFIRM_WITHIN,
    CUFF_RULES,
    FAST_PACE,
    JUMP_MMHG,
    MEAN_AT_LEAST,
    NORMAL_PULSE_MMHG,
    WIDE_MMHG,
    Limit,
)
from models.tables.rules import Priority
from models.tables.symptoms import SYMPTOM_VALID_FOR

SHOWN_FOR: Final = 30 * SECOND
"""The same two pressures again within this time are the same cuff, still on the display, whatever the mean beside them is (it may
be an artery's). Chosen by us: displays are sent every few seconds."""
SHOWN_AGAIN_FOR: Final = 3 * MINUTE
"""With the same mean they are so within this time: some monitors send the last cuff again each minute. Chosen by us: three of
those; a recheck seldom agrees in all three numbers, and then the cuff after it confirms."""
CUFF_TAKES: Final = 20 * SECOND
"""No cuff is taken faster (inflation and deflation: 20-45 s in oscillometric devices' data sheets): a reading sooner than
this after another corrects it and confirms nothing."""

Doubt = Literal["", "mean", "narrow", "far"]
"""What speaks against a crisis by one cuff: its mean is not between its pressures; they are too close; it is far from a normal
cuff before, and its two pressures are not both in crisis with a mean nearer to the lower one, or none."""
Why = Literal["", "confirmed", "slow heart", "mean", "narrow", "far", "waits", "rechecked", "not rechecked", "symptoms"]
_CRISIS: Final = "hypertensive-crisis"
_HIGH_PRESSURE: Final = ("hypertension", Priority.LOW)
_HIGH_PRESSURE_NAME: Final = "hypertension.low"


class CuffLimits(NamedTuple):
    """The rows of a table that are on cuffs and enabled; and the same by rule and priority, where one counts by itself.

    shown: by rule, the rows that count by themselves at its highest priority: of them its sentence is, where it is over.
    """

    rows: tuple[Limit, ...]
    grouped: Mapping[tuple[str, Priority], list[Limit]]
    shown: Mapping[str, list[Limit]]


def cuff_limits(limits: Iterable[Limit]) -> CuffLimits:
    """The limits on cuffs of a table."""
    rows = tuple(limit for limit in limits if limit.by_cuff and limit.enabled)
    grouped: dict[tuple[str, Priority], list[Limit]] = {}
    for limit in rows:
        grouped.setdefault((limit.rule, limit.priority), []).append(limit)
    # A site may have switched off what a row only adds to: then there is nothing to add to.
    grouped = {key: group for key, group in grouped.items() if any(limit.role == "alone" for limit in group)}
    worst = {rule: max(priority for one, priority in grouped if one == rule) for rule, _ in grouped}
    shown: dict[str, list[Limit]] = {
        rule: [limit for limit in grouped[rule, worst[rule]] if limit.role == "alone"]
        for rule in CUFF_RULES
        if rule in worst
    }
    return CuffLimits(rows, grouped, shown)


class Verdict(NamedTuple):
    """What a cuff makes of one rule: its priority (None: it is over), the limit that says so, and its reading."""

    rule: str
    priority: Priority | None
    limit: Limit
    value: float | None
    onset_us: int
    why: Why


def _over(rule: str, rows: Sequence[Limit], readings: Mapping[str, float], at_us: int) -> Verdict:
    """The verdict that a rule is over where none of its rows is past; `rows`: those that count by themselves."""
    limit = next((limit for limit in rows if limit.channel in readings), rows[0])
    return Verdict(rule, None, limit, readings.get(limit.channel), at_us, "")


@dataclass(slots=True)
class CuffRules:
    """The cuffs of a session so far.

    last: the newest one's readings by channel, taken at `at_us` and last shown at `shown_us`; a pressure that it lacks is the
    one before's, a mean that it lacks is none. normal: it was past nothing.
    beyond: keys of the limits that are past and not yet back. agreed: group → (cuffs in a row, first, newest last shown, µs).
    forced: groups in force. waits_us: a doubted crisis waits for its recheck since. milder: the crisis was believed below
    its own limit.
    """

    last: dict[str, float] = field(default_factory=dict)
    at_us: int = NEVER
    shown_us: int = NEVER
    normal: bool = False
    beyond: set[str] = field(default_factory=set)
    agreed: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    forced: set[str] = field(default_factory=set)
    waits_us: int | None = None
    milder: bool = False

    def packed(self) -> list[Any]:
        """As msgpack-able values."""
        agreed = [[name, *counted] for name, counted in sorted(self.agreed.items())]
        return [
            sorted(self.last.items()), self.at_us, self.shown_us, self.normal, sorted(self.beyond), agreed,
            sorted(self.forced), self.waits_us, self.milder,
        ]  # fmt: skip

    @classmethod
    def unpacked(cls, packed: Sequence[Any]) -> CuffRules:
        last, at_us, shown_us, normal, beyond, agreed, forced, waits_us, milder = packed
        counted = {name: (count, first_us, newest_us) for name, count, first_us, newest_us in agreed}
        return cls(dict(last), at_us, shown_us, normal, set(beyond), counted, set(forced), waits_us, milder)

    def shown_again(self, at_us: int, readings: Mapping[str, float]) -> bool:
        """Whether this is the last cuff, still on the display. `readings`: the pressures, and `map` where there is one."""
        since_us = at_us - self.shown_us
        same = all(self.last.get(name) == x for name, x in readings.items() if name != "map")
        mean, before = readings.get("map"), self.last.get("map")
        agrees = mean is None or before is None or mean == before
        if not same or not (since_us < SHOWN_FOR or (agrees and since_us < SHOWN_AGAIN_FOR)):
            return False
        self.show(at_us)
        return True

    def show(self, at_us: int) -> None:
        """Note that the last cuff is still on the display."""
        self.shown_us = at_us
        for name, (count, first_us, newest_us) in self.agreed.items():
            if newest_us >= self.at_us:
                self.agreed[name] = (count, first_us, at_us)

    def recheck_us(self) -> int | None:
        """When the last cuff should be taken again because it was past a limit; None where it was not.

        At once while it stands alone; once a second one has borne it out, at the pace at which a high pressure is followed.
        """
        if self.at_us == NEVER or self.normal:
            return None
        borne_out = any(count > 1 for count, _, _ in self.agreed.values())
        return self.at_us + FAST_PACE if borne_out and self.waits_us is None else self.at_us

    def jumps(self, at_us: int, pressures: Mapping[str, float]) -> bool:
        """Whether a pressure is further from a normal neighbour before it than is believed at once."""
        near = self.normal and at_us - self.shown_us <= CONFIRM_WITHIN
        return near and any(abs(x - self.last[name]) > JUMP_MMHG for name, x in pressures.items() if name in self.last)

    def fast(self, at_us: int) -> bool:
        """Whether the cuff before came so short a time ago that a recheck which does not come says something."""
        return at_us - self.at_us <= FAST_PACE

    def read(self, at_us: int, readings: Mapping[str, float], symptoms: bool, limits: CuffLimits) -> list[Verdict]:
        """Fold in one good cuff.

        Args:
            readings: by column: `sbp`, `dbp`, their rises over the baseline, `map`, and `rate`, where there is one now.
            symptoms: whether the patient has said something that makes a high pressure an emergency.
            limits: of the table in force.
        """
        pressures = {name: readings[name] for name in ("sbp", "dbp") if name in readings}
        corrects = at_us - self.at_us < CUFF_TAKES
        past: set[str] = set()
        for limit in limits.rows:
            reading = readings.get(limit.channel)
            if reading is None:
                continue
            if limit.is_past(reading):
                past.add(limit.name)
            elif limit.is_back(reading):
                self.beyond.discard(limit.name)
        self.beyond |= past
        if not (self.beyond or self.agreed or self.forced or self.waits_us is not None):
            # As after nearly every cuff: nothing is past its limit, nor is remembered.
            self.normal, self.milder = True, False
            self._note(at_us, readings, pressures, corrects)
            return [_over(rule, rows, readings, at_us) for rule, rows in limits.shown.items()]
        doubt: Doubt = incoherence(readings) or ("far" if self.jumps(at_us, pressures) else "")
        stood = f"{_CRISIS}.{Priority.HIGH.word}" in self.forced
        grouped = limits.grouped
        why: dict[str, Why] = {}
        for (rule, priority), group in grouped.items():
            word = self._count(f"{rule}.{priority.word}", group, past, readings, at_us, corrects)
            if rule != _CRISIS and word is not None:
                why[rule] = word
        high = [limit for limit in grouped.get(_HIGH_PRESSURE, ()) if limit.name in past]
        unread = any(
            limit.name in self.beyond and limit.channel not in readings
            for limit in grouped.get((_CRISIS, Priority.HIGH), ())
        )
        borne_out = bool(high) and self.agreed.get(_HIGH_PRESSURE_NAME, (0, 0, 0))[0] > 1
        # Two pressures that are both in crisis bear each other out, however suddenly.
        crisis = [limit for limit in grouped.get((_CRISIS, Priority.HIGH), ()) if limit.name in past]
        if doubt == "far" and {limit.channel for limit in crisis} >= {"sbp", "dbp"} and not is_mean_high(readings):
            doubt = ""
        doubt = "" if stood or borne_out or symptoms else doubt
        since_us = self._crisis(grouped, past, at_us, bool(high), doubt, corrects, unread, symptoms, why)
        self.normal = not any(
            limit.name in past for limit in limits.rows if limit.channel in pressures and limit.role == "alone"
        )
        self._note(at_us, readings, pressures, corrects)
        return [self._verdict(rule, grouped, readings, at_us, since_us, why) for rule in limits.shown]

    def _note(self, at_us: int, readings: Mapping[str, float], pressures: Mapping[str, float], corrects: bool) -> None:
        """Note a cuff as the newest."""
        mean = {"map": readings["map"]} if "map" in readings else {}
        self.last = {**{name: x for name, x in self.last.items() if name != "map"}, **pressures, **mean}
        self.shown_us = at_us
        self.at_us = self.at_us if corrects else at_us

    def _count(
        self, name: str, group: list[Limit], past: set[str], readings: Mapping[str, float], at_us: int, corrects: bool
    ) -> Why | None:
        """Count one group's cuffs that agree, and see whether it is in force; why, where it is."""
        alone = [limit for limit in group if limit.role == "alone"]
        needed = all(limit.name in self.beyond for limit in group if limit.role == "and")
        count, first_us, newest_us = self.agreed.get(name, (0, at_us, NEVER))
        agrees = any(limit.name in past for limit in alone)
        if agrees and at_us - newest_us > CONFIRM_WITHIN:
            count, first_us = 1, at_us
            self.agreed[name] = (count, first_us, at_us)
        elif agrees and not corrects:
            count += 1
            self.agreed[name] = (count, first_us, at_us)
        elif not agrees and all(limit.channel in readings for limit in alone):
            self.agreed.pop(name, None)
            count = 0
        enough = count >= max(limit.readings for limit in alone)
        instead = any(limit.name in past for limit in group if limit.role == "instead")
        if agrees and needed and (enough or instead):
            self.forced.add(name)
        elif not needed or not any(limit.name in self.beyond for limit in alone):
            self.forced.discard(name)
        if name not in self.forced:
            return None
        return "slow heart" if instead and not enough else "confirmed" if enough and count > 1 else ""

    def _crisis(
        self, grouped: Mapping[tuple[str, Priority], list[Limit]], past: set[str], at_us: int, high: bool, doubt: Doubt,
        corrects: bool, unread: bool, symptoms: bool, why: dict[str, Why],
    ) -> int:  # fmt: skip
        """Whether a crisis is believed, waits, or is over; since when."""
        name = f"{_CRISIS}.{Priority.HIGH.word}"
        rows = grouped.get((_CRISIS, Priority.HIGH), [])
        crisis = any(limit.name in past for limit in rows)
        waited_us, self.waits_us = self.waits_us, None
        # A correction confirms nothing, and a cuff that lacks what was in crisis is no proof that it is over.
        decides = not corrects if high or crisis else not unread
        if waited_us is not None and not decides:
            self.waits_us, why[_CRISIS] = waited_us, "waits"
            self.forced.discard(name)
            return waited_us
        if waited_us is not None and at_us - self.shown_us <= CONFIRM_WITHIN:
            if high:
                self.milder, why[_CRISIS] = not crisis, "rechecked"
                self.forced.add(name)
            return waited_us
        if crisis and doubt:
            self.waits_us, why[_CRISIS] = at_us, doubt
            self.forced.discard(name)
        elif rows and high and symptoms:
            self.milder, why[_CRISIS] = not crisis, "symptoms"
            self.forced.add(name)
        elif self.milder and not crisis and any(limit.name in self.beyond for limit in grouped.get(_HIGH_PRESSURE, ())):
            self.forced.add(name)
        else:
            self.milder = False
        return at_us

    def _verdict(
        self, rule: str, grouped: Mapping[tuple[str, Priority], list[Limit]], readings: Mapping[str, float], at_us: int,
        since_us: int, why: Mapping[str, Why],
    ) -> Verdict:  # fmt: skip
        groups = sorted((key for key in grouped if key[0] == rule), key=lambda key: key[1], reverse=True)
        for key in groups:
            name = f"{rule}.{key[1].word}"
            if name in self.forced:
                onset_us = since_us if rule == _CRISIS else self.agreed.get(name, (0, at_us, 0))[1]
                limit = self._shown(
                    grouped[_HIGH_PRESSURE] if rule == _CRISIS and self.milder else grouped[key], readings
                )
                return Verdict(rule, key[1], limit, readings.get(limit.channel), onset_us, why.get(rule, ""))
        limit = self._shown(grouped[groups[0]], readings)
        if rule == _CRISIS and self.waits_us is not None:
            return Verdict(rule, Priority.MEDIUM, limit, readings.get(limit.channel), since_us, why[rule])
        return Verdict(rule, None, limit, readings.get(limit.channel), at_us, "")

    def _shown(self, group: Sequence[Limit], readings: Mapping[str, float]) -> Limit:
        """The limit of a group that its sentence is about."""
        alone = [limit for limit in group if limit.role == "alone"]
        there = [limit for limit in alone if limit.channel in readings] or alone
        return next((limit for limit in there if limit.is_past(readings.get(limit.channel, limit.leave))), there[0])

    def not_rechecked(self, limits: Sequence[Limit]) -> Verdict | None:
        """No recheck has come in time, at a fast pace: what waited is believed."""
        rows = [limit for limit in limits if limit.rule == _CRISIS and limit.enabled]
        if self.waits_us is None or not rows:
            return None
        onset_us, self.waits_us = self.waits_us, None
        self.forced.add(f"{_CRISIS}.{Priority.HIGH.word}")
        limit = self._shown(rows, self.last)
        return Verdict(_CRISIS, Priority.HIGH, limit, self.last.get(limit.channel), onset_us, "not rechecked")

    def with_symptoms(self, at_us: int, limits: Sequence[Limit]) -> Verdict | None:
        """The patient says something that makes a high pressure an emergency: whether the last cuff was one."""
        rows = [limit for limit in limits if limit.rule == _CRISIS and limit.enabled]
        high = [limit for limit in limits if limit.enabled and (limit.rule, limit.priority) == _HIGH_PRESSURE]
        found = [limit for limit in high if limit.channel in self.last and limit.is_past(self.last[limit.channel])]
        name = f"{_CRISIS}.{Priority.HIGH.word}"
        if not rows or not found or name in self.forced or at_us - self.shown_us > SYMPTOM_VALID_FOR:
            return None
        self.forced.add(name)
        self.waits_us, self.milder = None, True
        return Verdict(_CRISIS, Priority.HIGH, found[0], self.last[found[0].channel], at_us, "symptoms")


def is_mean_high(readings: Mapping[str, float]) -> bool:
    """Whether a cuff's mean is nearer to its systolic: an artery's is a third of the way up."""
    return "map" in readings and 2 * readings["map"] >= readings["sbp"] + readings["dbp"]


def incoherence(readings: Mapping[str, float]) -> Doubt:
    """What speaks against a high pressure in the cuff's own numbers; nothing where it lacks one of the two pressures."""
    if "sbp" not in readings or "dbp" not in readings:
        return ""
    sbp, dbp, mean = readings["sbp"], readings["dbp"], readings.get("map")
    if mean is not None and not dbp < mean < sbp:
        return "mean"
    pulse_mmhg = sbp - dbp
    if pulse_mmhg >= WIDE_MMHG:
        return ""
    agrees = pulse_mmhg >= NORMAL_PULSE_MMHG and mean is not None and mean - dbp >= MEAN_AT_LEAST * pulse_mmhg
    return "" if agrees else "narrow"
