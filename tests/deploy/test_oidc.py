"""Sign-in by a clinic's own provider: a real one of another make, who comes back from it, and answers that were tampered with."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pydantic import ValidationError

from deploy.access.access import COOKIE
from deploy.access.routes import BETWEEN
from deploy.oidc_part import OidcPart
from deploy.settings import AccessPart, PagesPart, Settings
from tests.support.access import LOCKED, access_of, account, browser, locked
from tests.support.oidc import SECRET, Issuer, Spoiling, issuer, signed_in_there
from tests.support.service import Inside

HERE = "http://chairside.localhost"
"""Where browsers find the service: the provider knows it by this alone."""
ADA = {"email": "ada@example.org", "email_verified": True, "groups": ["staff", "nurses"]}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with issuer(tmp_path_factory.mktemp("issuer")) as made:
        made.start(f"{HERE}/v1/access/oidc/back")
        yield made


def part_of(provider: Issuer, **more: Any) -> OidcPart:
    return OidcPart(**{
        "issuer": provider.address, "client_id": "chairside", "client_secret_file": provider.folder / "client-secret",
        "people": {"ada@example.org": "ada", "ben-subject": "ben"}, "scopes": ("email", "groups"),
        "roles": {"doctors": "clinician", "nurses": "nurse"}, **more,
    })  # fmt: skip


def with_provider(provider: Issuer, **more: Any) -> Settings:
    access = AccessPart(sign_in=True, oidc=part_of(provider, **more))
    return LOCKED.model_copy(update={"access": access, "pages": PagesPart(destinations=(), link=HERE)})


@pytest.fixture
async def clinic(tmp_path: Path, provider: Issuer) -> AsyncIterator[Inside]:
    async with locked(tmp_path, with_provider(provider)) as inside:
        provider.spoil = None
        provider.exchanges.clear()
        provider.people(ada=ADA)
        yield inside


async def begun(page: httpx.AsyncClient, to: str = "/chair/3") -> str:
    """Press the button; where the provider's page is."""
    answer = await page.get("/v1/access/oidc", params={"to": to})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def come_back(page: httpx.AsyncClient, login: str = "ada") -> httpx.Response:
    """Sign in at the provider and come back; the service's last answer."""
    return await page.get(await signed_in_there(page, await begun(page), login))


