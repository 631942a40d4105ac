"""The wire contract: every observation that may come in, as pydantic models.

Strict on purpose: a number sent as text, a time without an offset, NaN or infinity is set aside with the field's name,
because guessing at a vital sign is worse than saying that it could not be read. Unknown fields are ignored, so that a
sender may be newer than we are; unknown kinds are set aside.
Cost: about 4 µs an observation. Never here: units other than those of `models/tables/channels.py`.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
    with_config,
)
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from models.instants import EPOCH
from models.tables.channels import ChannelName
from models.tables.drugs import Route
from models.tables.forms import instrument_called, plain_items
from models.tables.problem_lists import named_entries
from models.tables.rules import PriorityName
from models.tables.severity import TreatmentResponse
from models.wire.bounds import (
    MANY,
    AnswerText,
    BirthYear,
    Day,
    Days,
    Drug,
    Entries,
    Excerpt,
    HoldSeconds,
    ItemValue,
    Kilograms,
    LimitValue,
    Milligrams,
    Minutes,
    Moment,
    Name,
    Number,
    Phq9,
    Plain,
    Probability,
    Text,
    Total,
)

ChannelStatus = Literal["probe-off", "artefact", "cuff-failed", "off"]
AlarmName = Literal["no-breath", "other"]
CapnographName = Literal["unknown", "sidestream"]
"""As in `CAPNOGRAPHS`."""
InstrumentName = Literal[
    "cadss", "cadss-6", "moaas", "phq-9", "phq-2", "qids-sr16", "madrs", "mood-vas", "cssrs-screen", "bprs-4",
    "distress", "symptoms",
]  # fmt: skip


SITE_HERE: Final = "main"
"""The site of who names none. Where one site is served by another name, it means that one (streams/intake/admission.py)."""


class UnreadField(BaseModel):
    """A field of a line that could not be read and was set aside alone, with the reason; the rest of its line is used."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    field: Excerpt
    reason: Excerpt
    value: Excerpt


class Record(BaseModel):
    """What every observation may carry. `at` is when it happened by the sender's clock."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    at: Moment
    patient: Name | None = None
    id: Name | None = None
    session: Name | None = None
    site: Name = SITE_HERE
    source: Name | None = None
    replaces: Name | None = None
    received_at: Moment | None = None
    unread: SkipJsonSchema[Annotated[tuple[UnreadField, ...], Field(strict=False)] | None] = None
    """Edges write it, senders cannot: what of the line was set aside alone."""
    sent_as: SkipJsonSchema[Name | None] = None
    """The ward writes it, senders cannot: the alias that the sender named, where `patient` is the one that it has gone into."""


class LimitChange(BaseModel):
    """What a site or a patient changes of one row of the limits table; what is absent stays."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    enter: LimitValue | None = None
    leave: LimitValue | None = None
    hold_s: HoldSeconds | None = None
    leave_s: HoldSeconds | None = None
    enabled: bool | None = None
    reason: Text | None = None


LimitChanges = Annotated[
    dict[Name, dict[PriorityName, Annotated[dict[Name, LimitChange], Field(max_length=MANY)]]], Field(max_length=MANY)
]
"""rule → priority → channel → change."""
LIMIT_CHANGES: Final[TypeAdapter[LimitChanges]] = TypeAdapter(LimitChanges)


class PatientRegistered(Record):
    kind: Literal["patient.registered"] = "patient.registered"
    patient: Name
    weight_kg: Kilograms | None = None
    birth_year: BirthYear | None = None
    sex: Name | None = None
    timezone: Name | None = None
    conditions: tuple[Name, ...] | None = Field(default=None, strict=False, max_length=MANY)
    """Absent: nothing is said, what was known stays. Empty: there are none."""
    medications: tuple[Name, ...] | None = Field(default=None, strict=False, max_length=MANY)
    limits: LimitChanges | None = None
    by: Name | None = None

    @field_validator("conditions", "medications", mode="before")
    @classmethod
    def _named(cls, names: object) -> object:
        """Whatever JSON came as names of what somebody has: what speaks against a drug counts however it is written down."""
        return named_entries(names)


