"""The auditor pages by itself when nobody else would: each way is broken for real, and its page comes to a real receiver."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts.effects import FrameEffects
from alerts.notify.notifiers import open_destination
from alerts.store.destinations import DestinationState
from alerts.store.store import Store
from deploy.auditor import DESTINATION_FAILS_S, NO_PROGRESS_S, PAGE_AGAIN_S, UNSENT_S, Auditor, Seen, wrongs
from deploy.settings import PagesPart, Settings
from models.instants import SECOND, to_datetime
from models.wire.observations import DestinationFailing
from tests.alerts.test_channels import listening
from tests.support.paging import START, page, receiver, sent
from tests.support.service import START_US, falling, sample, serving, until


def test_what_is_wrong_is_said_from_its_instant_on_and_nothing_before() -> None:
    just_well = Seen(NO_PROGRESS_S - 1, [UNSENT_S - 1], [("sms", DESTINATION_FAILS_S - 1)])
    assert wrongs(just_well) == {}
    assert wrongs(Seen(NO_PROGRESS_S, [UNSENT_S, 5], [("sms", DESTINATION_FAILS_S)], "OperationalError")) == {
        "progress": "Nobody is being watched: nothing was decided for 30 s.",
        "store": "The store cannot be read: OperationalError.",
        "pages": "Pages about 1 alerts reached nobody, the oldest for 60 s. Look at the board.",
        "destination sms": "No page arrives at sms for 5 min.",
    }


class Clinic:
    """An auditor over a real store, with a real receiver and a heartbeat, whose clock the test moves."""

    def __init__(self, folder: Path, address: str, heartbeat: str | None = None) -> None:
        self.store = Store(f"sqlite:///{folder / 'clinic.sqlite'}")
        self.store.migrate()
        self.progress, self.now_s = 0, 1000.0
        self.states: list[DestinationState] = []
        self.auditor = Auditor(
            "main", [open_destination(address)], self.store, lambda: self.progress, lambda: self.states, lambda: START,
            heartbeat,
        )  # fmt: skip

    async def after(self, seconds: float, *, progress: bool = True) -> dict[str, str]:
        self.now_s += seconds
        self.progress += progress
        return await self.auditor.audit(self.now_s)


async def test_a_page_that_reached_nobody_for_a_minute_is_paged_past_the_pager_and_again_every_five(
    tmp_path: Path,
) -> None:
    with receiver([]) as (address, got):
        clinic = Clinic(tmp_path, address)
        clinic.store.commit(FrameEffects(0, 1, (page("k1", at_us=START - 86_400 * SECOND),)))
        assert await clinic.after(0) == {}, "its own clock counts, whatever the wall said when it was owed"
        assert await clinic.after(59) == {}
        assert list(await clinic.after(1)) == ["pages"]
        assert "Pages about 1 alerts reached nobody, the oldest for 60 s" in got[0]["message"]
        for seconds, pages in ((60, 1), (PAGE_AGAIN_S - 61, 1), (1, 2)):
            await clinic.after(seconds)
            assert len(got) == pages
        (owed,) = clinic.store.claim_pages("phone", ["phone"], START, SECOND)
        clinic.store.mark_pages([sent(owed)], START)
        assert await clinic.after(60) == {}
    clinic.store.close()


async def test_news_that_reaches_nobody_is_no_page_that_reached_nobody(tmp_path: Path) -> None:
    with receiver([]) as (address, got):
        clinic = Clinic(tmp_path, address)
        news = [replace(page(f"a1-5-{kind}", "info"), kind=kind) for kind in ("answered", "over")]
        # What looks like news and is a page: a sender's text is in it.
        asking = replace(page("k1"), body=',"kind":"over"')
        clinic.store.commit(FrameEffects(0, 1, (*news, asking)))
        assert list(clinic.store.unsent_pages()) == ["k1"]
        clinic.store.mark_pages([sent(clinic.store.claim_pages("phone", ["phone"], START, SECOND)[0])], START)
        assert (await clinic.after(0), await clinic.after(UNSENT_S)) == ({}, {})
        assert clinic.store.page_counts(START + 3600 * SECOND).oldest_unsent_s == 0
        assert got == []
    clinic.store.close()


async def test_a_destination_that_fails_for_five_minutes_is_paged(tmp_path: Path) -> None:
    with receiver([]) as (address, got):
        clinic = Clinic(tmp_path, address)
        clinic.states = [DestinationState("sms", None, START, "answered 500", reported=True, owed=1)]
        assert await clinic.after(0) == {}
        assert await clinic.after(DESTINATION_FAILS_S) == {"destination sms": "No page arrives at sms for 5 min."}
        assert len(got) == 1
    clinic.store.close()


async def test_the_heartbeat_is_sent_while_all_is_well_and_not_otherwise(tmp_path: Path) -> None:
    with listening() as wire, receiver([]) as (address, _):
        clinic = Clinic(tmp_path, address, f"http://127.0.0.1:{wire.port}/beat")
        await clinic.after(60)
        await clinic.after(60)
        assert [path for path, _, _ in wire.came] == ["/beat", "/beat"]
        await clinic.after(60, progress=False)
        assert len(wire.came) == 2
        await clinic.after(1)
        assert len(wire.came) == 3
    clinic.store.close()


async def test_a_store_that_cannot_be_read_is_paged_without_it(tmp_path: Path) -> None:
    with receiver([]) as (address, got):
        clinic = Clinic(tmp_path, address)
        with clinic.store.database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE outbox RENAME TO away")
        assert list(await clinic.after(60)) == ["store"]
        assert got[0]["title"] == "HIGH ▲ main: Chairside itself"
    clinic.store.close()


async def test_a_call_that_fell_due_and_was_lost_is_paged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer is lost: nothing else notices, since frames are decided and no page is owed."""
    monkeypatch.setattr("deploy.auditor.EVERY_S", 0.05)
    with receiver([]) as (address, got):
        settings = Settings(pages=PagesPart(destinations=(address,)))
        async with serving(tmp_path / "data", settings) as clinic:
            await clinic.post(sample(0, patient="P-2", spo2=97, pulse=80))
            moment = to_datetime(START_US)
            failing = DestinationFailing(at=moment, destination="sms", since=moment, reason="-", well=0)
            await clinic.service.append([failing])
            await until(lambda: bool(got), "the alert's own page")
            clinic.service.owner.shard.desk.open._due.clear()
            await clinic.post(sample(400, patient="P-2", spo2=97, pulse=80))
            await until(lambda: any("Chairside itself" in page["title"] for page in got), "the auditor's page")
    (page,) = [page for page in got if "Chairside itself" in page["title"]]
    assert "1 open alerts should have been called again" in page["message"]


async def test_a_service_whose_file_is_locked_by_another_process_is_paged_about_while_it_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journal and store cannot be written: no desk decides, no outbox sends, and the auditor's page comes all the same."""
    monkeypatch.setattr("deploy.auditor.NO_PROGRESS_S", 3.0)
    with receiver([]) as (address, got):
        async with serving(tmp_path / "data") as clinic:
            await clinic.post(*falling())
            await clinic.settled()
            service = clinic.service
            auditor = Auditor(
                "main", [open_destination(address)], service.store, lambda: service.owner.written_offset,
                lambda: service.pager.states, lambda: START, every_s=0.2,
            )  # fmt: skip
            auditor.start()
            await asyncio.to_thread(holds, tmp_path / "data" / "chairside.sqlite", got)
            auditor.stop()
            await until(lambda: bool(got), "the page")
    assert "Nobody is being watched" in got[0]["message"]


def holds(path: Path, until_got: list[dict[str, Any]]) -> None:
    """Keep the file's write lock, as another process would, until something came."""
    from time import monotonic, sleep

    holder = sqlite3.connect(path, isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")
    give_up_at = monotonic() + 30
    while not until_got and monotonic() < give_up_at:
        sleep(0.02)
    holder.rollback()
    holder.close()
