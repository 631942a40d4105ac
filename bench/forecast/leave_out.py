"""Models trained without the family that they are scored on, and one trained on nothing but it.

"Left out" means that no cohort with the family's own mechanism is learnt from: beside F1-F4 the further families take part,
but G6 (which mixes F1-F3) never counts for those three, and G7 (F3 with other constants) not for F3. What training in the
same family gives (`in family`) is what is attainable at all with these features.
Cost: half a minute a training, beside the filter's work. Never here: scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from bench.cohort.families import FURTHER, SCORED
from bench.forecast.baselines import ELAPSED
from bench.forecast.controls import Maker
from bench.forecast.gather import Gathered, Wanted, gather, joined
from bench.forecast.scores import DAYS
from bench.forecast.train import STRETCH, WEIGHT, Growth, cohorts, exported, grow
from models.arrays import Floats
from models.relapse.boosting import trees_of
from models.relapse.forecaster import forecast_many
from models.relapse.history import Course
from models.relapse.pool import PoolModel, combined
from models.relapse.pool_features import FEATURE_NAMES, HORIZONS, rows_of

RELATED: Final[Mapping[str, frozenset[str]]] = {
    "F1": frozenset({"G6"}),
    "F2": frozenset({"G6"}),
    "F3": frozenset({"G6", "G7"}),
    "F4": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Bench:
    """How much to do, and where gathered origins are kept."""

    patients: int
    training: int
    growth: Growth
    folder: Path | None


def families_without(family: str, *, strict: bool) -> list[str]:
    """What a model may learn from that is scored on this family; strict: the other three of F1-F4 alone."""
    rest = [each for each in SCORED if each != family]
    return rest if strict else [*rest, *(each for each in FURTHER if each not in RELATED.get(family, frozenset()))]


def model_of(found: Gathered, growth: Growth, weight: float = WEIGHT, stretch: float = STRETCH) -> PoolModel:
    """A pool from gathered origins, without a file between."""
    count = len(HORIZONS)
    trees = trees_of(exported(grow(found, growth)), len(FEATURE_NAMES))
    return PoolModel("bench", (trees,), np.full(count, weight), np.full(count, stretch), np.zeros(count))


def left_out(family: str, bench: Bench, *, strict: bool = False) -> PoolModel:
    """Trained on other families only, with the training's own seeds."""
    wanted = cohorts(families_without(family, strict=strict), bench.training)
    return model_of(joined([gather(each, bench.folder) for each in wanted]), bench.growth)


def in_family(family: str, bench: Bench, seed: int) -> PoolModel:
    """Trained on as many other patients of the same family and nothing else; the trees alone, as the filter is not of it."""
    return model_of(gather(Wanted(family, bench.patients, 2 if seed == 1 else 1), bench.folder), bench.growth, 1.0, 1.0)


def reference_of(others: Sequence[Gathered]) -> Floats:
    """The reference's table: share of training origins with R ≤ k, by days since the last dose."""
    found = joined(others)
    group = np.searchsorted(ELAPSED, found.since, side="right") - 1
    return np.stack([(found.due[group == g][:, None] <= DAYS).mean(axis=0) for g in range(len(ELAPSED))])


def looked_up(table: Floats, found: Gathered) -> Floats:
    """The reference's forecast of each origin."""
    return np.asarray(table[np.searchsorted(ELAPSED, found.since, side="right") - 1])


def answers(model: PoolModel, found: Gathered) -> Floats:
    """The pool's cdf of gathered origins."""
    return combined(found.rows, found.cdf, model)


@cache
def left_out_once(bench: Bench, family: str, strict: bool = False) -> PoolModel:
    """Each model is trained once a run."""
    return left_out(family, bench, strict=strict)


def maker(model: PoolModel) -> Maker:
    """Filter and this pool, from courses."""

    def make(courses: list[Course]) -> Floats:
        made = forecast_many(courses)
        return combined(rows_of(courses, made), made.cdf, model)

    return make
