"""Ids of FHIR resources: a name of ours in, 64 characters of letters, digits, hyphens and dots out, and back.

A name that may be an id is its own. Any other is written in base 32 behind `x.`; one too long for that is known by its hash,
behind `y.`, and found among the names that there are. Two names never have one id.
Never here: which names there are.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_WRITTEN, _HASHED = "x.", "y."
_MOST_WRITTEN: Final = 38
"""Bytes of a name that base 32 leaves short enough."""


def fhir_id(name: str) -> str:
    """The id of a name."""
    if _ID.fullmatch(name) and not name.startswith((_WRITTEN, _HASHED)):
        return name
    data = name.encode("utf-8", "surrogatepass")
    if len(data) <= _MOST_WRITTEN:
        return _WRITTEN + base64.b32encode(data).decode().rstrip("=").lower()
    return _HASHED + sha256(data).hexdigest()[:60]


def name_behind(id_: str, names: Callable[[], Iterable[str]]) -> str | None:
    """The name of an id; None: there is none. `names`: those that there are, asked only for a name that was too long."""
    if id_.startswith(_HASHED):
        return next((name for name in names() if fhir_id(name) == id_), None)
    if not id_.startswith(_WRITTEN):
        return id_
    text = id_.removeprefix(_WRITTEN).upper()
    try:
        name = base64.b32decode(text + "=" * (-len(text) % 8)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name if fhir_id(name) == id_ else None
