"""The alert routes: what is open, what happened, and a person's answer to it.

An answer is a command: it goes into the journal like everything else, and what became of it comes back on the live feed.
The routes get what they need to append one as an argument, so that nothing here knows of journals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse

from alerts.api.live import Feed
from alerts.api.signed import is_within_reach, signed_by
from alerts.api.views import AS_MADE, Site, Views
from alerts.desk.lifecycle import Refusal, decide, stimulus_of_close
from alerts.desk.why import explain
from alerts.store.alert_list import MOST_ALERTS, BadCursor
from alerts.store.destinations import DestinationState, destination_document
from alerts.store.store import Store
from models.instants import to_datetime
from models.wire.bounds import Name, Text
from models.wire.live import AlertPhase, AlertsOut, DestinationsOut, TransitionsOut
from models.wire.observations import (
    AlertAcknowledged,
    AlertClosed,
    AlertEscalated,
    AlertSnoozed,
    AlertUnsnoozed,
    Command,
)
from models.wire.on_call import WhyOut

Verb = Literal["acknowledge", "snooze", "unsnooze", "close", "escalate"]
HEARTBEAT_S = 5


class CommandBody(BaseModel):
    """What somebody says, and who, where nobody need sign in. `minutes` is for a snooze."""

    model_config = ConfigDict(strict=True, extra="forbid")

    by: Name | None = None
    note: Text | None = None
    minutes: Annotated[float, Field(gt=0, le=60)] = 15
    id: Name | None = None


def alert_routes(
    store: Store, feed: Feed, append: Callable[[Command], Awaitable[None]], views: Views, shared: bool = False
) -> APIRouter:
    """The routes.

    Args:
        append: puts a command into the journal; durable when it returns.
        views: whose time a command is stamped with.
        shared: many sites share the store, and a destination's name begins with that of its site.
    """
    routes = APIRouter(prefix="/v1", tags=["alerts"])

    @routes.get("/transitions", response_model=AS_MADE, responses={200: {"model": TransitionsOut}})
    async def transitions(
        site: Site,
        after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> TransitionsOut:
        """Every step of every alert after a number, in order. Ask again with `next` until it is empty."""
        found = await asyncio.to_thread(store.transitions, after, limit, site)
        return {"transitions": found, "next": found[-1]["seq"] if found else after}

    @routes.get(
        "/alerts", response_model=AS_MADE, responses={200: {"model": AlertsOut}, 400: {"description": "Not a cursor"}}
    )
    async def alerts(
        site: Site,
        only_open: Annotated[bool, Query(alias="open")] = False,
        after: Annotated[str | None, Query(max_length=40, description="The `next` of the answer before.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ALERTS)] = MOST_ALERTS,
    ) -> AlertsOut:
        """The alerts as they stand, worst and oldest first; `open=true` for those that are not closed, the worst of all first."""
        try:
            found, following = await asyncio.to_thread(store.alerts_page, site, only_open, after, limit)
        except BadCursor as wrong:
            raise HTTPException(400, str(wrong)) from wrong
        return {"alerts": found, "next": following}

    @routes.get("/alerts/{alert}/why", response_model=AS_MADE, responses={200: {"model": WhyOut}, 404: {}})
    async def why_paged(request: Request, alert: Annotated[Name, Path()]) -> WhyOut:
        """Why somebody was paged about an alert, or nobody was: each decision, and what became of each page, in sentences."""
        story = await asyncio.to_thread(store.story, alert)
        if story is None or not is_within_reach(request, story["transitions"][0]["site"]):
            raise HTTPException(404, f"there is no alert {alert}")
        return explain(story)

    @routes.post(
        "/alerts/{alert}/{verb}", status_code=202,
        responses={404: {}, 409: {"description": "What is measured and goes on cannot be closed"}},
    )  # fmt: skip
    async def answer(
        request: Request, alert: Annotated[Name, Path()], verb: Verb, body: CommandBody, site: Site
    ) -> dict[str, Any]:
        """Answer an alert: acknowledge, snooze (15 minutes unless said otherwise), unsnooze, close or escalate it.

        What is measured and goes on cannot be closed: 409, with the reason; that somebody tried is on record.
        """
        by = signed_by(request, body.by)
        alert_document = await asyncio.to_thread(store.alert, alert)
        if alert_document is None or not is_within_reach(request, alert_document["site"]):
            raise HTTPException(404, f"there is no alert {alert}")
        moment = to_datetime(await views.now_us(alert_document["site"]))
        common: dict[str, Any] = {
            "at": moment, "alert": alert, "by": by, "note": body.note, "site": alert_document["site"],
            "source": "api", "id": body.id or str(uuid4()),
        }  # fmt: skip
        command: Command
        match verb:
            case "acknowledge":
                command = AlertAcknowledged(**common)
            case "snooze":
                command = AlertSnoozed(**common, until=moment + timedelta(minutes=body.minutes))
            case "unsnooze":
                command = AlertUnsnoozed(**common)
            case "close":
                command = AlertClosed(**common)
            case "escalate":
                command = AlertEscalated(**common)
        await append(command)
        if verb == "close":
            closing = stimulus_of_close(alert_document["rule"], alert_document["session"])
            if alert_document["phase"] != AlertPhase.CLOSED and isinstance(
                refused := decide(AlertPhase(alert_document["phase"]), closing), Refusal
            ):
                raise HTTPException(409, refused.reason)
        return {"accepted": 1, "alert": alert, "command": command.kind}

    @routes.get("/destinations", response_model=AS_MADE, responses={200: {"model": DestinationsOut}})
    async def destinations(site: Site) -> DestinationsOut:
        """Where a site's pages go, and whether they arrive there."""
        return {"destinations": [destination_document(each) for each in await asyncio.to_thread(of_site, site)]}

    def of_site(site: str) -> list[DestinationState]:
        if not shared:
            return store.destinations()
        prefix = f"{site}/"
        return [
            replace(each, name=each.name.removeprefix(prefix))
            for each in store.destinations() if each.name.startswith(prefix)
        ]  # fmt: skip

    @routes.get("/live", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}})
    async def live(
        request: Request,
        site: Site,
        last_event_id: Annotated[str | None, Header(max_length=200)] = None,
        after: Annotated[
            int | None, Query(ge=0, lt=2**63, description="As Last-Event-ID, for clients that cannot send it.")
        ] = None,
        changes: Annotated[
            bool, Query(description="`changes` in place of each second's `chairs`: what is other now.")
        ] = False,
    ) -> EventSourceResponse:
        """The live feed as server-sent events: `snapshot`, then `alert`, `chairs`, `forecast`. Resumes after Last-Event-ID."""
        last = int(last_event_id) if last_event_id is not None and last_event_id.isdecimal() else after
        return EventSourceResponse(
            feed.listen(site, last, changes),
            ping=HEARTBEAT_S,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return routes
