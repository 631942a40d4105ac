"""Every route and every role: who gets an answer, who 401, who 403. The routes are read off the application itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date, time
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from fastapi import FastAPI

from deploy.access.gate import routes_of
from deploy.access.roles import ENTERED_BY, LIMITS_SET_BY, ROUTES, SENDABLE
from deploy.settings import ReachedColleague
from models.arrays import Document
from models.oncall import Rotation, Schedule
from models.staff import ROLES
from models.wire.observations import Event, Vitals
from streams.intake.admission import NOT_FROM_SENDERS
from tests.support.access import LOCKED, access_of, account, browser, locked
from tests.support.routes import EXPECTED, TREATING, WHO, fits_the_table, status_of
from tests.support.service import Inside, at, falling, ndjson, sample


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with locked(tmp_path) as inside:
        yield inside


async def everybody(clinic: Inside, stack: AsyncExitStack) -> dict[str, httpx.AsyncClient]:
    """A client for each of WHO."""
    accounts = access_of(clinic).accounts
    clients = {"nobody": await stack.enter_async_context(browser(clinic))}
    for role in ROLES:
        account(clinic, f"a-{role}", role)
        clients[role] = await stack.enter_async_context(browser(clinic, f"a-{role}"))
    for name, sends in (("monitor", ["vitals"]), ("prometheus", ["metrics"]), ("record system", ["fhir"])):
        clients[name] = await stack.enter_async_context(httpx.AsyncClient(base_url=clinic.address))
        clients[name].headers["authorization"] = f"Bearer {accounts.tokens.add(name, sends)}"
    return clients


async def test_each_route_lets_through_whom_the_table_names_and_nobody_else(clinic: Inside) -> None:
    app = clinic.web.config.app
    assert isinstance(app, FastAPI)
    there = {(method, route.path) for methods, route in routes_of(app) for method in methods}
    assert there - set(ROUTES) == set(), "a route that roles.py does not name is nobody's"
    assert set(ROUTES) - there == set(), "a row of roles.py without a route"
    assert set(EXPECTED) == there
    wrong = []
    async with AsyncExitStack() as stack:
        clients = await everybody(clinic, stack)
        # Signing out comes last: it takes away what the others need.
        for method, path in sorted(there, key=lambda each: (each[1].endswith("sign-out"), each)):
            for who in WHO:
                status = await status_of(clients[who], method, path)
                fits = fits_the_table(who, who in EXPECTED[method, path], path, status)
                if not fits:
                    wrong.append((who, method, path, status))
    assert wrong == []


async def test_whether_somebody_may_answer_or_audit_is_said_as_the_table_has_it(clinic: Inside) -> None:
    async with AsyncExitStack() as stack:
        clients = await everybody(clinic, stack)
        said = {role: (await clients[role].get("/v1/access/me")).json() for role in ROLES}
    for word, route in (("answers", ("POST", "/v1/alerts/{alert}/{verb}")), ("audits", ("GET", "/v1/audit"))):
        assert {role: said[role][word] for role in ROLES} == {role: role in EXPECTED[route] for role in ROLES}


async def test_a_route_that_no_table_names_is_nobodys(clinic: Inside) -> None:
    app = clinic.web.config.app
    assert isinstance(app, FastAPI)
    app.add_api_route("/v1/forgotten", lambda: "secret", methods=["GET"])
    account(clinic, "olga", "operator")
    async with browser(clinic, "olga") as olga:
        assert (await olga.get("/v1/forgotten")).status_code == 403


ENTERED: dict[str, dict[str, Any]] = {
    "session.started": {"patient": "P-1", "session": "s1"},
    "session.ended": {"session": "s1"},
    "dose": {"patient": "P-1", "drug": "ketamine"},
    "dose.stopped": {"patient": "P-1"},
    "vitals": {"patient": "P-1", "spo2": 97},
    "monitor.alarm": {"device": "m1", "alarm": "no-breath"},
    "device.assigned": {"device": "m1", "chair": "1"},
    "checkin": {"patient": "P-1", "instrument": "mood-vas", "score": 50},
    "intervention": {"patient": "P-1", "what": "oxygen"},
    "patient.registered": {"patient": "P-1"},
    "patient.merged": {"patient": "P-1", "merged": "P-0"},
    "cuff.corrected": {"patient": "P-1", "replaces": "c-1", "sbp": 120.0},
}


def test_every_kind_that_may_come_in_is_somebodys() -> None:
    kinds = {get_args(each.model_fields["kind"].annotation)[0] for each in (Vitals, *get_args(Event))}
    assert kinds - set(NOT_FROM_SENDERS) == set(ENTERED_BY), "a kind that roles.py does not name is nobody's to enter"


async def test_each_kind_is_entered_by_whom_the_table_names_and_carries_their_name(clinic: Inside) -> None:
    assert set(ENTERED) == set(ENTERED_BY)
    wrong = []
    async with AsyncExitStack() as stack:
        clients = await everybody(clinic, stack)
        for kind, fields in ENTERED.items():
            for role in ROLES:
                line = {"kind": kind, "at": at(0), "id": f"{kind}-{role}", "by": "somebody else", **fields}
                status = (await clients[role].post("/v1/observations", json=line)).status_code
                if (status == 200) != (role in ENTERED_BY[kind]) or status not in {200, 403}:
                    wrong.append((role, kind, status))
    assert wrong == []
    await clinic.settled()
    signed = {each["doc"].get("by") for each in clinic.service.store.entries("main", None, "P-1", 100)}
    assert {"a-nurse", "a-clinician", "a-scheduler"} <= signed
    assert signed <= {"a-nurse", "a-clinician", "a-scheduler", None}, "None: a monitor's alarm, which is no person's"


PLANS: dict[str, dict[str, Any]] = {
    "a visit": {"what": "booking", "detail": "2026-08-01T09:00:00Z"},
    "called off": {"what": "booking", "detail": "cancelled"},
}
NO_PLANS: dict[str, dict[str, Any]] = {
    "oxygen": {"what": "oxygen"},
    "in a session": {"what": "booking", "detail": "2026-08-01T09:00:00Z", "session": "s1"},
    "instead of another's entry": {
        "what": "booking",
        "detail": "2026-08-01T09:00:00Z",
        "replaces": "intervention-nurse",
    },
}


async def test_a_scheduler_plans_visits_and_enters_nothing_else_that_is_done_to_a_patient(clinic: Inside) -> None:
    wrong = []
    async with AsyncExitStack() as stack:
        clients = await everybody(clinic, stack)
        for what, fields in {**PLANS, **NO_PLANS}.items():
            allowed = TREATING | {"scheduler"} if what in PLANS else TREATING
            for role in ROLES:
                line = {"kind": "intervention", "at": at(0), "id": f"{what}-{role}", "patient": "P-1", **fields}
                status = (await clients[role].post("/v1/observations", json=line)).status_code
                if (status == 200) != (role in allowed) or status not in {200, 403}:
                    wrong.append((role, what, status))
        said = {role: (await clients[role].get("/v1/access/me")).json()["enters"] for role in ROLES}
    assert wrong == []
    assert {role for role in ROLES if "booking" in said[role]} == TREATING | {"scheduler"}


async def test_a_persons_own_limits_need_a_clinician(clinic: Inside) -> None:
    limits = {"desaturation": {"medium": {"spo2": {"enter": 85.0, "reason": "lives at altitude"}}}}
    line = {"kind": "patient.registered", "at": at(0), "patient": "P-1", "limits": limits}
    accounts = access_of(clinic).accounts
    ehr = accounts.tokens.add("ehr", SENDABLE)
    async with AsyncExitStack() as stack:
        clients = await everybody(clinic, stack)
        for role in ROLES:
            status = (await clients[role].post("/v1/observations", json=line)).status_code
            assert (status == 200) == (role in LIMITS_SET_BY), role
    answer = await clinic.http.post("/v1/observations", json=line, headers={"authorization": f"Bearer {ehr}"})
    assert answer.status_code == 403
    assert answer.json()["set_aside"][0]["field"] == "limits"


@pytest.mark.parametrize("kind", ["checkin", "vitals"])
async def test_a_token_replaces_no_entry_unless_its_own_entry_says_so(clinic: Inside, kind: str) -> None:
    tokens = access_of(clinic).accounts.tokens
    fields: dict[str, Document] = {
        "checkin": {"instrument": "phq-9", "score": 0}, "vitals": {"sbp": 120.0, "dbp": 80.0},
    }  # fmt: skip
    line = {"kind": kind, "at": at(0), "id": "mine", "replaces": "nurse-1", "patient": "P-1", **fields[kind]}
    answers = [
        await clinic.http.post(
            "/v1/observations", json=line, headers={"authorization": f"Bearer {tokens.add(name, sends)}"}
        )
        for name, sends in (("tablet", ENTERED_BY), ("ehr", SENDABLE))
    ]
    assert [each.status_code for each in answers] == [403, 200]
    assert answers[0].json()["set_aside"][0]["field"] == "replaces"


async def test_a_command_carries_who_is_signed_in_whatever_its_body_says(clinic: Inside) -> None:
    await clinic.post(*falling())
    await clinic.settled()
    account(clinic, "ada", "nurse")
    async with browser(clinic, "ada") as ada:
        (alert,) = (await ada.get("/v1/alerts", params={"open": True})).json()["alerts"]
        answer = await ada.post(f"/v1/alerts/{alert['alert']}/acknowledge", json={"by": "the boss"})
        assert answer.status_code == 202
        await clinic.settled()
        (after,) = (await ada.get("/v1/alerts")).json()["alerts"]
    assert (after["phase"], after["by"]) == ("acknowledged", "ada")


async def test_an_override_carries_who_is_signed_in_whatever_its_body_says(tmp_path: Path) -> None:
    people = {"ada": ReachedColleague(), "ben": ReachedColleague()}
    rotation = Rotation(people=("ada",), since=date(1969, 12, 1), handoff=time(8))
    schedules = {"nurses": Schedule(timezone="UTC", rotations=(rotation,))}
    async with locked(tmp_path, LOCKED.model_copy(update={"people": people, "schedules": schedules})) as clinic:
        account(clinic, "ada", "nurse")
        wanted = {"schedule": "nurses", "who": "ben", "since": at(0), "until": at(3600), "by": "the boss"}
        async with browser(clinic, "ada") as ada:
            answer = await ada.post("/v1/rota/overrides", json=wanted)
        assert answer.status_code == 202, answer.text
        entries = clinic.service.journal.read(0)
    (written,) = [each.payload for each in entries if b"rota.override" in each.payload]
    assert b"ada" in written
    assert b"the boss" not in written


async def test_whoever_may_send_with_a_token_is_told_of_it(clinic: Inside) -> None:
    async with browser(clinic) as stranger:
        sent = await stranger.post("/v1/observations", json={})
        assert (sent.status_code, sent.json()["detail"]) == (
            401,
            "sign in first, or send a token (chairside token add)",
        )
        page = await stranger.get("/v1/chairs")
        assert (page.status_code, page.json()["detail"]) == (401, "sign in first")
        unknown = await stranger.post("/v1/observations", json={}, headers={"authorization": "Bearer cst_gone"})
        assert unknown.json()["detail"] == "sign in first, or send a token that is known (chairside token list)"


async def test_a_devices_readings_are_nobodys_and_what_it_may_not_send_is_set_aside_by_name(clinic: Inside) -> None:
    token = access_of(clinic).accounts.tokens.add("m3")
    lines = [
        sample(0, device="m3", spo2=97, by="ada"),
        {"kind": "dose", "at": at(0), "patient": "P-1", "drug": "ketamine"},
    ]
    answer = await clinic.http.post(
        "/v1/observations", content=ndjson(lines),
        headers={"authorization": f"Bearer {token}", "content-type": "application/x-ndjson"},
    )  # fmt: skip
    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": 1, "set_aside": [{"line": 2, "field": "kind", "reason": "this token may not send dose"}],
    }  # fmt: skip
