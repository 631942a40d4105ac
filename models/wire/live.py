"""What goes out: alerts and their transitions, the chairs' latest values, forecasts, each as a typed document.

A document is a dict that goes to JSON as it is. It is checked where it is built, by mypy; its schema is published; and tests
validate what the routes and the feed really send. Nothing is validated on the way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema, with_config
from typing_extensions import TypedDict

from models.instants import from_iso
from models.tables.card import DueWord, QualityWord
from models.tables.channels import ChannelName
from models.tables.drugs import SessionPhase
from models.tables.rules import Category, PriorityName
from models.tables.severity import TreatmentResponse
from models.wire.bounds import Probability
from models.wire.observations import BasisOut, SeverityOut, SpacingOut

WHOLE_DOCUMENT: Final = with_config(ConfigDict(extra="forbid"))
"""For a document that has no other fields than these."""


def _instant(text: str) -> str:
    from_iso(text)
    return text


Instant = Annotated[str, AfterValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""An RFC 3339 time with its offset, as text."""


TransitionKind = Literal[
    "raised",
    "escalated",
    "worsened",
    "eased",
    "latched",
    "acknowledged",
    "snoozed",
    "expired",
    "closed",
    "renamed",
]
"""What one step in an alert's life says. "renamed": its patient goes by another alias since, and nothing else has changed."""


class AlertPhase(StrEnum):
    """Where an alert stands; what leads from one to another is `alerts/desk/lifecycle.py`'s table."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    LATCHED = "latched"
    CLOSED = "closed"


Ahead = Literal["7d", "14d", "28d"]
Probabilities = dict[Ahead, float]
"""P(due within so many days)."""

SERIES_MINUTES: Final = 24 * 60
"""Minutes of a chair's recent vitals at most: a day's journal is read in seconds, a year's is not."""

Series = dict[str, list[tuple[int, float]]]
"""Recent vitals as a plot draws them: channel → (milliseconds since the epoch, value), by time."""


@WHOLE_DOCUMENT
class CauseOut(TypedDict):
    """The frame of the journal that caused it."""

    shard: int
    offset: int


@WHOLE_DOCUMENT
class TransitionOut(TypedDict):
    """One step in an alert's life. `at` is the instant at which it fell due, `phase` where the alert stands once the move that
    the step belongs to is made, `seq` counts a site's transitions.
    """

    alert: str
    at: Instant
    transition: TransitionKind
    phase: AlertPhase
    site: str
    patient: str
    session: str | None
    rule: str
    category: Category
    priority: PriorityName
    onset_at: Instant
    evidence: dict[str, Any]
    text: str
    source: str
    cause: CauseOut
    seq: Annotated[int, Field(ge=1)]


@WHOLE_DOCUMENT
class PageStateOut(TypedDict):
    """A page about an alert, and whether somebody got it: at `at`, or owed since then.

    `reached`: who, and by what; `failed`: by what nobody was, with the reason.
    """

    key: str
    state: Literal["sent", "failed", "pending"]
    at: Instant
    reached: list[str]
    failed: list[str]


@WHOLE_DOCUMENT
class DestinationOut(TypedDict):
    """One destination of pages, as its last tries left it. `owed`: pages that are still to go there."""

    name: str
    state: Literal["well", "failing", "untried"]
    last_success_at: Instant | None
    failing_since: Instant | None
    last_error: str | None
    owed: int


@WHOLE_DOCUMENT
class DestinationsOut(TypedDict):
    """`GET /v1/destinations`: where pages go. None: nobody can be paged."""

    destinations: list[DestinationOut]


@WHOLE_DOCUMENT
class AlertState(TypedDict):
    """An alert as it stands after its newest transition, number `seq`. `by` and `until`: who has it in hand, and until when."""

    alert: str
    phase: AlertPhase
    priority: PriorityName
    rule: str
    title: str
    category: Category
    site: str
    patient: str
    session: str | None
    chair: str | None
    onset_at: Instant
    raised_at: Instant
    changed_at: Instant
    seq: Annotated[int, Field(ge=1)]
    text: str
    evidence: dict[str, Any]
    source: str
    by: str | None
    until: Instant | None


@WHOLE_DOCUMENT
class AlertOut(AlertState):
    """`GET /v1/alerts`, and in the live feed's `snapshot`: the alert, and the pages about it.

    `left_at`: when the session that it came from ended; null: it goes on, or there was none.
    """

    left_at: Instant | None
    pages: list[PageStateOut]


@WHOLE_DOCUMENT
class AlertsOut(TypedDict):
    """`GET /v1/alerts`: worst first, then oldest. `next`: what to ask for as `after` to read on; null: that was all."""

    alerts: list[AlertOut]
    next: str | None


