"""The file of accounts: people and their roles, devices' tokens, one-time links, and who is signed in. One SQLite file.

It lies beside the journal, for the service's user alone, and is no part of it: a password's hash has no place in a record that is
replayed, copied and read by others; and a site's TOML is often mounted so that the service cannot write to it. The command line
and the service write to it at once. Every secret in it is a hash: passwords by argon2id, which is slow because people choose
them; tokens, links and sessions by SHA-256, because they are 256 bits of chance.
Cost: 30 µs a look-up. Never here: who may do what (`roles.py`), cookies and headers (`gate.py`).
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import unicodedata
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from deploy.access.roles import FROM_DEVICES, SCRAPE, SENDABLE, StaffRole
from models.instants import HOUR, MINUTE
from models.wire.observations import SITE_HERE

ACCOUNTS_FILE: Final = "access.sqlite"
ACCOUNTS_FORMAT: Final = 2
"""1 had no events."""
LINK_HOLDS: Final = 24 * HOUR
"""How long a one-time link holds. Chosen by us: somebody who is off today."""
SHORTEST_PASSWORD: Final = 15
"""Characters of a password that is the only proof (NIST SP 800-63B-4, 3.1.1.2)."""
LONGEST_PASSWORD: Final = 1000
SCREEN: Final = 30 * 24 * HOUR
"""How long a viewer stays signed in, input or none (NIST SP 800-63B-4, 2.1.3: 30 days): a screen on a wall that goes dark each
morning watches nobody, and a viewer can change nothing."""
USED_EVERY: Final = MINUTE
"""How often it is written down that a session or token is in use."""

_TABLES: Final = """
create table accounts (
    name text primary key, role text not null, password text, disabled integer not null default 0, made_us integer not null
);
create table links (hash text primary key, account text, role text not null, until_us integer not null);
create table sessions (
    hash text primary key, account text not null, begun_us integer not null, active_us integer not null
);
create table tokens (
    name text primary key, hash text not null unique, site text not null, sends text not null, made_us integer not null,
    used_us integer, revoked_us integer
);
create table secrets (name text primary key, value text not null);
"""
_EVENTS: Final = """
create table events (
    id integer primary key autoincrement, at_us integer not null, kind text not null, who text, about text not null
);
"""
"""What has changed here and is not in the audit yet, written with the change itself."""


class AccessRefused(ValueError):
    """What cannot be done with accounts or tokens; its text is for whoever asked."""


@dataclass(frozen=True, slots=True)
class SignedPerson:
    """Somebody who is signed in."""

    name: str
    role: StaffRole


@dataclass(frozen=True, slots=True)
class Device:
    """A token's holder: a device, another system, or Prometheus. `sends`: kinds of observations, or `SCRAPE`."""

    name: str
    site: str
    sends: frozenset[str]


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is listed."""

    name: str
    role: StaffRole
    disabled: bool
    ready: bool
    """Whether a password has been chosen."""


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token as it is listed: never the token itself."""

    name: str
    site: str
    sends: tuple[str, ...]
    made_us: int
    used_us: int | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class AccessEvent:
    """A change of accounts, tokens or sessions, for the audit. `key`: its own, for good."""

    id: int
    key: str
    at_us: int
    kind: str
    who: str | None
    about: dict[str, Any]


