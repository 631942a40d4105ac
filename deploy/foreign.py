"""What another web page can make a browser send is refused before any route sees it: a request's headers in, a reason out.

A page that somebody in the clinic opens anywhere can make their browser post to an address inside, and, by a name that first
leads to its own server and then here (DNS rebinding), also read. A browser always says which name it asked for (`Host`) and,
when it writes, whose page did (`Origin`, `Sec-Fetch-Site`); and it cannot send JSON to another site without asking first.
Monitors, scripts and other servers say neither and are not concerned, but for the type of what they send.
Never here: who somebody is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

READS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
FORMS: Final = frozenset(("application/x-www-form-urlencoded", "multipart/form-data", "text/plain"))
"""The types that a page may post to another site without asking it first (Fetch Standard, CORS-safelisted request header)."""
SIGNED: Final = ("/answer/", "/hooks/")
"""Where a request proves by itself that it may: a foreign page has no signed link and no provider's secret, and the forms there
are the channels' own."""


class ForeignRequests:
    """ASGI middleware that refuses them. `hosts`: the names, beside the machine's own, by which this service is reached.

    `told`: is told of each one's status and reason.
    """

    def __init__(
        self, app: ASGIApp, hosts: Callable[[], Collection[str]], told: Callable[[int, str], None] | None = None
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refused = why_foreign(scope["method"], scope["path"], Headers(scope=scope), self._hosts)
            if refused is not None:
                status, reason = refused
                if self._told is not None:
                    self._told(status, reason)
                await JSONResponse({"detail": reason}, status)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def why_foreign(
    method: str, path: str, headers: Headers, hosts: Callable[[], Collection[str]]
) -> tuple[int, str] | None:
    """The status and the reason for which a request is refused; None: it may come in."""
    if len(headers.getlist("host")) > 1:
        # Whatever stands before us may go by the other one (RFC 9112, 3.2).
        return 400, "two Host headers"
    host = headers.get("host", "")
    name = _name_in(f"//{host}")
    if not (_is_of_this_network(name) or name in hosts()):
        return 421, (
            f"this service is not reached as {name or host!r}: if it is, say so in the configuration, "
            f'under [site] as hosts = ["{name}"], or as the host of pages.link'
        )
    if method in READS or path.startswith(SIGNED):
        return None
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return 403, "another site's page may not write here"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return 403, f"a page of {origin} may not write here"
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in FORMS:
        return 415, f"{kind} is not taken: send application/json, or application/x-ndjson with one observation a line"
    return None


def _name_in(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_of_this_network(name: str) -> bool:
    """Whether nobody outside can own a name: an address, this machine, or a name without a dot, as containers have."""
    try:
        ip_address(name)
    except ValueError:
        return bool(name) and ("." not in name or name.endswith(".localhost"))
    return True


def host_of(link: str | None) -> set[str]:
    """The name in the address under which phones find the board, if there is one."""
    return {_name_in(link)} - {""} if link is not None else set()
