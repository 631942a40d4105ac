"""Resources are read out of either database: all of a patient's, once each, page by page, and nothing of anybody else."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from alerts.desk.why import FATES
from alerts.effects import (
    AuditEntry,
    Cause,
    ChannelMinute,
    Effect,
    Forecast,
    FrameEffects,
    Page,
    Transition,
    VitalsMinute,
)
from alerts.fhir.reading import Resources
from alerts.fhir.resources import Found
from alerts.fhir.search import PARAMETERS, search_of
from alerts.store.outbox import LIVE
from alerts.store.store import Store
from alerts.store.tables import DELIVERIES, OUTBOX
from models.instants import HOUR, MINUTE, SECOND, iso
from models.wire.fhir_ids import fhir_id
from models.wire.live import AlertPhase
from tests.support.paging import START, store, url

pytest_plugins = ("tests.support.postgres",)

__all__ = ["store", "url"]

LONG = "Frau Müller, geboren in einem sehr langen Ort am Ende der Welt"
"""An alias that is known by its hash alone."""
PATIENTS = ("willow", LONG)


def minutes_of(patient: str, session: str) -> tuple[VitalsMinute, ...]:
    """Two and a half hours, minute by minute, of which every seventh has no oxygen; a cuff each half hour."""
    return tuple(
        VitalsMinute.of("main", session, patient, START // HOUR * HOUR + minute * MINUTE, {
            **({} if minute % 7 == 3 else {"spo2": ChannelMinute(95, 98, 97.0 * 6, 6)}), "pulse": ChannelMinute(70, 74, 72.0 * 6, 6),
            **({"sbp": ChannelMinute(131, 131, 131, 1), "dbp": ChannelMinute(84, 84, 84, 1), "map": ChannelMinute(100, 100, 100, 1)} if minute % 30 == 0 else {}),
        })
        for minute in range(150)
    )  # fmt: skip


def effects_of(patient: str, n: int) -> tuple[Effect, ...]:
    alert, at = f"a{n}", iso(START + n * SECOND)
    evidence = {"chair": "3", "value": 85}

    def entered(kind: str, minute: int, **doc: Any) -> AuditEntry:
        when = iso(START + minute * MINUTE)
        return AuditEntry(
            when, "main", patient, "s1", kind, "rn-1", "accepted", {"kind": kind, "at": when, **doc}, when
        )

    return (
        entered("checkin", 1, id="k1", instrument="phq-9", items=[1] * 9), entered("vitals", 2, id="c1", sbp=120.0, dbp=80.0),
        entered("checkin", 200, instrument="phq-9", items=[2] * 9, replaces="k1"),
        Transition(alert, at, "raised", AlertPhase.ACTIVE, "main", patient, "s1", "desaturation", "respiratory", "high", at, evidence,
                   "Low oxygen.", "", Cause(0, n), n),
        Page(f"{alert}-page/1", at, "main", patient, "high", (alert,), "Low oxygen", "85"),
        Page(f"digest-{n}", at, "main", "several", "low", (alert,), "Who is due", "willow and others", "scheduler"),
        Forecast(at, "main", patient, "2026-11-23", "x", {"patient": patient, "as_of": "2026-11-23", "relapse_probability": {"7d": 0.5}}),
    )  # fmt: skip


@pytest.fixture
def filled(store: Store) -> Resources:
    for n, patient in enumerate(PATIENTS, 1):
        store.commit(FrameEffects(0, n, effects_of(patient, n), minutes_of(patient, "s1")))
    return Resources(store.database)


def pages(resources: Resources, kind: str, patient: str | None, count: int, **more: str) -> list[Found]:
    """All that a search finds, page by page."""
    found: list[Found] = []
    asked = {**({} if patient is None else {"patient": fhir_id(patient)}), "_count": str(count), **more}
    while True:
        answer = resources.search("main", search_of(kind, list(asked.items()), "UTC"))
        found += answer.found
        if not answer.more:
            return found
        assert len(answer.found) == count
        asked["_after"] = f"{found[-1].order}~{found[-1].id}"


def test_pages_of_any_size_hold_all_of_a_patients_and_nobody_elses(filled: Resources) -> None:
    for kind in PARAMETERS:
        for patient in PATIENTS:
            of = None if kind == "Patient" else patient
            whole = pages(filled, kind, of, 500)
            assert len({each.id for each in whole}) == len(whole) > 0, kind
            assert [(each.order, each.id) for each in whole] == sorted((each.order, each.id) for each in whole)
            assert pages(filled, kind, of, 7) == whole, kind
            if of is not None:
                assert {each.patient for each in whole} == {patient}
            for each in whole[:: max(len(whole) // 5, 1)]:
                assert filled.read("main", kind, each.id) == each
                assert filled.read("elsewhere", kind, each.id) is None


def test_a_minute_without_a_reading_between_two_is_absent_and_a_cuff_is_there_once(filled: Resources) -> None:
    found = pages(filled, "Observation", "willow", 500)
    oxygen = [each.resource for each in found if ("http://loinc.org", "59408-5") in each.codes["code"]]
    absent = [each for each in oxygen if "dataAbsentReason" in each]
    assert len(oxygen) == 150
    assert len(absent) == sum(minute % 7 == 3 for minute in range(150))
    assert all("valueQuantity" not in each for each in absent)
    cuffs = [each for each in found if ("http://loinc.org", "85354-9") in each.codes["code"]]
    by_hand = [each for each in cuffs if "effectiveDateTime" in each.resource]
    assert (len(cuffs), len(by_hand)) == (6, 1)


def test_a_search_by_code_or_category_finds_what_a_look_at_all_would(filled: Resources) -> None:
    whole = pages(filled, "Observation", "willow", 500)
    codes = {code for each in whole for _, code in each.codes["code"]}
    assert {"59408-5", "2708-6", "85354-9", "8478-0", "44261-6"} <= codes
    for code in (*codes, "8310-5"):
        found = pages(filled, "Observation", "willow", 500, code=code)
        assert found == [each for each in whole if code in {one for _, one in each.codes["code"]}], code
    for category in ("vital-signs", "survey"):
        found = pages(filled, "Observation", "willow", 500, category=category)
        assert found == [each for each in whole if category in {one for _, one in each.codes["category"]}]


def test_what_was_corrected_is_said_to_be_wrong_though_the_correction_is_of_another_day(filled: Resources) -> None:
    early = pages(filled, "QuestionnaireResponse", "willow", 500, authored=f"lt{iso(START + 60 * MINUTE)}")
    assert [each.resource["status"] for each in early] == ["entered-in-error"]


def test_a_page_about_several_patients_is_nobodys(filled: Resources) -> None:
    (page,) = pages(filled, "Communication", "willow", 500)
    assert page.resource["payload"][0]["contentString"] == "Low oxygen"
    assert filled.read("main", "Communication", "digest-1") is None


@pytest.mark.parametrize("state", FATES)
def test_a_page_that_reached_nobody_goes_on_exactly_as_long_as_somebody_may_yet_get_it(
    store: Store, state: str
) -> None:
    store.commit(FrameEffects(0, 1, effects_of("willow", 1)))
    with store.database.writing() as connection:
        row = {"person": "", "destination": "phone", "place": 0, "attempts": 1, "due_us": 0, "state": state}
        connection.execute(sa.insert(DELIVERIES).values(key="a1-page/1", **row))
        connection.execute(sa.update(OUTBOX).values(addressed=True))
    (page,) = Resources(store.database).search("main", search_of("Communication", [("patient", "willow")], "UTC")).found
    assert page.resource["status"] == ("in-progress" if state in LIVE else "stopped")
