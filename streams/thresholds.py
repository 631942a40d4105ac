"""From samples past their limits to findings: what is held, what it makes of a rule, and what a cuff sets going."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.channels import COLUMN as CHANNEL
from models.channels import NAMES
from models.instants import MINUTE
from models.limits import COLUMN, COLUMNS
from models.rules import RULE_INDEX, RULES
from streams.association import Cuff
from streams.holding import hold
from streams.sentences import limit_evidence, limit_sentence
from streams.state import OBSERVED, Here, Ints, WardState
from streams.timers import cuff_read

_SBP, _DBP = CHANNEL["sbp"], CHANNEL["dbp"]
_HR, _PULSE = CHANNEL["hr"], CHANNEL["pulse"]
_WIDTH: Final = len(NAMES)


def hold_samples(
    state: WardState, row: Ints, at_us: Ints, clock_us: Ints, values: NDArray[np.float64], trusted: NDArray[np.bool_],
    held_us: Ints, place: Ints,
) -> None:  # fmt: skip
    """Hold samples against the limits. values, trusted, held_us: (n, C)."""
    n = len(row)
    readings = np.full((n, len(COLUMNS)), np.nan)
    good = np.zeros((n, len(COLUMNS)), bool)
    held = np.zeros((n, len(COLUMNS)), np.int64)
    # What is not believed is not even said: an alert's evidence and the baseline are made of trusted readings.
    values = np.where(trusted, values, np.nan)
    readings[:, :_WIDTH], good[:, :_WIDTH], held[:, :_WIDTH] = values, trusted, held_us
    beats = np.where(trusted[:, _HR], _HR, _PULSE)
    every = np.arange(n)
    rate = COLUMN["rate"]
    readings[:, rate], good[:, rate], held[:, rate] = values[every, beats], trusted[every, beats], held_us[every, beats]
    cuffs = np.flatnonzero(trusted[:, _SBP] | trusted[:, _DBP]).tolist()
    for i in cuffs:
        _rise(state, int(row[i]), readings[i], good[i], held[i])
    derived = state.rows.value[row, _WIDTH:]
    state.rows.value[row, _WIDTH:] = np.where(good[:, _WIDTH:], readings[:, _WIDTH:], derived)
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
    for i in cuffs:
        cuff = Cuff(int(at_us[i]), float(values[i, _SBP]), float(values[i, _DBP]))
        cuff_read(state, int(row[i]), cuff, (int(clock_us[i]), OBSERVED, int(place[i])))


def _rise(state: WardState, row: int, readings: NDArray[np.float64], good: NDArray[np.bool_], held: Ints) -> None:
    baseline = state.baseline(row)
    for derived, measured, base in zip(("sbp-rise", "dbp-rise"), (_SBP, _DBP), baseline, strict=True):
        if base is not None and good[measured]:
            column = COLUMN[derived]
            readings[column], good[column], held[column] = readings[measured] - base, True, held[measured]


def _conclude(
    state: WardState, row: int, at_us: int, here: Here, flips: NDArray[np.bool_], since: Ints,
    readings: NDArray[np.float64],
) -> None:  # fmt: skip
    """Limits came into force or went out of it: say what that makes of their rules."""
    session = state.known.sessions[row]
    limits = state.limits_of(row)
    on = state.rows.on[row]
    for rule in sorted({limits[i].rule for i in np.flatnonzero(flips)}, key=RULE_INDEX.__getitem__):
        mine = [i for i, limit in enumerate(limits) if limit.rule == rule]
        title = RULES[rule].title
        forced = [i for i in mine if on[i]]
        minute = None if session.dose_us is None else (at_us - session.dose_us) / MINUTE
        if not forced:
            worst = next(i for i in mine if flips[i])
            text = f"{session.where}: {title} is over."
            evidence = limit_evidence(limits[worst], float(readings[COLUMN[limits[worst].channel]]), None, minute)
            state.say(row, rule, None, at_us, at_us, here, text, evidence, limits[worst].source)
            continue
        # Of the worst limits in force, the one that this reading is about; the first in the table otherwise.
        worst = max(forced, key=lambda i: (limits[i].priority, bool(flips[i]), -i))
        value = float(readings[COLUMN[limits[worst].channel]])
        if np.isnan(value):
            value = float(state.rows.value[row, COLUMN[limits[worst].channel]])
        baseline = (
            state.baseline(row)[limits[worst].channel == "dbp-rise"] if limits[worst].channel.endswith("rise") else None
        )
        evidence = limit_evidence(limits[worst], value, baseline, minute)
        onset_us = int(since[worst]) if flips[worst] else at_us
        text = limit_sentence(session.where, limits[worst], value, title)
        state.say(row, rule, limits[worst].priority, at_us, onset_us, here, text, evidence, limits[worst].source)
