"""`entry-refused`: an entry that was not used, because what it names belongs to somebody else or is not there.

An entry of one person is never credited to another: where the session that it names is another's, or what it corrects is, it is
set aside with its reason, and that is told, so that somebody enters it where it belongs. Only a person closes the alert.
Never here: what a record must look like (`models/wire/`).
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.tables.rules import RULES, Priority
from models.wire.observations import CheckIn, CuffCorrected, Dose, DoseStopped, Event, Intervention, SessionEnded
from streams.journal.frame import key_hash
from streams.ward.audit import file_dead_letter, row_of
from streams.ward.sentences import rule_sentence
from streams.ward.state import REPEAT_WINDOW, Here, WardState

_RULE: Final = "entry-refused"
_SOURCE: Final = "an entry counts for the person that it names, or for nobody"
_THEN: Final = "Enter it where it belongs."
_WHAT: Final = {
    "dose": "A dose", "dose.stopped": "The stop of a dose", "checkin": "A check-in", "intervention": "An intervention",
    "session.ended": "The end of a session", "patient.merged": "The merge of two aliases", "cuff.corrected": "A corrected cuff",
}  # fmt: skip


def of_another(state: WardState, record: Event) -> str | None:
    """Why an entry is not its session's: the open session that it names is of somebody else. None: it is, or names none."""
    if not isinstance(record, Dose | DoseStopped | CuffCorrected | CheckIn | Intervention | SessionEnded):
        return None
    row = None if record.session is None else state.association.by_name.get((record.site, record.session))
    if row is None or record.patient is None:
        return None
    session = state.association.sessions[row]
    # One that nobody announced is its device's until somebody is named.
    named = session.announced or session.patient != session.device
    if not named or session.patient == record.patient:
        return None
    return f"the session {session.name} is {session.patient}'s, not {record.patient}'s"


def note_whose(state: WardState, record: Event) -> None:
    """Note whose an entry is, so that a correction of it by somebody else is recognised for `REPEAT_WINDOW`."""
    if record.id is not None and isinstance(record, Dose | DoseStopped | CheckIn | Intervention):
        for whose in (None, (record.patient, record.session)):
            state.seen_keys[_key_of(record, record.id, whose)] = state.clock_us


def corrects_another(state: WardState, record: Event) -> str | None:
    """Why a correction is not its patient's and session's: what it names is known, and another's. None: it is, or not known."""
    if record.replaces is None or not isinstance(record, Dose | DoseStopped | CheckIn | Intervention):
        return None

    def knows(whose: tuple[str | None, str | None] | None) -> bool:
        seen_us = state.seen_keys.get(_key_of(record, record.replaces or "", whose))
        return seen_us is not None and state.clock_us - seen_us < REPEAT_WINDOW

    row = row_of(state, record)
    sessions = {record.session, None, None if row is None else state.association.sessions[row].name}
    aliases = state.association.aliases.all_of(record.site, record.patient)
    if not knows(None) or any(knows((who, session)) for who in aliases for session in sessions):
        return None
    return f"what it corrects, {record.replaces}, was entered for somebody else or in another session"


def _key_of(record: Event, sent_id: str, whose: tuple[str | None, str | None] | None) -> int:
    """The key of an entry's name within its site and kind, alone or with its patient and session."""
    about = ("any",) if whose is None else ("of", *(part or "" for part in whose))
    return key_hash("\x1d".join(("whose", record.site, record.kind, sent_id, *about)))


def refuse(
    state: WardState,
    record: Event,
    field: str,
    reason: str,
    here: Here,
    priority: Priority = Priority.MEDIUM,
    then: str = _THEN,
) -> None:
    """Set an entry aside with its reason, and add the finding that says so."""
    file_dead_letter(state, record, here, field, reason)
    tell_refused(state, record.site, record.patient or "-", record.kind, reason, here, priority, then)


def tell_refused(
    state: WardState, site: str, patient: str, kind: str, reason: str, here: Here, priority: Priority = Priority.MEDIUM,
    then: str = _THEN,
) -> None:  # fmt: skip
    """Add the finding that an entry of a kind about somebody was not used; `then`: what is to be done about it."""
    detail = f"{_WHAT.get(kind, kind)} was not used: {reason}. {then}"
    text, evidence = rule_sentence(patient, RULES[_RULE].title, detail), {"kind": kind, "because": reason}
    clock_us = here[0]
    state.emit(
        Finding("began", Subject(site, patient, None), _RULE, priority, clock_us, clock_us, clock_us, text, evidence, _SOURCE), here
    )  # fmt: skip
