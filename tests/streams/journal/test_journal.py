"""The journal: what was appended is there, in order, under the terms it was begun with."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streams.journal.journal import JournalEntry, JournalRefused, SqliteJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def ticking(*instants: int) -> Iterator[int]:
    return iter(instants)


def test_entries_come_back_in_order_with_their_stamps(path: Path) -> None:
    clock = ticking(10, 20)
    with closing(SqliteJournal(path, lambda: next(clock))) as journal:
        first = journal.append([b"a", b"b"])
        second = journal.append([b"c"])
        assert first == [JournalEntry(0, 10, b"a"), JournalEntry(1, 10, b"b")]
        assert second == [JournalEntry(2, 20, b"c")]
        assert journal.read(0) == [*first, *second]
        assert journal.read(1, limit=1) == [first[1]]
        assert journal.read(3) == []
        assert journal.next_offset == 3


def test_a_journal_goes_on_where_it_was_left(path: Path) -> None:
    with closing(SqliteJournal(path, lambda: 10)) as journal:
        journal.append([b"a", b"b"])
    with closing(SqliteJournal(path, lambda: 30)) as journal:
        assert journal.next_offset == 2
        assert journal.append([b"c"]) == [JournalEntry(2, 30, b"c")]
        assert [entry.payload for entry in journal.read(0)] == [b"a", b"b", b"c"]


def test_a_clock_that_is_set_back_does_not_take_the_stamps_with_it(path: Path) -> None:
    clock = ticking(100, 50, 120)
    with closing(SqliteJournal(path, lambda: next(clock))) as journal:
        assert [journal.append([b""])[0].received_us for _ in range(3)] == [100, 100, 120]
    with closing(SqliteJournal(path, lambda: 1)) as journal:
        assert journal.append([b""])[0].received_us == 120


def test_the_first_offset_since_an_instant(path: Path) -> None:
    clock = ticking(10, 20, 20, 30)
    with closing(SqliteJournal(path, lambda: next(clock))) as journal:
        for _ in range(4):
            journal.append([b""])
        assert [journal.offset_since(instant) for instant in (0, 10, 11, 20, 21, 30, 31)] == [0, 0, 1, 1, 3, 3, 4]


def test_appended_means_on_the_disk_for_every_other_reader(path: Path) -> None:
    with closing(SqliteJournal(path, lambda: 1)) as journal, closing(sqlite3.connect(path)) as other:
        journal.append([b"a"])
        assert other.execute("SELECT payload FROM journal").fetchall() == [(b"a",)]
        assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_append_that_fails_leaves_nothing_and_no_gap(path: Path) -> None:
    with closing(SqliteJournal(path, lambda: 1)) as journal:
        journal.append([b"a"])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            journal._connection.execute("PRAGMA busy_timeout=10")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                journal.append([b"b"])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("INSERT INTO journal VALUES (2, 1, X'00')")
            with pytest.raises(sqlite3.IntegrityError):
                journal.append([b"c", b"c"])
            other.execute("DELETE FROM journal WHERE offset_ = 2")
        assert journal.append([b"d"]) == [JournalEntry(1, 1, b"d")]
        assert [entry.payload for entry in journal.read(0)] == [b"a", b"d"]


@pytest.mark.parametrize(
    ("clock", "shards", "said"), [("observed", 1, "clock received, not observed"), ("received", 2, "shards 1, not 2")]
)
def test_the_terms_that_a_journal_was_begun_with_hold_for_good(path: Path, clock: str, shards: int, said: str) -> None:
    with closing(SqliteJournal(path, lambda: 1)):
        pass
    with pytest.raises(JournalRefused, match=f"was begun with {said}: use another --data"):
        SqliteJournal(path, lambda: 1, clock, shards)
    with closing(SqliteJournal(path, lambda: 1)):
        pass


def test_many_threads_append_and_read_without_a_gap(path: Path) -> None:
    with closing(SqliteJournal(path, lambda: 1)) as journal:

        def work(name: bytes) -> None:
            for n in range(25):
                entries = journal.append([name + bytes([n]), name])
                assert journal.read(entries[0].offset, 2) == entries

        threads = [threading.Thread(target=work, args=(bytes([65 + n]),)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        entries = journal.read(0)
        assert [entry.offset for entry in entries] == list(range(200))
        for name in b"ABCD":
            assert [entry.payload[1] for entry in entries if entry.payload[0] == name and len(entry.payload) == 2] == [
                *range(25)
            ]
