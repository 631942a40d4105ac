"""Rows that the FHIR read API is made of: plain queries of one site, in the caller's transaction.

Never here: what becomes of a row (`alerts/fhir/`), transactions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store import outbox
from alerts.store.archive import MOST
from alerts.store.chain import contents_of
from alerts.store.ledger import clean
from alerts.store.tables import (
    ALERTS,
    AUDIT,
    AUDIT_CHAIN,
    DELIVERIES,
    FORECASTS,
    OUTBOX,
    PAGE_ALERTS,
    TRANSITIONS,
    VITALS_HOURS,
)
from models.instants import iso
from models.wire.audit import AuditEntryOut

_FIRST_US, _LAST_US = 0, 253_402_300_799_000_000
"""The instants that stored times may have: 1970 to the year 9999."""


def aliases(connection: Connection, site: str) -> list[str]:
    """Every alias that anything is stored of, in order."""
    found: set[str] = set()
    for table in (AUDIT, TRANSITIONS, VITALS_HOURS):
        wanted = sa.select(table.c.patient).where(table.c.site == clean(site), table.c.patient.is_not(None)).distinct()
        found.update(connection.scalars(wanted))
    return sorted(found)


def is_known(connection: Connection, site: str, patient: str) -> bool:
    """Whether anything is stored of a patient of a site."""
    for table in (TRANSITIONS, VITALS_HOURS, AUDIT):
        mine = sa.and_(table.c.patient == clean(patient), table.c.site == clean(site))
        if connection.scalar(sa.select(sa.literal(1)).where(mine).limit(1)) is not None:
            return True
    return False


def entries(
    connection: Connection, site: str, names: Sequence[str], kinds: Sequence[str], from_us: int = _FIRST_US, until_us: int = _LAST_US
) -> Sequence[sa.Row[Any]]:  # fmt: skip
    """The entries of these kinds under a patient's names, from an instant on and before another."""
    mine = sa.and_(AUDIT.c.site == clean(site), AUDIT.c.patient.in_(names), AUDIT.c.kind.in_(kinds))
    wanted = sa.select(AUDIT).where(mine, AUDIT.c.at >= _text(from_us), AUDIT.c.at <= _text(until_us))
    return connection.execute(wanted.order_by(AUDIT.c.at.desc()).limit(MOST)).all()


def stored_entry(connection: Connection, site: str, shard: int, offset: int, n: int) -> sa.Row[Any] | None:
    """The entry at a place."""
    place = sa.and_(AUDIT.c.shard == shard, AUDIT.c.offset_ == offset, AUDIT.c.n == n)
    return connection.execute(sa.select(AUDIT).where(place, AUDIT.c.site == clean(site))).one_or_none()


def replaced(connection: Connection, site: str, names: Sequence[str]) -> set[str]:
    """The ids of a patient's entries that later ones took the place of."""
    wanted = sa.select(AUDIT.c.doc).where(
        AUDIT.c.site == clean(site), AUDIT.c.patient.in_(names), AUDIT.c.doc.contains('"replaces":"')
    )
    docs = map(json.loads, connection.scalars(wanted.limit(MOST)))
    return {
        doc["doc"]["replaces"] for doc in docs if doc["doc"].get("replaces") and doc["outcome"].startswith("accepted")
    }


def hours(
    connection: Connection, site: str, names: Sequence[str], from_us: int, until_us: int
) -> Sequence[sa.Row[str, str, int]]:
    """Of which sessions and hours there are a patient's vitals, by hour."""
    columns = (VITALS_HOURS.c.session, VITALS_HOURS.c.patient, VITALS_HOURS.c.hour_us)
    wanted = sa.select(*columns).where(VITALS_HOURS.c.site == clean(site), VITALS_HOURS.c.patient.in_(names))
    wanted = wanted.where(VITALS_HOURS.c.hour_us >= from_us, VITALS_HOURS.c.hour_us < min(until_us, _LAST_US))
    return connection.execute(wanted.order_by(VITALS_HOURS.c.hour_us, VITALS_HOURS.c.session)).all()


def sessions_in_hour(connection: Connection, site: str, hour_us: int) -> Sequence[sa.Row[str, str, int]]:
    """Of which sessions and patients there are vitals in an hour."""
    columns = (VITALS_HOURS.c.session, VITALS_HOURS.c.patient, VITALS_HOURS.c.hour_us)
    wanted = sa.select(*columns).where(VITALS_HOURS.c.site == clean(site), VITALS_HOURS.c.hour_us == hour_us)
    return connection.execute(wanted).all()


def hour(connection: Connection, site: str, session: str, patient: str, hour_us: int) -> bytes:
    """The bytes of an hour of a session."""
    wanted = sa.select(VITALS_HOURS.c.packed).where(
        VITALS_HOURS.c.site == clean(site), VITALS_HOURS.c.session == session, VITALS_HOURS.c.patient == clean(patient),
        VITALS_HOURS.c.hour_us == hour_us,
    )  # fmt: skip
    return bytes(connection.scalar(wanted) or b"")


