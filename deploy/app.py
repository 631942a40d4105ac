"""The HTTP application: routes, pages and schemas of one service."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import OperationalError

from alerts.api.answer import answer_routes
from alerts.api.audit import audit_routes
from alerts.api.chairs import chair_routes
from alerts.api.fhir import fhir_read_routes
from alerts.api.registrations import registration_routes
from alerts.api.rota import rota_routes
from alerts.api.routes import alert_routes
from alerts.api.session_record import session_record_routes
from alerts.api.views import AS_MADE, RETRY_AFTER_S, NotNow
from alerts.inbound.routes import inbound_routes
from deploy.access.gate import Gate
from deploy.access.glass_route import glass_routes
from deploy.access.headers import SecurityHeaders
from deploy.access.routes import access_routes
from deploy.audit.reads import AuditedReads
from deploy.calendar_links import calendar_routes
from deploy.description import describe
from deploy.foreign import ForeignRequests
from deploy.objections import objections
from deploy.privacy.routes import name_routes
from deploy.rule_book_routes import rule_book_routes
from deploy.wiring import Service
from models.wire.on_call import SiteOut
from models.wire.schema import SCHEMAS
from streams.forecasts.http import patient_routes
from streams.intake.admission import Admission
from streams.intake.append import Overloaded
from streams.intake.fhir.http import fhir_routes
from streams.intake.http import observation_routes
from streams.intake.selfreport.http import selfreport_routes

log = logging.getLogger(__name__)

BOARD: Final = Path(__file__).parent.parent / "alerts" / "board" / "dist"

FOREIGN: Final = {400: "two hosts", 421: "another host's name", 403: "another site's page", 415: "a form"}
"""What is counted of requests that are refused whoever makes them, by their status."""

BESIDE_THE_BOARD: Final = {
    "manifest.webmanifest": "application/manifest+json", "icon.svg": "image/svg+xml", "sw.js": "text/javascript",
}  # fmt: skip
"""Files that browsers look for under these very names."""

ABOUT: Final = """Watches people during and after ketamine and esketamine treatment.

