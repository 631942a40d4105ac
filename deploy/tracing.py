"""Traces out: sent by OTLP where the environment says where to (`OTEL_EXPORTER_OTLP_ENDPOINT`), else nothing is traced.

OpenTelemetry's own variables choose the sample of requests that are traced and what else can be chosen.
"""

from __future__ import annotations

import os
from typing import Final

from fastapi import FastAPI

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def set_up_tracing(process: str, app: FastAPI | None = None) -> None:
    """Trace this process, if the environment asks for it, as the service ``chairside-PROCESS``; `app`: each request a span."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import set_tracer_provider

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"chairside-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    set_tracer_provider(provider)
    if app is not None:
        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls="healthz,metrics")
