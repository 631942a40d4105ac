"""Verifying a data directory or a backup: everything in it is held against what it was written with. Reads, and changes nothing.

The database's pages, each frame against the chain, the journal's end against its head, each checkpoint, each effect's document
against its digest, the hours of vitals, the files of a backup against its list. With `replay` the frames since the oldest
checkpoint are also decided again, and what comes out must be what is stored.
Cost: it reads everything: some 10 s a gigabyte, and a replay some minutes a week. Bad at: a change that was made with all its
digests. Never here: mending.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from alerts.store.chain import content_digest
from alerts.store.ledger import digests_of
from alerts.store.vitals_hour import unpack_hour
from deploy.access.database import ACCOUNTS_FILE
from deploy.privacy.names import NAMES_FILE
from models.instants import iso
from streams.journal.head import HEAD_FILE, HeadFile
from streams.journal.journal import PRUNED, chain_breaks
from streams.journal.trouble import trouble_in_words
from streams.shard import SHARD_FORMAT, Shard

DATABASE: Final = "chairside.sqlite"
LIST_FILE: Final = "backup.json"
"""In a backup: its files with their SHA-256, and what it holds."""
_SAID_AT_MOST: Final = 10
_DOCUMENTS: Final = {
    "transitions": "transition",
    "audit": "audit",
    "dead_letters": "dead-letter",
    "forecasts": "forecast",
}
"""Tables with an effect's document → its kind."""


@dataclass(slots=True)
class Verified:
    """What was found. `held`: what is as it should be, a line each; `wrong`: what is not; `said`: what is worth knowing."""

    held: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def look(self, what: str, wrongs: Iterator[str]) -> None:
        """Add what is wrong with something, or that nothing is."""
        found = list(wrongs)
        self.wrong += found[:_SAID_AT_MOST]
        if len(found) > _SAID_AT_MOST:
            self.wrong.append(f"and {len(found) - _SAID_AT_MOST} more of these")
        if not found:
            self.held.append(what)


def verify(folder: Path, *, replay: bool = False) -> Verified:
    """Verify a data directory (the service may be running) or a backup.

    Raises:
        FileNotFoundError: there is no database in it.
    """
    path, found = folder / DATABASE, Verified()
    if not path.is_file():
        raise FileNotFoundError(2, "there is no database here: give the --data of `serve`, or a backup", str(path))
    if (folder / LIST_FILE).is_file():
        found.look("the files are those that were backed up", _listed(folder))
    # The head first: a service that runs moves both on, and the journal must never be found shorter for that.
    head = HeadFile(folder / HEAD_FILE).read()
    try:
        with closing(reading(path)) as database:
            database.execute("BEGIN")
            found.look(f"{path.name}: every page", _pages(database))
            frames = database.execute("SELECT count(*), min(offset_), max(offset_) FROM journal").fetchone()
            which = f"{frames[0]:,} frames ({frames[1]} to {frames[2]})" if frames[0] else "a journal without frames"
            found.look(f"{which}: each as it was written, none missing", _frames(database))
            if head is not None:
                found.look("the journal ends where its head says, or later", _end(database, head.offset, head.link))
            found.look("every checkpoint can be read", _checkpoints(database))
            found.look("every effect's document is as it was written", _documents(database))
            found.look("every hour of vitals can be read", _hours(database))
            found.said += _noted(database)
            if replay:
                _replayed(database, found)
    except sqlite3.Error as failed:
        found.wrong.append(f"{path.name} cannot be read on: {trouble_in_words(failed)}")
    for name in (ACCOUNTS_FILE, NAMES_FILE):
        if (folder / name).is_file():
            try:
                with closing(reading(folder / name)) as beside:
                    found.look(f"{name}: every page", _pages(beside))
            except sqlite3.Error as failed:
                found.wrong.append(f"{name} cannot be read: {trouble_in_words(failed)}")
    return found


def reading(path: Path) -> sqlite3.Connection:
    """A connection that can change nothing."""
    return sqlite3.connect(f"file:{path.resolve()}?mode=ro", uri=True, isolation_level=None, timeout=10)


