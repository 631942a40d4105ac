"""Where accounts, tokens, links and sessions are kept: a file of their own in one clinic, tables of the database in a network.

They are no part of the journal: a password's hash has no place in a record that is replayed, copied and read by others; nor of a
site's TOML, which is often mounted so that the service cannot write to it. Every secret here is a hash: passwords by argon2id,
which is slow because people choose them; tokens, links and sessions by SHA-256, because they are 256 bits of chance. Several
processes write at once: the service and the command line, and in a network every edge.
Cost: a look-up is 0.3 ms in the file, one round trip in PostgreSQL. Never here: who may do what (`roles.py`).
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from alerts.store.database import Database

ACCOUNTS_FILE: Final = "access.sqlite"
ACCOUNTS_FORMAT: Final = 6
"""1 had no events; until 2 nobody had a site, and the tables had other names; 3 had no PINs, 4 nobody who breaks the glass, 5 not
why they do."""
_MAKING: Final = 0x61636365
"""PostgreSQL's advisory lock while the tables are made: any number that no other user of the database takes."""

_TABLES: Final = sa.MetaData()


def _table(name: str, *columns: sa.Column[Any], **options: Any) -> sa.Table:
    return sa.Table(f"access_{name}", _TABLES, *columns, **options)


def _text(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=optional)


def _instant(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=optional)


_table("format", sa.Column("version", sa.Integer, nullable=False))
_table(
    "accounts", _text("site", key=True), _text("name", key=True), _text("role"), _text("password", optional=True),
    sa.Column("disabled", sa.Integer, nullable=False, server_default="0"), _instant("made_us"), _text("pin", optional=True),
)  # fmt: skip
_table(
    "links",
    _text("hash", key=True),
    _text("site"),
    _text("account", optional=True),
    _text("role"),
    _instant("until_us"),
)
_table(
    "sessions", _text("hash", key=True), _text("site"), _text("account"), _instant("begun_us"), _instant("active_us"),
    _text("browser", optional=True), _instant("locked_us", optional=True),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
)  # fmt: skip
_table(
    "tokens", _text("site", key=True), _text("name", key=True), sa.Column("hash", sa.Text, nullable=False, unique=True),
    _text("sends"), _instant("made_us"), _instant("used_us", optional=True), _instant("revoked_us", optional=True),
)  # fmt: skip
_table(
    "glass", _text("account_site", key=True), _text("account", key=True), _text("site", key=True), _text("patient", key=True),
    _instant("until_us"), sa.Column("reason", sa.Text, nullable=False, server_default=""),
)  # fmt: skip
_table("secrets", _text("name", key=True), _text("value"))
_table(
    "events", sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    _text("site"), _instant("at_us"), _text("kind"), _text("who", optional=True), _text("about"),
    sqlite_autoincrement=True,  # a number is never given twice: it is the audit's key
)  # fmt: skip

_FROM_3: Final = """
alter table access_accounts add column pin text;
alter table access_sessions add column browser text;
alter table access_sessions add column locked_us bigint;
alter table access_sessions add column tries integer not null default 0
"""
_FROM_5: Final = "alter table access_glass add column reason text not null default ''"
_FROM_2: Final = """
insert into access_accounts (site, name, role, password, disabled, made_us)
    select 'main', name, role, password, disabled, made_us from accounts;
insert into access_links select hash, 'main', account, role, until_us from links;
insert into access_sessions (hash, site, account, begun_us, active_us) select hash, 'main', account, begun_us, active_us from sessions;
insert into access_tokens select site, name, hash, sends, made_us, used_us, revoked_us from tokens;
insert into access_secrets select name, value from secrets;
drop table accounts; drop table links; drop table sessions; drop table tokens; drop table secrets
"""
_EVENTS_FROM_2: Final = """
insert into access_events (id, site, at_us, kind, who, about) select id, 'main', at_us, kind, who, about from events;
update sqlite_sequence set seq = (select seq from sqlite_sequence where name = 'events') where name = 'access_events';
insert into sqlite_sequence (name, seq) select 'access_events', seq from sqlite_sequence
    where name = 'events' and not exists (select 1 from sqlite_sequence where name = 'access_events');
drop table events
"""


class AccessRefused(ValueError):
    """What cannot be done with accounts or tokens; its text is for whoever asked."""


@dataclass(frozen=True, slots=True)
class AccessEvent:
    """A change of accounts, tokens or sessions, for the audit of `site`. `key`: its own, for good."""

    id: int
    key: str
    site: str
    at_us: int
    kind: str
    who: str | None
    about: dict[str, Any]


