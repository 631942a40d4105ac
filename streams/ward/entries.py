"""Entries in: everything that is no vitals sample. Sessions, doses, check-ins, commands, configuration.

Each is had once (a repeat is dropped), leaves an audit entry, and what cannot be used is set aside with its field and reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Never

from alerts.effects import AuditEntry, DeadLetter
from models.findings import Finding, Subject
from models.instants import iso, to_us
from models.relapse.policies import PolicyRefused, home_policies
from models.tables.channels import STALE_AFTER
from models.tables.drugs import treatment_of
from models.tables.form_items import slug
from models.tables.forms import ScoreRefused, score_of
from models.tables.limits import LimitRefused
from models.tables.rules import Priority
from models.tables.suicidality import item_9_unknown, risk_of
from models.wire.observations import (
    CheckIn,
    Command,
    Conflicted,
    DeviceAssigned,
    Dose,
    DoseStopped,
    Event,
    ForecastMade,
    FrameSetAside,
    Internal,
    Intervention,
    PatientRegistered,
    SessionEnded,
    SessionStarted,
    SetAside,
    SiteConfigured,
)
from streams.journal.frame import Origin
from streams.ward.association import Session
from streams.ward.doses import SessionDose, add_dose, stop_dose
from streams.ward.early_doses import EarlyDose
from streams.ward.home import rules as home
from streams.ward.rules.checkins import (
    alert_unread_form,
    alert_unread_line,
    file_risk,
    file_score_outside,
    fold_report,
    report_of,
)
from streams.ward.rules.contraindications import check_contraindication, weigh_registration
from streams.ward.rules.readiness import EXIT_WORDS, check_early_exit
from streams.ward.samples import pass_time
from streams.ward.sessions import announce_session, close_session, hand_over, open_session, session_extremes
from streams.ward.state import OBSERVED, Here, WardState
from streams.ward.timers import doses_changed


def fold_event(state: WardState, record: Event | Internal, ordinal: int) -> None:
    """Fold in one record that is no sample. A repeat is counted and changes nothing."""
    at_us = to_us(record.at)
    ours = isinstance(record, Internal)
    if state.clock == "observed" and not ours:
        state.clock_us = max(state.clock_us, at_us)
    pass_time(state)
    here = (state.clock_us, OBSERVED, ordinal)
    if isinstance(record, SetAside):
        _set_aside(state, record, here, record.field, record.reason, record.line)
        alert_unread_line(state, record, here)
        return
    if isinstance(record, Conflicted):
        _conflict(state, record, here)
        return
    if isinstance(record, FrameSetAside):
        _frame_set_aside(state, record, here)
        return
    for dose in state.association.early.over(here[0]):
        if not dose.accepted:
            _set_aside(state, dose.record, here, "session", NO_SESSION)
    state.counts["events"] += 1
    if state.is_repeat(_identity(record), state.clock_us):
        return
    match record:
        case PatientRegistered():
            _register(state, record, here)
        case DeviceAssigned():
            _assign(state, record, at_us, here)
            _audit(state, record, record.session, here)
        case SessionStarted():
            _start(state, record, at_us, here)
        case Dose() | DoseStopped():
            _dose(state, record, at_us, here)
        case CheckIn():
            _check_in(state, record, at_us, here)
        case SessionEnded():
            _end(state, record, at_us, here)
        case SiteConfigured():
            _configure(state, record, here)
        case Intervention():
            _intervene(state, record, at_us, here)
        case Command():
            state.emit(record, here)
        case ForecastMade():
            if (why_not := home.foresee(state, record, here)) is not None:
                _set_aside(state, record, here, "as_of", why_not)
        case _:
            raise UnhandledKind(record)


class UnhandledKind(AssertionError):
    """A kind of observation that `fold_event` has no case for. The type checker refuses a program in which one could come."""

    def __init__(self, record: Never) -> None:
        super().__init__(f"no case for {getattr(record, 'kind', record)!r}")


def _audit(
    state: WardState, record: Event, session: str | None, here: Here, outcome: str = "accepted",
    seen: Mapping[str, float] | None = None,
) -> None:  # fmt: skip
    """Keep an entry, filed under the session that it belongs to. `seen`: what the monitor showed, beside what was sent."""
    doc = record.model_dump(mode="json", exclude_none=True)
    if seen is not None:
        doc["seen"] = dict(seen)
    by = getattr(record, "by", None)
    entry = AuditEntry(
        iso(to_us(record.at)), record.site, record.patient, session, record.kind, by, outcome, doc, iso(here[0])
    )
    state.emit(entry, here)


def _session_of(state: WardState, row: int | None, record: Event) -> str | None:
    """The session that an entry is filed under: the one whose row it belongs to, else the one that it names."""
    return record.session if row is None else state.association.sessions[row].name


def _set_aside(
    state: WardState, record: Event | SetAside, here: Here, field: str, reason: str, line: str | None = None
) -> None:
    text = record.model_dump_json(exclude_none=True) if line is None else line
    if isinstance(record, SetAside):
        state.counts["set aside"] += 1
    else:
        state.count_set_aside()
    state.emit(DeadLetter(iso(max(here[0], 0)), record.site, field, reason, text[:2000]), here)


def _conflict(state: WardState, record: Conflicted, here: Here) -> None:
    text = f"Records disagree: effect {record.effect} of frame {record.offset}. Tell whoever runs Chairside."
    evidence = {"offset": record.offset, "effect": record.effect, "stored": record.stored, "offered": record.offered}
    subject = Subject(record.site, "-", None)
    state.emit(
        Finding("began", subject, "integrity", Priority.MEDIUM, here[0], here[0], here[0], text, evidence, "an effect's key names one content"),
        here,
    )  # fmt: skip


def _frame_set_aside(state: WardState, record: FrameSetAside, here: Here) -> None:
    """Raise what was not used of the journal itself: nobody can say what was in it, so whoever runs Chairside must look."""
    which = (
        f"Frame {record.offset}"
        if record.until == record.offset + 1
        else f"Frames {record.offset} to {record.until - 1}"
    )
    fate = "lost: the journal has them no longer" if record.lost else "set aside"
    text = f"{which} of the journal: {fate}. {record.reason}. Tell whoever runs Chairside."
    evidence = {"offset": record.offset, "until": record.until, "lost": record.lost, "reason": record.reason}
    subject = Subject(record.site, "-", None)
    priority = Priority.HIGH if record.lost else Priority.MEDIUM
    state.emit(
        Finding("began", subject, "integrity", priority, here[0], here[0], here[0], text, evidence, "every frame of the journal is used"),
        here,
    )  # fmt: skip
    if not record.lost:
        state.counts["set aside"] += 1
        state.emit(DeadLetter(iso(max(here[0], 0)), record.site, "frame", record.reason, which), here)


def _register(state: WardState, record: PatientRegistered, here: Here) -> None:
    if record.limits is not None:
        try:
            state.limits.configure_patient(record.site, record.patient, record.limits)
        except LimitRefused as refused:
            _set_aside(state, record, here, refused.field, refused.reason)
            return
        _apply_limits(state, record.site)
    before = state.people.of(record.site, record.patient).conditions
    anew = state.people.register(record).conditions != before
    _audit(state, record, record.session, here)
    home.fold_course_entry(state, record, here)
    mine = [
        row for row, session in sorted(state.association.sessions.items())
        if (session.site, session.patient) == (record.site, record.patient) and session.announced
    ]  # fmt: skip
    for row in mine:
        check_contraindication(state, row, here[0], here, anew=anew)
    if not mine:
        weigh_registration(state, record.site, record.patient, here, anew=anew)


def _configure(state: WardState, record: SiteConfigured, here: Here) -> None:
    try:
        home_policies(record.policies)
        state.limits.configure_site(record.site, record.limits)
    except (LimitRefused, PolicyRefused) as refused:
        _set_aside(state, record, here, refused.field, refused.reason)
        return
    _apply_limits(state, record.site)
    state.home.configure(record.site, record.policies)
    _audit(state, record, record.session, here)
    home.policies_changed(state, record.site, here)
    state.emit(record, here)


def _apply_limits(state: WardState, site: str) -> None:
    for row, session in state.association.sessions.items():
        if session.site == site:
            state.rows.limit_set[row] = state.limits.set_of(site, session.patient)


def _assign(state: WardState, record: DeviceAssigned, at_us: int, here: Here) -> None:
    origin = Origin(record.site, None, None, record.device, None)
    before = state.association.find(origin)
    state.association.assign(record.site, record.device, record.chair)
    now = state.association.find(origin)
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


def _start(state: WardState, record: SessionStarted, at_us: int, here: Here) -> None:
    row = state.association.by_name.get((record.site, record.session))
    if row is not None and state.association.sessions[row].announced:
        _set_aside(state, record, here, "session", "a session of that name is open already")
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
    _audit(state, record, record.session, here)
    for dose in state.association.early.joining(record.site, record.patient, record.session, at_us):
        if not dose.accepted:
            _audit(state, dose.record, record.session, here)
            home.fold_course_entry(state, dose.record, here)
        _give(state, row, dose.record)
    if session.doses:
        doses_changed(state, row, here)
    check_contraindication(state, row, at_us, here)


def _same_person(state: WardState, row: int, started: Session) -> bool:
    """Whether an unannounced session has watched the very person whose start comes late.

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
    """Whatever leads to another session and will lead to this one leaves behind what it said there."""
    known, site = state.association, session.site
    row = known.by_patient.get((site, session.patient))
    if row not in {None, goes_on}:
        hand_over(state, row, (), (session.patient,), (), state.clock_us)
    if session.chair is not None and (row := known.by_chair.get((site, session.chair))) not in {None, goes_on}:
        hand_over(state, row, (), (), known.devices_of(row), state.clock_us)
    if session.device is not None:
        row = known.find(Origin(site, None, None, session.device, None))
        if row not in {None, goes_on}:
            hand_over(state, row, (), (), (session.device,), state.clock_us)


