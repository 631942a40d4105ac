"""FHIR resources become the observations that they mean; what cannot be used is named by its element, and the rest counts."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st

from models.wire.observations import CheckIn, PatientRegistered, SetAside
from streams.intake.admission import Admission
from streams.intake.fhir.http import read_translated
from streams.intake.fhir.resources import translate
from streams.intake.json import Reading
from streams.journal.frame import Sample
from tests.streams.intake.hl7.test_message import values

AT = "2026-11-09T09:00:00+01:00"
LOINC = "http://loinc.org"


def observation(code: str, value: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": f"o-{code}", "status": "final", "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": "Patient/P-7", "display": "Jane Doe"}, "effectiveDateTime": AT, **(value or {}), **more,
    }  # fmt: skip


def quantity(value: Any, code: str = "/min") -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": code, "system": "http://unitsofmeasure.org", "code": code}}


def bundle(*resources: Any, kind: str = "batch") -> dict[str, Any]:
    entries = [{"resource": each, "request": {"method": "POST", "url": "x"}} for each in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def reading(document: Any) -> Reading[Sample]:
    return read_translated(translate(document), Admission("main"))


def one(document: Any) -> Any:
    read = reading(document)
    assert read.bad == []
    (record,) = read.records
    return record


PRESSURE = observation(
    "85354-9",
    component=[
        {"code": {"coding": [{"system": LOINC, "code": code}]}, **quantity(value, "mm[Hg]")}
        for code, value in (("8480-6", 121), ("8462-4", 79), ("8478-0", 93))
    ],
)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (observation("59408-5", quantity(97, "%")), {"spo2": 97}),
        (observation("2708-6", quantity(97, "%")), {"spo2": 97}),
        (observation("8867-4", quantity(72, "{beats}/min")), {"hr": 72}),
        (observation("9279-1", quantity(14)), {"rr": 14}),
        (observation("8310-5", quantity(98.6, "[degF]")), {"temp": 37}),
        (observation("8480-6", quantity(16, "kPa")), {"sbp": pytest.approx(120, abs=0.1)}),
        (PRESSURE, {"sbp": 121, "dbp": 79, "map": 93}),
    ],
)  # fmt: skip
def test_vital_signs_are_read_by_code_and_unit(resource: dict[str, Any], expected: dict[str, float]) -> None:
    get_fhir_model_class("Observation").model_validate(resource)
    sample = one(resource)
    assert values(sample) == pytest.approx(expected)
    assert sample.origin[2] == "P-7"


def test_a_reading_that_is_missing_says_so() -> None:
    sample = one(observation("59408-5", dataAbsentReason={"coding": [{"code": "error"}]}))
    assert (values(sample), sample.status) == ({}, {"spo2": "off"})


SATURATION = observation("59408-5", quantity(97, "%"))


@pytest.mark.parametrize(
    ("resource", "element", "reason"),
    [
        (observation("59408-5", quantity(97, "furlong")), ".valueQuantity.code", "spo2 in furlong: the unit is not known for it"),
        (observation("59408-5", quantity(97, "")), ".valueQuantity.code", "spo2: no unit is said"),
        (observation("59408-5", quantity("97", "%")), ".valueQuantity.value", "spo2: 97 is no number"),
        (observation("59408-5"), ".valueQuantity", "spo2: a quantity is needed"),
        (observation("8302-2", quantity(170, "cm")), ".code", "8302-2^http://loinc.org is no channel that is known here"),
        (SATURATION | {"effectiveDateTime": "2026-11-09"}, ".effectiveDateTime", "2026-11-09 is a day, and no instant"),
        (SATURATION | {"status": "entered-in-error"}, ".status", "entered-in-error: nobody stands behind it"),
        (SATURATION | {"resourceType": "Immunization"}, ".resourceType", "Immunization is not taken here"),
        ([1], "", "not a resource: an object with a resourceType"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_by_its_element_and_keeps_no_name(
    resource: Any, element: str, reason: str
) -> None:
    ((_, aside),) = reading(resource).bad
    assert (aside.field.removeprefix("Observation").removeprefix("Immunization"), aside.reason) == (element, reason)
    assert "Jane" not in aside.line


ITEMS = ("44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8")
SEVERAL_DAYS = "LA6569-3"


def item(code: str, answer: str = SEVERAL_DAYS) -> dict[str, Any]:
    return observation(code, {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": answer}]}})


def test_items_that_were_answered_together_are_one_form_and_apart_each_is_kept() -> None:
    panel = observation("44249-1", hasMember=[{"reference": "Observation/o-44260-8"}])
    form = one(bundle(panel, *map(item, ITEMS)))
    assert isinstance(form, CheckIn)
    assert (form.instrument, form.items) == ("phq-9", dict.fromkeys(ITEMS, SEVERAL_DAYS))
    apart = [one(item(code)) for code in ("44250-9", "44260-8")]
    assert apart[0].id != apart[1].id, "the second is no repeat of the first"
    assert one(bundle(*map(item, ITEMS))).id == form.id, "sent again, it is one"


def test_a_total_alone_is_a_score() -> None:
    form = one(observation("44261-6", quantity(14, "{score}")))
    assert (form.instrument, form.score, form.items) == ("phq-9", 14, None)


def questionnaire(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse", "id": "q-1", "status": "completed", "authored": AT,
        "subject": {"reference": "Patient/P-7"}, "item": list(items), **more,
    }  # fmt: skip


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("address", ["http://loinc.org/q/44249-1", "https://x.example/Questionnaire/PHQ-9|1.0", None])
def test_a_form_is_read_by_its_links_never_by_place(nested: bool, address: str | None) -> None:
    answers = [
        {"linkId": f"/{code}", "answer": [{"valueCoding": {"system": LOINC, "code": SEVERAL_DAYS}}]}
        for code in reversed(ITEMS)
    ]
    difficulty = {"linkId": "/69722-7", "answer": [{"valueCoding": {"code": "LA6572-7"}}]}
    items = [{"linkId": "group", "item": [difficulty, *answers]}] if nested else [difficulty, *answers]
    resource = questionnaire(*items, **({"questionnaire": address} if address else {}))
    get_fhir_model_class("QuestionnaireResponse").model_validate(resource)
    form = one(resource)
    assert form.instrument == "phq-9"
    assert {code: form.items[code] for code in ITEMS} == dict.fromkeys(ITEMS, SEVERAL_DAYS)


def test_two_items_are_the_phq_2_and_a_number_is_an_answer() -> None:
    form = one(questionnaire(*({"linkId": code, "answer": [{"valueInteger": 2}]} for code in ITEMS[:2])))
    assert (form.instrument, form.items) == ("phq-2", {"44250-9": 2, "44255-8": 2})


@pytest.mark.parametrize("authored", ["2026-11-09", None])
def test_a_form_that_may_hold_an_answer_about_suicide_and_cannot_be_read_is_said_to_be_one(
    authored: str | None,
) -> None:
    resource = questionnaire({"linkId": "/44260-8", "answer": [{"valueInteger": 3}]}, authored=authored)
    for document in (resource, bundle(resource)):
        (aside,) = [record for record in reading(document).records if isinstance(record, SetAside)]
        assert (aside.form, aside.patient) == ("phq-9", "P-7")


def test_a_corrected_resource_takes_the_place_of_the_first() -> None:
    first = one(item("44260-8"))
    second = one(item("44260-8") | {"status": "corrected", "meta": {"versionId": "2"}})
    assert (second.replaces, second.id) == (first.id, f"{first.id}/2")


def test_a_person_is_registered_without_their_name() -> None:
    patient = {
        "resourceType": "Patient", "id": "P-7", "meta": {"lastUpdated": AT}, "name": [{"family": "Doe"}], "gender": "female",
        "birthDate": "1966-12-24",
    }  # fmt: skip
    record = one(patient)
    assert isinstance(record, PatientRegistered)
    assert (record.patient, record.birth_year, record.sex) == ("P-7", 1966, "female")
    weight = one(observation("29463-7", quantity(154, "[lb_av]")))
    assert (weight.patient, round(weight.weight_kg, 1)) == ("P-7", 69.9)


NAMES = (
    "resourceType", "entry", "resource", "code", "coding", "component", "item", "answer", "valueQuantity", "value", "linkId",
)  # fmt: skip
TEXTS = ("Bundle", "44260-8", "P-7", AT, "%", "8867-4")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=20,
)
BASES = (SATURATION, PRESSURE, item("44260-8"), questionnaire({"linkId": "/44260-8"}))


@given(JSON, st.sampled_from(BASES), st.booleans())
def test_whatever_stands_in_a_resource_nothing_raises_and_all_of_it_is_taken_or_set_aside(
    junk: Any, base: dict[str, Any], bundled: bool
) -> None:
    for name in [*base, "component", "device", "derivedFrom", "meta"]:
        document = {**base, name: junk}
        read = reading(bundle(document, base) if bundled else document)
        assert read.accepted + len(read.bad) == len(read.records)
    reading(junk)
