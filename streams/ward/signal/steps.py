"""Impossible steps: a reading further from its neighbour than the body can go is doubted until it returns or has held.

A step is judged between neighbouring samples. Signals of different organs that all jump in the same second, each by less
than would be impossible alone, are a movement, and doubted likewise. Once doubted, a channel is not believed until it is
back at about where it was, twice (it was an artefact, and what it showed is dropped) or has held for `HELD_FOR` (it was real, and
counts from its first sample: what was kept is then held against the limits in its order). A further step starts anew. After
a gap there is no neighbour, and the returning signal is believed at once.

Good at: spikes, a probe that slips and is put back, a real step that is there to stay.
Bad at:  an artefact that stays for longer: it looks like a change of state, and somebody should look.
Cost:    some nanoseconds a reading; what was doubted is kept in the checkpoint.
"""

from __future__ import annotations

from typing import Final

from models.instants import NEVER, SECOND
from models.tables.channels import STALE_AFTER
from streams.ward.compiled import compiled
from streams.ward.records import RecordArray, RecordGrid
from streams.ward.rows import CHANNEL_COUNT, NO_STEP, SessionRecord, StepRecord, TraceRecord
from streams.ward.sample import SampleRecord
from streams.ward.signal.channel_table import ORGANS, ChannelRecord

HELD_FOR: Final = 30 * SECOND
"""A step that has lasted this long is believed. Chosen by us: as long as a value stays valid, so that no step is doubted for
longer than a silence would go unsaid."""
STARTLES_WITHIN: Final = 2 * SECOND
_ORGANS: Final = len(ORGANS)


@compiled
def find_steps(session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord]) -> bool:
    """Note in `stepped` which trusted readings are too far from their neighbours; whether any is."""
    found = False
    startled = 0
    for column in range(CHANNEL_COUNT):
        sample.stepped[column] = False
        if not sample.trusted[column]:
            continue
        channel = channels[column]
        since_us = sample.at_us - session.near_at[column]
        moved = abs(sample.reading[column] - session.near[column])
        if moved > channel.startles and since_us <= STARTLES_WITHIN:
            startled += 1
        if (
            moved > channel.grain
            and since_us <= STALE_AFTER
            and moved > channel.grain + channel.fastest_per_us * since_us
        ):
            sample.stepped[column] = found = True
    if startled >= 2 and _moving(session, sample, channels) >= 2:
        for column in range(CHANNEL_COUNT):
            if _startles(session, sample, channels, column):
                sample.stepped[column] = found = True
    return found


@compiled
def _startles(session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord], column: int) -> bool:
    """Whether a trusted reading has changed by what means a movement, if others do."""
    moved = abs(sample.reading[column] - session.near[column])
    soon = sample.at_us - session.near_at[column] <= STARTLES_WITHIN
    return bool(sample.trusted[column]) and soon and moved > channels[column].startles


@compiled
def _moving(session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord]) -> int:
    """How many organs are startled: at least one probe of it is, and none that shows it is not."""
    moving = 0
    for organ in range(_ORGANS):
        some, every = False, True
        for column in range(CHANNEL_COUNT):
            if channels[column].organ == organ and sample.trusted[column]:
                startled = _startles(session, sample, channels, column)
                some = some or startled
                every = every and startled
        if some and every:
            moving += 1
    return moving


@compiled
def doubt(
    session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord], steps: RecordArray[StepRecord],
    traces: RecordGrid[TraceRecord], quality: int,
) -> None:  # fmt: skip
    """Fold a sample into the session's doubted steps: what is doubted is no longer trusted and has this quality.

    A step that is believed from now on is left in `believed`, for `holding.hold_step`.
    """
    for column in range(CHANNEL_COUNT):
        place = session.step[column]
        if not sample.trusted[column] or (place == NO_STEP and not sample.stepped[column]):
            continue
        since_us = sample.at_us - session.near_at[column]
        if place != NO_STEP and since_us > STALE_AFTER:
            forget(sample, steps, place)
            session.step[column] = NO_STEP
            continue
        if place != NO_STEP and sample.at_us - traces[place, 0].at_us >= HELD_FOR:
            sample.believed[column] = place
            session.step[column] = place = NO_STEP
        if place == NO_STEP:
            if not sample.stepped[column]:
                continue
            _begin(session, sample, steps, column)
        elif _settled(session, sample, channels[column], steps[place], column):
            forget(sample, steps, place)
            session.step[column] = NO_STEP
            continue
        _keep(session, sample, steps, traces, column)
        sample.trusted[column] = False
        sample.quality[column] = quality
    session.stepping = False
    for column in range(CHANNEL_COUNT):
        if session.step[column] != NO_STEP:
            session.stepping = True


@compiled
def _settled(
    session: SessionRecord, sample: SampleRecord, channel: ChannelRecord, step: StepRecord, column: int
) -> bool:
    """Whether a doubted reading is back at about where it was, for the second time."""
    reading = sample.reading[column]
    soon = sample.at_us - session.near_at[column] <= STARTLES_WITHIN
    flutters = soon and abs(reading - session.near[column]) > channel.flutters
    # As near as half of the step, and what the body may change in a second anyway.
    about = max(channel.grain, min(channel.grain + channel.fastest, abs(step.furthest) / 2))
    away = reading - step.before
    # Beyond where it was, by as much again, it is over as well: who was given oxygen comes back higher.
    beyond = away * step.furthest < 0 and abs(away) <= 2 * about
    back = abs(away) <= about or beyond
    if back and not (soon and (flutters or not step.back)):
        return True
    step.back = back
    if sample.stepped[column] or flutters:
        step.length = 0
        step.furthest = away if abs(away) > abs(step.furthest) else step.furthest
    return False


@compiled
def _begin(session: SessionRecord, sample: SampleRecord, steps: RecordArray[StepRecord], column: int) -> None:
    """A step begins, in the first free place: the loop has seen to it that there is one."""
    place = 0
    while steps[place].row != NO_STEP:
        place += 1
    step = steps[place]
    step.row = sample.row
    step.column = column
    step.before = session.near[column]
    step.before_us = session.near_at[column]
    step.furthest = sample.reading[column] - step.before
    step.other_us = NEVER
    step.length = 0
    step.back = False
    session.step[column] = place
    sample.in_use += 1


@compiled
def _keep(
    session: SessionRecord, sample: SampleRecord, steps: RecordArray[StepRecord], traces: RecordGrid[TraceRecord], column: int
) -> None:  # fmt: skip
    """Keep what a doubted channel shows."""
    place = session.step[column]
    trace = traces[place, steps[place].length]
    trace.at_us = sample.at_us
    trace.reading = sample.reading[column]
    steps[place].length += 1


@compiled
def forget(sample: SampleRecord, steps: RecordArray[StepRecord], place: int) -> None:
    """A step has never been, or is believed: its place is free."""
    steps[place].row = NO_STEP
    sample.in_use -= 1


@compiled
def has_room(session: SessionRecord, sample: SampleRecord, steps: RecordArray[StepRecord], longest: int) -> bool:
    """Whether every channel of a session may begin a step or go on with one."""
    if len(steps) - sample.in_use < CHANNEL_COUNT:
        return False
    if session.stepping:
        for column in range(CHANNEL_COUNT):
            place = session.step[column]
            if place != NO_STEP and steps[place].length == longest:
                return False
    return True
