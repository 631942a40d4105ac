"""Opening the store's database: one SQLite file for a clinic, PostgreSQL for a network of them.

SQLite: the file also holds the journal, which another connection writes, so WAL (readers never wait), a busy timeout, and
`BEGIN IMMEDIATE` for writes: a transaction that starts as a reader and then writes can be refused outright, without waiting.
`synchronous=FULL`, because an effect that a power cut takes back was perhaps already shown to a nurse.
Bad at: many writers on SQLite; they wait in line, 10 s at most. Cost: one fsync a write. Never here: what is written.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url

BUSY_S: Final = 10.0
"""How long a writer waits for another one. Chosen by us: a journal append takes milliseconds, a slow disk perhaps a second."""

_LOOK_AGAIN_MS: Final = 1

_MIGRATING: Final = 0x6B6574  # any number that no other user of the database takes for its advisory lock


class DatabaseTooNew(RuntimeError):
    """The database was changed by a later version of Chairside, which this one must not write to."""


class Database:
    """A pool of connections. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        where = make_url(url)
        if where.drivername in ("postgresql", "postgres"):
            where = where.set(drivername="postgresql+psycopg")
        self.dialect: Final = where.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise ValueError(f"the store runs on SQLite or PostgreSQL, not on {self.dialect}")
        if self.dialect == "sqlite" and where.database in (None, "", ":memory:"):
            raise ValueError("the store needs a file: what is only in memory is lost with the process")
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_S}} if self.dialect == "sqlite" else {}
        self.engine: Final = sa.create_engine(where, pool_pre_ping=self.dialect == "postgresql", **options)
        # SQLite's busy timeout polls, up to 0.1 s apart and in no order: threads of this process line up here instead.
        self._turn: Final = Lock() if self.dialect == "sqlite" else None
        if self.dialect == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: all of it is durable when this returns, none of it when it raises."""
        with self._turn or nullcontext(), self.engine.connect() as connection:
            connection.execution_options(chairside_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One read transaction: everything read in it is of the same moment."""
        with self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that knows ON CONFLICT, which is not in standard SQL and so comes from the dialect."""
        if self.dialect == "sqlite":
            from sqlalchemy.dialects.sqlite import insert as insert_sqlite

            return insert_sqlite(table)
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql

        return insert_postgresql(table)

    def migrate(self) -> None:
        """Bring the schema up to this version, in one transaction. Several processes may call it at once.

        Raises:
            DatabaseTooNew: a later version was here before.
        """
        # Imported here, because every command would wait a tenth of its start for it, and most open no store.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "alerts.store:migrations")
        config.set_main_option("path_separator", "os")
        with self.writing() as connection:
            if self.dialect == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise DatabaseTooNew(f"this database needs a later version of Chairside ({error})") from error

    def close(self) -> None:
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions on its own: `_begin_sqlite` does
    try:
        _when_free(connection, "PRAGMA journal_mode=WAL")  # SQLite does not wait for its turn at this by itself
    except sqlite3.OperationalError as error:
        # A backup, or what was restored of one and not started yet, opened to be read: it is one file, and stays one.
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("chairside_writes", False):
        _when_free(connection.connection.dbapi_connection, "BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")


def _when_free(connection: Any, statement: str) -> None:
    """Run a statement that needs a lock, trying every few milliseconds.

    SQLite's own waiting looks ever more rarely, 0.1 s apart in the end. A journal that appends without a pause leaves the file
    free for a moment between two appends, which such a waiter misses for seconds.
    """
    give_up_at = time.monotonic() + BUSY_S
    connection.execute(f"PRAGMA busy_timeout={_LOOK_AGAIN_MS}")
    try:
        while True:
            try:
                connection.execute(statement)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                    raise
                time.sleep(_LOOK_AGAIN_MS / 1000)
    finally:
        connection.execute(f"PRAGMA busy_timeout={round(BUSY_S * 1000)}")
