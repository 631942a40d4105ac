"""The routes about patients at home: who is due, one patient's course, past forecasts, and the burden of alerts."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from alerts.api.lists import MOST_LISTED, After, Listed, page_of_list
from alerts.api.views import AS_MADE, Site, Views
from alerts.store.burden import LONGEST_BURDEN_DAYS
from alerts.store.store import Store
from models.instants import DAY, iso
from models.wire.bounds import Day, Name
from models.wire.home import BurdenOut, ForecastsOut, PatientOut, PatientsOut
from streams.forecasts.pages import likelihood

Patient = Annotated[Name, Path(description="The patient's alias.")]


def patient_routes(store: Store, views: Views) -> APIRouter:
    """The routes, of what `views` and the store answer; documents are those of `models/wire/home.py`."""
    routes = APIRouter(prefix="/v1", tags=["patients at home"])

    @routes.get("/forecasts", response_model=AS_MADE, responses={200: {"model": ForecastsOut}})
    async def forecasts(
        site: Site,
        patient: Name | None = None,
        as_of: Annotated[Day | None, Query(description="Of this day.")] = None,
        history: Annotated[bool, Query(description="All of one patient's, as they were made, by day.")] = False,
        after: After = 0,
        limit: Listed = MOST_LISTED,
    ) -> ForecastsOut:
        """Each patient's newest forecast, who is due first; or those of a day; or the history of one patient."""
        if history and patient is None:
            raise HTTPException(422, "history is of one patient: name them with patient=")
        found = await asyncio.to_thread(store.forecasts, site, patient, as_of, history)
        if not history:
            found.sort(key=lambda each: (-likelihood(each), each["patient"]))
        page, following = page_of_list(found, after, limit)
        return {"site": site, "forecasts": page, "next": following}

    @routes.get("/patients", response_model=AS_MADE, responses={200: {"model": PatientsOut}})
    async def patients(site: Site, after: After = 0, limit: Listed = MOST_LISTED) -> PatientsOut:
        """Everybody with a dose or an answer about their mood, the likeliest to be due first."""
        found = await views.patients(site)
        page, following = page_of_list(found["patients"], after, limit)
        return {**found, "patients": page, "next": following}

    @routes.get(
        "/patients/{patient:path}", response_model=AS_MADE, responses={200: {"model": PatientOut}, 404: {}, 503: {}}
    )
    async def patient(patient: Patient, site: Site) -> PatientOut:
        """One patient's course: severity, scores, doses, sessions, the days to come, and past forecasts beside what came."""
        found = await views.patient(site, patient)
        if found is None:
            raise HTTPException(404, f"no patient {patient} at {site}")
        return found

    @routes.get("/burden", response_model=AS_MADE, responses={200: {"model": BurdenOut}})
    async def burden(
        site: Site, days: Annotated[int, Query(ge=1, le=LONGEST_BURDEN_DAYS)] = 7
    ) -> BurdenOut:  # fmt: skip
        """How many alerts of which rule and chair in the last days, and how their pages were answered."""
        since_us = max(await views.now_us(site) - days * DAY, 0)
        found = await asyncio.to_thread(store.burden, site, since_us)
        return {"site": site, "days": days, "since": iso(since_us), **found}

    return routes
