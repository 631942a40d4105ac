"""A treatment's protocol: what is due when, what asks before the dose, what lasts, and who may go home."""

from __future__ import annotations

from typing import Any

import pytest

from models.drugs import TREATMENTS
from models.records import CheckIn, Dose, DoseStopped, Intervention, PatientRegistered, SessionEnded
from streams.shard import Shard
from tests.scenes import Chair, Scene, breathing, moment
from tests.test_state import repacked, unpacked

HOUR = 3600.0
GIVEN = [(drug, route) for (drug, route), treatment in TREATMENTS.items() if treatment.usual is not None and route]
every_treatment = pytest.mark.parametrize(("drug", "route"), GIVEN)


def dosed(
    drug: str = "ketamine", route: str = "iv", cuff: tuple[int, int] | None = (122, 76), **more: Any
) -> tuple[Scene, Chair]:
    """A session whose dose began at minute 5, after a good cuff."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts(drug, route)
    clinic.send(three.vitals(spo2=97, hr=72))
    if cuff is not None:
        three.cuff(*cuff)
    clinic.now_s = 300
    gives(three, drug=drug, route=route, **more)
    return clinic, three


def gives(chair: Chair, at_min: float | None = None, **fields: Any) -> None:
    at_s = chair.scene.now_s if at_min is None else at_min * 60
    who = {"at": moment(at_s), "patient": chair.patient, "session": chair.session}
    chair.scene.send(Dose.model_validate({**who, "drug": "ketamine", "route": "iv", **fields}))


def at(clinic: Scene, minutes: float) -> None:
    clinic.now_s = minutes * 60
    clinic.send()


def card(clinic: Scene) -> dict[str, Any]:
    (found,) = clinic.shard.chairs("main")["chairs"]
    return dict(found)


def due(clinic: Scene) -> list[tuple[str, str | None]]:
    return [(one["what"], one["due_at"] and one["due_at"][11:16]) for one in card(clinic)["next"]]


# ---- lasting dissociation


@every_treatment
def test_dissociation_that_is_there_at_two_hours_is_said_at_that_instant_though_nobody_asked(
    drug: str, route: str
) -> None:
    clinic, three = dosed(drug, route)
    at(clinic, 45)
    three.scores("cadss", 12)
    at(clinic, 200)
    assert clinic.told("prolonged-dissociation") == ["125:00 medium prolonged-dissociation raised (P-3)"]


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([("cadss", 5)], True), ([("cadss", 4)], False), ([("cadss-6", 2)], True), ([("cadss-6", 1)], False),
        ([("moaas", 4)], True), ([("moaas", 5)], False), ([("cadss", 3), ("moaas", 4)], True), ([], False),
        ([("cadss", 30), ("cadss", 2)], False),
    ],
)  # fmt: skip
def test_the_last_known_scores_decide(scores: list[tuple[str, int]], said: bool) -> None:
    clinic, three = dosed()
    for n, (instrument, score) in enumerate(scores):
        at(clinic, 40 + 20 * n)
        three.scores(instrument, score)
    at(clinic, 126)
    assert bool(clinic.told("prolonged-dissociation")) is said


def test_it_ends_when_a_score_says_so_and_begins_with_a_late_one_too() -> None:
    clinic, three = dosed()
    at(clinic, 130)
    three.scores("cadss", 9)
    at(clinic, 140)
    three.scores("cadss", 2)
    assert clinic.told("prolonged-dissociation") == [
        "130:00 medium prolonged-dissociation raised (P-3)",
        "140:00 medium prolonged-dissociation latched (P-3)",
    ]


def test_two_hours_are_counted_from_the_first_device_of_a_spray_and_anew_from_a_second_treatment() -> None:
    clinic, three = dosed("esketamine", "intranasal", amount_mg=28)
    for minute in (10, 15):
        at(clinic, minute)
        gives(three, drug="esketamine", route="intranasal", amount_mg=28)
    assert card(clinic)["given_mg"] == 84
    assert card(clinic)["observe_until"] == "2026-11-23T16:05:00.000Z"
    at(clinic, 60)
    three.scores("cadss", 12)
    at(clinic, 100)
    gives(three, drug="esketamine", route="intranasal", amount_mg=28)
    at(clinic, 219)
    assert clinic.told("prolonged-dissociation") == []
    at(clinic, 221)
    assert clinic.told("prolonged-dissociation") == ["220:00 medium prolonged-dissociation raised (P-3)"]


def test_a_dose_that_is_entered_late_counts_from_when_it_was_given() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    at(clinic, 50)
    three.scores("cadss", 12)
    gives(three, at_min=10)
    at(clinic, 135)
    assert clinic.told("prolonged-dissociation") == ["130:00 medium prolonged-dissociation raised (P-3)"]


def test_a_dose_that_was_entered_wrongly_is_corrected() -> None:
    clinic, three = dosed(id="d-1", amount_mg=350)
    at(clinic, 8)
    gives(three, at_min=6, id="d-2", replaces="d-1", amount_mg=35)
    assert card(clinic)["given_mg"] == 35
    assert card(clinic)["dose_at"] == "2026-11-23T14:06:00.000Z"


def test_a_stopped_dose_is_observed_from_its_start_all_the_same() -> None:
    clinic, _ = dosed(amount_mg=35, minutes=40)
    at(clinic, 15)
    clinic.send(DoseStopped(at=moment(900), patient="P-3", session="S-3", given_mg=8.8))
    shown = card(clinic)
    assert (shown["phase"], shown["given_mg"], shown["stopped_at"]) == ("observation", 8.8, "2026-11-23T14:15:00.000Z")
    assert shown["observe_until"] == "2026-11-23T16:05:00.000Z"


def test_a_dose_that_names_no_session_is_its_patient_s_who_sits_here_unless_it_was_elsewhere() -> None:
    for drug, phase in (("ketamine", "dosing"), ("ect", "before")):
        clinic = Scene()
        three = clinic.chair("3")
        three.starts()
        at(clinic, 5)
        gives(three, session=None, drug=drug, route=None)
        assert card(clinic)["phase"] == phase
    clinic = Scene()
    clinic.now_s = HOUR
    clinic.chair("3").starts()
    gives(clinic.chair("3"), at_min=10, session=None)
    assert card(clinic)["phase"] == "before", "an hour ago is another treatment"


# ---- before the dose


@every_treatment
@pytest.mark.parametrize(("cuff", "asks"), [((140, 90), False), ((141, 80), True), ((120, 91), True)])
def test_a_pressure_above_the_label_s_asks_before_the_dose(
    drug: str, route: str, cuff: tuple[int, int], asks: bool
) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts(drug, route)
    three.cuff(*cuff)
    assert bool(clinic.told("predose-pressure")) is asks
    clinic.now_s += 600
    three.cuff(130, 80)
    assert "predose-pressure" not in clinic.open_rules(), "taken again, it has its answer"


def test_the_last_good_cuff_counts_when_the_dose_is_given() -> None:
    clinic, three = dosed("esketamine", "intranasal", cuff=(152, 84))
    assert clinic.told("predose-pressure") == ["0:00 low predose-pressure raised (P-3)"]
    at(clinic, 20)
    three.cuff(150, 80)
    assert "predose-pressure" in clinic.open_rules()
    at(clinic, 60)
    three.cuff(138, 80)
    assert "predose-pressure" not in clinic.open_rules()


def test_a_pressure_that_rises_after_the_dose_is_no_question_of_before() -> None:
    clinic, three = dosed("esketamine", "intranasal")
    at(clinic, 45)
    three.cuff(160, 95)
    assert clinic.told("predose-pressure") == []


def test_no_cuff_before_the_dose_asks_too() -> None:
    clinic, three = dosed("esketamine", "intranasal", cuff=None)
    (raised,) = [one for one in clinic.transitions if one.rule == "predose-pressure"]
    assert (
        raised.text
        == "Chair 3 (P-3): Pressure before dose. A dose was given and no cuff was taken before it: take one now."
    )
    at(clinic, 7)
    three.cuff(150, 95)
    assert "predose-pressure" not in clinic.open_rules()


# ---- timers


def test_the_pressure_at_the_peak_is_due_and_overdue_ten_minutes_later() -> None:
    clinic, three = dosed("esketamine", "intranasal")
    assert ("pressure-at-the-peak", "14:45") in due(clinic)
    at(clinic, 30)
    three.cuff(140, 84)
    at(clinic, 60)
    assert clinic.told("vitals-overdue") == ["55:00 low vitals-overdue raised (P-3)"]
    three.cuff(150, 90)
    assert clinic.told("vitals-overdue")[1:] == ["60:00 low vitals-overdue closed (P-3)"]


def test_a_cuff_near_the_peak_is_the_pressure_at_the_peak() -> None:
    clinic, three = dosed("esketamine", "intranasal")
    at(clinic, 36)
    three.cuff(150, 90)
    at(clinic, 60)
    assert clinic.told("vitals-overdue") == []
    assert "pressure-at-the-peak" not in dict(due(clinic))


def test_a_dose_entered_late_does_not_ask_for_a_pressure_that_was_taken() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts("esketamine", "intranasal")
    three.cuff(122, 76)
    at(clinic, 25)
    three.cuff(130, 80)
    at(clinic, 46)
    three.cuff(150, 90)
    gives(three, at_min=5, drug="esketamine", route="intranasal")
    at(clinic, 70)
    assert clinic.told("vitals-overdue") == []


@every_treatment
def test_check_ins_are_overdue_after_the_dose_as_the_protocol_has_it_and_a_score_ends_that(
    drug: str, route: str
) -> None:
    clinic, three = dosed(drug, route)
    wait = TREATMENTS[drug, route].protocol.checkin_min
    assert wait is not None
    at(clinic, 5 + wait + 1)
    overdue = f"{int(5 + wait)}:00 low checkin-overdue raised (P-3)"
    assert clinic.told("checkin-overdue") == [overdue]
    assert due(clinic)[0][1] is None, "what is overdue comes first and has no time any more"
    three.scores("distress", 1)
    assert "checkin-overdue" in clinic.open_rules(), "distress is no score of the observation"
    three.scores("moaas", 5)
    assert "checkin-overdue" not in clinic.open_rules()


def test_nobody_is_asked_again_once_observed_long_enough_and_resolved() -> None:
    clinic, three = dosed()
    for minute in (40, 80, 124):
        at(clinic, minute)
        three.scores("moaas", 5)
        three.scores("cadss", 0)
    at(clinic, 240)
    assert clinic.told("checkin-overdue") == []


def test_nothing_is_due_before_a_dose_or_for_a_session_nobody_announced() -> None:
    clinic = Scene()
    clinic.send(clinic.chair("3").vitals(patient="P-3", spo2=97))
    clinic.send(CheckIn(at=moment(0), patient="P-3", instrument="cadss", score=20.0))
    assert card(clinic)["next"] == []
    waiting = Scene()
    waiting.chair("3").starts()
    at(waiting, 180)
    assert waiting.told("checkin-overdue") == []


def test_what_is_due_next_is_in_order() -> None:
    clinic, _ = dosed("esketamine", "intranasal")
    listed = card(clinic)["next"]
    assert [one["what"] for one in listed] == ["pressure-at-the-peak", "cuff", "check-in", "observation"]
    assert [one["due_at"] for one in listed] == sorted(one["due_at"] for one in listed)


def test_timers_survive_a_restart() -> None:
    clinic, three = dosed("esketamine", "intranasal")
    three.scores("cadss", 20)
    twin = Scene()
    twin.shard, twin.now_s = Shard.restore(clinic.shard.snapshot()), clinic.now_s
    for scene in (clinic, twin):
        at(scene, 240)
    assert twin.transitions == clinic.transitions[-len(twin.transitions) :]
    assert {"vitals-overdue", "checkin-overdue", "prolonged-dissociation"} <= twin.open_rules()


def test_who_was_dosed_before_there_were_timers_is_still_told_of() -> None:
    clinic, three = dosed()
    three.scores("cadss", 20)
    state = unpacked(clinic.shard.snapshot())
    (_, fields), *_ = state["ward"]["known"]["sessions"]
    dose_us, reports = fields.pop("doses")[0][0], fields.pop("reports")
    fields |= {"dose_us": dose_us, "scores": {name: [score, at_us] for at_us, name, score, *_ in reports}}
    del fields["checkin_due_us"], fields["lasting_due_us"], fields["peak_due_us"]
    state["ward"]["rows"]["columns"].pop("timer_due")
    clinic.shard = Shard.restore(repacked(state))
    at(clinic, 130)
    assert clinic.told("prolonged-dissociation") == ["125:00 medium prolonged-dissociation raised (P-3)"]


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
    found = [one for one in clinic.transitions if one.rule == "contraindication"]
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


def test_registrations_survive_a_restart() -> None:
    clinic = Scene()
    registers(clinic, conditions=["avm"], weight_kg=62)
    clinic.shard = Shard.restore(clinic.shard.snapshot())
    clinic.chair("3").starts("esketamine", "intranasal")
    assert clinic.told("contraindication") == ["0:01 high contraindication raised (P-3)"]


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
