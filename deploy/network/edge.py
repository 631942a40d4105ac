"""The edge process: `chairside edge`. Observations and answers in, boards and queries out; no state, as many as you need.

It takes posts and the topic `raw`, puts the sites' configuration files into force, and serves boards from what the workers say
(remote_views.py) and what the database has. Readiness is that brokers and database have been reached; an edge whose broker is
away refuses posts with 503 and comes back by itself.
Never here: a decision, a shard.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from alerts.answer_links import AnswerLinks
from alerts.api.answer import answer_routes
from alerts.api.audit import audit_routes
from alerts.api.chairs import chair_routes
from alerts.api.fhir import fhir_read_routes
from alerts.api.live import Feed
from alerts.api.registrations import registration_routes
from alerts.api.rota import rota_routes
from alerts.api.routes import alert_routes
from alerts.api.session_record import session_record_routes
from alerts.api.views import AS_MADE, Site
from alerts.inbound.routes import Inbound, inbound_routes
from alerts.store.store import Store
from deploy.access.gate import Gate
from deploy.access.glass_route import glass_routes
from deploy.access.routes import access_routes
from deploy.app import ABOUT, add_routes, finish
from deploy.audit.reads import AuditedReads
from deploy.audit.trail import Trail
from deploy.foreign import ForeignRequests
from deploy.http import GRACE_S, THIS_MACHINE, SignInNeeded, listen
from deploy.logs import set_up_log
from deploy.metrics import Metrics
from deploy.network.canary import Canary
from deploy.network.processes import opened, patiently
from deploy.network.remote_views import KEEP_SHOWN_S, RemoteViews
from deploy.network.settings import NetworkSettings
from deploy.network.sites import Sites, Switchboard
from deploy.rule_book_routes import rule_book_routes
from deploy.settings import BoardPart
from deploy.sign_in import open_network_access
from deploy.slow_connections import SlowConnections, open_many_files
from deploy.supervisor import Supervisor, reason_of
from deploy.tracing import set_up_tracing
from deploy.wiring import steady_us, wall_us
from models.tables.limits import LIMITS
from models.wire.observations import Command
from models.wire.on_call import SiteOut
from streams.forecasts.http import patient_routes
from streams.hosts.embedded import UNWRITABLE
from streams.intake.admission import Admission, is_canary
from streams.intake.append import Overloaded, Records
from streams.intake.fhir.http import fhir_routes
from streams.intake.http import observation_routes
from streams.intake.kafka import NetworkIntake
from streams.intake.raw import RawIntake
from streams.journal.kafka import KafkaProducer
from streams.journal.topics import OPERATORS

log = logging.getLogger(__name__)

SITES_EVERY_S: Final = 2.0
"""How often the sites' files are looked at."""


def _pagers_look_each_second() -> None:
    """A receipt that a person's next method waits for is seen by whichever pager looks next."""


