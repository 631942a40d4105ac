"""Effects: what must be written because of a frame. Plain facts; the key (shard, offset, n) makes writing one twice harmless.

`n` is an effect's place among its frame's effects. Everything here is JSON-able by `effect_document`, byte for byte the same on
every replay: keys in the order of the fields, times in RFC 3339 with milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from models.tables.channels import CHANNEL_COLUMN, CHANNEL_NAMES
from models.tables.rules import Category, PriorityName
from models.wire.live import AlertPhase, EntryOut, TransitionKind, TransitionOut

Audience = Literal["watch", "scheduler"]
PageKind = Literal["page", "answered", "over"]
"""A call for somebody; or the news, for those who were called, that somebody has answered or that it is over."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The frame that caused it."""

    shard: int
    offset: int


@dataclass(frozen=True, slots=True)
class Transition:
    """One step in an alert's life, as sent to boards and scripts. Times are RFC 3339.

    `phase`: where the alert stands once the move that the step belongs to is made (lifecycle.py). Boards and the store show it
    and derive none.
    """

    alert: str
    at: str
    transition: TransitionKind
    phase: AlertPhase
    site: str
    patient: str
    session: str | None
    rule: str
    category: Category
    priority: PriorityName
    onset_at: str
    evidence: Mapping[str, Any]
    text: str
    source: str
    cause: Cause
    seq: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is owed: one message about one patient's alerts. Holds an alias, a chair, signal, value: never a name.

    `key` is stable, so that a receiver can drop a repeat. `audience` is who it is for: those who watch, or who plan the visits.
    `to`: the people of a site's configuration whom it calls, by name, each once; empty: every destination of the audience.
    `rung` is the ladder's rung that called them, from 1; 0 where there is no ladder.
    """

    key: str
    at: str
    site: str
    patient: str
    priority: str
    alerts: tuple[str, ...]
    title: str
    body: str
    audience: Audience = "watch"
    to: tuple[str, ...] = ()
    rung: int = 0
    kind: PageKind = "page"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did or entered what: commands, doses, check-ins, sessions, interventions, cuffs by hand. `doc` is the entry as sent,
    `received_at` the shard's clock when it came: what was known by an instant is what was received by then.
    """

    at: str
    site: str
    patient: str | None
    session: str | None
    kind: str
    by: str | None
    outcome: str
    doc: Mapping[str, Any]
    received_at: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line that could not be used, and why. `line` is cut at 2,000 characters."""

    at: str
    site: str
    field: str
    reason: str
    line: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """A forecast, kept as it was made. `at` is the shard's clock, `known` a hash of what it was made from."""

    at: str
    site: str
    patient: str
    as_of: str
    known: str
    doc: Mapping[str, Any]


class ChannelMinute(NamedTuple):
    """A channel's readings of a minute, in the channel's unit; `total` of them is `readings` times their mean."""

    lowest: float
    highest: float
    total: float
    readings: int


_BY_CHANNEL: Final = (len(CHANNEL_NAMES),)
MINUTE_READINGS: Final = np.dtype(
    [("lowest", "<f8", _BY_CHANNEL), ("highest", "<f8", _BY_CHANNEL), ("total", "<f8", _BY_CHANNEL), ("readings", "<i4", _BY_CHANNEL)]
)  # fmt: skip
"""A session's readings of one minute, by channel's column; no `readings`: what the others say of the channel means nothing."""


