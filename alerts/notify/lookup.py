"""The addresses behind a destination's name, looked up in a thread that delays no other look-up.

A resolver that does not answer holds its thread for half a minute, and an event loop has few threads for looking up (uvloop two
at once): with one destination's name server dead, no page to any other name would go out. Here each look-up has a daemon thread.
Bad at: names that change between two tries, nothing is kept. Cost: a thread a look-up, for as long as the resolver waits.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from threading import Thread
from typing import Any


async def addresses(host: str, port: int, family: int = socket.AF_UNSPEC) -> list[tuple[int, int, str]]:
    """The (family, protocol, address) of a name, in the resolver's order. May be cancelled; the thread then ends by itself.

    Raises:
        OSError: no such name, or nobody who knows it.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[tuple[int, int, str]]] = loop.create_future()

    def finish(result: list[tuple[int, int, str]] | OSError) -> None:
        if found.done():
            return
        if isinstance(result, OSError):
            found.set_exception(result)
        else:
            found.set_result(result)

    def look() -> None:
        result: list[tuple[int, int, str]] | OSError
        try:
            infos: list[Any] = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            result = [(each, protocol, _numeric(address)) for each, _, protocol, _, address in infos]
        except OSError as wrong:
            result = wrong
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(finish, result)

    Thread(target=look, name="look up", daemon=True).start()
    return await found


def _numeric(address: tuple[Any, ...]) -> str:
    """The address alone; of a link-local one with its interface."""
    return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]
