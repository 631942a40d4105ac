"""Reads the past of patients at home: entries, forecasts, and each patient's newest forecast.

Plain queries in the caller's transaction. A course is the audit's entries, each with the instant at which it was received, so
that a forecast for any day can be made again from the entries received by then.
Never here: writing (`ledger.py`), a forecast's meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store.aliases import MERGED, aliases_at, names_of, registered, stored_names, told_apart
from alerts.store.ledger import clean
from alerts.store.tables import AUDIT, FORECASTS, LATEST_FORECASTS, TRANSITIONS
from models.arrays import Document
from models.wire.home import KeptForecastOut
from models.wire.observations import Record

COURSE_KINDS: Final = ("patient.registered", "dose", "dose.stopped", "checkin", "intervention")
"""Kinds of entries that a course may be made of; which of them are, `streams.ward.home.rules.in_course` says."""
SESSION_KINDS: Final = (
    "session.started",
    "session.ended",
    "dose",
    "dose.stopped",
    "checkin",
    "vitals",
    "cuff.corrected",
)
MOST: Final = 20_000
"""Entries of one patient that are read at most: twenty years of daily mood."""


def course(connection: Connection, site: str, patients: Sequence[str]) -> dict[str, list[Document]]:
    """Every patient's entries as (received_at and the entry as sent), in the order in which they came."""
    found: dict[str, list[Document]] = {patient: [] for patient in patients}
    aliases = aliases_at(connection, site)
    # Two of those who are asked for may be one person: what is stored is of both.
    whose: dict[str, list[str]] = {}
    for patient in found:
        for name in names_of(aliases, site, patient):
            whose.setdefault(name, []).append(patient)
    wanted = (
        sa.select(AUDIT.c.patient, AUDIT.c.doc)
        .where(AUDIT.c.site == clean(site), AUDIT.c.patient.in_(whose), AUDIT.c.kind.in_(COURSE_KINDS))
        .order_by(AUDIT.c.shard, AUDIT.c.offset_, AUDIT.c.n)
    )
    for row in connection.execute(wanted):
        entry = json.loads(row.doc)
        # As it was sent: whether an entry names its session says whether it is part of a course.
        for patient in whose[row.patient]:
            found[patient].append({**entry["doc"], "received_at": entry["received_at"]})
    return {patient: told_apart(entries, aliases.survivor(site, patient)) for patient, entries in found.items()}


REGISTERED: Final = ("weight_kg", "birth_year", "sex", "timezone", "conditions", "medications", "limits")


def registration(connection: Connection, site: str, patient: str) -> Document:
    """What is registered of a patient: each field as it was last said, and when anything was; empty: nothing ever was."""
    aliases = aliases_at(connection, site)
    names = names_of(aliases, site, patient)
    wanted = (
        sa.select(AUDIT.c.doc)
        .where(
            AUDIT.c.site == clean(site), AUDIT.c.patient.in_(names), AUDIT.c.kind.in_(("patient.registered", MERGED))
        )
        .order_by(AUDIT.c.shard, AUDIT.c.offset_, AUDIT.c.n)
    )
    return registered(map(json.loads, connection.scalars(wanted)), aliases.survivor(site, patient), REGISTERED)


def in_sessions(connection: Connection, site: str, patient: str) -> list[Document]:
    """What was entered in a patient's sessions, in order."""
    names = stored_names(connection, site, patient)
    mine = sa.select(AUDIT.c.session).where(AUDIT.c.site == clean(site), AUDIT.c.patient.in_(names))
    wanted = (
        sa.select(AUDIT.c.doc)
        # The end of a session names the session only.
        .where(AUDIT.c.site == clean(site), AUDIT.c.session.in_(mine.where(AUDIT.c.session.is_not(None))))
        .where(AUDIT.c.kind.in_(SESSION_KINDS))
        .order_by(AUDIT.c.at.desc())
        .limit(MOST)
    )
    entries = [json.loads(doc) for doc in connection.scalars(wanted)][::-1]
    return [{**entry["doc"], "session": entry["session"], "received_at": entry["received_at"]} for entry in entries]


