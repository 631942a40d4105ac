"""Whatever comes in is bounded: every number, text, list and name, each for a reason, and a refusal says which and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import jsonschema
import pytest

from models.tables.channels import CHANNEL_NAMES
from models.wire.observations import OBSERVATION, ForecastMade
from streams.intake.json import read
from tests.support.service import at

SCHEMA: Final = OBSERVATION.json_schema()
READINGS: Final = {("Vitals", name) for name in CHANNEL_NAMES} | {
    ("CuffCorrected", name) for name in ("sbp", "dbp", "map")
}
"""The only numbers without bounds: a line must not lose its other channels for one, so the ward judges each by itself."""
TIMES: Final = {"prompted_at", "until", "as_of"}
"""JSON Schema has no bounds for them."""
VALIDATOR: Final = jsonschema.Draft202012Validator(SCHEMA)


def leaves(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every place of a schema at which a value may stand, with its path."""
    if not isinstance(schema, dict):
        return
    for name, part in schema.get("properties", {}).items():
        yield from leaves(part, (*path, name))
    for several in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for part in schema.get(several, ()):
            yield from leaves(part, path)
    for within in ("items", "additionalProperties", "propertyNames"):
        yield from leaves(schema.get(within), (*path, within))
    if "properties" not in schema:
        yield path, schema


def everywhere() -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for name, definition in SCHEMA["$defs"].items():
        yield from leaves(definition, (name,))


def unbounded(schema: dict[str, Any]) -> str:
    """What a value at such a place has no bound for; empty: nothing."""
    named = {"$ref", "const", "enum", "anyOf", "oneOf", "allOf", "prefixItems"}
    if named & schema.keys():
        return ""
    match schema.get("type"):
        case "number" | "integer":
            low, high = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}
            return "" if low & schema.keys() and high & schema.keys() else "a number"
        case "string":
            return "" if {"maxLength", "format"} & schema.keys() else "a text"
        case "array":
            return "" if "maxItems" in schema else "a list"
        case "object":
            few = "maxProperties" in schema or "enum" in schema.get("propertyNames", {})
            return "" if few else "an object"
        case "boolean" | "null":
            return ""
        case None if "maxLength" in schema:  # the name of a property is always a text
            return ""
        case _:
            return "anything at all"


def test_every_field_of_every_kind_is_bounded() -> None:
    found = {path: what for path, schema in everywhere() if (what := unbounded(schema)) and path[:2] not in READINGS}
    assert found == {}, "give it a type of models/wire/bounds.py"


def test_the_schema_is_looked_through_to_its_ends() -> None:
    paths = {path for path, _ in everywhere()}
    assert {
        ("PatientRegistered", "weight_kg"),
        ("Vitals", "spo2"),
        ("SeverityOut", "mean"),
        ("LimitChange", "enter"),
    } <= paths
    assert {
        path for path, schema in everywhere() if schema.get("type") == "number" and path[:2] in READINGS
    } == READINGS


# ---- what is refused, and what is not

LINES: Final[dict[str, dict[str, Any]]] = {
    "patient.registered": {"patient": "P-1"},
    "patient.merged": {"patient": "P-1", "merged": "P-0"},
    "session.started": {"patient": "P-1", "session": "S-1"},
    "dose": {"patient": "P-1", "drug": "ketamine"},
    "dose.stopped": {"patient": "P-1"},
    "vitals": {"patient": "P-1"},
    "checkin": {"patient": "P-1", "instrument": "phq-9"},
    "intervention": {"patient": "P-1", "what": "oxygen"},
    "alert.snoozed": {"alert": "a", "by": "rn-1", "until": at(600)},
    "forecast.made": {"patient": "P-1", "as_of": "2026-11-23"},
    "site.configured": {},
    "rota.override": {"schedule": "nurses", "since": at(0), "until": at(600)},
}
"""The least that each kind must say."""


def sent(kind: str, **fields: Any) -> list[tuple[str, str]]:
    """What the edge says of one line: (field, reason) of what it refused, the line or a field; nothing if it took all."""
    line = json.dumps({"kind": kind, "at": at(0), **LINES[kind], **fields})
    reading = read(line.encode(), "application/json")
    assert reading.accepted + len(reading.bad) == 1
    bad = [(aside.field, aside.reason) for _, aside in reading.bad]
    return [*bad, *((one.field, one.reason) for _, one in reading.parts)]


