"""How something is said of a patient at home: a rule begins, changes or ends, once, and in its place among the others.

Never here: when.
"""

from __future__ import annotations

from typing import Any, Literal

from models.findings import Finding, Subject
from models.rules import RULE_INDEX, Priority
from streams.home_rows import AtHome, Stands
from streams.state import Here, WardState


def say(
    state: WardState, row: AtHome, rule: str, priority: Priority | None, at_us: int, onset_us: int, here: Here,
    text: str, evidence: dict[str, Any], source: str,
) -> None:  # fmt: skip
    """The rule now has this priority for the patient (None: it is over). Silent where that is no news."""
    before = row.standing.get(rule)
    change: Literal["began", "changed", "ended"]
    if before is None:
        if priority is None:
            return
        change, onset_us = "began", min(onset_us, at_us)
        row.standing[rule] = Stands(priority, onset_us)
    elif priority is None:
        change, priority, onset_us = "ended", before.priority, before.onset_us
        del row.standing[rule]
    elif priority == before.priority:
        return
    else:
        change, onset_us = "changed", before.onset_us
        before.priority = priority
    subject, clock_us = Subject(row.site, row.patient, None), here[0]
    finding = Finding(
        change, subject, rule, priority, min(at_us, clock_us), min(onset_us, clock_us), clock_us, text, evidence, source
    )
    # The worst first, as for a session.
    rank = RULE_INDEX[rule] - len(RULE_INDEX) * int(priority)
    state.said.append(((*here, (row.site, row.patient, ""), rank), finding))
