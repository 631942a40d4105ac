"""Breaking the glass: a clinician of the north reads one patient of the south for an hour, and the south is told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.access.accounts import Accounts
from deploy.access.database import ACCOUNTS_FILE
from deploy.access.glass import BROKEN_FOR
from deploy.access.sessions import SignedPerson
from deploy.wiring import wall_us
from models.instants import MINUTE, to_datetime
from models.staff import ROLES
from models.wire.observations import CheckIn
from tests.support.access import PASSWORD, access_of, as_an_edge, browser, locked
from tests.support.service import PATIENCE_S, Inside, until

NORTH, SOUTH = "north", "south"
HERS, ANOTHER, NOBODY = "S-1", "S-2", "S-9"
PAGE = f"/v1/patients/{HERS}"


@dataclass
class Doors:
    """A door as a network's edge has it, before patients of the south; and the time by which people stay signed in."""

    inside: Inside
    stack: AsyncExitStack
    later_us: int = 0
    known: dict[tuple[str, str], httpx.AsyncClient] = field(default_factory=dict)

    def now_us(self) -> int:
        return wall_us() + self.later_us

    async def person(self, role: Any, site: str = NORTH) -> httpx.AsyncClient:
        """Somebody of a site and role, signed in."""
        if (role, site) not in self.known:
            accounts, name = access_of(self.inside).accounts, f"a-{role}"
            accounts.choose_password(accounts.link(name, role, site), name, PASSWORD)
            client = await self.stack.enter_async_context(browser(self.inside))
            said = {"name": name, "password": PASSWORD, "site": site}
            assert (await client.post("/v1/access/sign-in", json=said)).status_code == 200
            self.known[role, site] = client
        return self.known[role, site]

    async def breaks(self, role: Any = "clinician", **other: Any) -> httpx.Response:
        body = {"site": SOUTH, "patient": HERS, "reason": "she is here, and has chest pain"} | other
        return await (await self.person(role)).post("/v1/break-glass", json=body)

    async def audit(self, site: str) -> list[dict[str, Any]]:
        auditor = await self.person("auditor", site)
        entries: list[dict[str, Any]] = (await auditor.get("/v1/audit", params={"limit": 500})).json()["entries"]
        return entries

    def alerts(self) -> list[Any]:
        return [each for each in self.inside.service.store.alerts(SOUTH) if each["rule"] == "glass-broken"]


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with AsyncExitStack() as stack:
        inside = await stack.enter_async_context(locked(tmp_path))
        made, access = Doors(inside, stack), as_an_edge(inside, NORTH)
        access.now_us = access.accounts.database.now_us = made.now_us
        at = to_datetime(wall_us() - MINUTE)
        await inside.service.append([
            CheckIn(at=at, site=SOUTH, patient=patient, instrument="phq-9", score=12.0) for patient in (HERS, ANOTHER)
        ])  # fmt: skip
        await until(lambda: inside.service.store.stored_patient(SOUTH, ANOTHER) is not None, "the south's patients")
        yield made


