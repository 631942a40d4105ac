"""The response class: what was measured decides, by the instrument's own convention, and the model only where nothing was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from models.relapse.document import forecast_document
from models.relapse.facts import Fact, fact_of
from models.relapse.forecaster import forecast_many
from models.relapse.history import PatientHistory
from models.relapse.response import measured_improvement, response_class
from streams.intake.json import read_lines

START = datetime(2026, 1, 5, 15, tzinfo=UTC)


def line(day: float, **fields: object) -> Fact:
    at = (START + timedelta(days=day)).isoformat()
    (record,) = read_lines([json.dumps({"at": at, "patient": "cedar", **fields}).encode()]).records
    fact = fact_of(record)  # type: ignore[arg-type]  # the lines are facts, no samples
    assert fact is not None
    return fact


def score(day: float, value: float, instrument: str = "phq-9") -> Fact:
    return line(day, kind="checkin", instrument=instrument, score=value)


def doses(*days: float) -> list[Fact]:
    return [line(day + 0.04, kind="dose", drug="ketamine", route="iv", amount_mg=40) for day in days]


SIX = (0, 2, 4, 7, 9, 11)


def response(facts: Sequence[Fact], day: int) -> str:
    course = PatientHistory("cedar", facts).course((START.date() + timedelta(days=day)).toordinal())
    assert course is not None
    return str(forecast_document(course, forecast_many([course]), 0)["response"])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((20, 20), (20, 21, 19, 20), "non-responder"),
        ((20, 20), (16, 19, 20, 19, 21, 20), "non-responder"),
        ((20, 20), (9, 19, 20, 19, 21, 20), "non-responder"),
        ((20, 20), (16, 15, 15, 14), "partial"),
        ((20, 20), (14, 10, 9, 8), "responder"),
        ((20, 20), (8, 9, 15, 19), "responder"),
        ((20, 20), (18, 17, 16, 10), "responder"),
        ((20, 20), (8, 16, 8, 16, 8, 16), "responder"),
        ((20,), (10,), "responder"),
        ((20,), (11,), "partial"),
        ((20,), (15,), "partial"),
        ((20,), (16,), "non-responder"),
    ],
)  # fmt: skip
def test_after_a_full_course_the_class_is_read_from_best_and_present_score(
    before: tuple[int, ...], after: tuple[int, ...], expected: str
) -> None:
    facts = [*(score(-7.0 * back, value) for back, value in enumerate(before, 1)), *doses(*SIX)]
    facts += [score(12 + 7 * week, value) for week, value in enumerate(after)]

    assert response(facts, 13 + 7 * len(after)) == expected


def test_six_infusions_and_six_scores_that_stay_are_no_partial_response() -> None:
    facts = [*doses(*SIX), *(score(day, value) for day, value in zip((-14, -7, -1), (19, 21, 20), strict=True))]
    facts += [score(day, value) for day, value in zip((8, 15, 22), (21, 19, 20), strict=True)]

    assert response(facts, 23) == "non-responder"


def test_a_class_of_no_waits_for_a_full_course_and_a_response_does_not() -> None:
    for value, expected in ((20, "unknown"), (14, "unknown"), (9, "responder")):
        assert response([score(-7, 20), *doses(0, 3), score(5, value)], 6) == expected
    assert response([score(-7, 20), *doses(0, 3), score(5, 20)], 29) == "non-responder", "four weeks are enough"
    assert response([score(-7, 20), *doses(*SIX)], 30) == "unknown", "no score since"


@pytest.mark.parametrize(
    ("instrument", "untreated", "half"), [("madrs", 36, 18), ("qids-sr16", 16, 8), ("phq-2", 6, 3), ("mood-vas", 8, 4)]
)
def test_each_instrument_is_held_against_itself_on_its_own_scale(instrument: str, untreated: int, half: int) -> None:
    begun = [score(-7, untreated, instrument), *doses(*SIX)]

    assert response([*begun, score(12, half, instrument)], 13) == "responder"
    assert response([*begun, score(12, half + 1, instrument)], 13) != "responder"
    assert response([*begun, score(12, untreated, instrument)], 13) == "non-responder"


def test_instruments_are_not_mixed_and_the_first_in_rank_with_both_sides_decides() -> None:
    both = [score(-7, 20), score(-7, 36, "madrs"), *doses(*SIX), score(12, 20), score(12, 10, "madrs")]
    one = [score(-7, 20), score(-7, 36, "madrs"), *doses(*SIX), score(12, 10, "madrs")]

    assert response(both, 13) == "non-responder"
    assert response(one, 13) == "responder"


def test_where_no_instrument_has_scores_on_both_sides_the_model_says() -> None:
    facts = [score(-7, 36, "madrs"), *doses(*SIX), *(score(12 + day, 2) for day in range(0, 28, 7))]
    course = PatientHistory("cedar", facts).course(date(2026, 2, 20).toordinal())

    assert course is not None
    assert course.improvement is None
    assert response(facts, 46) == "responder"


def test_what_worked_before_the_last_full_course_and_no_longer_does_is_not_counted() -> None:
    facts = [score(-7, 20), *doses(0, 7, 14), score(10, 6), score(16, 6)]
    facts += doses(*range(60, 130, 10)) + [score(day, 20) for day in range(65, 135, 10)]

    assert response(facts, 135) == "non-responder"


def test_a_score_of_nothing_before_treatment_cannot_improve() -> None:
    history = PatientHistory("cedar", [score(-7, 0), *doses(*SIX), score(12, 0)])
    course = history.course((START.date() + timedelta(days=13)).toordinal())

    assert course is not None
    assert course.improvement == 0
    assert measured_improvement([], [], []) is None
    assert response_class(0.5, 1, 0) == "responder"
