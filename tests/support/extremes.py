"""Observations made from their published schema: the least that a kind must say, and every field at its extremes.

Nothing here names a field of a kind: what is added to `models/wire/observations.py` is drawn from then on.
"""

from __future__ import annotations

import json
from typing import Any, Final, TypeVar

from pydantic import BaseModel, TypeAdapter

from models.instants import iso
from models.wire.observations import OBSERVATION
from tests.support.scenes import START_US

Schema = dict[str, Any]
R = TypeVar("R", bound=BaseModel)

SCHEMA: Final[Schema] = OBSERVATION.json_schema()
DEFINITIONS: Final[dict[str, Schema]] = SCHEMA["$defs"]


def resolved(schema: Schema) -> Schema:
    """A schema, or the definition that it points to."""
    return DEFINITIONS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def least_of(schema: Schema) -> Any:
    """The plainest value of a schema."""
    schema = resolved(schema)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return least_of(schema["anyOf"][0])
    match schema.get("type"):
        case "string" if schema.get("format") == "date-time":
            return iso(START_US)
        case "string" if "pattern" in schema:
            return iso(START_US)[:10]
        case "string":
            return "x"
        case "integer" | "number":
            return max(schema.get("minimum", 1), 1)
        case "boolean":
            return True
        case "array":
            return [least_of(schema["items"])] * schema.get("minItems", 0)
        case "object":
            return {name: least_of(schema["properties"][name]) for name in schema.get("required", ())}
        case other:
            raise TypeError(f"no value for {other}: {schema}")


def least(kind: type[R]) -> R:
    """A record of this kind that says only what it must."""
    line = {**least_of(DEFINITIONS[kind.__name__]), "kind": kind.model_fields["kind"].default}
    return TypeAdapter(kind).validate_json(json.dumps(line))