def sha256(path: Path) -> str:
    """Of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(folder: Path) -> Iterator[str]:
    for name, digest in json.loads((folder / LIST_FILE).read_text("utf-8"))["files"].items():
        if not (folder / name).is_file():
            yield f"{name} is missing from the backup"
        elif sha256(folder / name) != digest:
            yield f"{name} is not as it was backed up"


def _pages(database: sqlite3.Connection) -> Iterator[str]:
    for (said,) in database.execute("PRAGMA integrity_check(100)"):
        if said != "ok":
            yield f"the database is damaged: {said}"


def _frames(database: sqlite3.Connection) -> Iterator[str]:
    pruned = database.execute("SELECT value FROM journal_terms WHERE name = ?", (PRUNED,)).fetchone()
    yield from (each.reason for each in chain_breaks(database, 0 if pruned is None else int(pruned[0])))
    for (offset,) in database.execute(
        "SELECT offset_ FROM (SELECT offset_, received_us < lag(received_us) OVER (ORDER BY offset_) back FROM journal) WHERE back"
    ):
        yield f"frame {offset} is stamped before the one before it"


def _end(database: sqlite3.Connection, offset: int, link: bytes) -> Iterator[str]:
    (last,) = database.execute("SELECT max(until) FROM journal_notes WHERE what = 'lost'").fetchone()
    (here,) = database.execute("SELECT max(offset_) FROM journal").fetchone()
    here = max(-1 if here is None else here, (last or 0) - 1)
    if offset > here:
        yield f"the journal ends at frame {here}, and had frames up to {offset}: it was cut or replaced"
    written = database.execute("SELECT link FROM journal_links WHERE offset_ = ?", (offset,)).fetchone()
    if written is not None and link and bytes(written[0]) != link:
        yield f"the journal is another one: its frame {offset} is not the one that its head knows"


def _checkpoints(database: sqlite3.Connection) -> Iterator[str]:
    (last,) = database.execute("SELECT max(offset_) FROM journal").fetchone()
    (lost,) = database.execute("SELECT max(until) FROM journal_notes WHERE what = 'lost'").fetchone()
    end = max(0 if last is None else last + 1, lost or 0)
    for offset, state in database.execute(
        "SELECT next_offset, state FROM checkpoints WHERE format = ?", (SHARD_FORMAT,)
    ):
        try:
            Shard.restore(bytes(state))
        except Exception as wrong:  # noqa: BLE001  # whatever it is, this checkpoint is of no use
            yield f"the checkpoint at frame {offset} cannot be read: {wrong}"
        if offset > end:
            yield f"the checkpoint at frame {offset} is ahead of the journal, which ends at {end - 1}"


def _documents(database: sqlite3.Connection) -> Iterator[str]:
    for table, kind in _DOCUMENTS.items():
        rows = database.execute(
            f"SELECT shard, offset_, n, doc, digest, effects.kind FROM {table} LEFT JOIN effects USING (shard, offset_, n)"
        )
        for shard, offset, n, doc, digest, of_kind in rows:
            if digest is None and of_kind is None:
                yield f"{table}: there is a row that no frame gave (shard {shard}, frame {offset}, {n})"
            elif content_digest(kind, doc) != digest:
                yield f"{table}: effect {n} of frame {offset} is not as it was written"
        for (gone,) in database.execute(
            f"SELECT count(*) FROM effects LEFT JOIN {table} USING (shard, offset_, n) WHERE effects.kind = ? AND doc IS NULL",
            (kind,),
        ):
            if gone:
                yield f"{table}: {gone} rows are gone"
    for key, digest, doc in database.execute("SELECT key, digest, doc FROM outbox"):
        if content_digest("page", doc) != digest:
            yield f"outbox: the page {key} is not as it was written"
    (conflicts,) = database.execute("SELECT count(*) FROM conflicts").fetchone()
    if conflicts:
        yield f"{conflicts} effects disagreed with what was written before (table conflicts)"


def _hours(database: sqlite3.Connection) -> Iterator[str]:
    for session, hour_us, packed in database.execute("SELECT session, hour_us, packed FROM vitals_hours"):
        try:
            unpack_hour(bytes(packed))
        except Exception as wrong:  # noqa: BLE001  # damaged bytes fail in many ways
            yield f"vitals of session {session or '-'} at {iso(hour_us)} cannot be read: {wrong}"


def _noted(database: sqlite3.Connection) -> list[str]:
    return [
        f"frames {first} to {until - 1} are {what}: {reason}"
        for first, until, what, reason in database.execute("SELECT first, until, what, reason FROM journal_notes ORDER BY first")
    ]  # fmt: skip


def _replayed(database: sqlite3.Connection, found: Verified) -> None:
    """Decide the frames since the oldest checkpoint again."""
    shard, why = _oldest(database)
    if shard is None:
        found.wrong.append(why)
        return
    begun, different = shard.next_offset, []
    stored: dict[int, list[tuple[int, int, str, str]]] = {}
    for row in database.execute(
        "SELECT offset_, n, kind, digest FROM effects WHERE shard = ? AND offset_ >= ? ORDER BY offset_, n",
        (shard.number, begun),
    ):
        stored.setdefault(row[0], []).append(row)
    last = max(stored, default=-1)
    for offset, received_us, payload in database.execute(
        "SELECT offset_, received_us, payload FROM journal WHERE offset_ >= ? ORDER BY offset_", (begun,)
    ):
        shard.next_offset = offset
        made = digests_of(shard.step(offset, received_us, payload))
        # What was accepted last is perhaps decided and not written yet.
        if made != stored.get(offset, []) and offset <= last:
            different.append(offset)
    if different:
        found.wrong.append(
            f"{len(different)} frames of those from {begun} on give other effects than are stored, {different[0]} first: another "
            "version decided them, or they were changed"
        )
    else:
        found.held.append(f"the frames from {begun} on, decided again, give the effects that are stored")


def _oldest(database: sqlite3.Connection) -> tuple[Shard | None, str]:
    (first,) = database.execute("SELECT coalesce(min(offset_), 0) FROM journal").fetchone()
    if first == 0:
        (clock,) = database.execute("SELECT value FROM journal_terms WHERE name = 'clock'").fetchone()
        return Shard(0, "observed" if clock == "observed" else "received"), ""
    for (state,) in database.execute(
        "SELECT state FROM checkpoints WHERE format = ? AND next_offset >= ? ORDER BY next_offset",
        (SHARD_FORMAT, first),
    ):
        return Shard.restore(bytes(state)), ""
    return None, "there is no checkpoint to replay from"
