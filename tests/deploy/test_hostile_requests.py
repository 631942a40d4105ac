"""No request makes the service fail: whatever stands in a path, a query or a header is answered, and never with a 500.

Every route is enrolled by being there: the parameters are read off the application itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount

from deploy.settings import PagesPart, Settings
from tests.support.access import account, browser, locked
from tests.support.service import Inside, at, falling, serving

HOSTILE: Final = (
    "\0", "a\0b", "\n", "\x7f", "\u2028", "..", "../../etc/passwd", "%", "'; --", "x" * 15_000, "\U0001f469", "\ufeff", "-1", "0",
    str(2**63), str(-(2**63) - 1), "9" * 5000, "1e400", "nan", "9999-99-99", "2026-11-23", "٣", "true", "null", "",
)  # fmt: skip
"""NUL and its like, ends of ranges, and what is special to a path, a shell, SQL, a calendar or a number."""


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path, Settings(pages=PagesPart(destinations=()))) as inside:
        await inside.post(*falling(), {"kind": "dose", "at": at(0), "patient": "P-1", "drug": "ketamine"})
        await inside.settled()
        yield inside


def routes(app: FastAPI) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """(method, path, path parameters, query parameters) of every route that answers at once."""
    for route in app.routes:
        if isinstance(route, APIRoute) and not route.path.endswith("/live"):
            for method in sorted(route.methods or ()):
                queries = [field.alias for field in route.dependant.query_params]
                yield method, route.path, [field.alias for field in route.dependant.path_params], queries


def filled(path: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


async def failed(clinic: Inside, method: str, path: str, **more: Any) -> list[str]:
    """What was asked and what came, where that was the service's failure."""
    answer = await clinic.http.request(method, path, **more)
    if answer.status_code < 500:
        return []
    return [f"{method} {path[:80]} {str(more)[:80]}: {answer.status_code}"]


@pytest.mark.parametrize("share", [11, pytest.param(1, marks=pytest.mark.prove)])
async def test_no_parameter_of_any_route_makes_the_service_fail(clinic: Inside, share: int) -> None:
    """Each parameter has one of `share` of the values, the next one the next of them."""
    app = clinic.web.config.app
    assert isinstance(app, FastAPI)
    tried, bad = 0, []
    for method, path, places, queries in routes(app):
        usual = dict.fromkeys(places, "P-1")
        for value in HOSTILE:
            for name in places:
                tried += 1
                if tried % share:
                    continue
                bad += await failed(clinic, method, filled(path, {**usual, name: value}), json={"by": "rn-1"})
            for name in queries:
                tried += 1
                if tried % share:
                    continue
                wanted = {"patient": "P-1", "history": "true"} if "history" in queries else {}
                params = {**wanted, name: value}
                bad += await failed(clinic, method, filled(path, usual), params=params, json={"by": "rn-1"})
    assert bad == []
    assert tried > 300
    assert clinic.service.tasks.failure is None


BODIES: Final = (
    b'{"name": NaN, "password": Infinity, "by": NaN, "link": NaN, "pin": NaN}', b'{"name": 1e999, "note": 1e999, "link": 1e999}',
    b'{"name": "\\ud800", "password": "\\udfff", "note": "\\ud800", "\\ud800": 1}', b"[" * 20_000, b'{"a":' * 10_000,
    b'{"name": ' + b"9" * 5000 + b"}", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"NaN", b"null", b"",
)  # fmt: skip
"""What JSON has no word for, half a character, depths without end, and what is no UTF-8."""


async def test_no_body_of_any_route_makes_the_service_fail(tmp_path: Path) -> None:
    async with locked(tmp_path) as guarded:
        account(guarded, "cleo", "clinician")
        app = guarded.web.config.app
        assert isinstance(app, FastAPI)
        tried, bad = 0, []
        async with browser(guarded) as stranger, browser(guarded, "cleo") as signed_in:
            for method, path, places, _ in routes(app):
                # Whoever signs out or locks asks nothing more.
                if method not in {"POST", "PUT", "DELETE"} or path.endswith(("/sign-out", "/lock")):
                    continue
                where = filled(
                    path, {**dict.fromkeys(places, "P-1"), **({"verb": "acknowledge"} if "verb" in places else {})}
                )
                for body in BODIES:
                    for client in (stranger, signed_in):
                        tried += 1
                        answer = await client.request(
                            method, where, content=body, headers={"content-type": "application/json"}
                        )
                        if answer.status_code >= 500:
                            bad.append(f"{method} {path} {body[:40]!r}: {answer.status_code}")
        assert bad == []
        assert tried > 300


async def test_a_refused_password_is_not_said_again(tmp_path: Path) -> None:
    async with locked(tmp_path) as guarded, browser(guarded) as stranger:
        for body in ({"password": "a chair by the door"}, {"name": "ada", "password": "a chair by the door" * 100}):
            answer = await stranger.post("/v1/access/sign-in", json=body)
            assert answer.status_code == 422
            assert "chair" not in answer.text
            assert all(set(fault) == {"type", "loc", "msg"} for fault in answer.json()["detail"])


@pytest.mark.parametrize(
    "path", ["/v1/patients/%00", "/v1/alerts/%00/acknowledge", "/v1/history?session=%00", "/v1/chairs?site=a%0ab"]
)
async def test_a_control_character_in_an_address_is_refused_with_its_reason(clinic: Inside, path: str) -> None:
    answer = await clinic.http.request("POST" if "alerts" in path else "GET", path, json={"by": "rn-1"})
    assert answer.status_code == 422
    assert "control character" in answer.text


async def test_a_number_that_python_will_not_print_resumes_no_feed(clinic: Inside) -> None:
    answer = await clinic.http.get("/v1/live", headers={"last-event-id": "9" * 5000})
    assert answer.status_code == 422


async def test_no_file_name_makes_the_service_fail(clinic: Inside) -> None:
    app = clinic.web.config.app
    assert isinstance(app, FastAPI)
    mounts = [route.path for route in app.routes if isinstance(route, Mount)]
    bad = []
    for path in ["/", *mounts]:
        for value in HOSTILE:
            bad += await failed(clinic, "GET", f"{path.rstrip('/')}/{quote(value, safe='')}")
    assert bad == []


async def test_no_number_to_resume_a_live_feed_after_makes_it_fail(clinic: Inside) -> None:
    bad = []
    for number in HOSTILE:
        for more in ({"params": {"after": number}}, {"headers": {"last-event-id": quote(number[:8000])}}):
            async with clinic.http.stream("GET", "/v1/live", **more) as answer:  # type: ignore[arg-type]  # mypy takes each value for any of the parameters
                line = await anext(answer.aiter_lines(), "nothing")
                if answer.status_code >= 500 or (answer.status_code == 200 and line == "nothing"):
                    bad.append(f"{str(more)[:80]}: {answer.status_code} {line}")
    assert bad == []
