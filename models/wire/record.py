"""What goes out of a session's record: everything that was entered and told of it on one time line, and the REMS form's data.

Typed documents, as those of `live.py`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from models.tables.channels import ChannelName
from models.tables.rules import PriorityName
from models.wire.live import WHOLE_DOCUMENT, ChannelTraceOut, Instant, SidesOut


@WHOLE_DOCUMENT
class RecordEntryOut(TypedDict):
    """Something that was entered. `struck`: a later entry took its place, or took it back. `score` and `means`: of a check-in
    that makes one. `outcome`: "accepted", or why it was not used.
    """

    at: Instant
    received_at: Instant
    kind: str
    by: str | None
    outcome: str
    struck: bool
    score: float | None
    means: str | None
    doc: dict[str, Any]


@WHOLE_DOCUMENT
class RecordStepOut(TypedDict):
    """A step of an alert; `by`: who answered."""

    at: Instant
    transition: str
    by: str | None


@WHOLE_DOCUMENT
class RecordAlertOut(TypedDict):
    """An alert of the session, at the worst that it reached. `over_at`: its condition was over, or it was closed."""

    alert: str
    rule: str
    title: str
    priority: PriorityName
    onset_at: Instant
    raised_at: Instant
    over_at: Instant | None
    text: str
    source: str
    steps: list[RecordStepOut]


@WHOLE_DOCUMENT
class SessionRecordOut(TypedDict):
    """`GET /v1/sessions/{session}/record`: the whole of a session, live and for as long as it is kept. `channels`: by the minute.

    `limits`: of the site and the person as they are now, what a plot draws; so are `weight_kg`, `birth_year` and `sex`. Doses,
    cuffs and scores are in `entries`, in order of time.
    """

    site: str
    session: str
    patient: str
    chair: str | None
    device: str | None
    drug: str | None
    route: str | None
    planned_mg: float | None
    planned_minutes: float | None
    started_at: Instant | None
    ended_at: Instant | None
    end_reason: str | None
    discharged: bool | None
    given_mg: float | None
    first_dose_at: Instant | None
    weight_kg: float | None
    birth_year: int | None
    sex: str | None
    entries: list[RecordEntryOut]
    alerts: list[RecordAlertOut]
    channels: dict[ChannelName, ChannelTraceOut]
    limits: dict[str, SidesOut]


@WHOLE_DOCUMENT
class RemsPressureOut(TypedDict):
    """A cuff of the form; `minute`: minutes from the first device, below 0 before it."""

    sbp: float | None
    dbp: float | None
    at: Instant
    minute: float


YesNo = Literal["yes", "no"]


@WHOLE_DOCUMENT
class RemsEventOut(TypedDict):
    """Whether something happened; null: nobody looked. From and until which minute from the first device, where it is known."""

    happened: YesNo | None
    from_minute: float | None
    until_minute: float | None
    words: str | None


@WHOLE_DOCUMENT
class RemsOut(TypedDict):
    """`GET /v1/sessions/{session}/rems`: what a session says for the esketamine REMS patient monitoring form.

    `treated_on` and `due_by` are days of the site's zone, `timezone`. `missing`: what the form asks and nobody entered here; a
    person fills it in, and checks the rest, before it is submitted.
    """

    site: str
    session: str
    patient: str
    is_esketamine: bool
    name: None
    date_of_birth: None
    birth_year: int | None
    sex: str | None
    first_treatment: YesNo
    concomitants: dict[str, YesNo | None]
    monitored_by: list[str]
    timezone: str
    treated_on: str | None
    dose_mg: float | None
    devices: int | None
    lot: str | None
    total_minutes: float | None
    ready_minute: float | None
    vitals_acceptable_before: YesNo | None
    vitals_acceptable_at_end: YesNo | None
    pressure_before: RemsPressureOut | None
    pressure_40: RemsPressureOut | None
    pressure_at_end: RemsPressureOut | None
    sedation: RemsEventOut
    dissociation: RemsEventOut
    respiratory_depression: RemsEventOut
    serious_adverse_event: RemsEventOut
    missing: list[str]
    due_by: str | None


SESSION_RECORD_ADAPTER: Final[TypeAdapter[SessionRecordOut]] = TypeAdapter(SessionRecordOut)
REMS_ADAPTER: Final[TypeAdapter[RemsOut]] = TypeAdapter(RemsOut)
