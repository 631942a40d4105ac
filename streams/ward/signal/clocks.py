"""The senders' clocks: which instant a sample is judged by, where its sender's own clock cannot be right.

A clock goes back an hour at the end of summer time, to the year 2000 after a battery change, or stands still; one that is ahead
makes all that comes after it late. Its samples are then judged by arrival: a correction is added to what the sender says, so
that the order and the pace of what comes at once stay as they were. It ends when the sender's clock is right again.

- Ahead of the shard's clock by more than `CLOCK_AHEAD`: at once.
- Not newer than the sender's newest for `BELIEVED_AFTER` while time passes at the sender's pace and lines come at its beat, or
  while its clock stands still and its content does not: a clock that was set. A backlog comes faster than it was made, and live
  samples come between; a line that is sent again says what it said before. Of a clock that is right, one line in four seconds
  is remembered, a landmark: whatever is sent again for `BELIEVED_AFTER` comes past one, and then says nothing.
- Further behind than `CLOCK_BEHIND` at the pace of arrival, from the first sample on: a clock that was never right. A late batch
  comes at once, so it keeps its own time.

On the observed clock (a replay) arrival is the order of the lines: a sample comes one of its sender's beats after the one before,
or, where a clock shows whole minutes only, as long after it as a line of the instant before had.
  A line of a time of which nothing has come from its sender is of a late batch: a clock that was set has been there.
Bad at: samples of the first ten seconds after a clock was set, which are late; a clock that was set back by some minutes while
every reading stands still, which looks like lines that are sent again.
Cost: some nanoseconds a sample; 2.3 kB a sender, 170 B in a checkpoint, 2.2 kB while its clock is in doubt.
Never here: what is said of it (`absence.py`).
"""

from __future__ import annotations

from math import floor, isnan
from typing import Final

from models.arrays import Floats
from models.instants import MINUTE, NEVER, SECOND
from models.tables.channels import SLOWEST_BEAT
from streams.ward.compiled import compiled
from streams.ward.rows import CHANNEL_COUNT, Octets
from streams.ward.sample import SampleRecord
from streams.ward.signal.clock_records import CLOCK_FORGOTTEN_AFTER, LANDMARKS, REMEMBERED, USUAL_BEAT, ClockRecord

CLOCK_AHEAD: Final = MINUTE
CLOCK_BEHIND: Final = 10 * MINUTE
"""A device's clock this far from the shard's is wrong: ahead, nothing explains it; behind, a late batch might."""
BELIEVED_AFTER: Final = 10 * SECOND
"""Chosen by us: ten lines of most monitors, and little beside the minute within which it must be said."""
PACE_SLACK: Final = 5 * SECOND
"""A sender's time may pass so much more than the shard's before it is a backlog. Chosen by us."""
FEWEST_LINES: Final = 3
"""Chosen by us: two lines may be two that are sent again and stood beside a landmark."""
BELIEVED_LINES: Final = 4
STANDING_LINES: Final = 20
"""In a replay, where no time of arrival helps: so many lines in order, or at one instant. Chosen by us: a monitor that sends each
channel by itself has ten lines at an instant."""
BELIEVED_OVER: Final = MINUTE
"""In a replay, fewer lines are enough over so long, of a sender that is that slow. Chosen by us."""
PLACE: Final = SECOND // 2
"""Places for the contents of a sender's last lines, two a second: eight and a half minutes. Chosen by us: longer than a batch
that is sent again."""
LANDMARK_EVERY: Final = 4 * SECOND
"""The same eight and a half minutes in landmarks. Two of these are less than `BELIEVED_AFTER`. Chosen by us."""
USUAL_GAPS: Final = 2
"""A gap up to so many times the usual one is a sender's beat: its times have been, though no line shows them. Chosen by us."""
COVERED: Final = 1
"""A landmark of a time that passed between two lines at a sender's beat. 0: nothing has come of it; above: a line's content."""
_MASK: Final = 0xFFFF


