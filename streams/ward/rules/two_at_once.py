"""`two-at-once`: two announced sessions are open in one chair, or for one person.

The one that came last has the chair, its monitor and what names the person alone; it carries the alert. The other keeps what
names it, until it is ended; the alert is over once one of the two is. Never here: who gets which sample (`association.py`).
"""

from __future__ import annotations

from typing import Final

from models.tables.rules import RULES, Priority
from streams.ward.association import Session
from streams.ward.conclusions import Conclusion, over
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "two-at-once"
_SOURCE: Final = "one person, one chair: the session that was started last has both; chosen by us"


def judge_two(state: WardState, row: int, here: Here) -> None:
    """File whether an announced session stands beside another in its chair, or of its person."""
    session, title = state.association.sessions[row], RULES[_RULE].title
    words = [*_same_chair(state, row, session), *_same_person(state, row, session)]
    if not words:
        state.file(session, over(_RULE, here[0], f"{session.where}: {title} is over."), here)
        return
    text = rule_sentence(session.where, title, f"{'; '.join(words)}.")
    evidence = {"others": words}
    state.file(session, Conclusion(_RULE, Priority.MEDIUM, here[0], here[0], text, evidence, _SOURCE), here)


def review_two(state: WardState, site: str, here: Here) -> None:
    """Judge anew the sessions of a site that stood beside one that is over."""
    for row, session in sorted(state.association.sessions.items()):
        if session.site == site and _RULE in session.conditions:
            judge_two(state, row, here)


def _others(state: WardState, row: int, session: Session) -> list[Session]:
    sessions = state.association.sessions
    return [
        other for at, other in sorted(sessions.items()) if at != row and other.announced and other.site == session.site
    ]


def _same_chair(state: WardState, row: int, session: Session) -> list[str]:
    if session.chair is None or state.association.by_chair.get((session.site, session.chair)) != row:
        return []
    return [
        f"{other.patient}'s session is still open here, end it; what this chair's monitor sends counts for {session.patient}"
        for other in _others(state, row, session)
        if other.chair == session.chair and other.patient != session.patient
    ]


def _same_person(state: WardState, row: int, session: Session) -> list[str]:
    if state.association.by_patient.get((session.site, session.patient)) != row:
        return []
    return [
        f"their session {f'in chair {other.chair}' if other.chair else other.name} is still open, end one of the two"
        for other in _others(state, row, session)
        if other.patient == session.patient
    ]
