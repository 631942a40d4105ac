"""Timers of a treatment: what the protocol expects at its time, and what is said when it does not come.

Cuffs and check-ins at their cadence, the pressure at the peak, the pressure before the dose, and dissociation or drowsiness
that is still there `LASTING_AFTER` the start of the dose: that one falls due on the last known score, whether or not
anybody asks again. Each falls due at its own instant of the shard's clock; what comes at that very instant still counts.
Bad at: telling a check-in that was not made from one that was not entered.
Never here: a reading's limits; anything for a session that nobody announced, but dissociation that lasts.
"""

from __future__ import annotations

from math import isnan
from typing import Final

import numpy as np

from models.instants import FAR, MINUTE, NEVER, SECOND
from models.session.reports import AWAKE, GONE, Assessment, Report, assess
from models.tables.channels import CHANNEL_COLUMN
from models.tables.limits import UNITS
from models.tables.rules import RULES, Priority
from streams.ward.association import Cuff, Session
from streams.ward.doses import LASTING_AFTER
from streams.ward.rules.pressure_ahead import look_ahead
from streams.ward.sentences import duration, number, plain
from streams.ward.sessions import expect_cuff
from streams.ward.state import DUE, Here, WardState

PEAK_WITHIN: Final = 10 * MINUTE
"""A cuff this close to the time of the peak is the pressure at the peak. Chosen by us: the label says about 40 min."""
_SBP: Final = CHANNEL_COLUMN["sbp"]
_LASTING_SOURCE: Final = (
    "CADSS >4 or MOAA/S <5 at 120 min from the start of the dose: the label's observation is 2 h and until resolved"
)


def doses_changed(state: WardState, row: int, here: Here) -> None:
    """A dose was entered, corrected or stopped: everything that is counted from it is counted anew."""
    session, clock_us = state.known.sessions[row], here[0]
    dose_us = session.dose_us
    if dose_us is None:
        return
    state.rows.dosed[row] = True
    if state.rows.cuff_due[row] < FAR:
        expect_cuff(state, row, clock_us)
    protocol = session.protocol
    session.lasting_due_us = max(dose_us + LASTING_AFTER, clock_us)
    session.checkin_due_us = None if protocol.checkin_min is None else clock_us + round(protocol.checkin_min * MINUTE)
    peak_us = peak_at_us(session)
    seen = peak_us is not None and any(cuff.at_us >= peak_us - PEAK_WITHIN for cuff in session.cuffs)
    session.peak_due_us = None if peak_us is None or seen else max(peak_us + PEAK_WITHIN, clock_us)
    arm(state, row)
    _judge_predose(state, row, here)


def peak_at_us(session: Session) -> int | None:
    """When the pressure at the peak is due; None: this protocol has none, or no dose was given."""
    minutes = session.protocol.pressure_at_min
    return None if minutes is None or session.dose_us is None else session.dose_us + round(minutes * MINUTE)


def cuff_read(state: WardState, row: int, cuff: Cuff, here: Here) -> None:
    """A good cuff came: it is the answer to whatever was waiting for one."""
    session = state.known.sessions[row]
    session.note_cuff(cuff)
    if not cuff.doubted:
        rows = state.rows
        rows.peak_sbp[row], rows.peak_dbp[row] = (
            np.fmax(rows.peak_sbp[row], cuff.sbp),
            np.fmax(rows.peak_dbp[row], cuff.dbp),
        )
    expect_cuff(state, row, here[0])
    state.say(row, "vitals-overdue", None, here[0], cuff.at_us, here, "A cuff was read.", {}, "")
    peak_us = peak_at_us(session)
    if session.peak_due_us is not None and peak_us is not None and cuff.at_us >= peak_us - PEAK_WITHIN:
        session.peak_due_us = None
        arm(state, row)
    _judge_predose(state, row, here)
    look_ahead(state, row, cuff, here)


def checked_in(state: WardState, row: int, at_us: int, here: Here) -> None:
    """A score of consciousness or dissociation came: the wait for the next begins."""
    session = state.known.sessions[row]
    state.say(row, "checkin-overdue", None, here[0], at_us, here, "A check-in came.", {}, "")
    minutes = session.protocol.checkin_min
    if session.dose_us is not None and minutes is not None:
        session.checkin_due_us = None if _resolved(state, row, here[0]) else here[0] + round(minutes * MINUTE)
        arm(state, row)


def _resolved(state: WardState, row: int, clock_us: int) -> bool:
    """Whether nothing more is to be asked: observed for long enough, awake, and dissociation gone."""
    session = state.known.sessions[row]
    if session.dose_us is None or clock_us < session.dose_us + round(session.protocol.observe_min * MINUTE):
        return False
    newest = assess(session.reports, ()).newest
    return {"moaas", "cadss"} <= newest.keys() and newest["moaas"].score >= AWAKE and newest["cadss"].scale[1] <= GONE


def arm(state: WardState, row: int) -> None:
    """The next of a session's timers, where time looks for it."""
    session, rows = state.known.sessions[row], state.rows
    due = [each for each in (session.checkin_due_us, session.lasting_due_us, session.peak_due_us) if each is not None]
    rows.timer_due[row] = min(due, default=FAR)
    rows.due[row] = min(rows.due[row], rows.timer_due[row])


