"""Connections that are half open, drip, or never read their answer are ended, so that they keep no sender out.

A request must have its head within `HEAD_WITHIN_S` and `LARGEST_HEAD`, and of its body something every `BODY_SILENT_S`, all
within `WHOLE_WITHIN_S`. Beyond `MOST_UNFINISHED` requests that are not whole, the one that began first is ended for each new one:
whoever opens thousands displaces only themselves, for an honest request is whole within milliseconds. An answer that its reader
does not take is ended after `UNREAD_S`. A live feed is a whole request, and is none of this.
Bad at: an honest sender on a line of a few bytes a second; it comes again. Never here: who may ask, what is asked.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

log = logging.getLogger(__name__)

HEAD_WITHIN_S = 10.0
"""Chosen by us: a head is one packet, and a lost one is sent again within three seconds."""
LARGEST_HEAD: Final = 65_536
"""Bytes of a request's head. Chosen by us: a browser's has two kilobytes. Without a bound somebody who is not signed in fills the
memory in ten seconds."""
BODY_SILENT_S = 10.0
"""Chosen by us, for the same reason."""
WHOLE_WITHIN_S = 120.0
"""Chosen by us: the largest body, 8 MiB, on a line of 600 kbit/s."""
UNREAD_S = 60.0
"""Chosen by us: a tablet that changes from one access point to the next is back before."""
MOST_UNFINISHED: Final = 256
"""Requests that are not whole, at once. Chosen by us: far above a clinic's senders, and a quarter of the files that a process may
usually have open."""
SAID_EVERY_S: Final = 60.0


MANY_FILES: Final = 65_536


def open_many_files() -> None:
    """Let this process have as many files and connections open as its user may: 1,024 are usual, and few for a flood."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class SlowConnections:
    """The connections of one server whose requests are not whole. `ended`: is told of each that was ended, and why."""

    def __init__(self, ended: Callable[[str], None]) -> None:
        self.unfinished: dict[TimedHttp, None] = {}
        self._ended = ended
        self._count = 0
        self._said_at = -SAID_EVERY_S

    def protocol(self, *arguments: Any, **options: Any) -> TimedHttp:
        """A connection's protocol, as uvicorn makes them."""
        return TimedHttp(self, *arguments, **options)

    def begin(self, connection: TimedHttp) -> None:
        """A request begins; if there are too many, the one that began first is ended."""
        self.unfinished[connection] = None
        if len(self.unfinished) > MOST_UNFINISHED:
            next(iter(self.unfinished)).end("crowded out")

    def count(self, why: str, now_s: float) -> None:
        """Count one that was ended, and say so once in a while."""
        self._count += 1
        self._ended(why)
        if now_s - self._said_at >= SAID_EVERY_S:
            log.warning("ended %d connections that were half open or slow, the last one: %s", self._count, why)
            self._count, self._said_at = 0, now_s


class TimedHttp(HttpToolsProtocol):
    """Uvicorn's connection with a time for each part of a request, and for reading the answer."""

    def __init__(self, slow: SlowConnections, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._slow = slow
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._began_s = self._heard_s = 0.0
        self._in_body = False
        self._head = 0
        """Bytes of a head that is not whole yet."""
        self._head_whole = False
        """Whether the head of the request that is read is whole: what comes later as a header is a trailer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows asyncio's parameter just so
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._heard_s = self.loop.time()
        if self not in self._slow.unfinished and self.is_idle:
            # The next request of a connection that is kept.
            self._begin()
        if not self._in_body:
            self._head += len(data)
        super().data_received(data)
        if not self._in_body and self._head > LARGEST_HEAD:
            self.end("a head without end")

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn says that there always is one
        return cycle is None or cycle.response_complete

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # A field behind the body says nothing (RFC 9110, 6.5.1). Uvicorn would add it to the head: an `Origin`, a `Cookie` or an
        # `X-Forwarded-For` that no proxy has seen, and as many as fill the memory.
        if not self._head_whole:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_body = self._head_whole = True
        self._look_again(BODY_SILENT_S)

    def on_message_complete(self) -> None:
        self._finish()
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_S, self.end, "does not read its answer")

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def end(self, why: str) -> None:
        """End the connection, without a word: whoever is there is not listening."""
        self._finish()
        if not self.transport.is_closing():
            self._slow.count(why, self.loop.time())
            self.transport.abort()

    def _begin(self) -> None:
        self._began_s = self._heard_s = self.loop.time()
        self._in_body, self._head = False, 0
        self._slow.begin(self)
        self._look_again(HEAD_WITHIN_S)

    def _finish(self) -> None:
        self._slow.unfinished.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_again(self, after_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(after_s, self._look)

    def _look(self) -> None:
        now_s = self.loop.time()
        if self.flow.read_paused:
            # It is we who do not read on: the sender is not to blame.
            self._heard_s = now_s
            self._began_s += BODY_SILENT_S
        silent_s = now_s - self._heard_s
        if not self._in_body:
            self.end("no whole head")
        elif silent_s >= BODY_SILENT_S:
            self.end("a body that stands still")
        elif now_s - self._began_s >= WHOLE_WITHIN_S:
            self.end("a body that drips")
        else:
            self._look_again(BODY_SILENT_S - silent_s)
