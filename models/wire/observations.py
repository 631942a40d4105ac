"""The wire contract: every observation that may come in, as pydantic models.

Strict on purpose: a number sent as text, a time without an offset, NaN or infinity is set aside with the field's name,
because guessing at a vital sign is worse than saying that it could not be read. Unknown fields are ignored, so that a
sender may be newer than we are; unknown kinds are set aside.
Cost: about 4 µs an observation. Never here: units other than those of `models/tables/channels.py`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from models.tables.rules import PriorityName

Number = Annotated[float, Field(allow_inf_nan=False)]
Moment = Annotated[AwareDatetime, Field(ge=datetime(1900, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]
"""An instant that a clinic can mean, and that can be added to: near the ends of the calendar, arithmetic and zones fail."""
Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=4000)]
Drug = Annotated[str, Field(min_length=1, max_length=60)]
Route = Literal["iv", "im", "sc", "intranasal", "oral", "sublingual"]
ChannelStatus = Literal["probe-off", "artefact", "cuff-failed", "off"]
ChannelName = Literal["hr", "pulse", "rr", "spo2", "sbp", "dbp", "map", "etco2", "temp", "tcco2"]
InstrumentName = Literal[
    "cadss", "cadss-6", "moaas", "phq-9", "phq-2", "qids-sr16", "madrs", "mood-vas", "cssrs-screen", "bprs-4",
    "distress", "symptoms",
]  # fmt: skip


class Record(BaseModel):
    """What every observation may carry. `at` is when it happened by the sender's clock."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    at: Moment
    patient: Name | None = None
    id: Name | None = None
    session: Name | None = None
    site: Name = "main"
    source: Name | None = None
    replaces: Name | None = None
    received_at: Moment | None = None


class LimitChange(BaseModel):
    """What a site or a patient changes of one row of the limits table; what is absent stays."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    enter: Number | None = None
    leave: Number | None = None
    hold_s: Annotated[float, Field(ge=0, le=3600)] | None = None
    leave_s: Annotated[float, Field(ge=0, le=3600)] | None = None
    enabled: bool | None = None
    reason: Text | None = None


LimitChanges = dict[Name, dict[PriorityName, dict[Name, LimitChange]]]
"""rule → priority → channel → change."""
LIMIT_CHANGES: Final[TypeAdapter[LimitChanges]] = TypeAdapter(LimitChanges)


class PatientRegistered(Record):
    kind: Literal["patient.registered"] = "patient.registered"
    patient: Name
    weight_kg: Annotated[float, Field(gt=0, le=500)] | None = None
    birth_year: Annotated[int, Field(ge=1880, le=2200)] | None = None
    sex: Name | None = None
    timezone: Name | None = None
    conditions: tuple[Name, ...] | None = Field(default=None, strict=False)
    """Absent: nothing is said, what was known stays. Empty: there are none."""
    medications: tuple[Name, ...] | None = Field(default=None, strict=False)
    limits: LimitChanges | None = None


class DeviceAssigned(Record):
    kind: Literal["device.assigned"] = "device.assigned"
    device: Name
    chair: Name


class SessionStarted(Record):
    kind: Literal["session.started"] = "session.started"
    patient: Name
    session: Name
    chair: Name | None = None
    device: Name | None = None
    drug: Drug | None = None
    route: Route | None = None
    planned_mg: Number | None = None
    planned_minutes: Number | None = None
    by: Name | None = None


class Dose(Record):
    kind: Literal["dose"] = "dose"
    patient: Name
    drug: Drug
    route: Route | None = None
    amount_mg: Number | None = None
    minutes: Number | None = None
    by: Name | None = None


class DoseStopped(Record):
    kind: Literal["dose.stopped"] = "dose.stopped"
    patient: Name
    given_mg: Number | None = None
    by: Name | None = None


class Vitals(Record):
    kind: Literal["vitals"] = "vitals"
    device: Name | None = None
    hr: Number | None = None
    pulse: Number | None = None
    rr: Number | None = None
    spo2: Number | None = None
    sbp: Number | None = None
    dbp: Number | None = None
    map: Number | None = None
    etco2: Number | None = None
    temp: Number | None = None
    tcco2: Number | None = None
    status: dict[ChannelName, ChannelStatus] | None = None
    by: Name | None = None


class CheckIn(Record):
    kind: Literal["checkin"] = "checkin"
    patient: Name
    instrument: InstrumentName
    items: list[int | bool] | dict[Name, int | bool] | None = None
    score: Number | None = None
    respondent: Name | None = None
    prompted_at: AwareDatetime | None = None
    by: Name | None = None

    @field_validator("items", mode="before")
    @classmethod
    def _named(cls, items: object) -> object:
        """A list of words says yes to each of them: that is how somebody writes down symptoms."""
        words = isinstance(items, list) and bool(items) and all(isinstance(item, str) for item in items)
        return dict.fromkeys(items, 1) if words else items  # type: ignore[call-overload]


class Intervention(Record):
    kind: Literal["intervention"] = "intervention"
    patient: Name
    what: Name
    detail: Text | None = None
    by: Name | None = None


class SessionEnded(Record):
    kind: Literal["session.ended"] = "session.ended"
    reason: Text | None = None
    discharged: bool | None = None
    by: Name | None = None


class Command(Record):
    """A person's answer to an alert; `by` says whose."""

    alert: Name
    by: Name
    until: AwareDatetime | None = None
    note: Text | None = None


