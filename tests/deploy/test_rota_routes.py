"""Who is on call as routes say it, what an override changes, and how far a ladder has been climbed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar

from deploy.settings import PagesPart, ReachedColleague, Settings
from models.instants import to_datetime
from models.oncall import Policy, Rotation, Routing, Rung, Schedule
from tests.support.published import hold_to_schema
from tests.support.service import START_US, Inside, at, falling, serving

SETTINGS = Settings(
    pages=PagesPart(destinations=()),
    people={"ada": ReachedColleague(display="A. L.", role="nurse"), "ben": ReachedColleague()},
    schedules={"nurses": Schedule(timezone="UTC", rotations=(Rotation(people=("ada",), since=date(1969, 12, 1), handoff=time(8)),))},
    policies={"chairs": Policy(rungs=(Rung(who=("schedule:nurses",)), Rung(who=("ben",))))},
    routes=(Routing(policy="chairs"),),
)  # fmt: skip


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path / "data", SETTINGS) as clinic:
        await clinic.post(*falling("P-1"))
        await clinic.settled()
        yield clinic


async def test_the_rota_and_its_calendar_say_who_is_on_call_and_no_address(clinic: Inside) -> None:
    rota = await clinic.get("/v1/rota")
    hold_to_schema("rota", rota, thoroughly=True)
    assert rota["people"][0] == {"name": "ada", "display": "A. L.", "role": "nurse", "timezone": None}
    assert rota["schedules"][0]["now"]["people"] == ["ada"]
    answer = await clinic.http.get("/v1/rota.ics", params={"schedule": "nurses"})
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert [str(event["SUMMARY"]) for event in Calendar.from_ical(answer.text).walk("VEVENT")] == ["nurses: A. L."]
    assert (await clinic.http.get("/v1/rota.ics", params={"person": "nobody"})).status_code == 404


async def test_an_override_puts_somebody_in_anothers_place_at_once_and_one_that_cannot_be_says_why(
    clinic: Inside,
) -> None:
    until = to_datetime(START_US) + timedelta(hours=1)
    swap = {
        "schedule": "nurses",
        "who": "ben",
        "covers": "ada",
        "since": at(0),
        "until": until.isoformat(),
        "by": "ada",
    }
    answer = await clinic.http.post("/v1/rota/overrides", json=swap)
    assert answer.status_code == 202, answer.text
    await clinic.settled()
    (schedule,) = (await clinic.get("/v1/rota"))["schedules"]
    assert schedule["now"]["people"] == ["ben"]
    assert schedule["overrides"][0]["who"] == "ben"
    for wrong, why in (
        ({"schedule": "days"}, "schedule: there is no 'days' under schedules"),
        ({"who": "cy"}, "who: there is no 'cy' under people"),
        ({"until": at(-60)}, "until: it is not after since"),
        ({"since": at(-120), "until": at(-60)}, "until: it is over already"),
    ):
        refused = await clinic.http.post("/v1/rota/overrides", json=swap | wrong)
        assert (refused.status_code, refused.json()["detail"]) == (422, why)


async def test_the_ladder_of_an_alert_says_whom_it_called_and_whom_it_calls_next_and_stops_when_answered(
    clinic: Inside,
) -> None:
    document = await clinic.get("/v1/ladders")
    hold_to_schema("ladders", document, thoroughly=True)
    (ladder,) = document["ladders"]
    assert (ladder["policy"], ladder["rung"], ladder["of"], ladder["called"]) == ("chairs", 1, 3, ["ada"])
    assert (ladder["next"]["rung"], ladder["next"]["people"]) == (2, ["ben"])
    answer = await clinic.http.post(f"/v1/alerts/{ladder['alert']}/acknowledge", json={"by": "A. L."})
    assert answer.status_code == 202
    await clinic.settled()
    (ladder,) = (await clinic.get("/v1/ladders"))["ladders"]
    assert (ladder["answered"], ladder["next"]) == (["ada"], None)
