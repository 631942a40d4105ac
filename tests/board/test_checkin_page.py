"""A check-in on a phone: by a link alone, one question a screen, through a minute without a network, in every language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from deploy.wiring import wall_us
from models.instants import DAY
from models.tables.crisis_lines import CRISIS_LINES
from streams.intake.selfreport.links import PatientLinks
from streams.intake.selfreport.words import languages
from tests.support.browser import PHONE, Desk, alerts, choose, picture, until, violations
from tests.support.service import PATIENCE_S, started

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)

MINUTE_MS = 60_000


class Clinic(NamedTuple):
    """A service that asks patients at home."""

    address: str
    links: PatientLinks

    def link(self, patient: str, form: str = "phq-9", language: str = "en", days: float = 3) -> str:
        return f"{self.address}/checkin/{self.links.checkin('main', patient, form, language, wall_us() + round(days * DAY))}"

    def answered(self, patient: str) -> list[dict[str, object]]:
        """The patient's check-ins, oldest first."""
        found = httpx.get(
            f"{self.address}/v1/history", params={"patient": patient, "entries": 500}, timeout=PATIENCE_S
        ).json()
        return [each["doc"] for each in found["entries"] if each["kind"] == "checkin"]

    def rules_of(self, patient: str) -> set[str]:
        return {alert["rule"] for alert in alerts(self.address).values() if alert["patient"] == patient}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("home")
    site = folder / "site.toml"
    site.write_text('[site]\nname = "main"\n[home]\ncountry = "DE"\nphone = "+49 30 1234567"\n')
    with started(folder / "data", "--config", site) as process:
        key = folder / "data" / "patient-links.key"
        yield Clinic(process.address, PatientLinks(lambda: [key.read_text()], wall_us))


@pytest.fixture
def phone(desk: Desk) -> Page:
    """A phone's browser, which complains of nothing."""
    return desk.touched(PHONE, is_mobile=True)


def context_of(page: Page) -> BrowserContext:
    return page.context


def begin(page: Page, link: str) -> None:
    page.goto(link)
    page.locator("button.main").tap()


@pytest.mark.parametrize("language", sorted(languages()))
def test_nine_questions_are_answered_on_a_phone_in_every_language(
    clinic: Clinic, phone: Page, tmp_path: Path, language: str
) -> None:
    patient, words = f"willow-{language}", languages()[language]
    phone.goto(clinic.link(patient, language=language))
    assert phone.locator("html").get_attribute("lang") == language
    assert violations(phone) == []
    picture(phone, tmp_path / "start.png")
    phone.locator("button.main").tap()
    for number, text in enumerate(words.forms["phq-9"].items, 1):
        expect(phone.locator("h1")).to_have_text(text)
        expect(phone.locator(".progress")).to_have_text(words.page.progress.format(n=number, of=9))
        boxes = [each.bounding_box() for each in phone.locator("button[data-value]").all()]
        assert len(boxes) == 4
        assert all(box is not None and box["height"] >= 48 for box in boxes), "for any thumb"
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing goes off the side"
        if number in (1, 8):
            assert violations(phone) == []
            picture(phone, tmp_path / f"question-{number}.png")
        choose(phone, 0 if number == 9 else 1)
    expect(phone.get_by_role("status")).to_have_text(words.page.sent)
    assert violations(phone) == []
    picture(phone, tmp_path / "end.png")
    (entry,) = until(phone, lambda: clinic.answered(patient), "the entry")
    assert (entry["instrument"], entry["items"]) == ("phq-9", [1, 1, 1, 1, 1, 1, 1, 1, 0])
    assert (entry["source"], entry["respondent"]) == ("checkin-page", "patient")
    assert clinic.rules_of(patient) == set()


