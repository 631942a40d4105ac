"""The gate before all routes: a request that its sender may not make is answered here, and no route sees it.

In: the route that a request would reach, its row in `roles.py`, and who asks. Out: 401 where nobody is signed in, 403 where
they may not, or the request goes on with who asks in its state: `person` and `admission`, that is what they may enter.
A browser sends a cookie whoever made it write. So a request that changes something and has no token must also say that it comes
from a page of ours (`Origin` or `Sec-Fetch-Site`); the cookie itself stays at home when another site's page asks.
In a network each sender is of one site, and what is asked of another is refused here, whichever route it is.
A live feed ends within `SESSION_LOOK_EVERY_S` of its session's end.
Never here: passwords, and what an entry may hold (`entries.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.access.access import Access
from deploy.access.entries import SignedAdmission
from deploy.access.glass import BEHIND_GLASS, BREAKER
from deploy.access.remembered import AccountsAway
from deploy.access.roles import HISTORY_ROUTE, READ_FHIR, ROUTES, SCRAPE, SEND, WHILE_LOCKED, WITH_ENTRIES, Allowed
from deploy.access.sessions import SignedPerson
from deploy.access.tokens import Device
from deploy.foreign import READS, SIGNED
from models.wire.observations import SITE_HERE
from streams.hosts.embedded import UNWRITABLE

LIVE_FEED: Final = "/v1/live"
NOT_INPUT: Final = "/v1/observations"
"""What a page sends by itself, when a connection is back: nobody need be there for it."""
NO_PAGE_OF_OURS: Final = "this does not come from a page of ours"
SESSION_LOOK_EVERY_S: Final = 1.0


class Gate:
    """ASGI middleware. `routes`: the application whose routes are behind it."""

    def __init__(self, app: ASGIApp, access: Access, routes: FastAPI) -> None:
        self._app = app
        self._access = access
        self._routes = routes
        self._known: list[Route | Mount] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] != "lifespan":
                return
            await self._app(scope, receive, send)
            return
        route, is_there = self._route_of(scope)
        if route is None:
            # Answered here: what this gate does not see must not be reached either.
            status, said = (405, "Method Not Allowed") if is_there else (404, "Not Found")
            await JSONResponse({"detail": said}, status)(scope, receive, send)
            return
        access, method, headers, scheme = self._access, scope["method"], Headers(scope=scope), scope["scheme"]
        active = method not in READS and route != NOT_INPUT
        try:
            device = await access.device(headers) if "authorization" in headers else None
            person = await access.person(headers, scheme, active) if "authorization" not in headers else None
        except AccountsAway as away:
            if not _is_anybodys(method, route):
                await JSONResponse({"detail": str(away)}, 503, {"Retry-After": "1"})(scope, receive, send)
                return
            device = person = None
        sender = person or device
        try:
            opened = person is not None and await self._opened(scope, route, person)
        except UNWRITABLE:
            opened = False
        refused = self._why_refused(scope, route, headers, person, device, opened)
        if refused is not None:
            status, reason = refused
            access.refuse(reason, sender, method, route)
            # No word of how to sign in: a browser would show a box of its own.
            await JSONResponse({"detail": reason}, status)(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if sender is not None:
            state["person"] = None if person is None else person.name
            state["signed_in"] = sender
            state["site"] = site = access.reach(sender)
            state["admission"] = admission = SignedAdmission(site, sender)
            state["sees_entries"] = person is not None and not person.locked and person.role in WITH_ENTRIES.roles
            if route == LIVE_FEED:
                await self._live(scope, receive, send, headers)
                return
            await self._app(scope, receive, send)
            for reason in admission.refused:
                access.refuse(reason, sender, method, route)
            return
        await self._app(scope, receive, send)

    def _route_of(self, scope: Scope) -> tuple[str | None, bool]:
        """The path of the route that a request reaches, with its parameters' names; None: it reaches none by its method, and
        whether it would by another.
        """
        if not self._known:
            self._known = [route for _, route in routes_of(self._routes)]
        path, is_there = scope["path"], False
        for route in self._known:
            if route.path_regex.match(path):
                if isinstance(route, Mount) or scope["method"] in (route.methods or ()):
                    return route.path, True
                is_there = True
        return None, is_there

    def _why_refused(
        self,
        scope: Scope,
        route: str,
        headers: Headers,
        person: SignedPerson | None,
        device: Device | None,
        opened: bool,
    ) -> tuple[int, str] | None:
        method = scope["method"]
        row = ROUTES.get(("GET" if method == "HEAD" else method, route))
        if row is None:
            return 403, "nobody may use this"
        if route == HISTORY_ROUTE and _asked(scope, "entries") - {"0"}:
            row = WITH_ENTRIES
        # No word from a page is needed of a device, which has no cookie that another's page could use, nor of a signed link.
        foreign = method not in READS and device is None and not route.startswith(SIGNED) and not from_our_page(headers)
        if row.anybody:
            return (403, NO_PAGE_OF_OURS) if foreign else None
        if device is not None:
            if (elsewhere := self._why_elsewhere(scope, row, device)) is not None:
                return 403, elsewhere
            may = device.sends - {SCRAPE, READ_FHIR} if row.token == SEND else device.sends & {row.token}
            return None if may else (403, "this token may not do that")
        if person is None:
            if "authorization" in headers:
                return 401, "sign in first, or send a token that is known (chairside token list)"
            return 401, "sign in first" if row.token is None else "sign in first, or send a token (chairside token add)"
        if foreign:
            return 403, NO_PAGE_OF_OURS
        if person.locked and route not in WHILE_LOCKED and not (method in READS and "viewer" in row.roles):
            return 423, "locked: enter your PIN"
        if person.role not in row.roles:
            return 403, f"the role {person.role} may not do that"
        elsewhere = self._why_elsewhere(scope, row, person)
        return None if elsewhere is None or opened else (403, elsewhere)

    async def _opened(self, scope: Scope, route: str, person: SignedPerson) -> bool:
        """Whether a request reads the one patient of another site for whom its sender has broken the glass."""
        if route not in BEHIND_GLASS or scope["method"] not in READS or person.role != BREAKER:
            return False
        named, own = _sites_named(scope), self._access.reach(person)
        if own is None or len(named) != 1 or named & {SITE_HERE, own}:
            return False
        (site,) = named
        # The route by whose pattern the request is answered, so that it is this patient whom the route gives.
        found = next(each for each in self._known if each.path == route).path_regex.match(scope["path"])
        patient = "" if found is None else found.group("patient")
        if not await self._access.asked(lambda: self._access.accounts.glass.is_broken(person, site, patient)):
            return False
        scope.setdefault("state", {})["glass"] = own
        return True

    def _why_elsewhere(self, scope: Scope, row: Allowed, sender: SignedPerson | Device) -> str | None:
        """Why what is asked for is another site's; None: it is the sender's."""
        served, reach = self._access.served, self._access.reach(sender)
        if served is not None and sender.site not in (SITE_HERE, served):
            return "this token is of another site"
        if served is None and row.of_network and reach is not None:
            return "that is of the whole network"
        return None if reach is None or not _sites_named(scope) - {SITE_HERE, reach} else "that is another site's"

    async def _live(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        """A feed for as long as its session lasts."""
        ended = asyncio.Event()
        finished = False

        async def noticing(message: Message) -> None:
            nonlocal finished
            finished = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        async def listening() -> Message:
            gone: asyncio.Task[Any] = asyncio.ensure_future(receive())
            over = asyncio.ensure_future(ended.wait())
            try:
                done, _ = await asyncio.wait((gone, over), return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                over.cancel()
            return gone.result() if gone in done else {"type": "http.disconnect"}

        async def looking() -> None:
            with contextlib.suppress(AccountsAway):
                while await self._access.person(headers, scope["scheme"]) is not None:  # noqa: ASYNC110 - the end is in a file
                    await asyncio.sleep(SESSION_LOOK_EVERY_S)
            ended.set()

        look = asyncio.create_task(looking())
        try:
            await self._app(scope, listening, noticing)
        finally:
            look.cancel()
        if ended.is_set() and not finished:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _asked(scope: Scope, name: str) -> set[str]:
    """The values that a request's query has for a parameter."""
    return set(parse_qs(scope.get("query_string", b"").decode("latin-1")).get(name, []))


def _sites_named(scope: Scope) -> set[str]:
    return _asked(scope, "site")


def _is_anybodys(method: str, route: str) -> bool:
    row = ROUTES.get(("GET" if method == "HEAD" else method, route))
    return row is not None and row.anybody


def routes_of(app: FastAPI) -> list[tuple[frozenset[str], Route | Mount]]:
    """Every route of an application and its methods, in the order in which it looks for them.

    Raises:
        TypeError: one is of a kind that the gate cannot tell apart.
    """
    found = []
    for each in iter_route_contexts(app.routes):
        route = each.original_route
        if not isinstance(route, Route | Mount):
            raise TypeError(f"{route} is no route that can be guarded")
        methods = {"GET"} if isinstance(route, Mount) else (route.methods or set()) - {"HEAD"}
        found.append((frozenset(methods), route))
    return found


def from_our_page(headers: Headers) -> bool:
    """Whether a browser says that a page of this very service asks. Whoever says nothing is believed nothing."""
    fetched = headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched == "same-origin"
    _, _, named = headers.get("origin", "").partition("://")
    return bool(named) and named.lower() == headers.get("host", "").lower()