class PatientMerged(Record):
    """Two aliases are one person: `merged` goes, `patient` stays, and from here on what is said of either is said of that one."""

    kind: Literal["patient.merged"] = "patient.merged"
    patient: Name
    merged: Name
    by: Name | None = None


class DeviceAssigned(Record):
    kind: Literal["device.assigned"] = "device.assigned"
    device: Name
    chair: Name
    profile: CapnographName | None = None
    """Its make, as `models/tables/capnographs.py` calls it. Absent: nothing is said, what was known stays."""
    by: Name | None = None


class SessionStarted(Record):
    kind: Literal["session.started"] = "session.started"
    patient: Name
    session: Name
    chair: Name | None = None
    device: Name | None = None
    drug: Drug | None = None
    route: Route | None = None
    planned_mg: Milligrams | None = None
    planned_minutes: Minutes | None = None
    by: Name | None = None


class Dose(Record):
    kind: Literal["dose"] = "dose"
    patient: Name
    drug: Drug
    route: Route | None = None
    amount_mg: Milligrams | None = None
    minutes: Minutes | None = None
    by: Name | None = None


class DoseStopped(Record):
    kind: Literal["dose.stopped"] = "dose.stopped"
    patient: Name
    given_mg: Milligrams | None = None
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


Mmhg = Number


class CuffCorrected(Record):
    """A pressure by hand that corrects another, `replaces`; without a pressure that one is taken back. Edges make it of a
    `vitals` line with `replaces`.
    """

    kind: Literal["cuff.corrected"] = "cuff.corrected"
    replaces: Name
    device: Name | None = None
    sbp: Mmhg | None = None
    dbp: Mmhg | None = None
    map: Mmhg | None = None
    by: Name | None = None


def correction_of(record: Vitals) -> CuffCorrected:
    """A `vitals` record with `replaces`, as the entry that it is. What is no pressure in it is passed over."""
    return CuffCorrected.model_validate({**record.model_dump(include=set(CuffCorrected.model_fields) - {"kind"})})


class MonitorAlarm(Record):
    """A monitor's own alarm: it begins, or with `active` false it is over. `label`: what the monitor calls it.

    "no-breath" is an alert of ours at once; any other is on record, and stays the monitor's to tell.
    """

    kind: Literal["monitor.alarm"] = "monitor.alarm"
    device: Name | None = None
    alarm: AlarmName
    active: bool = True
    label: Name | None = None
    priority: PriorityName | None = None


class CheckIn(Record):
    kind: Literal["checkin"] = "checkin"
    patient: Name
    instrument: InstrumentName
    items: (
        Annotated[list[ItemValue], Field(max_length=MANY)]
        | Annotated[dict[Name, ItemValue], Field(max_length=MANY)]
        | AnswerText
        | None
    ) = None
    """Answers in the instrument's order, or by name; `models/tables/forms.py` reads them, and says what it cannot."""
    score: Total | None = None
    respondent: Name | None = None
    prompted_at: Moment | None = None
    by: Name | None = None

    @property
    def takes_back(self) -> bool:
        """True if it takes out the answer that it names and puts none in its place."""
        return self.replaces is not None and self.items is None and self.score is None

    @field_validator("instrument", mode="before")
    @classmethod
    def _own_name(cls, name: object) -> object:
        return instrument_called(name)

    @field_validator("items", mode="before")
    @classmethod
    def _flat(cls, items: object, info: ValidationInfo) -> object:
        """Whatever JSON came as answers. A list of words says yes to each symptom: that is how somebody writes them down."""
        flat = plain_items(items)
        if info.data.get("instrument") == "symptoms" and isinstance(flat, list):
            words = [item for item in flat if isinstance(item, str)]
            if words and len(words) == len(flat):
                return dict.fromkeys(words, 1)
        return flat


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
    until: Moment | None = None
    note: Text | None = None


class AlertAcknowledged(Command):
    kind: Literal["alert.acknowledged"] = "alert.acknowledged"