def _of(state: WardState, record: Event) -> int | None:
    """The open session that an entry is about: the one it names, else its patient's."""
    if record.session is not None:
        return state.association.by_name.get((record.site, record.session))
    return None if record.patient is None else state.association.by_patient.get((record.site, record.patient))


NO_SESSION: Final = "no open session of that name"


def _dose(state: WardState, record: Dose | DoseStopped, at_us: int, here: Here) -> None:
    row = _of(state, record)
    if row is None and record.session is not None:
        if (record.site, "session", record.session) in state.association.cutoffs:
            _set_aside(state, record, here, "session", NO_SESSION)
        else:
            state.association.early.add(EarlyDose(record, here[0], accepted=False))
        return
    if row is not None and not _in_session(state.association.sessions[row], record, at_us):
        row = None
    _audit(state, record, _session_of(state, row, record), here)
    home.fold_course_entry(state, record, here)
    if row is None:
        state.association.early.add(EarlyDose(record, here[0], accepted=True))
        return
    _give(state, row, record)
    doses_changed(state, row, here)
    check_contraindication(state, row, here[0], here)


def _give(state: WardState, row: int, record: Dose | DoseStopped) -> None:
    """Note a dose, or its end, in its session; what is counted from it is not told yet."""
    session, at_us = state.association.sessions[row], to_us(record.at)
    if isinstance(record, DoseStopped):
        session.doses = stop_dose(session.doses, at_us, record.given_mg)
        return
    session.drug, session.route = record.drug or session.drug, record.route or session.route
    given = SessionDose(at_us, session.drug, session.route, record.amount_mg, record.minutes, record.id)
    session.doses = add_dose(session.doses, given, record.replaces)


