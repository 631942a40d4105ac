"""Requests that no client writes: what two programmes in a row may read in two ways is refused, and opens nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from tests.support.access import locked
from tests.support.service import PATIENCE_S, Inside

HOST: Final = b"Host: 127.0.0.1\r\n"
HIDDEN: Final = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
"""A second request, behind what one of two readers takes for the end of the first."""
POST: Final = b"POST /v1/observations HTTP/1.1\r\n" + HOST


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clinic(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    async with locked(tmp_path_factory.mktemp("raw")) as inside:
        yield inside


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN, [400]),
        (POST + b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + HIDDEN, [400]),
        (POST + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", [400]),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, [400]),
        (b"GET /v1/chairs HTTP/1.1\n" + HOST.replace(b"\r", b"") + b"\n", [400]),
        (b"GET /v1/chairs HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n", [400]),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
        (b"TRACE / HTTP/1.1\r\n" + HOST + b"Cookie: chairside=x\r\n\r\n", [405]),
        (b"GET http://evil.example/v1/chairs HTTP/1.1\r\n" + HOST + b"\r\n", [401]),
        (
            b"GET /v1/live HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", [401],
        ),
    ],
    ids=["a length and chunks", "two lengths", "a space before the colon", "another coding", "bare line feeds", "a folded header",
         "two hosts", "a tunnel", "what would be echoed", "another host in the line", "a WebSocket at the feed"],
)  # fmt: skip
async def test_what_may_be_read_in_two_ways_is_refused_and_hides_no_second_request(
    clinic: Inside, sent: bytes, statuses: list[int]
) -> None:
    host, _, port = clinic.address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        # One more on the same connection, if it is still open: whatever was hidden is answered before it.
        writer.write(b"GET /v1/nowhere HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        heard = await asyncio.wait_for(reader.read(), PATIENCE_S)
    finally:
        writer.close()
    found = [int(line.split()[1]) for line in heard.split(b"\r\n") if line.startswith(b"HTTP/1.")]
    assert found in (statuses, [*statuses, 404])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "trailer",
    [b"Origin: http://127.0.0.1", b"Sec-Fetch-Site: same-origin", b"Host: evil.example", b"Authorization: Bearer x",
     b"Content-Type: text/plain"],
    ids=["whose page", "which page", "which host", "whose token", "which type"],
)  # fmt: skip
async def test_what_stands_behind_a_body_is_no_header(clinic: Inside, trailer: bytes) -> None:
    """A proxy passes a trailer on that it would never have let through in a head."""
    host, _, port = clinic.address.removeprefix("http://").partition(":")
    head = b"POST /v1/access/lock HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n"
    heard = []
    for behind in (b"", trailer + b"\r\n"):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            # In one packet, as whoever tries it sends it: the application is asked after all of it is read.
            writer.write(head + b"\r\n2\r\n{}\r\n0\r\n" + behind + b"\r\n")
            answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        finally:
            writer.close()
        heard.append((answer.split(b" ", 2)[1], answer.rpartition(b"\r\n")[2]))
    assert heard[0] == heard[1]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_request_behind_one_with_trailers_has_its_own_headers(clinic: Inside) -> None:
    host, _, port = clinic.address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(
            HIDDEN.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: evil.example\r\n\r\n")
        )
        first = await asyncio.wait_for(reader.readuntil(b"true}"), PATIENCE_S)
        writer.write(b"GET /v1/chairs HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        second = await asyncio.wait_for(reader.read(), PATIENCE_S)
    finally:
        writer.close()
    assert [first.split()[1], second.split()[1]] == [b"200", b"401"]
