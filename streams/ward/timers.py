"""Timers of a treatment: when each entry that the protocol expects is overdue, and the conclusion when it did not come.

Cuffs and check-ins at their cadence, the pressure at the peak, the pressure before the dose, and dissociation or drowsiness
that lasts (`rules/`). Each falls due at its own instant of the shard's clock; what comes at that very instant still counts.
Bad at: distinguishing a check-in that was not made from one that was not entered.
Never here: a reading's limits; anything for a session that nobody announced, but dissociation that lasts.
"""

from __future__ import annotations

from typing import Final

from models.instants import FAR, MINUTE, NEVER, SECOND
from models.session.reports import AWAKE, GONE, assess
from models.tables.channels import CHANNEL_COLUMN
from models.tables.rules import RULES, Priority
from streams.ward.association import Cuff, Session
from streams.ward.conclusions import Conclusion, over
from streams.ward.doses import LASTING_AFTER
from streams.ward.rules.registry import judge_after
from streams.ward.sentences import duration, number, rule_sentence
from streams.ward.sessions import GIVE_UP_AFTER, expect_cuff
from streams.ward.state import DUE, Here, WardState

PEAK_WITHIN: Final = 10 * MINUTE
"""A cuff this close to the time of the peak is the pressure at the peak. Chosen by us: the label says about 40 min."""
_SBP: Final = CHANNEL_COLUMN["sbp"]


def doses_changed(state: WardState, row: int, here: Here, *, corrected: bool = False) -> None:
    """Set all timers that count from the dose anew, after it was entered, corrected or stopped. What is waited for from the last
    cuff and check-in goes on where an entry was only corrected.
    """
    session, clock_us = state.association.sessions[row], here[0]
    dose_us = session.dose_us
    state.rows.dosed[row] = dose_us is not None
    if dose_us is None:
        # It was taken back: nothing counts from it.
        session.lasting_due_us = session.checkin_due_us = session.peak_due_us = None
        for rule in ("checkin-overdue", "prolonged-dissociation", "dose-check"):
            text = f"{session.where}: {RULES[rule].title} is over: the dose was taken back."
            state.file(session, over(rule, clock_us, text), here)
        schedule_timers(state, row)
        judge_after("dose", state, row, clock_us, here)
        return
    if state.rows.cuff_due[row] < FAR and not corrected:
        expect_cuff(state, row, clock_us)
    protocol = session.protocol
    session.lasting_due_us = max(dose_us + LASTING_AFTER, clock_us)
    if not corrected or session.checkin_due_us is None:
        wait_min = protocol.checkin_min
        session.checkin_due_us = None if wait_min is None else clock_us + round(wait_min * MINUTE)
    peak_us = peak_at_us(session)
    seen = peak_us is not None and any(cuff.at_us >= peak_us - PEAK_WITHIN for cuff in session.cuffs)
    session.peak_due_us = None if peak_us is None or seen else max(peak_us + PEAK_WITHIN, clock_us)
    schedule_timers(state, row)
    judge_after("dose", state, row, dose_us, here)


def peak_at_us(session: Session) -> int | None:
    """When the pressure at the peak is due; None: this protocol has none, or no dose was given."""
    minutes = session.protocol.pressure_at_min
    return None if minutes is None or session.dose_us is None else session.dose_us + round(minutes * MINUTE)


def answer_cuff(state: WardState, row: int, cuff: Cuff, here: Here) -> None:
    """End what waited for a good cuff, which is among the session's already, and begin to wait for the next."""
    session = state.association.sessions[row]
    expect_cuff(state, row, here[0])
    state.file(session, over("vitals-overdue", here[0], "A cuff was read."), here)
    peak_us = peak_at_us(session)
    if session.peak_due_us is not None and peak_us is not None and cuff.at_us >= peak_us - PEAK_WITHIN:
        session.peak_due_us = None
        schedule_timers(state, row)


def answer_checkin(state: WardState, row: int, here: Here) -> None:
    """End what waited for a score of consciousness or dissociation, and begin to wait for the next."""
    session = state.association.sessions[row]
    state.file(session, over("checkin-overdue", here[0], "A check-in came."), here)
    minutes = session.protocol.checkin_min
    if session.dose_us is not None and minutes is not None:
        session.checkin_due_us = None if _resolved(state, row, here[0]) else here[0] + round(minutes * MINUTE)
        schedule_timers(state, row)


