"""Writes what is generated (`make schema`): JSON Schemas of all that is on the wire, the topics, the boards' tables, pages."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Final

from deploy.handbook.rules_page import rendered_pictures, rendered_rules
from deploy.supply.reading import read_safety_file
from models.tables.blind_spots import rendered_page
from models.wire.board_tables import rendered_board_tables
from models.wire.schema import SCHEMAS, rendered_schema
from streams.journal.asyncapi import asyncapi

SCHEMA_FOLDER: Final = Path(__file__).parents[1] / "docs" / "schema"
ASYNCAPI_FILE: Final = Path(__file__).parents[1] / "docs" / "asyncapi.json"
BLIND_SPOTS_PAGE: Final = Path(__file__).parents[1] / "docs" / "what-chairside-cannot-see.md"
RULE_PICTURES: Final = Path(__file__).parents[1] / "docs" / "images" / "rules"
RULES_PAGE: Final = Path(__file__).parents[1] / "docs" / "rules.md"
SAFETY_FOLDER: Final = Path(__file__).parents[1] / "docs" / "safety"
BOARD_TABLES: Final = Path(__file__).parents[1] / "alerts" / "board" / "src" / "tables.json"


def rendered_asyncapi() -> str:
    """The JSON text of the topics' AsyncAPI document."""
    return json.dumps(asyncapi(version("chairside")), indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path = SCHEMA_FOLDER) -> None:
    """Write one file for each schema, over what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCHEMAS:
        (folder / f"{name}.json").write_text(rendered_schema(name), "utf-8")


if __name__ == "__main__":
    write_schemas()
    ASYNCAPI_FILE.write_text(rendered_asyncapi(), "utf-8")
    BLIND_SPOTS_PAGE.write_text(rendered_page(), "utf-8")
    BOARD_TABLES.write_text(rendered_board_tables(), "utf-8")
    for page, text in read_safety_file(Path(__file__).parents[1]).pages().items():
        (SAFETY_FOLDER / page).write_text(text, "utf-8")
    RULES_PAGE.write_text(rendered_rules(), "utf-8")
    RULE_PICTURES.mkdir(exist_ok=True)
    for name, picture in rendered_pictures().items():
        (RULE_PICTURES / name).write_text(picture, "utf-8")
