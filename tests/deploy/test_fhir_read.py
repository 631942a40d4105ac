"""The FHIR read API over a real service: every resource valid by the standard, searches, paging, roles, the audit, errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fhir.resources.R4B import get_fhir_model_class

from alerts.effects import AuditEntry, Forecast, FrameEffects
from alerts.fhir.search import PARAMETERS
from deploy.settings import AccessPart, Settings
from models.arrays import Document
from tests.support.access import access_of, account, browser, locked
from tests.support.service import Inside, at, falling, recovering, sample, serving, until

PAGED = Settings()
"""Pages go to the terminal."""
LOINC = "http://loinc.org"
WHO = {"patient": "willow", "session": "s1"}


def visit() -> list[Document]:
    """A session: a fall of oxygen that is paged, minutes without a reading, two cuffs by hand, one of them wrong, and forms."""
    told: list[Document] = [
        {"kind": "patient.registered", "at": at(-9), "patient": "willow", "weight_kg": 80.0, "birth_year": 1984, "sex": "female"},
        {"kind": "session.started", "at": at(-8), **WHO, "chair": "3", "device": "m3", "drug": "esketamine"},
        {"kind": "vitals", "at": at(5), **WHO, "by": "rn-1", "id": "c1", "sbp": 182.0, "dbp": 80.0},
        {"kind": "vitals", "at": at(6), **WHO, "by": "rn-1", "id": "c2", "sbp": 128.0, "replaces": "c1"},
        {"kind": "checkin", "at": at(400), **WHO, "by": "rn-1", "id": "k1", "instrument": "moaas", "score": 5},
        {"kind": "checkin", "at": at(401), "patient": "willow", "id": "k2", "instrument": "phq-9", "items": [1, 1, 0, 2, 1, 1, 1, 0, 0]},
        {"kind": "checkin", "at": at(402), "patient": "oak Ä/1", "id": "k3", "instrument": "phq-9", "items": [3] * 9},
    ]  # fmt: skip
    late = [sample(380 + n, device="m3", spo2=97.0 - n % 2, pulse=72.0 + n % 3) for n in range(60)]
    monitor = sample(200, device="m3", sbp=131.0, dbp=84.0)
    readings = [*falling("willow", device="m3"), *recovering("willow", device="m3"), monitor, *late]
    return sorted([*told, *readings], key=lambda each: str(each["at"]))


def valid(resource: dict[str, Any]) -> Any:
    return get_fhir_model_class(resource["resourceType"]).model_validate_json(json.dumps(resource))


async def search(http: httpx.AsyncClient, kind: str, **asked: Any) -> list[dict[str, Any]]:
    """All that a search finds, page by page; each Bundle and each resource is held against the standard."""
    found: list[dict[str, Any]] = []
    address = str(httpx.URL(f"/fhir/{kind}", params=asked))
    while address:
        answer = await http.get(address)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/fhir+json"
        bundle = valid(answer.json())
        assert bundle.type == "searchset"
        page = [each["resource"] for each in answer.json()["entry"]]
        assert len(page) <= int(asked.get("_count", 100))
        found += page
        address = next((each["url"] for each in answer.json()["link"] if each["relation"] == "next"), "")
    for each in found:
        valid(each)
    ids = [each["id"] for each in found]
    assert len(set(ids)) == len(ids)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clinic(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    async with serving(tmp_path_factory.mktemp("fhir") / "data", PAGED) as inside:
        await inside.post(*visit())
        await inside.settled()
        yield inside


def loinc(resource: dict[str, Any]) -> str:
    code: str = resource["code"]["coding"][0]["code"]
    return code


@pytest.mark.asyncio(loop_scope="module")
async def test_all_that_is_known_of_a_patient_is_read_as_valid_resources(clinic: Inside) -> None:
    http = clinic.http
    await until(lambda: clinic.service.store.page_counts(0).sent > 0, "the page to be sent")
    forecast: Document = {
        "patient": "willow", "as_of": "2026-11-23", "due": {"p10": "2026-11-25", "p50": "2026-11-28", "p90": "beyond_horizon"},
        "relapse_probability": {"7d": 0.5, "14d": 0.7, "28d": 0.9}, "model": "m1", "reasons": ["Because."],
    }  # fmt: skip
    effect = Forecast(at(500), "main", "willow", "2026-11-23", "x", forecast)
    clinic.service.store.commit(FrameEffects(7, 1, (effect,)))

    observed = await search(http, "Observation", patient="willow", _count=7)
    by_code: dict[str, list[dict[str, Any]]] = {}
    for each in observed:
        by_code.setdefault(loinc(each), []).append(each) if "coding" in each["code"] else None
    oxygen = by_code["59408-5"]
    absent = [each for each in oxygen if "dataAbsentReason" in each]
    assert [each["effectivePeriod"]["start"] for each in absent] == [at(120), at(180), at(240), at(300)]
    assert min(each["valueQuantity"]["value"] for each in oxygen if each not in absent) == pytest.approx(88.0, abs=3)
    assert {each["code"] for each in oxygen[0]["code"]["coding"]} == {"59408-5", "2708-6"}
    cuffs = {each["status"]: each for each in by_code["85354-9"] if "effectiveDateTime" in each}
    assert cuffs["entered-in-error"]["component"][0]["valueQuantity"]["value"] == 182
    assert "dataAbsentReason" in cuffs["final"]["component"][1], "no diastolic pressure was entered"
    (monitors,) = [each for each in by_code["85354-9"] if "effectivePeriod" in each]
    assert [part["valueQuantity"]["value"] for part in monitors["component"]] == [131, 84]
    assert [each["valueQuantity"]["value"] for each in by_code["44261-6"]] == [7]
    assert {each["subject"]["reference"] for each in observed} == {"Patient/willow"}

    (form,) = await search(http, "QuestionnaireResponse", patient="Patient/willow")
    assert [(item["linkId"], item["answer"][0]["valueInteger"]) for item in form["item"][:2]] == [
        ("/44250-9", 1),
        ("/44255-8", 1),
    ]
    flags = await search(http, "Flag", patient="willow")
    assert {each["code"]["coding"][0]["code"] for each in flags} == {
        each["rule"] for each in (await clinic.get("/v1/alerts"))["alerts"] if each["patient"] == "willow"
    }
    pages = await search(http, "Communication", patient="willow")
    assert {each["status"] for each in pages} == {"completed"}
    assert pages[0]["recipient"] == [{"display": "console"}]
    assert pages[0]["about"][0]["reference"].removeprefix("Flag/") in {each["id"] for each in flags}
    (risk,) = await search(http, "RiskAssessment", patient="willow", date="2026-11-23")
    assert [each["probabilityDecimal"] for each in risk["prediction"][:3]] == [0.5, 0.7, 0.9]
    assert risk["prediction"][3]["whenPeriod"] == {"start": "2026-11-25"}
    people = await search(http, "Patient")
    assert {"oak Ä/1", "willow"} <= {each["identifier"][0]["value"] for each in people}
    audit = await search(http, "AuditEvent", _count=50)
    assert {"transition.raised", "page", "checkin", "read"} <= {each["type"]["code"] for each in audit}

    for each in (*observed, form, *flags, *pages, risk, *people, *audit[:20]):
        answer = await http.get(f"/fhir/{each['resourceType']}/{each['id']}")
        assert answer.json() == each, "read by its id it is the same"

    # Whose alias is no id is reached by the id that stands for it, and what goes out goes in again.
    other = next(each["id"] for each in people if each["identifier"][0]["value"] == "oak Ä/1")
    (theirs,) = await search(http, "QuestionnaireResponse", patient=f"Patient/{other}")
    assert theirs["subject"] == {"reference": f"Patient/{other}"}
    again = {**form, "id": "back-again", "subject": {"reference": "Patient/elm"}}
    mood = {**theirs, "id": "theirs-again", "authored": at(900)}
    for each in (again, mood):
        assert (await http.post("/fhir/QuestionnaireResponse", json=each)).status_code == 201
    await clinic.settled()
    (back,) = await search(http, "QuestionnaireResponse", patient="elm")
    assert back["item"][:9] == form["item"]
    assert back["questionnaire"] == form["questionnaire"]
    assert len(await search(http, "QuestionnaireResponse", patient="oak Ä/1")) == 2


@pytest.mark.asyncio(loop_scope="module")
async def test_a_search_finds_what_it_asks_for_and_nothing_else(clinic: Inside) -> None:
    http = clinic.http
    whole = await search(http, "Observation", patient="willow")
    oxygen = await search(http, "Observation", patient="willow", code=f"{LOINC}|59408-5,{LOINC}|9279-1")
    assert oxygen == [each for each in whole if "coding" in each["code"] and loinc(each) == "59408-5"]
    assert await search(http, "Observation", patient="willow", code="urn:other|59408-5") == []
    from_on = await search(http, "Observation", patient="willow", date=f"ge{at(380)}", _count=3)
    assert from_on == [
        each for each in whole if each.get("effectiveDateTime", each.get("effectivePeriod", {}).get("end")) >= at(380)
    ]
    assert from_on != whole
    day = await search(http, "Observation", patient="willow", date="2026-11-23", category="survey")
    assert day == [each for each in whole if each["category"][0]["coding"][0]["code"] == "survey"]
    assert await search(http, "Observation", patient="willow", date="lt2026-11-23") == []
    late = await search(http, "Flag", _lastUpdated=f"gt{at(100000)}")
    assert late == []
    one = whole[3]["id"]
    assert await search(http, "Observation", _id=one) == [whole[3]]
    assert await search(http, "Observation", _id=one, patient="elm") == []
    assert await search(http, "Patient", identifier="urn:chairside:site:main|willow") == await search(
        http, "Patient", _id="willow"
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_answered_is_an_operation_outcome_that_names_the_parameter(clinic: Inside) -> None:
    for path, status, where in (
        ("/fhir/Observation", 400, "patient"),
        ("/fhir/Observation?patient=willow&colour=red", 400, "colour"),
        ("/fhir/Observation?patient=willow&date=yesterday", 400, "date"),
        ("/fhir/Observation?patient=willow&date=2026-13", 400, "date"),
        ("/fhir/Observation?patient=willow&_count=none", 400, "_count"),
        ("/fhir/Observation?patient=willow&_after=2", 400, "_after"),
        ("/fhir/Observation?patient=willow&patient=elm", 400, "patient"),
        ("/fhir/Observation?patient=willow&_format=xml", 406, "_format"),
        ("/fhir/Observation/m-0123456789abcdef-spo2-1", 404, None),
        ("/fhir/Observation/e-0-99999-0", 404, None),
        ("/fhir/Patient/nobody", 404, None),
        ("/fhir/AuditEvent/0", 404, None),
        ("/fhir/Flag/x.--", 404, None),
        ("/fhir/Device", 404, None),
    ):  # fmt: skip
        answer = await clinic.http.get(path)
        assert answer.status_code == status, path
        outcome = valid(answer.json())
        assert (outcome.issue[0].expression or [None])[0] == where, path


@pytest.mark.asyncio(loop_scope="module")
async def test_the_statement_says_what_there_is(clinic: Inside) -> None:
    statement = (await clinic.http.get("/fhir/metadata")).json()
    valid(statement)
    told = {each["type"]: {one["name"] for one in each["searchParam"]} for each in statement["rest"][0]["resource"]}
    assert told == {kind: {each.name for each in parameters} for kind, parameters in PARAMETERS.items()}
    document = (await clinic.http.get("/openapi.json")).json()
    for kind, names in told.items():
        described = {each["name"] for each in document["paths"][f"/fhir/{kind}"]["get"]["parameters"]}
        assert names < described


@pytest.mark.asyncio(loop_scope="module")
async def test_another_sites_patients_are_not_here(clinic: Inside) -> None:
    entry = AuditEntry(at(1), "south", "birch", None, "checkin", None, "accepted", {"kind": "checkin", "at": at(1), "instrument": "phq-9", "items": [1] * 9, "patient": "birch"}, at(1))  # fmt: skip
    clinic.service.store.commit(FrameEffects(9, 5, (entry,)))
    assert await search(clinic.http, "QuestionnaireResponse", patient="birch") == []
    for path in ("Patient/birch", "QuestionnaireResponse/e-9-5-0", "Observation/e-9-5-0"):
        assert (await clinic.http.get(f"/fhir/{path}")).status_code == 404, path
    assert [
        each["id"] for each in await search(clinic.http, "QuestionnaireResponse", patient="birch", site="south")
    ] == ["e-9-5-0"]


async def test_what_is_read_of_a_patient_is_audited_by_the_name_of_the_person_or_system(tmp_path: Path) -> None:
    settings = PAGED.model_copy(update={"access": AccessPart(sign_in=True)})
    async with locked(tmp_path, settings) as clinic:
        await clinic.post(*falling())
        await clinic.post(*falling("P-2", device="m2"))
        await clinic.settled()
        account(clinic, "ada", "nurse")
        token = access_of(clinic).accounts.tokens.add("ehr", ["fhir"])
        async with httpx.AsyncClient(base_url=clinic.address, headers={"authorization": f"Bearer {token}"}) as ehr:
            (flag,) = await search(ehr, "Flag", patient="P-1")
            assert {each["id"] for each in await search(ehr, "Patient")} == {"P-1", "P-2"}
            assert (await ehr.get("/fhir/AuditEvent")).status_code == 403
            assert (await ehr.post("/fhir/Observation", json={})).status_code == 403, "it reads, and sends nothing"
            assert (await ehr.get("/v1/patients/P-1")).status_code == 403
        async with browser(clinic, "ada") as ada:
            assert (await ada.get(f"/fhir/Flag/{flag['id']}")).status_code == 200
        await until(lambda: clinic.service.trail.waiting == 0, "what was noted to be written")
        read = clinic.service.store.audit_page("main", kind="read")["entries"]
        assert [(each["who"], each["patient"], each["doc"]["page"]) for each in reversed(read)] == [
            ("ehr", "P-1", "/fhir/Flag"), ("ehr", "P-1", "/fhir/Patient"), ("ehr", "P-2", "/fhir/Patient"),
            ("ada", "P-1", "/fhir/Flag/{id}"),
        ]  # fmt: skip
