"""A session's stored entries, transitions and minutes in; its record, one document, out.

An entry that a later one took the place of stays, and is struck. Bad at: what nobody entered.
Never here: reading the store (`alerts/store/session_record.py`), how a page draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from models.arrays import Document
from models.instants import MINUTE, from_iso
from models.tables.channels import ChannelName
from models.tables.forms import ScoreRefused, score_of
from models.tables.instruments import INSTRUMENTS, meaning
from models.tables.limits import LIMITS, Limit, LimitRefused, with_overrides
from models.tables.rules import RULES, Priority
from models.tables.symptoms import alarming
from models.wire.limits_shown import limits_shown
from models.wire.live import TraceOut
from models.wire.observations import LIMIT_CHANGES
from models.wire.record import RecordAlertOut, RecordEntryOut, RecordStepOut, SessionRecordOut

_RANK: Final = {priority.word: priority for priority in Priority}
_ANSWERED: Final = {
    "acknowledged": "alert.acknowledged",
    "snoozed": "alert.snoozed",
    "closed": "alert.closed",
}


def session_record(
    site: str,
    session: str,
    patient: str,
    entered: Sequence[Document],
    steps: Iterable[Document],
    registered: Mapping[str, Any],
    trace: TraceOut,
    configured: Mapping[str, Any],
) -> SessionRecordOut:
    """The record of a session.

    Args:
        entered: the stored entries of the session, commands on its alerts among them, in any order.
        steps: the stored transitions of its alerts, in order. registered: what is registered of the patient.
        configured: the limits that the site has changed, as it sent them.
    """
    ordered = sorted(entered, key=lambda entry: from_iso(entry["at"]))
    replaced = {
        entry["doc"]["replaces"] for entry in ordered if entry["doc"].get("replaces") and is_accepted(entry["outcome"])
    }
    entries = [record_entry(entry, entry["doc"].get("id") in replaced) for entry in ordered]
    start = next((entry["doc"] for entry in entries if entry["kind"] == "session.started"), {})
    end = next((entry for entry in reversed(entries) if entry["kind"] == "session.ended"), None)
    doses = standing_doses(entries)
    stop: Document = next(
        (entry["doc"] for entry in reversed(entries) if entry["kind"] == "dose.stopped" and not entry["struck"]), {}
    )
    amounts = [dose["doc"].get("amount_mg") for dose in doses]
    known = [amount for amount in amounts if amount is not None]
    given = sum(known) if known and len(known) == len(amounts) else None
    return {
        "site": site,
        "session": session,
        "patient": patient,
        "chair": start.get("chair"),
        "device": start.get("device"),
        "drug": doses[-1]["doc"].get("drug") if doses else start.get("drug"),
        "route": (doses[-1]["doc"].get("route") if doses else None) or start.get("route"),
        "planned_mg": start.get("planned_mg"),
        "planned_minutes": start.get("planned_minutes"),
        "started_at": next((entry["at"] for entry in entries if entry["kind"] == "session.started"), None),
        "ended_at": None if end is None else end["at"],
        "end_reason": None if end is None else end["doc"].get("reason"),
        "discharged": None if end is None else end["doc"].get("discharged"),
        "given_mg": stop.get("given_mg") if stop.get("given_mg") is not None else given,
        "first_dose_at": doses[0]["at"] if doses else None,
        "weight_kg": registered.get("weight_kg"),
        "birth_year": registered.get("birth_year"),
        "sex": registered.get("sex"),
        "entries": entries,
        "alerts": _alerts(steps, entries),
        "channels": trace["channels"],
        "limits": limits_shown(_limits_of(configured, registered.get("limits") or {})),
    }


def _limits_of(*changes: Mapping[str, Any]) -> tuple[Limit, ...]:
    """The table with a site's changes, then a person's. What an earlier version took and this one refuses is left out."""
    table: tuple[Limit, ...] = LIMITS
    for change in changes:
        with suppress(LimitRefused, ValidationError):
            table = with_overrides(table, LIMIT_CHANGES.validate_python(change))
    return table


def is_accepted(outcome: str) -> bool:
    """True if an entry was used, whatever else was said of it."""
    return outcome.startswith("accepted")


def standing_doses(entries: Iterable[RecordEntryOut]) -> list[RecordEntryOut]:
    """The doses that were given, by time: not those that were corrected or taken back."""
    return [
        entry for entry in entries
        if entry["kind"] == "dose" and not entry["struck"]
        and not (entry["doc"].get("replaces") and entry["doc"].get("amount_mg") == 0)
    ]  # fmt: skip


def standing_cuffs(entries: Iterable[RecordEntryOut]) -> list[RecordEntryOut]:
    """The cuffs by hand that stand, by time."""
    return [
        entry for entry in entries
        if entry["kind"] in ("vitals", "cuff.corrected") and not entry["struck"] and entry["doc"].get("sbp") is not None
    ]  # fmt: skip


class Pressure(NamedTuple):
    """A cuff, by hand or by the monitor; mmHg."""

    at_us: int
    sbp: float | None
    dbp: float | None


def pressures_of(record: SessionRecordOut) -> list[Pressure]:
    """Every cuff that stands, by time: those entered by hand, and the monitor's of minutes in which none was entered."""
    by_hand = [
        Pressure(from_iso(cuff["at"]), cuff["doc"].get("sbp"), cuff["doc"].get("dbp"))
        for cuff in standing_cuffs(record["entries"])
    ]
    entered = {
        from_iso(entry["at"]) // MINUTE for entry in record["entries"] if entry["kind"] in ("vitals", "cuff.corrected")
    }
    sbp, dbp = (dict(_means(record, name)) for name in ("sbp", "dbp"))
    measured = [
        Pressure(minute * MINUTE, sbp.get(minute), dbp.get(minute)) for minute in sbp.keys() - entered
    ]  # fmt: skip
    return sorted([*by_hand, *measured])


