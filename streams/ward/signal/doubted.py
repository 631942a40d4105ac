"""A doubted saturation: a doubt has an end.

While two probes disagree, a signal jumps or a device stands still, its saturation is not believed. But the third signal that a
doubt hides may be a body's: a finger that misses every second beat still shows a saturation. So a doubted saturation is held
against limits of its own, `spo2-doubted`, whose holds are as long as a doubt may last; once such a hold runs, what is believed
again counts in it too. A normal saturation beside a doubt begins nothing.
Never here: why a reading is doubted (`quality.py`, `steps.py`, `agreement.py`).
"""

from __future__ import annotations

from typing import Final

from models.instants import SECOND
from models.tables.channels import CHANNEL_COLUMN
from models.tables.limits import KEYS, LIMIT_COLUMN
from streams.ward.compiled import compiled
from streams.ward.rows import IDLE, SessionRecord
from streams.ward.sample import SampleRecord
from streams.ward.signal.beat import lacks_nothing, vouched_for

DOUBTED: Final = LIMIT_COLUMN["spo2-doubted"]
_SPO2: Final = CHANNEL_COLUMN["spo2"]
_MEDIUM: Final = KEYS.index(("desaturation", "medium", "spo2-doubted"))
_HIGH: Final = KEYS.index(("desaturation", "high", "spo2-doubted"))


@compiled
def take_doubted(session: SessionRecord, sample: SampleRecord) -> None:
    """Put into column DOUBTED a saturation that is doubted, or that goes on with a hold that a doubted one began.

    Before the sample is noted: the time that it vouches for, believed or not, is since the reading before it.
    """
    sample.trusted[DOUBTED] = False
    if not sample.plausible[_SPO2] or (sample.trusted[_SPO2] and not _goes_on(session)):
        return
    near_us = session.near_at[_SPO2]
    since_us = vouched_for(session, _SPO2, sample.at_us - near_us, SECOND)
    at_beat = lacks_nothing(session, _SPO2, sample.at_us - near_us)
    steady = near_us == session.at[_SPO2] and (at_beat or not near_us < session.blank[_SPO2] < sample.at_us)
    sample.passed_us[DOUBTED] = since_us if steady else min(since_us, SECOND)
    sample.trusted[DOUBTED] = True
    sample.reading[DOUBTED] = sample.reading[_SPO2]


@compiled
def _goes_on(session: SessionRecord) -> bool:
    """Whether a hold of a doubted saturation runs, or is in force."""
    if session.strikes[_MEDIUM] < IDLE or session.strikes[_HIGH] < IDLE:
        return True
    return bool(session.on[_MEDIUM] or session.on[_HIGH])
