"""The truth about entries: cuffs and scores, each rule by the protocol's own words on the entries that were shown.

A cuff's error is part of what it shows, so these rules are judged on readings and not on the artery: "confirmed when the next
good cuff within half an hour agrees" has no other meaning. See `truth.py` for the format.
Bad at: entries corrected later. None are, in the invented clinic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from streams.clinic.monitor import Screen
from streams.clinic.notes import CheckInScore, DisplayedCuff, Notes
from streams.clinic.plan import SessionPlan

Severity = Literal["low", "medium", "high"]
"""The words of `models/tables/rules.py`'s priorities."""
Expectation = Literal["raise", "either", "quiet"]


@dataclass(frozen=True, slots=True)
class TruthEntry:
    """One record of the truth; seconds since the session's start."""

    rule: str
    severity: Severity
    from_s: float
    to_s: float
    expect: Expectation
    due_us: int | None = None
    due_at_us: int | None = None
    trusted: tuple[tuple[float, float], ...] = ()


CONFIRM_S: Final = 1800
RECHECK_S: Final = 180
SAME_S: Final = 180
FAST_S: Final = 300
TRUTH_JUMP_MMHG: Final = 60
TRUTH_NARROW_MMHG: Final = 40
"""A second cuff confirms within half an hour, and the same numbers within three minutes are no second cuff. A crisis so far above
a normal cuff, or of so small a pulse pressure, waits for the next one; for three minutes only where cuffs come every five. (The
means of invented cuffs are always where they belong.) Written down a second time on purpose: the yardstick must not move
with the ward's table."""
RISE_SBP, RISE_DBP = 40, 25
"""The label's composite: a rise of at least 40 systolic or 25 diastolic."""
RISEN_HIGH: Final = 160
"""Stage 2 hypertension (ESC 2018): a rise that ends below is nobody's page."""
PROLONGED_S: Final = 120 * 60
"""The label's two hours of observation."""
CADSS: Final = 92 / 24
"""CADSS-6 on CADSS's scale."""
CERTAIN_DISTRESS: Final = 7
"""With distress: 7 of 10 or more; 4 to 6 may be meant or not. Chosen by us."""
ROUND_S: Final = 120
"""Scores within two minutes belong to one round."""
_HIGH_RISK = (3, 4, 5)
"""C-SSRS questions 4, 5 and 6, from 0: some intent, plan and intent, behaviour."""


def from_entries(plan: SessionPlan, notes: Notes, screen: Screen) -> Iterator[TruthEntry]:
    """The truth of a session's cuffs and scores."""
    yield from _pressures(plan, notes, screen)
    yield from _scored(plan, notes)
    yield from _answered(plan, notes)


def _high(cuff: DisplayedCuff) -> bool:
    return cuff.sbp >= 180 or cuff.dbp >= 110


def _crisis(cuff: DisplayedCuff) -> bool:
    return cuff.sbp >= 200 or cuff.dbp >= 120


def _taken(cuffs: Sequence[DisplayedCuff]) -> list[DisplayedCuff]:
    """The cuffs without those that cannot be told from the one before, still on the display."""
    found: list[DisplayedCuff] = []
    shown_s = 0.0
    for cuff in cuffs:
        same = bool(found) and (cuff.sbp, cuff.dbp) == (found[-1].sbp, found[-1].dbp) and cuff.at_s - shown_s < SAME_S
        shown_s = cuff.at_s
        if not same:
            found.append(cuff)
    return found


def _episodes(
    cuffs: Sequence[DisplayedCuff], past: Callable[[DisplayedCuff], bool]
) -> Iterator[tuple[list[int], float | None]]:
    """Runs of consecutive cuffs past a limit, by place, and when the next one disagreed."""
    run: list[int] = []
    for n, cuff in enumerate(cuffs):
        if past(cuff):
            run.append(n)
        elif run:
            yield run, cuff.at_s
            run = []
    if run:
        yield run, None


