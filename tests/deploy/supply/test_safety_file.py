"""The safety file hangs together: hazards, requirements, threats, failures, foreign software and the tests that hold them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploy.supply.reading import read_safety_file
from deploy.supply.safety_file import SafetyFile
from tests.support.wheel import ROOT

HELD = read_safety_file(ROOT)


def test_nothing_hangs_in_the_air() -> None:
    assert HELD.problems() == []


@pytest.mark.parametrize("page", ["hazards.md", "threats.md", "failures.md", "soup.md"])
def test_the_pages_are_what_the_tables_say(page: str) -> None:
    assert (ROOT / "docs" / "safety" / page).read_text() == HELD.pages()[page], "make schema"


Table = dict[str, Any]


def planted(change: Callable[[Table, Table, Table, Table], object]) -> SafetyFile:
    """The safety file with one fault in a copy of its tables."""
    tables = (HELD.hazards, HELD.threats, HELD.failures, HELD.soup)
    hazards, threats, failures, soup = (copy.deepcopy(dict(each)) for each in tables)
    change(hazards, threats, failures, soup)
    return replace(HELD, hazards=hazards, threats=threats, failures=failures, soup=soup)


FAULTS: list[tuple[Callable[..., object], str]] = [
    (lambda h, t, f, s: h["hazard"].append({"id": "H99", "severity": "high"}), "H99: no requirement reduces it"),
    (lambda h, t, f, s: h["requirement"][0].update(against=[]), "R1: it is against no hazard"),
    (lambda h, t, f, s: h["requirement"][0].update(against=["H77"]), "R1: there is no hazard H77"),
    (lambda h, t, f, s: h["requirement"][0].update(tests=[]), "R1: no test holds it"),
    (lambda h, t, f, s: h["requirement"][0].update(tests=["pigs_fly"]), "R1: there is no test pigs_fly"),
    (lambda h, t, f, s: h["requirement"][0].update(tests=["test_pager::pigs_fly"]), "R1: there is no test test_pager::pigs_fly"),
    (lambda h, t, f, s: h["hazard"].append(h["hazard"][0]), "H1: two rows of hazard have this name"),
    (lambda h, t, f, s: h["hazard"][0].update(severity="dire"), "H1: severity dire is none of high, medium, low"),
    (lambda h, t, f, s: t["flow"][0].pop("D"), "F1.D: denial of service is not judged"),
    (lambda h, t, f, s: t["flow"][0]["S"].update(tests=[]), "F1.S: no test holds it"),
    (lambda h, t, f, s: t["flow"][0]["S"].pop("defence"), "F1.S: nothing is said to stand against it"),
    (lambda h, t, f, s: t["flow"][0]["S"].update(tests=["pigs_fly"]), "F1.S: there is no test pigs_fly"),
    (lambda h, t, f, s: f["failure"][0].update(tests=[]), "E1: no test holds it"),
    (lambda h, t, f, s: f["failure"][0].pop("tests"), "E1: no test holds it"),
    (lambda h, t, f, s: f["failure"][0].update(tests=["pigs_fly"]), "E1: there is no test pigs_fly"),
    (lambda h, t, f, s: f["failure"][0].pop("guard"), "E1: nothing is said to stand against it"),
    (lambda h, t, f, s: f["failure"][0].update(seen=[]), "E1: it is not said where it was seen"),
    (lambda h, t, f, s: f["failure"][0].update(not_here="pigs"), "E1: it has tests, and cannot happen here"),
    (lambda h, t, f, s: f["failure"].append(f["failure"][0]), "E1: two rows of failure have this name"),
    (lambda h, t, f, s: s["part"].pop(0), "fastapi: a dependency that no row of soup.toml judges"),
    (lambda h, t, f, s: s["part"].append(s["part"][0] | {"name": "left-pad"}), "left-pad: a row of soup.toml, and no dependency"),
    (lambda h, t, f, s: s["part"][0].update(tests=["pigs_fly"]), "fastapi: there is no test pigs_fly"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_each_orphan_is_found(change: Callable[..., object], said: str) -> None:
    assert said in planted(change).problems()


def test_a_name_that_two_files_have_must_say_which() -> None:
    both = {"it_holds": ["tests/a/test_one.py", "tests/b/test_two.py"]}
    ambiguous = replace(planted(lambda h, t, f, s: h["requirement"][0].update(tests=["it_holds"])), tests=both)
    assert "R1: 2 files have test it_holds" in ambiguous.problems()
    named = replace(planted(lambda h, t, f, s: h["requirement"][0].update(tests=["test_two::it_holds"])), tests=both)
    assert [each for each in named.problems() if each.startswith("R1:")] == []
