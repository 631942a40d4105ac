"""Pages to real receivers: a clock, a phone, HTTP servers that take a page or go wrong, and a store that owes one."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from alerts.effects import FrameEffects, Page
from alerts.notify.destination import TIMEOUT_S, Destination, InThread, Message, Outcome
from alerts.notify.pager import Pager
from alerts.store.outbox import OwedPage, Tried
from alerts.store.store import Store
from models.instants import SECOND, from_iso, iso

START = from_iso("2026-11-23T14:00:00Z")
LEASE = 30 * SECOND


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'clinic.sqlite'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    store.migrate()
    yield store
    store.close()


@contextmanager
def store_of(path: Path, revision: str) -> Iterator[Store]:
    """A store whose tables are those of an earlier revision: `migrate` brings it up."""
    kept = Store(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", "alerts.store:migrations")
    config.set_main_option("path_separator", "os")
    with kept.database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    yield kept
    kept.close()


class Clock:
    """A clock that moves when the test says so."""

    def __init__(self) -> None:
        self.now_us = START

    def __call__(self) -> int:
        return self.now_us

    def passes(self, seconds: float) -> None:
        self.now_us += round(seconds * SECOND)


class Phone:
    """A notifier that keeps what it gets. `refuses` first answers are failures; `hangs` until told otherwise."""

    def __init__(self, refuses: int = 0, hangs: bool = False) -> None:
        self.got: list[Page] = []
        self.tried: list[Page] = []
        self.beginnings = threading.Semaphore(0)
        self.refuses = refuses
        self.arrivals = threading.Semaphore(0)
        self.release = threading.Event()
        if not hangs:
            self.release.set()

    def send(self, message: Message) -> Outcome:
        page = message.page
        self.tried.append(page)
        self.beginnings.release()
        self.release.wait()
        if len(self.tried) <= self.refuses:
            return Outcome(False, "busy")
        self.got.append(page)
        self.arrivals.release()
        return Outcome(True)

    async def has_got(self, pages: int) -> None:
        for _ in range(pages):
            await asyncio.to_thread(self.arrivals.acquire)


def page(key: str, priority: str = "high", at_us: int = START) -> Page:
    """A page about an alert of its own: `k1` about `a1`."""
    about = (f"a{key.removeprefix('k')}",)
    return Page(key, iso(at_us), "main", "P-07", priority, about, "Low oxygen", "Chair 3: SpO2 85 below 90")


def owe(store: Store, *pages: Page, offset: int = 1) -> None:
    assert store.commit(FrameEffects(0, offset, pages)) == []


def destination(name: str, phone: Phone, timeout_s: float = TIMEOUT_S) -> Destination:
    return Destination(name, InThread(phone), timeout_s)


def sent(owed: OwedPage) -> Tried:
    return Tried(owed, arrived=True)


def failed(owed: OwedPage, retry_us: int = START) -> Tried:
    return Tried(owed, arrived=False, retry_us=retry_us, reason="no answer")


class QuietHandler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening_at(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """A real HTTP server on a port of its own; its connections are gone with it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        _collect_cut_connections()


def _collect_cut_connections() -> None:
    """Let go of the connections of tries that were cut short, here and not in a later test.

    A thread that is ended by an exception leaves its own to the collector.
    """
    for cut in [thread for thread in threading.enumerate() if thread.name == "page"]:
        cut.join(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def misbehaving(how: str) -> Iterator[str]:
    """The address of a real HTTP server that answers wrongly: `drip` (a byte each 20 ms), `hang`, `500`, `redirect`, `close`."""
    over = threading.Event()

    class Handler(QuietHandler):
        timeout = 1.0
        """For a client that waits for this side to speak first."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            match how:
                case "drip":
                    with suppress(OSError):
                        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                        while not over.wait(0.02):
                            self.wfile.write(b"a")
                case "hang":
                    over.wait()
                case "redirect":
                    self.send_response(307)
                    self.send_header("Location", "/elsewhere" if self.path != "/elsewhere" else "/")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                case "500":
                    self.send_response(500)
                    self.end_headers()
                case "close":
                    self.close_connection = True

    with listening_at(Handler) as port:
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            over.set()


@contextmanager
def receiver(answers: list[int | threading.Event]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A real HTTP receiver. It gives `answers` in turn, then 200; an event there is a request that hangs until it is set."""
    got: list[dict[str, Any]] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = answers.pop(0) if answers else 200
            if isinstance(answer, threading.Event):
                answer.wait()
                return
            if answer == 200:
                got.append(body)
            self.send_response(answer)
            self.end_headers()

    with listening_at(Handler) as port:
        yield f"json://127.0.0.1:{port}/hook?cto=60&rto=60", got


async def until_idle(pager: Pager) -> None:
    """Run the pager until nothing is due."""
    pager.stop()
    await pager.run()
