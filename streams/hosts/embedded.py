"""The owner of a shard in one process: frames in from the journal, effects into the store, callbacks after each commit.

In order, for each frame: ward and desk decide; the effects are committed in one transaction; only then are boards and
pager notified. Checkpoints follow every `CHECKPOINT_S` and at the end, after the effects that they stand on. At the start the
last checkpoint is restored and the journal read on from there, writing again what was written: that changes nothing.
Never here: a decision about a patient or an alert.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from alerts.effects import Forecast, FrameEffects, Page, Transition, transition_document
from alerts.store.ledger import Conflict
from alerts.store.store import Store
from models.faults import fault_line
from models.instants import DAY, EPOCH
from models.wire.live import ForecastNewsOut, TransitionOut
from models.wire.observations import Conflicted, Fault
from streams.journal.journal import JournalEntry, KeptJournal
from streams.journal.trouble import trouble_in_words
from streams.shard import SHARD_FORMAT, DamagedState, Shard
from streams.ward.state import Clock
from streams.ward.ward import UnknownState

log = logging.getLogger(__name__)

CHECKPOINT_S: Final = 30.0
"""Design: every 30 s or so. A restart re-reads at most this much journal, which takes well under a second."""

READ_AT_ONCE: Final = 1000
"""Frames that a start reads between two looks at whether a checkpoint is due: less than a second's work."""

UNWRITABLE: Final = (SQLAlchemyError, sqlite3.Error)
"""What a store raises that is locked, full or gone for a while."""
STORE_RETRY_S: Final = 1.0
"""How long to wait before trying again to write effects; the store itself has waited for its turn before. Chosen by us."""

Listener = Callable[[FrameEffects], None]


