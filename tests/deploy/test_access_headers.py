"""The headers that keep a browser from harm stand on every answer, and the pages work under them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from deploy.access.headers import DESCRIBING
from deploy.settings import PagesPart, Settings
from tests.support.service import Inside, serving

PAGES = (
    "/",
    "/chair",
    "/chair/3",
    "/alert/a",
    "/oncall",
    "/clinic",
    "/patient/willow",
    "/enter/willow",
    "/session/s",
    "/welcome",
    "/answer/made-up",
)


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path, Settings(pages=PagesPart(destinations=()))) as inside:
        yield inside


def policy_of(header: str) -> dict[str, str]:
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in header.split(";"))}


async def test_every_answer_says_what_a_browser_may_do_with_it(clinic: Inside) -> None:
    for path in (*PAGES, "/v1/chairs", "/v1/site", "/healthz", "/metrics", "/schema/observation.json", "/nowhere"):
        headers = (await clinic.http.get(path)).headers
        policy = policy_of(headers["content-security-policy"])
        assert policy["default-src"] == "'none'", path
        assert policy["frame-ancestors"] == "'none'", path
        assert policy.get("script-src", "'self'") == "'self'", path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] in {"same-origin", "no-referrer"}, path
        if not path.startswith("/answer/"):
            assert (policy["base-uri"], policy["form-action"]) == ("'none'", "'self'"), path
        if headers["content-type"].startswith("application/json") and not path.startswith("/schema"):
            assert headers["cache-control"] == "no-store", path
    refused = await clinic.http.get("/v1/chairs", headers={"host": "evil.example"})
    assert refused.status_code == 421
    assert refused.headers["x-frame-options"] == "DENY"


async def test_the_pages_of_the_description_run_their_own_script_and_no_other(clinic: Inside) -> None:
    for path in DESCRIBING:
        answer = await clinic.http.get(path)
        allowed = policy_of(answer.headers["content-security-policy"])["script-src"].split()
        assert "'unsafe-inline'" not in allowed
        scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", answer.text, re.DOTALL)
        hashes = {f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts}
        assert hashes <= set(allowed) <= hashes | {"'self'"}
