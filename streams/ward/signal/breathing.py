"""Two witnesses of one thing: the rate of breathing and EtCO2, judged together.

A capnograph's RR may show 0 while somebody breathes: after a gap (its own zero, a line that was off) it has not counted a breath
yet, and so after the first breath of a pause. EtCO2 is there at once. So while both are sent, an RR of no breath beside an
EtCO2 of a living breath is no apnoea; if it is 0, it is no rate at all, and neither starts nor goes on with anything. When
neither shows a breath, after one was seen, somebody has stopped breathing for longer than they have shown it, and few seconds
more prove it (the row on `breaths`).

What could hide a pause is bounded. An EtCO2 that does not change while RR shows no breath may be one that a monitor holds, and
speaks for a breath only so long. Without an EtCO2, an RR of 0 waits for its first rate only so long. Both times are of the
device's make (`models/tables/capnographs.py`), cautious where it is not known. An EtCO2 of no breath counts by its own row as
well, whatever RR says: a chest may move while no air does.

Slow breathing is judged by the company it keeps (`models/tables/company.py`), found here second by second.

Good at: a capnograph's zero, its recovery after a pause, a line that slips from the nose for a second.
Bad at:  a cannula that comes off after breathing was seen: nobody can tell that from a pause.
"""

from __future__ import annotations

from math import isnan, nan
from typing import Final

from models.instants import MINUTE, NEVER, SECOND
from models.tables.channels import CHANNEL_COLUMN, STALE_AFTER
from models.tables.company import BY_NAME
from models.tables.limits import KEYS, LIMIT_COLUMN
from streams.ward.compiled import compiled
from streams.ward.limit_book import LimitRecord
from streams.ward.records import RecordGrid
from streams.ward.rows import IDLE, SessionRecord
from streams.ward.sample import SampleRecord

BREATHS: Final = LIMIT_COLUMN["breaths"]
BESIDE: Final = 5 * SECOND
"""Two witnesses speak of the same seconds if they are no further apart. As two probes (`agreement.py`): some lost lines."""
GAP: Final = 5 * SECOND
"""Without a rate for longer is a gap, unless the sender's lines are as rare. Chosen by us: some lost lines are none."""
AFTER_BREATHING: Final = 2 * MINUTE
"""A pause follows breathing that was seen within this time. Chosen by us: a zero of the monitor's own and a pause's first half
minute, twice over; a line that has hung beside the bed for longer has not just stopped breathing."""

SHALLOW: Final = LIMIT_COLUMN["etco2-beside"]
ALONE: Final = LIMIT_COLUMN["rr-alone"]
SLOW: Final = KEYS.index(("bradypnoea", "medium", "rr"))
_VERY_SLOW: Final = KEYS.index(("bradypnoea", "medium", "rr-alone"))
SATURATION: Final = 1
CO2: Final = 2
SEDATION: Final = 4
FALL: Final = 8
OWN_OF: Final = 10
"""Minutes that a session's own rate is the mean of. As for what is usual (`trends.py`), but of rates above the limit alone, and
whether or not a dose was given meanwhile: somebody who is watched from the dose on has a rate of their own too."""
_LOW_SPO2: Final = BY_NAME["saturation"].at
_HIGH_CO2: Final = BY_NAME["CO2"].at
_FALLEN: Final = BY_NAME["fall"].at
_CO2_FALLEN: Final = BY_NAME["CO2 fall"].at

_RR: Final = CHANNEL_COLUMN["rr"]
_SPO2: Final = CHANNEL_COLUMN["spo2"]
_ETCO2: Final = CHANNEL_COLUMN["etco2"]
NO_RATE: Final = KEYS.index(("apnoea", "high", "rr"))
_LITTLE_CO2: Final = KEYS.index(("shallow-breathing", "medium", "etco2-beside"))
_NO_CO2: Final = KEYS.index(("apnoea", "high", "etco2"))
_NO_BREATH: Final = KEYS.index(("apnoea", "high", "breaths"))


