"""What another site's page can make a browser send changes nothing and reads nothing; what monitors and boards send comes in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from deploy.foreign import FORMS, why_foreign
from deploy.settings import Settings
from tests.support.service import falling, ndjson, sample, serving

NAMED = {
    "site": {"hosts": ["Ward.Clinic.example"]},
    "pages": {"destinations": [], "link": "https://board.clinic.example:8443/x"},
}


def said(method: str = "GET", path: str = "/v1/alerts", **headers: str) -> int | None:
    """The status by which a request is refused; None: it is not."""
    named = {"host": "127.0.0.1:8000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    refused = why_foreign(method, path, Headers(named), lambda: Settings.model_validate(NAMED).hosts)
    return None if refused is None else refused[0]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8000", "[::1]:8000", "localhost", "LOCALHOST:80", "chairside", "chairside:8000", "192.168.4.7", "board.localhost:1",
        "ward.clinic.example", "WARD.clinic.example.:443", "board.clinic.example",
    ],
)  # fmt: skip
def test_the_names_that_are_ours_come_in(host: str) -> None:
    assert said(host=host) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "clinic.example", "127.0.0.1.evil.example", "", "x.board.clinic.example", "[", "a@b.example"]
)  # fmt: skip
def test_a_name_that_somebody_else_may_own_does_not_even_read(host: str) -> None:
    assert said(host=host) == 421


def test_a_request_with_two_hosts_is_none() -> None:
    both = Headers(raw=[(b"host", b"127.0.0.1:8000"), (b"host", b"evil.example")])
    refused = why_foreign("GET", "/", both, lambda: Settings.model_validate(NAMED).hosts)
    assert refused is not None
    assert refused[0] == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:3000"}, {"origin": "http://localhost:8000"},
        {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site", "content_type": "application/json"}, {"origin": ""},
    ],
)  # fmt: skip
def test_another_page_writes_nothing_but_may_ask_for_what_it_cannot_read(method: str, headers: dict[str, str]) -> None:
    assert said(method, **headers) == 403
    assert said("GET", **headers) is None


@pytest.mark.parametrize("kind", [*sorted(FORMS), "Text/Plain;charset=UTF-8"])
def test_a_form_is_no_command(kind: str) -> None:
    assert said("POST", content_type=kind) == 415


def test_our_own_page_a_monitor_and_a_signed_link_come_in() -> None:
    assert said("POST", origin="http://127.0.0.1:8000", content_type="application/json") is None
    assert said("POST", origin="https://board.clinic.example", host="board.clinic.example") is None
    assert said("POST", sec_fetch_site="same-origin") is None
    assert said("POST") is None
    assert said("POST", "/answer/x", origin="null", content_type="application/x-www-form-urlencoded") is None


async def test_the_running_service_refuses_each_way_and_takes_what_is_its_own(tmp_path: Path) -> None:
    async with serving(tmp_path, Settings.model_validate(NAMED)) as clinic:
        url = "/v1/observations"
        one: dict[str, Any] = sample(0, patient="P-1", spo2=97)
        for headers, status in (
            ({"host": "evil.example"}, 421), ({"origin": "https://evil.example"}, 403), ({"content-type": "text/plain"}, 415),
        ):  # fmt: skip
            answer = await clinic.http.post(url, content=ndjson([one]), headers=headers)
            assert (answer.status_code, list(answer.json())) == (status, ["detail"])
        assert (await clinic.http.get("/v1/chairs", headers={"host": "evil.example"})).status_code == 421
        assert (await clinic.http.get("/v1/live", headers={"host": "evil.example"})).status_code == 421
        await clinic.post(*falling())
        await clinic.settled()
        (alert,) = (await clinic.get("/v1/alerts"))["alerts"]
        foreign = {"sec-fetch-site": "cross-site"}
        answer = await clinic.http.post(f"/v1/alerts/{alert['alert']}/close", json={"by": "x"}, headers=foreign)
        assert answer.status_code == 403
        assert (await clinic.get("/v1/alerts"))["alerts"][0]["phase"] == alert["phase"]
