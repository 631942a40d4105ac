"""A database as it was at an instant: what came after it is taken out, and what is folded from that is folded anew.

The journal is cut at the first frame stamped after the instant; with it go the effects of later frames, their pages and tries.
The next start goes on from the checkpoint before, and decides again what lies between; so does this, to know which minutes of
which session were not over then. What became of a page by then is not known any more: one that was sent later counts as sent.
Never here: which backup.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from alerts.effects import Cause, Transition
from alerts.store.alert_document import fold
from alerts.store.chain import BEFORE_THE_FIRST, ERASED, audited_event, entry_hash
from alerts.store.ledger import alert_columns
from alerts.store.minutes import UNNAMED_SESSION
from alerts.store.vitals_hour import pack_hour, unpack_hour
from models.instants import MINUTE, NEVER, iso
from models.wire.live import AlertState
from streams.journal.journal import has_erased
from streams.shard import SHARD_FORMAT, Shard
from streams.ward.ward import Ward


def cut_at(database: sqlite3.Connection, until_us: int) -> str:
    """Take out what came after an instant, in one transaction; what was done, in a sentence.

    Raises:
        ValueError: the instant lies before what the journal keeps, or no checkpoint is from before it.
    """
    run = database.execute
    first, first_us, last = run("SELECT min(offset_), min(received_us), max(offset_) FROM journal").fetchone()
    if first is None or until_us < first_us:
        kept = "it has no frames" if first is None else f"its frames are kept from {iso(first_us)} on"
        raise ValueError(f"the backup does not reach back to {iso(until_us)}: {kept}")
    (cut,) = run("SELECT min(offset_) FROM journal WHERE received_us > ?", (until_us,)).fetchone()
    if cut is None:
        return f"the journal ends before {iso(until_us)}: nothing was taken out"
    (before,) = run(
        "SELECT max(next_offset) FROM checkpoints WHERE format = ? AND next_offset <= ? AND next_offset >= ?",
        (SHARD_FORMAT, cut, first),
    ).fetchone()
    if before is None and first > 0:
        raise ValueError(
            f"no checkpoint is from before {iso(until_us)}, and the journal's first frames are no longer kept"
        )
    run("BEGIN IMMEDIATE")
    run("DELETE FROM checkpoints WHERE next_offset > ?", (cut,))
    _take_pages_out(database, cut)
    alerts = [alert for (alert,) in run("SELECT DISTINCT alert FROM transitions WHERE offset_ >= ?", (cut,))]
    for table in (
        "journal",
        "journal_links",
        "journal_damaged",
        *(["journal_erased"] if has_erased(database) else []),
        "transitions",
        "audit",
        "dead_letters",
        "forecasts",
        "effects",
        "conflicts",
    ):
        run(f"DELETE FROM {table} WHERE offset_ >= ?", (cut,))  # names of our own
    run("DELETE FROM journal_notes WHERE first >= ?", (cut,))
    for alert in alerts:
        _fold_again(database, alert)
    _cut_audit(database, cut, until_us)
    run("DELETE FROM latest_forecasts")
    run(
        "INSERT INTO latest_forecasts SELECT site, patient, as_of, doc FROM forecasts WHERE true "
        "ORDER BY as_of, shard, offset_, n ON CONFLICT DO UPDATE SET as_of = excluded.as_of, doc = excluded.doc"
    )
    # Made of entries that may be gone: they are made again.
    run("DELETE FROM kept")
    run("DELETE FROM forecast_queue")
    _shorten_hours(database, cut, _as_then(database, before, cut))
    run("COMMIT")
    return (
        f"as at {iso(until_us)}: frames {cut} to {last} and what came of them were taken out; the next start decides frames "
        f"{before or 0} to {cut - 1} again"
    )


def _take_pages_out(database: sqlite3.Connection, cut: int) -> None:
    later = "SELECT key FROM outbox WHERE digest IN (SELECT digest FROM effects WHERE kind = 'page' AND offset_ >= ?)"
    for table in ("page_alerts", "deliveries", "tries"):
        database.execute(f"DELETE FROM {table} WHERE key IN ({later})", (cut,))  # names of our own
    database.execute(f"DELETE FROM outbox WHERE key IN ({later})", (cut,))


def _fold_again(database: sqlite3.Connection, alert: str) -> None:
    """Bring an alert to where its transitions leave it."""
    state: AlertState | None = None
    for (doc,) in database.execute("SELECT doc FROM transitions WHERE alert = ? ORDER BY seq", (alert,)):
        said: dict[str, Any] = json.loads(doc)
        state = fold(state, Transition(**{**said, "cause": Cause(**said["cause"])}))
    database.execute("DELETE FROM alerts WHERE alert = ?", (alert,))
    if state is not None:
        columns = alert_columns(state)
        names = ", ".join(columns)
        places = ", ".join("?" for _ in columns)
        database.execute(f"INSERT INTO alerts ({names}) VALUES ({places})", tuple(columns.values()))


def _cut_audit(database: sqlite3.Connection, cut: int, until_us: int) -> None:
    """End each site's audit chain before its first entry of a later frame, and before what was noted beside frames after that."""
    run = database.execute
    for (site,) in run("SELECT site FROM audit_heads").fetchall():
        (first,) = run(
            "SELECT coalesce(min(number), ?) FROM audit_chain WHERE site = ? AND offset_ >= ?", (NEVER, site, cut)
        ).fetchone()
        last = run(
            "SELECT number, hash FROM audit_chain WHERE site = ? AND number < ? AND (offset_ IS NOT NULL OR at <= ?) "
            "ORDER BY number DESC LIMIT 1",
            (site, first, iso(until_us)),
        ).fetchone()
        number, hashed = last or (0, BEFORE_THE_FIRST)
        erased = run(
            "SELECT at, who, patient, doc FROM audit_chain WHERE site = ? AND number > ? AND kind = ? ORDER BY number",
            (site, number, ERASED),
        ).fetchall()
        run("DELETE FROM audit_chain WHERE site = ? AND number > ?", (site, number))
        left = number
        # What was erased later is erased in what is left too, and without its entry that would pass for tampering.
        for at, who, patient, doc in erased:
            said = json.loads(doc)
            said["replaced"] = [each for each in said["replaced"] if each[0] <= left]
            entry = audited_event(site, at, ERASED, who, patient, said)
            number, hashed = number + 1, entry_hash(hashed, number + 1, entry)
            run(
                "INSERT INTO audit_chain (site, number, at, kind, who, patient, doc, digest, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (site, number, at, ERASED, who, patient, entry.doc, entry.digest, hashed),
            )
        run("UPDATE audit_heads SET number = ?, hash = ? WHERE site = ?", (number, hashed, site))


