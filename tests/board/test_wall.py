"""A full wall, in a real browser: what stands first, what is cut, whose alert it is, and what is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import WALL, Desk, alerts, measured, row, until
from tests.support.clinics import CHAIRS, ago, cuff, observe, saturation, scored, seated
from tests.support.service import PATIENCE_S, Started, started

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("full clinic")]
expect.set_options(timeout=PATIENCE_S * 1000)

DESK_1366 = {"width": 1366, "height": 768}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(tmp_path_factory.mktemp("quiet")) as process:
        yield process.address


def standing(page: Page) -> list[str]:
    found: list[str] = page.locator(".alert").evaluate_all("rows => rows.map((r) => r.dataset.priority)")
    return found


IN_SIGHT = """() => { const box = document.querySelector('.alert-scroll').getBoundingClientRect();
  return [...document.querySelectorAll('.alert')].filter((r) => { const b = r.getBoundingClientRect();
    return b.top >= box.top - 1 && b.bottom <= box.bottom + 1; }).length; }"""

COVERED = """() => [...document.querySelectorAll('.alert .ack')].filter((e) => { const b = e.getBoundingClientRect();
  const s = document.querySelector('.alert-scroll').getBoundingClientRect();
  if (b.bottom > s.bottom || b.top < s.top) return false;
  const hit = document.elementFromPoint(b.left + b.width / 2, b.top + b.height / 2); return !e.contains(hit); }).length"""


@pytest.mark.parametrize("size", [WALL, DESK_1366], ids=["wall", "1366"])
def test_nothing_is_cut_from_a_full_wall_without_saying_how_many_more_and_how_bad(
    desk: Desk, full: Started, size: Any
) -> None:
    page = desk.open(full.address, size)
    until(page, lambda: len(standing(page)) >= 27, "all problems")
    shown, all_of_them = page.evaluate(IN_SIGHT), len(standing(page))
    assert 0 < shown < all_of_them
    found = re.match(r".*?(\d+) more need someone: (.*)", page.get_by_test_id("cut").inner_text().replace("\n", " "))
    assert found
    assert int(found[1]) == all_of_them - shown
    assert sum(map(int, re.findall(r"\d+", found[2]))) == all_of_them - shown
    assert page.evaluate(COVERED) == 0, "no button is under another line"
    for hook in ("on-call-line", "due-line", "cut"):
        expect(page.get_by_test_id(hook)).to_be_in_viewport(ratio=0.95)
    expect(page.get_by_test_id("on-call-line")).to_contain_text("ada")
    order = {"high": 0, "medium": 1, "low": 2}
    assert standing(page) == sorted(standing(page), key=order.__getitem__), "worst first"


def test_one_problem_is_one_row_and_one_tap_answers_all_of_it(desk: Desk, service: str) -> None:
    session = seated(service, "1", "P-1")
    cuff(service, "1", 130, 80, 600)
    cuff(service, "1", 205, 124)
    scored(service, session, instrument="moaas", score=1)
    page = desk.open(service, WALL)

    def of_one() -> dict[str, str]:
        mine = [a for a in alerts(service).values() if a["patient"] == "P-1"]
        found = {a["rule"]: a["alert"] for a in mine}
        return found if {"hypertensive-crisis", "hypertension", "unresponsive"} <= found.keys() else {}

    of = until(page, of_one, "the alerts of one patient")
    row(page, of["hypertensive-crisis"], "active").wait_for()
    row(page, of["unresponsive"], "active").wait_for()
    until(page, lambda: len(standing(page)) == 2, "two rows")
    expect(row(page, of["hypertensive-crisis"])).to_contain_text("high blood pressure")
    page.get_by_test_id(f"ack-{of['hypertensive-crisis']}").click()
    until(
        page,
        lambda: all(alerts(service)[of[r]]["phase"] == "acknowledged" for r in ("hypertensive-crisis", "hypertension")),
        "both to be answered by the one tap",
    )
    assert alerts(service)[of["unresponsive"]]["phase"] == "active"
    # Answered is not over: what is past its limit keeps its colour.
    expect(page.get_by_test_id("chair-1").locator(".vital-pressure .vital-value")).to_have_class(re.compile("on-high"))
    expect(page.get_by_test_id("on-the-way")).to_contain_text("rn-7 (chair 1)")


def raised(page: Page, address: str, patient: str, rule: str) -> str:
    """A patient's alert of a rule, once there is one."""

    def look() -> str:
        mine = (a["alert"] for a in alerts(address).values() if (a["patient"], a["rule"]) == (patient, rule))
        return next(mine, "")

    return until(page, look, f"{rule} of {patient}")


