"""Links by which a calendar programme reads one person's turns: it cannot sign in, so whoever has the link may, and nothing else.

A link's secret is 256 bits of chance; the file has its SHA-256, whose it is, who made it and when. It holds until it is revoked,
the person is no longer in the configuration, or their account is disabled. What it shows is when they are on call and for which
schedule: no patient, no alert, no address, nobody else.
Bad at: a secret that stands in an address is kept by programmes and proxies, so that it is good for this alone and can be taken
back. Never here: what stands in a calendar (`alerts/api/calendar.py`).
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as InPath
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from alerts.api.calendar import feed
from alerts.api.signed import signed_by
from alerts.api.views import Views
from models.instants import iso
from models.wire.bounds import Name

CALENDAR_LINKS_FILE: Final = "calendar-links.json"
LINKS_OF_A_PERSON: Final = 5
"""A phone, a laptop, a tablet, and two more; the oldest goes for a sixth. Chosen by us."""
FOR_OTHERS: Final = frozenset(("scheduler", "operator"))
"""The roles that make and revoke links of anybody; anybody else theirs alone."""


class CalendarLinkOut(TypedDict):
    """A link that is out: whose, since when, and who made it; never its secret."""

    person: str
    made_at: str
    by: str


class CalendarLinksOut(TypedDict):
    links: list[CalendarLinkOut]


class MadeLinkOut(TypedDict):
    """A new link, shown this once: what a calendar programme subscribes to."""

    person: str
    url: str


class LinkOfBody(BaseModel):
    """Whose turns; `by`: who says so, where nobody need sign in."""

    model_config = ConfigDict(strict=True, extra="forbid")

    person: Name
    by: Name | None = None


class CalendarLinks:
    """The links of one data directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._links: dict[str, CalendarLinkOut] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def make(self, person: str, by: str, now_us: int) -> str:
        """A new link's secret."""
        secret = secrets.token_urlsafe(32)
        mine = [digest for digest, link in self._links.items() if link["person"] == person]
        for digest in mine[: max(len(mine) - LINKS_OF_A_PERSON + 1, 0)]:
            del self._links[digest]
        self._links[_digest(secret)] = {"person": person, "made_at": iso(now_us), "by": by}
        self._write()
        return secret

    def person(self, secret: str) -> str | None:
        """Whose a link is; None: it is none, or was revoked."""
        link = self._links.get(_digest(secret))
        return None if link is None else link["person"]

    def revoke(self, person: str) -> int:
        """Take back all links of somebody; how many there were."""
        mine = [digest for digest, link in self._links.items() if link["person"] == person]
        for digest in mine:
            del self._links[digest]
        self._write()
        return len(mine)

    def all(self) -> list[CalendarLinkOut]:
        """Every link that is out."""
        return list(self._links.values())

    def _write(self) -> None:
        made = self._path.with_suffix(".new")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(self._links, file)
            file.flush()
            os.fsync(file.fileno())
        made.replace(self._path)


def calendar_routes(
    links: CalendarLinks, views: Views, site: str, base: Callable[[], str | None], role_of: Callable[[Request], str | None],
    is_away: Callable[[str], bool], audited: Callable[[str, str | None, dict[str, str]], None],
) -> APIRouter:  # fmt: skip
    """The routes.

    Args:
        base: where a phone finds this service. role_of: the role of who is signed in; None: nobody need sign in.
        is_away: whether somebody's account is disabled. audited: is told of links that are made and revoked.
    """
    routes = APIRouter(tags=["on call"])

    def theirs(request: Request, person: str) -> None:
        role = role_of(request)
        if role is not None and role not in FOR_OTHERS and person != request.state.person:
            raise HTTPException(403, "a link of somebody else is made and revoked by a scheduler or an operator")

    @routes.get(
        "/calendar/{token}", response_class=Response, responses={200: {"content": {"text/calendar": {}}}, 404: {}}
    )
    async def by_link(token: Annotated[str, InPath(max_length=200)]) -> Response:
        """A person's turns as an iCalendar feed, by their link alone."""
        person = links.person(token.removesuffix(".ics"))
        rota = await views.rota(site)
        if person is None or person not in rota.on_call.people or is_away(person):
            raise HTTPException(404, "there is no such calendar, or its link was taken back")
        now_us = await views.now_us(site)
        text = await asyncio.to_thread(feed, site, rota, now_us, list(rota.on_call.schedules), person)
        headers = {"Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
        return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)

    @routes.post("/v1/rota/links", status_code=201, response_model=MadeLinkOut, responses={404: {}})
    async def make_link(request: Request, body: LinkOfBody) -> MadeLinkOut:
        """A new link for somebody's calendar. It is shown this once; a sixth of one person takes the place of their oldest."""
        theirs(request, body.person)
        by = signed_by(request, body.by)
        if body.person not in (await views.rota(site)).on_call.people:
            raise HTTPException(404, f"there is no {body.person} under people of the site's configuration")
        secret = await asyncio.to_thread(links.make, body.person, by, await views.now_us(site))
        audited("calendar-link.made", by, {"person": body.person})
        address = (base() or str(request.base_url)).rstrip("/")
        return {"person": body.person, "url": f"{address}/calendar/{secret}.ics"}

    @routes.get("/v1/rota/links", response_model=CalendarLinksOut)
    async def links_out(request: Request) -> CalendarLinksOut:
        """The links that are out: one's own, or for a scheduler or an operator everybody's."""
        role = role_of(request)
        everybody = role is None or role in FOR_OTHERS
        return {"links": [each for each in links.all() if everybody or each["person"] == request.state.person]}

    @routes.delete("/v1/rota/links/{person}", response_model=CalendarLinksOut)
    async def revoke_links(request: Request, person: Annotated[Name, InPath()]) -> CalendarLinksOut:
        """Take back every link of somebody: their calendars are told that there is none from now on."""
        theirs(request, person)
        if await asyncio.to_thread(links.revoke, person):
            audited("calendar-link.revoked", getattr(request.state, "person", None), {"person": person})
        return {"links": [each for each in links.all() if each["person"] == person]}

    return routes


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
