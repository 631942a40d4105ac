"""Who is asking: the proofs in a request's headers in, a person or a device out; signing in and out, and what slows guessing.

A person has a session's cookie, a device a token in `Authorization`. What became of each try is a line in the log, with the
reason and without a secret, and a count.
Never here: who may do what (`roles.py`), how an answer looks (`routes.py`, `gate.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Any, Final, Protocol, TypeVar

from itsdangerous import BadData, URLSafeSerializer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from deploy.access.accounts import Accounts
from deploy.access.database import hash_of
from deploy.access.guesses import Guesses
from deploy.access.oidc import Provider
from deploy.access.remembered import Remembered
from deploy.access.sessions import SignedPerson
from deploy.access.tokens import Device
from deploy.oidc_part import OidcPart
from models.instants import SECOND
from models.wire.observations import SITE_HERE
from streams.hosts.embedded import UNWRITABLE
from streams.journal.topics import OPERATORS

log = logging.getLogger(__name__)

_T = TypeVar("_T")

COOKIE: Final = "chairside"
KNOWN: Final = "chairside_known"
"""The cookie of a browser from which somebody has signed in before: signed, and good for nothing but to be counted by itself."""
QUEUE: Final = 20
"""Strangers that may wait for their turn: a second's worth. Chosen by us."""
COLLEAGUES: Final = 30
"""How many accounts one browser is known to: a tablet's that a team shares. Chosen by us."""
PER_ADDRESS: Final = RateLimitItemPerMinute(20)
"""Tries of one address from browsers that are not known. Chosen by us: a morning's shift behind one address; each costs 64 MiB of
memory for a twentieth of a second, and one at a time."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its secret, and the cookie by which the browser is known from now on."""

    person: SignedPerson
    secret: str
    known: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class _Browser:
    """A browser, and who has signed in from it."""

    id: str
    names: tuple[str, ...]


class AuditsTries(Protocol):
    """What is told what was tried and refused, by whom, and about it; what changes something is audited with its change."""

    def __call__(
        self, kind: str, who: str | None, about: Mapping[str, Any], patient: str | None = None, site: str | None = None
    ) -> None: ...


def _one_site(host: str, said: str | None) -> str:
    return SITE_HERE