class Accounts:
    """The file, opened; made where it is not there.

    Args:
        idle_us, longest_us: how long somebody stays signed in without input, and at all.
        by: who changes things here, for the audit.

    Raises:
        AccessRefused: the file is of a newer version.
    """

    def __init__(
        self, path: Path, now_us: Callable[[], int], idle_us: int = 30 * MINUTE, longest_us: int = 12 * HOUR,
        by: str = "the service",
    ) -> None:  # fmt: skip
        self.now_us = now_us
        self._by = by
        self._idle_us = idle_us
        self._longest_us = longest_us
        self.hasher = PasswordHasher()
        # Nobody else may read it, from its first byte on; what SQLite puts beside it takes over its mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._lock = threading.Lock()
        self._database.row_factory = sqlite3.Row
        self._database.execute("pragma journal_mode = wal")
        with self._lock, self._database:
            self._database.execute("begin immediate")
            (version,) = self._database.execute("pragma user_version").fetchone()
            if version > ACCOUNTS_FORMAT:
                raise AccessRefused(f"{path} is of a newer version of Chairside: start that one")
            if version < ACCOUNTS_FORMAT:
                for statement in filter(str.strip, (_TABLES * (version == 0) + _EVENTS).split(";")):
                    self._database.execute(statement)
                self._database.execute(f"pragma user_version = {ACCOUNTS_FORMAT}")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # ---- people -------------------------------------------------------------------------------------------------

    def link(self, name: str | None, role: StaffRole) -> str:
        """A one-time link's secret, with which somebody chooses a password; the account is made if it is not there.

        Without a name whoever uses it chooses that too, and an older link without one holds no longer.
        """
        secret = secrets.token_urlsafe(32)
        now_us = self.now_us()
        with self._lock, self._database as database:
            database.execute("begin immediate")
            if name is None:
                database.execute("delete from links where account is null")
            else:
                database.execute("delete from links where account = ?", (name,))
                database.execute(
                    "insert into accounts (name, role, made_us) values (?, ?, ?)"
                    # Who was shut out comes back by the link alone, never with the old password.
                    " on conflict (name) do update set role = excluded.role, disabled = 0,"
                    " password = case when disabled then null else password end",
                    (name, role, now_us),
                )
            database.execute("insert into links values (?, ?, ?, ?)", (_hash(secret), name, role, now_us + LINK_HOLDS))
            self._note("account.linked", self._by, {"account": name, "role": role})
        return secret

    def linked(self, secret: str) -> tuple[str | None, StaffRole] | None:
        """Whose link it is and with which role; None: it is none, too old, or used."""
        row = self._row("select account, role, until_us from links where hash = ?", _hash(secret))
        return None if row is None or row["until_us"] < self.now_us() else (row["account"], row["role"])

    def choose_password(self, secret: str, name: str, password: str) -> SignedPerson:
        """Use a one-time link: the account gets this password, and whoever was signed in with the old one is no longer.

        Raises:
            AccessRefused: the link holds no longer, the name is another's, or the password will not do.
        """
        linked = self.linked(secret)
        if linked is None:
            raise AccessRefused("This link has been used, or is too old. Ask for a new one.")
        account, role = linked
        wanted = account or name.strip()
        if not wanted or len(wanted) > 100 or not wanted.isprintable():
            raise AccessRefused("Give a name, of 100 characters at the most.")
        said = _normal(password)
        if not SHORTEST_PASSWORD <= len(said) <= LONGEST_PASSWORD:
            raise AccessRefused(f"A password has at least {SHORTEST_PASSWORD} characters: a short sentence will do.")
        if len(set(said)) < 5 or said.casefold().replace(wanted.casefold(), "") == "":
            raise AccessRefused("That is too easy to guess: a short sentence will do.")
        hashed = self.hasher.hash(said)
        with self._lock, self._database as database:
            database.execute("begin immediate")
            if database.execute("delete from links where hash = ?", (_hash(secret),)).rowcount != 1:
                raise AccessRefused("This link has been used, or is too old. Ask for a new one.")
            there = database.execute("select 1 from accounts where name = ?", (wanted,)).fetchone()
            if account is None and there is not None:
                raise AccessRefused(f"There is an account {wanted} already. Ask for a new link.")
            database.execute(
                "insert into accounts (name, role, password, made_us) values (?, ?, ?, ?)"
                " on conflict (name) do update set password = excluded.password",
                (wanted, role, hashed, self.now_us()),
            )
            database.execute("delete from sessions where account = ?", (wanted,))
            self._note("account.password-chosen", wanted, {"account": wanted, "role": role})
        return SignedPerson(wanted, role)

    def check_password(self, name: str, password: str) -> SignedPerson | None:
        """Whose password it is; None: nobody's. Takes a twentieth of a second, whatever comes out."""
        row = self._row("select name, role, password, disabled from accounts where name = ?", name)
        said = _normal(password[:LONGEST_PASSWORD])
        if row is None or row["disabled"] or (stored := row["password"]) is None:
            # Where there is no account it takes as long as with one.
            self.hasher.hash(said)
            return None
        try:
            self.hasher.verify(stored, said)
        except (Argon2Error, InvalidHashError):
            return None
        if self.hasher.check_needs_rehash(stored):
            hashed = self.hasher.hash(said)
            with self._lock:
                self._database.execute(
                    "update accounts set password = ? where name = ? and password = ?", (hashed, name, stored)
                )
        return SignedPerson(row["name"], row["role"])

    def knows(self, name: str) -> bool:
        """Whether there is an account of that name."""
        return self._row("select 1 from accounts where name = ?", name) is not None

    def has_operator(self) -> bool:
        """Whether anybody who can sign in is an operator."""
        return self._row(
            "select 1 from accounts where role = ? and not disabled and password is not null", "operator"
        ) is not None  # fmt: skip

    def people(self) -> list[Account]:
        """All accounts, by name."""
        return [
            Account(row["name"], row["role"], bool(row["disabled"]), row["password"] is not None)
            for row in self._rows("select * from accounts order by name")
        ]

    def disable(self, name: str) -> None:
        """Nobody signs in as them any more, and whoever is signed in as them no longer is. Their name stays taken.

        Raises:
            AccessRefused: there is no such account.
        """
        with self._lock, self._database as database:
            database.execute("begin immediate")
            if database.execute("update accounts set disabled = 1 where name = ?", (name,)).rowcount != 1:
                raise AccessRefused(f"there is no account {name}")
            database.execute("delete from sessions where account = ?", (name,))
            database.execute("delete from links where account = ?", (name,))
            self._note("account.disabled", self._by, {"account": name})

    # ---- who is signed in ---------------------------------------------------------------------------------------

    def begin(self, person: SignedPerson, address: str = "") -> str:
        """Sign somebody in: the new session's secret. Sessions that are over are forgotten."""
        secret, now_us = secrets.token_urlsafe(32), self.now_us()
        with self._lock, self._database as database:
            database.execute("begin immediate")
            database.execute("delete from sessions where begun_us < ?", (now_us - max(SCREEN, self._longest_us),))
            database.execute("insert into sessions values (?, ?, ?, ?)", (_hash(secret), person.name, now_us, now_us))
            self._note("access.signed-in", person.name, {"role": person.role, "address": address})
        return secret

    def person(self, secret: str, active: bool = False) -> SignedPerson | None:
        """Who is signed in with a session; None: nobody any more. `active`: it was a person who did something."""
        row = self._row(
            "select s.begun_us, s.active_us, a.name, a.role from sessions s join accounts a on a.name = s.account"
            " where s.hash = ? and not a.disabled",
            _hash(secret),
        )
        if row is None:
            return None
        now_us, idle_us, longest_us = self.now_us(), self._idle_us, self._longest_us
        if row["role"] == "viewer":
            idle_us = longest_us = SCREEN
        if now_us - row["begun_us"] >= longest_us or now_us - row["active_us"] >= idle_us:
            return None
        if active and now_us - row["active_us"] > USED_EVERY:
            with self._lock:
                self._database.execute("update sessions set active_us = ? where hash = ?", (now_us, _hash(secret)))
        return SignedPerson(row["name"], row["role"])

    def end(self, secret: str) -> None:
        """Sign out."""
        with self._lock, self._database as database:
            database.execute("begin immediate")
            gone = database.execute(
                "delete from sessions where hash = ? returning account", (_hash(secret),)
            ).fetchone()
            if gone is not None:
                self._note("access.signed-out", gone["account"], {})

    # ---- tokens -------------------------------------------------------------------------------------------------

    def add_token(self, name: str, sends: Collection[str] = FROM_DEVICES, site: str = SITE_HERE) -> str:
        """A new token, which is shown this once.

        Raises:
            AccessRefused: the name is taken, or a token may not send that.
        """
        wrong = [kind for kind in sends if kind != SCRAPE and kind not in SENDABLE]
        if wrong or not sends:
            raise AccessRefused(
                f"a token may not send {wrong[0] if wrong else 'nothing'}: there are {', '.join((*SENDABLE, SCRAPE))}"
            )
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise AccessRefused("give a name, of 100 characters at the most")
        secret = f"cst_{secrets.token_urlsafe(32)}"
        with self._lock, self._database as database:
            database.execute("begin immediate")
            try:
                database.execute(
                    "insert into tokens (name, hash, site, sends, made_us) values (?, ?, ?, ?, ?)",
                    (name, _hash(secret), site, json.dumps(sorted(set(sends))), self.now_us()),
                )
            except sqlite3.IntegrityError as taken:
                raise AccessRefused(f"there is a token {name} already: give it another name") from taken
            self._note("token.added", self._by, {"token": name, "site": site, "sends": sorted(set(sends))})
        return secret

    def device(self, secret: str) -> Device | None:
        """Whose token it is; None: nobody's, or revoked."""
        hashed = _hash(secret)
        row = self._row("select name, site, sends, used_us from tokens where hash = ? and revoked_us is null", hashed)
        if row is None:
            return None
        now_us = self.now_us()
        if row["used_us"] is None or now_us - row["used_us"] > USED_EVERY:
            with self._lock:
                self._database.execute("update tokens set used_us = ? where hash = ?", (now_us, hashed))
        return Device(row["name"], row["site"], frozenset(json.loads(row["sends"])))

    def tokens(self) -> list[ListedToken]:
        """All tokens, by name."""
        return [
            ListedToken(
                row["name"], row["site"], tuple(json.loads(row["sends"])), row["made_us"], row["used_us"],
                row["revoked_us"] is not None,
            )
            for row in self._rows("select * from tokens order by name")
        ]  # fmt: skip

    def revoke(self, name: str) -> None:
        """A token is good for nothing from now on. Its name stays taken.

        Raises:
            AccessRefused: there is no such token.
        """
        with self._lock, self._database as database:
            database.execute("begin immediate")
            changed = database.execute(
                "update tokens set revoked_us = ? where name = ? and revoked_us is null", (self.now_us(), name)
            ).rowcount
            if changed != 1:
                raise AccessRefused(f"there is no token {name}, or it is revoked already")
            self._note("token.revoked", self._by, {"token": name})

    # ---- for the audit ------------------------------------------------------------------------------------------

    def events(self, limit: int) -> list[AccessEvent]:
        """The oldest changes that are not known to be in the audit."""
        mine = _hash(self.key("events"))[:16]
        return [
            AccessEvent(
                row["id"], f"access-{mine}-{row['id']}", row["at_us"], row["kind"], row["who"], json.loads(row["about"])
            )
            for row in self._rows(f"select * from events order by id limit {limit}")
        ]

    def forget_events(self, last: int) -> None:
        """Changes up to this one are in the audit."""
        with self._lock:
            self._database.execute("delete from events where id <= ?", (last,))

    def _note(self, kind: str, who: str | None, about: dict[str, Any]) -> None:
        """Write a change down, in the transaction that makes it."""
        said = (self.now_us(), kind, who, json.dumps(about))
        self._database.execute("insert into events (at_us, kind, who, about) values (?, ?, ?, ?)", said)

    # ---- the file -----------------------------------------------------------------------------------------------

    def key(self, name: str) -> str:
        """A secret of this file's own, made when it is asked for first."""
        with self._lock:
            self._database.execute("insert or ignore into secrets values (?, ?)", (name, secrets.token_urlsafe(32)))
        row = self._row("select value from secrets where name = ?", name)
        return str(cast(sqlite3.Row, row)["value"])

    def _row(self, query: str, *given: Any) -> sqlite3.Row | None:
        with self._lock, closing(self._database.execute(query, given)) as found:
            return cast(sqlite3.Row | None, found.fetchone())

    def _rows(self, query: str) -> list[sqlite3.Row]:
        with self._lock, closing(self._database.execute(query)) as found:
            return found.fetchall()


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def _normal(password: str) -> str:
    """The same characters, however a keyboard makes them (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
