"""What goes out about patients at home: the clinic's list, one patient's course, past forecasts, the burden of alerts.

Typed documents, as those of `live.py`.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from models.tables.rules import PriorityName
from models.tables.severity import TreatmentResponse
from models.wire.live import WHOLE_DOCUMENT, DueOut, Instant, Probabilities
from models.wire.observations import BasisOut, SeverityOut, SpacingOut


@WHOLE_DOCUMENT
class KeptForecastOut(TypedDict):
    """A forecast as it was made. `known` is a hash of what it was made from, `entries` how many entries that were."""

    patient: str
    site: str
    as_of: str
    made_at: Instant
    known: NotRequired[str | None]
    due: NotRequired[DueOut | None]
    relapse_probability: NotRequired[Probabilities | None]
    response: NotRequired[TreatmentResponse]
    severity_now: NotRequired[SeverityOut | None]
    model: NotRequired[str | None]
    reasons: NotRequired[list[str]]
    cdf: NotRequired[list[float] | None]
    due_at_severity: NotRequired[float | None]
    basis: NotRequired[BasisOut | None]
    sharpen: NotRequired[str | None]
    spacing: NotRequired[SpacingOut | None]
    entries: NotRequired[int | None]


@WHOLE_DOCUMENT
class ForecastsOut(TypedDict):
    """`GET /v1/forecasts`: who is due first comes first; a history is by day. `next`: what to ask for as `after`; null: that was
    all.
    """

    site: str
    forecasts: list[KeptForecastOut]
    next: NotRequired[int | None]


@WHOLE_DOCUMENT
class LastDoseOut(TypedDict):
    at: Instant
    drug: str
    route: str | None
    amount_mg: float | None
    days_ago: int


@WHOLE_DOCUMENT
class LastCheckInOut(TypedDict):
    at: Instant
    instrument: str
    score: float


class WaitingOut(TypedDict):
    """When the next answer is expected; whether the grace is over too; when the next visit is.

    `judged_from`: the day before which it is too early after a dose to say when the next is due; None: it is not.
    """

    checkin_due_at: Instant | None
    overdue: bool
    booked_at: Instant | None
    judged_from: str | None


@WHOLE_DOCUMENT
class PatientRowOut(WaitingOut):
    """One patient of the clinic's list. `checkin_due_at`: when the next answer is expected; `overdue`: the grace is over too."""

    patient: str
    as_of: str | None
    due: DueOut | None
    relapse_probability: Probabilities | None
    response: TreatmentResponse
    severity_now: SeverityOut | None
    reasons: list[str]
    last_dose: LastDoseOut | None
    doses: int
    last_checkin: LastCheckInOut | None
    alerts: list[str]
    spacing: str | None


@WHOLE_DOCUMENT
class PatientsOut(TypedDict):
    """`GET /v1/patients`: the highest P(due within 14 days) first, then those of whom it is too early to say, those without a
    forecast last. `next`: what to ask for as `after` to read on; null: that was all.
    """

    site: str
    as_of: Instant
    patients: list[PatientRowOut]
    next: NotRequired[int | None]


@WHOLE_DOCUMENT
class DayOut(TypedDict):
    """Severity on one day, PHQ-9 scale: mean and the 80 % band."""

    day: str
    mean: float
    low: float
    high: float


@WHOLE_DOCUMENT
class FanOut(TypedDict):
    """Severity on a day to come if no dose is given: quantiles."""

    day: str
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


@WHOLE_DOCUMENT
class CourseScoreOut(TypedDict):
    """`severity` is the score on the PHQ-9 scale; None where the instrument has no place on it."""

    at: Instant
    day: str
    instrument: str
    score: float
    severity: float | None
    by: str | None


@WHOLE_DOCUMENT
class DoseOut(TypedDict):
    """`strength`: in usual doses. `session` None: given elsewhere."""

    at: Instant
    day: str
    drug: str
    route: str | None
    amount_mg: float | None
    strength: float
    session: str | None


@WHOLE_DOCUMENT
class EventOut(TypedDict):
    at: Instant
    what: str
    detail: str | None


@WHOLE_DOCUMENT
class PastForecastOut(TypedDict):
    """A past forecast against what happened: `then` is the first dose, or the first score past the threshold, after it."""

    as_of: str
    due: DueOut | None
    relapse_probability: Probabilities | None
    severity_now: SeverityOut | None
    response: TreatmentResponse
    then: str | None


@WHOLE_DOCUMENT
class SessionOut(TypedDict):
    """One treatment here: what a person entered, and from its end on what the monitor showed.

    `left_min`: minutes from the dose until the patient was discharged.
    """

    session: str
    at: Instant
    ended_at: Instant | None
    drug: str | None
    route: str | None
    given_mg: float | None
    peak_sbp: float | None
    peak_dbp: float | None
    lowest_spo2: float | None
    peak_cadss: float | None
    left_min: float | None
    alerts: int