def _in_session(session: Session, record: Dose | DoseStopped, at_us: int) -> bool:
    """Whether a dose is this session's. One that names none is outside treatment by contract, but not while its patient sits
    here: nobody is treated in two places at once, and a dose that is not seen leaves everything counted from it silent.
    """
    if record.session is not None:
        return True
    drug = record.drug if isinstance(record, Dose) else session.drug
    known = treatment_of(drug, None)
    elsewhere = known is not None and known.usual is None
    return session.announced and not elsewhere and session.started_us is not None and at_us >= session.started_us


def _check_in(state: WardState, record: CheckIn, at_us: int, here: Here) -> None:
    row = _of(state, record)
    # A tablet whose clock runs ahead would make every later answer an old one.
    at_us = min(at_us, here[0])
    risk = risk_of(record.instrument, record.items, record.score)
    try:
        score = score_of(record.instrument, record.items, record.score)
    except ScoreRefused as refused:
        _set_aside(state, record, here, refused.field, str(refused))
        file_risk(state, record, risk, at_us, row, here)
        alert_unread_form(state, record, at_us, row, here)
        return
    unknown = "item 9 was not sent" if item_9_unknown(record.instrument, record.items) else ""
    _audit(state, record, _session_of(state, row, record), here, "; ".join(filter(None, ("accepted", unknown))))
    home.fold_course_entry(state, record, here, score)
    file_risk(state, record, risk, at_us, row, here)
    report = report_of(record, at_us, score, unknown if risk is None else risk.words)
    if row is not None and report is not None:
        fold_report(state, row, report, record.replaces, here)
    elif report is not None:
        file_score_outside(state, record, report, here)


def _end(state: WardState, record: SessionEnded, at_us: int, here: Here) -> None:
    row = _of(state, record)
    if row is None:
        _set_aside(state, record, here, "session", NO_SESSION)
        return
    if not (record.reason or "").startswith("transfer"):
        # Who is handed on is still observed, elsewhere.
        check_early_exit(state, row, at_us, here)
    seen, session = session_extremes(state, row), _session_of(state, row, record)
    close_session(state, row, at_us, here)
    _audit(state, record, session, here, seen=seen)


def _intervene(state: WardState, record: Intervention, at_us: int, here: Here) -> None:
    row = _of(state, record)
    if row is not None and slug(record.what) in EXIT_WORDS:
        check_early_exit(state, row, at_us, here)
    _audit(state, record, _session_of(state, row, record), here)
    home.fold_course_entry(state, record, here)


def _same_place(implicit: Session, started: Session) -> bool:
    """Whether an unannounced session is what this one announces, late."""
    if implicit.site != started.site:
        return False
    if implicit.name is not None:
        return implicit.name == started.name
    return implicit.patient == started.patient or (implicit.device is not None and implicit.device == started.device)


def _identity(record: Event) -> str:
    """What makes two events the same: the sender's id, else all that it says; when it became known is no part of that.

    An id counts only within its sender (source or device), kind and patient, or what else it is about: two tablets that both
    number from 1 have each an entry 17, and a correction may have the id of what it corrects. Without one, two instruments
    answered at once, or two alerts acknowledged at once, are two events, of whatever kind.
    """
    if record.id is None:
        return record.model_dump_json(exclude={"received_at"}, exclude_none=True) + "\x1e"
    sender = record.source or getattr(record, "device", None)
    about = record.patient or record.session or getattr(record, "alert", None)
    parts = (record.site, sender, record.kind, about, record.id, record.replaces)
    return "\x1f".join(part or "" for part in parts)
