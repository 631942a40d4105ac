"""A shard: ward and desk on one journal. The code that every host runs: embedded, replay, Kafka.

`step` takes the next frame and gives its effects, keyed (shard, offset, n). It trusts offsets, not its caller: a frame that
it has had is skipped, a frame that is not the next is refused. `snapshot` is everything that the next frame depends on.

A defect in ward or desk costs the record that shows it and no other. A step that raises has changed half of the state, so the
shard goes back to its last snapshot, takes the frames since then again, and then this frame's records one by one (frame
boundaries carry no information); one that raises is taken back in the same way, set aside with what it raised, counted, and
said in a technical alert. What falls due by time and raises is left out likewise. Nothing but the journal decides any of it, so
every replay by this version says the same.
Cost: the frames since the last snapshot are kept, 20 MB at most; going back takes as long as a restart. Never here: I/O, a clock.
"""

from __future__ import annotations

import zlib
from collections import deque
from typing import Final, assert_never

import msgpack

from alerts.desk.desk import Desk
from alerts.effects import AuditEntry, DeadLetter, Effect, Forecast, FrameEffects, VitalsMinute
from models.faults import Due, DueFailed, fault_line
from models.findings import Digest, Finding
from models.wire.live import ChairsOut
from models.wire.observations import Command, PatientMerged, RotaOverride, SiteConfigured
from streams.journal.frame import Frame, decode
from streams.journal.parts import in_its_place, one_by_one
from streams.ward.chairs import chairs
from streams.ward.state import Clock, Concluded
from streams.ward.ward import UnknownState, Ward

SHARD_FORMAT: Final = 1
KEPT_RECORDS: Final = 200_000
"""Of the frames since the last snapshot: some 20 MB, taken again within a second. Beyond it a snapshot is taken here."""
FAULTS_KEPT: Final = 100


class OffsetGap(RuntimeError):
    """A frame came that is not the next: go back to the checkpoint and read from there."""

    def __init__(self, expected: int, came: int) -> None:
        super().__init__(f"expected offset {expected}, got {came}")
        self.expected, self.came = expected, came


class DamagedState(UnknownState):
    """A checkpoint whose bytes are not what was written: an earlier one may do."""

    def __init__(self, what: str) -> None:
        ValueError.__init__(
            self, f"{what}. Restore the last backup at another place: chairside restore BACKUP --data NEW"
        )


