"""Every page that somebody looks at, at every size that it is used in; and what is wrong with how one is laid out.

`LAID_OUT` finds, in the page itself: a page wider than its screen, text that is cut off by its own box, and texts that lie over
each other. What scrolls may end at the edge of its box; what stands over the page on purpose (a banner, a foot that sticks) is
held against nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page, ViewportSize

from tests.support.browser import alerts, live
from tests.support.tablet import BOUNCE_MS, tap

SIZES: Final[dict[str, ViewportSize]] = {
    "wall": {"width": 1920, "height": 1080},
    "1366": {"width": 1366, "height": 768},
    "tablet": {"width": 1180, "height": 820},
    "tablet upright": {"width": 820, "height": 1180},
    "phone": {"width": 390, "height": 844},
}

BESIDE: Final = ("tablet", "phone")
"""Where a form is filled in."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as somebody looks at it: where it is, what is tapped on it, and what must be there before it is looked at; and the
    sizes at which it is.
    """

    name: str
    path: str
    taps: tuple[str, ...] = ()
    ready: str = ".page main > *"
    sizes: tuple[str, ...] = tuple(SIZES)


_PLAIN: Final = (
    Shown("board", "/"),
    Shown("chairs", "/chair", ready=".pick"),
    Shown("on call", "/oncall", ready=".rota h2"),
    Shown("clinic", "/clinic", ready=".burden .hours"),
    Shown("rules", "/rules", ready=".rule"),
    Shown("audit", "/audit", ready=".audit tbody tr"),
    Shown("welcome", "/welcome", ready="main.welcome"),
)
_OF: Final = {"full": ("3", "19", "W-3"), "ordinary": ("4", "12", "T-4"), "empty": ("1", "2", "nobody")}
"""Of each state: a chair that is taken, one that is free, and who sits in the first."""
_FORMS: Final = ("dose", "cuff", "sedation", "dissociation", "distress", "symptoms", "intervention", "end", "note", "escort", "register", "visit", "elsewhere")  # fmt: skip


_KINDS_OF_FORMS: Final = ("dose", "symptoms", "end", "register")
"""One of each kind: numbers, taps alone, what is asked before it is sent, texts. The others are built of the same fields."""


def shown_in(address: str, state: str, every_form: bool = False) -> list[Shown]:
    """Every page of a clinic in a state of `clinics.py`; on the full one also forms of a chair, one of each kind or all."""
    chair, free, patient = _OF[state]
    record = ".session-picture" if state != "empty" else "[role=alert]"
    found = [
        *_PLAIN,
        Shown("chair", f"/chair/{chair}", ready="[data-testid^=task-]"),
        Shown("free chair", f"/chair/{free}", ("task-start",), "form.form"),
        Shown("patient", f"/patient/{patient}", ready="[data-testid=picture-course] svg" if state != "empty" else "[role=alert]"),
        Shown("enter", f"/enter/{patient}", ready="[data-testid^=task-]"),
        Shown("session", f"/session/{patient}-now", ready=record),
    ]  # fmt: skip
    for name, alert in alerts(address).items():
        if alert["patient"] == patient:
            found.append(Shown("alert", f"/alert/{name}", ready=".one"))
            break
    if state == "full":
        found += [
            Shown(f"form {task}", f"/chair/{chair}", (f"task-{task}",), ".doing", BESIDE)
            for task in (_FORMS if every_form else _KINDS_OF_FORMS)
        ]
        found += [
            Shown(f"form {scale}", f"/chair/{chair}", ("task-questionnaire", f"scale-{scale}"), "form.form", BESIDE)
            for scale in (("phq-9", "madrs", "cssrs-screen") if every_form else ("phq-9",))
        ]
    return found


def look_at(page: Page, address: str, shown: Shown) -> None:
    """Open a page, and wait until all of it is there."""
    if page.url != f"{address}{shown.path}":
        page.goto(f"{address}{shown.path}")
    elif page.get_by_test_id("cancel").count() > 0:
        page.get_by_test_id("cancel").click()
        page.wait_for_timeout(BOUNCE_MS)  # what comes up in its place is tapped by somebody who means it
    if shown.path != "/welcome":
        live(page)
    tap(page, *shown.taps)
    page.locator(shown.ready).first.wait_for()
    page.evaluate("() => document.fonts.ready.then(() => null)")


def turn(page: Page, size: ViewportSize) -> None:
    """Give a page another size, and let it lay itself out."""
    page.set_viewport_size(size)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))")


LAID_OUT: Final = """() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push(`${document.documentElement.scrollWidth} px wide on a screen of ${innerWidth}`);
  // Each element is asked once: what it is itself, or what its parent is.
  const known = (is) => { const seen = new Map(); const ask = (e) => { if (!e) return false; if (!seen.has(e)) seen.set(e, is(e) || ask(e.parentElement)); return seen.get(e); }; return ask; };
  const floats = known((e) => ['fixed', 'sticky'].includes(getComputedStyle(e).position) && e.className !== 'chair-now');
  const unseen = known((e) => { const s = getComputedStyle(e); return e.classList?.contains('unseen') || s.visibility === 'hidden' || s.opacity === '0' || s.clipPath === 'inset(50%)'; });
  const boxes = new Map();
  const boxOf = (e) => { if (!boxes.has(e)) { const s = getComputedStyle(e); const clips = [s.overflowX, s.overflowY]; boxes.set(e, clips.every((c) => c === 'visible') ? null : { clips, b: e.getBoundingClientRect() }); } return boxes.get(e); };
  const texts = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const words = node.textContent.trim();
    const parent = node.parentElement;
    if (words === '' || !parent || parent.closest('script, style, option, datalist, svg, title') || !parent.checkVisibility() || unseen(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      if (r.width < 1 || r.height < 1) continue;
      // The letters, without the line's leading: a line box is higher than what is in it.
      const size = parseFloat(getComputedStyle(parent).fontSize);
      const trim = Math.max(0, (r.height - size * 0.75) / 2);
      let box = { left: r.left, right: r.right, top: r.top + trim, bottom: r.bottom - trim };
      let gone = false;
      for (let e = parent; e && e !== document.body; e = e.parentElement) {
        if (boxOf(e) === null) continue;
        const { clips, b } = boxOf(e);
        if (box.right <= b.left + 1 || box.left >= b.right - 1 || box.bottom <= b.top + 1 || box.top >= b.bottom - 1) { gone = true; break; }
        const scrolls = clips.some((c) => ['auto', 'scroll'].includes(c));
        if (!scrolls && (box.right > b.right + 1.5 || box.left < b.left - 1.5 || box.bottom > b.bottom + 1.5 || box.top < b.top - 1.5))
          found.push(`cut off in .${e.className}: ${words.slice(0, 60)}`);
        box = { left: Math.max(box.left, b.left), right: Math.min(box.right, b.right), top: Math.max(box.top, b.top), bottom: Math.min(box.bottom, b.bottom) };
      }
      if (!gone) texts.push({ node, parent, words, box, over: floats(parent) });
    }
  }
  for (const button of document.querySelectorAll('button, a, summary, select')) {
    if (button.checkVisibility() && button.scrollWidth > button.clientWidth + 1 && button.clientWidth > 0 && getComputedStyle(button).display !== 'inline')
      found.push(`wider than its button: ${button.textContent.slice(0, 60)}`);
  }
  texts.sort((a, b) => a.box.top - b.box.top);
  texts.forEach((a, i) => {
    for (let j = i + 1; j < texts.length && texts[j].box.top < a.box.bottom - 2; j++) {
      const b = texts[j];
      if (a.node === b.node || a.over || b.over) continue;
      if (Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 2 && Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 2)
        found.push(`over each other: ${a.words.slice(0, 40)} / ${b.words.slice(0, 40)}`);
    }
  });
  // What is below its own card.
  for (const card of document.querySelectorAll('.card, .alert, .one, .doing, .queued, .entered')) {
    const c = card.getBoundingClientRect();
    for (const e of card.children) { const b = e.getBoundingClientRect(); if (b.height > 0 && b.bottom > c.bottom + 1) found.push(`below its card: ${e.textContent.slice(0, 50)}`); }
  }
  return [...new Set(found)];
}"""
