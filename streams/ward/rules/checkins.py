"""Check-ins in; findings on consciousness and dissociation (of a session's scores) and on suicidal thoughts (of anybody's) out.

An answer about suicide is a person's, in a session or at home, by day or night: its alert is theirs and no session's, so
that no end of a session and no negative answer closes it; only somebody who has talked to them does.
Never here: time that passes (`timers.py`), what an instrument's items add up to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from models.findings import Finding, Subject
from models.instants import MINUTE, NEVER, SECOND, to_us
from models.session.reports import Assessment, Report, add_report, assess, in_force
from models.tables.instruments import INSTRUMENTS, meaning
from models.tables.limits import LABELS, UNITS, Limit
from models.tables.rules import RULES, Priority
from models.tables.suicidality import UNREAD_SOURCE, Risk, asks_about_suicide, hidden_in
from models.tables.symptoms import alarming
from models.wire.observations import CheckIn, SetAside
from streams.ward.conclusions import Conclusion, depth_of, over
from streams.ward.cuffs import symptom_reported
from streams.ward.estimates import surprise_of
from streams.ward.rules.registry import judge_after
from streams.ward.sentences import number, rule_sentence, with_chair
from streams.ward.state import REPEAT_WINDOW, Here, WardState
from streams.ward.timers import answer_checkin, scores_corrected

OBSERVED_BY: Final = frozenset({"moaas", "cadss", "cadss-6"})
"""The instruments of a round of observation."""
ANSWERED_ALONE: Final = "patient-tablet"
"""The `source` of what a patient answers at the chair with nobody beside them."""
_RULES: Final = ("unresponsive", "sedation", "severe-dissociation", "dissociation")
_SURPRISING: Final = frozenset({"severe-dissociation", "dissociation"})
"""Rules on a score that the estimate has an expectation of."""
_PAST: Final = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}
GRAVE_SOURCE: Final = "severe dissociation with distress (Distress Thermometer's cut of 4: Roth 1998) or MOAA/S <=1"


def report_of(record: CheckIn, at_us: int, score: float | None, note: str) -> Report | None:
    """The report of a check-in, `note` being what its score does not say; None where it has no score."""
    if record.instrument == "symptoms":
        words = alarming(record.items, record.score)
        return Report(at_us, "symptoms", len(words), record.id, ", ".join(words))
    if score is None:
        return None
    prompted_us = None if record.prompted_at is None else to_us(record.prompted_at)
    return Report(at_us, record.instrument, score, record.id, note, prompted_us)


def fold_report(
    state: WardState, row: int, report: Report | None, at_us: int, replaces: str | None, here: Here, *, alone: bool = False
) -> None:  # fmt: skip
    """Add a report to a session, correct one or (None) take one back, and file what all its reports now amount to.

    alone: the patient gave it to a tablet with nobody beside them, so it is no round of observation.
    """
    session = state.association.sessions[row]
    session.reports = add_report(session.reports, report, replaces)
    if report is None or report.instrument == "symptoms" or replaces is not None:
        symptoms = [one for one in session.reports if one.instrument == "symptoms"]
        session.symptoms_us = symptoms[-1].at_us if symptoms and symptoms[-1].score else None
        if session.symptoms_us is not None:
            symptom_reported(state, row, at_us, here)
    assessment = assess(session.reports, state.score_limits_of(row))
    for rule in _RULES:
        _file(state, row, rule, assessment, at_us, here, corrected=replaces is not None)
    state.rows.sedated[row] = not session.conditions.keys().isdisjoint({"sedation", "unresponsive"})
    if replaces is not None:
        scores_corrected(state, row, here)
    elif report is not None and report.instrument in OBSERVED_BY and not alone:
        answer_checkin(state, row, here)
    judge_after("check-in", state, row, at_us, here)


def _file(
    state: WardState, row: int, rule: str, assessment: Assessment, at_us: int, here: Here, *, corrected: bool
) -> None:
    """File what the assessment makes of one rule; with it, where it is news, how far the score is from what was expected.

    corrected: a wrong score was taken out, so what it has told is nothing to be deeper than.
    """
    session, limits = state.association.sessions[row], state.score_limits_of(row)
    if rule not in session.conditions and not in_force(assessment, rule):
        # As after nearly every score: over, and was so before.
        return
    minute = None if session.dose_us is None else (at_us - session.dose_us) / MINUTE
    found = judge_score(session.where, rule, assessment, limits, at_us, here[0], minute)
    before = session.conditions.get(rule)
    if found is None:
        newest = [
            assessment.newest[limit.channel]
            for limit in limits
            if limit.rule == rule and limit.channel in assessment.newest
        ]
        reading = f" {_reading(newest[0])}." if newest else ""
        why = ": an entry was corrected" if corrected else ""
        found = over(rule, at_us, f"{session.where}: {RULES[rule].title} is over{why}.{reading}")
    elif (
        (before is None or before.priority != found.priority)
        and found.priority is not Priority.INFO
        and rule in _SURPRISING
        and assessment.newest["cadss"].at_us == at_us
        and (surprise := surprise_of(state, row)) is not None
    ):
        found = replace(found, evidence={**found.evidence, "surprise_sd": surprise})
    state.file(session, found, here)
    if corrected and rule in session.conditions:
        session.conditions[rule].told = found.depth


def file_score_outside(state: WardState, record: CheckIn, report: Report, here: Here) -> None:
    """Add findings for a score of somebody who has no open session: a nurse who scores MOAA/S 1 in the corridor means now.

    Nothing shows when that is over, so only a person closes it. Milder than medium it is a note; and what was scored before
    their session ended, and comes late, was of that session.
    """
    until_us, noted_us = state.association.cutoffs.get((record.site, "patient", record.patient), (NEVER, NEVER))
    old = report.at_us <= until_us and here[0] - noted_us < REPEAT_WINDOW
    if old or report.instrument not in OBSERVED_BY:
        return
    limits = state.limits.on_scores[state.limits.set_of(record.site, record.patient)]
    assessment, subject = assess([report], limits), Subject(record.site, record.patient, None)
    for rule in _RULES:
        found = judge_score(record.patient, rule, assessment, limits, report.at_us, here[0], None)
        if found is not None and found.priority is not None and found.priority >= Priority.MEDIUM:
            finding = Finding(
                "began", subject, rule, found.priority, report.at_us, report.at_us, here[0], found.text, found.evidence, found.source,
            )  # fmt: skip
            state.emit(finding, here)


def judge_score(
    where: str,
    rule: str,
    assessment: Assessment,
    limits: Sequence[Limit],
    at_us: int,
    clock_us: int,
    minute: float | None,
) -> Conclusion | None:
    """The conclusion of a rule on scores; None where no limit of it is in force.

    Args:
        where: the place as sentences name it. limits: the table in force. at_us: of the report that came.
        minute: of the protocol then, None before a dose.
    """
    if not in_force(assessment, rule):
        return None
    forced = [limit for limit in limits if limit.rule == rule and limit.key in assessment.on]
    worst = max(forced, key=lambda limit: limit.priority)
    priority, onset_us, source = worst.priority, assessment.on[worst.key], worst.source
    newest = assessment.newest[worst.channel]
    detail = f"{_reading(newest)}, {_PAST[worst.past]} {number(worst.enter)}."
    if rule == "severe-dissociation" and assessment.grave_us is not None:
        priority, onset_us, source = Priority.HIGH, assessment.grave_us, GRAVE_SOURCE
        detail = f"{detail} {_beside(assessment)}"
    text = rule_sentence(where, RULES[rule].title, detail)
    evidence, depth = score_evidence(assessment, worst, clock_us, minute), depth_of(worst, newest.scale[1])
    return Conclusion(rule, priority, at_us, onset_us, text, evidence, source, depth)


def _reading(report: Report) -> str:
    """``MOAA/S 1, responds to pain only`` or ``CADSS-6 12, like CADSS 46``."""
    column, value = report.scale
    shown = f"{INSTRUMENTS[report.instrument].title} {number(report.score)}"
    return (
        f"{shown}, like CADSS {value:.0f}" if report.instrument == "cadss-6" else f"{shown}, {meaning(column, value)}"
    )


def _beside(assessment: Assessment) -> str:
    """Co-occurring findings that raise it to HIGH, as a sentence."""
    found = []
    if assessment.distressed:
        found.append(f"distress {number(assessment.newest['distress'].score)} of 10")
    if in_force(assessment, "unresponsive"):
        found.append(f"MOAA/S {number(assessment.newest['moaas'].score)}")
    return f"With {' and '.join(found)}."


def score_evidence(assessment: Assessment, limit: Limit, clock_us: int, minute: float | None) -> dict[str, object]:
    """The evidence of a finding on a score: score, limit, unit, age in seconds, instrument, and the trend if there is one."""
    report, before = assessment.newest[limit.channel], assessment.before.get(limit.channel)
    evidence: dict[str, object] = {
        "channel": limit.channel, "label": LABELS[limit.channel], "value": number(report.scale[1]), "limit": limit.enter,
        "past": limit.past, "unit": UNITS[limit.channel], "instrument": report.instrument, "score": number(report.score),
        "data_age_s": number((clock_us - report.at_us) / SECOND),
    }  # fmt: skip
    if before is not None:
        evidence["trend"] = {"from": number(before.scale[1]), "over_s": number((report.at_us - before.at_us) / SECOND)}
    return evidence if minute is None else {**evidence, "minute": number(minute)}


def file_risk(
    state: WardState, record: CheckIn, risk: Risk | None, at_us: int, row: int | None, here: Here
) -> None:  # fmt: skip
    """Add a finding for a positive answer about suicidal thoughts; a negative one adds none and ends none."""
    if risk is None:
        return
    session = None if row is None else state.association.sessions[row]
    chair = None if session is None else session.chair
    subject = Subject(record.site, record.patient, None, chair)
    where = record.patient if session is None else session.where
    do = "Talk to them now; do not leave them alone." if risk.priority is Priority.HIGH else "Talk to them today."
    text = rule_sentence(where, RULES["suicidal-ideation"].title, f"{risk.words}. {do}")
    evidence = with_chair({"instrument": record.instrument, "value": risk.value, "answer": risk.words}, chair)
    at_us = min(at_us, here[0])
    finding = Finding("began", subject, "suicidal-ideation", risk.priority, at_us, at_us, here[0], text, evidence, risk.source)  # fmt: skip
    state.emit(finding, here)


def alert_unread_form(state: WardState, record: CheckIn, at_us: int, row: int | None, here: Here) -> bool:
    """Say that a form may hold an answer about suicide that was not understood, and whether it may; silent where it cannot."""
    why = hidden_in(record.instrument, record.items)
    if why is None:
        return False
    session = None if row is None else state.association.sessions[row]
    chair = None if session is None else session.chair
    where = record.patient if session is None else session.where
    title = INSTRUMENTS[record.instrument].title if record.instrument in INSTRUMENTS else "Symptoms"
    _say_unread(
        state, Subject(record.site, record.patient, None, chair), where, title, f"{why}.", min(at_us, here[0]), here
    )
    return True


def alert_unread_line(state: WardState, record: SetAside, here: Here) -> bool:
    """Say that a line that was set aside whole is a form that may hold an answer about suicide; whether it is.

    Where the line does not say whose it is, it is nobody's alert but the clinic's.
    """
    if record.form is None or not asks_about_suicide(record.form, record.line):
        return False
    whose = record.patient or "-"
    field = f"{record.field}: " if record.field else ""
    subject = Subject(record.site, whose, None)
    where = record.patient or "A patient who is not named"
    _say_unread(state, subject, where, record.form or "A form", f"{field}{record.reason}.", here[0], here)
    return True


def _say_unread(
    state: WardState, subject: Subject, where: str, form: str, why: str, at_us: int, here: Here
) -> None:  # fmt: skip
    rule = "answers-unread"
    do = "It may hold an answer about suicide: read the form, or ask them today."
    text = rule_sentence(where, RULES[rule].title, f"{form}: {why} {do}")
    evidence = with_chair({"instrument": form, "answer": why}, subject.chair)
    state.emit(
        Finding("began", subject, rule, Priority.MEDIUM, at_us, at_us, here[0], text, evidence, UNREAD_SOURCE), here
    )  # fmt: skip
