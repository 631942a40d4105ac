"""The rule book: every rule in words, and an example of each limit that the product has played."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from models.tables.limits import LIMITS
from models.tables.rules import RULES
from models.tables.sources import NUMBERED_SOURCES
from models.wire.rules import RuleOut
from streams.rule_book import rule_book
from tests.support.published import hold_to_schema

BOOK = rule_book("main", LIMITS)
OF = {rule["rule"]: rule for rule in BOOK["rules"]}
WITH_LIMITS = tuple(dict.fromkeys(limit.rule for limit in LIMITS))


def test_every_rule_is_in_the_book_in_words_and_as_published() -> None:
    assert list(OF) == list(RULES)
    hold_to_schema("rules", BOOK, thoroughly=True)
    for rule in OF.values():
        assert rule["decides"].endswith("."), rule["rule"]
        assert len(rule["limits"]) == sum(limit.rule == rule["rule"] for limit in LIMITS)


def told(rule: RuleOut) -> list[str]:
    example = rule["example"]
    assert example is not None, rule["rule"]
    return [step["transition"] for step in example["steps"]]


@pytest.mark.parametrize("name", WITH_LIMITS)
def test_an_example_goes_past_its_limit_is_told_after_its_hold_and_is_over(name: str) -> None:
    rule = OF[name]
    steps = told(rule)
    assert steps[0] == "raised"
    example = rule["example"]
    assert example is not None
    stays = RULES[name].latches and example["steps"][-1]["priority"] != "low"
    assert steps[-1] == ("latched" if stays else "closed")
    limit = next(
        row for row in rule["limits"] if (row["channel"], row["enter"]) == (example["channel"], example["enter"])
    )
    above = limit["past"].startswith(">")
    past = [s for s, value in example["points"] if (value > limit["enter"] if above else value < limit["enter"])]
    assert past or example["channel"] in {"moaas", "cadss"}, "the line that is drawn goes past the limit that is drawn"
    if past and limit["hold_s"]:
        assert example["steps"][-1]["at_s"] > past[0] + limit["hold_s"]


def test_a_site_that_moves_a_limit_sees_its_own_words_and_its_own_example() -> None:
    moved = tuple(replace(limit, enter=80.0, leave=83.0) if limit.key == ("desaturation", "high", "spo2") else
                  replace(limit, enter=80.0, leave=83.0) if limit.key == ("desaturation", "high", "spo2-doubted") else limit
                  for limit in LIMITS)  # fmt: skip
    (rule,) = (rule for rule in rule_book("main", moved)["rules"] if rule["rule"] == "desaturation")
    row = next(row for row in rule["limits"] if (row["priority"], row["channel"]) == ("high", "spo2"))
    assert row["changed"]
    assert row["words"].startswith("SpO2 at or below 80 % for 10 s; over at 83 % or above")
    assert row["built_in"].startswith("SpO2 at or below 85 %")
    example = rule["example"]
    assert example is not None
    assert example["enter"] == 80.0
    assert any("80 %" in step["text"] for step in example["steps"] if step["priority"] == "high")


def test_the_numbers_of_sources_are_named_and_are_those_of_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
    rows = {m[1]: (m[2], m[3]) for m in re.finditer(r"^\| \[(S\d+)\] \| (.+?) \| (.+?) \|$", text, re.MULTILINE)}
    assert rows == {number: (each.title, each.what) for number, each in NUMBERED_SOURCES.items()}
    rule = OF["unresponsive"]["limits"][0]
    assert "[" not in rule["source"]
    assert rule["cited"][0]["address"] == "https://doi.org/10.1186/s12871-022-01788-1"
