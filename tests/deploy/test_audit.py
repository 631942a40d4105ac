"""What a running service audits: who signed in, what was refused, which patient's page was opened; and the audit as a command."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from alerts.store.store import Store
from deploy.access.accounts import Accounts
from deploy.access.database import ACCOUNTS_FILE
from deploy.access.roles import ROUTES
from deploy.audit.reads import READ
from deploy.audit.trail import MOST_ALIKE, Trail
from deploy.wiring import wall_us
from models.instants import MINUTE
from tests.support.access import LOCKED, access_of, account, browser, locked
from tests.support.service import Inside, at, falling, invoked, said_once, serving, until, until_answered


async def audited(clinic: Inside, kind: str, who: str | None = None) -> list[dict[str, Any]]:
    """The audit's entries of a kind, the first one first, as soon as all that was noted is written."""
    trail = clinic.service.trail
    await until(lambda: trail.waiting == 0, "what was noted to be written")
    entries = clinic.service.store.audit_page("main", kind=kind, who=who, limit=500)["entries"]
    return [dict(each) for each in reversed(entries)]


async def test_sign_ins_good_and_refused_refusals_and_opened_pages_are_audited_by_name(tmp_path: Path) -> None:
    async with locked(tmp_path) as clinic:
        await clinic.post(*falling())
        await clinic.settled()
        account(clinic, "ada", "nurse")
        async with browser(clinic) as stranger, browser(clinic, "ada") as ada:
            wrong = {"name": "ada", "password": "not her password at all"}
            assert (await stranger.post("/v1/access/sign-in", json=wrong)).status_code == 401
            assert (await stranger.get("/v1/patients/P-1")).status_code == 401
            assert (await ada.get("/v1/dead-letters")).status_code == 403
            assert (await ada.get("/v1/history", params={"patient": "P-1"})).status_code == 200
            (alert,) = (await ada.get("/v1/alerts")).json()["alerts"]
            assert (await ada.post(f"/v1/alerts/{alert['alert']}/acknowledge", json={})).status_code == 202
            await ada.post("/v1/access/sign-out", json={})
        await clinic.settled()
        read = await audited(clinic, "read")
        assert [(each["who"], each["patient"], each["doc"]) for each in read] == [
            ("ada", "P-1", {"page": "/v1/history"})
        ]

        async def changes() -> list[dict[str, Any]] | None:
            found = await audited(clinic, "access")
            return found if found[-1]["kind"] == "access.signed-out" else None

        access = await until_answered(changes, "the changes of sessions to be audited")
        told = [(each["kind"], each["who"], each["doc"].get("reason")) for each in access]
        assert ("access.signed-in", "ada", None) in told
        assert ("access.sign-in-failed", "ada", None) in told
        assert ("access.refused", None, "sign in first") in told
        assert ("access.refused", "ada", "the role nurse may not do that") in told
        assert ("access.signed-out", "ada", None) in told
        assert [(each["who"], each["doc"]["doc"]["alert"]) for each in await audited(clinic, "alert")] == [
            ("ada", alert["alert"])
        ]
        assert {each["doc"]["account"] for each in await audited(clinic, "account")} == {"ada"}
        assert [each["doc"]["token"] for each in await audited(clinic, "token")] == ["everything"]
        assert "not her password" not in json.dumps(clinic.service.store.audit_page("main", limit=500))
    done = invoked("audit", "verify", "--data", tmp_path)
    assert done.status == 0, done.stdout


async def test_an_opened_page_is_in_the_audit_before_it_is_answered(tmp_path: Path) -> None:
    async with serving(tmp_path) as clinic:
        await clinic.post(*falling())
        await clinic.settled()
        for _ in range(3):
            await clinic.get("/v1/history", patient="P-1")
        entries = clinic.service.store.audit_page("main", kind="read")["entries"]
        assert [(each["who"], each["patient"]) for each in entries] == [(None, "P-1")], (
            "asked for again at once: one opening"
        )
        assert (await clinic.http.get("/v1/patients/NOBODY")).status_code == 404
        assert len(clinic.service.store.audit_page("main", kind="read")["entries"]) == 1


