"""What a nurse sees and does, in a real browser against the real service."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from models.arrays import Document
from tests.support.browser import (
    PHONE,
    TABLET,
    WALL,
    Desk,
    alerts,
    demo,
    entries,
    live,
    measured,
    new_row,
    numbers,
    picture,
    queued,
    row,
    rows,
    said,
    until,
    violations,
)
from tests.support.service import PATIENCE_S, Started, start, started

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def clinic() -> Iterator[tuple[str, Started]]:
    """The demonstration at ten times the speed of life: where, and the process."""
    with demo() as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`chairside serve` on a fresh data directory; tests take a chair each."""
    with started(tmp_path_factory.mktemp("data")) as process:
        yield process.address


def now() -> str:
    return datetime.now(UTC).isoformat()


def post(address: str, **observation: object) -> None:
    answer = httpx.post(f"{address}/v1/observations", json={"at": now(), **observation}, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text


def sit(address: str, chair: str, patient: str) -> str:
    """A session in progress in a chair; its name."""
    session = f"{patient}-today"
    post(address, kind="session.started", patient=patient, session=session, chair=chair, device=f"monitor-{chair}",
         drug="ketamine", route="iv", planned_mg=40, planned_minutes=40, by="rn-1")  # fmt: skip
    return session


def send(page: Page, kind: str) -> None:
    """Send the one waiting entry of a kind without its ten seconds."""
    entry = queued(page, kind)
    entry.get_by_role("button", name="Send now").click()
    entry.wait_for(state="detached")


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.get_by_test_id(f"field-{name}").first.fill(value)


def tap(page: Page, *hooks: str) -> None:
    for hook in hooks:
        page.get_by_test_id(hook).click()


def filed(page: Page, address: str, session: str, kind: str, **fields: object) -> Document:
    """The store's entry of a kind with these fields: once it is there, there is one."""

    def look() -> list[Document]:
        return [
            entry for entry in entries(address, session)
            if entry["kind"] == kind and fields.items() <= entry["doc"].items()
        ]  # fmt: skip

    found = until(page, look, f"{kind} {fields} in the store")
    assert len(found) == 1
    return found[0]


def of_rule(page: Page, address: str, rule: str, patient: str) -> str:
    """A patient's alert of one rule, once it stands on the page."""

    def look() -> str:
        found = (
            a for a, r in alerts(address).items() if (r["rule"], r["patient"]) == (rule, patient) and a in rows(page)
        )
        return next(found, "")

    return until(page, look, f"{rule} of {patient}")


# ---- the demonstration -----------------------------------------------------------------------------------------------


def test_an_alert_of_the_demonstration_is_seen_and_paged(
    desk: Desk, clinic: tuple[str, Started], tmp_path: Path
) -> None:
    address, process = clinic
    wall = desk.open(address, WALL)
    phone = desk.open(address, PHONE, by="dr-2")
    standing = set(rows(wall))
    before = {chair: numbers(wall, chair) for chair in ("2", "7", "10")}

    alert = new_row(wall, standing)
    assert all(numbers(wall, chair) != shown for chair, shown in before.items()), "chairs are live"
    expect(wall.get_by_test_id("invented")).to_be_visible()
    expect(row(wall, alert)).to_contain_text("Paged")
    expect(row(phone, alert)).to_contain_text("Paged")
    record = alerts(address)[alert]
    assert "sent" in [page["state"] for page in record["pages"]]
    until(wall, lambda: any("PAGE" in line and record["title"] in line for line in process.said), "the printed page")
    assert picture(wall, tmp_path / "board.png").stat().st_size > 20_000
    assert picture(phone, tmp_path / "board-phone.png").stat().st_size > 10_000


def test_one_tap_answers_an_alert_and_every_board_hears_who_it_was(desk: Desk, service: str) -> None:
    wall, phone = desk.open(service, WALL), desk.open(service, PHONE, by="dr-2")
    sit(service, "3", "A-51")
    post(service, kind="vitals", device="monitor-3", sbp=205.0, dbp=124.0)
    alert = of_rule(wall, service, "hypertensive-crisis", "A-51")
    row(phone, alert).wait_for()

    wall.get_by_test_id(f"ack-{alert}").click()
    expect(row(wall, alert, "acknowledged")).to_contain_text("Acknowledged by rn-7")
    expect(row(phone, alert, "acknowledged")).to_contain_text("Acknowledged by rn-7")
    record = alerts(service)[alert]
    assert (record["phase"], record["by"]) == ("acknowledged", "rn-7")
    wall.reload()
    live(wall)
    expect(row(wall, alert, "acknowledged")).to_contain_text("Acknowledged by rn-7")
    assert sum(record["title"] in words and f"Chair {record['chair']}," in words for words in said(phone)) == 1


def test_a_page_s_link_shows_one_alert_to_answer_on_a_phone(desk: Desk, service: str) -> None:
    sit(service, "1", "A-50")
    post(service, kind="vitals", device="monitor-1", sbp=205.0, dbp=124.0)
    alert = of_rule(desk.open(service, PHONE), service, "hypertensive-crisis", "A-50")
    record = alerts(service)[alert]

    phone = desk.open(f"{service}/alert/{alert}", PHONE, by="dr-2")
    expect(row(phone, alert)).to_contain_text(record["title"])
    expect(row(phone, alert)).to_contain_text(f"Chair {record['chair']} · {record['patient']}")
    expect(row(phone, alert).get_by_role("img").first).to_be_visible()
    phone.get_by_test_id(f"on-my-way-{alert}").click()
    row(phone, alert, "acknowledged").wait_for()
    record = alerts(service)[alert]
    assert (record["phase"], record["by"]) == ("acknowledged", "dr-2")

    phone.get_by_test_id(f"snooze-{alert}").click()
    row(phone, alert, "snoozed").wait_for()
    phone.get_by_test_id(f"unsnooze-{alert}").click()
    row(phone, alert, "active").wait_for()


# ---- a session at the chair ------------------------------------------------------------------------------------------


def test_a_whole_session_is_entered_at_the_chair_and_filed_with_who_entered_it(desk: Desk, service: str) -> None:
    page = desk.open(f"{service}/chair/4", TABLET)
    expect(page.get_by_test_id("patient")).to_have_text("Nobody in this chair")

    tap(page, "task-start")
    fill(page, patient="A-17", device="monitor-4", planned_mg="42.5", planned_minutes="40")
    tap(page, "drug-ketamine", "route-iv", "enter")
    send(page, "session.started")
    expect(page.get_by_test_id("patient")).to_have_text("A-17")
    (session,) = (
        each["session"] for each in httpx.get(f"{service}/v1/sessions").json()["sessions"] if each["patient"] == "A-17"
    )
    filed(page, service, session, "session.started", patient="A-17", chair="4", device="monitor-4", drug="ketamine",
          route="iv", planned_mg=42.5, planned_minutes=40.0)  # fmt: skip

    post(service, kind="vitals", device="monitor-4", spo2=97, hr=71, rr=14)
    expect(page.locator(".vital-spo2 .number")).to_have_text("97")
    expect(page.locator(".vital-rate .number")).to_have_text("71")

    tap(page, "task-dose", "enter")  # the planned amount stands there already
    send(page, "dose")
    filed(page, service, session, "dose", drug="ketamine", route="iv", amount_mg=42.5, minutes=40.0)
    expect(page.locator(".phase")).to_contain_text("Infusion")

    tap(page, "task-cuff")
    fill(page, sbp="132", dbp="84")
    tap(page, "enter")
    send(page, "vitals")
    filed(page, service, session, "vitals", sbp=132.0, dbp=84.0)
    expect(page.locator(".vital-pressure .number").first).to_have_text("132")

    tap(page, "task-sedation", "moaas-4")
    send(page, "checkin")
    filed(page, service, session, "checkin", instrument="moaas", score=4.0)
    expect(page.get_by_test_id("sedation-4")).to_contain_text("Drowsy")

    tap(page, "task-dissociation", *(f"cadss6-{item}-{min(item, 4)}" for item in range(1, 7)), "enter")
    send(page, "checkin")
    filed(page, service, session, "checkin", instrument="cadss-6", items=[1.0, 2.0, 3.0, 4.0, 4.0, 4.0])
    expect(page.get_by_test_id("dissociation-4")).to_contain_text("18")

    tap(page, "task-intervention", "intervention-oxygen")
    fill(page, detail="2 L/min")
    tap(page, "enter")
    send(page, "intervention")
    filed(page, service, session, "intervention", what="oxygen", detail="2 L/min")

    tap(page, "task-stop")
    fill(page, given_mg="38")
    tap(page, "enter")
    send(page, "dose.stopped")
    filed(page, service, session, "dose.stopped", given_mg=38.0)

    # What is undone within ten seconds was never there; what is left alone sends itself.
    tap(page, "task-distress", "distress-9")
    queued(page, "checkin").get_by_role("button", name="Undo").click()
    expect(queued(page, "checkin")).to_have_count(0)
    assert page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('chairside.entry.'))") == []
    tap(page, "task-distress", "distress-2")
    filed(page, service, session, "checkin", instrument="distress", score=2.0)
    assert [entry for entry in entries(service, session) if entry["doc"].get("score") == 9] == []
    expect(page.get_by_test_id("record").locator("li").first).to_contain_text("Distress 2 of 10")
    expect(page.get_by_test_id("record").locator("li").first).to_contain_text("rn-7")

    tap(page, "task-end", "reason-completed", "enter")
    expect(page.get_by_test_id("form-problem")).to_have_text("Was the patient discharged?")
    tap(page, "discharged-yes", "enter")
    send(page, "session.ended")
    filed(page, service, session, "session.ended", reason="completed", discharged=True)
    expect(page.get_by_test_id("patient")).to_have_text("Nobody in this chair")

    record = entries(service, session)
    assert [entry["kind"] for entry in record] == [
        "session.started", "dose", "vitals", "checkin", "checkin", "intervention", "dose.stopped", "checkin", "session.ended",
    ]  # fmt: skip
    assert {(entry["by"], entry["outcome"]) for entry in record} == {("rn-7", "accepted")}


