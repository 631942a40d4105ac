"""A treatment's protocol: what is due when, what asks before the dose, and what lasts."""

from __future__ import annotations

import pytest

from models.instants import MINUTE, iso
from models.tables.drugs import TREATMENTS
from models.wire.observations import CheckIn, DoseStopped
from streams.shard import Shard
from tests.support.scenes import START_US, Scene, moment
from tests.support.treatments import at, card, dosed, every_treatment, gives

HOUR = 3600.0


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


def test_what_lasts_of_a_dose_that_is_entered_after_two_hours_is_said_when_it_is_entered() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    at(clinic, 170)
    three.scores("cadss", 12)
    at(clinic, 185)
    gives(three, at_min=5)
    at(clinic, 200)
    assert clinic.told("prolonged-dissociation") == ["185:00 medium prolonged-dissociation raised (P-3)"]
    assert clinic.alert("prolonged-dissociation").onset_us == START_US + 125 * MINUTE, "it has lasted since two hours"


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


def test_a_cuff_of_the_very_minute_of_the_dose_is_the_one_before_it() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts("esketamine", "intranasal")
    at(clinic, 5)
    three.cuff(152, 84)
    gives(three, drug="esketamine", route="intranasal")
    assert "predose-pressure" in clinic.open_rules()


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


@pytest.mark.parametrize(("taken_at_min", "asked"), [(35, False), (34.9, True)])
def test_a_cuff_ten_minutes_before_the_peak_is_the_pressure_at_the_peak_where_the_dose_is_entered_after_it(
    taken_at_min: float, asked: bool
) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts("esketamine", "intranasal")
    for minute in (0, 20, taken_at_min):
        at(clinic, minute)
        three.cuff(130, 84)
    at(clinic, 40)
    gives(three, at_min=5, drug="esketamine", route="intranasal")
    at(clinic, 70)
    assert bool(clinic.told("vitals-overdue")) is asked


def test_a_pressure_at_the_peak_of_a_dose_that_is_entered_too_late_for_it_is_overdue_when_it_is_entered() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts("esketamine", "intranasal")
    for minute in (10, 34):
        at(clinic, minute)
        three.cuff(130, 84)
    at(clinic, 60)
    gives(three, at_min=5, drug="esketamine", route="intranasal")
    at(clinic, 61)
    assert clinic.told("vitals-overdue") == ["60:00 low vitals-overdue raised (P-3)"]


def test_a_cuff_that_is_overdue_stays_so_when_the_dose_is_corrected() -> None:
    clinic, three = dosed(id="d-1", cuff=None)
    at(clinic, 50)
    since = dict(due(clinic))["cuff"]
    assert since is not None
    assert since < "14:50", "since when it is overdue"
    gives(three, at_min=6, id="d-2", replaces="d-1")
    assert dict(due(clinic))["cuff"] == since
    at(clinic, 90)
    assert len(clinic.told("vitals-overdue")) == 1


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
    due_at = dict(due(clinic))["check-in"]
    assert due_at == iso(START_US + round((5 + wait) * MINUTE))[11:16], "what is overdue says since when"
    assert due(clinic) == sorted(due(clinic), key=lambda each: str(each[1])), "and comes before what is yet to come"
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


@pytest.mark.parametrize(
    ("minute", "moaas", "cadss", "asked_again"),
    [(60, 5, 4, True), (126, 5, 4, False), (126, 5, 5, True), (126, 4, 4, True), (126, None, 0, True), (126, 5, None, True)],
)  # fmt: skip
def test_somebody_asks_again_until_two_hours_are_over_and_both_scores_are_good(
    minute: float, moaas: int | None, cadss: int | None, asked_again: bool
) -> None:
    clinic, three = dosed()
    at(clinic, 40)
    three.scores("distress", 0)
    at(clinic, minute)
    before = len(clinic.told("checkin-overdue"))
    for instrument, score in (("moaas", moaas), ("cadss", cadss)):
        if score is not None:
            three.scores(instrument, score)
    at(clinic, minute + 46)
    overdue = [line for line in clinic.told("checkin-overdue")[before:] if "raised" in line]
    assert bool(overdue) is asked_again


def test_nothing_is_due_before_a_dose_or_for_a_session_nobody_announced() -> None:
    clinic = Scene()
    clinic.send(clinic.chair("3").vitals(patient="P-3", spo2=97))
    clinic.send(CheckIn(at=moment(0), patient="P-3", instrument="cadss", score=20.0))
    assert card(clinic)["next"] == []
    waiting = Scene()
    waiting.chair("3").starts()
    waiting.chair("3").scores("moaas", 5)
    at(waiting, 180)
    assert waiting.told("checkin-overdue") == []


def test_what_is_due_next_is_in_order() -> None:
    clinic, _ = dosed("esketamine", "intranasal")
    listed = card(clinic)["next"]
    assert [one["what"] for one in listed] == ["pressure-at-the-peak", "cuff", "check-in", "observation"]
    assert [one["due_at"] for one in listed] == sorted(one["due_at"] for one in listed)


def test_a_cuff_past_a_limit_is_to_be_taken_again_at_once_and_once_borne_out_after_five_minutes() -> None:
    clinic, three = dosed()
    at(clinic, 20)
    three.cuff(186, 92)
    assert due(clinic)[0] == ("recheck", "14:20")
    at(clinic, 22)
    three.cuff(188, 94)
    assert due(clinic)[0] == ("recheck", "14:27")
    at(clinic, 27)
    three.cuff(140, 84)
    assert "recheck" not in dict(due(clinic))


def test_timers_survive_a_restart() -> None:
    clinic, three = dosed("esketamine", "intranasal")
    three.scores("cadss", 20)
    twin = Scene()
    twin.shard, twin.now_s = Shard.restore(clinic.shard.snapshot()), clinic.now_s
    for scene in (clinic, twin):
        at(scene, 240)
    assert twin.transitions == clinic.transitions[-len(twin.transitions) :]
    assert {"vitals-overdue", "checkin-overdue", "prolonged-dissociation"} <= twin.open_rules()
