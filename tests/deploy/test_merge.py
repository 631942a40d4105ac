"""Two aliases merged by a record system (ADT^A40 over MLLP): every page, list, record and forecast shows one person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import hl7
import pytest
import pytest_asyncio
from fhir.resources.R4B import get_fhir_model_class
from hl7.client import MLLPClient

from alerts.store.store import Store
from deploy.privacy.erase import aliases_of, erase
from deploy.settings import Settings
from deploy.upkeep.verify import DATABASE
from models.arrays import Document
from models.relapse.history import PatientHistory
from streams.forecasts.jobs import ForecastRequest, PatientInput, make_forecasts, records_of
from tests.streams.intake.hl7.test_message import message
from tests.support.service import Inside, at, falling, recovering, serving, until

DAY = 86_400
OLD, NEW = "P-3", "N-9"


def course(first: str, second: str) -> list[Document]:
    """Four weeks of one person under two aliases, or under one; each alias numbers its entries from 1."""
    told: list[Document] = [
        {"kind": "patient.registered", "at": at(-40 * DAY), "patient": first, "conditions": ["aneurysm"], "weight_kg": 70.0, "birth_year": 1980},
        {"kind": "checkin", "at": at(-30 * DAY), "patient": first, "instrument": "phq-9", "score": 21, "id": "1"},
        {"kind": "dose", "at": at(-28 * DAY), "patient": first, "drug": "ketamine", "route": "iv", "amount_mg": 35, "id": "2"},
        {"kind": "patient.registered", "at": at(-15 * DAY), "patient": second, "conditions": [], "weight_kg": 72.0},
        {"kind": "checkin", "at": at(-14 * DAY), "patient": second, "instrument": "phq-9", "score": 7, "id": "1" if first != second else "3"},
        {"kind": "dose", "at": at(-7 * DAY), "patient": second, "drug": "ketamine", "route": "iv", "amount_mg": 35, "id": "2" if first != second else "4"},
    ]  # fmt: skip
    return told


A40 = message("EVN||20261123135950", f"PID|||{NEW}^^^HOSP^MR||Doe^Jo", f"MRG|{OLD}^^^HOSP^MR", kind="ADT^A40^ADT_A39")


async def sent(clinic: Inside, *bodies: bytes) -> list[str]:
    """What a record system of another make is answered."""
    port = clinic.service.hl7.port

    def talk() -> list[str]:
        with MLLPClient("127.0.0.1", port) as client:
            answers = [hl7.parse(client.send_message(body).strip(b"\x0b\x1c\r").decode()) for body in bodies]
        return [str(each["MSA"][0][1]) for each in answers]

    found = await asyncio.to_thread(talk)
    await clinic.settled()
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clinic(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    settings = Settings.model_validate({"pages": {"destinations": []}, "hl7": {"port": 0}})
    async with serving(tmp_path_factory.mktemp("merge") / "data", settings) as inside:
        await until(lambda: inside.service.hl7.port is not None, "the port")
        await inside.post(*course(OLD, NEW))
        session = {"patient": OLD, "session": "s1"}
        await inside.post(
            {"kind": "session.started", "at": at(-8), **session, "chair": "3", "device": "m3", "drug": "ketamine"}
        )
        await inside.post(*falling(OLD, device="m3"))
        await inside.settled()
        assert await sent(inside, A40, A40) == ["AA", "AA"]
        await inside.post(*recovering(OLD, device="m3"))
        await inside.post(
            {"kind": "checkin", "at": at(125), "patient": OLD, "instrument": "phq-9", "score": 8, "id": "9"}
        )
        await inside.post({"kind": "session.ended", "at": at(130), **session, "discharged": True})
        await inside.settled()
        yield inside


@pytest.mark.asyncio(loop_scope="module")
async def test_the_scheduler_s_list_shows_one_and_either_alias_leads_to_the_same_page(clinic: Inside) -> None:
    assert [each["patient"] for each in (await clinic.get("/v1/patients"))["patients"]] == [NEW]
    pages = [await clinic.get(f"/v1/patients/{alias}") for alias in (NEW, OLD)]
    assert [each["patient"] for each in pages] == [NEW, NEW]
    for page in pages:
        assert [each["score"] for each in page["scores"]] == [21, 7, 8]
        assert len(page["doses"]) == 2
        assert [each["session"] for each in page["sessions"]] == ["s1"]
    ((condition,),) = {
        tuple((await clinic.get(f"/v1/patients/{each}/registration"))["conditions"]) for each in (NEW, OLD)
    }
    assert condition == "aneurysm"
    assert (await clinic.get(f"/v1/patients/{NEW}/registration"))["weight_kg"] == 72.0


@pytest.mark.asyncio(loop_scope="module")
async def test_the_alert_of_the_running_session_is_told_of_the_alias_that_stays(clinic: Inside) -> None:
    alerts = (await clinic.get("/v1/alerts"))["alerts"]
    assert {each["patient"] for each in alerts if each["phase"] != "closed"} == {NEW}
    steps = [each for each in await clinic.transitions() if each["rule"] == "desaturation"]
    assert [(each["transition"], each["patient"]) for each in steps][:2] == [("raised", OLD), ("renamed", NEW)]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_record_of_the_session_and_of_the_person_is_whole(clinic: Inside) -> None:
    record = await clinic.get("/v1/sessions/s1/record")
    assert record["patient"] == NEW
    assert {"session.started", "session.ended"} <= {each["kind"] for each in record["entries"]}
    whole = [await clinic.get(f"/v1/patients/{alias}/record.fhir.json") for alias in (NEW, OLD)]
    kinds: list[Mapping[str, int]] = []
    for bundle in whole:
        found = [each["resource"]["resourceType"] for each in bundle["entry"]]
        kinds.append({kind: found.count(kind) for kind in found})
    assert kinds[0] == kinds[1]
    assert kinds[0]["Patient"] == 1
    assert kinds[0]["MedicationAdministration"] == 2


@pytest.mark.asyncio(loop_scope="module")
async def test_fhir_says_which_alias_has_replaced_which_and_finds_all_under_either(clinic: Inside) -> None:
    async def read(address: str, **asked: Any) -> dict[str, Any]:
        found: dict[str, Any] = await clinic.get(f"/fhir/{address}", **asked)
        get_fhir_model_class(found["resourceType"]).model_validate(found)
        return found

    old, new = await read(f"Patient/{OLD}"), await read(f"Patient/{NEW}")
    assert old["link"] == [{"other": {"reference": f"Patient/{NEW}"}, "type": "replaced-by"}]
    assert new["link"] == [{"other": {"reference": f"Patient/{OLD}"}, "type": "replaces"}]
    assert (old["active"], new["active"], "birthDate" in old) == (False, True, False)
    for kind in ("Observation", "Flag"):
        found = [await read(kind, patient=alias, _count=500) for alias in (OLD, NEW)]
        assert found[0]["entry"] == found[1]["entry"] != []
        assert {each["resource"]["subject"]["reference"] for each in found[0]["entry"]} == {f"Patient/{NEW}"}
        for one in found[0]["entry"][:3]:
            assert await read(f"{kind}/{one['resource']['id']}") == one["resource"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_forecast_is_made_of_both_courses_as_if_they_had_always_been_one(clinic: Inside) -> None:
    store = clinic.service.store
    entries = store.courses("main", [NEW])[NEW]
    assert entries == store.courses("main", [OLD])[OLD]
    assert store.courses("main", [NEW, OLD]) == {NEW: entries, OLD: entries}, "a night that asks for both has both"
    as_of = PatientHistory(NEW, ()).day_of(records_of(entries)[0].at) + 40
    one = [{**each, "received_at": got["received_at"]} for each, got in zip(course(NEW, NEW), entries, strict=False)]
    request = ForecastRequest("main", NEW, as_of, 2**62)
    apart, joined = (
        make_forecasts([(request, PatientInput(given))], None)[0].forecast for given in (one, entries[: len(one)])
    )
    assert apart is not None
    assert apart == joined
    row = clinic.service.owner.shard.ward.home.patients["main", NEW]
    assert row.entries == len(records_of(entries)), "or the cache of the course would be read anew for ever, or never"


@pytest.mark.asyncio(loop_scope="module")
async def test_whoever_is_erased_is_erased_under_both_aliases(clinic: Inside, tmp_path: Path) -> None:
    said = [f"a word about {alias}" for alias in (OLD, NEW)]
    async with serving(tmp_path / "data", Settings.model_validate({"pages": {"destinations": []}})) as inside:
        for alias, words in zip((OLD, NEW), said, strict=True):
            await inside.post({"kind": "intervention", "at": at(0), "patient": alias, "what": "call", "detail": words})
        await inside.post({"kind": "patient.merged", "at": at(1), "patient": NEW, "merged": OLD})
        await inside.settled()
    assert aliases_of(tmp_path / "data", "main", OLD) == [NEW, OLD]
    found = erase(tmp_path / "data", "main", NEW, (), "somebody", "request 1", 0)
    assert (found.texts, found.left) == (2, [])
    store = Store(f"sqlite:///{tmp_path / 'data' / DATABASE}")
    assert not any(words in str(store.courses("main", [NEW])) for words in said)
    store.close()
