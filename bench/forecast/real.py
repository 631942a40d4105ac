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
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.special import ndtr

from bench.cohort_chance import Floats
from models import filter as particles
from models.chance import key_of
from models.happenings import AFTER, Entry
from models.history import Course
from models.priors import MOOD_REPEAT

DATA: Final = Path(os.environ.get("CHAIRSIDE_DATA", Path(__file__).parents[3] / "shared" / "data"))
WARM_UP: Final = 7
"""Reports before the first that is scored: whose mood this is has to be learnt from something."""
TYPICAL: Final = 739_000


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
    first = TYPICAL
    entries = tuple(
        Entry(first + day, AFTER, "mood", value, 4.0) for day, value in zip(diary.days, diary.values, strict=True)
    )
    start = entries[0].day
    course = Course(diary.person, key_of(diary.person), entries[-1].day, start, 10.0, None, 0, start, entries)
    cloud = particles.begin([course])
    v = np.random.default_rng([key_of(diary.person) % 2**32, 80]).random(len(entries))
    found, place = [], 0
    for _ in particles.walk(cloud, [entries], np.array([entries[-1].day])):
        today = int(cloud.day[0])
        while place < len(entries) and entries[place].day <= today:
            place += 1
        if place < len(entries) and entries[place].day == today + 1 and place >= WARM_UP:
            value = entries[place].value
            low, high = (_below(cloud, value + side * diary.step / 2) for side in (-1, 1))
            low = 0.0 if value - diary.step / 2 <= 0 else low
            high = 1.0 if value + diary.step / 2 >= 10 else high
            found.append(low + v[place] * (high - low))
    return np.array(found)


def _below(cloud: particles.Cloud, value: float) -> float:
    """P(tomorrow's mood ≤ value), over the particles."""
    field = particles
    now, weight = cloud.fields[:, 0], cloud.weights()[0]
    pace = np.exp(-1 / np.exp(now[field.PACE]))
    slope = now[field.MOOD_PER]
    wander = np.exp(2 * now[field.WOBBLE]) * (1 - pace**2) + np.exp(2 * now[field.DRIFT])
    spread = now[field.D_D] + 2 * pace * now[field.D_X] + pace**2 * now[field.X_X] + wander
    severity = cloud.base[0] * (1 - cloud.effect(1)[0]) + now[field.D] + pace * now[field.X]
    mean = now[field.M] + slope * np.clip(severity, 0, 27)
    own = now[field.M_M] + 2 * slope * (now[field.D_M] + pace * now[field.X_M])
    # Yesterday's mood was reported in nearly every case, and the filter takes such a report to be noisier than a lone one.
    variance = slope**2 * spread + own + np.exp(2 * now[field.MOOD_SD]) * MOOD_REPEAT
    return float((weight * ndtr((value - mean) / np.sqrt(variance))).sum())


def coverage(diaries: Sequence[Diary]) -> tuple[float, float, float, int]:
    """Share of reports inside the 80 % interval, under it, over it, and how many."""
    u = np.concatenate([one_step(diary) for diary in diaries])
    return float(((u >= 0.1) & (u <= 0.9)).mean()), float((u < 0.1).mean()), float((u > 0.9).mean()), len(u)