async def test_a_clinician_reads_one_patient_of_another_site_for_an_hour_and_no_other(doors: Doors) -> None:
    ada = await doors.person("clinician")
    at_south = {"site": SOUTH}
    assert (await ada.get(PAGE, params=at_south)).status_code == 403
    answer = await doors.breaks()
    assert answer.status_code == 200, answer.text
    for page in ("", "/registration", "/record.fhir.json"):
        assert (await ada.get(f"{PAGE}{page}", params=at_south)).status_code == 200, page
    # Nobody else, no other patient, and nothing that is not this patient's page or record.
    ben = await doors.person("nurse")
    assert (await ben.get(PAGE, params=at_south)).status_code == 403
    for path in (
        f"/v1/patients/{ANOTHER}", f"/v1/patients/{ANOTHER}/record.fhir.json", f"/v1/patients/{HERS}/../{ANOTHER}", "/v1/patients",
        f"/v1/patients/{HERS}%2F..%2F{ANOTHER}", "/v1/chairs", "/v1/alerts", "/v1/live", f"/v1/forecasts?patient={HERS}",
        f"/v1/history?patient={HERS}", "/v1/names", f"/v1/names/{HERS}", f"/v1/patients/{ANOTHER}?patient={HERS}",
    ):  # fmt: skip
        assert (await ada.get(f"{path}{'&' if '?' in path else '?'}site={SOUTH}")).status_code == 403, path
    assert (await ada.get(f"{PAGE}?site={SOUTH}&site={NORTH}")).status_code == 403
    assert (await ada.get(f"{PAGE}?site=west")).status_code == 403
    doors.later_us = BROKEN_FOR - MINUTE
    doors.known.clear()  # who touched nothing for that long is signed out
    ada = await doors.person("clinician")
    assert (await ada.get(PAGE, params=at_south)).status_code == 200
    doors.later_us = BROKEN_FOR + MINUTE
    assert (await ada.get(PAGE, params=at_south)).status_code == 403


async def test_whom_somebody_may_read_until_when_and_why_is_answered_to_them_alone_and_no_longer(doors: Doors) -> None:
    opened = (await doors.breaks()).json()
    await doors.breaks(reason="still here, and worse")
    ada = await doors.person("clinician")
    said = (await ada.get("/v1/break-glass")).json()
    assert said["minutes"] * MINUTE == BROKEN_FOR
    (mine,) = said["open"]
    assert mine == opened | {"until": mine["until"], "reason": "still here, and worse"}
    assert mine["until"] >= opened["until"]
    accounts = access_of(doors.inside).accounts
    accounts.choose_password(accounts.link("ben", "clinician", NORTH), "ben", PASSWORD)
    async with browser(doors.inside) as ben:
        await ben.post("/v1/access/sign-in", json={"name": "ben", "password": PASSWORD, "site": NORTH})
        assert (await ben.get("/v1/break-glass")).json()["open"] == []
    doors.later_us = BROKEN_FOR + MINUTE
    doors.known.clear()
    assert (await (await doors.person("clinician")).get("/v1/break-glass")).json()["open"] == []


async def test_a_page_is_told_whose_somebody_is_and_whether_they_may_break_glass_where_there_is_any(
    doors: Doors,
) -> None:
    for role in ROLES:
        me = (await (await doors.person(role)).get("/v1/access/me")).json()
        assert (me["site"], me["breaks_glass"]) == (NORTH, role == "clinician"), role
    access_of(doors.inside).served = "main"  # one clinic
    accounts = access_of(doors.inside).accounts
    accounts.choose_password(accounts.link("ada", "clinician"), "ada", PASSWORD)
    async with browser(doors.inside) as ada:
        await ada.post("/v1/access/sign-in", json={"name": "ada", "password": PASSWORD, "site": "main"})
        me = (await ada.get("/v1/access/me")).json()
        assert (me["site"], me["breaks_glass"]) == (None, False)


def test_a_file_that_kept_no_reasons_is_brought_up_and_what_was_open_stays_open(tmp_path: Path) -> None:
    path, ada = tmp_path / ACCOUNTS_FILE, SignedPerson("ada", "clinician", NORTH)
    Accounts(path, wall_us).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("alter table access_glass drop column reason")
        row = (NORTH, "ada", SOUTH, HERS, wall_us() + MINUTE)
        file.execute("insert into access_glass values (?, ?, ?, ?, ?)", row)
        file.executescript("update access_format set version = 5; pragma user_version = 5;")
    for reason in ("", "she is here"):
        accounts = Accounts(path, wall_us)
        assert accounts.glass.is_broken(ada, SOUTH, HERS)
        assert [(each.patient, each.reason) for each in accounts.glass.opened(ada)] == [(HERS, reason)]
        accounts.glass.break_(ada, SOUTH, HERS, "she is here")
        accounts.close()


