"""The desk: alerts answered, put off and come back, and who is paged when. A small model says what must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.desk.desk import ACKNOWLEDGED_AT_HOME, ACKNOWLEDGED_FOR, SNOOZE_AT_MOST, Desk
from alerts.desk.paging import GROUP_FOR, QUIET_AFTER
from alerts.effects import AuditEntry, DeadLetter, Effect, Page, Transition
from alerts.store.alert_document import fold
from models.findings import Finding, Subject
from models.instants import FAR, HOUR, MINUTE, SECOND, iso, to_datetime
from models.tables.rules import INHIBITS, RULES, Priority
from models.wire.live import AlertPhase, AlertState
from models.wire.observations import (
    AlertAcknowledged,
    AlertClosed,
    AlertEscalated,
    AlertSnoozed,
    AlertUnsnoozed,
    SiteConfigured,
)
from tests.support.scenes import START_US, Scene, breathing, moment, seconds

INFO, LOW, MEDIUM, HIGH = Priority


# ---- a reference model


@dataclass
class Known:
    """What the model knows of a condition: how bad it is, and the alert about it if one is open."""

    subject: Subject
    rule: str
    priority: Priority | None = None
    alert: str | None = None
    phase: AlertPhase | None = None
    worst: Priority = INFO
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
            at_home = one.subject.session is None and one.priority is not Priority.HIGH
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
        self._command(AlertClosed, one.alert)
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


# ---- stories


def test_no_technical_rule_holds_back_a_measured_one() -> None:
    for rule_, held_back in INHIBITS.items():
        if RULES[rule_].category == "technical":
            assert {RULES[other].category for other in held_back} <= {"technical", "protocol"}


def test_an_inhibitor_says_what_it_holds_back_of_its_own_kind() -> None:
    assert {*INHIBITS, *(other for held in INHIBITS.values() for other in held)} <= set(RULES)
    assert not any(rule_ in held for rule_, held in INHIBITS.items())


def test_every_acknowledgement_runs_out_and_the_worse_the_sooner() -> None:
    lengths = [ACKNOWLEDGED_FOR[priority] for priority in sorted(Priority, reverse=True)]
    assert lengths == sorted(lengths)
    assert max(lengths) == 4 * HOUR


def low_oxygen(clinic: Scene, length: int, reading: float = 88) -> None:
    clinic.chair("3").shows(length, spo2=reading, hr=breathing(70, length))


def test_an_acknowledged_alert_whose_condition_goes_on_comes_back_and_pages() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    low_oxygen(clinic, 20)
    clinic.acknowledges("desaturation")
    low_oxygen(clinic, 31 * 60)
    assert [line.split(" (")[0] for line in clinic.told("desaturation")] == [
        "0:15 medium desaturation raised",
        "0:20 medium desaturation acknowledged",
        "30:20 medium desaturation expired",
    ]
    assert [seconds(page.at) for page in clinic.pages] == [15, 30 * 60 + 20]


def test_a_worse_reading_breaks_through_a_snooze() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    low_oxygen(clinic, 20)
    clinic.snoozes("desaturation", minutes=60)
    low_oxygen(clinic, 20, 83)
    assert clinic.told("desaturation")[2:] == ["0:30 high desaturation worsened (P-3)"]
    assert [(seconds(page.at), page.priority) for page in clinic.pages] == [(15, "medium"), (30, "high")]


def test_a_worse_reading_breaks_through_a_close_even_where_it_was_as_bad_before() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    low_oxygen(clinic, 15, 83)
    low_oxygen(clinic, 35, 89)
    assert clinic.alert("desaturation").priority is MEDIUM
    clinic.closes("desaturation")
    low_oxygen(clinic, 15, 83)
    assert [line.split(" (")[0] for line in clinic.told("desaturation")] == [
        "0:10 high desaturation raised",
        "0:45 medium desaturation eased",
        "0:50 medium desaturation closed",
        "1:00 high desaturation raised",
    ]
    assert [page.priority for page in clinic.pages] == ["high", "high"]


def test_what_somebody_closed_is_not_raised_again_for_getting_easier() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.scores("cadss", 20)
    clinic.closes("dissociation")
    clinic.now_s += 60
    three.scores("cadss", 8)
    assert len(clinic.told("dissociation")) == 2


def test_a_second_acknowledgement_is_on_record_and_its_time_begins_anew() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    low_oxygen(clinic, 20)
    clinic.acknowledges("desaturation", by="rn-1")
    low_oxygen(clinic, 10 * 60)
    clinic.acknowledges("desaturation", by="rn-2")
    low_oxygen(clinic, 31 * 60)
    assert [
        (line.transition, line.evidence.get("by")) for line in clinic.transitions if line.rule == "desaturation"
    ] == [
        ("raised", None),
        ("acknowledged", "rn-1"),
        ("acknowledged", "rn-2"),
        ("expired", None),
    ]
    assert [seconds(page.at) for page in clinic.pages] == [15, 20 + 10 * 60 + 30 * 60]


def test_whoever_takes_a_snooze_back_is_not_paged_and_whoever_lets_it_run_out_is() -> None:
    def pages_after(minutes_s: int, *, taken_back: bool) -> list[float]:
        clinic = Scene()
        clinic.chair("3").starts()
        low_oxygen(clinic, 20)
        clinic.snoozes("desaturation", minutes=10)
        low_oxygen(clinic, 6 * 60)
        if taken_back:
            clinic.send(AlertUnsnoozed(at=moment(clinic.now_s), alert=clinic.alert("desaturation").id, by="rn-1"))
        low_oxygen(clinic, minutes_s)
        return [seconds(page.at) for page in clinic.pages]

    assert pages_after(60, taken_back=True) == [15]
    assert pages_after(5 * 60, taken_back=False) == [15, 20 + 10 * 60]


def test_a_latched_alert_that_is_escalated_pages_and_waits_to_be_seen_all_the_same() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    low_oxygen(clinic, 20)
    low_oxygen(clinic, 40, 96)
    latched = clinic.alert("desaturation")
    assert latched.phase is AlertPhase.LATCHED
    clinic.send(AlertEscalated(at=moment(clinic.now_s), alert=latched.id, by="rn-1"))
    assert clinic.alert("desaturation").phase is AlertPhase.LATCHED
    assert [seconds(page.at) for page in clinic.pages] == [15, clinic.now_s]
    clinic.acknowledges("desaturation")
    assert [line.split(" (")[0].split(" ", 1)[1] for line in clinic.told("desaturation")[2:]] == [
        "medium desaturation escalated",
        "medium desaturation acknowledged",
        "medium desaturation closed",
    ]


def test_answering_one_alert_leaves_the_patient_s_others_alone() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(32, spo2=88, hr=breathing(40, 32), rr=breathing(5, 32))
    clinic.acknowledges("desaturation")
    phases = {alert.rule: alert.phase for alert in clinic.shard.desk.open.values()}
    assert phases == {
        "desaturation": AlertPhase.ACKNOWLEDGED,
        "bradycardia": AlertPhase.ACTIVE,
        "bradypnoea": AlertPhase.ACTIVE,
    }


def test_what_runs_out_at_one_instant_runs_out_in_the_order_in_which_it_began_and_pages_the_worst_first() -> None:
    desk = Desk()
    for n, (patient, priority) in enumerate([("A-1", MEDIUM), ("B-2", MEDIUM), ("C-3", HIGH)]):
        subject = Subject("main", patient, f"S-{n}")
        desk.find(Finding("began", subject, "desaturation", priority, 9 - n, 9 - n, 10, "t", {}, "s"))
    until = to_datetime(10 + 5 * MINUTE)
    for alert in list(desk.open):
        desk.command(AlertSnoozed(at=to_datetime(10), alert=alert, by="rn-1", until=until), 10)
    desk.take()
    desk.advance(10 + 5 * MINUTE)
    assert desk.take() == (), "what is due at an instant is still not due then"
    desk.advance(10 + 5 * MINUTE + 1)
    effects = desk.take()
    assert [one.patient for one in effects if isinstance(one, Transition)] == ["C-3", "B-2", "A-1"]
    assert {one.at for one in effects} == {"1970-01-01T00:05:00.000Z"}


def test_pages_that_wait_for_one_instant_go_out_the_worst_first() -> None:
    desk = Desk()
    waiting = [("A-1", "desaturation", 20), ("B-2", "bradycardia", 20), ("C-3", "desaturation", 20)]
    for patient, _, _ in waiting:
        desk.find(Finding("began", Subject("main", patient, "S"), "tachycardia", MEDIUM, 10, 10, 10, "t", {}, "s"))
    for n, (patient, rule_, at_us) in enumerate(waiting):
        desk.find(Finding("began", Subject("main", patient, "S"), rule_, MEDIUM, at_us, at_us - n, at_us, "t", {}, "s"))
    desk.take()
    desk.advance(10 + GROUP_FOR + 1)
    assert [page.patient for page in desk.take() if isinstance(page, Page)] == ["C-3", "B-2", "A-1"]


def test_several_limits_crossed_at_once_are_one_page() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(75, spo2=88, hr=breathing(40, 75), rr=breathing(5, 75))
    first, second = clinic.pages
    assert (seconds(first.at), len(first.alerts)) == (15, 1)
    assert (seconds(second.at), len(second.alerts)) == (15 + GROUP_FOR // SECOND, 2)


def test_a_rule_that_comes_and_goes_is_not_paged_each_time() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    for _ in range(4):
        low_oxygen(clinic, 20)
        low_oxygen(clinic, 35, 94)
        clinic.acknowledges("desaturation")
    assert len([line for line in clinic.told("desaturation") if "raised" in line]) == 4
    assert [seconds(page.at) for page in clinic.pages] == [15]
    low_oxygen(clinic, 300)
    assert [seconds(page.at) for page in clinic.pages] == [15, 15 + QUIET_AFTER // SECOND]


def test_a_high_priority_is_paged_at_once_whatever_was_paged_before() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    for _ in range(3):
        for length, level in ((1, 89), (16, 84), (1, 89), (36, 94)):  # no faster than saturation falls and rises
            low_oxygen(clinic, length, level)
        clinic.acknowledges("desaturation")
    assert [page.priority for page in clinic.pages] == ["high"] * 3


def test_low_priorities_stay_on_the_board() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").cuff(185, 90)
    assert clinic.pages == []
    assert clinic.transitions[0].evidence["page"] == "none: board only"


def test_a_page_holds_the_chair_the_alias_the_value_and_the_link_and_nothing_else() -> None:
    clinic = Scene()
    clinic.configures({}, link="https://watch.example/")
    clinic.chair("3").starts()
    low_oxygen(clinic, 20)
    (page,) = clinic.pages
    assert page.title == "MEDIUM ◆ Chair 3: Low oxygen"
    assert page.body == (
        "Chair 3 (P-3): Low oxygen. SpO2 88 %, below 90 % for 15 s. "
        f"https://watch.example/alert/{clinic.alert('desaturation').id}"
    )


@pytest.mark.parametrize("rule_", ["desaturation", "probe-off"])
def test_a_seen_alert_closes_when_its_condition_ends_and_an_unseen_one_latches_if_its_rule_does(rule_: str) -> None:
    subject = Subject("main", "A-1", "S-1", "1")
    for seen in (True, False):
        desk = Desk()
        desk.find(Finding("began", subject, rule_, MEDIUM, 10, 10, 10, "t", {}, "s"))
        (alert,) = desk.open
        if seen:
            desk.command(AlertAcknowledged(at=to_datetime(20), alert=alert, by="rn-1"), 20)
        desk.find(Finding("ended", subject, rule_, MEDIUM, 30, 10, 30, "t", {}, "s"))
        latched = not seen and RULES[rule_].latches
        assert [each.phase for each in desk.open.values()] == ([AlertPhase.LATCHED] if latched else [])


def test_a_desk_forgets_what_it_paged_once_that_changes_nothing() -> None:
    desk = Desk()
    for n in range(500):
        subject = Subject("main", f"A-{n}", f"S-{n}")
        at_us = n * HOUR
        desk.advance(at_us)
        desk.find(Finding("began", subject, "desaturation", HIGH, at_us, at_us, at_us, "t", {}, "s"))
        for alert in list(desk.open):
            desk.command(AlertClosed(at=to_datetime(at_us), alert=alert, by="rn-1"), at_us)
        desk.find(Finding("ended", subject, "desaturation", HIGH, at_us, at_us, at_us, "t", {}, "s"))
    packed = desk.packed()
    assert (packed["open"], packed["closed"], len(packed["rule_paged"]), len(packed["patient_paged"])) == ([], [], 1, 1)


def test_a_site_s_policies_come_through_the_journal_and_are_kept_over_a_restart() -> None:
    desk = Desk()
    desk.configure(SiteConfigured(at=to_datetime(0), site="north", policies={"link": "https://n.example"}))
    (restored,) = Desk.unpacked(desk.packed()).packed()["sites"]
    assert restored == ["north", 0, '{"link": "https://n.example"}']
