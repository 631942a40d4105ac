"""Who is signed in: a session's secret in, a person out; it ends without input, at last with it, and with its account.

Where a site says so, a session locks after some minutes without input: it then sees what a wall's screen sees, so that no alarm
is hidden, and enters nothing until its person types their PIN. A browser that a team shares keeps the session of each, one open.
Never here: how somebody proves who they are (`accounts.py`), the cookie that holds a secret (`access.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from deploy.access.database import AccessDatabase, change, hash_of
from deploy.access.tokens import USED_EVERY
from models.instants import HOUR, MINUTE
from models.staff import StaffRole
from models.wire.observations import SITE_HERE

SCREEN: Final = 30 * 24 * HOUR
"""How long a viewer stays signed in, input or none (NIST SP 800-63B-4, 2.1.3: 30 days): a screen on a wall that goes dark each
morning watches nobody, and a viewer can change nothing."""
PIN_TRIES: Final = 5
"""PINs that do not fit before a session is over. Chosen by us: of nearly a million PINs five are one in 200,000."""


@dataclass(frozen=True, slots=True)
class SignedPerson:
    """Somebody who is signed in. `site`: of which they are; `SITE_HERE` in one clinic, `~` of a whole network."""

    name: str
    role: StaffRole
    site: str = SITE_HERE
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Stay:
    """How long somebody of a site stays signed in: without input, and at all; and after how long without it a session locks."""

    idle_us: int = 30 * MINUTE
    longest_us: int = 12 * HOUR
    lock_us: int | None = None


@dataclass(frozen=True, slots=True)
class PinSession:
    """A session that a PIN opens, by the hash of its secret; and the PIN's hash."""

    person: SignedPerson
    hash: str
    pin: str


