"""A year of a clinic, made small: two mornings, measured as the year is; and a year that was broken off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.year.days import MADE_US, TICK, Busy, day_of, moved, working_day
from bench.year.left import measured
from bench.year.living import Clinic, live
from models.instants import DAY, SECOND, to_us
from streams.clinic.clinic import OPENS_US
from streams.journal.frame import decode

OPENS = (OPENS_US - MADE_US) // SECOND
MORNING = range(OPENS, OPENS + 800)
START_US = MADE_US - 28 * DAY


@pytest.fixture(scope="module")
def week() -> list[dict[int, Busy]]:
    """A working week whose days are one."""
    return [working_day(1, 2, hours=0.2)] * 5


def lived(data: Path, week: list[dict[int, Busy]], days: int) -> list[tuple[int, int, str, str]]:
    """Live on to so many days; all effects."""
    clinic = Clinic(data)
    for _ in live(clinic, week, days, START_US, MORNING):
        pass
    digests = clinic.store.digests(0)
    clinic.ends()
    return digests


def test_days_are_lived_kept_backed_up_and_restored(tmp_path: Path, week: list[dict[int, Busy]]) -> None:
    lived(tmp_path / "data", week, 2)
    figures = measured(tmp_path / "data", 2, START_US, week, goes_on=MORNING, starts=0)
    found = {figure.what: figure.median for figure in figures}
    assert found["frames in the journal"] >= 2 * len(MORNING)
    assert found["sessions with vitals by the minute"] == 4
    assert found["of that vitals by the minute, for ever"] > 0
    assert found["effects of the restored copy that are the original's, an hour on"] > 20
    assert {"backup", "verify", "restore"} <= found.keys()


def test_a_year_that_was_broken_off_goes_on_to_the_same_effects(tmp_path: Path, week: list[dict[int, Busy]]) -> None:
    lived(tmp_path / "broken", week, 1)
    assert lived(tmp_path / "broken", week, 2) == lived(tmp_path / "whole", week, 2)


def test_a_moved_frame_has_the_same_readings_at_another_instant(week: list[dict[int, Busy]]) -> None:
    day = 9
    shift_us = START_US + day * DAY - MADE_US
    frames = {
        n: decode(payload)
        for n, (_, payload) in zip(MORNING, day_of(week, day, START_US, MORNING), strict=True)
        if payload != TICK
    }
    assert len(frames) > 500
    for second, busy in week[0].items():
        if second in frames:
            made, there = decode(busy.payload), frames[second]
            assert np.array_equal(there.at_us, made.at_us + shift_us)
            assert np.array_equal(there.values, made.values, equal_nan=True)
            assert there.origins == made.origins
            assert [to_us(each.at) for _, each in there.events] == [
                to_us(each.at) + shift_us for _, each in made.events
            ]
    patients = {each.patient for frame in frames.values() for _, each in frame.events if each.patient}
    assert patients == {"P0001-2-0", "P0002-2-0"}
    assert moved(next(iter(week[0].values())), 0, 0)
