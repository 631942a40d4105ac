"""The watchdog ends a process that looks alive and does nothing; the worker's own signs of that."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest
from faust.types import TP

from alerts.store.store import Store
from streams.hosts.kafka.hosted import HostedShard
from streams.hosts.kafka.worker import FRAME_WITHIN_S, TICK_WITHIN_S, ShardWorker, _Beat, _FromCheckpoints
from streams.journal.kafka import KafkaConnection
from streams.journal.topics import OBSERVATIONS_TOPIC
from tests.support.scenes import START_US, pack

WATCHED = """
import sys, time
from streams.hosts import watchdog
watchdog.LOOK_S = 0.01
beats = iter(range(10**9))
watchdog.Watchdog({progress}, lambda: "its tick does not come back").start()
time.sleep({lives_s})  # not waiting for anything: this is how long the process lives, unless the watchdog ends it
print("alive")
"""


@pytest.mark.parametrize(
    ("progress", "lives_s", "status", "said"),
    [("lambda: 7", 60, -9, ""), ("lambda: next(beats)", 0.5, 0, "alive\n")],
    ids=["stands still", "goes on"],
)
def test_a_process_without_progress_is_killed_however_alive_it_looks(
    progress: str, lives_s: float, status: int, said: str
) -> None:
    code = WATCHED.format(progress=progress, lives_s=lives_s)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (status, said)
    assert ("ending this process" in done.stderr) == (status != 0)
    assert ("its tick does not come back" in done.stderr) == (status != 0)


class Partition:
    """What a consumer says of one partition of which the group has committed far more than the shard has kept."""

    def __init__(self) -> None:
        self.sought: dict[TP, int] = {}

    async def earliest_offsets(self, *places: TP) -> dict[TP, int]:
        return dict.fromkeys(places, 0)

    async def highwaters(self, *places: TP) -> dict[TP, int]:
        return dict.fromkeys(places, 500)

    async def committed(self, place: TP) -> int:
        return 400


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    store.migrate()
    yield store
    store.close()


def worker_of(store: Store) -> ShardWorker:
    return ShardWorker(KafkaConnection("127.0.0.1:1"), 4, store)


async def hosted(store: Store, frames: int) -> HostedShard:
    """Shard 3 after some empty frames, of which its checkpoint has all."""

    async def nothing(*_: object) -> None: ...

    shard = HostedShard(3, store, ThreadPoolExecutor(1), nothing, nothing)
    for offset in range(frames):
        await shard.take(offset, START_US + offset * 1_000_000, pack([]))
    await shard.checkpoint()
    return shard


async def test_a_worker_reads_on_from_its_checkpoint_whatever_its_group_has_committed(store: Store) -> None:
    await hosted(store, 7)
    worker, partition = worker_of(store), Partition()
    mine, other = (TP(worker._connection.named(OBSERVATIONS_TOPIC), number) for number in (3, 2))

    class Consumer(_FromCheckpoints):
        def __init__(self) -> None: ...

        def assignment(self) -> set[TP]:
            return {mine, other}

        async def seek_wait(self, partitions: Any) -> None:
            partition.sought |= partitions

        earliest_offsets, highwaters = staticmethod(partition.earliest_offsets), staticmethod(partition.highwaters)

    consumer = Consumer()
    consumer.worker = worker
    await consumer.seek_to_committed()
    assert partition.sought == {mine: 7, other: 0}


def test_nothing_that_a_worker_reads_is_acknowledged_by_the_engine(store: Store, tmp_path: Path) -> None:
    """An engine that acknowledges by itself does so also where the work has failed: what was done is the checkpoint's to say."""
    app = worker_of(store)._app(str(tmp_path))
    agent = app.agents["observe"]
    assert cast("Any", agent.channel).acks is False
    assert app.conf.topic_allow_declare is False
    assert cast("Any", app.conf).processing_guarantee.value == "at_least_once"


async def test_a_frame_that_is_never_done_and_a_tick_that_does_not_come_back_are_no_progress(store: Store) -> None:
    worker = worker_of(store)
    worker._loop = asyncio.get_running_loop()
    shard, now = await hosted(store, 2), worker._loop.time()
    worker.shards[3], worker._beats[3] = shard, _Beat(now)
    assert worker.stuck() == ""

    worker._beats[3] = _Beat(now - TICK_WITHIN_S - 1, tick=(5, now - TICK_WITHIN_S - 1))
    assert worker.stuck() == "shard 3 waits for frame 2, and its tick at 5 does not come back"
    worker._beats[3] = _Beat(now, tick=(5, now - TICK_WITHIN_S - 1))
    assert worker.stuck() == "", "frames come before the tick"

    worker._beats[3], shard.busy_since = _Beat(now), now - FRAME_WITHIN_S - 1
    assert worker.stuck() == "shard 3: a frame is not done"
    shard.waiting = True
    assert worker.stuck() == "", "a store that is away is waited for"


def test_what_the_engine_can_do_without_is_not_there_so_that_every_rebalance_is_tried_without_it() -> None:
    """Without one of them rebalances of others have failed: the network's tests, which lose and take shards, have none."""
    assert [name for name in ("opentracing", "aredis", "rocksdb") if find_spec(name)] == []
