"""Opening and closing sessions: announced ones, and those that samples bring with them."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Final

from models.instants import FAR, HOUR, MINUTE, NEVER, SECOND
from models.tables.capnographs import CAPNOGRAPH_OF, CAUTIOUS
from models.tables.channels import CHANNEL_COLUMN
from models.tables.rules import RULE_INDEX, RULES, Priority
from streams.journal.frame import Origin
from streams.ward.association import Session
from streams.ward.conclusions import Conclusion, over
from streams.ward.estimates import update_past
from streams.ward.minutes import put_minute_away
from streams.ward.rules.crowding import is_crowded, tell_crowded
from streams.ward.rules.deeper import reckon_deeper
from streams.ward.rules.two_at_once import review_two
from streams.ward.sentences import number, rule_sentence
from streams.ward.state import Here, WardState

START_WITHIN: Final = 3 * MINUTE
"""A monitor that has sent nothing this long after `session.started` never started. Chosen by us: time to apply probes."""
GIVE_UP_AFTER: Final = HOUR
"""An unannounced session with no sample this long is over. Chosen by us: longer than any change of bed."""


def open_session(state: WardState, session: Session, clock_us: int) -> int:
    """Open a session and set when its monitor and its first cuff are overdue; its row."""
    row = state.rows.take()
    state.association.add(row, session)
    state.rows.limit_set[row] = state.limits.set_of(session.site, session.patient)
    note_capnograph(state, row)
    if session.announced:
        state.rows.start_due[row] = state.rows.due[row] = clock_us + START_WITHIN
        expect_cuff(state, row, clock_us)
        expect_channels(state, row, clock_us)
    else:
        state.rows.idle_due[row] = state.rows.due[row] = clock_us + GIVE_UP_AFTER
    return row


def note_capnograph(state: WardState, row: int) -> None:
    """Put into a session's row what its capnograph does, by the make of the first of its devices of which one is known."""
    known = state.association
    if not known.profile_of:
        return
    site = known.sessions[row].site
    names = [known.profile_of[site, each] for each in known.devices_of(row) if (site, each) in known.profile_of]
    make = CAPNOGRAPH_OF.get(names[0], CAUTIOUS) if names else CAUTIOUS
    state.rows.rate_back_us[row] = round(make.rate_back_s * SECOND)
    state.rows.co2_still_us[row] = round(make.still_s * SECOND)
    state.rows.co2_held_us[row] = round(make.held_s * SECOND)


def announce_session(state: WardState, row: int, session: Session, at_us: int, here: Here) -> None:
    """Replace an unannounced session by the announced one, in its row: readings, holds and alerts go on under its name."""
    known, rows, before = state.association, state.rows, state.association.sessions[row]
    session.cuffs = [cuff for cuff in before.cuffs if cuff.at_us > here[0] - GIVE_UP_AFTER]
    session.cuff_rules, session.doses = before.cuff_rules, before.doses
    session.reports, session.symptoms_us = before.reports, before.symptoms_us
    conditions = {rule: before.conditions[rule] for rule in sorted(before.conditions, key=RULE_INDEX.__getitem__)}
    if (before.patient, before.name) == (session.patient, session.name):
        # It had its own names already: its alerts stay open as they are.
        session.conditions = {rule: on for rule, on in conditions.items() if rule != "unscheduled"}
        conditions = {rule: on for rule, on in conditions.items() if rule == "unscheduled"}
    for rule in conditions:
        text = f"{before.where}: {RULES[rule].title}; a session was started."
        state.file(before, over(rule, here[0], text, {"goes_on_as": session.patient}), here)
    put_minute_away(state, row)
    known.remove(row)
    known.add(row, session)
    rows.limit_set[row] = state.limits.set_of(session.site, session.patient)
    note_capnograph(state, row)
    rows.idle_due[row] = FAR
    expect_cuff(state, row, here[0])
    expect_channels(state, row, here[0])
    for rule, on in conditions.items():
        if rule != "unscheduled":
            detail = f"It began before the session was entered, as {before.where}."
            text, evidence = rule_sentence(session.where, RULES[rule].title, detail), {"began_as": before.patient}
            conclusion = Conclusion(rule, on.priority, here[0], on.onset_us, text, evidence, "as before", on.told)
            state.file(session, conclusion, here)
    reckon_deeper(state, row)


