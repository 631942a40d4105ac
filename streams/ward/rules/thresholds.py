"""From samples past their limits to findings: what is held, what it makes of a rule, and what a cuff sets going."""

from __future__ import annotations

from math import isnan, nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Ints
from models.instants import FAR, MINUTE, NEVER, SECOND
from models.tables.channels import CHANNEL_COLUMN as CHANNEL
from models.tables.channels import CHANNEL_NAMES, STALE_AFTER
from models.tables.limits import HELD, LIMIT_COLUMN, LIMIT_COLUMNS, RECHECK_WITHIN, Limit
from models.tables.rules import RULE_INDEX, RULES
from models.tables.symptoms import SYMPTOM_VALID_FOR
from streams.ward.association import Cuff, Session
from streams.ward.rules.cuffs import Verdict
from streams.ward.rules.holding import hold
from streams.ward.sentences import cuff_sentence, limit_evidence, limit_sentence, number
from streams.ward.signal.quality import OUTLIER
from streams.ward.signal.steps import Step
from streams.ward.signal.trends import trend, usual
from streams.ward.state import OBSERVED, Here, WardState
from streams.ward.timers import cuff_read

_HR, _PULSE = CHANNEL["hr"], CHANNEL["pulse"]
_WIDTH: Final = len(CHANNEL_NAMES)
CLOCKS_APART: Final = 2 * SECOND
"""Two devices at one chair may tell the time this much apart. Chosen by us: monitors are set by hand or once a day."""
_MEASURED: Final = {**{name: np.array([column]) for name, column in CHANNEL.items()}, "rate": np.array([_HR, _PULSE])}
"""The channels that a limit's column is read from, the better one first."""


def hold_samples(
    state: WardState, row: Ints, at_us: Ints, clock_us: Ints, values: NDArray[np.float64], trusted: NDArray[np.bool_],
    held_us: Ints, before_us: Ints, place: Ints,
) -> None:  # fmt: skip
    """Hold samples against the limits. values, trusted, held_us, before_us (the channel's last sample): (n, C)."""
    n = len(row)
    # An oximeter's pulse beside a monitor's rate is the same heart in the same seconds: counted once, as the monitor's.
    beside = np.isnan(values[:, _HR]) & (state.rows.trusted_at[row, _HR] > NEVER)
    beside &= state.rows.trusted_at[row, _HR] >= before_us[:, _PULSE] - CLOCKS_APART
    readings = np.full((n, len(LIMIT_COLUMNS)), np.nan)
    good = np.zeros((n, len(LIMIT_COLUMNS)), bool)
    held = np.zeros((n, len(LIMIT_COLUMNS)), np.int64)
    # What is not believed is not even said: an alert's evidence is made of trusted readings.
    values = np.where(trusted, values, np.nan)
    readings[:, :_WIDTH], good[:, :_WIDTH], held[:, :_WIDTH] = values, trusted, held_us
    beats = np.where(trusted[:, _HR], _HR, _PULSE)
    every = np.arange(n)
    rate = LIMIT_COLUMN["rate"]
    readings[:, rate], held[:, rate] = values[every, beats], held_us[every, beats]
    good[:, rate] = trusted[every, beats] & ~beside
    flips, since = hold(state.rows, state.limits.sets, row, at_us, readings, good, held)
    for i in np.flatnonzero(flips.any(axis=1)).tolist():
        _conclude(
            state,
            int(row[i]),
            int(at_us[i]),
            (int(clock_us[i]), OBSERVED, int(place[i])),
            flips[i],
            since[i],
            readings[i],
        )


def hold_step(state: WardState, row: int, at_us: int, here: Here, column: int, step: Step) -> None:
    """A step is believed: hold what it showed, in its order, as if it had been believed from its first sample."""
    rate = LIMIT_COLUMN["rate"]
    flipped, since = np.zeros((1, len(HELD)), bool), np.zeros((1, len(HELD)), np.int64)
    readings = np.full((1, len(LIMIT_COLUMNS)), np.nan)
    before_us = step.before_us
    for sample_us, reading in step.samples:
        readings[0, column] = reading
        good = np.zeros((1, len(LIMIT_COLUMNS)), bool)
        good[0, column] = True
        if column in {_HR, _PULSE} and step.other_us < sample_us:
            # Where the other probe was believed meanwhile, the rate has been held already.
            readings[0, rate], good[0, rate] = reading, True
        held = np.full((1, len(LIMIT_COLUMNS)), min(sample_us - before_us, STALE_AFTER))
        flips, began = hold(state.rows, state.limits.sets, np.array([row]), np.array([sample_us]), readings, good, held)
        flipped |= flips
        since = np.where(flips, began, since)
        before_us = sample_us
    if flipped.any():
        _conclude(state, row, at_us, here, flipped[0], since[0], readings[0])


def read_cuff(
    state: WardState, row: int, at_us: int, here: Here, values: NDArray[np.float64], trusted: NDArray[np.bool_]
) -> None:
    """A cuff was read: what its rules make of it. And whoever waits for one is told."""
    session, rows = state.known.sessions[row], state.rows
    readings = {name: float(values[CHANNEL[name]]) for name in ("sbp", "dbp") if trusted[CHANNEL[name]]}
    cuffs = session.cuff_rules
    if cuffs.shown_again(at_us, readings):
        return
    doubted = cuffs.jumps(readings)
    if doubted:
        rows.quality[row, [CHANNEL[name] for name in readings]] = OUTLIER
    measured = dict(readings)
    for name, base in zip(("sbp", "dbp"), state.baseline(row), strict=True):
        if base is not None and name in measured:
            readings[f"{name}-rise"] = measured[name] - base
    rate = _rate_now(state, row, at_us)
    if rate is not None:
        readings["rate"] = rate
    symptoms = session.symptoms_us is not None and at_us - session.symptoms_us <= SYMPTOM_VALID_FOR
    verdicts = cuffs.read(at_us, readings, symptoms, state.limits_of(row))
    rows.recheck_due[row] = FAR if cuffs.waits_us is None else min(rows.recheck_due[row], here[0] + RECHECK_WITHIN)
    rows.due[row] = min(rows.due[row], rows.recheck_due[row])
    for verdict in verdicts:
        _pressure(state, row, at_us, here, verdict)
    cuff_read(state, row, Cuff(at_us, measured.get("sbp", nan), measured.get("dbp", nan), doubted), here)