def test_every_route_about_one_patient_or_session_is_audited_as_a_page_that_was_opened() -> None:
    about = {
        route
        for method, route in ROUTES
        if method == "GET" and route.startswith("/v1/") and ("{patient" in route or "{session" in route)
    }
    assert about - {route for route, _ in READ} == set()
    assert {route for route, _ in READ} - {route for method, route in ROUTES if method == "GET"} == set()


async def test_a_thousand_refused_requests_are_one_entry_and_one_that_counts_them(tmp_path: Path) -> None:
    now_us = [wall_us()]
    store = Store(f"sqlite:///{tmp_path / 'a.sqlite'}")
    store.migrate()
    trail = Trail(store, "main", lambda: now_us[0])
    running = asyncio.create_task(trail.run())
    for number in range(1000):
        trail.note("access.refused", None, {"reason": "sign in first", "address": f"192.0.2.{number % 7}"})
    now_us[0] += MINUTE
    trail.note("access.refused", None, {"reason": "sign in first", "address": "192.0.2.9"})
    for number in range(2 * MOST_ALIKE):
        trail.note("access.refused", f"name-{number}", {"reason": "made up"})
    trail.stop()
    await running
    entries = list(reversed(store.audit_page("main", before=10)["entries"]))
    assert entries[0]["doc"] == {"reason": "sign in first", "address": "192.0.2.0"}
    assert entries[1]["doc"]["times_more"] == 999
    assert len(entries[1]["doc"]["addresses"]) == 5
    number = store.audit_heads()[0].number
    assert number <= MOST_ALIKE + 5, "however many names are made up"
    store.close()


async def test_an_audit_that_cannot_be_written_keeps_nobody_from_a_patient_and_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("deploy.audit.trail.READ_WAITS_S", 0.05)
    monkeypatch.setattr("deploy.audit.trail.TURN_S", 0.05)
    async with serving(tmp_path) as clinic:
        store, chain_events = clinic.service.store, clinic.service.store.chain_events

        def full(events: object) -> None:
            raise OperationalError("insert", {}, OSError("database or disk is full"))

        monkeypatch.setattr(store, "chain_events", full)
        await clinic.get("/v1/history", patient="P-1")
        await clinic.get("/v1/history", patient="P-2")
        await until(lambda: clinic.service.trail.unwritten, "the audit to say that it cannot be written")
        assert "disk is full" in clinic.service.trail.unwritten
        assert clinic.service.trail.waiting == 2
        monkeypatch.setattr(store, "chain_events", chain_events)
        assert [each["patient"] for each in await audited(clinic, "read")] == ["P-1", "P-2"]
    assert [each.message for each in caplog.records if "the audit cannot be written" in each.message] != []


async def test_changes_of_accounts_made_while_nothing_runs_are_audited_at_the_next_start_and_once(
    tmp_path: Path,
) -> None:
    async with locked(tmp_path) as clinic:
        account(clinic, "ada", "nurse")
    accounts = Accounts(tmp_path / ACCOUNTS_FILE, wall_us, by="command line of root")
    accounts.disable("ada")
    (left,) = accounts.database.events(10)
    accounts.close()
    for _ in range(2):
        async with serving(tmp_path, LOCKED) as clinic:
            await until(lambda: access_of(clinic).accounts.database.events(10) == [], "the changes to be audited")
            found = await audited(clinic, "account.disabled")
            assert [(each["who"], each["doc"]) for each in found] == [("command line of root", {"account": "ada"})]
            clinic.web.should_exit = True
        # As after a crash between the two files: it is there still, under its own number.
        with closing(sqlite3.connect(tmp_path / ACCOUNTS_FILE)) as file, file:
            row = (left.id, left.site, left.at_us, left.kind, left.who, json.dumps(left.about))
            file.execute("insert into access_events (id, site, at_us, kind, who, about) values (?, ?, ?, ?, ?, ?)", row)
    assert invoked("audit", "verify", "--data", tmp_path).status == 0


