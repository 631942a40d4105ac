"""The response class of a course, from what was measured: scores under treatment against the untreated ones.

By the instruments' convention a response is half of the untreated score gone, and a partial one a quarter (MADRS, PHQ-9,
QIDS-SR: e.g. Phillips 2019). Each instrument is held against itself, on its own scale, and the one that ranks first among
those with scores on both sides decides (`models/tables/severity.py`). The untreated score is the mean of the last two before
the first dose.

Two scores speak for the treatment: the present one, and the best since the doses of the last full course began. Of many
scores the best is the second best: the lowest of many is the noise of answering. Who responded and has slid back is still
somebody who responds, and needs a dose.
Bad at: one score after the first dose; placebo response, which no class can tell.
Never here: the model's estimate, which counts only where nothing was measured (`document.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from models.relapse.day_entries import DatedFact
from models.tables.severity import SCALES, TreatmentResponse

RESPONDED, PARTLY = 0.5, 0.25
"""Share of the untreated score that is gone: a response is a half, by convention (e.g. Phillips 2019)."""
ENOUGH_DOSES, ENOUGH_DAYS = 6, 28
"""Before a full course of six infusions, or four weeks, nobody is called a non-responder (median response after three,
Phillips 2019; esketamine's label judges after four weeks)."""
MANY_SCORES: Final = 4
"""The best of three scores around one level lies .85 SD below it, of four and more over 1 SD: at a noise of 2.5 points more
than an eighth of a score of 20. Chosen by us."""
_UNTREATED: Final = 2
"""Scores before the first dose that count, as for the severity from which a dose is due."""


def measured_improvement(
    before: Sequence[DatedFact], after: Sequence[DatedFact], treated: Iterable[datetime]
) -> float | None:
    """The share of the untreated score that is gone, as measured; None: no instrument has scores on both sides.

    Args:
        before, after: scores, by time, before the first treatment and after it. treated: when each treatment was.
    """
    both = {each.fact.name for each in before} & {each.fact.name for each in after}
    if not both:
        return None
    name = min(both, key=lambda each: SCALES[each].rank)
    untreated = [each.fact.value or 0.0 for each in before if each.fact.name == name][-_UNTREATED:]
    level = sum(untreated) / len(untreated)
    if level <= 0:
        return 0.0
    since = sorted(treated)[-ENOUGH_DOSES:][0]
    scores = [(each.fact.at, each.fact.value or 0.0) for each in after if each.fact.name == name]
    course = sorted(value for at, value in scores if at > since)
    present = scores[-1][1]
    best = course[len(course) >= MANY_SCORES] if course else present
    return 1 - min(best, present) / level


def response_class(improvement: float, doses: int, days: int) -> TreatmentResponse:
    """The class of an improvement after so many doses and days of treatment; unknown until there were enough for a "no"."""
    if improvement >= RESPONDED:
        return "responder"
    if doses < ENOUGH_DOSES and days < ENOUGH_DAYS:
        return "unknown"
    return "partial" if improvement >= PARTLY else "non-responder"
