"""The routes of a session's record: as a document, as CSV, as a FHIR Bundle, and the data of the REMS form.

Never here: what the record says (`alerts/record/`), who may read it (`deploy/access/roles.py`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import Response

from alerts.api.views import AS_MADE, Site
from alerts.record.csv_text import csv_of
from alerts.record.fhir_bundle import fhir_bundle
from alerts.record.rems import rems_form
from alerts.record.session import session_record
from alerts.store.session_record import StoredSession
from alerts.store.store import Store
from models.wire.bounds import Name
from models.wire.record import RemsOut, SessionRecordOut

SessionName = Annotated[Name, Path(description="The session's name.")]
_FOUND: dict[int | str, dict[str, Any]] = {404: {}}


def session_record_routes(store: Store, zone_at: Callable[[str], str]) -> APIRouter:
    """The routes, of what the store has; `patient` where a name was given to several people. `zone_at`: a site's zone."""
    routes = APIRouter(prefix="/v1/sessions/{session:path}", tags=["sessions"])

    async def stored(site: str, session: str, patient: str | None) -> StoredSession:
        found = await asyncio.to_thread(store.stored_session, site, session, patient)
        if found is None:
            raise HTTPException(404, f"nothing was ever entered in a session {session}")
        return found

    @routes.get("/record", response_model=AS_MADE, responses={200: {"model": SessionRecordOut}, **_FOUND})
    async def record(site: Site, session: SessionName, patient: Name | None = None) -> SessionRecordOut:
        """All of a session: entries, struck ones too, alerts and who answered, each minute's vitals. Live and for ever."""
        return _record(site, session, await stored(site, session, patient))

    @routes.get("/record.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}, **_FOUND})
    async def record_csv(site: Site, session: SessionName, patient: Name | None = None) -> Response:
        """The record as CSV: a line for each entry, each minute of each channel and each step of an alert, by time."""
        found = _record(site, session, await stored(site, session, patient))
        return _file(csv_of(found), "text/csv; charset=utf-8", f"{session}.csv")

    @routes.get("/record.fhir.json", response_class=Response, responses={200: {"content": {"application/fhir+json": {}}}, **_FOUND})  # fmt: skip
    async def record_fhir(site: Site, session: SessionName, patient: Name | None = None) -> Response:
        """The record as a FHIR R4 Bundle."""
        found = _record(site, session, await stored(site, session, patient))
        return _file(json.dumps(fhir_bundle(found)), "application/fhir+json", f"{session}.fhir.json")

    @routes.get("/rems", response_model=AS_MADE, responses={200: {"model": RemsOut}, **_FOUND})
    async def rems(site: Site, session: SessionName, patient: Name | None = None) -> RemsOut:
        """What the session says for the esketamine REMS patient monitoring form, and what a person still has to fill in."""
        return _rems(site, session, await stored(site, session, patient), zone_at(site))

    @routes.get("/rems.pdf", response_class=Response, responses={200: {"content": {"application/pdf": {}}}, **_FOUND})
    async def rems_page(site: Site, session: SessionName, patient: Name | None = None) -> Response:
        """The same, as one page to print."""
        from alerts.record.rems_pdf import rems_pdf  # what draws it takes longer to import than most of the service

        found = await stored(site, session, patient)
        last = max((str(entry["at"])[:16] for entry in found.entered), default=None)
        text = await asyncio.to_thread(rems_pdf, _rems(site, session, found, zone_at(site)), last)
        return _file(text, "application/pdf", f"{session}.rems.pdf")

    return routes


def _record(site: str, session: str, found: StoredSession) -> SessionRecordOut:
    return session_record(
        site, session, found.patient, found.entered, found.steps, found.registered, found.trace, found.configured
    )


def _rems(site: str, session: str, found: StoredSession, timezone: str) -> RemsOut:
    return rems_form(_record(site, session, found), found.treated_before, found.registered.get("medications"), timezone)


def _file(content: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f"inline; filename*=UTF-8''{quote(name, safe='')}", "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
