"""The pressure forecast against the two simple rules, looking forward: `python -m bench.session.pressure`.

At every cuff that is followed by another within the horizon it is asked how likely one of those shows 180/110 or more. Nothing is
left out: not the cuffs that are past it already, not those near it (leaving them out flattered published predictors). The rules
are the last value and the line through the last two, each turned into a chance by a logistic regression on the same half of the
stays, drawn once, that the model was fitted on (of the invented sessions: on half of them, on which the model was not). In the
recordings the model knows no more than cuffs: nobody was given ketamine there. "Not past it yet": only where the last cuff was
not. Intervals: 200 times stays (or people) drawn again with replacement.

The sessions with ketamine are invented here, otherwise than the model thinks: rises are skewed and have a speed of their own, the
pressure jumps now and then, cuffs come at irregular times. They show that the drug's part does what it should, no more.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bench.recorded import DATA
from models.arrays import Flags, Floats
from models.session.pharmacokinetics import Body, DoseEvent, effect_site
from models.session.pressure import ANYBODY, HORIZONS_MIN, chances_of, pressure_drive, rise_of

CUFFS: Final = DATA / "eicu_nibp"
SEED: Final = 20_261_124
KEPT: Final = 8
STEPS: Final = np.arange(2.5, 20.1, 2.5)


@dataclass(frozen=True, slots=True)
class Stay:
    """Cuffs of one stay or session, (n, 3): minute, systolic, diastolic; `pressure_drive` of its doses is asked of `pushed`."""

    cuffs: Floats
    pushed: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions: cuffs known (N, K, 3), minutes against now; push then and ahead; what came (N,); whose (N,)."""

    cuffs: Floats
    pushed: Floats
    ahead: Floats
    came: Flags
    whose: NDArray[np.int64]


def recorded() -> list[Stay]:
    """The stays of eicu_nibp with more than five cuffs that can be true."""
    rows: dict[str, set[tuple[float, float, float]]] = defaultdict(set)
    with gzip.open(CUFFS / "vitalaperiodic.csv.gz", "rt") as file:
        for line in csv.DictReader(file):
            try:
                minute, sbp, dbp = (
                    float(line[name]) for name in ("observationoffset", "noninvasivesystolic", "noninvasivediastolic")
                )
            except ValueError:
                continue
            if 50 <= sbp <= 260 and 20 <= dbp <= 160 and sbp - dbp >= 10:
                rows[line["patientunitstayid"]].add((minute, sbp, dbp))
    found = []
    for stay in sorted(rows):
        cuffs = np.array(sorted(rows[stay]))
        cuffs = cuffs[np.concatenate([[True], np.diff(cuffs[:, 0]) > 0])]
        if len(cuffs) > 5:
            found.append(Stay(cuffs, np.zeros_like))
    return found


