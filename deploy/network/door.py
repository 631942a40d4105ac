"""A process's own door, for Prometheus and probes: `/metrics` and `/healthz`; and what pagers and forecasters say there.

Nothing about a patient is behind it. What they say of the outbox and of the queue is the database's, and the same from each of
them; it is read when Prometheus asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from alerts.store.store import Store
from streams.forecasts.making import Maker
from streams.hosts.embedded import UNWRITABLE


class PagerMetrics:
    """Pages by outcome, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.pages: Final = Gauge(
            "chairside_network_pages", "Pages by what became of them, deliveries that wait for a retry as failing",
            ["outcome"], registry=registry,
        )  # fmt: skip
        self.oldest: Final = Gauge(
            "chairside_network_oldest_unsent_page_seconds", "Age of the oldest page that no destination has taken",
            registry=registry,
        )  # fmt: skip

    def update(self, store: Store, now_us: int) -> None:
        """Read them off the outbox."""
        counts = store.page_counts(now_us)
        for outcome in ("owed", "sent", "abandoned", "failing"):
            self.pages.labels(outcome).set(getattr(counts, outcome))
        self.oldest.set(counts.oldest_unsent_s)


class ForecasterMetrics:
    """What a forecaster has made, and what is in the queue, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.made: Final = Gauge(
            "chairside_forecaster_forecasts", "Forecasts since this process began, by outcome", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.waiting: Final = Gauge(
            "chairside_network_forecasts_waiting", "Forecasts that are asked for and not made yet", registry=registry
        )
        self.given_up: Final = Gauge(
            "chairside_network_forecasts_given_up", "Forecasts that were tried so often that they are given up",
            registry=registry,
        )  # fmt: skip

    def update(self, store: Store, maker: Maker) -> None:
        """Read them off the queue and the maker."""
        self.made.labels("made").set(maker.made)
        self.made.labels("failed").set(maker.failed)
        self.waiting.set(store.forecasts_waiting())
        self.given_up.set(store.forecasts_given_up())


def door_app(
    title: str, registry: CollectorRegistry, update: Callable[[], None], health: Callable[[], dict[str, Any]]
) -> FastAPI:
    """The application. `update` brings the metrics up to date, and `health` says more than that it runs; both in a thread."""
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/metrics", response_class=Response)
    async def for_prometheus() -> Response:
        with contextlib.suppress(*UNWRITABLE):  # the last that was known, while the database is away
            await asyncio.to_thread(update)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        """200: it runs. A database that is away is waited for."""
        document: dict[str, Any] = {"ok": True}
        with contextlib.suppress(*UNWRITABLE):
            document |= await asyncio.to_thread(health)
        return JSONResponse(document)

    return app


class DoorServer(uvicorn.Server):
    """Uvicorn beside something else that minds the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def door(app: FastAPI, listening: socket.socket | None) -> AsyncIterator[None]:
    """Serve the application meanwhile; nothing without a socket."""
    if listening is None:
        yield
        return
    server = DoorServer(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    serving: Awaitable[None] = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
