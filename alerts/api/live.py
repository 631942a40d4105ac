"""The live feed: a site's events to its boards, as server-sent events.

On connecting a board gets a `snapshot`; then every transition as `alert`, numbered by the site's `seq`, the chairs' latest
values as `chairs` each second, and as `forecast` the patient of each forecast that was stored. The last two are neither numbered
nor repeated: the latest is valid, and a page asks for forecasts when it opens. A board that comes back with its last number
gets what it missed from the store.
A listener that does not keep up is cut off, because its browser then comes back and loses nothing; one that is never told
so would show an old board.
Never here: deciding what is shown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NamedTuple

from sse_starlette import ServerSentEvent

from alerts.api.views import Views
from alerts.store.store import Store
from models.wire.live import SnapshotOut

BACKLOG: Final = 1000
"""Events that a listener may be behind: minutes of a busy clinic. More is a dead connection."""
PAGE: Final = 500
"""Transitions read from the store at a time when a board catches up."""


class _Message(NamedTuple):
    event: str
    text: str
    seq: int | None


class Feed:
    """The listeners of one process, by site; `publish` sends to them."""

    def __init__(self, store: Store, views: Views) -> None:
        self._store = store
        self._views = views
        self._listeners: dict[str, set[asyncio.Queue[_Message | None]]] = {}
        self._closed = False

    @property
    def listeners(self) -> int:
        """The number of listeners, over all sites."""
        return sum(len(queues) for queues in self._listeners.values())

    @property
    def sites(self) -> list[str]:
        """The sites with at least one listener."""
        return [site for site, queues in self._listeners.items() if queues]

    def publish(self, event: str, site: str, document: Mapping[str, Any]) -> None:
        """Queue an event for every listener of a site. Never waits; the document is serialised once, however many listen."""
        listeners = list(self._listeners.get(site, ()))
        if not listeners:
            return
        message = _Message(event, _text(document), document["seq"] if event == "alert" else None)
        for queue in listeners:
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                self._cut_off(site, queue)

    def close(self) -> None:
        """End every stream, so that a server can stop."""
        self._closed = True
        for site, queues in self._listeners.items():
            for queue in list(queues):
                self._cut_off(site, queue)

    def _cut_off(self, site: str, queue: asyncio.Queue[_Message | None]) -> None:
        self._listeners[site].discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    async def listen(self, site: str, last_seq: int | None) -> AsyncIterator[ServerSentEvent]:
        """The events of one board. `last_seq` is the last that it has, None for a new one."""
        queue: asyncio.Queue[_Message | None] = asyncio.Queue(BACKLOG)
        # Listening starts before the store is read: what falls between is heard twice, and dropped by its number.
        self._listeners.setdefault(site, set()).add(queue)
        if self._closed:
            self._cut_off(site, queue)
        try:
            seq, alerts, cut = await asyncio.to_thread(self._store.snapshot, site)
            # A number that was never given here is from other data: resuming after it would hear nothing for long.
            if last_seq is None or last_seq > seq:
                chairs = await self._views.chairs(site)
                snapshot: SnapshotOut = {"seq": seq, "site": site, "alerts": alerts, "cut": cut, "chairs": chairs}
                yield _event("snapshot", snapshot, seq)
            else:
                seq = last_seq
                while missed := await asyncio.to_thread(self._store.transitions, seq, PAGE, site):
                    for transition in missed:
                        yield _event("alert", transition, transition["seq"])
                    seq = missed[-1]["seq"]
                yield _event("chairs", await self._views.chairs(site))
            while (message := await queue.get()) is not None:
                if message.seq is None:
                    yield ServerSentEvent(data=message.text, event=message.event)
                elif message.seq > seq:
                    seq = message.seq
                    yield ServerSentEvent(data=message.text, event=message.event, id=str(seq))
        finally:
            self._listeners[site].discard(queue)


def _event(name: str, document: Mapping[str, Any], seq: int | None = None) -> ServerSentEvent:
    return ServerSentEvent(data=_text(document), event=name, id=None if seq is None else str(seq))


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
