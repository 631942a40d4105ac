"""The canary: it is heard when the path works and counted when not, and leaves nothing behind but its record."""

from __future__ import annotations

import asyncio
from typing import Any

from prometheus_client import CollectorRegistry

from alerts.effects import AuditEntry, Page, Transition
from deploy.network.canary import Canary, canary_sites, observations
from models.instants import from_iso, to_datetime
from streams.intake.admission import NOT_YOURS, Admission, is_canary
from streams.intake.append import Records
from streams.journal.frame import FrameBuilder
from streams.journal.topics import shard_of
from streams.shard import Shard

NOW_US = from_iso("2026-11-23T14:00:00Z")


def test_every_shard_has_a_canary_s_site_that_no_sender_can_write_to() -> None:
    sites = canary_sites(16)
    assert [shard_of(site, 16) for site in sites] == list(range(16))
    assert all(is_canary(site) for site in sites)
    tried = observations(sites[0], "s", to_datetime(NOW_US))
    assert {Admission().refusal(record) for record in tried} == {("site", NOT_YOURS)}


def test_a_canary_raises_one_alert_that_pages_nobody_and_leaves_the_shard_as_it_was() -> None:
    shard = Shard(0)
    for number in range(3):
        builder = FrameBuilder()
        at_us = NOW_US + number * 60_000_000
        builder.extend(observations("~canary-0", f"s-{number}", to_datetime(at_us)))
        effects = shard.step(number, at_us, builder.seal()).effects
        steps = [each for each in effects if isinstance(each, Transition)]
        assert [(each.transition, each.priority) for each in steps] == [("raised", "info"), ("closed", "info")]
        assert {each.session for each in steps} == {f"s-{number}"}
        assert not any(isinstance(each, Page) for each in effects)
        assert sum(isinstance(each, AuditEntry) for each in effects) == 3
        assert not shard.ward.association.sessions
        assert not shard.ward.home.patients
        assert shard.chairs("~canary-0")["chairs"] == []


class Path:
    """The way from an edge to its live feed: a shard, or nothing."""

    def __init__(self, *, works: bool) -> None:
        self.registry = CollectorRegistry()
        self.works = works
        self.shard = Shard(0)
        self.canary = Canary(self.append, 1, self.registry, lambda: NOW_US, every_s=3600.0, lost_after_s=0.05)

    async def append(self, records: Records) -> None:
        builder = FrameBuilder()
        builder.extend(records)
        effects = self.shard.step(self.shard.next_offset, NOW_US, builder.seal()).effects
        for each in effects if self.works else ():
            if isinstance(each, Transition):
                self.canary.hear({"session": each.session, "transition": each.transition})

    async def until(self, name: str) -> None:
        """Run the canary until a sample is no longer 0."""
        running = asyncio.create_task(self.canary.run())
        async with asyncio.timeout(60):
            while not self.value(name):  # noqa: ASYNC110 - a metric has no event
                await asyncio.sleep(0.005)
        running.cancel()

    def value(self, name: str) -> Any:
        return self.registry.get_sample_value(name)


async def test_a_canary_that_comes_back_is_timed() -> None:
    path = Path(works=True)
    await path.until("chairside_canary_seconds_count")
    assert path.value("chairside_canary_lost_total") == 0


async def test_a_canary_that_does_not_come_back_is_counted_as_lost() -> None:
    path = Path(works=False)
    await path.until("chairside_canary_lost_total")
    assert path.value("chairside_canary_seconds_count") == 0