async def test_the_head_is_published_in_the_log_and_the_metrics_and_verify_takes_both(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(tmp_path) as clinic:
        await clinic.post(*falling())
        await clinic.settled()
        text = (await clinic.http.get("/metrics")).text
        gauges = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("chairside_audit"))
    entries, head = (gauges[f'chairside_audit_{name}{{site="main"}}'] for name in ("entries", "head"))
    by_metrics = f"main:{float(entries):.0f}:{int(float(head)):012x}"
    by_log = next(each.message for each in reversed(caplog.records) if each.message.startswith("audit head")).split()[
        -1
    ]
    (end,) = invoked("audit", "head", "--data", tmp_path).stdout.splitlines()
    assert by_log == end
    assert invoked("audit", "verify", "--data", tmp_path, "--head", by_metrics, "--head", by_log).status == 0
    cut = Store(f"sqlite:///{tmp_path / 'chairside.sqlite'}")
    with cut.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM audit_chain WHERE number > 1")
        connection.exec_driver_sql("UPDATE audit_heads SET number = 1, hash = (SELECT hash FROM audit_chain)")
    cut.close()
    done = invoked("audit", "verify", "--data", tmp_path, "--head", by_metrics)
    assert done.status == 1
    assert "it was here, and is cut off" in done.stdout


async def test_an_export_is_checked_by_itself_and_a_line_that_was_changed_in_it_is_found(tmp_path: Path) -> None:
    async with serving(tmp_path) as clinic:
        # What ends a line elsewhere ends none of an export.
        typed = {
            "kind": "intervention",
            "at": at(5),
            "patient": "P-1",
            "what": "oxygen",
            "detail": "2 l\u2028a\x85b\x0bc\x1cd",
        }
        await clinic.post(*falling(), typed)
        await clinic.settled()
    out = tmp_path / "audit.ndjson"
    assert invoked("audit", "export", "--data", tmp_path, "--out", out).status == 0
    (head,) = invoked("audit", "head", "--data", tmp_path).stdout.splitlines()
    assert invoked("audit", "verify", out, "--head", head).status == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600, "what is in it is of patients"
    lines = out.read_text().removesuffix("\n").split("\n")
    assert len(lines) == int(head.split(":")[1])
    for planted in (
        lines[:-1],
        [lines[0], *lines[2:]],
        [lines[0].replace("main", "mine", 1), *lines[1:]],
        [lines[1], lines[0], *lines[2:]],
    ):
        out.write_text("\n".join(planted))
        assert invoked("audit", "verify", out, "--head", head).status == 1
    part = invoked("audit", "export", "--data", tmp_path, "--after", 1).stdout
    assert part.count("\n") == len(lines) - 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "--head", "main:1"), "write SITE:NUMBER:HASH"),
        (("verify", "--data", "nowhere"), "there is no store in nowhere"),
        (("verify", "--database", "mysql://x"), "--database: the store runs on"),
        (("verify", "missing.ndjson"), "cannot be read"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line(words: tuple[str, ...], said: str) -> None:
    assert said in said_once(invoked("audit", *words))


async def test_an_auditor_reads_the_audit_in_pages_and_that_is_audited_too(tmp_path: Path) -> None:
    async with locked(tmp_path) as clinic:
        await clinic.post(*falling())
        await clinic.settled()
        account(clinic, "otto", "auditor")
        async with browser(clinic, "otto") as otto:
            first = (await otto.get("/v1/audit", params={"limit": 2})).json()
            assert first["next"] == first["entries"][-1]["number"]
            second = (await otto.get("/v1/audit", params={"limit": 2, "before": first["next"]})).json()
            assert second["entries"][0]["number"] == first["next"] - 1
            assert (await otto.get("/v1/audit", params={"limit": 501})).status_code == 422
        read = await audited(clinic, "read", who="otto")
        assert [each["doc"]["page"] for each in read] == ["/v1/audit"]


async def test_what_another_page_makes_a_browser_send_is_audited(tmp_path: Path) -> None:
    async with serving(tmp_path) as clinic:
        async with httpx.AsyncClient(base_url=clinic.address, headers={"host": "evil.example.org"}) as foreign:
            assert (await foreign.get("/v1/alerts")).status_code == 421
        assert [each["doc"]["reason"] for each in await audited(clinic, "access")] == ["another host's name"]
