"""The journal: the durable, ordered log of a shard's frames, and the only input of ward and desk.

`Journal` is the whole interface; SQLite implements it here for one process, a Kafka partition can for many. Appending is
synchronous and durable on return: group commit is the intake's part (`append.py`), which hands over what came together.

SQLite: WAL, `synchronous=FULL`, so one fsync an append, however many frames; the store lives in the same file through its
own connection. Cost: 0.3-5 ms an append, by disk. Never here: what is in a frame.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

BUSY_MS: Final = 10_000
"""How long to wait for the store's transaction, which takes milliseconds; after this something is wrong."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A frame in its place: `received_us` is the journal's stamp, never decreasing."""

    offset: int
    received_us: int
    payload: bytes


class JournalReader(Protocol):
    """What is there can be read again; from any thread."""

    def read(self, first_offset: int, limit: int = 1000) -> list[JournalEntry]:
        """Up to `limit` entries from an offset on, in order; none at the end."""

    def offset_since(self, received_us: int) -> int:
        """The first offset stamped at or after an instant (the next offset if there is none)."""


class Journal(JournalReader, Protocol):
    """Append-only, ordered, durable."""

    def append(self, payloads: Sequence[bytes]) -> list[JournalEntry]:
        """Append frames in order; durable on return."""

    @property
    def next_offset(self) -> int:
        """The offset that the next frame will have."""


class JournalRefused(RuntimeError):
    """The journal cannot be used as asked; the message says why and what to do."""


class JournalGone(RuntimeError):
    """The journal's file was deleted or replaced while in use: what SQLite would still take is lost with the process."""


class SqliteJournal:
    """A journal in an SQLite file.

    Args:
        path: the file, made if it is not there.
        now_us: the appender's clock.
        clock: ``received`` or ``observed``, for good: it decides what the journal means (streams/ward/ward.py).
        shards: on how many shards the sites are hashed, for good.

    Raises:
        JournalRefused: the file was made with another clock or number of shards.
    """

    def __init__(self, path: Path, now_us: Callable[[], int], clock: str = "received", shards: int = 1) -> None:
        self._now_us = now_us
        self.clock = clock
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        run = self._connection.execute
        run(f"PRAGMA busy_timeout={BUSY_MS}")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        run(
            "CREATE TABLE IF NOT EXISTS journal (offset_ INTEGER PRIMARY KEY, received_us INTEGER NOT NULL, payload BLOB NOT NULL)"
        )
        run("CREATE INDEX IF NOT EXISTS journal_received ON journal (received_us)")
        run("CREATE TABLE IF NOT EXISTS journal_terms (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        for name, value in (("clock", clock), ("shards", str(shards))):
            run("INSERT INTO journal_terms VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value))
            (written,) = run("SELECT value FROM journal_terms WHERE name = ?", (name,)).fetchone()
            if written != value:
                self._connection.close()
                raise JournalRefused(f"{path} was begun with {name} {written}, not {value}: use another --data")
        last: tuple[int, int] | None = run(
            "SELECT offset_, received_us FROM journal ORDER BY offset_ DESC LIMIT 1"
        ).fetchone()
        self._last_offset, self._last_us = last or (-1, 0)
        self._files: dict[Path, tuple[int, int] | None] = {path: None, path.with_name(f"{path.name}-wal"): None}
        self._check_files()

    @property
    def next_offset(self) -> int:
        return self._last_offset + 1

    @property
    def last_us(self) -> int:
        """The stamp of the last frame; 0 where there is none."""
        return self._last_us

    def _check_files(self) -> None:
        """Note which files these are.

        Raises:
            JournalGone: one is no longer there, or is another. SQLite would write on into what has no name.
        """
        for path, known in self._files.items():
            try:
                found = path.stat()
            except FileNotFoundError:
                place = None
            else:
                place = (found.st_dev, found.st_ino)
            if known is not None and place != known:
                raise JournalGone(f"{path} was {'deleted' if place is None else 'replaced'} while it was in use")
            self._files[path] = place

    def append(self, payloads: Sequence[bytes]) -> list[JournalEntry]:
        with self._lock:
            self._check_files()
            # A wall clock that was set back must not take the shard's clock with it.
            received_us = max(self._now_us(), self._last_us)
            entries = [
                JournalEntry(self._last_offset + 1 + n, received_us, payload) for n, payload in enumerate(payloads)
            ]
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "INSERT INTO journal VALUES (?, ?, ?)",
                    [(entry.offset, entry.received_us, entry.payload) for entry in entries],
                )
                run("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    run("ROLLBACK")
                raise
            self._last_offset += len(entries)
            self._last_us = received_us
        return entries

    def read(self, first_offset: int, limit: int = 1000) -> list[JournalEntry]:
        with self._lock:
            rows = self._connection.execute(
                "SELECT offset_, received_us, payload FROM journal WHERE offset_ >= ? ORDER BY offset_ LIMIT ?",
                (first_offset, limit),
            ).fetchall()
        return [JournalEntry(*row) for row in rows]

    def offset_since(self, received_us: int) -> int:
        with self._lock:
            (offset,) = self._connection.execute(
                "SELECT min(offset_) FROM journal WHERE received_us >= ?", (received_us,)
            ).fetchone()
        return self.next_offset if offset is None else int(offset)

    def close(self) -> None:
        with self._lock:
            self._connection.close()
