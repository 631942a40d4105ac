"""What the store has, as resources of the FHIR read API: documents in, each resource with what it is searched by, out.

Observations of vitals are a minute each, the mean of what was trusted; of a minute in which a continuous channel had none,
between two in which it had, the value is said to be absent. What a person entered is as in a record's Bundle (`alerts/record/`).
Never here: reading the store (`reading.py`), what is searched for (`search.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from alerts.effects import ChannelMinute, Page
from alerts.record.fhir_resources import (
    ABSENT,
    PRESSURES,
    VITAL_SIGNS_PROFILE,
    About,
    Resource,
    category,
    coded,
    entered,
    patient_resource,
    pressure_code,
    pressure_parts,
    quantity,
    said,
)
from models.instants import MINUTE, from_iso, iso
from models.tables.channels import CHANNELS, Channel
from models.tables.form_items import CODES
from models.tables.nomenclature import ALARM_PRIORITIES
from models.wire.audit import AuditEntryOut
from models.wire.fhir_ids import fhir_id
from models.wire.home import KeptForecastOut
from models.wire.live import AlertState
from models.wire.record import RecordEntryOut

PRESSURE: Final = "bp"
"""What stands for the three pressures of a cuff in an id."""
CHANNEL_OF: Final[Mapping[str, Channel]] = {channel.name: channel for channel in CHANNELS}
_REQUEST_PRIORITY: Final = {"high": "stat", "medium": "urgent", "low": "routine", "info": "routine"}
_WITHIN_DAYS: Final = {"7d": 7, "14d": 14, "28d": 28}
_FORMS: Final = {"phq-9": "44249-1", "phq-2": "55757-9", "cssrs-screen": "93373-9"}
"""LOINC of a form, by its instrument."""


@dataclass(frozen=True, slots=True)
class Found:
    """A resource, and what it is searched by. `order`: its place among those of its type; `updated_us`: when it changed."""

    order: int
    id: str
    patient: str | None
    start_us: int
    end_us: int
    updated_us: int
    resource: Resource
    codes: Mapping[str, Sequence[tuple[str, str]]]


def found_of(
    kind: str, id_: str, patient: str | None, start_us: int, updated_us: int, body: Resource,
    end_us: int | None = None, order: int | None = None, codes: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> Found:  # fmt: skip
    """A resource of a type and id; without an end an instant, and in the order of its start."""
    meta: Resource = {"lastUpdated": iso(updated_us)}
    profiles = body.pop("_profiles", None)
    if profiles:
        meta["profile"] = profiles
    resource = said(
        {"resourceType": kind, "id": id_, "meta": meta, **{n: v for n, v in body.items() if n != "resourceType"}}
    )
    return Found(
        start_us if order is None else order, id_, patient, start_us, start_us if end_us is None else end_us, updated_us,
        resource, codes or {},
    )  # fmt: skip


def about(patient: str, session: str | None) -> About:
    """References to a patient, and to a session by its name: sessions are no resources here."""
    encounter = None if not session else {"identifier": {"system": "urn:chairside:session", "value": session}}
    return About({"reference": f"Patient/{fhir_id(patient)}"}, encounter)


def patient_found(
    site: str, alias: str, registered: Mapping[str, Any], replaces: Sequence[str] = (), replaced_by: str | None = None
) -> Found:
    """A patient: the alias, year of birth and gender. `registered`: what is registered of them. `replaces`: the aliases that have
    gone into this one, `replaced_by`: the one that it has gone into.
    """
    body = patient_resource(site, alias, registered.get("sex"), registered.get("birth_year"))
    links = [(each, "replaces") for each in replaces] + ([] if replaced_by is None else [(replaced_by, "replaced-by")])
    if links:
        body["active"] = replaced_by is None
        body["link"] = [{"other": about(each, None).subject, "type": kind} for each, kind in links]
    at_us = from_iso(registered["at"]) if "at" in registered else 0
    codes = {"identifier": [(each["system"], each["value"]) for each in body["identifier"]]}
    return found_of("Patient", fhir_id(alias), alias, at_us, at_us, body, order=0, codes=codes)


# ---- observations ----------------------------------------------------------------------------------------------------


def entered_found(id_: str, patient: str, session: str | None, entry: RecordEntryOut) -> Found | None:
    """The Observation of what a person entered: a cuff by hand or the total of a check-in; None: it is none."""
    body = entered(about(patient, session), entry)
    if body is None or body["resourceType"] != "Observation":
        return None
    if "component" in body:
        body["_profiles"] = [VITAL_SIGNS_PROFILE]
    at_us = from_iso(entry["at"])
    return found_of("Observation", id_, patient, at_us, from_iso(entry["received_at"]), body, codes=_codes_of(body))


def minute_found(
    id_: str, patient: str, session: str | None, name: str, minute_us: int, readings: Mapping[str, ChannelMinute]
) -> Found:  # fmt: skip
    """The Observation of a channel, or of a cuff (`PRESSURE`), in a minute; without readings of it, one whose value is absent."""
    if name == PRESSURE:
        means: dict[str, float | None] = {each: _mean(readings.get(each)) for each in PRESSURES}
        body: Resource = {"code": pressure_code("Blood pressure"), "component": pressure_parts(means)}
    else:
        channel, minute = CHANNEL_OF[name], readings.get(name)
        body = {"code": coded(channel)}
        if minute is None:
            body["dataAbsentReason"] = ABSENT
        else:
            body["valueQuantity"] = quantity(_mean(minute) or 0.0, channel.unit)
            lowest, highest = f"lowest {minute.lowest:g}", f"highest {minute.highest:g}"
            body["note"] = [{"text": f"Mean of {minute.readings} readings in the minute; {lowest}, {highest}."}]
    end_us = minute_us + MINUTE
    links = about(patient, session)
    whole = {
        "_profiles": [VITAL_SIGNS_PROFILE], "status": "final", "category": category("vital-signs"), "code": body.pop("code"),
        "subject": links.subject, "encounter": links.encounter,
        "effectivePeriod": {"start": iso(minute_us), "end": iso(end_us)}, **body,
    }  # fmt: skip
    return found_of("Observation", id_, patient, minute_us, end_us, whole, end_us=end_us - 1, codes=_codes_of(whole))


def _mean(minute: ChannelMinute | None) -> float | None:
    return None if minute is None else round(minute.total / minute.readings, 2)


def _codes_of(body: Resource) -> dict[str, list[tuple[str, str]]]:
    """What an Observation is found by: its own codes, and of a cuff its parts' too."""
    nodes = [body["code"], *(part["code"] for part in body.get("component", ()))]
    found = [(each["system"], each["code"]) for node in nodes for each in node.get("coding", ())]
    kinds = [(each["system"], each["code"]) for node in body["category"] for each in node["coding"]]
    return {"code": found, "category": kinds}


