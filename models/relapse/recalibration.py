"""A clinic's own correction of the forecast: two numbers, fitted on past forecasts and what then came.

    log-odds(p) → shift + stretch × log-odds(p)

for every P(due within k). Fitted on pairs of a probability that was forecast at least a week before a visit and whether the
clinician's score before that visit's dose was at or over the patient's threshold: the primary score on real data. Held
near "no change" by a prior worth some fifty visits, and refused below a minimum of data, so that a small clinic's luck
does not become its rule. One pair a visit: the weeks of one cycle say the same thing.
Bad at: visits that were moved up because somebody felt ill (they make a relapse look more usual than it is), and at a
clinic whose patients have changed since. Both are in the report that goes with a fit, for a clinician to judge.
Never here: putting a fit in force. That is done by a configuration (`site.configured`, policy `recalibration`), by a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from models.arrays import Floats
from models.calendar import iso_day
from models.relapse.due import HORIZON
from models.relapse.history import Course
from models.relapse.pool_features import log_odds

LEAST_PAIRS: Final = 150
LEAST_PATIENTS: Final = 30
LEAST_OF_EACH: Final = 25
"""Visits, patients, and visits of the rarer outcome. Chosen by us: two numbers at ten events each would be the usual least;
visits of one patient are alike, so twice that and some, from thirty people."""
PRIOR_SD: Final = 0.35
"""Of the shift, and of the stretch's distance from 1: with .25 a pair at most, the prior weighs about as much as 33-50 visits."""
AHEAD_DAYS: Final = 7
"""A forecast counts if it was made so long before the visit: later ones have seen why the visit was made."""
STRETCH: Final = (0.3, 2.0)
SHIFT: Final = (-1.5, 1.5)
"""Beyond these something else is wrong than calibration. Chosen by us."""
BINS: Final = 5
"""Of the picture of what was forecast against what came: thirty visits each at the least. Chosen by us."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One visit: what was forecast for it and whether the patient was ill again. `made`, `visit` are days."""

    patient: str
    made: int
    visit: int
    p: float
    ill: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Visits of like forecasts: mean forecast before and after the correction, and the share who were ill."""

    visits: int
    forecast: float
    corrected: float
    ill: float


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A fit and the data behind it. `version` names it; `model` is the forecaster that it corrects, and no other."""

    version: str
    model: str
    shift: float
    stretch: float
    visits: int
    patients: int
    ill: int
    first: str
    last: str
    brier_before: float
    brier_after: float
    bins: tuple[Bin, ...] = ()

    def document(self) -> dict[str, Any]:
        """The whole report, for a file."""
        return asdict(self)

    def policy(self) -> dict[str, Any]:
        """The fields that a configuration needs to put it in force: all but the groups."""
        return {name: value for name, value in asdict(self).items() if name != "bins"}


class TooLittle(ValueError):
    """There is not enough history to fit anything; the message says what is missing."""


class NoRecalibration(ValueError):
    """A policy that is no usable correction; the message says why."""


def pairs_of(courses: Iterable[Course], cdf: Floats) -> list[Pair]:
    """The pairs of forecasts made on the way and each patient's whole course.

    Args:
        courses: at each origin, and the last of each patient as far as the history goes. cdf: the forecasts, in their order.
    """
    by_patient: dict[str, list[tuple[Course, Floats]]] = {}
    for course, row in zip(courses, cdf, strict=True):
        by_patient.setdefault(course.patient, []).append((course, row))
    found = []
    for patient in sorted(by_patient):
        made = sorted(by_patient[patient], key=lambda each: each[0].as_of)
        whole = made[-1][0]
        doses = [entry.day for entry in whole.entries if entry.kind in ("drug", "ect", "tms")]
        for visit in whole.entries:
            if visit.kind != "visit" or visit.day not in doses:
                continue
            since = max((day for day in doses if day < visit.day), default=None)
            usable = [
                (course, row) for course, row in made
                if since is not None and since + 2 <= course.as_of <= visit.day - AHEAD_DAYS and not np.isnan(row[0])
            ]  # fmt: skip
            if usable:
                course, row = usable[-1]
                p = float(row[min(visit.day - course.as_of, HORIZON)])
                found.append(Pair(patient, course.as_of, visit.day, p, visit.value >= course.tau))
    return found