**Not a medical device. Bedside monitors stay primary.**"""


def build(service: Service) -> FastAPI:
    """The HTTP application of a service; the service runs as long as the application does."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    # Offline: a clinic's network need not reach the network that the usual documentation page loads its scripts from.
    app = FastAPIOffline(title="Chairside", version=version("chairside"), description=ABOUT, lifespan=lifespan)
    app.state.site = service.settings.site.name

    def foreign(status: int, reason: str) -> None:
        service.metrics.refused.labels(FOREIGN[status]).inc()
        service.trail.note("access.refused", None, {"reason": FOREIGN[status]})
        log.warning("refused: %s", reason[:200])

    app.add_middleware(AuditedReads, trail=service.trail)
    if service.access is not None:
        app.add_middleware(Gate, access=service.access, routes=app)
    app.add_middleware(ForeignRequests, hosts=lambda: service.settings.hosts, told=foreign)

    admission = Admission(service.settings.site.name)
    add_routes(app, observation_routes(service.append, service.store, service.counted, admission))
    add_routes(app, fhir_routes(service.append, service.counted, admission))
    add_routes(app, fhir_read_routes(service.store, lambda _: service.settings.site.timezone))
    add_routes(app, chair_routes(service.views, service.store))
    add_routes(app, registration_routes(service.store))
    add_routes(app, session_record_routes(service.store, lambda _: service.settings.site.timezone))
    add_routes(app, patient_routes(service.store, service.views))
    add_routes(app, alert_routes(service.store, service.feed, service.command, service.views))
    add_routes(app, rota_routes(service.append, service.views))
    add_routes(app, answer_routes(service.store, service.command, service.views, service.links))
    add_routes(app, selfreport_routes(service.selfreports))
    add_routes(app, inbound_routes(service.inbound))
    add_routes(app, rule_book_routes(lambda _: service.settings.limit_table()))
    add_routes(app, access_routes(service.access, keeps_names=service.names is not None))
    add_routes(app, glass_routes(service.access, service.store, service.append))
    add_routes(app, audit_routes(service.store))
    add_routes(
        app,
        calendar_routes(
            service.calendar_links, service.views, service.settings.site.name, lambda: service.settings.pages.link,
            lambda request: None if service.access is None else request.state.signed_in.role,
            service.is_away, service.trail.note,
        ),
    )  # fmt: skip
    add_routes(
        app,
        name_routes(
            service.names, lambda: service.settings.names.on_boards, service.views,
            lambda kind, who, patient: service.trail.note(kind, who, {}, patient),
        ),
    )  # fmt: skip

    @app.get(
        "/healthz",
        tags=["operations"],
        responses={
            503: {
                "description": "No progress, or a task has failed",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    )
    async def healthz(request: Request) -> JSONResponse:
        """200 while frames are being processed and every task runs; 503 when none was for five seconds, or one has failed.

        Whoever is not signed in where people must be hears that much and no more.
        """
        health = service.health()
        told = health if service.access is None or hasattr(request.state, "person") else {"ok": health["ok"]}
        return JSONResponse(told, status_code=200 if health["ok"] else 503)

    @app.get("/metrics", tags=["operations"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """For Prometheus."""
        await service.measure()
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/site", tags=["operations"], response_model=AS_MADE, responses={200: {"model": SiteOut}})
    async def site() -> SiteOut:
        """The site's name, time zone and clock, where its pages go, which limits watch less, and whether its file is refused."""
        settings = service.settings
        return {
            "site": settings.site.name,
            "timezone": settings.site.timezone,
            "clock": await service.views.clock(settings.site.name),
            "board": settings.board.document(),
            "lesson": service.lesson,
            "pages_to": [destination.name for destination in service.pager.destinations],
            "weakened": [{"limit": words, "reason": reason} for words, reason in settings.weakened()],
            "configuration_refused": None if service.refused is None else service.refused.document(),
        }

    finish(app)
    return app


def add_routes(app: FastAPI, part: APIRouter) -> None:
    """Add a part's routes as they are. `include_router` would make each of them anew at its first request, for what it could say
    more of them and here never does: a third of a start's work.
    """
    app.router.routes.extend(part.routes)


def finish(app: FastAPI) -> None:
    """Add what every application of ours has: its refusals as answers, the schemas, the board's pages, and headers."""

    @app.exception_handler(RequestValidationError)
    async def not_as_described(request: Request, why: RequestValidationError) -> Response:
        """422 with each fault's place and reason, and nothing of what was sent."""
        return Response(objections(why.errors()), 422, media_type="application/json")

    @app.exception_handler(Overloaded)
    async def not_durable(request: Request, why: Overloaded) -> JSONResponse:
        return JSONResponse({"detail": f"{why}: send again"}, status_code=503, headers={"Retry-After": "1"})

    @app.exception_handler(NotNow)
    async def not_now(request: Request, why: NotNow) -> JSONResponse:
        """503 with the reason of a question that cannot be answered just now."""
        return JSONResponse({"detail": str(why)}, 503, {"Retry-After": str(RETRY_AFTER_S)})

    @app.exception_handler(OperationalError)
    async def database_away(request: Request, why: OperationalError) -> JSONResponse:
        """503 where the database does not answer: only the driver's own words are logged, not what was asked."""
        log.error("the database does not answer: %s", " ".join(str(why.orig).split())[:200])
        return JSONResponse(
            {"detail": "the database does not answer: try again"}, 503, {"Retry-After": str(RETRY_AFTER_S)}
        )

    @app.get("/schema/{name}.json", tags=["operations"], responses={404: {}})
    async def schema(name: str) -> dict[str, Any]:
        """The JSON Schemas of everything on the wire."""
        if name not in SCHEMAS:
            raise HTTPException(404, f"no schema {name}; there are {', '.join(sorted(SCHEMAS))}")
        return SCHEMAS[name]()

    _pages(app)
    describe(app)
    app.add_middleware(SecurityHeaders)


def _pages(app: FastAPI) -> None:
    """Add the board's pages and files. Without a built board the API serves all the same, and the pages say so."""
    index = BOARD / "index.html"

    @app.get("/manifest.webmanifest", include_in_schema=False)
    @app.get("/icon.svg", include_in_schema=False)
    @app.get("/sw.js", include_in_schema=False)
    async def file(request: Request) -> Response:
        """What makes the board a thing that can be installed, and come up without a network."""
        found = BOARD / request.url.path.removeprefix("/")
        if not found.is_file():
            raise HTTPException(404, "the board is not built: run `make board`")
        return FileResponse(found, media_type=BESIDE_THE_BOARD[found.name], headers={"Cache-Control": "no-cache"})

    if (BOARD / "assets").is_dir():
        app.mount("/assets", StaticFiles(directory=BOARD / "assets"), name="assets")

    @app.get("/", include_in_schema=False)
    @app.get("/chair", include_in_schema=False)
    @app.get("/chair/{chair:path}", include_in_schema=False)
    @app.get("/alert/{alert}", include_in_schema=False)
    @app.get("/welcome", include_in_schema=False)
    @app.get("/oncall", include_in_schema=False)
    @app.get("/audit", include_in_schema=False)
    @app.get("/clinic", include_in_schema=False)
    @app.get("/rules", include_in_schema=False)
    @app.get("/patient/{patient:path}", include_in_schema=False)
    @app.get("/enter/{patient:path}", include_in_schema=False)
    @app.get("/session/{session:path}", include_in_schema=False)
    async def page(chair: str = "", alert: str = "", patient: str = "", session: str = "") -> Response:
        if not index.is_file():
            raise HTTPException(503, "the board is not built: run `make board`; the API is at /docs")
        return FileResponse(index, headers={"Cache-Control": "no-cache"})
