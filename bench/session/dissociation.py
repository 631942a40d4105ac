"""The dissociation estimate on invented people who are made otherwise than the estimator thinks.

    python -m bench.session.dissociation

Their plasma follows the same compartment models with their own clearance and volume (some of them Domino's instead of Clements'),
their effect a sigmoid with its own half-effect concentration and speed, and tolerance comes with time, not with exposure. Their
sensitivity is skewed as in the trials; it differs from day to day and wears off over the course, faster in some than in others.
They are asked CADSS-6 now and then, round, exaggerate or play down, and some answers are missing.
What is compared: the level at minutes between reports, by the estimate, by the last score carried on, and by the mean course of
a thousand other people of the same make (more than anybody has). Errors are of log(1 + level), the scale on which 2 against 6 is
as far as 20 against 42. All of it is invented: it shows that the arithmetic is right, not that patients are like this.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from math import log1p
from typing import Final

import numpy as np

from models.arrays import Floats
from models.session.dissociation import UNKNOWN_PERSON_PRIOR, DissociationBelief, DissociationPrior, DissociationReport
from models.session.pharmacokinetics import Body, DoseEvent, effect_site
from models.tables.compounds import DOMINO
from models.tables.instruments import CADSS_6_TO_CADSS

MINUTES: Final = np.arange(0.0, 181.0, 1.0)
SEED: Final = 20_261_123


@dataclass(frozen=True, slots=True)
class Session:
    """One session of one person: what was given, how far away they were at each minute, what they said."""

    person: int
    number: int
    doses: tuple[DoseEvent, ...]
    level: Floats
    reports: tuple[DissociationReport, ...]


def people(count: int, sessions: int, seed: int = SEED) -> Iterator[list[Session]]:
    """So many people with so many sessions each."""
    for person in range(count):
        rng = np.random.default_rng([seed, person])
        body = Body(rng.normal(78, 14), rng.lognormal(0, 0.28), rng.lognormal(0, 0.25))
        ke0, half, hill = rng.lognormal(np.log(0.25), 0.5), rng.lognormal(np.log(150), 0.25), rng.uniform(2, 4)
        tires_min, floor = rng.lognormal(np.log(45), 0.35), rng.lognormal(0, 0.9)
        wears_off = rng.normal(1 / 7, 0.06)
        by_vein, arterial = rng.random() < 0.5, rng.random() < 0.25
        manner = rng.normal(0, 0.15)
        course = []
        for number in range(sessions):
            mg = 0.5 * float(np.asarray(body.weight_kg)) if by_vein else float(rng.choice([56.0, 84.0]))
            dose = (
                DoseEvent("ketamine", "iv", 0, mg, 40) if by_vein else DoseEvent("esketamine", "intranasal", 0, mg, 10)
            )
            if by_vein and rng.random() < 0.06:
                dose = dose.stopped(float(rng.uniform(12, 35)))
            model = DOMINO if by_vein and arterial else None
            scale = 1.0 if by_vein else 1.6
            at_site = scale * effect_site([dose], MINUTES, ke0, body, model)
            effect = at_site**hill / (half**hill + at_site**hill)
            effect *= np.exp(-np.maximum(MINUTES - 40, 0) / tires_min)
            gain = 16 * floor * np.exp(rng.normal(0, 0.3)) * 2 ** (-min(number, 10) * wears_off)
            level = np.minimum(gain * effect, 92.0)
            asked = np.arange(rng.integers(10, 22), 181, rng.choice([15, 20, 30]))
            said = []
            for at in asked.tolist():
                if rng.random() < 0.15:
                    continue
                meant = np.expm1(np.log1p(level[at]) + manner + rng.normal(0, 0.2)) / CADSS_6_TO_CADSS
                said.append(DissociationReport(float(at), "cadss-6", float(np.clip(np.round(meant), 0, 24))))
            course.append(Session(person, number, (dose,), level, tuple(said)))
        yield course


def mean_course(seed: int = SEED + 1, count: int = 1000) -> dict[str, Floats]:
    """The mean log(1 + level) at each minute of first to fourth sessions of other people, by drug."""
    found: dict[str, list[Floats]] = {"ketamine": [], "esketamine": []}
    for course in people(count // 2, 2, seed):
        for session in course:
            found[session.doses[0].drug].append(np.log1p(session.level))
    return {drug: np.mean(each, axis=0) for drug, each in found.items()}


@dataclass(frozen=True, slots=True)
class Scores:
    """Root mean square errors of log(1 + level), the share of levels in the 80 % interval, the error of when it is over."""

    estimate: float
    last_score: float
    mean_course: float
    inside: float
    inside_away: float
    probability_of_over: float
    over_last_score: float
    over_min: float
    asked: int

    def lines(self) -> list[str]:
        """As rows of a table."""
        return [
            f"| root mean square error of log(1 + level) | {self.estimate:.3f} | {self.last_score:.3f} | {self.mean_course:.3f} |",
            f"| Brier score of “at most 4 now” | {self.probability_of_over:.3f} | {self.over_last_score:.3f} | |",
            f"| level inside the 80 % interval | {self.inside:.1%} | | |",
            f"| the same, while level or estimate is above 2 | {self.inside_away:.1%} | | |",
            f"| median error of the time at which it is over, asked at minute 45 | {self.over_min:.0f} min | | |",
        ]


def score(courses: list[list[Session]], usual: dict[str, Floats], *, carries: bool = True) -> Scores:
    """The estimate, from each report's own past only, against the two simple rules."""
    errors: list[tuple[float, float, float]] = []
    inside, away_inside, briers, over_min = [], [], [], []
    for course in courses:
        prior: DissociationPrior = UNKNOWN_PERSON_PRIOR
        for session in course:
            # Off the reports' minutes, of which an estimate made there would know the answer.
            for at in range(7, 160, 13):
                past = [report for report in session.reports if report.at_min < at]
                found = DissociationBelief(session.doses, past, prior).at(at)
                true = float(session.level[at])
                last = past[-1].value * CADSS_6_TO_CADSS if past else 0.0
                z = log1p(true)
                errors.append((log1p(found.level) - z, log1p(last) - z, float(usual[session.doses[0].drug][at]) - z))
                # An interval may be as narrow as nothing where somebody is back: half a point is no miss.
                inside.append(found.low - 0.5 <= true <= found.high + 0.5)
                if max(true, found.level) > 2:
                    away_inside.append(found.low <= true <= found.high)
                briers.append(((found.resolved - (true <= 4)) ** 2, (float(last <= 4) - (true <= 4)) ** 2))
            whole = DissociationBelief(
                session.doses, [report for report in session.reports if report.at_min <= 45], prior
            )
            away = np.flatnonzero(session.level > 4)
            if away.size and away[-1] > 45:
                over_min.append(abs((whole.resolves_min(45) or 45.0) - float(away[-1] + 1)))
            if carries:
                prior = DissociationBelief(session.doses, session.reports, prior).next_prior()
    rms = np.sqrt(np.mean(np.square(errors), axis=0))
    brier = np.mean(briers, axis=0)
    return Scores(
        float(rms[0]), float(rms[1]), float(rms[2]), float(np.mean(inside)), float(np.mean(away_inside)), float(brier[0]), float(brier[1]),
        float(np.median(over_min)), len(errors),
    )  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.session.dissociation", description="The dissociation estimate."
    )
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--sessions", type=int, default=8)
    options = parser.parse_args()
    courses, usual = list(people(options.people, options.sessions)), mean_course()
    found = score(courses, usual)
    print(
        f"{options.people} people, {options.sessions} sessions each, {found.asked:,} minutes asked for; seed {SEED}\n"
    )
    print("| | estimate | last score | mean course |\n|---|---:|---:|---:|")
    print("\n".join(found.lines()))
    alone = score(courses, usual, carries=False)
    print(f"\nWithout memory of earlier sessions: {alone.estimate:.3f}, {alone.inside:.1%} inside")


if __name__ == "__main__":
    main()