async def test_somebody_whom_the_provider_knows_is_signed_in_with_their_role_here(
    clinic: Inside, provider: Issuer
) -> None:
    async with browser(clinic) as page:
        assert (await page.get("/v1/access/ways")).json() == {"provider": "the clinic's account", "pins": []}
        asked = parse_qs(urlsplit(await begun(page)).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["prompt"] == ["login"], "a shared tablet's browser is signed in there as whoever was last"
        assert {"state", "nonce", "code_challenge"} <= set(asked)
        answer = await come_back(page)
        assert (answer.status_code, answer.headers["location"]) == (303, "/chair/3")
        cookies = answer.headers.get_list("set-cookie")
        assert any(each.startswith(f"{COOKIE}=") and "SameSite=strict" in each for each in cookies)
        me = (await page.get("/v1/access/me")).json()
        assert (me["name"], me["role"], me["answers"]) == ("ada", "nurse", True)
        assert (await page.get("/v1/chairs")).status_code == 200
        assert (await page.post("/v1/access/sign-out", json={})).status_code == 200
        assert (await page.get("/v1/chairs")).status_code == 401
        # The same again asks for the password again, and makes nobody twice.
        assert (await come_back(page)).headers["location"] == "/chair/3"
    assert [(each.name, each.role) for each in access_of(clinic).accounts.people()] == [("ada", "nurse")]
    entries = clinic.service.store.audit_page("main", None, 500)["entries"]
    done = {(each["kind"], each["who"]) for each in entries}
    done |= {(each.kind, each.who) for each in access_of(clinic).accounts.database.events(99)}
    assert {("account.added", "the provider"), ("access.signed-in", "ada"), ("access.signed-out", "ada")} <= done
    assert all(b"code_verifier=" in each for each in provider.exchanges)


async def test_a_role_that_changes_at_the_provider_changes_here_for_every_session(
    clinic: Inside, provider: Issuer
) -> None:
    async with browser(clinic) as first, browser(clinic) as second:
        await come_back(first)
        provider.people(ada={**ADA, "groups": ["doctors"]})
        await come_back(second)
        for page in (first, second):
            assert (await page.get("/v1/access/me")).json()["role"] == "clinician"
        provider.people(ada={**ADA, "groups": ["staff"]})
        async with browser(clinic) as third:
            assert (await come_back(third)).headers["location"] == "/?refused=role"
            assert (await third.get("/v1/chairs")).status_code == 401


async def test_who_is_shut_out_here_is_signed_out_and_does_not_come_back(clinic: Inside) -> None:
    async with browser(clinic) as page:
        await come_back(page)
        access_of(clinic).accounts.disable("ada")
        assert (await page.get("/v1/chairs")).status_code == 401
        assert (await come_back(page)).headers["location"] == "/?refused=disabled"
        assert (await page.get("/v1/chairs")).status_code == 401


@pytest.mark.parametrize(
    ("login", "known"),
    [
        ("eve", {"email": "eve@example.org", "email_verified": True, "groups": ["nurses"]}),
        ("eve", {"email": "ada@example.org", "email_verified": False, "groups": ["nurses"]}),
        ("eve", {"email": "ada@example.org", "groups": ["nurses"]}),
        ("ada", {"email": "ADA@example.org", "email_verified": True, "groups": ["nurses"]}),
    ],
)
async def test_who_is_nobody_here_does_not_come_in(
    clinic: Inside, provider: Issuer, login: str, known: dict[str, Any]
) -> None:
    provider.people(**{login: known})
    async with browser(clinic) as page:
        assert (await come_back(page, login)).headers["location"] == "/?refused=unknown"
        assert (await page.get("/v1/chairs")).status_code == 401
    assert access_of(clinic).accounts.people() == []


async def test_a_subject_will_do_and_without_roles_the_account_here_has_the_role(
    tmp_path: Path, provider: Issuer
) -> None:
    async with locked(tmp_path, with_provider(provider, roles={})) as clinic, browser(clinic) as page:
        provider.people(**{"ben-subject": {}, "ada": ADA})
        account(clinic, "ben", "scheduler")
        await come_back(page, "ben-subject")
        assert (await page.get("/v1/access/me")).json()["role"] == "scheduler"
        async with browser(clinic) as other:
            answer = await come_back(other, "ada")
            assert answer.headers["location"] == "/?refused=unknown", "she has no account here"


def resigned(**changed: Any) -> Spoiling:
    """A token with other claims, signed by the provider's own key; None: without that claim."""

    def spoil(claims: dict[str, Any], key: RSAKey) -> str:
        said = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": "k1"}, said, key)

    return spoil


def unsigned(claims: dict[str, Any], key: RSAKey) -> str:
    parts = (json.dumps(each).encode() for each in ({"alg": "none"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts), ""])


def signed_by_another(claims: dict[str, Any], key: RSAKey) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, RSAKey.generate_key(2048, {"kid": "k1"}))


def signed_with_the_secret(claims: dict[str, Any], key: RSAKey) -> str:
    return jwt.encode({"alg": "HS256", "kid": "k1"}, claims, OctKey.import_key(SECRET))


