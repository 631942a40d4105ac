"""The API's own description, made true: FastAPI's document in, out the same with what answers before and beside the routes.

FastAPI knows what a route takes and gives. What the gate, the foreign-request filter and the exception handlers answer it does
not know, nor in which shape; and a reference to a file of ours is none that a tool can follow. Both are put in here, by the
kind of route, so that a new one has them too.
Never here: what a route itself answers (its own `responses`), who may ask (`access/roles.py`).
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from deploy.access.roles import ROUTES
from deploy.foreign import READS, SIGNED
from models.wire.schema import SCHEMAS

REFUSAL: Final = "Refusal"
REFUSAL_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "description": "Why, in words; or each field that is not as described.",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["loc", "msg", "type"],
                        "properties": {
                            "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                            "msg": {"type": "string"},
                            "type": {"type": "string"},
                        },
                    },
                },
            ],
        }
    },
}
"""What every refusal looks like that is no form of its own (FHIR's outcomes, providers' texts)."""

WORDS: Final = {
    "400": "Not a request that can be understood",
    "401": "Nobody is signed in, or the token is not known",
    "403": "Whoever asks may not; or another site's page does",
    "404": "Not there",
    "415": "A form, which any page could post",
    "421": "This service is not reached by that name",
    "503": "Not now: ask again after `Retry-After` seconds",
}
_COMPONENT: Final = "#/components/schemas/"


def describe(app: FastAPI) -> None:
    """Have an application describe itself by `described`, once its routes are all there."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # the way that FastAPI documents


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas[REFUSAL] = REFUSAL_SCHEMA
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            for status in answered_before(method.upper(), path):
                responses.setdefault(status, {"description": WORDS[status]})
            for status, response in responses.items():
                if status >= "400":
                    _refuses(status, response)
            operation["responses"] = dict(sorted(responses.items()))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    put_in(document, schemas)
    return document


def answered_before(method: str, path: str) -> list[str]:
    """The statuses with which a request for a route may be answered before the route is asked, or for it by all routes alike."""
    # A path's own converter (`{patient:path}`) is not in the description.
    known = {(verb, route.replace(":path}", "}")): row for (verb, route), row in ROUTES.items()}
    row = known.get((method, path))
    statuses = ["400", "421"]
    if row is None or not row.anybody:
        statuses += ["401", "403"]
    if method not in READS and not path.startswith(SIGNED):
        statuses += ["403", "415"]
    if path.startswith(("/v1/", "/fhir", "/hooks/")):
        statuses.append("503")
    return statuses


def _refuses(status: str, response: dict[str, Any]) -> None:
    """Give a refusal its shape, where it has none of its own."""
    response["description"] = response.get("description") or WORDS.get(status, "Refused")
    content = response.setdefault("content", {})
    reference = {"$ref": f"{_COMPONENT}{REFUSAL}"}
    said = content.get("application/json", {}).get("schema")
    if said is None or said.get("$ref", "").endswith("/HTTPValidationError"):
        content["application/json"] = {"schema": reference}
    elif said != reference:
        content["application/json"] = {"schema": {"anyOf": [said, reference]}}


def put_in(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Put each published schema that the document refers to (``/schema/NAME.json``) into it, with all that it refers to."""
    wanted: set[str] = set()

    def moved(part: Any, of: str | None) -> Any:
        if isinstance(part, list):
            return [moved(each, of) for each in part]
        if not isinstance(part, dict):
            return part
        found = {name: moved(each, of) for name, each in part.items()}
        target = part.get("$ref")
        if isinstance(target, str) and target.startswith("/schema/"):
            name = target.removeprefix("/schema/").removesuffix(".json")
            wanted.add(name)
            found["$ref"] = f"{_COMPONENT}wire.{name}"
        elif isinstance(target, str) and of is not None:
            found["$ref"] = _within(target, of)
        if of is not None and isinstance(mapping := part.get("discriminator"), dict) and "mapping" in mapping:
            found["discriminator"]["mapping"] = {key: _within(value, of) for key, value in mapping["mapping"].items()}
        return found

    document["paths"] = moved(document["paths"], None)
    for name in sorted(wanted):
        schema = SCHEMAS[name]()
        for part, definition in schema.pop("$defs", {}).items():
            schemas[f"wire.{name}.{part}"] = moved(definition, name)
        schemas[f"wire.{name}"] = moved(schema, name)


def _within(target: str, of: str) -> str:
    return target.replace("#/$defs/", f"{_COMPONENT}wire.{of}.")
