"""Patients' names: kept apart, sealed, given to those who treat and plan, and found nowhere else."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from deploy.audit.reads import READ
from deploy.privacy.erase import still_in
from deploy.privacy.names import NAMES_FILE, Names, NamesRefused, make_key
from deploy.settings import AccessPart, NamesPart, PagesPart, Settings
from deploy.upkeep.backup import back_up
from deploy.upkeep.verify import verify
from models.instants import from_iso
from tests.support.access import account, browser, locked
from tests.support.service import Inside, at, falling, invoked

NAME: Final = "Waltraud Übelhör"
ALIAS: Final = "willow/1"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "names.key"
    make_key(path)
    return path


@pytest.fixture
async def clinic(tmp_path: Path, key: Path) -> AsyncIterator[Inside]:
    settings = Settings(
        pages=PagesPart(destinations=()), access=AccessPart(sign_in=True), names=NamesPart(key=key, on_boards=True)
    )
    async with locked(tmp_path / "data", settings) as inside:
        for name in ("nurse", "viewer", "operator", "auditor", "scheduler"):
            account(inside, name, name)
        yield inside


def path_of(alias: str) -> str:
    return f"/v1/names/{quote(alias, safe='')}"


async def test_a_name_is_entered_and_read_by_those_who_treat_and_each_time_it_is_audited(clinic: Inside) -> None:
    async with browser(clinic, "nurse") as nurse, browser(clinic, "auditor") as auditor:
        assert (await nurse.get(path_of(ALIAS))).json() == {"patient": ALIAS, "name": None}
        assert (await nurse.put(path_of(ALIAS), json={"name": NAME})).json() == {"patient": ALIAS, "name": NAME}
        assert (await nurse.get(path_of(ALIAS))).json()["name"] == NAME
        for who in ("viewer", "operator", "auditor"):
            async with browser(clinic, who) as other:
                assert (await other.get(path_of(ALIAS))).status_code == 403
        assert (await clinic.http.get(path_of(ALIAS))).status_code == 403, "a device"
        entries = (await auditor.get("/v1/audit", params={"patient": ALIAS, "who": "nurse"})).json()["entries"]
        done = {(each["kind"], each["doc"].get("page")) for each in entries}
        assert {("read", "/v1/names/{patient:path}"), ("name.written", None)} <= done
        assert (await nurse.delete(path_of(ALIAS))).json()["name"] is None
        assert (await nurse.get(path_of(ALIAS))).json()["name"] is None


async def test_a_board_gets_the_names_of_those_who_sit_in_a_chair_and_of_nobody_else(clinic: Inside) -> None:
    async with browser(clinic, "nurse") as nurse, browser(clinic, "viewer") as wall:
        started = {"kind": "session.started", "at": at(0), "patient": ALIAS, "session": "s1", "chair": "3"}
        assert (await nurse.post("/v1/observations", json=started)).status_code == 200
        await clinic.settled()
        for alias in (ALIAS, "at-home"):
            await nurse.put(path_of(alias), json={"name": NAME})
        assert (await wall.get("/v1/names")).json() == {"names": {ALIAS: NAME}}


async def test_a_planted_name_is_in_no_file_log_metric_page_or_export(
    clinic: Inside, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with browser(clinic, "nurse") as nurse, browser(clinic, "auditor") as auditor:
        await nurse.put(path_of("P-1"), json={"name": NAME})
        await nurse.put(path_of("P-1"), json={"name": NAME, "more": NAME})
        await nurse.put(path_of("P-1"), json={"name": [NAME]})
        registered = {"kind": "patient.registered", "at": at(0), "patient": "P-1", "weight_kg": 70}
        started = {"kind": "session.started", "at": at(0), "patient": "P-1", "session": "s1", "chair": "3"}
        for each in (registered, started):
            await nurse.post("/v1/observations", json=each)
        await clinic.post(*falling())
        await clinic.settled()
        await nurse.get(path_of("P-1"))
        told = []
        for asking in (nurse, auditor):
            for path in (
                *(route.replace("{patient:path}", "P-1").replace("{session}", "s1") for route, _ in READ if "names" not in route and "{alert}" not in route),
                "/v1/chairs", "/v1/alerts", "/v1/transitions", "/v1/patients/P-1/record.fhir.json", "/metrics", "/healthz",
            ):  # fmt: skip
                answer = await asking.get(path)
                told.append(answer.content)
                assert NAME.encode() not in answer.content, path
        assert sum(len(each) for each in told) > 1000
    assert NAME not in caplog.text
    data = clinic.service.journal.path.parent
    backup = back_up(data, tmp_path / "backups", from_iso("2026-11-27T00:00:00Z"))
    assert (backup / NAMES_FILE).is_file()
    for folder in (data, backup):
        assert still_in(folder, [NAME, "Waltraud", "Übelhör"]) == []
    assert verify(backup).wrong == []


async def test_a_new_key_seals_every_name_while_the_service_runs_and_the_old_one_opens_none(
    clinic: Inside, key: Path, tmp_path: Path
) -> None:
    data = clinic.service.journal.path.parent
    async with browser(clinic, "nurse") as nurse:
        await nurse.put(path_of(ALIAS), json={"name": NAME})
        old = tmp_path / "old.key"
        old.write_text(key.read_text())  # noqa: ASYNC240 - a line of text
        old.chmod(0o600)
        done = invoked("names", "rotate", key, "--data", data)
        assert (done.status, done.stdout.strip()) == (0, "1 name is sealed with a new key")
        assert (await nurse.get(path_of(ALIAS))).json()["name"] == NAME
    with pytest.raises(NamesRefused, match="sealed with a key that is gone"):
        Names(data, old).name(ALIAS)


def test_a_change_of_keys_that_was_cut_short_opens_every_name_and_is_ended_by_another(
    tmp_path: Path, key: Path
) -> None:
    (data := tmp_path / "data").mkdir()
    Names(data, key).write(ALIAS, NAME)
    # As it stands when the process dies after the first step.
    key.write_text(f"{Fernet.generate_key().decode()}\n{key.read_text()}")
    assert Names(data, key).name(ALIAS) == NAME
    Names(data, key).rotate()
    assert len(key.read_text().split()) == 1
    assert Names(data, key).name(ALIAS) == NAME


async def test_without_a_usable_key_the_names_are_not_told_and_the_watch_goes_on(clinic: Inside, key: Path) -> None:
    async with browser(clinic, "nurse") as nurse:
        key.chmod(0o644)  # noqa: ASYNC240 - at once
        answer = await nurse.get(path_of(ALIAS))
        assert answer.status_code == 503
        assert "chmod 600" in answer.json()["detail"]
        assert (await nurse.get("/healthz")).status_code == 200


def test_a_row_in_anothers_place_a_key_beside_the_data_and_a_site_without_sign_in_are_refused(
    tmp_path: Path, key: Path
) -> None:
    (data := tmp_path / "data").mkdir()
    names = Names(data, key)
    names.write("a", NAME)
    with closing(sqlite3.connect(data / NAMES_FILE, isolation_level=None)) as database:
        database.execute("insert into names select 'b', sealed from names")
    with pytest.raises(NamesRefused, match="another's row"):
        names.name("b")
    make_key(data / "names.key")
    assert "in the data directory" in Names(data, data / "names.key").trouble()
    with pytest.raises(ValidationError, match="sign_in = true"):
        Settings(names=NamesPart(key=key))
