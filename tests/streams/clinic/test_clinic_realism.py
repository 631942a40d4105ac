"""The invented clinic beside the published figures: each within the tolerance that its row and the documentation state."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.realism import FIGURES, Cohort, Figure, cohort

PAGE = Path(__file__).resolve().parents[3] / "docs" / "clinic.md"


@pytest.fixture(scope="module")
def lived() -> Cohort:
    return cohort()


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_is_as_published(figure: Figure, lived: Cohort) -> None:
    assert figure.low <= figure.measure(lived) <= figure.high


def test_every_figure_and_its_tolerance_is_in_the_documentation() -> None:
    page = PAGE.read_text("utf-8")
    for figure in FIGURES:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {figure.name} |")]
        assert f"| {figure.low:g} to {figure.high:g} |" in row
        assert figure.source in row
