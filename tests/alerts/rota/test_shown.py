"""What people read of the rota: now and next, true beginnings, holes; and a calendar whose events keep their names."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from alerts.api.calendar import feed
from alerts.rota.rota import on_call
from alerts.rota.shown import ROTA_AHEAD, OnCallTurn, RotaInForce, rota_document, turns
from models.instants import DAY, HOUR, to_datetime, to_us
from models.oncall import Colleague, Hours, OnCall, Override, Rotation, Schedule
from tests.support.published import hold_to_schema

BERLIN = "Europe/Berlin"
WEEK = ("mon", "tue", "wed", "thu", "fri")


def us(day: int, hour: int = 0, month: int = 11) -> int:
    return to_us(datetime(2026, month, day, hour, tzinfo=UTC))


def rota(*rotations: Rotation, overrides: tuple[Override, ...] = (), expected: tuple[Hours, ...] = ()) -> RotaInForce:
    people = {"ada": Colleague(display="A. L.", role="nurse"), "ben": Colleague(), "cy": Colleague()}
    schedules = {"nurses": Schedule(timezone=BERLIN, rotations=rotations, expected=expected)}
    return RotaInForce(OnCall(timezone=BERLIN, people=people, schedules=schedules), overrides)


def weekly(*people: str, **more: object) -> Rotation:
    fields = {"people": people, "since": date(2026, 11, 2), "handoff": time(8), "days": ("mon",), **more}
    return Rotation.model_validate(fields)


def override(since: int, until: int, who: str | None, covers: str | None = None) -> Override:
    return Override(schedule="nurses", who=who, covers=covers, since=to_datetime(since), until=to_datetime(until))


def test_who_is_on_call_now_since_when_until_when_and_who_is_next() -> None:
    shown = rota_document("main", rota(weekly("ada", "ben")), us(11), us(11), 28)
    hold_to_schema("rota", shown, thoroughly=True)
    (schedule,) = shown["schedules"]
    assert schedule["now"] == {
        "people": ["ben"],
        "since": "2026-11-09T07:00:00.000Z",
        "until": "2026-11-16T07:00:00.000Z",
    }
    assert schedule["next"] == {
        "people": ["ada"],
        "since": "2026-11-16T07:00:00.000Z",
        "until": "2026-11-23T07:00:00.000Z",
    }
    assert [turn["people"] for turn in schedule["turns"]] == [["ben"], ["ada"], ["ben"], ["ada"], ["ben"]]
    assert shown["people"][0] == {"name": "ada", "display": "A. L.", "role": "nurse", "timezone": None}
    assert schedule["holes"] == []


def test_a_hole_is_one_however_many_days_it_has_and_next_is_somebody() -> None:
    office = rota(weekly("ada", hours=[{"days": WEEK, "since": time(8), "until": time(18)}]))
    (schedule,) = rota_document("main", office, us(13, 12), us(9), 7)["schedules"]
    assert schedule["now"]["until"] == "2026-11-13T17:00:00.000Z", "Friday, 18:00"
    assert schedule["next"] == {
        "people": ["ada"],
        "since": "2026-11-16T07:00:00.000Z",
        "until": "2026-11-16T17:00:00.000Z",
    }
    assert schedule["holes"][0] == {"since": "2026-11-13T17:00:00.000Z", "until": "2026-11-16T07:00:00.000Z"}
    assert len(schedule["holes_shown"]) == 6, "those of the days that were asked for, beginning on Monday"


def test_somebody_who_has_always_been_on_call_has_no_beginning_and_is_not_seen_to_end() -> None:
    (schedule,) = rota_document("main", rota(weekly("ada", since=date(2024, 1, 1))), us(11), us(11), 1)["schedules"]
    assert schedule["now"] == {"people": ["ada"], "since": None, "until": None}
    assert schedule["next"] is None


def test_an_override_is_listed_until_it_is_over_and_changes_who_is_on_call() -> None:
    covered = rota(
        weekly("ada", "ben"), overrides=(override(us(10), us(12), "cy", "ben"), override(us(3), us(4), "cy"))
    )
    (schedule,) = rota_document("main", covered, us(11), us(11), 1)["schedules"]
    assert schedule["now"]["people"] == ["cy"]
    assert schedule["overrides"] == [
        {"who": "cy", "covers": "ben", "since": "2026-11-10T00:00:00.000Z", "until": "2026-11-12T00:00:00.000Z"}
    ]


def test_what_is_in_force_survives_the_way_to_a_process_that_has_no_shard() -> None:
    covered = rota(weekly("ada", "ben"), overrides=(override(us(10), us(12), "cy", "ben"),))
    assert RotaInForce.of(covered.document()) == covered


@settings(max_examples=6)
@given(st.integers(us(1), us(28)), st.integers(1, 40), st.sampled_from([("ada", "ben"), ("ada", "ben", "cy")]))
def test_turns_say_of_every_instant_who_is_on_call(start_us: int, hours: int, people: tuple[str, ...]) -> None:
    found = rota(
        weekly(*people, days=(), every_hours=11), weekly("cy", "ada", handoff=time(20), days=("tue", "sat")),
        overrides=(override(us(9), us(10), None), override(us(20), us(21, 5), "ben", "ada")),
    )  # fmt: skip
    end_us = start_us + hours * HOUR
    mine = turns(found, "nurses", start_us, end_us)
    for at_us in range(start_us, end_us, HOUR // 2):
        there = {turn.person for turn in mine if (turn.start_us or 0) <= at_us < (turn.end_us or end_us)}
        assert there == set(on_call(found.on_call, "nurses", at_us, found.overrides))


@settings(max_examples=6)
@given(st.integers(us(9), us(28)), st.integers(0, 6 * 24))
def test_a_turn_begins_when_it_begins_from_wherever_it_is_looked_at(at_us: int, hours: int) -> None:
    found = rota(weekly("ada", "ben"), overrides=(override(us(12), us(13), "cy", "ben"),))
    one = turns(found, "nurses", at_us, at_us + 1)
    earlier = turns(found, "nurses", at_us - hours * HOUR, at_us + 1)
    assert {(turn.person, turn.start_us) for turn in one} <= {(turn.person, turn.start_us) for turn in earlier}


# ---- the calendar ----------------------------------------------------------------------------------------------------


def events(found: RotaInForce, now_us: int, person: str | None = None) -> dict[str, Any]:
    calendar = Calendar.from_ical(feed("main", found, now_us, ["nurses"], person))
    return {str(event["UID"]): event for event in calendar.walk("VEVENT")}


def titles(found: dict[str, Any]) -> list[str]:
    return [str(event["SUMMARY"]) for event in found.values()]


def test_a_calendar_has_an_event_a_turn_in_the_schedule_s_zone_with_the_zone_s_rules() -> None:
    text = feed("main", rota(weekly("ada", "ben")), us(11), ["nurses"]).decode()
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert "DTSTART;TZID=Europe/Berlin:20261109T080000\r\n" in text
    assert "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n" in text
    found = events(rota(weekly("ada", "ben")), us(11))
    assert titles(found)[:3] == ["nurses: A. L.", "nurses: ben", "nurses: A. L."]
    first = next(iter(found.values()))
    assert first["DTEND"].dt - first["DTSTART"].dt == timedelta(days=7)


def test_events_keep_their_names_from_week_to_week_and_when_their_end_moves() -> None:
    before = events(rota(weekly("ada", "ben")), us(11))
    later = events(rota(weekly("ada", "ben")), us(11) + 17 * DAY)
    both = before.keys() & later.keys()
    assert len(both) >= 12
    for uid in sorted(both, key=lambda uid: before[uid]["DTSTART"].dt)[:-1]:
        assert before[uid]["DTSTART"].dt == later[uid]["DTSTART"].dt
        assert before[uid]["DTEND"].dt == later[uid]["DTEND"].dt
    covered = events(rota(weekly("ada", "ben"), overrides=(override(us(14), us(20), "cy", "ben"),)), us(11))
    moved = [uid for uid in before if uid in covered and covered[uid]["DTEND"].dt != before[uid]["DTEND"].dt]
    assert len(moved) == 1, "the covered turn ends sooner, and is the same event"
    assert "nurses: cy" in titles(covered)


def test_one_who_has_always_been_on_call_is_one_event_that_keeps_its_name() -> None:
    always = rota(weekly("ada", since=date(2024, 1, 1)))
    found = [set(events(always, us(11) + days * DAY)) for days in (0, 3, 30)]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 1


def test_one_person_s_calendar_has_their_turns_only_and_everybody_s_the_holes_too() -> None:
    office = rota(weekly("ada", "ben", hours=[{"days": WEEK, "since": time(8), "until": time(18)}]))
    assert set(titles(events(office, us(11), "ada"))) == {"On call: nurses"}
    assert "nurses: nobody is on call" in titles(events(office, us(11)))
    assert titles(events(office, us(11), "cy")) == []


def test_an_instant_in_an_hour_that_comes_twice_is_written_without_doubt() -> None:
    """25 October 2026, Berlin: 02:30 is 00:30 UTC and again 01:30 UTC."""
    second = override(us(25, 1, 10) + HOUR // 2, us(25, 3, 10), "cy")
    found = events(rota(weekly("ada", since=date(2026, 10, 5)), overrides=(second,)), us(26, 0, 10), "cy")
    (event,) = found.values()
    assert event["DTSTART"].dt == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert event["DTSTART"].to_ical() == b"20261025T013000Z"


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_a_calendar_of_any_zone_is_read_back_as_the_instants_that_it_was_made_of(zone: str) -> None:
    schedules = {"nurses": Schedule(timezone=zone, rotations=(weekly("ada", "ben"),))}
    found = RotaInForce(OnCall(people={"ada": Colleague(), "ben": Colleague()}, schedules=schedules))
    wanted = [turn for turn in turns(found, "nurses", us(5), us(5) + ROTA_AHEAD) if turn.end_us is not None]
    read = {
        OnCallTurn(str(event["SUMMARY"]).removeprefix("nurses: "), to_us(event["DTSTART"].dt), to_us(event["DTEND"].dt))
        for event in events(found, us(20)).values()
    }
    assert len(wanted) == 4
    assert set(wanted) <= read