@WHOLE_DOCUMENT
class PatientAlertOut(TypedDict):
    """An open alert about a patient."""

    alert: str
    rule: str
    priority: PriorityName
    text: str


@WHOLE_DOCUMENT
class ObjectionOut(TypedDict):
    """What is registered that speaks against a drug, or interacts with it; `unknown`: a condition that no table knows."""

    name: str
    weight: Literal["contraindicated", "defer", "caution", "unknown"]
    words: str
    source: str


@WHOLE_DOCUMENT
class RegistrationOut(TypedDict):
    """`GET /v1/patients/{patient}/registration`: what is registered of a patient. Null: nobody has said; an empty list: there is
    none. `objections`: by drug, the heaviest first. `limits`: the person's own, as they were set.
    """

    site: str
    patient: str
    registered_at: Instant | None
    weight_kg: float | None
    birth_year: int | None
    sex: str | None
    timezone: str | None
    conditions: list[str] | None
    medications: list[str] | None
    limits: dict[str, Any] | None
    objections: dict[str, list[ObjectionOut]]


class CourseOut(TypedDict):
    """A patient's course as it is drawn. `tau`: the severity from which a dose is due. `why_not`: why there is no curve."""

    timezone: str | None
    tau: float | None
    severity: list[DayOut]
    fan: list[FanOut]
    why_not: str | None
    scores: list[CourseScoreOut]
    doses: list[DoseOut]
    silent: list[str]
    events: list[EventOut]


@WHOLE_DOCUMENT
class PatientOut(CourseOut, WaitingOut):
    """`GET /v1/patients/{patient}`. `tau`: the severity from which a dose is due. `why_not`: why there is no curve."""

    site: str
    patient: str
    as_of: Instant
    forecast: KeptForecastOut | None
    history: list[PastForecastOut]
    sessions: list[SessionOut]
    alerts: list[PatientAlertOut]


@WHOLE_DOCUMENT
class RuleBurdenOut(TypedDict):
    rule: str
    title: str
    high: int
    medium: int
    low: int
    info: int


@WHOLE_DOCUMENT
class ChairBurdenOut(TypedDict):
    chair: str
    alerts: int


@WHOLE_DOCUMENT
class PageBurdenOut(TypedDict):
    """Pages to those who watch: owed, taken by a destination, answered by a person, and how soon."""

    owed: int
    sent: int
    answered: int
    unanswered: int
    median_answer_s: float | None


@WHOLE_DOCUMENT
class AnswersOut(TypedDict):
    """Pages of one rule (its title), chair, hour of the site's day (0 to 23), or rung and who answered there (`1 · ada`):
    how many, how many somebody answered, and how soon.
    """

    by: Literal["rule", "chair", "hour", "rung"]
    key: str
    pages: int
    answered: int
    median_answer_s: float | None


@WHOLE_DOCUMENT
class MonitorAlarmsOut(TypedDict):
    """How often an alarm of the monitors' own began, by what they call it: only of monitors that send their alarms."""

    label: str
    alarms: int


@WHOLE_DOCUMENT
class CountsOfBurden(TypedDict):
    """Alerts since an instant at the worst priority that each reached.

    `hours_watched`: hours with data of the sessions that were ended since, and of those that go on; null where there is none.
    `by_hour`: alerts by hour of the site's day, those that are information aside. `monitor_alarms`: the monitors' own.
    """

    hours_watched: float | None
    alerts: int
    sessions: int
    rules: list[RuleBurdenOut]
    chairs: list[ChairBurdenOut]
    pages: PageBurdenOut
    by_hour: list[int]
    monitor_alarms: list[MonitorAlarmsOut]
    answers: list[AnswersOut]


@WHOLE_DOCUMENT
class BurdenOut(CountsOfBurden):
    """`GET /v1/burden`: alerts of the last days at the worst priority that each reached.

    `hours_watched`: hours with data of the sessions that were ended in those days, and of those that go on; null without any.
    """

    site: str
    days: int
    since: Instant


FORECASTS_ADAPTER: Final[TypeAdapter[ForecastsOut]] = TypeAdapter(ForecastsOut)
PATIENTS_ADAPTER: Final[TypeAdapter[PatientsOut]] = TypeAdapter(PatientsOut)
PATIENT_ADAPTER: Final[TypeAdapter[PatientOut]] = TypeAdapter(PatientOut)
REGISTRATION_ADAPTER: Final[TypeAdapter[RegistrationOut]] = TypeAdapter(RegistrationOut)
BURDEN_ADAPTER: Final[TypeAdapter[BurdenOut]] = TypeAdapter(BurdenOut)
