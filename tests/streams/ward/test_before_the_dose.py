"""Before the dose: what is registered against the drug, and a session that is announced late."""

from __future__ import annotations

from typing import Any

import pytest

from models.wire.observations import PatientRegistered
from streams.shard import Shard
from tests.support.scenes import Scene, breathing, moment
from tests.support.treatments import card

# ---- contraindications


def registers(clinic: Scene, **fields: Any) -> None:
    clinic.send(PatientRegistered.model_validate({"at": moment(clinic.now_s), "patient": "P-3", **fields}))
    clinic.now_s += 1


@pytest.mark.parametrize(
    ("drug", "route", "condition", "priority"),
    [
        ("esketamine", "intranasal", "aneurysmal-vascular-disease", "high"),
        ("ketamine", "iv", "aneurysmal-vascular-disease", "medium"),
        ("ketamine", "iv", "Psychosis history", "low"),
        ("esketamine", "intranasal", "hypertension", None),
    ],
)
def test_what_is_registered_against_a_drug_is_said_when_the_session_starts(
    drug: str, route: str, condition: str, priority: str | None
) -> None:
    clinic = Scene()
    registers(clinic, conditions=[condition], medications=["lorazepam"])
    clinic.chair("3").starts(drug, route)
    found = [one for one in clinic.transitions if one.rule == "contraindication" and one.session]
    assert [one.priority for one in found] == ([] if priority is None else [priority])
    if found:
        assert found[0].evidence["interactions"] == ["benzodiazepine"]


def test_a_registration_that_comes_or_is_edited_later_is_weighed_then() -> None:
    clinic = Scene()
    clinic.chair("3").starts("esketamine", "intranasal")
    clinic.now_s = 60
    registers(clinic, conditions=["psychosis-history"])
    registers(clinic, conditions=["psychosis-history", "avm"])
    registers(clinic, weight_kg=70)
    registers(clinic, conditions=[])
    assert [line.split(" (")[0] for line in clinic.told("contraindication")] == [
        "1:00 low contraindication raised",
        "1:01 high contraindication worsened",
        "1:03 high contraindication latched",
    ]


def test_a_condition_that_no_table_knows_is_said_at_registration_and_at_the_session_s_start() -> None:
    clinic = Scene()
    registers(clinic, conditions=["gastric sleeve 2019", "hypertension", "depression"])
    (planned,) = clinic.transitions
    assert (planned.priority, planned.session, planned.evidence["unknown"]) == ("low", None, ["gastric sleeve 2019"])
    assert planned.text == (
        "P-3: Contraindication. Not judged, because no table knows it: gastric sleeve 2019. Ask a physician before the dose."
    )
    clinic.chair("3").starts("esketamine", "intranasal")
    (at_start,) = [one for one in clinic.transitions if one.session]
    assert [one.transition for one in clinic.transitions if not one.session] == ["raised", "closed"], (
        "said once at a time"
    )
    assert (at_start.priority, at_start.text) == ("low", planned.text.replace("P-3", "Chair 3 (P-3)", 1))
    assert clinic.pages == []


@pytest.mark.parametrize(
    "conditions",
    [
        "hypertension; avm",
        "avm",
        ["avm", None],
        [{"code": "Q28.2", "display": "Arteriovenous malformation"}],
        [{"text": "AVM"}],
    ],
)
def test_a_condition_counts_however_a_record_system_writes_it_down(conditions: Any) -> None:
    clinic = Scene()
    registers(clinic, conditions=conditions)
    clinic.chair("3").starts("esketamine", "intranasal")
    assert [one.priority for one in clinic.transitions if one.session] == ["high"]


def test_limits_that_make_no_sense_are_set_aside_and_the_conditions_beside_them_are_weighed() -> None:
    clinic = Scene()
    registers(clinic, conditions=["avm"], limits={"desaturation": {"low": {"spo2": {"enter": 80}}}})
    clinic.chair("3").starts("esketamine", "intranasal")
    assert [one.priority for one in clinic.transitions if one.session] == ["high"]
    assert clinic.entries[0].outcome == "accepted but for limits.desaturation.low.spo2"


