"""A finding: what a detector concluded, on its way from the ward to the desk; and the daily digest of those at home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from models.tables.rules import Priority

Evidence = Mapping[str, object]
"""JSON values only: `value`, `limit`, `unit`, `baseline`, `data_age_s`, … as the rule has them."""


Change = Literal["began", "changed", "deepened", "ended"]
"""Of a rule: it began, has another priority, is worse by its limit's step at the same one, or is over."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The patient, session and chair that a finding is about. `session` is the sender's name for it; None at home."""

    site: str
    patient: str
    session: str | None
    chair: str | None = None

    @property
    def where(self) -> str:
        """The place as sentences name it: the chair if there is one, and the alias."""
        return f"Chair {self.chair} ({self.patient})" if self.chair else self.patient


@dataclass(frozen=True, slots=True)
class Finding:
    """This rule began, changed its priority, deepened or ended for this subject.

    `at_us` is the instant it fell due; `onset_us` when the condition began, by the sender's clock; `clock_us` the
    shard's clock when it was concluded. `priority` is the new one (when it ended: the last one).
    """

    change: Change
    subject: Subject
    rule: str
    priority: Priority
    at_us: int
    onset_us: int
    clock_us: int
    text: str
    evidence: Evidence
    source: str


IN_DIGEST: Final = ("relapse-risk", "maintenance-due", "checkin-overdue")
"""The rules that put a patient at home into the daily digest, the most urgent first."""


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One patient in a digest: the rules that put them there, and a sentence of alias, probability and dates."""

    patient: str
    rules: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Digest:
    """A site's patients who need the scheduler today, the most urgent first. `day` is the site's date."""

    site: str
    day: str
    at_us: int
    lines: tuple[DigestLine, ...]
