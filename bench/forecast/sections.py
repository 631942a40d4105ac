"""The scorecard's sections, each a function of how much to do: scores, baselines, splits, controls; trials are in `trials.py`.

Never here: the scores' formulas (`scores.py`), tables and plots (`report.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

import numpy as np

from bench.cohort.cohort import origins, simulate
from bench.cohort.families import KEPT_APART, SCORED
from bench.cohort.policies import KINDS
from bench.cohort.reports import MIXED
from bench.forecast import baselines, controls, oracles
from bench.forecast.gather import Gathered, Wanted, courses_of, gather
from bench.forecast.leave_out import Bench, answers, in_family, left_out_once, looked_up, maker, reference_of
from bench.forecast.report import (
    HEADS,
    Section,
    Target,
    fans,
    histogram,
    mean_of,
    missed,
    reliability,
    row_of,
    table,
    targets_table,
)
from bench.forecast.scores import DAYS, Scores, crps, patients_drawn, pit, score
from bench.forecast.trials import closed_loop, real_data, same_by_command
from models.arrays import Floats

BOOTSTRAP: Final = 200


@cache
def scored(bench: Bench, family: str, seed: int) -> Gathered:
    return gather(Wanted(family, bench.patients, seed), bench.folder)


def reference(bench: Bench, family: str, seed: int, found: Gathered) -> Floats:
    """Learnt on the other three families with the same seed, like everything else that is learnt."""
    return looked_up(reference_of([scored(bench, other, seed) for other in SCORED if other != family]), found)


def scores(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """Leave one family out: the pool, the filter alone, what is attainable; targets."""
    kinds = ("pool", "filter alone", "in family (attainable)")
    all_of: dict[str, list[Scores]] = {kind: [] for kind in kinds}
    by_family: dict[str, list[Scores]] = {}
    rows, intervals, curves, hists = [], [], {}, {}
    for family in SCORED:
        u, p, happened = [], [], []
        for seed in seeds:
            found = scored(bench, family, seed)
            against = reference(bench, family, seed, found)
            cdfs = {
                "pool": answers(left_out_once(bench, family), found),
                "filter alone": found.cdf,
                "in family (attainable)": answers(in_family(family, bench, seed), found),
            }
            for kind, cdf in cdfs.items():
                all_of[kind].append(score(cdf, found.due, against, seed))
            by_family.setdefault(family, []).append(all_of["pool"][-1])
            u.append(pit(cdfs["pool"], found.due, seed))
            p.append(cdfs["pool"][:, 14])
            happened.append(found.due <= 14)
            intervals.append((found, crps(cdfs["pool"], found.due), crps(against, found.due)))
        rows += [row_of(f"{family}, {kind}", mean_of(all_of[kind][-len(seeds) :])) for kind in kinds]
        curves[family] = (np.concatenate(p), np.concatenate(happened))
        hists[family] = np.concatenate(u)
    rows += [row_of(f"**mean, {kind}**", mean_of(all_of[kind])) for kind in kinds]
    if write:
        reliability("calibration-14d", curves)
        histogram("pit", hists)
        example = scored(bench, "F1", seeds[0])
        told = answers(left_out_once(bench, "F1"), example)
        some = [int(np.flatnonzero(example.due == due)[3]) for due in (0, 5, 12, 25, 45)]
        fans(
            "examples",
            DAYS.astype(float),
            [(f"origin {n + 1}", told[row], int(example.due[row])) for n, row in enumerate(some)],
        )
    mean, own = mean_of(all_of["pool"]), mean_of(all_of["in family (attainable)"])
    targets = [
        Target("mean CRPS skill over the reference", mean.skill, low=0.34),
        Target("AUROC, due within 14 days", mean.auroc_14, low=0.90),
        Target("Brier, due within 14 days", mean.brier_14, high=0.125),
        Target("ECE, due within 14 days", mean.ece_14, high=0.05),
        Target("80 % intervals cover, mean", mean.cover, 0.78, 0.82),
        *(
            Target(f"80 % intervals cover, {family}", mean_of(parts).cover, 0.72, 0.88)
            for family, parts in by_family.items()
        ),
        Target("share of the attainable skill", mean.skill / own.skill, low=0.86),
    ]
    low, high = _interval(intervals, len(seeds))
    text = f"{targets_table(targets)}\n\nMean skill {mean.skill:.3f}; 95 % of bootstraps over patients lie in {low:.3f} – {high:.3f}.\n\n{table(HEADS, rows)}"
    return Section("Leave one family out", text, missed(targets))


def _interval(parts: Sequence[tuple[Gathered, Floats, Floats]], seeds: int) -> tuple[float, float]:
    """Of the mean skill, resampling whole patients in every cohort."""
    means = []
    for repetition in range(BOOTSTRAP):
        skills = []
        for place, (found, mine, reference_crps) in enumerate(parts):
            rows = patients_drawn(found.patient, repetition, place)
            skills.append(1 - mine[rows].mean() / reference_crps[rows].mean())
        means.append(np.mean(skills))
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def compared(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """Baselines and oracles beside the pool, on the first seed."""
    seed, size = seeds[0], min(bench.patients, 150)
    samples = {}
    for family in SCORED:
        cohort = simulate(family, size, seed)
        samples[family] = baselines.Sample(cohort, origins(cohort))
    found: dict[str, list[Scores]] = {}
    for family, sample in samples.items():
        training = [samples[other] for other in SCORED if other != family]
        against = baselines.reference(training)(sample)
        mine = gather(Wanted(family, size, seed), bench.folder)
        cdfs: dict[str, Floats] = {
            "reference, given days since the dose": against,
            **{name: model(sample) for name, model in baselines.FAMILIAR.items()},
            "Holt": baselines.extrapolation(baselines.holt, training)(sample),
            "straight line": baselines.extrapolation(baselines.line, training)(sample),
            "Kalman level with dose input": baselines.kalman(training)(sample),
            "log-normal survival": baselines.log_normal(training)(sample),
            "filter alone": mine.cdf,
            "pool": answers(left_out_once(bench, family), mine),
            "in family (attainable)": answers(in_family(family, bench, seed), mine),
            "oracle: knows the patient's constants": oracles.traits(sample.cohort, sample.origins),
            "oracle: knows today's true state": oracles.state(sample.cohort, sample.origins, 20),
        }
        for name, cdf in cdfs.items():
            found.setdefault(name, []).append(score(cdf, sample.origins.due, against, seed))
    rows = [row_of(name, mean_of(parts)) for name, parts in found.items()]
    text = f"Means over F1-F4, {size} patients each, seed {seed}; whatever learns, learns on the other three families.\n\n{table(HEADS, rows)}"
    return Section("Beside simpler and better informed forecasts", text)


def split(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """By cycle, policy, answer, and for patients not yet due; families kept apart; other inputs."""
    parts: dict[str, list[Scores]] = {}
    for family in SCORED:
        for seed in seeds:
            found = scored(bench, family, seed)
            cdf, against = answers(left_out_once(bench, family), found), reference(bench, family, seed, found)
            cuts = {
                **{f"cycle {n}": found.further == n for n in (0, 1, 2)},
                "cycle 3 and later": found.further >= 3,
                **{kind: found.policy == place for place, kind in enumerate(KINDS)},
                "check-in answered": found.answered,
                "check-in missed": ~found.answered,
                "not yet due (R > 0)": found.due > 0,
            }
            for name, rows in cuts.items():
                if rows.sum() >= 50:
                    parts.setdefault(name, []).append(score(cdf[rows], found.due[rows], against[rows], seed))
            strict = answers(left_out_once(bench, family, strict=True), found)
            parts.setdefault("all, learnt from three families only", []).append(score(strict, found.due, against, seed))
    rows = [row_of(name, mean_of(each)) for name, each in parts.items()]
    table_of_all = reference_of([scored(bench, family, seeds[0]) for family in SCORED])
    model = left_out_once(bench, "none")
    apart = [(f"{family}, never learnt from", Wanted(family, bench.patients, seeds[0])) for family in KEPT_APART]
    apart += [
        (f"{family}, poor responders too", Wanted(family, bench.patients // 2, seeds[0], responders=False))
        for family in SCORED
    ]
    apart += [
        (f"{family}, reported in all ways", Wanted(family, bench.patients // 2, seeds[0] + 50, habits=MIXED))
        for family in SCORED
    ]
    for name, wanted in apart:
        found = gather(wanted, bench.folder)
        chosen = model if wanted.family in KEPT_APART else left_out_once(bench, wanted.family)
        rows.append(row_of(name, score(answers(chosen, found), found.due, looked_up(table_of_all, found))))
    return Section("By cycle, policy and answer; other patients and inputs", table(HEADS, rows))


def controlled(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """The negative controls, F1-F4."""
    seed, size = seeds[0], min(bench.patients, 100)
    rows, targets = [], []
    skills: dict[str, list[float]] = {}
    covers: list[float] = []
    purpose: dict[str, list[Scores]] = {}
    for family in SCORED:
        cohort = simulate(family, size, seed)
        asked, model = origins(cohort), left_out_once(bench, family)
        whole = gather(Wanted(family, size, seed), bench.folder)
        against = reference(bench, family, seed, whole)
        told = answers(model, whole)
        for name, other in (
            ("scores permuted", controls.scores_permuted(cohort, seed)),
            ("dose dates only", controls.dates_only(cohort)),
        ):
            cdf = maker(model)(courses_of(other, asked))
            skills.setdefault(name, []).append(score(cdf, asked.due, against, seed).skill)
        moved = controls.doses_permuted(cohort, seed)
        courses = courses_of(moved, asked)
        treated = np.array([course.start is not None for course in courses])
        cdf = maker(model)([course for course in courses if course.start is not None])
        covers.append(score(cdf, asked.due[treated], against[treated], seed).cover)
        for name, spoil in controls.ON_PURPOSE.items():
            purpose.setdefault(name, []).append(score(spoil(told), whole.due, against, seed))
        targets.append(
            Target(
                f"{family}: earlier forecasts untouched by a later change",
                float(controls.earlier_is_untouched(cohort, asked, maker(model), 6)),
                low=1,
            )
        )
        targets.append(
            Target(
                f"{family}: order of arrival says nothing",
                float(controls.order_says_nothing(cohort, asked, maker(model), 6)),
                low=1,
            )
        )
    dates, permuted = float(np.mean(skills["dose dates only"])), float(np.mean(skills["scores permuted"]))
    targets = [
        Target("skill with scores permuted, minus that of dose dates alone", permuted - dates, high=0.02),
        Target("80 % intervals cover with dose dates permuted", float(np.mean(covers)), low=0.70),
        *targets,
    ]
    for name, parts in purpose.items():
        mean = mean_of(parts)
        rows.append(row_of(name, mean))
        fails = mean.skill < 0.34 and not 0.78 <= mean.cover <= 0.82
        targets.append(Target(f"a {name} model fails skill and coverage", float(fails), low=1))
    text = f"{targets_table(targets)}\n\nSkill with dose dates alone {dates:.3f}, with somebody else's scores {permuted:.3f}.\n\n{table(HEADS, rows)}"
    return Section("Negative controls", text, missed(targets))


SECTIONS: Final[Mapping[str, Callable[[Bench, Sequence[int], bool], Section]]] = {
    "scores": scores,
    "split": split,
    "controls": controlled,
    "loop": closed_loop,
    "real": real_data,
    "path": same_by_command,
    "baselines": compared,
}