@WHOLE_DOCUMENT
class TransitionsOut(TypedDict):
    """`GET /v1/transitions`: in order; `next` is what to ask after."""

    transitions: list[TransitionOut]
    next: int


@WHOLE_DOCUMENT
class ValueOut(TypedDict):
    """A channel's last trusted reading, how old it is, and how the newest sample was."""

    value: float | None
    at: Instant | None
    age_s: float | None
    quality: QualityWord
    stale_after_s: float


@WHOLE_DOCUMENT
class ScoreOut(TypedDict):
    """A check-in's score; `note` is what the score does not say: an item that was not sent, the symptoms that were named."""

    score: float
    at: Instant
    note: NotRequired[str | None]


@WHOLE_DOCUMENT
class SidesOut(TypedDict):
    low: float | None
    high: float | None


@WHOLE_DOCUMENT
class PressureOut(TypedDict):
    sbp: float | None
    dbp: float | None


@WHOLE_DOCUMENT
class NextOut(TypedDict):
    """What is due next; an instant that is past: overdue since then."""

    what: DueWord
    due_at: Instant


@WHOLE_DOCUMENT
class DissociationOut(TypedDict):
    """How far away somebody probably is, estimated between check-ins. Level and its 80 % interval are on CADSS's scale, 0-92.

    `resolves_at`: when it should be at most 4; null: it is. `surprise`: of the newest check-in, in standard deviations above what
    was expected. The concentration is plasma's, of the drug model for a usual body of that weight.
    """

    level: float
    low: float
    high: float
    resolves_at: Instant | None
    surprise: float | None
    concentration_ng_ml: float


@WHOLE_DOCUMENT
class ReadinessOut(TypedDict):
    """Whether the patient may leave; if not, why, and about when (null: nobody can say). `unseen`: what it cannot know of."""

    ready: bool
    expected_at: Instant | None
    reasons: list[str]
    unseen: list[str]


PressureForecastOut = TypedDict("PressureForecastOut", {"10min": Probability, "20min": Probability})
PressureForecastOut.__doc__ = (
    "The chance that a cuff within ten and within twenty minutes shows 180 systolic or 110 diastolic, or more."
)
WHOLE_DOCUMENT(PressureForecastOut)


@WHOLE_DOCUMENT
class EstimatesOut(TypedDict):
    """What is estimated of a session between measurements: usual effects now, in words, dissociation, and the next pressures."""

    expected: str | None
    dissociation: DissociationOut | None
    pressure_forecast: PressureForecastOut | None


@WHOLE_DOCUMENT
class SittingOut(EstimatesOut):
    """A chair's session without its readings: what `GET /v1/sessions` lists. `unseen`: what no sensor here shows, in words."""

    chair: str | None
    patient: str
    session: str | None
    device: str | None
    drug: str | None
    route: str | None
    planned_mg: float | None
    planned_minutes: float | None
    started_at: Instant | None
    dose_at: Instant | None
    dose_minutes: float | None
    given_mg: float | None
    stopped_at: Instant | None
    phase: SessionPhase
    checkins: dict[str, ScoreOut]
    baseline: PressureOut
    observe_until: Instant | None
    readiness: ReadinessOut
    unseen: list[str]


@WHOLE_DOCUMENT
class SessionsOut(TypedDict):
    """`GET /v1/sessions`: the open sessions, by chair. `next`: what to ask for as `after` to read on; null: that was all."""

    sessions: list[SittingOut]
    next: NotRequired[int | None]


@WHOLE_DOCUMENT
class ChairOut(SittingOut):
    """A chair's session as a board shows it."""

    values: dict[ChannelName, ValueOut]
    limits: dict[str, SidesOut]
    next: list[NextOut]


@WHOLE_DOCUMENT
class ChairsOut(TypedDict):
    """The live feed's `chairs` event. `decided`: frames of the journal decided so far, one more each second at least; while it
    stands still, nobody is being watched. `next`, in an answer to `GET /v1/chairs`: what to ask for as `after` to read on; null:
    that was all.
    """

    decided: Annotated[int, Field(ge=0)]
    at: Instant
    site: str
    chairs: list[ChairOut]
    next: NotRequired[int | None]


@WHOLE_DOCUMENT
class ChangesOut(TypedDict):
    """The live feed's `changes` event, for who asked for it with `changes=true`: of the chairs that came last what is other now.

    `changed`: a chair's place in the list → its fields that are others, and of a field that is an object, those of its own.
    `whole`: a chair's place → all of it. What is in neither is as it was. Where chairs come or go, `chairs` comes instead.
    """

    decided: Annotated[int, Field(ge=0)]
    at: Instant
    site: str
    changed: dict[str, Mapping[str, Any]]
    whole: dict[str, ChairOut]


