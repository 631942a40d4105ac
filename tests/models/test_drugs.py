"""The tables of treatments say what a clinician would check: doses, protocols, spacing, contraindications."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tables.conditions import (
    CONTRAINDICATIONS,
    INTERACTIONS,
    NO_CONDITION,
    NO_OBJECTION,
    interactions_of,
    weigh_conditions,
)
from models.tables.drugs import (
    OTHER,
    TREATMENTS,
    Treatment,
    plausible,
    protocol_of,
    spacing_of,
    usual_doses,
    usual_mg,
)
from models.tables.form_items import slug

AMOUNTS = st.one_of(st.none(), st.floats(), st.floats(-1, 1e6))


@pytest.mark.parametrize(
    ("drug", "route", "amount_mg", "weight_kg", "doses"),
    [
        ("esketamine", "intranasal", 84, None, 1.0),
        ("esketamine", "intranasal", 84, 120, 1.0),
        ("esketamine", "intranasal", 56, None, 0.85),
        ("esketamine", None, 56, None, 0.85),
        ("ketamine", "iv", 35, 70, 1.0),
        ("ketamine", "iv", 45, 90, 1.0),
        ("ketamine", "iv", 35, None, 1.0),
        ("Ketamine", None, 35, 70, 1.0),
        ("ketamine", "iv", 17.5, 70, 0.76),
        ("ect", None, None, None, 1.0),
        ("ect", None, 500, 70, 1.0),
        ("tms", "iv", None, None, 1.0),
        ("psilocybin", "oral", 25, 70, 1.0),
    ],
)
def test_one_usual_dose_is_one(
    drug: str, route: str | None, amount_mg: float | None, weight_kg: float | None, doses: float
) -> None:
    assert usual_doses(drug, route, amount_mg, weight_kg) == pytest.approx(doses, abs=0.005)


@pytest.mark.parametrize("amount_mg", [None, 0, -35, 0.035, 3_500, 35_000, inf, -inf, nan])
@pytest.mark.parametrize(("drug", "route"), list(TREATMENTS))
def test_an_amount_that_nobody_can_have_meant_is_one_usual_dose(
    drug: str, route: str | None, amount_mg: float | None
) -> None:
    assert not plausible(drug, route, amount_mg)
    assert usual_doses(drug, route, amount_mg) == 1.0


@given(st.sampled_from([*TREATMENTS, ("other", None)]), AMOUNTS, st.one_of(st.none(), st.floats(30, 250)))
def test_a_dose_is_never_nothing_and_never_a_course(
    treatment: tuple[str, str | None], amount_mg: float | None, weight_kg: float | None
) -> None:
    assert 0.3 <= usual_doses(*treatment, amount_mg, weight_kg) <= 1.4


@given(st.sampled_from(list(TREATMENTS.values())), st.floats(0, 1), st.floats(0, 1))
def test_more_of_a_drug_is_never_less(row: Treatment, one: float, other: float) -> None:
    if row.plausible_mg is None:
        return
    lowest, highest = row.plausible_mg
    less, more = (lowest + (highest - lowest) * share for share in sorted((one, other)))
    assert usual_doses(row.drug, row.route, less) <= usual_doses(row.drug, row.route, more)


def test_a_usual_dose_is_plausible_for_the_lightest_and_the_heaviest() -> None:
    for row in TREATMENTS.values():
        if row.usual is not None:
            for weight_kg in (40, 70, 180):
                assert plausible(row.drug, row.route, usual_mg(row.drug, row.route, weight_kg))


def test_the_spray_is_watched_as_its_label_says() -> None:
    spray = protocol_of("esketamine", "intranasal")
    assert (spray.predose_mmhg, spray.pressure_at_min, spray.observe_min) == ((140, 90), 40, 120)
    assert spray.until_resolved


def test_what_nobody_has_heard_of_is_watched_like_an_infusion() -> None:
    assert protocol_of("esmethadone", "oral") is OTHER
    assert protocol_of(None, None) is OTHER


def test_a_treatment_without_a_drug_has_no_session_to_watch() -> None:
    for drug in ("ect", "tms"):
        assert protocol_of(drug, None).cuff_overdue_us("observation") is None
        assert protocol_of(drug, None).observe_min == 0


@pytest.mark.parametrize(
    ("day", "words"), [(0, "twice"), (27, "twice"), (28, "once"), (55, "once"), (56, "two weeks"), (900, "two weeks")]
)
def test_the_label_s_spacing_of_the_spray(day: int, words: str) -> None:
    spacing = spacing_of("esketamine", day)
    assert spacing is not None
    assert words in spacing.words


def test_nothing_is_said_of_the_spacing_of_what_is_not_in_the_table() -> None:
    assert spacing_of("ect", 10) is None


def test_nothing_that_speaks_against_a_drug_is_passed_over_because_the_drug_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row in drugs.py alone, before anybody has reviewed these rows for it: it is weighed as ketamine."""
    conditions, medications = [row.name for row in CONTRAINDICATIONS], [row.name for row in INTERACTIONS]
    as_ketamine = weigh_conditions("ketamine", conditions), interactions_of("ketamine", medications)
    assert sorted(row.name for _, row in as_ketamine[0].found) == sorted(conditions)
    assert sorted(row.name for _, row in as_ketamine[1]) == sorted(medications)
    new = replace(TREATMENTS["esketamine", "intranasal"], drug="arketamine")
    monkeypatch.setattr("models.tables.conditions.treatment_of", lambda drug, route: new)
    assert (weigh_conditions("arketamine", conditions), interactions_of("arketamine", medications)) == as_ketamine