def _as_then(database: sqlite3.Connection, before: int | None, cut: int) -> Ward:
    """The ward after all frames below the cut: the checkpoint before it, and the frames between."""
    if before is None:
        (clock,) = database.execute("SELECT value FROM journal_terms WHERE name = 'clock'").fetchone()
        shard = Shard(0, "observed" if clock == "observed" else "received")
    else:
        (state,) = database.execute(
            "SELECT state FROM checkpoints WHERE format = ? AND next_offset = ?", (SHARD_FORMAT, before)
        ).fetchone()
        shard = Shard.restore(bytes(state))
    for offset, received_us, payload in database.execute(
        "SELECT offset_, received_us, payload FROM journal WHERE offset_ >= ? AND offset_ < ? ORDER BY offset_",
        (shard.next_offset, cut),
    ):
        shard.next_offset = offset
        shard.step(offset, received_us, payload)
    return shard.ward


def _shorten_hours(database: sqlite3.Connection, cut: int, ward: Ward) -> None:
    """Take the minutes out that were put away after the cut; the next start does not add those of frames before it again."""
    under_way = {
        (session.site, session.name or UNNAMED_SESSION, session.patient): int(ward.rows.minute[row])
        for row, session in ward.association.sessions.items()
    }
    rows = database.execute(
        "SELECT rowid, site, session, patient, hour_us, packed FROM vitals_hours WHERE next_offset > ?", (cut,)
    ).fetchall()
    for rowid, site, session, patient, hour_us, packed in rows:
        until_us = under_way.get((site, session, patient), NEVER)
        kept = {
            name: {minute: each for minute, each in minutes.items() if hour_us + minute * MINUTE < until_us}
            for name, minutes in unpack_hour(bytes(packed)).items()
        }
        whole = {name: minutes for name, minutes in kept.items() if minutes}
        if whole:
            database.execute(
                "UPDATE vitals_hours SET next_offset = ?, packed = ? WHERE rowid = ?", (cut, pack_hour(whole), rowid)
            )
        else:
            database.execute("DELETE FROM vitals_hours WHERE rowid = ?", (rowid,))
