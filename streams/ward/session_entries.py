"""Entries about sessions: a device is assigned, a session starts or ends, somebody intervenes.

A start may announce a session that samples opened before it. Never here: how a session is opened and closed (`sessions.py`).
"""

from __future__ import annotations

from typing import Final

from models.tables.channels import STALE_AFTER
from models.tables.form_items import slug
from models.wire.observations import (
    DeviceAssigned,
    Intervention,
    SessionEnded,
    SessionStarted,
)
from streams.journal.frame import Origin
from streams.ward.association import Session
from streams.ward.audit import NO_SESSION, audit, file_dead_letter, row_of, session_of
from streams.ward.dose_entries import give_in_session
from streams.ward.home import rules as home
from streams.ward.rules.contraindications import check_contraindication
from streams.ward.rules.forgotten import expect_life
from streams.ward.rules.help_asked import judge_help
from streams.ward.rules.readiness import EXIT_WORDS, check_early_exit
from streams.ward.rules.two_at_once import judge_two
from streams.ward.sessions import (
    announce_session,
    close_session,
    hand_over,
    note_capnograph,
    open_session,
    session_extremes,
)
from streams.ward.state import Here, WardState
from streams.ward.timers import doses_changed, schedule_timers


def assign_device(state: WardState, record: DeviceAssigned, at_us: int, here: Here) -> None:
    """Assign a device to a chair; an unannounced session that it opened goes with it, or closes if the chair has a session."""
    origin = Origin(record.site, None, None, record.device, None)
    before = state.association.lookup(origin)
    state.association.assign(record.site, record.device, record.chair)
    if record.profile is not None:
        state.association.profile_of[record.site, record.device] = record.profile
    now = state.association.lookup(origin)
    for row in sorted({each for each in (before, now) if each is not None}):
        note_capnograph(state, row)
    if before is None or before == now:
        return
    session = state.association.sessions[before]
    if session.announced or session.patient != record.device:
        hand_over(state, before, (), (), (record.device,), here[0])
    elif now is None:
        state.association.assign_chair(before, record.chair)
    else:
        # It was watched for want of anybody; now it watches somebody.
        hand_over(state, before, (), (), (record.device,), here[0])
        close_session(state, before, at_us, here)


def start_session(state: WardState, record: SessionStarted, at_us: int, here: Here) -> None:
    """Open the announced session of a record, or announce the one that has watched its patient already."""
    row = state.association.by_name.get((record.site, record.session))
    if row is not None and state.association.sessions[row].announced:
        file_dead_letter(state, record, here, "session", "a session of that name is open already")
        return
    session = Session(
        record.site, record.session, record.patient, announced=True, chair=record.chair, device=record.device,
        drug=record.drug, route=record.route, planned_mg=record.planned_mg, planned_minutes=record.planned_minutes,
        started_us=at_us,
    )  # fmt: skip
    if session.chair is None and session.device is not None:
        session.chair = state.association.chair_of.get((session.site, session.device))
    earlier = [
        row for row, other in state.association.sessions.items() if not other.announced and _same_place(other, session)
    ]
    # Two that were watched apart cannot both go on as one.
    goes_on = earlier[0] if len(earlier) == 1 and _same_person(state, earlier[0], session) else None
    for one in earlier:
        if one != goes_on:
            close_session(state, one, at_us, here)
    _take_over(state, session, goes_on)
    if goes_on is None:
        row = open_session(state, session, here[0])
    else:
        row = goes_on
        announce_session(state, row, session, at_us, here)
    expect_life(session, here[0])
    schedule_timers(state, row)
    audit(state, record, record.session, here)
    for dose in state.association.early.joining(record.site, record.patient, record.session, at_us):
        if not dose.accepted:
            audit(state, dose.record, record.session, here)
            home.fold_course_entry(state, dose.record, here)
        give_in_session(state, row, dose.record)
    if session.doses:
        doses_changed(state, row, here)
    check_contraindication(state, row, at_us, here)
    judge_two(state, row, here)


