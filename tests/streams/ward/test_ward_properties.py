"""What holds whatever happens: frames may be cut anywhere, lines may come twice, a shard may die at any moment.

A day is drawn as a list of acts (a stretch of a monitor, a cuff, a start, somebody's command …) in two sites, and made
into lines with their instants of arrival. One line a frame is the reference that everything else must equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any, Final

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from alerts.desk.alert import Alert
from alerts.desk.lifecycle import TABLE, Move
from alerts.effects import Cause, DeadLetter, Effect, Page, Transition
from models.instants import HOUR, SECOND, from_iso
from models.tables.channels import CHANNELS
from models.tables.rules import RULES
from models.wire.live import AlertPhase
from models.wire.observations import (
    OBSERVATION,
    AlertAcknowledged,
    AlertClosed,
    AlertEscalated,
    AlertSnoozed,
    AlertUnsnoozed,
    CheckIn,
    DeviceAssigned,
    Dose,
    DoseStopped,
    Event,
    Intervention,
    PatientMerged,
    PatientRegistered,
    SessionEnded,
    SessionStarted,
    SetAside,
    SiteConfigured,
    Vitals,
)
from streams.clinic.clinic import simulate
from streams.shard import Shard
from streams.ward.invariants import validate_state
from streams.ward.state import Clock
from tests.support.examples import one_in
from tests.support.scenes import START_US, moment, pack

both_clocks = pytest.mark.parametrize("clock", ["observed", "received"])

PATTERNS: Final[dict[str, dict[str, Sequence[float | None]]]] = {
    "well": {"spo2": [97, 98], "hr": [72, 73, 71], "rr": [14, 15]},
    "low oxygen": {"spo2": [88, 88, 87], "hr": [90, 91]},
    "very low oxygen": {"spo2": [80, 79], "hr": [110, 112]},
    "about the limit": {"spo2": [89, 91, 89, 89, 90, 93], "rr": [7, 9, 7]},
    "slow heart": {"hr": [36, 35], "spo2": [96]},
    "fast pulse": {"pulse": [150, 152]},
    "not breathing": {"rr": [0], "etco2": [4, 5], "spo2": [95, 94]},
    "frozen": {"spo2": [96], "hr": [70], "rr": [12]},
    "spikes": {"spo2": [97, 60, 97, 97], "hr": [70, 190]},
    "absurd": {"spo2": [0, 400], "hr": [999], "rr": [-5]},
    "huge": {"spo2": [1e300, -1.7e308], "sbp": [1e308], "temp": [1e-300]},
    "nothing": {},
}
"""Readings of a stretch, walked round; a stretch that is `absurd` or `huge` proves nothing."""
UNTRUSTED: Final = {"absurd", "huge", "nothing"}
STATUSES: Final[tuple[dict[str, str], ...]] = (
    {"spo2": "probe-off"},
    {"hr": "artefact", "rr": "off"},
    {"sbp": "cuff-failed"},
)

CHAIRS: Final = (("main", "1"), ("main", "2"), ("main", "3"), ("north", "1"))
PHYSIOLOGICAL: Final = {"cardiovascular", "respiratory", "consciousness", "dissociation"}
COMMANDS: Final = (
    AlertAcknowledged,
    AlertAcknowledged,
    AlertSnoozed,
    AlertSnoozed,
    AlertUnsnoozed,
    AlertClosed,
    AlertEscalated,
)
"""Acknowledge and snooze twice as often as the others, as it is in life."""

Record = Vitals | Event | SetAside


@dataclass(frozen=True, slots=True)
class Order:
    """A command to the n-th alert that is open when it comes; which one that is shows in the reference run."""

    command: int
    n: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Line:
    """A record (or a command to be) and when it arrives. None is a tick."""

    received_us: int
    record: Record | Order | None


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens: what, `wait_s` after the one before, to which chairs."""

    what: str
    wait_s: float
    chairs: tuple[int, ...]
    pattern: str = "well"
    length: int = 1
    step_s: float = 1.0
    batch_s: int = 1
    number: int = 0
    named: str = "device"
    skew_s: float = 0.0


