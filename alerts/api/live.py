"""The live feed: a site's events to its boards, as server-sent events.

On connecting a board gets a `snapshot`; then every transition as `alert`, numbered by the site's `seq`, the chairs' latest
values as `chairs` each second, and as `forecast` the patient of each forecast that was stored. The last two are neither numbered
nor repeated: the latest is valid, and a page asks for forecasts when it opens. A board that comes back with its last number
gets what it missed from the store. Who asks for `changes` gets, in place of the chairs, what of them is other than a second
before (changes.py), from the picture on that it got when it came.
A listener that does not keep up is cut off, because its browser then comes back and loses nothing; one that is never told
so would show an old board.
Never here: deciding what is shown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NamedTuple, cast

from sse_starlette import ServerSentEvent

from alerts.api.changes import chair_changes
from alerts.api.views import Views
from alerts.store.store import Store
from models.wire.live import ChairsOut, SnapshotOut

BACKLOG: Final = 1000
"""Events that a listener may be behind: minutes of a busy clinic. More is a dead connection."""
PAGE: Final = 500
"""Transitions read from the store at a time when a board catches up."""


class _Message(NamedTuple):
    """`turn`: of a message about the chairs, which one it is."""

    event: str
    text: str
    seq: int | None
    turn: int | None = None


class _Shown(NamedTuple):
    """A site's chairs as they were sent last, and how often that was so."""

    chairs: ChairsOut
    turn: int


class _Listener:
    """A board's queue. `changes`: it folds changes into what it has."""

    def __init__(self, changes: bool) -> None:
        self.queue: asyncio.Queue[_Message | None] = asyncio.Queue(BACKLOG)
        self.changes = changes


class Feed:
    """The listeners of one process, by site; `publish` sends to them."""

    def __init__(self, store: Store, views: Views) -> None:
        self._store = store
        self._views = views
        self._listeners: dict[str, set[_Listener]] = {}
        self._shown: dict[str, _Shown] = {}
        """Of the sites that somebody listens to."""
        self._closed = False

    @property
    def listeners(self) -> int:
        """The number of listeners, over all sites."""
        return sum(map(len, self._listeners.values()))

    @property
    def sites(self) -> list[str]:
        """The sites with at least one listener."""
        return [site for site, listeners in self._listeners.items() if listeners]

    def publish(self, event: str, site: str, document: Mapping[str, Any]) -> None:
        """Queue an event for every listener of a site. Never waits; the document is serialised once, however many listen."""
        listeners = list(self._listeners.get(site, ()))
        if not listeners:
            return
        if event == "chairs":
            self._publish_chairs(site, cast(ChairsOut, document), listeners)
            return
        message = _Message(event, _text(document), document["seq"] if event == "alert" else None)
        for each in listeners:
            self._put(site, each, message)

    def _publish_chairs(self, site: str, chairs: ChairsOut, listeners: list[_Listener]) -> None:
        before = self._shown.get(site)
        turn = 1 if before is None else before.turn + 1
        self._shown[site] = _Shown(chairs, turn)
        fold = any(each.changes for each in listeners) and before is not None
        changes = chair_changes(before.chairs, chairs) if fold and before is not None else None
        part = None if changes is None else _Message("changes", _text(changes), None, turn)
        whole = None
        for each in listeners:
            if each.changes and part is not None:
                self._put(site, each, part)
            else:
                whole = whole or _Message("chairs", _text(chairs), None, turn)
                self._put(site, each, whole)

    def _put(self, site: str, listener: _Listener, message: _Message) -> None:
        try:
            listener.queue.put_nowait(message)
        except asyncio.QueueFull:
            self._cut_off(site, listener)

    def close(self) -> None:
        """End every stream, so that a server can stop."""
        self._closed = True
        for site, listeners in self._listeners.items():
            for each in list(listeners):
                self._cut_off(site, each)

    def _cut_off(self, site: str, listener: _Listener) -> None:
        self._listeners[site].discard(listener)
        while not listener.queue.empty():
            listener.queue.get_nowait()
        listener.queue.put_nowait(None)

    async def _picture(self, site: str, changes: bool) -> _Shown:
        """The chairs for a board that comes: as they are now, or for one that folds changes those that the next ones follow."""
        if changes and (shown := self._shown.get(site)) is not None:
            return shown
        chairs = await self._views.chairs(site)
        return self._shown.setdefault(site, _Shown(chairs, 0)) if changes else _Shown(chairs, -1)

    async def listen(self, site: str, last_seq: int | None, changes: bool = False) -> AsyncIterator[ServerSentEvent]:
        """The events of one board. `last_seq` is the last that it has, None for a new one; `changes`: it folds them."""
        listener = _Listener(changes)
        queue = listener.queue
        # Listening starts before the store is read: what falls between is heard twice, and dropped by its number.
        self._listeners.setdefault(site, set()).add(listener)
        if self._closed:
            self._cut_off(site, listener)
        try:
            seq, alerts, cut = await asyncio.to_thread(self._store.snapshot, site)
            # A number that was never given here is from other data: resuming after it would hear nothing for long.
            if last_seq is None or last_seq > seq:
                chairs, turn = await self._picture(site, changes)
                snapshot: SnapshotOut = {"seq": seq, "site": site, "alerts": alerts, "cut": cut, "chairs": chairs}
                yield _event("snapshot", snapshot, seq)
            else:
                seq = last_seq
                while missed := await asyncio.to_thread(self._store.transitions, seq, PAGE, site):
                    for transition in missed:
                        yield _event("alert", transition, transition["seq"])
                    seq = missed[-1]["seq"]
                chairs, turn = await self._picture(site, changes)
                yield _event("chairs", chairs)
            while (message := await queue.get()) is not None:
                if message.turn is not None and message.turn <= turn:
                    continue
                if message.seq is None:
                    yield ServerSentEvent(data=message.text, event=message.event)
                elif message.seq > seq:
                    seq = message.seq
                    yield ServerSentEvent(data=message.text, event=message.event, id=str(seq))
        finally:
            self._listeners[site].discard(listener)
            if not self._listeners[site]:
                # Nobody follows what is no longer sent.
                self._shown.pop(site, None)


def _event(name: str, document: Mapping[str, Any], seq: int | None = None) -> ServerSentEvent:
    return ServerSentEvent(data=_text(document), event=name, id=None if seq is None else str(seq))


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
