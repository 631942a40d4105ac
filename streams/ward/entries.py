"""Entries in: every record that is no vitals sample goes to the function of its kind; registrations and configuration are here.

Each is folded in once (a repeat is dropped) and leaves an audit entry; what cannot be used is set aside with field and reason.
"""

from __future__ import annotations

from typing import Never

from models.instants import EPOCH, NEVER, to_us
from models.oncall import OnCallRefused, on_call_of
from models.relapse.policies import PolicyRefused, home_policies
from models.tables.limits import LimitRefused
from models.wire.observations import (
    CheckIn,
    ClockApart,
    Command,
    Conflicted,
    CuffCorrected,
    DestinationFailing,
    DestinationRestored,
    DeviceAssigned,
    DiskLow,
    Dose,
    DoseStopped,
    Event,
    Fault,
    ForecastMade,
    FrameSetAside,
    GlassBroken,
    Internal,
    Intervention,
    MonitorAlarm,
    PatientMerged,
    PatientRegistered,
    RotaOverride,
    SessionEnded,
    SessionStarted,
    SetAside,
    SiteConfigured,
    UnreadField,
)
from streams.ward.audit import NO_SESSION, audit, file_dead_letter, row_of
from streams.ward.checkin_entries import fold_checkin, hear_answers
from streams.ward.cuff_corrections import correct_cuff
from streams.ward.dose_entries import fold_dose
from streams.ward.home import rules as home
from streams.ward.merging import fold_merge
from streams.ward.monitor_alarms import fold_alarm
from streams.ward.rules.checkins import alert_unread_line
from streams.ward.rules.contraindications import check_contraindication, weigh_registration
from streams.ward.rules.deeper import reckon_deeper
from streams.ward.rules.destinations import file_failing, file_restored
from streams.ward.rules.entry_refused import corrects_another, note_whose, of_another, refuse
from streams.ward.rules.forgotten import note_life
from streams.ward.rules.glass import file_glass_broken
from streams.ward.rules.host_clock import file_clock_apart
from streams.ward.rules.host_disk import file_disk_low
from streams.ward.rules.integrity import file_conflict, file_fault, file_unused_frames
from streams.ward.rules.other_site import tell_other_site
from streams.ward.rules.unread import alert_refused_line, alert_unread_fields
from streams.ward.samples import pass_time
from streams.ward.session_entries import assign_device, end_session, fold_intervention, start_session
from streams.ward.state import OBSERVED, Here, WardState


def fold_event(state: WardState, record: Event | Internal, ordinal: int) -> None:
    """Fold in one record that is no sample. A repeat is counted and changes nothing."""
    at_us, sent = to_us(record.at), record
    record = state.association.aliases.placed(record)
    ours = isinstance(record, Internal)
    if state.clock == "observed" and not ours:
        state.clock_us = max(state.clock_us, at_us)
    pass_time(state)
    here = (state.clock_us, OBSERVED, ordinal)
    if isinstance(record, SetAside):
        file_dead_letter(state, record, here, record.field, record.reason, record.line)
        tell_other_site(state, record, here)
        # Of a recording in which nothing can be read the clock is what can be seen of the line's own time.
        told = here if here[0] != NEVER else (to_us(record.at), OBSERVED, ordinal)
        if (record.at != EPOCH or here[0] != NEVER) and not alert_unread_line(state, record, told):
            alert_refused_line(state, record, told)
        return
    if isinstance(record, Conflicted):
        file_conflict(state, record, here)
        return
    if isinstance(record, FrameSetAside):
        file_unused_frames(state, record, here)
        return
    if isinstance(record, Fault):
        file_fault(state, record, here)
        return
    if isinstance(record, DestinationFailing):
        file_failing(state, record, here)
        return
    if isinstance(record, DestinationRestored):
        file_restored(state, record, here)
        return
    if isinstance(record, ClockApart):
        file_clock_apart(state, record, here)
        return
    if isinstance(record, DiskLow):
        file_disk_low(state, record, here)
        return
    if isinstance(record, GlassBroken):
        file_glass_broken(state, record, here)
        return
    for dose in state.association.early.over(here[0]):
        if not dose.accepted:
            file_dead_letter(state, dose.record, here, "session", NO_SESSION)
    state.counts["events"] += 1
    if not isinstance(sent, Internal) and _is_repeat(state, sent):
        return
    why_not, field = of_another(state, record), "session"
    if why_not is None:
        why_not, field = corrects_another(state, record), "replaces"
    if why_not is not None:
        refuse(state, record, field, why_not, here)
        if isinstance(record, CheckIn):
            hear_answers(state, record, at_us, here)
        return
    note_whose(state, record)
    if isinstance(record, Dose | DoseStopped | CheckIn | Intervention) and (row := row_of(state, record)) is not None:
        note_life(state, row, here)
    if not isinstance(record, PatientRegistered | PatientMerged):
        alert_unread_fields(state, record, here)
    match record:
        case PatientRegistered():
            _register(state, record, here)
        case PatientMerged():
            if not fold_merge(state, record, here) and not isinstance(sent, Internal):
                # The same may be sent again, once it can be.
                state.forget(_identity(sent))
        case DeviceAssigned():
            assign_device(state, record, at_us, here)
            audit(state, record, record.session, here)
        case SessionStarted():
            start_session(state, record, at_us, here)
        case CuffCorrected():
            correct_cuff(state, record, at_us, here)
        case Dose() | DoseStopped():
            fold_dose(state, record, at_us, here)
        case MonitorAlarm():
            fold_alarm(state, record, at_us, here)
        case CheckIn():
            fold_checkin(state, record, at_us, here)
        case SessionEnded():
            end_session(state, record, at_us, here)
        case SiteConfigured():
            _configure(state, record, here)
        case Intervention():
            fold_intervention(state, record, at_us, here)
        case Command():
            state.emit(record, here)
        case RotaOverride():
            audit(state, record, record.session, here)
            state.emit(record, here)
        case ForecastMade() if record.sent_as is not None:
            why_not = f"{record.sent_as} has gone into {record.patient}: it is of half a course, and made anew"
            file_dead_letter(state, record, here, "patient", why_not)
        case ForecastMade():
            if (why_not := home.foresee(state, record, here)) is not None:
                file_dead_letter(state, record, here, "as_of", why_not)
        case _:
            raise UnhandledKind(record)


