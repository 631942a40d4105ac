"""Readiness for discharge with its reasons, and who left before it."""

from __future__ import annotations

from typing import Any

import pytest

from models.wire.observations import CheckIn, Intervention, SessionEnded
from tests.support.scenes import Chair, Scene, breathing, moment
from tests.support.treatments import at, card, dosed, every_treatment, gives

# ---- readiness


def well_at(clinic: Scene, three: Chair, minute: float) -> None:
    """Everything measured at this minute is as it was before the dose."""
    at(clinic, minute)
    clinic.send(three.vitals(spo2=97, hr=75))
    three.cuff(126, 78)
    three.scores("moaas", 5)
    three.scores("cadss", 1)


def ready(clinic: Scene) -> tuple[bool, str | None, list[str]]:
    shown = card(clinic)["readiness"]
    return shown["ready"], shown["expected_at"] and shown["expected_at"][11:16], shown["reasons"]


@every_treatment
def test_somebody_who_is_well_is_ready_when_the_observation_is_over(drug: str, route: str) -> None:
    clinic, three = dosed(drug, route)
    well_at(clinic, three, 100)
    assert ready(clinic) == (False, "16:05", ["Observed for 120 min from the dose: 25 min to go"])
    well_at(clinic, three, 125)
    assert ready(clinic) == (True, None, [])
    three.ends()
    assert clinic.told("observation-incomplete") == []


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"moaas": 4}, "MOAA/S 4, now"),
        ({"cadss": 9}, "CADSS 9, now"),
        ({"cadss-6": 2}, "CADSS-6 2, now"),
        ({"distress": 6}, "Distress 6 of 10, now"),
        ({"cuff": (160, 78)}, "Systolic pressure 160, baseline 122, now"),
        ({"cuff": (90, 78)}, "Systolic pressure 90, baseline 122, now"),
        ({"spo2": 91.0}, "SpO2 91 %, now"),
        ({"symptoms": {"chest-pain": True}}, "Chest pain, now"),
    ],
)
def test_each_thing_that_speaks_against_leaving_is_a_reason_with_its_value_and_age(
    what: dict[str, Any], reason: str
) -> None:
    clinic, three = dosed()
    well_at(clinic, three, 126)
    clinic.now_s += 150
    ((name, value),) = what.items()
    if name == "cuff":
        three.cuff(*value)
    elif name == "spo2":
        three.shows(1, spo2=value)
    elif name == "symptoms":
        clinic.send(
            CheckIn.model_validate({"at": moment(clinic.now_s), "patient": "P-3", "instrument": name, "items": value})
        )
    else:
        three.scores(name, value)
    is_ready, _, reasons = ready(clinic)
    assert not is_ready
    assert reason in reasons


def test_what_is_not_known_is_a_reason_too() -> None:
    clinic, _ = dosed(cuff=None)
    at(clinic, 160)
    is_ready, expected, reasons = ready(clinic)
    assert not is_ready
    assert reasons == [
        "MOAA/S not scored since the dose", "Dissociation not scored since the dose", "No blood pressure",
        "Last oxygen saturation 160 min ago", "Check-in overdue",
    ][: len(reasons)]  # fmt: skip
    assert expected == "16:40", "now, if somebody looks"


def test_a_score_from_before_the_dose_says_nothing_of_after_it() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.scores("moaas", 5)
    at(clinic, 5)
    three.infuses()
    assert "MOAA/S not scored since the dose" in ready(clinic)[2]


def test_before_the_dose_nobody_is_ready() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    assert ready(clinic) == (False, None, ["No dose yet"])


def test_an_open_alarm_of_the_body_keeps_somebody_here() -> None:
    clinic, three = dosed()
    well_at(clinic, three, 126)
    three.shows(70, spo2=97, hr=breathing(145, 70))
    assert "Fast heart rate" in ready(clinic)[2]
    assert ready(clinic)[1] is None, "nobody can say when"


def test_an_old_pressure_does_not_do() -> None:
    clinic, three = dosed()
    well_at(clinic, three, 90)
    at(clinic, 126)
    clinic.send(three.vitals(spo2=97))
    assert "Last blood pressure 36 min ago" in ready(clinic)[2]


# ---- leaving


def test_leaving_before_ready_is_said_with_what_was_missing_and_stays_until_a_person_has_seen_it() -> None:
    clinic, three = dosed("esketamine", "intranasal")
    well_at(clinic, three, 69)
    at(clinic, 70)
    three.scores("cadss", 8)
    clinic.now_s += 60
    three.ends()
    (raised,) = [one for one in clinic.transitions if one.rule == "observation-incomplete"]
    assert (raised.priority, raised.session) == ("medium", "S-3")
    assert raised.evidence["missing"] == ["Observed for 120 min from the dose: 54 min to go", "CADSS 8, 1 min ago"]
    at(clinic, 600)
    assert "observation-incomplete" in clinic.open_rules()
    clinic.closes("observation-incomplete")
    assert clinic.open_rules() & {"observation-incomplete"} == set()


def test_what_was_only_not_looked_at_is_low() -> None:
    clinic, three = dosed()
    at(clinic, 130)
    three.ends()
    (raised,) = [one for one in clinic.transitions if one.rule == "observation-incomplete"]
    assert raised.priority == "low"


def test_who_is_said_to_have_left_has_left_and_the_end_says_it_no_second_time() -> None:
    clinic, three = dosed()
    well_at(clinic, three, 60)
    clinic.send(Intervention(at=moment(clinic.now_s), patient="P-3", session="S-3", what="left", by="rn-1"))
    clinic.now_s += 60
    three.ends()
    three.starts()
    at(clinic, 70)
    gives(three)
    three.ends()
    assert [line.split(" (")[0] for line in clinic.told("observation-incomplete")] == [
        "60:00 medium observation-incomplete raised"
    ]


@pytest.mark.parametrize(("reason", "dose"), [("transferred", True), ("completed", False)])
def test_who_is_handed_on_or_was_never_dosed_has_not_left_early(reason: str, dose: bool) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    if dose:
        three.infuses()
    at(clinic, 30)
    clinic.send(SessionEnded(at=moment(clinic.now_s), patient="P-3", session="S-3", reason=reason))
    assert clinic.told("observation-incomplete") == []
