"""The API's description is true: tools can read all of it, and a running service answers so. `make prove-api` goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bench.api import NOBODY, SHORT, Held, hold
from deploy.app import build
from deploy.settings import PagesPart, Settings
from deploy.wiring import Service


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    data = tmp_path_factory.mktemp("described")
    service = Service(data, Settings(pages=PagesPart(destinations=())), forecasting=False)
    try:
        return build(service).openapi()
    finally:
        service.journal.close()
        service.store.close()
        service._lock.close()


def references(part: Any) -> Iterator[str]:
    """Every reference in a document, those of a discriminator too."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        yield from part.get("discriminator", {}).get("mapping", {}).values()
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def test_every_reference_leads_to_something_in_the_document_itself(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert len(found) > 50
    for reference in found:
        place: Any = document
        assert reference.startswith("#/"), reference
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_an_observation_is_described_kind_by_kind(document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/observations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"$ref": "#/components/schemas/wire.observation"} in content["anyOf"]
    kinds = document["components"]["schemas"]["wire.observation"]["discriminator"]["mapping"]
    assert {"vitals", "dose", "checkin", "session.started"} <= set(kinds)


def test_each_route_says_how_it_refuses(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            refusals = {status: each for status, each in operation["responses"].items() if status >= "400"}
            assert "421" in refusals, (method, path)
            assert all(each["content"] for each in refusals.values()), (method, path)


@pytest.fixture(scope="module")
def runs() -> list[Held]:
    return hold((NOBODY, "clinician"), 2, SHORT)


@pytest.mark.parametrize("place", [0, 1], ids=["not signed in", "a clinician"])
def test_a_running_service_answers_as_it_is_described(runs: list[Held], place: int) -> None:
    assert runs[place].held, runs[place].said[-6000:]