def test_a_form_that_was_opened_for_one_patient_is_never_entered_for_the_next(desk: Desk, service: str) -> None:
    first = sit(service, "8", "K-1")
    page = desk.open(f"{service}/chair/8", TABLET)
    expect(page.get_by_test_id("patient")).to_have_text("K-1")
    expect(page.get_by_test_id("task-start")).to_have_count(0)  # the chair is occupied
    tap(page, "task-dose")
    post(service, kind="session.ended", session=first, patient="K-1")
    sit(service, "8", "K-2")
    refused = "The session of K-1 in this chair has ended. K-2 sits here now. Nothing was entered."
    expect(page.get_by_test_id("form-refused")).to_have_text(refused)
    expect(page.get_by_test_id("enter")).to_have_count(0)


def test_someone_who_answers_only_to_pain_is_on_every_board_as_unresponsive(desk: Desk, service: str) -> None:
    sit(service, "5", "B-05")
    board = desk.open(service, WALL)
    known = set(rows(board))
    page = desk.open(f"{service}/chair/5", TABLET)
    tap(page, "task-sedation", "moaas-1")
    send(page, "checkin")

    alert = new_row(board, known, ("high",))
    record = alerts(service)[alert]
    assert (record["rule"], record["chair"], record["patient"]) == ("unresponsive", "5", "B-05")
    expect(row(board, alert)).to_contain_text("HIGH ▲")
    expect(board.locator("[data-testid=say-now] p")).to_have_count(1)
    expect(board.locator("[data-testid=say-now] p")).to_contain_text("Chair 5, B-05. Unresponsive.")


