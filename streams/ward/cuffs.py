"""A cuff was read: what its rules conclude, which timers it answers, and whether another is worth taking.

Also what a waiting or a symptom makes of the cuff before. Never here: the rules on cuffs (`rules/cuffs.py`), their limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan

import numpy as np

from models.instants import FAR, SECOND
from models.tables.channels import CHANNEL_COLUMN
from models.tables.limits import RECHECK_WITHIN, Limit
from models.tables.rules import RULES
from models.tables.symptoms import SYMPTOM_VALID_FOR
from streams.ward.association import Cuff, Session
from streams.ward.conclusions import Conclusion, depth_of
from streams.ward.rules.cuffs import Verdict
from streams.ward.rules.forgotten import note_life
from streams.ward.rules.registry import judge_after
from streams.ward.sentences import cuff_sentence, limit_evidence, number
from streams.ward.signal.quality import OUTLIER
from streams.ward.signal.rate import rate_now
from streams.ward.state import Here, WardState
from streams.ward.timers import answer_cuff


def fold_cuff(
    state: WardState, row: int, at_us: int, here: Here, trusted: Mapping[str, float], entry: str | None = None
) -> None:
    """Fold a cuff into its session and file what follows from it. A reading that the monitor shows again is none.

    Args:
        trusted: the believed readings of the sample, by channel. entry: the sender's name for it, if a person entered it.
    """
    session, rows = state.association.sessions[row], state.rows
    rules = session.cuff_rules
    pressures = {name: trusted[name] for name in ("sbp", "dbp", "map") if name in trusted}
    if rules.shown_again(at_us, pressures):
        if session.cuffs:
            session.cuffs[-1] = session.cuffs[-1]._replace(shown_us=at_us)
        return
    if "session-forgotten" in session.conditions:
        note_life(state, row, here)
    rate = rate_now(state, row, at_us)
    symptoms = session.symptoms_us is not None and at_us - session.symptoms_us <= SYMPTOM_VALID_FOR
    cuff = Cuff(
        at_us, pressures.get("sbp", nan), pressures.get("dbp", nan), False, pressures.get("map", nan),
        nan if rate is None else rate, symptoms, here[0], at_us, entry,
    )  # fmt: skip
    fast = rules.fast(at_us)
    cuff, verdicts = read_cuff(state, row, cuff)
    if cuff.doubted:
        rows.quality[row, [CHANNEL_COLUMN[name] for name in pressures if name != "map"]] = OUTLIER
    if rules.waits_us is None:
        rows.recheck_due[row] = FAR
    elif rules.waits_us == at_us:
        rows.recheck_due[row] = here[0] + RECHECK_WITHIN if fast else FAR
    rows.due[row] = min(rows.due[row], rows.recheck_due[row])
    for verdict in verdicts:
        _file(state, row, at_us, here, verdict)
    session.note_cuff(cuff)
    if not cuff.doubted:
        rows.peak_sbp[row] = np.fmax(rows.peak_sbp[row], cuff.sbp)
        rows.peak_dbp[row] = np.fmax(rows.peak_dbp[row], cuff.dbp)
    answer_cuff(state, row, cuff, here)
    judge_after("cuff", state, row, at_us, here)


def read_cuff(state: WardState, row: int, cuff: Cuff) -> tuple[Cuff, list[Verdict]]:
    """What the rules of a session make of a cuff, the newest one, and the cuff with their doubt; it is not among the session's
    yet.
    """
    rules = state.association.sessions[row].cuff_rules
    measured = {name: x for name, x in (("sbp", cuff.sbp), ("dbp", cuff.dbp)) if not isnan(x)}
    readings = dict(measured)
    jumped = rules.jumps(cuff.at_us, measured)
    for name, base in zip(("sbp", "dbp"), state.baseline(row), strict=True):
        if base is not None and name in measured:
            readings[f"{name}-rise"] = measured[name] - base
    readings |= {name: x for name, x in (("rate", cuff.rate), ("map", cuff.mean)) if not isnan(x)}
    verdicts = rules.read(cuff.at_us, readings, cuff.symptoms, state.cuff_limits_of(row))
    return cuff._replace(doubted=jumped or rules.waits_us == cuff.at_us), verdicts


def recheck_overdue(state: WardState, row: int, due_us: int, here: Here) -> None:
    """File the doubtful crisis of a session that was not rechecked in time: from now on it is believed."""
    verdict = state.association.sessions[row].cuff_rules.not_rechecked(state.limits_of(row))
    if verdict is not None:
        _file(state, row, due_us, here, verdict)


def symptom_reported(state: WardState, row: int, at_us: int, here: Here) -> None:
    """File what an alarming symptom makes of the last cuff; `Session.symptoms_us` is set already."""
    rules = state.association.sessions[row].cuff_rules
    verdict = rules.with_symptoms(at_us, state.limits_of(row))
    if rules.waits_us is None:
        state.rows.recheck_due[row] = FAR
    if verdict is not None:
        _file(state, row, at_us, here, verdict)


def _file(state: WardState, row: int, at_us: int, here: Here, verdict: Verdict) -> None:
    session = state.association.sessions[row]
    if verdict.rule in session.conditions or verdict.priority is not None:
        state.file(session, conclude_cuff(session, verdict, state.baseline(row), at_us), here)


def conclude_cuff(
    session: Session, verdict: Verdict, baseline: tuple[float | None, float | None], at_us: int
) -> Conclusion:
    """The conclusion of one rule on cuffs, from its verdict.

    Args:
        baseline: the session's own (systolic, diastolic), mmHg. at_us: of the cuff, the symptom or the end of the wait.
    """
    rule, limit, value = verdict.rule, verdict.limit, verdict.value
    title = RULES[rule].title
    evidence = limit_evidence(limit, value, _baseline_of(limit, baseline), session.minute_at(at_us))
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
            evidence["measured"] = session.cuff_rules.last.get(name)
    depth = None if verdict.priority is None else depth_of(limit, value)
    return Conclusion(rule, verdict.priority, at_us, verdict.onset_us, text, evidence, limit.source, depth)


def _baseline_of(limit: Limit, baseline: tuple[float | None, float | None]) -> float | None:
    """The part of a session's baseline that a limit is compared with; None where there is none."""
    systolic, diastolic = baseline
    return {"sbp": systolic, "sbp-rise": systolic, "dbp": diastolic, "dbp-rise": diastolic}.get(limit.channel)
