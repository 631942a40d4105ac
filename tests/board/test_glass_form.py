"""A patient of another site, as a clinician comes to them: whose they are and what will be told to whom, a reason, their page
under a banner; and what whoever may not open them is shown.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from deploy.wiring import wall_us
from models.instants import MINUTE, SECOND, to_datetime
from models.staff import StaffRole
from models.wire.observations import CheckIn
from tests.support.access import PASSWORD, as_an_edge, locked
from tests.support.browser import PHONE, TABLET, Desk, violations
from tests.support.keyboard import unreached
from tests.support.service import PATIENCE_S, until

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)

NORTH, SOUTH = "north", "south"
REASON = "she is here, and has chest pain"


async def _edge(folder: Path, address: Future[str], ended: threading.Event) -> None:
    async with locked(folder) as inside:
        access = as_an_edge(inside, NORTH)
        people: dict[str, StaffRole] = {"ada": "clinician", "ben": "nurse"}
        for name, role in people.items():
            access.accounts.choose_password(access.accounts.link(name, role, NORTH), name, PASSWORD)
        hers = CheckIn(at=to_datetime(wall_us() - MINUTE), site=SOUTH, patient="S-1", instrument="phq-9", score=12.0)
        await inside.service.append([hers])
        await until(lambda: inside.service.store.stored_patient(SOUTH, "S-1") is not None, "the south's patient")
        address.set_result(inside.address)
        await asyncio.to_thread(ended.wait)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A door as a network's edge has it, before a patient of the south; its people are of the north."""
    address: Future[str] = Future()
    ended = threading.Event()

    def serve() -> None:
        try:
            asyncio.run(_edge(tmp_path_factory.mktemp("edge"), address, ended))
        except BaseException as failure:
            if not address.done():
                address.set_exception(failure)
            raise

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield address.result(PATIENCE_S)
    finally:
        ended.set()
        serving.join(PATIENCE_S)


def signed_in(desk: Desk, edge: str, name: str, size: ViewportSize) -> Page:
    """Somebody's page, before they have gone anywhere."""
    page = desk.open(f"{edge}/healthz", size, motion="reduce", is_live=False)
    answer = httpx.post(
        f"{edge}/v1/access/sign-in", headers={"origin": edge}, json={"name": name, "password": PASSWORD, "site": NORTH}
    )
    page.context.add_cookies([{"name": "chairside", "value": answer.cookies["chairside"], "url": edge}])
    return page


def test_a_clinician_opens_another_site_s_patient_with_a_reason_and_reads_them_under_a_banner(
    desk: Desk, edge: str
) -> None:
    page = signed_in(desk, edge, "ada", PHONE)
    page.goto(f"{edge}/patient/S-1?site={SOUTH}")
    expect(page.get_by_test_id("glass-whose")).to_have_text("This patient belongs to south. You are of north.")
    expect(page.get_by_test_id("feed")).to_have_attribute("data-state", "live")  # their own site's
    told = page.get_by_test_id("glass-told")
    for words in ("south is told at once", "ada of north", "audit of south and of north", "60 minutes"):
        expect(told).to_contain_text(words)
    assert unreached(page) == []
    page.get_by_test_id("glass-open").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("glass-problem")).to_contain_text("without a reason nothing is opened")
    expect(page.get_by_test_id("glass-reason")).to_be_focused()
    assert violations(page) == []
    page.keyboard.type(REASON)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    banner = page.get_by_test_id("glass-banner")
    expect(banner).to_contain_text(re.compile(r"Opened by break-glass until \d\d:\d\d"))
    expect(banner).to_contain_text(REASON)
    expect(page.get_by_text("PHQ-9 12", exact=True)).to_be_visible()
    expect(page.get_by_test_id("glass-registered")).to_contain_text("Nothing is registered of S-1")
    expect(page.get_by_test_id("visit")).to_have_count(0)
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(banner).to_be_in_viewport(ratio=0.99)
    page.reload()
    expect(banner).to_contain_text(REASON)
    page.get_by_test_id("theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert violations(page) == []
    page.emulate_media(forced_colors="active")
    assert violations(page) == []
    # Once its time is over nothing of it stays on the screen.
    now, soon = (to_datetime(wall_us() + us).isoformat() for us in (0, 2 * SECOND))
    opened = {"site": SOUTH, "patient": "S-1", "until": soon, "reason": REASON}
    page.route("**/v1/break-glass", lambda route: route.fulfill(json={"at": now, "minutes": 60, "open": [opened]}))
    page.reload()
    expect(page.get_by_test_id("glass-whose")).to_contain_text("The time for which this was opened is over.")
    expect(page.get_by_text("PHQ-9 12", exact=True)).to_have_count(0)


def test_whoever_searches_for_a_patient_of_another_site_is_led_to_them_and_nobody_there_is_opened(
    desk: Desk, edge: str
) -> None:
    page = signed_in(desk, edge, "ada", TABLET)
    page.goto(f"{edge}/patient/S-9?site={NORTH}")
    page.get_by_test_id("of-another-site").click()
    expect(page.get_by_test_id("glass-whose")).to_contain_text("A patient of another site than yours, north?")
    page.get_by_test_id("glass-site").fill(SOUTH)
    page.get_by_test_id("glass-reason").fill(REASON)
    page.get_by_test_id("glass-open").click()
    expect(page.get_by_test_id("glass-problem")).to_have_text(
        "Nothing is opened: there is no S-9 at south. Check the alias and the site."
    )
    page.goto(f"{edge}/session/S-1-now?site={SOUTH}")
    expect(page.get_by_test_id("glass-whose")).to_contain_text("This record belongs to south.")
    expect(page.get_by_test_id("glass-patient")).to_be_visible()
    assert violations(page) == []


def test_whoever_may_not_open_them_is_told_whose_they_are_and_who_can(desk: Desk, edge: str) -> None:
    page = signed_in(desk, edge, "ben", TABLET)
    page.goto(f"{edge}/patient/S-1?site={SOUTH}")
    expect(page.get_by_test_id("glass-whose")).to_have_text("This patient belongs to south. You are of north.")
    expect(page.get_by_test_id("glass-not-yours")).to_contain_text("A clinician can open one patient of another site")
    expect(page.get_by_test_id("glass-open")).to_have_count(0)
