"""The chair routes: the open sessions and their latest values, and what a chair's plot draws."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, cast

from fastapi import APIRouter, Query

from alerts.api.views import AS_MADE, Site, Views
from alerts.store.store import Store
from models.wire.bounds import Name
from models.wire.live import SERIES_MINUTES, ChairOut, ChairsOut, HistoryOut, SessionsOut, SittingOut, TraceOut

NOT_OF_A_SESSION: Final = frozenset(("values", "limits", "next"))
"""What the list of open sessions leaves out of a chair: its readings and what follows from them."""


def chair_routes(views: Views, store: Store) -> APIRouter:
    """The routes, of what `views` and the store answer."""
    routes = APIRouter(prefix="/v1", tags=["chairs"])

    @routes.get("/chairs", response_model=AS_MADE, responses={200: {"model": ChairsOut}})
    async def chairs(site: Site) -> ChairsOut:
        """Every chair's session with its latest values, their age and quality: what the live feed sends each second."""
        return await views.chairs(site)

    @routes.get("/sessions", response_model=AS_MADE, responses={200: {"model": SessionsOut}})
    async def sessions(site: Site) -> SessionsOut:
        """The open sessions."""
        chairs = (await views.chairs(site))["chairs"]
        return {"sessions": [_sitting(chair) for chair in chairs]}

    @routes.get("/history", response_model=AS_MADE, responses={200: {"model": HistoryOut}})
    async def history(
        site: Site, session: Name | None = None, patient: Name | None = None,
        minutes: Annotated[int, Query(ge=1, le=SERIES_MINUTES)] = 20, entries: Annotated[int, Query(ge=0, le=1000)] = 50,
    ) -> HistoryOut:  # fmt: skip
        """Recent vitals of an open session as (milliseconds, value), and what people entered, the last one last."""
        series = await views.series(site, session, patient, minutes)
        found = (
            await asyncio.to_thread(store.entries, site, session, patient if session is None else None, entries)
            if entries
            else []
        )
        return {"series": series, "entries": found}

    @routes.get("/sessions/{session}/trace", response_model=AS_MADE, responses={200: {"model": TraceOut}})
    async def trace(site: Site, session: Name, patient: Name | None = None) -> TraceOut:
        """A session's vitals by the minute, of today or of years ago: of each channel the lowest, mean and highest.

        A minute is there once it is over. Where a session's name was given to several patients: of the last one, unless `patient`
        names another.
        """
        return await asyncio.to_thread(store.trace, site, session, patient)

    return routes


def _sitting(chair: ChairOut) -> SittingOut:
    return cast(SittingOut, {name: value for name, value in chair.items() if name not in NOT_OF_A_SESSION})
