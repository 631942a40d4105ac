"""The beat of each channel: how long a session's own sender takes from one reading to the next, learnt as it comes.

A channel is stale `stale_after` its beat, and a reading vouches for the time since the one before it for as long as that: so a
monitor that sends a line a minute is neither lost each time nor believed from one line. The beat is the longest gap of late,
which readings that come faster shorten by a quarter each. A gap that was said as a loss teaches a new beat in two steps,
because a network that flaps looks like a slow sender at first.

Gaps are of the shard's clock, or of the sender's where these are longer: a gateway sends its minute at once, and a backlog of a
slow monitor comes in one message.
Bad at: a sender that becomes slower: its first gap is a loss. Never here: what absence means (`absence.py`).
"""

from __future__ import annotations

from typing import Final

from models.instants import FAR, MINUTE, NEVER, SECOND
from models.tables.channels import SLOWEST_BEAT, STALE_AFTER
from streams.ward.compiled import compiled
from streams.ward.records import RecordArray
from streams.ward.rows import CHANNEL_COUNT, SessionRecord
from streams.ward.sample import SampleRecord
from streams.ward.signal.channel_table import ChannelRecord

BEAT_GRACE: Final = 10 * SECOND
"""Beside two beats, so that one line may be lost and the next be slow. Chosen by us; with 10 s a feed of a line in ten seconds
is stale after 30 s, as one a second is."""
UNSURE_BEAT: Final = 55 * SECOND
"""The slowest beat that one loss alone teaches: silence is then said after two minutes, when it pages otherwise. Chosen by us."""
NEVER_GOOD_AFTER: Final = 3 * MINUTE
"""A channel that shows from its first sample on what nobody can have is lost then, expected or not: the time in which a channel
that the protocol expects must have been good. Chosen by us."""
SLOW_CHANNEL: Final = 5 * SECOND
"""A channel that comes so rarely among lines that come faster has a beat of its own; one that comes more often and is lacking in
some lines is disturbed, and soon told by what it has. Chosen by us."""
_UNKNOWN: Final = 0
_SURE: Final = 2


@compiled
def stale_after(beat_us: int) -> int:
    """How long after its last good reading a channel of this beat is stale, and how long a reading is valid; µs."""
    return max(STALE_AFTER, 2 * beat_us + BEAT_GRACE)


@compiled
def learn_beats(session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord]) -> None:
    """Fold a judged sample into the beats of its session's channels, and set when what it showed will be stale."""
    for column in range(CHANNEL_COUNT):
        if not channels[column].continuous or not sample.fresh[column]:
            continue
        passed_us = sample.clock_us - session.came[column]
        gap_us = max(passed_us, sample.at_us - sample.before_us[column])
        if session.came[column] > NEVER and (passed_us > 0 or gap_us > session.pace[column]):
            _learn(session, column, min(gap_us, SLOWEST_BEAT))
        session.came[column] = sample.clock_us
        if sample.trusted[column]:
            session.stale_due[column] = sample.clock_us + stale_after(session.pace[column])
        elif session.stale_due[column] == FAR and _is_meant_otherwise(sample, column):
            session.stale_due[column] = sample.clock_us + NEVER_GOOD_AFTER


@compiled
def _is_meant_otherwise(sample: SampleRecord, column: int) -> bool:
    """True if a reading is one that nobody can have, and no nought or less, with which a monitor says that there is none."""
    return bool(sample.readable[column] and not sample.plausible[column] and sample.reading[column] > 0)


@compiled
def _learn(session: SessionRecord, column: int, gap_us: int) -> None:
    """Fold one gap into a channel's beat."""
    beat_us = session.pace[column]
    if beat_us == _UNKNOWN:
        session.pace[column] = gap_us
    elif gap_us > stale_after(beat_us):
        session.lapses[column] = min(session.lapses[column] + 1, _SURE)
        session.pace[column] = gap_us if session.lapses[column] == _SURE else min(gap_us, UNSURE_BEAT)
    else:
        session.lapses[column] = 0
        session.pace[column] = gap_us if gap_us >= beat_us else beat_us - (beat_us - gap_us) // 4


@compiled
def lacks_nothing(session: SessionRecord, column: int, since_us: int) -> bool:
    """Whether a channel is a slow one among others and comes at its beat, so that the lines between did not lack it.

    The beat is that of the gaps before: a quarter less or more is still one.
    """
    beat_us = session.pace[column]
    return bool(beat_us >= SLOW_CHANNEL and 3 * beat_us <= 4 * since_us <= 5 * beat_us)


@compiled
def vouched_for(session: SessionRecord, column: int, since_us: int, alone_us: int) -> int:
    """The time that a reading vouches for, so long after the sample before it; `alone_us` at most where a loss lies between."""
    beat_us = session.pace[column]
    valid_us = SLOWEST_BEAT if beat_us == _UNKNOWN else stale_after(beat_us)
    return since_us if since_us <= valid_us else alone_us
