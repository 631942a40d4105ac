"""How soon the first try of a page begins, while other destinations hang, drip, answer 500, refuse or redirect.

`python -m bench.speed.pages [--alerts N]`. N high alerts become durable in the store one after the other, as fast as it takes
them; each is owed to two healthy receivers (by ntfy, and by Apprise) and to five that are not. Every receiver is a real server
on this machine, in a process of its own; it stamps what comes with the machine's monotonic clock, which all processes share.
The time of a try is from the commit's return to the request's arrival. Bad at: a network, whose time comes on top.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import socket
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from alerts.effects import FrameEffects, Page
from alerts.notify.notifiers import open_destination
from alerts.notify.pager import Pager
from alerts.store.store import Store
from deploy.wiring import steady_us, wall_us
from models.instants import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

WRONG: Final = ("hang", "drip", "500", "redirect")


def serve(how: str, told: Connection) -> None:
    """A receiver: tells its port, then each request's page and when it came. Ends with its process."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            title = body["title"]
            came = time.monotonic()
            with lock:
                told.send((title, came))
            with suppress(OSError):
                self._answer()

        def _answer(self) -> None:
            match how:
                case "hang":
                    threading.Event().wait()
                case "drip":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while True:
                        time.sleep(0.5)
                        self.wfile.write(b"a")
                case "500":
                    self.send_response(500)
                    self.end_headers()
                case "redirect":
                    self.send_response(302)
                    self.send_header("Location", "/elsewhere")
                    self.end_headers()
                case _:
                    answer = b'{"id": "taken"}'
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 1024

    lock = threading.Lock()
    server = Server(("127.0.0.1", 0), Handler)
    told.send(server.server_port)
    server.serve_forever(poll_interval=0.05)


@dataclass
class Receiver:
    """A receiver's process as seen from here: when each page came first."""

    port: int
    told: Connection
    came: dict[str, float]

    def listen(self) -> None:
        """Take what it has told."""
        while self.told.poll():
            title, at_s = self.told.recv()
            self.came.setdefault(title, at_s)


@contextmanager
def receiving(how: str) -> Iterator[Receiver]:
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(how, there), daemon=True)
    process.start()
    try:
        yield Receiver(here.recv(), here, {})
    finally:
        process.kill()
        process.join()


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def measure(alerts: int, folder: Path, patience_s: float = 60) -> dict[str, list[float]]:
    """Seconds from durable to the first try of each page, by healthy destination.

    Raises:
        TimeoutError: a page did not arrive at a healthy destination.
    """
    with ExitStack() as stack:
        healthy = {name: stack.enter_context(receiving("well")) for name in ("ntfy", "json")}
        wrong = {how: stack.enter_context(receiving(how)) for how in WRONG}
        addresses = {name: f"{name}://127.0.0.1:{each.port}/topic" for name, each in healthy.items()}
        addresses |= {how: f"ntfy://127.0.0.1:{each.port}/topic" for how, each in wrong.items()}
        addresses["refuse"] = f"ntfy://127.0.0.1:{closed_port()}/topic"
        store = Store(f"sqlite:///{folder / 'pages.sqlite'}")
        store.migrate()
        pager = Pager(store, [open_destination(url, name) for name, url in addresses.items()], wall_us, steady_us)
        running = asyncio.create_task(pager.run())
        durable: dict[str, float] = {}
        for n in range(alerts):
            page = Page(f"k{n}", iso(wall_us()), "main", f"P-{n}", "high", (f"a{n}",), f"page {n}", "SpO2 85 below 90")
            await asyncio.to_thread(store.commit, FrameEffects(0, n, (page,)))
            durable[page.title] = time.monotonic()
            pager.wake()
        give_up_at = time.monotonic() + patience_s
        while any(len(each.came) < alerts for each in healthy.values()):
            if time.monotonic() > give_up_at:
                raise TimeoutError(", ".join(f"{name}: {len(each.came)}" for name, each in healthy.items()))
            await asyncio.sleep(0.05)
            for each in healthy.values():
                each.listen()
        running.cancel()
        await asyncio.wait([running])
        store.close()
        return {name: [each.came[title] - durable[title] for title in durable] for name, each in healthy.items()}


def main() -> None:
    """Measure, and print a line for each healthy destination."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--alerts", type=int, default=200)
    alerts = options.parse_args().alerts
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(alerts, Path(folder)))
    for name, times in found.items():
        p50, p99 = np.quantile(times, (0.5, 0.99))
        print(f"{name}: {len(times)} pages, first try p50 {p50:.2f} s, p99 {p99:.2f} s, longest {max(times):.2f} s")


if __name__ == "__main__":
    main()
