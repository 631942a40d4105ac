"""The chair routes: the open sessions and their latest values, and what a chair's plot draws."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, cast

from fastapi import APIRouter, Query, Request

from alerts.api.lists import MOST_LISTED, After, Listed, page_of_list
from alerts.api.signed import sees_entries
from alerts.api.views import AS_MADE, Site, Views
from alerts.store.archive import MOST
from alerts.store.store import Store
from models.wire.bounds import Name
from models.wire.live import SERIES_MINUTES, ChairOut, ChairsOut, HistoryOut, SessionsOut, SittingOut, TraceOut

USUAL_ENTRIES: Final = 50
"""Of a history, where nobody says how many. Chosen by us: more than a visit has."""
NOT_OF_A_SESSION: Final = frozenset(("values", "limits", "next"))
"""What the list of open sessions leaves out of a chair: its readings and what follows from them."""


def chair_routes(views: Views, store: Store) -> APIRouter:
    """The routes, of what `views` and the store answer."""
    routes = APIRouter(prefix="/v1", tags=["chairs"])

    @routes.get("/chairs", response_model=AS_MADE, responses={200: {"model": ChairsOut}})
    async def chairs(site: Site, after: After = 0, limit: Listed = MOST_LISTED) -> ChairsOut:
        """Every chair's session with its latest values, their age and quality: what the live feed sends each second."""
        found = await views.chairs(site)
        page, following = page_of_list(found["chairs"], after, limit)
        return {**found, "chairs": page, "next": following}

    @routes.get("/sessions", response_model=AS_MADE, responses={200: {"model": SessionsOut}})
    async def sessions(site: Site, after: After = 0, limit: Listed = MOST_LISTED) -> SessionsOut:
        """The open sessions."""
        page, following = page_of_list((await views.chairs(site))["chairs"], after, limit)
        return {"sessions": [_sitting(chair) for chair in page], "next": following}

    @routes.get("/history", response_model=AS_MADE, responses={200: {"model": HistoryOut}})
    async def history(
        request: Request, site: Site, session: Name | None = None, patient: Name | None = None,
        minutes: Annotated[int, Query(ge=1, le=SERIES_MINUTES)] = 20, entries: Annotated[int | None, Query(ge=0, le=1000, description="50 where it is not said.")] = None,
        after: Annotated[int, Query(ge=0, le=MOST, description="The `next` of the answer before: for earlier entries.")] = 0,
    ) -> HistoryOut:  # fmt: skip
        """Recent vitals of an open session as (milliseconds, value), and what people entered, the last one last.

        Entries are for whoever may open a patient's page; anybody else who does not ask for them gets none.
        """
        series = await views.series(site, session, patient, minutes)
        if entries is None:
            entries = USUAL_ENTRIES if sees_entries(request) else 0
        if not entries:
            return {"series": series, "entries": [], "next": None}
        whose = patient if session is None else None
        found = await asyncio.to_thread(store.entries, site, session, whose, after + entries + 1)
        # The last ones are the first page.
        page, following = page_of_list(found[::-1], after, entries)
        return {"series": series, "entries": page[::-1], "next": following}

    @routes.get("/sessions/{session:path}/trace", response_model=AS_MADE, responses={200: {"model": TraceOut}})
    async def trace(site: Site, session: Name, patient: Name | None = None) -> TraceOut:
        """A session's vitals by the minute, of today or of years ago: of each channel the lowest, mean and highest.

        A minute is there once it is over. Where a session's name was given to several patients: of the last one, unless `patient`
        names another.
        """
        return await asyncio.to_thread(store.trace, site, session, patient)

    return routes


def _sitting(chair: ChairOut) -> SittingOut:
    return cast(SittingOut, {name: value for name, value in chair.items() if name not in NOT_OF_A_SESSION})