class VitalsMinute(NamedTuple):
    """A session's readings of one minute by channel, or a part of them: parts of the same minute add up.

    `minute_us` is its beginning, by the sender's clock; `packed` has the bytes of `MINUTE_READINGS`, as one comes a session and
    minute and is read but where it is kept. No effect: it says nothing new, it is what the samples said, made small.
    """

    site: str
    session: str | None
    patient: str
    minute_us: int
    packed: bytes

    @classmethod
    def of(
        cls, site: str, session: str | None, patient: str, minute_us: int, channels: Mapping[str, ChannelMinute]
    ) -> VitalsMinute:
        """A minute of these channels; what the others had is none."""
        packed = np.zeros((), MINUTE_READINGS)
        packed["lowest"], packed["highest"] = np.inf, -np.inf
        for name, minute in channels.items():
            for field, value in minute._asdict().items():
                packed[field][CHANNEL_COLUMN[name]] = value
        return cls(site, session, patient, minute_us, packed.tobytes())

    @property
    def channels(self) -> dict[str, ChannelMinute]:
        """The channels that had a reading."""
        minute = np.frombuffer(self.packed, MINUTE_READINGS)[0]
        lowest, highest, total, readings = (minute[field].tolist() for field in MINUTE_READINGS.names or ())
        return {
            name: ChannelMinute(lowest[column], highest[column], total[column], readings[column])
            for column, name in enumerate(CHANNEL_NAMES) if readings[column]
        }  # fmt: skip


Effect = Transition | Page | AuditEntry | DeadLetter | Forecast


@dataclass(frozen=True, slots=True)
class FrameEffects:
    """The effects of one frame, in order: the n-th has the key (shard, offset, n). `minutes` are written with them."""

    shard: int
    offset: int
    effects: tuple[Effect, ...]
    minutes: tuple[VitalsMinute, ...] = ()

    @property
    def to_write(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.effects or self.minutes)


def transition_document(step: Transition) -> TransitionOut:
    """The transition as boards, scripts and the store get it; a key for each field, in their order."""
    return {
        "alert": step.alert, "at": step.at, "transition": step.transition, "phase": step.phase, "site": step.site,
        "patient": step.patient, "session": step.session, "rule": step.rule, "category": step.category,
        "priority": step.priority, "onset_at": step.onset_at, "evidence": dict(step.evidence), "text": step.text,
        "source": step.source, "cause": {"shard": step.cause.shard, "offset": step.cause.offset}, "seq": step.seq,
    }  # fmt: skip


def entry_document(entry: AuditEntry) -> EntryOut:
    """The audit entry as a tablet and the store get it; a key for each field, in their order."""
    return {
        "at": entry.at, "site": entry.site, "patient": entry.patient, "session": entry.session, "kind": entry.kind,
        "by": entry.by, "outcome": entry.outcome, "doc": dict(entry.doc), "received_at": entry.received_at,
    }  # fmt: skip


def effect_document(effect: Effect) -> Mapping[str, Any]:
    """The effect as a JSON-able dict, fields in order."""
    match effect:
        case Transition():
            return transition_document(effect)
        case AuditEntry():
            return entry_document(effect)
        case Page():
            return _page_document(effect)
        case Forecast():
            return {**_fields(effect), "doc": dict(effect.doc)}
        case DeadLetter():
            return _fields(effect)


def _page_document(page: Page) -> dict[str, Any]:
    """A page as it is stored. What is as it always was is not written, so that earlier pages keep their bytes: `to` holds the
    people, or the audience where it is not those who watch.
    """
    document = {**_fields(page), "alerts": list(page.alerts), "to": list(page.to)}
    del document["audience"]
    if page.audience != "watch":
        document["to"] = page.audience
    for name, usual in (("to", []), ("rung", 0), ("kind", "page")):
        if document[name] == usual:
            del document[name]
    return document


def page_of(document: Mapping[str, Any]) -> Page:
    """The page of `effect_document`, of this version or an earlier one."""
    fields = {**document, "alerts": tuple(document["alerts"])}
    to = fields.pop("to", [])
    if isinstance(to, str):
        return Page(**fields, audience="scheduler" if to == "scheduler" else "watch")
    return Page(**fields, to=tuple(to))


def _fields(effect: Page | Forecast | DeadLetter) -> dict[str, Any]:
    return {name: getattr(effect, name) for name in effect.__dataclass_fields__}


def encode(effect: Effect) -> str:
    """One line of JSON, the same bytes for the same effect."""
    return json.dumps(effect_document(effect), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
