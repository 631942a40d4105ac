"""Desk, ladder and rota under alerts, answers, swaps, edits, time and restarts in any order: what must not happen.

The model knows the policies by heart and reads effects alone; only two invariants look into the desk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.desk.desk import Desk
from alerts.desk.ladder import AGAIN
from alerts.effects import Page, Transition
from alerts.rota.watch import TOLD_BEFORE
from models.findings import Finding, Subject
from models.instants import DAY, FAR, HOUR, MINUTE, SECOND, from_iso, to_datetime
from models.tables.rules import Priority
from models.wire.live import AlertPhase
from models.wire.observations import (
    AlertAcknowledged,
    AlertClosed,
    AlertEscalated,
    AlertSnoozed,
    AlertUnsnoozed,
    RotaOverride,
    SiteConfigured,
)

HIGH, MEDIUM = Priority.HIGH, Priority.MEDIUM
START: Final = from_iso("2026-11-02T06:00:00Z")
PEOPLE: Final = ("ada", "ben", "cem")
SHIFT: Final = 3 * HOUR
"""Each of the three is on call for as long, by turns, from 07:00: before it nobody is."""
LADDERS: Final[dict[str, tuple[tuple[list[str], float], ...]]] = {
    "respiratory": ((["schedule:nurses"], 2), (["ben", "cem"], 3)),
    "mood": ((["role:doctor"], 1), (["schedule:nurses"], 2)),
}
REPEAT: Final = 4 * MINUTE
RULES: Final = {
    "desaturation": "respiratory", "suicidal-ideation": "mood", "hypertensive-crisis": "", "hypertension": "",
}  # fmt: skip


def rota(edited: bool) -> dict[str, Any]:
    """The site's configuration. Edited, it knows the people and nothing else of this: no ladder that is climbed may notice."""
    people = {name: {"role": "doctor" if name == "cem" else "nurse"} for name in PEOPLE}
    nurses = {
        "timezone": "UTC",
        "rotations": [{"people": list(PEOPLE), "since": "2026-11-02", "handoff": "07:00", "every_hours": 3}],
    }
    common = {"people": people, "schedules": {"nurses": nurses}}
    if edited:
        return common
    policies = {
        name: {"rungs": [{"who": who, "minutes": minutes} for who, minutes in rungs], "repeat_minutes": 4, "answers": 2 if name == "mood" else 1}
        for name, rungs in LADDERS.items()
    }  # fmt: skip
    return {**common, "policies": policies, "routes": [{"policy": name, "categories": [name]} for name in LADDERS]}


@dataclass(frozen=True)
class Swap:
    """From then until then `who` is there for `covers`; for all where that is None; nobody where `who` is."""

    since_us: int
    until_us: int
    who: str | None
    covers: str | None


def on_call(at_us: int, swaps: list[Swap]) -> list[str]:
    turn = (at_us - START - HOUR) // SHIFT
    found = [PEOPLE[turn % 3]] if turn >= 0 else []
    for swap in swaps:
        if swap.since_us <= at_us < swap.until_us and (swap.covers is None or swap.covers in found):
            found = [] if swap.who is None else [swap.who]
    return found


def called_by(rung: list[str], at_us: int, swaps: list[Swap]) -> list[str]:
    found: list[str] = []
    for who in rung:
        found += on_call(at_us, swaps) if who == "schedule:nurses" else ["cem"] if who == "role:doctor" else [who]
    return found


def next_hole(at_us: int, swaps: list[Swap]) -> int:
    """The first instant from then on at which nobody is on call; `FAR`: none in three days."""
    shifts = [START + HOUR + turn * SHIFT for turn in range(-1, 100)]
    edges = {at_us, *shifts, *(edge for swap in swaps for edge in (swap.since_us, swap.until_us))}
    ahead = [edge for edge in edges if at_us <= edge <= at_us + TOLD_BEFORE]
    return min((edge for edge in ahead if not on_call(edge, swaps)), default=FAR)


@dataclass
class Climb:
    """What the model knows of an open alert: the ladder that it was raised with, and how far pages have gone."""

    policy: str
    answers: int
    phase: AlertPhase = AlertPhase.ACTIVE
    rung: int = 0
    answered: set[str] = field(default_factory=set)
    quiet: bool = False
    last_us: int = 0

    @property
    def rungs(self) -> tuple[tuple[list[str], float], ...]:
        return LADDERS.get(self.policy, ())

    def begins(self) -> None:
        self.rung, self.answered, self.quiet = 0, set(), False


class LadderMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.clock_us = START
        self.edited = False
        self.climbs: dict[str, Climb] = {}
        self.standing: dict[tuple[str, str], Priority] = {}
        self.keys: set[str] = set()
        self.swaps: list[Swap] = []
        self.closed = False
        self._configure()

    def _configure(self) -> None:
        self.desk.configure(
            SiteConfigured(at=to_datetime(self.clock_us), site="main", rota=rota(self.edited)), self.clock_us
        )
        self._read()

    # ---- what comes out

    def _read(self) -> None:
        for effect in self.desk.take():
            if isinstance(effect, Transition):
                self._step(effect)
            elif isinstance(effect, Page) and effect.kind == "page":
                self._paged(effect)
            elif isinstance(effect, Page):
                assert effect.rung == 0, "news calls nobody"

    def _step(self, step: Transition) -> None:
        at_us = from_iso(step.at)
        if step.transition == "raised":
            policy = RULES.get(step.rule, "") if not self.edited else ""
            self.climbs[step.alert] = Climb(policy, 2 if policy == "mood" else 1, last_us=at_us)
        climb = self.climbs[step.alert]
        climb.phase, climb.last_us = step.phase, at_us
        match step.transition:
            case "worsened":
                climb.policy = RULES.get(step.rule, "") if not self.edited else ""
                climb.answers = 2 if climb.policy == "mood" else 1
                climb.begins()
            case "expired":
                climb.begins()
            case "acknowledged" | "snoozed":
                climb.answered.add(str(step.evidence["by"]))
                climb.quiet = len(climb.answered) >= climb.answers
            case "escalated":
                climb.quiet = False
                if "by" not in step.evidence and "no longer says it" not in step.evidence["because"]:
                    assert step.evidence["page"] == "now"
                    assert step.evidence["rung"] > 1
            case "closed":
                climb.quiet = True
                self.closed |= step.rule == "nobody-on-call" and "by" in step.evidence
            case _:
                pass
        for passed in step.evidence.get("nobody", ()):
            climb.rung += 1
            who, _ = climb.rungs[climb.rung - 1]
            left = [one for one in called_by(who, at_us, self.swaps) if one not in climb.answered]
            assert left == [], f"somebody could have been called, and was passed over: {passed}"

    def _paged(self, page: Page) -> None:
        assert page.key not in self.keys, "a receiver drops a second page of this key"
        self.keys.add(page.key)
        at_us = from_iso(page.at)
        for place, alert in enumerate(page.alerts):
            climb = self.climbs[alert]
            assert not climb.quiet, "somebody is paged about what is answered or over"
            climb.last_us = at_us
            if place > 0:
                climb.rung = max(climb.rung, 1)  # it calls whom its own rung would, the first one or the same again
            else:
                last = len(climb.rungs) + 1
                passed = self._nobody_there(climb, at_us)
                assert page.rung <= min(climb.rung + 1 + passed, last), "a rung is skipped"
                assert page.rung >= min(climb.rung, last), "a ladder goes down"
                if page.rung == last:
                    assert page.to == ()
                else:
                    wanted = [
                        one
                        for one in called_by(climb.rungs[page.rung - 1][0], at_us, self.swaps)
                        if one not in climb.answered
                    ]
                    assert list(page.to) == list(dict.fromkeys(wanted)), (
                        "somebody is paged who is on no rung, or is not"
                    )
                    assert page.to, "nobody in particular is everybody"
                climb.rung = page.rung

    def _nobody_there(self, climb: Climb, at_us: int) -> int:
        """How many rungs after the last called one have nobody to call."""
        passed = 0
        for who, _ in climb.rungs[climb.rung :]:
            if any(one not in climb.answered for one in called_by(who, at_us, self.swaps)):
                break
            passed += 1
        return passed

    # ---- what comes in

    def _find(self, change: Any, chair: str, name: str, priority: Priority) -> None:
        self.desk.find(
            Finding(change, Subject("main", f"P-{chair}", f"S-{chair}", chair), name, priority, self.clock_us, self.clock_us, self.clock_us, "text", {}, "s")
        )  # fmt: skip
        self._read()

    @rule(chair=st.sampled_from("12"), name=st.sampled_from(sorted(RULES)), priority=st.sampled_from([HIGH, MEDIUM]))
    def a_condition_begins_or_changes_or_ends(self, chair: str, name: str, priority: Priority) -> None:
        self.clock_us += 1
        self.time_passes_to(self.clock_us)
        before = self.standing.get((chair, name))
        if before is None:
            self._find("began", chair, name, priority)
            self.standing[chair, name] = priority
        elif before is priority:
            self._find("ended", chair, name, before)
            del self.standing[chair, name]
        else:
            self._find("changed", chair, name, priority)
            self.standing[chair, name] = priority

    def _say(self, which: int, kind: Any, by: str, **more: Any) -> str:
        alert = sorted(self.desk.open)[which % len(self.desk.open)]
        self.desk.command(kind(at=to_datetime(self.clock_us), alert=alert, by=by, **more), self.clock_us)
        return alert

    @precondition(lambda self: self.desk.open)
    @rule(which=st.integers(0, 20), by=st.sampled_from(PEOPLE))
    def somebody_acknowledges(self, which: int, by: str) -> None:
        self._say(which, AlertAcknowledged, by)
        self._read()

    @precondition(lambda self: self.desk.open)
    @rule(which=st.integers(0, 20), by=st.sampled_from(PEOPLE), taken_back=st.booleans())
    def somebody_snoozes_and_may_take_it_back(self, which: int, by: str, taken_back: bool) -> None:
        alert = self._say(which, AlertSnoozed, by, until=to_datetime(self.clock_us + 15 * MINUTE))
        self._read()
        if taken_back and self.climbs[alert].phase is AlertPhase.SNOOZED:
            self._say(which, AlertUnsnoozed, by)
            self.climbs[alert].begins()
            self._read()

    @precondition(lambda self: self.desk.open)
    @rule(which=st.integers(0, 20), by=st.sampled_from(PEOPLE), kind=st.sampled_from([AlertClosed, AlertEscalated]))
    def somebody_closes_or_calls_for_help(self, which: int, by: str, kind: Any) -> None:
        self._say(which, kind, by)
        self._read()

    @rule()
    def the_site_is_configured_anew(self) -> None:
        self.edited = not self.edited
        self._configure()

    @rule(
        who=st.sampled_from([*PEOPLE, None]), covers=st.sampled_from([*PEOPLE, None]),
        ahead=st.sampled_from([-HOUR, 0, 10 * MINUTE, SHIFT, DAY]), lasts=st.sampled_from([MINUTE, HOUR, SHIFT, 4 * SHIFT]),
    )  # fmt: skip
    def somebody_swaps(self, who: str | None, covers: str | None, ahead: int, lasts: int) -> None:
        swap = Swap(self.clock_us + ahead, self.clock_us + ahead + lasts, who, covers)
        self.swaps.append(swap)
        since, until = to_datetime(swap.since_us), to_datetime(swap.until_us)
        record = RotaOverride(
            at=to_datetime(self.clock_us), schedule="nurses", who=who, covers=covers, since=since, until=until, by="ada"
        )  # fmt: skip
        assert self.desk.override(record, self.clock_us)
        self._read()

    @rule(step=st.sampled_from([SECOND, 31 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR]))
    def time_passes(self, step: int) -> None:
        self.clock_us += step
        self.time_passes_to(self.clock_us)

    def time_passes_to(self, clock_us: int) -> None:
        self.desk.advance(clock_us)
        self._read()

    @rule()
    def the_shard_restarts(self) -> None:
        packed = self.desk.packed()
        self.desk = Desk.unpacked(packed)
        assert self.desk.packed() == packed

    # ---- what must not happen

    @invariant()
    def no_unanswered_alert_is_without_a_call_to_come(self) -> None:
        for alert in self.desk.open.values():
            climb = self.climbs[alert.id]
            unanswered = alert.phase is AlertPhase.ACTIVE or (
                alert.phase in {AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED} and not climb.quiet
            )
            if unanswered:
                assert self.clock_us <= alert.page_due_us < FAR or alert.held_by
            if alert.held_by:
                assert alert.priority is MEDIUM, "nothing holds back a high one"
                others = self.desk.open.of_patient("main", alert.subject.patient)
                assert any(one.rule == alert.held_by and one.phase is not AlertPhase.LATCHED for one in others)
            if climb.quiet and alert.phase is not AlertPhase.LATCHED:
                assert alert.page_due_us == FAR

    @invariant()
    def no_high_alert_is_silent_for_longer_than_its_ladder_waits(self) -> None:
        longest = max(REPEAT, 3 * MINUTE, AGAIN[HIGH])
        for alert in self.desk.open.values():
            if alert.priority is HIGH and alert.phase is AlertPhase.ACTIVE:
                # What was medium first may wait as long as a medium one, and no longer.
                wait_us = longest if alert.ladder is not None and alert.ladder.policy else AGAIN[MEDIUM]
                assert self.clock_us - self.climbs[alert.id].last_us <= wait_us

    @invariant()
    def no_hole_in_the_rota_is_untold_and_none_that_is_filled_is_told(self) -> None:
        # What falls due now does so at the next instant: where the two differ nothing can be said yet.
        instants = (self.clock_us - 1, self.clock_us)
        (hole, later) = (next_hole(at_us, self.swaps) for at_us in instants)
        begun = hole <= instants[0]
        if (hole < FAR) is not (later < FAR) or begun is not (later <= instants[1]):
            return
        told = [alert for alert in self.desk.open.values() if alert.rule == "nobody-on-call"]
        if hole == FAR:
            assert told == []
        else:
            assert told or self.closed, "nobody is told that nobody will be on call"
            assert all((alert.priority is HIGH) is begun for alert in told)


TestLadders = LadderMachine.TestCase
TestLadders.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, phases=[Phase.explicit, Phase.generate]
)
