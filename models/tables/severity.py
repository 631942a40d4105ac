"""Severity: every instrument's score on one scale, the PHQ-9's 0 to 27, with its recall period and its conversion error.

Straight lines between the points at which two instruments mean the same. Good enough to tell a relapse from a remission;
bad at single points near the ends, and at people whose clinician and whose own answers disagree for good.
Never here: who answered when (`history.py`), what a score means in words (`instruments.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

LOWEST_PHQ9: Final = 0.0
HIGHEST_PHQ9: Final = 27.0

RecallPeriod = Literal["week", "visit", "mood"]
"""The time that a score is of: the mean of the last seven days, the day before the visit, or the moment."""

TreatmentResponse = Literal["responder", "partial", "non-responder", "unknown"]
"""What treatment has done so far; unknown before the first dose or without enough scores."""

RECALL_DAYS: Final = 7
"""The PHQ-9's own form asks about two weeks, the QIDS about one. People answer mostly about the last days, and the
check-in's text asks for the last seven; a model that averages over more mistakes the first answers after a dose for
non-response. Chosen by us."""


@dataclass(frozen=True, slots=True)
class Scale:
    """An instrument beside the PHQ-9. `points` are pairs (its score, PHQ-9), ascending.

    `sd` is what the conversion adds, in PHQ-9 points. `rank`: which instrument screens when several did; the lowest first.
    """

    instrument: str
    reading: RecallPeriod
    points: tuple[tuple[float, float], ...]
    sd: float
    rank: int
    source: str

    def phq9(self, score: float) -> float:
        """The score on the PHQ-9 scale."""
        below = self.points[0]
        for above in self.points[1:]:
            if score <= above[0]:
                share = (score - below[0]) / (above[0] - below[0])
                return below[1] + share * (above[1] - below[1])
            below = above
        return below[1]


# fmt: off
_TABLE: Final = (
    Scale("phq-9",     "week",  ((0, 0), (27, 27)), 0.0, 0, "itself"),
    # Lowest scores of the same bands: QIDS 6, 11, 16, 21 (Rush 2003) beside PHQ-9 5, 10, 15, 20 (Kroenke 2001). The
    # spread is that at a correlation near .9 between the two and an SD of 5: 5 √(1 − .9²) = 2.2 (from memory).
    Scale("qids-sr16", "week",  ((0, 0), (6, 5), (11, 10), (16, 15), (21, 20), (27, 27)), 2.0, 1, "bands of Rush 2003 and Kroenke 2001"),
    # Half of its points, read the day before a dose, SD 1.9: the SD is the reading's own there (filter.py), not added to it.
    Scale("madrs",     "visit", ((0, 0), (54, 27), (60, 27)), 0.0, 2, "MADRS 20 and 35 beside PHQ-9 10 and 17 (Zimmerman's and Kroenke's bands); SD chosen by us"),
    # Two of nine items; a correlation near .87 with the whole at an SD of 6 leaves 6 √(1 − .87²) = 3 (Kroenke 2003, from memory).
    Scale("phq-2",     "week",  ((0, 0), (6, 27)), 3.0, 3, "ratio of the maxima; Kroenke 2003"),
    # Which number somebody calls their mood is theirs: level and slope are learnt per patient, this is where they start.
    Scale("mood-vas",  "mood",  ((0, 0), (10, 27)), 4.0, 4, "ratio of the maxima"),
)
# fmt: on

SCALES: Final[Mapping[str, Scale]] = {scale.instrument: scale for scale in _TABLE}
"""The instruments that measure how severe a depression is, by name; the others do not enter the forecast."""
