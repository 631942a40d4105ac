"""`page-failing`: a destination of pages takes none, as its pager found; it is over once it takes them again.

The alert's subject is the destination, so that each has its own. High where no other destination is left that takes pages.
Never here: how long it must fail before that is said (the pager's).
"""

from __future__ import annotations

from typing import Final, Literal

from models.findings import Evidence, Finding, Subject
from models.instants import iso, to_us
from models.tables.rules import RULES, Priority
from models.wire.observations import DestinationFailing, DestinationRestored
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

RULE: Final = "page-failing"
SOURCE: Final = "a page that does not arrive helps nobody"


def file_failing(state: WardState, record: DestinationFailing, here: Here) -> None:
    """Add a finding that a destination fails."""
    since = iso(to_us(record.since))
    alone = record.well == 0
    what = f"Nothing arrives since {since[11:16]} UTC: {record.reason}."
    what += " No other destination takes pages: watch the board." if alone else " The others take theirs."
    evidence = {"destination": record.destination, "since": since, "reason": record.reason, "well": record.well}
    _file(
        state, record, "began", Priority.HIGH if alone else Priority.MEDIUM, to_us(record.since), what, evidence, here
    )


def file_restored(state: WardState, record: DestinationRestored, here: Here) -> None:
    """Add a finding that a destination no longer fails."""
    evidence = {"destination": record.destination}
    _file(state, record, "ended", Priority.MEDIUM, here[0], "Pages arrive again.", evidence, here)


def _file(
    state: WardState, record: DestinationFailing | DestinationRestored, change: Literal["began", "ended"], priority: Priority,
    onset_us: int, what: str, evidence: Evidence, here: Here,
) -> None:  # fmt: skip
    subject, at_us = Subject(record.site, record.destination, None), max(here[0], 0)
    text = rule_sentence(record.destination, RULES[RULE].title, what)
    state.emit(Finding(change, subject, RULE, priority, at_us, onset_us, at_us, text, evidence, SOURCE), here)
