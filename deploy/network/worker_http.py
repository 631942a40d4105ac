"""A worker's own door, for Prometheus and probes: `/metrics`, and `/healthz`, which means progress.

Nothing about a patient is behind it. Never here: boards' questions, which come through the brokers (answering.py).
"""

from __future__ import annotations

import time
from typing import Any, Final

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from alerts.effects import DeadLetter, FrameEffects, Page, Transition
from models.instants import SECOND
from streams.hosts.kafka.worker import ShardWorker
from streams.intake.admission import is_canary

DECIDED_BUCKETS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class WorkerMetrics:
    """What a worker counts, in a registry of its own; `update` reads the rest off the worker."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.transitions: Final = Counter(
            "chairside_worker_transitions", "Alert transitions", ["transition", "rule", "priority"], registry=registry
        )
        self.dead_letters: Final = Counter(
            "chairside_worker_dead_letters", "Lines that ward or desk could not use", ["field"], registry=registry
        )
        self.pages: Final = Counter("chairside_worker_pages_owed", "Pages owed to somebody", registry=registry)
        self.decided: Final = Histogram(
            "chairside_worker_decision_seconds", "From the brokers' stamp of a frame to its effects in the database",
            buckets=DECIDED_BUCKETS_S, registry=registry,
        )  # fmt: skip
        self.shards: Final = Gauge("chairside_worker_shards", "Shards that this worker has", registry=registry)
        self.of_shards: Final = Gauge("chairside_network_shards", "Shards that the network has", registry=registry)
        self.behind: Final = Gauge(
            "chairside_shard_behind_seconds",
            "Age of the last frame that a shard has decided",
            ["shard"],
            registry=registry,
        )
        self.frames: Final = Gauge(
            "chairside_shard_frames", "Frames decided since this worker has the shard", ["shard"], registry=registry
        )
        self.unkept: Final = Gauge(
            "chairside_shard_frames_since_checkpoint",
            "Frames that a takeover would read again",
            ["shard"],
            registry=registry,
        )
        self.checkpoint_age: Final = Gauge(
            "chairside_shard_checkpoint_age_seconds",
            "Since the shard's state was kept, or was seen to be kept",
            ["shard"],
            registry=registry,
        )
        self.aside: Final = Gauge(
            "chairside_shard_frames_set_aside", "Frames set aside since this worker has the shard", ["shard", "reason"],
            registry=registry,
        )  # fmt: skip
        self.samples: Final = Gauge(
            "chairside_shard_observations", "What became of what came in, since the journal began", ["shard", "fate"],
            registry=registry,
        )  # fmt: skip
        self.sessions: Final = Gauge("chairside_shard_open_sessions", "Sessions open now", ["shard"], registry=registry)
        self.waiting: Final = Gauge(
            "chairside_shard_waits_for_server",
            "1 while the database or a broker is waited for",
            ["shard"],
            registry=registry,
        )

    def told(self, effects: FrameEffects, received_us: int) -> None:
        """A frame's effects are in the database."""
        self.decided.observe(max(0.0, time.time() - received_us / SECOND))
        for effect in effects.effects:
            if is_canary(effect.site):
                continue
            if isinstance(effect, Transition):
                self.transitions.labels(effect.transition, effect.rule, effect.priority).inc()
            elif isinstance(effect, DeadLetter):
                self.dead_letters.labels(effect.field).inc()
            elif isinstance(effect, Page):
                self.pages.inc()

    def update(self, worker: ShardWorker) -> None:
        """Bring the gauges up to date; those of shards that are another worker's now are gone."""
        for gauge in (
            self.behind, self.frames, self.unkept, self.checkpoint_age, self.aside, self.samples, self.sessions, self.waiting
        ):  # fmt: skip
            gauge.clear()
        self.shards.set(len(worker.shards))
        self.of_shards.set(worker.of_shards)
        for number, hosted in worker.shards.items():
            shard = str(number)
            self.behind.labels(shard).set(
                max(0.0, time.time() - hosted.received_us / SECOND) if hosted.received_us else 0
            )
            self.frames.labels(shard).set(hosted.frames)
            self.unkept.labels(shard).set(hosted.next_offset - hosted.checkpointed_offset)
            self.checkpoint_age.labels(shard).set(hosted.checkpoint_age_s)
            self.sessions.labels(shard).set(len(hosted.shard.ward.association.sessions))
            self.waiting.labels(shard).set(hosted.waiting)
            for reason, count in hosted.aside.items():
                self.aside.labels(shard, reason).set(count)
            for fate, count in hosted.shard.ward.counts.items():
                self.samples.labels(shard, fate).set(count)


def worker_app(worker: ShardWorker, metrics: WorkerMetrics) -> FastAPI:
    """The application."""
    app = FastAPI(title="Chairside worker", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/metrics", response_class=Response)
    async def for_prometheus() -> Response:
        metrics.update(worker)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        """200 while every shard makes progress, also while a server is waited for; 503 otherwise."""
        stuck = worker.stuck()
        document: dict[str, Any] = {
            "ok": not stuck,
            "stuck": stuck,
            "joined": worker.ready.is_set(),
            "shards": sorted(worker.shards),
        }
        return JSONResponse(document, 503 if stuck else 200)

    return app