LATE = round(time.time()) - 3600
SPOILT: dict[str, Spoiling] = {
    "issuer": resigned(iss="https://evil.example"),
    "no issuer": resigned(iss=None),
    "audience": resigned(aud="another-client"),
    "audience, this client as authorized party": resigned(aud="another-client", azp="chairside"),
    "no audience": resigned(aud=None),
    "nonce": resigned(nonce="an older one"),
    "no nonce": resigned(nonce=None),
    "expired": resigned(exp=LATE, iat=LATE - 60),
    "no expiry": resigned(exp=None),
    "another access token's hash": resigned(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "asked long ago": resigned(auth_time=LATE),
    "never asked": resigned(auth_time=None),
    "no subject": resigned(sub=None),
    "another key": signed_by_another,
    "no signature": unsigned,
    "signed with the client's secret": signed_with_the_secret,
    "no token at all": lambda claims, key: "",
}


async def test_a_token_that_is_not_for_this_sign_in_signs_nobody_in(
    clinic: Inside, provider: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "deploy")
    let_in = []
    for what, spoil in SPOILT.items():
        provider.spoil = spoil
        access_of(clinic)._addresses.storage.reset()
        async with browser(clinic) as page:
            answer = await come_back(page)
            if answer.headers["location"] != "/?refused=provider" or (await page.get("/v1/chairs")).status_code != 401:
                let_in.append((what, answer.headers["location"]))
    assert let_in == []
    assert access_of(clinic).accounts.people() == []
    assert "sign-in by the provider failed" in caplog.text
    assert SECRET not in caplog.text
    assert "ada" not in caplog.text
    provider.spoil = None
    async with browser(clinic) as page:
        assert (await come_back(page)).headers["location"] == "/chair/3"


async def test_an_answer_is_good_once_in_the_browser_that_asked_and_for_that_question(clinic: Inside) -> None:
    async with browser(clinic) as ada, browser(clinic) as other:
        back = await signed_in_there(ada, await begun(ada), "ada")
        # Login CSRF: an attacker's answer in somebody else's browser, which has begun nothing, or something else.
        assert (await other.get(back)).headers["location"] == "/?refused=state"
        await begun(other)
        assert (await other.get(back)).headers["location"] == "/?refused=state"
        assert (await other.get("/v1/chairs")).status_code == 401
        between = ada.cookies[BETWEEN]
        changed = back.replace("state=", "state=x")
        assert (await ada.get(changed)).headers["location"] == "/?refused=state"
        # That has used it up: she begins anew.
        back = await signed_in_there(ada, await begun(ada), "ada")
        between = ada.cookies[BETWEEN]
        assert (await ada.get(back)).headers["location"] == "/chair/3"
        assert BETWEEN not in ada.cookies
        async with browser(clinic) as thief:
            # The code again, with all that her browser had: the provider gives nothing for it twice.
            answer = await thief.get(back, headers={"cookie": f"{BETWEEN}={between}"})
            assert answer.headers["location"] == "/?refused=provider"
            answer = await thief.get(back, headers={"cookie": f"{BETWEEN}={between[:-3]}abc"})
            assert answer.headers["location"] == "/?refused=state"


async def test_nobody_is_sent_on_to_another_sites_page(clinic: Inside) -> None:
    async with browser(clinic) as page:
        for to in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil"):
            await begun(page, to)
            _, kept = URLSafeTimedSerializer("unknown").loads_unsafe(page.cookies[BETWEEN])
            assert kept["to"] == "/", to
        back = await signed_in_there(page, await begun(page, "//evil.example"), "ada")
        assert (await page.get(back)).headers["location"] == "/"


async def test_a_provider_that_is_away_keeps_nobody_out_who_has_a_password(tmp_path: Path, provider: Issuer) -> None:
    async with locked(tmp_path, with_provider(provider, issuer="http://127.0.0.1:1")) as clinic:
        account(clinic, "cleo", "nurse")
        async with browser(clinic) as page:
            assert (await page.get("/v1/access/oidc")).headers["location"] == "/?refused=away"
        async with browser(clinic, "cleo") as cleo:
            assert (await cleo.get("/v1/chairs")).status_code == 200


async def test_one_address_comes_back_no_more_than_so_many_times_a_minute(clinic: Inside) -> None:
    async with browser(clinic) as page:
        for _ in range(20):
            await page.get("/v1/access/oidc/back", params={"code": "x", "state": "y"})
        answer = await page.get("/v1/access/oidc/back", params={"code": "x", "state": "y"})
        assert answer.headers["location"] == "/?refused=away"


def test_a_provider_is_reached_by_tls_and_has_a_secret(tmp_path: Path, provider: Issuer) -> None:
    with pytest.raises(ValidationError, match="https"):
        part_of(provider, issuer="http://login.example.org")
    with pytest.raises(ValidationError, match="no such file"):
        part_of(provider, client_secret_file=str(tmp_path / "none"))
    with pytest.raises(ValidationError):
        part_of(provider, people={})
