"""The rota beside a clock read step by step: in every zone, through every change of five years, never two and never nobody."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.rota.rota import holes, on_call, rung_people, spans
from alerts.rota.wall_clock import instant_us, wall_of
from models.instants import DAY, HOUR, MINUTE, from_iso, to_datetime, to_us
from models.oncall import OnCall, OnCallRefused, Override, on_call_of

FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
ALIASES = ["ada", "ben", "cem"]


@cache
def changes() -> dict[tuple[tuple[int, int, int], ...], list[str]]:
    """The changes of the clock in five years (instant in seconds, offset before, after) → the zones that make just these."""
    found: dict[tuple[tuple[int, int, int], ...], list[str]] = defaultdict(list)
    for name in sorted(available_timezones() - {"localtime"}):
        zone = ZoneInfo(name)

        def offset(at: int, zone: ZoneInfo = zone) -> int:
            shift = datetime.fromtimestamp(at, zone).utcoffset()
            assert shift is not None
            return round(shift.total_seconds())

        mine = []
        start, end, step = int(FIRST.timestamp()), int(LAST.timestamp()), 5 * 86400
        for at in range(start, end, step):
            before, after = offset(at), offset(at + step)
            if before == after:
                continue
            low, high = at, at + step
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            mine.append((high, before, after))
        found[tuple(mine)].append(name)
    return found


def site(zone: str, **rotation: Any) -> OnCall:
    table = {"timezone": zone, "rotations": [{"people": ALIASES, "since": "2023-12-01"} | rotation]}
    return on_call_of({"people": {name: {} for name in ALIASES}, "schedules": {"nurses": table}})


def by_the_wall(zone: str, marks: list[datetime], start_us: int, end_us: int, step_us: int) -> list[tuple[int, int]]:
    """Each step's instant and how many marks the wall's clock has shown or passed by then: a mark counts once, for good."""
    furthest, found = datetime.min, []
    for at_us in range(start_us, end_us, step_us):
        furthest = max(furthest, wall_of(at_us, zone))
        found.append((at_us, sum(mark <= furthest for mark in marks)))
    return found


def test_every_zone_is_tried() -> None:
    assert sum(map(len, changes().values())) >= 590
    assert sum(map(len, changes())) >= 250


@pytest.mark.parametrize(
    "length", [{}, {"every_hours": 1}, {"every_hours": 12}, {"days": ["sun", "mon", "fri", "sat"]}]
)
def test_around_every_change_of_every_zone_the_clock_on_the_wall_says_who_it_is(length: dict[str, Any]) -> None:
    """With the hand-off in the middle of what is skipped, or of what comes twice."""
    for group, zones in changes().items():
        zone = zones[0]
        for at, before, after in group:
            change_us = at * 1_000_000
            edges = sorted(
                datetime.fromtimestamp(at, UTC).replace(tzinfo=None) + timedelta(seconds=it) for it in (before, after)
            )
            handoff = edges[0] + (edges[1] - edges[0]) / 2
            since = handoff.date() - timedelta(days=40)
            rota = site(zone, since=since.isoformat(), handoff=handoff.time().isoformat(), **length)
            hours = length.get("every_hours")
            first = datetime.combine(since, handoff.time())
            marks: list[datetime] = []
            mark = first
            while mark < edges[1] + timedelta(days=2):
                if (
                    "days" not in length
                    or ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][mark.weekday()] in length["days"]
                ):
                    marks.append(mark)
                mark += timedelta(hours=hours) if hours else timedelta(days=1)
            earlier = len(marks)
            marks = [each for each in marks if each > edges[0] - timedelta(days=2)]
            earlier -= len(marks)
            for at_us, turns in by_the_wall(zone, marks, change_us - 3 * HOUR, change_us + 3 * HOUR, 15 * MINUTE):
                expected = ALIASES[(earlier + turns - 1) % 3]
                assert on_call(rota, "nurses", at_us) == (expected,), (zone, to_datetime(at_us))


@pytest.mark.parametrize("length", [{}, {"every_days": 3}, {"days": ["fri"]}])
def test_in_every_zone_five_years_are_covered_without_a_hole_and_each_hand_off_happens_once(
    length: dict[str, Any],
) -> None:
    start_us, end_us = to_us(FIRST), to_us(LAST)
    for group, zones in changes().items():
        if not group:
            continue
        rota = site(zones[0], handoff="02:30", **length)
        found = list(spans(rota, "nurses", start_us, end_us))
        assert found[0].start_us == start_us
        assert found[-1].end_us == end_us
        for one, other in itertools.pairwise(found):
            assert one.end_us == other.start_us
            assert ALIASES[(ALIASES.index(one.people[0]) + 1) % 3] == other.people[0]
        days = 7 if "days" in length else length.get("every_days", 1)
        assert abs(len(found) - 1827 / days) <= 1


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(available_timezones() - {"localtime"})),
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)),
    st.timedeltas(timedelta(0), timedelta(hours=3)),
)
def test_what_is_later_on_the_wall_is_never_earlier_in_the_world(zone: str, wall: datetime, later: timedelta) -> None:
    wall = wall.replace(microsecond=0)
    later -= timedelta(microseconds=later.microseconds)
    assert instant_us(wall, zone) <= instant_us(wall + later, zone)
    shown = wall_of(instant_us(wall, zone), zone)
    assert shown >= wall
    assert shown == wall or wall_of(instant_us(wall, zone) - 1, zone) < wall


def test_the_hard_changes_are_right_by_hand() -> None:
    """From the zones' own history: an hour skipped or twice, half an hour, two hours, a day that never was."""
    assert instant_us(datetime(2026, 3, 29, 2, 30), "Europe/Berlin") == from_iso("2026-03-29T01:00:00Z")
    assert instant_us(datetime(2026, 10, 25, 2, 30), "Europe/Berlin") == from_iso("2026-10-25T00:30:00Z")
    assert instant_us(datetime(2026, 10, 4, 2, 10), "Australia/Lord_Howe") == from_iso("2026-10-03T15:30:00Z")
    assert instant_us(datetime(2026, 3, 29, 2, 0), "Antarctica/Troll") == from_iso("2026-03-29T01:00:00Z")
    assert instant_us(datetime(2011, 12, 30, 12, 0), "Pacific/Apia") == from_iso("2011-12-30T10:00:00Z")