def invented(count: int, seed: int = SEED) -> list[Stay]:
    """Sessions with ketamine or esketamine, one a person."""
    found = []
    for person in range(count):
        rng = np.random.default_rng([seed, 7, person])
        body = Body(rng.normal(78, 14), rng.lognormal(0, 0.28), rng.lognormal(0, 0.25))
        by_vein = rng.random() < 0.5
        dose = DoseEvent("ketamine", "iv", 0, 39, 40) if by_vein else DoseEvent("esketamine", "intranasal", 0, 84, 10)
        minutes = np.arange(-30.0, 150.0)
        at_site = effect_site([dose], minutes, rng.lognormal(np.log(0.2), 0.5), body)
        shape = at_site / at_site.max() * np.exp(-np.maximum(minutes - 40, 0) / rng.lognormal(np.log(70), 0.4))
        # Mean 16, SD 11, skewed (Yale 2024); one in fifty much more: severe rises are seen in 1 % of sessions, 12 % of people.
        rise = rng.gamma(2.1, 7.6) * (2.5 if rng.random() < 0.02 else 1.0)
        sbp = rng.normal(130, 14) + rise * shape
        dbp = rng.normal(79, 9) + 0.65 * rise * shape
        for size_sbp, size_dbp, apart in ((4.0, 3.0, 6), (5.0, 3.0, 40)):
            knots = rng.normal(0, 1, (2, len(minutes) // apart + 3))
            at = minutes / apart + rng.random() + 30 / apart
            sbp += size_sbp * np.interp(at, np.arange(knots.shape[1]), knots[0])
            dbp += size_dbp * np.interp(at, np.arange(knots.shape[1]), knots[1])
        if rng.random() < 0.1:
            start = int(rng.integers(30, 150))
            sbp[start : start + 15] += rng.uniform(10, 40)
        minute, taken = -10.0, []
        while minute < 149:
            taken.append(int(minute + 30))
            minute += float(rng.choice([5, 10, 10, 15])) + float(rng.normal(0, 0.7))
        noise = rng.normal(0, (5, 4), (len(taken), 2)) * np.where(rng.random((len(taken), 1)) < 0.05, 2.5, 1)
        cuffs = np.column_stack([minutes[taken], np.round(np.column_stack([sbp, dbp])[taken] + noise)])
        doses = (dose,)
        usual = Body(body.weight_kg)
        found.append(Stay(cuffs, lambda at_min, doses=doses, usual=usual: pressure_drive(doses, at_min, usual)))  # type: ignore[misc]  # mypy infers no type for a default argument
    return found


def ask(stays: Sequence[Stay], horizon_min: float) -> Asked:
    """Every cuff that is followed by another within the horizon."""
    cuffs, pushed, ahead, came, whose = [], [], [], [], []
    for number, stay in enumerate(stays):
        minute = stay.cuffs[:, 0]
        high = (stay.cuffs[:, 1] >= 180) | (stay.cuffs[:, 2] >= 110)
        then, later = stay.pushed(minute), stay.pushed(minute[:, None] + STEPS)
        for i, until in enumerate(np.searchsorted(minute, minute + horizon_min, side="right").tolist()):
            if until == i + 1:
                continue
            known = np.full((KEPT, 3), np.nan)
            mine = stay.cuffs[max(0, i - KEPT + 1) : i + 1]
            mine = mine[minute[i] - mine[:, 0] <= 240]
            known[KEPT - len(mine) :] = mine
            known[:, 0] = np.nan_to_num(known[:, 0] - minute[i])
            before = np.zeros(KEPT)
            before[KEPT - len(mine) :] = then[i + 1 - len(mine) : i + 1]
            cuffs.append(known)
            pushed.append(before)
            ahead.append(later[i])
            came.append(bool(high[i + 1 : until].any()))
            whose.append(number)
    return Asked(np.array(cuffs), np.array(pushed), np.array(ahead), np.array(came), np.array(whose))


def margin(sbp: Floats, dbp: Floats) -> Floats:
    """How far past 180/110, in fifteen mmHg of systolic pressure."""
    return np.maximum((sbp - 180) / 15, (dbp - 110) / (15 * 110 / 180))


def last_value(asked: Asked, _: float) -> Floats:
    return margin(asked.cuffs[:, -1, 1], asked.cuffs[:, -1, 2])


def line_through_two(asked: Asked, horizon_min: float) -> Floats:
    last, before = asked.cuffs[:, -1], asked.cuffs[:, -2]
    slope = np.nan_to_num((last[:, 1:] - before[:, 1:]) / np.maximum(last[:, :1] - before[:, :1], 1))
    at = last[:, 1:] + slope * horizon_min
    return margin(at[:, 0], at[:, 1])


def modelled(asked: Asked, horizon_min: float) -> Floats:
    """The model's chance."""
    factor = np.full(len(asked.came), rise_of(ANYBODY))
    chances, _ = chances_of(asked.cuffs[:, :, 0], asked.cuffs[:, :, 1:], asked.pushed, asked.ahead, factor)
    return chances[:, HORIZONS_MIN.index(horizon_min)]


RULES: Final = {"last value": last_value, "line through two": line_through_two}


@dataclass(frozen=True, slots=True)
class Score:
    """Brier score, area under the ROC curve, log score (nats), and error of the calibration in ten bins of equal size."""

    brier: float
    auroc: float
    log: float
    calibration: float


def score(chance: Floats, came: Flags) -> Score:
    chance = np.clip(chance, 1e-4, 1 - 1e-4)
    order = np.array_split(np.argsort(chance), 10)
    off = [abs(float(chance[one].mean() - came[one].mean())) * len(one) for one in order if len(one)]
    return Score(
        float(np.mean((chance - came) ** 2)),
        float(roc_auc_score(came, chance)) if 0 < came.sum() < len(came) else float("nan"),
        float(-np.mean(np.where(came, np.log(chance), np.log(1 - chance)))),
        sum(off) / len(came),
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """Everybody's score on the same questions; `better`: 95 % intervals of how much lower the model's Brier score is."""

    questions: int
    came: float
    scores: dict[str, Score]
    better: dict[str, tuple[float, float]]


def compare(learn: Sequence[Stay], judge: Sequence[Stay], horizon_min: float, *, fresh: bool = False) -> Compared:
    """Rules learn on one part, everybody is judged on the other."""
    taught, asked = ask(learn, horizon_min), ask(judge, horizon_min)
    chances = {"model": modelled(asked, horizon_min)}
    for name, rule in RULES.items():
        fitted = LogisticRegression(C=100).fit(rule(taught, horizon_min)[:, None], taught.came)
        chances[name] = fitted.predict_proba(rule(asked, horizon_min)[:, None])[:, 1]
    chances["how often it comes"] = np.full(len(asked.came), taught.came.mean())
    among = np.ones(len(asked.came), bool)
    if fresh:
        among = (asked.cuffs[:, -1, 1] < 180) & (asked.cuffs[:, -1, 2] < 110)
    came, whose = asked.came[among], asked.whose[among]
    chances = {name: chance[among] for name, chance in chances.items()}
    squares = {name: (chance - came) ** 2 for name, chance in chances.items()}
    rng = np.random.default_rng(SEED)
    count = np.bincount(whose, minlength=len(judge))
    sums = {name: np.bincount(whose, square, len(judge)) for name, square in squares.items()}
    drawn = [rng.integers(0, len(judge), len(judge)) for _ in range(200)]
    better = {}
    for name in RULES:
        less = [float((sums[name][one] - sums["model"][one]).sum() / count[one].sum()) for one in drawn]
        better[name] = (float(np.quantile(less, 0.025)), float(np.quantile(less, 0.975)))
    return Compared(len(came), float(came.mean()), {name: score(each, came) for name, each in chances.items()}, better)


@dataclass(frozen=True, slots=True)
class Asking:
    """What asking for a cuff from some chance on comes to, where the last was not past it: shares, cuffs asked of 100."""

    found: float
    right: float
    per_hundred: float


def asking(judge: Sequence[Stay], from_chance: float) -> Asking:
    asked = ask(judge, 20.0)
    fresh = (asked.cuffs[:, -1, 1] < 180) & (asked.cuffs[:, -1, 2] < 110)
    chance, came = modelled(asked, 20.0)[fresh], asked.came[fresh]
    said = chance >= from_chance
    return Asking(float(said[came].mean()), float(came[said].mean()), 100 * float(said.mean()))


def halves(stays: Sequence[Stay]) -> tuple[list[Stay], list[Stay]]:
    """Drawn once; the model was fitted on the first."""
    order = np.random.default_rng(0).permutation(len(stays)).tolist()
    half = len(stays) // 2
    return [stays[i] for i in order[:half]], [stays[i] for i in order[half:]]


def lines(title: str, found: Compared) -> list[str]:
    """As rows of a table."""
    rows = [f"| **{title}**, {found.questions:,} questions, {found.came:.1%} came | | | | | |"]
    for name, one in found.scores.items():
        low, high = found.better.get(name, (0.0, 0.0))
        less = f"{low * 1e4:+.0f} to {high * 1e4:+.0f}" if name in found.better else ""
        rows.append(f"| {name} | {one.brier:.4f} | {one.auroc:.3f} | {one.log:.4f} | {one.calibration:.4f} | {less} |")
    return rows


def main() -> None:
    """Print the table."""
    print("| | Brier | AUROC | log score | calibration error | model's Brier lower by, ×10⁻⁴ (95 %) |")
    print("|---|---:|---:|---:|---:|---:|")
    sets = [("invented sessions", halves(invented(1600)))]
    if CUFFS.is_dir():
        sets.insert(0, ("eicu_nibp", halves(recorded())))
    for name, (learn, judge) in sets:
        for horizon_min in HORIZONS_MIN:
            for fresh in (False, True):
                title = f"{name}, {horizon_min:.0f} min{', not past it yet' if fresh else ''}"
                print("\n".join(lines(title, compare(learn, judge, horizon_min, fresh=fresh))))

    print(
        "\n| asks from a chance of | high cuffs found | of those asked, high | asked of 100 cuffs |\n|---|---:|---:|---:|"
    )
    for name, (_, judge) in sets:
        for chance in (0.15, 0.25, 0.4):
            one = asking(judge, chance)
            print(f"| {chance:.0%}, {name} | {one.found:.0%} | {one.right:.0%} | {one.per_hundred:.1f} |")


if __name__ == "__main__":
    main()
