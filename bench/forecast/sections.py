"""The scorecard's sections, each a function of how much to do: scores, baselines, splits, controls, loop, real data, path.

Never here: the scores' formulas (`scores.py`), tables and plots (`report.py`).
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from bench.cohort import DAYS as LAST_DAY
from bench.cohort import Cohort, origins, simulate
from bench.cohort_chance import Floats
from bench.cohort_families import KEPT_APART, SCORED
from bench.cohort_policies import KINDS
from bench.cohort_records import FIRST, alias, calendar_day, lines
from bench.cohort_reports import MIXED
from bench.forecast import baselines, controls, loop, oracles, real
from bench.forecast.gather import Gathered, Wanted, courses_of, gather
from bench.forecast.leave_out import Bench, answers, in_family, left_out, looked_up, reference_of
from bench.forecast.report import Section, Target, fans, histogram, missed, reliability, table, targets_table
from bench.forecast.report import lines as drawn
from bench.forecast.scores import DAYS, Scores, crps, patients_drawn, pit, score
from models.forecaster import forecast_many
from models.history import Course
from models.pool import PoolModel, combined, pooled
from models.pool_features import rows_of

BOOTSTRAP: Final = 200
HEADS: Final = (
    "",
    "CRPS, d",
    "skill",
    "AUROC 7",
    "AUROC 14",
    "Brier 7",
    "Brier 14",
    "ECE 7",
    "ECE 14",
    "80 % covers",
    "under",
    "over",
    "width, d",
)


@cache
def models(bench: Bench, family: str, kind: str) -> PoolModel:
    """Each model is trained once a run."""
    if kind == "in family":
        return in_family(family, bench)
    return left_out(family, bench, strict=kind == "strict")


@cache
def scored(bench: Bench, family: str, seed: int) -> Gathered:
    return gather(Wanted(family, bench.patients, seed), bench.folder)


def reference(bench: Bench, family: str, seed: int, found: Gathered) -> Floats:
    """Learnt on the other three families with the same seed, like everything else that is learnt."""
    return looked_up(reference_of([scored(bench, other, seed) for other in SCORED if other != family]), found)


def row_of(name: str, s: Scores) -> tuple[str, ...]:
    return (
        name,
        f"{s.crps:.2f}",
        *(
            f"{value:.3f}"
            for value in (
                s.skill,
                s.auroc_7,
                s.auroc_14,
                s.brier_7,
                s.brier_14,
                s.ece_7,
                s.ece_14,
                s.cover,
                s.low,
                s.high,
            )
        ),
        f"{s.width:.0f}",
    )


def mean_of(parts: Sequence[Scores]) -> Scores:
    """The plain mean over families (and seeds)."""
    return Scores(
        *(type(getattr(parts[0], name))(np.mean([getattr(part, name) for part in parts])) for name in Scores.__slots__)
    )


def scores(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """Leave one family out: the pool, the filter alone, what is attainable; targets."""
    kinds = ("pool", "filter alone", "pool, learnt from three families only", "in family (attainable)")
    all_of: dict[str, list[Scores]] = {kind: [] for kind in kinds}
    by_family: dict[str, list[Scores]] = {}
    rows, intervals, curves, hists = [], [], {}, {}
    for family in SCORED:
        u, p, happened = [], [], []
        for seed in seeds:
            found = scored(bench, family, seed)
            against = reference(bench, family, seed, found)
            cdfs = {
                "pool": answers(models(bench, family, "wide"), found),
                "filter alone": found.cdf,
                "pool, learnt from three families only": answers(models(bench, family, "strict"), found),
                "in family (attainable)": answers(models(bench, family, "in family"), found),
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
        told = answers(models(bench, "F1", "wide"), example)
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
            "pool": answers(models(bench, family, "wide"), mine),
            "in family (attainable)": answers(models(bench, family, "in family"), mine),
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
            cdf, against = answers(models(bench, family, "wide"), found), reference(bench, family, seed, found)
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
    rows = [row_of(name, mean_of(each)) for name, each in parts.items()]
    table_of_all = reference_of([scored(bench, family, seeds[0]) for family in SCORED])
    model = models(bench, "none", "wide")
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
        chosen = model if wanted.family in KEPT_APART else models(bench, wanted.family, "wide")
        rows.append(row_of(name, score(answers(chosen, found), found.due, looked_up(table_of_all, found))))
    return Section("By cycle, policy and answer; other patients and inputs", table(HEADS, rows))


def maker(model: PoolModel) -> controls.Maker:
    """Filter and this pool, from courses."""

    def make(courses: list[Course]) -> Floats:
        made = forecast_many(courses)
        return combined(rows_of(courses, made), made.cdf, model)

    return make


def controlled(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """The negative controls, F1-F4."""
    seed, size = seeds[0], min(bench.patients, 100)
    rows, targets = [], []
    skills: dict[str, list[float]] = {}
    covers: list[float] = []
    purpose: dict[str, list[Scores]] = {}
    for family in SCORED:
        cohort = simulate(family, size, seed)
        asked, model = origins(cohort), models(bench, family, "wide")
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


def closed_loop(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """Days in relapse against doses, all rules."""
    size = max(20, bench.patients // 5)
    runs = [loop.frontiers(family, size, seeds[0] + 70, models(bench, family, "wide")) for family in SCORED]
    points = loop.averaged(runs)
    per = {(point.rule, point.knob): point for point in points}
    fixed = per["fixed interval", 14.0]
    titrated = per["visit titration", 0.0]
    forecast = [point for point in points if point.rule == "forecast"]
    against_fixed = 1 - loop.at_doses(forecast, "forecast", fixed.doses) / fixed.ill
    middle = float(
        np.mean(
            [
                loop.at_doses(forecast, "forecast", point.doses) / point.ill
                for point in points
                if point.rule == "visit titration"
                and min(f.doses for f in forecast) <= point.doses <= max(f.doses for f in forecast)
            ]
        )
    )
    against_titration = 1 - middle
    if write:
        rules = ("fixed interval", "visit titration", "forecast")
        drawn(
            "closed-loop",
            {
                rule: ([p.doses for p in points if p.rule == rule], [p.ill for p in points if p.rule == rule])
                for rule in rules
            },
            "doses in 180 days",
            "days in relapse in 180",
        )
    targets = [
        Target("fewer days in relapse than every 14 days, same doses", against_fixed, low=0.20),
        Target("fewer than visit titration, same doses", against_titration, low=0.12),
    ]
    rows = [(point.rule, f"{point.knob:g}", f"{point.doses:.1f}", f"{point.ill:.1f}") for point in points]
    text = f"{targets_table(targets)}\n\n{size} patients of each family, the same lives under every rule; titration at its own limit: {titrated.doses:.1f} doses, {titrated.ill:.1f} days.\n\n{table(('rule', 'knob', 'doses / 180 d', 'days ill / 180 d'), rows)}"
    return Section("Closed loop", text, missed(targets))


def real_data(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """Two diaries through the noise layer."""
    if not real.DATA.is_dir():
        return Section("Real diaries", f"not measured: no recordings at {real.DATA} (set CHAIRSIDE_DATA)")
    rows, targets = [], []
    for name, diaries in (("kossakowski, `down`", real.kossakowski()), ("digibp_mood", real.digibp())):
        cover, under, over, count = real.coverage(diaries)
        rows.append((name, f"{len(diaries)}", f"{count}", f"{cover:.3f}", f"{under:.3f}", f"{over:.3f}"))
        targets.append(Target(f"one-step coverage, {name}", cover, 0.75, 0.85))
    return Section(
        "Real diaries",
        f"{targets_table(targets)}\n\n{table(('diary', 'people', 'reports', '80 % covers', 'under', 'over'), rows)}",
        missed(targets),
    )


def same_by_command(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """`chairside forecast --every 7 --cdf` on a cohort's lines gives the numbers of the fast route."""
    worst, count = difference(simulate("F1", 8, seeds[0]))
    targets = [Target("largest difference between the command and the fast route", worst, high=1e-5)]
    return Section("The real path", f"{targets_table(targets)}\n\n{count} forecasts of 8 patients.", missed(targets))