def acts(*, skews: Sequence[float] = (0, 0, 0, 0, -20, -900, 30, 3600)) -> st.SearchStrategy[list[Act]]:
    stretch = st.builds(
        Act, st.just("stretch"), wait_s=st.sampled_from([0, 0, 1, 5, 31, 200]),
        chairs=st.sets(st.integers(0, 3), min_size=1, max_size=4).map(lambda chosen: tuple(sorted(chosen))),
        pattern=st.sampled_from(sorted(PATTERNS)), length=st.sampled_from([1, 3, 12, 20, 35]),
        step_s=st.sampled_from([1, 1, 1, 0.5, 5]), batch_s=st.sampled_from([1, 1, 7, 40]),
        named=st.sampled_from(["device", "device", "patient", "session"]), skew_s=st.sampled_from(skews),
    )  # fmt: skip
    other = st.builds(
        Act,
        st.sampled_from(
            ["start", "start", "end", "dose", "stop", "cuff", "cuff", "score", "assign", "configure", "limits", "status",
             "late", "oxygen", "aside", "merge", "order", "order", "order", "silence"]
        ),
        wait_s=st.sampled_from([0, 0, 1, 31, 240, 700, 3700]),
        chairs=st.integers(0, 3).map(lambda chair: (chair,)),
        number=st.integers(0, 40),
        named=st.sampled_from(["device", "patient", "session"]),
    )  # fmt: skip
    starts = st.lists(
        st.builds(Act, st.just("start"), wait_s=st.just(0), chairs=st.integers(0, 3).map(lambda chair: (chair,)), number=st.integers(0, 5)),
        max_size=4,
    )  # fmt: skip
    return st.builds(list.__add__, starts, st.lists(st.one_of(stretch, stretch, other), min_size=6, max_size=40))


