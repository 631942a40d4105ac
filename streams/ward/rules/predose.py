"""`predose-pressure`: the last good cuff before the dose is above what the protocol asks about, or there was none.

The next cuff that is not above ends it. Never here: the protocol's pressures (`models/tables/drugs.py`).
"""

from __future__ import annotations

from math import isnan
from typing import Final

from models.tables.rules import RULES, Priority
from streams.ward.association import Cuff
from streams.ward.conclusions import Conclusion, over
from streams.ward.sentences import number, rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "predose-pressure"


def judge_predose(state: WardState, row: int, at_us: int, here: Here) -> Conclusion | None:
    """The conclusion on a session's cuffs and dose so far; None where its protocol asks about no pressure."""
    session, clock_us = state.association.sessions[row], here[0]
    ask = session.protocol.predose_mmhg
    if ask is None:
        return None
    dose_us = session.dose_us
    newest = session.cuffs[-1] if session.cuffs else None
    before = [cuff for cuff in session.cuffs if dose_us is None or cuff.at_us <= dose_us]
    title, source = RULES[_RULE].title, session.protocol.source
    if newest is None and dose_us is not None:
        text = rule_sentence(session.where, title, "A dose was given and no cuff was taken before it: take one now.")
        return Conclusion(_RULE, Priority.LOW, clock_us, dose_us, text, {}, source)
    if newest is not None and before and _is_above(newest, ask) and _is_above(before[-1], ask):
        pressures = f"{_mmhg(newest.sbp)}/{_mmhg(newest.dbp)} mmHg, above {number(ask[0])}/{number(ask[1])}"
        todo = "wait and take it again before the dose" if dose_us is None else "the dose was given all the same"
        evidence: dict[str, object] = {
            "sbp": _reading(newest.sbp), "dbp": _reading(newest.dbp), "limit": list(ask), "unit": "mmHg",
        }  # fmt: skip
        text = rule_sentence(session.where, title, f"{pressures}: {todo}.")
        return Conclusion(_RULE, Priority.LOW, clock_us, newest.at_us, text, evidence, source)
    return over(_RULE, clock_us, f"{session.where}: {title} has its answer.", source=source)


def _is_above(cuff: Cuff, ask: tuple[float, float]) -> bool:
    # NaN is above nothing: the part of a cuff that was not read asks nothing.
    return cuff.sbp > ask[0] or cuff.dbp > ask[1]


def _reading(value: float) -> float | int | None:
    return None if isnan(value) else number(value)


def _mmhg(value: float) -> str:
    return "?" if isnan(value) else f"{number(value)}"
