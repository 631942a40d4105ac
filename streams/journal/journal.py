"""The journal: the durable, ordered log of a shard's frames, and the only input of ward and desk.

`Journal` is the whole interface; SQLite implements it here for one process, a Kafka partition can for many. Appending is
synchronous and durable on return: group commit is the intake's part (`append.py`), which hands over what came together.

SQLite: WAL, `synchronous=FULL`, so one fsync an append, however many frames; the store lives in the same file through its
own connection. Each frame has a link (chain.py), and the last one is known outside the file too (head.py), so that a start
that would know less than the one before is refused. Cost: 0.3-5 ms an append, by disk. Never here: what is in a frame.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from models.instants import iso
from streams.journal.chain import NO_LINK, link_of
from streams.journal.head import Head, HeadFile

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


class KeptJournal(Journal, Protocol):
    """A journal whose first frames are not kept for ever, and which may lack others."""

    @property
    def first_offset(self) -> int:
        """The first frame that is there."""

    def skips(self, first: int, until: int) -> bool:
        """Whether it is known that the frames `first` to `until` (exclusive) are lost."""


PRUNED: Final = "kept_from"
"""The journal's term that says which frame is the first that is kept."""


class JournalRefused(RuntimeError):
    """The journal cannot be used as asked; the message says why and what to do."""


class FramesLost(JournalRefused):
    """The journal lacks frames that were in it, or has some that are damaged."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"{path}: {what}. Put the right files back, or restore the last backup at another place (chairside restore BACKUP "
            "--data NEW). To go on without: chairside serve --accept-loss, which is an alert to the people on call"
        )


class JournalGone(RuntimeError):
    """The journal's file was deleted or replaced while in use: what SQLite would still take is lost with the process."""


class Loss(NamedTuple):
    """Frames `first` to `until` (exclusive) that the journal lacks (`lost`), or that stand for damaged ones, and why."""

    first: int
    until: int
    lost: bool
    reason: str