def test_an_entry_whose_answer_was_lost_is_sent_again_and_counts_once(desk: Desk, service: str) -> None:
    session = sit(service, "6", "B-06")
    page = desk.open(f"{service}/chair/6", TABLET)
    posts: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        posts.append(json.loads(route.request.post_data or "{}")["id"])
        if len(posts) == 1:
            assert route.fetch().status == 200  # the server has it
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/observations", lose_the_first_answer)
    tap(page, "task-cuff")
    fill(page, sbp="141", dbp="90")
    tap(page, "enter")
    queued(page, "vitals").get_by_role("button", name="Send now").click()
    expect(queued(page, "vitals", "unsent")).to_contain_text("Not sent yet: no connection")
    queued(page, "vitals").wait_for(state="detached")
    assert len(posts) == 2
    assert len(set(posts)) == 1
    filed(page, service, session, "vitals", sbp=141.0)
    tap(page, "task-distress", "distress-1")
    send(page, "checkin")
    filed(page, service, session, "checkin", score=1.0)
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started", "vitals", "checkin"]


def test_entries_made_without_a_connection_are_marked_and_sent_when_it_is_back(desk: Desk, service: str) -> None:
    session = sit(service, "7", "B-07")
    page = desk.open(f"{service}/chair/7", TABLET)
    page.context.set_offline(True)
    tap(page, "task-sedation", "moaas-3")
    queued(page, "checkin").get_by_role("button", name="Send now").click()
    tap(page, "task-cuff")
    fill(page, sbp="150", dbp="95")
    tap(page, "enter")
    queued(page, "vitals").get_by_role("button", name="Send now").click()
    expect(queued(page, "checkin", "unsent")).to_contain_text("Sedation 3 · sedated")
    expect(queued(page, "vitals", "unsent")).to_contain_text("Not sent yet: no connection")
    expect(page.get_by_test_id("queue")).to_be_in_viewport()
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started"]

    page.context.set_offline(False)
    expect(queued(page, "checkin")).to_have_count(0)
    expect(queued(page, "vitals")).to_have_count(0)
    filed(page, service, session, "checkin", instrument="moaas", score=3.0)
    filed(page, service, session, "vitals", sbp=150.0, dbp=95.0)


