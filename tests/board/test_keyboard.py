"""A chair's page by keyboard alone: a form is opened by Enter, filled in, entered or left by Escape, and the keyboard is then
where it was; what is asked has the keyboard; an alert is answered. That all of each page is reached by Tab: `test_every_page.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import TABLET, Desk, alerts, row
from tests.support.clinics import TWELVE, clinic_of
from tests.support.keyboard import unreached
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
    assert unreached(page, ".doing") == []
    page.get_by_role("heading", name="Cuff by hand").focus()
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


def test_what_is_asked_has_the_keyboard_and_escape_gives_it_back(desk: Desk, service: str) -> None:
    session = sit(service, "6", "B-6")
    page = desk.open(f"{service}/chair/6", TABLET)
    page.get_by_test_id("task-dose").focus()
    press(page, "Enter")
    page.get_by_test_id("field-amount_mg").focus()
    press(page, "ControlOrMeta+a")
    page.keyboard.type("1500")
    press(page, "Enter")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    expect(page.get_by_test_id("odd-change")).to_be_focused()  # a second Enter enters nothing
    press(page, "Escape")
    expect(page.get_by_test_id("odd")).to_have_count(0)
    expect(page.get_by_test_id("enter")).to_be_focused()
    expect(page.get_by_test_id("field-amount_mg")).to_have_value("1500")
    press(page, "Enter")
    expect(page.get_by_test_id("odd-change")).to_be_focused()
    press(page, "Tab")
    expect(page.get_by_test_id("odd-enter")).to_be_focused()
    press(page, "Space")
    filed(page, service, session, "dose", amount_mg=1500.0)
    expect(page.get_by_test_id("task-dose")).to_be_focused()


def test_a_questionnaire_is_chosen_and_answered_by_keyboard_alone(desk: Desk, service: str) -> None:
    session = sit(service, "7", "B-7")
    page = desk.open(f"{service}/chair/7", TABLET)
    page.get_by_test_id("task-questionnaire").focus()
    press(page, "Space")
    page.get_by_test_id("scale-phq-2").focus()
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Questionnaire")).to_be_focused()
    for answer in ("phq-2-1-2", "phq-2-2-1"):
        while not page.get_by_test_id(answer).evaluate("(e) => e === document.activeElement"):
            press(page, "Tab")
        press(page, "Space")
        expect(page.get_by_test_id(answer)).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("enter").focus()
    press(page, "Enter")
    filed(page, service, session, "checkin", instrument="phq-2", items=[2.0, 1.0])