def _confirmed(cuffs: Sequence[DisplayedCuff], run: Sequence[int]) -> tuple[Expectation, int | None]:
    """Whether, and with which cuff, the run's neighbours agree within the time allowed."""
    close = False
    for before, after in pairwise(run):
        apart_s = cuffs[after].at_s - cuffs[before].at_s
        if apart_s <= CONFIRM_S - 5:
            return "raise", after
        close |= apart_s <= CONFIRM_S + 5
    return ("either" if close else "quiet"), None


def _pressures(plan: SessionPlan, notes: Notes, screen: Screen) -> Iterator[TruthEntry]:
    cuffs = _taken(notes.cuffs)
    if not cuffs:
        return
    by_rule: tuple[tuple[str, Callable[[DisplayedCuff], bool]], ...] = (
        ("hypertension", _high),
        ("hypotension", lambda cuff: cuff.sbp <= 90),
    )
    for rule, past in by_rule:
        for run, over_s in _episodes(cuffs, past):
            span = (cuffs[run[0]].at_s, plan.end_s if over_s is None else over_s)
            yield _due(plan, rule, "low", span, "raise", cuffs[run[0]])
            expect, second = _confirmed(cuffs, run)
            if expect != "quiet":
                yield _due(plan, rule, "medium", span, expect, None if second is None else cuffs[second])
    for n, cuff in enumerate(cuffs):
        if cuff.sbp <= 90:
            yield from _faint(plan, cuff, screen)
        if _crisis(cuff) and (n == 0 or not _crisis(cuffs[n - 1])):
            yield from _crisis_due(plan, cuffs, n)
    for run, over_s in _episodes(cuffs, lambda cuff: cuff.sbp <= 80):
        expect, second = _confirmed(cuffs, run)
        if expect != "quiet":
            span = (cuffs[run[0]].at_s, plan.end_s if over_s is None else over_s)
            yield _due(plan, "hypotension", "high", span, expect, None if second is None else cuffs[second])
    yield from _rises(plan, cuffs)


def _faint(plan: SessionPlan, cuff: DisplayedCuff, screen: Screen) -> Iterator[TruthEntry]:
    """A low cuff while the heart is below 50: no second cuff is waited for."""
    rows = slice(max(int(cuff.at_s) - screen.on_s - 10, 0), max(int(cuff.at_s) - screen.on_s + 1, 0))
    column = screen.names.index("hr")
    sound = screen.sound[rows, column][~screen.spoilt[rows, column]]
    if len(sound) and sound.min() < 52:
        sure = len(sound) > 8 and sound.max() < 49
        span = (cuff.at_s, min(cuff.at_s + CONFIRM_S, plan.end_s))
        yield _due(plan, "hypotension", "medium", span, "raise" if sure else "either", cuff if sure else None)


def _crisis_due(plan: SessionPlan, cuffs: Sequence[DisplayedCuff], n: int) -> Iterator[TruthEntry]:
    cuff = cuffs[n]
    later = [other for other in cuffs[n + 1 :] if not _crisis(other)]
    span = (cuff.at_s, later[0].at_s if later else plan.end_s)
    before = cuffs[n - 1] if n and cuff.at_s - cuffs[n - 1].at_s <= CONFIRM_S else None
    jumped = before is not None and (cuff.sbp - before.sbp > TRUTH_JUMP_MMHG or cuff.dbp - before.dbp > TRUTH_JUMP_MMHG)
    borne_out = before is not None and _high(before)
    if borne_out or not (jumped or cuff.sbp - cuff.dbp < TRUTH_NARROW_MMHG):
        yield _due(plan, "hypertensive-crisis", "high", span, "raise", cuff)
        return
    yield _due(plan, "hypertensive-crisis", "medium", span, "raise", cuff)
    recheck = cuffs[n + 1] if n + 1 < len(cuffs) and cuffs[n + 1].at_s - cuff.at_s <= CONFIRM_S else None
    fast = before is not None and cuff.at_s - before.at_s <= FAST_S
    if fast and (recheck is None or recheck.at_s - cuff.at_s > RECHECK_S):
        yield _due(
            plan, "hypertensive-crisis", "high", span, "raise", DisplayedCuff(cuff.at_s + RECHECK_S, cuff.sbp, cuff.dbp)
        )
    elif recheck is not None and _high(recheck):
        # A recheck that is high and no crisis would end the span: the crisis is believed until high pressure is over.
        calm = next((other.at_s for other in cuffs[n + 1 :] if not _high(other)), plan.end_s)
        yield _due(plan, "hypertensive-crisis", "high", (cuff.at_s, max(span[1], calm)), "raise", recheck)