@WHOLE_DOCUMENT
class SnapshotOut(TypedDict):
    """The live feed's `snapshot` event: all that a board shows; transitions after number `seq` follow. `cut`: more alerts are
    open than are here, which are the worst.
    """

    seq: int
    site: str
    alerts: list[AlertOut]
    cut: bool
    chairs: ChairsOut


@WHOLE_DOCUMENT
class EntryOut(TypedDict):
    """What somebody entered or answered: `doc` is the entry as sent, `received_at` when it came."""

    at: Instant
    site: str
    patient: str | None
    session: str | None
    kind: str
    by: str | None
    outcome: str
    doc: dict[str, Any]
    received_at: Instant


@WHOLE_DOCUMENT
class DeadLetterOut(TypedDict):
    """A line that could not be used, cut, and why."""

    at: Instant
    site: str
    field: str
    reason: str
    line: str


@WHOLE_DOCUMENT
class HistoryOut(TypedDict):
    """`GET /v1/history`: a session's recent vitals, and what was entered, the last one last. `next`: what to ask for as `after`
    to read earlier entries; null: these are the first.
    """

    series: Series
    entries: list[EntryOut]
    next: NotRequired[int | None]


@WHOLE_DOCUMENT
class ChannelTraceOut(TypedDict):
    """A channel of a session by the minute, as columns of the same length, in order. `minute`: milliseconds since 1970 at its
    beginning, by the sender's clock. `count`: how many readings it is made of, believed or not.
    """

    minute: list[int]
    lowest: list[float]
    mean: list[float]
    highest: list[float]
    count: list[int]


@WHOLE_DOCUMENT
class TraceOut(TypedDict):
    """`GET /v1/sessions/{session}/trace`: a session's vitals by the minute, for years; a minute is there once it is over."""

    session: str
    patient: str | None
    channels: dict[ChannelName, ChannelTraceOut]


@WHOLE_DOCUMENT
class DueOut(TypedDict):
    """Quantiles of the day on which the next dose is due: a date, or ``beyond_horizon``."""

    p10: str
    p50: str
    p90: str


@WHOLE_DOCUMENT
class ForecastNewsOut(TypedDict):
    """What the live feed says of a new forecast; a page asks for the rest."""

    patient: str
    as_of: str
    due: DueOut | None
    relapse_probability: Probabilities | None


@WHOLE_DOCUMENT
class ForecastsNewsOut(TypedDict):
    """The live feed's `forecast` event: whose forecast is new."""

    site: str
    forecasts: list[ForecastNewsOut]


@WHOLE_DOCUMENT
class ForecastOut(TypedDict):
    """A forecast of the day on which the next maintenance dose is due.

    `due_at_severity`: PHQ-9 points from which a dose is due. `sharpen`: what would sharpen the forecast most.
    """

    patient: str
    as_of: str
    due: DueOut | None
    relapse_probability: Probabilities | None
    response: TreatmentResponse
    severity_now: SeverityOut | None
    model: str
    reasons: list[str]
    due_at_severity: float
    basis: BasisOut
    sharpen: str
    spacing: SpacingOut | None
    cdf: NotRequired[list[float] | None]


class ForecastToKeep(ForecastOut):
    """A forecast as it goes into the journal. `known`: a hash of what it was made from; `entries`: how many that were."""

    known: str
    entries: int


TRANSITION_ADAPTER: Final[TypeAdapter[TransitionOut]] = TypeAdapter(TransitionOut)
CHAIRS_ADAPTER: Final[TypeAdapter[ChairsOut]] = TypeAdapter(ChairsOut)
CHANGES_ADAPTER: Final[TypeAdapter[ChangesOut]] = TypeAdapter(ChangesOut)
FORECAST_ADAPTER: Final[TypeAdapter[ForecastOut]] = TypeAdapter(ForecastOut)
ALERT_ADAPTER: Final[TypeAdapter[AlertOut]] = TypeAdapter(AlertOut)
SNAPSHOT_ADAPTER: Final[TypeAdapter[SnapshotOut]] = TypeAdapter(SnapshotOut)
SESSIONS_ADAPTER: Final[TypeAdapter[SessionsOut]] = TypeAdapter(SessionsOut)
TRACE_ADAPTER: Final[TypeAdapter[TraceOut]] = TypeAdapter(TraceOut)
HISTORY_ADAPTER: Final[TypeAdapter[HistoryOut]] = TypeAdapter(HistoryOut)
FORECASTS_NEWS_ADAPTER: Final[TypeAdapter[ForecastsNewsOut]] = TypeAdapter(ForecastsNewsOut)
