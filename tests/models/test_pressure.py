"""Pressure between cuffs: what it knows, what it asks for, and that it is better than the two simple rules."""

from __future__ import annotations

from functools import cache
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.session import pressure as bench
from models.instants import MINUTE, iso
from models.session.pharmacokinetics import DoseEvent
from models.session.pressure import (
    ANYBODY,
    PressureForecast,
    PressureReading,
    PressureRisk,
    forecast_pressure,
    pressure_drive,
    rise_of,
)
from models.wire.observations import Dose, PatientRegistered, SessionEnded
from tests.support.scenes import START_US, Scene, moment
from tests.support.service import recorded

INFUSION = [DoseEvent("ketamine", "iv", 0, 35, 40)]
MINUTES = np.arange(0, 241.0)

pressures = st.one_of(st.just(nan), st.floats(30, 260))
cuff_lists = st.lists(st.builds(PressureReading, st.floats(-60, 240), pressures, pressures), max_size=12)


def ahead(
    cuffs: list[PressureReading], now_min: float, who: PressureRisk = ANYBODY, doses: list[DoseEvent] | None = None
) -> PressureForecast:
    found = forecast_pressure(cuffs, INFUSION if doses is None else doses, now_min, who)
    assert found is not None
    return found


# ---- the model -------------------------------------------------------------------------------------------------------


def test_the_rise_peaks_at_forty_minutes_and_halves_within_half_an_hour() -> None:
    for doses in (INFUSION, [DoseEvent("esketamine", "intranasal", 0, 84, 10)]):
        pushed = pressure_drive(doses, MINUTES)
        assert MINUTES[pushed.argmax()] == pytest.approx(40, abs=4)
        assert pushed.max() == pytest.approx(1, abs=0.1)
        assert 20 <= np.flatnonzero(pushed > pushed.max() / 2)[-1] - pushed.argmax() <= 60
    assert pressure_drive(INFUSION, np.arange(0, 60, 0.05)).max() == pytest.approx(1, abs=2e-3)


def test_without_a_cuff_nothing_is_said() -> None:
    assert forecast_pressure([], INFUSION, 20) is None
    assert forecast_pressure([PressureReading(30, 120, 70)], INFUSION, 20) is None, (
        "a cuff that is still to come is not known"
    )
    assert forecast_pressure([PressureReading(-300, 120, 70)], INFUSION, 20) is None


def test_the_same_pressure_means_more_while_the_dose_has_still_to_rise() -> None:
    early = ahead([PressureReading(-5, 150, 85), PressureReading(8, 158, 88)], 8)
    late = ahead([PressureReading(-5, 150, 85), PressureReading(75, 158, 88)], 75)
    without = ahead([PressureReading(-5, 150, 85), PressureReading(8, 158, 88)], 8, doses=[])
    assert early.within_20 > 1.5 * late.within_20
    assert early.within_20 > 1.5 * without.within_20
    assert early.sbp > 158 > late.sbp


def test_one_high_cuff_among_normal_ones_means_less_than_two() -> None:
    normal = [PressureReading(-5, 122, 75), PressureReading(10, 128, 78)]
    once = ahead([*normal, PressureReading(20, 182, 95)], 20)
    twice = ahead([*normal, PressureReading(20, 182, 95), PressureReading(22, 184, 96)], 22)
    assert once.within_10 < twice.within_10
    assert twice.within_10 > 0.4


def test_age_hypertension_and_earlier_rises_count_and_flat_ones_before_reassure_little() -> None:
    assert rise_of(ANYBODY) == 1
    assert rise_of(PressureRisk(age=70)) > rise_of(PressureRisk(age=30))
    assert rise_of(PressureRisk(hypertension=True)) == pytest.approx(1.15)
    more, less = (
        rise_of(PressureRisk(past_rise=40, past_sessions=3)) - 1,
        1 - rise_of(PressureRisk(past_rise=-8, past_sessions=3)),
    )
    assert more == pytest.approx(2 * less, rel=0.05)
    assert rise_of(PressureRisk(past_rise=0, past_sessions=50)) > 0.4


@given(cuff_lists, st.floats(-10, 200), st.booleans())
def test_chances_are_chances_whatever_was_read(cuffs: list[PressureReading], now_min: float, dosed: bool) -> None:
    cuffs = sorted(cuffs, key=lambda cuff: cuff.at_min)
    found = forecast_pressure(cuffs, INFUSION if dosed else [], now_min)
    if found is not None:
        assert 0 <= found.within_10 <= found.within_20 <= 1
        assert np.isfinite(found).all()


@given(st.floats(100, 200), st.floats(0, 30))
def test_a_higher_cuff_is_never_a_smaller_chance(sbp: float, more: float) -> None:
    lower, higher = (
        ahead([PressureReading(-5, 130, 80), PressureReading(20, value, 80)], 20) for value in (sbp, sbp + more)
    )
    # Far off, a cuff also says that this pressure jumps about; that never makes the other direction likelier.
    assert higher.within_20 >= lower.within_20 - 1e-3


# ---- against the simple rules ----------------------------------------------------------------------------------------


@cache
def halves() -> tuple[list[bench.Stay], list[bench.Stay]]:
    recorded("eicu_nibp", "vitalaperiodic.csv.gz")
    return bench.halves(bench.recorded())


