"""Two probes that should say the same: the ECG's rate against the pleth's pulse.

Both are averaged over some seconds before they are compared, because in atrial fibrillation two honest probes differ by 40
from one beat to the next. While the averages are more than `APART` apart, one of the two probes is wrong and nobody knows
which: neither rate is believed, nor for a minute the SpO2 that the pleth shows beside it (`doubted.py`). That they disagree is
said after `SAID_AFTER`.

Good at: a finger that moves, an ECG that counts T waves or the electrocautery, a pleth that counts every second beat.
Bad at:  two probes that are wrong together.
"""

from __future__ import annotations

from typing import Final

from models.instants import NEVER, SECOND
from models.tables.channels import CHANNEL_COLUMN, STALE_AFTER
from streams.ward.compiled import compiled
from streams.ward.rows import SessionRecord
from streams.ward.sample import SampleRecord

APART: Final = 0.2
"""Of the ECG's rate. Chosen by us: twice an oximeter's error and lag at a change of rate (5 /min, 8-16 s of averaging)."""
SAID_AFTER: Final = 20 * SECOND
"""Chosen by us: longer than an oximeter's averaging after a sudden change of rate, and than most movements."""
PAIRED: Final = 5 * SECOND
"""A rate is compared with one no older than this: a probe that is off disagrees with nobody. Chosen by us: some lost lines."""
AVERAGED_OVER: Final = 8 * SECOND
"""As the shorter of an oximeter's averaging times (8-16 s): both probes are then equally slow."""

_HR: Final = CHANNEL_COLUMN["hr"]
_PULSE: Final = CHANNEL_COLUMN["pulse"]
_SPO2: Final = CHANNEL_COLUMN["spo2"]
CONCERNED: Final = (_HR, _PULSE, _SPO2)
_ECG: Final = 0
_PLETH: Final = 1


@compiled
def compare(session: SessionRecord, sample: SampleRecord) -> bool:
    """Fold in a sample's rates; whether the two probes disagree now. `turned`: whether that is news worth saying."""
    ecg, pleth = sample.trusted[_HR] != 0, sample.trusted[_PULSE] != 0
    if not ecg and not pleth and session.apart_since == NEVER:
        return False
    if ecg:
        _average(session, sample, _ECG, sample.reading[_HR])
    if pleth:
        _average(session, sample, _PLETH, sample.reading[_PULSE])
    current = sample.at_us - session.beat_at[_ECG] <= PAIRED and sample.at_us - session.beat_at[_PLETH] <= PAIRED
    apart = current and _are_apart(session.beat[_ECG], session.beat[_PLETH])
    if apart and ecg and pleth and not _are_apart(sample.reading[_HR], sample.reading[_PULSE]):
        # Both at once, and they agree: what they were before does not matter any more.
        session.beat[_ECG] = sample.reading[_HR]
        session.beat[_PLETH] = sample.reading[_PULSE]
        apart = False
    if not apart:
        session.apart_since = NEVER
    elif session.apart_since == NEVER:
        session.apart_since = sample.at_us
    says = apart and (session.apart != 0 or sample.at_us - session.apart_since >= SAID_AFTER)
    if says != (session.apart != 0):
        sample.turned = True
        session.apart = says
    return apart


@compiled
def _average(session: SessionRecord, sample: SampleRecord, probe: int, reading: float) -> None:
    """Fold a rate into its probe's average; after a silence it begins anew."""
    passed_us = sample.at_us - session.beat_at[probe]
    if passed_us > STALE_AFTER:
        session.beat[probe] = reading
    else:
        # A rational weight, because an exponential's last bit may depend on how it is reckoned.
        before = session.beat[probe]
        session.beat[probe] = before + (reading - before) * (passed_us / (passed_us + AVERAGED_OVER))
    session.beat_at[probe] = sample.at_us


@compiled
def _are_apart(ecg: float, pleth: float) -> bool:
    return abs(ecg - pleth) > APART * ecg
