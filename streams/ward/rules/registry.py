"""The registry of rules: the module of the ward that judges each, and what ends it.

A rule is enrolled by its row here. Every row is run through one contract (tests/streams/ward/test_rule_contract.py): it has a
title, a category and a place on the board; a scene makes it begin, with a source, a sentence and evidence that the wire takes;
and it ends as its row says. A rule without a row, or a row without a rule or a scene, fails that test by name.
Never here: what a rule says (`models/tables/rules.py`), its limits, its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.tables.limits import CUFF_RULES, LIMITS, Limit

Ending = Literal["by itself", "by a person"]
"""Over once its condition is, or only when somebody closes the alert: of what happened once, there is no end to see."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One rule. `judge` is the module, within `streams.ward`, whose functions conclude it."""

    rule: str
    judge: str
    ends: Ending = "by itself"


def _judge_of(limit: Limit) -> str:
    if limit.rule in CUFF_RULES:
        return "rules.cuffs"
    return "rules.checkins" if limit.channel in {"moaas", "cadss"} else "rules.thresholds"


# fmt: off
_TABLE: Final = (
    *dict.fromkeys(Enrolment(limit.rule, _judge_of(limit)) for limit in LIMITS),
    Enrolment("pressure-forecast",      "rules.pressure_ahead"),
    Enrolment("prolonged-dissociation", "rules.lasting"),
    Enrolment("suicidal-ideation",      "rules.checkins", "by a person"),
    Enrolment("answers-unread",         "rules.checkins", "by a person"),
    Enrolment("mood-worsening",         "home.worsening"),
    Enrolment("predose-pressure",       "rules.predose"),
    Enrolment("vitals-overdue",         "timers"),
    Enrolment("checkin-overdue",        "timers"),
    Enrolment("observation-incomplete", "rules.readiness", "by a person"),
    Enrolment("contraindication",       "rules.contraindications"),
    Enrolment("unscheduled",            "sessions"),
    Enrolment("no-data",                "absence"),
    Enrolment("never-started",          "absence"),
    Enrolment("probe-off",              "absence"),
    Enrolment("artefact",               "absence"),
    Enrolment("implausible",            "absence"),
    Enrolment("clock-skew",             "absence"),
    Enrolment("integrity",              "rules.integrity", "by a person"),
    Enrolment("maintenance-due",        "home.forecasts"),
    Enrolment("relapse-risk",           "home.forecasts"),
)
# fmt: on

REGISTRY: Final = {enrolment.rule: enrolment for enrolment in _TABLE}
