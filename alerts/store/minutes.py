"""A session's vitals by the minute, kept for years: what remains of it when the journal's samples are gone.

A row holds an hour of one session, packed, all its channels: a patient's afternoon is three rows of some 1 kB. Parts of a minute
are added up in it (streams/ward/minutes.py), each once: a row knows up to which frame it has them, and frames come in order, so a
frame that comes again changes nothing, from whichever checkpoint a shard goes on.
Cost: one row read and written a session and minute. Bad at: questions over all sessions; it is read by session.
Never here: transactions (the caller's), what counts as a reading.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgpack
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import Connection

from alerts.effects import ChannelMinute, FrameEffects, VitalsMinute
from alerts.store.ledger import clean
from alerts.store.tables import VITALS_HOURS
from models.instants import HOUR, MINUTE
from models.tables.channels import CHANNEL_NAMES
from models.wire.live import ChannelTraceOut, TraceOut

HOUR_FORMAT: Final = 1
UNNAMED_SESSION: Final = ""
"""The name, in a row, of a session that none was given: samples opened it, and it goes by its patient alone."""

Hour = dict[str, dict[int, ChannelMinute]]
"""By channel and minute of the hour."""

_COLUMNS: Final = (("lowest", "<f8"), ("highest", "<f8"), ("total", "<f8"), ("readings", "<u4"))


def write_minutes(connection: Connection, insert: Callable[[sa.Table], Any], frame: FrameEffects) -> None:
    """Add a frame's minutes to their hours, in the caller's transaction; of a frame that was added before: nothing."""
    offered: dict[tuple[str, str, str, int], list[VitalsMinute]] = {}
    for part in frame.minutes:
        key = (
            clean(part.site),
            clean(part.session or UNNAMED_SESSION),
            clean(part.patient),
            part.minute_us // HOUR * HOUR,
        )
        offered.setdefault(key, []).append(part)
    names = ("site", "session", "patient", "hour_us")
    for key, parts in offered.items():
        named = dict(zip(names, key, strict=True))
        mine = sa.and_(*(VITALS_HOURS.c[name] == value for name, value in named.items()))
        # First there is a row, then it is locked: two owners of a shard add one after the other.
        connection.execute(insert(VITALS_HOURS).on_conflict_do_nothing(), [{**named, "next_offset": 0, "packed": b""}])
        wanted = sa.select(VITALS_HOURS.c.next_offset, VITALS_HOURS.c.packed).where(mine).with_for_update()
        row = connection.execute(wanted).one()
        if frame.offset < row.next_offset:
            continue
        hour = unpack_hour(row.packed)
        for part in parts:
            _add(hour, part)
        changed = {"next_offset": frame.offset + 1, "packed": pack_hour(hour)}
        connection.execute(sa.update(VITALS_HOURS).where(mine).values(changed))


def _add(hour: Hour, part: VitalsMinute) -> None:
    minute = part.minute_us % HOUR // MINUTE
    for name, new in part.channels.items():
        minutes = hour.setdefault(name, {})
        old = minutes.get(minute)
        minutes[minute] = new if old is None else add_up(old, new)


def add_up(one: ChannelMinute, other: ChannelMinute) -> ChannelMinute:
    """Two parts of a minute as one."""
    return ChannelMinute(
        min(one.lowest, other.lowest),
        max(one.highest, other.highest),
        one.total + other.total,
        one.readings + other.readings,
    )


def pack_hour(hour: Hour) -> bytes:
    """The bytes of an hour; `unpack_hour` gives it back."""
    packed = {}
    for name, minutes in hour.items():
        at = sorted(minutes)
        columns = np.array([minutes[each] for each in at], np.float64).T
        packed[name] = [bytes(at), *(_shuffled(columns[n].astype(kind)) for n, (_, kind) in enumerate(_COLUMNS))]
    return zlib.compress(msgpack.packb([HOUR_FORMAT, packed]), 6)


def unpack_hour(packed: bytes) -> Hour:
    """The hour of `pack_hour`, by this version or an earlier one; an empty one of no bytes.

    Raises:
        ValueError: a later version wrote it.
    """
    if not packed:
        return {}
    version, channels = msgpack.unpackb(zlib.decompress(packed))
    if version != HOUR_FORMAT:
        raise ValueError(f"an hour of vitals of format {version!r}; this version reads {HOUR_FORMAT}")
    hour: Hour = {}
    for name, (at, *columns) in channels.items():
        read = [_unshuffled(column, kind) for column, (_, kind) in zip(columns, _COLUMNS, strict=True)]
        rows = zip(*(column.tolist() for column in read), strict=True)
        hour[name] = {minute: ChannelMinute(*row) for minute, row in zip(at, rows, strict=True)}
    return hour


def _shuffled(column: NDArray[Any]) -> bytes:
    """The first bytes of all numbers, then the second ones: vitals differ in few of them, so that they pack to a third."""
    return column.view(np.uint8).reshape(len(column), -1).T.tobytes()


def _unshuffled(data: bytes, kind: str) -> NDArray[Any]:
    width = np.dtype(kind).itemsize
    return np.frombuffer(data, np.uint8).reshape(width, -1).T.copy().reshape(-1).view(kind)


def trace(connection: Connection, site: str, session: str, patient: str | None) -> TraceOut:
    """A session's minutes by channel; of the patient in it last if no other is named. No channels where there are none."""
    wanted = sa.select(VITALS_HOURS.c.patient, VITALS_HOURS.c.hour_us, VITALS_HOURS.c.packed)
    wanted = wanted.where(VITALS_HOURS.c.site == clean(site), VITALS_HOURS.c.session == clean(session))
    if patient is not None:
        wanted = wanted.where(VITALS_HOURS.c.patient == clean(patient))
    rows = connection.execute(wanted.order_by(VITALS_HOURS.c.hour_us)).all()
    if not rows:
        return {"session": session, "patient": patient, "channels": {}}
    whose = rows[-1].patient
    hours = [(row.hour_us, unpack_hour(row.packed)) for row in rows if row.patient == whose]
    names = [name for name in CHANNEL_NAMES if any(name in hour for _, hour in hours)]
    return {
        "session": session, "patient": whose,
        "channels": {name: _channel([(hour_us, hour.get(name, {})) for hour_us, hour in hours]) for name in names},
    }  # fmt: skip


def _channel(hours: Sequence[tuple[int, dict[int, ChannelMinute]]]) -> ChannelTraceOut:
    """One channel of some hours, as columns."""
    minutes = [
        ((hour_us + minute * MINUTE) // 1000, each)
        for hour_us, found in hours for minute, each in sorted(found.items())
    ]  # fmt: skip
    return {
        "minute": [at_ms for at_ms, _ in minutes],
        "lowest": [each.lowest for _, each in minutes],
        "mean": [round(each.total / each.readings, 2) for _, each in minutes],
        "highest": [each.highest for _, each in minutes],
        "count": [each.readings for _, each in minutes],
    }
