"""A hole in the rota: told days before, told anew when it begins, and over when somebody fills it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from alerts.desk.desk import NO_TIME_YET, Desk
from alerts.effects import Transition
from alerts.rota.rota import holes
from alerts.rota.watch import IN_SIGHT, TOLD_BEFORE, watch
from models.instants import DAY, EPOCH, FAR, HOUR, MINUTE, from_iso, to_datetime
from models.oncall import on_call_of
from models.wire.observations import AlertClosed, RotaOverride, SiteConfigured

MONDAY = from_iso("2026-11-02T08:00:00Z")
FRIDAY_EVENING = from_iso("2026-11-06T17:00:00Z")
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
PEOPLE: dict[str, Any] = {"ada": {}, "ben": {}}


def rota(**schedule: Any) -> dict[str, Any]:
    """Ada and Ben by turns on weekdays from 08:00 to 18:00 in Berlin; somebody should be there then, and all of Friday night."""
    hours = [{"days": WEEKDAYS, "since": "08:00", "until": "18:00"}]
    night = {"days": ["fri"], "since": "18:00", "until": "08:00"}
    table = {
        "timezone": "Europe/Berlin", "expected": [*hours, night],
        "rotations": [{"people": ["ada", "ben"], "since": "2026-10-01", "hours": hours}], **schedule,
    }  # fmt: skip
    return {"people": PEOPLE, "schedules": {"nurses": table}}


def configured(table: dict[str, Any], at_us: int = MONDAY, desk: Desk | None = None) -> Desk:
    desk = desk or Desk()
    desk.advance(at_us)
    desk.configure(SiteConfigured(at=to_datetime(at_us), rota=table), at_us)
    return desk


def covered(desk: Desk, at_us: int, since_us: int, until_us: int) -> None:
    desk.advance(at_us)
    record = RotaOverride(
        at=to_datetime(at_us), schedule="nurses", who="ben", since=to_datetime(since_us), until=to_datetime(until_us), by="ada"
    )  # fmt: skip
    assert desk.override(record, at_us)


def told(desk: Desk, until_us: int) -> list[str]:
    desk.advance(until_us)
    return [
        f"{each.at[5:16]} {each.priority} {each.transition}" for each in desk.take() if isinstance(each, Transition)
    ]


def test_a_hole_is_told_three_days_before_and_again_higher_when_it_begins_and_is_over_when_it_ends() -> None:
    desk = configured(rota())
    desk.advance(MONDAY + 2 * DAY)
    (raised,) = (each for each in desk.take() if isinstance(each, Transition))
    assert (raised.rule, raised.patient, raised.category, raised.at[:16]) == (
        "nobody-on-call", "nurses", "technical", "2026-11-03T17:00",
    )  # fmt: skip
    assert raised.text == (
        "nurses: Nobody on call. From Fri 2026-11-06 18:00 until Sat 2026-11-07 08:00 (Europe/Berlin). Put somebody there."
    )
    assert raised.evidence["page"] == "now"
    assert told(desk, MONDAY + 6 * DAY) == ["11-06T17:00 high worsened", "11-07T07:00 high closed"]


@pytest.mark.parametrize("how", ["override", "edit"])
def test_it_is_over_once_an_override_or_an_edit_fills_the_hole(how: str) -> None:
    desk = configured(rota())
    told(desk, MONDAY + 3 * DAY)
    if how == "override":
        covered(desk, MONDAY + 3 * DAY, FRIDAY_EVENING, FRIDAY_EVENING + 14 * HOUR)
    else:
        configured(rota(expected=[{"days": WEEKDAYS, "since": "08:00", "until": "18:00"}]), MONDAY + 3 * DAY, desk)
    assert told(desk, MONDAY + 6 * DAY) == ["11-05T08:00 medium closed"]


def test_a_hole_half_filled_is_another_hole_and_so_another_alert() -> None:
    desk = configured(rota())
    told(desk, MONDAY + 3 * DAY)
    covered(desk, MONDAY + 3 * DAY, FRIDAY_EVENING, FRIDAY_EVENING + 4 * HOUR)
    assert told(desk, FRIDAY_EVENING + 5 * HOUR) == [
        "11-05T08:00 medium closed", "11-05T08:00 medium raised", "11-06T21:00 high worsened",
    ]  # fmt: skip


def test_a_hole_that_grows_is_told_anew_and_one_that_shrinks_is_not() -> None:
    desk = configured(rota())
    told(desk, MONDAY + 3 * DAY)
    wider = [
        {"days": [*WEEKDAYS, "sat"], "since": "08:00", "until": "18:00"},
        {"days": ["fri"], "since": "18:00", "until": "08:00"},
    ]
    configured(rota(expected=wider), MONDAY + 3 * DAY + HOUR, desk)
    configured(rota(), MONDAY + 3 * DAY + 2 * HOUR, desk)
    assert told(desk, FRIDAY_EVENING) == ["11-05T09:00 medium worsened", "11-05T10:00 medium eased"]


def test_what_somebody_closed_stays_closed_over_an_edit_of_something_else_and_is_told_when_it_begins() -> None:
    desk = configured(rota())
    told(desk, MONDAY + 2 * DAY)
    (alert,) = desk.open
    desk.command(AlertClosed(at=to_datetime(MONDAY + 2 * DAY), alert=alert, by="ada"), MONDAY + 2 * DAY)
    configured({**rota(), "policies": {"p": {"rungs": [{"who": ["ada"]}]}}}, MONDAY + 3 * DAY, desk)
    assert told(desk, FRIDAY_EVENING + MINUTE) == ["11-04T08:00 medium closed", "11-06T17:00 high raised"]


def test_a_schedule_that_is_gone_has_no_hole_and_one_with_nobody_has_one_without_an_end() -> None:
    desk = configured(rota(rotations=[], expected=[]))
    (raised,) = (each for each in desk.take() if isinstance(each, Transition))
    assert raised.text.startswith(
        "nurses: Nobody on call. From Mon 2026-11-02 09:00 and nobody is in sight (Europe/Berlin)."
    )
    assert "until" not in raised.evidence
    assert told(desk, MONDAY + 40 * DAY) == []
    configured({"people": PEOPLE}, MONDAY + 40 * DAY, desk)
    assert told(desk, MONDAY + 41 * DAY) == ["12-12T08:00 high closed"]


def test_nothing_is_asked_between_one_hole_s_edge_and_the_next() -> None:
    table = on_call_of(rota())
    _, holes_told, next_us = watch("main", table, (), {}, MONDAY)
    assert (holes_told, next_us) == ({}, FRIDAY_EVENING - TOLD_BEFORE)
    _, holes_told, next_us = watch("main", table, (), holes_told, next_us)
    assert next_us == FRIDAY_EVENING
    _, _, next_us = watch("main", table, (), holes_told, next_us)
    assert next_us == FRIDAY_EVENING + 14 * HOUR
    always = rota(rotations=[{"people": ["ada"], "since": "2026-10-01"}])
    assert watch("main", on_call_of(always), (), {}, MONDAY)[2] == MONDAY + IN_SIGHT - TOLD_BEFORE
    assert watch("main", on_call_of({"people": PEOPLE}), (), {}, MONDAY)[2] == FAR


def test_a_state_of_a_version_that_did_not_watch_the_rota_is_watched_from_the_next_frame_on() -> None:
    packed = configured(rota(rotations=[], expected=[])).packed()
    packed["state"], packed["open"] = 2, []
    packed["sites"] = [site[:5] for site in packed["sites"]]
    desk = Desk.unpacked(packed)
    assert told(desk, MONDAY + MINUTE) == ["11-02T08:01 high raised"]


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    covers=st.lists(st.tuples(st.integers(0, 240), st.integers(1, 60)), max_size=6),
    said_h=st.lists(st.integers(0, 200), min_size=6, max_size=6),
    step=st.sampled_from([5 * HOUR, 11 * HOUR]),
)
def test_whatever_is_covered_when_no_hole_begins_untold_and_none_is_told_that_is_filled(
    covers: list[tuple[int, int]], said_h: list[int], step: int
) -> None:
    """Overrides at any time; beside it `holes`, asked at every step: restarts between two of them change nothing."""
    whole, parts = configured(rota()), configured(rota())
    table = on_call_of(rota())
    due = sorted((said * HOUR, since, length) for said, (since, length) in zip(said_h, covers, strict=False))
    clock_us, made = MONDAY, []
    while clock_us < MONDAY + 10 * DAY:
        clock_us += step
        while due and MONDAY + due[0][0] <= clock_us:
            _, since, length = due.pop(0)
            for each in (whole, parts):
                covered(each, clock_us, MONDAY + since * HOUR, MONDAY + (since + length) * HOUR)
            made = parts._site("main").overrides
        for each in (whole, parts):
            each.advance(clock_us + 1)
        assert parts.take() == whole.take()
        parts = Desk.unpacked(parts.packed())
        first = next(holes(table, "nurses", clock_us, clock_us + IN_SIGHT, made), None)
        alerts = [alert for alert in parts.open.values() if alert.rule == "nobody-on-call"]
        if first is None or first[0] > clock_us + TOLD_BEFORE:
            assert alerts == []
        else:
            (alert,) = alerts
            assert alert.priority.word == ("high" if first[0] <= clock_us else "medium")
            assert from_iso(str(alert.evidence["since"])) <= max(first[0], clock_us)
            assert from_iso(str(alert.evidence["until"])) == first[1]


def test_before_a_recording_s_first_line_nobody_knows_who_should_be_on_call() -> None:
    desk = Desk()
    desk.advance(NO_TIME_YET)
    desk.configure(SiteConfigured(at=EPOCH, rota=rota()), NO_TIME_YET)
    restored = Desk.unpacked(desk.packed())
    for each in (desk, restored):
        assert each.take() == ()
        assert told(each, MONDAY) == [], "and nothing of the half century before it"
        assert told(each, MONDAY + 6 * DAY)[:2] == ["11-03T17:00 medium raised", "11-06T17:00 high worsened"]
