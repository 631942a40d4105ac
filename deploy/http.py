"""Running the application: one uvicorn server in this process."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Final

import uvicorn

from deploy.app import build
from deploy.configuration import WatchedSettings
from deploy.logs import set_up_log
from deploy.running import note_running
from deploy.settings import Settings
from deploy.slow_connections import SlowConnections, open_many_files
from deploy.wiring import Service, wall_us
from streams.hosts.watchdog import Watchdog
from streams.ward.state import Clock

HANGS_AFTER: Final = 30
"""Looks, one a second, without a turn of the loop, after which the process ends: who started it starts it again. Chosen by us: a
large clinic's checkpoint takes one second."""
GRACE_S: Final = 5
"""Seconds that open requests get at shutdown; live feeds are ended by the service itself."""


THIS_MACHINE: Final = frozenset(("127.0.0.1", "::1", "localhost"))


class SignInNeeded(ValueError):
    """The address is reached from other machines, and nobody need sign in."""


class Server(uvicorn.Server):
    """Uvicorn that ends the live feeds first, so that it does not wait for boards to go away, and ends when the service fails."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def on_tick(self, counter: int) -> bool:
        """Whether to end; asked ten times a second."""
        return await super().on_tick(counter) or self._service.tasks.failure is not None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.feed.close()
        await super().shutdown(sockets)


def server(service: Service, host: str, port: int) -> Server:
    """A server for a service, not started."""
    slow = SlowConnections(lambda why: service.metrics.slow_connections.labels(why).inc())
    config = uvicorn.Config(
        build(service), host=host, port=port, log_level="warning", access_log=False, loop="uvloop", http=slow.protocol,  # type: ignore[arg-type]  # uvicorn declares a class, and calls what it is given
        timeout_graceful_shutdown=GRACE_S, lifespan="on",
    )  # fmt: skip
    return Server(config, service)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a port that is taken is one clear line, and port 0 has its number before it is shown.

    Raises:
        OSError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        # Whoever comes before the application is up waits for it, instead of being turned away.
        listening.listen(1024)
    except OSError as wrong:
        listening.close()
        raise OSError(wrong.errno, f"cannot listen on {host}:{port} ({wrong.strerror}): try another --port") from wrong
    return listening


def run_service(
    config: Path | None, data: Path, host: str, port: int, clock: Clock, *, accept_loss: bool = False
) -> None:
    """Serve until interrupted; a configuration file that changes is put in force.

    Raises:
        BadConfiguration: the file cannot be used, and there is none from before to go on with.
        SignInNeeded: it would be reached from other machines by whoever likes.
        ServiceFailed: a task of the service has failed, so that it had to end.
    """
    watched = None if config is None else WatchedSettings(config, data, wall_us)
    settings = Settings() if watched is None else watched.first()
    if host not in THIS_MACHINE and not settings.access.sign_in:
        raise SignInNeeded(
            f"--host {host} would show patients to whoever reaches this machine: give a --config that has `sign_in = true`"
            " under [access]; its first start prints a link that makes the first operator (docs/access.md)"
        )
    set_up_log()
    # Whatever is made from here on, journal and store among it, is for this user alone.
    os.umask(0o077)
    open_many_files()
    listening = listen(host, port)
    try:
        service = Service(data, settings, clock, watched=watched, accept_loss=accept_loss)
    except BaseException:
        listening.close()
        raise
    address = f"http://{host}:{listening.getsockname()[1]}"
    if service.access is not None and not service.access.accounts.has_operator():
        link = service.access.accounts.link(None, "operator")
        board = (settings.pages.link or address.replace("//0.0.0.0:", "//localhost:")).rstrip("/")
        sys.stderr.write(f"Nobody can sign in yet. The first operator, once, within a day: {board}/welcome#{link}\n")
    note_running(data, address, wall_us())
    sys.stderr.write(f"Chairside on {address} (board /, chair page /chair, API /docs), data in {data}\n")
    sys.stderr.flush()
    watchdog = Watchdog(lambda: service.turns, lambda: "the loop hangs", HANGS_AFTER)
    watchdog.start()
    try:
        server(service, host, port).run(sockets=[listening])
    finally:
        watchdog.stop()
    if service.tasks.failure is not None:
        raise service.tasks.failure
