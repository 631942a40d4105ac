"""People and their roles: who may sign in with which password, and the one-time links with which one is chosen.

A name is one account at one site: two sites of a network may each have an Ada. Whoever runs a network is of the site `~`, as
operator or auditor, and sees all sites.
Never here: who may do what (`roles.py`), who is signed in (`sessions.py`), how a request shows it (`gate.py`).
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from deploy.access.database import AccessDatabase, AccessRefused, change, hash_of
from deploy.access.glass import Glass
from deploy.access.roles import NETWORK_ROLES
from deploy.access.sessions import Sessions, SignedPerson, Stay
from deploy.access.tokens import Tokens
from models.instants import HOUR
from models.staff import StaffRole
from models.wire.observations import SITE_HERE
from streams.journal.topics import OPERATORS

LINK_HOLDS: Final = 24 * HOUR
"""How long a one-time link holds. Chosen by us: somebody who is off today."""
SHORTEST_PASSWORD: Final = 15
"""Characters of a password that is the only proof (NIST SP 800-63B-4, 3.1.1.2)."""
LONGEST_PASSWORD: Final = 1000
SHORTEST_PIN: Final = 6
"""Digits (NIST SP 800-63B-3, 5.1.1.1). It is good only where its person has signed in wholly that day, and for few tries."""
LONGEST_PIN: Final = 12


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is listed."""

    site: str
    name: str
    role: StaffRole
    disabled: bool
    ready: bool
    """Whether a password has been chosen."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Whose a one-time link is, and with which role; a link without a name is whoever's has it."""

    site: str
    name: str | None
    role: StaffRole


