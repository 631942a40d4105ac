"""What goes out about patients at home: the clinic's list, one patient's course, past forecasts, the burden of alerts.

Pydantic models for schemas and for tests; the documents themselves are made where their data is.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from models.tables.severity import TreatmentResponse
from models.wire.live import DueOut
from models.wire.observations import BasisOut, SeverityOut, SpacingOut

Probabilities = dict[Literal["7d", "14d", "28d"], float]


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class KeptForecastOut(_Out):
    """A forecast as it was made. `known` is a hash of what it was made from, `entries` how many entries that were."""

    patient: str
    site: str
    as_of: str
    made_at: AwareDatetime
    known: str | None = None
    due: DueOut | None = None
    relapse_probability: Probabilities | None = None
    response: TreatmentResponse = "unknown"
    severity_now: SeverityOut | None = None
    model: str | None = None
    reasons: list[str] = []
    cdf: list[float] | None = None
    due_at_severity: float | None = None
    basis: BasisOut | None = None
    sharpen: str | None = None
    spacing: SpacingOut | None = None
    entries: int | None = None


class ForecastsOut(_Out):
    """`GET /v1/forecasts`: who is due first comes first; a history is by day."""

    site: str
    forecasts: list[KeptForecastOut]


class LastDoseOut(_Out):
    at: AwareDatetime
    drug: str
    route: str | None
    amount_mg: float | None
    days_ago: int


class LastCheckInOut(_Out):
    at: AwareDatetime
    instrument: str
    score: float


class PatientRowOut(_Out):
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
    checkin_due_at: AwareDatetime | None
    overdue: bool
    booked_at: AwareDatetime | None
    alerts: list[str]
    spacing: str | None


class PatientsOut(_Out):
    """`GET /v1/patients`: the highest P(due within 14 days) first, those without a forecast last."""

    site: str
    as_of: AwareDatetime
    patients: list[PatientRowOut]


class DayOut(_Out):
    """Severity on one day, PHQ-9 scale: mean and the 80 % band."""

    day: str
    mean: float
    low: float
    high: float


class FanOut(_Out):
    """Severity on a day to come if no dose is given: quantiles."""

    day: str
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


class CourseScoreOut(_Out):
    """`severity` is the score on the PHQ-9 scale; None where the instrument has no place on it."""

    at: AwareDatetime
    day: str
    instrument: str
    score: float
    severity: float | None
    by: str | None


class DoseOut(_Out):
    """`strength`: in usual doses. `session` None: given elsewhere."""

    at: AwareDatetime
    day: str
    drug: str
    route: str | None
    amount_mg: float | None
    strength: float
    session: str | None


class EventOut(_Out):
    at: AwareDatetime
    what: str
    detail: str | None


class PastForecastOut(_Out):
    """A past forecast against what happened: `then` is the first dose, or the first score past the threshold, after it."""

    as_of: str
    due: DueOut | None
    relapse_probability: Probabilities | None
    severity_now: SeverityOut | None
    response: TreatmentResponse
    then: str | None


class SessionOut(_Out):
    """One treatment here: what a person entered, and from its end on what the monitor showed.

    `left_min`: minutes from the dose until the patient was discharged.
    """

    session: str
    at: AwareDatetime
    ended_at: AwareDatetime | None
    drug: str | None
    route: str | None
    given_mg: float | None
    peak_sbp: float | None
    peak_dbp: float | None
    lowest_spo2: float | None
    peak_cadss: float | None
    left_min: float | None
    alerts: int


class PatientOut(_Out):
    """`GET /v1/patients/{patient}`. `tau`: the severity from which a dose is due. `why_not`: why there is no curve."""

    site: str
    patient: str
    as_of: AwareDatetime
    timezone: str | None
    tau: float | None
    severity: list[DayOut]
    fan: list[FanOut]
    why_not: str | None
    scores: list[CourseScoreOut]
    doses: list[DoseOut]
    silent: list[str]
    events: list[EventOut]
    forecast: KeptForecastOut | None
    history: list[PastForecastOut]
    sessions: list[SessionOut]
    checkin_due_at: AwareDatetime | None
    overdue: bool
    booked_at: AwareDatetime | None
    alerts: list[dict[str, Any]]


class RuleBurdenOut(_Out):
    rule: str
    title: str
    high: int
    medium: int
    low: int
    info: int


class ChairBurdenOut(_Out):
    chair: str
    alerts: int


class PageBurdenOut(_Out):
    """Pages to those who watch: owed, taken by a destination, answered by a person, and how soon."""

    owed: int
    sent: int
    answered: int
    unanswered: int
    median_answer_s: float | None


class BurdenOut(_Out):
    """`GET /v1/burden`: alerts of the last days at the worst priority that each reached.

    `hours_watched`: hours with data of the sessions that were ended in those days; null where there is none.
    """

    site: str
    days: int
    since: AwareDatetime
    hours_watched: float | None
    alerts: int
    sessions: int
    rules: list[RuleBurdenOut]
    chairs: list[ChairBurdenOut]
    pages: PageBurdenOut


FORECASTS_ADAPTER: Final[TypeAdapter[ForecastsOut]] = TypeAdapter(ForecastsOut)
PATIENTS_ADAPTER: Final[TypeAdapter[PatientsOut]] = TypeAdapter(PatientsOut)
PATIENT_ADAPTER: Final[TypeAdapter[PatientOut]] = TypeAdapter(PatientOut)
BURDEN_ADAPTER: Final[TypeAdapter[BurdenOut]] = TypeAdapter(BurdenOut)