def test_a_refused_entry_says_which_field_and_why_and_can_be_corrected(desk: Desk, service: str) -> None:
    session = sit(service, "8", "B-08")
    page = desk.open(f"{service}/chair/8", TABLET)
    tap(page, "task-dose")
    fill(page, drug="ketamine with a story " * 3)
    tap(page, "enter")
    queued(page, "dose").get_by_role("button", name="Send now").click()
    refused = queued(page, "dose", "refused")
    expect(refused).to_contain_text("Not taken")
    expect(refused).to_contain_text("drug: String should have at most 60 characters")
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started"]

    refused.get_by_role("button", name="Correct").click()
    fill(page, drug="ketamine")
    tap(page, "enter")
    send(page, "dose")
    filed(page, service, session, "dose", drug="ketamine", amount_mg=40.0)


# ---- a feed that stops -----------------------------------------------------------------------------------------------


def test_a_stopped_feed_is_said_by_the_whole_page_and_a_restart_loses_nothing(desk: Desk, tmp_path: Path) -> None:
    process = start(tmp_path)
    address = process.address
    try:
        session = sit(address, "2", "C-02")
        post(address, kind="checkin", patient="C-02", session=session, instrument="moaas", score=0, by="rn-1")
        board = desk.open(address, WALL)
        tablet = desk.open(f"{address}/chair/2", TABLET)
        alert = of_rule(board, address, "unresponsive", "C-02")
        until(board, lambda: board.locator(".head-clock").text_content(), "the clock")
        last_heard = datetime.now(UTC)
        stopped = time.monotonic()
        os.kill(process.process.pid, signal.SIGSTOP)

        silent = board.locator("[data-testid=feed][data-state=silent]")
        silent.wait_for()
        assert time.monotonic() - stopped > 3, "a feed is not called silent for one late message"
        words = board.locator(".silence strong").text_content() or ""
        at = re.fullmatch(r"No data since (\d\d):(\d\d):(\d\d)", words)
        assert at, words
        assert silent.text_content() == words
        told = last_heard.replace(hour=int(at[1]), minute=int(at[2]), second=int(at[3]), microsecond=0)
        assert abs((told - last_heard).total_seconds()) <= 3 or last_heard.hour == 23, (
            "the site's time, of the last message"
        )
        frame = board.evaluate("() => { const s = getComputedStyle(document.querySelector('.page'), '::after');"
                               "return [s.position, s.borderBottomWidth, s.inset]; }")  # fmt: skip
        assert frame == ["fixed", "12px", "0px"]
        expect(board).to_have_title(re.compile("^NO DATA since"))

        process.kill()
        tap(tablet, "task-cuff")
        fill(tablet, sbp="127", dbp="81")
        tap(tablet, "enter")
        queued(tablet, "vitals").get_by_role("button", name="Send now").click()
        queued(tablet, "vitals", "unsent").wait_for()

        process = start(tmp_path, "--port", address.rsplit(":", 1)[1])
        assert process.address == address
        live(board)
        live(tablet)
        expect(board.locator(".silence")).to_have_count(0)
        row(board, alert, "active").wait_for()
        queued(tablet, "vitals").wait_for(state="detached")
        filed(tablet, address, session, "vitals", sbp=127.0)
        assert [entry["kind"] for entry in entries(address, session)] == ["session.started", "checkin", "vitals"]
    finally:
        process.kill()


