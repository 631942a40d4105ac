"""Conclusions: what is news of a rule, and rules judged from values alone, without a ward."""

from __future__ import annotations

from math import nan

import pytest

from models.findings import Evidence
from models.instants import MINUTE
from models.relapse.policies import Maintenance
from models.session.pressure import PressureForecast
from models.session.reports import Report, assess
from models.tables.limits import LIMITS
from models.tables.rules import Priority
from models.wire.observations import ForecastMade
from streams.ward.association import Cuff, Session
from streams.ward.conclusions import Conclusion, Condition, News, note_conclusion, over
from streams.ward.doses import SessionDose
from streams.ward.home.forecasts import judge_maintenance, judge_relapse_risk
from streams.ward.home.rows import AtHome, DayForecast, HomeCondition
from streams.ward.people import Person
from streams.ward.rules.checkins import judge_score
from streams.ward.rules.contraindications import judge_contraindication
from streams.ward.rules.pressure_ahead import judge_pressure_ahead
from tests.support.scenes import moment


def concluded(priority: Priority | None, at_us: int = 100, onset_us: int = 40) -> Conclusion:
    evidence: Evidence = {"value": 88}
    return Conclusion("desaturation", priority, at_us, onset_us, "Chair 3: Low oxygen.", evidence, "a source")


def test_a_rule_is_news_when_it_begins_changes_and_ends_and_not_in_between() -> None:
    conditions: dict[str, Condition] = {}

    def news(priority: Priority | None, at_us: int) -> News | None:
        return note_conclusion(conditions, Condition, concluded(priority, at_us))

    assert news(None, 90) is None, "what never began cannot end"
    assert news(Priority.MEDIUM, 100) == News("began", Priority.MEDIUM, 40)
    assert news(Priority.MEDIUM, 110) is None
    assert news(Priority.HIGH, 120) == News("changed", Priority.HIGH, 40), "the onset stays"
    assert news(None, 130) == News("ended", Priority.HIGH, 40)
    assert conditions == {}


def test_a_condition_never_begins_after_what_shows_it() -> None:
    conditions: dict[str, Condition] = {}
    news = note_conclusion(conditions, Condition, concluded(Priority.LOW, at_us=30, onset_us=40))
    assert news == News("began", Priority.LOW, 30)


def test_that_a_rule_is_over_needs_no_priority_and_no_source() -> None:
    ended = over("desaturation", 7, "Chair 3: Low oxygen is over.")
    assert (ended.priority, ended.at_us, ended.source, dict(ended.evidence)) == (None, 7, "", {})


@pytest.mark.parametrize(
    ("conditions", "priority"),
    [(("aneurysm",), Priority.HIGH), (("aneurysm", "hypertension"), Priority.HIGH), ((), None)],
)
def test_the_gravest_of_what_is_registered_weighs(conditions: tuple[str, ...], priority: Priority | None) -> None:
    found = judge_contraindication("Chair 3 (A-1)", "esketamine", Person(conditions=conditions), 5)
    assert (found.priority, found.at_us) == (priority, 5)
    assert bool(found.source) == bool(conditions)


def infused() -> Session:
    return Session(
        "main", "S-1", "A-1", True, chair="3", drug="ketamine", route="iv", doses=[SessionDose(0, "ketamine", "iv", 35.0, 40.0)]
    )  # fmt: skip


def test_a_cuff_is_asked_for_from_one_in_four_on_and_until_well_below() -> None:
    session, cuff = infused(), Cuff(20 * MINUTE, 160.0, nan)

    def priority(chance: float) -> Priority | None:
        forecast = PressureForecast(chance / 2, chance, 168.0, 94.0)
        return judge_pressure_ahead(session, cuff, forecast, 128.0, 20 * MINUTE).priority

    assert priority(0.24) is None
    assert priority(0.25) is Priority.LOW
    session.conditions["pressure-forecast"] = Condition(Priority.LOW, 0)
    assert priority(0.15) is Priority.LOW
    assert priority(0.14) is None
    session.conditions["hypertension"] = Condition(Priority.LOW, 0)
    assert priority(0.9) is None, "it was measured: there is nothing left to foresee"


def test_the_worst_score_in_force_decides_and_distress_makes_it_grave() -> None:
    reports = [Report(0, "distress", 6), Report(MINUTE, "cadss", 40)]
    assessment = assess(reports, LIMITS)
    grave = judge_score("A-1", "severe-dissociation", assessment, LIMITS, MINUTE, MINUTE, 30.0)
    assert grave is not None
    assert grave.priority is Priority.HIGH
    assert "distress 6 of 10" in grave.text
    assert judge_score("A-1", "sedation", assessment, LIMITS, MINUTE, MINUTE, 30.0) is None


def test_a_forecasts_two_rules_need_no_more_than_the_forecast_the_visit_and_the_policy() -> None:
    row, policy = AtHome("main", "A-1"), Maintenance()
    record = ForecastMade(at=moment(0), patient="A-1", as_of="2026-11-23")
    likely = DayForecast(739_943, in_7=0.85, in_14=0.9, in_lead=0.85)
    assert judge_maintenance(row, record, likely, policy, 0).priority is Priority.INFO
    assert judge_relapse_risk(row, record, likely, [], policy, 0).priority is Priority.LOW
    row.booked_us = 2 * 24 * 60 * MINUTE
    assert judge_maintenance(row, record, likely, policy, 0).priority is None
    assert judge_relapse_risk(row, record, likely, [], policy, 0).priority is None
    assert judge_relapse_risk(row, record, likely, [0.5], policy, 0).priority is Priority.LOW, (
        "a sharp rise, booked or not"
    )
    row.booked_us = None
    row.conditions["maintenance-due"] = HomeCondition(Priority.INFO, 0)
    eased = DayForecast(739_944, in_7=0.41, in_14=0.5, in_lead=0.41)
    assert judge_maintenance(row, record, eased, policy, 0).priority is Priority.INFO, "a little less likely is no news"
