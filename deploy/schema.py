"""Writes the JSON Schemas of everything on the wire to docs/schema/, and the tables that boards need (`make schema`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from models.wire.board_tables import rendered_board_tables
from models.wire.schema import SCHEMAS, rendered_schema

SCHEMA_FOLDER: Final = Path(__file__).parents[1] / "docs" / "schema"
BOARD_TABLES: Final = Path(__file__).parents[1] / "alerts" / "board" / "src" / "tables.json"


def write_schemas(folder: Path = SCHEMA_FOLDER) -> None:
    """Write one file for each schema, over what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCHEMAS:
        (folder / f"{name}.json").write_text(rendered_schema(name), "utf-8")


if __name__ == "__main__":
    write_schemas()
    BOARD_TABLES.write_text(rendered_board_tables(), "utf-8")
