"""Reads what a session's record is made of: its entries and commands, and the transitions of its alerts.

Plain queries in the caller's transaction. Never here: what follows from it (`alerts/record/`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store import archive, minutes
from alerts.store.aliases import aliases_at, names_of
from alerts.store.ledger import clean
from alerts.store.tables import AUDIT, TRANSITIONS
from models.arrays import Document
from models.wire.live import TraceOut

MOST_SESSIONS: Final = 2_000
"""Sessions of one patient that are read at most: two a week for twenty years."""
MOST_OF_A_SESSION: Final = 20_000
"""Entries, and as many transitions, of one session that are read at most: more than anybody enters in a day."""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What the store has of a session. `treated_before`: its patient was given esketamine before its first entry.
    `configured`: the limits that the site has changed.
    """

    patient: str
    entered: list[Document]
    steps: list[Document]
    registered: Document
    trace: TraceOut
    treated_before: bool
    configured: Document


def stored_session(connection: Connection, site: str, session: str, patient: str | None) -> StoredSession | None:
    """A session of the patient who is named, or who was in it last; None: nobody ever entered anything in it."""
    mine = sa.and_(AUDIT.c.site == clean(site), AUDIT.c.session == clean(session))
    wanted = (
        sa.select(AUDIT.c.patient, AUDIT.c.doc)
        .where(mine)
        .order_by(AUDIT.c.shard, AUDIT.c.offset_, AUDIT.c.n)
        .limit(MOST_OF_A_SESSION)
    )
    rows = connection.execute(wanted).all()
    if patient is None:
        kinds = [(row.patient, json.loads(row.doc)["kind"]) for row in reversed(rows) if row.patient is not None]
        # Whoever was started in it; an entry that names it and was another's makes it nobody else's.
        patient = next((who for who, kind in kinds if kind == "session.started"), kinds[0][0] if kinds else None)
    if patient is None:
        return None
    aliases = aliases_at(connection, site)
    names, patient = names_of(aliases, site, patient), aliases.survivor(site, patient)
    # A name that was given to two people is two sessions: nothing of the one is in the record of the other.
    entered = [json.loads(row.doc) for row in rows if row.patient is None or row.patient in names]
    if not any(row.patient in names for row in rows):
        return None
    steps = (
        sa.select(TRANSITIONS.c.doc)
        .where(TRANSITIONS.c.site == clean(site), TRANSITIONS.c.session == clean(session))
        .where(TRANSITIONS.c.patient.in_(names))
        .order_by(TRANSITIONS.c.seq)
        .limit(MOST_OF_A_SESSION)
    )
    before = connection.scalar(
        sa.select(sa.func.count())
        .select_from(AUDIT)
        .where(AUDIT.c.site == clean(site), AUDIT.c.patient.in_(names), AUDIT.c.kind == "dose")
        .where(AUDIT.c.at < entered[0]["at"], AUDIT.c.doc.contains('"esketamine"'))
    )
    newest = (
        sa.select(AUDIT.c.doc)
        .where(AUDIT.c.site == clean(site), AUDIT.c.kind == "site.configured")
        .order_by(AUDIT.c.shard.desc(), AUDIT.c.offset_.desc(), AUDIT.c.n.desc())
        .limit(1)
    )
    configured = connection.scalar(newest)
    return StoredSession(
        patient=patient,
        entered=entered,
        steps=[json.loads(doc) for doc in connection.scalars(steps)],
        registered=archive.registration(connection, site, patient),
        trace=minutes.trace(connection, site, session, patient),
        treated_before=bool(before),
        configured={} if configured is None else json.loads(configured)["doc"].get("limits") or {},
    )


def stored_patient(connection: Connection, site: str, patient: str) -> list[StoredSession] | None:
    """All of a patient: what was entered outside of any session first, then each session in order; None: nothing ever was.

    Sessions beyond `MOST_SESSIONS` are left out, the oldest first.
    """
    aliases = aliases_at(connection, site)
    names, patient = names_of(aliases, site, patient), aliases.survivor(site, patient)
    mine = sa.and_(AUDIT.c.site == clean(site), AUDIT.c.patient.in_(names))
    if connection.scalar(sa.select(sa.literal(1)).where(mine).limit(1)) is None:
        return None
    outside = sa.select(AUDIT.c.doc).where(mine, AUDIT.c.session.is_(None))
    outside = outside.order_by(AUDIT.c.shard, AUDIT.c.offset_, AUDIT.c.n).limit(archive.MOST)
    steps = sa.select(TRANSITIONS.c.doc).where(
        TRANSITIONS.c.site == clean(site), TRANSITIONS.c.patient.in_(names), TRANSITIONS.c.session.is_(None)
    )
    home = StoredSession(
        patient=patient,
        entered=[json.loads(doc) for doc in connection.scalars(outside)],
        steps=[json.loads(doc) for doc in connection.scalars(steps.order_by(TRANSITIONS.c.seq).limit(archive.MOST))],
        registered=archive.registration(connection, site, patient),
        trace={"session": "", "patient": patient, "channels": {}},
        treated_before=False,
        configured={},
    )
    named = sa.select(AUDIT.c.session, sa.func.min(AUDIT.c.at).label("first")).where(mine, AUDIT.c.session.is_not(None))
    newest = named.group_by(AUDIT.c.session).order_by(sa.desc("first")).limit(MOST_SESSIONS)
    found = [
        stored_session(connection, site, row.session, patient) for row in reversed(connection.execute(newest).all())
    ]
    return [home, *(each for each in found if each is not None)]
