"""`help-asked`: somebody in a chair asks for somebody, on the tablet before them. Told at once; only a person closes it.

A call that is made again because nobody came is high. Bad at: why they call; it may be water.
Never here: what the tablet shows (`streams/intake/selfreport/`).
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.tables.form_items import slug
from models.tables.rules import RULES, Priority
from models.wire.observations import Intervention
from streams.ward.audit import row_of
from streams.ward.sentences import rule_sentence, with_chair
from streams.ward.state import Here, WardState

HELP_ASKED: Final = "help asked"
"""The intervention that such a call is."""
ASKED_AGAIN: Final = "again"
"""Its detail, where an earlier call was not answered."""
_RULE: Final = "help-asked"
_SOURCE: Final = "whoever asks for somebody gets somebody: medium at once, high if asked again; chosen by us"


def judge_help(state: WardState, record: Intervention, at_us: int, here: Here) -> None:
    """Add the finding of a call for somebody; of any other intervention none."""
    if slug(record.what) != slug(HELP_ASKED):
        return
    row = row_of(state, record)
    seat = None if row is None else state.association.sessions[row]
    again = record.detail == ASKED_AGAIN
    do = "They have asked before. Go to them now." if again else "Go to them."
    where = record.patient if seat is None else seat.where
    text, at_us = rule_sentence(where, RULES[_RULE].title, do), min(at_us, here[0])
    chair = None if seat is None else seat.chair
    finding = Finding(
        "began", Subject(record.site, record.patient, None, chair), _RULE, Priority.HIGH if again else Priority.MEDIUM, at_us, at_us,
        here[0], text, with_chair({"again": again}, chair), _SOURCE,
    )  # fmt: skip
    state.emit(finding, here)
