"""The patient's tablet at the chair: read from the chair's page, asked by the protocol, and somebody a touch away at any time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from streams.intake.selfreport.words import languages
from tests.support.browser import TABLET, Desk, alerts, choose, picture, until, violations
from tests.support.service import PATIENCE_S, started

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)

FOR_SHAKY_HANDS = 80
"""CSS pixels that a target is high at least."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(tmp_path_factory.mktemp("data")) as process:
        yield process.address


@pytest.fixture
def tablet(desk: Desk) -> Page:
    return desk.touched(TABLET)


def post(address: str, **observation: Any) -> None:
    httpx.post(f"{address}/v1/observations", json=observation, timeout=PATIENCE_S).raise_for_status()


def sit(address: str, chair: str, patient: str, minutes_ago: float, language: str = "en") -> str:
    """A session whose infusion began so long ago; its tablet's address."""
    at = (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat()
    session = f"{patient}-today"
    post(
        address,
        kind="session.started",
        at=at,
        patient=patient,
        session=session,
        chair=chair,
        drug="ketamine",
        route="iv",
        planned_mg=40,
        planned_minutes=40,
    )
    post(
        address,
        kind="dose",
        at=at,
        patient=patient,
        session=session,
        drug="ketamine",
        route="iv",
        amount_mg=40,
        minutes=40,
    )

    def made() -> str:
        answer = httpx.get(f"{address}/v1/sessions/{session}/tablet", params={"language": language}, timeout=PATIENCE_S)
        return str(answer.json()["url"]) if answer.is_success else ""

    from tests.support.service import waited

    return waited(made, "the session")


def answered(address: str, patient: str) -> list[dict[str, Any]]:
    found = httpx.get(f"{address}/v1/history", params={"patient": patient, "entries": 500}, timeout=PATIENCE_S).json()
    return [each["doc"] for each in found["entries"] if each["kind"] == "checkin"]


def calls(address: str, patient: str) -> list[dict[str, Any]]:
    return [each for each in alerts(address).values() if (each["rule"], each["patient"]) == ("help-asked", patient)]


@pytest.mark.parametrize("language", sorted(languages()))
def test_a_round_of_questions_is_asked_when_the_protocol_has_it_due(
    service: str, tablet: Page, tmp_path: Path, language: str
) -> None:
    patient, words = f"P-{language}", languages()[language].tablet
    tablet.goto(sit(service, f"4-{language}", patient, 31, language))
    expect(tablet.locator("h1")).to_have_text(words.distress)
    for number, value in enumerate((6, 3, 1, 0, 2, 0, 4, 1)):
        for each in tablet.locator("button").all():
            box = each.bounding_box()
            assert box is not None
            assert box["height"] >= FOR_SHAKY_HANDS
        help_box = tablet.locator("#help").bounding_box()
        assert help_box is not None
        assert help_box["y"] + help_box["height"] <= TABLET["height"], "never off the screen"
        if number in (0, 2):
            assert violations(tablet) == []
            picture(tablet, tmp_path / f"question-{number}.png")
        choose(tablet, value)
    expect(tablet.locator("h1")).to_have_text(words.waiting)
    assert violations(tablet) == []
    picture(tablet, tmp_path / "waiting.png")
    entries = until(tablet, lambda: found if len(found := answered(service, patient)) == 3 else [], "three entries")
    by_name = {each["instrument"]: each for each in entries}
    assert by_name["distress"]["items"] == [6]
    assert by_name["mood-vas"]["items"] == [3]
    assert by_name["cadss-6"]["items"] == [1, 0, 2, 0, 4, 1]
    for entry in entries:
        latency = datetime.fromisoformat(entry["at"]) - datetime.fromisoformat(entry["prompted_at"])
        assert timedelta(milliseconds=300) < latency < timedelta(minutes=2), "how long they took is kept"
    tablet.reload()
    expect(tablet.locator("h1")).to_have_text(words.waiting)


def test_before_the_first_round_there_is_nothing_to_do_but_call(service: str, tablet: Page) -> None:
    tablet.goto(sit(service, "6", "P-6", 5))
    expect(tablet.locator("h1")).to_have_text("Nothing to answer now. Lean back.")
    expect(tablet.locator("#next")).to_have_text("The next questions come in about 25 min.")
    expect(tablet.locator("#help")).to_be_visible()


def test_somebody_is_called_by_one_touch_and_the_tablet_says_that_they_come(
    service: str, tablet: Page, tmp_path: Path
) -> None:
    tablet.goto(sit(service, "7", "P-7", 5))
    tablet.locator("#help").tap()
    said = tablet.locator("#help-status")
    expect(said).to_have_text("Somebody has been called.")
    alert = until(tablet, lambda: calls(service, "P-7"), "the alert")[0]
    assert (alert["priority"], alert["chair"]) == ("medium", "7")
    tablet.locator("#help").tap()
    assert len(calls(service, "P-7")) == 1
    picture(tablet, tmp_path / "called.png")
    assert violations(tablet) == []
    httpx.post(
        f"{service}/v1/alerts/{alert['alert']}/acknowledge", json={"by": "rn-1"}, timeout=PATIENCE_S
    ).raise_for_status()
    expect(said).to_have_text("Somebody has seen your call and is coming.")


def test_a_call_that_nobody_has_seen_for_a_minute_is_made_again_and_is_high(service: str, tablet: Page) -> None:
    tablet.clock.install()
    tablet.goto(sit(service, "8", "P-8", 5))
    tablet.locator("#help").tap()
    expect(tablet.locator("#help-status")).to_have_attribute("data-state", "called")
    tablet.clock.fast_forward(61_000)
    expect(tablet.locator("#help")).to_have_text("Call again")
    tablet.locator("#help").tap()
    until(tablet, lambda: [each for each in calls(service, "P-8") if each["priority"] == "high"], "the second call")


def test_without_a_network_the_tablet_says_to_call_out_loud_and_calls_when_it_is_back(
    service: str, tablet: Page, tmp_path: Path
) -> None:
    tablet.clock.install()
    tablet.goto(sit(service, "9", "P-9", 31))
    choose(tablet, 5)
    tablet.context.set_offline(True)
    tablet.locator("#help").tap()
    said = tablet.locator("#help-status")
    expect(said).to_have_text("No connection! Call out loud.")
    picture(tablet, tmp_path / "lost.png")
    assert violations(tablet) == []
    choose(tablet, 4)
    tablet.clock.fast_forward(60_000)
    assert calls(service, "P-9") == []
    tablet.context.set_offline(False)
    tablet.clock.fast_forward(5_000)
    expect(said).to_have_text("Somebody has been called.")
    until(tablet, lambda: calls(service, "P-9"), "the alert")
    until(tablet, lambda: len(answered(service, "P-9")) == 2, "what was answered meanwhile")


def test_a_tablet_whose_treatment_is_over_asks_no_more(service: str, tablet: Page) -> None:
    tablet.goto(sit(service, "10", "P-10", 31))
    expect(tablet.locator("h1")).to_have_text("How distressed are you right now?")
    post(service, kind="session.ended", at=datetime.now(UTC).isoformat(), patient="P-10", session="P-10-today")
    expect(tablet.locator("h1")).to_have_text("This treatment is over. You can give the tablet back.")
    expect(tablet.locator("#help")).to_be_hidden()


def test_the_chairs_page_shows_the_link_as_a_picture(service: str, desk: Desk, tmp_path: Path) -> None:
    sit(service, "11", "P-11", 5)
    page = desk.open(f"{service}/chair/11", TABLET)
    page.get_by_test_id("tablet").click()
    image = page.get_by_test_id("tablet-shown").locator("img")
    expect(image).to_be_visible()
    assert (image.get_attribute("src") or "").startswith("data:image/svg+xml")
    assert image.evaluate("image => image.naturalWidth > 100")
    before = image.get_attribute("src")
    page.get_by_test_id("tablet-language").select_option("de")
    until(page, lambda: image.get_attribute("src") != before, "the link in German")
    page.get_by_test_id("tablet-shown").scroll_into_view_if_needed()
    assert violations(page) == []
    picture(page, tmp_path / "chair.png")
    page.get_by_test_id("tablet-close").click()
    expect(page.get_by_test_id("tablet")).to_be_visible()
