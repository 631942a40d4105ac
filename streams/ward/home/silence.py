"""`checkin-overdue` of a patient at home: no answer by the end of their own day on which the site's grace runs out.

Still none one interval later, somebody is paged, at noon where the patient is: whoever is silent is in relapse twice as often.
Bad at: a patient who moved on without a word; they stay silent until somebody closes the alert.
Never here: when time passes (`rules.py`).
"""

from __future__ import annotations

from typing import Final

from models.calendar import iso_day
from models.instants import FAR, HOUR, iso
from models.relapse.policies import CheckIns
from models.tables.rules import RULES, Priority
from streams.ward.conclusions import Conclusion, over
from streams.ward.home.rows import AtHome, hour_us, next_hour_us, starts_us
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

SETTLE: Final = HOUR
"""An entry whose next one would be overdue already is perhaps the first of many that come late together. Chosen by us."""
NOON: Final = 12
"""The local hour at which a second silence is paged: somebody is there to call. Chosen by us."""
_RULE: Final = "checkin-overdue"


def expect_answer(state: WardState, row: AtHome, here: Here) -> None:
    """Set when the patient's next answer is overdue and when its silence is paged, and file that the last silence is over."""
    policy = state.home.policies(row.site).checkins
    wanted = policy.enabled and row.answered_day is not None
    last_day = (row.answered_day or 1) + policy.every_days + policy.grace_days
    due_us = starts_us(last_day + 1, row.tz) if wanted else FAR
    if due_us <= here[0] and _RULE in row.conditions:
        return  # an old answer that came late: still overdue
    row.due_us = row.page_us = FAR
    if wanted:
        row.due_us = max(due_us, here[0] + SETTLE)
        row.page_us = hour_us(last_day + policy.every_days, NOON, row.tz)
        if row.page_us <= row.due_us:
            row.page_us = next_hour_us(row.due_us, NOON, row.tz)
    state.home.schedule(row)
    text = f"{row.patient}: answered." if wanted else f"{row.patient}: nothing is expected from home."
    state.file(row, over(_RULE, here[0], text), here)


def judge_silence(row: AtHome, policy: CheckIns, due_us: int, *, paging: bool) -> Conclusion:
    """The conclusion of `checkin-overdue` at an instant at which an answer is overdue; `paging`: for the second time."""
    priority = Priority.MEDIUM if paging else Priority.LOW
    since = "none yet" if row.answered_us is None else f"the last on {iso_day(row.answered_day or 0)}"
    text = rule_sentence(row.patient, RULES[_RULE].title, f"No answer from home, {since}.")
    evidence: dict[str, object] = {
        "every_days": policy.every_days, "grace_days": policy.grace_days, "instruments": list(policy.instruments),
        "answered_at": None if row.answered_us is None else iso(row.answered_us),
    }  # fmt: skip
    source = f"site policy: every {policy.every_days} days, {policy.grace_days} days of grace"
    return Conclusion(_RULE, priority, due_us, due_us, text, evidence, source)
