"""`entry-refused`: an entry that was not used, because what it names belongs to somebody else or is not there.

An entry of one person is never credited to another: where the session that it names is another's, or what it corrects is, it is
set aside with its reason, and that is told, so that somebody enters it where it belongs. Only a person closes the alert.
Never here: what a record must look like (`models/wire/`).
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.tables.rules import RULES, Priority
from models.wire.observations import CheckIn, Dose, DoseStopped, Event, Intervention, SessionEnded
from streams.ward.audit import file_dead_letter
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "entry-refused"
_SOURCE: Final = "an entry counts for the person that it names, or for nobody"
_WHAT: Final = {
    "dose": "A dose", "dose.stopped": "The stop of a dose", "checkin": "A check-in", "intervention": "An intervention",
    "session.ended": "The end of a session", "vitals": "A cuff",
}  # fmt: skip


def of_another(state: WardState, record: Event) -> str | None:
    """Why an entry is not its session's: the open session that it names is of somebody else. None: it is, or names none."""
    if not isinstance(record, Dose | DoseStopped | CheckIn | Intervention | SessionEnded):
        return None
    row = None if record.session is None else state.association.by_name.get((record.site, record.session))
    if row is None or record.patient is None:
        return None
    session = state.association.sessions[row]
    if not session.announced or session.patient == record.patient:
        return None
    return f"the session {session.name} is {session.patient}'s, not {record.patient}'s"


def refuse(
    state: WardState, record: Event, field: str, reason: str, here: Here, priority: Priority = Priority.MEDIUM
) -> None:
    """Set an entry aside with its reason, and add the finding that says so."""
    file_dead_letter(state, record, here, field, reason)
    tell_refused(state, record.site, record.patient or "-", record.kind, reason, here, priority)


def tell_refused(
    state: WardState, site: str, patient: str, kind: str, reason: str, here: Here, priority: Priority = Priority.MEDIUM
) -> None:
    """Add the finding that an entry of a kind about somebody was not used."""
    detail = f"{_WHAT.get(kind, kind)} was not used: {reason}. Enter it where it belongs."
    text, evidence = rule_sentence(patient, RULES[_RULE].title, detail), {"kind": kind, "because": reason}
    clock_us = here[0]
    state.emit(
        Finding("began", Subject(site, patient, None), _RULE, priority, clock_us, clock_us, clock_us, text, evidence, _SOURCE), here
    )  # fmt: skip
