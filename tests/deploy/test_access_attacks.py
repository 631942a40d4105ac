"""Attacks on sign-in, sessions and tokens: each does what somebody would, and gets nowhere."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from hashlib import sha256
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from deploy.access.access import COOKIE, KNOWN, QUEUE, SignedIn, Wait
from deploy.access.accounts import Accounts
from deploy.access.database import AccessRefused
from deploy.access.guesses import FREE, LONGEST_S
from deploy.access.sessions import SignedPerson
from deploy.settings import AccessPart, PagesPart, Settings
from models.instants import HOUR, MINUTE, SECOND
from tests.support.access import LOCKED, PASSWORD, access_of, account, browser, locked
from tests.support.service import START_US, Inside, falling, heard, sample, serving

WRONG = {"name": "ada", "password": "not her password at all"}
RIGHT = {"name": "ada", "password": PASSWORD}


class Clock:
    """The time of a service, which stands until a test moves it."""

    def __init__(self) -> None:
        self.now_us = START_US

    def __call__(self) -> int:
        return self.now_us

    def pass_(self, us: float) -> None:
        self.now_us += round(us)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def clinic(tmp_path: Path, clock: Clock) -> AsyncIterator[Inside]:
    async with locked(tmp_path, now_us=clock) as inside:
        account(inside, "ada", "nurse")
        yield inside


def set_cookies(answer: httpx.Response) -> dict[str, SimpleCookie]:
    found = {}
    for line in answer.headers.get_list("set-cookie"):
        cookie = SimpleCookie(line)
        found[next(iter(cookie))] = cookie
    return found


async def test_signing_in_gives_a_session_that_the_browser_did_not_choose(clinic: Inside) -> None:
    """Session fixation: a secret planted in the browser beforehand is worth nothing afterwards, nor is an older session."""
    async with browser(clinic) as ada:
        planted = "x" * 43
        ada.cookies.set(COOKIE, planted)
        assert (await ada.get("/v1/chairs")).status_code == 401
        ada.cookies.clear()
        first = set_cookies(await ada.post("/v1/access/sign-in", json=RIGHT))[COOKIE][COOKIE].value
        again = set_cookies(await ada.post("/v1/access/sign-in", json=RIGHT))[COOKIE][COOKIE].value
    assert len({planted, first, again}) == 3
    for secret in (planted, first):
        old = await clinic.http.get("/v1/chairs", headers={"cookie": f"{COOKIE}={secret}", "authorization": ""})
        assert old.status_code == 401


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(clinic: Inside) -> None:
    async with browser(clinic) as ada:
        for cookie in set_cookies(await ada.post("/v1/access/sign-in", json=RIGHT)).values():
            (morsel,) = cookie.values()
            assert morsel["httponly"]
            assert morsel["samesite"] == "strict"
            assert not morsel["secure"], "a plain http:// address on loopback, where nothing would send it back"


async def test_behind_tls_the_cookie_never_goes_without_it(tmp_path: Path) -> None:
    behind = LOCKED.model_copy(update={"pages": PagesPart(destinations=(), link="https://chairside.example.org")})
    async with locked(tmp_path, behind) as clinic:
        account(clinic, "ada", "nurse")
        async with browser(clinic) as ada:
            cookies = set_cookies(await ada.post("/v1/access/sign-in", json=RIGHT))
            assert set(cookies) == {f"__Host-{COOKIE}", KNOWN}
            session = cookies[f"__Host-{COOKIE}"][f"__Host-{COOKIE}"]
            assert session["secure"]
            assert session["path"] == "/"
            # A cookie of the plain name, which another host of the domain could have set, is none of ours.
            plain = await ada.get("/v1/chairs", headers={"cookie": f"{COOKIE}={session.value}"})
            assert plain.status_code == 401
            assert (
                await ada.get("/v1/chairs", headers={"cookie": f"__Host-{COOKIE}={session.value}"})
            ).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://127.0.0.1.evil.example"},
    ],
)
async def test_another_sites_page_commands_nothing_with_the_cookie(clinic: Inside, headers: dict[str, str]) -> None:
    await clinic.post(*falling())
    await clinic.settled()
    async with browser(clinic, "ada") as ada:
        (alert,) = (await ada.get("/v1/alerts")).json()["alerts"]
        path = f"/v1/alerts/{alert['alert']}/acknowledge"
        assert (await ada.post(path, json={}, headers=headers)).status_code == 403
        assert (
            await ada.post("/v1/observations", json=sample(0, patient="P-1", spo2=97), headers=headers)
        ).status_code == 403
        assert (await ada.post("/v1/access/sign-out", json={}, headers=headers)).status_code == 403
        assert (await ada.get("/v1/alerts")).json()["alerts"][0]["phase"] == alert["phase"]
        del ada.headers["origin"]
        assert (await ada.post(path, json={})).status_code == 403, (
            "who says nothing of where it comes from is believed nothing"
        )


async def test_a_pages_own_link_needs_no_sign_in_and_says_nothing_of_where_it_comes_from(clinic: Inside) -> None:
    """Its page sends no referrer, so a browser says that its form comes from nowhere."""
    clinic.http.headers.pop("authorization")
    answer = await clinic.http.post("/answer/made-up", headers={"origin": "null"})
    assert (answer.status_code, "no link of ours" in answer.text) == (410, True)


async def test_another_sites_page_signs_nobody_in(clinic: Inside) -> None:
    """Login CSRF: a victim who works under the attacker's name."""
    async with browser(clinic) as page:
        answer = await page.post("/v1/access/sign-in", json=RIGHT, headers={"origin": "https://evil.example"})
        assert answer.status_code == 403
        assert not answer.headers.get_list("set-cookie")


