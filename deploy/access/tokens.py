"""Tokens of devices and other systems: made once and shown once, known by their hash, each bound to a site and to what it sends.

Never here: what a token's holder may do beyond that (`roles.py`, `entries.py`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError

from deploy.access.database import AccessDatabase, AccessRefused, change, hash_of
from deploy.access.roles import FROM_DEVICES, READ_FHIR, SCRAPE, SENDABLE
from models.instants import MINUTE
from models.wire.observations import SITE_HERE
from streams.journal.topics import OPERATORS

USED_EVERY: Final = MINUTE
"""How often it is written down that a session or token is in use."""


@dataclass(frozen=True, slots=True)
class Device:
    """A token's holder: a device, another system, or Prometheus. `sends`: kinds of observations, `SCRAPE` or `READ_FHIR`."""

    name: str
    site: str
    sends: frozenset[str]


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token as it is listed: never the token itself."""

    name: str
    site: str
    sends: tuple[str, ...]
    made_us: int
    used_us: int | None
    revoked: bool


class Tokens:
    """The tokens in a database."""

    def __init__(self, database: AccessDatabase) -> None:
        self._database = database

    def add(self, name: str, sends: Collection[str] = FROM_DEVICES, site: str = SITE_HERE) -> str:
        """A new token, which is shown this once.

        Raises:
            AccessRefused: the name is taken, or a token may not send that.
        """
        wrong = [kind for kind in sends if kind not in (*SENDABLE, SCRAPE, READ_FHIR)]
        if wrong or not sends:
            raise AccessRefused(
                f"a token may not send {wrong[0] if wrong else 'nothing'}: there are {', '.join((*SENDABLE, SCRAPE, READ_FHIR))}"
            )
        if site == OPERATORS and set(sends) != {SCRAPE}:
            raise AccessRefused(
                f"what sends observations or reads patients belongs to one site: {OPERATORS} is for {SCRAPE} alone"
            )
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise AccessRefused("give a name, of 100 characters at the most")
        secret = f"cst_{secrets.token_urlsafe(32)}"
        said = sorted(set(sends))
        try:
            with self._database.writing() as connection:
                change(
                    connection,
                    "insert into access_tokens (site, name, hash, sends, made_us) values (:site, :name, :hash, :sends, :now)",
                    site=site, name=name, hash=hash_of(secret), sends=json.dumps(said), now=self._database.now_us(),
                )  # fmt: skip
                self._database.note(
                    connection, site, "token.added", self._database.by, {"token": name, "site": site, "sends": said}
                )
        except IntegrityError as taken:
            raise AccessRefused(f"there is a token {name} already: give it another name") from taken
        return secret

    def device(self, secret: str) -> Device | None:
        """Whose token it is; None: nobody's, or revoked."""
        hashed = hash_of(secret)
        row = self._database.row(
            "select name, site, sends, used_us from access_tokens where hash = :hash and revoked_us is null",
            hash=hashed,
        )
        if row is None:
            return None
        now_us = self._database.now_us()
        if row.used_us is None or now_us - row.used_us > USED_EVERY:
            with self._database.writing() as connection:
                change(
                    connection, "update access_tokens set used_us = :now where hash = :hash", now=now_us, hash=hashed
                )
        return Device(row.name, row.site, frozenset(json.loads(row.sends)))

    def listed(self) -> list[ListedToken]:
        """All tokens, by site and name."""
        return [
            ListedToken(
                row.name, row.site, tuple(json.loads(row.sends)), row.made_us, row.used_us, row.revoked_us is not None
            )
            for row in self._database.rows("select * from access_tokens order by site, name")
        ]

    def revoke(self, name: str, site: str | None = None) -> None:
        """A token is good for nothing from now on. Its name stays taken. `site`: whose; None: of whichever site has it alone.

        Raises:
            AccessRefused: there is no such token, or several sites have one.
        """
        there = [
            row.site
            for row in self._database.rows(
                "select site from access_tokens where name = :name and revoked_us is null", name=name
            )
            if site in (None, row.site)
        ]
        if len(there) != 1:
            raise AccessRefused(
                f"there is no token {name}, or it is revoked already"
                if not there
                else f"say whose with --site: {name} is there at {', '.join(sorted(there))}"
            )
        with self._database.writing() as connection:
            change(
                connection, "update access_tokens set revoked_us = :now where name = :name and site = :site",
                now=self._database.now_us(), name=name, site=there[0],
            )  # fmt: skip
            self._database.note(connection, there[0], "token.revoked", self._database.by, {"token": name})
