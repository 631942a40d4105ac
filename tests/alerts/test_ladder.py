"""Ladders: who is called, when, until somebody answers. Each test is one promise; the times are the desk's own."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.desk.desk import Desk
from alerts.desk.ladder import AGAIN
from alerts.effects import DeadLetter, Page, Transition
from models.findings import Finding, Subject
from models.instants import DAY, HOUR, MINUTE, SECOND, from_iso, to_datetime
from models.tables.rules import Priority
from models.wire.observations import (
    AlertAcknowledged,
    AlertClosed,
    AlertEscalated,
    AlertSnoozed,
    AlertUnsnoozed,
    RotaOverride,
    SiteConfigured,
)

LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
T0 = from_iso("2026-11-02T09:00:00Z")
PEOPLE = {name: {"role": role} for name, role in (("ada", "nurse"), ("ben", "nurse"), ("cem", "doctor"))}
SUNDAYS = [{"days": ["sun"]}]
"""When somebody should be on call; no test goes on until three days before."""
ROTA: dict[str, Any] = {
    "people": PEOPLE,
    "schedules": {
        "nurses": {"timezone": "UTC", "rotations": [{"people": ["ada", "ben"], "since": "2026-11-02", "handoff": "09:30"}], "expected": SUNDAYS},
        "nobody": {"timezone": "UTC", "expected": SUNDAYS},
    },
    "policies": {
        "chairs": {"rungs": [{"who": ["ada"], "minutes": 2}, {"who": ["role:doctor", "ben"], "minutes": 3}], "repeat_minutes": 4},
        "two": {"rungs": [{"who": ["ada"], "minutes": 2}, {"who": ["ada", "ben"], "minutes": 3}], "answers": 2},
        "shift": {"rungs": [{"who": ["schedule:nurses"], "minutes": 20}]},
        "empty": {"rungs": [{"who": ["schedule:nobody"]}, {"who": ["cem"]}]},
    },
    "routes": [
        {"policy": "two", "rules": ["suicidal-ideation"]},
        {"policy": "shift", "chairs": ["9"]},
        {"policy": "empty", "categories": ["technical"]},
        {"policy": "chairs", "priorities": ["high", "medium"]},
    ],
}  # fmt: skip


def desk_with(rota: dict[str, Any] = ROTA) -> Desk:
    desk = Desk()
    desk.configure(SiteConfigured(at=to_datetime(T0), site="main", rota=rota), T0)
    return desk


def find(
    desk: Desk, at_us: int, change: Any = "began", rule: str = "desaturation", priority: Priority = HIGH, chair: str = "1"
) -> None:  # fmt: skip
    desk.advance(T0 + at_us)
    subject = Subject("main", f"P-{chair}", f"S-{chair}", chair)
    desk.find(Finding(change, subject, rule, priority, T0 + at_us, T0 + at_us, T0 + at_us, "text.", {}, "source"))


def say(desk: Desk, at_us: int, kind: Any = AlertAcknowledged, by: str = "ada", **more: Any) -> None:
    desk.advance(T0 + at_us)
    (alert,) = desk.open
    desk.command(kind(at=to_datetime(T0 + at_us), alert=alert, by=by, **more), T0 + at_us)


def told(desk: Desk, until_us: int) -> list[str]:
    """What comes of it: minute, transition or page, and whom it calls."""
    desk.advance(T0 + until_us)
    found = []
    for effect in desk.take():
        if isinstance(effect, Page | Transition):
            minute = f"{(from_iso(effect.at) - T0) / MINUTE:g}"
        if isinstance(effect, Page):
            kind = f"page {effect.rung}" if effect.kind == "page" else effect.kind
            found.append(f"{minute} {kind}: {' '.join(effect.to) or 'everybody'}")
        elif isinstance(effect, Transition):
            found.append(f"{minute} {effect.transition}")
    return found


def test_what_nobody_answers_climbs_rung_by_rung_and_then_calls_everybody_until_somebody_does() -> None:
    desk = desk_with()
    find(desk, 0)
    assert told(desk, 14 * MINUTE) == [
        "0 raised", "0 page 1: ada", "2 escalated", "2 page 2: cem ben", "5 escalated", "5 page 3: everybody",
        "9 page 3: everybody", "13 page 3: everybody",
    ]  # fmt: skip
    say(desk, 14 * MINUTE)
    assert told(desk, 23 * MINUTE) == ["14 acknowledged", "14 answered: everybody"]


def test_the_transition_says_who_is_called_by_which_route_and_when_the_next_is() -> None:
    desk = desk_with()
    find(desk, 0)
    (raised,) = (each for each in desk.take() if isinstance(each, Transition))
    assert raised.evidence == {
        "page": "now", "route": "4: chairs", "policy": "chairs", "rung": 1, "of": 3, "called": ["ada"],
        "next_call_at": "2026-11-02T09:02:00.000Z",
    }  # fmt: skip


def test_without_any_policy_everybody_is_called_at_once_and_again_until_somebody_answers() -> None:
    desk = Desk()
    find(desk, 0)
    assert told(desk, 11 * MINUTE) == ["0 raised", "0 page 1: everybody", "5 page 1: everybody", "10 page 1: everybody"]
    say(desk, 11 * MINUTE)
    assert told(desk, 20 * MINUTE) == ["11 acknowledged"], "and nobody is told more than before"


def test_every_page_of_a_ladder_has_a_key_of_its_own() -> None:
    desk = Desk()
    find(desk, 0)
    find(desk, 0, rule="hypotension", priority=MEDIUM)
    desk.advance(T0 + 3 * HOUR)
    keys = [page.key for page in desk.take() if isinstance(page, Page)]
    assert len(keys) > 36
    assert len(set(keys)) == len(keys)


def test_an_answer_stops_the_ladder_and_one_that_runs_out_begins_it_anew() -> None:
    desk = desk_with()
    find(desk, 0)
    say(desk, 3 * MINUTE, by="cem")
    assert told(desk, 13 * MINUTE) == [
        "0 raised", "0 page 1: ada", "2 escalated", "2 page 2: cem ben", "3 acknowledged", "3 answered: ada ben",
    ]  # fmt: skip
    assert told(desk, 15 * MINUTE + 1) == ["13 expired", "13 page 1: ada", "15 escalated", "15 page 2: cem ben"]


def test_worse_begins_anew_at_the_first_rung_by_the_route_of_the_worse() -> None:
    desk = desk_with({**ROTA, "routes": [{"policy": "shift", "priorities": ["medium"]}, {"policy": "chairs"}]})
    find(desk, 0, priority=MEDIUM)
    find(desk, 1 * MINUTE, "changed")
    assert told(desk, 3 * MINUTE) == ["0 raised", "0 page 2: everybody", "1 worsened", "1 page 1: ada"]
    assert told(desk, 3 * MINUTE + 1) == ["3 escalated", "3 page 2: cem ben"]


def test_two_must_answer_where_the_policy_says_so_and_the_same_one_twice_is_one() -> None:
    desk = desk_with()
    find(desk, 0, rule="suicidal-ideation")
    say(desk, 1 * MINUTE)
    say(desk, 90 * SECOND)
    # ada has answered: her rung is passed over, and only ben is called.
    assert told(desk, 3 * MINUTE) == [
        "0 raised", "0 page 1: ada", "1 acknowledged", "1.5 acknowledged", "2 escalated", "2 page 2: ben",
    ]  # fmt: skip
    say(desk, 3 * MINUTE, by="ben")
    assert told(desk, 10 * MINUTE) == ["3 acknowledged", "3 answered: ada"]


def test_a_snooze_of_one_does_not_stand_for_two() -> None:
    desk = desk_with()
    find(desk, 0, rule="suicidal-ideation")
    say(desk, 1 * MINUTE, AlertSnoozed, until=to_datetime(T0 + HOUR))
    assert told(desk, 2 * MINUTE + 1)[-1] == "2 page 2: ben"


def test_a_rung_with_nobody_on_call_is_passed_over_at_once_and_that_is_said() -> None:
    desk = desk_with()
    find(desk, 0, rule="no-data", priority=MEDIUM)
    raised, page = desk.take()
    assert isinstance(raised, Transition)
    assert raised.evidence["nobody"] == ["rung 1, schedule:nobody: nobody is on call"]
    assert isinstance(page, Page)
    assert (page.to, page.rung) == (("cem",), 2)


def test_who_is_on_call_is_asked_at_the_instant_of_the_call() -> None:
    desk = desk_with(
        {
            **ROTA,
            "policies": {**ROTA["policies"], "shift": {"rungs": [{"who": ["schedule:nurses"], "minutes": 20}] * 2}},
        }
    )
    find(desk, 15 * MINUTE, chair="9")
    # Before the first hand-off nobody is on call; at 9:30 ada comes.
    assert told(desk, 16 * MINUTE)[1] == "15 page 3: everybody"
    desk = desk_with()
    find(desk, DAY + 29 * MINUTE, chair="9")
    assert told(desk, DAY + 29 * MINUTE + 1)[-1].endswith("page 1: ada")
    find(desk, DAY + 30 * MINUTE, rule="apnoea", chair="9")
    assert told(desk, DAY + 30 * MINUTE + 1)[-1].endswith("page 1: ben")


def test_an_edit_of_the_policies_does_not_break_a_ladder_that_is_being_climbed() -> None:
    desk = desk_with()
    find(desk, 0)
    told(desk, MINUTE)
    desk.configure(SiteConfigured(at=to_datetime(T0), site="main", rota={"people": PEOPLE}), T0)
    assert told(desk, 6 * MINUTE) == ["2 escalated", "2 page 2: cem ben", "5 escalated", "5 page 3: everybody"]


def test_calling_for_help_calls_the_next_rung_at_once() -> None:
    desk = desk_with()
    find(desk, 0)
    say(desk, 1 * MINUTE)
    told(desk, 1 * MINUTE)
    say(desk, 90 * SECOND, AlertEscalated)
    assert told(desk, 4 * MINUTE) == ["1.5 escalated", "1.5 page 2: cem ben"]


def test_whoever_was_called_is_told_when_it_is_over() -> None:
    desk = desk_with()
    find(desk, 0)
    find(desk, 1 * MINUTE, "ended")
    assert told(desk, HOUR) == ["0 raised", "0 page 1: ada", "1 latched", "1 over: ada"]


def test_only_others_are_told_that_somebody_has_answered() -> None:
    desk = desk_with()
    find(desk, 0)
    say(desk, 1 * MINUTE, by="ada")
    assert told(desk, 2 * MINUTE) == ["0 raised", "0 page 1: ada", "1 acknowledged"]


@pytest.mark.parametrize(
    ("how", "worse", "lesser"), [("ends", "hypertensive-crisis", "hypertension"), ("closed", "no-data", "probe-off")]
)
def test_what_a_worse_alert_held_back_is_paged_when_that_one_is_over_and_it_still_stands(
    how: str, worse: str, lesser: str
) -> None:
    desk = desk_with()
    find(desk, 0, rule=worse)
    first = next(iter(desk.open))
    find(desk, 1 * MINUTE, rule=lesser, priority=MEDIUM)
    told(desk, 90 * SECOND)
    if how == "ends":
        find(desk, 90 * SECOND, "ended", rule=worse)
    else:
        desk.command(AlertClosed(at=to_datetime(T0 + 90 * SECOND), alert=first, by="ada"), T0 + 90 * SECOND)
    escalated = [each for each in desk.take() if isinstance(each, Transition)][-1]
    assert (escalated.rule, escalated.transition) == (lesser, "escalated")
    assert escalated.evidence["because"] == f"{worse} no longer says it"
    assert escalated.evidence["page"] == "now"


def test_the_first_high_page_waits_for_nothing_and_goes_with_no_other() -> None:
    desk = desk_with()
    find(desk, 0, priority=MEDIUM)
    find(desk, 1 * SECOND, rule="apnoea")
    find(desk, 2 * SECOND, rule="bradycardia")
    pages = [each for each in desk.take() if isinstance(each, Page)]
    assert [(page.at, page.priority, len(page.alerts)) for page in pages] == [
        ("2026-11-02T09:00:00.000Z", "medium", 1), ("2026-11-02T09:00:01.000Z", "high", 1), ("2026-11-02T09:00:02.000Z", "high", 1),
    ]  # fmt: skip


def test_what_waits_goes_out_only_with_a_page_that_calls_the_same_people() -> None:
    desk = desk_with({**ROTA, "routes": [{"policy": "empty", "rules": ["apnoea"]}, {"policy": "chairs"}]})
    find(desk, 0, priority=MEDIUM)
    find(desk, 1 * SECOND, rule="hypotension", priority=MEDIUM)
    find(desk, 2 * SECOND, rule="apnoea")
    pages = [each for each in desk.take() if isinstance(each, Page)]
    assert [(page.to, len(page.alerts)) for page in pages] == [(("ada",), 1), (("cem",), 1)]
    desk.advance(T0 + MINUTE)
    (late,) = (each for each in desk.take() if isinstance(each, Page))
    assert (late.to, late.alerts) == (("ada",), tuple(a.id for a in desk.open.values() if a.rule == "hypotension"))


def test_what_has_eased_to_low_is_on_the_board_only_and_that_is_said() -> None:
    desk = desk_with()
    find(desk, 0)
    find(desk, 1 * MINUTE, "changed", priority=LOW)
    eased = [each for each in desk.take() if isinstance(each, Transition)][-1]
    assert (eased.transition, eased.evidence["page"]) == ("eased", "none: board only")
    assert told(desk, HOUR) == []


def test_a_snooze_taken_back_is_forgotten_by_nobody() -> None:
    desk = desk_with()
    find(desk, 0)
    say(desk, 1 * MINUTE, AlertSnoozed, until=to_datetime(T0 + HOUR))
    told(desk, 1 * MINUTE)
    say(desk, 2 * MINUTE, AlertUnsnoozed)
    assert told(desk, 4 * MINUTE + 1) == ["2 expired", "4 page 1: ada"]


def test_a_ladder_goes_on_over_a_restart_as_if_there_had_been_none() -> None:
    whole, parts = desk_with(), desk_with()
    for desk in (whole, parts):
        find(desk, 0, rule="suicidal-ideation")
        say(desk, 1 * MINUTE)
        told(desk, 1 * MINUTE)
    for until_us in range(MINUTE, 20 * MINUTE, 30 * SECOND):
        packed = parts.packed()
        parts = Desk.unpacked(packed)
        assert parts.packed() == packed
        assert told(parts, until_us) == told(whole, until_us)


def test_what_an_older_version_has_paged_once_and_nobody_has_answered_is_paged_again() -> None:
    desk = Desk()
    find(desk, 0)
    desk.take()
    packed = desk.packed()
    packed["state"] = 1
    packed["sites"] = [site[:3] for site in packed["sites"]]
    for alert in packed["open"]:
        del alert["ladder"], alert["held_by"]
        alert["page_due_us"] = 2**62
    older = Desk.unpacked(packed)
    assert told(older, 3 * MINUTE) == []
    assert told(older, 3 * MINUTE + AGAIN[HIGH] + 1) == ["8 page 1: everybody"]


def cover(desk: Desk, who: str | None, schedule: str = "nurses") -> bool:
    record = RotaOverride(
        at=to_datetime(T0), schedule=schedule, who=who, since=to_datetime(T0), until=to_datetime(T0 + 2 * DAY), by="ada"
    )
    return desk.override(record, T0)


def test_a_swap_comes_through_the_journal_and_holds_over_a_restart_and_an_edit() -> None:
    desk = desk_with()
    assert cover(desk, "cem")
    desk = Desk.unpacked(desk.packed())
    desk.configure(SiteConfigured(at=to_datetime(T0), site="main", rota=ROTA), T0)
    find(desk, HOUR, chair="9")
    assert told(desk, HOUR) == ["60 raised", "60 page 1: cem"]


@pytest.mark.parametrize(
    ("who", "schedule", "field", "reason"),
    [
        ("zoe", "nurses", "who", "there is no 'zoe' under people"),
        ("ada", "cooks", "schedule", "there is no 'cooks' under schedules"),
    ],
)
def test_a_swap_with_nobody_or_on_no_schedule_is_set_aside_with_its_reason(
    who: str, schedule: str, field: str, reason: str
) -> None:
    desk = desk_with()
    assert not cover(desk, who, schedule)
    (letter,) = desk.take()
    assert isinstance(letter, DeadLetter)
    assert (letter.field, letter.reason.split(": ")[0]) == (field, reason)


def test_an_alert_of_a_site_without_any_destination_says_that_nobody_is_paged() -> None:
    desk = Desk()
    desk.configure(SiteConfigured(at=to_datetime(T0), site="main", policies={"pages": "nowhere"}), T0)
    find(desk, 0)
    (raised,) = (each for each in desk.take() if isinstance(each, Transition))
    assert raised.evidence["page"] == "now, to nobody: the site has no destination"
