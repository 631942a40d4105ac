"""Every banner that bears on safety, read at every width that a page is used in: that this is a demonstration, that the feed is
dead or nobody watches, that an entry is on this tablet alone, that the configuration is refused, that limits watch less, that
nobody is paged.

All at once, in their longest words, over a full clinic: what is readable then is readable alone.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Route, ViewportSize, expect

from tests.support.browser import Desk, live, violations
from tests.support.every_page import turn
from tests.support.service import PATIENCE_S, Started

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("full clinic")]
expect.set_options(timeout=PATIENCE_S * 1000)

# On both sides of each width at which the pages are laid out anew, and what clinics have: upright, 16:9, 16:10, 4:3.
SIZES: Final = [
    (360, 844), (600, 844), (601, 1180), (1099, 820), (1100, 820), (1279, 820), (1499, 800),
    *((width, width * 9 // 16) for width in (1500, 1850, 1851, 1920, 2560)),
    (1680, 1050), (1500, 1125), (1600, 1080),
]  # fmt: skip
FEWER: Final = [size for size in SIZES if size[0] in (360, 1100, 1850, 2560)]
"""For pages that scroll: what is below another line is reached."""

SITE: Final = {
    "site": "main", "timezone": "Europe/Berlin", "clock": "observed", "lesson": None, "pages_to": [],
    "board": {"chairs": [str(n) for n in range(1, 21)], "sound": True, "theme": "dark"},
    "weakened": [
        {"limit": f"{what} at {level} priority: {built} as built in, {here} here", "reason": "agreed with the anaesthetist of this site"}
        for what, level, built, here in (
            ("SpO2 below", "medium", "90 %", "86 %"), ("systolic pressure above", "high", "200 mmHg", "220 mmHg"),
            ("heart rate above", "medium", "130 /min", "150 /min"),
        )
    ],
    "configuration_refused": {
        "file": "/etc/chairside/site.toml", "since": "2026-11-23T14:03:21Z",
        "problems": ["policies.night.steps.0.schedule: there is no schedule 'nurses-of-the-night' under schedules", "b: y"],
    },
}  # fmt: skip
NOWHERE: Final = {
    "destinations": [
        {"name": f"{who}-phone", "state": "failing", "failing_since": "2026-11-23T14:03:21Z", "last_error": "no connection to ntfy.example.org"}
        for who in ("ada", "ben")
    ]
}  # fmt: skip
UNSENT: Final = {
    "id": "banner-1", "chair": "3", "session": "W-3-now", "says": "Sedation 0 · unresponsive", "enteredMs": 0, "sendAtMs": 4e12,
    "state": "unsent", "attempts": 3, "field": None, "reason": "no connection",
    "body": {"id": "banner-1", "kind": "checkin", "at": "2026-11-23T14:03:21Z", "patient": "W-3", "session": "W-3-now"},
}  # fmt: skip

BANNERS: Final = tuple(
    f"[data-testid={each}]" for each in ("invented", "unsent", "configuration-refused", "limits-line", "pages-line")
)

UNREAD: Final = """([hooks, wall]) => {
  const wrong = [];
  for (const hook of hooks) {
    const banner = document.querySelector(hook);
    if (banner === null) { wrong.push(`${hook}: it is not there`); continue; }
    if (!wall) banner.scrollIntoView({ block: 'center', behavior: 'instant' });
    const walker = document.createTreeWalker(banner, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const words = node.textContent.trim(), parent = node.parentElement;
      if (words === '') continue;
      const said = `${hook}: ${words.slice(0, 40)}`;
      if (!parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) { wrong.push(`${said}: hidden`); continue; }
      const range = document.createRange();
      range.selectNodeContents(node);
      const rects = [...range.getClientRects()].filter((r) => r.width > 0);
      if (rects.length === 0) wrong.push(`${said}: without a place`);
      for (const r of rects) {
        const size = parseFloat(getComputedStyle(parent).fontSize);
        const trim = Math.max(0, (r.height - size * 0.75) / 2);
        const box = { left: r.left, right: r.right, top: r.top + trim, bottom: r.bottom - trim };
        if (box.left < -0.5 || box.right > innerWidth + 0.5) { wrong.push(`${said}: beyond the screen's side`); break; }
        if (wall && (box.top < -0.5 || box.bottom > innerHeight + 0.5)) { wrong.push(`${said}: beyond a wall's edge`); break; }
        let cut = false;
        for (let e = parent; e !== null && e !== document.body; e = e.parentElement) {
          const style = getComputedStyle(e), b = e.getBoundingClientRect();
          const clips = (how) => how === 'hidden' || how === 'clip' || (wall && how !== 'visible');
          if (clips(style.overflowX) && (box.left < b.left - 1 || box.right > b.right + 1)) cut = true;
          if (clips(style.overflowY) && (box.top < b.top - 1 || box.bottom > b.bottom + 1)) cut = true;
        }
        if (cut) { wrong.push(`${said}: cut off`); break; }
        if (box.top < 0 || box.bottom > innerHeight) continue;
        const covered = [0.02, 0.5, 0.98].some((part) => {
          const hit = document.elementFromPoint(box.left + (box.right - box.left) * part, (box.top + box.bottom) / 2);
          return hit !== null && !banner.contains(hit) && !hit.contains(banner);
        });
        if (covered) { wrong.push(`${said}: something lies over it`); break; }
      }
    }
  }
  return wrong;
}"""
LONGEST: Final = """() => { for (const [hook, words] of [
  ['.silence strong', 'Not being watched since 23:58:58'], ['.silence span', 'Nothing received yet. Look at the bedside monitors.'],
]) { const said = document.querySelector(hook); said.textContent = words; } }"""
"""The most that a dead feed ever says."""
FEEDS: Final = """
window.feeds = [];
const Real = window.EventSource;
window.EventSource = class extends Real { constructor(...given) { super(...given); window.feeds.push(this); } };
"""
WALL_FROM: Final = 1500
"""Such a screen hangs on a wall, where nobody scrolls; anywhere else what is below is reached."""


def unread(page: Page, hooks: tuple[str, ...], sizes: list[tuple[int, int]], *, scrolls: bool) -> list[str]:
    """What cannot be read of these banners at these sizes. `scrolls`: also where a wall is as wide."""
    wrong = []
    for width, height in sizes:
        turn(page, ViewportSize(width=width, height=height))
        said: list[str] = page.evaluate(UNREAD, [list(hooks), width >= WALL_FROM and not scrolls])
        wrong += [f"{width}x{height}: {each}" for each in said]
    return wrong


def answered(route: Route, document: Any) -> None:
    route.fulfill(status=200, content_type="application/json", body=json.dumps(document))


def in_trouble(desk: Desk, address: str, path: str) -> Page:
    """A page on which all that can be wrong is, while its feed comes."""
    page = desk.open(f"{address}/healthz", is_live=False, motion="reduce")
    page.add_init_script(f"localStorage.setItem('chairside.entry.banner-1', {json.dumps(json.dumps(UNSENT))})")
    page.add_init_script(FEEDS)
    page.route("**/v1/site*", lambda route: answered(route, SITE))
    page.route("**/v1/destinations*", lambda route: answered(route, NOWHERE))
    page.goto(f"{address}/{path}")
    live(page)
    for hook in BANNERS:
        page.locator(hook).wait_for()
    return page


@pytest.mark.parametrize("path", ["chair/3", "clinic"], ids=["chair", "clinic"])
def test_whatever_bears_on_safety_is_read_in_full_beside_a_patient_and_at_the_desk(
    desk: Desk, full: Started, path: str
) -> None:
    page = in_trouble(desk, full.address, path)
    assert unread(page, BANNERS, FEWER, scrolls=True) == []


def test_a_board_says_in_full_at_every_width_what_bears_on_safety_while_its_feed_comes_and_when_it_is_dead(
    desk: Desk, full: Started
) -> None:
    page = in_trouble(desk, full.address, "")
    assert unread(page, BANNERS, FEWER, scrolls=False) == []
    page.route("**/v1/live*", lambda route: route.abort())
    page.evaluate(
        "() => { feeds.forEach((each) => each.close()); const now = Date.now; Date.now = () => now() + 60_000; }"
    )
    page.locator(".silence").wait_for()
    page.evaluate(LONGEST)
    said = (".silence", *BANNERS)
    walls = [size for size in SIZES if size[0] >= WALL_FROM]
    assert unread(page, said, [size for size in SIZES if size not in walls], scrolls=False) == []
    assert unread(page, (*said, "[data-testid=cut]"), walls, scrolls=False) == []
    assert violations(page) == []
