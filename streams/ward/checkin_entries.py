"""Check-ins: a score is filed under the session that it belongs to, and folded into it or into its patient's row at home.

Never here: what scores mean (`rules/checkins.py`, `home/worsening.py`).
"""

from __future__ import annotations

from models.tables.forms import ScoreRefused, score_of
from models.tables.suicidality import item_9_unknown, risk_of
from models.wire.observations import (
    CheckIn,
)
from streams.ward.audit import audit, file_dead_letter, row_of, session_of
from streams.ward.home import rules as home
from streams.ward.rules.checkins import (
    ANSWERED_ALONE,
    OBSERVED_BY,
    alert_unread_form,
    file_risk,
    file_score_outside,
    fold_report,
    report_of,
)
from streams.ward.rules.unread import alert_refused_score
from streams.ward.state import Here, WardState


def hear_answers(state: WardState, record: CheckIn, at_us: int, here: Here) -> None:
    """File what a check-in that is not used answers about suicide: that is heard whatever session it names."""
    file_risk(state, record, risk_of(record.instrument, record.items, record.score), at_us, None, here)
    alert_unread_form(state, record, min(at_us, here[0]), None, here)


def fold_checkin(state: WardState, record: CheckIn, at_us: int, here: Here) -> None:
    """Audit a check-in, and file what its score and its answers about suicide mean; one that cannot be scored is set aside."""
    row = row_of(state, record)
    # A tablet whose clock runs ahead would make every later answer an old one.
    at_us = min(at_us, here[0])
    if record.takes_back:
        audit(state, record, session_of(state, row, record), here)
        home.fold_course_entry(state, record, here)
        if row is not None:
            fold_report(state, row, None, at_us, record.replaces, here)
        return
    risk = risk_of(record.instrument, record.items, record.score)
    try:
        score = score_of(record.instrument, record.items, record.score)
    except ScoreRefused as refused:
        file_dead_letter(state, record, here, refused.field, str(refused))
        file_risk(state, record, risk, at_us, row, here)
        if not alert_unread_form(state, record, at_us, row, here) and risk is None:
            alert_refused_score(state, record, str(refused), here, grave=record.instrument in OBSERVED_BY)
        return
    unknown = "item 9 was not sent" if item_9_unknown(record.instrument, record.items) else ""
    audit(state, record, session_of(state, row, record), here, "; ".join(filter(None, ("accepted", unknown))))
    home.fold_course_entry(state, record, here, score)
    file_risk(state, record, risk, at_us, row, here)
    alert_unread_form(state, record, at_us, row, here)
    report = report_of(record, at_us, score, unknown if risk is None else risk.words)
    if row is not None and report is not None:
        alone = record.source == ANSWERED_ALONE
        fold_report(state, row, report, report.at_us, record.replaces, here, alone=alone)
    elif report is not None:
        file_score_outside(state, record, report, here)
