"""What nothing could beat: forecasts that look at the truth and leave out only what is still to come.

`state` knows today's severity, the effect of the last dose and how long it will last in this cycle, and every trait of the
patient; what it does not know is the ups and downs and events to come. `traits` knows the patient's own constants and the
doses, but neither a score nor the luck of any cycle. Both count what becomes of twins who share what is known.
Cost: a minute a family. Never here: anything that a clinic could know.
"""

from __future__ import annotations

import zlib
from dataclasses import fields, replace
from typing import Final

import numpy as np

from bench.cohort.chance import CYCLE, DAILY, DOSES, Chance
from bench.cohort.cohort import due, relived
from bench.cohort.days import Cohort, Origins
from bench.cohort.families import AS_PUBLISHED, FAMILIES
from bench.forecast.scores import DAYS
from models.arrays import Floats, Ints

TWINS: Final = 40


def state(cohort: Cohort, asked: Origins, twins: int = TWINS) -> Floats:
    """Knows today and this cycle, not the noise to come."""
    cdf = np.zeros((len(asked.day), len(DAYS)))
    for day in np.unique(asked.day).tolist():
        rows = np.flatnonzero(asked.day == day)
        part = _some(cohort, asked.patient[rows])
        everyone = np.arange(len(rows))
        for twin in range(twins):
            rng = np.random.default_rng([zlib.crc32(cohort.family.encode()), cohort.seed, day, twin])
            normal, uniform = part.chance.daily_normal.copy(), part.chance.daily_uniform.copy()
            ahead = normal.shape[1] - day - 1
            normal[:, day + 1 :] = rng.standard_normal((len(rows), ahead, DAILY))
            uniform[:, day + 1 :] = rng.random((len(rows), ahead, DAILY))
            chance = replace(part.chance, daily_normal=normal, daily_uniform=uniform)
            alike = replace(part, chance=chance, body=FAMILIES[cohort.family](chance, AS_PUBLISHED))
            cdf[rows] += due(alike, everyone, np.full(len(rows), day))[:, None] <= DAYS
    return cdf / twins


def traits(cohort: Cohort, asked: Origins, twins: int = TWINS) -> Floats:
    """Knows the patient's constants and the doses, and no score."""
    cdf = np.zeros((len(asked.day), len(DAYS)))
    n, days = cohort.chance.daily_normal.shape[:2]
    for twin in range(twins):
        rng = np.random.default_rng([zlib.crc32(cohort.family.encode()), cohort.seed, twin])
        chance = replace(
            cohort.chance,
            daily_normal=rng.standard_normal((n, days, DAILY)),
            daily_uniform=rng.random((n, days, DAILY)),
            cycle_normal=rng.standard_normal((n, DOSES, CYCLE)),
            cycle_uniform=rng.random((n, DOSES, CYCLE)),
        )
        alike = relived(cohort, chance)
        alike.tau[:] = cohort.tau
        cdf += due(alike, asked.patient, asked.day)[:, None] <= DAYS
    return cdf / twins


def _some(cohort: Cohort, patients: Ints) -> Cohort:
    """Some of the patients, with what the truth is worked out from."""
    chance = Chance(*(getattr(cohort.chance, each.name)[patients] for each in fields(Chance)))
    rest = {
        name: getattr(cohort, name)[patients] for name in ("numbers", "strength", "tau", "after", "last_day", "nasal")
    }
    return replace(cohort, chance=chance, **rest)
