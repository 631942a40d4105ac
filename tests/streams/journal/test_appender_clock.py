"""The appender's clock: time passes at the pace of the steady clock, whatever the wall clock says, and never goes back."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from models.instants import DAY, HOUR, MINUTE, SECOND
from streams.journal.appender_clock import SLEW, AppenderClock
from tests.support.service import START_US


@dataclass
class Machine:
    """A machine whose time passes and whose wall clock is set by hand."""

    steady_us: int = 0
    wall_us: int = START_US
    clock: AppenderClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = AppenderClock(lambda: self.wall_us, lambda: self.steady_us)

    def passes(self, length_us: int) -> int:
        self.steady_us += length_us
        self.wall_us += length_us
        return self.clock()


STEPS = st.lists(st.tuples(st.integers(0, HOUR), st.integers(-40 * DAY, 40 * DAY)), max_size=30)


@given(STEPS)
def test_however_the_wall_is_set_time_passes_at_its_pace_to_a_twentieth_and_never_goes_back(
    steps: list[tuple[int, int]],
) -> None:
    machine = Machine()
    now = machine.clock()
    for length_us, set_by_us in steps:
        machine.wall_us += set_by_us
        before, now = now, machine.passes(length_us)
        assert length_us - length_us // SLEW <= now - before <= length_us + length_us // SLEW
        assert machine.clock.gap_us == machine.wall_us - now


def test_a_right_wall_is_followed_exactly() -> None:
    machine = Machine()
    for _ in range(100):
        assert machine.passes(7 * SECOND) == machine.wall_us
    assert machine.clock.gap_us == 0


def test_an_hour_is_made_good_in_twenty_hours_and_then_the_wall_is_followed_again() -> None:
    for set_by_us in (-HOUR, HOUR):
        machine = Machine()
        machine.passes(MINUTE)
        machine.wall_us += set_by_us
        for _ in range(20 * 60 - 1):
            assert machine.passes(MINUTE) != machine.wall_us
        machine.passes(MINUTE)
        assert machine.passes(MINUTE) == machine.wall_us


def test_a_start_behind_the_last_stamp_goes_on_from_there() -> None:
    machine = Machine()
    machine.clock.go_on_from(START_US + DAY)
    assert machine.passes(SECOND) == START_US + DAY + SECOND - SECOND // SLEW
    assert machine.clock.gap_us == -DAY + SECOND // SLEW
