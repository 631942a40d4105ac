"""Observations made from their published schema: the least that a kind must say, and every field at its extremes.

Nothing here names a field of a kind: what is added to `models/wire/observations.py` is drawn from then on.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, TypeVar

from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from models.instants import SECOND, iso
from models.wire.observations import OBSERVATION
from tests.support.scenes import START_US

Schema = dict[str, Any]
R = TypeVar("R", bound=BaseModel)

ALERT: Final = "$alert"
_NOW: Final = re.compile(r'"\$now([+-]\d+)"')


def filled_in(line: dict[str, Any], now_us: int, alert: str) -> dict[str, Any]:
    """A line as it is sent: ``$alert`` is an open alert's id, ``$now-30`` half a minute ago."""
    text = json.dumps(line).replace(ALERT, alert)
    filled: dict[str, Any] = json.loads(_NOW.sub(lambda found: json.dumps(iso(now_us + int(found[1]) * SECOND)), text))
    return filled


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
    if "until" in line:
        line["until"] = iso(START_US + SECOND)
    return TypeAdapter(kind).validate_json(json.dumps(line))


# ---- at the extremes ---------------------------------------------------------------------------------------------------

NAMES: Final = (
    "P-1", "P-1", "P-2", "S-1", "m-1", "1", "rn-1", "ketamine", "esketamine", "ect", "desaturation", "tachycardia", "hypertension",
    "dissociation", "spo2", "rate", "sbp", "cadss", "moaas", "maintenance", "checkins", "timezone", "recalibration", "link",
    "lead_days", "every_days", "Europe/Berlin", "Pacific/Kiritimati", "no/where", "hypertension", "avm", "psychosis-history",
    "q1", "q2", "q9", "chest pain", "oxygen", "booking", "left", "beyond_horizon", "2026-11-30", "0001-01-01", "9999-12-31",
    "x" * 60, "y" * 200, " ", "-", "0", "null", "é\u0301\u202e", "👩\u200d⚕️", "\uffff", "__proto__", "%s{0}$", "'\"<&>\\", ALERT,
)  # fmt: skip
"""What a name may be: those that meet each other and what Chairside knows, and those that somebody's parser trips over."""
TEXTS: Final = (
    "", "2026-12-01", "2026-12-01T09:00", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "cancelled", "transfer",
    "z" * 4000, "two\nlines\0", "\ud7ff", "1e999",
)  # fmt: skip
TIMES: Final = (
    "1900-01-01T00:00:00Z", "1900-01-01T23:59:00+23:59", "1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2199-12-31T00:00:00-23:59",
    "$now+0", "$now+0", "$now-5", "$now-30", "$now-61", "$now+59", "$now+61", "$now-601", "$now+3600", "$now-7200", "$now-86401",
    "$now+864000", "$now-5184000", "2026-03-29T02:30:00+01:00", "2024-02-29T23:59:59.9999999Z",
)  # fmt: skip
"""The ends of what an instant may be, far offsets, and seconds from when the line is sent (`filled_in`)."""
NUMBERS: Final = (
    0.0, -0.0, 1.0, 0.1, 4.0, 5e-324, -5e-324, 1e-9, 9.5, 15.0, 37.0, 60.0, 85.0, 97.0, 120.0, 180.0, 210.0, 1e9, -1.0, -100.0, 127.0,
    511.0, 32767.0, 1e300, 1.7976931348623157e308, -1.7976931348623157e308,
)  # fmt: skip
WHOLES: Final = (0, 1, 2, 3, 4, 9, 10, 27, -1, -999, 2**31, 2**53 - 1, 2**63, -(2**63), 10**30)
DEEPEST: Final = 6


def values(schema: Schema, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a schema: where it has ends, at its ends and near them, some beyond."""
    schema = resolved(schema)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        if depth > DEEPEST:  # a schema within itself, such as a site's policies
            several = [each for each in several if resolved(each).get("type") not in {None, "array", "object"}]
        return st.one_of([values(each, depth + 1) for each in several])
    match schema.get("type"):
        case "string" if schema.get("format") == "date-time":
            return st.sampled_from(TIMES)
        case "string" if "pattern" in schema:
            return st.sampled_from(["2026-11-23", "1900-01-01", "2199-12-31", "2026-02-29", "9999-12-31"])
        case "string":
            long = schema.get("maxLength", 0) > 1000
            return st.sampled_from(TEXTS if long else NAMES)
        case "integer" | "number" as kind:
            ends = [schema[name] for name in ("minimum", "maximum") if name in schema]
            usual: list[float] = [*(WHOLES if kind == "integer" else NUMBERS)]
            inside = [n for n in usual if not ends or min(ends) <= n <= max(ends)]
            beyond = [end + step for end, step in zip(sorted(ends), (-1, 1), strict=False)]
            return st.sampled_from([*inside, *inside, *ends, *ends, *ends, *beyond] or usual)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            least = schema.get("minItems", 0)
            most = max(least, min(schema.get("maxItems", 4), 12 if depth < 4 else 2))
            if least == schema.get("maxItems"):  # a distribution: it must never fall
                return st.lists(values(schema["items"], depth + 1), min_size=1, max_size=4).map(
                    lambda steps: [sorted(steps)[n * len(steps) // least] for n in range(least)]
                )
            return st.lists(values(schema["items"], depth + 1), min_size=least, max_size=most)
        case "object" if "properties" in schema:
            return objects(schema, depth)
        case "object":
            keys = values({"type": "string", **schema.get("propertyNames", {})}, depth + 1)
            return st.dictionaries(keys, values(schema.get("additionalProperties", {}), depth + 1), max_size=3)
        case _:
            return st.sampled_from([None, 0, "x", [], {}])


def objects(schema: Schema, depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of a schema: all that they must have, and any of the rest."""
    must = set(schema.get("required", ()))
    fields = {name: values(part, depth + 1) for name, part in schema["properties"].items()}
    needed = {name: drawn for name, drawn in fields.items() if name in must}
    return st.fixed_dictionaries(needed, optional={n: drawn for n, drawn in fields.items() if n not in must})


def lines() -> st.SearchStrategy[dict[str, Any]]:
    """Observations of any kind, with every field at its extremes; to be `filled_in`."""

    def of_kind(name: str) -> st.SearchStrategy[dict[str, Any]]:
        schema = DEFINITIONS[name]
        kind = schema["properties"]["kind"]["const"]
        return objects(schema).map(lambda line: {**line, "kind": kind})

    kinds = [each["$ref"].rpartition("/")[2] for each in SCHEMA["oneOf"]]
    return st.sampled_from(sorted(kinds)).flatmap(of_kind)
