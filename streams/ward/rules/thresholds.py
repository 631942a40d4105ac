"""From samples past their limits to findings: what is held, what it makes of a rule, and what a cuff sets going."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan
from typing import Final

import numpy as np

from models.instants import FAR, MINUTE, SECOND
from models.tables.channels import CHANNEL_COLUMN as CHANNEL
from models.tables.limits import RECHECK_WITHIN, Limit
from models.tables.rules import RULE_INDEX, RULES
from models.tables.symptoms import SYMPTOM_VALID_FOR
from streams.ward.association import Cuff, Session
from streams.ward.rules.cuffs import Verdict
from streams.ward.sample import SampleRecord
from streams.ward.sentences import cuff_sentence, limit_evidence, limit_sentence, number
from streams.ward.signal.quality import OUTLIER
from streams.ward.signal.rate import rate_now
from streams.ward.signal.trends import trend, usual
from streams.ward.state import Here, WardState
from streams.ward.timers import cuff_read

_MEASURED: Final = {
    **{name: np.array([column]) for name, column in CHANNEL.items()},
    "rate": np.array([CHANNEL["hr"], CHANNEL["pulse"]]),
}
"""The channels that a limit's column is read from, the better one first."""


def flipped(state: WardState, row: int, sample: SampleRecord, here: Here, readings: Mapping[str, float]) -> None:
    """Limits came into force or went out of it: say what that makes of their rules.

    Args:
        sample: its `flips` and `since`. readings: what did it, by what limits are on; only what is believed.
    """
    session = state.known.sessions[row]
    limits = state.held_of(row)
    at_us, flips, on = int(sample.at_us), sample.flips.tolist(), state.rows.on[row].tolist()
    minute = _minute(session, at_us)
    for rule in sorted(
        {limit.rule for limit, flip in zip(limits, flips, strict=True) if flip}, key=RULE_INDEX.__getitem__
    ):
        mine = [i for i, limit in enumerate(limits) if limit.rule == rule]
        title = RULES[rule].title
        forced = [i for i in mine if on[i]]
        if not forced:
            worst = next(i for i in mine if flips[i])
            text = f"{session.where}: {title} is over."
            evidence = limit_evidence(limits[worst], readings[limits[worst].channel], None, minute)
            state.say(row, rule, None, at_us, at_us, here, text, evidence, limits[worst].source)
            continue
        # Of the worst limits in force, the one that this reading is about; the first in the table otherwise.
        worst = max(forced, key=lambda i: (limits[i].priority, bool(flips[i]), -i))
        columns = _MEASURED[limits[worst].channel]
        value = readings.get(limits[worst].channel)
        if value is None:
            value = float(state.rows.value[row, columns[0]])
        evidence = limit_evidence(limits[worst], value, usual(state, row, columns), minute)
        evidence["data_age_s"] = number(max(at_us - int(state.rows.trusted_at[row, columns].max()), 0) / SECOND)
        slope = trend(state, row, columns, at_us)
        if slope is not None:
            evidence["trend"] = slope
        onset_us = int(sample.since[worst]) if flips[worst] else at_us
        text = limit_sentence(session.where, limits[worst], value, title)
        state.say(row, rule, limits[worst].priority, at_us, onset_us, here, text, evidence, limits[worst].source)


def read_cuff(state: WardState, row: int, at_us: int, here: Here, trusted: Mapping[str, float]) -> None:
    """A cuff was read: what its rules make of it. And whoever waits for one is told. trusted: what is believed, by channel."""
    session, rows = state.known.sessions[row], state.rows
    readings = {name: trusted[name] for name in ("sbp", "dbp") if name in trusted}
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
    rate = rate_now(state, row, at_us)
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
