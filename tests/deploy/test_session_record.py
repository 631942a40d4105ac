"""A session's record over the routes: live and after its end, with what was struck; as CSV, FHIR and the REMS form's data."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fhir.resources.R4B import get_fhir_model_class

from alerts.record.rems import rems_form
from alerts.record.rems_pdf import form_lines
from alerts.record.session import session_record
from models.arrays import Document
from models.wire.record import REMS_ADAPTER, SESSION_RECORD_ADAPTER
from tests.deploy.test_api import QUIET
from tests.support.service import Inside, at, sample, serving

SESSION = "willow-20261123"
MINUTE_S = 60


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path / "data", QUIET) as inside:
        yield inside


def entry(minute: float, kind: str, **fields: object) -> Document:
    return {
        "kind": kind, "at": at(minute * MINUTE_S), "patient": "willow", "session": SESSION, "by": "rn-1", "source": "chair-page",
        **fields,
    }  # fmt: skip


def visit() -> list[Document]:
    """A visit for 56 mg of esketamine: a wrong cuff, a fall of oxygen that is answered, drowsy and away until minute 80."""
    told = [
        {"kind": "dose", "at": at(-4 * 24 * 3600), "patient": "willow", "drug": "esketamine", "route": "intranasal", "amount_mg": 56},
        {"kind": "patient.registered", "at": at(-600), "patient": "willow", "weight_kg": 80.0, "birth_year": 1984, "sex": "female",
         "medications": ["lorazepam"]},
        entry(0, "session.started", chair="3", device="m3", drug="esketamine", route="intranasal", planned_mg=56, planned_minutes=10),
        entry(2, "vitals", id="c1", sbp=182.0, dbp=80.0),
        entry(2, "vitals", id="c2", sbp=128.0, dbp=80.0, replaces="c1"),
        entry(5, "intervention", id="l1", what="lot", detail="24A117"),
        entry(5, "dose", id="d1", drug="esketamine", route="intranasal", amount_mg=56, minutes=10),
        entry(25, "checkin", id="m1", instrument="moaas", score=4),
        entry(46, "vitals", id="c3", sbp=141.0, dbp=86.0),
        entry(47, "checkin", id="k1", instrument="cadss-6", items=[2, 1, 1, 0, 0, 1]),
        entry(85, "checkin", id="m2", instrument="moaas", score=5),
        entry(86, "checkin", id="k2", instrument="cadss-6", items=[0, 0, 0, 0, 0, 0]),
        entry(124, "vitals", id="c4", sbp=130.0, dbp=82.0),
        entry(126, "session.ended", reason="completed", discharged=True),
    ]  # fmt: skip
    readings = [sample(s, device="m3", spo2=88.0 if 1800 <= s < 1920 else 97.0 - s % 2, pulse=72.0 + s % 3) for s in range(0, 126 * 60, 10)]  # fmt: skip
    return sorted([*told, *readings], key=lambda each: str(each["at"]))


async def test_a_session_s_record_is_whole_after_its_end(clinic: Inside) -> None:
    await clinic.post(*visit())
    await clinic.settled()
    record = await clinic.get(f"/v1/sessions/{SESSION}/record")
    SESSION_RECORD_ADAPTER.validate_json(json.dumps(record), strict=True)
    assert (record["patient"], record["chair"], record["drug"], record["given_mg"]) == ("willow", "3", "esketamine", 56)
    assert (record["end_reason"], record["discharged"], record["weight_kg"]) == ("completed", True, 80)
    assert [(e["doc"]["id"], e["struck"]) for e in record["entries"] if e["kind"] in ("vitals", "cuff.corrected")] == [
        ("c1", True), ("c2", False), ("c3", False), ("c4", False),
    ]  # fmt: skip
    assert [(e["score"], e["means"]) for e in record["entries"] if e["kind"] == "checkin"] == [
        (4, "drowsy"), (5, "marked"), (5, "awake"), (0, "none"),
    ]  # fmt: skip
    minutes = record["channels"]["spo2"]
    assert len(minutes["minute"]) >= 120
    assert (min(minutes["lowest"]), max(minutes["highest"])) == (88, 97)
    assert record["limits"]["spo2"]["low"] is not None
    fall = next(alert for alert in record["alerts"] if alert["rule"] == "desaturation")
    assert fall["steps"][0]["transition"] == "raised"
    assert fall["over_at"] is not None


async def test_who_answered_an_alert_stands_in_the_record_while_the_session_goes_on(clinic: Inside) -> None:
    await clinic.post(*[each for each in visit() if str(each["at"]) < at(1915)])
    await clinic.settled()
    (alert,) = [one for one in (await clinic.get("/v1/alerts"))["alerts"] if one["rule"] == "desaturation"]
    answer = await clinic.http.post(f"/v1/alerts/{alert['alert']}/acknowledge", json={"by": "rn-2"})
    assert answer.status_code == 202
    await clinic.settled()
    record = await clinic.get(f"/v1/sessions/{SESSION}/record")
    assert record["ended_at"] is None
    (told,) = [one for one in record["alerts"] if one["alert"] == alert["alert"]]
    assert [(step["transition"], step["by"]) for step in told["steps"] if step["by"]] == [("acknowledged", "rn-2")]


async def test_the_rems_form_s_data_is_filled_from_the_session_and_says_what_is_missing(clinic: Inside) -> None:
    await clinic.post(*visit())
    await clinic.settled()
    form = await clinic.get(f"/v1/sessions/{SESSION}/rems")
    REMS_ADAPTER.validate_json(json.dumps(form), strict=True)
    assert form["is_esketamine"] is True
    assert form["first_treatment"] == "no"
    assert form["concomitants"] == {
        "benzodiazepines": "yes", "non-benzodiazepine sedative hypnotics": "no", "psychostimulants": "no",
        "monoamine oxidase inhibitors": "no", "opioids": "no",
    }  # fmt: skip
    assert (form["dose_mg"], form["devices"], form["lot"], form["total_minutes"]) == (56, 2, "24A117", 121)
    pressures = {name: (form[name]["sbp"], form[name]["dbp"], form[name]["minute"]) for name in ("pressure_before", "pressure_40", "pressure_at_end")}  # fmt: skip
    assert pressures == {
        "pressure_before": (128, 80, -3),
        "pressure_40": (141, 86, 41),
        "pressure_at_end": (130, 82, 119),
    }
    assert (form["vitals_acceptable_before"], form["vitals_acceptable_at_end"]) == ("yes", "yes")
    assert form["sedation"] == {"happened": "yes", "from_minute": 20, "until_minute": 80, "words": "MOAA/S 4"}
    assert form["dissociation"] == {"happened": "yes", "from_minute": 42, "until_minute": 81, "words": "CADSS-6 5"}
    assert form["respiratory_depression"]["happened"] == "yes"
    assert form["ready_minute"] == 81
    assert form["missing"] == ["name", "date of birth", "serious adverse event"]
    assert (form["treated_on"], form["due_by"], form["timezone"]) == ("2026-11-23", "2026-11-30", "UTC")
    printed = await clinic.http.get(f"/v1/sessions/{SESSION}/rems.pdf")
    assert printed.headers["content-type"] == "application/pdf"
    assert printed.content.startswith(b"%PDF-")
    assert printed.content.count(b"/Type /Page\n") == 1


async def test_what_was_not_looked_at_is_not_denied_on_the_form(clinic: Inside) -> None:
    await clinic.post(*[each for each in visit() if each["kind"] in ("session.started", "dose", "session.ended")])
    await clinic.settled()
    form = await clinic.get(f"/v1/sessions/{SESSION}/rems")
    for event in ("sedation", "dissociation", "respiratory_depression", "serious_adverse_event"):
        assert form[event]["happened"] is None, event
    assert form["pressure_before"] is form["pressure_40"] is form["pressure_at_end"] is form["ready_minute"] is None
    assert set(form["concomitants"].values()) == {None}
    assert {"sedation", "dissociation", "pressure before", "concomitants", "lot", "sex"} <= set(form["missing"])


async def test_the_record_is_a_fhir_bundle_that_the_standard_allows(clinic: Inside) -> None:
    await clinic.post(*visit())
    await clinic.settled()
    answer = await clinic.http.get(f"/v1/sessions/{SESSION}/record.fhir.json")
    assert answer.headers["content-type"] == "application/fhir+json"
    bundle: Any = get_fhir_model_class("Bundle").model_validate_json(answer.text)
    kinds = [one.resource.get_resource_type() for one in bundle.entry]
    assert {kind: kinds.count(kind) for kind in ("Patient", "Encounter", "MedicationAdministration", "Procedure")} == {
        "Patient": 1, "Encounter": 1, "MedicationAdministration": 1, "Procedure": 1,
    }  # fmt: skip
    statuses = [one.resource.status for one in bundle.entry if one.resource.get_resource_type() == "Observation"]
    assert statuses.count("entered-in-error") == 1, "the wrong cuff is there, and said to be wrong"
    assert "DetectedIssue" in kinds
    again = await clinic.http.get(f"/v1/sessions/{SESSION}/record.fhir.json")
    assert again.text == answer.text


async def test_the_whole_record_of_a_patient_is_one_bundle_about_one_person(clinic: Inside) -> None:
    visits = [*visit()]
    later = [
        {
            **each,
            "at": at(7 * 24 * 3600 + n),
            "session": "second",
            **({"id": f"{each['id']}-2"} if "id" in each else {}),
        }
        for n, each in enumerate(each for each in visits if each.get("session") == SESSION and "replaces" not in each)
    ]
    other = {"kind": "dose", "at": at(30), "patient": "oak", "drug": "ketamine", "route": "iv", "amount_mg": 35}
    home = {"kind": "checkin", "at": at(3 * 24 * 3600), "patient": "willow", "instrument": "phq-9", "items": [1] * 9}
    await clinic.post(*sorted([*visits, other, home, *later], key=lambda each: str(each["at"])))
    await clinic.settled()
    answer = await clinic.http.get("/v1/patients/willow/record.fhir.json")
    assert answer.headers["content-type"] == "application/fhir+json"
    get_fhir_model_class("Bundle").model_validate_json(answer.text)
    entries = answer.json()["entry"]
    kinds = [each["resource"]["resourceType"] for each in entries]
    counted = {
        kind: kinds.count(kind) for kind in ("Patient", "Encounter", "MedicationAdministration", "MedicationStatement")
    }
    assert counted == {"Patient": 1, "Encounter": 2, "MedicationAdministration": 3, "MedicationStatement": 1}
    urls = [each["fullUrl"] for each in entries]
    assert len(set(urls)) == len(urls)
    person = next(each["fullUrl"] for each in entries if each["resource"]["resourceType"] == "Patient")
    about = [each["resource"].get("subject", each["resource"].get("patient")) for each in entries]
    assert {each["reference"] for each in about if each is not None} == {person}
    scores = [each["resource"] for each in entries if each["resource"].get("valueQuantity", {}).get("value") == 9]
    assert len(scores) == 1
    assert "encounter" not in scores[0], "it was answered at home"
    assert "oak" not in answer.text
    assert (await clinic.http.get("/v1/patients/nobody/record.fhir.json")).status_code == 404


async def test_the_record_is_a_table_that_no_spreadsheet_runs(clinic: Inside) -> None:
    note = entry(6, "intervention", id="n1", what="=1+1", detail="@SUM(A1)")
    await clinic.post(*sorted([*visit(), note], key=lambda each: str(each["at"])))
    await clinic.settled()
    answer = await clinic.http.get(f"/v1/sessions/{SESSION}/record.csv")
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert {row["what"] for row in rows} >= {"minute", "dose", "checkin", "alert", "vitals", "cuff.corrected"}
    assert [row["struck"] for row in rows if row["what"] == "vitals"] == ["struck", "", ""]
    assert next(row["name"] for row in rows if row["name"].endswith("=1+1")) == "'=1+1"


async def test_a_name_that_was_given_to_two_people_is_two_records(clinic: Inside) -> None:
    await clinic.post(*visit())
    other = {**entry(300, "session.started", chair="4", device="m4", drug="ketamine", route="iv"), "patient": "cedar"}
    await clinic.post(other, {**entry(305, "checkin", id="x1", instrument="moaas", score=3), "patient": "cedar"})
    await clinic.settled()
    last = await clinic.get(f"/v1/sessions/{SESSION}/record")
    first = await clinic.get(f"/v1/sessions/{SESSION}/record", patient="willow")
    assert (last["patient"], len(last["entries"])) == ("cedar", 2)
    assert (first["patient"], first["given_mg"]) == ("willow", 56)
    assert {e["doc"].get("id") for e in first["entries"]}.isdisjoint({"x1"})
    nobody = await clinic.http.get("/v1/sessions/none/record")
    assert nobody.status_code == 404


async def test_a_session_s_name_may_hold_a_slash_or_what_is_not_seen(clinic: Inside) -> None:
    names = ["A-17/b now", "a/record", "oak\u00a0tree", "50% #1?", "trace"]
    for number, name in enumerate(names):
        who = {"patient": name, "session": name, "at": at(number)}
        start = {"kind": "session.started", "chair": f"c{number}", "drug": "ketamine", "route": "iv"}
        await clinic.post({**start, **who}, {"kind": "vitals", "sbp": 128.0, "dbp": 80.0, "id": f"c-{number}", **who})
    await clinic.settled()
    pages = ("record", "record.csv", "record.fhir.json", "rems", "rems.pdf", "trace", "tablet")
    for name in names:
        of_it = f"/v1/sessions/{quote(name, safe='')}"
        answers = [await clinic.http.get(f"{of_it}/{page}") for page in pages]
        assert [each.status_code for each in answers] == [200] * len(pages), name
        assert (answers[0].json()["session"], answers[0].json()["patient"]) == (name, name)
    opened = clinic.service.store.audit_page("main", kind="read")["entries"]
    read = {each["doc"]["session"] for each in opened if "/v1/sessions/" in each["doc"]["page"]}
    assert read == set(names), "each is audited under its own name"


def test_days_of_the_form_are_the_site_s() -> None:
    dose = {"kind": "dose", "at": "2026-11-24T02:30:00Z", "by": None, "outcome": "accepted", "received_at": "2026-11-24T02:30:00Z",
            "doc": {"drug": "esketamine", "route": "intranasal", "amount_mg": 56}}  # fmt: skip
    record = session_record("main", "s", "p", [dose], [], {}, {"session": "s", "patient": "p", "channels": {}}, {})
    form = rems_form(record, treated_before=False, medications=None, timezone="America/Los_Angeles")
    assert (form["treated_on"], form["due_by"]) == ("2026-11-23", "2026-11-30")
    form["pressure_before"] = {"sbp": 120.0, "dbp": 80.0, "at": "2026-11-24T02:20:00Z", "minute": -10.0}
    assert ("Blood pressure before", "120/80 mmHg, minute -10 (18:20 PST)") in form_lines(form, None)
