"""Real services to test against: in this process, and as the command that a clinic runs.

`serving` runs the whole service behind a real socket on this event loop; `started` is `chairside serve` as a process of its
own, which can be killed. Both listen on a port that the system chose. Waiting is for a thing to be so, with `PATIENCE_S`
as the instant at which the machine is called broken; nothing here sleeps for a guessed time.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import pytest
from typer.testing import CliRunner

from bench.recorded import DATA
from deploy.cli.app import app
from deploy.configuration import WatchedSettings
from deploy.http import Server, listen, server
from deploy.settings import Settings
from deploy.wiring import Service, wall_us
from models.arrays import Document
from models.instants import SECOND, from_iso, iso
from streams.journal.appender_clock import AppenderClock
from streams.ward.state import Clock
from tests.support.published import hold_to_schema

ROOT: Final = Path(__file__).resolve().parents[2]
T = TypeVar("T")
PATIENCE_S: Final = float(os.environ.get("CHAIRSIDE_TEST_PATIENCE_S", "180"))
"""A start in which the ward is compiled has taken more than a minute, on two cores that six others used. Less where a test is
expected to fail (`bench.planted`), and waits for all of it."""
LOOKS_EVERY_S: Final = 0.02
"""A service that is asked without a pause has no time for what is waited for."""
START_US: Final = from_iso("2026-11-23T14:00:00Z")


def recorded(folder: str, pattern: str) -> list[Path]:
    """Recorded files, or a skipped test that says where to put them."""
    found = sorted((DATA / folder).glob(pattern))
    if not found:
        pytest.skip(f"no recorded data in {DATA / folder}: put it there, or name its place in CHAIRSIDE_DATA")
    return found


# ---- what is sent ----------------------------------------------------------------------------------------------------


def at(second: float) -> str:
    """So many seconds after the tests' start."""
    return iso(START_US + round(second * SECOND))


def sample(second: float, **fields: Any) -> Document:
    """One vitals sample."""
    return {"kind": "vitals", "at": at(second), **fields}


def falling(patient: str = "P-1", start_s: float = 0, seconds: int = 60, **who: Any) -> list[Document]:
    """SpO2 slides from 97 to 86 and stays there, once a second: one desaturation, of medium priority, and one page."""
    readings = (max(97 - second, 86 + second % 2) for second in range(seconds))
    return [
        sample(start_s + second, patient=patient, spo2=value, pulse=80 + second % 3, **who)
        for second, value in enumerate(readings)
    ]


def recovering(patient: str = "P-1", start_s: float = 60, seconds: int = 60, **who: Any) -> list[Document]:
    """And climbs again."""
    readings = (min(86 + second, 96 + second % 2) for second in range(seconds))
    return [
        sample(start_s + second, patient=patient, spo2=value, pulse=80 + second % 3, **who)
        for second, value in enumerate(readings)
    ]


