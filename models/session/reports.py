"""Reports: the check-ins of one session in, what they now say of consciousness and dissociation out.

The assessment is worked out from the whole list, so it is the same in whatever order the reports came; a correction takes
the place of the entry that it names (the audit keeps both).
CADSS-6 counts on CADSS's scale, and not at all where a CADSS was taken within `SAME_SITTING` of it. Severe dissociation is grave
with distress or unresponsiveness, whichever was reported first, from then until neither is reported any more: a report
that is not repeated takes nothing back.
Cost: one pass over the reports for each check-in. Never here: the limits, time that passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from models.instants import MINUTE
from models.tables.instruments import CADSS_6_TO_CADSS
from models.tables.limits import Limit

MAX_REPORTS: Final = 200
"""More than anybody asks in one session, and a bound for a sender that has gone wrong. Chosen by us."""
SAME_SITTING: Final = 2 * MINUTE
"""A CADSS and a CADSS-6 this close are of one sitting, and the whole scale is believed. Chosen by us: the short form takes a
minute; rounds three minutes apart are two."""
PAIRED_WITHIN: Final = 30 * MINUTE
"""Distress, or unresponsiveness, this close to a severe score is with it. Chosen by us: two rounds of observation."""
DISTRESSED: Final = 4
"""Of 10: the cut of the Distress Thermometer for distress that needs attention (Roth 1998; NCCN)."""
GONE: Final = 4.0
"""CADSS at or below this is none: FDA and sponsor convention [S7]."""
AWAKE: Final = 5.0
"""MOAA/S: responds readily to the name, normal tone [S48]."""


@dataclass(frozen=True, slots=True)
class Report:
    """One check-in: `score` is the instrument's total (of symptoms, how many alarm), `note` what the score does not say.

    `prompted_us`: when it was asked for, where the sender says so.
    """

    at_us: int
    instrument: str
    score: float
    id: str | None = None
    note: str = ""
    prompted_us: int | None = None

    @property
    def scale(self) -> tuple[str, float]:
        """The column that it is a reading of, and the reading."""
        if self.instrument == "cadss-6":
            return "cadss", self.score * CADSS_6_TO_CADSS
        return self.instrument, self.score


@dataclass(slots=True)
class Assessment:
    """The present state by the reports.

    on: keys of the limits in force → since when (µs). newest, before: the newest report of each column, and the one before it.
    grave_us: since when dissociation is grave; None: it is not.
    """

    on: dict[tuple[str, str, str], int] = field(default_factory=dict)
    newest: dict[str, Report] = field(default_factory=dict)
    before: dict[str, Report] = field(default_factory=dict)
    grave_us: int | None = None

    @property
    def dissociating(self) -> bool:
        return "cadss" in self.newest and self.newest["cadss"].scale[1] > GONE

    @property
    def drowsy(self) -> bool:
        return "moaas" in self.newest and self.newest["moaas"].score < AWAKE

    @property
    def distressed(self) -> bool:
        return "distress" in self.newest and self.newest["distress"].score >= DISTRESSED


def add_report(reports: Sequence[Report], report: Report | None, replaces: str | None) -> list[Report]:
    """The reports with one more, if there is one, oldest first; the report with the id `replaces` is dropped."""
    others = [one for one in reports if replaces is None or one.id != replaces]
    return sorted([*others, *([] if report is None else [report])], key=lambda one: one.at_us)[-MAX_REPORTS:]


def assess(reports: Sequence[Report], limits: Sequence[Limit]) -> Assessment:
    """The assessment of reports (oldest first) by limits; those of other than scores concern none."""
    assessment, of_column = Assessment(), dict[str, list[Limit]]()
    newest, before = assessment.newest, assessment.before
    for limit in limits:
        of_column.setdefault(limit.channel, []).append(limit)
    for report in _believed(reports):
        column, reading = report.scale
        if column in newest:
            before[column] = newest[column]
        newest[column] = report
        for limit in of_column.get(column, ()):
            _apply_limit(assessment, limit, reading, report.at_us)
        if not in_force(assessment, "severe-dissociation"):
            assessment.grave_us = None
        elif assessment.grave_us is None:
            assessment.grave_us = report.at_us if _is_grave(assessment) else None
        elif not (assessment.distressed or in_force(assessment, "unresponsive")):
            assessment.grave_us = None
    return assessment


def _believed(reports: Sequence[Report]) -> Sequence[Report]:
    if "cadss-6" not in [report.instrument for report in reports]:
        return reports
    whole = [report.at_us for report in reports if report.instrument == "cadss"]
    return [
        report for report in reports
        if report.instrument != "cadss-6" or all(abs(at_us - report.at_us) > SAME_SITTING for at_us in whole)
    ]  # fmt: skip


def _apply_limit(assessment: Assessment, limit: Limit, reading: float, at_us: int) -> None:
    if limit.key not in assessment.on:
        if limit.is_past(reading) and limit.enabled:
            assessment.on[limit.key] = at_us
    elif limit.is_back(reading):
        del assessment.on[limit.key]


def in_force(assessment: Assessment, rule: str) -> bool:
    """Whether any limit of a rule is in force."""
    return bool(assessment.on) and any(key[0] == rule for key in assessment.on)


def _is_grave(assessment: Assessment) -> bool:
    """True if distress or unresponsiveness was reported within `PAIRED_WITHIN` of the severe score."""
    beside = []
    if assessment.distressed:
        beside.append(assessment.newest["distress"])
    if in_force(assessment, "unresponsive"):
        beside.append(assessment.newest["moaas"])
    return any(abs(report.at_us - assessment.newest["cadss"].at_us) <= PAIRED_WITHIN for report in beside)
