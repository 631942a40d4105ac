"""What a board is told beside the values, and what is kept of a person from one session to the next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.wire.observations import CheckIn, Dose, InstrumentName, PatientRegistered, SessionEnded
from streams.shard import Shard
from streams.ward.pasts import COURSE_ENDS_AFTER
from tests.support.scenes import Scene, moment, seconds


def card(clinic: Scene, name: str = "3") -> dict[str, Any]:
    """A chair of the board's document."""
    (found,) = [chair for chair in clinic.shard.chairs(clinic.site)["chairs"] if chair["chair"] == name]
    return dict(found)


def infused(
    minute: float, *scores: tuple[float, float], drug: str = "ketamine", weight_kg: float | None = None
) -> Scene:
    """Minute `minute` of a treatment with these CADSS scores at these minutes."""
    clinic = Scene()
    three = clinic.chair("3")
    if weight_kg is not None:
        clinic.send(PatientRegistered(at=moment(0), patient=three.patient, weight_kg=weight_kg))
    three.starts(drug, "iv" if drug == "ketamine" else "intranasal", planned_mg=35 if drug == "ketamine" else 84)
    if drug == "ketamine":
        three.infuses()
    else:
        clinic.send(
            Dose(
                at=moment(0), patient=three.patient, session=three.session, drug=drug, route="intranasal", amount_mg=84
            )
        )
    for at_min, score in scores:
        clinic.now_s = at_min * 60
        three.scores("cadss", score)
    clinic.now_s = minute * 60
    clinic.send()
    return clinic


def test_before_a_dose_nothing_is_estimated() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    assert (card(clinic)["dissociation"], card(clinic)["expected"]) == (None, None)


@pytest.mark.parametrize(("drug", "ng_ml"), [("ketamine", 177.3), ("esketamine", 100.6)])
def test_the_concentration_is_the_drug_model_s(drug: str, ng_ml: float) -> None:
    assert card(infused(40, drug=drug))["dissociation"]["concentration_ng_ml"] == pytest.approx(ng_ml, rel=0.01)


def test_the_same_milligrams_are_less_in_a_larger_body() -> None:
    small, large = (card(infused(40, weight_kg=weight))["dissociation"] for weight in (50, 110))
    assert small["concentration_ng_ml"] > 2 * large["concentration_ng_ml"]
    assert small["level"] > large["level"]


def test_a_card_says_how_far_away_somebody_is_and_until_when() -> None:
    told = card(infused(40, (20, 10), (38, 24)))["dissociation"]
    assert told["low"] < 24 < told["high"]
    assert 20 < told["level"] < 30
    minutes = seconds(told["resolves_at"]) / 60
    assert 60 < minutes < 120
    later = card(infused(150, (20, 10), (38, 24), (149, 0)))["dissociation"]
    assert later["level"] < 1
    assert later["resolves_at"] is None


def test_a_score_out_of_line_is_surprising() -> None:
    assert abs(card(infused(41, (20, 10), (40, 16)))["dissociation"]["surprise"]) < 1.5
    assert card(infused(121, (20, 6), (40, 8), (120, 40)))["dissociation"]["surprise"] > 2.5
    assert card(infused(41))["dissociation"]["surprise"] is None


def test_an_alert_on_a_score_says_how_surprising_it_is() -> None:
    early, late = infused(41, (40, 20)), infused(116, (40, 2), (115, 20))
    for clinic, surprising in ((early, False), (late, True)):
        raised = [one for one in clinic.transitions if one.rule == "dissociation" and one.transition == "raised"][-1]
        assert (raised.evidence["surprise_sd"] > 2) == surprising


def test_what_is_usual_at_this_minute_is_one_sentence() -> None:
    assert (
        card(infused(10))["expected"] == "Effects are rising: peak about minute 40, pressure usually +10-20 mmHg then."
    )
    assert "Peak effect about minute 40" in card(infused(42))["expected"]
    assert "falls again" in card(infused(70))["expected"]
    assert "unusual" in card(infused(118))["expected"]
    late = infused(200)
    late.chair("3").scores("moaas", 5)
    late.now_s += 100 * 60
    late.send()
    assert card(late)["expected"] is None


