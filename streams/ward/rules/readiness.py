"""Readiness of a session: its status judged by the criteria for discharge; and what is due in it next.

Both are for a board, made when it asks. When a session ends, or somebody enters that its patient has gone, before it was ready,
`observation-incomplete` says what was missing, and stays until a person has closed it.
Never here: the criteria (`models/session/readiness.py`).
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding
from models.instants import FAR, MINUTE, NEVER, iso
from models.session.readiness import PatientStatus, Readiness, judge_readiness
from models.session.reports import assess
from models.tables.card import DueWord
from models.tables.channels import CHANNEL_COLUMN
from models.tables.drugs import treatment_of
from models.tables.rules import INHIBITS, RULES, Priority
from models.tables.suicidality import PHQ_9, SUICIDALITY_INSTRUMENTS
from models.wire.live import NextOut
from streams.ward.association import Session
from streams.ward.sentences import rule_sentence, with_chair
from streams.ward.state import Here, WardState
from streams.ward.timers import peak_at_us

_SPO2: Final = CHANNEL_COLUMN["spo2"]
_BODY: Final = frozenset({"cardiovascular", "respiratory", "consciousness", "dissociation"})
_SCORED: Final = frozenset(
    {
        "sedation",
        "unresponsive",
        "dissociation",
        "severe-dissociation",
        "prolonged-dissociation",
        "pressure-rise",
        "pressure-forecast",
    }
)
"""Rules that a criterion covers already, in numbers; and a forecast, which nobody has to wait for."""
EXIT_WORDS: Final = frozenset({"left", "left-early", "left-against-advice", "discharged", "discharge"})
"""An intervention under one of these names says that the patient has gone, though nobody ended the session."""


def status_of(state: WardState, row: int, now_us: int) -> PatientStatus:
    """The status of a session at an instant of the shard's clock, for the criteria of discharge."""
    session, rows = state.association.sessions[row], state.rows
    newest = assess(session.reports, ()).newest
    spo2_us = int(rows.trusted_at[row, _SPO2])
    cuff = session.cuffs[-1] if session.cuffs else None
    standing = session.conditions.keys()
    said = _SCORED.union(*(INHIBITS.get(rule, ()) for rule in standing))
    title = {rule: RULES[rule].title for rule in standing - said if RULES[rule].category in _BODY}
    return PatientStatus(
        now_us, session.protocol, session.dose_us, session.phase(now_us) == "dosing", state.baseline(row),
        cuff and (cuff.at_us, cuff.sbp, cuff.dbp),
        None if spo2_us == NEVER else (spo2_us, float(rows.value[row, _SPO2])),
        newest.get("moaas"), newest.get("cadss"), newest.get("distress"), newest.get("symptoms"),
        tuple(title[rule] for rule in sorted(title, key=lambda rule: (-session.conditions[rule].priority, rule))),
        tuple(_unanswered(session)),
    )  # fmt: skip


def _unanswered(session: Session) -> list[str]:
    """What somebody still has to ask, in words."""
    asked = [report for report in session.reports if report.instrument in SUICIDALITY_INSTRUMENTS]
    if asked and asked[-1].instrument == PHQ_9 and asked[-1].note:
        return [f"C-SSRS: {asked[-1].note}"]
    return []


def readiness_of(state: WardState, row: int, now_us: int, dissociation_over_us: int | None = None) -> Readiness:
    """Whether the patient of a session may be discharged. `dissociation_over_us`: when it is estimated to be over, if it is."""
    session = state.association.sessions[row]
    treatment = treatment_of(session.drug, session.route)
    gone_min = treatment.gone_min if treatment is not None and treatment.gone_min else 100
    return judge_readiness(status_of(state, row, now_us), dissociation_over_us, gone_min)


def due_next(state: WardState, row: int, now_us: int) -> list[NextOut]:
    """What is due in a session, the soonest first; what is overdue has the instant at which it fell due."""
    session = state.association.sessions[row]
    due: list[tuple[int, DueWord]] = []
    overdue = session.conditions.get("vitals-overdue")
    asked_us = FAR if session.cuff_asked_us is None else session.cuff_asked_us
    recheck_us = session.cuff_rules.recheck_us()
    cuff_us = min(int(state.rows.cuff_due[row]), asked_us, FAR if overdue is None else overdue.onset_us)
    if recheck_us is not None and recheck_us <= cuff_us:
        due.append((recheck_us, "recheck"))
    elif cuff_us < FAR:
        due.append((cuff_us, "cuff"))
    peak_us = peak_at_us(session)
    if session.peak_due_us is not None and peak_us is not None:
        due.append((peak_us, "pressure-at-the-peak"))
    unasked = session.conditions.get("checkin-overdue")
    if session.checkin_due_us is not None or unasked is not None:
        next_us = FAR if session.checkin_due_us is None else session.checkin_due_us
        due.append((min(next_us, FAR if unasked is None else unasked.onset_us), "check-in"))
    if session.dose_us is not None and session.protocol.observe_min:
        until_us = session.dose_us + round(session.protocol.observe_min * MINUTE)
        if until_us > now_us:
            due.append((until_us, "observation"))
    return [{"what": what, "due_at": iso(at_us)} for at_us, what in sorted(due)]


def check_early_exit(state: WardState, row: int, at_us: int, here: Here) -> None:
    """Add `observation-incomplete` if the patient of a session goes before they are ready, with what was missing.

    Medium if something was measured that speaks against it, or the time was not up; low if something was only not looked at.
    """
    session = state.association.sessions[row]
    if session.dose_us is None or not session.protocol.until_resolved:
        return
    found = readiness_of(state, row, here[0])
    if found.ready:
        return
    priority = Priority.MEDIUM if any(reason.measured for reason in found.reasons) else Priority.LOW
    rule = "observation-incomplete"
    text = rule_sentence(session.where, RULES[rule].title, f"{'; '.join(found.words)}.")
    at_us = min(at_us, here[0])
    evidence = with_chair({"missing": found.words, "minute": round((at_us - session.dose_us) / MINUTE)}, session.chair)
    # No condition of the session, which is over: only a person closes it.
    state.emit(
        Finding("began", session.subject, rule, priority, at_us, at_us, here[0], text, evidence, session.protocol.source), here
    )  # fmt: skip
