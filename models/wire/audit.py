"""What goes out of the audit, as typed documents (see `live.py`)."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from models.wire.live import WHOLE_DOCUMENT


@WHOLE_DOCUMENT
class AuditHeadOut(TypedDict):
    """Where a site's chain ends: the number of its last entry and that one's hash."""

    number: int
    hash: str


@WHOLE_DOCUMENT
class AuditEntryOut(TypedDict):
    """One entry. `kind`: `transition.raised`, `page`, a kind of observation, `access.signed-in`, `read`, …

    `doc`: what it records; null where that is no longer there.
    """

    number: int
    at: str
    kind: str
    who: str | None
    patient: str | None
    doc: Any
    hash: str


@WHOLE_DOCUMENT
class AuditOut(TypedDict):
    """`GET /v1/audit`: entries, the last first. `next`: what to ask for as `before` to read on; null: that was all."""

    site: str
    head: AuditHeadOut | None
    entries: list[AuditEntryOut]
    next: int | None