def _same_person(state: WardState, row: int, started: Session) -> bool:
    """True if an unannounced session has watched the very person whose start comes late.

    Its samples named them, or named nobody and have not stopped since: between two people a probe is off for longer than
    validity lasts.
    """
    implicit = state.association.sessions[row]
    if implicit.patient == started.patient:
        return implicit.device == started.device or None in {implicit.device, started.device}
    nobody = implicit.name is None and implicit.patient == implicit.device == started.device
    heard_us = int(state.rows.heard[row].max())
    return nobody and state.clock_us - heard_us < STALE_AFTER


def _take_over(state: WardState, session: Session, goes_on: int | None) -> None:
    """Hand over the patient, chair's devices and device of a session that starts from the sessions that had them."""
    known, site = state.association, session.site
    row = known.by_patient.get((site, session.patient))
    if row not in {None, goes_on}:
        hand_over(state, row, (), (session.patient,), (), state.clock_us)
    if session.chair is not None and (row := known.by_chair.get((site, session.chair))) not in {None, goes_on}:
        hand_over(state, row, (), (), known.devices_of(row), state.clock_us)
    if session.device is not None:
        row = known.lookup(Origin(site, None, None, session.device, None))
        if row not in {None, goes_on}:
            hand_over(state, row, (), (), (session.device,), state.clock_us)


def _same_place(implicit: Session, started: Session) -> bool:
    """True if an unannounced session is the one that `started` announces, late."""
    if implicit.site != started.site:
        return False
    if implicit.name is not None:
        return implicit.name == started.name
    return implicit.patient == started.patient or (implicit.device is not None and implicit.device == started.device)


def end_session(state: WardState, record: SessionEnded, at_us: int, here: Here) -> None:
    """Close the session of a record, with a finding if its patient was not ready."""
    row = row_of(state, record)
    if row is None:
        file_dead_letter(state, record, here, "session", NO_SESSION)
        return
    if not (record.reason or "").startswith("transfer"):
        # Who is handed on is still observed, elsewhere.
        check_early_exit(state, row, at_us, here)
    seen, session = session_extremes(state, row), session_of(state, row, record)
    close_session(state, row, at_us, here)
    audit(state, record, session, here, seen=seen)


OXYGEN_ENTRIES_KEPT: Final = 40
"""More than anybody enters in one session. Chosen by us."""
OXYGEN_OFF: Final = frozenset({"off", "stopped", "stop", "removed", "0"})
"""An intervention on oxygen with one of these words says that none is given any more."""


def fold_intervention(state: WardState, record: Intervention, at_us: int, here: Here) -> None:
    """Audit an intervention and fold it into its patient's course; one that says that they went is judged as the end."""
    row = row_of(state, record)
    if row is not None and slug(record.what) in EXIT_WORDS:
        check_early_exit(state, row, at_us, here)
    if row is not None and "oxygen" in slug(record.what).split("-"):
        said = {*slug(record.what).split("-"), *slug(record.detail or "").split("-")}
        _note_oxygen(state.association.sessions[row], record, at_us, [said.isdisjoint(OXYGEN_OFF)])
    elif row is not None and record.replaces is not None:
        _note_oxygen(state.association.sessions[row], record, at_us, [])
    judge_help(state, record, at_us, here)
    audit(state, record, session_of(state, row, record), here)
    home.fold_course_entry(state, record, here)


def _note_oxygen(session: Session, record: Intervention, at_us: int, on: list[bool]) -> None:
    """Note that oxygen was given or is off, and drop what an entry corrects; the last entry by time counts."""
    kept = [entry for entry in session.oxygen_entries if record.replaces is None or entry[1] != record.replaces]
    added = [(at_us, record.id, each) for each in on]
    if added or kept != session.oxygen_entries:
        session.oxygen_entries = sorted([*kept, *added], key=lambda entry: entry[0])[-OXYGEN_ENTRIES_KEPT:]
        session.oxygen = bool(session.oxygen_entries) and session.oxygen_entries[-1][2]