class Shard:
    """The state of one shard. `next_offset` is the offset of the frame that it waits for."""

    def __init__(self, number: int = 0, clock: Clock = "received", next_offset: int = 0) -> None:
        self.number = number
        self.next_offset = next_offset
        self.clock = clock
        self.ward = Ward(clock)
        self.desk = Desk(number)
        self.faults: deque[str] = deque(maxlen=FAULTS_KEPT)
        """What was raised and taken back, for the host's log; the host empties it."""
        self._kept: bytes | None = None
        """The state to go back to; None: that of a shard that has had nothing."""
        self._since: list[tuple[int, int, Frame]] = []
        """The frames since then, with offset and stamp. None of them raises."""
        self._size = 0
        self._minutes: list[VitalsMinute] = []
        """Of the frame under way."""

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
        self._minutes = []
        try:
            effects = self._take(frame, offset, received_us)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  # whatever is wrong with one record, the others are watched on
            effects = self._take_apart(frame, offset, received_us)
            self.next_offset = offset + 1
            self._keep(self._packed())
        else:
            self.next_offset = offset + 1
            self._since.append((offset, received_us, frame))
            self._size += len(frame)
            if self._size > KEPT_RECORDS:
                self._keep(self._packed())
        return FrameEffects(self.number, offset, effects, tuple(self._minutes))

    def _take(self, frame: Frame, offset: int, received_us: int) -> tuple[Effect, ...]:
        """Fold in a frame, or a part of one. The state is of no use any more if it raises."""
        if frame.unknown:
            self.ward.counts["readings of no channel"] += frame.unknown
        desk = self.desk
        desk.begin(offset)
        for place, concluded in self.ward.step(frame, received_us):
            desk.advance(place[0])
            self._conclude(concluded, place[0])
        desk.advance(self.ward.clock_us)
        self._minutes += self.ward.minutes
        self.ward.minutes = []
        return desk.take()

    def _take_apart(self, frame: Frame, offset: int, received_us: int) -> tuple[Effect, ...]:
        """Fold in a frame that raised, record by record, without what raises."""
        self._go_back(self._kept)
        for earlier, stamp, done in self._since:
            self._take(done, earlier, stamp)
        minutes: list[VitalsMinute] = []
        before, taken, left_out = self._packed(), list[Frame](), dict[Due, str]()
        effects: list[Effect] = []
        parts = deque(one_by_one(frame))
        while parts:
            part, self._minutes = parts.popleft(), []
            try:
                effects += self._take(part, offset, received_us)
                taken.append(part)
                minutes += self._minutes
            except MemoryError:
                raise
            except Exception as raised:
                reason = fault_line(raised)
                instead = in_its_place(part, reason)
                if isinstance(raised, DueFailed) and raised.due not in left_out:
                    left_out[raised.due] = reason
                    parts.appendleft(part)
                elif instead is not None:
                    parts.appendleft(instead)
                else:
                    raise
                self.faults.append(reason)
                self._go_back(before)
                self.ward.left_out = self.desk.left_out = left_out
                for each in taken:
                    self._take(each, offset, received_us)
                before, taken = self._packed(), []
        self.ward.left_out = self.desk.left_out = {}
        if frame.unknown:
            self.ward.counts["readings of no channel"] += frame.unknown
        self._minutes = minutes
        return tuple(effects)

    def _conclude(self, concluded: Concluded, clock_us: int) -> None:
        """Hand one of the ward's conclusions to the desk."""
        match concluded:
            case Finding():
                self.desk.find(concluded)
            case Command():
                if not self.desk.command(concluded, clock_us):
                    self.ward.count_set_aside()
            case SiteConfigured():
                self.desk.configure(concluded, clock_us)
            case PatientMerged():
                self.desk.merge(concluded.site, concluded.merged, concluded.patient, clock_us)
            case RotaOverride():
                if not self.desk.override(concluded, clock_us):
                    self.ward.count_set_aside()
            case Digest():
                self.desk.digest(concluded)
            case AuditEntry() | DeadLetter() | Forecast():
                self.desk.add(concluded)
            case _:
                assert_never(concluded)

    def chairs(self, site: str) -> ChairsOut:
        """The latest values of a site's chairs: the live feed's `chairs` document."""
        return chairs(self.ward, site, self.next_offset)

    def snapshot(self) -> bytes:
        """The state, versioned. It is also what the shard goes back to from now on."""
        packed = self._packed()
        self._keep(packed)
        return zlib.compress(packed, 6)

    def _packed(self) -> bytes:
        state = {
            "state": SHARD_FORMAT,
            "number": self.number,
            "next_offset": self.next_offset,
            "ward": self.ward.packed(),
            "desk": self.desk.packed(),
        }
        packed: bytes = msgpack.packb(state)
        return packed

    def _keep(self, packed: bytes) -> None:
        self._kept, self._since, self._size = packed, [], 0

    def _go_back(self, packed: bytes | None) -> None:
        """Ward and desk as they were packed."""
        if packed is None:
            self.ward, self.desk = Ward(self.clock), Desk(self.number)
            return
        state = msgpack.unpackb(packed, strict_map_key=False)
        self.ward, self.desk = Ward.unpacked(state["ward"]), Desk.unpacked(state["desk"])

    @classmethod
    def restore(cls, state: bytes) -> Shard:
        """The shard of a snapshot.

        Raises:
            UnknownState: written by a version that this one does not know. DamagedState: not what was written.
        """
        try:
            raw = zlib.decompress(state)
            packed = msgpack.unpackb(raw, strict_map_key=False)
        except (zlib.error, ValueError) as wrong:
            raise DamagedState(f"not a checkpoint: {wrong}") from wrong
        if not isinstance(packed, dict):
            raise DamagedState("not a checkpoint")
        if packed.get("state") != SHARD_FORMAT:
            raise UnknownState.of_format(packed.get("state"), SHARD_FORMAT)
        shard = cls(packed["number"], next_offset=packed["next_offset"])
        shard.ward = Ward.unpacked(packed["ward"])
        try:
            shard.desk = Desk.unpacked(packed["desk"])
        except ValueError as other:
            raise UnknownState(str(other)) from other
        shard.clock = shard.ward.clock
        shard._keep(raw)
        return shard
