"""How something is said of a patient at home: a rule begins, changes or ends, once, and in its place among the others.

Never here: when.
"""

from __future__ import annotations

from typing import Any

from models.findings import Finding, Subject
from models.tables.rules import Priority
from streams.ward.home.rows import AtHome, HomeCondition
from streams.ward.standing import news, rank_of
from streams.ward.state import Here, WardState


def say(
    state: WardState, row: AtHome, rule: str, priority: Priority | None, at_us: int, onset_us: int, here: Here,
    text: str, evidence: dict[str, Any], source: str,
) -> None:  # fmt: skip
    """The rule now has this priority for the patient (None: it is over). Silent where that is no news."""
    told = news(row.standing, HomeCondition, rule, priority, at_us, onset_us)
    if told is None:
        return
    subject, clock_us = Subject(row.site, row.patient, None), here[0]
    finding = Finding(
        told.change, subject, rule, told.priority, min(at_us, clock_us), min(told.onset_us, clock_us), clock_us,
        text, evidence, source,
    )  # fmt: skip
    state.said.append(((*here, (row.site, row.patient, ""), rank_of(rule, told.priority)), finding))
