"""A session's record in; a FHIR R4 Bundle (`collection`) of it, as JSON-able values, out.

Patient (an alias), Encounter, MedicationAdministration of each dose, Observation of each cuff, score and channel (by the minute,
as sampled data), Procedure of each intervention, DetectedIssue of each alert. What was struck is there, as `entered-in-error`.
How an entry becomes a resource: `fhir_resources.py`. Never here: sending it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from alerts.record.fhir_resources import About, Resource, category, coded, entered, patient_resource, quantity, said
from alerts.record.session import is_accepted
from models.instants import MINUTE, from_iso, iso
from models.tables.channels import CHANNELS, Channel
from models.wire.live import ChannelTraceOut
from models.wire.record import RecordAlertOut, SessionRecordOut

_SEVERITY: Final = {"high": "high", "medium": "moderate", "low": "low", "info": "low"}


def fhir_bundle(record: SessionRecordOut) -> Resource:
    """The bundle. The same record gives the same bundle, names of its entries too."""
    resources = [
        _patient(record),
        _encounter(record),
        *(made for entry in record["entries"] if is_accepted(entry["outcome"]) and (made := entered(_about(record), entry))),
        *(_sampled(record, channel, record["channels"][channel.name]) for channel in CHANNELS if channel.name in record["channels"]),
        *(_issue(record, alert) for alert in record["alerts"]),
    ]  # fmt: skip
    entries = []
    for number, resource in enumerate(resources):
        found = said(resource)
        entries.append({"fullUrl": resource_url(record, found.pop("_name", str(number))), "resource": found})
    last = record["ended_at"] or max((entry["received_at"] for entry in record["entries"]), default=None)
    bundle: Resource = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return bundle if last is None else {**bundle, "timestamp": last}


def resource_url(record: SessionRecordOut, name: str) -> str:
    """A name of a resource that is the same each time: of what it is, in the form of a UUID."""
    about = "\x1f".join((record["site"], record["patient"], record["session"], name))
    found = sha256(about.encode()).hexdigest()
    return f"urn:uuid:{found[:8]}-{found[8:12]}-5{found[13:16]}-8{found[17:20]}-{found[20:32]}"


def _about(record: SessionRecordOut) -> About:
    return About(
        {"reference": resource_url(record, "patient")},
        {"reference": resource_url(record, "encounter")},
    )


def _patient(record: SessionRecordOut) -> Resource:
    return {
        "_name": "patient",
        **patient_resource(record["site"], record["patient"], record["sex"], record["birth_year"]),
    }


def _encounter(record: SessionRecordOut) -> Resource:
    period = {name: at for name, at in (("start", record["started_at"]), ("end", record["ended_at"])) if at}
    return {
        "_name": "encounter", "resourceType": "Encounter", "status": "finished" if record["ended_at"] else "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": resource_url(record, "patient")}, "period": period or None,
        "identifier": [{"system": "urn:chairside:session", "value": record["session"]}],
        "reasonCode": [{"text": record["end_reason"]}] if record["end_reason"] else None,
    }  # fmt: skip


def _sampled(record: SessionRecordOut, channel: Channel, minutes: ChannelTraceOut) -> Resource:
    """A channel's means by the minute; "E" where a minute has none, as FHIR writes a gap."""
    first_ms, last_ms = minutes["minute"][0], minutes["minute"][-1]
    means = dict(zip(minutes["minute"], minutes["mean"], strict=True))
    data = " ".join(
        f"{round(means[at], 2):g}" if at in means else "E" for at in range(first_ms, last_ms + 1, MINUTE // 1000)
    )
    return {
        "resourceType": "Observation", "status": "final" if record["ended_at"] else "preliminary",
        "category": category("vital-signs"), "code": coded(channel), **_about(record).links,
        "effectivePeriod": {"start": iso(first_ms * 1000), "end": iso(last_ms * 1000 + MINUTE)},
        "valueSampledData": {"origin": quantity(0, channel.unit), "period": MINUTE // 1000, "dimensions": 1, "data": data},
        "note": [{"text": f"Mean of each minute; lowest {min(minutes['lowest']):g}, highest {max(minutes['highest']):g}."}],
    }  # fmt: skip


def _issue(record: SessionRecordOut, alert: RecordAlertOut) -> Resource:
    end = (
        {}
        if alert["over_at"] is None or from_iso(alert["over_at"]) < from_iso(alert["onset_at"])
        else {"end": alert["over_at"]}
    )
    return {
        "resourceType": "DetectedIssue", "status": "final", "code": {"text": alert["title"]}, "severity": _SEVERITY[alert["priority"]],
        "patient": {"reference": resource_url(record, "patient")}, "identifiedPeriod": {"start": alert["onset_at"], **end}, "detail": alert["text"],
        "identifier": [{"system": "urn:chairside:alert", "value": alert["alert"]}],
    }  # fmt: skip