def lines_of(day: Iterable[Act]) -> list[Line]:
    """The lines of a day, in order of arrival."""
    lines: list[Line] = []
    now_s = 0.0
    for number, act in enumerate(day):
        now_s += act.wait_s
        if act.what != "stretch":
            lines += [Line(START_US + round(now_s * SECOND), made) for made in _made(act, now_s, number)]
            continue
        for k in range(act.length):
            at_s = now_s + k * act.step_s
            arrives_s = now_s + min(act.length * act.step_s, (at_s - now_s) // act.batch_s * act.batch_s + act.batch_s)
            for chair in act.chairs:
                values = {name: cycled[k % len(cycled)] for name, cycled in PATTERNS[act.pattern].items()}
                lines.append(Line(START_US + round(arrives_s * SECOND), _sample(act, chair, at_s + act.skew_s, values)))
        now_s += act.length * act.step_s
    return sorted(lines, key=lambda line: line.received_us)


def _sample(act: Act, chair: int, at_s: float, values: dict[str, Any]) -> Vitals:
    site, name = CHAIRS[chair]
    fields: dict[str, Any] = {"at": moment(at_s), "site": site, "device": f"m-{name}", **values}
    if act.named != "device":
        fields[act.named] = f"{act.named[0].upper()}-{name}"
    return Vitals.model_validate(fields)


def _made(act: Act, now_s: float, number: int) -> list[Record | Order | None]:
    (chair,) = act.chairs
    site, name = CHAIRS[chair]
    n = act.number
    who: dict[str, Any] = {"at": moment(now_s), "site": site, "patient": f"P-{name}"}
    mine = {**who, "session": f"S-{name}"}
    match act.what:
        case "start":
            drug, route = (("ketamine", "iv"), ("esketamine", "intranasal"), (None, None))[n % 3]
            device = f"m-{name}" if n % 2 else None
            return [
                SessionStarted.model_validate({**mine, "chair": name, "device": device, "drug": drug, "route": route})
            ]
        case "end":
            return [SessionEnded.model_validate(mine)]
        case "dose":
            return [
                Dose.model_validate(
                    {**(mine if n % 4 else who), "drug": "ketamine", "amount_mg": n, "minutes": 10.0 + n}
                )
            ]
        case "stop":
            return [DoseStopped.model_validate({**mine, "given_mg": n})]
        case "cuff":
            sbp = None if n % 7 == 0 else float((120, 95, 185, 205, 78, 165, 10)[n % 7])
            dbp = None if n % 5 == 0 else float((75, 60, 112, 121, 15)[n % 5])
            by = "rn-1" if n % 3 == 0 else None
            return [_sample(act, chair, now_s, {"sbp": sbp, "dbp": dbp, "by": by})]
        case "score":
            instrument, score = (
                ("moaas", n % 6), ("cadss-6", n % 25), ("cadss", n), ("phq-2", n), ("distress", n % 11), ("symptoms", n % 2),
                ("cssrs-screen", n % 7), ("moaas", n % 2),
            )[n % 8]  # fmt: skip
            named = {"id": f"s-{n % 9}-{number}", "replaces": f"s-{n % 9}-{number - 1}"} if n % 3 == 0 else {}
            fields = {**(mine if n % 2 else who), "instrument": instrument, "score": score, **named}
            return [CheckIn.model_validate(fields)]
        case "assign":
            other = CHAIRS[n % 3][1]
            return [DeviceAssigned(at=moment(now_s), site=site, device=f"m-{name}", chair=other)]
        case "configure":
            row = {"enter": 80.0 + n % 12, "leave": 95.0, "hold_s": float(n)}
            return [
                SiteConfigured.model_validate(
                    {"at": moment(now_s), "site": site, "limits": {"desaturation": {"medium": {"spo2": row}}}}
                )
            ]
        case "limits":
            row = {"enter": 120.0 + n, "leave": 115.0, "enabled": n % 3 > 0}
            conditions = (None, [], ["avm"], ["psychosis-history"])[n % 4]
            return [
                PatientRegistered.model_validate(
                    {**who, "conditions": conditions, "limits": {"tachycardia": {"low": {"rate": row}}}}
                )
            ]
        case "merge":
            return [PatientMerged(at=moment(now_s), site=site, patient=f"P-{CHAIRS[n % 3][1]}", merged=f"P-{name}")]
        case "status":
            return [_sample(act, chair, now_s, {"status": STATUSES[n % 3]})]
        case "late":
            return [_sample(act, chair, now_s - 3 * n, {"spo2": 70.0, "hr": 30.0})]
        case "oxygen":
            return [
                Intervention.model_validate(
                    {**mine, "what": "left" if n % 5 == 0 else "oxygen", "by": "rn-2", "id": f"i-{number}"}
                )
            ]
        case "aside":
            return [SetAside(at=moment(now_s), site=site, field="spo2", reason="not a number", line="{}")]
        case "order":
            return [Order(n % len(COMMANDS), n, n)]
        case _:
            return [None]


# ---- running a day


def given_orders(lines: Sequence[Line], clock: Clock) -> tuple[list[Line], list[Effect]]:
    """The day with one line a frame: the lines with every command made out to an alert, and the effects."""
    shard = Shard(clock=clock)
    done: list[Line] = []
    effects: list[Effect] = []
    for line in lines:
        if isinstance(line.record, Order):
            if clock == "received":
                effects += shard.step(shard.next_offset, line.received_us, pack([])).effects
            made = Line(line.received_us, _order(shard, line.record, line.received_us))
        else:
            made = line
        if made.record is None and clock == "observed":
            continue
        done.append(made)
        effects += shard.step(shard.next_offset, made.received_us, _packed(made)).effects
        validate_state(shard.ward)
    return done, effects


def _order(shard: Shard, order: Order, received_us: int) -> Record | None:
    alerts = sorted(shard.desk.open.values(), key=lambda alert: (alert.onset_us, alert.id))
    if not alerts:
        return None
    alert = alerts[order.n % len(alerts)]
    now_s = (received_us - START_US) / SECOND
    fields = {
        "at": moment(now_s),
        "site": alert.subject.site,
        "alert": alert.id,
        "by": "rn-1",
        "until": moment(now_s + 60 * order.minutes),
    }
    return COMMANDS[order.command].model_validate(fields)


def _packed(line: Line) -> bytes:
    assert not isinstance(line.record, Order)
    return pack([] if line.record is None else [line.record])


def cut(lines: Sequence[Line], sizes: Sequence[int], clock: Clock) -> list[tuple[int, bytes]]:
    """Frames of these sizes, over and over; by the received clock a frame has one stamp."""
    frames: list[list[Line]] = []
    left = 0
    size = cycle(sizes)
    for line in lines:
        if left == 0 or (clock == "received" and frames[-1][0].received_us != line.received_us):
            frames.append([])
            left = next(size)
        frames[-1].append(line)
        left -= 1
    return [
        (frame[0].received_us, pack([line.record for line in frame if isinstance(line.record, Record)])) for frame in frames
    ]  # fmt: skip


def played(frames: Iterable[tuple[int, bytes]], clock: Clock) -> list[Effect]:
    shard = Shard(clock=clock)
    effects: list[Effect] = []
    for offset, (received_us, payload) in enumerate(frames):
        effects += shard.step(offset, received_us, payload).effects
    return effects


def plain(effects: Iterable[Effect]) -> list[Effect]:
    """Without the frame that caused them."""
    return [replace(one, cause=Cause(0, 0)) if isinstance(one, Transition) else one for one in effects]


sizes = st.lists(st.sampled_from([1, 2, 3, 10, 50, 400]), min_size=1, max_size=4)


SENT_AGAIN_WITHIN: Final = 8 * 60 * SECOND
"""As long as the contents of a sender's lines are remembered (streams/ward/signal/clocks.py)."""
HANDED_ON: Final = [
    Act("stretch", 0, (0,), named="session", skew_s=-900),
    Act("stretch", 0, (0,), named="patient", skew_s=3600),
    Act("stretch", 0, (0,), named="session", skew_s=-20),
    Act("start", 0, (0,), number=6),
    Act("stretch", 0, (0,)),
]
"""One monitor under three names around the instant at which its first session is given up."""


@both_clocks
@example(day=HANDED_ON, sizes=[400])
@one_in(3)
@given(day=acts(), sizes=sizes)
def test_frames_may_be_cut_anywhere(clock: Clock, day: list[Act], sizes: list[int]) -> None:
    lines, effects = given_orders(lines_of(day), clock)
    event(f"rules: {len({one.rule for one in effects if isinstance(one, Transition)})}")
    assert plain(played(cut(lines, sizes, clock), clock)) == plain(effects)


@both_clocks
@one_in(3)
@given(
    day=acts(skews=(0,)),
    sizes=sizes,
    again=st.lists(st.tuples(st.integers(0), st.integers(0)), min_size=1, max_size=12),
)
def test_a_line_that_comes_twice_changes_nothing(
    clock: Clock, day: list[Act], sizes: list[int], again: list[tuple[int, int]]
) -> None:
    """Sent again within some minutes, by clocks that none sets back: one that shows a time for the second time overwrites what
    was remembered of the first, and a line that is sent again just then may delay that it is believed.
    """
    lines, effects = given_orders(lines_of(day), clock)
    twice = list(lines)
    for which, where in again:
        first = which % len(twice) if twice else 0
        if not twice or twice[first].record is None or isinstance(twice[first].record, SetAside):
            continue  # a line that could not be used has no identity: it is counted each time
        soon = [
            place for place in range(first + 1, len(twice) + 1)
            if twice[place - 1].received_us <= twice[first].received_us + SENT_AGAIN_WITHIN
        ]  # fmt: skip
        place = soon[where % len(soon)]
        twice.insert(place, Line(twice[place - 1].received_us, twice[first].record))
    assert plain(played(cut(twice, sizes, clock), clock)) == plain(effects)


@both_clocks
@one_in(3)
@given(day=acts(), sizes=sizes, crashes=st.sets(st.integers(0, 60), max_size=6))
def test_a_restart_at_any_frame_changes_nothing(
    clock: Clock, day: list[Act], sizes: list[int], crashes: set[int]
) -> None:
    lines, _ = given_orders(lines_of(day), clock)
    frames = cut(lines, sizes, clock)
    shard = Shard(clock=clock)
    effects: list[Effect] = []
    for offset, (received_us, payload) in enumerate(frames):
        if offset in crashes:
            state = shard.snapshot()
            assert state == shard.snapshot()
            shard = Shard.restore(state)
            assert shard.snapshot() == state, "the same state is the same bytes"
        effects += shard.step(offset, received_us, payload).effects
    assert effects == played(frames, clock)


@both_clocks
@one_in(3)
@given(day=acts(), sizes=sizes)
def test_what_comes_in_is_what_is_processed_and_what_is_set_aside(
    clock: Clock, day: list[Act], sizes: list[int]
) -> None:
    lines, _ = given_orders(lines_of(day), clock)
    shard = Shard(clock=clock)
    effects: list[Effect] = []
    for offset, stamped in enumerate(cut(lines, sizes, clock)):
        effects += shard.step(offset, *stamped).effects
    records = [line.record for line in lines if line.record is not None]
    counts = shard.ward.counts
    assert counts["samples"] + counts["events"] + counts["set aside"] == len(records)
    assert counts["samples of nobody"] == 0
    assert counts["set aside"] == sum(isinstance(effect, DeadLetter) for effect in effects)


def test_a_day_of_the_invented_clinic_may_be_cut_repeated_and_interrupted() -> None:
    """Realistic where the days above are wild: late batches, repeats, adverse events, several chairs at once."""
    lines = [
        Line(arrives_us, OBSERVATION.validate_json(json.dumps(line)))
        for arrives_us, line in simulate(sessions=4, seed=18, hours=0.5, adverse=80).arrivals()
    ]
    effects = played(cut(lines, [1], "received"), "received")
    assert any(isinstance(one, Transition) and one.category in PHYSIOLOGICAL for one in effects)
    assert plain(played(cut(lines, [7, 400, 1], "received"), "received")) == plain(effects)
    twice = [
        each
        for n, line in enumerate(lines)
        for each in ([line, Line(line.received_us, lines[n * 7 // 10].record)] if n % 3 == 0 else [line])
    ]
    assert plain(played(cut(twice, [50], "received"), "received")) == plain(effects)
    shard = Shard()
    again: list[Effect] = []
    for offset, stamped in enumerate(cut(lines, [100], "received")):
        if offset % 100 == 0:
            shard = Shard.restore(shard.snapshot())
        again += shard.step(offset, *stamped).effects
    assert plain(again) == plain(effects)


# ---- what must not happen


@dataclass(slots=True)
class Watcher:
    """Follows a shard line by line and knows what must not happen."""

    clock: Clock
    shard: Shard
    life: dict[str, list[Transition]]
    seq: dict[str, int]

    @classmethod
    def of(cls, clock: Clock) -> Watcher:
        return cls(clock, Shard(clock=clock), {}, {})

    def physiological(self) -> dict[str, tuple[AlertPhase, int]]:
        return {
            alert.id: (alert.phase, alert.priority)
            for alert in self.shard.desk.open.values()
            if _category(alert) in PHYSIOLOGICAL
        }

    def step(self, received_us: int, payload: bytes) -> list[Effect]:
        effects = list(self.shard.step(self.shard.next_offset, received_us, payload).effects)
        validate_state(self.shard.ward)
        self._in_order(effects)
        self._one_alert_a_rule()
        self._high_is_paged(effects)
        return effects

    def _in_order(self, effects: list[Effect]) -> None:
        for one in effects:
            if not isinstance(one, Transition):
                continue
            assert one.seq == self.seq.get(one.site, 0) + 1, "a site's transitions are numbered without a gap"
            self.seq[one.site] = one.seq
            assert (one.transition == "raised") == (one.alert not in self.life), "an alert is raised once, and first"
            self.life.setdefault(one.alert, []).append(one)
            assert one.transition != "raised" or from_iso(one.onset_at) <= from_iso(one.at)

    def _one_alert_a_rule(self) -> None:
        keys = [(a.subject.site, a.subject.patient, a.subject.session, a.rule) for a in self.shard.desk.open.values()]
        assert len(keys) == len(set(keys))

    def _high_is_paged(self, effects: list[Effect]) -> None:
        told = {alert for page in effects if isinstance(page, Page) for alert in page.alerts}
        for one in effects:
            if isinstance(one, Transition) and one.priority == "high" and one.transition in {"raised", "worsened"}:
                assert one.alert in told, "a high priority is paged at once"


def _category(alert: Alert) -> str:
    return RULES[alert.rule].category


def _proves_nothing(record: Vitals) -> bool:
    bounds = {channel.name: (channel.lowest, channel.highest) for channel in CHANNELS}
    readings = {name: getattr(record, name) for name in bounds if getattr(record, name) is not None}
    return all(not bounds[name][0] <= value <= bounds[name][1] for name, value in readings.items())


@both_clocks
@one_in(3)
@given(day=acts())
def test_what_must_not_happen_does_not(clock: Clock, day: list[Act]) -> None:
    watcher = Watcher.of(clock)
    now_us = START_US
    for line in lines_of(day):
        now_us = line.received_us
        before = watcher.physiological()
        rows = set(watcher.shard.ward.association.sessions)
        effects = watcher.step(now_us, pack([]))  # time passes, and nothing is heard
        if rows == set(watcher.shard.ward.association.sessions):
            _only_ran_out(before, watcher.physiological(), effects)
        record = _order(watcher.shard, line.record, now_us) if isinstance(line.record, Order) else line.record
        if record is None:
            continue
        others = dict(watcher.shard.desk.open)
        phases = {alert.id: (alert.phase, alert.priority, alert.until_us) for alert in others.values()}
        known = watcher.physiological()
        effects = watcher.step(now_us, pack([record]))
        if isinstance(record, Vitals) and _proves_nothing(record) and clock == "received":
            assert watcher.physiological() == known, "an untrusted reading starts and ends nothing"
        if isinstance(record, AlertAcknowledged | AlertSnoozed | AlertClosed | AlertUnsnoozed) and clock == "received":
            left = {
                a.id: (a.phase, a.priority, a.until_us)
                for a in watcher.shard.desk.open.values()
                if a.id != record.alert
            }
            assert left == {key: value for key, value in phases.items() if key != record.alert}, (
                "one alert's answer is its own"
            )
    _lived_by_the_table(watcher.life.values())
    # What stands at home is quiet for a week at most.
    stranger = Vitals(at=moment(0).replace(year=2026, month=12, day=1), patient="stranger", spo2=97.0)
    watcher.step(now_us + 8 * 24 * HOUR, pack([stranger]))
    quiet = {alert.phase for alert in watcher.shard.desk.open.values()} & {AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED}
    assert quiet == set(), "whatever was quieted runs out"


def _only_ran_out(before: dict[str, Any], after: dict[str, Any], effects: list[Effect]) -> None:
    """Silence lets an acknowledgement run out, and does nothing else to an alert about a body."""
    expired = {one.alert for one in effects if isinstance(one, Transition) and one.transition == "expired"}
    for alert, (phase, priority) in before.items():
        assert after[alert] == ((AlertPhase.ACTIVE, priority) if alert in expired else (phase, priority)), (
            "missing data ends nothing"
        )
    assert set(after) == set(before), "missing data starts nothing about a body"


def _lived_by_the_table(lives: Iterable[list[Transition]]) -> None:
    for life in lives:
        phases = {AlertPhase.ACTIVE}
        steps = [one.transition for one in life[1:]]
        while steps:
            reached: dict[int, set[AlertPhase]] = {}
            for (phase, _), move in TABLE.items():
                if phase in phases and isinstance(move, Move) and tuple(steps[: len(move.steps)]) == move.steps:
                    reached.setdefault(len(move.steps), set()).add(move.to)
            assert reached, f"{steps[0]} cannot come to an alert that is {sorted(phases)}"
            taken = max(reached)
            phases, steps = reached[taken], steps[taken:]