def test_a_watch_that_stands_still_is_said_by_the_whole_page_while_the_feed_comes_and_ages_run_on(
    desk: Desk, tmp_path: Path
) -> None:
    process = start(tmp_path)
    holder = sqlite3.connect(tmp_path / "chairside.sqlite", isolation_level=None, timeout=PATIENCE_S)
    try:
        sit(process.address, "2", "C-02")
        board = desk.open(process.address, WALL)
        live(board)
        holder.execute("BEGIN IMMEDIATE")
        board.locator("[data-testid=feed][data-state=silent]").wait_for()
        words = board.locator(".silence strong").text_content() or ""
        assert re.fullmatch(r"Not being watched since \d\d:\d\d:\d\d", words), words
        expect(board).to_have_title(re.compile("^NOT WATCHED since"))
        clock = board.locator(".head-clock").text_content()
        expect(board.locator(".head-clock")).not_to_have_text(clock or "")
        holder.rollback()
        live(board)
        expect(board.locator(".silence")).to_have_count(0)
    finally:
        holder.close()
        process.kill()


# ---- language and access ---------------------------------------------------------------------------------------------

BIG_NUMBERS = """() => [...document.querySelectorAll('.number')].filter((e) => e.textContent !== '—')
  .map((e) => ({ text: e.textContent, height: parseFloat(getComputedStyle(e).fontSize) * 0.727, contrast: contrast(e) }))"""
"""0.727: the height of Inter's digits as a share of the font's size."""

STRAY_COLOURS = """() => [...document.querySelectorAll('body *')].filter((e) => !e.closest('[class*="on-high"], [class*="on-medium"], [class*="on-low"]'))
  .flatMap((e) => { const s = getComputedStyle(e);
    return ['color', 'backgroundColor', 'borderTopColor', 'borderLeftColor', 'outlineColor', 'fill', 'stroke']
      .filter((name) => coloured(s[name])).map((name) => `${e.tagName}.${e.className} ${name} ${s[name]}`); })"""

STRAY_PIXELS = """() => [...document.querySelectorAll('canvas')].filter((c) => c.width > 0 && c.height > 0).filter((canvas) => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 100 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60) return true;
  return false; }).length"""

SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, input')].filter((e) => e.getClientRects().length > 0)
  .map((e) => ({ what: e.dataset.testid || e.className || e.textContent, box: e.getBoundingClientRect() }))
  .filter(({ box }) => box.width < 48 || box.height < 48).map(({ what, box }) => `${what} ${box.width}x${box.height}`)"""

COLLISIONS = """() => [...document.querySelectorAll('.alert')].flatMap((alert) => {
  const parts = [...alert.querySelectorAll('.badge, .alert-place, .alert-title, .alert-value, .alert-text, .alert-note > *, .ack')]
    .filter((e) => e.getClientRects().length > 0 && e.textContent !== '').map((e) => ({ e, box: e.getBoundingClientRect() }));
  return parts.flatMap((a, i) => parts.slice(i + 1).filter((b) => Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1
    && Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 4).map((b) => `${a.e.textContent} / ${b.e.textContent}`)); })"""

FLASHING = """() => [...document.querySelectorAll('.badge')].map((e) => ({ classes: e.className, s: getComputedStyle(e) }))
  .filter(({ s }) => s.animationName !== 'none').map(({ classes, s }) => [classes.includes('on-high') ? 'high' : 'medium', parseFloat(s.animationDuration)])"""


def test_numbers_are_read_from_two_metres_and_only_alarms_have_colour(desk: Desk, clinic: tuple[str, Started]) -> None:
    board = desk.open(clinic[0], WALL)
    until(board, lambda: len(board.locator(".number").all()) >= 40, "twelve chairs")
    shown = measured(board, BIG_NUMBERS)
    assert [n for n in shown if n["height"] < WALL["height"] / 40] == []
    assert [n for n in shown if n["contrast"] < 7] == []
    assert measured(board, STRAY_COLOURS) == []
    assert measured(board, STRAY_PIXELS) == 0
    for badge in board.locator(".badge").all_text_contents():
        assert re.fullmatch(r"(HIGH ▲|MEDIUM ◆|LOW ●|INFO ○)", badge), "a word and a shape with every colour"
    expect(board.get_by_test_id("sound")).to_have_text(re.compile("^Sound off"))
    expect(board.get_by_test_id("sound")).to_be_in_viewport()


def test_eight_low_alerts_fit_on_a_wall_that_nobody_scrolls(desk: Desk, service: str) -> None:
    for chair in map(str, range(21, 29)):
        session = sit(service, chair, f"F-{chair}")
        post(service, kind="checkin", patient=f"F-{chair}", session=session, instrument="cadss", score=20, by="rn-1")
    board = desk.open(service, WALL)
    low = board.locator(".alert[data-priority=low]")
    until(board, lambda: low.count() >= 8, "eight low alerts")
    boxes = low.evaluate_all("rows => rows.map((r) => r.getBoundingClientRect()).map((b) => [b.top, b.bottom])")
    heading = board.locator(".alerts h2").bounding_box()
    assert heading is not None
    assert heading["y"] + heading["height"] + 8 * (boxes[1][0] - boxes[0][0]) <= WALL["height"]
    assert board.evaluate(COLLISIONS) == []


def test_alarms_flash_at_the_standard_s_rates_and_stand_still_where_motion_is_reduced(desk: Desk, service: str) -> None:
    session = sit(service, "9", "D-09")
    post(service, kind="checkin", patient="D-09", session=session, instrument="moaas", score=0, by="rn-1")
    post(
        service,
        kind="checkin",
        patient="D-10",
        session=sit(service, "10", "D-10"),
        instrument="moaas",
        score=3,
        by="rn-1",
    )
    moving = desk.open(service, WALL)
    still = desk.open(service, WALL, motion="reduce")
    for page in (moving, still):
        page.locator("[data-testid=chair-9] .badge.on-high").wait_for()
        page.locator("[data-testid=chair-10] .badge.on-medium").wait_for()
    rates = {priority: 1 / seconds for priority, seconds in moving.evaluate(FLASHING)}
    assert rates.keys() == {"high", "medium"}
    assert 1.4 <= rates["high"] <= 2.8, "IEC 60601-1-8"
    assert 0.4 <= rates["medium"] <= 0.8, "IEC 60601-1-8"
    assert still.evaluate(FLASHING) == []


def test_everything_is_reached_and_answered_by_keyboard(desk: Desk, service: str) -> None:
    post(
        service,
        kind="checkin",
        patient="E-11",
        session=sit(service, "11", "E-11"),
        instrument="moaas",
        score=0,
        by="rn-1",
    )
    board = desk.open(service, WALL)
    alert = of_rule(board, service, "unresponsive", "E-11")
    wanted = board.locator("a:visible, button:visible, input:visible").count()
    seen: set[str] = set()
    for _ in range(wanted + 2):
        board.keyboard.press("Tab")
        found = board.evaluate(
            """() => { const e = document.activeElement; const all = [...document.querySelectorAll('a, button, input')];
                 return e === document.body ? null : [String(all.indexOf(e)), getComputedStyle(e).outlineStyle]; }"""
        )
        if found is None:
            continue
        assert found[1] != "none", "where the keyboard is, is seen"
        seen.add(found[0])
    assert len(seen) == wanted
    board.get_by_test_id(f"ack-{alert}").focus()
    board.keyboard.press("Enter")
    row(board, alert, "acknowledged").wait_for()


def test_a_gloved_finger_hits_everything_on_the_chair_page(desk: Desk, service: str) -> None:
    sit(service, "12", "E-12")
    page = desk.open(f"{service}/chair/12", TABLET)
    empty = desk.open(f"{service}/chair/13", TABLET)
    tap(empty, "task-start")
    assert (empty.evaluate(SMALL_TARGETS), violations(empty)) == ([], [])
    for task in ("dose", "stop", "cuff", "sedation", "dissociation", "distress", "intervention", "end"):
        tap(page, f"task-{task}")
        assert page.evaluate(SMALL_TARGETS) == [], task
        assert violations(page) == [], task
        tap(page, "cancel")
    assert page.evaluate(SMALL_TARGETS) == []
    assert violations(page) == []


@pytest.mark.parametrize("size", [WALL, PHONE], ids=["wall", "phone"])
def test_a_checker_of_accessibility_has_nothing_serious_to_say(
    desk: Desk, clinic: tuple[str, Started], size: dict[str, int]
) -> None:
    address, _ = clinic
    found = next(iter(until(desk.open(address), lambda: alerts(address), "an alert")))
    for path in ("/", "/chair", "/chair/2", f"/alert/{found}"):
        page = desk.open(f"{address}{path}", WALL if size is WALL else PHONE, motion="reduce")
        expect(page.get_by_test_id("sound")).to_be_in_viewport()
        assert violations(page) == [], path
        assert page.evaluate(COLLISIONS) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"{path} is wider than the screen"
