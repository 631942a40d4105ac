"""Reports: the check-ins of one session as a list, so that what they say does not depend on the order in which they came.

A correction takes the place of the entry that it names; the audit keeps both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

KEPT: Final = 200
"""More than anybody asks in one session, and a bound for a sender that has gone wrong. Chosen by us."""


@dataclass(frozen=True, slots=True)
class Report:
    """One check-in: `score` is the instrument's total (of symptoms, how many alarm), `note` what the score does not say."""

    at_us: int
    instrument: str
    score: float
    id: str | None = None
    note: str = ""


def with_report(reports: Sequence[Report], report: Report, replaces: str | None) -> list[Report]:
    """The reports, oldest first, with one more, or with one corrected: the entry that it replaces is gone."""
    kept = [one for one in reports if replaces is None or one.id != replaces]
    return sorted([*kept, report], key=lambda one: one.at_us)[-KEPT:]
