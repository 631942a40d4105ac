"""The forecast as a document: the window, the probabilities, and sentences that a nurse understands.

Never a single date alone: the date itself is vague, even to a model that has seen 800 patients of the very same kind. The
document gives the whole distribution, how much of it is this patient and how much what is usual, what would sharpen it most, and
beside it what the label says of the gap between doses, which a forecast never overrides.
Never here: how the distribution comes about (`filter.py`, `due.py`), whom to alert (the ward's rules at home).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.arrays import Floats
from models.calendar import iso_day
from models.relapse.day_entries import READINGS, DayEntry
from models.relapse.due import HORIZON
from models.relapse.forecaster import Forecasts
from models.relapse.history import Course
from models.relapse.priors import CHANGE_DAYS, TREATMENT_KINDS
from models.relapse.response import response_class
from models.tables.drugs import spacing_of
from models.tables.severity import TreatmentResponse
from models.wire.live import Ahead, ForecastOut
from models.wire.observations import SpacingOut

MODEL: Final = "filter 1"
"""Name and version; a change of prior, likelihood or crossing is another version."""

QUANTILES: Final[Mapping[str, float]] = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
WITHIN: Final[Mapping[Ahead, int]] = {"7d": 7, "14d": 14, "28d": 28}
BEYOND: Final = "beyond_horizon"
DECIMALS: Final = 5
"""Of probabilities: finer than the paths they stand on, and short to read."""

OFF_DOSE_DAYS: Final = 14
"""A patient of whom no score this long after a dose is known has not shown how long a dose lasts. Chosen by us."""
MOSTLY: Final = 0.35
"""Below this share of the patient's own the forecast is called mostly population. Chosen by us: first cycles fall below it."""


def forecast_document(
    course: Course, made: Forecasts, row: int, *, model: str = MODEL, horizon: int = HORIZON, with_cdf: bool = False
) -> ForecastOut:
    """The document of one forecast, with the fields of `models.wire.live.ForecastOut`.

    Args:
        row: of the course in `made`. horizon: days beyond which a date is not said. with_cdf: all 85 numbers too.
    """
    treated = course.start is not None
    cdf = np.round(made.cdf[row], DECIMALS)
    out: ForecastOut = {
        "patient": course.patient,
        "as_of": iso_day(course.as_of),
        "due": None,
        "relapse_probability": None,
        "response": response(course, made, row),
        "severity_now": {"mean": round(float(made.mean[row]), 2), "sd": round(float(made.sd[row]), 2)},
        "model": model,
        "reasons": reasons(course, made, row),
        "due_at_severity": round(course.tau, 2),
        "basis": {"patient": 0.0, "population": 1.0},
        "sharpen": sharpen(course),
        "spacing": None,
    }
    if treated:
        p10, p50, p90 = (_date(course.as_of, cdf, level, horizon) for level in QUANTILES.values())
        out["due"] = {"p10": p10, "p50": p50, "p90": p90}
        out["relapse_probability"] = {name: float(cdf[days]) for name, days in WITHIN.items()}
        own = round(float(made.own[row]), 2)
        out["basis"] = {"patient": own, "population": round(1 - own, 2)}
        out["spacing"] = spacing(course)
    if with_cdf:
        out["cdf"] = cdf.tolist() if treated else None
    return out


def quantile(cdf: Floats, level: float) -> int | None:
    """The first day by which it is due with this probability; None: beyond the horizon."""
    reached = np.flatnonzero(cdf >= level)
    return int(reached[0]) if len(reached) else None


def _date(as_of: int, cdf: Floats, level: float, horizon: int) -> str:
    days = quantile(cdf, level)
    return BEYOND if days is None or days > horizon else iso_day(as_of + days)


def response(course: Course, made: Forecasts, row: int) -> TreatmentResponse:
    """The response class: of what was measured; by the model where no instrument has scores both before treatment and since.

    Unknown until a score after the first dose, and until doses enough for a "no".
    """
    treatments = [entry for entry in course.entries if entry.kind in TREATMENT_KINDS]
    if not treatments or not _scores(course):
        return "unknown"
    measured = course.improvement
    improvement = float(made.improved[row]) if measured is None else measured
    return response_class(improvement, len(treatments), course.as_of - treatments[0].day)


