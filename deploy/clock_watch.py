"""The watch on the appender's clock: says when the machine's wall clock and the journal's time are apart, and when no longer.

Never here: what is done about it (streams/journal/appender_clock.py), the alert (streams/ward/rules/host_clock.py).
"""

from __future__ import annotations

import logging
from typing import Final

from models.instants import EPOCH, SECOND
from models.wire.observations import ClockApart
from streams.journal.appender_clock import AppenderClock

log = logging.getLogger(__name__)

CLOCK_APART: Final = 5 * SECOND
"""A gap from which somebody is told. Chosen by us: a time service closes less by itself, and nobody misreads a time by it."""


class ClockWatch:
    """Watches one clock. `standing`: whether its alert is open already, from before a restart."""

    def __init__(self, clock: AppenderClock, site: str, *, standing: bool) -> None:
        self._clock = clock
        self._site = site
        self._standing = standing
        self._gap: int | None = None

    def look(self) -> ClockApart | None:
        """What is news since the last look, for the journal; it is in the log too."""
        self._clock()
        gap, before = self._clock.gap_us, self._gap
        self._gap = gap
        stepped = 0 if before is None else gap - before
        if abs(gap) < CLOCK_APART:
            if not self._standing:
                return None
            self._standing = False
            log.info("the machine's clock and the journal's time are together again")
            return ClockApart(at=EPOCH, site=self._site)
        if abs(stepped) < CLOCK_APART:
            if self._standing:
                return None
            stepped = 0
        self._standing = True
        log.error(
            "the machine's clock is %+.1f s from the journal's time (set by %+.1f s)", gap / SECOND, stepped / SECOND
        )
        return ClockApart(
            at=EPOCH, site=self._site, apart_s=round(gap / SECOND, 1), stepped_s=round(stepped / SECOND, 1)
        )  # fmt: skip
