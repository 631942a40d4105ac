"""The intake: many senders' observations into few durable frames.

Everything that arrives while the last append is on its way to the disk shares the next one (group commit), so the cost of
an fsync is spread over as many observations as there are. `append` returns when they are durable: only then may a sender
be told so. The entries then go to the shard's owner, in order. A tick is appended when a second passes without a frame.
Never here: validation, what a frame means.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from streams.journal.frame import FrameBuilder, Packable, frames_of, pack_frame
from streams.journal.journal import Journal, JournalEntry
from streams.journal.trouble import trouble_in_words

log = logging.getLogger(__name__)

TICK_S: Final = 1.0
"""The shard's clock must move without observations too: absence is judged by it (design: Time)."""
MOST_WAITING: Final = 200_000
"""Observations waiting for the disk at which new ones are refused: some seconds of the fastest intake measured."""

Records = Sequence[Packable]


class Overloaded(RuntimeError):
    """Too much is waiting for the disk; the sender should try again."""


class Intake:
    """Appends to one journal.

    Args:
        journal: where to.
        deliver: called with the new entries, in order, after they are durable, on the event loop.
    """

    def __init__(self, journal: Journal, deliver: Callable[[list[JournalEntry]], None]) -> None:
        self._journal = journal
        self._deliver = deliver
        self._waiting: list[tuple[Records, asyncio.Future[None]]] = []
        self._size = 0
        self._news = asyncio.Event()
        self._stopping = False
        self._disk = ThreadPoolExecutor(1, "journal")
        self.refused = ""
        """Why nothing can be appended, so that no time passes and nothing is watched; empty: all is well."""

    async def append(self, records: Records) -> None:
        """Return when the records are durable.

        Raises:
            Overloaded: too much is waiting, or the intake is stopping.
        """
        if self._stopping or self._size > MOST_WAITING:
            raise Overloaded("too much is waiting for the disk" if not self._stopping else "stopping")
        if not records:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((records, done))
        self._size += len(records)
        self._news.set()
        await done

    async def run(self) -> None:
        """Append until `stop`, then what is waiting still."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(TICK_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            batch, self._waiting, self._size = self._waiting, [], 0
            if self._stopping and not batch:
                self._disk.shutdown()
                return
            try:
                entries = await loop.run_in_executor(self._disk, self._journal.append, _frames(batch))
            except Exception as failed:
                # The senders are told, and will send again; nothing was accepted.
                reason = f"the journal cannot be written: {trouble_in_words(failed)}"
                for _, done in batch:
                    if not done.done():
                        done.set_exception(Overloaded(reason))
                if self._stopping:
                    raise
                if reason != self.refused:
                    log.error("%s. Nobody is being watched until it can be", reason)
                    self.refused = reason
                continue
            if self.refused:
                log.warning("the journal is written again, after: %s", self.refused)
                self.refused = ""
            self._deliver(entries)
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    def stop(self) -> None:
        """Take nothing more; `run` returns when what was taken is durable."""
        self._stopping = True
        self._news.set()


def _frames(batch: Sequence[tuple[Records, object]]) -> list[bytes]:
    """The batch as frames of `FULL`, the last one perhaps smaller; an empty batch is a tick."""
    together = [record for records, _ in batch for record in records]
    return [pack_frame(frame) for frame in frames_of(together)] or [FrameBuilder().seal()]
