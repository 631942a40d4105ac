"""A shard: ward and desk on one journal. The code that every host runs: embedded, replay, Kafka.

`step` takes the next frame and gives its effects, keyed (shard, offset, n). It trusts offsets, not its caller: a frame that
it has had is skipped, a frame that is not the next is refused. `snapshot` is everything that the next frame depends on.
Never here: I/O, a clock.
"""

from __future__ import annotations

import zlib
from typing import Final, assert_never

import msgpack

from alerts.desk.desk import Desk
from alerts.effects import AuditEntry, DeadLetter, Forecast, FrameEffects
from models.findings import Digest, Finding
from models.wire.live import ChairsOut
from models.wire.observations import Command, SiteConfigured
from streams.journal.frame import Frame, decode
from streams.ward.chairs import chairs
from streams.ward.state import Clock, Concluded
from streams.ward.ward import UnknownState, Ward

SHARD_FORMAT: Final = 1


class OffsetGap(RuntimeError):
    """A frame came that is not the next: go back to the checkpoint and read from there."""

    def __init__(self, expected: int, came: int) -> None:
        super().__init__(f"expected offset {expected}, got {came}")
        self.expected, self.came = expected, came


class Shard:
    """The state of one shard. `next_offset` is the offset of the frame that it waits for."""

    def __init__(self, number: int = 0, clock: Clock = "received", next_offset: int = 0) -> None:
        self.number = number
        self.next_offset = next_offset
        self.ward = Ward(clock)
        self.desk = Desk(number)

    def step(self, offset: int, received_us: int, payload: bytes) -> FrameEffects:
        """Fold in the frame at `offset`, stamped `received_us`.

        Raises:
            OffsetGap: the frame is not the next one.
            UnknownFrame: the payload is not a frame that this version reads.
        """
        if offset < self.next_offset:
            return FrameEffects(self.number, offset, ())
        if offset > self.next_offset:
            raise OffsetGap(self.next_offset, offset)
        return self.fold(decode(payload), received_us)

    def fold(self, frame: Frame, received_us: int) -> FrameEffects:
        """Fold in the next frame, which nobody has packed: recordings are read into frames, and never were a journal."""
        offset = self.next_offset
        if frame.unknown:
            self.ward.counts["readings of no channel"] += frame.unknown
        desk = self.desk
        desk.begin(offset)
        for place, concluded in self.ward.step(frame, received_us):
            desk.advance(place[0])
            self._conclude(concluded, place[0])
        desk.advance(self.ward.clock_us)
        self.next_offset = offset + 1
        return FrameEffects(self.number, offset, desk.take())

    def _conclude(self, concluded: Concluded, clock_us: int) -> None:
        """Hand one of the ward's conclusions to the desk."""
        match concluded:
            case Finding():
                self.desk.find(concluded)
            case Command():
                if not self.desk.command(concluded, clock_us):
                    self.ward.count_set_aside()
            case SiteConfigured():
                self.desk.configure(concluded)
            case Digest():
                self.desk.digest(concluded)
            case AuditEntry() | DeadLetter() | Forecast():
                self.desk.add(concluded)
            case _:
                assert_never(concluded)

    def chairs(self, site: str) -> ChairsOut:
        """The latest values of a site's chairs: the live feed's `chairs` document."""
        return chairs(self.ward, site)

    def snapshot(self) -> bytes:
        """The state, versioned."""
        state = {
            "state": SHARD_FORMAT,
            "number": self.number,
            "next_offset": self.next_offset,
            "ward": self.ward.packed(),
            "desk": self.desk.packed(),
        }
        return zlib.compress(msgpack.packb(state), 6)

    @classmethod
    def restore(cls, state: bytes) -> Shard:
        """The shard of a snapshot.

        Raises:
            UnknownState: written by a version that this one does not know.
        """
        try:
            packed = msgpack.unpackb(zlib.decompress(state), strict_map_key=False)
        except (zlib.error, ValueError) as wrong:
            raise UnknownState(f"not a checkpoint: {wrong}") from wrong
        if not isinstance(packed, dict):
            raise UnknownState("not a checkpoint")
        if packed.get("state") != SHARD_FORMAT:
            raise UnknownState.of_format(packed.get("state"), SHARD_FORMAT)
        shard = cls(packed["number"], next_offset=packed["next_offset"])
        shard.ward = Ward.unpacked(packed["ward"])
        shard.desk = Desk.unpacked(packed["desk"])
        return shard
