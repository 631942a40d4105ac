"""`dose-check`: a dose that nobody may have meant. It is more than usual at most, or than twice the plan, or a second whole one
within minutes.

It is asked after each dose, correction and stop, and over once what it was about was corrected. The dose is counted as stated all
the while. Bad at: a clinic that gives more than the table's most by intent; it acknowledges. Never here: the limits
(`models/tables/dose_limits.py`).
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.instants import MINUTE
from models.tables.dose_limits import ROUNDED, TOO_MANY_TIMES, WHOLE_DOSE, DoseLimit, dose_limit
from models.tables.drugs import WEIGHT_KG, usual_mg
from models.tables.rules import RULES, Priority
from models.wire.observations import Dose
from streams.ward.association import Session
from streams.ward.conclusions import Conclusion, over
from streams.ward.doses import last_course, total_mg
from streams.ward.sentences import number, rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "dose-check"
_DO: Final = "Check it, and correct the entry if it is wrong."


def judge_dose(state: WardState, row: int, at_us: int, here: Here) -> Conclusion | None:
    """The conclusion on the last course of a session's doses; None before there is one."""
    session = state.association.sessions[row]
    course = last_course(session.doses)
    if not course:
        return None
    given_mg, last = total_mg(course), course[-1]
    weight_kg = state.people.of(session.site, session.patient).weight_kg
    limit = dose_limit(last.drug, last.route)
    found: list[str] = []
    priority: Priority | None = None
    if given_mg is not None and limit is not None:
        found, priority = _too_much(given_mg, limit, weight_kg)
    planned_mg = session.planned_mg
    if given_mg is not None and planned_mg and given_mg > TOO_MANY_TIMES * planned_mg:
        found.append(f"{number(given_mg / planned_mg)} times the {number(planned_mg)} mg that were planned")
    found += _again(session, weight_kg)
    title = RULES[_RULE].title
    if not found:
        return over(_RULE, here[0], f"{session.where}: {title} is over: the doses as they are entered now ask nothing.")
    evidence: dict[str, object] = {
        "value": None if given_mg is None else number(given_mg), "unit": "mg", "drug": last.drug, "route": last.route,
        "weight_kg": weight_kg, "planned_mg": planned_mg,
    }  # fmt: skip
    if limit is not None:
        evidence["limit"] = number(limit.most_mg(weight_kg))
    text = rule_sentence(session.where, title, f"{_named(given_mg, last.drug)}: {'; '.join(found)}. {_DO}")
    source = limit.source if limit is not None else "twice the plan, or a second dose within minutes; chosen by us"
    return Conclusion(_RULE, priority or Priority.MEDIUM, last.at_us, last.at_us, text, evidence, source)


def check_outside(state: WardState, record: Dose, at_us: int, here: Here) -> None:
    """Add a finding for a dose outside any session that is more than usual at most; only a person closes it."""
    limit = dose_limit(record.drug, record.route)
    if limit is None or record.amount_mg is None:
        return
    weight_kg = state.people.of(record.site, record.patient).weight_kg
    found, priority = _too_much(record.amount_mg, limit, weight_kg)
    if priority is None:
        return
    at_us = min(at_us, here[0])
    text = rule_sentence(
        record.patient, RULES[_RULE].title, f"{_named(record.amount_mg, record.drug)}: {found[0]}. {_DO}"
    )
    evidence: dict[str, object] = {
        "value": number(record.amount_mg), "unit": "mg", "limit": number(limit.most_mg(weight_kg)), "drug": record.drug,
        "route": record.route, "weight_kg": weight_kg,
    }  # fmt: skip
    subject = Subject(record.site, record.patient, None)
    state.emit(Finding("began", subject, _RULE, priority, at_us, at_us, here[0], text, evidence, limit.source), here)


def _too_much(given_mg: float, limit: DoseLimit, weight_kg: float | None) -> tuple[list[str], Priority | None]:
    """In words, that an amount is more than is usual at most, and how bad that is; nothing if it is not."""
    most_mg = limit.most_mg(weight_kg)
    if given_mg <= most_mg * ROUNDED:
        return [], None
    words = f"usual is {number(limit.most)} mg at most"
    if limit.per_kg:
        kg = weight_kg or WEIGHT_KG
        reckoned = "" if weight_kg else f" at {number(kg)} kg, as no weight is registered"
        words = f"{round(given_mg / kg, 2):g} mg/kg{reckoned}, usual is {number(limit.most)} mg/kg at most"
    return [words], Priority.HIGH if given_mg > TOO_MANY_TIMES * most_mg else Priority.MEDIUM


def _again(session: Session, weight_kg: float | None) -> list[str]:
    """In words, that the last dose of a course came after a whole one within minutes; nothing if it did not."""
    *before, last = last_course(session.doses)
    had_mg = total_mg(before)
    whole_mg = session.planned_mg or usual_mg(last.drug, last.route, weight_kg)
    if not before or had_mg is None or not whole_mg or had_mg < WHOLE_DOSE * whole_mg:
        return []
    return [f"a second dose {number(round((last.at_us - before[-1].at_us) / MINUTE))} min after {number(had_mg)} mg"]


def _named(given_mg: float | None, drug: str | None) -> str:
    amount = "an amount that was not said" if given_mg is None else f"{number(given_mg)} mg"
    return f"{amount} of {drug or 'a drug that was not said'}"