@compiled
def take_breathing(session: SessionRecord, sample: SampleRecord, limits: RecordGrid[LimitRecord]) -> None:
    """Put into a judged sample what its RR and EtCO2 amount to: columns BREATHS and ALONE, `rate_counts` and `company`."""
    sample.trusted[BREATHS] = sample.trusted[ALONE] = sample.trusted[SHALLOW] = False
    sample.rate_counts = True
    sample.rate_withheld = False
    if sample.plausible[_RR]:
        _note_rate(session, sample, limits)
    elif not sample.trusted[_ETCO2]:
        return
    if not _breathes(session, sample):
        _weigh(session, sample, limits)
    if sample.trusted[_ETCO2]:
        _take_shallow(session, sample, limits)
    if sample.trusted[_RR] and (sample.rate_counts or sample.reading[_RR] > 0):
        if _concerns(session, limits[session.limit_set, _VERY_SLOW], _VERY_SLOW, sample.reading[_RR]):
            sample.trusted[ALONE] = True
            sample.reading[ALONE] = sample.reading[_RR]
            sample.passed_us[ALONE] = sample.passed_us[_RR]
        if _is_beyond(limits[session.limit_set, SLOW], sample.reading[_RR]):
            sample.company = company(session, sample, sample.reading[_RR])
            if sample.company == 0:
                sample.rate_withheld = True
        elif session.own_rate_of < OWN_OF and sample.at_us - session.own_rate_at >= MINUTE:
            _learn_own(session, sample)


@compiled
def _take_shallow(session: SessionRecord, sample: SampleRecord, limits: RecordGrid[LimitRecord]) -> None:
    """Put EtCO2 into column SHALLOW if it is not low, or keeps company; and learn the session's own."""
    reading = sample.reading[_ETCO2]
    if _concerns(session, limits[session.limit_set, _LITTLE_CO2], _LITTLE_CO2, reading):
        sample.reading[SHALLOW] = reading
        sample.passed_us[SHALLOW] = sample.passed_us[_ETCO2]
        sample.trusted[SHALLOW] = True
    if not _is_beyond(limits[session.limit_set, _LITTLE_CO2], reading):
        if session.own_co2_of < OWN_OF and sample.at_us - session.own_co2_at >= MINUTE:
            session.own_co2_of += 1
            session.own_co2_at = sample.at_us
            before = session.own_co2
            session.own_co2 = reading if isnan(before) else before + (reading - before) / session.own_co2_of
    elif not session.on[_LITTLE_CO2]:
        rate_there = abs(sample.at_us - session.trusted_at[_RR]) <= BESIDE
        rate = session.value[_RR]
        slow = rate_there and _is_beyond(limits[session.limit_set, SLOW], rate)
        found = company(session, sample, rate if rate_there else nan) & (SATURATION | FALL)
        # Without a breath it is a pause, which has rows of its own.
        kept = (slow or found != 0) and not _is_beyond(limits[session.limit_set, _NO_CO2], reading)
        # A session whose own is not known has fallen from what is usual.
        sample.trusted[SHALLOW] = kept and not reading > _CO2_FALLEN * session.own_co2


@compiled
def company(session: SessionRecord, sample: SampleRecord, rate: float) -> int:
    """What else is out of order beside a slow rate, of what was believed no longer ago than a value is valid."""
    found = 0
    since_us = sample.at_us - STALE_AFTER
    if session.trusted_at[_SPO2] > since_us and session.value[_SPO2] <= _LOW_SPO2:
        found += SATURATION
    if session.trusted_at[_ETCO2] > since_us and session.value[_ETCO2] >= _HIGH_CO2:
        found += CO2
    if session.sedated:
        found += SEDATION
    # No rate of one's own is NaN, and nothing has fallen from it.
    if rate <= _FALLEN * session.own_rate:
        found += FALL
    return found


@compiled
def _learn_own(session: SessionRecord, sample: SampleRecord) -> None:
    """Fold a rate into the mean that is the session's own."""
    session.own_rate_of += 1
    session.own_rate_at = sample.at_us
    before = session.own_rate
    rate = sample.reading[_RR]
    session.own_rate = rate if isnan(before) else before + (rate - before) / session.own_rate_of


@compiled
def _breathes(session: SessionRecord, sample: SampleRecord) -> bool:
    """Whether a sample's rate shows a breath and nothing is in question, as nearly always: then nothing is weighed."""
    if session.no_rate_since != NEVER or not sample.plausible[_RR] or sample.at_us < session.alarm_until:
        return False
    if session.on[_NO_BREATH] != 0 or session.strikes[_NO_BREATH] < IDLE:
        return False
    if sample.trusted[_ETCO2]:
        session.breath_at = sample.at_us
    return True


