"""Traces: which spans there are, and how one goes on in another process. Nothing is traced unless a process sets it up.

A span of an edge says that observations were accepted, one of a worker that their frame was decided, one of a pager that a page
was tried. The context goes with the frame in a Kafka header, and with the page in the outbox; both in the W3C's `traceparent`.
Cost while nothing is traced: a call that does nothing, a frame. Never here: where spans go (deploy/tracing.py), a patient's data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Tracer, get_current_span, get_tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

HEADER: Final = "traceparent"
Header = tuple[str, bytes]
"""A header of a Kafka record."""
_W3C: Final = TraceContextTextMapPropagator()


def tracer() -> Tracer:
    """The tracer of this process: one that does nothing until it is set up."""
    return get_tracer("chairside")


def traceparent() -> str | None:
    """The span under way, for whoever goes on with it; None where nothing is traced."""
    said: dict[str, str] = {}
    _W3C.inject(said)
    return said.get(HEADER)


def context_of(said: str | None) -> Context | None:
    """The context in which a `traceparent` goes on; None for one that says nothing."""
    return None if said is None else _W3C.extract({HEADER: said})


def headers_of(traceparents: Sequence[str | None]) -> list[Header]:
    """The headers of a frame that several requests share: one for each that is traced."""
    return [(HEADER, said.encode()) for said in dict.fromkeys(traceparents) if said is not None]


def parents_of(headers: Sequence[Header] | None) -> tuple[Context | None, list[Link]]:
    """What a frame goes on with: the first of its headers as the parent, the others as links."""
    contexts = [
        found for name, value in headers or () if name == HEADER and (found := context_of(value.decode("ascii", "replace")))
    ]  # fmt: skip
    return (contexts[0] if contexts else None), [
        Link(get_current_span(each).get_span_context()) for each in contexts[1:]
    ]


__all__ = ["HEADER", "Header", "SpanKind", "context_of", "headers_of", "parents_of", "traceparent", "tracer"]
