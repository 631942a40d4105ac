"""What a clinic's desk sees of patients at home, in a real browser against the real service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import PHONE, WALL, Desk, until, violations
from tests.support.every_page import SIZES, turn
from tests.support.service import PATIENCE_S, started

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)

_DOSE_DAYS = (-80, -77, -73, -70, -66, -63, -45, -24)
_SCORES = {-85: 19, -70: 12, -63: 7, -56: 6, -49: 8, -45: 10, -38: 6, -31: 8, -24: 11, -17: 6, -10: 8, -3: 10}


def _weeks_of(patient: str) -> list[dict[str, object]]:
    """Twelve weeks of a responder whose effect lasts about three weeks, up to now."""
    today = datetime.now(UTC)

    def at(day: int, hour: int) -> str:
        return (today + timedelta(days=day)).replace(hour=hour, minute=0).isoformat()

    doses = [
        {"kind": "dose", "at": at(day, 10), "patient": patient, "drug": "esketamine", "route": "intranasal", "amount_mg": 84}
        for day in _DOSE_DAYS
    ]  # fmt: skip
    scores = [
        {"kind": "checkin", "at": at(day, 8), "patient": patient, "instrument": "phq-9", "score": score}
        for day, score in _SCORES.items()
    ]
    return sorted([*doses, *scores], key=lambda line: str(line["at"]))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`chairside serve` with two patients at home: one in maintenance, one before the first dose."""
    path: Path = tmp_path_factory.mktemp("desk")
    with started(path) as process:
        rowan = {
            "kind": "checkin",
            "at": datetime.now(UTC).isoformat(),
            "patient": "rowan",
            "instrument": "phq-9",
            "score": 18,
        }
        answer = httpx.post(
            f"{process.address}/v1/observations", json=[*_weeks_of("willow"), rowan], timeout=PATIENCE_S
        )
        assert answer.json() == {"accepted": len(_DOSE_DAYS) + len(_SCORES) + 1, "set_aside": []}
        yield process.address


def _forecast_made(page: Page, address: str) -> None:
    def made() -> bool:
        return bool(httpx.get(f"{address}/v1/forecasts", params={"patient": "willow"}).json()["forecasts"])

    until(page, made, "a forecast of willow")


def test_who_is_due_stands_first_with_a_window_and_its_reason_and_never_one_date_alone(
    desk: Desk, service: str
) -> None:
    page = desk.open(f"{service}/clinic", WALL)
    _forecast_made(page, service)
    page.reload()
    expect(page.get_by_test_id("patient-willow").get_by_text("%")).to_have_count(2)
    names = page.locator("[data-testid^=patient-] .patient-alias").all_inner_texts()
    assert names == ["willow", "rowan"]
    told = page.get_by_test_id("patient-willow").inner_text()
    heads = page.locator(".schedule thead th").all_inner_texts()
    assert [head.split(" ▾")[0] for head in heads[:3]] == ["Patient", "7 days", "14 days"]
    assert "esketamine 24 days ago" in told
    assert any(words in told for words in (" to ", "From", "Due now", "Likely now"))
    assert "Nothing before the first dose" in page.get_by_test_id("patient-rowan").inner_text()


@pytest.mark.parametrize("size", [WALL, PHONE], ids=["desk", "phone"])
def test_a_patient_s_page_draws_the_course_and_the_fan_and_says_why(
    desk: Desk, service: str, size: dict[str, int]
) -> None:
    page = desk.open(f"{service}/patient/willow", WALL if size is WALL else PHONE)
    _forecast_made(page, service)
    page.reload()
    expect(page.get_by_test_id("picture-course").locator("svg")).to_be_visible()
    # Eight doses and twelve scores, each drawn.
    assert page.get_by_test_id("picture-course").locator("svg title").count() == len(_DOSE_DAYS) + len(_SCORES)
    expect(page.get_by_test_id("forecast")).to_contain_text("due within 14 days")
    expect(page.get_by_test_id("forecast")).to_contain_text("An estimate, not a decision.")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert violations(page) == []


def test_a_patient_before_the_first_dose_has_a_page_that_says_why_there_is_no_forecast(
    desk: Desk, service: str
) -> None:
    page = desk.open(f"{service}/patient/rowan", PHONE)
    expect(page.get_by_test_id("forecast")).to_contain_text("dose")
    expect(page.get_by_test_id("patient-page")).to_contain_text("PHQ-9 18")


def test_a_patient_nobody_knows_is_said_to_be_unknown(desk: Desk, service: str) -> None:
    page = desk.open(f"{service}/patient/nobody", PHONE)
    expect(page.get_by_role("alert")).to_contain_text("Nobody is known by the alias nobody")


def test_a_scheduler_filters_searches_and_sorts_and_plans_a_visit_beside_a_week_later(desk: Desk, service: str) -> None:
    page = desk.open(f"{service}/clinic", WALL)
    _forecast_made(page, service)
    page.reload()
    expect(page.get_by_test_id("patient-willow")).to_be_visible()
    heights = page.locator(".schedule tbody tr").evaluate_all(
        "rows => rows.map((r) => r.getBoundingClientRect().height)"
    )
    assert max(heights) < 60, "a row is a line"
    page.get_by_test_id("search").fill("wil")
    expect(page.locator(".schedule tbody tr")).to_have_count(1)
    page.get_by_test_id("search").fill("")
    page.get_by_test_id("filter-booked").click()
    expect(page.get_by_test_id("shown")).to_contain_text("0 of ")
    page.get_by_test_id("filter-all").click()
    page.get_by_test_id("sort-patient").click()
    names = page.locator(".schedule .patient-alias").all_inner_texts()
    assert names == sorted(names)
    expect(page.get_by_test_id("plan-willow")).to_have_attribute("href", "/enter/willow#visit")

    page.goto(f"{service}/patient/willow")
    page.get_by_test_id("visit-day").fill((datetime.now(UTC) + timedelta(days=5)).date().isoformat())
    shares = page.get_by_test_id("visit-chances").locator("dd").all_inner_texts()
    planned, later = (int("".join(filter(str.isdigit, each))) for each in shares)
    assert planned < later or later == 99
    expect(page.get_by_test_id("beside-the-line")).to_contain_text("on the day of a dose before it")


