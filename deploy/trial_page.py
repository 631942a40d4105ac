"""The page that is sent to see whether a destination takes pages: it says that it is a test. Never here: sending it."""

from __future__ import annotations

from alerts.effects import Page
from models.instants import iso


def trial_page(site: str, now_us: int) -> Page:
    """A page of high priority about nobody."""
    return Page(
        f"test-{now_us}", iso(now_us), site, "-", "high", (),
        f"TEST ▲ {site}: a test page", "Nobody is in need. Chairside was asked to send this.",
    )  # fmt: skip
