"""Concentrations: the published ones within one per cent, and what must hold for any history of doses."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from models.session.pharmacokinetics import (
    KE0,
    Body,
    DoseEvent,
    effect_site,
    effective_mg,
    impulse_response,
    inputs,
    plasma,
    racemate_equivalent,
)
from models.tables.compounds import CLEMENTS, DOMINO, PEREZ_RUIXO, Kinetics
from models.tables.drugs import TREATMENTS

MODELS = (CLEMENTS, DOMINO, PEREZ_RUIXO)
INFUSION = [DoseEvent("ketamine", "iv", 0, 35, 40)]
FINE = np.arange(0, 24 * 60 + 0.05, 0.1)
ROUTES = [key for key, row in TREATMENTS.items() if row.usual is not None]

dose = st.builds(
    lambda key, at_min, mg, minutes: DoseEvent(key[0], key[1], at_min, mg, minutes),
    st.sampled_from(ROUTES), st.floats(-600, 600), st.floats(0.1, 300), st.sampled_from([0.0, 0.5, 5.0, 40.0, 120.0]),
)  # fmt: skip
history = st.lists(dose, max_size=5)
unsprayed = st.lists(dose.filter(lambda one: one.route != "intranasal"), max_size=4)
"""A later device of a sitting is taken up less than the first, by design: sprays do not just add up."""
GRID = np.linspace(-700, 1400, 211)


def spray(mg: float) -> list[DoseEvent]:
    return [DoseEvent("esketamine", "intranasal", 0, mg, 10)]


# ---- published figures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "published"),
    [(CLEMENTS, (62, 110, 177, 115, 85, 59, 35)), (DOMINO, (182, 210, 240, 55, 46, 36, 17))],
    ids=lambda each: getattr(each, "name", ""),
)
def test_half_a_milligram_per_kilogram_over_forty_minutes(model: Kinetics, published: tuple[int, ...]) -> None:
    found = plasma(INFUSION, [10, 20, 40, 60, 80, 120, 240], model=model)
    # They are given as whole ng/mL, which alone is more than one per cent of the smallest.
    assert found == pytest.approx(published, rel=0.01, abs=0.5)
    assert found[2] == pytest.approx(published[2], rel=0.01)


@pytest.mark.parametrize(
    ("mg", "peak", "at_min", "at_60", "at_90", "at_120", "auc_24"),
    [(28, 43.9, 36, None, None, None, 147), (56, 72.6, 40, 67.6, 52.8, 39.8, 254), (84, 101.2, 44, 96.6, 76.9, 58.4, 361)],
)  # fmt: skip
def test_the_spray_as_published(
    mg: float, peak: float, at_min: float, at_60: float | None, at_90: float | None, at_120: float | None, auc_24: float
) -> None:
    found = plasma(spray(mg), FINE)
    assert found.max() == pytest.approx(peak, rel=0.01)
    assert FINE[found.argmax()] == pytest.approx(at_min, abs=1)
    assert np.trapezoid(found, FINE) / 60 == pytest.approx(auc_24, rel=0.01)
    for minute, value in ((60, at_60), (90, at_90), (120, at_120)):
        if value is not None:
            assert plasma(spray(mg), minute) == pytest.approx(value, rel=0.01)
    if mg == 84:
        assert plasma(spray(mg), 240) == pytest.approx(24.7, rel=0.01)


@pytest.mark.parametrize(("mg", "share"), [(28, 0.622), (56, 0.538), (84, 0.509)])
def test_the_share_of_a_spray_that_arrives(mg: float, share: float) -> None:
    days = np.linspace(0, 30 * 24 * 60, 200_001)
    by_vein = plasma([DoseEvent("esketamine", "iv", 0, mg, 10)], days)
    assert plasma(spray(mg), days).sum() / by_vein.sum() == pytest.approx(share, rel=0.01)


def test_a_spray_given_as_three_entries_is_one_of_three_devices() -> None:
    three = [DoseEvent("esketamine", "intranasal", at, 28) for at in (0, 5, 10)]
    assert plasma(three, FINE) == pytest.approx(plasma(spray(84), FINE))


def test_the_next_visit_s_first_device_is_a_first_one_again() -> None:
    again = [*spray(28), DoseEvent("esketamine", "intranasal", 3 * 1440, 28)]
    assert plasma(again, 3 * 1440 + 36) == pytest.approx(43.9, rel=0.02)


# ---- what holds for any history --------------------------------------------------------------------------------------


@given(unsprayed, unsprayed)
def test_doses_add_up(some: list[DoseEvent], others: list[DoseEvent]) -> None:
    together = plasma([*some, *others], GRID)
    assert together == pytest.approx(plasma(some, GRID) + plasma(others, GRID), rel=1e-9, abs=1e-9)


@given(history)
def test_a_concentration_is_never_below_zero_nor_before_the_first_dose(doses: list[DoseEvent]) -> None:
    for found in (plasma(doses, GRID), effect_site(doses, GRID), racemate_equivalent(doses, GRID)):
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        first = min((each.at_min for each in doses), default=np.inf)
        assert (found[first > GRID] == 0).all()


@given(
    st.sampled_from([key for key in ROUTES if key[1] != "intranasal"]),
    st.floats(1, 200),
    st.floats(1, 120),
    st.floats(0.05, 0.95),
)
def test_a_dose_in_two_parts_is_the_same_dose(key: tuple[str, str], mg: float, minutes: float, part: float) -> None:
    whole = [DoseEvent(*key, 0, mg, minutes)]
    parts = [
        DoseEvent(*key, 0, mg * part, minutes * part),
        DoseEvent(*key, minutes * part, mg * (1 - part), minutes * (1 - part)),
    ]
    assert plasma(parts, GRID) == pytest.approx(plasma(whole, GRID), rel=1e-8, abs=1e-9)


@given(dose.filter(lambda one: one.route != "intranasal"), st.floats(0.1, 10))
def test_twice_the_dose_is_twice_the_concentration(one: DoseEvent, times: float) -> None:
    more = replace(one, mg=one.mg * times)
    assert plasma([more], GRID) == pytest.approx(times * plasma([one], GRID), rel=1e-9, abs=1e-9)


@given(dose, st.floats(-1e4, 1e4))
def test_only_the_time_since_a_dose_matters(one: DoseEvent, shift: float) -> None:
    moved = replace(one, at_min=one.at_min + shift)
    # Where a dose begins its concentration may jump, and minutes that far out are not exact: look beside it.
    after = one.at_min + np.linspace(0.5, 700, 50)
    assert plasma([moved], after + shift) == pytest.approx(plasma([one], after), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("model", MODELS, ids=[model.name for model in MODELS])
def test_what_goes_in_comes_out(model: Kinetics) -> None:
    """Mass balance: clearance times the area under the curve is what arrived."""
    exits = sum(rate for source, target, rate in model.flows if source == "central" and target is None)
    clearance_ml = exits * model.volume * (70 if model.per_kg else 1) * 1000
    if not exits:
        extraction = (1.11 + 2.77) * 101 / (151 + (1.11 + 2.77) * 101)
        clearance_ml = 151 * extraction / 60 * 1000
    one = np.ones(1)
    response = impulse_response(model, one * 70, one, one)
    area = -(response.weights["central"] / response.rates).sum()
    assert area * clearance_ml == pytest.approx(1e6, rel=1e-9)


@pytest.mark.parametrize("model", MODELS, ids=[model.name for model in MODELS])
def test_the_closed_form_is_what_integration_in_small_steps_gives(model: Kinetics) -> None:
    doses = [
        DoseEvent(model.drug, "iv", 0, 20, 15),
        DoseEvent(model.drug, "im", 30, 25),
        DoseEvent(model.drug, "iv", 60, 10),
        DoseEvent(model.drug, "oral", 70, 60, 5),
    ]
    names = sorted({name for flow in model.flows for name in flow[:2] if name is not None})
    put = [each for _, each in inputs(doses, {model.drug: model})]
    litres = model.volume * (70 if model.per_kg else 1)

    def change(at: float, amounts: np.ndarray) -> np.ndarray:
        found = np.zeros(len(names) + 1)
        for source, target, rate in model.flows:
            moved = rate * amounts[names.index(source)]
            found[names.index(source)] -= moved
            if target is not None:
                found[names.index(target)] += moved
        for each in put:
            if each.minutes and each.at_min <= at < each.at_min + each.minutes:
                found[names.index(each.into)] += each.mg / each.minutes
        found[-1] = KE0 * (amounts[names.index("central")] / litres * 1000 - amounts[-1])
        return found

    amounts = np.zeros(len(names) + 1)
    edges = sorted({0.0, 240.0, *(t for each in put for t in (each.at_min, each.at_min + each.minutes))})
    for start, stop in pairwise(edges):
        for each in put:
            if not each.minutes and each.at_min == start:
                amounts[names.index(each.into)] += each.mg
        amounts = solve_ivp(change, (start, stop), amounts, rtol=1e-9, atol=1e-12, max_step=5).y[:, -1]
    assert plasma(doses, 240.0, model=model) == pytest.approx(amounts[names.index("central")] / litres * 1000, rel=1e-5)
    assert effect_site(doses, 240.0, model=model) == pytest.approx(amounts[-1], rel=1e-5)


# ---- what is done with it --------------------------------------------------------------------------------------------


def test_a_stopped_infusion_is_what_was_given_by_then() -> None:
    (whole,) = INFUSION
    halfway = whole.stopped(20)
    assert (halfway.mg, halfway.minutes) == (17.5, 20)
    assert plasma([halfway], [10, 20]) == pytest.approx(plasma(INFUSION, [10, 20]))
    assert plasma([halfway], 40) < plasma(INFUSION, 40) / 2
    assert whole.stopped(20, given_mg=19).mg == 19, "what was measured counts"
    assert whole.stopped(50) == whole, "it was over already"
    assert whole.stopped(20, given_mg=-1) == halfway


def test_many_bodies_are_each_what_one_alone_would_be() -> None:
    weights, clearances, volumes = np.array([50.0, 70, 120]), np.array([0.6, 1, 1.5]), np.array([1.3, 1, 0.8])
    doses = [*INFUSION, *spray(84)]
    together = racemate_equivalent(doses, FINE[::100], body=Body(weights, clearances, volumes))
    alone = [
        racemate_equivalent(doses, FINE[::100], body=Body(*each))
        for each in zip(weights, clearances, volumes, strict=True)
    ]
    assert together == pytest.approx(np.array(alone))


def test_the_effect_site_follows_plasma_and_its_width_is_shown() -> None:
    slow, usual, fast = (effect_site(INFUSION, FINE, ke0) for ke0 in (0.1, KE0, 0.7))
    at = plasma(INFUSION, FINE)
    assert FINE[at.argmax()] <= FINE[fast.argmax()] <= FINE[usual.argmax()] <= FINE[slow.argmax()]
    assert slow.max() < usual.max() < fast.max() < at.max()
    # At the end of the infusion a sixth between them, an hour after it a tenth the other way: that is what ke0 is worth.
    assert slow[400] / fast[400] == pytest.approx(0.83, abs=0.02)
    assert slow[1000] / fast[1000] == pytest.approx(1.11, abs=0.02)


def test_an_effect_site_as_fast_as_the_drug_leaves_is_still_solved() -> None:
    rates = impulse_response(CLEMENTS, np.array([70.0]), np.ones(1), np.ones(1)).rates[0]
    for ke0 in -rates:
        beside = effect_site(INFUSION, FINE, float(ke0) * 1.001)
        assert effect_site(INFUSION, FINE, float(ke0)) == pytest.approx(beside, rel=0.01)


def test_a_new_compound_is_a_row() -> None:
    mirror = replace(CLEMENTS, name="r-ketamine", drug="arketamine", volume=CLEMENTS.volume * 1.1)
    doses = [DoseEvent("arketamine", "iv", 0, 35, 40)]
    assert plasma(doses, 40) == 0, "without a row nothing is known"
    assert plasma(doses, 40, model=mirror) == pytest.approx(177.3 / 1.1, rel=0.01)


def test_a_model_that_keeps_something_for_ever_is_refused() -> None:
    stuck = replace(CLEMENTS, flows=tuple(flow for flow in CLEMENTS.flows if flow[1] is not None))
    with pytest.raises(ValueError, match="never leaves"):
        plasma(INFUSION, 40, model=stuck)
    with pytest.raises(ValueError, match="above 0"):
        plasma(INFUSION, 40, Body(weight_kg=0))


@pytest.mark.parametrize(
    ("drug", "route", "amount_mg", "weight_kg", "means"),
    [
        ("ketamine", "iv", 40, 70, 40),
        ("ketamine", "iv", None, 80, 40),
        ("ketamine", "iv", 35_000, 80, 40),
        ("ketamine", "iv", -1, None, 35),
        ("ketamine", "iv", 3, 70, 3),
        ("esketamine", "intranasal", None, 120, 84),
        ("ect", None, None, None, 0),
        ("aspirin", "oral", 500, 70, 0),
    ],
)
def test_what_a_record_s_amount_means(
    drug: str, route: str | None, amount_mg: float | None, weight_kg: float | None, means: float
) -> None:
    assert effective_mg(drug, route, amount_mg, weight_kg) == means


def test_every_treatment_with_an_amount_leads_to_a_concentration() -> None:
    for drug, route in ROUTES:
        assert plasma([DoseEvent(drug, route, 0, effective_mg(drug, route, None), 1)], 40) > 10
