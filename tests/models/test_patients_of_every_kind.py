"""Patients of every kind get a sensible forecast, or are told why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from models.calendar import iso_day
from models.relapse.day_entries import DayEntry
from models.relapse.document import forecast_document
from models.relapse.forecaster import forecast_many
from models.relapse.history import Course
from tests.support.patients import FIRST, Patient

INDUCTION = (0, 2, 4, 7, 9, 11)


def forecast(patient: Patient, day: int) -> Any:
    course = patient.history().course(patient.day(day))
    assert course is not None
    return forecast_document(course, forecast_many([course]), 0, with_cdf=True)


def course(patient: Patient, day: int) -> Course:
    found = patient.history().course(patient.day(day))
    assert found is not None
    return found


def induced(name: str = "P1", **dose: Any) -> Patient:
    patient = Patient(name).phq(-6, 22).phq(-1, 20)
    for day in INDUCTION:
        patient.dose(day, **dose)
    return patient


def entries(patient: Patient, day: int, kind: str) -> list[DayEntry]:
    return [entry for entry in course(patient, day).entries if entry.kind == kind]


def test_tau_is_half_the_last_two_screening_scores_and_never_below_10() -> None:
    assert course(Patient().phq(-20, 5).phq(-8, 24).phq(-1, 26).dose(0), 0).tau == 12.5
    assert course(Patient().phq(-8, 14).phq(-1, 12).dose(0), 0).tau == 10
    assert course(Patient().phq(-1, 24).dose(0), 0).tau == 12
    assert course(Patient().dose(0), 0).tau == 10


def test_later_scores_never_move_tau_and_a_score_on_the_first_dose_day_counts_by_its_hour() -> None:
    assert course(induced().phq(12, 3).phq(30, 27), 40).tau == 10.5
    assert course(Patient().phq(0, 26, hour=9).dose(0, hour=10), 5).tau == 13
    assert course(Patient().phq(0, 26, hour=11).dose(0, hour=10), 5).tau == 10


def test_a_patient_without_a_phq9_is_screened_and_followed_by_what_there_is() -> None:
    patient = Patient().madrs(-3, 44).madrs(0, 46)
    for day in INDUCTION:
        patient.dose(day)
    for day, score in ((9, 20), (11, 14), (30, 12), (37, 16)):
        patient.madrs(day, score)
    said = forecast(patient, 40)
    assert said["due_at_severity"] == 11.25
    assert said["response"] == "responder"
    assert 4 < said["severity_now"]["mean"] < 12
    qids = Patient().score(-5, "qids-sr16", 21).score(-2, "qids-sr16", 21).dose(0)
    assert forecast(qids, 3)["due_at_severity"] == 10
    assert course(qids, 3).baseline == 20


def test_mood_alone_is_believed_little_but_believed() -> None:
    def told(mood: float) -> Any:
        patient = induced()
        for day in range(-10, 0):
            patient.score(day, "mood-vas", 8)
        for day in range(12, 40):
            patient.score(day, "mood-vas", mood)
        return forecast(patient, 40)

    assert told(2)["severity_now"]["mean"] < told(8)["severity_now"]["mean"] - 2


def test_without_any_score_the_forecast_is_the_population_and_says_so() -> None:
    patient = Patient()
    for day in INDUCTION:
        patient.dose(day)
    said = forecast(patient, 20)
    assert said["response"] == "unknown"
    assert said["basis"]["patient"] < 0.1
    assert any("Mostly population" in reason for reason in said["reasons"])
    assert said["sharpen"] == "a clinician's score (MADRS) before the next dose"


def test_one_single_score_is_enough_for_a_line_and_too_little_for_a_date() -> None:
    said = forecast(Patient().phq(0, 17), 3)
    assert (said["due"], said["cdf"], said["response"]) == (None, None, "unknown")
    assert 15.5 < said["severity_now"]["mean"] < 19


def test_a_patient_seen_but_never_scored_gets_the_average_and_is_told_so() -> None:
    said = forecast(Patient().tell("patient.registered", 0, weight_kg=70), 1)
    assert said["severity_now"]["mean"] == pytest.approx(18.5)
    assert "No score is known" in said["reasons"][0]


def test_nothing_known_is_no_line() -> None:
    assert induced().history().course(FIRST.toordinal() - 30) is None


def test_doses_at_another_clinic_count_like_any_other() -> None:
    here = induced(session="S1").phq(20, 8).phq(30, 12)
    elsewhere = induced(session="S1").phq(20, 8).phq(30, 12).dose(31, site="elsewhere", amount_mg=None)
    assert forecast(elsewhere, 33)["relapse_probability"]["14d"] < forecast(here, 33)["relapse_probability"]["14d"]
    assert any("1 of the treatments were given outside" in reason for reason in forecast(elsewhere, 33)["reasons"])


@pytest.mark.parametrize("amount", [None, 0.35, 35_000, -5])
def test_an_unknown_or_implausible_amount_is_one_usual_dose(amount: float | None) -> None:
    (dose,) = entries(Patient().tell("patient.registered", -1, weight_kg=70).dose(0, amount_mg=amount), 0, "drug")
    assert dose.value == 1


def test_a_dose_of_0_mg_is_an_amount_nobody_filled_in_and_one_corrected_to_0_mg_was_not_given() -> None:
    patient = Patient().dose(0, id="d1", amount_mg=0)
    assert [entry.value for entry in entries(patient, 0, "drug")] == [1]
    patient.dose(0, id="d2", replaces="d1", amount_mg=0, received=FIRST + timedelta(days=2))
    assert len(entries(patient, 1, "drug")) == 1
    assert course(patient, 2).start is None


def test_a_dose_that_was_stopped_is_as_strong_as_what_was_given() -> None:
    patient = Patient().tell("patient.registered", -1, weight_kg=70).dose(0, session="S1")
    whole = entries(patient, 0, "drug")[0].value
    patient.tell("dose.stopped", 0, 10.3, session="S1", given_mg=10)
    assert entries(patient, 0, "drug")[0].value < whole
    assert entries(patient.tell("dose.stopped", 0, 10.5, session="S1", given_mg=0), 0, "drug") == []


def test_three_sprays_on_one_day_are_one_dose() -> None:
    patient = Patient()
    for minute in (0, 5, 10):
        patient.dose(0, "esketamine", hour=10 + minute / 60, amount_mg=28)
    (dose,) = entries(patient, 1, "drug")
    assert 1 < dose.value <= 2


def test_a_day_is_the_patients_own_and_moves_with_them() -> None:
    # 23:30 in New York is the next day in UTC.
    patient = Patient().tell("patient.registered", -1, timezone="America/New_York").dose(0, hour=28.5 - 1)
    assert course(patient, 1).start == patient.day(0) == course(patient, 0).start
    moved = patient.tell("patient.registered", 10, timezone="Asia/Tokyo").dose(20, hour=16)
    assert [entry.day - moved.day(0) for entry in entries(moved, 30, "drug")] == [0, 21]


def test_a_zone_that_was_corrected_never_held() -> None:
    def told(**later: Any) -> Patient:
        patient = Patient().tell("patient.registered", -1, id="r1", timezone="America/New_York").dose(0, hour=16)
        return patient.tell("patient.registered", 10, id="r2", timezone="Asia/Tokyo", **later)

    assert course(told(), 30).start == told().day(0)
    corrected = told(replaces="r1")
    assert course(corrected, 9).start == corrected.day(0)
    assert course(corrected, 30).start == corrected.day(1)


def test_without_a_zone_a_day_is_that_of_the_observations_own_offset() -> None:
    patient = Patient(offset_h=-8).dose(0, hour=23)
    assert course(patient, 0).start == patient.day(0)
    assert (
        Patient(offset_h=-8)
        .tell("patient.registered", -1, timezone="Mars/Olympus")
        .dose(0, hour=23)
        .history()
        .course(FIRST.toordinal())
        is not None
    )


def test_without_a_zone_the_receivers_offset_dates_nothing() -> None:
    # 18:00 at home, received seven seconds later by a server whose clock says it is tomorrow already.
    at_once = FIRST + timedelta(days=21, hours=2, seconds=7)
    patient = Patient(offset_h=-8).dose(0).phq(20, 8, received=at_once)
    assert [entry.day - patient.day(0) for entry in entries(patient, 20, "week")] == [20]


def test_what_is_received_after_the_patients_midnight_is_known_the_day_after() -> None:
    late = FIRST + timedelta(days=15, hours=4)  # 23:00 of day 14 in New York
    patient = induced().tell("patient.registered", -6, timezone="America/New_York").phq(13, 9, received=late)
    assert len(entries(patient, 13, "week")) == 0
    assert len(entries(patient, 14, "week")) == 1


def test_a_correction_counts_from_the_day_it_was_received() -> None:
    patient = (
        induced().phq(20, 25, id="typo").phq(20, 5, id="right", replaces="typo", received=FIRST + timedelta(days=30))
    )
    assert [entry.value for entry in entries(patient, 29, "week")] == [25]
    assert [entry.value for entry in entries(patient, 30, "week")] == [5]
    wrong, right = induced().phq(20, 25), induced().phq(20, 5)
    assert_array_equal(forecast(patient, 29)["cdf"], forecast(wrong, 29)["cdf"])
    assert_array_equal(forecast(patient, 30)["cdf"], forecast(right, 30)["cdf"])


def test_a_correction_may_itself_be_corrected_and_may_keep_the_id() -> None:
    patient = induced().phq(20, 25, id="a").phq(20, 15, id="b", replaces="a").phq(20, 5, id="c", replaces="b")
    assert [entry.value for entry in entries(patient, 21, "week")] == [5]
    same = induced().phq(20, 25, id="a").phq(20, 5, id="a", replaces="a", received=FIRST + timedelta(days=22))
    assert [entry.value for entry in entries(same, 23, "week")] == [5]


def test_an_id_counts_only_within_its_sender_and_kind() -> None:
    both = induced().phq(20, 8, id="17", source="tablet-a").phq(21, 9, id="17", source="phone-b")
    both.dose(22, id="17", source="phone-b")
    assert [entry.value for entry in entries(both, 30, "week")] == [8, 9]
    assert len(entries(both, 30, "drug")) == len(entries(induced(), 30, "drug")) + 1
    mine = both.phq(21, 4, id="18", replaces="17", source="phone-b")
    assert [entry.value for entry in entries(mine, 30, "week")] == [8, 4], "a correction is of its own sender's entry"
    clinic = induced().phq(20, 8, id="17", source="tablet-a").phq(20, 5, id="c", replaces="17", source="clinic")
    assert [entry.value for entry in entries(clinic, 30, "week")] == [5], "else of anybody's"


def test_a_corrected_dose_moves_the_first_dose_and_what_counts_as_screening() -> None:
    patient = Patient().phq(-3, 22).dose(0, id="d1").phq(5, 26).dose(7)
    assert course(patient, 10).tau == 11
    patient.dose(6, id="d2", replaces="d1", received=FIRST + timedelta(days=12))
    assert course(patient, 11).tau == 11
    assert course(patient, 12).tau == 12
    assert course(patient, 12).start == patient.day(6)


def test_a_repeated_line_counts_once() -> None:
    patient = induced().phq(20, 8)
    again = Patient("P1", [*patient.lines, *patient.lines])
    assert course(again, 30) == course(patient, 30)


def test_two_instruments_at_one_instant_are_no_repeat() -> None:
    patient = induced().phq(20, 8).score(20, "mood-vas", 3)
    assert len(entries(patient, 21, "week")) == len(entries(patient, 21, "mood")) == 1


def test_what_is_dated_in_the_future_is_not_known_yet() -> None:
    planned = induced().dose(30, received=FIRST + timedelta(days=15))
    assert len(entries(planned, 20, "drug")) == 6
    assert len(entries(planned, 30, "drug")) == 7


def weekly(until: int, skip: tuple[int, ...] = (), every: int = 7) -> Patient:
    patient = induced()
    for day in range(14, until, every):
        if day not in skip:
            patient.phq(day, 7)
    return patient


def test_a_check_in_that_was_to_be_expected_and_did_not_come_is_silence() -> None:
    silent = weekly(70, skip=(49, 56, 63))
    assert [entry.day - silent.day(0) for entry in entries(silent, 90, "silent")] == [49, 56, 63]
    assert forecast(silent, 57)["severity_now"]["mean"] > forecast(weekly(43), 48)["severity_now"]["mean"]
    assert any("No check-in" in reason for reason in forecast(silent, 57)["reasons"])


def test_answering_every_other_week_is_a_habit_and_no_silence() -> None:
    assert entries(weekly(120, every=14), 120, "silent") == []


def test_silent_for_months_is_a_wide_window_that_says_why() -> None:
    said = forecast(weekly(50), 120)
    assert any("Nothing was heard for" in reason for reason in said["reasons"])
    assert said["severity_now"]["sd"] > 2


def test_a_change_outside_widens_the_forecast_for_three_weeks() -> None:
    quiet = weekly(60)
    changed = weekly(60).tell("intervention", 57, what="bereavement")
    medicated = (
        weekly(60)
        .tell("patient.registered", -6, medications=["sertraline"])
        .tell("patient.registered", 57, medications=["venlafaxine"])
    )
    oxygen = weekly(60).tell("intervention", 57, what="oxygen")
    assert forecast(oxygen, 58)["cdf"] == forecast(quiet, 58)["cdf"]
    for patient in (changed, medicated):
        told = forecast(patient, 58)
        assert told["severity_now"]["sd"] > forecast(quiet, 58)["severity_now"]["sd"]
        assert any("wider until" in reason for reason in told["reasons"])


def test_ect_between_infusions_is_a_treatment_that_lasts_longer() -> None:
    infused = weekly(40).phq(42, 14).phq(49, 16).dose(50)
    shocked = weekly(40).phq(42, 14).phq(49, 16)
    for day in range(40, 51, 2):
        shocked.dose(day, "ect")
    said = forecast(shocked, 56)
    assert "last ECT" in said["reasons"][0]
    assert said["spacing"] is None
    assert said["relapse_probability"]["28d"] < 1
    assert forecast(infused, 56)["spacing"] is not None


def test_several_drugs_mixed_are_one_course() -> None:
    patient = induced()
    for day, drug in ((20, "esketamine"), (27, "tms"), (28, "tms"), (34, "some-new-drug"), (41, "ketamine")):
        patient.phq(day, 9, hour=8).dose(day, drug)
    said = forecast(patient, 45)
    assert np.isfinite(said["cdf"]).all()
    assert "number 11" in said["reasons"][0]


def test_absurd_values_move_little() -> None:
    usual = forecast(weekly(64), 66)
    absurd = forecast(weekly(64).phq(65, 27), 66)
    assert absurd["severity_now"]["mean"] - usual["severity_now"]["mean"] < 8
    assert np.isfinite(absurd["cdf"]).all()


def test_early_dosing_is_never_read_as_a_short_effect() -> None:
    patient = induced()
    for day in range(18, 100, 7):
        patient.phq(day, 5, hour=8).dose(day)
    said = forecast(patient, 100)
    assert any("Not enough off-dose time observed" in reason for reason in said["reasons"])
    assert said["relapse_probability"]["14d"] < 0.6


def test_years_of_treatment_and_years_of_silence_are_forecast_like_weeks() -> None:
    patient = induced()
    for day in range(30, 5 * 365, 91):
        patient.phq(day, 8, hour=8).dose(day)
    said = forecast(patient, 9 * 365)
    assert np.isfinite(said["cdf"]).all()
    assert np.isfinite(said["severity_now"]["sd"])
    assert said["as_of"] == iso_day(patient.day(9 * 365))
