"""The words of time in alerts."""

from __future__ import annotations

import pytest

from models.instants import DAY, HOUR, MINUTE, SECOND, from_iso
from streams.ward.sentences import ago, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (40, "40 s"), (119, "119 s"), (300, "5 min"), (180 * 60, "180 min"), (4 * 3600, "4 h"), (5 * 3600 + 600, "5 h 10 min"),
        (4547 * 60, "3 d 4 h"), (48 * 3600, "2 d"), (47 * 3600 + 3590, "2 d"),
    ],
)  # fmt: skip
def test_how_long_is_said_in_units_that_somebody_can_picture(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("before_us", "words"),
    [
        (90 * SECOND, "90 s ago"), (5 * MINUTE, "5 min ago"), (5 * HOUR, "5 h ago (07:00 UTC)"),
        (4547 * MINUTE, "3 d 4 h ago (2026-11-06 08:13 UTC)"), (2 * DAY, "2 d ago (2026-11-07 12:00 UTC)"),
    ],
)  # fmt: skip
def test_what_is_hours_old_is_said_with_its_time_and_what_is_of_another_day_with_that(
    before_us: int, words: str
) -> None:
    now_us = from_iso("2026-11-09T12:00:00Z")
    assert ago(now_us - before_us, now_us) == words
