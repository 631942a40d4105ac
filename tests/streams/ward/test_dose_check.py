"""A dose is checked: what nobody may have meant is said, and counted as stated all the while."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tables.dose_limits import DOSE_LIMITS
from models.tables.drugs import TREATMENTS
from models.wire.observations import Dose, PatientRegistered
from tests.support.scenes import Scene, moment

RULE = "dose-check"


def seated(weight_kg: float | None = 70, **start: Any) -> Scene:
    clinic = Scene()
    clinic.send(PatientRegistered(at=moment(0), patient="P-3", weight_kg=weight_kg))
    chair = clinic.chair("3")
    chair.starts(**{"planned_mg": 35, "planned_minutes": 40, **start})
    chair.cuff(120, 75)
    clinic.now_s = 60
    return clinic


def dose(clinic: Scene, mg: float | None, **more: Any) -> None:
    fields = {"at": moment(clinic.now_s), "patient": "P-3", "session": "S-3", "drug": "ketamine", "route": "iv", **more}
    clinic.send(Dose.model_validate({**fields, "amount_mg": mg}))


def test_every_treatment_with_an_amount_has_a_most_that_is_no_less_than_its_usual_dose() -> None:
    measured = {key: each for key, each in TREATMENTS.items() if each.usual is not None}
    assert set(DOSE_LIMITS) == set(measured)
    for key, limit in DOSE_LIMITS.items():
        assert limit.source
        assert limit.per_kg == measured[key].per_kg
        assert limit.most >= (measured[key].usual or 0)


def test_1500_mg_of_ketamine_do_not_pass_without_a_word() -> None:
    clinic = seated()
    dose(clinic, 1500)
    (raised,) = [one for one in clinic.transitions if one.rule == RULE]
    assert (raised.transition, raised.priority, raised.category) == ("raised", "high", "protocol")
    assert raised.text == (
        "Chair 3 (P-3): Dose to be checked. 1500 mg of ketamine: 21.43 mg/kg, usual is 1 mg/kg at most; "
        "42.9 times the 35 mg that were planned. Check it, and correct the entry if it is wrong."
    )
    assert raised.evidence["limit"] == 70
    (card,) = clinic.shard.chairs("main")["chairs"]
    assert card["given_mg"] == 1500, "counted as stated"


@pytest.mark.parametrize(
    ("mg", "planned_mg", "weight_kg", "priority"),
    [
        (35, 35, 70, None), (70, 70, 70, None), (73, 73, 70, None), (74, 74, 70, "medium"), (141, 141, 70, "high"),
        (40, 19, 80, "medium"), (38, 19, 80, None), (90, None, 100, None), (90, None, 60, "medium"), (90, None, None, "medium"),
    ],
)  # fmt: skip
def test_what_is_more_than_usual_or_twice_the_plan_is_said(
    mg: float, planned_mg: float | None, weight_kg: float | None, priority: str | None
) -> None:
    clinic = seated(weight_kg, planned_mg=planned_mg)
    dose(clinic, mg)
    assert [one.priority for one in clinic.transitions if one.rule == RULE] == ([] if priority is None else [priority])


def test_the_devices_of_a_spray_and_an_injection_in_halves_are_one_dose() -> None:
    clinic = seated(drug="esketamine", route="intranasal", planned_mg=84)
    for _ in range(3):
        dose(clinic, 28, drug="esketamine", route="intranasal")
        clinic.now_s += 300
    assert clinic.told(RULE) == []
    clinic.now_s += 60
    dose(clinic, 28, drug="esketamine", route="intranasal")
    (raised,) = [one for one in clinic.transitions if one.rule == RULE]
    assert "112 mg of esketamine: usual is 84 mg at most; a second dose 6 min after 84 mg" in raised.text


def test_a_second_whole_dose_within_minutes_is_said_and_one_half_an_hour_later_is_another_course() -> None:
    clinic = seated()
    dose(clinic, 35)
    clinic.now_s += 240
    dose(clinic, 35)
    (raised,) = [one for one in clinic.transitions if one.rule == RULE]
    assert "a second dose 4 min after 35 mg" in raised.text
    clinic = seated()
    dose(clinic, 35)
    clinic.now_s += 31 * 60
    dose(clinic, 35)
    assert clinic.told(RULE) == []


def test_a_correction_ends_what_the_wrong_amount_raised() -> None:
    clinic = seated()
    dose(clinic, 350, id="d-1")
    clinic.acknowledges(RULE)
    dose(clinic, 35, id="d-2", replaces="d-1")
    assert [line.split()[3] for line in clinic.told(RULE)] == ["raised", "acknowledged", "closed"]
    ended = [one for one in clinic.transitions if one.rule == RULE][-1]
    assert "the doses as they are entered now ask nothing" in str(ended.evidence["ended"])


def test_an_outside_dose_is_checked_too_and_stays_until_a_person_has_seen_it() -> None:
    clinic = Scene()
    dose(clinic, 400, session=None, patient="P-9")
    assert clinic.told() == ["0:00 high dose-check raised (P-9)"]
    clinic.passes(60)
    clinic.closes(RULE)
    assert clinic.open_rules() == set()


@given(mg=st.floats(0.1, 5000), weight_kg=st.floats(35, 180), planned_mg=st.none() | st.floats(5, 300))
def test_an_amount_is_silent_only_within_the_most_and_twice_the_plan(
    mg: float, weight_kg: float, planned_mg: float | None
) -> None:
    clinic = seated(weight_kg, planned_mg=planned_mg)
    dose(clinic, mg)
    silent = mg <= weight_kg * 1.0 * 1.05 and (planned_mg is None or mg <= 2 * planned_mg)
    assert (clinic.told(RULE) == []) is silent