@compiled
def take_instant(clock: ClockRecord, sample: SampleRecord, sent_us: int, values: Floats, status: Octets) -> None:
    """Set which instant a sample is judged by, and let the observed clock go on to it; update its sender's clock."""
    if sample.clock_us - clock.heard > CLOCK_FORGOTTEN_AFTER:
        _forget(clock)
    content = mark_of(values, status, sent_us)
    sample.sent_us = sent_us
    was_in_doubt = _in_doubt(clock)
    late = sent_us != clock.sent and sent_us + clock.shift <= clock.newest
    if late:
        # A line that came before says nothing of the clock, nor does what came just before it.
        marked = clock.marks[sent_us // PLACE % REMEMBERED] == content
        if marked or clock.landmarks[sent_us // LANDMARK_EVERY % LANDMARKS] == _byte_of(content):
            sample.again = True
            sample.at_us = min(sent_us + clock.shift, clock.newest)
            if not marked:
                clock.run = NEVER
                _settle(clock, was_in_doubt)
            return
    sample.again = False
    at_us = _corrected(clock, sample, sent_us)
    newer = at_us > clock.newest
    behind = not sample.observed and at_us < sample.clock_us - CLOCK_BEHIND
    _count_lines(clock, sent_us, content)
    if newer and not behind:
        clock.run = NEVER
        clock.stands = clock.stands and clock.each >= STANDING_LINES
    elif clock.stands and sent_us == clock.sent:
        if content != clock.content:
            at_us = _rebase(clock, sample, sent_us)
    elif _fills_a_gap(clock, sample, sent_us, newer):
        clock.run = NEVER
    elif _was_set(clock, sample, sent_us, content, newer):
        clock.stands = sent_us == clock.run_sent
        at_us = _rebase(clock, sample, sent_us)
        clock.run = NEVER
    if at_us > clock.newest:
        if clock.newest > NEVER:
            gap_us = min(at_us - clock.newest, SLOWEST_BEAT)
            if clock.shift == 0:
                _cover(clock, sent_us, at_us - clock.newest)
            clock.beat = gap_us if gap_us >= clock.beat else clock.beat - (clock.beat - gap_us) // 4
            # A gap only doubles it: one that lines are missing from is no beat.
            clock.usual = (
                min(gap_us, 2 * clock.usual) if gap_us >= clock.usual else clock.usual - (clock.usual - gap_us) // 4
            )
        clock.newest = at_us
        if sent_us // LANDMARK_EVERY != clock.sent // LANDMARK_EVERY:
            clock.landmarks[sent_us // LANDMARK_EVERY % LANDMARKS] = _byte_of(content)
    if _in_doubt(clock):
        clock.marks[sent_us // PLACE % REMEMBERED] = content
    _settle(clock, was_in_doubt)
    clock.content = content
    clock.sent = sent_us
    sample.at_us = at_us
    if clock.stands:
        # What shows whole minutes is right for all of its minute.
        sample.sent_us = max(sent_us, min(at_us, sent_us + clock.pace * clock.each))
    if sample.observed:
        sample.clock_us = max(sample.clock_us, at_us)
    clock.heard = sample.clock_us


@compiled
def _in_doubt(clock: ClockRecord) -> bool:
    return clock.shift != 0 or clock.run != NEVER


@compiled
def _settle(clock: ClockRecord, was_in_doubt: bool) -> None:
    """Forget the contents of a doubt that is over: what is not in a checkpoint must decide nothing."""
    if was_in_doubt and not _in_doubt(clock):
        for n in range(REMEMBERED):
            clock.marks[n] = 0


@compiled
def _forget(clock: ClockRecord) -> None:
    """Make it the record of a sender that was never heard: a checkpoint leaves it out."""
    clock.shift = 0
    clock.newest = NEVER
    clock.beat = USUAL_BEAT
    clock.usual = USUAL_BEAT
    clock.heard = NEVER
    clock.run = NEVER
    clock.run_sent = NEVER
    clock.count = 0
    clock.sent = NEVER
    clock.content = 0
    clock.stands = False
    clock.lines = 0
    clock.each = 0
    clock.pace = 0
    for n in range(REMEMBERED):
        clock.marks[n] = 0
    for n in range(LANDMARKS):
        clock.landmarks[n] = 0


@compiled
def _corrected(clock: ClockRecord, sample: SampleRecord, sent_us: int) -> int:
    """What a sender says, with the correction that it needs so far."""
    clock_us = sample.clock_us
    near = sample.observed or clock_us - CLOCK_BEHIND <= sent_us <= clock_us + CLOCK_AHEAD
    moves = not clock.stands or sent_us != clock.sent
    if clock.shift != 0 and moves and sent_us > clock.newest and near:
        clock.shift = 0
    elif clock.stands and _is_next_minute(clock, sent_us):
        # Its lines of the minute before were reckoned a little too far apart.
        clock.shift = clock.newest + max(clock.pace, 1) - sent_us
    at_us = sent_us + clock.shift
    # A clock that is known to run ahead is as far ahead as its newest line is.
    latest_us = clock_us if clock.shift < 0 else clock_us + CLOCK_AHEAD
    if not sample.observed and at_us > latest_us:
        clock.shift = clock_us - sent_us
        at_us = clock_us
    return at_us


@compiled
def _count_lines(clock: ClockRecord, sent_us: int, content: int) -> None:
    """Count the lines of other content at one instant of the sender's; how many, and how long each, at the instant before."""
    if sent_us == clock.sent:
        clock.lines += 1 if content != clock.content else 0
        return
    clock.each = clock.lines
    clock.pace = 0
    if clock.lines > 0 and sent_us > clock.sent:
        # As many lines as the minute before had, in what is left of this one.
        lead_us = clock.newest - sent_us if _is_next_minute(clock, sent_us) else 0
        clock.pace = min(sent_us - clock.sent - lead_us, SLOWEST_BEAT) // clock.lines
    clock.lines = 1


@compiled
def _is_next_minute(clock: ClockRecord, sent_us: int) -> bool:
    """Whether a clock that shows whole minutes has gone on to one that its lines have been reckoned into already."""
    return 0 <= clock.newest - sent_us < sent_us - clock.sent


@compiled
def _was_set(clock: ClockRecord, sample: SampleRecord, sent_us: int, content: int, newer: bool) -> bool:
    """Fold in a sample that is not newer than its sender's newest, or far behind; whether its clock must have been set."""
    step_us = sent_us - clock.sent
    too_far = not newer and step_us > 2 * clock.beat
    too_slow = not sample.observed and 0 < sent_us - clock.run_sent < sample.clock_us - clock.run - PACE_SLACK
    if clock.run == NEVER or step_us < 0 or too_far or too_slow:
        clock.run = sample.clock_us
        clock.run_sent = sent_us
        clock.count = 1
        return False
    moved_us = sent_us - clock.run_sent
    if step_us == 0 and (content == clock.content or moved_us > 0):
        return False
    clock.count = 2 if step_us == moved_us and step_us > 0 else clock.count + 1
    if not newer and clock.count < FEWEST_LINES:
        return False
    if not sample.observed:
        passed_us = sample.clock_us - clock.run
        return passed_us >= BELIEVED_AFTER and moved_us <= passed_us + PACE_SLACK
    if moved_us == 0:
        return clock.count >= STANDING_LINES
    return moved_us >= BELIEVED_OVER or (moved_us >= BELIEVED_AFTER and clock.count >= BELIEVED_LINES)


@compiled
def _cover(clock: ClockRecord, sent_us: int, gap_us: int) -> None:
    """Set the landmarks between a sender's newest line and this one: covered where the gap is its beat, else nothing has come."""
    last = sent_us // LANDMARK_EVERY
    covered = COVERED if gap_us <= USUAL_GAPS * clock.usual else 0
    for n in range(max(clock.newest // LANDMARK_EVERY + 1, last - LANDMARKS + 1), last):
        clock.landmarks[n % LANDMARKS] = covered


@compiled
def _fills_a_gap(clock: ClockRecord, sample: SampleRecord, sent_us: int, newer: bool) -> bool:
    """Whether a line of a recording is of a time of which nothing has come: a late batch. A clock that was set has been there."""
    if not sample.observed or newer or clock.shift != 0:
        return False
    if clock.newest - sent_us >= (LANDMARKS - 1) * LANDMARK_EVERY:
        return False
    return bool(clock.landmarks[sent_us // LANDMARK_EVERY % LANDMARKS] == 0)


@compiled
def _rebase(clock: ClockRecord, sample: SampleRecord, sent_us: int) -> int:
    """Correct a clock so that this sample comes now; the instant that it is judged by."""
    next_us = clock.newest + (clock.pace if sent_us == clock.sent and clock.pace > 0 else clock.beat)
    at_us = next_us if sample.observed else max(sample.clock_us, min(next_us, sample.clock_us + CLOCK_AHEAD))
    clock.shift = at_us - sent_us
    return at_us


@compiled
def _byte_of(content: int) -> int:
    return (content >> 1) % 254 + COVERED + 1


@compiled
def mark_of(values: Floats, status: Octets, sent_us: int) -> int:
    """A number that two samples of other content or instants hardly share; never 0."""
    found = (sent_us ^ sent_us >> 16 ^ sent_us >> 32) & _MASK
    for column in range(CHANNEL_COUNT):
        value = values[column]
        part = 0
        if not isnan(value):
            part = floor(value * 100.0) if -1e6 < value < 1e6 else 1
        found = ((found * 31) ^ part ^ (int(status[column]) << 9)) & _MASK
    return found | 1
