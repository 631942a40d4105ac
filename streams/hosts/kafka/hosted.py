"""One shard while this process owns it: the frames of its partition in, effects into the store, transitions to the topics.

The order is that of every host: ward and desk decide, the effects are committed in one transaction, only then is anybody told;
a checkpoint follows what was committed and told. So whoever takes over reads again from the checkpoint, writes again what is
written and tells again what was told, and both change nothing.

- A frame that cannot be read is set aside: in its place the shard takes a frame that says so, which raises a technical alert.
- A record on which ward or desk fail is set aside by the shard itself, alone. A frame that fails all the same may have left half
  of itself in the state. The shard is loaded from its checkpoint again; if the frame fails again, it is set aside like one that
  cannot be read.
- A frame or a state that a later version wrote is not ours to judge: `NotOurs`, and the process leaves the shard to that version.
- A checkpoint from before the topic's first frame raises an alert of high priority, and the shard goes on at that frame.

The engine may cancel whoever waits for `take` at any moment; the work goes on, and the next frame waits for it.
Never here: Kafka and its consumer (worker.py), a decision about a patient or an alert.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Final, TypeVar

from alerts.effects import FrameEffects
from alerts.store.store import Store
from models.faults import fault_line
from models.instants import EPOCH, SECOND
from models.wire.observations import ClockApart, Conflicted, Fault, FrameSetAside, Internal
from streams.hosts.embedded import STORE_RETRY_S, UNWRITABLE
from streams.journal.frame import FrameBuilder, NewerFrame, UnknownFrame
from streams.journal.topics import operators_site
from streams.shard import SHARD_FORMAT, OffsetGap, Shard
from streams.ward.ward import UnknownState

log = logging.getLogger(__name__)

FAILS: Final = 2
"""How often a frame may fail before it is set aside: once can be the machine's doing, twice is the frame's."""

STAMP_BEHIND: Final = 5 * SECOND
"""A frame stamped so long before the shard's time tells of a broker whose clock was set back. Chosen by us: those that keep
time differ by milliseconds."""

_T = TypeVar("_T")


class NotOurs(RuntimeError):
    """This process must not run the shard; another one, of a later version or on the right journal, must."""


class Reload(Exception):
    """A frame failed half way, so that the state is nobody's: `load` the shard again, and read on from there."""


def set_aside(number: int, offset: int, reason: str) -> bytes:
    """The frame that a shard takes in place of one that it cannot: it says so, and why."""
    frame = FrameBuilder()
    site = operators_site(number)
    frame.add(FrameSetAside(at=EPOCH, site=site, offset=offset, until=offset + 1, lost=False, reason=reason[:400]))
    return frame.seal()