class AlertAcknowledged(Command):
    kind: Literal["alert.acknowledged"] = "alert.acknowledged"


class AlertSnoozed(Command):
    kind: Literal["alert.snoozed"] = "alert.snoozed"
    until: AwareDatetime


class AlertUnsnoozed(Command):
    kind: Literal["alert.unsnoozed"] = "alert.unsnoozed"


class AlertClosed(Command):
    kind: Literal["alert.closed"] = "alert.closed"


class AlertEscalated(Command):
    kind: Literal["alert.escalated"] = "alert.escalated"


class SiteConfigured(Record):
    kind: Literal["site.configured"] = "site.configured"
    limits: LimitChanges = Field(default_factory=dict)
    policies: dict[Name, Any] = Field(default_factory=dict)
    rota: dict[Name, Any] = Field(default_factory=dict)
    hash: Name | None = None


Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
CDF_DAYS: Final = 85
"""P(due within 0..84 days)."""


class ForecastMade(Record):
    """A forecast, with the fields of `models.wire.live.ForecastOut`: it comes through the journal so that a replay knows it.

    `known` is a hash of what it was made from and `entries` how many entries that were; what else it says is kept as it is.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    kind: Literal["forecast.made"] = "forecast.made"
    patient: Name
    as_of: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    cdf: Annotated[list[Probability], Field(min_length=CDF_DAYS, max_length=CDF_DAYS)] | None = None
    relapse_probability: dict[Literal["7d", "14d", "28d"], Probability] | None = None
    due: dict[Literal["p10", "p50", "p90"], Name] | None = None
    known: Name | None = None
    entries: int | None = None

    @field_validator("as_of")
    @classmethod
    def _a_date(cls, text: str) -> str:
        date.fromisoformat(text)
        return text

    @field_validator("cdf")
    @classmethod
    def _never_falls(cls, cdf: list[float] | None) -> list[float] | None:
        if cdf is not None and any(later < earlier for earlier, later in pairwise(cdf)):
            raise ValueError("a distribution never falls")
        return cdf


class SetAside(Record):
    """A line that an edge could not use. Edges write it, senders cannot: it puts the reason into the one durable path."""

    kind: Literal["line.set-aside"] = "line.set-aside"
    field: str
    reason: str
    line: str


class Conflicted(Record):
    """An effect of the frame at `offset` disagreed with what the store had for it. Only the shard's owner writes it."""

    kind: Literal["store.conflicted"] = "store.conflicted"
    offset: int
    effect: int
    stored: str
    offered: str


Event = (
    PatientRegistered | DeviceAssigned | SessionStarted | Dose | DoseStopped | CheckIn | Intervention | SessionEnded
    | AlertAcknowledged | AlertSnoozed | AlertUnsnoozed | AlertClosed | AlertEscalated | SiteConfigured | ForecastMade
)  # fmt: skip
"""Every observation but vitals."""

Observation = Annotated[Vitals | Event, Field(discriminator="kind")]

OBSERVATION: Final[TypeAdapter[Vitals | Event]] = TypeAdapter(Observation)
EVENT: Final[TypeAdapter[Event | SetAside | Conflicted]] = TypeAdapter(
    Annotated[Event | SetAside | Conflicted, Field(discriminator="kind")]
)
"""What a frame holds beside its vitals."""
