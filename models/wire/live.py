"""What goes out: alert transitions, the chairs' latest values, forecasts, as pydantic models for schemas and for tests.

Inside these are dataclasses and arrays; nothing hot passes through here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from models.tables.card import DueWord, QualityWord
from models.tables.rules import Category, PriorityName
from models.tables.severity import TreatmentResponse
from models.wire.observations import BasisOut, ChannelName, SeverityOut, SpacingOut


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


TransitionKind = Literal[
    "raised", "escalated", "worsened", "eased", "latched", "acknowledged", "snoozed", "expired", "closed"
]
"""What one step in an alert's life says."""


class AlertPhase(StrEnum):
    """Where an alert stands; what leads from one to another is `alerts/desk/lifecycle.py`'s table."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    LATCHED = "latched"
    CLOSED = "closed"


SERIES_MINUTES: Final = 24 * 60
"""Minutes of a chair's recent vitals at most: a day's journal is read in seconds, a year's is not."""

Series = dict[str, list[tuple[int, float]]]
"""Recent vitals as a plot draws them: channel → (milliseconds since the epoch, value), by time."""


class CauseOut(_Out):
    """The frame of the journal that caused it."""

    shard: int
    offset: int


class TransitionOut(_Out):
    """One step in an alert's life. `at` is the instant at which it fell due, `phase` where the alert stands once the move that
    the step belongs to is made, `seq` counts a site's transitions.
    """

    alert: str
    at: AwareDatetime
    transition: TransitionKind
    phase: AlertPhase
    site: str
    patient: str
    session: str | None
    rule: str
    category: Category
    priority: PriorityName
    onset_at: AwareDatetime
    evidence: dict[str, Any]
    text: str
    source: str
    cause: CauseOut
    seq: int = Field(ge=1)


class ValueOut(_Out):
    """A channel's last trusted reading, how old it is, and how the newest sample was."""

    value: float | None
    at: AwareDatetime | None
    age_s: float | None
    quality: QualityWord
    stale_after_s: float


class ScoreOut(_Out):
    """A check-in's score; `note` is what the score does not say: an item that was not sent, the symptoms that were named."""

    score: float
    at: AwareDatetime
    note: str | None = None


class SidesOut(_Out):
    low: float | None
    high: float | None


class PressureOut(_Out):
    sbp: float | None
    dbp: float | None


class NextOut(_Out):
    """What is due next; `due_at` null: overdue."""

    what: DueWord
    due_at: AwareDatetime | None


class DissociationOut(_Out):
    """How far away somebody probably is, estimated between check-ins. Level and its 80 % interval are on CADSS's scale, 0-92.

    `resolves_at`: when it should be at most 4; null: it is. `surprise`: of the newest check-in, in standard deviations above what
    was expected. The concentration is plasma's, of the drug model for a usual body of that weight.
    """

    level: float
    low: float
    high: float
    resolves_at: AwareDatetime | None
    surprise: float | None
    concentration_ng_ml: float


class ReadinessOut(_Out):
    """Whether the patient may leave; if not, why, and about when (null: nobody can say)."""

    ready: bool
    expected_at: AwareDatetime | None
    reasons: list[str]


class PressureForecastOut(_Out):
    """The chance that a cuff within ten and within twenty minutes shows 180 systolic or 110 diastolic, or more."""

    within_10: Annotated[float, Field(alias="10min", ge=0, le=1)]
    within_20: Annotated[float, Field(alias="20min", ge=0, le=1)]


class ChairOut(_Out):
    """A chair's session as a board shows it."""

    chair: str | None
    patient: str
    session: str | None
    device: str | None
    drug: str | None
    route: str | None
    planned_mg: float | None
    planned_minutes: float | None
    started_at: AwareDatetime | None
    dose_at: AwareDatetime | None
    dose_minutes: float | None
    given_mg: float | None
    stopped_at: AwareDatetime | None
    phase: Literal["before", "dosing", "observation", "unscheduled"]
    values: dict[ChannelName, ValueOut]
    checkins: dict[str, ScoreOut]
    baseline: PressureOut
    limits: dict[str, SidesOut]
    next: list[NextOut]
    observe_until: AwareDatetime | None
    expected: str | None
    dissociation: DissociationOut | None
    pressure_forecast: PressureForecastOut | None
    readiness: ReadinessOut


class ChairsOut(_Out):
    """The live feed's `chairs` event."""

    at: AwareDatetime
    site: str
    chairs: list[ChairOut]


class DueOut(_Out):
    """Quantiles of the day on which the next dose is due: a date, or ``beyond_horizon``."""

    p10: str
    p50: str
    p90: str


class ForecastOut(_Out):
    """A forecast of the day on which the next maintenance dose is due.

    `due_at_severity`: PHQ-9 points from which a dose is due. `sharpen`: what would sharpen the forecast most.
    """

    patient: str
    as_of: str
    due: DueOut | None
    relapse_probability: dict[Literal["7d", "14d", "28d"], float] | None
    response: TreatmentResponse
    severity_now: SeverityOut | None
    model: str
    reasons: list[str]
    due_at_severity: float
    basis: BasisOut
    sharpen: str
    spacing: SpacingOut | None
    cdf: list[float] | None = None


TRANSITION_ADAPTER: Final[TypeAdapter[TransitionOut]] = TypeAdapter(TransitionOut)
CHAIRS_ADAPTER: Final[TypeAdapter[ChairsOut]] = TypeAdapter(ChairsOut)
FORECAST_ADAPTER: Final[TypeAdapter[ForecastOut]] = TypeAdapter(ForecastOut)
