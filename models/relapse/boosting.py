"""Gradient-boosted trees, evaluated: sums of small decision trees, read from a file and walked with numpy alone.

Trained elsewhere (`python -m bench.forecast.train`, scikit-learn's histogram gradient boosting); here they are only
arrays. A missing feature (NaN) goes to the side that training chose for it, so no input is ever made up.
Bad at: features far outside of what training saw (a tree's answer is constant there, never extrapolated).
Cost: about 15 ns per row, tree and level. Never here: training, files, what a feature means (`pool.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import Flags, Floats

ROWS_AT_ONCE = 4096
"""Keeps the working arrays inside a processor's cache; chosen by us."""


class UnreadableTrees(ValueError):
    """A model file is not what this version can evaluate."""


@dataclass(frozen=True, slots=True)
class Trees:
    """All trees' nodes one after another. A leaf leads to itself."""

    start: float
    """The sum before any tree, log-odds."""
    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: Floats
    missing_left: Flags
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    depth: int

    def log_odds(self, rows: Floats) -> Floats:
        """The trees' sum for each row of features, (n,)."""
        total = np.empty(len(rows))
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[begin : begin + ROWS_AT_ONCE]
            total[begin : begin + ROWS_AT_ONCE] = self._sum(np.ascontiguousarray(part.T))
        return total

    def _sum(self, columns: Floats) -> Floats:
        width = columns.shape[1]
        flat, place = columns.ravel(), np.arange(width)
        total = np.full(width, self.start)
        for root in self.roots.tolist():
            node = np.full(width, root, dtype=np.int32)
            for _ in range(self.depth):
                value = flat[self.feature[node] * width + place]
                # A comparison with NaN is false: so ask "is it beyond", and where nothing is there, what training said.
                beyond = value > self.threshold[node]
                lost = np.isnan(value)
                if lost.any():
                    beyond |= lost & ~self.missing_left[node]
                node = np.where(beyond, self.right[node], self.left[node])
            total += self.value[node]
        return total


TREE_COLUMNS = ("feature", "threshold", "missing_left", "left", "right", "value")


def trees_of(stored: Mapping[str, Any], features: int) -> Trees:
    """The trees of a model file's entry.

    Raises:
        UnreadableTrees: the columns do not fit each other or the features.
    """
    try:
        columns: list[Sequence[float]] = [stored[name] for name in TREE_COLUMNS]
        sizes = {len(column) for column in columns}
        roots = np.asarray(stored["roots"], dtype=np.int32)
        feature, left, right = (np.asarray(stored[name], dtype=np.int32) for name in ("feature", "left", "right"))
        trees = Trees(
            start=float(stored["start"]),
            roots=roots,
            feature=feature,
            threshold=np.asarray(stored["threshold"], dtype=np.float64),
            missing_left=np.asarray(stored["missing_left"], dtype=bool),
            left=left,
            right=right,
            value=np.asarray(stored["value"], dtype=np.float64),
            depth=int(stored["depth"]),
        )
    except (KeyError, TypeError, ValueError) as wrong:
        raise UnreadableTrees(f"the trees cannot be read: {wrong}") from wrong
    nodes = sizes.pop()
    if sizes or not nodes or any(ids.min() < 0 or ids.max() >= nodes for ids in (roots, left, right)):
        raise UnreadableTrees("the trees' columns do not fit each other")
    if feature.min() < 0 or feature.max() >= features:
        raise UnreadableTrees(f"the trees ask for feature {int(feature.max())} of {features}")
    return trees