def off_dose_days(course: Course) -> int:
    """The most days after a dose at which there is a score."""
    last = course.start or 0
    longest = 0
    for entry in course.entries:
        if entry.kind in READINGS:
            longest = max(longest, entry.day - last)
        elif entry.kind in TREATMENT_KINDS:
            last = entry.day
    return longest


def reasons(course: Course, made: Forecasts, row: int) -> list[str]:
    """Sentences on why the forecast is as it is, the most important first."""
    now = f"Severity is about {made.mean[row]:.0f} ± {made.sd[row]:.0f} of 27 (PHQ-9)"
    if course.start is None:
        note = "" if course.screening else " No score is known: this is the average before treatment."
        return [f"No dose is known yet, and a due date follows from doses. {now}.{note}"]
    treatments = [entry for entry in course.entries if entry.kind in TREATMENT_KINDS]
    last = treatments[-1]
    name = {"ect": "ECT", "tms": "TMS"}.get(course.drug, course.drug)
    half = made.half_days[row]
    fades = f"half of its effect is gone after about {half[1]:.0f} days (4 in 5 times {half[0]:.0f} to {half[2]:.0f})"
    since = _ago(course.as_of - last.day)
    sentences = [f"{now}, due from {course.tau:.4g}; last {name} {since}, number {len(treatments)}; {fades}."]
    if not _scores(course):
        sentences.append("Mostly population: no score since the first dose, so this is what is usual after such doses.")
    elif off_dose_days(course) < OFF_DOSE_DAYS:
        sentences.append(
            "Not enough off-dose time observed: every dose came before its effect could be seen to fade, which does not mean "
            "that it fades soon."
        )
    elif made.own[row] < MOSTLY:
        sentences.append("Mostly population: too little is known of this patient's own cycles yet.")
    silent = [entry.day for entry in course.entries if entry.kind == "silent" and course.as_of - entry.day < 14]
    if silent:
        sentences.append(f"No check-in on {iso_day(silent[-1])}: people in relapse stay silent about twice as often.")
    last_score_day = max((entry.day for entry in _scores(course)), default=None)
    if last_score_day is not None and course.as_of - last_score_day > 21:
        sentences.append(f"Nothing was heard for {course.as_of - last_score_day} days, so the window is wide.")
    changed = [
        entry.day for entry in course.entries if entry.kind == "change" and course.as_of - entry.day < CHANGE_DAYS
    ]
    if changed:
        until = iso_day(changed[-1] + CHANGE_DAYS)
        sentences.append(f"Something outside changed on {iso_day(changed[-1])}: the forecast is wider until {until}.")
    if 0 < course.outside < len(treatments):
        sentences.append(f"{course.outside} of the treatments were given outside a session here.")
    if not course.screens:
        sentences.append("No score from before the first dose: due from 10 on, as for everybody.")
    return sentences


def sharpen(course: Course) -> str:
    """The entry that would sharpen the forecast most, in words. Mean error (CRPS): 11.2 days from dose dates alone, 8.7 with
    visit scores, 8.0 with weekly PHQ-9 too.
    """
    if course.start is None:
        return (
            "the first dose's date; before it, two PHQ-9 a few days apart"
            if course.screens < 2
            else "the first dose's date"
        )
    kinds = {entry.kind: entry.day for entry in course.entries}
    if "visit" not in kinds and "week" not in kinds:
        return "a clinician's score (MADRS) before the next dose"
    if course.as_of - kinds.get("week", 0) > 9:
        return "this week's PHQ-9"
    if "visit" not in kinds:
        return "a clinician's score (MADRS) before the next dose"
    if off_dose_days(course) < OFF_DOSE_DAYS:
        return "weekly PHQ-9 up to the next dose: the effect has not been seen to fade"
    return "next week's PHQ-9"


def spacing(course: Course) -> SpacingOut | None:
    """What label or guidance says of the gap between doses, shown beside the forecast; None: nothing of this treatment."""
    treatments = [entry.day for entry in course.entries if entry.kind in TREATMENT_KINDS]
    found = spacing_of(course.drug, course.as_of - treatments[0])
    if found is None:
        return None
    earliest = iso_day(treatments[-1] + found.min_days)
    return {"words": found.words, "min_days": found.min_days, "not_before": earliest, "source": found.source}


def _scores(course: Course) -> list[DayEntry]:
    return [entry for entry in course.entries if entry.kind in READINGS]


def _ago(days: int) -> str:
    return "today" if days == 0 else "yesterday" if days == 1 else f"{days} days ago"
