"""Signal quality: which readings may be believed. One sample at a time, all its channels.

A reading is trusted if it is newer than its channel's last, inside the channel's plausible range (a saturation may have been
seen to sink below it), no impossible step from its neighbour (`steps.py`), its two probes agree (`agreement.py`), and its device
is not frozen. What is not trusted starts and ends nothing, a low saturation only for so long (`doubted.py`); when a channel has
had no trusted reading for too long, that is its own alert (`absence.py`).

Good at: probe-off zeros, movement spikes, a probe that slips, a monitor that repeats its last values.
Bad at:  an artefact that begins slowly and sits at a believable value.
"""

from __future__ import annotations

from math import isnan, nan
from typing import Final

from models.arrays import Floats
from models.instants import NEVER, SECOND
from models.tables.card import QualityWord
from models.tables.channels import CHANNEL_COLUMN, STALE_AFTER
from streams.ward.compiled import compiled
from streams.ward.records import RecordArray, RecordGrid
from streams.ward.rows import CHANNEL_COUNT, KEYS_KEPT, NO_STEP, Octets, SessionRecord, StepRecord, TraceRecord
from streams.ward.sample import SampleRecord
from streams.ward.signal.agreement import CONCERNED, compare
from streams.ward.signal.beat import lacks_nothing, vouched_for
from streams.ward.signal.breathing import BESIDE
from streams.ward.signal.channel_table import ChannelRecord
from streams.ward.signal.doubted import take_doubted
from streams.ward.signal.steps import doubt, find_steps, forget
from streams.ward.signal.units import is_co2_in_kpa

FROZEN_AFTER: Final = 120 * SECOND
"""Every continuous channel unchanged for this long. Chosen by us: in 83 h of sedation recordings two live channels hold
still together for some tens of seconds, not for minutes."""
FROZEN_LINES: Final = 10
"""And for so many lines of a slow sender: two rates that are averages of a minute are the same three times now and then."""
ALONE_VOUCHES: Final = SECOND
"""What a trusted reading vouches for when the one before it was not: a second, the usual cadence. So a signal that is good
every other second counts half of the time, and one good reading behind a long artefact proves little."""

QUALITIES: Final[tuple[QualityWord, ...]] = (
    "none", "probe-off", "artefact", "cuff-failed", "off", "good", "implausible", "step", "frozen", "outlier", "disagrees",
)  # fmt: skip
"""The first five are the frame's statuses, so that a status is its own quality."""
PROBE_OFF, GOOD, IMPLAUSIBLE, STEP, FROZEN, OUTLIER, DISAGREES = 1, 5, 6, 7, 8, 9, 10
NO_READING: Final = (0.0, 1.0, 127.0, 255.0, 511.0)
"""What devices send for no reading, where a channel cannot show it: zeros and 1 % without a finger, all bits set (Nonin's and
others' serial formats: 127 for SpO2, 511 for the pulse). It says that a probe is off, not that a body is out of range."""

SUNK_FROM: Final = 10.0
"""%: a saturation that sinks below the lowest was seen no further above it. Chosen by us: two or three samples' fall."""
LOWEST_SUNK: Final = 1.0
"""%: what an oximeter without a finger shows is no saturation, however it came there."""

_HR: Final = CHANNEL_COLUMN["hr"]
_RR: Final = CHANNEL_COLUMN["rr"]
_ETCO2: Final = CHANNEL_COLUMN["etco2"]
_PULSE: Final = CHANNEL_COLUMN["pulse"]
_SBP: Final = CHANNEL_COLUMN["sbp"]
_DBP: Final = CHANNEL_COLUMN["dbp"]
_SPO2: Final = CHANNEL_COLUMN["spo2"]
_TEMP: Final = CHANNEL_COLUMN["temp"]


