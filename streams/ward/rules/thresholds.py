"""Limits on samples: what a flip of a session's limits makes of their rules, with the evidence beside it.

Never here: when a limit is flipped (`holding.py`), cuffs (`ward/cuffs.py`), scores (`checkins.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from models.instants import SECOND
from models.tables.channels import CHANNEL_COLUMN
from models.tables.limits import Limit
from models.tables.rules import RULE_INDEX, RULES
from streams.ward.conclusions import Conclusion, over
from streams.ward.sample import SampleRecord
from streams.ward.sentences import limit_evidence, limit_sentence, number
from streams.ward.signal.trends import trend, usual
from streams.ward.state import Here, WardState

_MEASURED: Final = {
    **{name: np.array([column]) for name, column in CHANNEL_COLUMN.items()},
    "rate": np.array([CHANNEL_COLUMN["hr"], CHANNEL_COLUMN["pulse"]]),
}
"""The channels that a limit's column is read from, the better one first."""


def file_flips(state: WardState, row: int, sample: SampleRecord, here: Here, readings: Mapping[str, float]) -> None:
    """File the rules of the limits that came into force or went out of it with a sample.

    Args:
        sample: its `flips` and `since`. readings: what did it, by the limits' columns; only what is believed.
    """
    limits = state.sample_limits_of(row)
    flips = sample.flips.tolist()
    rules = {limit.rule for limit, flip in zip(limits, flips, strict=True) if flip}
    for rule in sorted(rules, key=RULE_INDEX.__getitem__):
        state.file(state.association.sessions[row], _judge(state, row, rule, limits, sample, flips, readings), here)


def _judge(
    state: WardState, row: int, rule: str, limits: Sequence[Limit], sample: SampleRecord, flips: list[bool],
    readings: Mapping[str, float],
) -> Conclusion:  # fmt: skip
    """The conclusion of one rule: the worst of its limits in force, or that none is."""
    session, on = state.association.sessions[row], state.rows.on[row].tolist()
    at_us, minute, title = int(sample.at_us), session.minute_at(int(sample.at_us)), RULES[rule].title
    own = [i for i, limit in enumerate(limits) if limit.rule == rule]
    forced = [i for i in own if on[i]]
    if not forced:
        limit = limits[next(i for i in own if flips[i])]
        evidence = limit_evidence(limit, readings[limit.channel], None, minute)
        return over(rule, at_us, f"{session.where}: {title} is over.", evidence, limit.source)
    # Of the worst limits in force, the one that this reading is about; the first in the table otherwise.
    worst = max(forced, key=lambda i: (limits[i].priority, bool(flips[i]), -i))
    limit = limits[worst]
    columns = _MEASURED[limit.channel]
    value = readings.get(limit.channel)
    if value is None:
        value = float(state.rows.value[row, columns[0]])
    evidence = limit_evidence(limit, value, usual(state, row, columns), minute)
    evidence["data_age_s"] = number(max(at_us - int(state.rows.trusted_at[row, columns].max()), 0) / SECOND)
    slope = trend(state, row, columns, at_us)
    if slope is not None:
        evidence["trend"] = slope
    onset_us = int(sample.since[worst]) if flips[worst] else at_us
    text = limit_sentence(session.where, limit, value, title)
    return Conclusion(rule, limit.priority, at_us, onset_us, text, evidence, limit.source)