def _rises(plan: SessionPlan, cuffs: Sequence[DisplayedCuff]) -> Iterator[TruthEntry]:
    before = [cuff for cuff in cuffs if cuff.at_s < plan.dose_s] or list(cuffs[:1])
    rest_sbp = float(np.median([cuff.sbp for cuff in before]))
    rest_dbp = float(np.median([cuff.dbp for cuff in before]))
    after = [cuff for cuff in cuffs if cuff.at_s > before[-1].at_s]

    def risen(cuff: DisplayedCuff) -> bool:
        return cuff.sbp - rest_sbp >= RISE_SBP or cuff.dbp - rest_dbp >= RISE_DBP

    for run, over_s in _episodes(after, risen):
        span = (after[run[0]].at_s, plan.end_s if over_s is None else over_s)
        yield _due(plan, "pressure-rise", "low", span, "raise", after[run[0]])
        expect, _ = _confirmed(after, run)
        high = [n for n in run if after[n].sbp >= RISEN_HIGH]
        sure, second = _confirmed(after, [n for n in high if n == high[0] or n - 1 in high])
        if sure == "raise" and second is not None and second - 1 in high:
            yield _due(plan, "pressure-rise", "medium", span, "raise", after[second])
        elif expect != "quiet" and high:
            # Confirmed as a rise, and only one of the two at 160: the words leave it open.
            yield _due(plan, "pressure-rise", "medium", span, "either", None)


def _due(
    plan: SessionPlan,
    rule: str,
    severity: Severity,
    span: tuple[float, float],
    expect: Expectation,
    shown: DisplayedCuff | None,
) -> TruthEntry:
    # A cuff is stamped on the second.
    span = (float(int(span[0])), span[1])
    if shown is None:
        return TruthEntry(rule, severity, *span, expect)
    due_us = plan.at_us(int(shown.at_s)) + plan.phase_us + 50_000
    wrong_us = int(plan.clock.error_us(np.array([int(shown.at_s)]))[0])
    return TruthEntry(rule, severity, *span, expect, due_us, due_us + wrong_us, (span,))


def _scored(plan: SessionPlan, notes: Notes) -> Iterator[TruthEntry]:
    moaas = [score for score in notes.scores if score.instrument == "moaas"]
    cadss = [
        replace(score, score=score.score * CADSS if score.instrument == "cadss-6" else score.score)
        for score in notes.scores
        if score.instrument in ("cadss", "cadss-6")
    ]
    distress = [score for score in notes.scores if score.instrument == "distress"]
    bands: tuple[tuple[str, Severity, list[CheckInScore], Callable[[CheckInScore], bool]], ...] = (
        ("sedation", "medium", moaas, lambda score: score.score <= 3),
        ("unresponsive", "high", moaas, lambda score: score.score <= 1),
        ("dissociation", "low", cadss, lambda score: score.score >= 15),
        ("severe-dissociation", "medium", cadss, lambda score: score.score >= 30),
    )
    for rule, severity, scores, past in bands:
        for first, over_s in _spells(scores, past):
            to_s = plan.end_s if over_s is None else over_s
            yield _entered(plan, rule, severity, (first.at_s, to_s), "raise", first.at_s)
            if rule == "severe-dissociation":
                yield from _severe(plan, first, to_s, moaas, distress)
    yield from _prolonged(plan, moaas, cadss)


