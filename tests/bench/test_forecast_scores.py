"""The scorecard: its scores are those of the definition, and it can tell good forecasts from bad ones."""

from __future__ import annotations

import numpy as np
import pytest

from bench.cohort.cohort import origins, simulate
from bench.forecast import baselines, controls, oracles
from bench.forecast.gather import courses_of
from bench.forecast.loop import Point, at_doses
from bench.forecast.report import Target, missed
from bench.forecast.scores import DAYS, auroc, crps, ece, patients_drawn, pit, quantile, score
from bench.forecast.trials import difference
from models.arrays import Floats
from models.relapse.facts import fact_of
from models.relapse.forecaster import forecast_many
from models.relapse.history import Course, PatientHistory
from models.wire.observations import OBSERVATION

RNG = np.random.default_rng(3)


def curve(*steps: tuple[int, float]) -> np.ndarray:
    cdf = np.zeros(85)
    for day, p in steps:
        cdf[day:] = p
    return cdf[None]


def test_crps_counts_days() -> None:
    assert crps(curve((10, 1.0)), np.array([10]))[0] == 0
    assert crps(curve((10, 1.0)), np.array([17]))[0] == 7
    assert crps(curve((10, 1.0)), np.array([85]))[0] == 75
    assert crps(curve((0, 0.5)), np.array([0]))[0] == pytest.approx(85 / 4)


def test_a_true_forecast_covers_80_percent_even_with_mass_at_today_and_beyond() -> None:
    whole = np.cumsum(np.concatenate([[0.3], np.full(84, 0.5 / 84)]))
    due = np.searchsorted(np.append(whole, 1.0), RNG.random(20_000))
    told = np.repeat(whole[None], len(due), axis=0)
    u = pit(told, due, 1)
    assert ((u >= 0.1) & (u <= 0.9)).mean() == pytest.approx(0.8, abs=0.01)
    assert np.histogram(u, 10, (0, 1))[0] / len(u) == pytest.approx(np.full(10, 0.1), abs=0.012)


def test_quantiles_are_the_smallest_day_and_beyond_is_85() -> None:
    assert quantile(curve((3, 0.1), (20, 0.5)), 0.1).tolist() == [3]
    assert quantile(curve((3, 0.1), (20, 0.5)), 0.5).tolist() == [20]
    assert quantile(curve((3, 0.1), (20, 0.5)), 0.9).tolist() == [85]


def test_auroc_counts_ties_half() -> None:
    p, happened = RNG.integers(0, 5, 400) / 5, RNG.random(400) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in p[happened] for b in p[~happened]]
    assert auroc(p, happened) == pytest.approx(np.mean(pairs))


def test_calibration_error_is_zero_for_the_frequencies_and_large_for_the_certain() -> None:
    p = RNG.random(50_000)
    happened = RNG.random(50_000) < p
    assert ece(p, happened) < 0.01
    assert ece((p > 0.5).astype(float), happened) > 0.2


def test_a_bootstrap_takes_whole_patients() -> None:
    patient = np.repeat(np.arange(6), [3, 1, 4, 2, 5, 2])
    rows = patients_drawn(patient, 1, 2)
    taken = np.bincount(patient[rows], minlength=6)
    assert all(count % size == 0 for count, size in zip(taken, [3, 1, 4, 2, 5, 2], strict=True))


def test_who_knows_the_true_state_beats_everybody_and_the_reference_beats_a_fixed_interval() -> None:
    samples = {}
    for family in ("F1", "F4"):
        cohort = simulate(family, 12, 6)
        samples[family] = baselines.Sample(cohort, origins(cohort))
    sample = samples["F4"]
    due = sample.origins.due
    reference = baselines.reference([samples["F1"]])(sample)
    mean = {
        "state": crps(oracles.state(sample.cohort, sample.origins, 3), due).mean(),
        "log-normal": crps(baselines.log_normal([samples["F1"]])(sample), due).mean(),
        "reference": crps(reference, due).mean(),
        "every 14 d": crps(baselines.every(14)(sample), due).mean(),
    }
    assert sorted(mean, key=lambda name: mean[name]) == list(mean)


def test_a_confidently_wrong_and_a_blurred_model_are_worse_than_what_they_were_made_from() -> None:
    cohort = simulate("F1", 15, 2)
    asked = origins(cohort)
    reference = baselines.reference([baselines.Sample(cohort, asked)])(baselines.Sample(cohort, asked))
    told = forecast_many(courses_of(cohort, asked)).cdf
    good = score(told, asked.due, reference)
    wrong = score(controls.confidently_wrong(told), asked.due, reference)
    blurred = score(controls.blurred(told), asked.due, reference)
    assert wrong.skill < 0 < good.skill
    assert blurred.skill < good.skill
    assert blurred.cover > 0.87
    assert wrong.cover < 0.7


def by_filter(courses: list[Course]) -> Floats:
    """The filter alone as a maker."""
    return forecast_many(courses).cdf


def test_a_later_change_and_another_order_leave_forecasts_as_they_were() -> None:
    cohort = simulate("F2", 2, 2)
    asked = origins(cohort)
    assert controls.earlier_is_untouched(cohort, asked, by_filter, 2)
    assert controls.order_says_nothing(cohort, asked, by_filter, 2)


def test_the_control_notices_a_model_that_looks_ahead() -> None:
    cohort = simulate("F2", 1, 2)
    asked = origins(cohort)

    def looks_ahead(courses: list[Course]) -> np.ndarray:
        last = max(courses, key=lambda course: course.as_of)
        return forecast_many([last] * len(courses)).cdf

    assert not controls.earlier_is_untouched(cohort, asked, looks_ahead, 1)


def test_the_fast_route_is_the_command() -> None:
    worst, count = difference(simulate("F4", 2, 3))
    assert count > 40
    assert worst <= 1e-5


def test_the_fast_route_knows_what_was_known_at_each_origin() -> None:
    import json

    from bench.cohort.records import alias, lines_of

    cohort = simulate("F3", 2, 9)
    asked = origins(cohort)
    for row, course in enumerate(courses_of(cohort, asked)):
        patient = int(asked.patient[row])
        told = (OBSERVATION.validate_json(json.dumps(line)) for line in lines_of(cohort, patient))
        facts = [fact for fact in map(fact_of, told) if fact is not None]
        assert PatientHistory(alias(cohort, patient), facts).course(course.as_of) == course


def test_rules_are_compared_at_equal_doses_and_never_beyond_what_was_tried() -> None:
    points = [Point("a", k, doses, ill, np.zeros(1)) for k, doses, ill in ((1, 10.0, 40.0), (2, 20.0, 20.0))]
    assert at_doses(points, "a", 15.0) == 30.0
    assert np.isnan(at_doses(points, "a", 25.0))


def test_a_missed_target_is_named() -> None:
    assert missed([Target("skill", 0.2, low=0.34), Target("ECE", 0.03, high=0.05)]) == ("skill is 0.200",)
    assert DAYS[-1] == 84