class UnhandledKind(AssertionError):
    """A kind of observation that `fold_event` has no case for. The type checker refuses a program in which one could come."""

    def __init__(self, record: Never) -> None:
        super().__init__(f"no case for {getattr(record, 'kind', record)!r}")


def _register(state: WardState, record: PatientRegistered, here: Here) -> None:
    if record.limits is not None:
        # The rest of it is used: a condition that speaks against the drug is no less true, nor is another limit.
        lost = frozenset(one.field for one in record.unread or ())
        refused = state.limits.configure_patient(record.site, record.patient, record.limits, lost)
        fields = [UnreadField(field=wrong.field, reason=wrong.reason, value="") for wrong in refused]
        record = record.model_copy(update={"unread": (*(record.unread or ()), *fields) or None})
        _apply_limits(state, record.site)
    alert_unread_fields(state, record, here)
    before = state.people.of(record.site, record.patient).conditions
    anew = state.people.register(record).conditions != before
    audit(state, record, record.session, here)
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
        on_call_of(record.rota)
        state.limits.configure_site(record.site, record.limits)
    except (LimitRefused, PolicyRefused, OnCallRefused) as refused:
        file_dead_letter(state, record, here, refused.field, refused.reason)
        return
    _apply_limits(state, record.site)
    state.home.configure(record.site, record.policies)
    audit(state, record, record.session, here)
    home.policies_changed(state, record.site, here)
    state.emit(record, here)


def _apply_limits(state: WardState, site: str) -> None:
    for row, session in state.association.sessions.items():
        if session.site == site:
            state.rows.limit_set[row] = state.limits.set_of(site, session.patient)
            reckon_deeper(state, row)


def _is_repeat(state: WardState, sent: Event) -> bool:
    """Whether an entry came before, and it is noted as seen. `sent`: as it came, under whichever alias.

    Under another alias of the same person the same without an id is a repeat; an id counts for the alias that it came with, as
    two people's entries may have had the same.
    """
    aliases = [sent.patient]
    if sent.id is None and sent.patient is not None:
        mine = state.association.aliases.all_of(sent.site, sent.patient)
        aliases += [alias for alias in mine if alias != sent.patient]
    others = (_identity(sent.model_copy(update={"patient": alias})) for alias in aliases[1:])
    return state.is_repeat(_identity(sent), state.clock_us, *others)


def _identity(record: Event) -> str:
    """The identity by which a repeat is recognised: the sender's id, else all fields but the time of receipt.

    An id counts only within its sender (source or device), kind and patient, or what else it is about: two tablets that both
    number from 1 have each an entry 17, and a correction may have the id of what it corrects. Without one, two instruments
    answered at once, or two alerts acknowledged at once, are two events, of whatever kind.
    """
    if record.id is None:
        return record.model_dump_json(exclude={"received_at", "sent_as"}, exclude_none=True) + "\x1e"
    sender = record.source or getattr(record, "device", None)
    about = record.patient or record.session or getattr(record, "alert", None)
    parts = (record.site, sender, record.kind, about, record.id, record.replaces)
    return "\x1f".join(part or "" for part in parts)
