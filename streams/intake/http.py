"""The observation routes: what comes in over HTTP, and what of it could not be used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, NotRequired

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from typing_extensions import TypedDict

from alerts.api.views import Site
from alerts.store.store import Store
from streams.intake.admission import Admission
from streams.intake.append import Records
from streams.intake.json import read
from streams.intake.post import arranged

LARGEST: Final = 8 * 2**20
"""Bytes of one post: 60,000 observations. A longer one is asked to come in parts, so that memory stays bounded."""
NAMED: Final = 100
"""Set-aside lines that an answer names; all are counted, and all are in the store."""


class SetAsideOut(TypedDict):
    """A line, or a field of one, that could not be used, and why."""

    line: int
    field: str
    reason: str


class TakenOut(TypedDict):
    """What became of a post: the lines that were accepted, those that were not, and fields that were left out alone."""

    accepted: int
    set_aside: list[SetAsideOut]
    fields_set_aside: NotRequired[list[SetAsideOut]]
    set_aside_in_all: NotRequired[int]


def observation_routes(
    append: Callable[[Records], Awaitable[None]], store: Store, counted: Callable[[int, int], None],
    admission: Admission,
) -> APIRouter:  # fmt: skip
    """The routes.

    Args:
        append: durable when it returns. counted: told how many were accepted and set aside. admission: what may come in,
            of senders that have none of their own in their request's state (deploy/access/gate.py).
    """
    routes = APIRouter(prefix="/v1", tags=["observations"])

    async def observations(request: Request) -> JSONResponse:
        """One observation, an array, or NDJSON. Accepted means durable; what could not be used is named with its reason.

        Accepted and set aside are all lines. A field that was set aside alone is named beside them: its line is accepted.
        """
        body = await body_of(request)
        admits = admission_of(request, admission)
        reading = read(body, request.headers.get("content-type"), admits)
        if not reading.records:
            raise HTTPException(422, "no observation in the body")
        await append(arranged(reading.records))
        counted(reading.accepted, len(reading.bad))
        answer: TakenOut = {
            "accepted": reading.accepted,
            "set_aside": [
                {"line": line, "field": aside.field, "reason": aside.reason} for line, aside in reading.bad[:NAMED]
            ],
        }
        if reading.parts:
            answer["fields_set_aside"] = [
                {"line": line, "field": one.field, "reason": one.reason} for line, one in reading.parts[:NAMED]
            ]
        if len(reading.bad) > NAMED:
            answer["set_aside_in_all"] = len(reading.bad)
        return JSONResponse(answer, status_code=200 if reading.accepted else admits.status_of_nothing())

    # Posts are served by a plain route, which comes first. FastAPI's, which would look for dependencies that there are not and
    # take as long as reading forty lines, describes it.
    routes.add_route(f"{routes.prefix}/observations", observations, methods=["POST"], include_in_schema=False)
    routes.add_api_route(
        "/observations", observations, methods=["POST"],
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "anyOf": [
                                {"$ref": "/schema/observation.json"},
                                {"type": "array", "minItems": 1, "items": {"$ref": "/schema/observation.json"}},
                            ]
                        }
                    },
                    "application/x-ndjson": {"schema": {"type": "string", "description": "One observation a line."}},
                },
            }
        },
        responses={
            200: {"model": TakenOut},
            403: {"model": TakenOut, "description": "Signed in, but not somebody who may enter any of this"},
            413: {"description": "Too large"},
            422: {"model": TakenOut, "description": "Nothing could be used"},
            503: {"description": "Not durable: send again"},
        },
    )  # fmt: skip

    @routes.get("/dead-letters")
    async def dead_letters(site: Site, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
        """The last lines that could not be used, each with its reason; `cut`: there are more before them."""
        found = await asyncio.to_thread(store.dead_letters, site, limit + 1)
        return {"dead_letters": found[-limit:], "cut": len(found) > limit}

    return routes


def admission_of(request: Request, usual: Admission) -> Admission:
    """What a request's sender may enter, where it is known who they are (deploy/access/gate.py); else what anybody may."""
    admission: Admission = getattr(request.state, "admission", usual)
    return admission


async def body_of(request: Request) -> bytes:
    """The body, refused as soon as it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise HTTPException(413, f"more than {LARGEST // 2**20} MiB: send it in parts")
        parts.append(part)
    return b"".join(parts)