def timer_falls_due(state: WardState, row: int, due_us: int) -> None:
    """Whatever of a session's timers is due at this instant."""
    rows, session = state.rows, state.known.sessions[row]
    here = (due_us, DUE, 0)
    if rows.cuff_due[row] == due_us:
        rows.cuff_due[row] = FAR
        heard = int(rows.heard[row, _SBP])
        last = f"Last cuff {duration((due_us - heard) / SECOND)} ago." if heard > NEVER else "No cuff yet."
        _overdue(state, row, "vitals-overdue", last, here)
    if session.peak_due_us == due_us:
        session.peak_due_us = None
        minutes = session.protocol.pressure_at_min
        _overdue(
            state, row, "vitals-overdue", f"The pressure {number(minutes or 0)} min after the dose was not taken.", here
        )
    if session.checkin_due_us == due_us:
        session.checkin_due_us = None
        newest = assess(session.reports, ()).newest
        asked = [newest[column].at_us for column in ("moaas", "cadss") if column in newest]
        last = f"Last asked {duration((due_us - max(asked)) / SECOND)} ago." if asked else "None since the dose."
        if not _resolved(state, row, due_us):
            _overdue(state, row, "checkin-overdue", f"Score sedation and dissociation. {last}", here)
    if session.lasting_due_us == due_us:
        session.lasting_due_us = None
        judge_lasting(state, row, assess(session.reports, ()), due_us, here)
    arm(state, row)


def leave_out_timers(state: WardState, row: int, due_us: int) -> None:
    """Whatever of a session's timers is due at this instant is over without having happened."""
    session = state.known.sessions[row]
    for name in ("checkin_due_us", "lasting_due_us", "peak_due_us"):
        if getattr(session, name) == due_us:
            setattr(session, name, None)
    arm(state, row)


def _overdue(state: WardState, row: int, rule: str, detail: str, here: Here) -> None:
    session, due_us = state.known.sessions[row], here[0]
    text = plain(session.where, RULES[rule].title, detail)
    evidence: dict[str, object] = {"phase": session.phase(due_us)}
    state.say(row, rule, Priority.LOW, due_us, due_us, here, text, evidence, session.protocol.source)


def judge_lasting(state: WardState, row: int, assessment: Assessment, at_us: int, here: Here) -> None:
    """Whether dissociation or drowsiness lasts: on the last known scores, from `LASTING_AFTER` the start of the dose on."""
    session = state.known.sessions[row]
    title = RULES["prolonged-dissociation"].title
    if not (assessment.dissociating or assessment.drowsy):
        text = f"{session.where}: {title} is over."
        state.say(row, "prolonged-dissociation", None, at_us, at_us, here, text, {}, "")
        return
    if session.dose_us is None or here[0] < session.dose_us + LASTING_AFTER:
        # After another dose it begins anew; what stands already stays until a score says that it is over.
        return
    found = [
        assessment.newest[column]
        for column, there in (("cadss", assessment.dissociating), ("moaas", assessment.drowsy))
        if there
    ]
    ages = [(here[0] - report.at_us) / SECOND for report in found]
    minute = round((here[0] - session.dose_us) / MINUTE)
    scores = " and ".join(
        f"{_scored(report)}, {duration(age_s)} ago" for report, age_s in zip(found, ages, strict=True)
    )
    detail = f"{scores}; {minute} min since the dose began."
    evidence: dict[str, object] = {
        "value": number(found[0].scale[1]), "unit": UNITS["cadss" if assessment.dissociating else "moaas"],
        "limit": GONE if assessment.dissociating else AWAKE, "instrument": found[0].instrument, "data_age_s": number(ages[0]), "minute": minute,
    }  # fmt: skip
    onset_us = min(at_us, session.dose_us + LASTING_AFTER)
    state.say(
        row, "prolonged-dissociation", Priority.MEDIUM, at_us, onset_us, here, plain(session.where, title, detail),
        evidence, _LASTING_SOURCE,
    )  # fmt: skip


def _scored(report: Report) -> str:
    words = {"cadss": "CADSS", "cadss-6": "CADSS-6", "moaas": "MOAA/S"}[report.instrument]
    return f"{words} {number(report.score)}"


def _judge_predose(state: WardState, row: int, here: Here) -> None:
    """Whether the pressure before the dose asks: the last good cuff before it, or that there was none. The next cuff that does
    not ask is the answer.
    """
    session = state.known.sessions[row]
    ask = session.protocol.predose_mmhg
    if ask is None:
        return
    given_us = session.dose_us
    newest = session.cuffs[-1] if session.cuffs else None
    before = [cuff for cuff in session.cuffs if given_us is None or cuff.at_us <= given_us]
    title, source = RULES["predose-pressure"].title, session.protocol.source
    if newest is None and given_us is not None:
        text = plain(session.where, title, "A dose was given and no cuff was taken before it: take one now.")
        state.say(row, "predose-pressure", Priority.LOW, here[0], given_us, here, text, {}, source)
    elif newest is not None and before and _asks(newest, ask) and _asks(before[-1], ask):
        told = f"{_mmhg(newest.sbp)}/{_mmhg(newest.dbp)} mmHg, above {number(ask[0])}/{number(ask[1])}"
        done = "wait and take it again before the dose" if given_us is None else "the dose was given all the same"
        evidence: dict[str, object] = {
            "sbp": _known(newest.sbp), "dbp": _known(newest.dbp), "limit": list(ask), "unit": "mmHg",
        }  # fmt: skip
        text = plain(session.where, title, f"{told}: {done}.")
        state.say(row, "predose-pressure", Priority.LOW, here[0], newest.at_us, here, text, evidence, source)
    else:
        text = f"{session.where}: {title} has its answer."
        state.say(row, "predose-pressure", None, here[0], here[0], here, text, {}, source)


def _asks(cuff: Cuff, ask: tuple[float, float]) -> bool:
    # NaN is above nothing: the part of a cuff that was not read asks nothing.
    return cuff.sbp > ask[0] or cuff.dbp > ask[1]


def _known(value: float) -> float | int | None:
    return None if isnan(value) else number(value)


def _mmhg(value: float) -> str:
    return "?" if isnan(value) else f"{number(value)}"
