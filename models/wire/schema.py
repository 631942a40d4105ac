"""JSON Schemas of everything on the wire, written to docs/schema/ (`python -m models.wire.schema`); a test keeps them in step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from models.wire.home import BURDEN, FORECASTS, PATIENT, PATIENTS
from models.wire.live import ALERT_TRANSITION, CHAIRS, FORECAST
from models.wire.observations import OBSERVATION

SCHEMAS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "observation": OBSERVATION.json_schema,
    "transition": ALERT_TRANSITION.json_schema,
    "chairs": CHAIRS.json_schema,
    "forecast": FORECAST.json_schema,
    "forecasts": FORECASTS.json_schema,
    "patients": PATIENTS.json_schema,
    "patient": PATIENT.json_schema,
    "burden": BURDEN.json_schema,
}

FOLDER: Final = Path(__file__).parents[2] / "docs" / "schema"


def rendered(name: str) -> str:
    """A schema as it is written: sorted, so that a change shows as itself."""
    return json.dumps(SCHEMAS[name](), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for each in SCHEMAS:
        (FOLDER / f"{each}.json").write_text(rendered(each), "utf-8")