class Sessions:
    """The sessions in a database. `stays`: how long those of a site last."""

    def __init__(self, database: AccessDatabase, stays: Callable[[str], Stay]) -> None:
        self._database = database
        self.stay_of = stays

    def begin(self, person: SignedPerson, address: str = "", browser: str | None = None) -> str:
        """Sign somebody in: the new session's secret. Sessions that are over are forgotten, and theirs in the same browser."""
        secret, now_us = secrets.token_urlsafe(32), self._database.now_us()
        with self._database.writing() as connection:
            change(connection, "delete from access_sessions where begun_us < :until", until=now_us - SCREEN)
            change(
                connection, "delete from access_sessions where browser = :browser and site = :site and account = :name",
                browser=browser, site=person.site, name=person.name,
            )  # fmt: skip
            change(
                connection,
                "insert into access_sessions (hash, site, account, begun_us, active_us, browser, tries)"
                " values (:hash, :site, :name, :now, :now, :browser, 0)",
                hash=hash_of(secret), site=person.site, name=person.name, now=now_us, browser=browser,
            )  # fmt: skip
            self._database.note(
                connection, person.site, "access.signed-in", person.name, {"role": person.role, "address": address}
            )
        return secret

    def person(self, secret: str, active: bool = False) -> SignedPerson | None:
        """Who is signed in with a session; None: nobody any more. `active`: it was a person who did something."""
        hashed = hash_of(secret)
        row = self._database.row(
            "select s.begun_us, s.active_us, s.locked_us, a.site, a.name, a.role from access_sessions s"
            " join access_accounts a on a.site = s.site and a.name = s.account where s.hash = :hash and a.disabled = 0",
            hash=hashed,
        )
        if row is None:
            return None
        now_us, stay = self._database.now_us(), self.stay_of(row.site)
        if row.role == "viewer":
            stay = Stay(SCREEN, SCREEN)
        idle_us = now_us - row.active_us
        if now_us - row.begun_us >= stay.longest_us or (stay.lock_us is None and idle_us >= stay.idle_us):
            return None
        locked = stay.lock_us is not None and (row.locked_us is not None or idle_us >= stay.lock_us)
        if active and not locked and now_us - row.active_us > USED_EVERY:
            with self._database.writing() as connection:
                change(
                    connection,
                    "update access_sessions set active_us = :now where hash = :hash",
                    now=now_us,
                    hash=hashed,
                )
        return SignedPerson(row.name, row.role, row.site, locked)

    def lock(self, secret: str) -> None:
        """Lock a session now; where sessions of its site do not lock it changes nothing."""
        with self._database.writing() as connection:
            change(
                connection, "update access_sessions set locked_us = :now where hash = :hash and locked_us is null",
                now=self._database.now_us(), hash=hash_of(secret),
            )  # fmt: skip

    def signed_in_within(self, secret: str, us: int) -> bool:
        """Whether a session was begun, by a whole sign-in, no longer ago than that."""
        row = self._database.row("select begun_us from access_sessions where hash = :hash", hash=hash_of(secret))
        return row is not None and self._database.now_us() - row.begun_us < us

    # ---- PINs ---------------------------------------------------------------------------------------------------

    def openable(self, browser: str | None, secret: str | None) -> list[PinSession]:
        """Whose sessions in a browser a PIN opens: those begun there by a whole sign-in, and not over."""
        now_us = self._database.now_us()
        found = self._database.rows(
            "select s.hash, s.begun_us, a.site, a.name, a.role, a.pin from access_sessions s"
            " join access_accounts a on a.site = s.site and a.name = s.account"
            " where (s.browser = :browser or s.hash = :hash) and a.disabled = 0 and a.pin is not null"
            " order by s.begun_us",
            browser=browser, hash=None if secret is None else hash_of(secret),
        )  # fmt: skip
        return [
            PinSession(SignedPerson(row.name, row.role, row.site), row.hash, row.pin)
            for row in found
            if (stay := self.stay_of(row.site)).lock_us is not None and now_us - row.begun_us < stay.longest_us
        ]

    def count_try(self, opened: PinSession) -> bool:
        """Count a try before it is known whether it fits, so that many at once are not free; whether there was one left."""
        with self._database.writing() as connection:
            query = "update access_sessions set tries = tries + 1 where hash = :hash and tries < :most"
            return change(connection, query, hash=opened.hash, most=PIN_TRIES) == 1

    def refuse_pin(self, opened: PinSession) -> None:
        """A PIN did not fit: the last of `PIN_TRIES` ends the session, and only a whole sign-in helps then."""
        with self._database.writing() as connection:
            query = "delete from access_sessions where hash = :hash and tries >= :most"
            ended = change(connection, query, hash=opened.hash, most=PIN_TRIES)
            what, person = "access.pin-used-up" if ended else "access.pin-failed", opened.person
            self._database.note(connection, person.site, what, person.name, {})

    def open_by_pin(self, opened: PinSession, before: str | None) -> str | None:
        """Open a session under a new secret, and lock the one that the browser had (`before`); None: it has gone meanwhile."""
        secret, person, now_us = secrets.token_urlsafe(32), opened.person, self._database.now_us()
        with self._database.writing() as connection:
            if before is not None:
                change(
                    connection, "update access_sessions set locked_us = :now where hash = :before and hash <> :hash",
                    now=now_us, before=hash_of(before), hash=opened.hash,
                )  # fmt: skip
            query = "update access_sessions set hash = :new, tries = 0, locked_us = null, active_us = :now where hash = :hash"
            if change(connection, query, new=hash_of(secret), now=now_us, hash=opened.hash) != 1:
                return None
            self._database.note(connection, person.site, "access.unlocked", person.name, {"role": person.role})
        return secret

    def end(self, secret: str) -> None:
        """Sign out."""
        with self._database.writing() as connection:
            gone = connection.execute(
                sa.text("delete from access_sessions where hash = :hash returning site, account"),
                {"hash": hash_of(secret)},
            ).first()
            if gone is not None:
                self._database.note(connection, gone.site, "access.signed-out", gone.account, {})
