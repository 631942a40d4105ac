"""Limits with persistence and hysteresis: one reading against one limit at a time.

A limit comes into force once trusted readings have been past `enter` for its hold, and goes out of force once they have
been back at `leave` for its leave time. The time that counts is the observations' own, between one trusted reading and the
next; readings that are not trusted pause it; one or two readings the other way slow it; a third starts it anew.

Good at: a value that goes past its limit and stays there, however noisy.
Bad at:  a slow slide inside the limits.
Cost:    the hold as delay, by design (Görges 2009: 14 s removes half of the ignored alarms, 19 s two thirds).
"""

from __future__ import annotations

from typing import Final

from models.instants import NEVER
from models.tables.channels import CHANNEL_COLUMN, STALE_AFTER
from streams.ward.compiled import compiled
from streams.ward.limit_book import LimitRecord
from streams.ward.records import RecordGrid
from streams.ward.rows import HELD_COUNT, IDLE, SessionRecord, StepRecord, TraceRecord
from streams.ward.rules.deeper import deepens
from streams.ward.sample import RATE, SampleRecord
from streams.ward.signal.breathing import ALONE, NO_RATE, SLOW, company, is_no_rate
from streams.ward.signal.rate import slow_hold

_HR: Final = CHANNEL_COLUMN["hr"]
_PULSE: Final = CHANNEL_COLUMN["pulse"]
_RR: Final = CHANNEL_COLUMN["rr"]


@compiled
def hold(
    session: SessionRecord, n: int, limit: LimitRecord, reading: float, at_us: int, passed_us: int, enter_us: int
) -> int:
    """Fold in one trusted reading of the n-th limit's channel.

    Args:
        passed_us: the time that the reading vouches for. enter_us: how long the limit holds now before it is in force.

    Returns:
        When the hold began that brings the limit into force or out of it now; NEVER if it does neither.
    """
    towards = is_back(limit, reading) if session.on[n] else is_past(limit, reading)
    if towards:
        if session.strikes[n] == IDLE:
            session.since[n] = at_us
            session.held[n] = 0
        elif session.strikes[n] == 0:
            session.held[n] += passed_us
        # After one or two the other way, the time until this reading does not count: they slow the hold.
        session.strikes[n] = 0
        if session.held[n] < (limit.leave_us if session.on[n] else enter_us):
            return NEVER
        since_us = int(session.since[n])
        session.on[n] = not session.on[n]
        _rest(session, n)
        return since_us
    if session.strikes[n] < IDLE:
        session.strikes[n] += 1
        if session.strikes[n] == IDLE:
            _rest(session, n)
    return NEVER


@compiled
def is_past(limit: LimitRecord, reading: float) -> bool:
    """Whether a reading is beyond `enter`, as `Limit.is_past` has it; never of a limit that is not enabled."""
    if not limit.enabled:
        return False
    if limit.above:
        return reading > limit.enter if limit.strict else reading >= limit.enter
    return reading < limit.enter if limit.strict else reading <= limit.enter


@compiled
def is_back(limit: LimitRecord, reading: float) -> bool:
    """Whether a reading is at `leave` or further inside, as `Limit.is_back` has it."""
    return reading <= limit.leave if limit.above else reading >= limit.leave


@compiled
def _rest(session: SessionRecord, n: int) -> None:
    """No hold is running."""
    session.strikes[n] = IDLE
    session.held[n] = 0
    session.since[n] = 0


@compiled
def hold_sample(session: SessionRecord, sample: SampleRecord, limits: RecordGrid[LimitRecord]) -> bool:
    """Hold a judged sample against all limits; which it flips or deepens, in `flips`, `since` and `deepens`. Whether any.

    No reading is no evidence either way, so hold: it neither counts nor starts anew.
    """
    flipped, withheld = False, sample.rate_withheld != 0
    for n in range(HELD_COUNT):
        sample.flips[n] = sample.deepens[n] = False
        limit = limits[session.limit_set, n]
        if sample.trusted[limit.column]:
            if withheld and limit.column == _RR and not _rate_counts(session, sample, limit, n):
                continue
            reading, passed_us = sample.reading[limit.column], sample.passed_us[limit.column]
            enter_us = limit.enter_us
            if limit.pleth_us > enter_us:
                enter_us = slow_hold(session, n, limit, sample.at_us)
            since_us = hold(session, n, limit, reading, sample.at_us, passed_us, enter_us)
            if since_us != NEVER:
                sample.flips[n] = flipped = True
                sample.since[n] = since_us
            elif session.on[n] and deepens(session, n, limit, reading, passed_us, enter_us):
                sample.deepens[n] = flipped = True
    return flipped


@compiled
def _rate_counts(session: SessionRecord, sample: SampleRecord, limit: LimitRecord, n: int) -> bool:
    """Whether a rate of breathing counts for a limit: it is one, and slow breathing keeps company or is over."""
    if not sample.rate_counts and (n == NO_RATE or sample.reading[_RR] == 0):
        return False
    return n != SLOW or session.on[n] != 0 or sample.company != 0 or not is_past(limit, sample.reading[_RR])


@compiled
def hold_step(
    session: SessionRecord, sample: SampleRecord, limits: RecordGrid[LimitRecord], step: StepRecord, place: int,
    traces: RecordGrid[TraceRecord],
) -> bool:  # fmt: skip
    """A step is believed: hold what it showed, in its order, as if it had been believed from its first sample.

    Its last reading is in `shown`, and which limits it flips or deepens in `flips`, `since` and `deepens`; whether any.
    """
    flipped = False
    for n in range(HELD_COUNT):
        sample.flips[n] = sample.deepens[n] = False
    sample.of_rate = False
    before_us = step.before_us
    for k in range(step.length):
        at_us, reading = traces[place, k].at_us, traces[place, k].reading
        passed_us = min(at_us - before_us, STALE_AFTER)
        no_rate = step.column == _RR and is_no_rate(session, sample, limits, reading)
        if no_rate and reading == 0:
            before_us = at_us
            continue
        if step.column == _RR:
            sample.company = company(session, sample, reading)
        # Where the other probe was believed meanwhile, the rate has been held already.
        of_rate = step.column in (_HR, _PULSE) and step.other_us < at_us
        for n in range(HELD_COUNT):
            limit = limits[session.limit_set, n]
            of_it = limit.column == step.column or (of_rate and limit.column == RATE)
            if step.column == _RR:
                lonely = n == SLOW and not session.on[n] and sample.company == 0 and is_past(limit, reading)
                of_it = limit.column == ALONE or (of_it and not lonely and not (no_rate and n == NO_RATE))
            if of_it:
                enter_us = limit.enter_us
                if limit.pleth_us > enter_us:
                    enter_us = slow_hold(session, n, limit, sample.at_us)
                since_us = hold(session, n, limit, reading, at_us, passed_us, enter_us)
                if since_us != NEVER:
                    sample.flips[n] = flipped = True
                    sample.since[n] = since_us
                elif session.on[n] and deepens(session, n, limit, reading, passed_us, enter_us):
                    sample.deepens[n] = flipped = True
        sample.shown = reading
        sample.of_rate = of_rate
        before_us = at_us
    return flipped
