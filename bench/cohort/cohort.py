"""An invented cohort of patients under maintenance treatment, with the exact truth beside what they report.

`python -m bench.cohort.cohort --family F1 --patients 300 --seed 1 --out F1.ndjson --truth F1-truth.ndjson`

Two screening weeks, induction (intravenous ketamine six times in two weeks, or intranasal esketamine eight times in
four), then 30 weeks under a policy. The truth R(t) is exact: severity's own path with no dose after t and the same
further life. Everything follows from the seed; a policy cannot change a patient's luck (`chance.py`).
Bad at: being a real patient. Absolute numbers depend on the invented families; the order of methods carries over.
Cost: about 1 s for 300 patients. Never here: forecasts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.cohort import reports
from bench.cohort.chance import DOSES, Chance, draw
from bench.cohort.days import (
    DAYS,
    FIRST_DOSE,
    HORIZON,
    IV_DAYS,
    NASAL_DAYS,
    PATH,
    SCREEN_DAYS,
    SETTLED_DAYS,
    WEEKS,
    Cohort,
    Origins,
)
from bench.cohort.families import AS_PUBLISHED, FAMILIES, Variety
from bench.cohort.policies import NOTHING_BOOKED, Book, Mixed, Policy, on_phq9_scale
from models.arrays import Flags, Floats, Ints

Making = Callable[[Chance], Policy]


def simulate(
    family: str,
    patients: int,
    seed: int,
    *,
    variety: Variety = AS_PUBLISHED,
    habits: reports.Habits = reports.STANDARD,
    policy: Making | None = None,
    first: int = 0,
    responders: bool = True,
) -> Cohort:
    """Let the cohort live through induction and 30 weeks.

    Args:
        family: a key of `FAMILIES`.
        patients: how many.
        seed: of everything.
        variety: how far the bodies stray from the family (training only).
        habits: how they report.
        policy: makes a rule for all of them; §4's mix if not given.
        first: number of the first patient.
        responders: only those whose last score of the induction is below tau go on to maintenance, as in a clinic (some of
            them are ill all the same: a score is noisy); else everybody, with 22 % poor responders among them.
    """
    numbers: list[int] = []
    while len(numbers) < patients:
        more = max(8, 2 * (patients - len(numbers)))
        batch = np.arange(first, first + more)
        first += more
        kept = (
            _improved(_lived(family, seed, batch, draw(family, seed, batch.tolist(), PATH), variety, habits, None, 0))
            if responders
            else np.ones(more, dtype=bool)
        )
        numbers += batch[kept].tolist()
    chance = draw(family, seed, numbers[:patients], PATH)
    return _lived(family, seed, np.array(numbers[:patients]), chance, variety, habits, policy, WEEKS)


def _improved(cohort: Cohort) -> Flags:
    """Whose last score by the end of induction, of whatever instrument, is below tau; MADRS counts half."""
    last = np.full(cohort.size, np.nan)
    score = on_phq9_scale(cohort.reporting.weekly[:, None], cohort.score)
    for day in range(FIRST_DOSE, int(cohort.induction_end.max()) + 1):
        during = day <= cohort.induction_end
        for seen in (cohort.madrs[:, day] / 2, score[:, day]):
            last = np.where(during & ~np.isnan(seen), seen, last)
    return np.asarray(np.isnan(last) | (last < cohort.tau))


def relived(cohort: Cohort, chance: Chance) -> Cohort:
    """The same patients on the same doses with other luck: what an oracle may know is what `chance` has of the original."""
    replayed = Replayed(cohort.strength)
    return _lived(
        cohort.family, cohort.seed, cohort.numbers, chance, AS_PUBLISHED, reports.STANDARD, lambda _: replayed, WEEKS
    )


@dataclass(frozen=True, slots=True)
class Replayed:
    """The policy that gives the doses that were given."""

    strength: Floats

    def book(self, book: Book, booked: Ints) -> Ints:
        # A day after the last without a dose, so that the last day has a morrow.
        later = np.pad(self.strength[:, book.day + 1 :] > 0, ((0, 0), (0, 1)))
        return np.where(later.any(axis=1), book.day + 1 + later.argmax(axis=1), NOTHING_BOOKED)


def _lived(
    family: str,
    seed: int,
    numbers: Ints,
    chance: Chance,
    variety: Variety,
    habits: reports.Habits,
    policy: Making | None,
    weeks: int,
) -> Cohort:
    n, everyone = len(numbers), np.arange(len(numbers))
    days = DAYS if weeks else NASAL_DAYS[-1] + 1
    body, reporting = FAMILIES[family](chance, variety), reports.reporting_of(chance, habits)
    mixed = Mixed(chance)
    rule: Policy = mixed if policy is None else policy(chance)
    nasal = chance.uniform[:, 30] < 0.4
    induction = np.zeros((n, DAYS), dtype=bool)
    induction[np.ix_(~nasal, np.array(IV_DAYS))] = True
    induction[np.ix_(nasal, np.array(NASAL_DAYS))] = True
    courses = np.where(nasal, len(NASAL_DAYS), len(IV_DAYS))
    end = np.where(nasal, NASAL_DAYS[-1], IV_DAYS[-1])
    usual = np.where(nasal & (chance.uniform[:, 31] < 0.3), 0.85, 1.0)
    nothing = np.full((4, n, DAYS), np.nan)
    cohort = Cohort(
        family, seed, numbers, chance, body, reporting, nasal, mixed.kind if policy is None else np.full(n, -1),
        severity=nothing[0], strength=np.zeros((n, DAYS)), score=nothing[1], mood=nothing[2], madrs=nothing[3],
        asked=np.zeros((n, DAYS), dtype=bool), tau=np.full(n, 10.0), after=np.zeros((n, DOSES)), last_day=end + 7 * weeks,
    )  # fmt: skip
    severity, strength, score, tau, after = cohort.severity, cohort.strength, cohort.score, cohort.tau, cohort.after
    number, last = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    booked = np.full(n, NOTHING_BOOKED)
    for day in range(days):
        left = body.remaining(everyone, np.maximum(number, 1), (day - last)[:, None].astype(float))[:, 0]
        effect = np.where(number > 0, after[everyone, number] * left, 0.0)
        severity[:, day] = np.clip(body.untreated[:, day] - effect, 0, 27)
        if day == FIRST_DOSE:
            tau[:] = _tau(score[:, :day], reporting)
        ill = severity[:, day] >= tau
        screen = (day == SCREEN_DAYS[1]) & (reporting.screens >= 1) | (day == SCREEN_DAYS[0]) & (reporting.screens >= 2)
        weekly = (day > FIRST_DOSE) & ((day - reporting.offset) % reporting.cadence == 0)
        cohort.asked[:, day] = weekly
        given = screen | weekly & reports.answered(reporting, chance, day, ill)
        score[:, day] = np.where(given, reports.questionnaire(reporting, chance, day, severity), np.nan)
        cohort.mood[:, day] = reports.mood(reporting, chance, day, severity, ill)
        going = day <= cohort.last_day
        treated = (induction[:, day] | (booked == day) & (day > end)) & going & (number < DOSES - 1)
        first = np.where(nasal, 0.85, 1.0)
        strength[:, day] = np.where(treated, np.where(number == 0, np.minimum(usual, first), usual), 0.0)
        cohort.madrs[:, day] = np.where(treated, reports.madrs(reporting, chance, day, severity), np.nan)
        gained = effect + strength[:, day] * body.gain * np.maximum(body.top - effect, 0)
        number = number + treated
        after[everyone, number] = np.where(treated, gained, after[everyone, number])
        last = np.where(treated, day, last)
        booked = np.where(booked <= day, NOTHING_BOOKED, booked)
        now = Book(
            day,
            number,
            last,
            strength[:, day],
            score[:, day],
            cohort.madrs[:, day],
            tau,
            reporting.weekly,
            courses,
            cohort,
        )
        booked = np.where((day >= end) & going, rule.book(now, booked), NOTHING_BOOKED)
    return cohort


def _tau(screening: Floats, reporting: reports.Reporting) -> Floats:
    """§3: half the mean of the screening scores, at least 10; other instruments on the PHQ-9 scale; 10 without any."""
    counts = np.sum(~np.isnan(screening), axis=1)
    total = np.nansum(on_phq9_scale(reporting.weekly[:, None], screening), axis=1)
    return np.asarray(np.maximum(10.0, 0.5 * total / np.maximum(counts, 1)))


def due(cohort: Cohort, patient: Ints, day: Ints) -> Ints:
    """R: days until the first day from which severity stays at or over tau for a week on average; 85 is beyond."""
    treated = cohort.strength > 0
    order = np.where(treated, np.arange(DAYS), -1)
    last = np.maximum.accumulate(order, axis=1)[patient, day]
    number = np.cumsum(treated, axis=1, dtype=np.int64)[patient, day]
    ahead = np.arange(HORIZON + 7)
    left = cohort.body.remaining(patient, np.maximum(number, 1), (day - last)[:, None] + ahead[None, :].astype(float))
    effect = np.where(number > 0, cohort.after[patient, number], 0.0)[:, None] * left
    path = np.clip(cohort.body.untreated[patient[:, None], day[:, None] + ahead] - effect, 0, 27)
    tau = cohort.tau[patient][:, None]
    week = np.cumsum(np.pad(path, ((0, 0), (1, 0))), axis=1)
    mean = (week[:, 7:] - week[:, :-7]) / 7
    crossed = (path[:, : HORIZON + 1] >= tau) & (mean[:, : HORIZON + 1] >= tau)
    return np.where(crossed.any(axis=1), crossed.argmax(axis=1), HORIZON + 1)


def origins(cohort: Cohort, every: int = 7) -> Origins:
    """What is scored: weekly check-in days, answered or not, at least 2 days after the last dose, after induction."""
    days = np.arange(DAYS)
    treated = cohort.strength > 0
    last = np.maximum.accumulate(np.where(treated, days, -1), axis=1)
    since = days - last
    scheduled = (days[None, :] - cohort.reporting.offset[:, None]) % every == 0
    follows = (days > cohort.induction_end[:, None]) & (days <= cohort.last_day[:, None])
    patient, day = np.nonzero(scheduled & follows & (since >= SETTLED_DAYS))
    number = np.cumsum(treated, axis=1, dtype=np.int64)[patient, day]
    return Origins(
        patient=patient,
        day=day,
        due=due(cohort, patient, day),
        since=since[patient, day],
        number=number,
        further=number - np.where(cohort.nasal, len(NASAL_DAYS), len(IV_DAYS))[patient],
        answered=~np.isnan(cohort.score[patient, day]),
        policy=cohort.policy[patient],
        severity=cohort.severity[patient, day],
    )