def open_unannounced(state: WardState, origin: Origin, here: Here) -> int | None:
    """Open an unannounced session for an origin that belongs to none; its row. None: it names nobody, or there are too many."""
    patient = origin.patient or origin.device or origin.session
    if patient is None:
        return None
    clock_us = here[0]
    session = Session(origin.site, origin.session, patient, announced=False, device=origin.device, source=origin.source)
    session.chair = state.association.chair_of.get((origin.site, origin.device)) if origin.device else None
    twin = state.association.same_named(session)
    if twin is not None:
        state.association.assign_chair(twin, session.chair)
        return twin
    if is_crowded(state, origin):
        tell_crowded(state, origin, here)
        return None
    row = open_session(state, session, clock_us)
    if state.clock == "received":
        text = rule_sentence(session.where, RULES["unscheduled"].title, "Watched all the same: start a session.")
        evidence, source = {"device": origin.device}, "vitals without an open session"
        conclusion = Conclusion("unscheduled", Priority.LOW, clock_us, clock_us, text, evidence, source)
        state.file(session, conclusion, here)
    return row


def close_session(state: WardState, row: int, at_us: int, here: Here) -> None:
    """Close a session: end all its conditions, update its patient's past, and free its row."""
    session = state.association.sessions[row]
    for rule in sorted(session.conditions, key=RULE_INDEX.__getitem__):
        text = f"{session.where}: {RULES[rule].title}; the session is over."
        state.file(session, over(rule, at_us, text, {"session_over": True}), here)
    update_past(state, row, here[0])
    state.counts["watched µs"] += int(state.rows.watched[row])
    hand_over(state, row, (session.name,), (session.patient,), state.association.devices_of(row), here[0])
    put_minute_away(state, row)
    state.association.remove(row)
    state.rows.release(row)
    review_two(state, session.site, here)


def session_extremes(state: WardState, row: int) -> dict[str, float]:
    """What a session's monitor has shown: seconds with data, highest undoubted pressures (mmHg), lowest trusted SpO2 (%)."""
    rows = state.rows
    found = {name: float(getattr(rows, name)[row]) for name in ("peak_sbp", "peak_dbp", "lowest_spo2")}
    seen = {name: number(value) for name, value in found.items() if isfinite(value)}
    return {"watched_s": round(int(rows.watched[row]) / SECOND), **seen}


def hand_over(
    state: WardState,
    row: int,
    names: Iterable[str | None],
    patients: Iterable[str],
    devices: Iterable[str],
    clock_us: int,
) -> None:
    """Note cutoffs for names, patients and devices that leave a session: their samples so far stay with it."""
    site, newest_us = state.association.sessions[row].site, int(state.rows.row_at[row])
    for kind, changing in (("session", names), ("patient", patients), ("device", devices)):
        for name in changing:
            state.association.set_cutoff(site, kind, name, newest_us, clock_us)


def expect_cuff(state: WardState, row: int, from_us: int) -> None:
    """Set when the next cuff is overdue, by the protocol's phase at an instant."""
    session = state.association.sessions[row]
    wait = session.protocol.cuff_overdue_us(session.phase(from_us))
    state.rows.cuff_due[row] = FAR if wait is None else from_us + wait
    state.rows.due[row] = min(state.rows.due[row], state.rows.cuff_due[row])


def expect_channels(state: WardState, row: int, from_us: int) -> None:
    """Set from when on the protocol expects its channels; one that was never good falls due `START_WITHIN` later."""
    rows = state.rows
    for name in state.association.sessions[row].protocol.expects:
        column = CHANNEL_COLUMN[name]
        rows.expected_at[row, column] = from_us
        if rows.heard[row, column] == NEVER:
            rows.stale[row, column] = False
            rows.stale_due[row, column] = from_us + START_WITHIN
            rows.due[row] = min(rows.due[row], from_us + START_WITHIN)
