"""The topics as an AsyncAPI 3 document, for those who write to `raw` and read `alerts`, `chairs` and `dead-letters`.

Made from the table of topics, so that it cannot say anything else; `make schema` writes it to docs/asyncapi.json, and a test
keeps it in step. What a record holds is a JSON Schema of docs/schema.
Never here: what is not in the table.
"""

from __future__ import annotations

from typing import Any, Final

from models.instants import MINUTE
from streams.journal.topics import SHARDS, TOPICS, Topic

FRAME_TYPE: Final = "application/vnd.chairside.frame+msgpack"

_CONTENTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "observations": (
        FRAME_TYPE,
        {"type": "string", "format": "binary", "description": "Ours to version: read `alerts`."},
    ),
    "raw": ("application/json", {"$ref": "schema/observation.json"}),
    "alerts": ("application/json", {"$ref": "schema/transition.json"}),
    "chairs": ("application/json", {"$ref": "schema/chairs.json"}),
    "questions": ("application/json", {"type": "object", "required": ["id", "partition", "ask", "site"]}),
    "answers": ("application/json", {"type": "object", "required": ["id"]}),
    "dead-letters": ("application/json", {"type": "object", "required": ["at", "site", "field", "reason", "line"]}),
}
"""What a record's value is, by topic: its content type and schema."""


def asyncapi(version: str) -> dict[str, Any]:
    """The document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chairside, a network of clinics",
            "version": version,
            "description": "Not a medical device: bedside monitors stay primary. Topics may have a prefix of the network's own.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {
            f"{who}-{'sends' if action == 'send' else 'reads'}-{topic.name}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": f"{who} {'writes' if action == 'send' else 'reads'} {topic.holds}",
            }
            for topic in TOPICS
            for action, processes in (("send", topic.written_by), ("receive", topic.read_by))
            for who in processes
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    kind, payload = _CONTENTS[topic.name]
    return {
        "address": topic.name,
        "description": f"{topic.holds}. Kept for {topic.kept_us // MINUTE} minutes at least.",
        "messages": {
            "record": {
                "contentType": kind,
                "payload": payload,
                "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}}},
            }
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.count(SHARDS),
                "replicas": 3,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": topic.kept_us // 1000,
                    "max.message.bytes": int(topic.settings(3)["max.message.bytes"]),
                },
                "bindingVersion": "0.5.0",
            }
        },
    }
