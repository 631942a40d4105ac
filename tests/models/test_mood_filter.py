"""The forecaster depends on a patient's own record, as known at the origin, and on nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from models.relapse.forecaster import forecast_many
from models.relapse.history import Course, PatientHistory
from streams.intake.json import read_lines
from tests.support.patients import Patient

FIRST = datetime(2026, 1, 5, 10, tzinfo=UTC)


def courses(patient: Patient, every: int = 7, until: int = 100) -> list[Course]:
    history = patient.history()
    found = (history.course(patient.day(number)) for number in range(0, until, every))
    return [course for course in found if course is not None]


def treated(name: str = "P1", seed: int = 1, weeks: int = 14) -> Patient:
    """Six infusions in two weeks, then one every third week, and a PHQ-9 every week that goes up between them."""
    patient = Patient(name).phq(-7, 21).phq(-2, 19)
    for day in (0, 2, 4, 7, 9, 11, 32, 53, 74):
        patient.madrs(day, 30 if day < 4 else 16 + seed % 5).dose(day)
    for week in range(1, weeks):
        since = 7 * week - max(day for day in (0, 4, 11, 32, 53, 74) if day < 7 * week)
        patient.phq(7 * week, min(20, 5 + since // 2 + (week * seed) % 3))
    return patient


def same(first: Any, second: Any) -> None:
    for name in ("cdf", "mean", "sd", "half_days", "own"):
        assert_array_equal(getattr(first, name), getattr(second, name))


def test_a_forecast_is_the_same_alone_and_among_many() -> None:
    wanted = courses(treated())
    others = [course for number in range(2, 80) for course in courses(treated(f"P{number}", number), every=13)]
    alone = forecast_many(wanted[-1:])
    among = forecast_many([*others, *wanted])
    assert_array_equal(among.cdf[-1], alone.cdf[0])
    assert_array_equal(among.mean[-1], alone.mean[0])


def test_an_origin_is_the_same_whichever_other_origins_are_asked_for() -> None:
    wanted = courses(treated())
    every = forecast_many(wanted)
    backwards = forecast_many(wanted[::-1])
    assert_array_equal(every.cdf, backwards.cdf[::-1])
    for place in (4, 9, 13):
        assert_array_equal(forecast_many([wanted[place]]).cdf[0], every.cdf[place])


def test_the_order_of_arrival_of_lines_changes_nothing() -> None:
    lines = treated().lines
    reordered = Patient("P1", lines=[*lines[::2], *lines[1::2]][::-1])
    same(forecast_many(courses(treated())), forecast_many(courses(reordered)))


def test_a_later_score_changes_no_earlier_forecast() -> None:
    before = courses(treated(), until=60)
    after = courses(treated().phq(61, 27), until=60)
    assert before == after


def test_a_late_entry_is_unknown_until_it_is_received_and_then_as_if_it_had_been_in_time() -> None:
    in_time = treated().phq(40, 17)
    late = treated().phq(40, 17, received=FIRST + timedelta(days=60, hours=9))
    assert courses(late, until=56) == courses(treated(), until=56)
    known = [course for course in courses(late) if course.as_of >= in_time.day(60)]
    same(forecast_many(known), forecast_many(courses(in_time)[-len(known) :]))


def test_the_cdf_never_falls_and_stays_between_0_and_1() -> None:
    made = forecast_many(courses(treated()))
    treatment_known = ~np.isnan(made.cdf[:, 0])
    assert made.cdf.shape[1] == 85
    assert (np.diff(made.cdf[treatment_known]) >= 0).all()
    assert (made.cdf[treatment_known] >= 0).all()
    assert (made.cdf[treatment_known] <= 1).all()


def test_the_lines_of_these_stories_are_good() -> None:
    assert read_lines([line.encode() for line in treated().lines]).bad == []
    assert isinstance(treated().history(), PatientHistory)
