"""What a worker does with a shard that cannot simply go on: frames nobody can read, states of later versions, lost journals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import msgpack
import pytest

from alerts.effects import DeadLetter, FrameEffects, Transition
from alerts.store.store import Store
from models.instants import EPOCH, SECOND
from models.wire.observations import ClockApart, FrameSetAside, Internal, Intervention
from streams.hosts.kafka.hosted import HostedShard, NotOurs, Reload, set_aside
from streams.journal.frame import FORMAT, FrameBuilder
from streams.journal.topics import operators_site
from streams.shard import SHARD_FORMAT, OffsetGap, Shard
from tests.support.scenes import START_US, moment, pack

NUMBER = 3
Frames = Sequence[bytes]


class Host:
    """A hosted shard on a store of its own; `told` and `appended` are what came out of it."""

    def __init__(self, store: Store, threads: ThreadPoolExecutor) -> None:
        self.store = store
        self.told: list[FrameEffects] = []
        self.appended: list[Internal] = []
        self.shard = HostedShard(NUMBER, store, threads, self._tell, self._append)

    async def _tell(self, number: int, effects: FrameEffects) -> None:
        self.told.append(effects)

    async def _append(self, number: int, record: Internal) -> None:
        self.appended.append(record)

    async def takes(self, frames: Frames, first: int = 0) -> None:
        for offset, frame in enumerate(frames, first):
            await self.shard.take(offset, START_US + offset * 1_000_000, frame)


@asynccontextmanager
async def hosting(folder: Path) -> AsyncIterator[Host]:
    store = Store(f"sqlite:///{folder / 'store.sqlite'}")
    store.migrate()
    with ThreadPoolExecutor(1) as threads:
        yield Host(store, threads)
    store.close()


def note(text: str) -> bytes:
    """A frame with one entry, which the store keeps."""
    return pack([Intervention(at=moment(0), site="north", patient="p", what="note", id=text)])


def integrity(effects: FrameEffects) -> list[Transition]:
    return [each for each in effects.effects if isinstance(each, Transition) and each.rule == "integrity"]


async def test_a_frame_that_cannot_be_read_raises_an_alert_and_stops_nothing(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        await host.takes([note("before"), b"\xc1 no frame", note("after")])
        before, poisoned, after = host.told
        (alert,) = integrity(poisoned)
        assert (alert.transition, alert.priority, alert.site) == ("raised", "medium", operators_site(NUMBER))
        assert alert.evidence["offset"] == 1
        assert [each.field for each in poisoned.effects if isinstance(each, DeadLetter)] == ["frame"]
        assert before.effects
        assert after.effects
        assert host.shard.aside == {"unreadable": 1}


async def test_a_replay_with_the_frame_that_says_so_gives_the_same_effects(tmp_path: Path) -> None:
    frames = [note("before"), b"\xc1 no frame", note("after")]
    async with hosting(tmp_path) as host:
        await host.takes(frames)
        linear = Shard(NUMBER)
        reason = host.told[1].effects[0].evidence["reason"]  # type: ignore[union-attr]  # the effect is the alert about the frame
        frames[1] = set_aside(NUMBER, 1, reason)
        assert host.told == [linear.step(n, START_US + n * 1_000_000, frame) for n, frame in enumerate(frames)]
        assert host.shard.shard.snapshot() == linear.snapshot()


async def test_a_frame_on_which_the_ward_fails_is_tried_again_from_the_checkpoint_and_then_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Shard.step

    def fails(shard: Shard, offset: int, received_us: int, payload: bytes) -> FrameEffects:
        if payload == note("poison"):
            shard.ward.counts["events"] += 1000  # half of it is done when it fails
            raise ZeroDivisionError("a defect")
        return step(shard, offset, received_us, payload)

    frames = [note("one"), note("two"), note("poison"), note("four")]
    async with hosting(tmp_path) as host:
        monkeypatch.setattr(Shard, "step", fails)
        await host.takes(frames[:1])
        await host.shard.checkpoint()
        await host.takes(frames[1:2], 1)
        for _ in range(2):
            with pytest.raises(Reload):
                await host.takes(frames[2:], 2)
            assert await host.shard.load(0, 4) == 1
            await host.takes(frames[1:2], 1)
        await host.takes(frames[2:], 2)
        assert host.shard.next_offset == 4
        (alert,) = integrity(host.told[-2])
        assert "ZeroDivisionError" in alert.text
        assert host.shard.shard.ward.counts["events"] == 3
        assert host.store.conflicts() == 0


async def test_after_a_step_that_failed_half_way_nothing_is_taken_or_kept_until_it_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hosting(tmp_path) as host:
        await host.takes([note("one")])
        with monkeypatch.context() as broken:
            broken.setattr(Shard, "step", lambda *_: 1 / 0)
            with pytest.raises(Reload):
                await host.takes([note("two")], 1)
        with pytest.raises(Reload):
            await host.takes([note("two")], 1)
        await host.shard.checkpoint()
        assert host.store.load_checkpoint(NUMBER, SHARD_FORMAT) is None


async def test_a_frame_of_a_later_version_is_left_to_that_version(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        with pytest.raises(NotOurs, match="frame format"):
            await host.takes([msgpack.packb([FORMAT + 1, "whatever that will be"])])
        assert host.shard.next_offset == 0
        assert host.told == []


async def test_a_state_of_a_later_version_is_left_to_that_version(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        host.store.save_checkpoint(NUMBER, 10, b"what only the later one reads", SHARD_FORMAT + 1)
        with pytest.raises(NotOurs, match="format"):
            await host.shard.load(0, 20)


async def test_a_checkpoint_older_than_the_topic_is_an_alert_of_high_priority(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        await host.takes([note("one")])
        await host.shard.checkpoint()
        assert await host.shard.load(50, 60) == 50
        (lost,) = host.appended
        assert isinstance(lost, FrameSetAside)
        assert (lost.offset, lost.until, lost.lost) == (1, 50, True)
        frame = FrameBuilder()
        frame.add(lost)
        await host.takes([frame.seal()], 50)
        (alert,) = integrity(host.told[-1])
        assert (alert.transition, alert.priority) == ("raised", "high")
        assert "Frames 1 to 49" in alert.text


async def test_a_checkpoint_of_another_topic_is_refused(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        await host.takes([note("one"), note("two")])
        await host.shard.checkpoint()
        with pytest.raises(NotOurs, match="not the topic"):
            await host.shard.load(0, 1)


async def test_a_frame_that_is_not_the_next_concludes_nothing(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        with pytest.raises(OffsetGap):
            await host.takes([note("late")], 1)
        assert host.told == []
        await host.takes([note("one")])
        await host.takes([note("one")])
        assert [len(each.effects) > 0 for each in host.told] == [True], "what was had is skipped, and not told again"


async def test_brokers_whose_clock_was_set_back_are_told_of_once_and_when_it_has_caught_up(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        for offset, second in enumerate((0, 1, -3600, -3599, 2, 3)):
            await host.shard.take(offset, START_US + second * SECOND, note(str(offset)))
        behind, over = host.appended
        assert isinstance(behind, ClockApart)
        assert (behind.site, behind.apart_s, behind.stands) == (operators_site(NUMBER), -3601.0, True)
        assert over == ClockApart(at=EPOCH, site=operators_site(NUMBER))
        assert host.shard.shard.ward.clock_us == START_US + 3 * SECOND
        frame = pack([behind])
        await host.shard.take(6, START_US + 4 * SECOND, frame)
        (alert,) = [each for each in host.told[-1].effects if isinstance(each, Transition)]
        assert (alert.rule, alert.priority) == ("host-clock", "medium")
        assert "set back by 60 min. Until it has caught up no time passes here" in alert.text
