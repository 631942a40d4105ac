"""The headers by which a browser keeps a page of ours from harm, on every answer: an answer without them in, with them out.

Scripts come from our own files alone, nothing comes from elsewhere, and no other page frames ours. The pages at /docs begin
with a script in the page: those are allowed by their hashes.
Bad at: styles, which may stand in a page, because plots write theirs there.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; worker-src {workers}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DESCRIBING: Final = frozenset(("/docs", "/docs/oauth2-redirect", "/redoc"))
"""Pages of libraries, with a script in the page; nothing that anybody has entered is in them."""
YEAR_S: Final = 365 * 24 * 3600
_SCRIPT: Final = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


class SecurityHeaders:
    """ASGI middleware that adds them; a header that an answer has already stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held: list[Message] = []

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                if scope["path"] in DESCRIBING and Headers(raw=message["headers"]).get("content-type", "").startswith(
                    "text/html"
                ):
                    held.append(message)
                    return
                _add(message, scope["scheme"], POLICY.format(hashes="", workers="'self'"))
            elif held and message["type"] == "http.response.body":
                start = held.pop()
                _add(start, scope["scheme"], POLICY.format(hashes=_hashes(message.get("body", b"")), workers="blob:"))
                await send(start)
            await send(message)

        await self._app(scope, receive, adding)


def _add(start: Message, scheme: str, policy: str) -> None:
    headers = MutableHeaders(raw=start["headers"])
    headers.setdefault("Content-Security-Policy", policy)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if headers.get("content-type", "").startswith("application/json"):
        headers.setdefault("Cache-Control", "no-store")
    if scheme == "https":
        headers.setdefault("Strict-Transport-Security", f"max-age={YEAR_S}")


def _hashes(page: bytes) -> str:
    found = (b64encode(sha256(script).digest()).decode() for script in _SCRIPT.findall(page))
    return "".join(f" 'sha256-{each}'" for each in found)