def ends_of(connection: Connection, sessions: Iterable[str]) -> dict[tuple[str, str], str]:
    """When those of these sessions that are over ended, by (site, session)."""
    wanted = sa.select(AUDIT.c.site, AUDIT.c.session, sa.func.max(AUDIT.c.at)).where(
        AUDIT.c.session.in_(sorted(map(clean, set(sessions)))), AUDIT.c.kind == "session.ended"
    )
    found = connection.execute(wanted.group_by(AUDIT.c.site, AUDIT.c.session)).all()
    return {(site, session): at for site, session, at in found}


def alerts_by_session(connection: Connection, site: str, patient: str) -> dict[str, int]:
    """How many alerts each of a patient's sessions raised."""
    wanted = (
        sa.select(TRANSITIONS.c.session, sa.func.count(sa.distinct(TRANSITIONS.c.alert)))
        .where(TRANSITIONS.c.site == clean(site))
        .where(TRANSITIONS.c.patient.in_(stored_names(connection, site, patient)))
        .where(TRANSITIONS.c.session.is_not(None))
        .group_by(TRANSITIONS.c.session)
    )
    return {row[0]: row[1] for row in connection.execute(wanted)}


def latest_forecasts(connection: Connection, site: str, patient: str | None = None) -> list[KeptForecastOut]:
    """Each patient's newest forecast; of an alias that has gone, that of the one that stays."""
    aliases = aliases_at(connection, site)
    wanted = sa.select(LATEST_FORECASTS.c.doc).where(LATEST_FORECASTS.c.site == clean(site))
    if patient is not None:
        wanted = wanted.where(LATEST_FORECASTS.c.patient == clean(aliases.survivor(site, patient)))
    found = _forecasts(connection.scalars(wanted))
    return [each for each in found if aliases.survivor(site, each["patient"]) == each["patient"]]


def past_forecasts(
    connection: Connection, site: str, patient: str | None = None, as_of: str | None = None, limit: int = 10_000
) -> list[KeptForecastOut]:
    """Forecasts as they were made: the last one of each patient and day, by day; of days on which two aliases had one each, that
    of the one that stays.
    """
    aliases = aliases_at(connection, site)
    wanted = sa.select(FORECASTS.c.patient, FORECASTS.c.as_of, FORECASTS.c.doc).where(FORECASTS.c.site == clean(site))
    if patient is not None:
        wanted = wanted.where(FORECASTS.c.patient.in_(names_of(aliases, site, patient)))
    if as_of is not None:
        wanted = wanted.where(FORECASTS.c.as_of == as_of)
    wanted = wanted.order_by(
        FORECASTS.c.as_of.desc(), FORECASTS.c.shard, FORECASTS.c.offset_, FORECASTS.c.n
    ).limit(limit)  # fmt: skip
    rows = connection.execute(wanted).all()
    last: dict[tuple[str, str], str] = {}
    for stays in (False, True):
        for row in rows:
            survivor = aliases.survivor(site, row.patient)
            if (row.patient == survivor) is stays:
                last[row.as_of, survivor] = row.doc
    return [{**kept_forecast(json.loads(last[key])), "patient": key[1]} for key in sorted(last)]


def _forecasts(docs: Iterable[str]) -> list[KeptForecastOut]:
    return [kept_forecast(json.loads(doc)) for doc in docs]


def kept_forecast(stored: Document) -> KeptForecastOut:
    """A forecast's own fields, and when it was made."""
    fields = {name: value for name, value in stored["doc"].items() if name not in _OURS}
    return cast(KeptForecastOut, {**fields, "site": stored["site"], "made_at": stored["at"]})


_OURS: Final = (Record.model_fields.keys() | {"kind"}) - {"patient"}