@pytest.mark.parametrize("horizon_min", [10.0, 20.0])
def test_on_recorded_cuffs_it_is_better_than_the_last_value_and_than_a_line(horizon_min: float) -> None:
    found = bench.compare(*halves(), horizon_min)
    mine = found.scores["model"]
    for rule in ("last value", "line through two"):
        other = found.scores[rule]
        assert mine.brier < other.brier
        assert mine.log < other.log
        assert mine.auroc > other.auroc
        assert found.better[rule][0] > 0, "and not by chance: stays drawn again"
    assert mine.calibration < 0.01


@pytest.mark.parametrize("horizon_min", [20.0])
def test_on_invented_sessions_it_is_better_than_rules_that_learned_on_their_like(horizon_min: float) -> None:
    found = bench.compare(*bench.halves(bench.invented(600)), horizon_min)
    mine = found.scores["model"]
    for other in (found.scores["last value"], found.scores["line through two"]):
        assert mine.brier < other.brier
        assert mine.log < other.log
        assert mine.auroc > other.auroc


# ---- in the ward -----------------------------------------------------------------------------------------------------


def card(clinic: Scene) -> dict[str, Any]:
    (found,) = clinic.shard.chairs(clinic.site)["chairs"]
    return dict(found)


def rising(*cuffs: tuple[float, float, float]) -> Scene:
    """An infusion from minute 0 on, with these cuffs (minute, systolic, diastolic); the first before it."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts(planned_mg=35, planned_minutes=40)
    for n, (minute, sbp, dbp) in enumerate(cuffs):
        clinic.now_s = 600 + minute * 60
        three.cuff(sbp, dbp)
        if n == 0:
            clinic.now_s = 600
            three.infuses()
    return clinic


def test_a_cuff_is_asked_for_where_the_dose_is_likely_to_bring_more() -> None:
    clinic = rising((-5, 152, 88), (10, 170, 96))
    assert clinic.told("pressure-forecast") == ["20:00 low pressure-forecast raised (P-3)"]
    (raised,) = [one for one in clinic.transitions if one.rule == "pressure-forecast"]
    assert "take a cuff within 5 min" in raised.text
    assert 0.25 <= raised.evidence["chance_20min"] < 0.9
    assert card(clinic)["next"][0]["what"] == "cuff"
    assert card(clinic)["next"][0]["due_at"] == iso(START_US + 25 * MINUTE)
    forecast_now = card(clinic)["pressure_forecast"]
    assert forecast_now["10min"] <= forecast_now["20min"]
    assert not any("Blood pressure" in page.body for page in clinic.pages)


def test_it_stops_asking_when_it_was_measured_or_has_become_unlikely() -> None:
    measured = rising((-5, 152, 88), (10, 170, 96), (20, 186, 99), (22, 187, 99))
    assert "low pressure-forecast closed" in measured.told("pressure-forecast")[-1]
    assert {"hypertension"} <= measured.open_rules()
    calm = rising((-5, 152, 88), (10, 170, 96), (15, 140, 80), (20, 138, 80))
    assert "low pressure-forecast closed" in calm.told("pressure-forecast")[-1]
    assert calm.shard.ward.association.sessions[0].cuff_asked_us is None


def test_an_ordinary_session_is_asked_for_nothing() -> None:
    clinic = rising((-5, 122, 75), (10, 128, 78), (20, 134, 82), (30, 139, 85), (40, 141, 85), (55, 132, 80))
    assert clinic.told("pressure-forecast") == []
    assert card(clinic)["pressure_forecast"]["20min"] < 0.1


def test_before_a_dose_nothing_is_forecast() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").cuff(172, 104)
    assert clinic.told("pressure-forecast") == []
    assert card(clinic)["pressure_forecast"] is None


def test_a_forecast_never_delays_or_lowers_what_is_measured() -> None:
    with_one, without = rising((-5, 152, 88), (10, 170, 96), (20, 205, 99)), Scene()
    three = without.chair("3")
    three.starts(planned_mg=35, planned_minutes=40)
    for minute, sbp, dbp in ((5, 152, 88), (20, 170, 96), (30, 205, 99)):
        without.now_s = minute * 60
        three.cuff(sbp, dbp)
    assert with_one.told("hypertensive-crisis") == without.told("hypertensive-crisis")
    assert with_one.told("hypertensive-crisis")


def test_a_monitor_that_measures_all_the_time_is_asked_for_nothing_more_than_once_a_minute() -> None:
    clinic = rising((-5, 152, 88), (10, 150, 88))
    clinic.chair("3").shows(50, sbp=[150.0 + n % 30 for n in range(50)], dbp=85)
    assert clinic.told("pressure-forecast") == []


def test_a_large_rise_is_remembered_for_the_next_session() -> None:
    clinic = rising((-5, 130, 80), (40, 172, 100))
    clinic.send(
        PatientRegistered(at=moment(clinic.now_s), patient="P-3", birth_year=1950, conditions=("hypertension",))
    )
    clinic.now_s = 9_000
    clinic.send(SessionEnded(at=moment(9_000), patient="P-3", session="S-3"))
    past = clinic.shard.ward.pasts.of("main", "P-3", clinic.shard.ward.clock_us)
    assert (past.rise, past.rises) == (42, 1)
    clinic.now_s = 90_000
    three = clinic.chair("3")
    three.starts(session="S-4")
    three.cuff(150, 85)
    clinic.send(
        Dose.model_validate(
            {
                "at": moment(90_000),
                "patient": "P-3",
                "session": "S-4",
                "drug": "ketamine",
                "route": "iv",
                "amount_mg": 35,
            }
        )
    )
    again = card(clinic)["pressure_forecast"]
    assert again["20min"] > 1.5 * card(rising((-5, 150, 85)))["pressure_forecast"]["20min"]