def _spells(
    scores: Sequence[CheckInScore], past: Callable[[CheckInScore], bool]
) -> Iterator[tuple[CheckInScore, float | None]]:
    first: CheckInScore | None = None
    for score in scores:
        if past(score) and first is None:
            first = score
        elif first is not None and not past(score):
            yield first, score.at_s
            first = None
    if first is not None:
        yield first, None


def _severe(
    plan: SessionPlan, first: CheckInScore, to_s: float, moaas: Sequence[CheckInScore], distress: Sequence[CheckInScore]
) -> Iterator[TruthEntry]:
    span = (first.at_s, to_s)

    def during(scores: Sequence[CheckInScore], past: Callable[[CheckInScore], bool]) -> list[float]:
        return [score.at_s for score in scores if first.at_s - ROUND_S <= score.at_s < to_s and past(score)]

    sure = during(distress, lambda score: score.score >= CERTAIN_DISTRESS) + during(
        moaas, lambda score: score.score <= 1
    )
    if sure:
        yield _entered(plan, "severe-dissociation", "high", span, "raise", max(first.at_s, min(sure)))
    elif during(distress, lambda score: score.score >= 4):
        yield _entered(plan, "severe-dissociation", "high", span, "either", None)


def _prolonged(plan: SessionPlan, moaas: Sequence[CheckInScore], cadss: Sequence[CheckInScore]) -> Iterator[TruthEntry]:
    at_s = plan.dose_s + PROLONGED_S
    if at_s >= plan.end_s:
        return

    def lasting(now_s: float) -> bool:
        scored = [[score.score for score in scores if score.at_s <= now_s] for scores in (moaas, cadss)]
        return bool((scored[0] and scored[0][-1] < 5) or (scored[1] and scored[1][-1] > 4))

    instants = [at_s, *sorted(score.at_s for score in (*moaas, *cadss) if score.at_s > at_s)]
    since = next((now_s for now_s in instants if lasting(now_s)), None)
    if since is not None:
        over_s = next((now_s for now_s in instants if now_s > since and not lasting(now_s)), plan.end_s)
        yield _entered(plan, "prolonged-dissociation", "medium", (since, over_s), "raise", since)


def _answered(plan: SessionPlan, notes: Notes) -> Iterator[TruthEntry]:
    for answer in plan.answers:
        span = (answer.at_s, float(plan.end_s))
        if answer.instrument == "phq-9" and answer.items[8]:
            yield _entered(plan, "suicidal-ideation", "medium", span, "raise", answer.at_s)
        elif answer.instrument == "cssrs-screen" and any(answer.items[place] for place in _HIGH_RISK):
            yield _entered(plan, "suicidal-ideation", "high", span, "raise", answer.at_s)
        elif answer.instrument == "symptoms":
            before = [cuff for cuff in notes.cuffs if cuff.at_s <= answer.at_s]
            if before and _high(before[-1]):
                # An old cuff is no evidence of now; whoever waits for the next one is not wrong.
                sure = answer.at_s - before[-1].at_s <= CONFIRM_S
                over_s = next((c.at_s for c in notes.cuffs if c.at_s > answer.at_s and not _high(c)), plan.end_s)
                yield _entered(
                    plan, "hypertensive-crisis", "high", (answer.at_s, over_s), "raise" if sure else "either",
                    answer.at_s if sure else None,
                )  # fmt: skip


def _entered(
    plan: SessionPlan,
    rule: str,
    severity: Severity,
    span: tuple[float, float],
    expect: Expectation,
    due_s: float | None,
) -> TruthEntry:
    due_us = None if due_s is None else plan.at_us(due_s)
    return TruthEntry(rule, severity, *span, expect, due_us, due_us, (span,))
