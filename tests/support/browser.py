"""A headless Chromium, and what the browser tests look for in it: alert rows, queued entries, colours, sizes.

Every page is watched: a script error or a message on its console fails the test that opened it. Waiting is for a thing to be so,
never for a guessed time; a service is asked with an ordinary HTTP client, so that the browser is not its own witness.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import httpx
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from models.arrays import Document
from tests.conftest import find_browser
from tests.support.service import COMMAND, LOOKS_EVERY_S, PATIENCE_S, ROOT, Started

T = TypeVar("T")

WALL: Final[ViewportSize] = {"width": 1920, "height": 1080}
TABLET: Final[ViewportSize] = {"width": 1180, "height": 820}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}

AXE: Final = ROOT / "alerts" / "board" / "node_modules" / "axe-core" / "axe.min.js"

ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

# A connection that fails is written to the console by the browser itself; pages are tested with dead servers on purpose;
# and so is a sound that it wants a touch for.
EXPECTED_MESSAGES: Final = re.compile(r"Failed to load resource|net::ERR_|EventSource|AudioContext was not allowed")

SETTLED_MS: Final = 400
"""A patient's page passes over what is tapped sooner after a screen has changed (`SETTLE_MS` of its shared.js, and a little)."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def demo(speed: float = 10) -> Iterator[tuple[str, Started]]:
    """`chairside demo` as a process: where its board is, and what it says. It plays the same day every time."""
    words = [*COMMAND, "demo", "--no-browser", "--port", "0", "--speed", str(speed)]
    process = Started(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT))
    try:
        give_up_at = time.monotonic() + PATIENCE_S
        while not (found := re.search(r"^Board (http://\S+)/", "\n".join(process.said), re.MULTILINE)):
            if time.monotonic() > give_up_at or process.process.poll() is not None:
                raise ChildProcessError("\n".join(process.said) or "the demonstration said nothing")
            time.sleep(0.02)
        yield found[1], process
    finally:
        if process.process.poll() is None:
            process.stop()


@dataclass
class Desk:
    """One test's pages: each in its own context, as on a device of its own."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(
        self,
        url: str,
        size: ViewportSize = WALL,
        by: str = "rn-7",
        motion: Literal["reduce", "no-preference"] = "no-preference",
        *,
        is_live: bool = True,
    ) -> Page:
        """A page that is live, unless nobody has signed in yet. `by` is who uses it where nobody need."""
        context = self.browser.new_context(
            viewport=size, has_touch=size is not WALL, reduced_motion=motion, timezone_id="Asia/Tokyo"
        )
        context.add_init_script(f"localStorage.setItem('chairside.person', {by!r})")
        page = self.watched(context)
        page.goto(url)
        if is_live:
            live(page)
        return page

    def touched(self, size: ViewportSize, *, is_mobile: bool = False, bypass_csp: bool = True) -> Page:
        """An empty page on a device without a mouse, as patients have it. `bypass_csp`: for the checker of accessibility."""
        return self.watched(
            self.browser.new_context(viewport=size, has_touch=True, is_mobile=is_mobile, bypass_csp=bypass_csp)
        )

    def watched(self, context: BrowserContext) -> Page:
        """A new page of a context; what it complains of fails the test."""
        context.set_default_timeout(PATIENCE_S * 1000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED_MESSAGES.search(message.text):
            self.complaints.append(message.text)

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        assert self.complaints == [], self.complaints


def choose(page: Page, value: int, count: int = 1) -> None:
    """Answer a patient's next questions, each once its screen has settled."""
    for _ in range(count):
        heading = page.locator("h1").inner_text()
        page.wait_for_timeout(SETTLED_MS)
        page.locator(f"button[data-value='{value}']").tap()
        expect(page.locator("h1")).not_to_have_text(heading, timeout=PATIENCE_S * 1000)


