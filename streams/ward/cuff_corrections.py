"""Corrections of cuffs by hand: the wrong one is taken out of everything that is decided from then on, the right one is put in.

What the rules on cuffs remember is worked out anew from the cuffs that are kept, each with what it was judged with; so are the
peaks, what boards show, and the rules that are asked after a cuff. What was waited for counts from the entry, wrong or not.
Bad at: a wrong cuff of more than `CUFFS_KEPT` cuffs ago. Never here: the rules (`rules/cuffs.py`).
"""

from __future__ import annotations

from math import isnan, nan
from typing import Final

import numpy as np

from models.instants import FAR, NEVER
from models.tables.channels import CHANNEL_COLUMN, CHANNELS
from models.tables.limits import CUFF_RULES, RECHECK_WITHIN
from models.tables.rules import RULES
from models.tables.symptoms import SYMPTOM_VALID_FOR
from models.wire.observations import CuffCorrected
from streams.ward.association import Cuff
from streams.ward.audit import audit, row_of, session_of
from streams.ward.conclusions import over
from streams.ward.cuffs import conclude_cuff, fold_cuff, read_cuff
from streams.ward.rules.cuffs import CuffRules, Verdict
from streams.ward.rules.entry_refused import refuse
from streams.ward.rules.forgotten import note_life
from streams.ward.rules.registry import judge_after
from streams.ward.signal.quality import GOOD, OUTLIER
from streams.ward.state import Here, WardState

_RANGES: Final = {channel.name: (channel.lowest, channel.highest) for channel in CHANNELS}


def correct_cuff(state: WardState, record: CuffCorrected, at_us: int, here: Here) -> None:
    """Put a correction in the place of the cuff that it names, in its patient's open session; else set it aside and say so.

    Where nobody knows what it names, it is a cuff like any.
    """
    row, at_us = row_of(state, record), min(at_us, here[0])
    why_not = _implausible(record)
    if row is None:
        why_not = why_not or "no open session has the cuff that it corrects"
    elif why_not is None and any(
        cuff.id == record.replaces
        for other, session in state.association.sessions.items()
        if other != row and session.site == record.site
        for cuff in session.cuffs
    ):
        why_not = f"{record.replaces} is a cuff of another session"
    if row is None or why_not is not None:
        refuse(state, record, "replaces", why_not or "", here)
        return
    audit(state, record, session_of(state, row, record), here)
    note_life(state, row, here)
    session = state.association.sessions[row]
    given = {name: x for name in ("sbp", "dbp", "map") if (x := getattr(record, name)) is not None}
    wrong = next((cuff for cuff in session.cuffs if cuff.id == record.replaces), None)
    if wrong is None:
        if given:
            fold_cuff(state, row, at_us, here, given, record.id)
            _show_newest(state, row)
        return
    cuffs = [cuff for cuff in session.cuffs if cuff is not wrong]
    if given:
        right = wrong._replace(
            at_us=at_us, sbp=given.get("sbp", nan), dbp=given.get("dbp", nan), mean=given.get("map", nan), shown_us=at_us, id=record.id
        )  # fmt: skip
        cuffs = sorted([*cuffs, right], key=lambda cuff: cuff.at_us)
    _judge_anew(state, row, cuffs, here)


def _implausible(record: CuffCorrected) -> str | None:
    """Why no cuff can have shown this; None: one can."""
    for name in ("sbp", "dbp", "map"):
        x, (lowest, highest) = getattr(record, name), _RANGES[name]
        if x is not None and not lowest <= x <= highest:
            return f"no cuff can show {name} {x:g}"
    if record.sbp is not None and record.dbp is not None and record.dbp >= record.sbp:
        return "its systolic is not above its diastolic"
    return None


def _judge_anew(state: WardState, row: int, cuffs: list[Cuff], here: Here) -> None:
    """Work out from these cuffs, by time, what follows from a session's cuffs, and file it."""
    session, rows = state.association.sessions[row], state.rows
    session.cuff_rules, session.cuffs = CuffRules(), []
    rules, found = session.cuff_rules, dict[str, tuple[int, Verdict]]()
    rows.recheck_due[row] = FAR
    for cuff in cuffs:
        fast = rules.fast(cuff.at_us)
        read, verdicts = read_cuff(state, row, cuff)
        found |= {verdict.rule: (cuff.at_us, verdict) for verdict in verdicts}
        if rules.waits_us is None:
            rows.recheck_due[row] = FAR
        elif rules.waits_us == cuff.at_us:
            rows.recheck_due[row] = max(cuff.clock_us + RECHECK_WITHIN, here[0]) if fast else FAR
        if cuff.shown_us > cuff.at_us:
            rules.show(cuff.shown_us)
        session.cuffs.append(read)
    rows.due[row] = min(rows.due[row], rows.recheck_due[row])
    symptoms_us = session.symptoms_us
    if symptoms_us is not None and here[0] - symptoms_us <= SYMPTOM_VALID_FOR and session.cuffs:
        verdict = rules.with_symptoms(symptoms_us, state.limits_of(row))
        if verdict is not None:
            found[verdict.rule] = (symptoms_us, verdict)
    for rule in sorted(CUFF_RULES):
        _file_anew(state, row, rule, found.get(rule), here)
    believed = [cuff for cuff in session.cuffs if not cuff.doubted]
    for name in ("sbp", "dbp"):
        peak = [x for cuff in believed if not isnan(x := getattr(cuff, name))]
        getattr(rows, f"peak_{name}")[row] = max(peak, default=-np.inf)
    _show_newest(state, row)
    if session.cuffs:
        judge_after("cuff", state, row, session.cuffs[-1].at_us, here)


def _file_anew(state: WardState, row: int, rule: str, found: tuple[int, Verdict] | None, here: Here) -> None:
    session = state.association.sessions[row]
    if found is None or found[1].priority is None:
        text = f"{session.where}: {RULES[rule].title} is over: a cuff was corrected."
        state.file(session, over(rule, here[0], text, {"corrected": True}), here)
        return
    at_us, verdict = found
    conclusion = conclude_cuff(session, verdict, state.baseline(row), at_us)
    state.file(session, conclusion, here)
    # What the wrong cuff told is nothing to be deeper than.
    session.conditions[rule].told = conclusion.depth


def _show_newest(state: WardState, row: int) -> None:
    """Put the newest cuff into a session's row, where boards read it."""
    session, rows = state.association.sessions[row], state.rows
    for name, attribute in (("sbp", "sbp"), ("dbp", "dbp"), ("map", "mean")):
        column = CHANNEL_COLUMN[name]
        newest = next((cuff for cuff in reversed(session.cuffs) if not isnan(getattr(cuff, attribute))), None)
        if newest is None:
            rows.value[row, column] = rows.near[row, column] = np.nan
            rows.at[row, column] = rows.trusted_at[row, column] = rows.heard[row, column] = NEVER
            continue
        rows.value[row, column] = rows.near[row, column] = getattr(newest, attribute)
        rows.trusted_at[row, column] = max(newest.at_us, newest.shown_us)
        rows.at[row, column] = max(int(rows.at[row, column]), newest.at_us)
        rows.heard[row, column] = max(int(rows.heard[row, column]), newest.clock_us)
        rows.quality[row, column] = OUTLIER if newest.doubted and name != "map" else GOOD
