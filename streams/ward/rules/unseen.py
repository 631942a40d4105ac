"""What cannot be seen of a session now: the rows of `models/tables/blind_spots.py` that apply, in words. Read-only.

Said while a sensor is not there; nothing is alerted, begun or ended by it. Never here: the words.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from models.instants import MINUTE, NEVER
from models.tables.blind_spots import BY_SENSOR, SLOW_CUFF, Sensor
from models.tables.channels import CHANNEL_COLUMN
from streams.ward.state import WardState

_HR: Final = CHANNEL_COLUMN["hr"]
_PULSE: Final = CHANNEL_COLUMN["pulse"]
_ETCO2: Final = CHANNEL_COLUMN["etco2"]


class Unseen(NamedTuple):
    """One thing that cannot be seen, in few words and in a sentence."""

    card: str
    words: str


def unseen_of(state: WardState, row: int) -> list[Unseen]:
    """What cannot be seen of a session, gravest first."""
    session = state.association.sessions[row]
    found: list[Unseen] = []
    at_risk = session.oxygen or bool(state.rows.sedated[row])
    if at_risk and not _is_there(state, row, _ETCO2):
        found.append(_words("capnograph"))
    if _is_there(state, row, _PULSE) and not _is_there(state, row, _HR):
        found.append(_words("ECG"))
    if len(session.cuffs) > 1:
        apart_us = session.cuffs[-1].at_us - session.cuffs[-2].at_us
        if apart_us >= SLOW_CUFF:
            found.append(_words("cuff", f"{apart_us / MINUTE:.0f}"))
    return found


def _words(sensor: Sensor, minutes: str = "") -> Unseen:
    row = BY_SENSOR[sensor]
    return Unseen(row.card.replace("{min}", minutes), row.words.replace("{min}", minutes))


def _is_there(state: WardState, row: int, column: int) -> bool:
    return int(state.rows.trusted_at[row, column]) > NEVER and not bool(state.rows.stale[row, column])
