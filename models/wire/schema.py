"""JSON Schemas of everything on the wire, written to docs/schema/ (`python -m models.wire.schema`); a test keeps them in step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from models.wire.home import BURDEN_ADAPTER, FORECASTS_ADAPTER, PATIENT_ADAPTER, PATIENTS_ADAPTER
from models.wire.live import CHAIRS_ADAPTER, FORECAST_ADAPTER, TRANSITION_ADAPTER
from models.wire.observations import OBSERVATION

SCHEMAS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "observation": OBSERVATION.json_schema,
    "transition": TRANSITION_ADAPTER.json_schema,
    "chairs": CHAIRS_ADAPTER.json_schema,
    "forecast": FORECAST_ADAPTER.json_schema,
    "forecasts": FORECASTS_ADAPTER.json_schema,
    "patients": PATIENTS_ADAPTER.json_schema,
    "patient": PATIENT_ADAPTER.json_schema,
    "burden": BURDEN_ADAPTER.json_schema,
}

FOLDER: Final = Path(__file__).parents[2] / "docs" / "schema"


def rendered(name: str) -> str:
    """A schema as it is written: sorted, so that a change shows as itself."""
    return json.dumps(SCHEMAS[name](), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for each in SCHEMAS:
        (FOLDER / f"{each}.json").write_text(rendered(each), "utf-8")