@pytest.mark.parametrize(
    ("kind", "field", "value", "reason"),
    [
        ("patient.registered", "weight_kg", 5e-324, "greater than or equal to 10"),
        ("patient.registered", "weight_kg", 651, "less than or equal to 650"),
        ("patient.registered", "birth_year", 1800, "greater than or equal to 1880"),
        ("patient.registered", "limits", {"desaturation": {"high": {"spo2": {"enter": 1e300}}}}, "less than or equal to 1000"),
        ("patient.registered", "limits", {f"rule-{n}": {} for n in range(101)}, "at most 100"),
        ("session.started", "planned_minutes", 1e300, "less than or equal to"),
        ("session.started", "planned_mg", -1e11, "greater than or equal to"),
        ("dose", "amount_mg", 1e11, "less than or equal to"),
        ("dose", "minutes", 1e300, "less than or equal to"),
        ("dose.stopped", "given_mg", 1e300, "less than or equal to"),
        ("checkin", "items", [2**64], "less than or equal to"),
        ("checkin", "items", {"q9": -(2**64)}, "greater than or equal to"),
        ("checkin", "items", [0] * 101, "at most 100"),
        ("checkin", "items", {f"q{n}": 0 for n in range(101)}, "at most 100"),
        ("checkin", "score", 1e300, "less than or equal to"),
        ("checkin", "prompted_at", "0001-01-01T00:00:00+14:00", "greater than or equal to"),
        ("alert.snoozed", "until", "9999-12-31T23:59:59-14:00", "less than"),
        ("forecast.made", "entries", 10**30, "less than or equal to"),
        ("forecast.made", "entries", -1, "greater than or equal to 0"),
        ("forecast.made", "as_of", "9999-12-31", "1900 to 2199"),
        ("forecast.made", "severity_now", {"mean": 1e300, "sd": 1}, "less than or equal to"),
        ("forecast.made", "model", "m" * 201, "at most 200"),
        ("site.configured", "policies", {"x": [10**30]}, ""),
        ("site.configured", "rota", {"x": {"y": 1e300}}, ""),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused_by_name_and_with_its_bound(
    kind: str, field: str, value: Any, reason: str
) -> None:
    ((where, why),) = sent(kind, **{field: value})
    assert where.split(".")[0] == field
    assert reason in why
    if field not in TIMES:
        assert not VALIDATOR.is_valid({"kind": kind, "at": at(0), **LINES[kind], field: value}), (
            "the schema says so too"
        )


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("patient.registered", "weight_kg", 23.5),
        ("patient.registered", "weight_kg", 317.5),
        ("patient.registered", "birth_year", 1925),
        ("dose", "amount_mg", -1),
        ("dose", "amount_mg", 0),
        ("dose", "amount_mg", 1e9),
        ("dose", "amount_mg", 1e-9),
        ("dose", "minutes", -9),
        ("dose", "minutes", 9999),
        ("checkin", "items", {"q1": 0, "q2": -999, "q9": 3}),
        ("checkin", "items", {"chest pain": 10}),
        ("checkin", "items", ["headache", "nausea"]),
        ("checkin", "score", 999),
        ("vitals", "spo2", -1.7e308),
        ("vitals", "hr", 5e-324),
        ("intervention", "detail", "two lines\nof a note\twith a tab"),
        ("intervention", "what", "déplacé 東京 👩‍⚕️"),
    ],
)
def test_what_somebody_may_mean_or_mistype_is_taken_and_judged_further_on(kind: str, field: str, value: Any) -> None:
    """A code for "not known", a slip of unit: a dose stays a dose, and one bad answer hides no other."""
    assert sent(kind, **{field: value}) == []
    VALIDATOR.validate({"kind": kind, "at": at(0), **LINES[kind], field: value})


@pytest.mark.parametrize("wrong", ["\0", "a\nb", "a\x7f", "a\x85", "\x1b[31m", "a\u2028b"])
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("vitals", "patient"), ("vitals", "device"), ("vitals", "id"), ("vitals", "source"), ("vitals", "site"),
        ("session.started", "session"), ("session.started", "chair"), ("dose", "drug"), ("dose", "by"),
        ("intervention", "what"), ("patient.registered", "timezone"), ("alert.snoozed", "alert"),
    ],
)  # fmt: skip
def test_a_control_character_in_a_name_is_refused_and_said(kind: str, field: str, wrong: str) -> None:
    assert sent(kind, **{field: wrong}) == [(field, "Value holds a control character: a name is one line of text")]
    assert not VALIDATOR.is_valid({"kind": kind, "at": at(0), **LINES[kind], field: wrong})


def test_a_control_character_is_refused_as_a_key_too() -> None:
    reason = "Value holds a control character: a name is one line of text"
    ((field, why),) = sent("checkin", items={"q\0": 1})
    assert field.startswith("items.")
    assert reason in why


def test_a_forecast_keeps_what_the_contract_names_and_ignores_the_rest() -> None:
    made = ForecastMade.model_validate_json(
        json.dumps({
            "kind": "forecast.made", "at": at(0), **LINES["forecast.made"], "model": "filter 1", "reasons": ["because"],
            "basis": {"patient": 0.25, "population": 0.75}, "severity_now": {"mean": 12.5, "sd": 3}, "due_at_severity": 10,
            "spacing": {"words": "weekly", "min_days": 7, "not_before": "2026-11-30", "source": "label"}, "sharpen": "a PHQ-9",
            "response": "partial", "new": {"depth": [10**30]},
        })
    )  # fmt: skip
    said = made.model_dump(mode="json", exclude_none=True)
    assert said["model"] == "filter 1"
    assert said["basis"] == {"patient": 0.25, "population": 0.75}
    assert "new" not in said