class Owner:
    """Runs one shard.

    Args:
        journal, store: where frames come from and effects go.
        clock: the journal's (streams/ward/ward.py).
        on_committed: called with each frame's effects after they are committed, on the event loop.
        on_fault: called with what disagreed with the store, or could not be kept; it goes into the journal, as an alert.
    """

    def __init__(
        self, journal: KeptJournal, store: Store, clock: Clock, on_committed: Listener, on_fault: Callable[[Conflicted | Fault], None],
        number: int = 0,
    ) -> None:  # fmt: skip
        self._journal = journal
        self._store = store
        self._on_committed = on_committed
        self._on_fault = on_fault
        self._entries: asyncio.Queue[list[JournalEntry] | None] = asyncio.Queue()
        self._stopping = False
        self._writing = ThreadPoolExecutor(1, "store")
        self.number = number
        self.shard = Shard(number, clock)
        self.written_offset = 0
        """All frames below it have their effects in the store."""
        self.checkpointed_offset = 0
        self.received_us = 0
        self.faults = 0
        """Records and due things that raised in the shard and were left out, since the start."""
        self.unpacked = 0
        """Checkpoints that could not be made of the state, since the start."""
        self._unpackable = False
        self._day: int | None = None
        self.unreadable: list[str] = []
        """Checkpoints that could not be read at the start, each with why."""
        self.unwritten = ""
        """Why the effects of the frame in hand cannot be written, so that no later one is decided; empty: all is well."""

    def restore(self) -> None:
        """Restore the last checkpoint, if there is one. Writes nothing, and may be called before the store is migrated: so
        the version that wrote what is refused here can still be started.

        A checkpoint that cannot be read is passed over for the one before it, or for the whole journal; `unreadable` says so.

        Raises:
            UnknownState: written by a version that this one does not know, or none can be read and the journal is not whole.
        """
        newest = self._store.newest_state_format(self.number)
        if newest is None:
            return
        if newest != SHARD_FORMAT:
            raise UnknownState.of_format(newest, SHARD_FORMAT)
        before: int | None = None
        while (checkpoint := self._store.load_checkpoint(self.number, SHARD_FORMAT, before)) is not None:
            try:
                self.shard = Shard.restore(checkpoint.state)
            except DamagedState as wrong:
                before = checkpoint.next_offset
                self.unreadable.append(f"the checkpoint at frame {before} cannot be read: {fault_line(wrong)}")
                log.error("%s; going back to an earlier one", self.unreadable[-1])
                continue
            self.checkpointed_offset, self._day = checkpoint.next_offset, self.shard.ward.clock_us // DAY
            return
        if self._journal.first_offset > 0 and self.unreadable:
            raise DamagedState("no checkpoint can be read, and the journal's first frames are no longer kept")

    def recover(self) -> int:
        """Read the journal on to its end, from what `restore` restored. Call before `run`, with no intake running.

        Returns:
            How many frames were read again.
        """
        begun, read, kept_at_s = self.shard.next_offset, 0, time.monotonic()
        while entries := self._journal.read(self.shard.next_offset, READ_AT_ONCE):
            for entry in entries:
                self._pass_over_lost(entry.offset)
                effects = self._step(entry)
                self._report(self._store.commit(effects))
            read += len(entries)
            # A start that is killed again and again must not begin at the same frame each time.
            if time.monotonic() - kept_at_s > CHECKPOINT_S:
                self._keep()
                kept_at_s = time.monotonic()
        self._pass_over_lost(self._journal.next_offset)
        if self.shard.next_offset > begun:
            self._keep()
        self.written_offset = self.shard.next_offset
        return read

    def _pass_over_lost(self, offset: int) -> None:
        """Go on at a frame behind others that are known to be lost."""
        if offset > self.shard.next_offset and self._journal.skips(self.shard.next_offset, offset):
            log.critical("frames %d to %d are lost, going on behind them", self.shard.next_offset, offset - 1)
            self.shard.next_offset = offset
            # What the lost frames led to may be in the store: a site's next transition must not take the number of one of those.
            for site, seq in self._store.last_seqs(self.number, offset).items():
                self.shard.desk.number_from(site, seq)

    def _keep(self) -> None:
        """Write a checkpoint of a shard that is catching up; one that cannot be written or made is another one's business."""
        try:
            self._save(self.shard.next_offset, self.shard.snapshot(), daily=self._begins_day())
        except MemoryError:
            raise
        except Exception as failed:  # noqa: BLE001  # `run` says it, each time that it fails
            log.error("no checkpoint while catching up: %s", fault_line(failed))
        else:
            self.checkpointed_offset = self.shard.next_offset

    def deliver(self, entries: list[JournalEntry]) -> None:
        """Queue new entries of the journal, in order, for `run`."""
        self._entries.put_nowait(entries)

    @property
    def next_offset(self) -> int:
        """The first frame that is not decided yet."""
        return self.shard.next_offset

    @property
    def behind(self) -> int:
        """Frames that the journal has and whose effects are not written."""
        return self._journal.next_offset - self.written_offset

    async def run(self) -> None:
        """Step the shard through delivered entries and commit their effects, until `stop`."""
        loop = asyncio.get_running_loop()
        checkpoint_at = loop.time() + CHECKPOINT_S
        while (entries := await self._entries.get()) is not None:
            for entry in entries:
                self.received_us = entry.received_us
                effects = self._step(entry)
                if effects.to_write:
                    self._report(await self._commit(effects))
                self.written_offset = self.shard.next_offset
                if effects.effects:
                    self._on_committed(effects)
            if loop.time() >= checkpoint_at:
                await self._checkpoint()
                checkpoint_at = loop.time() + CHECKPOINT_S
        await self._checkpoint()
        self._writing.shutdown()

    def _step(self, entry: JournalEntry) -> FrameEffects:
        """The effects of a frame. What raised in it was left out by the shard, and is logged."""
        effects = self.shard.step(entry.offset, entry.received_us, entry.payload)
        while self.shard.faults:
            self.faults += 1
            log.error("frame %d, left out: %s", entry.offset, self.shard.faults.popleft())
        return effects

    def stop(self) -> None:
        """Let `run` finish what was delivered, write a checkpoint, and return."""
        self._stopping = True
        self._entries.put_nowait(None)

    async def _commit(self, effects: FrameEffects) -> list[Conflict]:
        """Commit a frame's effects; what disagreed with the store. A store that cannot be written is tried again, because no
        later frame may go first.
        """
        while True:
            try:
                conflicts = await asyncio.get_running_loop().run_in_executor(self._writing, self._store.commit, effects)
            except UNWRITABLE as failed:
                if self._stopping:
                    raise
                self.unwritten = f"the store cannot be written: {trouble_in_words(failed)}"
                log.error("%s, trying again", self.unwritten)
                await asyncio.sleep(STORE_RETRY_S)
            else:
                self.unwritten = ""
                return conflicts

    async def _checkpoint(self) -> None:
        offset = self.shard.next_offset
        try:
            state = self.shard.snapshot()
        except MemoryError:
            raise
        except Exception as wrong:  # the watch goes on: nothing is lost, and somebody is told
            self.unpacked += 1
            log.error("no checkpoint can be made of the state: %s", fault_line(wrong), exc_info=wrong)
            if not self._unpackable:
                self._unpackable = True
                what = "The state cannot be kept, so that a restart must read more of the journal"
                self._on_fault(Fault(at=EPOCH, what=what, raised=fault_line(wrong)))
            return
        self._unpackable = False
        try:
            await asyncio.get_running_loop().run_in_executor(
                self._writing, partial(self._save, offset, state, daily=self._begins_day())
            )
        except UNWRITABLE as failed:
            log.error("no checkpoint, the next start reads more of the journal: %s", failed)
            return
        self.checkpointed_offset = offset

    def _save(self, offset: int, state: bytes, *, daily: bool) -> None:
        self._store.save_checkpoint(self.number, offset, state, SHARD_FORMAT, daily=daily)

    def _begins_day(self) -> bool:
        """Whether this is the first checkpoint of a day by the shard's clock; asked once for each."""
        day = self.shard.ward.clock_us // DAY
        begins, self._day = day != self._day, day
        return begins

    def _report(self, conflicts: list[Conflict]) -> None:
        if not conflicts:
            return
        log.error("effects disagree with the store: %s", conflicts)
        for each in conflicts:
            self._on_fault(
                Conflicted(at=EPOCH, offset=each.offset, effect=each.n, stored=each.stored, offered=each.offered)
            )


def alerts_in(effects: FrameEffects) -> list[TransitionOut]:
    """The frame's transitions as documents, in order."""
    return [transition_document(effect) for effect in effects.effects if isinstance(effect, Transition)]


def forecasts_in(effects: FrameEffects) -> dict[str, list[ForecastNewsOut]]:
    """Site → the summaries of the frame's forecasts, a patient's last one of several."""
    found: dict[str, dict[str, ForecastNewsOut]] = {}
    for effect in effects.effects:
        if isinstance(effect, Forecast):
            found.setdefault(effect.site, {})[effect.patient] = {
                "patient": effect.patient, "as_of": effect.as_of,
                "due": effect.doc.get("due"), "relapse_probability": effect.doc.get("relapse_probability"),
            }  # fmt: skip
    return {site: list(made.values()) for site, made in found.items()}


def owes_pages(effects: FrameEffects) -> bool:
    """Whether the frame owes a page."""
    return any(isinstance(effect, Page) for effect in effects.effects)
