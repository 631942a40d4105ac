"""The exported JSON Schemas are what the code speaks."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from deploy.schema import SCHEMA_FOLDER
from models.wire.observations import OBSERVATION
from models.wire.schema import SCHEMAS, rendered_schema
from streams.clinic.clinic import simulate
from tests.support.published import hold_to_schema
from tests.support.scenes import Scene


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_an_exported_schema_is_what_the_models_say(name: str) -> None:
    assert (SCHEMA_FOLDER / f"{name}.json").read_text("utf-8") == rendered_schema(name), "run `make schema`"


def test_nothing_else_lies_among_the_schemas() -> None:
    assert {path.stem for path in SCHEMA_FOLDER.iterdir()} == set(SCHEMAS)


def test_a_document_that_says_what_is_not_published_is_found() -> None:
    """What the scenes and services of all tests are held to, held to something itself."""
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").shows(3, spo2=97)
    document: Any = clinic.shard.chairs("main")
    hold_to_schema("chairs", document, thoroughly=True)
    document["chairs"][0]["values"]["spo2"]["quality"] = "fine"
    with pytest.raises(AssertionError, match=r"chairs\.json does not allow what is sent"):
        hold_to_schema("chairs", document)


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads((SCHEMA_FOLDER / "observation.json").read_text("utf-8")))


def test_a_sender_that_keeps_to_the_schema_is_understood(validator: Any) -> None:
    lines = list(simulate(sessions=3, seed=7, hours=1.5).observations())[::50]

    for line in lines:
        validator.validate(line)
        OBSERVATION.validate_python(line, strict=False)
    assert {line["kind"] for line in lines} >= {"vitals"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "vitals", "at": "2026-03-02T08:00:00Z", "device": "m1", "hr": "72"},
        {"kind": "vitals", "device": "m1", "hr": 72},
        {"kind": "checkin", "at": "2026-03-02T08:00:00Z", "patient": "A-1", "instrument": "tea-leaves"},
        {"kind": "weather", "at": "2026-03-02T08:00:00Z"},
    ],
)
def test_what_the_edge_refuses_the_schema_refuses(validator: Any, wrong: dict[str, Any]) -> None:
    assert not validator.is_valid(wrong)