async def test_what_is_behind_broken_glass_is_read_and_never_changed(doors: Doors) -> None:
    assert (await doors.breaks()).status_code == 200
    ada = await doors.person("clinician")
    for method, path in (("PUT", f"/v1/names/{HERS}"), ("DELETE", f"/v1/names/{HERS}"), ("POST", "/v1/rota/overrides")):
        assert (await ada.request(method, path, params={"site": SOUTH}, json={})).status_code == 403, path
    line = {
        "kind": "checkin",
        "site": SOUTH,
        "patient": HERS,
        "instrument": "phq-9",
        "score": 3,
        "at": "2026-01-05T10:00:00Z",
    }
    said = (await ada.post("/v1/observations", json=line)).json()
    assert (said["accepted"], said["set_aside"][0]["field"]) == (0, "site")
    (alert,) = await _told(doors)
    assert (await ada.post(f"/v1/alerts/{alert['alert']}/close", json={})).status_code == 404


async def test_the_other_site_is_told_and_both_audits_say_who_read_whom_and_why(doors: Doors) -> None:
    assert (await doors.breaks()).status_code == 200
    (alert,) = await _told(doors)
    assert (alert["patient"], alert["priority"], alert["category"]) == (HERS, "medium", "technical")
    assert "a-clinician of north" in alert["text"], alert
    assert "chest" not in str(alert), "a reason may hold a name, and an alert holds none"
    await (await doors.person("clinician")).get(PAGE, params={"site": SOUTH})
    for site in (NORTH, SOUTH):
        await doors.person("auditor", site)
        broken: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_S):
            while not broken:
                await asyncio.sleep(0.05)
                broken = [each for each in await doors.audit(site) if each["kind"] == "glass.broken"]
        (entry,) = broken
        assert (entry["who"], entry["patient"]) == ("a-clinician", HERS)
        assert {"of": NORTH, "patient_of": SOUTH, "reason": "she is here, and has chest pain"}.items() <= entry[
            "doc"
        ].items()
    (read,) = [each for each in await doors.audit(SOUTH) if each["kind"] == "read" and each["patient"] == HERS]
    assert read["doc"]["reader_of"] == NORTH


async def test_another_role_an_unknown_patient_and_no_reason_break_nothing_and_tell_nothing(doors: Doors) -> None:
    for role in ROLES:
        if role != "clinician":
            answers = [await doors.breaks(role), await doors.breaks(role, patient=NOBODY)]
            assert [each.status_code for each in answers] == [403, 403], role
            assert answers[0].text == answers[1].text, role
    unknown = [
        await doors.breaks(patient=NOBODY),
        await doors.breaks(site="west"),
        await doors.breaks(site=NORTH),
        await doors.breaks(site="main"),
    ]
    assert {each.status_code for each in unknown} == {404}
    assert len({each.text for each in unknown}) == 1
    for reason in ("", "   ", None):
        without = [await doors.breaks(reason=reason), await doors.breaks(reason=reason, patient=NOBODY)]
        assert [each.status_code for each in without] == [422, 422]
    await until(lambda: doors.inside.service.owner.behind == 0, "all frames to be decided")
    assert doors.alerts() == []
    assert (await (await doors.person("clinician")).get(PAGE, params={"site": SOUTH})).status_code == 403


async def test_who_cannot_tell_the_other_site_opens_nothing(doors: Doors) -> None:
    await doors.person("clinician")
    doors.inside.service.intake._stopping = True  # it takes nothing more
    try:
        assert (await doors.breaks()).status_code == 503
        assert (await (await doors.person("clinician")).get(PAGE, params={"site": SOUTH})).status_code == 403
    finally:
        doors.inside.service.intake._stopping = False


async def _told(doors: Doors) -> list[Any]:
    await until(lambda: bool(doors.alerts()), "the alert")
    return doors.alerts()
