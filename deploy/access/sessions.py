"""Who is signed in: a session's secret in, a person out; it ends without input, at last with it, and with its account.

Never here: how somebody proves who they are (`accounts.py`), the cookie that holds a secret (`access.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from deploy.access.database import AccessDatabase, change, hash_of
from deploy.access.roles import StaffRole
from deploy.access.tokens import USED_EVERY
from models.instants import HOUR, MINUTE
from models.wire.observations import SITE_HERE

SCREEN: Final = 30 * 24 * HOUR
"""How long a viewer stays signed in, input or none (NIST SP 800-63B-4, 2.1.3: 30 days): a screen on a wall that goes dark each
morning watches nobody, and a viewer can change nothing."""
LONGEST_HOURS: Final = 24
"""The most that a site may let a session last."""


@dataclass(frozen=True, slots=True)
class SignedPerson:
    """Somebody who is signed in. `site`: of which they are; `SITE_HERE` in one clinic, `~` of a whole network."""

    name: str
    role: StaffRole
    site: str = SITE_HERE


@dataclass(frozen=True, slots=True)
class Stay:
    """How long somebody of a site stays signed in: without input, and at all."""

    idle_us: int = 30 * MINUTE
    longest_us: int = 12 * HOUR


class Sessions:
    """The sessions in a database. `stays`: how long those of a site last."""

    def __init__(self, database: AccessDatabase, stays: Callable[[str], Stay]) -> None:
        self._database = database
        self._stays = stays

    def begin(self, person: SignedPerson, address: str = "") -> str:
        """Sign somebody in: the new session's secret. Sessions that are over are forgotten."""
        secret, now_us = secrets.token_urlsafe(32), self._database.now_us()
        with self._database.writing() as connection:
            change(connection, "delete from access_sessions where begun_us < :until", until=now_us - SCREEN)
            change(
                connection,
                "insert into access_sessions (hash, site, account, begun_us, active_us) values (:hash, :site, :name, :now, :now)",
                hash=hash_of(secret), site=person.site, name=person.name, now=now_us,
            )  # fmt: skip
            self._database.note(
                connection, person.site, "access.signed-in", person.name, {"role": person.role, "address": address}
            )
        return secret

    def person(self, secret: str, active: bool = False) -> SignedPerson | None:
        """Who is signed in with a session; None: nobody any more. `active`: it was a person who did something."""
        hashed = hash_of(secret)
        row = self._database.row(
            "select s.begun_us, s.active_us, a.site, a.name, a.role from access_sessions s"
            " join access_accounts a on a.site = s.site and a.name = s.account where s.hash = :hash and a.disabled = 0",
            hash=hashed,
        )
        if row is None:
            return None
        now_us, stay = self._database.now_us(), self._stays(row.site)
        if row.role == "viewer":
            stay = Stay(SCREEN, SCREEN)
        if now_us - row.begun_us >= stay.longest_us or now_us - row.active_us >= stay.idle_us:
            return None
        if active and now_us - row.active_us > USED_EVERY:
            with self._database.writing() as connection:
                change(
                    connection,
                    "update access_sessions set active_us = :now where hash = :hash",
                    now=now_us,
                    hash=hashed,
                )
        return SignedPerson(row.name, row.role, row.site)

    def end(self, secret: str) -> None:
        """Sign out."""
        with self._database.writing() as connection:
            gone = connection.execute(
                sa.text("delete from access_sessions where hash = :hash returning site, account"),
                {"hash": hash_of(secret)},
            ).first()
            if gone is not None:
                self._database.note(connection, gone.site, "access.signed-out", gone.account, {})