def not_rechecked(state: WardState, row: int, due_us: int, here: Here) -> None:
    """A doubtful crisis has waited long enough for its recheck."""
    verdict = state.known.sessions[row].cuff_rules.not_rechecked(state.limits_of(row))
    if verdict is not None:
        _pressure(state, row, due_us, here, verdict)


def say_symptoms(state: WardState, row: int, at_us: int, here: Here) -> None:
    """The patient names a symptom that makes a high pressure an emergency; `Session.symptoms_us` is set already."""
    verdict = state.known.sessions[row].cuff_rules.with_symptoms(at_us, state.limits_of(row))
    if verdict is not None:
        _pressure(state, row, at_us, here, verdict)


def _rate_now(state: WardState, row: int, at_us: int) -> float | None:
    """The heart rate, or the pulse where there is none, if it is trusted and no older than validity lasts."""
    for column in (_HR, _PULSE):
        if 0 <= at_us - int(state.rows.trusted_at[row, column]) < STALE_AFTER:
            return float(state.rows.value[row, column])
    return None


def _pressure(state: WardState, row: int, at_us: int, here: Here, verdict: Verdict) -> None:
    """Say what the cuffs make of one rule."""
    rule, limit, value = verdict.rule, verdict.limit, verdict.value
    session = state.known.sessions[row]
    if rule not in session.standing and verdict.priority is None:
        return
    title = RULES[rule].title
    evidence = limit_evidence(limit, value, _baseline_of(state, row, limit), _minute(session, at_us))
    if verdict.priority is None:
        text = f"{session.where}: {title} is over."
    else:
        text = cuff_sentence(session.where, limit, value, title, verdict.why)
        evidence["data_age_s"] = number((at_us - session.cuff_rules.shown_us) / SECOND)
        if verdict.why:
            evidence["because"] = verdict.why
        name = limit.channel.removesuffix("-rise")
        before = [cuff for cuff in session.cuffs if cuff.at_us < session.cuff_rules.at_us and name in {"sbp", "dbp"}]
        if before and not isnan(pressure := float(getattr(before[-1], name))):
            evidence["trend"] = {"from": number(pressure), "over_s": round((at_us - before[-1].at_us) / SECOND)}
        if limit.channel.endswith("-rise"):
            evidence["measured"] = session.cuff_rules.last.get(limit.channel.removesuffix("-rise"))
    state.say(row, rule, verdict.priority, at_us, verdict.onset_us, here, text, evidence, limit.source)


def _baseline_of(state: WardState, row: int, limit: Limit) -> float | None:
    """The session's own baseline of what a limit is on, as far as there is one."""
    systolic, diastolic = state.baseline(row)
    return {"sbp": systolic, "sbp-rise": systolic, "dbp": diastolic, "dbp-rise": diastolic}.get(limit.channel)


def _minute(session: Session, at_us: int) -> float | None:
    return None if session.dose_us is None else (at_us - session.dose_us) / MINUTE


def _conclude(
    state: WardState, row: int, at_us: int, here: Here, flips: NDArray[np.bool_], since: Ints,
    readings: NDArray[np.float64],
) -> None:  # fmt: skip
    """Limits came into force or went out of it: say what that makes of their rules."""
    session = state.known.sessions[row]
    limits = state.held_of(row)
    on = state.rows.on[row]
    minute = _minute(session, at_us)
    for rule in sorted({limits[i].rule for i in np.flatnonzero(flips)}, key=RULE_INDEX.__getitem__):
        mine = [i for i, limit in enumerate(limits) if limit.rule == rule]
        title = RULES[rule].title
        forced = [i for i in mine if on[i]]
        if not forced:
            worst = next(i for i in mine if flips[i])
            text = f"{session.where}: {title} is over."
            evidence = limit_evidence(limits[worst], float(readings[LIMIT_COLUMN[limits[worst].channel]]), None, minute)
            state.say(row, rule, None, at_us, at_us, here, text, evidence, limits[worst].source)
            continue
        # Of the worst limits in force, the one that this reading is about; the first in the table otherwise.
        worst = max(forced, key=lambda i: (limits[i].priority, bool(flips[i]), -i))
        value = float(readings[LIMIT_COLUMN[limits[worst].channel]])
        if np.isnan(value):
            value = float(state.rows.value[row, LIMIT_COLUMN[limits[worst].channel]])
        columns = _MEASURED[limits[worst].channel]
        evidence = limit_evidence(limits[worst], value, usual(state, row, columns), minute)
        evidence["data_age_s"] = number(max(at_us - int(state.rows.trusted_at[row, columns].max()), 0) / SECOND)
        slope = trend(state, row, columns, at_us)
        if slope is not None:
            evidence["trend"] = slope
        onset_us = int(since[worst]) if flips[worst] else at_us
        text = limit_sentence(session.where, limits[worst], value, title)
        state.say(row, rule, limits[worst].priority, at_us, onset_us, here, text, evidence, limits[worst].source)
