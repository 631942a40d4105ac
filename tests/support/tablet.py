"""What a nurse does at a tablet, and what the service makes of it: tap, fill in, wait until an entry is in the store."""

from __future__ import annotations

from datetime import UTC, datetime
from math import hypot
from typing import Final

import httpx
from playwright.sync_api import Page

from models.arrays import Document
from tests.support.browser import alerts, entries, queued, rows, until
from tests.support.service import PATIENCE_S

BOUNCE_PX: Final = 72
BOUNCE_MS: Final = 420
"""A tap so near to the one before, and so soon, on what came up under the finger is passed over (`bounce.ts`); and a little."""

SMALL_TARGETS: Final = """() => [...document.querySelectorAll('a, button, input')].filter((e) => e.getClientRects().length > 0)
  .map((e) => ({ what: e.dataset.testid || e.className || e.textContent, box: e.getBoundingClientRect() }))
  .filter(({ box }) => box.width < 48 || box.height < 48).map(({ what, box }) => `${what} ${box.width}x${box.height}`)"""


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


def sending(address: str, device: str, **values: float) -> None:
    """A monitor that sends, for nobody yet."""
    post(address, kind="vitals", device=device, **(values or {"spo2": 97}))


def send(page: Page, kind: str) -> None:
    """Wait until the server has the entry of a kind that was tapped."""
    queued(page, kind).wait_for(state="detached")


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.get_by_test_id(f"field-{name}").first.fill(value)


def tap(page: Page, *hooks: str) -> None:
    """Tap one after the other; where two lie at one place as slowly as somebody who means both."""
    before = (float(-BOUNCE_PX), float(-BOUNCE_PX))
    for hook in hooks:
        target = page.get_by_test_id(hook)
        target.scroll_into_view_if_needed()
        # Where it will be tapped, not where it is while the page is being laid out.
        target.click(trial=True)
        box = target.bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if hypot(middle[0] - before[0], middle[1] - before[1]) < BOUNCE_PX:
            page.wait_for_timeout(BOUNCE_MS)
        target.click()
        before = middle


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
