"""A trace follows an observation from the edge through the broker and the database to the page; otherwise nothing is traced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import opentelemetry.trace
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from alerts.effects import Page
from alerts.notify.destination import Destination, InThread, Message, Outcome
from alerts.notify.pager import Pager
from alerts.store.store import Store
from alerts.tracing import headers_of, parents_of, traceparent, tracer
from deploy.tracing import ENDPOINTS, set_up_tracing
from deploy.wiring import wall_us
from streams.hosts.kafka.worker import ShardWorker
from tests.support.network import SITES, Network, appending, recent, until, working

pytest_plugins = ("tests.support.servers",)
pytestmark = pytest.mark.xdist_group("network")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What is traced, with a provider of this test's own."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(opentelemetry.trace, "get_tracer_provider", lambda: provider)
    yield kept
    provider.shutdown()


class Phone:
    """Takes every page."""

    def __init__(self) -> None:
        self.pages: list[Page] = []

    def send(self, message: Message) -> Outcome:
        self.pages.append(message.page)
        return Outcome(True)


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


async def test_a_page_is_in_the_trace_of_the_post_that_led_to_it(network: Network, spans: InMemorySpanExporter) -> None:
    store, phone = Store(network.url), Phone()
    pager = Pager(store, [Destination("phone", InThread(phone))], wall_us)
    async with appending(network) as appender, working(ShardWorker(network.connection, network.shards, store)):
        for post in recent(1, SITES[:1]):
            with tracer().start_as_current_span("accept"):
                await appender.append(post)
        await until(lambda: bool(store.page_counts(wall_us()).owed), "a page is owed")
        running = asyncio.create_task(pager.run())
        await until(lambda: bool(phone.pages), "a page")
        assert await pager.drain(running)
    store.close()
    accepted = {span.context.trace_id: span for span in named(spans, "accept")}
    decided = {span.context.span_id: span for span in named(spans, "decide frame")}
    assert {span.context.trace_id for span in decided.values()} <= set(accepted), (
        "later posts may still be on their way"
    )
    delivered = named(spans, "deliver page")
    assert delivered
    for span in delivered:
        assert span.parent is not None
        cause = decided[span.parent.span_id]
        assert cause.parent is not None
        assert span.context.trace_id == cause.context.trace_id == accepted[span.context.trace_id].context.trace_id
        assert span.attributes is not None
        assert span.attributes["arrived"] is True


async def test_posts_that_share_a_frame_are_each_linked_to_what_came_of_it(spans: InMemorySpanExporter) -> None:
    said = []
    for _ in range(3):
        with tracer().start_as_current_span("accept"):
            said.append(traceparent())
    parent, links = parents_of(headers_of([said[0], None, *said]))
    with tracer().start_as_current_span("decide frame", parent, links=links):
        pass
    first, *others = (span.context for span in named(spans, "accept"))
    (decided,) = named(spans, "decide frame")
    assert decided.context.trace_id == first.trace_id
    assert [link.context.trace_id for link in decided.links] == [each.trace_id for each in others]


def test_nothing_is_traced_unless_the_environment_says_where_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    set_up_tracing("edge")
    with tracer().start_as_current_span("accept"):
        assert traceparent() is None
    assert headers_of([None, None]) == []
    assert parents_of(None) == (None, [])
    assert parents_of([("traceparent", b"nonsense")])[1] == []
