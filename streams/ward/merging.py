"""Two aliases are one person: what is known of the one that goes is joined to the one that stays, from one entry on.

- What somebody has (conditions, medications) is that of both: nothing that speaks against a drug is lost. Of weight, year of
  birth, sex and time zone what was said last stands; of a person's own limits those of the alias that stays, and of the other
  those that it has none for. What is left out is told.
- Doses, answers and the next visit are those of both; a rule in force at home goes on, of two the worse one. The forecast that
  either had is of half a course, and is made anew.
- A session goes on under the alias that stays, with its alerts. One that nobody announced ends where the other alias sits.
- What is merged already is a repeat. Who goes into somebody who has gone goes where they went. A merge that contradicts an
  earlier one is set aside, and so is one of two who both sit in announced sessions: two people in two chairs are the best
  evidence that it is wrong, and nothing takes a merge back. Why: `decisions/0019-two-aliases-one-person.md`.
Cost: a look at every open session. Never here: what comes in later under an alias that has gone (`models/aliases.py`).
"""

from __future__ import annotations

from typing import Final

from models.instants import to_us
from models.wire.observations import PatientMerged, UnreadField
from streams.ward.association import Session
from streams.ward.audit import audit
from streams.ward.home.joining import join_at_home
from streams.ward.minutes import put_minute_away
from streams.ward.rules.contraindications import check_contraindication, weigh_registration
from streams.ward.rules.deeper import reckon_deeper
from streams.ward.rules.entry_refused import refuse
from streams.ward.rules.unread import alert_unread_fields
from streams.ward.sessions import close_session
from streams.ward.state import Here, WardState

_TELL: Final = "Tell whoever sent it."
_TWO: Final = "If they are one person, end one of the two and send it again; if they are two, tell whoever sent it."


def fold_merge(state: WardState, record: PatientMerged, here: Here) -> bool:
    """Join two aliases' histories; a merge that is done already changes nothing, one that cannot be is set aside.

    False: it cannot be now, and the same may be sent again.
    """
    aliases, site, gone = state.association.aliases, record.site, record.merged
    into = aliases.survivor(site, record.patient)
    if into != record.patient:
        record = record.model_copy(update={"patient": into, "sent_as": record.patient})
    if gone != into and aliases.survivor(site, gone) == into:
        state.counts["repeated or late"] += 1
        return True
    if (why_not := _contradiction(record, aliases.survivor(site, gone))) is not None:
        refuse(state, record, "merged", why_not, here, then=_TELL)
        return True
    rows = {
        row: session for row, session in sorted(state.association.sessions.items())
        if session.site == site and session.patient in (into, gone) and _is_named(session)
    }  # fmt: skip
    seated = {whose: [s for s in rows.values() if s.announced and s.patient == whose] for whose in (into, gone)}
    if seated[into] and seated[gone]:
        where = " and ".join(each[0].where for each in seated.values())
        refuse(state, record, "merged", f"both sit in a session now, {where}", here, then=_TWO)
        return False
    _close_unannounced(state, record, rows, here)
    state.emit(record, here)
    _join(state, record, here)
    return True


def _is_named(session: Session) -> bool:
    """Whether a session's patient is somebody, and not its device for want of anybody."""
    return session.announced or session.patient != session.device


def _contradiction(record: PatientMerged, whose: str) -> str | None:
    """Why a merge cannot be, by those before it; `whose`: the alias that the one that goes has gone into, itself if none."""
    into, gone = record.patient, record.merged
    if record.sent_as is not None and gone == into:
        return f"{record.sent_as} has gone into {into} already, so {into} cannot go into {record.sent_as}"
    if gone == into:
        return f"{gone} cannot go into itself"
    if whose != gone:
        return f"{gone} has gone into {whose} already, so it is {whose} that may be merged with {into}"
    return None


def _close_unannounced(state: WardState, record: PatientMerged, rows: dict[int, Session], here: Here) -> None:
    """End the sessions that nobody announced of an alias where the other sits: one person is watched once."""
    for row, session in rows.items():
        beside = [other for other in rows.values() if other.patient != session.patient]
        goes = session.patient == record.merged and bool(beside)
        if not session.announced and (goes or any(other.announced for other in beside)):
            before = len(state.emitted)
            close_session(state, row, min(to_us(record.at), here[0]), here)
            # The desk has them before it joins the two: they are of the alias that they name.
            ends, state.emitted[before:] = state.emitted[before:], []
            for _, each in ends:
                state.emit(each, here)


def _join(state: WardState, record: PatientMerged, here: Here) -> None:
    """Join what is known of the two, in the ward's every part."""
    site, into, gone = record.site, record.patient, record.merged
    association, people = state.association, state.people
    was = {alias: people.of(site, alias).conditions for alias in (into, gone)}
    known = any(people.knows(site, alias) or (site, alias) in state.home.patients for alias in (into, gone))
    joined = people.merge(site, into, gone)
    left_out = state.limits.merge(site, into, gone)
    state.pasts.merge(site, into, gone, state.clock_us)
    theirs = {row: session.patient for row, session in sorted(association.sessions.items()) if _is_one(session, record)}
    for row, alias in theirs.items():
        if alias == gone:
            put_minute_away(state, row)
            association.sessions[row].patient = into
    association.merge(site, into, gone)
    for row in theirs:
        state.rows.limit_set[row] = state.limits.set_of(site, into)
        reckon_deeper(state, row)
    unread = [UnreadField(field=field, reason=f"{into}'s own stands", value="") for field in left_out]
    record = record.model_copy(update={"unread": (*(record.unread or ()), *unread) or None})
    audit(state, record, record.session, here)
    alert_unread_fields(state, record, here)
    if known:
        join_at_home(state, site, into, gone, here)
    announced = {row: alias for row, alias in theirs.items() if association.sessions[row].announced}
    for row, alias in announced.items():
        check_contraindication(state, row, here[0], here, anew=joined.conditions != was[alias])
    if known and not announced:
        weigh_registration(state, site, into, here, anew=joined.conditions != was[into])


def _is_one(session: Session, record: PatientMerged) -> bool:
    return session.site == record.site and session.patient in (record.patient, record.merged) and _is_named(session)
