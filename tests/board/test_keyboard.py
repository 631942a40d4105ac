"""A chair's page by keyboard alone: a form is opened by Enter, filled in, entered or left by Escape, and the keyboard is then
where it was; an alert is answered. That all of a board is reached by Tab: `test_browser.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import TABLET, Desk, alerts, row
from tests.support.clinics import TWELVE, clinic_of
from tests.support.service import PATIENCE_S
from tests.support.tablet import filed, of_rule, sit

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with clinic_of(tmp_path_factory.mktemp("keyboard"), TWELVE) as process:
        address = process.address
        yield address


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_cuff_is_entered_and_an_alert_answered_by_keyboard_alone(desk: Desk, service: str) -> None:
    session = sit(service, "5", "B-5")
    page = desk.open(f"{service}/chair/5", TABLET)
    page.get_by_test_id("task-cuff").focus()
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Cuff by hand")).to_be_focused()
    expect(page.locator(".tasks")).to_have_count(0)
    while not page.get_by_test_id("field-sbp").evaluate("(e) => e === document.activeElement"):
        press(page, "Tab")
    page.keyboard.type("205")
    press(page, "Tab")
    page.keyboard.type("124")
    press(page, "Escape")
    expect(page.get_by_test_id("task-cuff")).to_be_focused()
    expect(page.locator(".tasks-settling")).to_have_count(0)
    press(page, "Enter")
    expect(page.get_by_test_id("field-dbp")).to_have_value("124")
    page.get_by_test_id("field-dbp").focus()
    press(page, "Enter")
    filed(page, service, session, "vitals", sbp=205.0, dbp=124.0)
    expect(page.get_by_test_id("task-cuff")).to_be_focused()

    alert = of_rule(page, service, "hypertensive-crisis", "B-5")
    expect(row(page, alert)).not_to_have_class("settling")
    page.get_by_test_id(f"ack-{alert}").focus()
    press(page, "Enter")
    row(page, alert, "acknowledged").wait_for()
    assert alerts(service)[alert]["by"] == "rn-7"
