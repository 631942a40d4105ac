"""The AsyncAPI document says what the table of topics says."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deploy.schema import ASYNCAPI_FILE, rendered_asyncapi
from models.wire.schema import SCHEMAS
from streams.journal.asyncapi import asyncapi
from streams.journal.topics import RAW_TOPIC, TOPICS


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi(version("chairside"))


def test_the_document_is_written_anew_when_a_topic_changes() -> None:
    assert ASYNCAPI_FILE.read_text("utf-8") == rendered_asyncapi(), "run `make schema`"


def test_every_topic_is_a_channel_with_who_writes_and_who_reads(document: dict[str, Any]) -> None:
    assert set(document["channels"]) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        mine = [each for each in document["operations"].values() if each["channel"]["$ref"].endswith(f"/{topic.name}")]
        assert [each["action"] for each in mine] == ["send"] * len(topic.written_by) + ["receive"] * len(topic.read_by)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        if reference.startswith("#/channels/"):
            assert reference.removeprefix("#/channels/") in document["channels"]
        else:
            assert Path(reference).stem in SCHEMAS
            assert (ASYNCAPI_FILE.parent / reference).is_file()


def test_what_a_record_holds_can_be_checked(document: dict[str, Any]) -> None:
    for channel in document["channels"].values():
        payload = channel["messages"]["record"]["payload"]
        if "$ref" in payload:
            payload = json.loads((ASYNCAPI_FILE.parent / payload["$ref"]).read_text("utf-8"))
        jsonschema.Draft202012Validator.check_schema(payload)
    assert "others" in RAW_TOPIC.written_by
