"""The order of a recording's rows: newest first, one after the other, late, a clock that went back, a row in 2161."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.instants import DAY, SECOND
from streams.intake.order import RowOrder, order_of

FAR = 135 * 365 * DAY


def order(
    seconds: Sequence[float], whose: Sequence[int] | None = None, sample: Sequence[bool] | None = None
) -> RowOrder:
    count = len(seconds)
    return order_of(
        np.array([round(one * SECOND) for one in seconds], np.int64),
        np.array(whose or [0] * count, np.int64),
        np.array(sample or [True] * count, bool),
    )


def put(seconds: Sequence[float], whose: Sequence[int] | None = None) -> list[float]:
    found = order(seconds, whose)
    return [seconds[place] for place in found.places(np.array([round(one * SECOND) for one in seconds], np.int64))]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_rows_in_order_of_time_stay_as_they_stand(seconds: list[int]) -> None:
    found = order(sorted(seconds))

    assert (found.arrangement, found.back) == ("as it stands", 0)
    assert not found.stray.any()


@given(st.lists(st.integers(0, 80_000), min_size=3, max_size=60, unique=True))
def test_newest_first_is_read_from_its_end(seconds: list[int]) -> None:
    newest_first = sorted(seconds, reverse=True)

    assert order(newest_first).arrangement == "newest first"
    assert put(newest_first) == sorted(seconds)


def test_of_rows_at_one_instant_the_last_of_a_file_that_is_newest_first_comes_first() -> None:
    found = order([3, 2, 2, 1])

    assert found.places(np.array([3, 2, 2, 1]) * SECOND).tolist() == [3, 2, 1, 0]


def test_one_person_after_the_other_is_put_by_time() -> None:
    found = order([0, 1, 2, 3, 0, 1, 2, 3], whose=[0] * 4 + [1] * 4)

    assert (found.arrangement, found.back) == ("by time", 4 - 1)
    assert put([0, 1, 2, 3, 0, 1, 2, 3], whose=[0] * 4 + [1] * 4) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("late", [[0, 1, 3, 2, 4], [0, 1, 2, 30, 31, 10, 11, 12, 32, 33], [0, 5, 1, 2, 3, 4, 6]])
def test_rows_that_came_late_into_a_gap_of_their_own_are_put_by_time(late: list[int]) -> None:
    assert order(late).arrangement == "by time"
    assert put(late) == sorted(late)


@pytest.mark.parametrize("shift_s", [3600, 3600.4, 1800, 121])
def test_a_clock_that_goes_back_stays_in_the_order_of_arrival(shift_s: float) -> None:
    before = [float(second) for second in range(0, 4000, 2)]
    after = [4000 - shift_s + 2 * step for step in range(60)]

    found = order([*before, *after])

    assert found.arrangement == "as it stands"
    assert found.back == sum(second < before[-1] for second in after)


@pytest.mark.parametrize(
    ("before", "shift_s", "after"),
    [
        (4000, 3600, 60), (4000, 3600, 1900), (900, 3600, 400), (900, 3602, 40), (900, 12 * 3600, 40), (900, 24.9 * 365 * 86400, 40), (60, 20, 10),
    ],
)  # fmt: skip
def test_a_clock_that_is_set_back_is_known_by_what_it_shows_again_or_by_how_far(
    before: int, shift_s: float, after: int
) -> None:
    seconds = [*range(0, before, 2), *(before - shift_s + 2 * step for step in range(after))]

    assert order([float(second) for second in seconds]).arrangement == "as it stands"


@pytest.mark.parametrize(
    "seconds",
    [
        [*range(90_000, 90_100), *range(100)],
        [*range(7000, 7100), *range(100)],
        [*range(100), *range(900, 1000), *range(300, 400)],
        [one for start in range(0, 500, 10) for one in [*range(start, start + 10), *range(start, start + 10)]],
    ],
    ids=["two days in the wrong order", "two hours", "a batch that came late", "two devices by turns"],
)
def test_what_no_clock_does_is_put_by_time(seconds: list[int]) -> None:
    assert order([float(second) for second in seconds]).arrangement == "by time"


@given(st.lists(st.integers(0, 80_000), min_size=40, max_size=80, unique=True), st.randoms(use_true_random=False))
def test_rows_in_disorder_are_put_by_time(seconds: list[int], chance: random.Random) -> None:
    chance.shuffle(seconds)

    assert put(seconds) == sorted(seconds)


def test_an_entry_that_comes_late_stays_where_it_came() -> None:
    found = order([0, 1, 2, 0.5, 3], sample=[True, True, True, False, True])

    assert (found.arrangement, found.back) == ("as it stands", 1)


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("place", [1, 50, 97])
def test_a_row_far_ahead_is_set_aside_and_the_others_are_as_if_it_had_not_been_there(rows: int, place: int) -> None:
    seconds = [float(second) for second in range(100)]
    seconds[place:place] = [FAR / SECOND + row for row in range(rows)]

    found = order(seconds)

    assert np.flatnonzero(found.stray).tolist() == list(range(place, place + rows))
    assert (found.arrangement, found.back) == ("as it stands", 0)


@pytest.mark.parametrize(
    ("seconds", "strays"),
    [
        ([*range(20), FAR / SECOND], [20]),
        ([-26 * 365 * 86400.0, *range(20)], [0]),
        ([*range(20), 3 * 86400.0], []),
        ([0, 365 * 86400.0, 2 * 365 * 86400.0], []),
        ([0, 1, 86400 * 2, 2, 3], [2]),
        ([0, 1, 3600 * 20, 2, 3], []),
        ([0, 1, *(FAR / SECOND + row for row in range(4)), 2, 3], []),
        ([*range(10), -26 * 365 * 86400.0, *range(10, 20)], [10]), ([5, 4, 3, FAR / SECOND, 2, 1], [3]),
        ([*range(20), *(2 * 86400.0 + row for row in range(2)), *range(20, 25)], [20, 21]),
        ([*range(20), *(2 * 86400.0 + row for row in range(2)), *range(15)], []),
    ],
)  # fmt: skip
def test_what_is_a_slip_of_some_rows_and_what_is_not(seconds: list[float], strays: list[int]) -> None:
    assert np.flatnonzero(order(seconds).stray).tolist() == strays


def test_rows_that_say_when_they_arrived_stand_as_they_are_unless_newest_first() -> None:
    for seconds, arrangement in (([0, 5, 1, 2, 3, 4], "as it stands"), ([5, 4, 3, 3, 4], "newest first")):
        found = order_of(
            np.array(seconds) * SECOND, np.zeros(len(seconds), np.int64), np.ones(len(seconds), bool), arrival=True
        )
        assert found.arrangement == arrangement
        assert not found.stray.any()


@pytest.mark.parametrize(
    ("entries", "strays"),
    [
        ([0.0, FAR / SECOND], [1]), ([FAR / SECOND, 1.0, 2.0], [0]), ([0.0, 1.0], []), ([FAR / SECOND], []), ([FAR / SECOND, FAR / SECOND + 5], []),
    ],
    ids=["one of two", "one of three", "none", "all, so the monitor is wrong", "both, so the monitor is wrong"],
)  # fmt: skip
def test_an_entry_is_a_stray_only_beside_entries_that_are_none(entries: list[float], strays: list[int]) -> None:
    """What is thrown out may be a dose, or an answer about suicide."""
    seconds = [*entries, *(float(second) for second in range(30))]
    sample = [False] * len(entries) + [True] * 30
    for whose in (None, [0] * len(entries) + [1] * 30):
        assert np.flatnonzero(order(seconds, whose, sample).stray).tolist() == strays


def test_few_rows_of_somebody_years_before_all_others_are_no_strays() -> None:
    found = order([*(float(second) for second in range(30)), -FAR / SECOND, -FAR / SECOND + 1], whose=[0] * 30 + [1, 1])

    assert not found.stray.any()
    assert found.arrangement == "by time"


def test_histories_of_years_have_no_strays() -> None:
    """Entries of two people, one after the other, weeks apart."""
    weeks = [7.0 * 86400 * week for week in range(80)]
    found = order([*weeks, *weeks], whose=[0] * 80 + [1] * 80, sample=[False] * 160)

    assert not found.stray.any()
    assert found.arrangement == "as it stands"


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.booleans()), max_size=30), st.permutations(range(3))
)
def test_every_row_is_in_the_order_once(rows: list[tuple[int, int, bool]], names: list[int]) -> None:
    time_us = np.array([second * SECOND for second, _, _ in rows], np.int64)
    whose = np.array([owner for _, owner, _ in rows], np.int64)
    found = order_of(time_us, whose, np.array([sample for _, _, sample in rows], bool))

    places = found.places(time_us)
    assert sorted(places.tolist()) == list(range(len(rows)))
    renamed = order_of(
        time_us, np.array([names[owner] for owner in whose], np.int64), np.array([s for _, _, s in rows], bool)
    )
    assert renamed.arrangement == found.arrangement
    if found.arrangement != "as it stands":
        assert (np.diff(time_us[places]) >= 0).all()


def test_a_device_that_is_years_behind_the_others_beside_it_stays_where_it_stands() -> None:
    """Sorted by time, its readings would come before the session that they are of."""
    years = 26 * 365 * 86400.0
    among = [years * (n % 3 != 1) + n // 3 for n in range(60)]
    found = order(among, whose=[n % 3 for n in range(60)])
    assert found.arrangement == "as it stands"
    assert not found.stray.any()
    one_after_the_other = [*(years + n for n in range(20)), *range(20)]
    assert order(one_after_the_other, whose=[0] * 20 + [1] * 20).arrangement == "by time"
