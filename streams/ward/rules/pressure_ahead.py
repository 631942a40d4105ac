"""After a cuff: whether another is worth taking before the protocol's next. `pressure-forecast`, never above *low*.

It asks where the next twenty minutes are likely enough to bring 180/110 and no rule has found it yet, and stops asking once that
has become unlikely or was measured. Asking is all it does. One cuff in four that it asks for is past the limit, the others are
the price (`bench/session/pressure.py`); it finds less than half of what comes, so a chair without it is no promise.
Never here: the chances (`models/session/pressure.py`).
"""

from __future__ import annotations

from math import isnan
from typing import Final

from models.instants import MINUTE
from models.session.pressure import PressureForecast
from models.tables.rules import RULES, Priority
from streams.ward.association import Cuff, Session
from streams.ward.conclusions import Conclusion, over
from streams.ward.estimates import pressure_ahead
from streams.ward.sentences import number, rule_sentence
from streams.ward.state import Here, WardState

ASKS_FROM: Final = 0.25
"""One in four is worth a cuff, which takes a minute of somebody who sits there. Chosen by us from the table in
docs/detection-estimates.md."""
STOPS_BELOW: Final = 0.15
"""Well below, so that it does not ask and take back by turns. Chosen by us."""
ASKED_WITHIN: Final = 5 * MINUTE
"""Soon enough to act on, late enough that two cuffs are two. Chosen by us: half of the usual interval."""
ASKS_AT_MMHG: Final = (150.0, 95.0)
"""A cuff below both asks for nothing, and spares the reckoning: of the few that would be asked for there (6 % of all in the
recordings, 1 % in invented sessions) hardly one in ten was high."""
AGAIN_AFTER: Final = MINUTE
"""Sooner after another a reading is the same cuff, or a monitor that measures all the time and needs no asking. Chosen by us."""
_SOURCE: Final = f"models/session/pressure.py: chance of 180/110 within 20 min of at least {ASKS_FROM * 100:.0f} %"


_RULE: Final = "pressure-forecast"


def look_ahead(state: WardState, row: int, at_us: int, here: Here) -> Conclusion | None:
    """The conclusion for a session after a cuff; it notes there until when the next is asked for."""
    session = state.association.sessions[row]
    if not session.announced or not session.doses or at_us < session.doses[0].at_us:
        return None
    cuff = session.cuffs[-1]
    if any(0 < cuff.at_us - other.at_us < AGAIN_AFTER for other in session.cuffs[-3:]):
        return None
    near = cuff.sbp >= ASKS_AT_MMHG[0] or cuff.dbp >= ASKS_AT_MMHG[1]
    forecast = pressure_ahead(state, row, cuff.at_us) if near and not _is_measured(session) else None
    baseline_sbp, _ = state.baseline(row)
    conclusion = judge_pressure_ahead(session, cuff, forecast, baseline_sbp, here[0])
    session.cuff_asked_us = None if conclusion.priority is None else here[0] + ASKED_WITHIN
    return conclusion


def _is_measured(session: Session) -> bool:
    """Whether a cuff has found already what the forecast is about."""
    return not session.conditions.keys().isdisjoint({"hypertension", "hypertensive-crisis"})


def judge_pressure_ahead(
    session: Session, cuff: Cuff, forecast: PressureForecast | None, baseline_sbp: float | None, clock_us: int
) -> Conclusion:
    """The conclusion of `pressure-forecast` after a cuff: in force, or over.

    Args:
        session: with a dose. forecast: of the twenty minutes from the cuff on; None where it asks for nothing.
        baseline_sbp: the session's own systolic pressure, mmHg.
    """
    title = RULES[_RULE].title
    measured = _is_measured(session)
    needed = STOPS_BELOW if _RULE in session.conditions else ASKS_FROM
    if forecast is None or measured or forecast.within_20 < needed:
        why = "it was measured" if measured else "it has become unlikely"
        text = f"{session.where}: {title} is over, {why}."
        return over(_RULE, clock_us, text)
    evidence: dict[str, object] = {
        "channel": "sbp", "value": None if isnan(cuff.sbp) else number(cuff.sbp), "limit": 180, "unit": "mmHg",
        "chance_10min": round(forecast.within_10, 2), "chance_20min": round(forecast.within_20, 2),
        "expected_sbp": round(forecast.sbp), "expected_dbp": round(forecast.dbp),
        "minute": number((cuff.at_us - session.doses[0].at_us) / MINUTE),
    }  # fmt: skip
    if baseline_sbp is not None:
        evidence["baseline"] = number(baseline_sbp)
    chance = f"{100 * forecast.within_20:.0f} %"
    detail = f"180/110 within 20 min has a chance of {chance}: take a cuff within {ASKED_WITHIN // MINUTE} min."
    text = rule_sentence(session.where, title, detail)
    return Conclusion(_RULE, Priority.LOW, clock_us, cuff.at_us, text, evidence, _SOURCE)
