"""Who is asking: the proofs in a request's headers in, a person or a device out; signing in and out, and what slows guessing.

A person has a session's cookie, a device a token in `Authorization`. What became of each try is a line in the log, with the
reason and without a secret, and a count.
Never here: who may do what (`roles.py`), how an answer looks (`routes.py`, `gate.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from itsdangerous import BadData, URLSafeSerializer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from deploy.access.accounts import Accounts, Device, SignedPerson
from deploy.access.guesses import Guesses

log = logging.getLogger(__name__)

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


class Access:
    """Signing in and out of one service.

    Args:
        sign_ins: counts tries by what became of them. refused: counts refused requests by reason.
        audited: is told what was tried and refused, by whom, and about it; what changes something is audited with its change.
    """

    def __init__(
        self, accounts: Accounts, now_us: Callable[[], int], sign_ins: Counter, refused: Counter,
        audited: Callable[[str, str | None, dict[str, str]], None], *, site: str, secure: bool = False,
    ) -> None:  # fmt: skip
        self.accounts = accounts
        self.site = site
        self.now_us = now_us
        self._sign_ins = sign_ins
        self._refused = refused
        self._audited = audited
        self._secure = secure
        self._guesses, self._strays = Guesses(), Guesses()
        """Tries of accounts that there are, and of others: however many are made up, none of the first is forgotten for them."""
        self._addresses = MovingWindowRateLimiter(MemoryStorage())
        self._known = URLSafeSerializer(accounts.key("known browsers"), salt="chairside.known")
        self._strangers, self._colleagues = asyncio.Semaphore(1), asyncio.Semaphore(1)
        self._waiting = 0
        """Strangers whose password is being looked at, or waits for it."""

    # ---- who asks -----------------------------------------------------------------------------------------------

    def is_secure(self, scheme: str) -> bool:
        """Whether cookies go over TLS alone: the request came by it, or the site's own address is of it."""
        return self._secure or scheme == "https"

    def cookie(self, scheme: str) -> str:
        """The name of the session's cookie. `__Host-`: browsers take it over TLS only, and from no other host's page."""
        return f"__Host-{COOKIE}" if self.is_secure(scheme) else COOKIE

    def session_in(self, headers: Headers, scheme: str) -> str | None:
        """The session's secret in a request's cookies, whether it is good or not."""
        return _cookie_in(headers, self.cookie(scheme))

    def person(self, headers: Headers, scheme: str, active: bool = False) -> SignedPerson | None:
        """Who is signed in."""
        secret = self.session_in(headers, scheme)
        return None if secret is None else self.accounts.person(secret, active)

    def device(self, headers: Headers) -> Device | None:
        """Whose token it is."""
        kind, _, secret = headers.get("authorization", "").partition(" ")
        return self.accounts.device(secret.strip()) if kind.lower() == "bearer" else None

    # ---- signing in and out -------------------------------------------------------------------------------------

    async def sign_in(self, name: str, password: str, address: str, known: str | None) -> SignedIn | Wait | None:
        """Sign somebody in; None: name or password is wrong, and nobody is told which."""
        now_us = self.now_us()
        browser = self._browser(known)
        is_known = name in browser.names
        guesses = self._guesses if self.accounts.knows(name) else self._strays
        who = f"{browser.id} {name}" if is_known else name
        wait_s = guesses.wait_s(who, now_us)
        if not wait_s and not is_known:
            wait_s = 60.0 if not self._addresses.hit(PER_ADDRESS, address) else float(self._waiting >= QUEUE)
        if wait_s:
            self._tried("sign-in slowed down", name, address)
            self._sign_ins.labels("slowed down").inc()
            return Wait(wait_s)
        guesses.attempt(who, now_us)
        self._waiting += not is_known
        try:
            async with self._colleagues if is_known else self._strangers:
                person = await asyncio.to_thread(self.accounts.check_password, name, password)
        finally:
            self._waiting -= not is_known
        if person is None:
            self._tried("sign-in failed", name, address)
            self._sign_ins.labels("failed").inc()
            return None
        guesses.succeeded(who)
        return self.begin(person, address, known)

    def begin(self, person: SignedPerson, address: str, known: str | None) -> SignedIn:
        """A new session for somebody who has proved who they are; never one that a browser brought along."""
        self.note("signed in", person.name, address)
        self._sign_ins.labels("signed in").inc()
        browser = self._browser(known)
        names = [name for name in browser.names if name != person.name]
        said = [browser.id, [*names[1 - COLLEAGUES :], person.name]]
        return SignedIn(person, self.accounts.begin(person, address), str(self._known.dumps(said)))

    def sign_out(self, secret: str, person: SignedPerson) -> None:
        """End a session."""
        self.accounts.end(secret)
        self.note("signed out", person.name, "")

    def known_in(self, headers: Headers) -> str | None:
        """The cookie of a known browser, whether it is good or not."""
        return _cookie_in(headers, KNOWN)

    def _browser(self, known: str | None) -> _Browser:
        try:
            number, names = self._known.loads(known or "")
            return _Browser(str(number), tuple(map(str, names)))
        except (BadData, ValueError, TypeError):
            return _Browser(token_hex(16), ())

    def refuse_link(self, address: str) -> None:
        """Write down that a one-time link was tried which does not hold."""
        self.note("one-time link refused", "nobody", address)
        self._audited("access.link-refused", None, {"address": address})

    def _tried(self, what: str, name: str, address: str) -> None:
        self.note(what, self._said(name), address)
        self._audited(f"access.{what.replace(' ', '-')}", self._said(name), {"address": address})

    def _said(self, name: str) -> str:
        # What is no account's name may be a password that was typed into the wrong field.
        return name if self.accounts.knows(name) else "unknown"

    # ---- what is written down -----------------------------------------------------------------------------------

    def refuse(self, reason: str, who: str, method: str, route: str) -> None:
        """Write down that a request was refused: by its route, never by its path, which holds aliases."""
        self._refused.labels(reason).inc()
        facts = {"reason": reason, "who": who, "method": method, "route": route}
        self._audited(
            "access.refused", None if who == "nobody" else who, {"reason": reason, "method": method, "route": route}
        )
        log.warning("refused %s %s of %s: %s", method, route, who, reason, extra={"facts": facts})

    def note(self, what: str, who: str, address: str) -> None:
        """Write down who signed in or out, or tried to."""
        log.info("%s: %s %s", what, who, address, extra={"facts": {"access": what, "who": who, "address": address}})


def _cookie_in(headers: Headers, name: str) -> str | None:
    return cookie_parser(headers.get("cookie", "")).get(name)