def difference(cohort: Cohort) -> tuple[float, int]:
    """The largest difference in any cdf between `chairside forecast` on the lines and the in-memory route."""
    from deploy.forecast import Patients, Question, forecasts

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cohort.ndjson"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines(cohort)), "utf-8")
        patients = Patients()
        with contextlib.redirect_stderr(io.StringIO()):
            patients.read(path, print)
    first = FIRST.toordinal() + 40
    told = {}
    for line in forecasts(patients, Question(first, first + 7 * 25, 7, 84, with_cdf=True)):
        one = json.loads(line)
        told[one["patient"], one["as_of"]] = one["cdf"]
    rows = [
        (patient, day)
        for patient in range(cohort.size)
        for day in range(LAST_DAY)
        if (alias(cohort, patient), calendar_day(cohort, patient, day).isoformat()) in told
    ]
    from bench.cohort import Origins

    patient, day = (np.array(each) for each in zip(*rows, strict=True))
    nothing = np.zeros(len(rows), dtype=np.int64)
    courses = courses_of(
        cohort, Origins(patient, day, nothing, nothing, nothing, nothing, nothing > 0, nothing, nothing.astype(float))
    )
    mine, _ = pooled(courses, forecast_many(courses))
    theirs = [told[alias(cohort, int(p)), calendar_day(cohort, int(p), int(d)).isoformat()] for p, d in rows]
    there = [place for place, each in enumerate(theirs) if each is not None]
    return float(np.abs(mine.cdf[there] - np.array([theirs[place] for place in there])).max()), len(there)


SECTIONS: Final[Mapping[str, Callable[[Bench, Sequence[int], bool], Section]]] = {
    "scores": scores,
    "split": split,
    "controls": controlled,
    "loop": closed_loop,
    "real": real_data,
    "path": same_by_command,
    "baselines": compared,
}
