"""The ward's use of the estimators: a session's doses, check-ins and cuffs in; dissociation, pressure and a person's past out.

Everything here is worked out anew from the session's own lists, so it is the same in whatever order they were filled; between
sessions only a few numbers are kept of each person (`Past`). Estimates are asked for by a board, a cuff and the end of a session,
never by a sample; a board's are cached until an entry changes or half a minute has passed.
They give context, and may ask for a look or a cuff at *low*. They begin, end and lower no measured alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan
from typing import Final, cast

from models.instants import MINUTE, SECOND, iso, to_datetime
from models.session.dissociation import (
    REPORT_KINDS,
    DissociationBelief,
    DissociationReport,
    ReportKind,
)
from models.session.pharmacokinetics import Body, DoseEvent, effective_mg, plasma
from models.session.pressure import PressureForecast, PressureReading, PressureRisk, forecast_pressure
from models.wire.live import DissociationOut, EstimatesOut, PressureForecastOut
from streams.ward.association import Session
from streams.ward.pasts import Past
from streams.ward.sentences import number
from streams.ward.state import WardState

ANEW_AFTER: Final = 30 * SECOND
"""A board's estimates move on in steps of this: what they estimate takes minutes. Chosen by us."""
DOSES_KEPT: Final = 12
REPORTS_KEPT: Final = 40
"""The newest that count. More than any treatment has; a bound for a sender that has gone wrong. Chosen by us."""
ANSWERED_WITHIN: Final = 15 * MINUTE
"""An answer later than this is one to another question. Chosen by us."""


def estimates(state: WardState, row: int, now_us: int) -> EstimatesOut:
    """A board's estimates of a session: `expected`, `dissociation`, `pressure_forecast`, each None before a dose."""
    session = state.association.sessions[row]
    # Each row at a second of its own, so that a full house is not reckoned anew all at once.
    now_us -= (now_us - row * SECOND) % ANEW_AFTER
    past = state.pasts.of(session.site, session.patient, state.clock_us)
    person = state.people.of(session.site, session.patient)
    silent = "checkin-overdue" in session.conditions
    made_from = (
        session.name, session.patient, now_us, tuple(session.doses), tuple(session.reports), tuple(session.cuffs), past, person,
        silent,
    )  # fmt: skip
    estimated = state.estimate_cache.get(row, made_from)
    if estimated is None:
        estimated = {
            "expected": session.usual_at(now_us),
            "dissociation": _dissociation(state, row, now_us),
            "pressure_forecast": _pressure(state, row, now_us),
        }
        state.estimate_cache.put(row, made_from, estimated)
    return estimated


def belief_of(state: WardState, row: int, without_last: bool = False) -> tuple[DissociationBelief, int] | None:
    """The posterior of a session's dissociation, and the instant that its minutes count from; None before a dose.

    Args:
        without_last: as it was before the newest report.
    """
    session = state.association.sessions[row]
    if not session.doses:
        return None
    zero_us = session.doses[0].at_us
    reports = dissociation_reports(session, zero_us)
    if without_last:
        newest = max((report.at_min for report in reports), default=0.0)
        reports = [report for report in reports if report.at_min < newest]
    prior = state.pasts.of(session.site, session.patient, state.clock_us).prior(zero_us)
    return DissociationBelief(dose_events(state, session, zero_us), reports, prior, _body(state, session)), zero_us


def surprise_of(state: WardState, row: int) -> float | None:
    """How many standard deviations the newest check-in is above what was expected then; None before a dose or a report."""
    session, before = state.association.sessions[row], belief_of(state, row, without_last=True)
    if before is None:
        return None
    reports = dissociation_reports(session, session.doses[0].at_us)
    found = before[0].surprise(max(reports, key=lambda report: report.at_min)) if reports else None
    return None if found is None else number(found)


def update_past(state: WardState, row: int, clock_us: int) -> None:
    """Update the past of a session's patient by the session, which is over."""
    session = state.association.sessions[row]
    found = belief_of(state, row)
    if found is None:
        return
    prior, past = found[0].next_prior(), state.pasts.of(session.site, session.patient, state.clock_us)
    rise, rises = past.rise, past.rises
    base, _ = state.baseline(row)
    systolic = [cuff.sbp for cuff in session.cuffs if cuff.at_us > session.doses[0].at_us and not isnan(cuff.sbp)]
    if base is not None and systolic:
        rises += 1
        rise += (max(systolic) - base - rise) / rises
    kept = Past(prior.mean, prior.variance, prior.sessions, clock_us, rise, rises)
    state.pasts.put(session.site, session.patient, kept)


