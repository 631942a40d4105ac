"""Entries that could not be read: what each kind is called, and how urgent it is that it, or a field of it, was not.

What protects somebody (what they have, their own limits, a dose, a start, how awake they are) calls a person; the rest stands on
the board. Of a reading nothing is here: that one is missing is said by its signal's absence.
Never here: how a line is read (`streams/intake/mended.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from models.tables.rules import Priority

_LOW, _MEDIUM = Priority.LOW, Priority.MEDIUM


@dataclass(frozen=True, slots=True)
class EntryKind:
    """A kind of entry: its name in a sentence, the priority where nothing of it could be used, and of its fields (else low)."""

    words: str
    whole: Priority
    fields: Mapping[str, Priority] = field(default_factory=dict)


ENTRY_KINDS: Final[Mapping[str, EntryKind]] = {
    "patient.registered": EntryKind("the registration", _MEDIUM, {"limits": _MEDIUM, "conditions": _MEDIUM, "medications": _MEDIUM}),
    "patient.merged": EntryKind("the merge of two aliases", _MEDIUM),
    "session.started": EntryKind("the session's start", _MEDIUM, {"drug": _MEDIUM, "device": _MEDIUM}),
    "session.ended": EntryKind("the session's end", _LOW),
    "device.assigned": EntryKind("the assignment of a device", _LOW),
    "dose": EntryKind("a dose", _MEDIUM, {"session": _MEDIUM}),
    "dose.stopped": EntryKind("the stop of a dose", _MEDIUM),
    "checkin": EntryKind("a check-in", _LOW),
    "intervention": EntryKind("an intervention", _LOW),
    "monitor.alarm": EntryKind("a monitor's alarm", _MEDIUM),
}  # fmt: skip
"""Chosen by us."""
