"""When somebody in treatment is asked how it is: minutes from the start of the dose, by their protocol.

Never here: who asks, and what (`streams/intake/selfreport/`); when a nurse's look is overdue (`drugs.py`).
"""

from __future__ import annotations

from typing import Final

from models.tables.drugs import TreatmentProtocol

CHECKIN_GRACE: Final = 1.5
"""A protocol's check-in is overdue after its cadence and half of it (drugs.py): the tablet asks at the cadence itself."""
LAST_ROUND_MIN: Final = 240.0
"""Nobody is asked for ever, if a session was not ended. Chosen by us: twice the observation of every protocol."""


def cadence_min(protocol: TreatmentProtocol) -> float | None:
    """Minutes between two rounds of questions; None: this protocol asks nothing."""
    return None if protocol.checkin_min is None else protocol.checkin_min / CHECKIN_GRACE


def round_at(protocol: TreatmentProtocol, minutes: float) -> tuple[int, float | None]:
    """The round that is due so many minutes after the dose began (0: none yet), and in how many minutes the next is."""
    cadence = cadence_min(protocol)
    if cadence is None or minutes < 0:
        return 0, None
    current = int(min(minutes, LAST_ROUND_MIN) // cadence)
    following = (current + 1) * cadence
    return current, None if following > LAST_ROUND_MIN else following - minutes