class AccessDatabase:
    """The tables, opened; made, or brought up to this version, where they are not.

    Args:
        where: the path of a clinic's file, or the address of a network's database.
        by: who changes things here, for the audit.

    Raises:
        AccessRefused: they are of a newer version.
    """

    def __init__(self, where: Path | str, now_us: Callable[[], int], by: str) -> None:
        self.now_us = now_us
        self.by = by
        self.is_remote: Final = isinstance(where, str)
        if isinstance(where, Path):
            # Nobody else may read it, from its first byte on; what SQLite puts beside it takes over its mode.
            os.close(os.open(where, os.O_CREAT | os.O_RDWR, 0o600))
        self._database = Database(where if isinstance(where, str) else f"sqlite:///{where}")
        with self.writing() as connection:
            if self.is_remote:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
            self._bring_up(connection, str(where) if not self.is_remote else "the database")

    def close(self) -> None:
        """Close it."""
        self._database.close()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One change: all of it is durable when this returns, none of it when it raises."""
        with self._database.writing() as connection:
            yield connection

    def row(self, query: str, **given: Any) -> sa.Row[Any] | None:
        """The first row that a query finds."""
        with self._database.reading() as connection:
            return connection.execute(sa.text(query), given).first()

    def rows(self, query: str, **given: Any) -> list[sa.Row[Any]]:
        """All rows that a query finds."""
        with self._database.reading() as connection:
            return list(connection.execute(sa.text(query), given))

    def key(self, name: str) -> str:
        """A secret of these tables' own, made when it is asked for first."""
        query = "select value from access_secrets where name = :name"
        found = self.row(query, name=name)
        if found is None:
            with self.writing() as connection:
                change(
                    connection, "insert into access_secrets (name, value) values (:name, :value) on conflict do nothing",
                    name=name, value=secrets.token_urlsafe(32),
                )  # fmt: skip
                found = connection.execute(sa.text(query), {"name": name}).one()
        return str(found.value)

    # ---- for the audit ------------------------------------------------------------------------------------------

    def note(self, connection: sa.Connection, site: str, kind: str, who: str | None, about: dict[str, Any]) -> None:
        """Write a change down, in the transaction that makes it."""
        change(
            connection, "insert into access_events (site, at_us, kind, who, about) values (:site, :at_us, :kind, :who, :about)",
            site=site, at_us=self.now_us(), kind=kind, who=who, about=json.dumps(about),
        )  # fmt: skip

    def events(self, limit: int) -> list[AccessEvent]:
        """The oldest changes that are not known to be in the audit."""
        mine = hash_of(self.key("events"))[:16]
        return [
            AccessEvent(
                row.id, f"access-{mine}-{row.id}", row.site, row.at_us, row.kind, row.who, json.loads(row.about)
            )
            for row in self.rows(f"select * from access_events order by id limit {limit}")
        ]

    def forget_events(self, last: int) -> None:
        """Changes up to this one are in the audit."""
        with self.writing() as connection:
            change(connection, "delete from access_events where id <= :last", last=last)

    # ---- the tables ---------------------------------------------------------------------------------------------

    def _bring_up(self, connection: sa.Connection, where: str) -> None:
        there = set(sa.inspect(connection).get_table_names())
        if "access_format" in there:
            version = int(connection.execute(sa.text("select version from access_format")).scalar_one())
        else:
            version = 0 if self.is_remote else int(connection.exec_driver_sql("pragma user_version").scalar_one())
        if version > ACCOUNTS_FORMAT:
            raise AccessRefused(f"{where} is of a newer version of Chairside: start that one")
        if version == ACCOUNTS_FORMAT:
            return
        _TABLES.create_all(connection)
        for statement in (
            _FROM_3 * (version == 3)
            + ";"
            + _FROM_5 * (version == 5)
            + ";"
            + _FROM_2 * ("accounts" in there)
            + ";"
            + _EVENTS_FROM_2 * ("events" in there)
        ).split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        change(connection, "delete from access_format")
        change(connection, "insert into access_format (version) values (:version)", version=ACCOUNTS_FORMAT)
        if not self.is_remote:
            # Where earlier versions look, so that they say that this one is to be started.
            connection.exec_driver_sql(f"pragma user_version = {ACCOUNTS_FORMAT}")


def change(connection: sa.Connection, statement: str, **given: Any) -> int:
    """Execute a statement; how many rows it has changed."""
    return int(connection.execute(sa.text(statement), given).rowcount)


def hash_of(secret: str) -> str:
    """As what a secret of 256 bits of chance is kept."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
