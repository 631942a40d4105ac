"""A record system posts FHIR: created when durable, refused by element, a transaction whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from deploy.settings import Settings
from tests.streams.intake.fhir.test_resources import ITEMS, bundle, item, observation, quantity
from tests.support.service import Inside, serving

FHIR = {"content-type": "application/fhir+json"}
BAD = observation("59408-5", quantity(97, "furlong"))
GOOD = observation("8867-4", quantity(72))


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path, Settings.model_validate({"pages": {"destinations": []}})) as inside:
        yield inside


async def posted(clinic: Inside, document: Any, path: str | None = None) -> tuple[int, list[tuple[str, str]]]:
    """The status, and of each issue its severity and element."""
    where = path or f"/fhir/{document['resourceType']}".removesuffix("/Bundle")
    answer = await clinic.http.post(where, json=document, headers=FHIR)
    outcome: Any = get_fhir_model_class("OperationOutcome").model_validate(answer.json())
    return answer.status_code, [(issue.severity, (issue.expression or [""])[0]) for issue in outcome.issue]


async def accepted(clinic: Inside) -> int:
    await clinic.settled()
    return (await clinic.service.views.counts()).observations.get("samples", 0)


async def test_a_form_in_a_bundle_is_a_form_and_its_answer_about_suicide_an_alert(clinic: Inside) -> None:
    assert await posted(clinic, bundle(*map(item, ITEMS), kind="transaction")) == (201, [("information", "")])
    await clinic.settled()
    assert "suicidal-ideation" in {alert["rule"] for alert in (await clinic.get("/v1/alerts"))["alerts"]}


async def test_of_a_batch_each_entry_stands_alone_and_of_a_transaction_all_or_none(clinic: Inside) -> None:
    assert await posted(clinic, bundle(GOOD, BAD)) == (201, [("error", "Bundle.entry[1].resource.valueQuantity.code")])
    assert await accepted(clinic) == 1
    other = observation("8867-4", quantity(73)) | {"id": "other"}
    status, issues = await posted(clinic, bundle(other, BAD, kind="transaction"))
    assert (status, issues[-1]) == (422, ("error", "Bundle"))
    assert await accepted(clinic) == 1
    (letter,) = (await clinic.get("/v1/dead-letters"))["dead_letters"]
    assert letter["field"] == "Bundle.entry[1].resource.valueQuantity.code"


async def test_a_resource_that_cannot_be_used_or_is_none_is_refused_with_an_outcome(clinic: Inside) -> None:
    assert await posted(clinic, BAD) == (422, [("error", "Observation.valueQuantity.code")])
    assert (await posted(clinic, GOOD, "/fhir/Patient"))[0] == 400
    answer = await clinic.http.post("/fhir", content=b"{", headers=FHIR)
    assert (answer.status_code, answer.json()["issue"][0]["severity"]) == (400, "fatal")


async def test_what_is_sent_again_changes_nothing(clinic: Inside) -> None:
    for _ in range(3):
        assert (await posted(clinic, GOOD))[0] == 201
    await clinic.settled()
    assert (await clinic.service.views.counts()).observations["repeated or late"] == 2
