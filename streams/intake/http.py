"""The observation routes: what comes in over HTTP, and what the ward has of it now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse

from alerts.store.store import Store
from streams.intake.append import Overloaded, Records
from streams.intake.json import read
from streams.journal.history import LONGEST, Series

LARGEST: Final = 8 * 2**20
"""Bytes of one post: 60,000 observations. A longer one is asked to come in parts, so that memory stays bounded."""
NAMED: Final = 100
"""Set-aside lines that an answer names; all are counted, and all are in the store."""

Site = Annotated[str, Query(description="The site; one clinic has one.", max_length=200)]


class Now(Protocol):
    """What the routes ask of the shard's owner."""

    def chairs(self, site: str) -> dict[str, Any]: ...

    def sessions(self, site: str) -> list[dict[str, Any]]: ...

    def series(self, site: str, session: str | None, patient: str | None, minutes: int) -> Series: ...


def observation_routes(
    append: Callable[[Records], Awaitable[None]], now: Now, store: Store, counted: Callable[[int, int], None]
) -> APIRouter:
    """The routes.

    Args:
        append: durable when it returns. counted: told how many were accepted and set aside.
    """
    routes = APIRouter(prefix="/v1", tags=["observations"])

    @routes.post(
        "/observations",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"$ref": "/schema/observation.json"}},
                    "application/x-ndjson": {"schema": {"type": "string", "description": "One observation a line."}},
                },
            }
        },
        responses={
            413: {"description": "Too large"},
            422: {"description": "Nothing could be used"},
            503: {"description": "Not durable: send again"},
        },
    )
    async def observations(request: Request) -> JSONResponse:
        """One observation, an array, or NDJSON. Accepted means durable; what could not be used is named with its reason."""
        body = await _body(request)
        reading = read(body, request.headers.get("content-type"))
        if not reading.records:
            raise HTTPException(422, "no observation in the body")
        try:
            await append(reading.records)
        except Overloaded as wait:
            raise HTTPException(503, f"{wait}: send again", headers={"Retry-After": "1"}) from wait
        counted(reading.accepted, len(reading.bad))
        answer: dict[str, Any] = {
            "accepted": reading.accepted,
            "set_aside": [
                {"line": line, "field": aside.field, "reason": aside.reason} for line, aside in reading.bad[:NAMED]
            ],
        }
        if len(reading.bad) > NAMED:
            answer["set_aside_in_all"] = len(reading.bad)
        return JSONResponse(answer, status_code=200 if reading.accepted else 422)

    @routes.get("/chairs")
    async def chairs(site: Site = "main") -> dict[str, Any]:
        """Every chair's session with its latest values, their age and quality: what the live feed sends each second."""
        return now.chairs(site)

    @routes.get("/sessions")
    async def sessions(site: Site = "main") -> dict[str, Any]:
        """The open sessions."""
        return {"sessions": now.sessions(site)}

    @routes.get("/history")
    async def history(
        session: str | None = None, patient: str | None = None, site: Site = "main",
        minutes: Annotated[int, Query(ge=1, le=LONGEST)] = 20, entries: Annotated[int, Query(ge=0, le=1000)] = 50,
    ) -> dict[str, Any]:  # fmt: skip
        """Recent vitals of an open session as (milliseconds, value), and what people entered, the last one last."""
        series = await asyncio.to_thread(now.series, site, session, patient, minutes)
        found = (
            await asyncio.to_thread(store.entries, site, session, patient if session is None else None, entries)
            if entries
            else []
        )
        return {"series": series, "entries": found}

    @routes.get("/dead-letters")
    async def dead_letters(site: Site = "main", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
        """The last lines that could not be used, each with its reason."""
        return {"dead_letters": await asyncio.to_thread(store.dead_letters, site, limit)}

    return routes


async def _body(request: Request) -> bytes:
    """The body, refused as soon as it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise HTTPException(413, f"more than {LARGEST // 2**20} MiB: send it in parts")
        parts.append(part)
    return b"".join(parts)
