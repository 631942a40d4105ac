"""The pictures in the documentation, taken from the demonstration: `python -m bench.pictures`.

Opens the invented clinic in headless Chromium, waits until something of medium or high priority is up on the wall board, and
takes the board, the same board on a phone, the page of the chair that it is about, the clinic's page, and the page of the
patient who is as likely due within a fortnight as not. So a picture shows what a visitor sees in the first minute.
Costs: about a minute; needs the built board and a Chromium.
Bad at: giving the same bytes twice; the clinic is the same every time, the moment is not.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import Final

import httpx
from PIL import Image
from playwright.sync_api import Page, ViewportSize

from tests.conftest import find_browser
from tests.support.browser import PHONE, TABLET, WALL, Desk, alerts, chromium, demo, new_row, row
from tests.support.service import PATIENCE_S, ROOT

IMAGES: Final = ROOT / "docs" / "images"
DESK: Final[ViewportSize] = {"width": 1280, "height": 900}
"""The screen of whoever plans the visits."""
LARGEST: Final = 400_000
"""Bytes of a picture: a README must load on a bad network."""


def take(page: Page, path: Path) -> None:
    # Flashing would leave it to chance whether a badge is lit.
    png = page.screenshot(animations="disabled")
    # 256 colours are more than these pages have, save for the edges of letters: half the bytes.
    Image.open(BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}  {size / 1000:.0f} kB")
    if size > LARGEST:
        raise ValueError(f"{path} is larger than {LARGEST} bytes")


def undecided(address: str) -> str:
    """The patient whose chance of being due within 14 days is nearest a half: there a forecast has something to say."""
    listed = httpx.get(f"{address}/v1/patients", timeout=PATIENCE_S).json()["patients"]
    chances: dict[str, float | None] = {
        one["patient"]: (one.get("relapse_probability") or {}).get("14d") for one in listed
    }
    return min((abs(chance - 0.5), alias) for alias, chance in chances.items() if chance is not None)[1]


def main() -> None:
    if find_browser() is None:
        sys.exit("There is no Chromium. On Debian: sudo apt-get install chromium")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, demo() as (address, _):
        desk = Desk(browser)
        wall = desk.open(address, WALL, by="rn-7", motion="reduce")
        phone = desk.open(address, PHONE, by="dr-2", motion="reduce")
        at_home = {name for name, alert in alerts(address).items() if not alert.get("chair")}
        alert = new_row(wall, at_home)
        row(phone, alert).wait_for()
        chair = alerts(address)[alert]["chair"]
        beside = desk.open(f"{address}/chair/{chair}", TABLET, by="rn-7", motion="reduce")
        beside.get_by_test_id("record").locator("li").first.wait_for()
        row(wall, alert).get_by_text("Paged").wait_for(state="attached")  # a full wall has no room for it
        take(wall, IMAGES / "board.png")
        take(phone, IMAGES / "board-phone.png")
        take(beside, IMAGES / "chair.png")
        for name, size in (("", DESK), ("-phone", PHONE)):
            clinic = desk.open(f"{address}/clinic", size)
            clinic.locator("[data-testid^=patient-] .patient-alias").first.wait_for()
            take(clinic, IMAGES / f"clinic{name}.png")
            course = desk.open(f"{address}/patient/{undecided(address)}", size)
            course.get_by_test_id("picture-course").locator("svg").wait_for()
            take(course, IMAGES / f"patient{name}.png")
        desk.close()


if __name__ == "__main__":
    main()
