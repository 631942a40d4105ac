"""Negative controls: what must become worse does, what must not change does not, and what is wrong on purpose fails.

- scores permuted across patients: skill falls to what dose dates alone give, or below;
- dose dates permuted across patients: the 80 % intervals still cover more than 70 %;
- a later observation changed: every earlier forecast is bit-identical;
- another order of arrival: the same forecasts;
- a model that is confidently wrong and one that is blurred: both fail the scorecard.
Never here: the scorecard's targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from bench.cohort.days import FIRST_DOSE, Cohort, Origins
from bench.cohort.records import alias, calendar_day
from bench.forecast.gather import facts_of
from bench.forecast.scores import DAYS, quantile
from models.arrays import Floats, Ints
from models.relapse.facts import Fact
from models.relapse.history import Course, PatientHistory

Maker = Callable[[list[Course]], Floats]
"""Courses in, cdf out: filter and pool together."""


def others(size: int, seed: int) -> Ints:
    """For each patient another one: a random cycle through all of them."""
    order = np.random.default_rng([seed, 7]).permutation(size)
    found = np.empty(size, dtype=np.int64)
    found[order] = np.roll(order, 1)
    return found


def scores_permuted(cohort: Cohort, seed: int) -> Cohort:
    """Everybody has somebody else's scores from the first dose on, and their own doses."""
    who = others(cohort.size, seed)
    swapped = {}
    for name in ("score", "mood", "madrs"):
        own = getattr(cohort, name).copy()
        own[:, FIRST_DOSE:] = getattr(cohort, name)[who][:, FIRST_DOSE:]
        swapped[name] = own
    return replace(cohort, **swapped)


def dates_only(cohort: Cohort) -> Cohort:
    """No score after the screening."""
    silent = {}
    for name in ("score", "mood", "madrs"):
        own = getattr(cohort, name).copy()
        own[:, FIRST_DOSE:] = np.nan
        silent[name] = own
    return replace(cohort, **silent)


def doses_permuted(cohort: Cohort, seed: int) -> Cohort:
    """Everybody has the doses of somebody else with the same drug on record; the truth stays their own."""
    strength = cohort.strength.copy()
    for nasal in (False, True):
        members = np.flatnonzero(cohort.nasal == nasal)
        strength[members] = cohort.strength[members[others(len(members), seed)]]
    return replace(cohort, strength=strength)


def earlier_is_untouched(cohort: Cohort, asked: Origins, make: Maker, patients: int = 12) -> bool:
    """Change every patient's last scores and doses; forecasts made before are the same bits."""
    for patient in range(min(patients, cohort.size)):
        facts = facts_of(cohort, patient)
        days = asked.day[asked.patient == patient]
        if len(days) < 8:
            continue
        cut = int(days[len(days) // 2])
        last = calendar_day(cohort, patient, cut)
        changed = [_other(fact) if fact.at.date() > last else fact for fact in facts]
        origins = [calendar_day(cohort, patient, int(day)).toordinal() for day in days if day <= cut]
        whole = [calendar_day(cohort, patient, int(day)).toordinal() for day in days]
        before = make(_courses(alias(cohort, patient), facts, whole))[: len(origins)]
        after = make(_courses(alias(cohort, patient), changed, whole))[: len(origins)]
        if not np.array_equal(before, after):
            return False
    return True


def order_says_nothing(cohort: Cohort, asked: Origins, make: Maker, patients: int = 12) -> bool:
    """The same facts in another order."""
    rng = np.random.default_rng(8)
    for patient in range(min(patients, cohort.size)):
        facts = facts_of(cohort, patient)
        days = [calendar_day(cohort, patient, int(day)).toordinal() for day in asked.day[asked.patient == patient]]
        shuffled = [facts[place] for place in rng.permutation(len(facts))]
        name = alias(cohort, patient)
        if not np.array_equal(make(_courses(name, facts, days)), make(_courses(name, shuffled, days))):
            return False
    return True


def _other(fact: Fact) -> Fact:
    return fact._replace(value=0.0) if fact.kind == "score" else fact


def _courses(name: str, facts: list[Fact], days: list[int]) -> list[Course]:
    history = PatientHistory(name, facts)
    return [course for course in map(history.course, days) if course is not None]


def confidently_wrong(cdf: Floats) -> Floats:
    """Certain of one day, and that it is twice as far off as the forecast's median, and a week more."""
    return ((2 * quantile(cdf, 0.5) + 7)[:, None] <= DAYS).astype(float)


def blurred(cdf: Floats) -> Floats:
    """A third of the log-odds: every chance is drawn towards a half."""
    kept = np.clip(cdf, 1e-3, 1 - 1e-3)
    return np.asarray(1 / (1 + ((1 - kept) / kept) ** (1 / 3)))


ON_PURPOSE: Final = {"confidently wrong": confidently_wrong, "blurred": blurred}
