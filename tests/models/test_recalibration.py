"""A clinic's own correction: fitted on enough history or not at all, inspectable, and in force only by configuration."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from bench.cohort.cohort import simulate
from bench.cohort.records import alias, calendar_day, lines_of
from deploy.cli.forecast import Patients
from deploy.cli.recalibrate import configuration_lines, fit_history, summary_text
from deploy.settings import load
from models.relapse.day_entries import AFTER, AT, BEFORE, DayEntry
from models.relapse.history import Course
from models.relapse.policies import PolicyRefused, home_policies
from models.relapse.pool import name_of
from models.relapse.recalibration import (
    LEAST_PATIENTS,
    NoRecalibration,
    Pair,
    TooLittle,
    drawn,
    fit,
    pairs_of,
    recalibrated,
    recalibration_from,
)
from streams.forecasts.jobs import ForecastRequest, PatientInput, make_forecasts
from streams.forecasts.shipped import shipped_pool

MODEL = "filter 1"


def clinic(shift: float, stretch: float, visits: int = 1200, patients: int = 120, seed: int = 1) -> list[Pair]:
    """Visits of a clinic in which the log-odds of being ill are shift + stretch × those that were forecast."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 1.3, visits)
    ill = rng.random(visits) < 1 / (1 + np.exp(-(shift + stretch * odds)))
    p = 1 / (1 + np.exp(-odds))
    return [Pair(f"p{n % patients}", 738_000 + n, 738_014 + n, float(p[n]), bool(ill[n])) for n in range(visits)]


def test_a_clinic_whose_patients_relapse_more_often_gets_its_forecasts_raised() -> None:
    found = fit(clinic(0.8, 1.0), MODEL, "2026-11")
    assert found.shift == pytest.approx(0.8, abs=0.25)
    assert found.stretch == pytest.approx(1.0, abs=0.15)
    assert found.brier_after < found.brier_before
    raised = recalibrated(np.linspace(0.01, 0.9, 85)[None], found)
    assert (raised > np.linspace(0.01, 0.9, 85)).all()
    assert (np.diff(raised) >= 0).all()


def test_a_clinic_that_is_as_forecast_is_hardly_changed() -> None:
    found = fit(clinic(0.0, 1.0, seed=4), MODEL, "2026-11")
    assert found.shift == pytest.approx(0, abs=0.2)
    assert found.stretch == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("history", "missing"),
    [
        (clinic(0, 1, visits=100), "100 visits with a score of at least 150"),
        (clinic(0, 1, patients=LEAST_PATIENTS - 1), "29 patients of at least 30"),
        (
            [replace(pair, ill=n < 10) for n, pair in enumerate(clinic(0, 1))],
            "10 visits of the rarer outcome of at least 25",
        ),
        ([], "0 visits with a score of at least 150"),
    ],
)
def test_too_little_history_is_refused_and_says_what_is_missing(history: list[Pair], missing: str) -> None:
    with pytest.raises(TooLittle, match=missing):
        fit(history, MODEL, "2026-11")


def test_the_little_that_is_enough_moves_the_forecast_only_part_of_the_way() -> None:
    much, little = fit(clinic(1.0, 1.0, 4000, 400), MODEL, "a"), fit(clinic(1.0, 1.0, 160, 40, seed=3), MODEL, "b")
    assert 0 < little.shift < much.shift


def test_a_pair_is_the_forecast_of_a_week_before_and_the_score_before_the_dose() -> None:
    first = 739_000
    dose, late = DayEntry(first, AT, "drug", 1.0, 0.0), DayEntry(first + 21, AT, "drug", 1.0, 0.0)
    seen = DayEntry(first + 21, BEFORE, "visit", 12.0, 0.0)
    after = DayEntry(first + 21, AFTER, "week", 3.0, 0.0)
    start = Course("p", 1, first + 7, 10.0, 19.0, 2, first, (dose,))
    courses = [replace(start, as_of=first + day) for day in (7, 14, 20)]
    courses.append(replace(start, as_of=first + 30, entries=(dose, seen, late, after)))
    cdf = np.stack([np.arange(85) / 1000 + n / 10 for n in range(4)])
    (pair,) = pairs_of(courses, cdf)
    assert (pair.made, pair.visit, pair.ill) == (first + 14, first + 21, True)
    assert pair.p == pytest.approx(0.107)


def test_a_configuration_says_it_whole_or_it_is_refused() -> None:
    found = fit(clinic(0.8, 1.0), MODEL, "2026-11")
    policy = json.loads(json.dumps(found.policy()))
    assert recalibration_from(policy) == replace(found, bins=())
    for broken in ({"shift": 9.0}, {"stretch": 0.0}, {"surprise": 1}, {"shift": "much"}):
        with pytest.raises(NoRecalibration):
            recalibration_from(policy | broken)
    with pytest.raises(NoRecalibration):
        recalibration_from({"version": "2026-11"})


def test_a_site_puts_it_in_force_and_another_site_is_not_touched() -> None:
    found = fit(clinic(0.8, 1.0), MODEL, "2026-11")
    assert home_policies({"recalibration": found.policy()}).recalibration == found.policy()
    assert home_policies({}).recalibration is None
    with pytest.raises(PolicyRefused, match="recalibration"):
        home_policies({"recalibration": {"version": "2026-11"}})


def test_a_forecast_with_it_says_its_version_and_one_for_another_forecaster_is_left_out_and_says_so() -> None:
    cohort = simulate("F1", 1, 8)
    entries = [{**line, "received_at": line["at"]} for line in lines_of(cohort, 0, 90)]
    for_this = replace(fit(clinic(0.8, 1.0), name_of(shipped_pool()), "2026-11"), shift=1.0)
    day = calendar_day(cohort, 0, 90).toordinal()

    def made(policy: dict[str, object] | None) -> Any:
        (answer,) = make_forecasts(
            [(ForecastRequest("main", alias(cohort, 0), day, 2**62, policy), PatientInput(entries))], shipped_pool()
        )
        assert answer.forecast is not None
        return answer.forecast

    plain, corrected, stale = made(None), made(for_this.policy()), made(replace(for_this, model="filter 0").policy())
    assert corrected["model"] == plain["model"] + " + 2026-11"
    assert all(after >= before for after, before in zip(corrected["cdf"], plain["cdf"], strict=True))
    assert corrected["cdf"] != plain["cdf"]
    assert stale["cdf"] == plain["cdf"]
    assert stale["model"] == plain["model"]
    assert any("2026-11" in reason and "filter 0" in reason for reason in stale["reasons"])


def test_the_picture_shows_every_group_before_and_after() -> None:
    found = fit(clinic(0.8, 1.0), MODEL, "2026-11")
    picture = ElementTree.fromstring(drawn(found))
    circles = [each for each in picture.iter() if each.tag.endswith("circle")]
    assert len(circles) == 2 * len(found.bins)


def test_the_command_fits_a_history_and_its_configuration_can_be_put_in_force(tmp_path: Path) -> None:
    cohort = simulate("F1", 45, 31)
    told = [json.dumps(line) for n in range(45) for line in lines_of(cohort, n) if line.get("instrument") != "mood-vas"]
    history = tmp_path / "history.ndjson"
    history.write_text("\n".join(told))
    patients = Patients()
    patients.read(history, pytest.fail)
    found = fit_history(patients, "main-2026-11")
    assert found.visits >= 150
    assert found.model == name_of(shipped_pool())
    config = tmp_path / "site.toml"
    config.write_text(configuration_lines(found))
    settings = load(config)
    assert settings.record().policies["recalibration"] == found.policy()
    assert str(found.visits) in summary_text(found)
