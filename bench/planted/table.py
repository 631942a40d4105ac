"""The suites, in the order in which they are planted."""

from __future__ import annotations

from typing import Final

from bench.planted.core import ABSENCE, OUTBOX, TIMERS, WHOSE
from bench.planted.cuffs import CUFFS
from bench.planted.desk import DESK
from bench.planted.harm import HARM, HARM_PAGES
from bench.planted.intake import INTAKE, QUEUE
from bench.planted.ladder import LADDER
from bench.planted.lifecycle import LIFECYCLE
from bench.planted.loop import HOLDING, LOOP, SENDERS

SUITES: Final = (
    LIFECYCLE,
    HOLDING,
    CUFFS,
    DESK,
    LADDER,
    LOOP,
    SENDERS,
    TIMERS,
    ABSENCE,
    WHOSE,
    OUTBOX,
    INTAKE,
    QUEUE,
    HARM,
    HARM_PAGES,
)