def test_the_numbers_of_an_alert_are_of_now_and_struck_through_once_they_are_old(desk: Desk, service: str) -> None:
    seated(service, "2", "P-2")
    sliding = [95.0 - i / 2 for i in range(28)]
    fell = [*[96.0, 95.0] * 10, *sliding, *[80.0 + i % 2 for i in range(30)]]
    saturation(service, "2", *fell, until_s=5)
    # Whose monitor has said nothing for longer than a value is good.
    seated(service, "12", "P-12")
    saturation(service, "12", *fell, until_s=40)
    page = desk.open(service, WALL)
    alert = raised(page, service, "P-2", "desaturation")
    numbers = page.get_by_test_id(f"numbers-{alert}")
    for value in (77.0, 79.0, 84.0):
        saturation(service, "2", value)
        expect(numbers.locator("span.value-now")).to_have_text(re.compile(f"^{value:.0f}"))
        page.wait_for_timeout(1100)
    expect(numbers).to_contain_text("worst 77")
    silent = page.get_by_test_id(f"numbers-{raised(page, service, 'P-12', 'desaturation')}")
    expect(silent.locator("s")).to_have_text(re.compile("^8[01]"))
    expect(silent.locator("span.value-now")).to_have_count(0)


def test_what_is_over_is_one_folded_line_that_opens_and_is_answered_there(desk: Desk, service: str) -> None:
    seated(service, "3", "P-3")
    fell_and_rose = [
        *[95.0 - i / 2 for i in range(28)],
        *[80.0 + i % 2 for i in range(25)],
        *[82.0 + i / 2 for i in range(28)],
    ]
    saturation(service, "3", *[96.0, 95.0] * 10, *fell_and_rose, *[96.0, 97.0] * 20)
    page = desk.open(service, WALL)
    alert = raised(page, service, "P-3", "desaturation")
    row(page, alert, "latched").wait_for(state="attached")
    expect(page.locator(f".alert[data-testid='alert-{alert}']")).to_have_count(0)
    expect(page.get_by_test_id("over")).to_contain_text("1 over, not yet seen: 1 ")
    expect(row(page, alert)).not_to_be_visible()
    page.get_by_test_id("over").locator("summary").click()
    page.get_by_test_id(f"ack-{alert}").click()
    expect(page.get_by_test_id("over")).to_have_count(0)


def test_who_has_left_is_named_with_the_time_and_never_stands_under_whoever_sits_there_now(
    desk: Desk, service: str
) -> None:
    session = seated(service, "4", "P-4")
    scored(service, session, instrument="moaas", score=1)
    page = desk.open(service, WALL)
    alert = raised(page, service, "P-4", "unresponsive")
    row(page, alert).wait_for()
    observe(
        service,
        {"kind": "session.ended", "at": ago(0), "session": session, "patient": "P-4", "reason": "left-against-advice"},
    )
    seated(service, "4", "P-5")
    expect(row(page, alert)).to_contain_text(re.compile(r"P-4, left chair 4 at \d\d:\d\d"))
    expect(page.get_by_test_id("chair-4")).to_contain_text("P-5")
    expect(page.get_by_test_id("chair-4").locator(".badge.on-high")).to_have_count(0)
    fresh = desk.open(service, WALL)
    expect(row(fresh, alert)).to_contain_text(re.compile(r"P-4, left chair 4 at \d\d:\d\d"))


