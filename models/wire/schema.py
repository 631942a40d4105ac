"""JSON Schemas of everything on the wire, as text; `deploy/schema.py` writes them to docs/schema/, a test keeps them in step."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from models.wire.home import BURDEN_ADAPTER, FORECASTS_ADAPTER, PATIENT_ADAPTER, PATIENTS_ADAPTER, REGISTRATION_ADAPTER
from models.wire.live import (
    ALERT_ADAPTER,
    CHAIRS_ADAPTER,
    CHANGES_ADAPTER,
    FORECAST_ADAPTER,
    FORECASTS_NEWS_ADAPTER,
    HISTORY_ADAPTER,
    SESSIONS_ADAPTER,
    SNAPSHOT_ADAPTER,
    TRACE_ADAPTER,
    TRANSITION_ADAPTER,
)
from models.wire.observations import OBSERVATION
from models.wire.on_call import LADDERS_ADAPTER, ROTA_ADAPTER, SITE_ADAPTER, WHY_ADAPTER
from models.wire.record import REMS_ADAPTER, SESSION_RECORD_ADAPTER
from models.wire.rules import RULES_ADAPTER

SCHEMAS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "observation": OBSERVATION.json_schema,
    "transition": TRANSITION_ADAPTER.json_schema,
    "alert": ALERT_ADAPTER.json_schema,
    "snapshot": SNAPSHOT_ADAPTER.json_schema,
    "chairs": CHAIRS_ADAPTER.json_schema,
    "changes": CHANGES_ADAPTER.json_schema,
    "sessions": SESSIONS_ADAPTER.json_schema,
    "history": HISTORY_ADAPTER.json_schema,
    "record": SESSION_RECORD_ADAPTER.json_schema,
    "rems": REMS_ADAPTER.json_schema,
    "trace": TRACE_ADAPTER.json_schema,
    "forecasts-news": FORECASTS_NEWS_ADAPTER.json_schema,
    "forecast": FORECAST_ADAPTER.json_schema,
    "forecasts": FORECASTS_ADAPTER.json_schema,
    "patients": PATIENTS_ADAPTER.json_schema,
    "patient": PATIENT_ADAPTER.json_schema,
    "registration": REGISTRATION_ADAPTER.json_schema,
    "burden": BURDEN_ADAPTER.json_schema,
    "rota": ROTA_ADAPTER.json_schema,
    "ladders": LADDERS_ADAPTER.json_schema,
    "why": WHY_ADAPTER.json_schema,
    "site": SITE_ADAPTER.json_schema,
    "rules": RULES_ADAPTER.json_schema,
}


def rendered_schema(name: str) -> str:
    """The JSON text of one schema, keys sorted, so that a difference shows what changed."""
    return json.dumps(SCHEMAS[name](), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
