"""Shared tablets: a session locks without hiding an alarm, its person opens it by a PIN, and nobody else gets anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deploy.access.access import COOKIE, KNOWN
from deploy.access.sessions import PIN_TRIES
from deploy.settings import AccessPart
from models.instants import HOUR, MINUTE
from tests.deploy.test_access_attacks import Clock
from tests.support.access import LOCKED, PASSWORD, access_of, account, browser, locked
from tests.support.service import Inside, at, falling

LOCKING = LOCKED.model_copy(update={"access": AccessPart(sign_in=True, lock_minutes=3, idle_minutes=30, hours=12)})
DOSE = {"kind": "dose", "at": at(0), "patient": "P-1", "drug": "ketamine"}
PINS = {"ada": "274913", "ben": "805162"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def clinic(tmp_path: Path, clock: Clock) -> AsyncIterator[Inside]:
    async with locked(tmp_path, LOCKING, now_us=clock) as inside:
        for name in PINS:
            account(inside, name, "nurse")
        yield inside


async def sign_in(tablet: httpx.AsyncClient, name: str) -> None:
    answer = await tablet.post("/v1/access/sign-in", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text


async def choose(tablet: httpx.AsyncClient, name: str) -> None:
    answer = await tablet.post("/v1/access/pin", json={"pin": PINS[name]})
    assert answer.status_code == 200, answer.text


async def unlock(tablet: httpx.AsyncClient, name: str, pin: str | None = None) -> int:
    answer = await tablet.post("/v1/access/unlock", json={"name": name, "pin": pin or PINS[name]})
    return answer.status_code


async def entered_as(tablet: httpx.AsyncClient) -> str | int:
    """Whose an entry would be; else the status with which it is refused."""
    answer = await tablet.post("/v1/observations", json=DOSE)
    return (await tablet.get("/v1/access/me")).json()["name"] if answer.status_code == 200 else answer.status_code


async def test_a_tablet_that_nobody_touches_locks_and_goes_on_showing_every_alarm(clinic: Inside, clock: Clock) -> None:
    await clinic.post(*falling())
    await clinic.settled()
    async with browser(clinic, "ada") as tablet:
        await choose(tablet, "ada")
        assert (await tablet.get("/v1/access/me")).json()["locks_after_s"] == 180
        clock.pass_(4 * MINUTE)
        me = (await tablet.get("/v1/access/me")).json()
        assert (me["locked"], me["name"]) == (True, "ada")
        (alert,) = (await tablet.get("/v1/alerts")).json()["alerts"]
        for shown in (
            "/v1/chairs",
            "/v1/sessions",
            "/v1/transitions",
            "/v1/ladders",
            "/v1/site",
            f"/v1/alerts/{alert['alert']}/why",
        ):
            assert (await tablet.get(shown)).status_code == 200, shown
        async with tablet.stream("GET", "/v1/live") as feed:
            assert feed.status_code == 200
        # What is more than a wall shows, and what changes something, needs the person.
        for hidden in ("/v1/patients", "/v1/dead-letters", "/v1/forecasts"):
            assert (await tablet.get(hidden)).status_code == 423, hidden
        answer = await tablet.post(f"/v1/alerts/{alert['alert']}/acknowledge", json={})
        assert (answer.status_code, answer.json()["detail"]) == (423, "locked: enter your PIN")
        assert await entered_as(tablet) == 423
        assert (await tablet.post("/v1/access/here", json={})).status_code == 423, "a touch alone opens nothing"
        assert (await tablet.post("/v1/access/pin", json={"pin": "915264"})).status_code == 423
        # Nobody touches it for hours: it is locked still, and shows still, and her PIN still opens it.
        clock.pass_(6 * HOUR)
        assert (await tablet.get("/v1/alerts")).json()["alerts"] != []
        assert await unlock(tablet, "ada") == 200
        assert await entered_as(tablet) == "ada"
        clock.pass_(6 * HOUR)
        assert (await tablet.get("/v1/alerts")).status_code == 401, "after twelve hours a whole sign-in"
        assert await unlock(tablet, "ada") == 403


async def test_a_team_shares_a_tablet_and_each_enters_under_their_own_pin(clinic: Inside, clock: Clock) -> None:
    async with browser(clinic) as tablet:
        for name in ("ada", "ben"):
            await sign_in(tablet, name)
            await choose(tablet, name)
        assert sorted((await tablet.get("/v1/access/ways")).json()["pins"]) == ["ada", "ben"]
        assert await entered_as(tablet) == "ben"
        adas = tablet.cookies[COOKIE]
        assert await unlock(tablet, "ada") == 200
        assert await entered_as(tablet) == "ada"
        # Ben's session, which was open a moment ago, is locked, whoever has kept its cookie.
        kept = await clinic.http.post(
            "/v1/observations", json=DOSE, headers={"cookie": f"{COOKIE}={adas}", "authorization": ""}
        )
        assert kept.status_code == 401
        for name, other in (("ada", "ben"), ("ben", "ada")):
            assert await unlock(tablet, name, PINS[other]) == 403, "another's PIN opens nothing"
        assert await entered_as(tablet) == "ada", "nor does a wrong one close what is open"
        assert (await tablet.post("/v1/access/lock", json={})).json() == {"locked": True}
        assert await entered_as(tablet) == 423
        assert await unlock(tablet, "ben") == 200
        assert await entered_as(tablet) == "ben"


async def test_few_pins_may_be_tried_and_then_only_a_whole_sign_in_helps(clinic: Inside, clock: Clock) -> None:
    async with browser(clinic, "ada") as tablet, browser(clinic, "ada") as other:
        await choose(tablet, "ada")
        clock.pass_(4 * MINUTE)
        tries = [unlock(tablet, "ada", f"{number:06}") for number in range(3 * PIN_TRIES)]
        assert set(await asyncio.gather(*tries)) == {403}, "many at once are no more than few"
        assert await unlock(tablet, "ada") == 403, "not even with the right one"
        assert (await tablet.get("/v1/chairs")).status_code == 401
        # Her other tablet is open to her still, and so is a whole sign-in, with the password, at once: nobody is locked out.
        assert await unlock(other, "ada") == 200
        await sign_in(tablet, "ada")
        assert await entered_as(tablet) == "ada"
    kinds = [each.kind for each in access_of(clinic).accounts.database.events(1000)]
    kinds += [each["kind"] for each in (await audited(clinic))]
    assert kinds.count("access.pin-failed") + kinds.count("access.pin-used-up") == PIN_TRIES
    assert "access.pin-used-up" in kinds


async def audited(clinic: Inside) -> list[dict[str, str]]:
    found = clinic.service.store.audit_page("main", None, 500)
    return [{"kind": each["kind"]} for each in found["entries"]]


async def test_who_has_not_signed_in_at_this_tablet_can_try_no_pin_of_anybodys(clinic: Inside, clock: Clock) -> None:
    async with browser(clinic, "ada") as tablet, browser(clinic) as stranger, browser(clinic, "ben") as bens:
        await choose(tablet, "ada")
        clock.pass_(4 * MINUTE)
        for attacker in (stranger, bens):
            for _ in range(2 * PIN_TRIES):
                assert await unlock(attacker, "ada") == 403, "with the right one, even"
            assert (await attacker.get("/v1/access/ways")).json()["pins"] == []
        forged = httpx.Cookies({KNOWN: tablet.cookies[KNOWN][:-4] + "AAAA"})
        async with httpx.AsyncClient(
            base_url=clinic.address, cookies=forged, headers={"origin": clinic.address}
        ) as thief:
            assert await unlock(thief, "ada") == 403
        answer = await tablet.post(
            "/v1/access/unlock", json={"name": "ada", "pin": PINS["ada"]}, headers={"origin": "https://evil.example"}
        )
        assert answer.status_code == 403
        assert await unlock(tablet, "ada") == 200, "and nobody used up her tries"


async def test_a_pin_opens_nothing_of_whoever_is_shut_out_signed_out_or_has_another_password(
    clinic: Inside, clock: Clock
) -> None:
    accounts = access_of(clinic).accounts
    async with browser(clinic, "ada") as tablet:
        await choose(tablet, "ada")
        assert (await tablet.post("/v1/access/sign-out", json={})).status_code == 200
        assert await unlock(tablet, "ada") == 403
        await sign_in(tablet, "ada")
        accounts.disable("ada")
        assert await unlock(tablet, "ada") == 403
        link = accounts.link("ada", "nurse")
        assert await unlock(tablet, "ada") == 403
        accounts.choose_password(link, "ada", PASSWORD)
        await sign_in(tablet, "ada")
        assert (await tablet.get("/v1/access/me")).json()["has_pin"] is False, "who was shut out begins anew"


async def test_a_pin_is_chosen_just_after_a_whole_sign_in_and_is_not_easy(clinic: Inside, clock: Clock) -> None:
    async with browser(clinic, "ada") as tablet:
        for easy in ("123456", "987654", "111111", "121212", "12345", "1234567890123", "12a456", "١٢٣٤٥٧", "246802"):
            answer = await tablet.post("/v1/access/pin", json={"pin": easy})
            assert answer.status_code in {400, 422}, easy
        for _ in range(6):
            clock.pass_(2 * MINUTE)
            assert (await tablet.post("/v1/access/here", json={})).status_code == 200
        # Somebody who finds it unlocked sets nobody's.
        assert (await tablet.post("/v1/access/pin", json={"pin": PINS["ada"]})).status_code == 409


async def test_a_wall_never_locks_and_where_no_lock_is_asked_for_nothing_changes(tmp_path: Path, clock: Clock) -> None:
    async with locked(tmp_path / "locking", LOCKING, now_us=clock) as clinic:
        account(clinic, "wall", "viewer")
        async with browser(clinic, "wall") as wall:
            clock.pass_(24 * HOUR)
            assert (await wall.get("/v1/access/me")).json()["locked"] is False
    async with locked(tmp_path / "plain", now_us=clock) as clinic:
        account(clinic, "ada", "nurse")
        async with browser(clinic, "ada") as page:
            await choose(page, "ada")
            assert (await page.post("/v1/access/lock", json={})).json() == {"locked": False}
            assert await entered_as(page) == "ada"
            clock.pass_(31 * MINUTE)
            assert (await page.get("/v1/chairs")).status_code == 401
            assert await unlock(page, "ada") == 403
