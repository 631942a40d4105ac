"""Which answers open a patient's page, and that each is audited before it goes out: a request in, an entry in the trail.

An entry is of what was answered with 200: what was refused is audited by the gate. Who asks is who is signed in, or whose
token it is; where nobody need be it is nobody. A board's own list of chairs and alerts is no patient's page: it hangs on a wall.
Never here: who may read (`roles.py`).
"""

from __future__ import annotations

import asyncio
import re
from typing import Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerts.fhir.search import PARAMETERS
from deploy.audit.trail import Trail
from models.wire.observations import SITE_HERE

READ: Final = (
    # The route; what of the query says what was looked for.
    ("/v1/patients/{patient:path}/registration", ()),
    ("/v1/patients/{patient:path}/record.fhir.json", ()),
    ("/v1/patients/{patient:path}", ()),
    ("/v1/patients", ()),
    ("/v1/names/{patient:path}", ()),
    ("/v1/names", ()),
    ("/v1/forecasts", ("as_of",)),
    ("/v1/history", ("session",)),
    ("/v1/sessions/{session:path}/trace", ()),
    *(
        (f"/v1/sessions/{{session:path}}/{page}", ())
        for page in ("record", "record.csv", "record.fhir.json", "rems", "rems.pdf")
    ),
    ("/v1/sessions/{session:path}/tablet", ()),
    ("/v1/alerts/{alert}/why", ()),
    ("/v1/dead-letters", ()),
    ("/v1/audit", ("who", "kind")),
    # FHIR: whose a resource is, the route says.
    *((f"/fhir/{kind}{one}", ()) for kind in PARAMETERS for one in ("", "/{id}")),
)


def _pattern(route: str) -> re.Pattern[str]:
    """What matches a route's path; an alias may hold a slash (`:path`)."""
    as_path = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", route)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", as_path))


_PATHS: Final = tuple((_pattern(route), route, asked) for route, asked in READ)


class AuditedReads:
    """ASGI middleware, behind the gate: it knows who is signed in."""

    def __init__(self, app: ASGIApp, trail: Trail) -> None:
        self._app = app
        self._trail = trail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _opened(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        route, asked, in_path = found

        async def auditing(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                query = {
                    name: values[-1][:200] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()
                }
                about = {name: query[name] for name in (*asked, "site") if name in query} | {
                    name: value for name, value in in_path.items() if name != "patient"
                }
                state = scope.get("state", {})
                # Of FHIR the route says whose resources it gave: of nobody, only that there was a search.
                patients = state.get("read_of") or [in_path.get("patient", query.get("patient"))]
                who = state.get("person") or getattr(state.get("signed_in"), "name", None)
                if "glass" in state:
                    about["reader_of"] = state["glass"]
                asked_of = query.get("site", SITE_HERE)
                whose = state.get("site") if asked_of == SITE_HERE else asked_of
                await asyncio.gather(*(self._trail.read(route, who, each, about, whose) for each in patients))
            await send(message)

        await self._app(scope, receive, auditing)


def _opened(path: str) -> tuple[str, tuple[str, ...], dict[str, str]] | None:
    for pattern, route, asked in _PATHS:
        if (matched := pattern.fullmatch(path)) is not None:
            return route, asked, matched.groupdict()
    return None
