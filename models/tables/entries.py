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

LOW, MEDIUM = Priority.LOW, Priority.MEDIUM


@dataclass(frozen=True, slots=True)
class Entry:
    """A kind of entry: its name in a sentence, the priority where nothing of it could be used, and of its fields (else low)."""

    words: str
    whole: Priority
    fields: Mapping[str, Priority] = field(default_factory=dict)


ENTRIES: Final[Mapping[str, Entry]] = {
    "patient.registered": Entry("the registration", MEDIUM, {"limits": MEDIUM, "conditions": MEDIUM, "medications": MEDIUM}),
    "session.started": Entry("the session's start", MEDIUM, {"drug": MEDIUM, "device": MEDIUM}),
    "session.ended": Entry("the session's end", LOW),
    "device.assigned": Entry("the assignment of a device", LOW),
    "dose": Entry("a dose", MEDIUM, {"session": MEDIUM}),
    "dose.stopped": Entry("the stop of a dose", MEDIUM),
    "checkin": Entry("a check-in", LOW),
    "intervention": Entry("an intervention", LOW),
    "monitor.alarm": Entry("a monitor's alarm", MEDIUM),
}  # fmt: skip
"""Chosen by us."""
