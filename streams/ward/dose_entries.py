"""Entries about doses: given, corrected or stopped, in a session or elsewhere.

Never here: what doses add up to (`doses.py`), what is counted from them (`timers.py`).
"""

from __future__ import annotations

from models.instants import to_us
from models.tables.drugs import treatment_of
from models.wire.observations import (
    Dose,
    DoseStopped,
)
from streams.ward.association import Session
from streams.ward.audit import NO_SESSION, audit, file_dead_letter, row_of, session_of
from streams.ward.doses import SessionDose, add_dose, stop_dose
from streams.ward.early_doses import EarlyDose
from streams.ward.home import rules as home
from streams.ward.rules.contraindications import check_contraindication
from streams.ward.rules.dose_check import check_outside
from streams.ward.state import Here, WardState
from streams.ward.timers import doses_changed


def fold_dose(state: WardState, record: Dose | DoseStopped, at_us: int, here: Here) -> None:
    """Audit a dose or its stop and fold it into its patient's course and their session; one that is early waits for its
    session.
    """
    row = row_of(state, record)
    if row is None and record.session is not None:
        if (record.site, "session", record.session) in state.association.cutoffs:
            file_dead_letter(state, record, here, "session", NO_SESSION)
        else:
            state.association.early.add(EarlyDose(record, here[0], accepted=False))
        return
    if row is not None and not _in_session(state.association.sessions[row], record, at_us):
        row = None
    audit(state, record, session_of(state, row, record), here)
    home.fold_course_entry(state, record, here)
    if row is None:
        if isinstance(record, Dose):
            check_outside(state, record, at_us, here)
        state.association.early.add(EarlyDose(record, here[0], accepted=True))
        return
    give_in_session(state, row, record)
    doses_changed(state, row, here, corrected=record.replaces is not None)
    check_contraindication(state, row, here[0], here)


def give_in_session(state: WardState, row: int, record: Dose | DoseStopped) -> None:
    """Note a dose, or its end, in its session; the caller sets what is counted from it."""
    session, at_us = state.association.sessions[row], to_us(record.at)
    if isinstance(record, DoseStopped):
        session.doses = stop_dose(session.doses, at_us, record.given_mg)
        return
    session.drug, session.route = record.drug or session.drug, record.route or session.route
    given = SessionDose(at_us, session.drug, session.route, record.amount_mg, record.minutes, record.id)
    session.doses = add_dose(session.doses, given, record.replaces)


def _in_session(session: Session, record: Dose | DoseStopped, at_us: int) -> bool:
    """True if a dose is this session's. One that names none is outside treatment by contract, but not while its patient sits
    here: nobody is treated in two places at once, and a dose that is not seen leaves everything counted from it silent.
    """
    if record.session is not None:
        return True
    drug = record.drug if isinstance(record, Dose) else session.drug
    known = treatment_of(drug, None)
    elsewhere = known is not None and known.usual is None
    return session.announced and not elsewhere and session.started_us is not None and at_us >= session.started_us
