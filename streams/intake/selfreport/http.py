"""The routes of a patient's pages: their link's token in, their page or an entry in the journal out. No sign-in; the link is
the proof.

A GET changes nothing, because previews fetch every link. An answer is acknowledged when it is durable, as every other
observation; a repeat changes nothing. What a link cannot do has no route: it shows no name, no chart, nobody else.
Never here: what is signed (`links.py`), what is asked (`screens.py`), how a page looks (`page.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar
from zoneinfo import ZoneInfo

import segno
from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ValidationError

from alerts.api.views import Site, Views
from alerts.store.store import Store
from models.instants import MINUTE, from_iso, to_datetime
from models.tables.crisis_lines import CountryLines
from models.tables.drugs import protocol_of
from models.tables.instruments import INSTRUMENTS
from models.tables.selfreport import round_at
from models.wire.bounds import Name
from models.wire.live import ChairOut
from streams.intake.append import Records
from streams.intake.selfreport.answers import (
    CHECKIN_PAGE,
    TABLET,
    AnswersBody,
    AnswersRefused,
    HelpBody,
    checkin_of,
    help_of,
)
from streams.intake.selfreport.contacts import HomePart
from streams.intake.selfreport.curve import PointOut, curve_of
from streams.intake.selfreport.links import ANSWERS_AFTER, CheckInLink, NoLink, PatientLinks, TabletLink
from streams.intake.selfreport.page import page_of_patient, short_page
from streams.intake.selfreport.screens import AT_THE_CHAIR, SETS, checkin_screens, tablet_screens
from streams.intake.selfreport.words import FALLBACK, Words, languages, words_in

MOST_BYTES: Final = 8_192
"""Of one post: a form of 30 answers has some 500."""
PATIENCE_MS: Final = 15_000
"""How long a phone waits at the most before it tries again. Chosen by us: soon after a tunnel."""
CALL_PATIENCE_MS: Final = 2_000
"""And a tablet: somebody calls."""
LOOK_MS: Final = 4_000
"""How often a tablet asks what is due, and whether somebody comes. Chosen by us."""
NO_LINES: Final = "Check-ins need [home] country in the site's file: whose crisis lines a patient is shown."
_STILL_OPEN: Final = frozenset({"acknowledged", "snoozed"})

LinkToken = Annotated[str, Path(max_length=1000)]
_Body = TypeVar("_Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SelfReports:
    """What the routes stand on.

    append: durable when it returns. home: the site's settings as they are now. zone: the site's. base: the site's own address.
    """

    links: PatientLinks
    store: Store
    views: Views
    append: Callable[[Records], Awaitable[None]]
    counted: Callable[[int, int], None]
    home: Callable[[], HomePart]
    zone: Callable[[], str]
    base: Callable[[], str | None]


def selfreport_routes(here: SelfReports) -> APIRouter:
    """The routes of check-ins, of tablets, and the one with which staff make a tablet's link."""
    routes = APIRouter(include_in_schema=False)

    # ---- check-ins from home -----------------------------------------------------------------------------------------

    @routes.get("/checkin/{token}")
    async def checkin(token: LinkToken, language: Annotated[str | None, Query(max_length=20)] = None) -> HTMLResponse:
        """The page."""
        home = here.home()
        try:
            link = here.links.read_checkin(token)
        except NoLink:
            code, words = words_in(language or home.language, home.languages)
            return short_page(code, words.page.title, words.page.expired, 410)
        lines = home.lines()
        if lines is None or link.form not in SETS:
            return short_page(FALLBACK, "Chairside", NO_LINES, 503)
        code, words = words_in(language or link.language, home.languages)
        course = (await asyncio.to_thread(here.store.courses, link.site, [link.patient]))[link.patient]
        today = to_datetime(await here.views.now_us(link.site)).astimezone(ZoneInfo(here.zone())).date().isoformat()
        points = curve_of(course, SETS[link.form][0], link.occasion)
        return page_of_patient(
            "checkin", code, words.page.title, _checkin_document(link, code, words, home, lines, points, today)
        )

    @routes.post("/checkin/{token}/answers")
    async def answers(token: LinkToken, request: Request) -> JSONResponse:
        """Take answers: durable when this has answered."""
        try:
            link = here.links.read_checkin(token, ANSWERS_AFTER)
        except NoLink as why:
            raise HTTPException(410, str(why)) from why
        body = await _body(request, AnswersBody)
        return await _take(
            body, SETS.get(link.form, ()), site=link.site, patient=link.patient, session=None, occasion=link.occasion, source=CHECKIN_PAGE
        )  # fmt: skip

    # ---- the tablet at the chair -------------------------------------------------------------------------------------

    async def seated(token: str) -> tuple[TabletLink, ChairOut]:
        """The session of a tablet's link, while it is open."""
        try:
            link = here.links.read_tablet(token)
        except NoLink as why:
            raise HTTPException(410, str(why)) from why
        return link, await _session(here.views, link.site, link.session, 410)

    @routes.get("/tablet/{token}")
    async def tablet(token: LinkToken) -> HTMLResponse:
        """The page."""
        home = here.home()
        try:
            link, _ = await seated(token)
        except HTTPException:
            code, words = words_in(home.language, home.languages)
            return short_page(code, words.tablet.title, words.tablet.over, 410)
        code, words = words_in(link.language, home.languages)
        document: dict[str, Any] = {
            "key": f"chairside.tablet.{token[-24:]}", "words": words.tablet.model_dump(), "screens": tablet_screens(words), "language": code,
            "patience_ms": CALL_PATIENCE_MS, "look_every_ms": LOOK_MS,
        }  # fmt: skip
        return page_of_patient("tablet", code, words.tablet.title, document, words.tablet.help)

    @routes.get("/tablet/{token}/state")
    async def state(token: LinkToken) -> JSONResponse:
        """What is due now, and whether somebody comes."""
        link, chair = await seated(token)
        round_due, next_min = _round(chair, await here.views.now_us(link.site))
        return JSONResponse({
            "round": round_due, "next_min": None if next_min is None else round(next_min), "over": False,
            "help": await _help(here.store, link.site, chair["patient"]),
        })  # fmt: skip

    @routes.post("/tablet/{token}/answers")
    async def scores(token: LinkToken, request: Request) -> JSONResponse:
        """Take one instrument's answers of a round."""
        link, chair = await seated(token)
        body = await _body(request, AnswersBody)
        return await _take(
            body, AT_THE_CHAIR, site=link.site, patient=chair["patient"], session=link.session, occasion=f"tablet-{link.session}"[:150],
            source=TABLET,
        )  # fmt: skip

    @routes.post("/tablet/{token}/help")
    async def help_(token: LinkToken, request: Request) -> JSONResponse:
        """Somebody asks for somebody: an alert at once."""
        link, chair = await seated(token)
        body = await _body(request, HelpBody)
        now_us = await here.views.now_us(link.site)
        await here.append(
            [help_of(body, site=link.site, patient=chair["patient"], session=link.session, now_us=now_us)]
        )
        here.counted(1, 0)
        return JSONResponse({"called": True})

    @routes.get("/v1/sessions/{session:path}/tablet")
    async def make_tablet(
        session: Annotated[Name, Path()], site: Site, request: Request, language: Annotated[str | None, Query(max_length=20)] = None
    ) -> JSONResponse:  # fmt: skip
        """The link of an open session's tablet, and it as a picture for the tablet's camera; for whoever treats."""
        await _session(here.views, site, session, 404)
        home = here.home()
        code, _ = words_in(language or home.language, home.languages)
        base = here.base() or str(request.base_url)
        url = f"{base.rstrip('/')}/tablet/{here.links.tablet(site, session, code)}"
        names = {known: words.name for known, words in languages(home.languages).items()}
        return JSONResponse(
            {"url": url, "qr": segno.make(url, error="m").svg_data_uri(scale=6), "language": code, "languages": names}
        )

    # ---- both --------------------------------------------------------------------------------------------------------

    async def _take(
        body: AnswersBody, asked: tuple[str, ...], *, site: str, patient: str, session: str | None, occasion: str, source: str
    ) -> JSONResponse:  # fmt: skip
        now_us = await here.views.now_us(site)
        try:
            record = checkin_of(
                body,
                asked,
                site=site,
                patient=patient,
                session=session,
                occasion=occasion,
                source=source,
                now_us=now_us,
            )
        except AnswersRefused as why:
            raise HTTPException(422, str(why)) from why
        await here.append([record])
        here.counted(1, 0)
        return JSONResponse({"accepted": True})

    return routes


