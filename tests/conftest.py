"""What every test can rely on, and what more than one file needs: a fixture of one test file lives in that file."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.support.certificates import read_once

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.browser import Desk

# The same examples on every run and no deadline: a test never fails for chance or for a slow machine. To look further:
# `pytest --hypothesis-profile=prove`.
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=50, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("prove", settings.get_profile("ci"), derandomize=False, max_examples=2_000, print_blob=True)
# For `python -m bench.planted`, which asks whether a test fails, not how: nothing is made smaller.
settings.register_profile(
    "planted", settings.get_profile("ci"), max_examples=80, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("ci")
read_once()

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """The Chromium that the browser tests drive, or None where there is none."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


@pytest.fixture(autouse=True)
def what_boards_are_shown_is_as_published() -> Iterator[None]:
    """Every scene that a test has played ends in documents that the published schemas allow; of many, the last few."""
    from tests.support.scenes import PLAYED

    PLAYED.clear()
    yield
    for scene in PLAYED:
        scene.shows_as_published(thoroughly=True)
    PLAYED.clear()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from tests.support.browser import chromium

    with chromium() as opened:
        yield opened


@pytest.fixture
def desk(browser: Browser) -> Iterator[Desk]:
    """Pages in a browser of their own; closed after the test."""
    from tests.support.browser import Desk

    opened = Desk(browser)
    yield opened
    opened.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-stories", action="store_true", help="write tests/stories/*.txt anew, to be reviewed as a diff"
    )


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not look through it again at every turn, which tests that collect
    by hand would wait for each time.
    """
    gc.collect()
    gc.freeze()


def shares_with_its_file(item: pytest.Item) -> bool:
    """Whether a fixture of the test is made once for its file."""
    fixtures = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
    return any(each.scope == "module" for defined in fixtures for each in defined[-1:])


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # What a file's tests share (a service, a browser) is made once: they run in one process, whichever that is.
        if shares_with_its_file(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    if find_browser() is None:
        for item in items:
            if "browser" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield  # after every other summary, so that it is the last thing read
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "browser" in report.keywords]
    if skipped:
        terminalreporter.section("NOT TESTED IN A BROWSER", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(skipped)} browser tests were skipped: there is no Chromium. On Debian: sudo apt-get install chromium",
            red=True,
            bold=True,
        )
