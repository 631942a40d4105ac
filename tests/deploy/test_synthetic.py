"""The synthetic patient goes through the whole path and leaves nothing; whatever breaks on it is known by its silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alerts.effects import Page, Transition
from alerts.store.store import Store
from alerts.store.tables import (
    ALERTS,
    AUDIT,
    AUDIT_CHAIN,
    DELIVERIES,
    DELIVERY_TRIES,
    EFFECTS,
    OUTBOX,
    PAGE_ALERTS,
    TRANSITIONS,
)
from deploy import wiring
from deploy.auditor import UNHEARD_S, Seen, wrongs
from deploy.synthetic import SyntheticPatient, synthetic_visit
from deploy.upkeep.verify import verify
from models.instants import DAY, MINUTE, SECOND, from_iso, to_datetime
from models.synthetic import SYNTHETIC_PHONE, SYNTHETIC_SITE
from models.wire.observations import AlertClosed
from streams.journal.frame import frame_of
from streams.shard import Shard
from tests.support.service import Inside, serving, until

CHECK_IN = {"kind": "checkin", "at": "2026-11-23T10:00:00Z", "patient": "P-1", "instrument": "phq-9", "score": 12}
LASTING = (ALERTS, AUDIT, AUDIT_CHAIN, EFFECTS, TRANSITIONS)
OWED = (DELIVERIES, DELIVERY_TRIES, OUTBOX, PAGE_ALERTS)


def rows(store: Store, *tables: sa.Table) -> dict[str, int]:
    with store.database.reading() as connection:
        return {table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables}


@asynccontextmanager
async def hurrying(data: Path, lost_after_s: float = 60.0) -> AsyncIterator[Inside]:
    """A service whose synthetic patient comes as often as it can."""
    with pytest.MonkeyPatch.context() as patching:
        hasty = partial(SyntheticPatient, every_s=0.05, lost_after_s=lost_after_s)
        patching.setattr(wiring, "SyntheticPatient", hasty)
        async with serving(data, clock="received") as clinic:
            yield clinic


async def rounds(clinic: Inside, count: int) -> None:
    """So many pages have come to the phone."""
    heard = 0
    arrived = clinic.service.synthetic._arrived
    while heard < count:
        async with asyncio.timeout(60):
            await arrived.wait()
        heard += 1
        while arrived.is_set():  # noqa: ASYNC110 - the next round clears it
            await asyncio.sleep(0.005)


async def test_its_page_comes_and_nothing_of_it_stays_or_is_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Missed before its lesser page comes, 30 s later: the first must count.
    async with hurrying(tmp_path, lost_after_s=25.0) as clinic:
        await clinic.settled()  # the start's own entries are there
        before = rows(clinic.service.store, *LASTING)
        await rounds(clinic, 5)
        assert clinic.service.synthetic.unheard_s < 30
        assert "did not arrive" not in caplog.text
        assert (await clinic.get("/v1/alerts"))["alerts"] == []
        named = [each["name"] for each in (await clinic.get("/v1/destinations"))["destinations"]]
        assert SYNTHETIC_PHONE not in named
        assert SYNTHETIC_PHONE not in (await clinic.get("/v1/site"))["pages_to"]
        assert SYNTHETIC_PHONE not in (await clinic.get("/healthz"))["destinations"]
        after = rows(clinic.service.store, *LASTING)
        assert after == before
        assert max(rows(clinic.service.store, *OWED).values()) <= 4, "those of the last round"
        await clinic.post(CHECK_IN)
        await clinic.settled()
    assert verify(tmp_path, replay=True).wrong == [], "what it left behind beside a real patient's entry"


async def test_it_leaves_the_shards_state_as_small_as_it_found_it() -> None:
    """A day of it may be remembered, so that a repeat is one; not more."""
    shard, now_us, sizes = Shard(0, "received"), from_iso("2026-11-23T00:00:00Z"), []
    for minute in range(3 * DAY // MINUTE // 10):
        now_us += 10 * MINUTE
        effects = shard.fold(frame_of(synthetic_visit(now_us)), now_us).effects
        (page,) = [each for each in effects if isinstance(each, Page)]
        assert (page.site, page.priority) == (SYNTHETIC_SITE, "high")
        alerts = dict.fromkeys(each.alert for each in effects if isinstance(each, Transition))
        closing = [
            AlertClosed(at=to_datetime(now_us + SECOND), site=SYNTHETIC_SITE, alert=alert, by="synthetic patient")
            for alert in alerts
        ]
        closed = shard.fold(frame_of(closing), now_us + SECOND).effects
        assert [each.transition for each in closed if isinstance(each, Transition)] == ["closed"] * len(alerts)
        if minute % 72 == 71:
            sizes.append(len(shard.snapshot()))
    assert sizes[-1] < 1.5 * sizes[2]


def forgets_pages(clinic: Inside) -> None:
    clinic.service.pager._recipients = lambda page: []


def claims_nothing(clinic: Inside) -> None:
    def claim(*_: Any, **__: Any) -> list[Any]:
        raise OSError("broken")

    clinic.service.store.claim_pages = claim  # type: ignore[method-assign]  # the fault is planted on the part that runs


def decides_nothing(clinic: Inside) -> None:
    clinic.service.owner.deliver = lambda entries: None  # type: ignore[method-assign]  # as above
    clinic.service.intake._deliver = lambda entries: None


def hangs_up(clinic: Inside) -> None:
    clinic.service.synthetic.phone.notifier = _Dead()


class _Dead:
    async def send(self, message: Any) -> Any:
        raise OSError("no line")


@pytest.mark.parametrize("breaks", [forgets_pages, claims_nothing, decides_nothing, hangs_up])
async def test_a_path_that_is_broken_anywhere_is_silent_and_said(
    tmp_path: Path, breaks: Callable[[Inside], None], caplog: pytest.LogCaptureFixture
) -> None:
    async with hurrying(tmp_path, lost_after_s=1.0) as clinic:
        await rounds(clinic, 1)
        breaks(clinic)
        caplog.clear()
        # The first may have begun before it was broken.
        missed = "synthetic patient's page did not arrive"
        await until(lambda: caplog.text.count(missed) > 1, "two to be missed")
        since_s = clinic.service.synthetic.unheard_s
        await asyncio.sleep(0.2)
        assert clinic.service.synthetic.unheard_s >= since_s + 0.2
        assert not clinic.ended(), "a broken path is told, and ends nothing"


def test_the_auditor_pages_when_nothing_has_come_for_three_minutes() -> None:
    assert wrongs(Seen(0, unheard_s=UNHEARD_S - 1)) == {}
    assert list(wrongs(Seen(0, unheard_s=UNHEARD_S))) == ["path"]


async def test_before_it_begins_nothing_is_missed() -> None:
    async def append(records: Any) -> None: ...

    assert SyntheticPatient(append, lambda: 0, lambda keys: None).unheard_s == 0
