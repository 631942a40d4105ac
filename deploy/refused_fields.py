"""What is said of a configuration's fields that cannot be used: a validation's errors in, a line a problem out.

A name that there is not is told with the one that was meant, or with those that there are. Never here: reading a file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

MOST_SETTINGS_NAMED: Final = 8
"""As many names are told at the most; more are no help."""


def problems_of(wrong: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line an error: the field with its path, and why."""
    return [
        ": ".join(
            filter(None, (".".join(map(str, error["loc"])), _why(error["type"], error["msg"], error["loc"], model)))
        )
        for error in wrong.errors()
    ]


def _why(kind: str, words: str, path: Sequence[int | str], model: type[BaseModel]) -> str:
    if kind != "extra_forbidden":
        return words.removeprefix("Value error, ")
    *above, name = path
    there = sorted(dict.fromkeys(each for found in _at(model, above) for each in found.model_fields))
    if near := difflib.get_close_matches(str(name), there, 1, 0.6):
        return f"there is no such setting; did you mean {near[0]}?"
    return "there is no such setting" + (
        f"; there are {', '.join(there)}" if 0 < len(there) <= MOST_SETTINGS_NAMED else ""
    )


def _at(model: type[BaseModel], path: Sequence[int | str]) -> Iterator[type[BaseModel]]:
    """The models that stand at a path: a field's own, or those in its lists and tables."""
    found = [model]
    for part in path:
        fields = [each.model_fields[part] for each in found if isinstance(part, str) and part in each.model_fields]
        # A name or a number that is no field is one of a table or a list, whose models are found already.
        found = [inner for each in fields for inner in _models(each.annotation)] if fields else found
    yield from found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