_ANY: Final = dict.fromkeys(CHANNEL_OF, ChannelMinute(0, 0, 0, 1))
MINUTE_CODES: Final = {name: minute_found("", "-", None, name, 0, _ANY).codes for name in (*CHANNEL_OF, PRESSURE)}
"""What the minutes of a channel are found by."""


# ---- forms -----------------------------------------------------------------------------------------------------------


def form_found(id_: str, patient: str, session: str | None, entry: RecordEntryOut) -> Found | None:
    """The QuestionnaireResponse of a check-in whose items were sent; None: only its total was."""
    doc = entry["doc"]
    if entry["kind"] != "checkin" or not doc.get("items"):
        return None
    name, links = doc["instrument"], about(patient, session)
    items = doc["items"]
    pairs = list(items.items()) if isinstance(items, dict) else [(str(n), each) for n, each in enumerate(items, 1)]
    body: Resource = {
        "questionnaire": f"http://loinc.org/q/{_FORMS[name]}" if name in _FORMS else f"urn:chairside:instrument/{name}",
        "status": "entered-in-error" if entry["struck"] else "completed", "subject": links.subject,
        "encounter": links.encounter, "authored": entry["at"],
        "author": {"display": entry["by"]} if entry["by"] else None,
        "source": links.subject if doc.get("respondent") in (None, "patient") else None,
        "item": [said({"linkId": _link_of(name, str(key)), "answer": _answer(value)}) for key, value in pairs],
    }  # fmt: skip
    at_us = from_iso(entry["at"])
    return found_of("QuestionnaireResponse", id_, patient, at_us, from_iso(entry["received_at"]), body)