class Edge:
    """One edge. It runs inside `running`."""

    def __init__(self, network: NetworkSettings, store: Store, shards: int, site: str) -> None:
        connection = network.kafka.connection()
        self.site = site
        self.store = store
        self.metrics = Metrics()
        self.sites = Sites(network.sites)
        # It reads links and makes none: pagers do.
        self._board = Switchboard(self.sites)
        self.links = AnswerLinks(network.answers.keys(), lambda site: None)
        self.tasks = Supervisor()
        self._producer = KafkaProducer(connection)
        self.intake = NetworkIntake(self._producer, shards)
        self.views = RemoteViews(connection, self._producer, shards, wall_us, self._heard)
        self.feed = Feed(store, self.views)
        self.inbound = Inbound(
            store, self.command, self.views, lambda: self._board.lines, steady_us, wall_us, _pagers_look_each_second
        )  # fmt: skip
        self.trail = Trail(store, site, wall_us)
        self.access = (
            open_network_access(network.database.located(), self.sites, site, self.metrics, self.trail, wall_us)
            if network.access.sign_in
            else None
        )
        self._raw = RawIntake(connection, self.intake, self.counted)
        self._canary = Canary(self.intake.append, shards, self.metrics.registry, wall_us)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run, and stop in order."""
        await patiently("the brokers", self._producer.start)
        await patiently("the brokers", self.views.start)
        work = {
            "views": self.views.run(),
            "raw": self._raw.run(),
            "boards": self._show(),
            "sites": self._configure(),
            "canary": self._canary.run(),
            "audit": self.trail.run(),
        }
        for name, each in work.items():
            self.tasks.start(name, each)
        try:
            yield
        finally:
            self.feed.close()
            self.trail.stop()
            for name in work:
                await self.tasks.stopped(name, cancel=name != "audit")
            await self.intake.stop()
            await self._producer.stop()
            self.store.close()
            if self.access is not None:
                self.access.accounts.close()

    async def append(self, records: Records) -> None:
        """Durable when it returns."""
        await self.intake.append(records)

    async def command(self, command: Command) -> None:
        """A person's answer to an alert, durable when it returns."""
        await self.intake.append([command])  # type: ignore[list-item]  # a union's list does not take a part of the union

    def hosts(self) -> Collection[str]:
        """The names by which boards and phones of the sites reach an edge."""
        return {host for settings in (self.sites.operators, *self.sites.configured.values()) for host in settings.hosts}

    def counted(self, accepted: int, set_aside: int) -> None:
        self.metrics.accepted.inc(accepted)
        self.metrics.set_aside.inc(set_aside)

    def health(self) -> dict[str, Any]:
        """Whether every task runs."""
        tasks = self.tasks.health()
        return {
            "ok": set(tasks.values()) <= {"running"}, "tasks": tasks, "listeners": self.feed.listeners,
            "configurations_refused": [each.document() for each in self.sites.refused.values()],
        }  # fmt: skip

    def _heard(self, event: str, site: str, document: dict[str, Any]) -> None:
        if event == "alert" and is_canary(site):
            self._canary.hear(document)
        self.feed.publish(event, site, document)

    async def _show(self) -> None:
        """Have the chairs of the sites that have listeners shown on."""
        while True:
            for site in self.feed.sites:
                await self.views.keep_shown(site)
            await asyncio.sleep(KEEP_SHOWN_S)

    async def _configure(self) -> None:
        """Put what the sites' files say into force, at the start and whenever one has changed."""
        late = True
        while True:
            if new := self.sites.look():
                self._board = Switchboard(self.sites)
            if new or late:
                late = False
                for name, settings in self.sites.configured.items():
                    record = settings.record()
                    try:
                        in_force, place = await asyncio.to_thread(self.store.configuration, name)
                        if in_force != record.hash:
                            # Its place makes it new, and the same from every edge that sees the change.
                            changed = record.model_copy(update={"id": f"configuration-{record.hash}-{place}"})
                            await self.intake.append([changed])
                            log.info("configuration %s of %s is in force", record.hash, name)
                    except (Overloaded, *UNWRITABLE) as away:
                        log.error("the configuration of %s has to wait: %s", name, reason_of(away))
                        late = True
            await asyncio.sleep(SITES_EVERY_S)


