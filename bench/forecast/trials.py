"""The scorecard's trials: the closed loop, real diaries, and the command itself.

Never here: how a rule books (`loop.py`), what a diary foresees (`real.py`).
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.cohort.cohort import simulate
from bench.cohort.days import DAYS as LAST_DAY
from bench.cohort.days import Cohort, Origins
from bench.cohort.families import SCORED
from bench.cohort.records import FIRST, alias, calendar_day, lines
from bench.forecast import loop, real
from bench.forecast.gather import courses_of
from bench.forecast.leave_out import Bench, left_out_once
from bench.forecast.report import Section, Target, missed, table, targets_table
from bench.forecast.report import lines as drawn
from bench.recorded import DATA
from deploy.cli.forecast import Patients, Question, forecast_lines
from models.relapse.forecaster import forecast_many
from models.relapse.pool import pooled
from streams.forecasts.shipped import shipped_pool


def closed_loop(bench: Bench, seeds: Sequence[int], write: bool) -> Section:
    """Days in relapse against doses, all rules."""
    size = max(20, bench.patients // 5)
    runs = [loop.frontiers(family, size, seeds[0] + 70, left_out_once(bench, family)) for family in SCORED]
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
    if not DATA.is_dir():
        return Section("Real diaries", f"not measured: no recordings at {DATA} (set CHAIRSIDE_DATA)")
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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cohort.ndjson"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines(cohort)), "utf-8")
        patients = Patients()
        with contextlib.redirect_stderr(io.StringIO()):
            patients.read(path, print)
    first = FIRST.toordinal() + 40
    told = {}
    for line in forecast_lines(patients, Question(first, first + 7 * 25, 7, 84, with_cdf=True)):
        one = json.loads(line)
        told[one["patient"], one["as_of"]] = one["cdf"]
    rows = [
        (patient, day)
        for patient in range(cohort.size)
        for day in range(LAST_DAY)
        if (alias(cohort, patient), calendar_day(cohort, patient, day).isoformat()) in told
    ]
    patient, day = (np.array(each) for each in zip(*rows, strict=True))
    nothing = np.zeros(len(rows), dtype=np.int64)
    courses = courses_of(
        cohort, Origins(patient, day, nothing, nothing, nothing, nothing, nothing > 0, nothing, nothing.astype(float))
    )
    mine, _ = pooled(courses, forecast_many(courses), shipped_pool())
    theirs = [told[alias(cohort, int(p)), calendar_day(cohort, int(p), int(d)).isoformat()] for p, d in rows]
    there = [place for place, each in enumerate(theirs) if each is not None]
    return float(np.abs(mine.cdf[there] - np.array([theirs[place] for place in there])).max()), len(there)
