"""What is entered in a session, as FHIR R4 resources: an entry of a record in, a resource as JSON-able values out.

One mapping for all that goes out as FHIR: a record's Bundle (`fhir_bundle.py`) and the read API (`alerts/fhir/`). Whom and which
session a resource is about differs between them, and is an argument.
Bad at: medication codes, which a clinic's own system has. Never here: sending it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from models.tables.channels import CHANNELS, Channel
from models.tables.instruments import INSTRUMENTS
from models.wire.record import RecordEntryOut

LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
VITAL_SIGNS_PROFILE: Final = "http://hl7.org/fhir/StructureDefinition/vitalsigns"
BLOOD_PRESSURE: Final = "85354-9"
PRESSURES: Final = ("sbp", "dbp", "map")
"""The parts of a blood pressure, by their channels."""
_TOTALS: Final = {"phq-9": "44261-6", "phq-2": "55758-7"}
"""LOINC of a total; the other instruments are named in words."""
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_PROFILED: Final = {"spo2": "2708-6", "pulse": "8867-4"}
"""The code that the vital signs profile asks for beside a channel's own, which says more of how it was measured."""
_ROUTES: Final = {"iv": "Intravenous", "im": "Intramuscular", "sc": "Subcutaneous", "intranasal": "Nasal", "oral": "Oral", "sublingual": "Sublingual"}  # fmt: skip

Resource = dict[str, Any]

ABSENT: Final[Resource] = {"coding": [{"system": _ABSENT, "code": "unknown", "display": "Unknown"}]}
"""There is no value, and why is not known."""


@dataclass(frozen=True, slots=True)
class About:
    """References to the patient and to the session that a resource is about; None: it is of no session."""

    subject: Resource
    encounter: Resource | None

    @property
    def links(self) -> Resource:
        """The two, as most resources name them."""
        return {"subject": self.subject, "encounter": self.encounter}


def entered(about: About, entry: RecordEntryOut) -> Resource | None:
    """The resource of an entry, which may have fields that are None; None: entries of its kind have none."""
    doc, wrong = entry["doc"], entry["struck"]
    match entry["kind"]:
        case "dose" if not (doc.get("replaces") and doc.get("amount_mg") == 0):
            route = {"text": _ROUTES[doc["route"]]} if doc.get("route") in _ROUTES else None
            dosage = {name: value for name, value in (("route", route), ("dose", _mg(doc.get("amount_mg")))) if value}
            return {
                "resourceType": "MedicationAdministration", "status": "entered-in-error" if wrong else "completed",
                "medicationCodeableConcept": {"text": doc.get("drug") or "unknown"}, "effectiveDateTime": entry["at"],
                "subject": about.subject, "context": about.encounter, "performer": _performer(entry, "actor"), "dosage": dosage or None,
            }  # fmt: skip
        case "vitals" | "cuff.corrected" if doc.get("sbp") is not None:
            pressures = {name: doc.get(name) for name in PRESSURES}
            return {**_observation(about, entry, pressure_code("Blood pressure, by hand"), "vital-signs"), "component": pressure_parts(pressures)}  # fmt: skip
        case "checkin" if doc.get("items") is not None or doc.get("score") is not None:
            name = doc["instrument"]
            title = INSTRUMENTS[name].title if name in INSTRUMENTS else name
            coding = [{"system": LOINC, "code": _TOTALS[name]}] if name in _TOTALS else None
            code = {"text": title} if coding is None else {"coding": coding, "text": title}
            value: Resource = {"valueString": entry["means"] or "not understood"}
            if entry["score"] is not None:
                value = {"valueQuantity": {"value": entry["score"]}}
                value |= {"interpretation": [{"text": entry["means"]}]} if entry["means"] else {}
            return {**_observation(about, entry, code, "survey"), **value}
        case "intervention":
            return {
                "resourceType": "Procedure", "status": "entered-in-error" if wrong else "completed",
                "code": {"text": doc["what"]}, "performedDateTime": entry["at"], **about.links,
                "performer": _performer(entry, "actor"), "note": [{"text": doc["detail"]}] if doc.get("detail") else None,
            }  # fmt: skip
        case _:
            return None


def patient_resource(site: str, alias: str, sex: str | None, birth_year: int | None) -> Resource:
    """A Patient: an alias, and never a name."""
    gender = sex if sex in {"female", "male", "other"} else "unknown" if sex else None
    return {
        "resourceType": "Patient", "gender": gender,
        "identifier": [{"system": f"urn:chairside:site:{site.replace(' ', '-')}", "value": alias}],
        "birthDate": None if birth_year is None else str(birth_year),
    }  # fmt: skip


def said(resource: Resource) -> Resource:
    """A resource without the fields of which nothing is known."""
    return {name: value for name, value in resource.items() if value is not None}


def category(code: str) -> list[Resource]:
    """The category of an Observation."""
    return [{"coding": [{"system": _CATEGORY, "code": code}]}]


def pressure_code(text: str) -> Resource:
    """The code of a blood pressure, whose values are its components."""
    return {"coding": [{"system": LOINC, "code": BLOOD_PRESSURE}], "text": text}


def pressure_parts(pressures: dict[str, float | None]) -> list[Resource]:
    """The components of a blood pressure, mmHg; of the two that the profile asks for, one that is not there is absent."""
    parts = []
    for channel in CHANNELS:
        if channel.name in pressures:
            value = pressures[channel.name]
            if value is not None:
                parts.append({"code": coded(channel), "valueQuantity": quantity(value, channel.unit)})
            elif channel.name != "map":
                parts.append({"code": coded(channel), "dataAbsentReason": ABSENT})
    return parts


def coded(channel: Channel) -> Resource:
    """The code of a channel: its own, and that of the vital signs profile where it is another."""
    codes = [channel.loinc, *([_PROFILED[channel.name]] if channel.name in _PROFILED else [])]
    return {"coding": [{"system": LOINC, "code": code} for code in codes], "text": channel.label}


def quantity(value: float, unit: str) -> Resource:
    """A value in a UCUM unit."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _observation(about: About, entry: RecordEntryOut, code: Resource, of_category: str) -> Resource:
    return {
        "resourceType": "Observation", "status": "entered-in-error" if entry["struck"] else "final", "code": code,
        "category": category(of_category), "effectiveDateTime": entry["at"], **about.links,
        "performer": [{"display": entry["by"]}] if entry["by"] else None,
    }  # fmt: skip


def _performer(entry: RecordEntryOut, role: str) -> list[Resource] | None:
    return [{role: {"display": entry["by"]}}] if entry["by"] else None


def _mg(amount: float | None) -> Resource | None:
    return None if amount is None else quantity(amount, "mg")
