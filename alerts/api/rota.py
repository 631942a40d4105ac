"""The routes of who is on call: the rota as a document and as a calendar, and the ladders that are being climbed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, ValidationError

from alerts.api.calendar import feed
from alerts.api.signed import signed_by
from alerts.api.views import AS_MADE, Site, Views
from alerts.rota.shown import LONGEST_DAYS, rota_document
from models.instants import iso, to_datetime, to_us
from models.oncall import Override
from models.wire.bounds import Moment, Name, Text
from models.wire.observations import RotaOverride
from models.wire.on_call import LaddersOut, RotaOut


class OverrideBody(BaseModel):
    """`who` instead of `covers` (without: of everybody on that schedule) from `since` to `until`; `by` says so."""

    model_config = ConfigDict(extra="forbid")

    schedule: Name
    who: Name | None = None
    covers: Name | None = None
    since: Moment
    until: Moment
    by: Name
    note: Text | None = None
    id: Name | None = None


def rota_routes(append: Callable[[list[RotaOverride]], Awaitable[None]], views: Views) -> APIRouter:
    """The routes.

    Args:
        append: puts an override into the journal; durable when it returns.
        views: what is in force, and whose time an override is stamped with.
    """
    routes = APIRouter(prefix="/v1", tags=["on call"])

    @routes.get("/rota", response_model=AS_MADE, responses={200: {"model": RotaOut}})
    async def rota(
        site: Site,
        since: Annotated[Moment | None, Query(description="Where the turns begin; without it: now.")] = None,
        days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = 28,
    ) -> RotaOut:
        """Who is on call on each schedule now and next, the turns of some days, overrides, and holes of the next four weeks."""
        in_force, now_us = await views.rota(site), await views.now_us(site)
        since_us = now_us if since is None else to_us(since)
        return await asyncio.to_thread(rota_document, site, in_force, now_us, since_us, days)

    @routes.get("/rota.ics", response_class=Response, responses={200: {"content": {"text/calendar": {}}}, 404: {}})
    async def calendar(site: Site, schedule: Name | None = None, person: Name | None = None) -> Response:
        """The rota as an iCalendar feed to subscribe to: all of it, one schedule, or one person's turns."""
        in_force, now_us = await views.rota(site), await views.now_us(site)
        for name, known in ((schedule, in_force.on_call.schedules), (person, in_force.on_call.people)):
            if name is not None and name not in known:
                raise HTTPException(404, f"there is no {name} at {site}")
        schedules = list(in_force.on_call.schedules) if schedule is None else [schedule]
        text = await asyncio.to_thread(feed, site, in_force, now_us, schedules, person)
        return Response(text, media_type="text/calendar; charset=utf-8", headers={"Cache-Control": "no-cache"})

    @routes.post("/rota/overrides", status_code=202, responses={422: {"description": "It cannot be, and why"}})
    async def override(request: Request, body: OverrideBody, site: Site) -> dict[str, Any]:
        """Put somebody in another's place on a schedule, from an instant until another; a swap is two of them."""
        by = signed_by(request, body.by)
        now_us = await views.now_us(site)
        try:
            wanted = Override(
                schedule=body.schedule, who=body.who, covers=body.covers, since=body.since, until=body.until
            )
        except ValidationError as wrong:
            raise HTTPException(422, "until: it is not after since") from wrong
        why_not = (await views.rota(site)).on_call.why_not(wanted)
        if why_not is None and to_us(wanted.until) <= now_us:
            why_not = "until: it is over already"
        if why_not is not None:
            raise HTTPException(422, why_not)
        await append([
            RotaOverride(
                at=to_datetime(now_us), site=site, source="api", id=body.id or str(uuid4()), by=by, note=body.note,
                schedule=body.schedule, who=body.who, covers=body.covers, since=body.since, until=body.until,
            )
        ])  # fmt: skip
        return {"accepted": 1, "schedule": body.schedule}

    @routes.get("/ladders", response_model=AS_MADE, responses={200: {"model": LaddersOut}})
    async def ladders(site: Site) -> LaddersOut:
        """Of each open alert: the rung that was called last, and whom the next page calls, when, unless somebody answers."""
        found = await views.ladders(site)
        return {"at": iso(await views.now_us(site)), "ladders": found}

    return routes
