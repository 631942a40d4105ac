"""The canary: a synthetic patient who goes through the whole path of a network, once a minute from every edge.

Edge, brokers, worker, database, the topic `alerts`, live feed: a session opens, its patient is dissociating a little, and it
ends, in three observations of one frame. The alert is for information, so no page is owed, and nothing stays in the shard. The
edge waits for it where its boards hear of alerts. One site for each shard (`~canary-...`), one shard a minute in turn: that every
shard works is what its ticks say; that the path works is what this says. These sites are nobody's: no sender may write to
them, no board shows them, no clinic's figures hold them.
Never here: what is done when one is lost (deploy/prometheus.rules.yml).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import count, cycle
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from models.instants import to_datetime
from models.wire.observations import CheckIn, SessionEnded, SessionStarted
from streams.intake.admission import CANARY
from streams.intake.append import Overloaded, Records
from streams.journal.topics import shard_of

log = logging.getLogger(__name__)

CANARY_EVERY_S: Final = 60.0
LOST_AFTER_S: Final = 30.0
"""A takeover takes some twenty seconds; what is not back by then is lost. Chosen by us."""
CANARY_BUCKETS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def canary_sites(shards: int) -> list[str]:
    """A site for each shard, in their order."""
    found: dict[int, str] = {}
    for number in count():
        if len(found) == shards:
            return [found[shard] for shard in range(shards)]
        site = f"{CANARY}{number}"
        found.setdefault(shard_of(site, shards), site)
    raise AssertionError("unreachable: `count` does not end")


class Canary:
    """One edge's canary. Give it what the live feed hears.

    Args:
        append: writes observations; returns when they are durable. now_us: the wall's clock.
    """

    def __init__(
        self, append: Callable[[Records], Awaitable[None]], shards: int, registry: CollectorRegistry, now_us: Callable[[], int],
        every_s: float = CANARY_EVERY_S, lost_after_s: float = LOST_AFTER_S,
    ) -> None:  # fmt: skip
        self._append = append
        self._sites = canary_sites(shards)
        self._now_us = now_us
        self._name = f"canary-{socket.gethostname()}-{os.getpid()}"
        self._every_s = every_s
        self._lost_after_s = lost_after_s
        self._session = ""
        self._heard = asyncio.Event()
        self.seconds: Final = Histogram(
            "chairside_canary_seconds", "From a synthetic observation at this edge to its alert on the live feed",
            buckets=CANARY_BUCKETS_S, registry=registry,
        )  # fmt: skip
        self.lost: Final = Counter(
            "chairside_canary_lost", "Synthetic alerts that did not come back to this edge in time", registry=registry
        )
        self.heard_at: Final = Gauge(
            "chairside_canary_heard_timestamp_seconds", "When one came back last; at first when this edge began",
            registry=registry,
        )  # fmt: skip
        self.heard_at.set_to_current_time()

    def hear(self, document: dict[str, Any]) -> None:
        """An alert is on the live feed."""
        if document.get("session") == self._session and document.get("transition") == "raised":
            self._heard.set()

    async def run(self) -> None:
        """Send one each minute until cancelled."""
        for site in cycle(self._sites):
            began = time.monotonic()
            await self._send(site, began)
            await asyncio.sleep(max(0.0, self._every_s - (time.monotonic() - began)))

    async def _send(self, site: str, began: float) -> None:
        self._heard.clear()
        now_us = self._now_us()
        self._session = f"{self._name}-{now_us}"  # no other edge's, and no earlier one's
        try:
            async with asyncio.timeout(self._lost_after_s):
                await self._append(observations(site, self._session, to_datetime(now_us)))
                await self._heard.wait()
        except (TimeoutError, Overloaded):
            self.lost.inc()
            log.error("the canary of %s did not come back within %g s", site, self._lost_after_s)
        else:
            self.seconds.observe(time.monotonic() - began)
            self.heard_at.set_to_current_time()


def observations(site: str, session: str, at: datetime) -> Records:
    """What a canary sends: a session that raises one alert for information and is over."""
    who: dict[str, Any] = {"at": at, "site": site, "patient": "canary", "session": session}
    return [
        SessionStarted(**who, chair="canary", drug="esketamine", route="intranasal", planned_mg=56.0),
        CheckIn(**who, instrument="cadss", score=10, id=session),
        SessionEnded(**who, reason="canary", discharged=False),
    ]