async def test_guessing_gets_slower_from_everywhere_and_keeps_nobody_away(clinic: Inside, clock: Clock) -> None:
    async with browser(clinic, "ada") as her_own, browser(clinic) as stranger:
        for _ in range(FREE):
            assert (await stranger.post("/v1/access/sign-in", json=WRONG)).status_code == 401
        waits = []
        for _ in range(12):
            answer = await stranger.post("/v1/access/sign-in", json=RIGHT)
            assert answer.status_code == 429, "not even the right one, while it waits"
            waits.append(int(answer.headers["retry-after"]))
            clock.pass_(waits[-1] * SECOND)
            assert (await stranger.post("/v1/access/sign-in", json=WRONG)).status_code == 401
        assert waits[:4] == [1, 2, 4, 8]
        assert max(waits) == LONGEST_S
        # The browser from which she signed in before does not wait for what strangers do.
        assert (await her_own.post("/v1/access/sign-in", json=RIGHT)).status_code == 200
        # And no lock is for good: a new one waits once.
        clock.pass_(LONGEST_S * SECOND)
        assert (await stranger.post("/v1/access/sign-in", json=RIGHT)).status_code == 200


async def test_a_known_browsers_own_guesses_are_slowed_down_too(clinic: Inside) -> None:
    async with browser(clinic, "ada") as thief:
        for _ in range(FREE):
            assert (await thief.post("/v1/access/sign-in", json=WRONG)).status_code == 401
        assert (await thief.post("/v1/access/sign-in", json=WRONG)).status_code == 429


async def test_one_address_tries_no_more_than_so_many_accounts_a_minute(clinic: Inside) -> None:
    async with browser(clinic) as stranger:
        tries = [{"name": f"nobody-{n}", "password": "a password of somebody's"} for n in range(25)]
        statuses = [(await stranger.post("/v1/access/sign-in", json=each)).status_code for each in tries]
    assert statuses[:20] == [401] * 20
    assert set(statuses[20:]) == {429}


async def test_a_crowd_of_strangers_leaves_a_place_for_a_browser_that_is_known(clinic: Inside) -> None:
    access = access_of(clinic)
    async with browser(clinic, "ada") as ada:
        known = access.known_in(httpx.Headers({"cookie": f"{KNOWN}={ada.cookies[KNOWN]}"}))  # type: ignore[arg-type]  # httpx's headers are read as starlette's are
        crowd = [
            access.sign_in(f"nobody-{number}", "a password of somebody's", f"192.0.2.{number}", None)
            for number in range(60)
        ]
        found = await asyncio.gather(*crowd, access.sign_in("ada", PASSWORD, "127.0.0.1", known))
    assert isinstance(found[-1], SignedIn)
    assert sum(isinstance(each, Wait) for each in found) == 60 - QUEUE


async def test_nobody_learns_whether_an_account_is_there(clinic: Inside) -> None:
    async with browser(clinic) as stranger:
        for _ in range(FREE + 1):
            there = await stranger.post("/v1/access/sign-in", json=WRONG)
            not_there = await stranger.post("/v1/access/sign-in", json={**WRONG, "name": "eve"})
            assert (there.status_code, there.text) == (not_there.status_code, not_there.text)


