"""The desk: alerts answered, put off and come back, and who is paged when, as stories."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from alerts.desk.desk import ACKNOWLEDGED_FOR, Desk
from alerts.desk.digest import digest_page
from alerts.desk.paging import GROUP_FOR, QUIET_AFTER
from alerts.effects import AuditEntry, Page, Transition
from models.findings import Digest, DigestLine, Finding, Subject
from models.instants import HOUR, MINUTE, SECOND, from_iso, to_datetime
from models.tables.rules import INHIBITS, RULES, Priority
from models.wire.live import AlertPhase
from models.wire.observations import (
    AlertAcknowledged,
    AlertClosed,
    AlertEscalated,
    AlertSnoozed,
    AlertUnsnoozed,
    SiteConfigured,
)
from tests.support.scenes import Scene, breathing, seconds

INFO, LOW, MEDIUM, HIGH = Priority


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


def test_a_low_saturation_cannot_be_closed_away() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    low_oxygen(clinic, 20, 70)
    clinic.acknowledges("desaturation")
    (entry,) = clinic.closes("desaturation")
    assert isinstance(entry, AuditEntry)
    assert (entry.kind, entry.by) == ("alert.closed", "rn-1")
    assert entry.outcome.startswith("refused: it is measured and goes on: acknowledge or snooze it")
    assert clinic.alert("desaturation").phase is AlertPhase.ACKNOWLEDGED
    low_oxygen(clinic, 11 * 60, 70)
    assert [line.split(" (")[0] for line in clinic.told("desaturation")] == [
        "0:10 high desaturation raised",
        "0:20 high desaturation acknowledged",
        "10:20 high desaturation expired",
    ]
    low_oxygen(clinic, 60, 97)
    assert clinic.alert("desaturation").phase is AlertPhase.LATCHED
    clinic.closes("desaturation")
    assert "desaturation" not in clinic.open_rules(), "what is over may be closed"


def test_a_worse_priority_breaks_through_a_close_of_what_is_not_measured_even_where_it_was_as_bad_before() -> None:
    desk = Desk()
    alert = begun(desk, "no-data")
    finds(desk, "changed", "no-data", 1 * MINUTE, LOW)
    commands(desk, AlertClosed, alert, 2 * MINUTE)
    desk.take()
    finds(desk, "changed", "no-data", 3 * MINUTE, MEDIUM)
    assert steps_and_pages(desk)[0] == ("raised", None, 3 * MINUTE)


def test_what_somebody_closed_is_not_raised_again_for_getting_easier() -> None:
    desk = Desk()
    alert = begun(desk, "no-data")
    commands(desk, AlertClosed, alert, 1 * MINUTE)
    desk.take()
    finds(desk, "changed", "no-data", 2 * MINUTE, LOW)
    assert (desk.take(), list(desk.open)) == ((), [])


def finds(
    desk: Desk, change: Literal["began", "changed", "ended"], rule_: str, at_us: int, priority: Priority = MEDIUM,
    session: str | None = "S-1", onset_us: int | None = None, **evidence: object,
) -> None:  # fmt: skip
    """Something of the patient A-1 begins, changes or ends now; it began now, too, unless said."""
    desk.advance(at_us)
    onset_us = at_us if onset_us is None else onset_us
    subject = Subject("main", "A-1", session, None if session is None else "1")
    desk.find(Finding(change, subject, rule_, priority, at_us, onset_us, at_us, f"{rule_}.", evidence, "s"))


def begun(desk: Desk, rule_: str = "desaturation", at_us: int = 10, **more: Any) -> str:
    """The id of an alert that a desk raises now."""
    finds(desk, "began", rule_, at_us, **more)
    return next(reversed(list(desk.open)))


def commands(desk: Desk, kind: Any, alert: str, at_us: int, by: str = "rn-1", **more: Any) -> None:
    desk.advance(at_us)
    desk.command(kind(at=to_datetime(at_us), alert=alert, by=by, **more), at_us)


def steps_and_pages(desk: Desk) -> list[tuple[str, str | None, int]]:
    """Transitions as (name, by whom, µs), pages as ("page", None, µs)."""
    found: list[tuple[str, str | None, int]] = []
    for one in desk.take():
        if isinstance(one, Transition):
            found.append((one.transition, one.evidence.get("by"), from_iso(one.at)))
        elif isinstance(one, Page):
            found.append(("page", None, from_iso(one.at)))
    return found


def test_a_second_acknowledgement_is_on_record_and_its_time_begins_anew() -> None:
    desk = Desk()
    alert = begun(desk)
    desk.take()
    commands(desk, AlertAcknowledged, alert, 1 * MINUTE, "rn-1")
    commands(desk, AlertAcknowledged, alert, 11 * MINUTE, "rn-2")
    desk.advance(60 * MINUTE)
    assert steps_and_pages(desk) == [
        ("acknowledged", "rn-1", 1 * MINUTE),
        ("acknowledged", "rn-2", 11 * MINUTE),
        ("expired", None, 41 * MINUTE),
        ("page", None, 41 * MINUTE),
    ]


def test_whoever_takes_a_snooze_back_is_not_paged_and_whoever_lets_it_run_out_is() -> None:
    for taken_back in (True, False):
        desk = Desk()
        alert = begun(desk)
        commands(desk, AlertSnoozed, alert, 1 * MINUTE, until=to_datetime(11 * MINUTE))
        desk.take()
        if taken_back:
            commands(desk, AlertUnsnoozed, alert, 7 * MINUTE)
        desk.advance(37 * MINUTE)
        assert steps_and_pages(desk) == (
            [("expired", "rn-1", 7 * MINUTE)]
            if taken_back
            else [("expired", None, 11 * MINUTE), ("page", None, 11 * MINUTE)]
        )
        # Nobody has it in hand in either case, so it is asked again.
        desk.advance(42 * MINUTE)
        assert steps_and_pages(desk) == [("page", None, (37 if taken_back else 41) * MINUTE)]


def test_a_snooze_until_an_instant_that_is_past_runs_out_at_once_and_not_before_it_was_asked_for() -> None:
    desk = Desk()
    alert = begun(desk)
    commands(desk, AlertSnoozed, alert, 10 * MINUTE, until=to_datetime(4 * MINUTE))
    (snoozed,) = (one for one in desk.take() if isinstance(one, Transition) and one.transition == "snoozed")
    assert snoozed.evidence["until"] == snoozed.at == "1970-01-01T00:10:00.000Z"
    desk.advance(40 * MINUTE)
    assert steps_and_pages(desk) == [("expired", None, 10 * MINUTE), ("page", None, 10 * MINUTE)]


def test_a_latched_alert_that_is_escalated_pages_and_waits_to_be_seen_all_the_same() -> None:
    desk = Desk()
    alert = begun(desk)
    finds(desk, "ended", "desaturation", 1 * MINUTE)
    desk.take()
    commands(desk, AlertEscalated, alert, 2 * MINUTE)
    assert desk.open[alert].phase is AlertPhase.LATCHED
    commands(desk, AlertAcknowledged, alert, 3 * MINUTE)
    assert steps_and_pages(desk) == [
        ("escalated", "rn-1", 2 * MINUTE),
        ("page", None, 2 * MINUTE),
        ("acknowledged", "rn-1", 3 * MINUTE),
        ("closed", "rn-1", 3 * MINUTE),
    ]


def test_what_goes_on_under_another_name_is_not_waited_for_to_be_seen() -> None:
    desk = Desk()
    begun(desk)
    finds(desk, "ended", "desaturation", 1 * MINUTE, goes_on_as="A-2")
    assert not desk.open


def test_closing_what_is_over_is_not_remembered_as_closing_what_goes_on() -> None:
    desk = Desk()
    alert = begun(desk)
    finds(desk, "ended", "desaturation", 1 * MINUTE)
    commands(desk, AlertClosed, alert, 2 * MINUTE)
    assert desk.packed()["closed"] == []


def test_an_answer_from_a_phone_whose_clock_is_ahead_is_from_now() -> None:
    desk = Desk()
    alert = begun(desk)
    desk.take()
    desk.command(AlertAcknowledged(at=to_datetime(5 * MINUTE), alert=alert, by="rn-1"), 1 * MINUTE)
    assert steps_and_pages(desk) == [("acknowledged", "rn-1", 1 * MINUTE)]


@pytest.mark.parametrize(("rule_", "session"), [("observation-incomplete", "S-1"), ("suicidal-ideation", None)])
def test_what_is_said_each_time_is_one_alert_until_somebody_closes_it_and_only_worse_is_news(
    rule_: str, session: str | None
) -> None:
    desk = Desk()
    alert = begun(desk, rule_, session=session)
    desk.take()
    for at_us, priority in ((1 * MINUTE, MEDIUM), (2 * MINUTE, LOW)):
        finds(desk, "began", rule_, at_us, priority, session)
    assert (list(desk.open), desk.take()) == ([alert], ())
    finds(desk, "began", rule_, 3 * MINUTE, HIGH, session)
    assert steps_and_pages(desk) == [("worsened", None, 3 * MINUTE), ("page", None, 3 * MINUTE)]
    commands(desk, AlertClosed, alert, 4 * MINUTE)
    assert begun(desk, rule_, 5 * MINUTE, session=session) != alert


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


def test_pages_that_wait_for_one_instant_go_out_the_worst_first_then_in_the_order_in_which_it_began() -> None:
    desk = Desk()
    patients = ["A-1", "B-2", "C-3", "D-4"]
    subjects = {patient: Subject("main", patient, "S") for patient in patients}
    for subject in subjects.values():
        desk.find(Finding("began", subject, "tachycardia", MEDIUM, 10, 10, 10, "t", {}, "s"))
    for n, subject in enumerate(subjects.values()):
        desk.find(Finding("began", subject, "desaturation", MEDIUM, 20, 20 - n, 20, "t", {}, "s"))
    desk.find(Finding("changed", subjects["D-4"], "desaturation", LOW, 30, 17, 30, "t", {}, "s"))
    desk.take()
    desk.advance(10 + GROUP_FOR + 1)
    assert [page.patient for page in desk.take() if isinstance(page, Page)] == ["C-3", "B-2", "A-1", "D-4"]


def test_what_somebody_closed_is_raised_again_when_it_is_worse_than_it_has_become_since() -> None:
    desk = Desk()
    alert = begun(desk, "no-data")
    commands(desk, AlertClosed, alert, 20)
    desk.take()

    def becomes(priority: Priority, at_us: int) -> list[tuple[str, str | None, int]]:
        finds(desk, "changed", "no-data", at_us, priority, onset_us=10)
        return steps_and_pages(desk)

    assert becomes(MEDIUM, 1 * MINUTE) == []
    assert becomes(LOW, 2 * MINUTE) == []
    assert becomes(MEDIUM, 3 * MINUTE)[:1] == [("raised", None, 3 * MINUTE)]
    assert set(desk.open) != {alert}, "another alert, with an id of its own"


def reasons(desk: Desk) -> list[object]:
    """Why somebody was paged about what was raised, or not."""
    return [one.evidence["page"] for one in desk.take() if isinstance(one, Transition) and "page" in one.evidence]


def test_what_somebody_acknowledged_while_its_page_waited_is_not_paged() -> None:
    desk = Desk()
    begun(desk, "tachycardia", 0)
    alert = begun(desk, "desaturation", 10 * SECOND)
    commands(desk, AlertAcknowledged, alert, 20 * SECOND)
    desk.take()
    desk.advance(5 * MINUTE)
    assert desk.take() == ()


def test_half_a_minute_after_a_page_the_patient_s_next_alert_is_paged_at_once() -> None:
    desk = Desk()
    begun(desk, "tachycardia", 0)
    begun(desk, "desaturation", GROUP_FOR)
    assert reasons(desk) == ["now", "now"]


def test_what_is_over_holds_no_page_back() -> None:
    desk = Desk()
    begun(desk, "hypertensive-crisis", 0, priority=HIGH)
    begun(desk, "hypertension", 1 * MINUTE)
    assert reasons(desk) == ["now", "none: hypertensive-crisis says it"]
    desk = Desk()
    begun(desk, "hypertensive-crisis", 0, priority=HIGH)
    finds(desk, "ended", "hypertensive-crisis", 1 * MINUTE, HIGH)
    begun(desk, "hypertension", 2 * MINUTE)
    assert reasons(desk) == ["now", "none: it is over", "now"]


def test_a_page_that_waits_for_the_patient_s_next_waits_as_long_as_it_must_and_no_longer() -> None:
    desk = Desk()
    alert = begun(desk, "desaturation", 0)
    commands(desk, AlertAcknowledged, alert, 1 * MINUTE)
    finds(desk, "ended", "desaturation", 2 * MINUTE)
    begun(desk, "tachycardia", 280 * SECOND)
    begun(desk, "desaturation", 285 * SECOND)
    desk.take()
    desk.advance(10 * MINUTE)
    assert steps_and_pages(desk) == [("page", None, 280 * SECOND + GROUP_FOR)]


def test_what_went_out_with_another_s_page_was_paged_like_it() -> None:
    desk = Desk()
    begun(desk, "tachycardia", 0)
    begun(desk, "desaturation", 10 * SECOND)
    other = begun(desk, "bradypnoea", 11 * SECOND)
    desk.advance(1 * MINUTE)
    (page,) = [one for one in desk.take() if isinstance(one, Page) and len(one.alerts) == 2]
    assert other in page.alerts
    commands(desk, AlertAcknowledged, other, 1 * MINUTE)
    finds(desk, "ended", "bradypnoea", 2 * MINUTE)
    desk.take()
    begun(desk, "bradypnoea", 3 * MINUTE)
    assert reasons(desk) == ["later: it was paged within 5 min"]


def test_a_page_is_as_bad_as_the_worst_that_it_tells() -> None:
    desk = Desk()
    begun(desk, "tachycardia", 0)
    begun(desk, "desaturation", 10 * SECOND)
    low = begun(desk, "hypothermia", 11 * SECOND, priority=LOW)
    desk.take()
    commands(desk, AlertEscalated, low, 12 * SECOND)
    (page,) = [one for one in desk.take() if isinstance(one, Page)]
    assert (page.priority, len(page.alerts), page.title) == ("medium", 2, "MEDIUM ◆ Chair 1: Low temperature")
    assert page.body == "hypothermia. desaturation."


def test_a_digest_counts_who_is_due_and_who_is_only_silent_and_names_whoever_is_not_answered_for_in_all() -> None:
    lines = (
        DigestLine("A-1", ("maintenance-due", "checkin-overdue"), "A-1 is due and silent"),
        DigestLine("B-2", ("checkin-overdue",), "B-2 is silent"),
        DigestLine("C-3", ("relapse-risk",), "C-3 is answered for"),
    )
    unanswered = {("A-1", "checkin-overdue"): "a", ("B-2", "checkin-overdue"): "b"}
    page = digest_page(Digest("main", "2026-01-01", 0, lines), unanswered, None)
    assert page is not None
    assert (page.title, page.body) == (
        "● Maintenance, 2026-01-01: 1 due, 1 silent",
        "A-1 is due and silent; B-2 is silent.",
    )
    assert page.alerts == ("a", "b")


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
        desk.find(Finding("ended", subject, "desaturation", HIGH, at_us, at_us, at_us, "t", {}, "s"))
        for alert in list(desk.open):
            desk.command(AlertClosed(at=to_datetime(at_us), alert=alert, by="rn-1"), at_us)
    packed = desk.packed()
    assert (packed["open"], packed["closed"], len(packed["rule_paged"]), len(packed["patient_paged"])) == ([], [], 1, 1)


def test_a_site_s_policies_come_through_the_journal_and_are_kept_over_a_restart() -> None:
    desk = Desk()
    desk.configure(SiteConfigured(at=to_datetime(0), site="north", policies={"link": "https://n.example"}), 0)
    (restored,) = Desk.unpacked(desk.packed()).packed()["sites"]
    assert restored[:3] == ["north", 0, '{"link": "https://n.example"}']


def test_nothing_holds_back_a_high_page_and_what_is_held_back_stays_so_over_a_restart() -> None:
    """Pages at a start must not depend on which of two alerts is looked at first."""
    for worse, held in INHIBITS.items():
        for lesser in sorted(held):
            desk = Desk()
            begun(desk, worse, 0, priority=HIGH)
            begun(desk, lesser, 1 * MINUTE)
            assert reasons(desk) == ["now", f"none: {worse} says it"]
            desk = Desk.unpacked(desk.packed())
            desk.advance(2 * MINUTE)
            assert desk.take() == ()
            finds(desk, "changed", lesser, 3 * MINUTE, HIGH)
            assert [(step, at_us) for step, _, at_us in steps_and_pages(desk)] == [
                ("worsened", 3 * MINUTE), ("page", 3 * MINUTE),
            ]  # fmt: skip