def alert(connection: Connection, site: str, id_: str) -> sa.Row[Any] | None:
    """An alert as it stands."""
    wanted = sa.select(ALERTS).where(ALERTS.c.alert == clean(id_), ALERTS.c.site == clean(site))
    return connection.execute(wanted).one_or_none()


def alerts(connection: Connection, site: str, names: Sequence[str] | None) -> Sequence[sa.Row[Any]]:
    """The alerts of a site as they stand, or of one patient; the last `MOST`."""
    wanted = sa.select(ALERTS).where(ALERTS.c.site == clean(site))
    if names is not None:
        wanted = wanted.where(ALERTS.c.alert.in_(_alerts_of(site, names)))
    return connection.execute(wanted.order_by(ALERTS.c.seq.desc()).limit(MOST)).all()


def pages(
    connection: Connection, site: str, names: Sequence[str] | None = None, key: str | None = None
) -> Sequence[sa.Row[Any]]:  # fmt: skip
    """The pages about a patient's alerts, or the page of a key."""
    wanted = sa.select(OUTBOX)
    if key is not None:
        wanted = wanted.where(OUTBOX.c.key == clean(key))
    if names is not None:
        about = sa.select(PAGE_ALERTS.c.key).where(PAGE_ALERTS.c.alert.in_(_alerts_of(site, names)))
        wanted = wanted.where(OUTBOX.c.key.in_(about))
    return connection.execute(wanted.order_by(OUTBOX.c.at_us.desc()).limit(MOST)).all()


def page_keys(connection: Connection) -> Iterator[str]:
    """The key of every page."""
    yield from connection.scalars(sa.select(OUTBOX.c.key))


def deliveries(connection: Connection, keys: Sequence[str]) -> tuple[dict[str, tuple[list[str], list[str]]], set[str]]:
    """Of pages: who was reached and who was not, in words; and which of them may yet reach somebody."""
    tried: dict[str, tuple[list[str], list[str]]] = {}
    live: set[str] = set()
    for n in range(0, len(keys), 500):
        some = keys[n : n + 500]
        tried |= outbox.tried_of(connection, some)
        wanted = sa.select(DELIVERIES.c.key).where(DELIVERIES.c.key.in_(some), DELIVERIES.c.state.in_(outbox.LIVE))
        live.update(connection.scalars(wanted))
    return tried, live


def forecasts(connection: Connection, site: str, names: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """A patient's forecasts as they were made; the last `MOST`."""
    wanted = sa.select(FORECASTS).where(FORECASTS.c.site == clean(site), FORECASTS.c.patient.in_(names))
    return connection.execute(wanted.order_by(FORECASTS.c.as_of.desc()).limit(MOST)).all()


def forecast(connection: Connection, site: str, shard: int, offset: int, n: int) -> sa.Row[Any] | None:
    """The forecast at a place."""
    place = sa.and_(FORECASTS.c.shard == shard, FORECASTS.c.offset_ == offset, FORECASTS.c.n == n)
    return connection.execute(sa.select(FORECASTS).where(place, FORECASTS.c.site == clean(site))).one_or_none()


def audited(
    connection: Connection, site: str, after: int, limit: int, names: Sequence[str] | None = None, from_us: int = _FIRST_US,
    until_us: int = _LAST_US,
) -> list[AuditEntryOut]:  # fmt: skip
    """A site's audit above a number, in order."""
    wanted = sa.select(AUDIT_CHAIN).where(AUDIT_CHAIN.c.site == clean(site), AUDIT_CHAIN.c.number > after)
    if from_us > _FIRST_US:
        wanted = wanted.where(AUDIT_CHAIN.c.at >= _text(from_us))
    if until_us < _LAST_US:
        wanted = wanted.where(AUDIT_CHAIN.c.at <= _text(until_us))
    if names is not None:
        wanted = wanted.where(AUDIT_CHAIN.c.patient.in_(names))
    rows = list(connection.execute(wanted.order_by(AUDIT_CHAIN.c.number).limit(limit)))
    contents = contents_of(connection, rows)
    return [
        {
            "number": row.number, "at": row.at, "kind": row.kind, "who": row.who, "patient": row.patient,
            "doc": None if (content := contents[row.number]) is None else json.loads(content[1]), "hash": row.hash,
        }
        for row in rows
    ]  # fmt: skip


def _alerts_of(site: str, names: Sequence[str]) -> sa.Select[Any]:
    mine = sa.and_(TRANSITIONS.c.site == clean(site), TRANSITIONS.c.patient.in_(names))
    return sa.select(TRANSITIONS.c.alert).where(mine)


def _text(instant_us: int) -> str:
    return iso(min(max(instant_us, _FIRST_US), _LAST_US))
