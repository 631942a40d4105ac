"""The auditor's page against the real service: what happened, narrowed down, older entries fetched, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from deploy.access.accounts import Accounts
from deploy.access.database import ACCOUNTS_FILE
from deploy.wiring import wall_us
from models.staff import StaffRole
from tests.support.browser import PHONE, TABLET, WALL, Desk, violations
from tests.support.service import PATIENCE_S, Started, started, waited

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)

PASSWORD = "a chair by the window"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """A site where an auditor and a nurse can sign in, and the nurse has entered a hundred and twenty doses."""
    path: Path = tmp_path_factory.mktemp("site")
    (path / "site.toml").write_text("[access]\nsign_in = true\n[site]\ntimezone = 'UTC'\n[pages]\ndestinations = []\n")
    with started(path / "data", "--config", path / "site.toml") as process:
        address = process.address
        people: tuple[tuple[str, StaffRole], ...] = (("otto", "auditor"), ("cleo", "nurse"))
        accounts = Accounts(path / "data" / ACCOUNTS_FILE, wall_us)
        for name, role in people:
            accounts.choose_password(accounts.link(name, role), name, PASSWORD)
        accounts.close()
        with httpx.Client(base_url=address, headers={"origin": address}, timeout=PATIENCE_S) as cleo:
            cleo.post("/v1/access/sign-in", json={"name": "cleo", "password": PASSWORD})
            at = datetime.now(UTC).isoformat()
            lines = [
                {"kind": "intervention", "at": at, "patient": f"A-{n}", "what": "oxygen", "id": f"i-{n}"}
                for n in range(120)
            ]
            assert cleo.post("/v1/observations", json=lines).json()["set_aside"] == []
            assert waited(
                lambda: cleo.get("/v1/history", params={"patient": "A-7"}).json()["entries"], "them to be written"
            )
            assert cleo.get("/v1/audit").status_code == 403
        yield process


def _signed_in(desk: Desk, address: str, name: str, size: ViewportSize) -> Page:
    page = desk.open(f"{address}/audit", size, is_live=False)
    form = page.get_by_test_id("sign-in")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Sign in").click()
    expect(page.get_by_test_id("signed-in")).to_contain_text(name)
    return page


@pytest.mark.parametrize("size", [WALL, TABLET, PHONE], ids=["wall", "tablet", "phone"])
def test_an_auditor_reads_what_happened_and_narrows_it_down(desk: Desk, service: Started, size: ViewportSize) -> None:
    page = _signed_in(desk, service.address, "otto", size)
    rows = page.get_by_test_id("audit-entries").locator("tbody tr")
    expect(rows).to_have_count(100)
    expect(page.get_by_test_id("audit-head")).to_contain_text("entries")
    page.get_by_test_id("audit-older").click()
    expect(page.get_by_test_id("audit-older")).to_have_count(0)
    assert rows.count() > 120, "the first page stays, and what is older comes below it"
    numbers = [int(text) for text in rows.locator("td:first-child").all_inner_texts()]
    assert numbers == list(range(numbers[0], 0, -1)), "each once, without a gap, down to the first"
    page.get_by_label("What").select_option("Pages that were opened")
    expect(rows.filter(has_not_text="Page opened")).to_have_count(0)
    page.get_by_label("Who").fill("cleo")
    page.get_by_label("Patient").fill("A-7")
    page.get_by_role("button", name="Show").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("cleo")
    page.get_by_label("What").select_option("Signing in, and what was refused")
    page.get_by_label("Patient").fill("")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("the role nurse may not do that").first).to_be_visible()
    page.get_by_label("Who").fill("nobody of that name")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing of this is audited.")).to_be_visible()
    assert violations(page) == []
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, "the page itself does not scroll sideways"


def test_whoever_may_not_read_the_audit_is_offered_no_link_to_it(desk: Desk, service: Started) -> None:
    for name, links in (("otto", 1), ("cleo", 0)):
        page = _signed_in(desk, service.address, name, TABLET)
        page.goto(f"{service.address}/")
        expect(page.get_by_test_id("signed-in")).to_contain_text(name)
        expect(page.get_by_role("link", name="Audit", exact=True)).to_have_count(links)
