"""The noise layer alone: the width of what is foreseen of the next report, on invented and on real diaries."""

from __future__ import annotations

import csv

import numpy as np

from bench.forecast.noise import Foreseen, foreseen
from tests.support.service import recorded


def covered(made: Foreseen, values: list[float]) -> float:
    later = np.array(values[1:])
    return float(((later >= made.low) & (later <= made.high)).mean())


def test_an_invented_diary_is_covered_as_said() -> None:
    chance = np.random.default_rng(4)
    inside = []
    for number in range(8):
        level = np.cumsum(chance.normal(0, 0.08, 45)) + chance.uniform(3, 7)
        values = np.clip(level + chance.normal(0, 1.3, 45), 0, 10).tolist()
        inside.append(covered(foreseen(range(45), values, "mood", f"d{number}", step=0), values))
    assert 0.74 < np.mean(inside) < 0.88


def test_weekly_scores_are_covered_as_said() -> None:
    chance = np.random.default_rng(5)
    inside = []
    for number in range(10):
        values = np.clip(chance.uniform(8, 20) + chance.normal(0, 2.5, 16), 0, 27).tolist()
        inside.append(covered(foreseen(range(0, 112, 7), values, "week", f"w{number}", step=0), values))
    assert 0.72 < np.mean(inside) < 0.9


def test_a_later_report_changes_nothing_that_was_foreseen_before_it() -> None:
    values = [5.0, 6, 4, 5, 7, 5]
    whole = foreseen(range(6), values, "mood", "d")
    other = foreseen(range(6), [*values[:-1], 0.0], "mood", "d")
    assert whole.low.tolist() == other.low.tolist()


def test_a_gap_in_the_diary_widens_what_is_foreseen() -> None:
    values = [5.0] * 20 + [5.0]
    daily = foreseen(range(21), values, "mood", "d")
    gap = foreseen([*range(20), 60], values, "mood", "d")
    assert gap.high[-1] - gap.low[-1] > daily.high[-1] - daily.low[-1]


def test_one_persons_239_days_through_relapse_are_covered_near_enough() -> None:
    (path,) = recorded("kossakowski", "daily_summary.csv")
    with path.open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["down"]]
    # -3 to 3, worst last.
    values = [(float(row["down"]) + 3) * 10 / 6 for row in rows]
    made = foreseen([int(row["study_day"]) for row in rows], values, "mood", "kossakowski", step=0)
    # 75-85 % is the aim, and the standard error of one person's series is near 3 points.
    assert 0.72 < covered(made, values) < 0.89