def override(since: str, until: str, who: str | None, covers: str | None = None) -> Override:
    return Override.model_validate({"schedule": "nurses", "since": since, "until": until, "who": who, "covers": covers})


def who(rota: OnCall, at: str, *more: Override) -> tuple[str, ...]:
    return on_call(rota, "nurses", from_iso(at), more)


def test_a_swap_puts_each_in_the_other_s_place_and_nobody_else() -> None:
    rota = site("UTC", since="2026-11-02", days=["mon"])
    swap = (
        override("2026-11-02T08:00:00Z", "2026-11-09T08:00:00Z", "ben", "ada"),
        override("2026-11-09T08:00:00Z", "2026-11-16T08:00:00Z", "ada", "ben"),
    )
    days = [f"2026-11-{day:02d}T08:00:00Z" for day in (2, 9, 16)]
    assert [who(rota, at) for at in days] == [("ada",), ("ben",), ("cem",)]
    assert [who(rota, at, *swap) for at in days] == [("ben",), ("ada",), ("cem",)]


def test_a_cover_counts_only_while_the_person_covered_is_on_call_and_the_later_one_wins() -> None:
    rota = site("UTC", since="2026-11-02")
    whole = override("2026-11-02T00:00:00Z", "2026-11-05T00:00:00Z", "cem", "ada")
    assert [who(rota, f"2026-11-0{day}T09:00:00Z", whole) for day in (2, 3)] == [("cem",), ("ben",)]
    later = override("2026-11-02T09:00:00Z", "2026-11-02T10:00:00Z", "ben")
    assert who(rota, "2026-11-02T09:30:00Z", whole, later) == ("ben",)
    assert who(rota, "2026-11-02T10:00:00Z", whole, later) == ("cem",)


def test_a_hole_is_found_where_somebody_should_be_on_call_and_nobody_is() -> None:
    table = {
        "timezone": "Europe/Berlin", "expected": [{"days": ["mon", "tue", "wed", "thu", "fri"], "since": "08:00", "until": "20:00"}],
        "rotations": [{"people": ALIASES, "since": "2026-11-02", "hours": [{"since": "08:00", "until": "18:00"}]}],
    }  # fmt: skip
    rota = on_call_of({"people": {name: {} for name in ALIASES}, "schedules": {"nurses": table}})
    friday = from_iso("2026-11-06T00:00:00Z")
    assert [(to_datetime(a), to_datetime(b)) for a, b in holes(rota, "nurses", friday, friday + 3 * DAY)] == [
        (datetime(2026, 11, 6, 17, tzinfo=UTC), datetime(2026, 11, 6, 19, tzinfo=UTC))
    ]