def test_a_diastolic_is_called_so_a_scale_stands_as_entered_and_a_high_cuff_is_to_be_rechecked_now(
    desk: Desk, service: str
) -> None:
    session = seated(service, "6", "P-6")
    cuff(service, "6", 150, 90, 400)
    cuff(service, "6", 172, 121)
    scored(service, session, instrument="cadss-6", score=18)
    page = desk.open(service, WALL)

    expect(page.get_by_test_id(f"numbers-{raised(page, service, 'P-6', 'hypertensive-crisis')}")).to_contain_text(
        "diastolic 121"
    )
    scale = page.get_by_test_id(f"numbers-{raised(page, service, 'P-6', 'severe-dissociation')}")
    expect(scale).to_contain_text("CADSS-6 18 of 24")
    expect(scale).not_to_contain_text("92")
    expect(page.get_by_test_id("chair-6").locator(".next")).to_contain_text("Recheck the cuff now")
    cuff(service, "6", 132, 84)
    expect(page.get_by_test_id("chair-6").locator(".next")).not_to_contain_text("Recheck")


def test_before_the_first_message_nothing_is_denied(desk: Desk, service: str) -> None:
    page = desk.open(f"{service}/healthz", WALL, is_live=False)
    page.route("**/v1/live*", lambda route: None)  # never answered
    page.goto(service)
    expect(page.get_by_test_id("alerts-heading")).to_have_text("Alerts not known yet")
    expect(page.locator(".cards")).to_contain_text("not known")
    for path in ("/", "/clinic", "/chair/4"):
        page.goto(f"{service}{path}")
        expect(page.locator("main")).to_contain_text(re.compile("not known", re.IGNORECASE))
        words = page.locator("main").inner_text()
        assert not re.search(r"No alerts|Nobody in|No chair is in use|Free\b", words), (path, words)


def test_twenty_configured_chairs_fit_a_wall_and_keep_their_places_in_a_fresh_browser(
    desk: Desk, full: Started
) -> None:
    page = desk.open(full.address, WALL)
    expect(page.locator(".card")).to_have_count(20)
    names = page.locator(".card .card-chair").all_inner_texts()
    assert names == CHAIRS
    expect(page.get_by_test_id("chair-19")).to_contain_text("Free")
    for name in CHAIRS:
        expect(page.get_by_test_id(f"chair-{name}")).to_be_in_viewport(ratio=0.99)
    cut_off = page.evaluate(
        "() => [...document.querySelectorAll('.card')].filter((c) => c.scrollHeight > c.clientHeight + 2).length"
    )
    assert cut_off == 0
    expect(page.get_by_test_id("chair-3").locator(".card-drug")).to_contain_text("84 mg")


FROM_TWO_METRES = """() => ['.card .vital-note:not(.vital-why)', '.card .card-drug', '.card .phase', '.card .next', '.card .word-age', '.alert-since', '.ladder', '[data-testid=due-line]']
  .flatMap((hook) => [...document.querySelectorAll(hook)].filter((e) => e.textContent !== '').map((e) => [hook, parseFloat(getComputedStyle(e).fontSize)]))"""
VALUES = """() => [...document.querySelectorAll('.number, .alert:not(.on-low) .value-now')].filter((e) => e.textContent !== '—')
  .map((e) => parseFloat(getComputedStyle(e).fontSize) * 0.727)"""


def test_ages_doses_and_due_times_are_read_from_two_metres_and_values_at_twice_that(desk: Desk, full: Started) -> None:
    page = desk.open(full.address, WALL)
    until(page, lambda: len(standing(page)) >= 20, "a full wall")
    sizes = page.evaluate(FROM_TWO_METRES)
    assert len({hook for hook, _ in sizes}) >= 7, sizes
    assert [each for each in sizes if each[1] < WALL["height"] / 60 - 0.05] == []
    assert [height for height in page.evaluate(VALUES) if height < WALL["height"] / 40] == []
    assert measured(page, "() => document.documentElement.scrollWidth <= innerWidth")
