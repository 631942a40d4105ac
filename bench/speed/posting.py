"""A server process of its own, and a client that is cheap enough not to be what is measured.

The server is pinned to one core and the client to the others where the machine has more than one. The client writes
bodies that were made before over kept connections and reads no more of an answer than it must; what it cost is reported.
Everything is on 127.0.0.1, and ends by itself: the bodies are a list, and each answer has `PATIENCE_S`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PATIENCE_S: Final = 60.0
COMMAND: Final = ("-c", "from deploy.cli import main; main()")
"""`chairside`, whether or not it is on the path."""
SERVE: Final = (*COMMAND, "serve", "--port", "0")
"""The command line of `chairside serve`, on a port that is free."""
_ADDRESS: Final = re.compile(rb"http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `log` is what it says."""

    port: int
    pid: int
    log: Path

    def cpu_s(self) -> float:
        """Processor seconds that it has used, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(arguments: Sequence[str], folder: Path, pinned: bool = True) -> Iterator[Server]:
    """`python ARGUMENTS` until the block ends; it must say its address.

    Raises:
        RuntimeError: it ended, or said nothing in time.
    """
    log = folder / "server.log"
    mine = os.sched_getaffinity(0)
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, *arguments], stdout=out, stderr=subprocess.STDOUT)
    try:
        if pinned and len(mine) > 1:
            os.sched_setaffinity(process.pid, {max(mine)})
            os.sched_setaffinity(0, mine - {max(mine)})
        yield Server(_port(process, log), process.pid, log)
    finally:
        os.sched_setaffinity(0, mine)
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        said = _ADDRESS.search(log.read_bytes())
        if said and _answers(int(said[1])):
            return int(said[1])
        time.sleep(0.02)
    raise RuntimeError(f"the server did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


def _answers(port: int) -> bool:
    """A server says its address when it has it, and listens when it has recovered."""
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


@dataclass(slots=True)
class Posted:
    """What became of some posts."""

    observations: int = 0
    accepted: int = 0
    set_aside: int = 0
    wall_s: float = 0.0
    client_s: float = 0.0
    server_s: float = 0.0


class Connection:
    """One kept HTTP connection. Use from one task."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/x-ndjson"
    ) -> tuple[int, bytes]:
        """The status and body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", answer)
            content = await reader.readexactly(int(length[1])) if length else b""
        return int(answer[9:12]), content

    async def post(self, body: bytes) -> dict[str, Any]:
        """Post observations.

        Raises:
            RuntimeError: they were not accepted.
        """
        status, content = await self.ask("POST", "/v1/observations", body)
        if status != 200:
            raise RuntimeError(f"{status}: {content[:500]!r}")
        answer: dict[str, Any] = json.loads(content)
        return answer

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            await self._streams[1].wait_closed()
            self._streams = None


async def post_all(server: Server, bodies: Sequence[Sequence[bytes]], settled: bool = False) -> Posted:
    """Each sender posts its bodies one after the other, all senders at once.

    Args:
        server: where to.
        bodies: per sender.
        settled: stop the clock only when the server has worked through everything, not when it has accepted it.
    """
    posted = Posted()

    async def send(mine: Sequence[bytes]) -> None:
        connection = Connection(server.port)
        for body in mine:
            answer = await connection.post(body)
            posted.observations += body.count(b"\n") + 1
            posted.accepted += answer["accepted"]
            posted.set_aside += answer.get("set_aside_in_all", len(answer["set_aside"]))
        await connection.close()

    server_s, client_s, began = server.cpu_s(), time.process_time(), time.perf_counter()
    await asyncio.gather(*(send(mine) for mine in bodies))
    if settled:
        await _settle(server)
    posted.wall_s = time.perf_counter() - began
    posted.client_s = time.process_time() - client_s
    # The kernel counts in ticks: what took less than one took no more than one.
    posted.server_s = max(server.cpu_s() - server_s, 1 / os.sysconf("SC_CLK_TCK"))
    return posted


async def _settle(server: Server) -> None:
    """Wait until the shard has had every frame."""
    asking = Connection(server.port)
    while True:
        _, health = await asking.ask("GET", "/healthz")
        if json.loads(health)["frames_behind"] == 0:
            break
        await asyncio.sleep(0.005)
    await asking.close()