class AlertSnoozed(Command):
    kind: Literal["alert.snoozed"] = "alert.snoozed"
    until: Moment


class AlertUnsnoozed(Command):
    kind: Literal["alert.unsnoozed"] = "alert.unsnoozed"


class AlertClosed(Command):
    kind: Literal["alert.closed"] = "alert.closed"


class AlertEscalated(Command):
    kind: Literal["alert.escalated"] = "alert.escalated"


class SiteConfigured(Record):
    kind: Literal["site.configured"] = "site.configured"
    limits: LimitChanges = Field(default_factory=dict)
    policies: dict[Name, Plain] = Field(default_factory=dict, max_length=MANY)
    rota: dict[Name, Plain] = Field(default_factory=dict, max_length=MANY)
    hash: Name | None = None


class RotaOverride(Record):
    """`who` is on call on a schedule instead of `covers`, from `since` to `until`. Without `covers`: instead of everybody there;
    without `who`: nobody takes their place. A later one wins; a swap is two of them.
    """

    kind: Literal["rota.override"] = "rota.override"
    schedule: Name
    who: Name | None = None
    covers: Name | None = None
    since: Moment
    until: Moment
    by: Name | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.until <= self.since:
            raise ValueError("until is not after since")
        return self


CDF_DAYS: Final = 85
"""P(due within 0..84 days)."""


_PART: Final = with_config(ConfigDict(strict=True, extra="ignore"))
"""For the parts of a forecast, in and out. What one says beside its fields is passed over."""


@_PART
class SeverityOut(TypedDict):
    mean: Phq9
    sd: Phq9


@_PART
class BasisOut(TypedDict):
    """How much of a forecast is this patient's own record, and how much is what is usual; together 1."""

    patient: Probability
    population: Probability


@_PART
class SpacingOut(TypedDict):
    """What the label or guidance says of the gap between doses. Shown beside a forecast, never overridden by it."""

    words: Text
    min_days: Days
    not_before: Day
    source: Text


class ForecastMade(Record):
    """A forecast, with the fields of `models.wire.live.ForecastOut`: it comes through the journal so that a replay knows it.

    `known` is a hash of what it was made from and `entries` how many entries that were.
    """

    kind: Literal["forecast.made"] = "forecast.made"
    patient: Name
    as_of: Day
    cdf: Annotated[list[Probability], Field(min_length=CDF_DAYS, max_length=CDF_DAYS)] | None = None
    relapse_probability: dict[Literal["7d", "14d", "28d"], Probability] | None = None
    due: dict[Literal["p10", "p50", "p90"], Name] | None = None
    response: TreatmentResponse | None = None
    severity_now: SeverityOut | None = None
    model: Name | None = None
    reasons: Annotated[list[Text], Field(max_length=MANY)] | None = None
    due_at_severity: Phq9 | None = None
    basis: BasisOut | None = None
    sharpen: Text | None = None
    spacing: SpacingOut | None = None
    known: Name | None = None
    entries: Entries | None = None

    @field_validator("cdf")
    @classmethod
    def _never_falls(cls, cdf: list[float] | None) -> list[float] | None:
        if cdf is not None and any(later < earlier for earlier, later in pairwise(cdf)):
            raise ValueError("a distribution never falls")
        return cdf


class SetAside(Record):
    """A line that an edge could not use. Edges write it, senders cannot: it puts the reason into the one durable path."""

    kind: Literal["line.set-aside"] = "line.set-aside"
    field: Excerpt
    reason: Excerpt
    line: Excerpt
    form: Excerpt | None = None
    """What the sender calls the instrument, where the line was a form; `patient` says whose a line is, if it can be seen."""
    about: Excerpt | None = None
    """The kind of observation that it was meant as, if it can be seen."""


class Conflicted(Record):
    """An effect of the frame at `offset` disagreed with what the store had for it. Only the shard's owner writes it."""

    kind: Literal["store.conflicted"] = "store.conflicted"
    offset: int
    effect: int
    stored: str
    offered: str