def fit(pairs: Sequence[Pair], model: str, version: str) -> Recalibration:
    """The correction that makes the pairs likeliest, held near none.

    Raises:
        TooLittle: fewer visits, patients or outcomes of one kind than the least.
    """
    p = np.array([pair.p for pair in pairs])
    ill = np.array([pair.ill for pair in pairs], dtype=np.float64)
    patients = len({pair.patient for pair in pairs})
    rarer = int(min(ill.sum(), len(ill) - ill.sum()))
    lacks = [
        f"{has} {what} of at least {least}"
        for has, least, what in (
            (len(pairs), LEAST_PAIRS, "visits with a score"),
            (patients, LEAST_PATIENTS, "patients"),
            (rarer, LEAST_OF_EACH, "visits of the rarer outcome"),
        )
        if has < least
    ]
    if lacks:
        raise TooLittle("not enough history: " + ", ".join(lacks))
    x = log_odds(p)
    shift, stretch = _fitted(x, ill)
    corrected = _chance(shift + stretch * x)
    return Recalibration(
        version=version, model=model, shift=round(shift, 4), stretch=round(stretch, 4), visits=len(pairs), patients=patients,
        ill=int(ill.sum()), first=iso_day(min(pair.made for pair in pairs)), last=iso_day(max(pair.visit for pair in pairs)),
        brier_before=round(float(((p - ill) ** 2).mean()), 4), brier_after=round(float(((corrected - ill) ** 2).mean()), 4),
        bins=_bins(p, corrected, ill),
    )  # fmt: skip


def _fitted(x: Floats, ill: Floats) -> tuple[float, float]:
    """Newton's method on the penalised likelihood of two numbers; concave, so thirty steps are plenty."""
    theta = np.array([0.0, 1.0])
    design = np.column_stack([np.ones_like(x), x])
    penalty = np.eye(2) / PRIOR_SD**2
    for _ in range(30):
        chance = _chance(design @ theta)
        slope = design.T @ (ill - chance) - penalty @ (theta - np.array([0.0, 1.0]))
        curvature = design.T @ (design * (chance * (1 - chance))[:, None]) + penalty
        theta = theta + np.linalg.solve(curvature, slope)
    return float(np.clip(theta[0], *SHIFT)), float(np.clip(theta[1], *STRETCH))


def _chance(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-odds)))


def _bins(p: Floats, corrected: Floats, ill: Floats) -> tuple[Bin, ...]:
    """Five groups of equal size by the forecast."""
    parts = np.array_split(np.argsort(p, kind="stable"), BINS)
    return tuple(
        Bin(len(part), *(round(float(values[part].mean()), 4) for values in (p, corrected, ill)))
        for part in parts
        if len(part)
    )


def recalibration_from(stored: Mapping[str, Any]) -> Recalibration:
    """The correction of a site's configuration.

    Raises:
        NoRecalibration: it is incomplete or out of bounds.
    """
    try:
        found = Recalibration(**{**stored, "bins": ()})
        low, high = STRETCH
        if not (low <= found.stretch <= high and SHIFT[0] <= found.shift <= SHIFT[1]):
            raise NoRecalibration(f"shift {found.shift} or stretch {found.stretch} is out of bounds")
    except (KeyError, TypeError) as wrong:
        raise NoRecalibration(f"the recalibration cannot be read: {wrong}") from wrong
    return found


def recalibrated(cdf: Floats, correction: Recalibration) -> Floats:
    """The corrected forecasts, (n, 85), still never falling; NaN stays NaN."""
    return np.asarray(_chance(correction.shift + correction.stretch * _open(cdf)))


def _open(cdf: Floats) -> Floats:
    kept = np.clip(cdf, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(kept / (1 - kept)))


def drawn(correction: Recalibration) -> str:
    """A reliability diagram as SVG: each group's share of ill patients over its forecast, before and after."""
    size, edge = 360, 44
    span = size - 2 * edge

    def at(x: float, y: float) -> tuple[float, float]:
        return round(edge + span * x, 1), round(size - edge - span * y, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" font-family="sans-serif" font-size="11">'
    ]
    (x0, y0), (x1, y1) = at(0, 0), at(1, 1)
    parts.append(f'<rect x="{x0}" y="{y1}" width="{x1 - x0}" height="{y0 - y1}" fill="none" stroke="#888"/>')
    parts.append(f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke="#aaa" stroke-dasharray="4 4"/>')
    for name, colour, shape in (("forecast", "#999", "before"), ("corrected", "#1b5e9b", "after")):
        points = [at(getattr(group, name), group.ill) for group in correction.bins]
        parts.append(f'<polyline points="{" ".join(f"{x},{y}" for x, y in points)}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"><title>{shape}</title></circle>' for x, y in points]
    for tick in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{at(tick, 0)[0]}" y="{y0 + 14}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{x0 - 6}" y="{at(0, tick)[1] + 4}" text-anchor="end">{tick:g}</text>')
    parts.append(
        f'<text x="{size / 2}" y="{size - 10}" text-anchor="middle">forecast: grey before, blue after ({correction.visits} visits)</text>'
    )
    parts.append(f'<text x="12" y="{edge - 14}">share ill at the visit</text></svg>')
    return "\n".join(parts) + "\n"
