"""A line that the contract refuses for a field or two: what can be used is used, and what cannot is named. None is lost."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.wire.observations import OBSERVATION, Record, SetAside
from streams.intake.json import Reading, read, read_lines
from streams.intake.mended import MENDED
from streams.journal.frame import Sample
from tests.support.scenes import moment

AT: Final = moment(0).isoformat()
WHOLE: Final[dict[str, dict[str, Any]]] = {
    "patient.registered": {
        "weight_kg": 70, "birth_year": 1980, "sex": "f", "timezone": "Europe/Berlin", "conditions": ["avm"],
        "medications": ["lorazepam"], "limits": {"desaturation": {"medium": {"spo2": {"enter": 88}}}},
    },
    "session.started": {
        "session": "s-1", "chair": "3", "device": "m-3", "drug": "ketamine", "route": "iv", "planned_mg": 35,
        "planned_minutes": 40, "by": "rn-1",
    },
    "dose": {"session": "s-1", "drug": "ketamine", "route": "iv", "amount_mg": 35, "minutes": 40, "by": "rn-1"},
    "dose.stopped": {"session": "s-1", "given_mg": 20},
    "checkin": {"instrument": "moaas", "score": 4, "items": [4], "respondent": "patient", "prompted_at": AT},
    "intervention": {"what": "oxygen", "detail": "2 l/min"},
    "session.ended": {"session": "s-1", "reason": "done", "discharged": True},
    "device.assigned": {"device": "m-3", "chair": "3", "profile": "sidestream"},
    "monitor.alarm": {"device": "m-3", "alarm": "no-breath", "active": False},
    "vitals": {"device": "m-3", "spo2": 97, "hr": 70, "status": {"rr": "off"}},
}  # fmt: skip
NEEDED: Final = {
    kind: {"site", "items", *(("patient", "device") if kind == "vitals" else ())}
    | {name for name, field in MENDED[kind].model_fields.items() if field.is_required()}
    for kind in WHOLE
}


def reading_of(kind: str, **fields: Any) -> Reading[Sample]:
    return read(json.dumps({"kind": kind, "at": AT, "patient": "P-3", **WHOLE[kind], **fields}).encode())


def record_of(kind: str, **fields: Any) -> Any:
    """The one record of a line, used whole: nothing of it was set aside."""
    reading = reading_of(kind, **fields)
    assert (reading.bad, reading.parts, reading.accepted) == ([], [], 1)
    return reading.records[0]


def test_every_kind_that_a_sender_sends_is_here() -> None:
    assert set(WHOLE) == set(MENDED)


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind in WHOLE for field in ("id", "source", "replaces", "received_at", *WHOLE[kind])],
)
def test_one_bad_field_costs_itself_where_its_kind_can_do_without_and_is_named_in_any_case(
    kind: str, field: str
) -> None:
    bad: Any = [["what is this"], {"and": "that"}]
    if field in {"conditions", "medications", "detail", "reason", "items"}:
        assert (
            len(
                read_lines(
                    [json.dumps({"kind": kind, "at": AT, "patient": "P-3", **WHOLE[kind], field: bad}).encode()]
                ).parts
            )
            == 0
        )
        return
    reading = reading_of(kind, **{field: bad})
    assert reading.accepted + len(reading.bad) == 1
    (found,) = reading.records
    if field in NEEDED[kind]:
        assert isinstance(found, SetAside)
        assert (found.field.split(".")[0], found.patient) == (field, "P-3")
        assert found.about == (None if kind == "vitals" else kind)
        return
    assert [(line, one.field) for line, one in reading.parts] == [(1, field)]
    rest = {name: value for name, value in WHOLE[kind].items() if name != field}
    if kind == "vitals":
        assert isinstance(found, Sample)
        return
    assert isinstance(found, Record)
    expected = OBSERVATION.validate_json(json.dumps({"kind": kind, "at": AT, "patient": "P-3", **rest}))
    assert found.model_copy(update={"unread": None}) == expected


@pytest.mark.parametrize(
    ("kind", "field", "sent", "read_as"),
    [
        ("patient.registered", "weight_kg", "70 kg", 70), ("patient.registered", "weight_kg", "70,5kg", 70.5),
        ("patient.registered", "weight_kg", "154 lb", 69.85322498), ("patient.registered", "weight_kg", "70", 70),
        ("patient.registered", "weight_kg", {"value": 154, "unit": "lbs"}, 69.85322498),
        ("patient.registered", "weight_kg", "n/a", None), ("patient.registered", "weight_kg", "", None),
        ("patient.registered", "birth_year", "1980", 1980), ("patient.registered", "birth_year", "1980-05-01", 1980),
        ("patient.registered", "birth_year", 1980.0, 1980), ("patient.registered", "birth_year", "unknown", None),
        ("patient.registered", "sex", 2, "2"), ("patient.registered", "limits", "n/a", None),
        ("patient.registered", "patient", 12, "12"), ("patient.registered", "site", None, "main"),
        ("session.started", "session", 17, "17"), ("session.started", "chair", 3, "3"), ("session.started", "device", " m-3\n", " m-3\n".strip()),
        ("session.started", "route", "IV", "iv"), ("session.started", "route", "Intravenous", "iv"), ("session.started", "route", "nasal", "intranasal"), ("session.started", "route", "IN", "intranasal"),
        ("session.started", "planned_minutes", "40 min", 40), ("session.started", "planned_minutes", "1 h", 60),
        ("dose", "amount_mg", "0.5 g", 500), ("dose", "amount_mg", "35mg", 35), ("dose", "drug", {"display": "Ketamine"}, "Ketamine"),
        ("checkin", "score", "4", 4), ("checkin", "score", "n/a", None), ("intervention", "what", 3, "3"),
        ("intervention", "detail", {"l": 2}, '{"l": 2}'), ("session.ended", "discharged", "yes", True),
        ("session.ended", "discharged", 0, False), ("monitor.alarm", "alarm", "Apnea", "no-breath"), ("dose", "id", 17, "17"),
    ],
)  # fmt: skip
def test_what_says_plainly_what_it_means_is_read(kind: str, field: str, sent: Any, read_as: Any) -> None:
    assert getattr(record_of(kind, **{field: sent}), field) == read_as


@pytest.mark.parametrize(
    ("kind", "field", "sent"),
    [
        ("patient.registered", "weight_kg", "1,200 kg"), ("patient.registered", "weight_kg", "11 st"), ("patient.registered", "weight_kg", "70-75 kg"),
        ("patient.registered", "weight_kg", "700 kg"), ("patient.registered", "weight_kg", True), ("patient.registered", "birth_year", "'80"),
        ("session.started", "planned_mg", "0.5 mg/kg"), ("session.started", "planned_minutes", "0:40"), ("session.started", "route", "drip"),
        ("dose", "amount_mg", "35 ml"), ("dose", "amount_mg", "about 35"), ("session.ended", "discharged", "later"),
    ],
)  # fmt: skip
def test_what_may_mean_two_things_is_not_guessed(kind: str, field: str, sent: Any) -> None:
    reading = reading_of(kind, **{field: sent})
    assert [one.field for _, one in reading.parts] == [field]
    assert getattr(reading.records[0], field) is None


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        (5, ("5",)), (["avm", 5, None, {"x": 1}], ("avm", "5", '{"x": 1}')), ({"avm": True, "mania": "no", "psychosis": "2019"}, ("avm", "psychosis: 2019")),
        ([{"code": {"coding": [{"display": "AVM"}]}}], ("AVM",)), ("avm\x00 | mania", ("avm", "mania")), (["x" * 300], ("x" * 200,)), ([], ()),
        ([f"c{n}" for n in range(120)], (*(f"c{n}" for n in range(99)), "21 more entries, which were not read")),
    ],
)  # fmt: skip
def test_every_condition_that_is_sent_comes_as_a_name(sent: Any, names: tuple[str, ...]) -> None:
    assert record_of("patient.registered", conditions=sent).conditions == names


def test_a_bad_limit_costs_itself_and_numbers_in_text_are_read() -> None:
    change = {
        "desaturation": {"medium": {"spo2": {"enter": "88 %", "hold_s": "20"}}, "high": {"spo2": {"enter": "low"}}}
    }
    reading = reading_of("patient.registered", limits=change)
    assert [one.field for _, one in reading.parts] == ["limits.desaturation.high.spo2"]
    (record,) = reading.records
    medium = record.limits["desaturation"]["medium"]["spo2"]  # type: ignore[union-attr,index]  # the record is the registration that was sent
    assert (medium.enter, medium.hold_s) == (88, 20)


@pytest.mark.parametrize("kind", ["Session.Started", "session_started", "SESSION STARTED", "sessionStarted"])
def test_a_kind_is_meant_by_its_letters(kind: str) -> None:
    line = {"kind": kind, "at": AT, "patient": "P-3", **WHOLE["session.started"]}
    assert [record.kind for record in read_lines([json.dumps(line).encode()]).records] == ["session.started"]


def test_a_reading_that_is_no_number_costs_its_channel_and_not_the_others() -> None:
    reading = reading_of("vitals", hr="LEADS OFF", spo2=88, status={"rr": "ok", "etco2": "warming up"})
    (sample,) = reading.records
    assert isinstance(sample, Sample)
    assert sample.status == {"hr": "artefact", "etco2": "artefact"}
    assert [one.field for _, one in reading.parts] == ["hr", "status.etco2"]


def test_a_sender_does_not_say_what_could_not_be_read() -> None:
    unread = [{"field": "dose", "reason": "no", "value": ""}]
    assert record_of("dose", unread=unread).unread is None
    reading = reading_of("dose", unread="?")
    assert (reading.accepted, reading.parts) == (1, [])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["n/a", "70 kg", "--", "IV", AT]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(
    st.sampled_from(sorted(WHOLE)).flatmap(
        lambda kind: st.tuples(
            st.just(kind),
            st.dictionaries(
                st.sampled_from(["at", "patient", "site", "id", "kind", "unread", *WHOLE[kind]]), values, max_size=3
            ),
        )
    )
)
def test_whatever_its_fields_a_line_is_used_or_set_aside_and_says_every_field_that_it_lost(
    sent: tuple[str, dict[str, Any]],
) -> None:
    kind, odd = sent
    line = json.dumps({"kind": kind, "at": AT, "patient": "P-3", **WHOLE[kind], **odd}).encode()
    reading = read_lines([line])
    assert reading.accepted + len(reading.bad) == len(reading.records) == 1
    (record,) = reading.records
    if isinstance(record, SetAside):
        assert reading.parts == []
        return
    assert [one for _, one in reading.parts] == list(record.unread or ())
    assert {one.field.split(".")[0] for _, one in reading.parts} <= {*odd, "status"}
    assert OBSERVATION.validate_json(record.model_dump_json(exclude_none=True)) == record, "it is in a journal"