def test_a_minute_without_a_network_in_the_middle_costs_no_answer(clinic: Clinic, phone: Page, tmp_path: Path) -> None:
    phone.clock.install()
    begin(phone, clinic.link("birch"))
    choose(phone, 1, 4)
    context_of(phone).set_offline(True)
    phone.clock.fast_forward(MINUTE_MS // 2)
    choose(phone, 2, 5)
    phone.clock.fast_forward(MINUTE_MS // 2)
    status = phone.get_by_role("status")
    expect(status).to_have_attribute("data-state", "waiting")
    expect(status).to_have_text(languages()["en"].page.not_told)
    expect(phone.locator("#crisis .call").first).to_be_visible()
    assert violations(phone) == []
    picture(phone, tmp_path / "offline.png")
    assert clinic.answered("birch") == []
    context_of(phone).set_offline(False)
    phone.evaluate("dispatchEvent(new Event('online'))")
    expect(status).to_have_text(languages()["en"].page.told)
    (entry,) = until(phone, lambda: clinic.answered("birch"), "the entry")
    assert entry["items"] == [1, 1, 1, 1, 2, 2, 2, 2, 2]


def test_a_phone_that_was_put_away_goes_on_where_it_was(clinic: Clinic, phone: Page) -> None:
    link = clinic.link("cedar")
    begin(phone, link)
    choose(phone, 1, 3)
    phone.goto("about:blank")
    phone.goto(link)
    expect(phone.locator(".progress")).to_have_text("Question 4 of 9")
    choose(phone, 0, 6)
    (entry,) = until(phone, lambda: clinic.answered("cedar"), "the entry")
    assert entry["items"] == [1, 1, 1, 0, 0, 0, 0, 0, 0]


def test_somebody_with_thoughts_of_suicide_is_shown_whom_to_call_and_the_clinic_knows_before_they_leave(
    clinic: Clinic, phone: Page, tmp_path: Path
) -> None:
    begin(phone, clinic.link("aspen", language="de"))
    choose(phone, 0, 8)
    choose(phone, 1)
    expect(phone.get_by_role("status")).to_have_text(languages()["de"].page.told)
    # The page is still there, nobody has pressed anything more, and the alert stands.
    until(phone, lambda: "suicidal-ideation" in clinic.rules_of("aspen"), "the alert")
    shown = phone.locator("#crisis").inner_text()
    germany = CRISIS_LINES["DE"]
    assert all(line.number in shown and line.name in shown for line in germany.lines)
    assert germany.emergency in shown
    assert "+49 30 1234567" in shown
    assert phone.locator("#crisis a").first.get_attribute("href") == "tel:08001110111"
    assert violations(phone) == []
    picture(phone, tmp_path / "crisis.png")


def test_who_corrects_themselves_has_one_answer_and_who_was_told_stays_told(clinic: Clinic, phone: Page) -> None:
    begin(phone, clinic.link("elm"))
    choose(phone, 1, 9)
    until(phone, lambda: "suicidal-ideation" in clinic.rules_of("elm"), "the alert")
    phone.get_by_role("button", name="Change my answers").tap()
    choose(phone, 0, 9)
    expect(phone.get_by_role("status")).to_have_text(languages()["en"].page.sent)
    entries = until(phone, lambda: found if len(found := clinic.answered("elm")) == 2 else [], "both entries")
    assert entries[1]["items"] == [0] * 9
    assert entries[1]["replaces"] == entries[0]["id"]
    assert "suicidal-ideation" in clinic.rules_of("elm"), "only somebody who has talked to them closes it"


def test_two_questions_and_the_mood_take_three_taps(clinic: Clinic, phone: Page, tmp_path: Path) -> None:
    begin(phone, clinic.link("fir", "phq-2"))
    choose(phone, 2, 2)
    expect(phone.locator("h1")).to_have_text("How is your mood?")
    assert violations(phone) == []
    picture(phone, tmp_path / "mood.png")
    choose(phone, 7)
    entries = until(phone, lambda: found if len(found := clinic.answered("fir")) == 2 else [], "both entries")
    assert {(each["instrument"], tuple(each["items"])) for each in entries} == {("phq-2", (2, 2)), ("mood-vas", (7,))}  # type: ignore[arg-type]  # a wire record's values are objects


def test_a_form_whose_texts_are_not_ours_is_answered_by_number_and_its_item_about_suicide_is_told_at_once(
    clinic: Clinic, phone: Page, tmp_path: Path
) -> None:
    begin(phone, clinic.link("gorse", "qids-sr16"))
    expect(phone.locator("h1")).to_have_text("Question 1 of your paper form")
    choose(phone, 1, 11)
    choose(phone, 2)
    # Four questions are left, and nobody needs to answer them.
    until(phone, lambda: "suicidal-ideation" in clinic.rules_of("gorse"), "the alert")
    picture(phone, tmp_path / "numbered.png")
    choose(phone, 0, 4)
    entries = until(phone, lambda: clinic.answered("gorse"), "the entry")
    assert entries[-1]["items"] == [1] * 11 + [2] + [0] * 4
    expect(phone.locator("#crisis")).to_be_visible()


def test_a_patient_sees_their_own_curve(clinic: Clinic, phone: Page, tmp_path: Path) -> None:
    for week, score in enumerate((21, 17, 18, 11)):
        entry = {
            "kind": "checkin",
            "at": f"2026-10-{1 + 7 * week:02}T18:00:00Z",
            "patient": "hazel",
            "instrument": "phq-9",
            "score": score,
        }
        httpx.post(f"{clinic.address}/v1/observations", json=entry, timeout=PATIENCE_S).raise_for_status()
    until(phone, lambda: len(clinic.answered("hazel")) == 4, "the entries")
    link = clinic.link("hazel")
    begin(phone, link)
    choose(phone, 1, 8)
    choose(phone, 0)
    label = phone.locator("#curve svg").get_attribute("aria-label") or ""
    assert re.findall(r"\d{4}-\d\d-\d\d: (\d+)", label) == ["21", "17", "18", "11", "8"]
    assert violations(phone) == []
    phone.locator("#curve").scroll_into_view_if_needed()
    picture(phone, tmp_path / "curve.png")
    until(phone, lambda: len(clinic.answered("hazel")) == 5, "the entry")
    # Somebody else's phone with the same link: it has been answered, and the curve is the same.
    phone.evaluate("localStorage.clear()")
    phone.goto(link)
    expect(phone.locator("h1").first).to_have_text(languages()["en"].page.already)
    assert phone.locator("#curve svg").get_attribute("aria-label") == label


def test_the_page_is_small_and_loads_nothing_else(clinic: Clinic, phone: Page) -> None:
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    link = clinic.link("ivy")
    phone.goto(link)
    assert [each for each in asked if not each.endswith("/favicon.ico")] == [link]
    page = httpx.get(link, timeout=PATIENCE_S)
    assert len(page.content) < 40_000, "nothing of the staff's board"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "'sha256-" in page.headers["content-security-policy"]


def test_a_link_that_is_too_old_or_not_ours_says_so_kindly(clinic: Clinic, phone: Page) -> None:
    for link in (clinic.link("juniper", days=-4), f"{clinic.address}/checkin/nonsense"):
        answer = httpx.get(link, timeout=PATIENCE_S)
        assert answer.status_code == 410
        phone.goto(link)
        expect(phone.locator("h1")).to_have_text(languages()["en"].page.expired)
        assert violations(phone) == []


def test_the_page_works_under_its_own_policy(desk: Desk, clinic: Clinic) -> None:
    page = desk.touched(PHONE, bypass_csp=False)
    begin(page, clinic.link("larch"))
    choose(page, 0, 9)
    until(page, lambda: clinic.answered("larch"), "the entry")
