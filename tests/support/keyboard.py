"""A page by keyboard: what Tab does not reach, where the keyboard is and nobody sees it, and what it does not come out of."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

_MARK: Final = """(inside) => {
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0 && !e.closest('[inert]') && !e.disabled;
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter(seen);
  document.querySelectorAll('[data-stop]').forEach((e) => delete e.dataset.stop);
  const stops = all.filter((e) => inside === null || e.closest(inside));
  stops.forEach((e, i) => (e.dataset.stop = String(i)));
  return stops.map((e) => e.dataset.testid || `${e.tagName.toLowerCase()} ${e.textContent.slice(0, 40)}`);
}"""
_HERE: Final = """() => {
  const e = document.activeElement;
  if (e === null || e === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(e);
  const b = e.getBoundingClientRect();
  const at = document.elementFromPoint(Math.max(1, Math.min(innerWidth - 1, b.left + b.width / 2)), b.top + Math.min(b.height / 2, 20));
  return { stop: e.dataset.stop ?? null, what: e.dataset.testid || `${e.tagName.toLowerCase()} ${e.textContent.slice(0, 40)}`,
           shown: outlineStyle !== 'none' && outlineWidth !== '0px', free: at !== null && (e.contains(at) || at.contains(e)) };
}"""
_PARTS_OF_A_DATE: Final = 8
"""A field for a date and a time has its parts, and the button of its calendar, to be passed one by one."""


def unreached(page: Page, inside: str | None = None) -> list[str]:
    """What is wrong for somebody without a mouse, in words: on the whole page, or in one part of it that has the keyboard."""
    names: list[str] = page.evaluate(_MARK, inside)
    dates = page.locator("input:is([type=date], [type=time], [type=datetime-local])").count()
    seen: set[int] = set()
    wrong: list[str] = []
    if inside is None:
        page.evaluate("() => document.activeElement?.blur()")
    for _ in range(len(names) + dates * _PARTS_OF_A_DATE + 4):
        page.keyboard.press("Tab")
        here = page.evaluate(_HERE)
        if here is None or (inside is not None and here["stop"] is None):
            if len(seen) == len(names):
                break
            continue
        if here["stop"] is not None:
            seen.add(int(here["stop"]))
        if not here["shown"]:
            wrong.append(f"the keyboard is at {here['what']} and nobody sees it")
        if not here["free"]:
            wrong.append(f"something lies over {here['what']}, where the keyboard is")
    else:
        if inside is not None and len(seen) == len(names):
            wrong.append(f"the keyboard does not come out of {inside}")
    wrong += [f"Tab does not reach {name}" for i, name in enumerate(names) if i not in seen]
    return list(dict.fromkeys(wrong))
