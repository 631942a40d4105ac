"""What systems send as a list of what somebody has or takes, as names: a list, one text for several, codes, answers by name.

Nothing of it is passed over: what is no name is written out as JSON, so that whoever judges names calls it unknown. An entry that
is said not to be there (`"psychosis": false`) is left out, as if nobody had written it.
Never here: what a name means (`conditions.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from models.tables.form_items import NO, NOT_ANSWERED, YES, slug

_LONGEST: Final = 200
"""Characters of a name, as `Name` of the wire has it."""
_MOST: Final = 100
"""Entries, as `MANY` of the wire has it."""

_BETWEEN: Final = re.compile(r"[;,\n|]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WORDS: Final = ("display", "text", "name", "description", "label", "code", "coding", "condition", "medication")
"""Fields of an entry that say what it is: words before codes."""


def named_entries(sent: object) -> object:
    """Names, each once, in order; None where nothing was sent."""
    if sent is None:
        return None
    names = list(dict.fromkeys(filter(None, map(_as_name, _entries(sent)))))
    if len(names) > _MOST:
        names[_MOST - 1 :] = [f"{len(names) - _MOST + 1} more entries, which were not read"]
    return names


def _entries(sent: object) -> Iterator[object]:
    if isinstance(sent, str):
        yield from _BETWEEN.split(sent)
    elif isinstance(sent, list | tuple):
        for entry in sent:
            yield entry if isinstance(entry, str) else _words_of(entry)
    elif isinstance(sent, Mapping) and not any(field in sent for field in _WORDS):
        for name, value in sent.items():
            yield _answered(name, value)
    else:
        yield _words_of(sent)


def _answered(name: str, value: object) -> object:
    """An entry that was answered by name: the name of a yes, nothing of a no, both of anything else."""
    said = slug(value) if isinstance(value, str) else ""
    if value in (None, False, 0, "") or said in NO | NOT_ANSWERED:
        return None
    return name if value in (True, 1) or said in YES else f"{name}: {_words_of(value)}"


def _words_of(entry: object, depth: int = 4) -> object:
    """What a coded entry says in words, else its code; anything else as it is."""
    if isinstance(entry, list | tuple) and entry and depth:
        return _words_of(entry[0], depth - 1)
    if isinstance(entry, Mapping) and depth:
        found = next((entry[field] for field in _WORDS if entry.get(field) not in (None, "", [], {})), None)
        if found is not None:
            return _words_of(found, depth - 1)
    return entry


def _as_name(entry: object) -> str | None:
    if entry is None:
        return None
    try:
        text = entry if isinstance(entry, str) else json.dumps(entry, default=str, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = "an entry that could not be read"
    return _CONTROL.sub(" ", text).strip()[:_LONGEST].strip()
