"""The look-up of names (lookup.py) as aiohttp asks for it. Imported where something is sent: no replay waits for aiohttp."""

from __future__ import annotations

import socket
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from alerts.notify.lookup import addresses

_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=each, proto=protocol, flags=_NUMERIC)
            for each, protocol, address in await addresses(host, port, family)
        ]

    async def close(self) -> None:
        """Nothing to close."""