def _link_of(instrument: str, key: str) -> str:
    """The link of an item: by its LOINC code where its number has one, else as it was sent."""
    codes = CODES.get(instrument, {})
    numbered = {str(number): code for code, (number, more) in codes.items() if not more}
    return f"/{numbered[key]}" if key in numbered else f"/{key}" if key in codes else key


def _answer(value: object) -> list[Resource] | None:
    match value:
        case None:
            return None
        case bool():
            return [{"valueBoolean": value}]
        case int():
            return [{"valueInteger": value}] if abs(value) < 2**31 else [{"valueDecimal": value}]
        case float():
            return (
                [{"valueInteger": int(value)}]
                if value.is_integer() and abs(value) < 2**31
                else [{"valueDecimal": value}]
            )
        case _:
            return [{"valueString": str(value)}] if str(value).strip() else None


# ---- alerts and pages ------------------------------------------------------------------------------------------------


def flag_found(alert: AlertState) -> Found:
    """The Flag of an alert: active until it is closed."""
    over = alert["phase"] == "closed"
    onset_us, changed_us = from_iso(alert["onset_at"]), from_iso(alert["changed_at"])
    over_us = max(changed_us, onset_us)
    links = about(alert["patient"], alert["session"])
    priority = {
        "coding": [{"system": "http://hl7.org/fhir/flag-priority-code", "code": ALARM_PRIORITIES[alert["priority"]]}]
    }
    body: Resource = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/flag-priority", "valueCodeableConcept": priority}],
        "identifier": [{"system": "urn:chairside:alert", "value": alert["alert"]}], "status": "inactive" if over else "active",
        "category": [{
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/flag-category", "code": "clinical"}], "text": alert["category"],
        }],
        "code": {"coding": [{"system": "urn:chairside:rule", "code": alert["rule"], "display": alert["title"]}], "text": alert["text"]},
        "subject": links.subject, "encounter": links.encounter, "author": {"display": "Chairside"},
        "period": {"start": iso(onset_us), **({"end": iso(over_us)} if over else {})},
    }  # fmt: skip
    end_us = over_us if over else 2**62
    return found_of("Flag", fhir_id(alert["alert"]), alert["patient"], onset_us, changed_us, body, end_us=end_us)


def page_found(page: Page, sent_us: int | None, waiting: bool, reached: Sequence[str], failed: Sequence[str]) -> Found:
    """The Communication of a page. `waiting`: somebody may yet get it. `reached`, `failed`: who by what, in words."""
    owed_us = from_iso(page.at)
    at_us = owed_us if sent_us is None else sent_us
    status = "completed" if sent_us is not None else "in-progress" if waiting else "stopped"
    body: Resource = {
        "identifier": [{"system": "urn:chairside:page", "value": page.key}], "status": status,
        "statusReason": {"text": "nobody could be reached"} if status == "stopped" else None,
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/communication-category", "code": "alert"}]}],
        "priority": _REQUEST_PRIORITY[page.priority], "subject": about(page.patient, None).subject,
        "about": [{"reference": f"Flag/{fhir_id(alert)}"} for alert in page.alerts] or None,
        "sent": None if sent_us is None else iso(sent_us), "sender": {"display": "Chairside"},
        "recipient": [{"display": each} for each in reached] or None,
        "payload": [{"contentString": text} for text in (page.title, page.body) if text.strip()] or None,
        "note": [{"text": f"not reached: {each}"} for each in failed] or None,
    }  # fmt: skip
    return found_of("Communication", fhir_id(page.key), page.patient, at_us, max(at_us, owed_us), body, order=owed_us)