def _checkin_document(
    link: CheckInLink, code: str, words: Words, home: HomePart, lines: CountryLines, points: list[PointOut], today: str
) -> dict[str, Any]:  # fmt: skip
    first = INSTRUMENTS[SETS[link.form][0]]
    return {
        "key": f"chairside.checkin.{link.occasion}", "language": code, "words": words.page.model_dump(),
        "screens": checkin_screens(link.form, words), "patience_ms": PATIENCE_MS, "phone": home.phone,
        "languages": [[known, each.name] for known, each in languages(home.languages).items()],
        "crisis": {"emergency": lines.emergency, "lines": [[each.name, each.number] for each in lines.lines]},
        "curve": points, "curve_of": first.name, "curve_range": first.score_range[1], "today": today,
        # A total that is no plain sum is drawn when the clinic has it.
        "curve_adds": first.name.startswith("phq"), "answered": any("occasion" in point for point in points),
    }  # fmt: skip


async def _session(views: Views, site: str, session: str, missing: int) -> ChairOut:
    """An announced session that is open.

    Raises:
        HTTPException: it is not, with the status `missing`.
    """
    for chair in (await views.chairs(site))["chairs"]:
        if chair["session"] == session and chair["phase"] != "unscheduled":
            return chair
    raise HTTPException(missing, f"no session {session} is open")


def _round(chair: ChairOut, now_us: int) -> tuple[int, float | None]:
    if chair["dose_at"] is None:
        return 0, None
    minutes = (now_us - from_iso(chair["dose_at"])) / MINUTE
    return round_at(protocol_of(chair["drug"], chair["route"]), minutes)


async def _help(store: Store, site: str, patient: str) -> str:
    """Whether a call of a patient's stands: ``none``, ``called``, or ``seen`` by somebody."""
    standing = await asyncio.to_thread(store.alerts, site, True)
    phases = [alert["phase"] for alert in standing if (alert["rule"], alert["patient"]) == ("help-asked", patient)]
    if not phases:
        return "none"
    return "seen" if _STILL_OPEN.issuperset(phases) else "called"


async def _body(request: Request, model: type[_Body]) -> _Body:
    """What a page posted, checked.

    Raises:
        HTTPException: it is too large (413) or not what a page of ours sends (422).
    """
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > MOST_BYTES:
            raise HTTPException(413, f"more than {MOST_BYTES} bytes")
    try:
        return model.model_validate_json(text)
    except ValidationError as wrong:
        error = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        raise HTTPException(422, f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['msg']}") from wrong
