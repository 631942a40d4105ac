"""The desk beside a small model of what must be open, under findings, answers, time and restarts in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.desk.desk import ACKNOWLEDGED_AT_HOME, ACKNOWLEDGED_FOR, SNOOZE_AT_MOST, Desk
from alerts.effects import AuditEntry, DeadLetter, Effect, Page, Transition
from alerts.store.alert_document import fold
from models.findings import Finding, Subject
from models.instants import FAR, MINUTE, SECOND, iso, to_datetime
from models.tables.rules import RULES, Priority
from models.wire.live import AlertPhase, AlertState
from models.wire.observations import (
    AlertAcknowledged,
    AlertClosed,
    AlertEscalated,
    AlertSnoozed,
    AlertUnsnoozed,
)
from tests.support.scenes import START_US

MEDIUM, HIGH = Priority.MEDIUM, Priority.HIGH


@dataclass
class Known:
    """What the model knows of a condition: how bad it is, and the alert about it if one is open."""

    subject: Subject
    rule: str
    priority: Priority | None = None
    alert: str | None = None
    phase: AlertPhase | None = None
    worst: Priority = Priority.INFO
    until_us: int | None = None
    closed_at: Priority | None = None

    def opened(self, alert: str, priority: Priority) -> None:
        self.alert, self.phase, self.worst, self.until_us, self.closed_at = (
            alert,
            AlertPhase.ACTIVE,
            priority,
            None,
            None,
        )

    def gone(self) -> None:
        self.alert = self.phase = self.until_us = None


PLACES = [
    Known(Subject(site, patient, session, chair), name)
    for site, patient, session, chair in (("main", "A-1", "S-1", "1"), ("main", "A-1", None, None), ("north", "A-1", "S-1", "1"), ("main", "B-2", "S-2", "2"))
    for name in ("desaturation", "bradycardia", "probe-off")
]  # fmt: skip
places = st.integers(0, len(PLACES) - 1)


def among(wanted: Callable[[Known], bool]) -> Callable[[Any], Any]:
    """A step for one of the conditions that are so; without any it is no step."""

    def enrol(step: Callable[[Any, Known], None]) -> Any:
        def chosen(self: DeskMachine, which: int, **more: Any) -> None:
            such = [one for one in self.known if wanted(one)]
            step(self, such[which % len(such)], **more)

        chosen.__name__ = step.__name__
        return precondition(lambda self: any(wanted(one) for one in self.known))(chosen)

    return enrol


def quiet(one: Known) -> bool:
    return one.priority is None


def going_on(one: Known) -> bool:
    return one.priority is not None


def is_open(one: Known) -> bool:
    return one.alert is not None


priorities = st.sampled_from(Priority)


class DeskMachine(RuleBasedStateMachine):
    """Findings, commands, restarts and time in any order; the model above says what the desk must have open."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.clock_us = START_US
        self.known = [Known(place.subject, place.rule) for place in PLACES]
        self.seq: dict[str, int] = {}
        self.pages: list[Page] = []
        self.raised: set[str] = set()
        self.shown: dict[str, AlertState] = {}

    # ---- what comes in

    def _find(self, one: Known, change: Any, priority: Priority) -> list[Effect]:
        self.desk.find(
            Finding(change, one.subject, one.rule, priority, self.clock_us, self.clock_us, self.clock_us, "text", {"value": 1}, "source")
        )  # fmt: skip
        return self._take()

    def _take(self) -> list[Effect]:
        effects = list(self.desk.take())
        told: set[str] = set()
        for effect in effects:
            if isinstance(effect, Page):
                self.pages.append(effect)
                told |= set(effect.alerts)
                assert set(effect.alerts) <= self.raised | {one.alert for one in effects if isinstance(one, Transition)}
        for effect in effects:
            if isinstance(effect, Transition):
                assert effect.seq == self.seq.get(effect.site, 0) + 1
                self.seq[effect.site] = effect.seq
                if effect.transition == "raised":
                    assert effect.alert not in self.raised
                    self.raised.add(effect.alert)
                assert effect.alert in self.raised
                self.shown[effect.alert] = fold(self.shown.get(effect.alert), effect)
                if effect.priority == "high" and effect.transition in {"raised", "worsened"}:
                    assert effect.alert in told
                if effect.transition == "escalated":
                    assert effect.alert in told
        return effects

    @rule(which=places, priority=priorities)
    @among(quiet)
    def a_condition_begins(self, one: Known, priority: Priority) -> None:
        self.clock_us += 1  # two conditions of one rule cannot begin at the same instant
        self.time_passes_to(self.clock_us)
        one.priority = priority
        effects = self._find(one, "began", priority)
        (raised,) = [e for e in effects if isinstance(e, Transition) and e.transition == "raised"]
        one.opened(raised.alert, priority)

    @rule(which=places, by=st.integers(1, 3))
    @among(going_on)
    def it_gets_worse_or_easier(self, one: Known, by: int) -> None:
        assert one.priority is not None
        priority = Priority((one.priority + by) % 4)
        worse = priority > one.priority
        one.priority = priority
        self.clock_us += 1
        self.time_passes_to(self.clock_us)
        effects = self._find(one, "changed", priority)
        if one.alert is None:
            assert one.closed_at is not None
            if priority > one.closed_at:
                (raised,) = [e for e in effects if isinstance(e, Transition)]
                one.opened(raised.alert, priority)
            else:
                assert effects == [], "somebody closed it, and it is no worse"
                one.closed_at = priority
            return
        one.worst = max(one.worst, priority)
        if worse:
            one.phase, one.until_us = AlertPhase.ACTIVE, None  # it breaks through whatever was said of the milder one

    @rule(which=places)
    @among(going_on)
    def its_reading_deepens(self, one: Known) -> None:
        assert one.priority is not None
        self.clock_us += 1
        self.time_passes_to(self.clock_us)
        effects = self._find(one, "deepened", one.priority)
        (step,) = [e for e in effects if isinstance(e, Transition)]
        assert (step.priority, step.phase) == (one.priority.word, AlertPhase.ACTIVE)
        if one.alert is None:
            assert step.transition == "raised", "it is worse than what somebody closed"
            one.opened(step.alert, one.priority)
            return
        assert (step.transition, step.alert) == ("worsened", one.alert)
        one.phase, one.until_us = AlertPhase.ACTIVE, None

    @rule(which=places)
    @among(going_on)
    def it_ends(self, one: Known) -> None:
        assert one.priority is not None
        self._find(one, "ended", one.priority)
        one.priority = one.closed_at = None
        if one.alert is not None:
            unseen = one.phase is AlertPhase.ACTIVE and RULES[one.rule].latches and one.worst >= MEDIUM
            if unseen:
                one.phase = AlertPhase.LATCHED
            else:
                one.gone()

    def _command(self, kind: Any, alert: str, **more: Any) -> list[Effect]:
        self.desk.command(kind(at=to_datetime(self.clock_us), alert=alert, by="rn-1", **more), self.clock_us)
        return self._take()

    @rule(which=places)
    @among(is_open)
    def somebody_acknowledges(self, one: Known) -> None:
        assert one.alert is not None
        self._command(AlertAcknowledged, one.alert)
        if one.phase is AlertPhase.LATCHED:
            one.gone()
        else:
            assert one.priority is not None
            measured = RULES[one.rule].measured == "reading"
            at_home = one.subject.session is None and one.priority is not Priority.HIGH and not measured
            lasts = ACKNOWLEDGED_AT_HOME[one.priority] if at_home else ACKNOWLEDGED_FOR[one.priority]
            one.phase, one.until_us = AlertPhase.ACKNOWLEDGED, self.clock_us + lasts

    @rule(which=places, minutes=st.integers(-5, 600))
    @among(is_open)
    def somebody_snoozes(self, one: Known, minutes: int) -> None:
        assert one.alert is not None
        effects = self._command(AlertSnoozed, one.alert, until=to_datetime(self.clock_us) + timedelta(minutes=minutes))
        if one.phase is AlertPhase.LATCHED:
            (entry,) = effects
            assert isinstance(entry, AuditEntry)
            assert entry.outcome == "refused: the condition is over: acknowledge it"
            return
        one.phase = AlertPhase.SNOOZED
        one.until_us = min(max(self.clock_us + minutes * MINUTE, self.clock_us), self.clock_us + SNOOZE_AT_MOST)

    @rule(which=places)
    @among(is_open)
    def somebody_takes_a_snooze_back(self, one: Known) -> None:
        assert one.alert is not None
        self._command(AlertUnsnoozed, one.alert)
        if one.phase is AlertPhase.SNOOZED:
            one.phase, one.until_us = AlertPhase.ACTIVE, None

    @rule(which=places)
    @among(is_open)
    def somebody_closes(self, one: Known) -> None:
        assert one.alert is not None
        effects = self._command(AlertClosed, one.alert)
        if one.phase is not AlertPhase.LATCHED and RULES[one.rule].measured:
            (entry,) = effects
            assert isinstance(entry, AuditEntry)
            assert entry.outcome.startswith("refused: it is measured and goes on")
            return
        one.closed_at = one.priority
        one.gone()

    @rule(which=places)
    @among(is_open)
    def somebody_escalates(self, one: Known) -> None:
        assert one.alert is not None
        self._command(AlertEscalated, one.alert)
        if one.phase is not AlertPhase.LATCHED:
            one.phase, one.until_us = AlertPhase.ACTIVE, None

    @rule()
    def somebody_answers_an_alert_that_is_not_there(self) -> None:
        (letter,) = self._command(AlertAcknowledged, "nonesuch")
        assert isinstance(letter, DeadLetter)
        assert letter.reason == "no open alert nonesuch"

    # ---- time and crashes

    @rule(seconds_=st.sampled_from([0, 1, 29, 31, 299, 301, 1900, 3601, 5 * 3600]))
    def time_passes(self, seconds_: int) -> None:
        self.clock_us += seconds_ * SECOND
        self.time_passes_to(self.clock_us)

    def time_passes_to(self, clock_us: int) -> None:
        self.desk.advance(clock_us)
        self._take()
        for one in self.known:
            if one.until_us is not None and one.until_us < clock_us:
                one.phase, one.until_us = AlertPhase.ACTIVE, None

    @rule()
    def the_shard_restarts(self) -> None:
        packed = self.desk.packed()
        self.desk = Desk.unpacked(packed)
        assert self.desk.packed() == packed

    # ---- what must hold, and what must not happen

    @invariant()
    def the_open_alerts_are_the_model_s(self) -> None:
        told = {
            a.id: (a.subject, a.rule, a.phase, a.until_us if a.until_us < 2**62 else None)
            for a in self.desk.open.values()
        }
        assert told == {
            one.alert: (one.subject, one.rule, one.phase, one.until_us) for one in self.known if one.alert is not None
        }

    @invariant()
    def no_measured_condition_stands_without_an_alert_that_is_open_or_was_answered_within_its_time(self) -> None:
        for one in self.known:
            if one.priority is not None and RULES[one.rule].measured:
                alert = self.desk.open.at((one.subject.site, one.subject.patient, one.subject.session, one.rule))
                assert alert is not None
                answered = alert.phase in {AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED}
                assert alert.phase is AlertPhase.ACTIVE or (answered and self.clock_us <= alert.until_us < FAR)

    @invariant()
    def a_board_shows_each_alert_in_the_desk_s_phase(self) -> None:
        for alert, shown in self.shown.items():
            held = self.desk.open.get(alert)
            assert shown["phase"] == (AlertPhase.CLOSED if held is None else held.phase)
            if held is not None:
                answered = held.phase in {AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED}
                assert shown["by"] == ("rn-1" if answered else None)
                assert shown["until"] == (iso(held.until_us) if answered else None)

    @invariant()
    def an_open_alert_is_found_by_its_id_its_key_and_its_patient_and_by_what_is_due_next(self) -> None:
        alerts = list(self.desk.open.values())
        assert [self.desk.open[alert.id] for alert in alerts] == [self.desk.open.at(a.key) for a in alerts] == alerts
        for site, patient in {(place.subject.site, place.subject.patient) for place in PLACES}:
            theirs = [a for a in alerts if (a.subject.site, a.subject.patient) == (site, patient)]
            assert list(self.desk.open.of_patient(site, patient)) == theirs
        due = [instant for a in alerts for instant in (a.until_us, a.page_due_us)]
        assert self.desk.open.next_due_us == min(due, default=FAR)

    @invariant()
    def no_page_is_sent_twice(self) -> None:
        assert len({page.key for page in self.pages}) == len(self.pages)

    @invariant()
    def a_high_alert_that_is_active_has_been_paged(self) -> None:
        told = {alert for page in self.pages for alert in page.alerts}
        assert {a.id for a in self.desk.open.values() if a.priority is HIGH and a.phase is AlertPhase.ACTIVE} <= told


DeskMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None, derandomize=True)
TestDesk = DeskMachine.TestCase
