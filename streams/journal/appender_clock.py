"""The appender's clock: what the journal stamps. Time passes in it as it passes, whatever becomes of the wall clock.

Between two readings as much time passes as the machine's steady clock says, and the gap to the wall clock closes by at most one
part in `SLEW`. So a wall that was set back or ahead neither stops the shard's time nor lets hours fall due at once (a forgotten
session would be closed, an answer would run out); every age stays true to a twentieth; and no stamp goes back. A start takes the
wall's time, or the journal's last stamp where the wall lies behind it, and goes on from there.
A machine that slept has time passed (the steady clock counts sleep where the system has such a clock); one that was paused by
its host has not, and is told of as a wall that was set ahead.
Bad at: knowing which of the two clocks is right. Its alert says how far they are apart (deploy/wiring.py).
Never here: what is done about a gap.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

SLEW: Final = 20
"""An hour is made good in 20 hours, a day in 20 days; meanwhile a wait of five minutes is off by 15 s. Chosen by us: a hold, a
wait or an expiry that is off by a twentieth harms nobody."""


class AppenderClock:
    """A clock in microseconds.

    Args:
        wall_us: the wall clock, which may jump. steady_us: a clock that does not, from any beginning.
    """

    def __init__(self, wall_us: Callable[[], int], steady_us: Callable[[], int]) -> None:
        self._wall_us = wall_us
        self._steady_us = steady_us
        self._reading = threading.Lock()
        self._steady = steady_us()
        self._now = wall_us()
        self._gap = 0

    @property
    def gap_us(self) -> int:
        """How far the wall clock was ahead of this one when it was last read; below 0: behind."""
        return self._gap

    def go_on_from(self, last_us: int) -> None:
        """Show no time before the last stamp of a journal."""
        with self._reading:
            self._now = max(self._now, last_us)

    def __call__(self) -> int:
        """The time; never before that of an earlier call."""
        with self._reading:
            steady, wall = self._steady_us(), self._wall_us()
            passed = max(0, steady - self._steady)
            self._steady = steady
            gap = wall - (self._now + passed)
            most = passed // SLEW
            slewed = max(-most, min(gap, most))
            self._now += passed + slewed
            self._gap = gap - slewed
            return self._now