def until(page: Page, look: Callable[[], T], what: str) -> T:
    """What `look` gives, once it gives something. The page's events go on meanwhile."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not (found := look()):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"waited {PATIENCE_S:g} s for {what}")
        page.wait_for_timeout(LOOKS_EVERY_S * 1000)
    return found


# ---- what stands on a page -------------------------------------------------------------------------------------------


def live(page: Page) -> None:
    page.locator("[data-testid=feed][data-state=live]").wait_for()


def rows(page: Page) -> dict[str, str]:
    """The alerts on a page and their phases."""
    found: dict[str, str] = page.locator("[data-testid^=alert-]").evaluate_all(
        "rows => Object.fromEntries(rows.map((r) => [r.dataset.testid.slice(6), r.dataset.phase]))"
    )
    return found


def row(page: Page, alert: str, phase: str | None = None) -> Locator:
    return page.locator(f"[data-testid='alert-{alert}']" + ("" if phase is None else f"[data-phase={phase}]"))


def new_row(page: Page, known: set[str], priorities: tuple[str, ...] = ("high", "medium"), saying: str = "") -> str:
    """The first alert of these priorities that is raised from now on, and whose row says this."""
    wanted = ", ".join(f"[data-testid^=alert-][data-phase=active][data-priority={p}]" for p in priorities)

    def look() -> str:
        names: list[str] = page.locator(wanted).evaluate_all(
            "(rows, saying) => rows.filter((r) => r.innerText.includes(saying)).map((r) => r.dataset.testid.slice(6))",
            saying,
        )
        return next((name for name in names if name not in known), "")

    return until(page, look, "a new alert")


def numbers(page: Page, chair: str) -> list[str]:
    return page.locator(f"[data-testid=chair-{chair}] .number").all_text_contents()


def queued(page: Page, kind: str, state: str | None = None) -> Locator:
    return page.locator(
        f"[data-testid^=entry-][data-kind='{kind}']" + ("" if state is None else f"[data-state={state}]")
    )


def said(page: Page) -> list[str]:
    """All that a screen reader was given."""
    return page.locator("[data-testid=say-now] p, [data-testid=say-politely] p").all_text_contents()


# ---- what the service holds ------------------------------------------------------------------------------------------


def entries(address: str, session: str) -> list[Document]:
    answer = httpx.get(f"{address}/v1/history", params={"session": session, "entries": 1000}, timeout=PATIENCE_S)
    found: list[Document] = answer.json()["entries"]
    return found


def alerts(address: str) -> dict[str, Document]:
    answer = httpx.get(f"{address}/v1/alerts", timeout=PATIENCE_S)
    return {alert["alert"]: alert for alert in answer.json()["alerts"]}


# ---- how it looks ----------------------------------------------------------------------------------------------------

LOOKS: Final = """
// A colour as the browser paints it: rgb in 0..255, and how opaque.
window.rgba = (text) => {
  const found = /rgba?\\(([^)]+)\\)/.exec(text);
  if (!found) return [0, 0, 0, 0];
  const parts = found[1].split(/[ ,/]+/).map(Number);
  return [parts[0], parts[1], parts[2], parts.length > 3 ? parts[3] : 1];
};
window.ground = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const [r, g, b, a] = rgba(getComputedStyle(e).backgroundColor);
    if (a === 1) return [r, g, b];
  }
  return [255, 255, 255];
};
// WCAG 2: relative luminance and contrast.
window.luminance = (rgb) => rgb.slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
window.contrast = (element) => {
  const [x, y] = [luminance(rgba(getComputedStyle(element).color)), luminance(ground(element))];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
};
window.coloured = (text) => {
  const [r, g, b, a] = rgba(text);
  return a > 0.2 && Math.max(r, g, b) - Math.min(r, g, b) > 40;
};
"""


def measured(page: Page, script: str) -> Any:
    page.evaluate(f"() => {{ {LOOKS} }}")
    return page.evaluate(script)


def violations(page: Page, inside: str | None = None) -> list[str]:
    """What axe holds against a page, or one part of it: serious and critical, each with its first element."""
    # Not as a script of the page's, which its policy would refuse.
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    found: list[Document] = page.evaluate(
        "async (inside) => (await axe.run(inside ?? document, { resultTypes: ['violations'] })).violations", inside
    )
    return [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def picture(page: Page, path: Path) -> Path:
    page.screenshot(path=path)
    return path
