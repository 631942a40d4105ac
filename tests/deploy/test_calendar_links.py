"""A link to one person's calendar: read without signing in, good for that alone, and taken back at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from icalendar import Calendar

from deploy.settings import AccessPart, PagesPart, ReachedColleague, Settings
from models.oncall import Rotation, Schedule
from tests.support.access import access_of, account, browser, locked
from tests.support.service import PATIENCE_S, Inside

SETTINGS = Settings(
    pages=PagesPart(destinations=()), access=AccessPart(sign_in=True),
    people={"ada": ReachedColleague(display="A. L.", role="nurse"), "ben": ReachedColleague()},
    schedules={"nurses": Schedule(timezone="UTC", rotations=(Rotation(people=("ada", "ben"), since=date(1969, 12, 1), handoff=time(8)),))},
)  # fmt: skip


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with locked(tmp_path, SETTINGS) as inside:
        account(inside, "ada", "nurse")
        account(inside, "ben", "clinician")
        account(inside, "sam", "scheduler")
        yield inside


async def link_of(clinic: Inside, person: str, by: str) -> str:
    async with browser(clinic, by) as signed:
        answer = await signed.post("/v1/rota/links", json={"person": person})
        assert answer.status_code == 201, answer.text
        return str(urlsplit(answer.json()["url"]).path)


async def read(clinic: Inside, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=clinic.address, timeout=PATIENCE_S) as calendar:
        return await calendar.get(path)


async def test_a_calendar_programme_reads_the_persons_turns_and_nobody_elses_without_signing_in(clinic: Inside) -> None:
    path = await link_of(clinic, "ada", "ada")
    answer = await read(clinic, path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert answer.headers["referrer-policy"] == "no-referrer"
    titles = {str(event["SUMMARY"]) for event in Calendar.from_ical(answer.text).walk("VEVENT")}
    assert titles == {"On call: nurses"}
    assert "ben" not in answer.text


async def test_a_link_opens_nothing_else_and_a_made_up_one_opens_nothing(clinic: Inside) -> None:
    path = await link_of(clinic, "ada", "ada")
    secret = path.rsplit("/", 1)[1].removesuffix(".ics")
    async with httpx.AsyncClient(base_url=clinic.address, timeout=PATIENCE_S) as stranger:
        for headers in ({"authorization": f"Bearer {secret}"}, {"cookie": f"chairside={secret}"}):
            assert (await stranger.get("/v1/rota.ics", headers=headers)).status_code == 401
        for made_up in (
            secret[:-1] + ("A" if secret[-1] != "A" else "B"),
            "x",
            "..%2f..%2faccess.sqlite",
            secret.upper(),
        ):
            assert (await stranger.get(f"/calendar/{made_up}")).status_code == 404


async def test_a_link_that_is_taken_back_is_gone_at_once_and_so_is_that_of_a_disabled_account(clinic: Inside) -> None:
    ada, ben = await link_of(clinic, "ada", "ada"), await link_of(clinic, "ben", "sam")
    async with browser(clinic, "ada") as signed:
        assert [each["person"] for each in (await signed.get("/v1/rota/links")).json()["links"]] == ["ada"]
        assert (await signed.delete("/v1/rota/links/ben")).status_code == 403
        assert (await signed.post("/v1/rota/links", json={"person": "ben"})).status_code == 403
        assert (await signed.delete("/v1/rota/links/ada")).json() == {"links": []}
    assert (await read(clinic, ada)).status_code == 404
    assert (await read(clinic, ben)).status_code == 200
    access_of(clinic).accounts.disable("ben")
    assert (await read(clinic, ben)).status_code == 404


async def test_the_file_holds_no_secret_and_a_sixth_link_takes_the_place_of_the_oldest(
    clinic: Inside, tmp_path: Path
) -> None:
    paths = [await link_of(clinic, "ada", "ada") for _ in range(6)]
    kept = (tmp_path / "calendar-links.json").read_text()
    assert not any(path.rsplit("/", 1)[1].removesuffix(".ics") in kept for path in paths)
    assert [(await read(clinic, path)).status_code for path in paths] == [404, *[200] * 5]
