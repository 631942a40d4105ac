"""`python -m bench.detection.cuff_frontier`: how far a crisis by one cuff can be told from a wrong cuff at its second.

The crises of `cuff_series.py` and their neighbours' verdicts. A score of a crisis is a logistic regression over the cuff itself
(pressures, pulse pressure, where its mean lies) and all that came before it (the cuff before, how far and how long ago it was,
how many of the last two hours' were raised, their median, how fast cuffs come, the time of day), fitted on the half of the stays
that the rule was chosen on and held to the other. Sorted by that score it gives the frontier: the share refuted of those
believed where 95 % of those borne out are, and the share borne out that is believed where 15 % are refuted.
Three readings of *refuted*: by neighbours on both sides (the page's), by the next cuff alone, and by the next cuff where that
comes within 2 min, so that waiting for it would still be at once.
Bad at: what another kind of model would find. Cost: some seconds. Never here: the ward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Final, NamedTuple

import numpy as np

from bench.detection.card import markdown
from bench.detection.cuff_series import NEAR_MIN, CuffRow, is_chosen_on, is_critical, is_raised, stays
from models.arrays import Floats

REPEAT_MIN: Final = 2.0
BAR_REFUTED, BAR_BORNE_OUT = 0.15, 0.95
_DAY_MIN: Final = 1440
_RIDGE: Final = 1.0


class Judged(NamedTuple):
    """A crisis: what is known at its second, whose half it is of, and what its neighbours say (None: there is none)."""

    known: tuple[float, ...]
    chosen_on: bool
    by_both: bool | None
    by_next: bool | None
    by_repeat: bool | None


def judged(found: Mapping[str, Sequence[CuffRow]]) -> list[Judged]:
    """The first cuff of each crisis of each stay."""
    crises = []
    for stay, rows in found.items():
        possible = [row for row in rows if row.possible]
        for n, row in enumerate(possible):
            before = possible[n - 1] if n and row.minute - possible[n - 1].minute <= NEAR_MIN else None
            after = possible[n + 1] if n + 1 < len(possible) else None
            after = after if after is not None and after.minute - row.minute <= NEAR_MIN else None
            if not is_critical(row) or (before is not None and is_critical(before)):
                continue
            near = [is_raised(each) for each in (before, after) if each is not None]
            following = None if after is None else is_raised(after)
            soon = following if after is not None and after.minute - row.minute <= REPEAT_MIN else None
            crises.append(
                Judged(
                    _known(possible[:n], row, before), is_chosen_on(stay), any(near) if near else None, following, soon
                )
            )
    return crises


def _known(past: Sequence[CuffRow], row: CuffRow, before: CuffRow | None) -> tuple[float, ...]:
    pulse = row.sbp - row.dbp
    mean = 0.33 if isnan(row.map) or pulse <= 0 else (row.map - row.dbp) / pulse
    recent = [each for each in past if row.minute - each.minute <= 120]
    usual_sbp = float(np.median([each.sbp for each in recent])) if recent else 130.0
    usual_dbp = float(np.median([each.dbp for each in recent])) if recent else 75.0
    raised = float(np.mean([is_raised(each) for each in recent])) if recent else 0.0
    last = before or CuffRow(row.minute - 30, usual_sbp, usual_dbp, float("nan"))
    turn = 2 * np.pi * (row.minute % _DAY_MIN) / _DAY_MIN
    return (
        row.sbp, row.dbp, pulse, min(pulse, 50.0), mean, float(isnan(row.map)), row.sbp - last.sbp, row.dbp - last.dbp,
        last.sbp - last.dbp - pulse, float(is_raised(last)), float(before is not None), row.minute - last.minute,
        row.sbp - usual_sbp, row.dbp - usual_dbp, raised, float(len(recent)), float(np.sin(turn)), float(np.cos(turn)),
    )  # fmt: skip


def scores(known: Floats, verdict: Floats, of: Floats) -> Floats:
    """The scores of the crises `of`, by a logistic regression on `known` and `verdict` (1: borne out)."""
    mean, sd = known.mean(0), known.std(0) + 1e-9
    x = np.column_stack([np.ones(len(known)), (known - mean) / sd])
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-x @ weights))
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + _RIDGE * np.eye(len(weights))
        weights += np.linalg.solve(curve, x.T @ (verdict - chance) - _RIDGE * weights)
    found: Floats = np.column_stack([np.ones(len(of)), (of - mean) / sd]) @ weights
    return found


def frontier(score: Floats, verdict: Floats) -> tuple[float, float]:
    """The share refuted where 95 % of those borne out are believed, and the share borne out where 15 % at most are refuted."""
    borne = verdict[np.argsort(-score)]
    kept = np.cumsum(borne) / borne.sum()
    refuted = np.cumsum(1 - borne) / np.arange(1, len(borne) + 1)
    return float(refuted[np.argmax(kept >= BAR_BORNE_OUT)]), float(kept[refuted <= BAR_REFUTED].max(initial=0.0))


def table(crises: Sequence[Judged]) -> str:
    """The frontier by each reading of *refuted*, on the half of the stays that nothing was fitted on."""
    rows = []
    for words, field in (
        ("a neighbour before or after, within 30 min", "by_both"),
        ("the next cuff, within 30 min", "by_next"),
        ("the next cuff, within 2 min", "by_repeat"),
    ):
        some = [one for one in crises if getattr(one, field) is not None]
        fitted, held = [one for one in some if one.chosen_on], [one for one in some if not one.chosen_on]
        known, verdict = (
            np.array([one.known for one in fitted]),
            np.array([float(getattr(one, field)) for one in fitted]),
        )
        of, truth = np.array([one.known for one in held]), np.array([float(getattr(one, field)) for one in held])
        refuted, kept = frontier(scores(known, verdict, of), truth)
        all_refuted = 1 - float(np.mean([getattr(one, field) for one in some]))
        rows.append((words, len(some), f"{all_refuted:.0%}", f"{refuted:.0%}", f"{kept:.0%}"))
    heads = ("refuted or borne out by", "crises with such a cuff", "of all refuted", "refuted, where 95 % of those borne out are believed", "borne out believed, where 15 % are refuted")  # fmt: skip
    return markdown(heads, rows, left=1)


if __name__ == "__main__":
    print(table(judged(stays())))