_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS journal (offset_ INTEGER PRIMARY KEY, received_us INTEGER NOT NULL, payload BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS journal_received ON journal (received_us)",
    "CREATE TABLE IF NOT EXISTS journal_terms (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
_CHAIN_TABLES: Final = (
    # Beside the frames and not in their table: a version that knows of no links must be able to go on after this one.
    "CREATE TABLE IF NOT EXISTS journal_links (offset_ INTEGER PRIMARY KEY, link BLOB NOT NULL)",
    """CREATE TABLE IF NOT EXISTS journal_notes (first INTEGER NOT NULL, until INTEGER NOT NULL, what TEXT NOT NULL,
    reason TEXT NOT NULL, told INTEGER NOT NULL, PRIMARY KEY (first, what))""",
    "CREATE TABLE IF NOT EXISTS journal_damaged (offset_ INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
)
"""`journal_notes`: what is known of frames that are not as they were accepted: ``lost``; ``replaced`` (another journal stands in
the place of the one that had them); ``set-aside``; or ``unlinked`` (written by a version that made no links). `journal_damaged`:
the bytes of those that were set aside.
"""


ERASED_LINKS: Final = "CREATE TABLE IF NOT EXISTS journal_erased (offset_ INTEGER PRIMARY KEY, link BLOB NOT NULL)"
"""The links of frames from which a person's words were erased (deploy/privacy/erase.py): the frame is held against this one, and
the one after it against the link that it had."""


class SqliteJournal:
    """A journal in an SQLite file.

    Args:
        path: the file, made if it is not there.
        now_us: the appender's clock.
        clock: ``received`` or ``observed``, for good: it decides what the journal means (streams/ward/ward.py).
        shards: on how many shards the sites are hashed, for good.
        head: where its last frame is kept too; without one, an end that is missing is not noticed.
        accept_loss: go on without frames that are missing or damaged; `losses` says which.

    Raises:
        JournalRefused: the file was made with another clock or number of shards.
        FramesLost: the journal ends before its head does, or is another one.
    """

    def __init__(
        self, path: Path, now_us: Callable[[], int], clock: str = "received", shards: int = 1, head: HeadFile | None = None,
        *, accept_loss: bool = False,
    ) -> None:  # fmt: skip
        self.path = path
        self._now_us = now_us
        self.clock = clock
        self._lock = threading.Lock()
        self._accept_loss = accept_loss
        self._head = head
        known = None if head is None else head.read()
        if known is not None and not accept_loss and (not path.exists() or not path.stat().st_size):
            raise FramesLost(path, f"it is {'empty' if path.exists() else 'gone'}, and had {_frames_until(known)}")
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        run = self._connection.execute
        run(f"PRAGMA busy_timeout={BUSY_MS}")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        for table in _TABLES:
            run(table)
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
        self._known, self._link, self._chained = known, NO_LINK, False
        has_chain = run("SELECT 1 FROM sqlite_master WHERE name = 'journal_damaged'").fetchone()
        if has_chain or last is None:
            self._open_chain()

    def _open_chain(self) -> None:
        """Read the chain's end, and begin one in a journal of a version that made none. That is put off until the state was read:
        who is refused for it goes back to that version, and finds its file as it left it.
        """
        if self._chained:
            return
        self._chained = True
        run = self._connection.execute
        for table in _CHAIN_TABLES:
            run(table)
        (skipped,) = run("SELECT max(until) FROM journal_notes WHERE what = 'lost'").fetchone()
        self._last_offset = max(self._last_offset, (skipped or 0) - 1)
        self._link = self._last_link()
        if self._known is not None:
            self._hold_against(self._known)
        self._write_head()

    def _last_link(self) -> bytes:
        """The link that the next frame's is made of. Frames at the end that have none are of a version that made none."""
        run = self._connection.execute
        newest = run("SELECT offset_, link FROM journal_links ORDER BY offset_ DESC LIMIT 1").fetchone()
        linked_until = 0 if newest is None else newest[0] + 1
        (unlinked,) = run("SELECT count(*) FROM journal WHERE offset_ >= ?", (linked_until,)).fetchone()
        if unlinked:
            self._note(
                linked_until, self._last_offset + 1, "unlinked", "written by a version that made no links", told=True
            )
            return NO_LINK
        return NO_LINK if newest is None or newest[0] != self._last_offset else bytes(newest[1])

    def _hold_against(self, known: Head) -> None:
        """Hold what is here against the head.

        Raises:
            FramesLost: the head knows more, or of another journal.
        """
        here = _link_at(self._connection, known.offset)
        if known.offset > self._last_offset:
            was = f"it ends at frame {self._last_offset}, and had {_frames_until(known)}: it was cut or replaced by an older copy, or its write-ahead log is gone"
            self._lose(known.offset + 1, was)
            self._last_us = max(self._last_us, known.received_us)
        elif here and known.link and here != known.link:
            was = f"it is another journal than the one before: frame {known.offset}, stamped {iso(known.received_us)}, is not in it"
            if not self._accept_loss:
                self._connection.close()
                raise FramesLost(self.path, was)
            self._note(max(self._last_offset, 0), self._last_offset + 1, "replaced", was)

    def expect(self, next_offset: int, whose: str) -> None:
        """Refuse to go on if somebody has had frames up to `next_offset` that are not here, or accept that.

        Raises:
            FramesLost: they are not, and that is not accepted.
        """
        self._open_chain()
        if next_offset > self.next_offset:
            self._lose(
                next_offset, f"it ends at frame {self._last_offset}, and {whose} knows frames up to {next_offset - 1}"
            )

    def _lose(self, until: int, was: str) -> None:
        if not self._accept_loss:
            self._connection.close()
            raise FramesLost(self.path, was)
        self._note(self._last_offset + 1, until, "lost", was)
        self._last_offset, self._link = until - 1, NO_LINK

    def _note(self, first: int, until: int, what: str, reason: str, *, told: bool = False) -> None:
        self._connection.execute(
            "INSERT INTO journal_notes VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (first, until, what, reason, told),
        )

    @property
    def losses(self) -> list[Loss]:
        """What is lost or set aside and nobody was told of yet."""
        with self._lock:
            self._open_chain()
            rows = self._connection.execute(
                "SELECT first, until, what, reason FROM journal_notes WHERE told = 0 ORDER BY first"
            ).fetchall()
        return [Loss(first, until, what != "set-aside", reason) for first, until, what, reason in rows]

    def losses_told(self) -> None:
        """Whoever had to know of the losses does: it is in the journal."""
        with self._lock:
            self._connection.execute("UPDATE journal_notes SET told = 1")

    def skips(self, first: int, until: int) -> bool:
        """Whether it is known that the frames `first` to `until` (exclusive) are lost."""
        with self._lock:
            self._open_chain()
            found = self._connection.execute(
                "SELECT 1 FROM journal_notes WHERE what = 'lost' AND first <= ? AND until >= ?", (first, until)
            ).fetchone()
        return found is not None

    @property
    def first_offset(self) -> int:
        """The first frame that is there; the next one's offset where there is none."""
        with self._lock:
            (first,) = self._connection.execute("SELECT min(offset_) FROM journal").fetchone()
        return self.next_offset if first is None else int(first)

    def check(self, first_offset: int, in_place: Callable[[int, str], bytes]) -> None:
        """Hold the frames from an offset on against the chain.

        `in_place`: the frame that stands for a damaged one, of its offset and what is wrong, should that be accepted.

        Raises:
            FramesLost: one is damaged or missing, and that is not accepted.
        """
        with self._lock:
            self._open_chain()
            breaks = list(chain_breaks(self._connection, first_offset))
        if breaks and not self._accept_loss:
            self.close()
            more = f", and {len(breaks) - 1} more" if breaks[1:] else ""
            raise FramesLost(self.path, f"{breaks[0].reason}{more}")
        for each in breaks:
            with self._lock:
                if not each.lost:
                    run = self._connection.execute
                    run(
                        "INSERT INTO journal_damaged SELECT offset_, payload FROM journal WHERE offset_ = ? ON CONFLICT DO NOTHING",
                        (each.first,),
                    )
                    run(
                        "UPDATE journal SET payload = ? WHERE offset_ = ?",
                        (in_place(each.first, each.reason), each.first),
                    )
                self._note(
                    each.first, each.until, "lost" if each.lost else "set-aside", each.reason, told=not each.lost
                )

    def prune(self, before_us: int, before_offset: int, limit: int = 5000) -> int:
        """Delete the oldest frames: those stamped before an instant, below an offset, `limit` at most; how many.

        The last one's link stays, for the chain to go on from.
        """
        with self._lock:
            self._open_chain()
            run = self._connection.execute
            (end,) = run("SELECT min(offset_) FROM journal WHERE received_us >= ?", (before_us,)).fetchone()
            (first,) = run("SELECT min(offset_) FROM journal").fetchone()
            if first is None:
                return 0
            until = min(self._last_offset + 1 if end is None else end, before_offset, first + limit)
            if until <= first:
                return 0
            run("BEGIN IMMEDIATE")
            try:
                gone = run("DELETE FROM journal WHERE offset_ < ?", (until,)).rowcount
                run("DELETE FROM journal_links WHERE offset_ < ?", (until - 1,))
                run("DELETE FROM journal_damaged WHERE offset_ < ?", (until,))
                if has_erased(self._connection):
                    run("DELETE FROM journal_erased WHERE offset_ < ?", (until,))
                run("DELETE FROM journal_notes WHERE until <= ? AND told = 1 AND what != 'lost'", (until,))
                run("INSERT OR REPLACE INTO journal_terms VALUES (?, ?)", (PRUNED, str(until)))
                run("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    run("ROLLBACK")
                raise
            return gone

    def _write_head(self) -> None:
        if self._head is not None and self._last_offset >= 0:
            self._head.write(Head(self._last_offset, self._link, self._last_us))

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
            self._open_chain()
            self._check_files()
            # A wall clock that was set back must not take the shard's clock with it.
            received_us = max(self._now_us(), self._last_us)
            entries = [
                JournalEntry(self._last_offset + 1 + n, received_us, payload) for n, payload in enumerate(payloads)
            ]
            self._write(entries)
        return entries

    def _write(self, entries: Sequence[JournalEntry]) -> None:
        """Write the next entries with their links, all or none; the lock is held."""
        links, link = [], self._link
        for entry in entries:
            link = link_of(link, entry.offset, entry.received_us, entry.payload)
            links.append((entry.offset, link))
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(
                "INSERT INTO journal VALUES (?, ?, ?)",
                [(entry.offset, entry.received_us, entry.payload) for entry in entries],
            )
            self._connection.executemany("INSERT INTO journal_links VALUES (?, ?)", links)
            run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise
        self._last_offset += len(entries)
        self._last_us, self._link = entries[-1].received_us, link
        self._write_head()

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
            if self._head is not None:
                self._head.close()


def chain_breaks(connection: sqlite3.Connection, first_offset: int) -> Iterator[Loss]:
    """What is wrong with the frames from an offset on: those that differ from their links, and those that are missing.

    What is noted already is no break. A frame without a link is none either, if its version made none.
    """
    noted = connection.execute("SELECT first, until, what FROM journal_notes").fetchall()
    erased: dict[int, bytes] = {}
    if has_erased(connection):
        erased = dict(
            connection.execute("SELECT offset_, link FROM journal_erased WHERE offset_ >= ?", (first_offset,))
        )
    link, expected = _link_at(connection, first_offset - 1), first_offset
    rows = connection.execute(
        "SELECT offset_, received_us, payload, link FROM journal LEFT JOIN journal_links USING (offset_) "
        "WHERE offset_ >= ? ORDER BY offset_", (first_offset,),
    )  # fmt: skip
    for offset, received_us, payload, written in rows:
        if offset > expected:
            if not _is_noted(noted, expected, offset, ("lost",)):
                yield Loss(expected, offset, True, f"frames {expected} to {offset - 1} are missing")
            link = _link_at(connection, offset - 1)
        if written is None:
            if not _is_noted(noted, offset, offset + 1, ("unlinked", "set-aside")):
                yield Loss(offset, offset + 1, False, f"frame {offset} has no link")
            link = NO_LINK
        else:
            known = () if offset in erased else ("set-aside",)
            if erased.get(offset, written) != link_of(link, offset, received_us, payload) and not _is_noted(
                noted, offset, offset + 1, known
            ):
                yield Loss(
                    offset, offset + 1, False, f"frame {offset} is not as it was written: bytes of it have changed"
                )
            link = written
        expected = offset + 1


def has_erased(connection: sqlite3.Connection) -> bool:
    """Whether words were ever erased from frames of a journal."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'journal_erased'").fetchone() is not None


def _link_at(connection: sqlite3.Connection, offset: int) -> bytes:
    found = connection.execute("SELECT link FROM journal_links WHERE offset_ = ?", (offset,)).fetchone()
    return NO_LINK if found is None else bytes(found[0])


def _is_noted(noted: Sequence[tuple[int, int, str]], first: int, until: int, whats: Sequence[str]) -> bool:
    return any(since <= first and until <= end and what in whats for since, end, what in noted)


def _frames_until(head: Head) -> str:
    return f"frames up to {head.offset}, stamped {iso(head.received_us)}"