def build_edge(edge: Edge) -> FastAPI:
    """The HTTP application of an edge; the edge runs as long as the application does."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with edge.running():
            yield

    app = FastAPIOffline(title="Chairside", description=ABOUT, lifespan=lifespan)
    app.state.site = edge.site
    app.add_middleware(AuditedReads, trail=edge.trail)
    if edge.access is not None:
        app.add_middleware(Gate, access=edge.access, routes=app)
    app.add_middleware(ForeignRequests, hosts=edge.hosts)
    add_routes(app, observation_routes(edge.append, edge.store, edge.counted, Admission()))
    add_routes(app, fhir_routes(edge.append, edge.counted, Admission(edge.site)))
    add_routes(app, chair_routes(edge.views, edge.store))
    add_routes(app, registration_routes(edge.store))

    def zone_at(name: str) -> str:
        settings = edge.sites.configured.get(name)
        return "UTC" if settings is None else settings.site.timezone

    add_routes(app, session_record_routes(edge.store, zone_at))
    add_routes(app, fhir_read_routes(edge.store, zone_at))
    add_routes(app, patient_routes(edge.store, edge.views))
    add_routes(app, access_routes(edge.access))
    add_routes(app, alert_routes(edge.store, edge.feed, edge.command, edge.views, shared=True))
    add_routes(app, answer_routes(edge.store, edge.command, edge.views, edge.links))
    add_routes(app, inbound_routes(edge.inbound))
    add_routes(app, rota_routes(edge.append, edge.views))
    add_routes(app, glass_routes(edge.access, edge.store, edge.append))
    add_routes(app, audit_routes(edge.store))
    add_routes(
        app,
        rule_book_routes(
            lambda site: edge.sites.configured[site].limit_table() if site in edge.sites.configured else LIMITS
        ),
    )

    @app.get("/healthz", tags=["operations"], responses={503: {"description": "A task has failed"}})
    async def healthz(request: Request) -> JSONResponse:
        """200 while every task runs; 503 when one has failed. Where people sign in, those who run the network hear of which."""
        health = edge.health()
        of_network = edge.access is None or getattr(request.state, "site", edge.site) is None
        return JSONResponse(health if of_network else {"ok": health["ok"]}, 200 if health["ok"] else 503)

    @app.get("/metrics", tags=["operations"], response_class=Response)
    async def metrics() -> Response:
        """For Prometheus."""
        edge.metrics.listeners.set(edge.feed.listeners)
        edge.metrics.show_audit(await asyncio.to_thread(edge.store.audit_heads), edge.trail.waiting)
        edge.metrics.show_refused(edge.sites.refused.values())
        return Response(generate_latest(edge.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/site", tags=["operations"], response_model=AS_MADE, responses={200: {"model": SiteOut}})
    async def site(name: Site) -> SiteOut:
        """A site's name, time zone and clock; without one, that of whoever asks, or of the site whose boards this edge shows."""
        settings, refused = edge.sites.configured.get(name), edge.sites.refused.get(name)
        if settings is None and refused is None and name != edge.site:
            raise HTTPException(404, f"there is no site {name}")
        return {
            "site": name,
            "timezone": zone_at(name),
            "clock": await edge.views.clock(name),
            "board": (BoardPart() if settings is None else settings.board).document(),
            "lesson": None,
            "pages_to": [] if settings is None else [each.name for each in settings.opened()[0]],
            "weakened": []
            if settings is None
            else [{"limit": words, "reason": reason} for words, reason in settings.weakened()],
            "configuration_refused": None if refused is None else refused.document(),
        }

    finish(app)
    return app


class EdgeServer(uvicorn.Server):
    """Uvicorn, ending the live feeds first, and ending when a task of the edge has failed."""

    def __init__(self, config: uvicorn.Config, edge: Edge) -> None:
        super().__init__(config)
        self._edge = edge

    async def on_tick(self, counter: int) -> bool:
        """Whether to end; asked ten times a second."""
        return await super().on_tick(counter) or self._edge.tasks.failure is not None

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        self._edge.feed.close()
        await super().shutdown(sockets)


def run_edge(network: NetworkSettings, host: str, port: int, site: str) -> None:
    """Serve until interrupted.

    Raises:
        SignInNeeded: it would be reached from other machines by whoever likes.
        ServiceFailed: a task has failed, so that it had to end.
    """
    if host not in THIS_MACHINE and not network.access.sign_in:
        raise SignInNeeded(
            f"--host {host} would show patients to whoever reaches this machine: say `sign_in = true` under [access] in the"
            " network's file; the first start prints a link that makes the first operator (docs/access.md)"
        )
    set_up_log()
    listening = listen(host, port)
    sys.stderr.write(f"Chairside edge on http://{host}:{listening.getsockname()[1]}\n")
    sys.stderr.flush()

    async def serve() -> None:
        store, shards = await opened(network)
        edge = Edge(network, store, shards, site)
        if edge.access is not None and not edge.access.accounts.has_operator(OPERATORS):
            link = edge.access.accounts.link(None, "operator", OPERATORS)
            board = (edge.sites.operators.pages.link or f"http://localhost:{listening.getsockname()[1]}").rstrip("/")
            sys.stderr.write(
                f"Nobody runs this network yet. The first operator, once, within a day: {board}/welcome#{link}\n"
            )
            sys.stderr.flush()
        app = build_edge(edge)
        set_up_tracing("edge", app)
        slow = SlowConnections(lambda why: edge.metrics.slow_connections.labels(why).inc())
        open_many_files()
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, http=slow.protocol,  # type: ignore[arg-type]  # uvicorn declares a class, and calls what it is given
            timeout_graceful_shutdown=GRACE_S, lifespan="on",
        )  # fmt: skip
        await EdgeServer(config, edge).serve(sockets=[listening])
        if edge.tasks.failure is not None:
            raise edge.tasks.failure

    import uvloop

    uvloop.run(serve())