async def test_a_session_ends_without_input_and_at_last_with_it(clinic: Inside, clock: Clock) -> None:
    async with browser(clinic, "ada") as ada:
        for _ in range(14):
            # What a page asks by itself keeps nobody signed in; a person who touches it does.
            clock.pass_(29 * MINUTE)
            assert (await ada.get("/v1/chairs")).status_code == 200
            assert (await ada.post("/v1/access/here", json={})).status_code == 200
        clock.pass_(31 * MINUTE)
        assert (await ada.get("/v1/chairs")).status_code == 401
        assert (await ada.post("/v1/access/here", json={})).status_code == 401
        await ada.post("/v1/access/sign-in", json=RIGHT)
        begun_us = clock.now_us
        while clock.now_us - begun_us < 12 * HOUR - 20 * MINUTE:
            clock.pass_(20 * MINUTE)
            assert (await ada.post("/v1/access/here", json={})).status_code == 200
        clock.pass_(20 * MINUTE)
        assert (await ada.post("/v1/access/here", json={})).status_code == 401


async def test_a_screen_on_a_wall_stays_signed_in_without_anybodys_touch(clinic: Inside, clock: Clock) -> None:
    account(clinic, "wall", "viewer")
    async with browser(clinic, "wall") as wall:
        clock.pass_(29 * 24 * HOUR)
        assert (await wall.get("/v1/chairs")).status_code == 200
        clock.pass_(25 * HOUR)
        assert (await wall.get("/v1/chairs")).status_code == 401


async def _signed_out(clinic: Inside, ada: httpx.AsyncClient) -> None:
    assert (await ada.post("/v1/access/sign-out", json={})).status_code == 200


async def _disabled(clinic: Inside, ada: httpx.AsyncClient) -> None:
    access_of(clinic).accounts.disable("ada")


@pytest.mark.parametrize("end", [_signed_out, _disabled])
async def test_whose_session_is_over_sees_and_hears_nothing_more(
    clinic: Inside, end: Callable[..., Awaitable[object]]
) -> None:
    async with browser(clinic, "ada") as ada:
        stolen = dict(ada.cookies)
        async with ada.stream("GET", "/v1/live") as feed:
            events = heard(feed)
            assert (await anext(events)).name == "snapshot"
            await end(clinic, ada)
            async for _ in events:
                pass  # until the service ends it
        answer = await ada.get("/v1/chairs", headers={"cookie": f"{COOKIE}={stolen[COOKIE]}"})
        assert answer.status_code == 401
    # Disabled, she does not come back either, and when she is added again it is by the link alone.
    if end is _disabled:
        access_of(clinic).accounts.link("ada", "nurse")
    async with browser(clinic) as again:
        back = await again.post("/v1/access/sign-in", json=RIGHT)
        assert back.status_code == (200 if end is _signed_out else 401)


async def test_a_token_of_another_site_and_a_revoked_one_send_nothing(clinic: Inside) -> None:
    accounts = access_of(clinic).accounts
    line = sample(0, device="m3", spo2=97)
    south, gone = accounts.tokens.add("south", site="south"), accounts.tokens.add("gone")
    accounts.tokens.revoke("gone")
    tries = {f"Bearer {south}": 403, f"Bearer {gone}": 401, "Bearer cst_made-up": 401, "Basic YWRhOmE=": 401, "": 401}
    for proof, status in tries.items():
        answer = await clinic.http.post("/v1/observations", json=line, headers={"authorization": proof})
        assert answer.status_code == status, proof
    mine = accounts.tokens.add("mine")
    answer = await clinic.http.post(
        "/v1/observations", json={**line, "site": "south"}, headers={"authorization": f"Bearer {mine}"}
    )
    assert answer.json()["set_aside"][0]["field"] == "site"


@pytest.mark.parametrize(
    "kind", ["alert.acknowledged", "alert.closed", "site.configured", "forecast.made", "rota.override"]
)
async def test_no_token_posts_a_command_a_configuration_or_a_forecast(clinic: Inside, kind: str) -> None:
    line = {
        "kind": kind, "at": sample(0)["at"], "alert": "a", "by": "ada", "limits": {}, "schedule": "x", "patient": "P-1",
        "since": sample(0)["at"], "until": sample(9)["at"],
    }  # fmt: skip
    answer = await clinic.http.post("/v1/observations", json=line)
    assert answer.status_code in {403, 422}
    assert answer.json()["accepted"] == 0
    with pytest.raises(ValueError, match="may not send"):
        access_of(clinic).accounts.tokens.add("too much", [kind])