# ---- forecasts -------------------------------------------------------------------------------------------------------


def forecast_found(id_: str, forecast: KeptForecastOut) -> Found:
    """The RiskAssessment of a forecast: the chance of relapse within days, and between which days the next dose is due."""
    as_of, made_us = date.fromisoformat(forecast["as_of"]), from_iso(forecast["made_at"])
    predictions: list[Resource] = []
    for name, chance in (forecast.get("relapse_probability") or {}).items():
        until = (as_of + timedelta(days=_WITHIN_DAYS[name])).isoformat()
        predictions.append({
            "outcome": {"text": "relapse"}, "probabilityDecimal": round(float(chance), 6),
            "whenPeriod": {"start": as_of.isoformat(), "end": until},
        })  # fmt: skip
    if (due := forecast.get("due")) is not None:
        days = {name: day for name, day in due.items() if day != "beyond_horizon"}
        period = {name: days[at] for name, at in (("start", "p10"), ("end", "p90")) if at in days}
        likeliest = f"; as likely before {days['p50']} as after" if "p50" in days else ""
        predictions.append(said({
            "outcome": {"text": "the next maintenance dose is due"}, "whenPeriod": period or None,
            "rationale": f"4 in 5 times within this period{likeliest}" if period else "beyond what is looked at",
        }))  # fmt: skip
    body: Resource = {
        "status": "final", "method": {"text": forecast.get("model") or "not said"}, "subject": about(forecast["patient"], None).subject,
        "occurrenceDateTime": as_of.isoformat(), "performer": {"display": "Chairside"}, "prediction": predictions or None,
        "note": [{"text": each} for each in forecast.get("reasons") or () if each.strip()] or None,
    }  # fmt: skip
    day_us = from_iso(f"{forecast['as_of']}T00:00:00Z")
    end_us = from_iso(f"{(as_of + timedelta(days=1)).isoformat()}T00:00:00Z") - 1
    return found_of("RiskAssessment", id_, forecast["patient"], day_us, made_us, body, end_us=end_us)


# ---- the audit -------------------------------------------------------------------------------------------------------


def audit_found(entry: AuditEntryOut) -> Found:
    """The AuditEvent of an entry of the audit."""
    kind, at_us, patient = entry["kind"], from_iso(entry["at"]), entry["patient"]
    refused = kind.endswith(("refused", "failed"))
    action = "R" if kind == "read" else "E" if kind.startswith(("access.", "page")) else "U" if _goes_on(kind) else "C"
    detail = [{"type": "hash", "valueString": entry["hash"]}]
    if entry["doc"] is not None:
        detail.append({"type": "content", "valueString": json.dumps(entry["doc"], ensure_ascii=False)})
    person: Resource = {"what": {"reference": f"Patient/{fhir_id(patient)}"}} if patient else {}
    who = entry["who"]
    agent: Resource = {"requestor": who is not None}
    agent |= {"name": "Chairside"} if who is None else {"altId": who, "name": who}
    body: Resource = {
        "type": {"system": "urn:chairside:audit", "code": kind}, "action": action, "recorded": iso(at_us),
        "outcome": "4" if refused else "0", "agent": [agent], "source": {"observer": {"display": "Chairside"}},
        "entity": [{**person, "detail": detail}],
    }  # fmt: skip
    codes = {"type": [("urn:chairside:audit", kind)]}
    return found_of("AuditEvent", str(entry["number"]), patient, at_us, at_us, body, order=entry["number"], codes=codes)


def _goes_on(kind: str) -> bool:
    return kind.startswith("transition.") and kind != "transition.raised"