class Access:
    """Signing in and out of one service, or at one edge of a network.

    Args:
        sign_ins: counts tries by what became of them. refused: counts refused requests by reason.
        served: the only site that is served; None: a network's.
        site_at: whose somebody is who signs in: at which host, and what they say themselves.
        provider_of: a site's provider, if people may sign in there. base_of: the address that browsers have for a site, if known.
        secure: whether cookies go over TLS alone, whatever a request came by.
    """

    def __init__(
        self, accounts: Accounts, now_us: Callable[[], int], sign_ins: Counter, refused: Counter, audited: AuditsTries, *,
        served: str | None, secure: Callable[[], bool], site_at: Callable[[str, str | None], str] = _one_site,
        provider_of: Callable[[str], OidcPart | None] = lambda site: None, base_of: Callable[[str], str | None] = lambda site: None,
    ) -> None:  # fmt: skip
        self.accounts = accounts
        self.served = served
        self.site_at = site_at
        self.provider = Provider(accounts, provider_of)
        self.base_of = base_of
        self.now_us = now_us
        self._sign_ins = sign_ins
        self._refused = refused
        self._audited = audited
        self._secure = secure
        self._guesses, self._strays = Guesses(), Guesses()
        """Tries of accounts that there are, and of others: however many are made up, none of the first is forgotten for them."""
        self._addresses = MovingWindowRateLimiter(MemoryStorage())
        self._people: Remembered[SignedPerson] = Remembered()
        self._devices: Remembered[Device] = Remembered()
        self._known = URLSafeSerializer(accounts.database.key("known browsers"), salt="chairside.known")
        self._strangers, self._colleagues = asyncio.Semaphore(1), asyncio.Semaphore(1)
        self._waiting = 0
        """Strangers whose password is being looked at, or waits for it."""

    # ---- who asks -----------------------------------------------------------------------------------------------

    def is_secure(self, scheme: str) -> bool:
        """Whether cookies go over TLS alone: the request came by it, or the site's own address is of it."""
        return self._secure() or scheme == "https"

    def cookie(self, scheme: str) -> str:
        """The name of the session's cookie. `__Host-`: browsers take it over TLS only, and from no other host's page."""
        return f"__Host-{COOKIE}" if self.is_secure(scheme) else COOKIE

    def session_in(self, headers: Headers, scheme: str) -> str | None:
        """The session's secret in a request's cookies, whether it is good or not."""
        return _cookie_in(headers, self.cookie(scheme))

    async def person(self, headers: Headers, scheme: str, active: bool = False) -> SignedPerson | None:
        """Who is signed in.

        Raises:
            AccountsAway: the network's database does not answer, and they are not known here.
        """
        secret = self.session_in(headers, scheme)
        if secret is None:
            return None
        look = partial(self.accounts.sessions.person, secret, active)
        if not self.accounts.database.is_remote:
            return look()
        return await self._people.look(hash_of(secret), look, anew=active)

    async def device(self, headers: Headers) -> Device | None:
        """Whose token it is.

        Raises:
            AccountsAway: as of `person`.
        """
        kind, _, said = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        look = partial(self.accounts.tokens.device, said.strip())
        return await self._devices.look(hash_of(said), look) if self.accounts.database.is_remote else look()

    def reach(self, sender: SignedPerson | Device) -> str | None:
        """The only site that a sender sees and writes to; None: they are of the whole network."""
        return self.served or (None if sender.site == OPERATORS else sender.site)

    # ---- signing in and out -------------------------------------------------------------------------------------

    async def sign_in(
        self, name: str, password: str, address: str, known: str | None, host: str = "", site: str | None = None
    ) -> SignedIn | Wait | None:
        """Sign somebody in; None: name or password is wrong, and nobody is told which."""
        now_us = self.now_us()
        asked_at = self.site_at(host, site)
        place, is_there = await self.asked(lambda: self._place_of(name, asked_at))
        browser, called = self._browser(known), _called(name, place)
        is_known = called in browser.names
        guesses = self._guesses if is_there else self._strays
        who = f"{browser.id} {called}" if is_known else called
        wait_s = guesses.wait_s(who, now_us)
        if not wait_s and not is_known:
            wait_s = 60.0 if not self._addresses.hit(PER_ADDRESS, address) else float(self._waiting >= QUEUE)
        # What is no account's name may be a password that was typed into the wrong field.
        said = name if is_there else "unknown"
        if wait_s:
            self._tried("sign-in slowed down", said, address, place)
            self._sign_ins.labels("slowed down").inc()
            return Wait(wait_s)
        guesses.attempt(who, now_us)
        self._waiting += not is_known
        try:
            async with self._colleagues if is_known else self._strangers:
                person = await asyncio.to_thread(self.accounts.check_password, name, password, place)
        finally:
            self._waiting -= not is_known
        if person is None:
            self._tried("sign-in failed", said, address, place)
            self._sign_ins.labels("failed").inc()
            return None
        guesses.succeeded(who)
        return await self.begin(person, address, known)

    async def begin(self, person: SignedPerson, address: str, known: str | None) -> SignedIn:
        """A new session for somebody who has proved who they are; never one that a browser brought along."""
        self.note("signed in", person.name, address)
        self._sign_ins.labels("signed in").inc()
        browser, called = self._browser(known), _called(person.name, person.site)
        names = [name for name in browser.names if name != called]
        said = [browser.id, [*names[1 - COLLEAGUES :], called]]
        secret = await self.asked(lambda: self.accounts.sessions.begin(person, address, browser.id))
        return SignedIn(person, secret, str(self._known.dumps(said)))

    async def unlock(self, name: str, pin: str, session: str | None, known: str | None) -> SignedIn | None:
        """Open somebody's locked session in this browser by their own PIN; None: it does not fit, or none of theirs is here.

        Whoever has not signed in wholly in this very browser cannot even try, so no stranger uses up anybody's tries.
        """
        sessions = self.accounts.sessions
        browser = None if known is None else self._browser(known).id
        theirs = await self.asked(lambda: sessions.openable(browser, session))
        found = next((each for each in theirs if each.person.name == name), None)
        if found is None or not await self.asked(lambda: sessions.count_try(found)):
            return None
        async with self._colleagues:
            fits = await asyncio.to_thread(self.accounts.fits, pin, found.pin)
        secret = None
        if fits:
            secret = await self.asked(lambda: sessions.open_by_pin(found, session))
        else:
            await self.asked(lambda: sessions.refuse_pin(found))
        what = "PIN refused" if secret is None else "unlocked"
        self.note(what, name, "")
        self._sign_ins.labels(what).inc()
        self._people.forget(found.hash)
        if session is not None:
            self._people.forget(hash_of(session))
        return None if secret is None else SignedIn(found.person, secret, known or "")

    async def by_pin(self, session: str | None, known: str | None) -> list[str]:
        """Who can open a session in this browser by a PIN."""
        browser = None if known is None else self._browser(known).id
        theirs = await self.asked(lambda: self.accounts.sessions.openable(browser, session))
        return [each.person.name for each in theirs]

    async def lock(self, session: str) -> None:
        """Lock a session."""
        await self.asked(lambda: self.accounts.sessions.lock(session))
        self._people.forget(hash_of(session))

    def locks_after_s(self, person: SignedPerson) -> int | None:
        """After how many seconds without input somebody's session locks; None: never."""
        lock_us = self.accounts.sessions.stay_of(person.site).lock_us
        return None if lock_us is None or person.role == "viewer" else lock_us // SECOND

    async def sign_out(self, secret: str) -> None:
        """End a session."""
        await self.asked(lambda: self.accounts.sessions.end(secret))
        self._people.forget(hash_of(secret))

    async def has_pin(self, person: SignedPerson) -> bool | None:
        """Whether somebody has chosen a PIN; None while the database with the accounts is away."""
        try:
            return await self.asked(lambda: self.accounts.has_pin(person))
        except UNWRITABLE:
            return None

    async def asked(self, ask: Callable[[], _T]) -> _T:
        """The answer of a file at once, and of a database that may be slow or away in a thread."""
        return await asyncio.to_thread(ask) if self.accounts.database.is_remote else ask()

    def _place_of(self, name: str, site: str) -> tuple[str, bool]:
        """The site whose account a name is, and whether there is one; those who run a network sign in at any site."""
        if self.accounts.knows(name, site):
            return site, True
        of_all = self.served is None and self.accounts.knows(name, OPERATORS)
        return (OPERATORS, True) if of_all else (site, False)

    def known_in(self, headers: Headers) -> str | None:
        """The cookie of a known browser, whether it is good or not."""
        return _cookie_in(headers, KNOWN)

    def _browser(self, known: str | None) -> _Browser:
        try:
            number, names = self._known.loads(known or "")
            return _Browser(str(number), tuple(map(str, names)))
        except (BadData, ValueError, TypeError):
            return _Browser(token_hex(16), ())

    def may_try(self, address: str) -> bool:
        """Whether an address may try once more this minute; it counts as one."""
        return self._addresses.hit(PER_ADDRESS, address)

    def refuse_provider(self, why: str, detail: str, address: str) -> None:
        """Write down that somebody came from a provider and did not come in."""
        self.note(f"sign-in by the provider failed ({why}: {detail})", "nobody", address)
        self._sign_ins.labels("failed").inc()
        self._audited("access.sign-in-failed", "unknown", {"address": address, "provider": why})

    def refuse_link(self, address: str) -> None:
        """Write down that a one-time link was tried which does not hold."""
        self.note("one-time link refused", "nobody", address)
        self._audited("access.link-refused", None, {"address": address})

    def _tried(self, what: str, name: str, address: str, site: str) -> None:
        self.note(what, name, address)
        self._audited(f"access.{what.replace(' ', '-')}", name, {"address": address}, site=site)

    # ---- what is written down -----------------------------------------------------------------------------------

    def refuse(self, reason: str, sender: SignedPerson | Device | None, method: str, route: str) -> None:
        """Write down that a request was refused: by its route, never by its path, which holds aliases."""
        self._refused.labels(reason).inc()
        who = None if sender is None else sender.name
        facts = {"reason": reason, "who": who or "nobody", "method": method, "route": route}
        self._audited(
            "access.refused", who, {"reason": reason, "method": method, "route": route},
            site=None if sender is None else sender.site,
        )  # fmt: skip
        log.warning("refused %s %s of %s: %s", method, route, who or "nobody", reason, extra={"facts": facts})

    def note(self, what: str, who: str, address: str) -> None:
        """Write down who signed in or out, or tried to."""
        log.info("%s: %s %s", what, who, address, extra={"facts": {"access": what, "who": who, "address": address}})


def _called(name: str, site: str) -> str:
    """How an account is known to a browser: in one clinic by its name, in a network with its site."""
    return name if site == SITE_HERE else f"{site}\n{name}"


def _cookie_in(headers: Headers, name: str) -> str | None:
    return cookie_parser(headers.get("cookie", "")).get(name)
