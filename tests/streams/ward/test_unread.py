"""What of an entry could not be read is told, and what could is in force."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streams.intake.json import read_lines
from tests.support.scenes import Scene, moment


def enters(clinic: Scene, kind: str, **fields: Any) -> None:
    """Send one line as a sender does: read at the edge."""
    line = json.dumps({"kind": kind, "at": moment(clinic.now_s).isoformat(), "patient": "P-3", **fields})
    clinic.send(*read_lines([line.encode()]).records)


def counted(clinic: Scene) -> tuple[int, int, int]:
    """How many entries were processed and set aside, and how many fields."""
    counts = clinic.shard.ward.counts
    return counts["events"], counts["set aside"], counts["fields set aside"]


@pytest.mark.parametrize(
    "bad",
    [{"weight_kg": "heavy"}, {"birth_year": "eighty"}, {"limits": "SpO2 88"}, {"sex": ["f"]}, {"timezone": {"x": 1}}],
)
def test_a_registration_with_a_bad_field_keeps_its_conditions_and_says_what_is_missing(bad: dict[str, Any]) -> None:
    clinic = Scene()
    enters(clinic, "patient.registered", conditions=["avm"], **bad)
    (field,) = bad
    (said,) = [one for one in clinic.transitions if one.rule == "entry-unread"]
    assert said.text.startswith(f"P-3: Entry not understood. Of the registration this is not in force: {field} (")
    assert str(bad[field]) not in said.text, "a page holds no name, and a value may be one"
    assert said.priority == ("medium" if field == "limits" else "low")
    assert counted(clinic) == (1, 0, 1)
    enters(clinic, "session.started", session="s-1", chair="3", drug="esketamine")
    assert "0:00 high contraindication raised (P-3)" in clinic.told()


def test_a_condition_that_is_no_name_is_said_to_be_unknown() -> None:
    clinic = Scene()
    enters(clinic, "patient.registered", conditions={"psychosis": True, "rare": {"since": 2019}})
    (said,) = clinic.transitions
    assert (said.rule, said.evidence["conditions"]) == ("contraindication", ["psychosis"])
    assert said.evidence["unknown"] == ["rare: {'since': 2019}"]


def test_of_a_patients_limits_those_that_make_sense_are_in_force_and_what_one_replaces_stays() -> None:
    clinic = Scene()
    enters(clinic, "patient.registered", limits={"bradycardia": {"medium": {"rate": {"enter": 40, "leave": 42}}}})
    enters(
        clinic, "patient.registered",
        limits={
            "desaturation": {"medium": {"spo2": {"enter": 86, "leave": 88}}, "low": {"spo2": {"enter": 95}}},
            "bradycardia": {"medium": {"rate": {"enter": "slow"}}},
        },
    )  # fmt: skip
    (said,) = [one for one in clinic.transitions if one.rule == "entry-unread"]
    assert said.evidence["fields"] == ["limits.bradycardia.medium.rate", "limits.desaturation.low.spo2"]
    limits = clinic.shard.ward.limits
    table = {limit.key: limit.enter for limit in limits.tables[limits.set_of("main", "P-3")]}
    assert table["desaturation", "medium", "spo2"] == 86
    assert table["bradycardia", "medium", "rate"] == 40


@pytest.mark.parametrize(
    ("kind", "fields", "priority"),
    [
        ("patient.registered", {"at": "yesterday", "conditions": ["avm"]}, "medium"),
        ("session.started", {"chair": "3"}, "medium"),
        ("dose", {"amount_mg": 35}, "medium"),
        ("intervention", {"detail": "2 l"}, "low"),
        ("monitor.alarm", {"alarm": "asystole"}, "medium"),
    ],
)
def test_an_entry_that_cannot_do_without_what_is_wrong_with_it_is_refused_and_told(
    kind: str, fields: dict[str, Any], priority: str
) -> None:
    clinic = Scene()
    enters(clinic, kind, **fields)
    assert clinic.told() == [f"0:00 {priority} entry-unread raised (P-3)"]
    assert counted(clinic) == (0, 1, 0)
    assert len(clinic.dead_letters) == 1


def test_a_line_that_is_no_json_is_told_by_what_can_be_seen_of_it() -> None:
    clinic = Scene()
    clinic.send(
        *read_lines(
            [b'{"kind":"patient.registered","at":"2026-11-23T14:00:00Z","patient":"P-3","conditions":["avm"']
        ).records
    )
    (said,) = clinic.transitions
    assert said.text.startswith("P-3: Entry not understood. Nothing of the registration could be used: ")


def test_in_a_session_it_names_the_chair_and_a_line_of_readings_is_told_by_their_absence_only() -> None:
    clinic = Scene()
    enters(clinic, "session.started", session="s-1", chair="3", device="m-3", drug="ketamine")
    enters(clinic, "dose", session="s-1", drug="ketamine", amount_mg="much")
    (said,) = [one for one in clinic.transitions if one.rule == "entry-unread"]
    assert said.text.startswith("Chair 3 (P-3): Entry not understood. Of a dose this is not in force: amount_mg (")
    enters(clinic, "vitals", device="m-3", spo2="ninety")
    assert len([one for one in clinic.transitions if one.rule == "entry-unread"]) == 1
