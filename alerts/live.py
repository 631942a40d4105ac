"""The live feed: what a site's boards hear, as server-sent events.

On connecting a board gets a `snapshot`; then every transition as `alert`, numbered by the site's `seq`, and the chairs'
latest values as `chairs` each second. A board that comes back with its last number gets what it missed from the store.
A listener that does not keep up is cut off, because its browser then comes back and loses nothing; one that is never told
so would show an old board.
Never here: deciding what is shown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from sse_starlette import ServerSentEvent

from alerts.store import Store

BACKLOG: Final = 1000
"""Events that a listener may be behind: minutes of a busy clinic. More is a dead connection."""
PAGE: Final = 500
"""Transitions read from the store at a time when a board catches up."""

Document = dict[str, Any]


class Feed:
    """One process's listeners, by site."""

    def __init__(self, store: Store, chairs: Callable[[str], Document]) -> None:
        self._store = store
        self._chairs = chairs
        self._listeners: dict[str, set[asyncio.Queue[tuple[str, Document] | None]]] = {}
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many are listening."""
        return sum(len(queues) for queues in self._listeners.values())

    @property
    def sites(self) -> list[str]:
        """The sites that somebody listens to."""
        return [site for site, queues in self._listeners.items() if queues]

    def publish(self, event: str, site: str, document: Document) -> None:
        """Tell a site's listeners. Never waits."""
        for queue in list(self._listeners.get(site, ())):
            try:
                queue.put_nowait((event, document))
            except asyncio.QueueFull:
                self._cut_off(site, queue)

    def close(self) -> None:
        """End every stream, so that a server can stop."""
        self._closed = True
        for site, queues in self._listeners.items():
            for queue in list(queues):
                self._cut_off(site, queue)

    def _cut_off(self, site: str, queue: asyncio.Queue[tuple[str, Document] | None]) -> None:
        self._listeners[site].discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    async def listen(self, site: str, last_seq: int | None) -> AsyncIterator[ServerSentEvent]:
        """The events of one board. `last_seq` is the last that it has, None for a new one."""
        queue: asyncio.Queue[tuple[str, Document] | None] = asyncio.Queue(BACKLOG)
        # Listening starts before the store is read: what falls between is heard twice, and dropped by its number.
        self._listeners.setdefault(site, set()).add(queue)
        if self._closed:
            self._cut_off(site, queue)
        try:
            seq, alerts = await asyncio.to_thread(self._store.snapshot, site)
            # A number that was never given here is from other data: resuming after it would hear nothing for long.
            if last_seq is None or last_seq > seq:
                yield _event(
                    "snapshot", {"seq": seq, "site": site, "alerts": alerts, "chairs": self._chairs(site)}, seq
                )
            else:
                seq = last_seq
                while missed := await asyncio.to_thread(self._store.transitions, seq, PAGE, site):
                    for transition in missed:
                        yield _event("alert", transition, transition["seq"])
                    seq = missed[-1]["seq"]
                yield _event("chairs", self._chairs(site))
            while (heard := await queue.get()) is not None:
                name, document = heard
                if name == "chairs":
                    yield _event(name, document)
                elif document["seq"] > seq:
                    seq = document["seq"]
                    yield _event(name, document, seq)
        finally:
            self._listeners[site].discard(queue)


def _event(name: str, document: Document, seq: int | None = None) -> ServerSentEvent:
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return ServerSentEvent(data=data, event=name, id=None if seq is None else str(seq))
