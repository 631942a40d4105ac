"""Forecasting jobs: patients' entries in, forecasts or the data of one patient's page out. Pure; run by `worker.py`.

A job is plain data, so that it can be done in another process, or on another machine. Patients are independent: one whose
entries cannot be read fails alone, with its reason.
Cost: a page about 50 ms; a forecast 2 ms from the patient's cache (`cache.py`), else as in `models/relapse/forecaster.py`, from
the first dose on: the same forecast. Never here: a clock, the store, when a forecast is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Final

from models.arrays import Document
from models.calendar import iso_day
from models.instants import iso, to_us
from models.relapse.curve import FAN, curve
from models.relapse.document import forecast_document
from models.relapse.facts import Fact, fact_of
from models.relapse.forecaster import Forecasts
from models.relapse.history import Course, PatientHistory
from models.relapse.pool import PoolModel, pooled
from models.relapse.recalibration import recalibrated, recalibration_from
from models.relapse.stored import carry_on
from models.tables.drugs import usual_doses
from models.tables.severity import SCALES
from models.wire.home import CourseOut, CourseScoreOut, DoseOut, FanOut
from models.wire.live import ForecastToKeep
from models.wire.observations import OBSERVATION, CheckIn, Dose, Event, Intervention, PatientRegistered, Vitals
from streams.forecasts.cache import CachedPatient, CacheRefused, pack_cache, unpack_cache
from streams.ward.home.rules import in_course


@dataclass(frozen=True, slots=True)
class ForecastRequest:
    """One forecast to make: of this patient, as of the end of day `as_of`, from the entries received before `until_us`."""

    site: str
    patient: str
    as_of: int
    until_us: int
    recalibration: Document | None = None
    """The correction that the site has in force."""


@dataclass(frozen=True, slots=True)
class PatientInput:
    """What a forecast is made from.

    entries: all of the patient's, in order of arrival, `received_at` being when the clinic had them; None: the cache has read
    them all. cached: the bytes of `cache.py`; None: there are none.
    """

    entries: Sequence[Document] | None
    cached: bytes | None = None


@dataclass(frozen=True, slots=True)
class ForecastOutcome:
    """A forecast document, or None and why not; the patient's new cache, and how many entries it was read from."""

    request: ForecastRequest
    forecast: ForecastToKeep | None
    why_not: str = ""
    cached: bytes | None = None
    entries_read: int = 0


def make_forecasts(
    wanted: Sequence[tuple[ForecastRequest, PatientInput]], model: PoolModel | None
) -> list[ForecastOutcome]:
    """Forecasts of patients, all at once, in the order of the requests; the same with cached states as without.

    Args:
        model: the trained pool (`shipped.py`); None: the filter alone.
    """
    outcomes: dict[int, ForecastOutcome] = {}
    courses: list[tuple[int, Course, CachedPatient]] = []
    for place, (request, given) in enumerate(wanted):
        try:
            patient = _patient_facts(request, given)
            course = PatientHistory(request.patient, patient.facts).course(request.as_of)
        except ValueError as wrong:
            outcomes[place] = ForecastOutcome(request, None, f"{type(wrong).__name__}: {wrong}")
            continue
        if course is None:
            outcomes[place] = ForecastOutcome(request, None, "nothing was known by then")
        else:
            courses.append((place, course, patient))
    if courses:
        whole = [course for _, course, _ in courses]
        found, states = carry_on(whole, [patient.particles for _, _, patient in courses])
        pooled_forecasts, name = pooled(whole, found, model)
        for row, (place, course, patient) in enumerate(courses):
            request = wanted[place][0]
            corrected, model_name, notes = _corrected(pooled_forecasts, row, name, request.recalibration)
            made = forecast_document(course, corrected, row, model=model_name, with_cdf=True)
            made["reasons"] = [*made["reasons"], *notes]
            document: ForecastToKeep = {
                **made, "known": course_hash(course), "entries": _received_before(patient, request.until_us),
            }  # fmt: skip
            cached = pack_cache(request.site, request.patient, replace(patient, particles=states[row]))
            outcomes[place] = ForecastOutcome(request, document, cached=cached, entries_read=patient.entries)
    return [outcomes[place] for place in range(len(wanted))]


def _patient_facts(request: ForecastRequest, given: PatientInput) -> CachedPatient:
    """The patient's facts: parsed from the entries where these are given, else from the cache.

    Raises:
        CacheRefused: no entries are given, and the cache cannot be trusted. ValueError: an entry cannot be read.
    """
    before = None
    if given.cached is not None:
        try:
            before = unpack_cache(request.site, request.patient, given.cached)
        except CacheRefused:
            if given.entries is None:
                raise
    if given.entries is None:
        if before is None:
            raise CacheRefused("there is neither an entry nor a cache")
        return before
    records = records_of(given.entries)
    found = [(record, fact_of(record)) for record in records]
    return CachedPatient(
        len(records),
        tuple(fact for _, fact in found if fact is not None),
        tuple(record.received_at or record.at for record, fact in found if fact is None),
        None if before is None else before.particles,
    )


def _received_before(patient: CachedPatient, until_us: int) -> int:
    """How many of the patient's entries were received before an instant."""
    received = (*(fact.received for fact in patient.facts), *patient.other_received)
    return sum(1 for each in received if to_us(each) < until_us)


def _corrected(best: Forecasts, row: int, name: str, policy: Document | None) -> tuple[Forecasts, str, list[str]]:
    """The forecasts with row `row` corrected by the site's policy, the model's name for it, and notes for its reasons."""
    if policy is None:
        return best, name, []
    correction = recalibration_from(policy)
    if correction.model != name:
        note = f"The clinic's correction {correction.version} is left out: it was fitted for {correction.model}, not {name}."
        return best, name, [note]
    cdf = best.cdf.copy()
    cdf[row] = recalibrated(cdf[row], correction)
    return replace(best, cdf=cdf), f"{name} + {correction.version}", []