def test_an_alert_says_what_is_usual_at_its_minute() -> None:
    clinic = infused(40)
    clinic.chair("3").cuff(185, 95)
    (raised,) = [one for one in clinic.transitions if one.rule == "hypertension"]
    assert raised.evidence["expected"].startswith("Peak effect about minute 40: pressure usually +10-20 mmHg")
    assert all("expected" not in one.evidence for one in clinic.transitions if one.category == "technical")


def test_a_stopped_infusion_is_estimated_as_stopped() -> None:
    whole, halved = infused(20), infused(20)
    halved.chair("3").stops(given_mg=17.5)
    for clinic in (whole, halved):
        clinic.now_s = 40 * 60
        clinic.send()
    full, half = (card(clinic)["dissociation"]["concentration_ng_ml"] for clinic in (whole, halved))
    assert half < full / 2


def test_a_board_moves_on_with_time_and_with_what_is_said() -> None:
    clinic = infused(40, (30, 12))
    first = card(clinic)["dissociation"]
    clinic.now_s += 300
    clinic.send()
    assert card(clinic)["dissociation"] != first
    clinic.chair("3").scores("cadss", 60)
    assert card(clinic)["dissociation"]["level"] > 30


# ---- from session to session -----------------------------------------------------------------------------------------


def sessions(count: int, score: float, days: float = 3) -> Scene:
    """So many sessions with one score at minute 40 each, and then the next one's minute 40."""
    clinic = Scene()
    for number in range(count + 1):
        start_s = number * days * 86_400
        for at_s, record in (
            (start_s, None),
            (start_s + 2400, CheckIn),
            (start_s + 7200, SessionEnded),
        ):
            clinic.now_s = at_s
            who = {"at": moment(at_s), "patient": "P-3", "session": f"S-{number}"}
            if record is None:
                clinic.chair("3").starts(session=f"S-{number}")
                clinic.send(
                    Dose.model_validate({**who, "drug": "ketamine", "route": "iv", "amount_mg": 35, "minutes": 40})
                )
            elif number < count and record is CheckIn:
                clinic.send(CheckIn.model_validate({**who, "instrument": "cadss", "score": score}))
            elif number < count:
                clinic.send(SessionEnded.model_validate(who))
            else:
                return_scene = clinic
                clinic.send()
                return return_scene
    return clinic


def test_a_person_who_went_far_before_is_expected_to_again_and_less_each_time() -> None:
    first = card(sessions(0, 30))["dissociation"]
    far, little = (card(sessions(3, score))["dissociation"] for score in (30, 1))
    assert far["level"] > first["level"] > little["level"]
    assert far["high"] / far["low"] < first["high"] / first["low"]
    # The eighth of a course, without a score of its own, is about half of what the scores before would say alone.
    assert card(sessions(7, 20))["dissociation"]["level"] < 20


def test_a_long_break_begins_a_course_anew() -> None:
    soon, late = (card(sessions(6, 20, days))["dissociation"]["level"] for days in (3, 61))
    assert timedelta(microseconds=COURSE_ENDS_AFTER) == timedelta(days=60)
    assert late > soon


def test_what_is_kept_of_a_person_outlives_a_restart() -> None:
    clinic = sessions(3, 30)
    restored = Shard.restore(clinic.shard.snapshot())
    assert restored.chairs("main") == clinic.shard.chairs("main")
    assert restored.snapshot() == clinic.shard.snapshot()


def test_a_slow_answer_counts_and_a_clinician_s_does_not() -> None:
    levels = []
    asked: list[tuple[InstrumentName, int]] = [("distress", 10), ("distress", 300), ("moaas", 10), ("moaas", 300)]
    for instrument, waited_s in asked:
        clinic = infused(40)
        at, prompted = moment(2400), moment(2400 - waited_s)
        clinic.send(
            CheckIn(
                at=at, prompted_at=prompted, patient="P-3", session="S-3", instrument=instrument,
                score=5.0 if instrument == "moaas" else 0.0,
            )
        )  # fmt: skip
        levels.append(card(clinic)["dissociation"]["level"])
    assert levels[1] > levels[0]
    assert levels[2] == levels[3]


def test_a_sender_that_repeats_itself_thousands_of_times_costs_no_more_than_forty() -> None:
    clinic = infused(40)
    for n in range(300):
        at = moment(n * 8)
        clinic.send(CheckIn(at=at, patient="P-3", session="S-3", instrument="cadss", score=float(n % 20)))
    assert card(clinic)["dissociation"]["level"] > 0