class FrameSetAside(Record):
    """Frames `offset` to `until` (exclusive) of the journal were not used, and why. Only the shard's owner writes it.

    `lost`: the journal has them no longer; otherwise they are there and cannot be read.
    """

    kind: Literal["frame.set-aside"] = "frame.set-aside"
    offset: int
    until: int
    lost: bool
    reason: Text


class Fault(Record):
    """Something of ours failed: the shard could not fold in a record (`line`), or its owner could not keep the state.

    Only a shard and its owner make one. `what` failed, in words; `raised`: the exception in a line.
    """

    kind: Literal["core.fault"] = "core.fault"
    what: Excerpt
    raised: Excerpt
    device: Name | None = None
    line: Excerpt | None = None


class DestinationFailing(Record):
    """A destination has taken no page since `since`, for this reason; `well` others take theirs. Only a pager writes it."""

    kind: Literal["destination.failing"] = "destination.failing"
    destination: Excerpt
    since: Moment
    reason: Excerpt
    well: int


class DestinationRestored(Record):
    """A destination that failed takes pages again, or is no longer there. Only a pager writes it."""

    kind: Literal["destination.restored"] = "destination.restored"
    destination: Excerpt


class ClockApart(Record):
    """The wall clock of the machine that stamps the journal is `apart_s` seconds ahead of the stamps (below 0: behind), because
    it was set by `stepped_s`, or was so at the start (0). None: they are together again. `stands`: until that
    clock has caught up no time passes in the shard. Only a shard's host writes it.
    """

    kind: Literal["clock.apart"] = "clock.apart"
    apart_s: float | None = None
    stepped_s: float = 0.0
    stands: bool = False


class DiskLow(Record):
    """The disk that the journal is on has `free_mb` left of `of_mb`; None: there is room again. `urgent`: it is all but full.
    Only a shard's host writes it.
    """

    kind: Literal["disk.low"] = "disk.low"
    free_mb: int | None = None
    of_mb: int | None = None
    urgent: bool = False


class GlassBroken(Record):
    """`by`, a clinician of the site `of`, may read this site's patient until `until`. Only an edge writes it."""

    kind: Literal["glass.broken"] = "glass.broken"
    patient: Name
    by: Name
    of: Name
    until: Moment


Internal = (
    SetAside
    | Conflicted
    | FrameSetAside
    | Fault
    | DestinationFailing
    | DestinationRestored
    | ClockApart
    | DiskLow
    | GlassBroken
)
"""What only our own processes write: a sender cannot."""

Event = (
    PatientRegistered | PatientMerged | DeviceAssigned | SessionStarted | Dose | DoseStopped | CuffCorrected | MonitorAlarm | CheckIn | Intervention | SessionEnded
    | AlertAcknowledged | AlertSnoozed | AlertUnsnoozed | AlertClosed | AlertEscalated | RotaOverride | SiteConfigured | ForecastMade
)  # fmt: skip
"""Every observation but vitals."""

Observation = Annotated[Vitals | Event, Field(discriminator="kind")]

OBSERVATION: Final[TypeAdapter[Vitals | Event]] = TypeAdapter(Observation)
EVENT: Final[TypeAdapter[Event | Internal]] = TypeAdapter(Annotated[Event | Internal, Field(discriminator="kind")])
"""What a frame holds beside its vitals."""


def journaled(text: bytes) -> Event | Internal:
    """What a frame holds. What an earlier version has accepted and this one refuses is set aside, not in the way.

    Raises:
        ValueError: it is no record, or of a kind that this version does not know.
    """
    try:
        return EVENT.validate_json(text)
    except ValidationError as refused:
        error = refused.errors(include_url=False, include_context=False)[0]
        if error["type"] in {"json_invalid", "union_tag_invalid", "union_tag_not_found"}:
            raise
        field, site = ".".join(map(str, error["loc"][1:])), json.loads(text).get("site")
        reason = f"accepted by an earlier version, refused by this one: {error['msg']}"
        return SetAside(
            at=EPOCH, site=site if isinstance(site, str) else SITE_HERE, field=field, reason=reason, line=text.decode()
        )
