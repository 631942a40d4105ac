"""Limits on samples: what a flip of a session's limits, or a deeper reading, makes of their rules, with the evidence beside it.

Never here: when a limit is flipped (`holding.py`) or deeper (`deeper.py`), cuffs (`ward/cuffs.py`), scores (`checkins.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Final

import numpy as np

from models.instants import SECOND
from models.session.reports import assess
from models.tables.channels import CHANNEL_COLUMN
from models.tables.limits import KEYS, UNITS, Limit
from models.tables.rules import RULE_INDEX, RULES
from streams.ward.conclusions import Conclusion, depth_of, over
from streams.ward.rules.deeper import reckon_deeper
from streams.ward.sample import SampleRecord
from streams.ward.sentences import duration, limit_evidence, limit_sentence, number, rule_sentence
from streams.ward.signal.breathing import CO2, FALL, SATURATION, SEDATION, SLOW
from streams.ward.signal.quality import DISAGREES, FROZEN, QUALITIES
from streams.ward.signal.trends import trend, usual
from streams.ward.state import Here, WardState

_MEASURED: Final = {
    **{name: np.array([column]) for name, column in CHANNEL_COLUMN.items()},
    "rate": np.array([CHANNEL_COLUMN["hr"], CHANNEL_COLUMN["pulse"]]),
    "etco2-beside": np.array([CHANNEL_COLUMN["etco2"]]),
    "spo2-doubted": np.array([CHANNEL_COLUMN["spo2"]]),
    "rr-alone": np.array([CHANNEL_COLUMN["rr"]]),
    "breaths": np.array([CHANNEL_COLUMN["etco2"], CHANNEL_COLUMN["rr"]]),
}
"""The channels that a limit's column is read from, the better one first."""


def file_flips(state: WardState, row: int, sample: SampleRecord, here: Here, readings: Mapping[str, float]) -> None:
    """File the rules of the limits that came into force, went out of it or deepened with a sample.

    Args:
        sample: its `flips`, `since` and `deepens`. readings: what did it, by the limits' columns; only what is believed.
    """
    limits = state.sample_limits_of(row)
    flips = sample.flips.tolist()
    moved = [flip or deeper for flip, deeper in zip(flips, sample.deepens.tolist(), strict=True)]
    rules = {limit.rule for limit, moves in zip(limits, moved, strict=True) if moves}
    for rule in sorted(rules, key=RULE_INDEX.__getitem__):
        state.file(
            state.association.sessions[row], _judge(state, row, rule, limits, sample, flips, moved, readings), here
        )
    reckon_deeper(state, row)


