"""`POST /v1/break-glass`: a site, a patient and a reason in; until when its clinician may read that patient out. `GET`: whom they
may read now.

The other site is told first, through its journal, as of any technical alert: whoever it cannot tell opens nothing. Whether a site
or a patient of it is there is answered alike, and only to whom a true answer would open it.
Never here: who may ask (`roles.py`), what is opened (`glass.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.store.store import Store
from deploy.access.access import Access
from deploy.access.glass import BROKEN_FOR
from deploy.access.sessions import SignedPerson
from models.instants import MINUTE, iso, to_datetime
from models.wire.bounds import Name
from models.wire.observations import SITE_HERE, GlassBroken
from streams.intake.append import Overloaded, Records

LONGEST_REASON: Final = 500
NOBODY_THERE: Final = "there is nobody to open there"


class BreakGlassBody(BaseModel):
    """Whom, of which other site, and why: for the audits of both."""

    model_config = ConfigDict(strict=True, extra="forbid")

    site: Name
    patient: Name
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_REASON)]


class GlassBrokenOut(BaseModel):
    """Until when the patient may be read, with `?site=` at their page and record."""

    site: str
    patient: str
    until: Annotated[str, Field(description="RFC 3339.")]


class OpenedOut(GlassBrokenOut):
    """Whom, until when, and the reason as they wrote it themselves."""

    reason: str


class OpenOut(BaseModel):
    """What is open to whoever asks. `at`: the instant, by the clock of `until`. `minutes`: for how long the glass is broken."""

    at: Annotated[str, Field(description="RFC 3339.")]
    minutes: int
    open: list[OpenedOut]


def glass_routes(access: Access | None, store: Store, append: Callable[[Records], Awaitable[None]]) -> APIRouter:
    """The route. `access`: None where nobody signs in. Of one clinic nobody is elsewhere."""
    routes = APIRouter(prefix="/v1", tags=["patients at home"])

    @routes.post("/break-glass", responses={404: {}, 503: {}})
    async def break_glass(request: Request, body: BreakGlassBody) -> GlassBrokenOut:
        """Read one patient of another site of the network for 60 minutes. That site is told at once; both audits have it."""
        person: SignedPerson | None = getattr(request.state, "signed_in", None)
        if access is None or person is None:
            raise HTTPException(404, NOBODY_THERE)
        own = access.reach(person)
        elsewhere = own is not None and body.site not in (SITE_HERE, own)
        if not elsewhere or not await asyncio.to_thread(store.is_known, body.site, body.patient):
            access.refuse("no glass to break there", person, "POST", "/v1/break-glass")
            raise HTTPException(404, NOBODY_THERE)
        until_us = access.now_us() + BROKEN_FOR
        told = GlassBroken(
            at=to_datetime(access.now_us()), site=body.site, patient=body.patient, by=person.name, of=person.site,
            until=to_datetime(until_us),
        )  # fmt: skip
        try:
            await append([told])
        except Overloaded as away:
            raise HTTPException(503, f"{body.site} cannot be told now, so nothing is opened: {away}") from away
        until_us = await access.asked(
            lambda: access.accounts.glass.break_(person, body.site, body.patient, body.reason)
        )
        return GlassBrokenOut(site=body.site, patient=body.patient, until=iso(until_us))

    @routes.get("/break-glass", responses={404: {}})
    async def opened(request: Request) -> OpenOut:
        """Which patients of other sites whoever asks may read now, until when, and why: nobody else is answered that."""
        person: SignedPerson | None = getattr(request.state, "signed_in", None)
        if access is None or person is None:
            raise HTTPException(404, NOBODY_THERE)
        found = await access.asked(lambda: access.accounts.glass.opened(person))
        return OpenOut(
            at=iso(access.now_us()),
            minutes=BROKEN_FOR // MINUTE,
            open=[OpenedOut(site=o.site, patient=o.patient, until=iso(o.until_us), reason=o.reason) for o in found],
        )

    return routes