@compiled
def judge(
    session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord], steps: RecordArray[StepRecord],
    traces: RecordGrid[TraceRecord], readings: Floats, status: Octets, repeated: bool,
) -> None:  # fmt: skip
    """Judge one sample of a session: `trusted` and `passed_us` of it, and into the session's row what is believed.

    Args:
        readings, status: by channel, as the frame has them. repeated: it came before.
    """
    _take(session, sample, channels, readings, status, repeated)
    sample.turned = False
    if find_steps(session, sample, channels) or session.stepping:
        doubt(session, sample, channels, steps, traces, STEP)
    if compare(session, sample):
        _distrust_probes(sample, steps)
    if _is_frozen(session, sample, channels):
        for column in range(CHANNEL_COUNT):
            if channels[column].continuous and sample.trusted[column]:
                sample.trusted[column] = False
                sample.quality[column] = FROZEN
    _vouch(session, sample, channels, steps)
    take_doubted(session, sample)
    _note(session, sample, channels)


@compiled
def is_repeat(session: SessionRecord, key: int) -> bool:
    """Whether a sample's idempotency key is among its session's last; a new one is remembered. 0: it has none."""
    if key == 0:
        return False
    for n in range(KEYS_KEPT):
        if session.keys[n] == key:
            return True
    for n in range(KEYS_KEPT - 1, 0, -1):
        session.keys[n] = session.keys[n - 1]
    session.keys[0] = key
    return False


@compiled
def _take(
    session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord], readings: Floats, status: Octets,
    repeated: bool,
) -> None:  # fmt: skip
    """What the sample shows: which channels are fresh and readable, and trusted as far as their range goes."""
    # A diastolic at or above its systolic is no pressure at all.
    inverted = readings[_DBP] >= readings[_SBP]
    sample.any_fresh = False
    for column in range(CHANNEL_COUNT):
        reading = readings[column]
        newer = sample.at_us > session.at[column] and not repeated
        said = not isnan(reading) and status[column] == 0
        readable = newer and said
        fresh = readable or (newer and (not isnan(reading) or status[column] > 0))
        inside = channels[column].lowest <= reading <= channels[column].highest
        if column == _SPO2 and not inside:
            inside = _has_sunk(session, sample, channels[column], reading)
        inside = inside and not (inverted and column in (_SBP, _DBP))
        if column == _ETCO2 and inside:
            inside = not is_co2_in_kpa(reading, session.own_co2, _rate_beside(session, sample))
        plausible = readable and inside
        sample.reading[column] = reading
        sample.before_us[column] = session.at[column]
        sample.fresh[column] = fresh
        sample.readable[column] = readable
        sample.plausible[column] = sample.trusted[column] = plausible
        sample.counted[column] = said and inside and not repeated
        sample.believed[column] = NO_STEP
        if fresh:
            sample.any_fresh = True
        if plausible:
            sample.quality[column] = GOOD
        elif readable:
            sample.quality[column] = PROBE_OFF if reading in NO_READING else IMPLAUSIBLE
        else:
            sample.quality[column] = status[column]


@compiled
def _rate_beside(session: SessionRecord, sample: SampleRecord) -> float:
    """The rate of breathing of the same seconds, /min; NaN without one. RR is taken before EtCO2."""
    if sample.plausible[_RR]:
        return float(sample.reading[_RR])
    return float(session.near[_RR]) if sample.at_us - session.near_at[_RR] <= BESIDE else nan


@compiled
def _has_sunk(session: SessionRecord, sample: SampleRecord, channel: ChannelRecord, reading: float) -> bool:
    """Whether a saturation below what oximeters are made for was seen to fall there: then it is low, and no artefact.

    A finger that is gone shows 0 or 1 at once.
    """
    since_us = sample.at_us - session.near_at[_SPO2]
    return (
        LOWEST_SUNK < reading < channel.lowest
        and session.near[_SPO2] <= channel.lowest + SUNK_FROM
        and since_us <= STALE_AFTER
        and abs(session.near[_SPO2] - reading) <= channel.grain + channel.fastest_per_us * since_us
    )