def _judge(
    state: WardState, row: int, rule: str, limits: Sequence[Limit], sample: SampleRecord, flips: list[bool],
    moved: list[bool], readings: Mapping[str, float],
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
    worst = max(forced, key=lambda i: (limits[i].priority, bool(moved[i]), -i))
    limit = limits[worst]
    columns = _MEASURED[limit.channel]
    value = readings.get(limit.channel)
    if value is None:
        value = float(state.rows.value[row, columns[0]])
    evidence = limit_evidence(limit, value, None if limit.channel == "breaths" else usual(state, row, columns), minute)
    evidence["data_age_s"] = number(max(at_us - int(state.rows.trusted_at[row, columns].max()), 0) / SECOND)
    slope = trend(state, row, columns, at_us)
    if slope is not None and limit.channel != "breaths":
        evidence["trend"] = slope
    onset_us = int(sample.since[worst]) if flips[worst] else at_us
    text = limit_sentence(session.where, limit, value, title)
    if limit.channel == "breaths":
        onset_us -= int(state.rows.co2_held_us[row])
        text = _pause_sentence(state, row, title, limit, readings, (at_us - onset_us) / SECOND)
    if limit.channel == "spo2-doubted":
        evidence["doubt"], why = _doubt(state, row)
        text = f"{text.removesuffix('.')}; it is doubted: {why}."
    if limit.key == KEYS[SLOW] and moved[worst]:
        beside = _company(state, row, int(sample.company))
        evidence["beside"] = {name: found for name, (found, _) in beside.items()}
        text = f"{text.removesuffix('.')}, with {' and '.join(words for _, words in beside.values())}."
    if limit.channel == "etco2-beside" and moved[worst]:
        beside = _beside_shallow(state, row)
        evidence["beside"] = {name: found for name, (found, _) in beside.items()}
        text = f"{text.removesuffix('.')}, with {' and '.join(words for _, words in beside.values())}."
    before = session.conditions.get(rule)
    # A milder limit that comes into force beside it has held for itself, and says nothing of how long this has been so deep.
    held = moved[worst] or before is None or before.priority != limit.priority
    depth = depth_of(limit, value) if held else None
    return Conclusion(rule, limit.priority, at_us, onset_us, text, evidence, limit.source, depth)


def _beside_shallow(state: WardState, row: int) -> dict[str, tuple[float, str]]:
    """What stands beside shallow breathing: the rate and the saturation, and the session's own EtCO2."""
    found: dict[str, tuple[float, str]] = {}
    for name, word in (("rr", "breathing"), ("spo2", "SpO2")):
        value = float(state.rows.value[row, CHANNEL_COLUMN[name]])
        if not isnan(value):
            found[name] = number(value, name), f"{word} {number(value, name)} {UNITS[name]}"
    own = float(state.rows.own_co2[row])
    if not isnan(own):
        found["own_etco2"] = number(own, "etco2"), f"{number(own, 'etco2')} mmHg as this session's own"
    return found


def _doubt(state: WardState, row: int) -> tuple[str, str]:
    """Why the saturation is doubted: the quality of its newest reading, and in words."""
    rows, quality = state.rows, int(state.rows.quality[row, CHANNEL_COLUMN["spo2"]])
    if quality == DISAGREES:
        ecg, pleth = (number(round(float(rate))) for rate in rows.beat[row])
        return QUALITIES[quality], f"heart rate {ecg} and pulse {pleth} /min disagree"
    return QUALITIES[quality], "all signals stand still" if quality == FROZEN else "the signal is disturbed"


def _company(state: WardState, row: int, company: int) -> dict[str, tuple[float, str]]:
    """What stands beside slow breathing: name → its value and its words."""

    def now(name: str) -> float:
        return number(float(state.rows.value[row, CHANNEL_COLUMN[name]]), name)

    newest = assess(state.association.sessions[row].reports, ()).newest
    found: dict[str, tuple[float, str]] = {}
    if company & SATURATION:
        found["spo2"] = now("spo2"), f"SpO2 {now('spo2')} %"
    if company & CO2:
        found["etco2"] = now("etco2"), f"EtCO2 {now('etco2')} mmHg"
    if company & SEDATION and "moaas" in newest:
        found["moaas"] = newest["moaas"].score, f"MOAA/S {number(newest['moaas'].score)}"
    if company & FALL:
        own = number(float(state.rows.own_rate[row]), "rr")
        found["own_rate"] = own, f"a fall from this session's own {own} /min"
    return found


def _pause_sentence(
    state: WardState, row: int, title: str, limit: Limit, readings: Mapping[str, float], since_s: float
) -> str:  # fmt: skip
    """``Chair 3 (A-17): Not breathing. Breathing 0 /min and EtCO2 0 mmHg, no breath for at least 33 s.``"""
    where = state.association.sessions[row].where
    shown = [
        f"{'Breathing' if name == 'rr' else 'EtCO2'} {number(value, name)} {UNITS[name]}"
        for name in ("rr", "etco2")
        if (value := readings.get(name)) is not None
    ]
    return rule_sentence(where, title, f"{' and '.join(shown)}, no breath for at least {duration(since_s)}.")
