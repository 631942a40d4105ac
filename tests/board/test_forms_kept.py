"""What somebody has begun in a form survives Back, Escape, a reload and a closed page, and is offered in nobody else's session;
and two tablets at one chair, in real browsers against the real service.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import TABLET, Desk, alerts, entries, live, until
from tests.support.service import PATIENCE_S, started
from tests.support.tablet import BOUNCE_MS, filed, fill, of_rule, post, sit, tap

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(tmp_path_factory.mktemp("forms")) as process:
        yield process.address


def test_back_closes_a_form_and_what_was_entered_is_there_when_it_is_opened_again(desk: Desk, service: str) -> None:
    session = sit(service, "1", "K-1")
    page = desk.open(f"{service}/chair", TABLET)
    page.goto(f"{service}/chair/1")
    live(page)
    tap(page, "task-cuff")
    fill(page, sbp="131")
    page.go_back()
    expect(page.get_by_test_id("field-sbp")).to_have_count(0)
    expect(page).to_have_url(f"{service}/chair/1")
    expect(page.get_by_test_id("begun-cuff")).to_be_visible()
    tap(page, "task-cuff")
    expect(page.get_by_test_id("form-begun")).to_contain_text("As rn-7 left it")
    expect(page.get_by_test_id("field-sbp")).to_have_value("131")
    page.go_back()
    page.go_forward()
    expect(page.get_by_test_id("field-sbp")).to_have_value("131")
    fill(page, dbp="84")
    tap(page, "enter")
    filed(page, service, session, "vitals", sbp=131.0, dbp=84.0)
    expect(page.get_by_test_id("begun-cuff")).to_have_count(0)
    tap(page, "task-cuff")
    expect(page.get_by_test_id("field-sbp")).to_have_value("")
    tap(page, "cancel")
    # Nobody presses Back in vain: what forms left behind in the history is passed over.
    page.go_back()
    expect(page).to_have_url(f"{service}/chair")


def test_a_reload_and_a_closed_page_find_the_form_as_it_was_left(desk: Desk, service: str) -> None:
    session = sit(service, "2", "K-2")
    page = desk.open(f"{service}/chair/2", TABLET)
    tap(page, "task-dissociation", "cadss6-1-3", "cadss6-2-2", "ago-10")
    page.reload()
    live(page)
    expect(page.get_by_test_id("cadss6-1-3")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("ago-chosen")).to_have_attribute("aria-pressed", "true")
    context = page.context
    page.close()
    again = context.new_page()
    again.goto(f"{service}/chair/2")
    live(again)
    expect(again.get_by_test_id("begun-dissociation")).to_be_visible()
    tap(again, "task-dissociation", *(f"cadss6-{item}-0" for item in range(3, 7)), "enter")
    entry = filed(again, service, session, "checkin", items=[3.0, 2.0, 0.0, 0.0, 0.0, 0.0])
    began = next(each["at"] for each in entries(service, session) if each["kind"] == "session.started")
    assert entry["at"] < began, "ten minutes before, as was chosen: not now"

    tap(again, "task-dissociation")
    expect(again.get_by_test_id("form-begun")).to_have_count(0)
    tap(again, "cadss6-1-4")
    again.keyboard.press("Escape")
    tap(again, "task-dissociation", "afresh")
    expect(again.get_by_test_id("cadss6-1-4")).to_have_attribute("aria-pressed", "false")


def test_what_was_begun_for_one_patient_is_never_in_the_next_one_s_form(desk: Desk, service: str) -> None:
    session = sit(service, "3", "K-3")
    page = desk.open(f"{service}/chair/3", TABLET)
    tap(page, "task-cuff")
    fill(page, sbp="131")
    page.go_back()
    post(service, kind="session.ended", patient="K-3", session=session, reason="completed")
    sit(service, "3", "K-4")
    expect(page.get_by_test_id("patient")).to_have_text("K-4")
    expect(page.get_by_test_id("begun-cuff")).to_have_count(0)
    tap(page, "task-cuff")
    expect(page.get_by_test_id("field-sbp")).to_have_value("")
    page.reload()
    live(page)
    expect(page.get_by_test_id("field-sbp")).to_have_value("")


def two_at(desk: Desk, service: str, chair: str) -> tuple[Page, Page]:
    """Two tablets of two nurses at one chair."""
    first, second = (desk.open(f"{service}/chair/{chair}", TABLET, by=by) for by in ("rn-1", "rn-2"))
    return first, second


def test_two_tablets_at_one_chair_see_both_entries_at_once_and_each_corrects_the_other_s(
    desk: Desk, service: str
) -> None:
    session = sit(service, "4", "K-5")
    first, second = two_at(desk, service, "4")
    tap(first, "task-cuff")
    tap(second, "task-sedation")
    fill(first, sbp="215", dbp="125")
    tap(second, "moaas-1")
    tap(first, "enter")
    wrong = filed(first, service, session, "vitals", sbp=215.0)
    alert = of_rule(first, service, "unresponsive", "K-5")
    for page in (first, second):
        expect(page.get_by_test_id("sedation-4")).to_contain_text("Only to pain")
        expect(page.locator(".vital-pressure .number").first).to_have_text("215")
        expect(page.get_by_test_id(f"alert-{alert}")).to_be_visible()
        for words in ("Cuff 215/125", "Sedation 1 · only to pain"):
            expect(page.get_by_test_id("record")).to_contain_text(words)
    # Each corrects what the other entered; both see both.
    second.get_by_role("button", name="Correct Cuff 215/125").click()
    fill(second, sbp="125", dbp="75")
    tap(second, "enter")
    right = filed(second, service, session, "cuff.corrected", sbp=125.0)
    assert (right["doc"]["replaces"], right["by"]) == (wrong["doc"]["id"], "rn-2")
    first.get_by_role("button", name="Take back Sedation 1").click()
    for page in (first, second):
        expect(page.locator(".vital-pressure .number").first).to_have_text("125")
        expect(page.get_by_test_id("sedation-4")).not_to_contain_text("Only to pain")
        expect(page.locator("[data-testid=record] li[data-struck=true]")).to_have_count(2)
    until(first, lambda: alerts(service)[alert]["phase"] != "active", "the alert of the wrong score is over")
    assert sorted(entry["kind"] for entry in entries(service, session)) == [
        "checkin", "checkin", "cuff.corrected", "session.started", "vitals",
    ]  # fmt: skip


def test_a_form_open_on_one_tablet_is_refused_by_name_once_the_other_ended_the_session_or_started_another(
    desk: Desk, service: str
) -> None:
    session = sit(service, "5", "K-6")
    first, second = two_at(desk, service, "5")
    tap(first, "task-dose")
    fill(first, amount_mg="40")
    tap(second, "task-end", "discharged-yes", "why-physician-agreed", "enter")
    expect(first.get_by_test_id("form-refused")).to_contain_text("The session of K-6 in this chair has ended.")
    expect(first.get_by_test_id("enter")).to_have_count(0)

    tap(second, "task-start")
    fill(second, patient="K-7")
    tap(second, "monitor-none", "enter")
    expect(first.get_by_test_id("form-refused")).to_contain_text("K-7 sits here now.")
    tap(first, "cancel")
    expect(first.get_by_test_id("patient")).to_have_text("K-7")
    (after,) = {entry["session"] for entry in entries(service, session)}
    assert after == session
    assert "dose" not in {entry["kind"] for entry in entries(service, session)}

    # Both start somebody in one empty chair: one is, and the other is told who sits there.
    third, fourth = two_at(desk, service, "6")
    for page, alias in ((third, "K-8"), (fourth, "K-9")):
        tap(page, "task-start")
        fill(page, patient=alias)
        tap(page, "monitor-none")
    tap(third, "enter")
    expect(third.get_by_test_id("patient")).to_have_text("K-8")
    expect(fourth.get_by_test_id("patient")).to_have_text("K-8")
    expect(fourth.get_by_test_id("form-refused")).to_have_text(
        "K-8 was started in this chair meanwhile, on another tablet. Nothing was entered."
    )
    expect(fourth.get_by_test_id("enter")).to_have_count(0)
    sessions = httpx.get(f"{service}/v1/sessions", timeout=PATIENCE_S).json()["sessions"]
    assert [each["patient"] for each in sessions if each["chair"] == "6"] == ["K-8"]


UNDER = "([x, y]) => document.elementFromPoint(x, y)?.closest('button')?.dataset.testid ?? null"


def twice(page: Page, hook: str) -> str | None:
    """Tap twice, as a glove that bounces; what lies under the finger once the page has settled."""
    box = page.get_by_test_id(hook).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.touchscreen.tap(x, y)
    page.touchscreen.tap(x, y)
    page.wait_for_timeout(BOUNCE_MS)
    under: str | None = page.evaluate(UNDER, [x, y])
    return under


def test_the_second_tap_of_a_double_tap_presses_nothing_of_what_came_up_under_it(desk: Desk, service: str) -> None:
    session = sit(service, "9", "K-9")
    page = desk.open(f"{service}/chair/9", TABLET)
    expect(page.get_by_test_id("patient")).to_have_text("K-9")
    assert twice(page, "task-symptoms") == "symptom-chest-pain", "it came up under the finger"
    expect(page.get_by_test_id("symptom-chest-pain")).to_have_attribute("aria-pressed", "false")
    tap(page, "cancel")
    page.wait_for_timeout(BOUNCE_MS)
    assert (twice(page, "task-questionnaire") or "").startswith("scale-")
    expect(page.locator("[data-testid^=scale-]")).not_to_have_count(0)
    tap(page, "cancel", "task-sedation")
    page.wait_for_timeout(BOUNCE_MS)
    assert (twice(page, "moaas-5") or "").startswith("task-")
    expect(page.locator(".doing")).to_have_count(0)
    filed(page, service, session, "checkin", instrument="moaas", score=5.0)
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started", "checkin"]
