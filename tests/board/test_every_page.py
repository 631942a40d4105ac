"""Every page at every size and in every state that it is seen in, in a real browser: a full wall, an ordinary day, nobody, and a
feed that is dead. Nothing is cut off or lies over something else, nothing scrolls sideways, everything is reached by keyboard,
and a checker of accessibility has nothing serious to say.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Desk, alerts, until, violations
from tests.support.clinics import TWELVE, clinic_of, fill_twelve_chairs
from tests.support.every_page import BESIDE, LAID_OUT, SIZES, Shown, look_at, shown_in, turn
from tests.support.keyboard import unreached
from tests.support.service import PATIENCE_S, Started

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("full clinic")]
expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    with clinic_of(tmp_path_factory.mktemp("ordinary"), TWELVE) as process:
        fill_twelve_chairs(process.address)
        yield process


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    with clinic_of(tmp_path_factory.mktemp("empty"), []) as process:
        yield process


def wrong_with(page: Page, shown: Shown) -> list[str]:
    """What is wrong with how a page is laid out at any size that it is used in."""
    found = []
    for size in shown.sizes:
        turn(page, SIZES[size])
        found += [f"{shown.name}, {size}: {each}" for each in page.evaluate(LAID_OUT)]
    return found


@pytest.mark.parametrize(
    ("state", "every_form"),
    [
        ("full", False),
        *(pytest.param(state, True, marks=pytest.mark.prove) for state in ("full", "ordinary", "empty")),
    ],
)
def test_no_page_is_cut_off_at_any_size_and_everything_on_it_is_reached_by_keyboard(
    desk: Desk, request: pytest.FixtureRequest, state: str, every_form: bool
) -> None:
    address = request.getfixturevalue(state).address
    page = desk.open(address, SIZES["wall"], motion="reduce")
    enough = {"full": 30, "ordinary": 2, "empty": 0}[state]
    until(page, lambda: len(alerts(address)) >= enough, "the alerts")
    wrong: list[str] = []
    for shown in shown_in(address, state, every_form):
        # A form is a part of a page that was looked at: only what is new is asked about.
        part = ".doing" if shown.sizes == BESIDE else None
        turn(page, SIZES[shown.sizes[0]])
        look_at(page, address, shown)
        wrong += [f"{shown.name}: {each}" for each in unreached(page, part)]
        if shown.name == "board":
            wrong += [f"{shown.name}: {each}" for each in violations(page)]
        wrong += wrong_with(page, shown)
        if state == "full":
            wrong += [f"{shown.name}: {each}" for each in violations(page, part)]
    assert wrong == []


def test_what_is_wrong_at_a_chair_and_its_buttons_need_no_scrolling_at_any_size(desk: Desk, full: Started) -> None:
    page = desk.open(f"{full.address}/chair/3", SIZES["wall"], motion="reduce")
    until(page, lambda: page.locator(".alert").count() >= 3, "its alerts")
    for name, pixels in SIZES.items():
        turn(page, pixels)
        for hook in (".alert .ack", "[data-testid=task-dose]"):
            box = page.locator(hook).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= pixels["height"], (name, hook, box)


DEAD = ("board", "chair", "clinic", "patient", "session", "alert", "on call")


def test_a_dead_feed_is_said_by_every_page_and_hides_nothing_of_it(desk: Desk, full: Started) -> None:
    pages = []
    for shown in shown_in(full.address, "full"):
        if shown.name in DEAD:
            page = desk.open(f"{full.address}{shown.path}", SIZES["wall"], motion="reduce")
            look_at(page, full.address, shown)
            pages.append((shown, page))
    board = pages[0][1]
    place = board.locator(".cards").bounding_box()
    os.kill(full.process.pid, signal.SIGSTOP)
    try:
        wrong = []
        for shown, page in pages:
            expect(page.locator(".silence strong")).to_contain_text("No data since")
            wrong += wrong_with(page, shown)
        assert wrong == []
        turn(board, SIZES["wall"])
        assert board.locator(".cards").bounding_box() == place, "no card of a wall changes its place or size"
    finally:
        os.kill(full.process.pid, signal.SIGCONT)
