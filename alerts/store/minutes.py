"""A session's vitals by the minute, kept for years: what remains of it when the journal's samples are gone.

A row holds an hour of one session, packed (vitals_hour.py), all its channels: a patient's afternoon is three rows of .8 kB. Parts
of a minute are added up in it (streams/ward/minutes.py), each once: a row knows up to which frame it has them, and frames come
in order, so a frame that comes again changes nothing, from whichever checkpoint a shard goes on.
Cost: one row read and written a session and minute, those of a frame together.
Bad at: questions over all sessions; it is read by session.
Never here: transactions (the caller's), what counts as a reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import ChannelMinute, FrameEffects, VitalsMinute
from alerts.store.aliases import stored_names
from alerts.store.ledger import clean
from alerts.store.tables import VITALS_HOURS
from alerts.store.vitals_hour import HourTable, unpack_hour
from models.instants import HOUR, MINUTE
from models.tables.channels import CHANNEL_NAMES
from models.wire.live import ChannelTraceOut, TraceOut

UNNAMED_SESSION: Final = ""
"""The name, in a row, of a session that none was given: samples opened it, and it goes by its patient alone."""

_KEY: Final = ("site", "session", "patient", "hour_us")
_Key = tuple[str, str, str, int]
_LOCKED_AT_ONCE: Final = 16
"""Chosen by us: a statement for so many hours takes little longer than one for one of them."""


def _lock(hours: int) -> sa.Select[Any]:
    """Reads so many hours and locks them, in one order for all who lock several.

    A term for each, as SQLite finds no index for a list of tuples and reads the whole table.
    """
    columns = [VITALS_HOURS.c[name] for name in _KEY]
    each = (sa.and_(*(column == sa.bindparam(f"{column.name}_{n}") for column in columns)) for n in range(hours))
    wanted = sa.select(*columns, VITALS_HOURS.c.next_offset, VITALS_HOURS.c.packed).where(sa.or_(*each))
    return wanted.order_by(*columns).with_for_update()


LOCKS: Final = {hours: _lock(hours) for hours in (1, _LOCKED_AT_ONCE)}
_CHANGED: Final = (
    sa.update(VITALS_HOURS)
    .where(*(VITALS_HOURS.c[name] == sa.bindparam(f"of_{name}") for name in _KEY))
    .values(next_offset=sa.bindparam("to_offset"), packed=sa.bindparam("to_packed"))
)  # fmt: skip


def write_minutes(connection: Connection, insert: Callable[[sa.Table], Any], frame: FrameEffects) -> None:
    """Add a frame's minutes to their hours, in the caller's transaction; of a frame that was added before: nothing.

    Three statements for all of them, and a fourth in a session's first minute of an hour.
    """
    offered: dict[_Key, list[VitalsMinute]] = {}
    for part in frame.minutes:
        key = (
            clean(part.site),
            clean(part.session or UNNAMED_SESSION),
            clean(part.patient),
            part.minute_us // HOUR * HOUR,
        )
        offered.setdefault(key, []).append(part)
    found = _locked(connection, offered)
    missing = [key for key in offered if key not in found]
    if missing:
        # First there is a row, then it is locked: two owners of a shard add one after the other.
        rows = [{**dict(zip(_KEY, key, strict=True)), "next_offset": 0, "packed": b""} for key in missing]
        connection.execute(insert(VITALS_HOURS).on_conflict_do_nothing(), rows)
        found |= _locked(connection, missing)
    changed = []
    for key, parts in offered.items():
        next_offset, packed = found[key]
        if frame.offset < next_offset:
            continue
        hour = HourTable.unpacked(packed)
        for part in parts:
            hour.add(part.minute_us % HOUR // MINUTE, part.packed)
        of = {f"of_{name}": value for name, value in zip(_KEY, key, strict=True)}
        changed.append({**of, "to_offset": frame.offset + 1, "to_packed": hour.packed()})
    if changed:
        connection.execute(_CHANGED, changed)


def _locked(connection: Connection, keys: Iterable[_Key]) -> dict[_Key, tuple[int, bytes]]:
    """The `next_offset` and bytes of those of these hours that there are, which are locked."""
    ordered, found = sorted(keys), dict[_Key, tuple[int, bytes]]()
    for n in range(0, len(ordered), _LOCKED_AT_ONCE):
        some = ordered[n : n + _LOCKED_AT_ONCE]
        if len(some) > 1:
            some += [some[-1]] * (_LOCKED_AT_ONCE - len(some))
        named = {f"{name}_{k}": value for k, key in enumerate(some) for name, value in zip(_KEY, key, strict=True)}
        for site, session, patient, hour_us, next_offset, packed in connection.execute(LOCKS[len(some)], named):
            found[site, session, patient, hour_us] = (next_offset, packed)
    return found


def trace(connection: Connection, site: str, session: str, patient: str | None) -> TraceOut:
    """A session's minutes by channel; of the patient in it last if no other is named. No channels where there are none."""
    wanted = sa.select(VITALS_HOURS.c.patient, VITALS_HOURS.c.hour_us, VITALS_HOURS.c.packed)
    wanted = wanted.where(VITALS_HOURS.c.site == clean(site), VITALS_HOURS.c.session == clean(session))
    if patient is not None:
        wanted = wanted.where(VITALS_HOURS.c.patient.in_(stored_names(connection, site, patient)))
    rows = connection.execute(wanted.order_by(VITALS_HOURS.c.hour_us)).all()
    if not rows:
        return {"session": session, "patient": patient, "channels": {}}
    theirs = stored_names(connection, site, rows[-1].patient)
    whose = theirs[0]
    hours = [(row.hour_us, unpack_hour(row.packed)) for row in rows if row.patient in theirs]
    names = [name for name in CHANNEL_NAMES if any(name in hour for _, hour in hours)]
    return {
        "session": session, "patient": whose,
        "channels": {name: _channel([(hour_us, hour.get(name, {})) for hour_us, hour in hours]) for name in names},
    }  # fmt: skip


def _channel(hours: Sequence[tuple[int, dict[int, ChannelMinute]]]) -> ChannelTraceOut:
    """One channel of some hours, as columns."""
    minutes = sorted(
        (((hour_us + minute * MINUTE) // 1000, each) for hour_us, found in hours for minute, each in found.items()),
        key=lambda each: each[0],
    )
    return {
        "minute": [at_ms for at_ms, _ in minutes],
        "lowest": [each.lowest for _, each in minutes],
        "mean": [round(each.total / each.readings, 2) for _, each in minutes],
        "highest": [each.highest for _, each in minutes],
        "count": [each.readings for _, each in minutes],
    }