class Accounts:
    """The accounts in a clinic's file or a network's database, with its tokens and sessions.

    Args:
        where: the file, or the database's address.
        stays: how long somebody of a site stays signed in.
        by: who changes things here, for the audit.

    Raises:
        AccessRefused: it is of a newer version.
    """

    def __init__(
        self, where: Path | str, now_us: Callable[[], int], stays: Callable[[str], Stay] = lambda site: Stay(),
        by: str = "the service",
    ) -> None:  # fmt: skip
        self.database = AccessDatabase(where, now_us, by)
        self.tokens = Tokens(self.database)
        self.sessions = Sessions(self.database, stays)
        self.glass = Glass(self.database)
        self.hasher = PasswordHasher()

    def close(self) -> None:
        """Close the file, or leave the database."""
        self.database.close()

    # ---- links --------------------------------------------------------------------------------------------------

    def link(self, name: str | None, role: StaffRole, site: str = SITE_HERE) -> str:
        """A one-time link's secret, with which somebody chooses a password; the account is made if it is not there.

        Without a name whoever uses it chooses that too, and an older link without one holds no longer.

        Raises:
            AccessRefused: nobody has that role over a whole network.
        """
        if site == OPERATORS and role not in NETWORK_ROLES:
            raise AccessRefused(
                f"a {role} belongs to one site: of a whole network there are {', '.join(NETWORK_ROLES)}"
            )
        secret = secrets.token_urlsafe(32)
        now_us = self.database.now_us()
        with self.database.writing() as connection:
            if name is None:
                change(connection, "delete from access_links where account is null and site = :site", site=site)
            else:
                change(
                    connection, "delete from access_links where account = :name and site = :site", name=name, site=site
                )
                change(
                    connection,
                    "insert into access_accounts (site, name, role, made_us) values (:site, :name, :role, :now)"
                    # Who was shut out comes back by the link alone, never with the old password.
                    " on conflict (site, name) do update set role = excluded.role, disabled = 0,"
                    " password = case when access_accounts.disabled = 1 then null else access_accounts.password end,"
                    " pin = case when access_accounts.disabled = 1 then null else access_accounts.pin end",
                    site=site, name=name, role=role, now=now_us,
                )  # fmt: skip
            change(
                connection,
                "insert into access_links (hash, site, account, role, until_us) values (:hash, :site, :name, :role, :until)",
                hash=hash_of(secret), site=site, name=name, role=role, until=now_us + LINK_HOLDS,
            )  # fmt: skip
            self.database.note(connection, site, "account.linked", self.database.by, {"account": name, "role": role})
        return secret

    def linked(self, secret: str) -> Linked | None:
        """Whose link it is and with which role; None: it is none, too old, or used."""
        row = self.database.row(
            "select site, account, role, until_us from access_links where hash = :hash", hash=hash_of(secret)
        )
        return None if row is None or row.until_us < self.database.now_us() else Linked(row.site, row.account, row.role)

    def choose_password(self, secret: str, name: str, password: str) -> SignedPerson:
        """Use a one-time link: the account gets this password, and whoever was signed in with the old one is no longer.

        Raises:
            AccessRefused: the link holds no longer, the name is another's, or the password will not do.
        """
        linked = self.linked(secret)
        if linked is None:
            raise AccessRefused("This link has been used, or is too old. Ask for a new one.")
        site, wanted = linked.site, linked.name or name.strip()
        if not wanted or len(wanted) > 100 or not wanted.isprintable():
            raise AccessRefused("Give a name, of 100 characters at the most.")
        said = _normal(password)
        if not SHORTEST_PASSWORD <= len(said) <= LONGEST_PASSWORD:
            raise AccessRefused(f"A password has at least {SHORTEST_PASSWORD} characters: a short sentence will do.")
        if len(set(said)) < 5 or said.casefold().replace(wanted.casefold(), "") == "":
            raise AccessRefused("That is too easy to guess: a short sentence will do.")
        hashed = self.hasher.hash(said)
        with self.database.writing() as connection:
            if change(connection, "delete from access_links where hash = :hash", hash=hash_of(secret)) != 1:
                raise AccessRefused("This link has been used, or is too old. Ask for a new one.")
            if linked.name is None and _is_there(connection, site, wanted):
                raise AccessRefused(f"There is an account {wanted} already. Ask for a new link.")
            change(
                connection,
                "insert into access_accounts (site, name, role, password, made_us) values (:site, :name, :role, :hashed, :now)"
                " on conflict (site, name) do update set password = excluded.password",
                site=site, name=wanted, role=linked.role, hashed=hashed, now=self.database.now_us(),
            )  # fmt: skip
            change(
                connection, "delete from access_sessions where account = :name and site = :site", name=wanted, site=site
            )
            self.database.note(
                connection, site, "account.password-chosen", wanted, {"account": wanted, "role": linked.role}
            )
        return SignedPerson(wanted, linked.role, site)

    # ---- people -------------------------------------------------------------------------------------------------

    def check_password(self, name: str, password: str, site: str = SITE_HERE) -> SignedPerson | None:
        """Whose password it is; None: nobody's. Takes a twentieth of a second, whatever comes out."""
        row = self.database.row(
            "select role, password, disabled from access_accounts where site = :site and name = :name",
            site=site,
            name=name,
        )
        said = _normal(password[:LONGEST_PASSWORD])
        if row is None or row.disabled or row.password is None:
            # Where there is no account it takes as long as with one.
            self.hasher.hash(said)
            return None
        try:
            self.hasher.verify(row.password, said)
        except (Argon2Error, InvalidHashError):
            return None
        if self.hasher.check_needs_rehash(row.password):
            with self.database.writing() as connection:
                change(
                    connection,
                    "update access_accounts set password = :hashed where site = :site and name = :name and password = :before",
                    hashed=self.hasher.hash(said), site=site, name=name, before=row.password,
                )  # fmt: skip
        return SignedPerson(name, row.role, site)

    def knows(self, name: str, site: str = SITE_HERE) -> bool:
        """Whether there is an account of that name."""
        query = "select 1 from access_accounts where site = :site and name = :name"
        return self.database.row(query, site=site, name=name) is not None

    def has_operator(self, site: str = SITE_HERE) -> bool:
        """Whether anybody of a site who can sign in is an operator."""
        return self.database.row(
            "select 1 from access_accounts where site = :site and role = 'operator' and disabled = 0 and password is not null",
            site=site,
        ) is not None  # fmt: skip

    def people(self) -> list[Account]:
        """All accounts, by site and name."""
        return [
            Account(row.site, row.name, row.role, bool(row.disabled), row.password is not None)
            for row in self.database.rows("select * from access_accounts order by site, name")
        ]

    def choose_pin(self, person: SignedPerson, pin: str) -> None:
        """Give somebody a PIN, with which they open their own locked sessions; whoever knew the last one no longer does.

        Raises:
            AccessRefused: it will not do.
        """
        if not pin.isascii() or not pin.isdecimal() or not SHORTEST_PIN <= len(pin) <= LONGEST_PIN:
            raise AccessRefused(f"A PIN has {SHORTEST_PIN} to {LONGEST_PIN} digits.")
        steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
        if len(steps) == 1 or len(set(pin)) < 3:
            raise AccessRefused("That is too easy to guess: not one digit, or one after the other.")
        hashed = self.hasher.hash(pin)
        with self.database.writing() as connection:
            change(
                connection, "update access_accounts set pin = :hashed where site = :site and name = :name",
                hashed=hashed, site=person.site, name=person.name,
            )  # fmt: skip
            self.database.note(connection, person.site, "account.pin-chosen", person.name, {"account": person.name})

    def has_pin(self, person: SignedPerson) -> bool:
        """Whether somebody has chosen one."""
        query = "select 1 from access_accounts where site = :site and name = :name and pin is not null"
        return self.database.row(query, site=person.site, name=person.name) is not None

    def fits(self, pin: str, hashed: str) -> bool:
        """Whether it is the PIN. Takes a twentieth of a second."""
        try:
            return self.hasher.verify(hashed, pin)
        except (Argon2Error, InvalidHashError):
            return False

    def by_provider(
        self, name: str, role: StaffRole | None, site: str = SITE_HERE
    ) -> SignedPerson | Literal["disabled", "unknown"]:
        """Somebody whom the site's provider has named; with a role that it gives they get an account, or the role of today."""
        query = sa.text("select role, disabled from access_accounts where site = :site and name = :name")
        with self.database.writing() as connection:
            row = connection.execute(query, {"site": site, "name": name}).first()
            if row is not None and row.disabled:
                return "disabled"
            if role is None:
                return "unknown" if row is None else SignedPerson(name, row.role, site)
            if row is None or row.role != role:
                change(
                    connection,
                    "insert into access_accounts (site, name, role, made_us) values (:site, :name, :role, :now)"
                    " on conflict (site, name) do update set role = excluded.role",
                    site=site, name=name, role=role, now=self.database.now_us(),
                )  # fmt: skip
                what = "account.added" if row is None else "account.role-changed"
                self.database.note(connection, site, what, "the provider", {"account": name, "role": role})
        return SignedPerson(name, role, site)

    def disable(self, name: str, site: str = SITE_HERE) -> None:
        """Nobody signs in as them any more, and whoever is signed in as them no longer is. Their name stays taken.

        Raises:
            AccessRefused: there is no such account.
        """
        mine = {"name": name, "site": site}
        with self.database.writing() as connection:
            if (
                change(
                    connection, "update access_accounts set disabled = 1 where name = :name and site = :site", **mine
                )
                != 1
            ):
                raise AccessRefused(f"there is no account {name}" + ("" if site == SITE_HERE else f" at {site}"))
            change(connection, "delete from access_sessions where account = :name and site = :site", **mine)
            change(connection, "delete from access_links where account = :name and site = :site", **mine)
            self.database.note(connection, site, "account.disabled", self.database.by, {"account": name})


def _is_there(connection: sa.Connection, site: str, name: str) -> bool:
    query = sa.text("select 1 from access_accounts where site = :site and name = :name")
    return connection.execute(query, {"site": site, "name": name}).first() is not None


def _normal(password: str) -> str:
    """The same characters, however a keyboard makes them (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