def course_hash(course: Course) -> str:
    """The hex digest of a course's values: courses of one digest get the same forecast. No name in the code enters it."""
    values = [getattr(course, each.name) for each in fields(course)]
    plain = [[tuple(entry) for entry in value] if isinstance(value, tuple) else value for value in values]
    return blake2b(repr(plain).encode(), digest_size=8).hexdigest()


def course_page(patient: str, entries: Sequence[Document], as_of: int, every_days: int) -> CourseOut:
    """The data of one patient's page: scores and doses on one scale, severity by day, and its quantiles in the days to come.

    Args:
        entries: as of `PatientInput`. as_of: the patient's day today. every_days: between two expected answers.
    """
    records = records_of(entries)
    history = PatientHistory(patient, _facts(records))
    course = history.course(as_of)
    uncorrected = _without_corrected(records)
    weight = next(
        (r.weight_kg for r in reversed(uncorrected) if isinstance(r, PatientRegistered) and r.weight_kg), None
    )
    shown: CourseOut = {
        "timezone": next((r.timezone for r in reversed(uncorrected) if isinstance(r, PatientRegistered) and r.timezone), None),
        "tau": None if course is None else round(course.tau, 2),
        "scores": [_score(r, history) for r in uncorrected if isinstance(r, CheckIn)],
        "doses": [_dose(r, history, weight) for r in uncorrected if isinstance(r, Dose)],
        "events": [
            {"at": iso(to_us(r.at)), "what": r.what, "detail": r.detail} for r in uncorrected if isinstance(r, Intervention)
        ],
        "silent": [] if course is None else _silent(uncorrected, history, course, every_days),
        "severity": [], "fan": [], "why_not": None,
    }  # fmt: skip
    if course is None or course.start is None:
        return {**shown, "why_not": "no dose is known yet, so nothing wears off"}
    drawn = curve(course)
    shown["severity"] = [
        {"day": iso_day(day), "mean": round(mean, 2), "low": round(low, 2), "high": round(high, 2)}
        for day, (mean, low, high) in zip(drawn.days.tolist(), drawn.past.tolist(), strict=True)
    ]
    shown["fan"] = [_fan(as_of + ahead, row) for ahead, row in enumerate(drawn.ahead.tolist())]
    return shown


def _fan(day: int, quantiles: Sequence[float]) -> FanOut:
    """Severity on a day to come. quantiles: at the levels of `curve.FAN`."""
    named = dict(
        zip((f"p{round(level * 100)}" for level in FAN), (round(value, 2) for value in quantiles), strict=True)
    )
    return {
        "day": iso_day(day), "p10": named["p10"], "p25": named["p25"], "p50": named["p50"], "p75": named["p75"],
        "p90": named["p90"],
    }  # fmt: skip


def records_of(entries: Sequence[Document]) -> list[Vitals | Event]:
    """The entries that are part of a course, parsed."""
    read = (OBSERVATION.validate_python(_aware(entry), strict=False) for entry in entries)
    return [record for record in read if not isinstance(record, Vitals) and in_course(record)]


def _aware(entry: Document) -> Document:
    return {name: value for name, value in entry.items() if value is not None}


def _facts(records: Sequence[Vitals | Event]) -> list[Fact]:
    return [fact for fact in map(fact_of, records) if fact is not None]


def _without_corrected(records: Sequence[Vitals | Event]) -> list[Vitals | Event]:
    """The records by time, without those that a later one replaces."""
    replaced = {record.replaces for record in records if record.replaces}
    valid = [record for record in records if record.id is None or record.id not in replaced]
    return sorted(valid, key=lambda record: (record.at, record.kind, record.id or ""))


def _score(record: CheckIn, history: PatientHistory) -> CourseScoreOut:
    fact = fact_of(record)
    score = 0.0 if fact is None or fact.value is None else fact.value
    scale = SCALES.get(record.instrument)
    # Mood is a person's own scale: it has no place on another.
    severity = None if scale is None or scale.reading == "mood" else round(scale.phq9(score), 2)
    return {
        "at": iso(to_us(record.at)), "day": iso_day(history.day_of(record.at)), "instrument": record.instrument,
        "score": score, "severity": severity, "by": record.by or record.respondent,
    }  # fmt: skip


def _dose(record: Dose, history: PatientHistory, weight_kg: float | None) -> DoseOut:
    return {
        "at": iso(to_us(record.at)), "day": iso_day(history.day_of(record.at)), "drug": record.drug,
        "route": record.route, "amount_mg": record.amount_mg, "session": record.session,
        "strength": round(usual_doses(record.drug, record.route, record.amount_mg, weight_kg), 2),
    }  # fmt: skip


GRACE: Final = 2
"""Days after which a check-in was not given: as the policy's default (`models/relapse/policies.py`)."""


def _silent(
    uncorrected: Sequence[Vitals | Event], history: PatientHistory, course: Course, every_days: int
) -> list[str]:  # fmt: skip
    """The days on which an answer was expected and none came: every so many days after the last answer."""
    answers = sorted(
        {history.day_of(r.at) for r in uncorrected if isinstance(r, CheckIn) and r.instrument != "mood-vas"}
    )
    if not answers:
        return []
    missed = []
    for answered, following in zip(answers, [*answers[1:], course.as_of + 1], strict=True):
        expected = answered + every_days
        while expected + GRACE < following:
            missed.append(iso_day(expected))
            expected += every_days
    return missed