def _hundreds(count: int) -> list[dict[str, object]]:
    """A clinic's patients as the server lists them, with every kind of words that a line may hold."""
    today = datetime.now(UTC)

    def day(ahead: int) -> str:
        return (today + timedelta(days=ahead)).date().isoformat()

    rows: list[dict[str, object]] = []
    for n in range(count):
        share = (n * 37 % 100) / 100
        due = {"p10": day(n % 9), "p50": day(n % 9 + 20), "p90": day(60) if n % 3 else "beyond_horizon"}
        rows.append({
            "patient": f"P{n:03d}" if n else "P000 of a clinic that gives long names", "doses": n % 7, "response": "non-responder",
            "as_of": day(0), "due": due, "relapse_probability": {"7d": share / 2, "14d": share, "28d": share} if n % 7 else None,
            "last_dose": {"at": (today - timedelta(days=n % 90)).isoformat(), "drug": "esketamine", "route": "intranasal", "amount_mg": 84},
            "last_checkin": {"at": (today - timedelta(days=n % 80)).isoformat(), "instrument": "qids-sr16", "score": n % 27},
            "checkin_due_at": (today - timedelta(days=5)).isoformat(), "overdue": n % 4 == 0,
            "booked_at": f"{day(n % 40)}T{n % 24:02d}:{n * 7 % 60:02d}:00Z" if n % 5 == 0 else None,
            "judged_from": day(12) if n % 11 == 0 else None, "alerts": [],
        })  # fmt: skip
    return rows


LINES = """() => { const wide = document.querySelector('.due-list .wide');
  const heights = [...wide.querySelectorAll('tbody tr')].map((row) => row.getBoundingClientRect().height);
  return { tallest: Math.max(...heights), beyond: wide.scrollWidth - wide.clientWidth }; }"""


def test_four_hundred_patients_are_searched_and_sorted_at_once_and_no_column_is_cut_without_a_word(
    desk: Desk, service: str
) -> None:
    page = desk.open(f"{service}/healthz", SIZES["wall"], is_live=False)
    listed = {"site": "main", "as_of": datetime.now(UTC).isoformat(), "next": 400, "patients": _hundreds(400)}
    page.route("**/v1/patients?*", lambda route: route.fulfill(json=listed))
    page.goto(f"{service}/clinic")
    lines = page.locator(".schedule tbody tr")
    expect(lines).to_have_count(400)
    expect(page.get_by_test_id("shown")).to_contain_text("There are more than 400")
    at_work = page.context.new_cdp_session(page)
    at_work.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy_s() -> float:
        found = at_work.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in found if each["name"] == "TaskDuration"))

    before_s = busy_s()
    page.get_by_test_id("search").fill("p39")
    expect(lines).to_have_count(10)
    page.get_by_test_id("search").fill("")
    expect(lines).to_have_count(400)
    page.get_by_test_id("sort-patient").click()
    names = page.locator(".schedule .patient-alias").all_inner_texts()
    assert names == sorted(names)
    page.get_by_test_id("sort-patient").click()
    assert page.locator(".schedule .patient-alias").all_inner_texts() == names[::-1]
    page.get_by_test_id("filter-booked").click()
    expect(lines).to_have_count(80)
    page.get_by_test_id("filter-all").click()
    expect(lines).to_have_count(400)
    assert busy_s() - before_s < 3, "six answers: half a second of the page's own work each at the most"
    for name, size in SIZES.items():
        turn(page, size)
        # Columns are chosen a moment after the screen has turned.
        until(page, lambda: page.evaluate(LINES)["beyond"] <= 0, f"nothing to stand beyond the edge of a {name}")
        assert page.evaluate(LINES)["tallest"] < 60, "a row is a line"
        assert page.get_by_test_id("left-out").is_visible() == (name != "wall"), "what there is no room for is named"
        expect(page.get_by_test_id("sort-visit")).to_be_visible()
    assert "also: 7 days next dose due last dose last score." in re.sub(
        r"\s+", " ", page.get_by_test_id("left-out").inner_text()
    )


def test_an_alias_with_a_slash_or_what_is_not_seen_has_a_page_and_is_shown_as_it_is(desk: Desk, service: str) -> None:
    for alias in ("A-17/b", "oak\u00a0tree"):
        lines = [{**line, "patient": alias} for line in _weeks_of("x")]
        answer = httpx.post(f"{service}/v1/observations", json=lines, timeout=PATIENCE_S)
        assert answer.json()["set_aside"] == []
    page = desk.open(f"{service}/clinic", WALL)
    expect(page.get_by_test_id("patient-oak\u00a0tree").locator("a").first).to_have_text("oak\ufffdtree")
    page.get_by_test_id("patient-A-17/b").locator("a").first.click()
    expect(page.locator("h1")).to_have_text("A-17/b")
    expect(page.get_by_test_id("patient-page")).to_contain_text("PHQ-9 10")
