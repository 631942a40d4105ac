"""A deeper reading: a limit in force is told anew when it has been worse than what was told last by its step, for its hold.

The reading that was told last is the condition's (`conclusions.py`), so that every rule with a step has one mark, whichever of
its limits is in force, and a saturation that comes and goes about one value is told once. Here is the hold: a session's row has,
by limit, from which reading on it would be told anew, and for how long it has been there. One or two readings the other way slow
it, a third starts it anew, as in `holding.py`. Cuffs and scores are single readings and need none.

Good at: a fall that goes on, after somebody has answered its first alert.
Bad at:  a dip shorter than the limit's hold; how long it lasts.
Cost:    the hold as delay; a comparison a sample for each limit in force.
"""

from __future__ import annotations

from math import isnan, nan

from models.tables.limits import MEASURED_AS
from streams.ward.compiled import compiled
from streams.ward.conclusions import INEXACT
from streams.ward.limit_book import LimitRecord
from streams.ward.rows import IDLE, SessionRecord
from streams.ward.state import WardState


@compiled
def deepens(session: SessionRecord, n: int, limit: LimitRecord, reading: float, passed_us: int, enter_us: int) -> bool:
    """Fold one trusted reading into how long the n-th limit, in force, has been deeper than was told; whether it is long enough.

    Args:
        passed_us: the time that the reading vouches for. enter_us: how long the limit holds now before it is in force.
    """
    from_on = session.deeper[n]
    if isnan(from_on):
        return False
    if reading >= from_on if limit.above else reading <= from_on:
        if session.deeper_strikes[n] == IDLE:
            session.deeper_held[n] = 0
        elif session.deeper_strikes[n] == 0:
            session.deeper_held[n] += passed_us
        session.deeper_strikes[n] = 0
        if session.deeper_held[n] < enter_us:
            return False
        session.deeper_strikes[n] = IDLE
        return True
    if session.deeper_strikes[n] < IDLE:
        session.deeper_strikes[n] += 1
    return False


def reckon_deeper(state: WardState, row: int) -> None:
    """Set from which readings on a session's limits are told anew, by what was told last; where that changes, no hold runs.

    Of a state in which that is set already, it changes nothing; of one written before there were steps, a limit in force takes
    the next reading that holds for what was told.
    """
    rows, conditions = state.rows, state.association.sessions[row].conditions
    for n, limit in enumerate(state.sample_limits_of(row)):
        condition = conditions.get(limit.rule)
        from_on = nan
        if rows.on[row, n] and limit.step and condition is not None and condition.priority == limit.priority:
            told = condition.told
            step = limit.step if limit.above else -limit.step
            if told is None:
                from_on = limit.enter
            elif told.channel == MEASURED_AS.get(limit.channel, limit.channel):
                from_on = told.value + step * (1 - INEXACT)
            else:
                from_on = limit.enter + step * (told.steps + 1 - INEXACT)
        if from_on != rows.deeper[row, n] and not (isnan(from_on) and isnan(rows.deeper[row, n])):
            rows.deeper[row, n] = from_on
            rows.deeper_held[row, n], rows.deeper_strikes[row, n] = 0, IDLE