def test_two_rotations_put_two_people_on_call_and_one_who_is_on_both_once() -> None:
    rotations = [
        {"people": ["ada", "ben"], "since": "2026-11-02"}, {"people": ["cem", "ben"], "since": "2026-11-02"},
    ]  # fmt: skip
    table = {"timezone": "UTC", "rotations": rotations}
    rota = on_call_of({"people": {name: {} for name in ALIASES}, "schedules": {"nurses": table}})
    assert who(rota, "2026-11-02T09:00:00Z") == ("ada", "cem")
    assert who(rota, "2026-11-03T09:00:00Z") == ("ben",)


def test_a_rung_calls_each_once_and_everybody_is_everybody() -> None:
    rota = on_call_of(
        {
            "people": {"ada": {"role": "nurse"}, "ben": {"role": "doctor"}, "cem": {"role": "nurse"}},
            "schedules": {"nurses": {"timezone": "UTC", "rotations": [{"people": ["cem"], "since": "2026-01-01"}]}},
        }
    )
    at = from_iso("2026-11-02T09:00:00Z")
    assert rung_people(rota, ["schedule:nurses", "role:nurse", "ben"], at) == ("cem", "ada", "ben")
    assert rung_people(rota, ["ben", "everybody"], at) is None


@pytest.mark.parametrize(
    ("part", "field", "reason"),
    [
        ({"schedules": {"n": {"timezone": "Mars/North"}}}, "rota.schedules.n.timezone", "unknown time zone 'Mars/North'"),
        ({"schedules": {"n": {"timezone": "UTC", "rotations": [{"people": ["zoe"], "since": "2026-01-01"}]}}}, "rota", "schedules.n.rotations.0.people: there is no 'zoe' under people"),
        ({"schedules": {"n": {"timezone": "UTC", "rotations": [{"people": ["ada"], "since": "2026-01-01", "days": ["mon"], "every_hours": 3}]}}}, "rota.schedules.n.rotations.0", "give one of days, every_days and every_hours"),
        ({"policies": {"p": {"rungs": [{"who": ["role:cook"]}]}}}, "rota", "policies.p.rungs.0.who: there is no 'role:cook'"),
        ({"routes": [{"policy": "p"}]}, "rota", "routes.0.policy: there is no 'p' under policies"),
        ({"policies": {"p": {"rungs": [{"who": ["ada"]}]}}, "routes": [{"policy": "p", "rules": ["fever"]}]}, "rota.routes.0.rules", "there is no rule 'fever'"),
        ({"overrides": [{"schedule": "n", "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}]}, "rota", "overrides.0.schedule: there is no 'n' under schedules"),
        ({"people": {"everybody": {}}}, "rota", "people.everybody"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_field_and_reason(part: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(OnCallRefused) as refused:
        on_call_of({"people": {"ada": {"role": "nurse"}}, **part})
    assert refused.value.field == field
    assert refused.value.reason.startswith(reason)


def test_times_of_the_wall_are_read_as_people_write_them() -> None:
    rota = site("UTC", handoff="07:30")
    assert rota.schedules["nurses"].rotations[0].handoff == time(7, 30)
    assert on_call_of(rota.model_dump(mode="json")) == rota


def test_a_hand_off_on_days_that_the_first_day_is_none_of_leaves_nobody_out_in_any_week() -> None:
    """Hand-offs on Tuesdays from Monday on: from Monday evening to Tuesday evening nobody was on call, in every week."""
    table = site("Europe/Berlin", since="2026-11-02", handoff="20:00", days=["tue", "sat"])
    start_us, end_us = from_iso("2026-11-03T19:00:00Z"), from_iso("2026-12-15T19:00:00Z")
    found = list(spans(table, "nurses", start_us, end_us))
    assert [span.people for span in found] == [(ALIASES[turn % 3],) for turn in range(12)]
    assert not list(holes(table, "nurses", start_us, end_us))


@pytest.mark.parametrize(
    ("field", "value"), [("repeat_minutes", 0.1), ("repeat_minutes", 0), ("repeat_minutes", 241), ("minutes", 0), ("minutes", 241)]
)  # fmt: skip
def test_a_policy_whose_calls_would_be_a_storm_or_hours_apart_is_refused(field: str, value: float) -> None:
    rung = {"who": ["ada"], **({"minutes": value} if field == "minutes" else {})}
    policy = {"rungs": [rung], **({"repeat_minutes": value} if field == "repeat_minutes" else {})}
    with pytest.raises(OnCallRefused) as refused:
        on_call_of({"people": {"ada": {"role": "nurse"}}, "policies": {"p": policy}})
    assert refused.value.field.endswith(field)
