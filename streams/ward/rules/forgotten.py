"""`session-forgotten`: an announced session in which nothing was measured or entered for `ASK_AFTER` is asked about.

Still nothing at `CLOSE_AFTER`, it is closed by this rule: what stood in it ends, the record says so, and a second alert, which
only a person closes, says that nobody ended it. A monitor that is left on without a patient measures nothing.
Bad at: a session that goes on with neither monitor nor entry for hours. Never here: what closing does (`sessions.py`).
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.instants import HOUR, NEVER, SECOND, to_datetime
from models.tables.rules import RULES, Priority
from models.wire.observations import SessionEnded
from streams.ward.association import Session
from streams.ward.audit import audit
from streams.ward.conclusions import Conclusion, over
from streams.ward.sentences import duration, rule_sentence, with_chair
from streams.ward.sessions import close_session, session_extremes
from streams.ward.state import Here, WardState

ASK_AFTER: Final = 2 * HOUR
"""As long as the observation that every protocol has: within it somebody looks. Chosen by us."""
CLOSE_AFTER: Final = 4 * HOUR
"""Longer than a dose and its observation together: whoever sat there has gone. Chosen by us."""
_RULE: Final = "session-forgotten"
_SOURCE: Final = "nothing measured or entered for 2 h asks, for 4 h ends the session; chosen by us"


def expect_life(session: Session, clock_us: int) -> None:
    """Begin to wait for something to be measured or entered in an announced session; the caller schedules its timers."""
    session.entered_us, session.quiet_due_us = clock_us, clock_us + ASK_AFTER


def note_life(state: WardState, row: int, here: Here) -> None:
    """Something was entered in a session, or measured again: it is not forgotten."""
    session = state.association.sessions[row]
    if not session.announced:
        return
    session.entered_us = here[0]
    state.file(session, over(_RULE, here[0], f"{session.where}: {RULES[_RULE].title}; somebody is there."), here)


def judge_forgotten(state: WardState, row: int, due_us: int, here: Here) -> None:
    """Ask about an announced session that has been quiet, or close it; the next time to see is in its `quiet_due_us` then."""
    session, rows = state.association.sessions[row], state.rows
    since_us = max(int(rows.heard[row].max()), NEVER if session.entered_us is None else session.entered_us)
    quiet_us = due_us - since_us
    for_s = duration(quiet_us / SECOND)
    if quiet_us >= CLOSE_AFTER:
        _close(state, row, due_us, for_s, here)
        return
    if quiet_us >= ASK_AFTER:
        detail = f"Nothing was measured or entered for {for_s}: are they still here? End the session if they have left."
        text = rule_sentence(session.where, RULES[_RULE].title, detail)
        evidence: dict[str, object] = {"quiet_s": round(quiet_us / SECOND)}
        state.file(session, Conclusion(_RULE, Priority.LOW, due_us, since_us, text, evidence, _SOURCE), here)
    session.quiet_due_us = since_us + (CLOSE_AFTER if quiet_us >= ASK_AFTER else ASK_AFTER)


def _close(state: WardState, row: int, due_us: int, for_s: str, here: Here) -> None:
    session, seen = state.association.sessions[row], session_extremes(state, row)
    why = f"closed by rule: nothing was measured or entered for {for_s}"
    close_session(state, row, due_us, here)
    ended = SessionEnded(
        at=to_datetime(due_us), site=session.site, patient=session.patient, session=session.name, reason=why, by="chairside"
    )  # fmt: skip
    audit(state, ended, session.name, here, seen=seen)
    detail = f"The session was {why}, and nobody ended it. See whether they have left, and when."
    text, evidence = (
        rule_sentence(session.where, RULES[_RULE].title, detail),
        with_chair({"because": why}, session.chair),
    )
    subject = Subject(session.site, session.patient, None, session.chair)
    state.emit(Finding("began", subject, _RULE, Priority.LOW, due_us, due_us, due_us, text, evidence, _SOURCE), here)
