"""Half-open, slow and deaf connections are ended, and keep no sender out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from deploy import slow_connections
from deploy.slow_connections import LARGEST_HEAD, MOST_UNFINISHED
from tests.support.service import Inside, falling, heard, ndjson, sample, serving, until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(clinic: Inside) -> AsyncIterator[Streams]:
    host, _, port = clinic.address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    yield reader, writer
    writer.close()


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path) as inside:
        yield inside


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same times, shorter."""
    for name, seconds in (("HEAD_WITHIN_S", 0.4), ("BODY_SILENT_S", 0.4), ("WHOLE_WITHIN_S", 1.5), ("UNREAD_S", 0.4)):
        monkeypatch.setattr(slow_connections, name, seconds)


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the other side ends the connection, without a word."""
    try:
        return await asyncio.wait_for(reader.read(), 30) == b""
    except ConnectionError:
        return True


def count(clinic: Inside, why: str) -> float:
    found: float = clinic.service.metrics.slow_connections.labels(why)._value.get()
    return found


async def test_a_thousand_half_open_connections_keep_no_sender_waiting(clinic: Inside) -> None:
    await clinic.post(sample(0, patient="P-1", spo2=97))
    async with AsyncExitStack() as stack:
        for _ in range(1000):
            await stack.enter_async_context(connected(clinic))
        async with httpx.AsyncClient(base_url=clinic.address, timeout=5) as sender:
            began = time.monotonic()
            answer = await sender.post("/v1/observations", json=sample(1, patient="P-1", spo2=96))
            assert answer.status_code == 200
            assert time.monotonic() - began < 5
        await until(lambda: count(clinic, "crowded out") >= 1000 - MOST_UNFINISHED, "the first of them to be ended")


async def test_a_head_without_end_is_ended_before_it_fills_the_memory_and_a_long_one_is_read(clinic: Inside) -> None:
    async with connected(clinic) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * (LARGEST_HEAD - 1000) + b"\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 30)).split()[1] in (b"200", b"503")
    async with connected(clinic) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ")
        for _ in range(2 * LARGEST_HEAD // 1000):
            writer.write(b"a" * 1000)
        assert await ended(reader)
        await until(lambda: count(clinic, "a head without end") == 1, "it to be counted")


async def test_a_body_far_longer_than_a_head_may_be_comes_in(clinic: Inside) -> None:
    lines = [sample(n / 1000, patient="P-1", spo2=97) for n in range(2000)]
    answer = await clinic.http.post("/v1/observations", content=ndjson(lines))
    assert answer.json()["accepted"] == 2000


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "sent", [b"", b"POST /v1/observations HTTP/1.1\r\nhost: localhost\r\n"], ids=["nothing", "half a head"]
)
async def test_a_connection_without_a_whole_head_is_ended(clinic: Inside, sent: bytes) -> None:
    async with connected(clinic) as (reader, writer):
        writer.write(sent)
        assert await ended(reader)
    assert count(clinic, "no whole head") == 1


@pytest.mark.usefixtures("hurried")
async def test_a_head_that_drips_is_ended_however_often_it_drips(clinic: Inside) -> None:
    async with connected(clinic) as (reader, writer):
        gone = asyncio.create_task(ended(reader))
        for byte in b"GET /v1/alerts HTTP/1.1\r\nhost: localhost\r\nx-slow: " + b"a" * 400:
            if gone.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        assert await gone


HEAD = b"POST /v1/observations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: 100000\r\n\r\n"


@pytest.mark.usefixtures("hurried")
async def test_a_body_that_stands_still_or_drips_for_too_long_is_ended_and_nothing_of_it_is_taken(
    clinic: Inside,
) -> None:
    async with connected(clinic) as (reader, writer):
        writer.write(HEAD + ndjson(falling()))
        assert await ended(reader)
    assert count(clinic, "a body that stands still") == 1
    async with connected(clinic) as (reader, writer):
        gone = asyncio.create_task(ended(reader))
        writer.write(HEAD)
        while not gone.done():
            writer.write(b"\n")
            await asyncio.sleep(0.1)
        assert await gone
    assert count(clinic, "a body that drips") == 1
    assert (await clinic.get("/v1/sessions"))["sessions"] == []


@pytest.mark.usefixtures("hurried")
async def test_whoever_does_not_read_the_answer_is_ended(clinic: Inside) -> None:
    await clinic.post(*falling())
    async with connected(clinic) as (_, writer):
        # Answers of a quarter of a megabyte, one after the other, that nobody reads.
        writer.write(b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n" * 200)
        await until(lambda: count(clinic, "does not read its answer") == 1, "it to be ended")


@pytest.mark.usefixtures("hurried")
async def test_what_is_slow_and_honest_goes_on(clinic: Inside) -> None:
    lines = falling()
    async with connected(clinic) as (reader, writer):
        body = ndjson(lines)
        writer.write(HEAD.replace(b"100000", str(len(body)).encode()))
        for part in range(0, len(body), len(body) // 5 + 1):
            await asyncio.sleep(0.2)
            writer.write(body[part : part + len(body) // 5 + 1])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    async with clinic.http.stream("GET", "/v1/live") as feed:
        events = heard(feed)
        seen = [await anext(events) for _ in range(4)]
        assert seen[0].name == "snapshot", "a feed is longer than any of these times"
    for _ in range(3):
        await clinic.get("/v1/alerts")
        await asyncio.sleep(0.5)
    assert sum(count(clinic, why) for why in ("no whole head", "a body that stands still", "a body that drips")) == 0
