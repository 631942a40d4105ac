"""`entry-unread`: an entry of which a field, or all of it, could not be read, until a person has seen to it.

What was meant is somewhere, on paper or in another system: the alert says what is missing and of whom, and somebody enters it.
It is its patient's, or the clinic's where the line does not say whose it is. No value is in it: it may hold a name.
Bad at: several entries of one patient. The open alert stands for all; the audit has each.
Never here: forms that may hold an answer about suicide (`checkins.py`); which field that is (`streams/intake/mended.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from models.findings import Finding, Subject
from models.tables.entries import ENTRY_KINDS
from models.tables.forms import instrument_called
from models.tables.instruments import INSTRUMENTS
from models.tables.rules import RULES, Priority
from models.wire.observations import CheckIn, Event, SetAside, UnreadField
from streams.ward.audit import row_of
from streams.ward.sentences import rule_sentence, with_chair
from streams.ward.state import Here, WardState

_SOURCE: Final = "what was entered and is not in force must be known; chosen by us"
_RULE: Final = "entry-unread"


def alert_unread_fields(state: WardState, record: Event, here: Here) -> None:
    """Count the fields of a record that were set aside, while it was used, and say which and why."""
    if not record.unread:
        return
    state.counts["fields set aside"] += len(record.unread)
    entry = ENTRY_KINDS[record.kind]
    priority = max(entry.fields.get(one.field.partition(".")[0], Priority.LOW) for one in record.unread)
    what = f"Of {entry.words} this is not in force: {_named(record.unread)}. The rest is. Enter it again."
    evidence = {"kind": record.kind, "fields": [one.field for one in record.unread]}
    _say(state, record, what, priority, evidence, here)


def alert_refused_line(state: WardState, record: SetAside, here: Here) -> None:
    """Say that an entry was set aside whole; silent where it is none, or says nothing that anybody here waits for."""
    entry = None if record.about is None else ENTRY_KINDS.get(record.about)
    if entry is None or (record.form and instrument_called(record.form) not in {*INSTRUMENTS, "symptoms"}):
        # A form that nobody here knows is another system's.
        return
    field = f"{record.field}: " if record.field else ""
    what = f"Nothing of {entry.words} could be used: {field}{record.reason}. Enter it again."
    evidence = {"kind": record.about, "fields": [record.field]}
    _say(state, record, what, entry.whole, evidence, here)


def alert_refused_score(state: WardState, record: CheckIn, reason: str, here: Here, *, grave: bool) -> None:
    """Say that a form has no score. grave: it is one by which somebody in treatment is watched."""
    priority = Priority.MEDIUM if grave else Priority.LOW
    what = f"A form has no score: {reason}. Enter it again."
    evidence = {"kind": record.kind, "fields": ["items" if record.items is not None else "score"]}
    _say(state, record, what, priority, evidence, here)


def _named(unread: Sequence[UnreadField]) -> str:
    return "; ".join(f"{one.field} ({one.reason[:1].lower()}{one.reason[1:]})" for one in unread)


def _say(
    state: WardState, record: Event | SetAside, what: str, priority: Priority, evidence: Mapping[str, object], here: Here
) -> None:  # fmt: skip
    row = row_of(state, record)
    seat = None if row is None else state.association.sessions[row]
    if seat is not None and record.patient not in {None, seat.patient}:
        seat = None
    whose = record.patient if seat is None else seat.patient
    where = seat.where if seat is not None else whose or "Somebody who is not named"
    text = rule_sentence(where, RULES[_RULE].title, what)
    chair, at_us = None if seat is None else seat.chair, here[0]
    finding = Finding(
        "began", Subject(record.site, whose or "-", None, chair), _RULE, priority, at_us, at_us, at_us, text,
        with_chair(evidence, chair), _SOURCE,
    )  # fmt: skip
    state.emit(finding, here)