@pytest.mark.parametrize(
    "said", ["aneurysmal-vascular-disease", "Aneurysmal vascular disease", "intracranial_aneurysm", "AVM"]
)
def test_the_label_s_contraindications_are_found_however_they_are_written(said: str) -> None:
    ((weight, _),) = weigh_conditions("esketamine", [said]).found
    assert weight == "contraindicated"
    ((weight, _),) = weigh_conditions("ketamine", [said]).found
    assert weight == "defer"


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        ("family history of psychosis", ["psychosis-family-history"]), ("FH: schizophrenia", ["psychosis-family-history"]),
        ("mother with schizoaffective disorder", ["psychosis-family-history"]), ("Psychosis (family)", ["psychosis-family-history"]),
        ("psychosis_family_history", ["psychosis-family-history"]), ("familial psychotic disorder", ["psychosis-family-history"]),
        ("Hx of psychosis", ["psychosis-history"]), ("previous psychotic episode", ["psychosis-history"]), ("schizophrenia, in remission", ["psychosis-history"]),
        ("Schizophrenia", ["psychosis"]), ("MDD with psychotic features", ["psychosis"]), ("active psychosis", ["psychosis"]),
        ("intracranial aneurysm, clipped 2019", ["aneurysmal-vascular-disease"]), ("Aneurysms", ["aneurysmal-vascular-disease"]),
        ("haemorrhagic stroke 2015", ["intracerebral-haemorrhage"]), ("stroke", ["cardiovascular-disease"]), ("recent stroke", ["recent-cardiovascular-event"]),
        ("severe hepatic impairment", ["severe-hepatic-impairment"]), ("hepatic impairment", ["moderate-hepatic-impairment"]),
        ("uncontrolled hypertension", ["uncontrolled-hypertension"]), ("Alcohol use disorder", ["substance-use-disorder"]),
        ("epilepsy", ["recent-seizure"]), ("dementia", ["cognitive-impairment"]), ("OSA on CPAP", ["breathing-disorder"]),
        ("Hypersensitivity", ["ketamine-hypersensitivity"]), ("allergic to ketamine (rash)", ["ketamine-hypersensitivity"]),
    ],
)  # fmt: skip
def test_a_condition_is_known_however_it_is_written(said: str, rows: list[str]) -> None:
    weighed = weigh_conditions("esketamine", [said])
    assert ([row.name for _, row in weighed.found], weighed.unknown) == (rows, ())


@pytest.mark.parametrize(
    "said", ["hypertension", "Essential hypertension", "well-controlled hypertension", "treatment-resistant depression", "Type 2 diabetes", "PTSD", "none", "NKDA", "no known conditions"]
)  # fmt: skip
def test_what_says_nothing_against_a_drug_is_known_to_say_nothing(said: str) -> None:
    assert weigh_conditions("esketamine", [said]) == ((), ())


@pytest.mark.parametrize(
    "said",
    ["pulmonary hypertension", "gout", "penicillin hypersensitivity", "no surgery for the aneurysm", "denies psychosis", "family history of aneurysm",
     "aneurism", "I71.4", "lives with mother", "?"],
)  # fmt: skip
def test_what_no_table_knows_or_may_mean_the_opposite_is_said_to_be_unknown(said: str) -> None:
    assert weigh_conditions("esketamine", ["hypertension", said, said]) == ((), (said,))


@given(
    st.lists(st.text(max_size=30) | st.sampled_from(["avm", "no avm", "hypertension", "family psychosis"]), max_size=5)
)
def test_no_condition_is_passed_over(conditions: list[str]) -> None:
    for condition in conditions:
        alone = weigh_conditions("ketamine", [condition])
        if not alone.found and not alone.unknown:
            assert slug(condition) in NO_CONDITION or any(known in slug(condition) for known in NO_OBJECTION)
    everything = weigh_conditions("ketamine", conditions)
    assert set(everything.unknown) == {
        one for condition in conditions for one in weigh_conditions("ketamine", [condition]).unknown
    }


def test_a_family_s_illness_is_in_the_table_under_the_name_that_was_asked_for() -> None:
    ((weight, row),) = weigh_conditions("ketamine", ["psychosis-family-history"]).found
    assert (weight, row.name) == ("caution", "psychosis-family-history")


def test_the_heaviest_contraindication_comes_first() -> None:
    found = weigh_conditions(
        "esketamine", ["psychosis-history", "hypertension", "pregnancy", "intracerebral-haemorrhage"]
    ).found
    assert [row.name for _, row in found] == ["intracerebral-haemorrhage", "pregnancy", "psychosis-history"]


def test_a_treatment_without_a_drug_has_none_of_a_drug_s_contraindications() -> None:
    assert weigh_conditions("ect", ["pregnancy", "avm"]) == ((), ())


def test_medications_are_context() -> None:
    found = interactions_of("esketamine", ["Lorazepam", "tranylcypromine", "sertraline"])
    assert [(weight, row.name) for weight, row in found] == [("caution", "benzodiazepine"), ("caution", "maoi")]


def test_every_row_has_its_source() -> None:
    assert all(row.source for row in TREATMENTS.values())
    assert all(row.source for row in (*CONTRAINDICATIONS, *INTERACTIONS))
    names = [name for row in (*CONTRAINDICATIONS, *INTERACTIONS) for name in (row.name, *row.also)]
    assert len(names) == len(set(names)), "a name means one thing"