def _means(record: SessionRecordOut, name: ChannelName) -> list[tuple[int, float]]:
    """A channel's means as (minutes since 1970, value)."""
    found = record["channels"].get(name)
    if found is None:
        return []
    return [(at_ms * 1000 // MINUTE, mean) for at_ms, mean in zip(found["minute"], found["mean"], strict=True)]


def record_entry(entry: Document, struck: bool) -> RecordEntryOut:
    """A stored entry as a record has it; `struck`: a later one took its place."""
    score, means = _scored(entry)
    return {
        "at": entry["at"],
        "received_at": entry.get("received_at") or entry["at"],
        "kind": entry["kind"],
        "by": entry["by"],
        "outcome": entry["outcome"],
        "struck": struck,
        "score": score,
        "means": means,
        "doc": {name: value for name, value in entry["doc"].items() if name not in {"kind", "site", "received_at"}},
    }


def _scored(entry: Document) -> tuple[float | None, str | None]:
    """The score of a check-in and what it is called; None where it makes none."""
    doc = entry["doc"]
    if entry["kind"] != "checkin" or (doc.get("items") is None and doc.get("score") is None):
        return None, None
    if doc["instrument"] == "symptoms":
        return None, ", ".join(alarming(doc.get("items"), doc.get("score"))) or "none that alarms"
    try:
        score = score_of(doc["instrument"], doc.get("items"), doc.get("score"))
    except ScoreRefused as refused:
        return None, str(refused)
    known = score is not None and doc["instrument"] in INSTRUMENTS
    return score, meaning(doc["instrument"], score) if known and score is not None else None


def _alerts(steps: Iterable[Document], entries: Sequence[RecordEntryOut]) -> list[RecordAlertOut]:
    found: dict[str, RecordAlertOut] = {}
    for step in steps:
        alert = found.setdefault(step["alert"], {
            "alert": step["alert"], "rule": step["rule"], "title": RULES[step["rule"]].title if step["rule"] in RULES else step["rule"],
            "priority": step["priority"], "onset_at": step["onset_at"], "raised_at": step["at"], "over_at": None,
            "text": step["text"], "source": step["source"], "steps": [],
        })  # fmt: skip
        if _RANK[step["priority"]] >= _RANK[alert["priority"]]:
            alert["priority"], alert["text"] = step["priority"], step["text"]
        if step["transition"] in {"latched", "closed"} and alert["over_at"] is None:
            alert["over_at"] = step["at"]
        if step["transition"] in {"raised", "worsened"}:
            alert["over_at"] = None
        alert["steps"].append(_step(step, entries))
    return sorted(found.values(), key=lambda alert: from_iso(alert["raised_at"]))


def _step(step: Document, entries: Sequence[RecordEntryOut]) -> RecordStepOut:
    """A transition, and who made it: the command on that alert that came last by then."""
    kind = _ANSWERED.get(step["transition"])
    by = [
        entry["by"] for entry in entries
        if entry["kind"] == kind and entry["doc"].get("alert") == step["alert"] and is_accepted(entry["outcome"])
        and from_iso(entry["at"]) <= from_iso(step["at"])
    ]  # fmt: skip
    return {"at": step["at"], "transition": step["transition"], "by": by[-1] if by else None}
