"""A page's link on a phone: one look, one tap, no sign-in, and axe has nothing against it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from alerts.answer_links import AnswerLinks
from alerts.effects import Page
from models.instants import iso
from tests.support.browser import PHONE, alerts, chromium, picture, violations
from tests.support.service import PATIENCE_S, START_US, falling, ndjson, started, waited

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)


def test_a_nurse_acknowledges_by_one_tap_on_the_link_of_a_page(tmp_path: Path) -> None:
    with started(tmp_path / "data") as process, chromium() as browser:
        answer = httpx.post(
            f"{process.address}/v1/observations", content=ndjson(falling()),
            headers={"content-type": "application/x-ndjson"}, timeout=PATIENCE_S,
        )  # fmt: skip
        assert answer.json()["accepted"] == 60
        (alert,) = waited(
            lambda: [key for key, said in alerts(process.address).items() if said["rule"] == "desaturation"],
            "the alert",
        )
        links = AnswerLinks(
            lambda: [(tmp_path / "data" / "answer-links.key").read_text()], lambda site: process.address
        )
        link = links.link(Page("k", iso(START_US), "main", "P-1", "medium", (alert,), "T", "B"), "Ada Lovelace")
        assert link is not None
        phone = browser.new_context(
            viewport=PHONE, has_touch=True, bypass_csp=True
        ).new_page()  # for the checker of accessibility
        phone.goto(link)
        button = phone.get_by_role("button", name="Acknowledge as Ada Lovelace")
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 48, "for gloves"
        assert box["y"] + box["height"] <= PHONE["height"], "above the fold"
        assert violations(phone) == []
        assert picture(phone, tmp_path / "answer.png").stat().st_size > 5_000
        button.tap()
        expect(phone.get_by_role("status")).to_contain_text("Acknowledged by Ada Lovelace.")
        assert violations(phone) == []
        picture(phone, tmp_path / "answered.png")
        phone.goto(f"{process.address}/answer/nonsense")
        expect(phone.get_by_role("status")).to_contain_text("no link of ours")
        assert violations(phone) == []
        while alerts(process.address)[alert]["phase"] != "acknowledged":
            phone.wait_for_timeout(20)
        assert alerts(process.address)[alert]["by"] == "Ada Lovelace"
