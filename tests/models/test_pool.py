"""The pool: the shipped trees, their exact evaluation, and a cdf that is one whatever comes in."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from bench.cohort.cohort import origins, simulate
from bench.cohort.reports import MIXED
from bench.forecast.gather import Gathered, courses_of, gathered
from bench.forecast.train import Growth, exported, grow, written
from models.relapse import pool
from models.relapse.boosting import UnreadableTrees, trees_of
from models.relapse.due import HORIZON
from models.relapse.forecaster import forecast_many
from models.relapse.pool_features import COURSE, FEATURE_NAMES, HORIZONS, MONOTONE, at_horizons, course_row
from streams.forecasts import shipped
from streams.forecasts.shipped import shipped_pool

ASKED: list[Gathered] = []


def asked() -> Gathered:
    """Some origins of patients who report in all ways."""
    if not ASKED:
        ASKED.append(gathered(simulate("G1", 12, 4, habits=MIXED), keep=0.4))
    return ASKED[0]


def test_the_trees_say_in_numpy_what_they_said_where_they_were_trained() -> None:
    found = asked()
    model = grow(found, Growth(trees=12, least=20))
    trees = trees_of(json.loads(json.dumps(exported(model))), len(FEATURE_NAMES))
    rows = at_horizons(found.rows, found.cdf)
    assert np.isnan(rows).any(), "missing features are part of what must agree"
    theirs = model.decision_function(rows)
    assert trees.log_odds(rows) == pytest.approx(theirs, abs=1e-4)


def test_the_same_training_gives_the_same_bytes() -> None:
    found = asked()
    first, second = (written([grow(found, Growth(trees=4, least=20))], {"seed": 1}) for _ in range(2))
    assert first == second
    assert pool.model_of(first).name == "pool 1"


def test_the_shipped_model_is_small_and_fits_this_version() -> None:
    assert len(files("models.relapse").joinpath(pool.FILE).read_bytes()) < 1_500_000
    model = shipped_pool()
    assert model is not None
    assert pool.name_of(model).endswith(model.name)


def test_the_pool_is_a_distribution_for_every_origin() -> None:
    cohort = simulate("H2", 6, 8, habits=MIXED)
    courses = courses_of(cohort, origins(cohort))
    made = forecast_many(courses)
    told, name = pool.pooled(courses, made, shipped_pool())
    assert told.cdf.shape == (len(courses), HORIZON + 1)
    assert (np.diff(told.cdf, axis=1) >= 0).all()
    assert (told.cdf >= 0).all()
    assert (told.cdf <= 1).all()
    assert not np.array_equal(told.cdf, made.cdf)
    assert "pool" in name


def test_a_forecast_of_one_is_that_among_many() -> None:
    cohort = simulate("F2", 3, 8)
    courses = courses_of(cohort, origins(cohort))[::9]
    among = pool.pooled(courses, forecast_many(courses), shipped_pool())[0].cdf
    for place, course in enumerate(courses):
        assert np.array_equal(pool.pooled([course], forecast_many([course]), shipped_pool())[0].cdf[0], among[place])


def test_without_a_dose_there_is_still_no_date() -> None:
    cohort = simulate("F1", 1, 8)
    course = courses_of(cohort, origins(cohort))[0]
    untreated = replace(course, start=None, entries=())
    told, _ = pool.pooled([untreated], forecast_many([untreated]), shipped_pool())
    assert np.isnan(told.cdf).all()


def test_without_the_file_the_filter_speaks_alone_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "FILE", "data/taken-out.json")
    shipped_pool.cache_clear()
    try:
        model = shipped_pool()
    finally:
        shipped_pool.cache_clear()
    cohort = simulate("F1", 1, 8)
    courses = courses_of(cohort, origins(cohort))
    made = forecast_many(courses)
    alone, name = pool.pooled(courses, made, model)
    assert np.array_equal(alone.cdf, made.cdf)
    assert name.endswith("alone")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"features": ["days since dose"]}, "other features"),
        ({"horizons": [0, 84]}, "other features or horizons"),
        ({"trees": [{"start": 0.0}]}, "cannot be read"),
    ],
)
def test_a_file_of_another_version_is_refused(change: dict[str, object], why: str) -> None:
    stored = json.loads(written([grow(asked(), Growth(trees=2, least=20))], {}))
    with pytest.raises(UnreadableTrees, match=why):
        pool.model_of(json.dumps(stored | change).encode())


def test_every_feature_has_a_name_and_only_the_horizon_and_the_filters_answer_are_monotone() -> None:
    cohort = simulate("F1", 1, 8)
    (course, *_) = courses_of(cohort, origins(cohort))
    assert len(course_row(course)) == len(COURSE)
    assert FEATURE_NAMES[-2:] == MONOTONE
    assert HORIZONS[0] == 0
    assert HORIZONS[-1] == HORIZON
