"""A network of clinics on a real broker and a real database: what the workers promise (design: guarantees 2 to 4)."""

from __future__ import annotations

import resource
import signal
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from alerts.store.store import Store
from deploy.cluster.broker import LocalBroker
from deploy.cluster.database import LocalDatabase
from streams.hosts.kafka.worker import ShardWorker
from streams.intake.append import Overloaded
from streams.ward.ward import OLDER_FORMATS, WARD_FORMAT
from tests.support.network import (
    SITES,
    Network,
    Processes,
    again,
    appending,
    assert_exact,
    everywhere,
    recent,
    until,
    working,
)

pytest_plugins = ("tests.support.servers",)
pytestmark = [
    pytest.mark.xdist_group("network"),
    # aiokafka closes the connections it knows, but not one that was being made while the broker died.
    pytest.mark.filterwarnings("ignore:Exception ignored in.*:pytest.PytestUnraisableExceptionWarning"),
]


async def test_workers_write_what_a_linear_replay_of_the_topic_gives(network: Network, tmp_path: Path) -> None:
    store = Store(network.url)
    async with (
        appending(network) as appender,
        working(ShardWorker(network.connection, network.shards, store)) as worker,
    ):
        for post in recent():
            await appender.append(post)
        await until(lambda: all(store.alerts(site, limit=1) for site in SITES), "every site has an alert")
        assert sorted(worker.shards) == list(range(network.shards))
    assert (await assert_exact(network, tmp_path)).effects > len(SITES)
    store.close()


async def test_whatever_dies_stalls_or_restarts_nothing_is_lost_and_nothing_doubled(
    network: Network, broker: LocalBroker, database: LocalDatabase, tmp_path: Path
) -> None:
    """One worker killed, one stopped longer than its group waits, broker and database crashed; posts all the while."""
    store = Store(network.url)
    posts = iter(recent())
    with closing(Processes(network, tmp_path)) as processes:
        async with appending(network) as appender:

            async def go_on(count: int) -> None:
                for post in islice(posts, count):
                    await again(partial(appender.append, post))

            processes.start("one", "worker")
            processes.start("two", "worker")
            await go_on(20)
            await until(lambda: all("loading shards" in processes.log(one) for one in ("one", "two")), "both at work")
            await until(lambda: bool(store.alerts(limit=1)), "an alert")

            processes.kill("one")
            await go_on(20)
            broker.kill()
            broker.start()
            await go_on(20)
            processes.start("three", "worker")
            database.kill()
            database.start()
            await go_on(20)
            await until(lambda: "loading shards" in processes.log("three"), "the third at work")
            processes.send("two", signal.SIGSTOP)
            await go_on(20)
            await everywhere(store, appender, "while one stands still")
            processes.send("two", signal.SIGCONT)
            await go_on(20)
            await everywhere(store, appender, "at the end")
            assert processes.end("three") == 0
            assert processes.end("two") == 0
    assert (await assert_exact(network, tmp_path)).effects > len(SITES)
    store.close()


async def test_a_full_disk_at_the_broker_refuses_posts_and_loses_nothing(
    network: Network, broker: LocalBroker, tmp_path: Path
) -> None:
    """Its files may grow no further, which to a broker is a full disk: it takes nothing, and ends. There is room again later."""
    store = Store(network.url)
    posts = iter(recent())
    with closing(Processes(network, tmp_path)) as processes:
        processes.start("one", "worker")
        async with appending(network) as appender:
            for post in islice(posts, 30):
                await again(partial(appender.append, post))
            await everywhere(store, appender, "before")

            resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            refused = next(posts)
            with pytest.raises(Overloaded):
                await appender.append(refused)
            broker.kill()
            broker.start()
            await again(partial(appender.append, refused))
            for post in islice(posts, 30):
                await again(partial(appender.append, post))
            await everywhere(store, appender, "when there is room again")
            assert processes.end("one") == 0
    assert (await assert_exact(network, tmp_path)).effects > len(SITES)
    store.close()


NEXT_VERSION = """
import streams.ward.ward as ward
ward.OLDER_FORMATS = (*ward.OLDER_FORMATS, ward.WARD_FORMAT)
ward.WARD_FORMAT += 1
"""
"""Makes a process one of the next version: it reads the states of this one, and writes its own."""


async def test_a_rolling_upgrade_loses_nothing_and_an_old_worker_leaves_newer_states_alone(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(network.url)
    posts = iter(recent())
    with closing(Processes(network, tmp_path)) as processes:
        async with appending(network) as appender:

            async def go_on(count: int) -> None:
                for post in islice(posts, count):
                    await again(partial(appender.append, post))

            for name in ("old-1", "old-2"):
                processes.start(name, "worker")
            await until(
                lambda: all("loading shards" in processes.log(one) for one in processes.running), "both at work"
            )
            await go_on(30)
            await everywhere(store, appender, "on the old version")
            assert processes.end("old-1") == 0
            processes.start("new-1", "worker", after=NEXT_VERSION)
            await until(lambda: "loading shards" in processes.log("new-1"), "one new at work")
            await go_on(30)
            await everywhere(store, appender, "on both")
            old = processes.running["old-2"]
            if old.poll() is None:
                assert processes.end("old-2") in {0, 3}
            else:
                assert processes.running.pop("old-2").wait() == 3, "it had met a newer state"
            processes.start("new-2", "worker", after=NEXT_VERSION)
            await until(lambda: "loading shards" in processes.log("new-2"), "two new at work")
            await go_on(30)
            await everywhere(store, appender, "on the new version")
            for name in ("new-1", "new-2"):
                assert processes.end(name) == 0

            # Back by mistake: it touches nothing, and says which version must go on.
            processes.start("old-3", "worker")
            await until(lambda: processes.running["old-3"].poll() is not None, "an old worker leaves")
            assert processes.running.pop("old-3").wait() == 3
            assert f"checkpoint format {WARD_FORMAT + 1}" in processes.log("old-3")
    monkeypatch.setattr("streams.ward.ward.OLDER_FORMATS", (*OLDER_FORMATS, WARD_FORMAT))
    monkeypatch.setattr("streams.ward.ward.WARD_FORMAT", WARD_FORMAT + 1)
    assert (await assert_exact(network, tmp_path)).effects > len(SITES)
    store.close()
