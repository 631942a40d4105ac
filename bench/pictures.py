"""The pictures in the documentation, taken from the demonstration: `python -m bench.pictures`.

Opens the invented clinic in headless Chromium, waits until something of medium or high priority is up on the wall board, and
takes the board, the same board on a phone, and the page of the chair that it is about. So a picture shows what a visitor
of the demonstration sees in its first minute. Costs: about a minute; needs the built board and a Chromium.
Bad at: giving the same bytes twice; the clinic is the same every time, the moment is not.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page

from tests.browser import PHONE, TABLET, WALL, Desk, alerts, chromium, demo, new_row, row
from tests.conftest import find_browser
from tests.service import ROOT

IMAGES: Final = ROOT / "docs" / "images"
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


def main() -> None:
    if find_browser() is None:
        sys.exit("There is no Chromium. On Debian: sudo apt-get install chromium")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, demo() as (address, _):
        desk = Desk(browser)
        wall = desk.open(address, WALL, by="rn-7", motion="reduce")
        phone = desk.open(address, PHONE, by="dr-2", motion="reduce")
        alert = new_row(wall, set())
        row(phone, alert).wait_for()
        chair = alerts(address)[alert]["chair"]
        beside = desk.open(f"{address}/chair/{chair}", TABLET, by="rn-7", motion="reduce")
        beside.get_by_test_id("record").locator("li").first.wait_for()
        row(wall, alert).get_by_text("Paged").wait_for()
        take(wall, IMAGES / "board.png")
        take(phone, IMAGES / "board-phone.png")
        take(beside, IMAGES / "chair.png")
        desk.close()


if __name__ == "__main__":
    main()