def test_one_that_is_judged_and_one_that_is_not_are_said_together() -> None:
    clinic = Scene()
    registers(clinic, conditions=["mother with schizophrenia", "wolff-parkinson-white"])
    clinic.chair("3").starts("ketamine", "iv")
    (last,) = [one for one in clinic.transitions if one.session]
    assert (last.priority, last.evidence["conditions"]) == ("low", ["psychosis-family-history"])
    assert last.text == (
        "Chair 3 (P-3): Contraindication. Ketamine and psychosis family history (a first psychosis is likelier: ask, and watch for it). "
        "Watch more closely. Not judged, because no table knows it: wolff-parkinson-white. Ask a physician before the dose."
    )


def test_other_conditions_of_the_same_weight_are_news_and_the_same_ones_again_are_none() -> None:
    clinic = Scene()
    for conditions in (["gout"], ["gout"], ["gout", "scoliosis"], ["scoliosis", "gout"], []):
        registers(clinic, conditions=conditions)
    registers(clinic, weight_kg=70)
    assert [line.split(" (")[0] for line in clinic.told("contraindication")] == [
        "0:00 low contraindication raised",
        "0:02 low contraindication closed",
        "0:02 low contraindication raised",
        "0:03 low contraindication closed",
        "0:03 low contraindication raised",
        "0:04 low contraindication closed",
    ]


def test_conditions_edited_during_a_session_are_said_in_it() -> None:
    clinic = Scene()
    clinic.chair("3").starts("ketamine", "iv")
    clinic.now_s = 60
    registers(clinic, conditions=["psychosis-history"])
    registers(clinic, conditions=["psychosis-history", "cystitis"])
    registers(clinic, conditions=["psychosis-history", "cystitis", "pregnant"])
    assert [line.split(" (")[0] for line in clinic.told("contraindication")] == [
        "1:00 low contraindication raised",
        "1:01 low contraindication closed",
        "1:01 low contraindication raised",
        "1:02 medium contraindication worsened",
    ]
    assert all(one.session for one in clinic.transitions)


def test_nothing_is_judged_for_a_treatment_without_a_drug() -> None:
    clinic = Scene()
    clinic.chair("3").starts("ect", None)
    clinic.now_s = 60
    registers(clinic, conditions=["avm", "gout"])
    assert clinic.told("contraindication") == []


def test_registrations_survive_a_restart() -> None:
    clinic = Scene()
    registers(clinic, conditions=["avm"], weight_kg=62)
    clinic.shard = Shard.restore(clinic.shard.snapshot())
    clinic.chair("3").starts("esketamine", "intranasal")
    assert "0:01 high contraindication raised (P-3)" in clinic.told("contraindication")


# ---- a start that comes late


def test_a_late_start_carries_on_what_was_being_held() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.shows(10, spo2=88)
    three.starts()
    three.shows(10, spo2=88)
    assert clinic.told("desaturation") == ["0:15 medium desaturation raised (P-3)"]


def test_an_alert_goes_on_under_the_patient_s_name_and_nothing_of_it_is_left_behind() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.shows(20, spo2=88)
    three.starts()
    assert sorted(clinic.told("desaturation")) == [
        "0:15 medium desaturation raised (m-3)",
        "0:20 medium desaturation closed (m-3)",
        "0:20 medium desaturation raised (P-3)",
    ]
    three.shows(120, spo2=97, hr=breathing(70, 120))
    (last,) = clinic.told("desaturation")[3:]
    assert last.endswith("medium desaturation latched (P-3)")


def test_a_late_start_keeps_the_cuffs_that_were_taken() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.shows(5, spo2=97)
    three.cuff(184, 96)
    three.shows(5, spo2=98)
    three.starts()
    assert card(clinic)["baseline"] == {"sbp": 184, "dbp": 96}
    clinic.now_s += 120
    three.cuff(186, 96)
    assert clinic.told("hypertension")[-1] == "2:10 medium hypertension worsened (P-3)", (
        "the second one confirms the first"
    )


def test_a_monitor_that_was_off_between_two_people_carries_nothing_over() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.shows(20, spo2=88)
    three.cuff(170, 100)
    clinic.passes(120)
    three.starts()
    assert card(clinic)["baseline"] == {"sbp": None, "dbp": None}


def test_a_cuff_by_hand_is_filed_under_its_sender_s_id() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.send(clinic.chair("3").vitals(sbp=130.0, dbp=80.0, by="rn-1", id="e-17"))
    assert clinic.entries[-1].doc["id"] == "e-17"