@compiled
def _weigh(session: SessionRecord, sample: SampleRecord, limits: RecordGrid[LimitRecord]) -> None:
    """Weigh RR and EtCO2 against each other: whether the rate counts, and how many of the two show a breath."""
    if sample.at_us < session.alarm_until:
        # The monitor has just said that it finds no breath; its numbers may be those of the last one.
        return
    rate_there = abs(sample.at_us - session.near_at[_RR]) <= BESIDE
    co2_there = abs(sample.at_us - session.trusted_at[_ETCO2]) <= BESIDE
    no_rate = _is_beyond(limits[session.limit_set, NO_RATE], session.near[_RR])
    if sample.plausible[_RR] and no_rate:
        if co2_there:
            still_us = sample.at_us - max(session.same_since[_ETCO2], session.no_rate_since)
            sample.rate_counts = still_us >= session.co2_still_us
            sample.rate_withheld = not sample.rate_counts
        else:
            sample.rate_counts = not (
                session.rate_awaited and sample.at_us - session.no_rate_since < session.rate_back_us
            )
            sample.rate_withheld = not sample.rate_counts
    if rate_there and co2_there:
        if sample.trusted[_ETCO2]:
            no_co2 = _is_beyond(limits[session.limit_set, _NO_CO2], session.value[_ETCO2])
            _count_breaths(session, sample, limits, no_rate, no_co2)
    elif session.on[_NO_BREATH]:
        # The monitor's own alarm put it in force, or one of the two is lost since: the other may end it.
        column, row = (_ETCO2, _NO_CO2) if sample.trusted[_ETCO2] else (_RR, NO_RATE)
        sample.trusted[BREATHS] = sample.trusted[column]
        sample.passed_us[BREATHS] = sample.passed_us[column]
        sample.reading[BREATHS] = 1.0 if _is_inside(limits[session.limit_set, row], sample.reading[column]) else 0.0


@compiled
def _note_rate(session: SessionRecord, sample: SampleRecord, limits: RecordGrid[LimitRecord]) -> None:
    """Note of a rate since when it shows no breath, and whether a first rate is awaited since a gap."""
    reading, before_us = sample.reading[_RR], session.rate_at
    session.rate_at = sample.at_us
    if not _is_beyond(limits[session.limit_set, NO_RATE], reading):
        if session.no_rate_since != NEVER:
            session.no_rate_since = NEVER
            session.rate_awaited = False
        return
    if session.no_rate_since == NEVER:
        session.no_rate_since = sample.at_us
    since_us = sample.at_us - before_us
    if reading > 0:
        session.rate_awaited = False
    elif since_us > GAP and sample.passed_us[_RR] < since_us:
        session.rate_awaited = True
        session.no_rate_since = sample.at_us


@compiled
def _count_breaths(
    session: SessionRecord, sample: SampleRecord, limits: RecordGrid[LimitRecord], no_rate: bool, no_co2: bool
) -> None:
    """Put into column BREATHS how many of the two witnesses show a breath; once it is in force, a breath that is one."""
    if session.on[_NO_BREATH]:
        no_rate = not _is_inside(limits[session.limit_set, NO_RATE], session.near[_RR])
        no_co2 = not _is_inside(limits[session.limit_set, _NO_CO2], session.value[_ETCO2])
    breaths = 2 - int(no_rate) - int(no_co2)
    if breaths > 0:
        session.breath_at = sample.at_us
    seen = sample.at_us - session.breath_at <= AFTER_BREATHING
    running = session.on[_NO_BREATH] != 0 or session.strikes[_NO_BREATH] < IDLE
    if running or (breaths == 0 and seen):
        sample.reading[BREATHS] = float(breaths)
        sample.passed_us[BREATHS] = sample.passed_us[_ETCO2]
        sample.trusted[BREATHS] = True


@compiled
def _concerns(session: SessionRecord, limit: LimitRecord, n: int, reading: float) -> bool:
    """Whether a reading can change anything of a low limit: it is not back inside, or a hold runs, or it is in force."""
    return reading < limit.leave or session.strikes[n] < IDLE or session.on[n] != 0


@compiled
def _is_beyond(limit: LimitRecord, reading: float) -> bool:
    """Whether a reading is past a low limit; a site that has switched its row off has not changed what a breath is."""
    return reading < limit.enter if limit.strict else reading <= limit.enter


@compiled
def is_no_rate(session: SessionRecord, sample: SampleRecord, limits: RecordGrid[LimitRecord], reading: float) -> bool:
    """Whether a rate that was doubted until now shows no breath while EtCO2 is there, so that the two judge it together."""
    there = abs(sample.at_us - session.trusted_at[_ETCO2]) <= BESIDE
    return there and _is_beyond(limits[session.limit_set, NO_RATE], reading)


@compiled
def _is_inside(limit: LimitRecord, reading: float) -> bool:
    """Whether a reading is back at where a low limit ends."""
    return reading >= limit.leave
