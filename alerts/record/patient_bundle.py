"""A patient's whole record in, of all sessions and of all that came between them; one FHIR R4 Bundle out.

Each session is what its own bundle has (`fhir_bundle.py`), all about one Patient; what was entered outside of any session is
about the Patient alone. Conditions and medications are those that are registered now.
Bad at: codes of conditions and medications, which stand as they were sent. Never here: reading the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alerts.record.fhir_bundle import fhir_bundle, resource_url
from alerts.record.fhir_resources import Resource
from models.wire.record import SessionRecordOut

_STATEMENT: dict[str, Any] = {
    "clinicalStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
    }
}


def patient_bundle(records: Sequence[SessionRecordOut], registered: dict[str, Any]) -> Resource:
    """The bundle of records of one patient; the first is of what no session has, and has the empty name."""
    home = records[0]
    whole = resource_url(home, "patient")
    entries: list[Resource] = []
    for record in records:
        own, encounter = resource_url(record, "patient"), resource_url(record, "encounter")
        for entry in fhir_bundle(record)["entry"]:
            if entry["fullUrl"] == own and record is not home:
                continue
            if record is home:
                if entry["fullUrl"] == encounter:
                    continue
                for link in ("encounter", "context"):
                    entry["resource"].pop(link, None)
            entries.append(_pointed(entry, own, whole))
    for number, name in enumerate(registered.get("conditions") or ()):
        resource = {"resourceType": "Condition", **_STATEMENT, "code": {"text": name}, "subject": {"reference": whole}}
        entries.append({"fullUrl": resource_url(home, f"condition {number}"), "resource": resource})
    for number, name in enumerate(registered.get("medications") or ()):
        resource = {
            "resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": {"text": name},
            "subject": {"reference": whole},
        }  # fmt: skip
        entries.append({"fullUrl": resource_url(home, f"medication {number}"), "resource": resource})
    last = max((entry["received_at"] for record in records for entry in record["entries"]), default=None)
    bundle: Resource = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return bundle if last is None else {**bundle, "timestamp": last}


def _pointed(part: Any, own: str, whole: str) -> Any:
    """A resource whose references to its session's Patient lead to the one of all."""
    match part:
        case dict():
            return {name: _pointed(each, own, whole) for name, each in part.items()}
        case list():
            return [_pointed(each, own, whole) for each in part]
        case _:
            return whole if part == own else part
