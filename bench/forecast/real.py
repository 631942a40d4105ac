"""Real diaries through the noise layer: does the filter's 80 % interval of the next report hold 75-85 % of them?

No dose is in these data, so nothing of the dose model is tested: only how noisy daily reports are taken to be, and how
far severity is taken to wander from one report to the next.
- `kossakowski`: one person, 238 days through the end of an antidepressant and a relapse; the day's mean of `down`, -3 to 3.
- `digibp_mood`: 43 people with bipolar disorder, six weeks of daily self-report; depression, 0 to 42 here.
Each report is put on mood's 0-10 and predicted from all earlier ones. Intervals are by randomised PIT over the report's own
step, as everywhere. Needs the recordings (CHAIRSIDE_DATA, by default ../shared/data).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.forecast.noise import foreseen
from bench.recorded import DATA
from models.arrays import Floats
from models.relapse.chance import patient_key

WARM_UP: Final = 7
"""Reports before the first that is scored: whose mood this is has to be learnt from something."""


@dataclass(frozen=True, slots=True)
class Diary:
    """A person's reports on mood's 0-10; `step` is the distance between two neighbouring answers there."""

    person: str
    days: Sequence[int]
    values: Sequence[float]
    step: float


def kossakowski() -> list[Diary]:
    """The item `down`, by day."""
    with (DATA / "kossakowski" / "daily_summary.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["down"]]
    # A day's mean of up to ten answers on -3 … 3: the mean moves in steps of about a tenth of the item's.
    return [
        Diary(
            "kossakowski",
            [int(row["study_day"]) for row in rows],
            [(float(row["down"]) + 3) / 0.6 for row in rows],
            10 / 60,
        )
    ]


def digibp() -> list[Diary]:
    """Daily self-reported depression, 0-42 in steps of 2."""
    by_person: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with (DATA / "digibp_mood" / "daily.csv").open() as file:
        for row in csv.DictReader(file):
            if row["digibp_depression"]:
                by_person[row["subject"]].append((int(row["day"]), float(row["digibp_depression"]) / 4.2))
    return [
        Diary(f"digibp-{who}", [day for day, _ in pairs], [value for _, value in pairs], 2 / 4.2)
        for who, pairs in sorted(by_person.items())
    ]


def one_step(diary: Diary) -> Floats:
    """The PIT of every report after the warm-up, given those before it."""
    told = foreseen(diary.days, diary.values, "mood", diary.person, diary.step)
    v = np.random.default_rng([patient_key(diary.person) % 2**32, 80]).random(len(told.below))
    u = told.below + v * (told.upto - told.below)
    return np.asarray(u[WARM_UP:])


def coverage(diaries: Sequence[Diary]) -> tuple[float, float, float, int]:
    """Share of reports inside the 80 % interval, under it, over it, and how many."""
    u = np.concatenate([one_step(diary) for diary in diaries])
    return float(((u >= 0.1) & (u <= 0.9)).mean()), float((u < 0.1).mean()), float((u > 0.9).mean()), len(u)
