"""A session's record in; a FHIR R4 Bundle (`collection`) of it, as JSON-able values, out.

Patient (an alias), Encounter, MedicationAdministration of each dose, Observation of each cuff, score and channel (by the minute,
as sampled data), Procedure of each intervention, DetectedIssue of each alert. What was struck is there, as `entered-in-error`.
Bad at: medication codes, which a clinic's own system has. Never here: sending it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from alerts.record.session import is_accepted
from models.instants import MINUTE, from_iso, iso
from models.tables.channels import CHANNELS, Channel
from models.tables.instruments import INSTRUMENTS
from models.wire.live import ChannelTraceOut
from models.wire.record import RecordAlertOut, RecordEntryOut, SessionRecordOut

_LOINC: Final = "http://loinc.org"
_UCUM: Final = "http://unitsofmeasure.org"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_TOTALS: Final = {"phq-9": "44261-6", "phq-2": "55758-7"}
"""LOINC of a total; the other instruments are named in words."""
_SEVERITY: Final = {"high": "high", "medium": "moderate", "low": "low", "info": "low"}
_ROUTES: Final = {"iv": "Intravenous", "im": "Intramuscular", "sc": "Subcutaneous", "intranasal": "Nasal", "oral": "Oral", "sublingual": "Sublingual"}  # fmt: skip

Resource = dict[str, Any]


def fhir_bundle(record: SessionRecordOut) -> Resource:
    """The bundle. The same record gives the same bundle, names of its entries too."""
    resources = [
        _patient(record),
        _encounter(record),
        *(made for entry in record["entries"] if is_accepted(entry["outcome"]) and (made := _entered(record, entry))),
        *(_sampled(record, channel, record["channels"][channel.name]) for channel in CHANNELS if channel.name in record["channels"]),
        *(_issue(record, alert) for alert in record["alerts"]),
    ]  # fmt: skip
    entries = []
    for number, resource in enumerate(resources):
        found = {name: value for name, value in resource.items() if value is not None}
        entries.append({"fullUrl": resource_url(record, found.pop("_name", str(number))), "resource": found})
    last = record["ended_at"] or max((entry["received_at"] for entry in record["entries"]), default=None)
    bundle: Resource = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return bundle if last is None else {**bundle, "timestamp": last}


def resource_url(record: SessionRecordOut, name: str) -> str:
    """A name of a resource that is the same each time: of what it is, in the form of a UUID."""
    about = "\x1f".join((record["site"], record["patient"], record["session"], name))
    found = sha256(about.encode()).hexdigest()
    return f"urn:uuid:{found[:8]}-{found[8:12]}-5{found[13:16]}-8{found[17:20]}-{found[20:32]}"


def _about(record: SessionRecordOut) -> Resource:
    return {
        "subject": {"reference": resource_url(record, "patient")},
        "encounter": {"reference": resource_url(record, "encounter")},
    }


def _patient(record: SessionRecordOut) -> Resource:
    sex = record["sex"] if record["sex"] in {"female", "male", "other"} else "unknown" if record["sex"] else None
    return {
        "_name": "patient", "resourceType": "Patient", "gender": sex,
        "identifier": [{"system": f"urn:chairside:site:{record['site'].replace(' ', '-')}", "value": record["patient"]}],
        "birthDate": None if record["birth_year"] is None else str(record["birth_year"]),
    }  # fmt: skip


def _encounter(record: SessionRecordOut) -> Resource:
    period = {name: at for name, at in (("start", record["started_at"]), ("end", record["ended_at"])) if at}
    return {
        "_name": "encounter", "resourceType": "Encounter", "status": "finished" if record["ended_at"] else "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": resource_url(record, "patient")}, "period": period or None,
        "identifier": [{"system": "urn:chairside:session", "value": record["session"]}],
        "reasonCode": [{"text": record["end_reason"]}] if record["end_reason"] else None,
    }  # fmt: skip


def _entered(record: SessionRecordOut, entry: RecordEntryOut) -> Resource | None:
    doc, wrong = entry["doc"], entry["struck"]
    match entry["kind"]:
        case "dose" if not (doc.get("replaces") and doc.get("amount_mg") == 0):
            route = {"text": _ROUTES[doc["route"]]} if doc.get("route") in _ROUTES else None
            dosage = {name: value for name, value in (("route", route), ("dose", _mg(doc.get("amount_mg")))) if value}
            return {
                "resourceType": "MedicationAdministration", "status": "entered-in-error" if wrong else "completed",
                "medicationCodeableConcept": {"text": doc.get("drug") or "unknown"}, "effectiveDateTime": entry["at"],
                "subject": {"reference": resource_url(record, "patient")}, "context": {"reference": resource_url(record, "encounter")},
                "performer": _performer(entry, "actor"), "dosage": dosage or None,
            }  # fmt: skip
        case "vitals" | "cuff.corrected" if doc.get("sbp") is not None:
            parts = [
                {"code": _coded(channel), "valueQuantity": _quantity(doc[channel.name], channel.unit)}
                for channel in CHANNELS
                if channel.name in {"sbp", "dbp", "map"} and doc.get(channel.name) is not None
            ]
            code = {"coding": [{"system": _LOINC, "code": "85354-9"}], "text": "Blood pressure, by hand"}
            return {**_observation(record, entry, code, "vital-signs"), "component": parts}
        case "checkin" if doc.get("items") is not None or doc.get("score") is not None:
            name = doc["instrument"]
            title = INSTRUMENTS[name].title if name in INSTRUMENTS else name
            coding = [{"system": _LOINC, "code": _TOTALS[name]}] if name in _TOTALS else None
            code = {"text": title} if coding is None else {"coding": coding, "text": title}
            value: Resource = {"valueString": entry["means"] or "not understood"}
            if entry["score"] is not None:
                value = {"valueQuantity": {"value": entry["score"]}}
                value |= {"interpretation": [{"text": entry["means"]}]} if entry["means"] else {}
            return {**_observation(record, entry, code, "survey"), **value}
        case "intervention":
            return {
                "resourceType": "Procedure", "status": "entered-in-error" if wrong else "completed",
                "code": {"text": doc["what"]}, "performedDateTime": entry["at"], **_about(record),
                "performer": _performer(entry, "actor"), "note": [{"text": doc["detail"]}] if doc.get("detail") else None,
            }  # fmt: skip
        case _:
            return None


def _observation(record: SessionRecordOut, entry: RecordEntryOut, code: Resource, category: str) -> Resource:
    return {
        "resourceType": "Observation", "status": "entered-in-error" if entry["struck"] else "final", "code": code,
        "category": [{"coding": [{"system": _CATEGORY, "code": category}]}], "effectiveDateTime": entry["at"], **_about(record),
        "performer": [{"display": entry["by"]}] if entry["by"] else None,
    }  # fmt: skip


def _performer(entry: RecordEntryOut, role: str) -> list[Resource] | None:
    return [{role: {"display": entry["by"]}}] if entry["by"] else None


def _sampled(record: SessionRecordOut, channel: Channel, minutes: ChannelTraceOut) -> Resource:
    """A channel's means by the minute; "E" where a minute has none, as FHIR writes a gap."""
    first_ms, last_ms = minutes["minute"][0], minutes["minute"][-1]
    means = dict(zip(minutes["minute"], minutes["mean"], strict=True))
    data = " ".join(
        f"{round(means[at], 2):g}" if at in means else "E" for at in range(first_ms, last_ms + 1, MINUTE // 1000)
    )
    return {
        "resourceType": "Observation", "status": "final" if record["ended_at"] else "preliminary",
        "category": [{"coding": [{"system": _CATEGORY, "code": "vital-signs"}]}], "code": _coded(channel), **_about(record),
        "effectivePeriod": {"start": iso(first_ms * 1000), "end": iso(last_ms * 1000 + MINUTE)},
        "valueSampledData": {"origin": _quantity(0, channel.unit), "period": MINUTE // 1000, "dimensions": 1, "data": data},
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


def _coded(channel: Channel) -> Resource:
    return {"coding": [{"system": _LOINC, "code": channel.loinc}], "text": channel.label}


def _quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}


def _mg(amount: float | None) -> Resource | None:
    return None if amount is None else _quantity(amount, "mg")
