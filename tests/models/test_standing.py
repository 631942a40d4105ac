"""A stored state is a short cut, never an input: with or without it, a forecast is the same to the last bit."""

from __future__ import annotations

from datetime import timedelta

from numpy.testing import assert_array_equal

from models.relapse.forecaster import forecast_many
from models.relapse.history import Course
from models.relapse.stored import carry_on
from tests.support.patients import FIRST, Patient


def patients() -> list[Patient]:
    told = []
    for number in range(6):
        patient = Patient(f"P{number}").phq(-5, 20)
        for day in (0, 3, 7, 10 + number):
            patient.madrs(day, 30 - day).dose(day)
        for week in range(2, 9):
            patient.phq(7 * week + number, 4 + week)
        told.append(patient)
    return told


def at(day: int, told: list[Patient]) -> list[Course]:
    found = [patient.history().course(patient.day(day)) for patient in told]
    return [course for course in found if course is not None]


def test_a_forecast_from_a_stored_state_is_the_one_from_the_history() -> None:
    states: list[bytes | None] = [None] * 6
    for day in (1, 2, 15, 16, 40):
        courses = at(day, patients())
        made, states = carry_on(courses, states)
        fresh = forecast_many(courses)
        assert_array_equal(made.cdf, fresh.cdf)
        assert_array_equal(made.mean, fresh.mean)


def test_a_late_entry_makes_a_stored_state_useless_and_the_course_is_run_again() -> None:
    _, states = carry_on(at(40, patients()), [None] * 6)
    late = patients()
    late[2].phq(30, 25, received=FIRST + timedelta(days=41))
    courses = at(41, late)
    assert_array_equal(carry_on(courses, states)[0].cdf, forecast_many(courses).cdf)


def test_what_is_no_state_of_this_patient_and_model_is_not_used() -> None:
    courses = at(40, patients())
    _, states = carry_on(courses, [None] * 6)
    first = states[0]
    assert first is not None
    spoilt = [first[:-2], b"", first.replace(b"CSF1", b"CSF0", 1), first, states[1], None]
    assert_array_equal(carry_on(courses, spoilt)[0].cdf, forecast_many(courses).cdf)


def test_a_state_is_small() -> None:
    _, states = carry_on(at(40, patients()), [None] * 6)
    assert all(state is not None and len(state) <= 50_000 for state in states)


def test_before_the_first_dose_there_is_nothing_to_store() -> None:
    made, states = carry_on(at(-2, patients()), [None] * 6)
    assert states == [None] * 6
    assert (made.mean > 15).all()
