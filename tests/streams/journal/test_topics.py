"""The topics and the sites' places in them."""

from __future__ import annotations

from collections import Counter

import pytest

from models.wire.observations import SetAside, SiteConfigured
from streams.intake.kafka import HEAVY, frames
from streams.journal.frame import FULL, decode
from streams.journal.topics import OBSERVATIONS_TOPIC, OPERATORS, SHARDS, TOPICS, operators_site, shard_of
from tests.support.scenes import moment


def test_a_sites_shard_is_for_good() -> None:
    # As the first version had it: a change here loses every site's state.
    assert [shard_of(site, 64) for site in ("main", "north", "São Paulo", "")] == [2, 20, 48, 36]


def test_sites_are_spread_over_the_shards() -> None:
    held = Counter(shard_of(f"clinic-{number}", SHARDS) for number in range(64_000))
    assert len(held) == SHARDS
    assert max(held.values()) < 1.2 * 1000


def test_the_journal_has_no_holes_and_the_brokers_clock() -> None:
    for replication, in_sync in ((1, "1"), (3, "2")):
        settings = OBSERVATIONS_TOPIC.settings(replication)
        assert settings["cleanup.policy"] == "delete"
        assert settings["message.timestamp.type"] == "LogAppendTime"
        assert settings["min.insync.replicas"] == in_sync


def test_every_topic_is_named_once_and_read_by_somebody() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    assert all(topic.read_by and topic.written_by for topic in TOPICS)


def test_two_shards_never_raise_alerts_under_one_site() -> None:
    # Its transitions are numbered by the desk of one shard.
    assert len({operators_site(number) for number in range(SHARDS)}) == SHARDS
    assert operators_site(1).startswith(OPERATORS)


@pytest.mark.parametrize("count", [0, 1, FULL, FULL + 1, 3 * FULL])
def test_a_batch_becomes_frames_of_at_most_so_many_records_in_order(count: int) -> None:
    records = [SetAside(at=moment(0), field="", reason=str(n), line="") for n in range(count)]
    made = [decode(frame) for frame in frames(records)]
    assert [record.reason for frame in made for _, record in frame.events] == [str(n) for n in range(count)]  # type: ignore[union-attr]  # what was put in is what comes out
    assert all(len(frame) <= FULL for frame in made)


def test_heavy_records_are_spread_over_more_frames_and_a_single_one_is_never_split() -> None:
    big = SiteConfigured(at=moment(0), site="north", policies={"text": ["x" * 4000] * 300})
    small = SiteConfigured(at=moment(0), site="north", policies={"text": ["x" * 4000] * 90})
    made = frames([small] * 6 + [big])
    assert sum(len(decode(frame).events) for frame in made) == 7
    assert [len(frame) > HEAVY for frame in made].count(True) == 1