@compiled
def _distrust_probes(sample: SampleRecord, steps: RecordArray[StepRecord]) -> None:
    """While two probes disagree, a step of either has not held: what it showed proves nothing."""
    for column in CONCERNED:
        if sample.trusted[column]:
            sample.trusted[column] = False
            sample.quality[column] = DISAGREES
            if sample.believed[column] != NO_STEP:
                forget(sample, steps, sample.believed[column])
                sample.believed[column] = NO_STEP


@compiled
def _is_frozen(session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord]) -> bool:
    """Whether the sample is of a device that has shown the same for too long."""
    live, changed, long_enough = 0, False, True
    for column in range(CHANNEL_COUNT):
        if sample.readable[column] and channels[column].continuous:
            live += 1
            if sample.reading[column] != session.near[column]:
                session.same_since[column] = sample.at_us
                changed = True
            if sample.at_us - session.same_since[column] < max(FROZEN_AFTER, FROZEN_LINES * session.pace[column]):
                long_enough = False
    # One channel alone may well stand still: a healthy SpO2 reads 98 for hours.
    return live >= 2 and not changed and long_enough


@compiled
def _vouch(
    session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord], steps: RecordArray[StepRecord]
) -> None:
    """The time that each trusted reading vouches for, in `passed_us`; and which channels this line lacks.

    Since the sample before it; `ALONE_VOUCHES` if that was not trusted, or is no longer valid, or if the channel's last line had
    no reading of its own, unless the channel is slower than its lines and at its beat. A line lacks a channel if the channel
    came with the line before of the same device: what came at one instant is one device's. So a sender of a line every ten
    seconds is believed over the ten, and one that sends gaps is not.
    """
    together = NEVER if sample.any_fresh else session.row_at
    for column in range(CHANNEL_COUNT):
        if sample.fresh[column] and channels[column].continuous:
            together = max(together, sample.before_us[column])
    for column in range(CHANNEL_COUNT):
        newest = sample.before_us[column]
        blank = session.blank[column]
        if not sample.fresh[column]:
            if channels[column].continuous and newest > NEVER and max(newest, blank) == together < sample.at_us:
                session.blank[column] = sample.at_us
            continue
        lacking = newest < blank < sample.at_us and not lacks_nothing(session, column, sample.at_us - newest)
        good = session.quality[column] == GOOD and not lacking
        place = sample.believed[column]
        if place != NO_STEP:
            good = True
            if column == _HR:
                steps[place].other_us = session.trusted_at[_PULSE]
            elif column == _PULSE:
                both = sample.believed[_HR] != NO_STEP
                steps[place].other_us = sample.at_us if both else session.trusted_at[_HR]
        since_us = vouched_for(session, column, sample.at_us - newest, ALONE_VOUCHES)
        sample.passed_us[column] = since_us if good else min(since_us, ALONE_VOUCHES)


@compiled
def _note(session: SessionRecord, sample: SampleRecord, channels: RecordArray[ChannelRecord]) -> None:
    """Write a judged sample into its session's row."""
    frozen = False
    before_odd = session.quality[_TEMP] == IMPLAUSIBLE
    sample.odd = sample.fresh[_TEMP] and before_odd != (sample.quality[_TEMP] == IMPLAUSIBLE)
    for column in range(CHANNEL_COUNT):
        if sample.fresh[column]:
            session.quality[column] = sample.quality[column]
            if sample.quality[column] == IMPLAUSIBLE:
                session.odd[column] = sample.reading[column]
            session.at[column] = sample.at_us
        # Of what its channels showed last: another device's samples do not thaw this one.
        if session.quality[column] == FROZEN and channels[column].continuous:
            frozen = True
        if sample.plausible[column]:
            session.near[column] = sample.reading[column]
            session.near_at[column] = sample.at_us
        if sample.trusted[column]:
            session.value[column] = sample.reading[column]
            session.trusted_at[column] = sample.at_us
            session.heard[column] = sample.clock_us
    if frozen != (session.frozen != 0):
        sample.turned = True
        session.frozen = frozen
