"""The audit of entries: each accepted one as an effect, filed under the ward's session; each refused one as a dead letter.

Never here: what an entry does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alerts.effects import AuditEntry, DeadLetter
from models.instants import iso, to_us
from models.wire.observations import (
    Event,
    SetAside,
)
from streams.ward.state import Here, WardState

NO_SESSION: Final = "no open session of that name"
"""The reason of a record that names a session which is not open."""


def audit(
    state: WardState, record: Event, session: str | None, here: Here, outcome: str = "accepted",
    seen: Mapping[str, float] | None = None,
) -> None:  # fmt: skip
    """Add the audit entry of a record, filed under `session`. `seen`: what the monitor showed, beside what was sent.

    What of the record was set aside is said in its outcome, and in the document with what was sent.
    """
    doc = record.model_dump(mode="json", exclude_none=True, exclude={"sent_as"})
    if record.sent_as is not None:
        doc["patient"] = record.sent_as
    if record.unread:
        outcome = f"{outcome} but for {', '.join(one.field for one in record.unread)}"
    if seen is not None:
        doc["seen"] = dict(seen)
    by = getattr(record, "by", None)
    entry = AuditEntry(
        iso(to_us(record.at)), record.site, record.patient, session, record.kind, by, outcome, doc, iso(here[0])
    )
    state.emit(entry, here)


def file_dead_letter(
    state: WardState, record: Event | SetAside, here: Here, field: str, reason: str, line: str | None = None
) -> None:
    """Add the dead letter of a record that cannot be used, with the field and the reason; `line` as sent, if it was no record."""
    text = record.model_dump_json(exclude_none=True) if line is None else line
    if isinstance(record, SetAside):
        state.counts["set aside"] += 1
    else:
        state.count_set_aside()
    state.emit(DeadLetter(iso(max(here[0], 0)), record.site, field, reason, text[:2000]), here)


def row_of(state: WardState, record: Event | SetAside) -> int | None:
    """The row of the open session that a record is about: the one that it names, else its patient's; None if it is not open."""
    if record.session is not None:
        return state.association.by_name.get((record.site, record.session))
    return None if record.patient is None else state.association.by_patient.get((record.site, record.patient))


def session_of(state: WardState, row: int | None, record: Event) -> str | None:
    """The session that a record is filed under: that of its row, else the one that it names."""
    return record.session if row is None else state.association.sessions[row].name