async def test_a_record_systems_token_sends_fhir_as_far_as_its_entry_goes(clinic: Inside) -> None:
    accounts = access_of(clinic).accounts
    patient = {
        "resourceType": "Patient",
        "id": "willow",
        "birthDate": "1980",
        "meta": {"lastUpdated": "2026-11-23T14:00:00Z"},
    }
    for sends, status in ((["patient.registered"], 201), (["vitals"], 403)):
        token = accounts.tokens.add(f"ehr-{status}", sends)
        answer = await clinic.http.post("/fhir/Patient", json=patient, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status, answer.text
    async with browser(clinic, "ada") as ada:
        assert (await ada.post("/fhir/Patient", json=patient)).status_code == 403


async def test_a_token_in_the_wrong_place_is_no_session(clinic: Inside) -> None:
    token = access_of(clinic).accounts.tokens.add("m3")
    async with browser(clinic) as page:
        page.cookies.set(COOKIE, token)
        assert (await page.get("/v1/chairs")).status_code == 401
    async with browser(clinic, "ada") as ada:
        session = ada.cookies[COOKIE]
    answer = await clinic.http.get("/v1/chairs", headers={"authorization": f"Bearer {session}"})
    assert answer.status_code == 401


async def test_a_one_time_link_is_good_once_and_for_a_day_and_makes_whom_it_names(clinic: Inside, clock: Clock) -> None:
    accounts = access_of(clinic).accounts
    async with browser(clinic, "ada") as before, browser(clinic) as page:
        link = accounts.link("ada", "nurse")
        body = {"link": link, "name": "the boss", "password": "another chair by the window"}
        assert (await page.post("/v1/access/welcome", json={**body, "password": "short"})).status_code == 400
        answer = await page.post("/v1/access/welcome", json=body)
        said = answer.json()
        assert "dose" in said.pop("enters")
        assert said == {"sign_in": True, "name": "ada", "role": "nurse", "answers": True, "audits": False}
        assert (await page.post("/v1/access/welcome", json=body)).status_code == 400
        assert (await before.get("/v1/chairs")).status_code == 401, "who had the old password is signed out"
        old = accounts.link(None, "operator")
        clock.pass_(25 * HOUR)
        assert (await page.post("/v1/access/link", json={"link": old})).status_code == 400
        # A link without a name takes over nobody's account.
        new = accounts.link(None, "operator")
        taken = await page.post("/v1/access/welcome", json={"link": new, "name": "ada", "password": PASSWORD})
        assert taken.status_code == 400
        ours = await page.post("/v1/access/welcome", json={"link": new, "name": "olga", "password": PASSWORD})
        assert ours.json()["role"] == "operator"
        assert accounts.has_operator()


async def test_tries_and_refusals_are_logged_with_a_reason_and_counted_without_a_secret_or_an_alias(
    clinic: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "deploy")
    async with browser(clinic, "ada") as ada:
        await ada.post("/v1/access/sign-in", json={"name": "my secret password", "password": PASSWORD})
        await ada.get("/metrics")
        await ada.get("/v1/dead-letters", params={"site": "willow"})
        await ada.post("/v1/alerts/willow/acknowledge", json={}, headers={"origin": "https://evil.example"})
        await ada.post("/v1/alerts/willow/acknowledge", json={}, headers={"origin": ""})
        del ada.headers["origin"]
        await ada.post("/v1/alerts/willow/acknowledge", json={})
        session = ada.cookies[COOKIE]
    said = caplog.text
    for line in (
        "signed in: ada",
        "sign-in failed: unknown",
        "the role nurse may not do that",
        "not come from a page of ours",
        "https://evil.example may not write here",
    ):
        assert line in said
    for secret in ("my secret password", PASSWORD, session, "willow"):
        assert secret not in said
    counted = (await clinic.http.get("/metrics")).text
    assert 'chairside_sign_ins_total{outcome="signed in"} 1.0' in counted
    assert 'chairside_sign_ins_total{outcome="failed"} 1.0' in counted
    assert """chairside_requests_refused_total{reason="another site's page"} 2.0""" in counted
    assert 'chairside_requests_refused_total{reason="the role nurse may not do that"} 2.0' in counted


async def test_nothing_in_the_journal_or_in_the_files_of_others_holds_a_password_or_a_token(
    clinic: Inside, tmp_path: Path
) -> None:
    async with browser(clinic, "ada") as ada:
        await ada.post(
            "/v1/observations", json={"kind": "dose", "at": sample(0)["at"], "patient": "P-1", "drug": "ketamine"}
        )
        secrets = [ada.cookies[COOKIE], PASSWORD, clinic.http.headers["authorization"].removeprefix("Bearer ")]
    await clinic.settled()
    for file in tmp_path.iterdir():  # noqa: ASYNC240 - a test's own files
        held = file.read_bytes()
        assert [secret for secret in secrets if secret.encode() in held] == [], file
        if file.name.startswith("access.sqlite"):
            assert file.stat().st_mode & 0o077 == 0
        else:
            assert b"$argon2" not in held


def test_a_newer_files_accounts_are_not_guessed_at(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "access.sqlite") as database:
        database.execute("pragma user_version = 99")
    with pytest.raises(AccessRefused, match="newer version"):
        Accounts(tmp_path / "access.sqlite", lambda: 0)


async def test_where_nobody_need_sign_in_that_is_said(tmp_path: Path) -> None:
    open_ = Settings(pages=PagesPart(destinations=()), access=AccessPart())
    async with serving(tmp_path, open_) as inside:
        assert (await inside.get("/v1/access/me"))["sign_in"] is False
        assert (await inside.http.get("/healthz")).json()["tasks"]


OF_FORMAT_2 = """
create table accounts (
    name text primary key, role text not null, password text, disabled integer not null default 0, made_us integer not null
);
create table links (hash text primary key, account text, role text not null, until_us integer not null);
create table sessions (
    hash text primary key, account text not null, begun_us integer not null, active_us integer not null
);
create table tokens (
    name text primary key, hash text not null unique, site text not null, sends text not null, made_us integer not null,
    used_us integer, revoked_us integer
);
create table secrets (name text primary key, value text not null);
create table events (
    id integer primary key autoincrement, at_us integer not null, kind text not null, who text, about text not null
);
insert into secrets values ('events', 'chance');
insert into accounts values ('ben', 'nurse', null, 1, 1);
insert into events (id, at_us, kind, about) values (6, 1, 'account.linked', '{}'), (7, 1, 'token.revoked', '{}');
delete from events where id = 7;
pragma user_version = 2;
"""


def test_a_file_of_the_version_before_is_brought_up_with_everybody_in_it(tmp_path: Path, clock: Clock) -> None:
    def secret_hash(secret: str) -> str:
        return sha256(secret.encode()).hexdigest()

    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with closing(sqlite3.connect(tmp_path / "access.sqlite", isolation_level=None)) as database:
        database.executescript(OF_FORMAT_2)
        database.execute("insert into accounts values ('ada', 'nurse', ?, 0, 1)", (hashed,))
        database.execute("insert into sessions values (?, 'ada', ?, ?)", (secret_hash("hers"), clock(), clock()))
        database.execute("insert into links values (?, 'ben', 'nurse', ?)", (secret_hash("link"), clock() + HOUR))
        row = ("m3", secret_hash("cst_m3"), "main", '["vitals"]', 1)
        database.execute("insert into tokens (name, hash, site, sends, made_us) values (?, ?, ?, ?, ?)", row)
    for _ in range(2):
        accounts = Accounts(tmp_path / "access.sqlite", clock)
        assert accounts.sessions.person("hers") == SignedPerson("ada", "nurse")
        assert accounts.check_password("ada", PASSWORD) == SignedPerson("ada", "nurse")
        assert accounts.check_password("ben", PASSWORD) is None
        linked, device = accounts.linked("link"), accounts.tokens.device("cst_m3")
        assert linked is not None
        assert linked.name == "ben"
        assert device is not None
        assert device.sends == {"vitals"}
        assert accounts.database.key("events") == "chance"
        assert [each.id for each in accounts.database.events(9)] == [6]
        accounts.close()
    accounts = Accounts(tmp_path / "access.sqlite", clock)
    accounts.disable("ada")
    assert [each.id for each in accounts.database.events(9)] == [6, 8], "no number of the audit's is given twice"
    accounts.close()