class HostedShard:
    """One shard.

    Args:
        number: which. store: where effects and checkpoints go; used in threads of `threads`.
        tell: given each frame's effects once they are committed, and trusted to have told them when it returns; it is called
            again with the same effects after a restart.
        append: writes a record of our own to this shard's journal.
    """

    def __init__(
        self, number: int, store: Store, threads: Executor, tell: Callable[[int, FrameEffects], Awaitable[None]],
        append: Callable[[int, Internal], Awaitable[None]],
    ) -> None:  # fmt: skip
        self.number = number
        self.shard = Shard(number)
        self.received_us = 0
        self.checkpointed_offset = 0
        self._kept_at = 0.0
        """When that checkpoint was made, or loaded, by the loop's clock."""
        self.frames = 0
        """Frames taken since the process has had the shard."""
        self.aside: Counter[str] = Counter()
        """Frames set aside since then, by reason."""
        self.busy_since: float | None = None
        """When the work on the frame in hand began, by the loop's clock; None between frames."""
        self.waiting = False
        """Whether that work waits for a store or a broker that is away."""
        self._store = store
        self._threads = threads
        self._tell = tell
        self._append = append
        self._failed: Counter[int] = Counter()
        self._poisoned: dict[int, str] = {}
        self._work: asyncio.Future[FrameEffects] | None = None
        self._stands = False
        """Whether the brokers' stamps lie behind the shard's time, which waits for them."""
        self._unpackable = False
        """Whether the last checkpoint could not be made of the state."""
        self._dirty = False
        """Whether a step failed half way, so that the state is nobody's."""

    @property
    def checkpoint_age_s(self) -> float:
        """Seconds since the state was kept, or nothing new was there to keep."""
        return max(0.0, asyncio.get_running_loop().time() - self._kept_at)

    @property
    def next_offset(self) -> int:
        """The frame that it waits for."""
        return self.shard.next_offset

    # ---- state ----------------------------------------------------------------------------------------------------

    async def load(self, first_offset: int, end_offset: int) -> int:
        """Put the shard to its last checkpoint; the next frame to read.

        Args:
            first_offset, end_offset: of the partition now: the first frame that it still has, and the next that it will get.

        Raises:
            NotOurs: a version whose states this one does not read wrote it, or the checkpoint is of another journal.
        """
        newest = await self._patiently(self._store.newest_state_format, self.number)
        if newest is not None and newest != SHARD_FORMAT:
            # An earlier one is not passed over either: to begin with the topic's first frame would forget who is at home.
            raise NotOurs(f"shard {self.number} has a state of format {newest}; this version reads {SHARD_FORMAT}")
        checkpoint = await self._patiently(self._store.load_checkpoint, self.number, SHARD_FORMAT)
        try:
            # Unpacking a large shard takes long enough to be missed by everybody else.
            shard = Shard(self.number) if checkpoint is None else await self._run(Shard.restore, checkpoint.state)
        except UnknownState as newer:
            raise NotOurs(f"shard {self.number}: {newer}") from newer
        if shard.next_offset > end_offset:
            raise NotOurs(
                f"shard {self.number} stands at frame {shard.next_offset} of a journal that ends at {end_offset}: "
                "this is not the topic that the checkpoint was made on"
            )
        self.shard, self._dirty = shard, False
        self.checkpointed_offset = shard.next_offset
        self._kept_at = asyncio.get_running_loop().time()
        if shard.next_offset < first_offset:
            await self._jump(first_offset)
        return self.shard.next_offset

    async def _jump(self, first_offset: int) -> None:
        """Go on at the first frame that there is; the alert about it comes through the journal, like everything."""
        reason = "The checkpoint is older than what the topic keeps"
        lost = FrameSetAside(
            at=EPOCH, site=operators_site(self.number), offset=self.next_offset, until=first_offset, lost=True, reason=reason
        )  # fmt: skip
        log.critical("shard %d: frames %d to %d are lost: %s", self.number, lost.offset, first_offset - 1, reason)
        await self._append(self.number, lost)
        self.shard.next_offset = first_offset

    async def checkpoint(self) -> None:
        """Keep the state, if there is anything new in it. What it stands on is committed and told."""
        await self._settled()
        if self._dirty:
            return
        began = asyncio.get_running_loop().time()
        if self.next_offset <= self.checkpointed_offset:
            self._kept_at = began
            return
        offset = self.next_offset
        try:
            state = self.shard.snapshot()
        except MemoryError:
            raise
        except Exception as wrong:
            log.exception("shard %d: no checkpoint can be made of the state", self.number)
            if not self._unpackable:
                self._unpackable = True
                what = "The state cannot be kept, so that a takeover must read more of the journal"
                fault = Fault(at=EPOCH, site=operators_site(self.number), what=what, raised=fault_line(wrong))
                await self._append(self.number, fault)
            return
        self._unpackable = False
        try:
            await self._run(self._store.save_checkpoint, self.number, offset, state, SHARD_FORMAT)
        except UNWRITABLE as failed:
            log.error("shard %d: no checkpoint, a takeover reads more of the journal: %s", self.number, failed)
            return
        self.checkpointed_offset, self._kept_at = offset, began

    # ---- frames ---------------------------------------------------------------------------------------------------

    async def take(self, offset: int, received_us: int, payload: bytes, trace: str | None = None) -> FrameEffects:
        """Decide, commit and tell one frame; what it came to. Cancelling the caller does not cancel the work.

        `trace`: what its pages go on with (alerts/tracing.py).

        Raises:
            OffsetGap: it is not the next frame. Reload: load the shard again. NotOurs: leave the shard to another process.
        """
        await self._settled()
        self._work = asyncio.ensure_future(self._take(offset, received_us, payload, trace))
        return await asyncio.shield(self._work)

    async def _settled(self) -> None:
        """Wait until the frame in hand is done, if its caller was cancelled."""
        if self._work is not None and not self._work.done():
            await asyncio.wait([self._work])

    async def _take(self, offset: int, received_us: int, payload: bytes, trace: str | None) -> FrameEffects:
        self.busy_since = asyncio.get_running_loop().time()
        try:
            if self._dirty:
                raise Reload
            effects = self._step(offset, received_us, payload)
            self.received_us = max(self.received_us, received_us)
            if effects.to_write:
                conflicts = await self._patiently(self._store.commit, effects, trace)
                for each in conflicts:
                    log.error("shard %d: effects disagree with the store: %s", self.number, each)
                    await self._append(
                        self.number,
                        Conflicted(
                            at=EPOCH, site=operators_site(self.number), offset=each.offset, effect=each.n,
                            stored=each.stored, offered=each.offered,
                        ),
                    )  # fmt: skip
            if effects.effects:
                await self._tell(self.number, effects)
            await self._watch_stamp(received_us)
            self.frames += 1
            return effects
        finally:
            self.busy_since = None

    async def _watch_stamp(self, received_us: int) -> None:
        """Have it said that a broker's clock was set back, so that no time passes here; and when it has caught up."""
        behind_us = self.shard.ward.clock_us - received_us
        if self._stands == (behind_us >= STAMP_BEHIND):
            return
        self._stands = not self._stands
        site = operators_site(self.number)
        if not self._stands:
            await self._append(self.number, ClockApart(at=EPOCH, site=site))
            return
        log.error("shard %d: the brokers' clock was set back by %.0f s", self.number, behind_us / SECOND)
        back_s = round(-behind_us / SECOND, 1)
        await self._append(self.number, ClockApart(at=EPOCH, site=site, apart_s=back_s, stepped_s=back_s, stands=True))

    def _step(self, offset: int, received_us: int, payload: bytes) -> FrameEffects:
        """The frame's effects, or those of the frame that says why it was set aside."""
        reason = self._poisoned.get(offset)
        try:
            if reason is None:
                effects = self.shard.step(offset, received_us, payload)
                while self.shard.faults:
                    self.aside["record failed"] += 1
                    log.error("shard %d, frame %d, left out: %s", self.number, offset, self.shard.faults.popleft())
                return effects
        except OffsetGap:
            raise
        except NewerFrame as newer:
            raise NotOurs(f"shard {self.number}, frame {offset}: {newer}") from newer
        except UnknownFrame as unreadable:
            reason = str(unreadable)  # nothing of it was taken: the state is as it was
            log.error("shard %d: frame %d is set aside: %s", self.number, offset, reason)
            self.aside["unreadable"] += 1
        except Exception as failed:
            self._failed[offset] += 1
            self._dirty = True
            log.exception("shard %d: frame %d failed, %d times", self.number, offset, self._failed[offset])
            if self._failed[offset] >= FAILS:
                self._poisoned[offset] = f"{type(failed).__name__}: {failed}"
                self.aside["failed"] += 1
            raise Reload from failed
        return self.shard.step(offset, received_us, set_aside(self.number, offset, reason or ""))

    # ---- the store ------------------------------------------------------------------------------------------------

    async def _run(self, call: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    async def _patiently(self, call: Callable[..., _T], *arguments: object) -> _T:
        """Call the store; wait for it while it is away, because no later frame may go first."""
        while True:
            try:
                return await self._run(call, *arguments)
            except UNWRITABLE as failed:
                log.error("shard %d: the store cannot be used, trying again: %s", self.number, failed)
                self.waiting = True
                await asyncio.sleep(STORE_RETRY_S)
            finally:
                self.waiting = False