def ndjson(lines: Iterable[Document]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


# ---- in this process -------------------------------------------------------------------------------------------------


@dataclass
class Inside:
    """A service on this event loop, and a client of it."""

    service: Service
    web: Server
    address: str
    http: httpx.AsyncClient
    running: asyncio.Task[None]

    def ended(self) -> bool:
        """Whether the server has ended, by itself or not."""
        return self.running.done()

    async def post(self, *lines: Document) -> Document:
        """Post observations as NDJSON; all of them must be usable."""
        answer = await self.http.post(
            "/v1/observations", content=ndjson(lines), headers={"content-type": "application/x-ndjson"}
        )
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        return document

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def settled(self) -> None:
        """What was accepted so far has been decided and written."""
        offset = self.service.journal.next_offset
        await until(lambda: self.service.owner.written_offset >= offset, "every frame to be processed")

    async def shows_as_published(self) -> None:
        """What the routes answer at the end of a test is as the schemas say; a patient's page aside, which takes a process."""
        for name in ("chairs", "patients", "forecasts", "burden", "rota", "ladders"):
            hold_to_schema(name, await self.get(f"/v1/{name}"), thoroughly=True)
        for transition in (await self.get("/v1/transitions", limit=50))["transitions"]:
            hold_to_schema("transition", transition)

    async def turns(self, status: int) -> Document:
        """Ask /healthz until it answers so; what it then says."""
        said: list[str] = []

        async def asked() -> Document | None:
            answer = await self.http.get("/healthz")
            said[:] = [answer.text]
            document: Document = answer.json()
            return document if answer.status_code == status else None

        try:
            return await until_answered(asked, f"/healthz to answer {status}")
        except TimeoutError as late:
            raise TimeoutError(f"{late}; it says {said}") from late

    async def transitions(self, after: int = 0) -> list[Document]:
        """All transitions of the site, once everything sent is settled."""
        await self.settled()
        found: list[Document] = []
        while page := (await self.get("/v1/transitions", after=found[-1]["seq"] if found else after))["transitions"]:
            found += page
        return found


async def until(is_so: Callable[[], object], what: str) -> None:
    """Give way to others until something is so."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"waited {PATIENCE_S:g} s for {what}")
        await asyncio.sleep(0.002)


def waited(ask: Callable[[], T], what: str) -> T:
    """Ask another process until there is something in the answer; that answer."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not (answer := ask()):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"waited {PATIENCE_S:g} s for {what}")
        time.sleep(LOOKS_EVERY_S)
    return answer


async def until_answered(ask: Callable[[], Awaitable[T | None]], what: str) -> T:
    """Ask until there is something in the answer; that answer."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not (answer := await ask()):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"waited {PATIENCE_S:g} s for {what}")
        await asyncio.sleep(LOOKS_EVERY_S)
    return answer


@asynccontextmanager
async def serving(
    data: Path, settings: Settings | None = None, clock: Clock = "observed", now_us: AppenderClock | None = None,
    *, forecasting: bool = False, config: Path | None = None,
) -> AsyncIterator[Inside]:  # fmt: skip
    """A service behind a socket, for as long as the block lasts.

    `forecasting`: forecasts come when they are ready, so only where a test waits for them. `config`: a site's file, followed as
    it changes, instead of `settings`.
    """
    listening = listen("127.0.0.1", 0)
    watched = None if config is None else WatchedSettings(config, data, wall_us)
    settings = settings or (Settings() if watched is None else watched.first())
    service = Service(data, settings, clock, now_us, watched, forecasting=forecasting)
    web = server(service, "127.0.0.1", 0)
    running = asyncio.create_task(web.serve(sockets=[listening]))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        await until(lambda: web.started or running.done(), "the server to start")
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_S) as client:
            inside = Inside(service, web, address, client, running)
            yield inside
            if not (running.done() or web.should_exit):
                await inside.shows_as_published()
    finally:
        web.should_exit = True
        await running
        listening.close()


@dataclass(frozen=True, slots=True)
class Heard:
    """One server-sent event; a comment has the name ``:``."""

    name: str
    id: str | None
    data: Any


async def heard(response: httpx.Response) -> AsyncIterator[Heard]:
    """The events of a live feed, comments included."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line.startswith(":"):
            yield Heard(":", None, line)
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Heard(fields.get("event", ""), fields.get("id"), json.loads(fields["data"]))
            fields = {}


# ---- as a process ----------------------------------------------------------------------------------------------------

COMMAND: Final = (sys.executable, "-c", "from deploy.cli import main; main()")
"""`chairside`, of this very tree, whatever is installed."""


def chairside(*arguments: object, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end."""
    words = [*COMMAND, *map(str, arguments)]
    return subprocess.run(words, input=given, capture_output=True, cwd=ROOT, timeout=PATIENCE_S, check=False)


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ran in this process to its end."""

    status: int
    stdout: str
    stderr: str


def invoked(*arguments: object, given: bytes | None = None) -> Done:
    """Run a command in this process: the same code without the second that a process takes to start."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=given, catch_exceptions=False)
    return Done(result.exit_code, result.stdout, result.stderr)


def said_once(done: Done) -> str:
    """What a command that failed said: one line, for people."""
    assert done.status != 0, done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@dataclass
class Started:
    """`chairside serve` as a process. `said` is what it wrote to stderr so far, line by line."""

    process: subprocess.Popen[bytes]
    said: list[str] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        stream = self.process.stderr
        if stream is None:
            raise ValueError("stderr must be a pipe")
        for line in stream:
            with self._news:
                self.said.append(line.decode(errors="replace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self.process.wait()
            self._news.notify_all()

    @property
    def address(self) -> str:
        """Where it listens, as soon as it says so."""
        found: list[re.Match[str]] = []

        def told() -> bool:
            found[:] = [match for line in self.said if (match := re.search(r"Chairside on (http://\S+)", line))]
            return bool(found) or self.process.poll() is not None

        with self._news:
            self._news.wait_for(told, PATIENCE_S)
        if not found:
            raise ChildProcessError("\n".join(self.said) or "it said nothing")
        return found[0][1]

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self._end()

    def stop(self) -> int:
        """As a service manager would; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._end()

    def _end(self) -> int:
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return status


def start(data: Path, *options: object, command: Sequence[str] = COMMAND) -> Started:
    """Start `chairside serve --port 0` on a data directory."""
    words = [*command, "serve", "--port", "0", "--data", str(data), *map(str, options)]
    return Started(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT))


@contextmanager
def started(data: Path, *options: object) -> Iterator[Started]:
    """`chairside serve`, stopped at the end of the block if it still runs."""
    process = start(data, *options)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.stop()