def scores_corrected(state: WardState, row: int, here: Here) -> None:
    """Begin to wait for a check-in, or cease to, if a correction of a score changes whether one is needed; it is none itself."""
    session = state.association.sessions[row]
    minutes = session.protocol.checkin_min
    if session.dose_us is None or minutes is None:
        return
    if _resolved(state, row, here[0]):
        session.checkin_due_us = None
    elif session.checkin_due_us is None and "checkin-overdue" not in session.conditions:
        session.checkin_due_us = here[0] + round(minutes * MINUTE)
    schedule_timers(state, row)


def _resolved(state: WardState, row: int, clock_us: int) -> bool:
    """True if no further check-in is needed: observed for long enough, awake, and dissociation gone."""
    session = state.association.sessions[row]
    if session.dose_us is None or clock_us < session.dose_us + round(session.protocol.observe_min * MINUTE):
        return False
    newest = assess(session.reports, ()).newest
    return {"moaas", "cadss"} <= newest.keys() and newest["moaas"].score >= AWAKE and newest["cadss"].scale[1] <= GONE


def schedule_timers(state: WardState, row: int) -> None:
    """Put the next of a session's timers into its row, where time looks for it."""
    session, rows = state.association.sessions[row], state.rows
    timers = (session.checkin_due_us, session.lasting_due_us, session.peak_due_us, session.quiet_due_us)
    due = [each for each in timers if each is not None]
    rows.timer_due[row] = min(due, default=FAR)
    rows.due[row] = min(rows.due[row], rows.timer_due[row])


def timer_falls_due(state: WardState, row: int, due_us: int) -> None:
    """File what is overdue of a session's timers at this instant, and set the next."""
    rows, session = state.rows, state.association.sessions[row]
    here = (due_us, DUE, 0)
    if rows.cuff_due[row] == due_us:
        rows.cuff_due[row] = FAR
        heard = int(rows.heard[row, _SBP])
        last = f"Last cuff {duration((due_us - heard) / SECOND)} ago." if heard > NEVER else "No cuff yet."
        state.file(session, _overdue(session, "vitals-overdue", last, due_us), here)
    if session.peak_due_us == due_us:
        session.peak_due_us = None
        minutes = session.protocol.pressure_at_min
        detail = f"The pressure {number(minutes or 0)} min after the dose was not taken."
        state.file(session, _overdue(session, "vitals-overdue", detail, due_us), here)
    if session.checkin_due_us == due_us:
        session.checkin_due_us = None
        newest = assess(session.reports, ()).newest
        asked = [newest[column].at_us for column in ("moaas", "cadss") if column in newest]
        last = f"Last asked {duration((due_us - max(asked)) / SECOND)} ago." if asked else "None since the dose."
        if not _resolved(state, row, due_us):
            detail = f"Score sedation and dissociation. {last}"
            state.file(session, _overdue(session, "checkin-overdue", detail, due_us), here)
    if session.lasting_due_us == due_us:
        session.lasting_due_us = None
        judge_after("two hours", state, row, due_us, here)
    schedule_timers(state, row)


def leave_out_timers(state: WardState, row: int, due_us: int) -> None:
    """Whatever of a session's timers is due at this instant is over without having happened."""
    session = state.association.sessions[row]
    for name in ("checkin_due_us", "lasting_due_us", "peak_due_us"):
        if getattr(session, name) == due_us:
            setattr(session, name, None)
    if session.quiet_due_us == due_us:
        # It cannot be closed: tried again later, or it would be open for ever.
        session.quiet_due_us = due_us + GIVE_UP_AFTER
    schedule_timers(state, row)


def _overdue(session: Session, rule: str, detail: str, due_us: int) -> Conclusion:
    """The conclusion that something of a session's protocol is overdue."""
    text = rule_sentence(session.where, RULES[rule].title, detail)
    evidence: dict[str, object] = {"phase": session.phase(due_us)}
    return Conclusion(rule, Priority.LOW, due_us, due_us, text, evidence, session.protocol.source)
