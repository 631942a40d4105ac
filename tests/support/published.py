"""Whether a document is as `docs/schema/` publishes it: whatever goes out in a test is held to what boards are promised."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

import jsonschema
from pydantic import TypeAdapter, ValidationError

from models.wire.home import BURDEN_ADAPTER, FORECASTS_ADAPTER, PATIENT_ADAPTER, PATIENTS_ADAPTER
from models.wire.live import CHAIRS_ADAPTER, TRANSITION_ADAPTER
from models.wire.on_call import LADDERS_ADAPTER, ROTA_ADAPTER, SITE_ADAPTER, WHY_ADAPTER
from models.wire.rules import RULES_ADAPTER
from models.wire.schema import SCHEMAS

ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {
    "burden": BURDEN_ADAPTER, "chairs": CHAIRS_ADAPTER, "forecasts": FORECASTS_ADAPTER, "patient": PATIENT_ADAPTER,
    "patients": PATIENTS_ADAPTER, "site": SITE_ADAPTER, "rota": ROTA_ADAPTER, "ladders": LADDERS_ADAPTER, "transition": TRANSITION_ADAPTER,
    "why": WHY_ADAPTER, "rules": RULES_ADAPTER,
}  # fmt: skip


@cache
def _validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(SCHEMAS[name]())


def hold_to_schema(name: str, document: Any, *, thoroughly: bool = False) -> None:
    """Fail unless the document is as published.

    Args:
        name: of the schema. document: as it goes out. thoroughly: by the published file itself, too, which is slow.
    """
    text = json.dumps(document, allow_nan=False)
    try:
        ADAPTERS[name].validate_json(text, strict=True)
    except ValidationError as wrong:
        raise AssertionError(f"docs/schema/{name}.json does not allow what is sent: {wrong}") from wrong
    if thoroughly:
        _validator(name).validate(json.loads(text))
