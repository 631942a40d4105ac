"""The heart rate: what limits on `rate` are held against, and what stands beside a cuff. A monitor's, else an oximeter's.

A failing pleth counts missed beats before it gives up. So a slow pulse with no ECG beside it must be older than that (`pleth_s`
of its limit), or still be there when the signal is back from a loss; with an ECG the same heart is told sooner.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Final

from models.instants import NEVER, SECOND
from models.tables.channels import CHANNEL_COLUMN, STALE_AFTER
from streams.ward.compiled import compiled
from streams.ward.limit_book import LimitRecord
from streams.ward.rows import IDLE, SessionRecord
from streams.ward.sample import RATE, SampleRecord

if TYPE_CHECKING:
    from streams.ward.state import WardState

CLOCKS_APART: Final = 2 * SECOND
"""Two devices at one chair may tell the time this much apart. Chosen by us: monitors are set by hand or once a day."""
ECG_WITHIN: Final = 5 * SECOND
"""A pulse has no ECG beside it if none was believed for longer. As two probes (`agreement.py`): some lost lines."""
LOST_FOR: Final = 3 * SECOND
"""Without a believed pulse for longer is a loss. Chosen by us: one or two lost lines are none."""
_HR: Final = CHANNEL_COLUMN["hr"]
_PULSE: Final = CHANNEL_COLUMN["pulse"]


@compiled
def take_rate(session: SessionRecord, sample: SampleRecord) -> None:
    """The rate of a judged sample, in column `RATE`: its heart rate, or its pulse where that is not trusted."""
    beats = _HR if sample.trusted[_HR] else _PULSE
    sample.reading[RATE] = sample.reading[beats]
    sample.passed_us[RATE] = sample.passed_us[beats]
    # An oximeter's pulse beside a monitor's rate is the same heart in the same seconds: counted once, as the monitor's.
    heart_us = session.trusted_at[_HR]
    beside = isnan(sample.reading[_HR]) and heart_us > NEVER and heart_us >= sample.before_us[_PULSE] - CLOCKS_APART
    sample.trusted[RATE] = sample.trusted[beats] and not beside
    if sample.trusted[_PULSE]:
        since_us = sample.at_us - session.pulse_at
        # A sender of a line every ten seconds has lost nothing.
        if since_us > LOST_FOR and sample.passed_us[_PULSE] < since_us:
            session.pulse_back_at = sample.at_us
        session.pulse_at = sample.at_us


@compiled
def slow_hold(session: SessionRecord, n: int, limit: LimitRecord, at_us: int) -> int:
    """How long a limit with a longer hold without an ECG holds now, µs: that, unless the running hold has outlived a loss."""
    if at_us - session.trusted_at[_HR] <= ECG_WITHIN:
        return limit.enter_us
    outlived = session.strikes[n] < IDLE and session.since[n] < session.pulse_back_at
    return limit.enter_us if outlived else limit.pleth_us


def rate_now(state: WardState, row: int, at_us: int) -> float | None:
    """The heart rate, or the pulse where there is none, if it is trusted and no older than validity lasts."""
    for column in (_HR, _PULSE):
        if 0 <= at_us - int(state.rows.trusted_at[row, column]) < STALE_AFTER:
            return float(state.rows.value[row, column])
    return None