def pressure_ahead(state: WardState, row: int, now_us: int) -> PressureForecast | None:
    """The forecast of a session's next cuffs at an instant; None before a dose, without a cuff, and long after them."""
    session = state.association.sessions[row]
    if not session.doses:
        return None
    zero_us = session.doses[0].at_us
    cuffs = [
        PressureReading((cuff.at_us - zero_us) / MINUTE, cuff.sbp, cuff.dbp)
        for cuff in sorted(session.cuffs, key=lambda cuff: cuff.at_us)
        if not cuff.doubted
    ]
    past, person = (
        state.pasts.of(session.site, session.patient, state.clock_us),
        state.people.of(session.site, session.patient),
    )
    age = None if person.birth_year is None else float(to_datetime(zero_us).year - person.birth_year)
    who = PressureRisk(age, "hypertension" in person.conditions, past.rise, past.rises)
    doses = dose_events(state, session, zero_us)
    return forecast_pressure(cuffs, doses, (now_us - zero_us) / MINUTE, who, _body(state, session))


def dose_events(state: WardState, session: Session, zero_us: int) -> list[DoseEvent]:
    """A session's doses for the drug models, in minutes from an instant. A missing amount is the planned or usual one."""
    weight_kg = state.people.of(session.site, session.patient).weight_kg
    found = []
    for dose in session.doses[-DOSES_KEPT:]:
        drug, route = (dose.drug or session.drug or "").lower(), dose.route or session.route
        planned_mg = session.planned_mg if len(session.doses) == 1 else None
        mg = effective_mg(drug, route, planned_mg if dose.amount_mg is None else dose.amount_mg, weight_kg)
        at_min = (dose.at_us - zero_us) / MINUTE
        length_min = (replace(dose, stopped_us=None).ends_us(session.planned_minutes) - dose.at_us) / MINUTE
        given = DoseEvent(drug, route, at_min, mg, length_min)
        if dose.stopped_us is not None:
            given = given.stopped((dose.stopped_us - zero_us) / MINUTE, dose.given_mg)
        found.append(given)
    return found


def dissociation_reports(session: Session, zero_us: int) -> list[DissociationReport]:
    """A session's check-ins for the dissociation estimate, in minutes from an instant."""
    kinds: Sequence[str] = REPORT_KINDS
    found = []
    for report in session.reports[-REPORTS_KEPT:]:
        at_min = (report.at_us - zero_us) / MINUTE
        if report.instrument in kinds:
            found.append(DissociationReport(at_min, cast(ReportKind, report.instrument), report.score))
        # An observer's score is given at once; how long a patient takes to answer is information.
        asked_us = None if report.instrument == "moaas" else report.prompted_us
        if asked_us is not None and 0 <= report.at_us - asked_us <= ANSWERED_WITHIN:
            found.append(DissociationReport(at_min, "answered", (report.at_us - asked_us) / SECOND))
    return found


def _body(state: WardState, session: Session) -> Body:
    weight_kg = state.people.of(session.site, session.patient).weight_kg
    return Body() if weight_kg is None else Body(weight_kg)


def _dissociation(state: WardState, row: int, now_us: int) -> DissociationOut | None:
    found = belief_of(state, row)
    if found is None:
        return None
    session = state.association.sessions[row]
    belief, zero_us = found
    now_min = (now_us - zero_us) / MINUTE
    estimate = belief.at(now_min, silent="checkin-overdue" in session.conditions)
    over_min = belief.resolves_min(now_min)
    surprise = surprise_of(state, row)
    concentration = plasma(dose_events(state, session, zero_us), now_min, _body(state, session))
    return {
        "level": number(estimate.level),
        "low": number(estimate.low),
        "high": number(estimate.high),
        "resolves_at": None if over_min is None else iso(zero_us + round(over_min) * MINUTE),
        "surprise": surprise,
        "concentration_ng_ml": number(float(concentration)),
    }


def _pressure(state: WardState, row: int, now_us: int) -> PressureForecastOut | None:
    found = pressure_ahead(state, row, now_us)
    return None if found is None else {"10min": round(found.within_10, 3), "20min": round(found.within_20, 3)}
