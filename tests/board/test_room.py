"""A wall in its room, in a real browser: sound by the site's choice, a dead feed that is heard, a reload without a network, a
light page, a reader's own colours; and the rule book that every alert leads to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import PHONE, WALL, Desk, alerts, live, measured, row, until, violations
from tests.support.service import PATIENCE_S, Started, start

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)

SITE = """
[board]
chairs = ["1", "2"]
sound = true
[limits.unresponsive.high.moaas]
enter = 2.0
leave = 3.0
"""

TONES = """
window.tones = [];
const Real = window.OscillatorNode;
window.OscillatorNode = class extends Real { constructor(context, options) { super(context, options); window.tones.push(options.frequency); } };
window.locks = 0;
navigator.wakeLock.request = async () => { window.locks += 1; return {}; };
"""


@pytest.fixture
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    path = tmp_path_factory.mktemp("room")
    (path / "site.toml").write_text(SITE)
    running = start(path / "data", "--config", path / "site.toml")
    now = datetime.now(UTC).isoformat()
    lines = [
        {"kind": "session.started", "at": now, "patient": "R-1", "session": "r-1", "chair": "1", "device": "m-1"},
        {"kind": "vitals", "at": now, "device": "m-1", "spo2": 97, "hr": 70},
        {"kind": "checkin", "at": now, "patient": "R-1", "session": "r-1", "instrument": "moaas", "score": 2},
    ]
    answer = httpx.post(f"{running.address}/v1/observations", json=lines, timeout=PATIENCE_S)
    assert answer.json()["set_aside"] == []
    yield running
    if running.process.poll() is None:
        running.stop()


def unresponsive(page: Page, address: str) -> str:
    return until(page, lambda: next((a for a, r in alerts(address).items() if r["rule"] == "unresponsive"), ""), "it")


def test_a_wall_sounds_by_the_site_s_choice_also_after_a_reload_and_a_dead_feed_is_heard(
    desk: Desk, process: Started
) -> None:
    page = desk.open(f"{process.address}/healthz", WALL, is_live=False)
    page.add_init_script(TONES)
    page.goto(process.address)
    live(page)
    sound = page.get_by_test_id("sound")
    # Where the browser wants a touch first the page says so all the time; a kiosk's does not want one.
    expect(sound).to_have_attribute("data-state", re.compile("on|blocked"))
    page.reload()
    live(page)
    expect(sound).to_have_attribute("data-state", re.compile("on|blocked"))
    page.locator("body").click(position={"x": 5, "y": 1000})
    expect(sound).to_have_attribute("data-state", "on")
    assert page.evaluate("window.locks") >= 1, "the screen is kept on"
    row(page, unresponsive(page, process.address)).wait_for()
    page.evaluate("window.tones.length = 0")
    process.kill()
    page.locator("[data-testid=feed][data-state=silent]").wait_for()
    until(page, lambda: {620, 410} <= set(page.evaluate("window.tones")), "the tones of a dead feed")
    sound.click()
    expect(sound).to_have_attribute("data-state", "off")


def test_a_reload_without_a_network_shows_the_last_state_as_old_and_never_as_live(desk: Desk, process: Started) -> None:
    page = desk.open(process.address, WALL)
    alert = unresponsive(page, process.address)
    row(page, alert).wait_for()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # by now the worker has the page's files
    live(page)
    row(page, alert).wait_for()
    page.wait_for_timeout(6000)  # a state is kept every five seconds
    process.kill()
    page.reload()
    expect(page.locator(".silence strong")).to_have_text(re.compile(r"^No data since \d\d:\d\d:\d\d$"))
    expect(page.get_by_test_id("feed")).to_have_attribute("data-state", "silent")
    expect(row(page, alert)).to_contain_text("R-1")
    expect(page.get_by_test_id("chair-1").locator("s.number").first).to_have_text("97")
    expect(page.get_by_test_id("chair-1").locator(".number:not(.old):not(.absent)")).to_have_count(0)
    expect(page.get_by_test_id("chair-2")).to_contain_text("Free")


def test_a_board_can_be_installed(desk: Desk, process: Started) -> None:
    page = desk.open(process.address, WALL)
    href = page.locator("link[rel=manifest]").get_attribute("href")
    answer = httpx.get(f"{process.address}{href}")
    assert answer.headers["content-type"].startswith("application/manifest+json")
    manifest = answer.json()
    assert (manifest["start_url"], manifest["display"]) == ("/", "standalone")
    for icon in manifest["icons"]:
        assert httpx.get(f"{process.address}{icon['src']}").headers["content-type"].startswith("image/svg+xml")
    session = page.context.new_cdp_session(page)
    assert session.send("Page.getAppManifest")["errors"] == []
    assert page.evaluate("navigator.serviceWorker.ready.then((r) => r.active.scriptURL)").endswith("/sw.js")


def test_a_light_page_and_a_reader_s_own_colours_keep_words_shapes_and_contrast(desk: Desk, process: Started) -> None:
    page = desk.open(process.address, WALL, motion="reduce")
    row(page, unresponsive(page, process.address)).wait_for()
    page.get_by_test_id("theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    poor = """() => [...document.querySelectorAll('.number, .value-now, .alert-since, .card-drug, .next, .badge')]
      .filter((e) => e.textContent !== '—').filter((e) => contrast(e) < 7).map((e) => [e.className, contrast(e)])"""
    assert measured(page, poor) == []
    assert violations(page) == []
    page.reload()
    live(page)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.emulate_media(forced_colors="active")
    assert violations(page) == []
    badge = page.get_by_test_id("chair-1").locator(".badge")
    expect(badge).to_have_text("HIGH ▲")
    assert badge.evaluate("(e) => getComputedStyle(e).backgroundColor") == "rgb(255, 98, 87)"


def test_an_alert_leads_to_its_rule_with_this_site_s_limit_and_an_example(desk: Desk, process: Started) -> None:
    page = desk.open(process.address, PHONE)
    alert = unresponsive(page, process.address)
    page.goto(f"{process.address}/alert/{alert}")
    expect(row(page, alert)).not_to_contain_text("[S")
    page.get_by_test_id("rule-link").click()
    rule = page.get_by_test_id("rule-unresponsive")
    expect(rule).to_be_in_viewport()
    expect(rule).to_contain_text("MOAA/S at or below 2 of 5")
    expect(rule).to_contain_text("Changed here; built in: MOAA/S at or below 1 of 5")
    expect(rule.get_by_test_id("rule-picture")).to_be_visible()
    expect(rule.get_by_role("link", name=re.compile("BMC Anesthesiology"))).to_be_visible()
    assert page.get_by_test_id("rule-picture").count() == 18, "an example of each rule that has limits"
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
