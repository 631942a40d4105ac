"""The routes of patients' names: who is behind an alias, for those who treat and plan; each reading and writing is audited.

A name goes out in an answer's body and nowhere else: no path, log line, audit entry or refusal holds one.
Never here: who may ask (`access/roles.py`), how names are kept (`names.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from alerts.api.views import NotNow, Site, Views
from deploy.privacy.names import Names, NamesRefused
from models.wire.bounds import Name
from streams.intake.visible import seen

NamedPatient = Annotated[Name, Path(description="The patient's alias.")]
NOT_KEPT = "this site keeps no names: [names] in its configuration"


class NameBody(BaseModel):
    """What a patient is called."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    name: Name


class NameOut(TypedDict):
    """Who is behind an alias; null: nobody has entered it."""

    patient: str
    name: str | None


class NamesOut(TypedDict):
    """The names of those who are in a session now, by alias; empty where the site does not want them on its boards."""

    names: dict[str, str]


def name_routes(
    names: Names | None, on_boards: Callable[[], bool], views: Views, audited: Callable[[str, str | None, str], None]
) -> APIRouter:  # fmt: skip
    """The routes. `on_boards`: whether the site shows names on its boards. `audited`: is told
    what was done, by whom, and to which patient's: without the name.
    """
    routes = APIRouter(prefix="/v1", tags=["names"])

    def kept() -> Names:
        if names is None:
            raise HTTPException(404, NOT_KEPT)
        return names

    @routes.get("/names", response_model=NamesOut)
    async def board_names(site: Site) -> NamesOut:
        """Who sits in the chairs, where the site wants that on its boards."""
        if names is None or not on_boards():
            return {"names": {}}
        here = [chair["patient"] for chair in (await views.chairs(site))["chairs"]]
        try:
            return {"names": await asyncio.to_thread(names.names, here)}
        except NamesRefused as why:
            raise NotNow(str(why)) from why

    @routes.get("/names/{patient:path}", response_model=NameOut, responses={404: {}})
    async def name_of(patient: NamedPatient) -> NameOut:
        """What a patient is called."""
        try:
            return {"patient": patient, "name": await asyncio.to_thread(kept().name, patient)}
        except NamesRefused as why:
            raise NotNow(str(why)) from why

    @routes.put("/names/{patient:path}", response_model=NameOut, responses={404: {}})
    async def write_name(patient: NamedPatient, body: NameBody, request: Request) -> NameOut:
        """Enter what a patient is called, over what was entered before."""
        name = seen(body.name)
        if not name.strip():
            raise HTTPException(422, "name: holds nothing that can be seen")
        try:
            await asyncio.to_thread(kept().write, patient, name)
        except NamesRefused as why:
            raise NotNow(str(why)) from why
        audited("name.written", getattr(request.state, "person", None), patient)
        return {"patient": patient, "name": name}

    @routes.delete("/names/{patient:path}", response_model=NameOut, responses={404: {}})
    async def delete_name(patient: NamedPatient, request: Request) -> NameOut:
        """Delete what a patient is called. Earlier backups hold it, sealed, until the key is changed (docs/privacy.md)."""
        await asyncio.to_thread(kept().delete, patient)
        audited("name.deleted", getattr(request.state, "person", None), patient)
        return {"patient": patient, "name": None}

    return routes
