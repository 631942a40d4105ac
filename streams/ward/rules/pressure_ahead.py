"""After a cuff: is another one worth having before the protocol's next? `pressure-forecast`, never above *low*.

It asks where the next twenty minutes are likely enough to bring 180/110 and nothing says so yet, and stops asking once that has
become unlikely or was measured. Asking is all it does. One cuff in four that it asks for is past the limit, the others are the
price (`bench/session/pressure.py`); it finds less than half of what comes, so a chair without it is no promise.
Never here: the chances (`models/session/pressure.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.instants import MINUTE
from models.tables.rules import RULES, Priority
from streams.ward.estimates import pressure_ahead
from streams.ward.sentences import number, plain

if TYPE_CHECKING:
    from streams.ward.association import Cuff
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


def look_ahead(state: WardState, row: int, cuff: Cuff, here: Here) -> None:
    """A good cuff came, and is among the session's."""
    session = state.known.sessions[row]
    if not session.announced or not session.doses or cuff.at_us < session.doses[0].at_us:
        return
    if any(0 < cuff.at_us - other.at_us < AGAIN_AFTER for other in session.cuffs[-3:]):
        return
    rule = "pressure-forecast"
    far = not (cuff.sbp >= ASKS_AT_MMHG[0] or cuff.dbp >= ASKS_AT_MMHG[1])
    found = None if far else pressure_ahead(state, row, cuff.at_us)
    measured = {"hypertension", "hypertensive-crisis"} & session.standing.keys()
    needed = STOPS_BELOW if rule in session.standing else ASKS_FROM
    if found is None or measured or found.within_20 < needed:
        session.cuff_asked_us = None
        why = "it was measured" if measured else "it has become unlikely"
        state.say(
            row, rule, None, here[0], cuff.at_us, here, f"{session.where}: {RULES[rule].title} is over, {why}.", {}, ""
        )
        return
    session.cuff_asked_us = here[0] + ASKED_WITHIN
    sbp, _ = state.baseline(row)
    evidence: dict[str, object] = {
        "channel": "sbp", "value": number(cuff.sbp) if cuff.sbp == cuff.sbp else None, "limit": 180, "unit": "mmHg",
        "chance_10min": round(found.within_10, 2), "chance_20min": round(found.within_20, 2),
        "expected_sbp": round(found.sbp), "expected_dbp": round(found.dbp),
        "minute": number((cuff.at_us - session.doses[0].at_us) / MINUTE),
    }  # fmt: skip
    if sbp is not None:
        evidence["baseline"] = number(sbp)
    chance = f"{100 * found.within_20:.0f} %"
    text = plain(
        session.where,
        RULES[rule].title,
        f"180/110 within 20 min has a chance of {chance}: take a cuff within {ASKED_WITHIN // MINUTE} min.",
    )
    state.say(row, rule, Priority.LOW, here[0], cuff.at_us, here, text, evidence, _SOURCE)
