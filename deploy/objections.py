"""What is wrong with a request, as its sender is told: place, kind and reason of each fault, and nothing that was sent.

What was sent stays with whoever sent it: it may be a password. FastAPI's own answer repeats it, and fails where JSON has no word
for it (NaN, half a character), which made a body of thirty bytes a traceback in the log.
Never here: what is wrong with an observation (`streams/intake/`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

MOST_TOLD: Final = 100
"""Faults of one request. Chosen by us: a body of 8 MiB may have a million."""
LONGEST_TOLD: Final = 200
"""Characters of a reason or of a place's part, which may be a key that the sender chose."""


def objections(faults: Sequence[Mapping[str, Any]]) -> bytes:
    """The answer's body, JSON in ASCII, of pydantic's faults."""
    told = [
        {
            "type": fault["type"],
            "loc": [part if isinstance(part, int) else str(part)[:LONGEST_TOLD] for part in fault["loc"]],
            "msg": str(fault["msg"])[:LONGEST_TOLD],
        }
        for fault in faults[:MOST_TOLD]
    ]
    return json.dumps({"detail": told}, separators=(",", ":")).encode()
