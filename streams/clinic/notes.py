"""What people and cuffs enter in an invented session: registration, start, dose, check-ins, interventions, end.

Cuffs are here because people decide about them: a high or low reading is taken again, a failed one is retried, and
a second high one brings an antihypertensive. Everything is entered a few seconds after it was due, as people do.
Staff forget as `Staff` says, and say elsewhere nothing of it: what is missing is simply not there.
Bad at: staff who come late to everything because something else is going on.
Cost:   under 1 ms a session.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.instants import iso
from streams.clinic.body import Physiology
from streams.clinic.hazards import STAFF_RESPONSES, Pulled
from streams.clinic.monitor import SentLine, connected_s
from streams.clinic.plan import SessionPlan
from streams.clinic.trials import ScriptedAnswer

CUFF_ERROR_MMHG: Final = 3.0
"""Standard deviation of one reading about the pressure and the arm's own bias (SD 3, `Response.cuff_bias`): together 4.2, where
ISO 81060-2 allows a mean of 5 and an SD of 8. Diastolic: three fifths of it."""
ANSWER_S: Final = 18.0
"""How long an answer takes, in the middle; longer by the drug's level, and people differ (sigma 0.4). Chosen by us."""
UNANSWERED: Final = 0.02
"""Share of prompts that nobody answers, and as much again and four times more at the drug's full level. Chosen by us."""
CRISIS_RECHECK_S: Final = 150
"""At 200/120 nobody waits five minutes. Chosen by us, inside the three minutes that a monitor may wait for it."""

SINGLE: Final = 0.3
"""Share of a hovering session's cuffs that read past a limit once: a cough, a moved arm. Chosen by us."""

_CONSCIOUSNESS: Final = ("sedation", "unresponsive", "severe-dissociation")


@dataclass(frozen=True, slots=True)
class DisplayedCuff:
    """One finished reading, as shown."""

    at_s: float
    sbp: int
    dbp: int


@dataclass(frozen=True, slots=True)
class CheckInScore:
    at_s: float
    instrument: str
    score: float
    prompted_s: float | None = None


@dataclass(frozen=True, slots=True)
class Notes:
    """Everything but the monitor's numbers: the lines in order of arrival, and what the cuffs and scales said."""

    lines: tuple[SentLine, ...]
    cuffs: tuple[DisplayedCuff, ...]
    scores: tuple[CheckInScore, ...]


def opening(plan: SessionPlan) -> tuple[SentLine, ...]:
    """Registration and start: known from the plan alone, before any body is lived."""
    person = plan.person
    return (
        _line(
            plan,
            -30.0,
            "patient.registered",
            patient=person.alias,
            weight_kg=person.weight_kg,
            birth_year=person.birth_year,
            sex=person.sex,
            timezone="Europe/London",
            conditions=list(person.conditions),
            medications=list(person.medications),
        ),
        _line(plan, -10.0, "device.assigned", device=plan.device, chair=plan.chair),
        _line(
            plan,
            0.0,
            "session.started",
            **_whose(plan),
            chair=plan.chair,
            device=plan.device,
            drug=plan.protocol.drug,
            route=plan.protocol.route,
            planned_mg=plan.planned_mg,
            planned_minutes=plan.planned_minutes,
            by="rn-1",
        ),
    )


def write_down(plan: SessionPlan, body: Physiology) -> Notes:
    """The rest of the session, as it was entered."""
    rng = plan.rng("notes")
    lines: list[SentLine] = [_line(plan, plan.dose_s, "dose", **_whose(plan), **_dose(plan), by="rn-1")]
    cuffs, answers = _cuffs(rng, plan, body, lines)
    scores = _scores(rng, plan, body)
    lines += [_checkin(plan, rng, score) for score in scores]
    lines += [_answer(plan, answer) for answer in plan.answers]
    for event in plan.events:
        answers += [
            (event.from_s + delay_s, what, detail) for delay_s, what, detail in STAFF_RESPONSES.get(event.name, ())
        ]
    for at_s, what, detail in answers:
        lines.append(_line(plan, at_s, "intervention", **_whose(plan), what=what, detail=detail, by="rn-1"))
    if plan.stopped_s is not None:
        given_mg = plan.planned_mg * (plan.stopped_s - plan.dose_s) / (60 * plan.planned_minutes)
        stopped = {"given_mg": round(given_mg, 1), "by": "rn-1"}
        lines.append(_line(plan, plan.stopped_s, "dose.stopped", **_whose(plan), **stopped))
    lines.append(_line(plan, plan.end_s, "session.ended", **_whose(plan), reason="ready", discharged=True, by="rn-1"))
    return Notes(tuple(sorted(lines, key=lambda line: line[0])), tuple(cuffs), scores)


def _line(plan: SessionPlan, at_s: float, kind: str, **fields: Any) -> SentLine:
    at_us = plan.at_us(at_s)
    return at_us, {"kind": kind, "at": iso(at_us), **fields}


def _whose(plan: SessionPlan) -> dict[str, str]:
    return {"patient": plan.person.alias, "session": plan.session}


def _dose(plan: SessionPlan) -> dict[str, Any]:
    protocol = plan.protocol
    return {
        "drug": protocol.drug,
        "route": protocol.route,
        "amount_mg": plan.planned_mg,
        "minutes": plan.planned_minutes,
    }


def _cuffs(
    rng: np.random.Generator, plan: SessionPlan, body: Physiology, lines: list[SentLine]
) -> tuple[list[DisplayedCuff], list[tuple[float, str, str]]]:
    conditions, people = plan.conditions, plan.rng("staff")
    due = [plan.dose_s + 60.0 * minute + rng.uniform(3, 25) for minute in plan.protocol.cuff_min]
    due = [at_s for at_s in due if at_s < plan.dose_s or people.random() >= conditions.staff.forgets_cuff]
    # A nurse who sees a faint takes the pressure at once.
    due += [event.from_s + 55.0 for event in plan.events if event.name == "hypotension"]
    heapq.heapify(due)
    cuffs: list[DisplayedCuff] = []
    answers: list[tuple[float, str, str]] = []
    previous_s = float("-inf")
    while due:
        at_s = heapq.heappop(due)
        if at_s > plan.end_s - 30:
            continue
        if at_s < previous_s + 45:
            # A cuff needs a while to breathe out. Asked sooner, the one before will do, but not in a faint.
            if _within(plan, at_s, ("hypotension",)):
                heapq.heappush(due, previous_s + 45)
            continue
        if at_s < connected_s(plan) or _within(plan, at_s, ("no-data",)):
            continue
        previous_s = at_s
        in_event = _within(plan, at_s)
        error = plan.response.cuff_bias + float(np.clip(rng.normal(0, CUFF_ERROR_MMHG), -7, 7))
        if rng.random() < conditions.artefacts.cuff_fails and not in_event:
            lines.append(_device_line(plan, at_s, status={"sbp": "cuff-failed"}))
            heapq.heappush(due, at_s + 75)
            continue
        second = int(at_s)
        sbp = round(float(body.channels["sbp"][second]) + error)
        dbp = round(float(body.channels["dbp"][second]) + 0.6 * error)
        # Before the dose everybody invented is fit for it: the label's 140/90 is not what goes wrong here.
        if at_s < plan.dose_s:
            sbp, dbp = min(sbp, 139), min(dbp, 89)
        else:
            alone = not cuffs or not (_high(cuffs[-1]) or cuffs[-1].sbp <= 90)
            calm = 52 <= float(body.channels["hr"][second]) <= 110
            before = [cuff for cuff in cuffs if cuff.at_s < plan.dose_s] or cuffs[:1]
            sbp, dbp = _misread(people, plan, (sbp, dbp), before, alone, calm)
        lines.append(_device_line(plan, at_s, sbp=sbp, dbp=dbp, map=round(dbp + (sbp - dbp) / 3)))
        high_before = bool(cuffs) and _high(cuffs[-1])
        cuffs.append(DisplayedCuff(at_s, sbp, dbp))
        if (_high(cuffs[-1]) or sbp <= 90) and people.random() < conditions.staff.forgets_recheck:
            continue
        if _high(cuffs[-1]):
            soon, late = conditions.staff.recheck_s
            wait_s = soon if soon == late else float(people.integers(soon, late))
            heapq.heappush(
                due, at_s + (min(wait_s, CRISIS_RECHECK_S) if soon < late and _crisis(cuffs[-1]) else wait_s)
            )
            if high_before and not any(what == "labetalol" for _, what, _ in answers):
                answers.append((at_s + 110, "labetalol", "10 mg IV"))
        elif sbp <= 90:
            heapq.heappush(due, at_s + 90)
    return cuffs, answers


def _misread(
    people: np.random.Generator,
    plan: SessionPlan,
    shown: tuple[int, int],
    before: Sequence[DisplayedCuff],
    alone: bool,
    calm: bool,
) -> tuple[int, int]:
    """What the cuff makes of this pressure: in a hovering session a unit inside every limit, or once past one; or an outlier."""
    conditions = plan.conditions
    sbp, dbp = shown
    if conditions.trials.hovering:
        # A unit inside the limits on a rise as well.
        rest_sbp, rest_dbp = (min((getattr(c, side) for c in before), default=139) for side in ("sbp", "dbp"))
        sbp, dbp = min(max(sbp, 91), 179, rest_sbp + 39), min(max(dbp, 45), 109, rest_dbp + 24)
        if alone and calm and people.random() < SINGLE:
            if people.random() < 0.5:
                return int(people.integers(180, 200)), int(people.integers(92, 120))
            return int(people.integers(72, 91)), int(people.integers(40, 60))
    elif alone and people.random() < conditions.artefacts.cuff_outlier:
        shift = int(people.integers(35, 100)) if people.random() < 0.6 else -int(people.integers(25, 55))
        return min(max(sbp + shift, 45), 275), min(max(dbp + shift // 2, 25), 195)
    return sbp, dbp


def _high(cuff: DisplayedCuff) -> bool:
    return cuff.sbp >= 180 or cuff.dbp >= 110


def _crisis(cuff: DisplayedCuff) -> bool:
    return cuff.sbp >= 200 or cuff.dbp >= 120


def _within(plan: SessionPlan, at_s: float, names: tuple[str, ...] | None = None) -> bool:
    return any(
        event.span_s()[0] <= at_s <= event.span_s()[1] for event in plan.events if names is None or event.name in names
    )


def _device_line(plan: SessionPlan, at_s: float, **fields: Any) -> SentLine:
    # Off the second's beat by 50 ms: the same device at the same instant would be a repeat.
    at_us = plan.at_us(int(at_s)) + plan.phase_us + 50_000
    line: dict[str, Any] = {"kind": "vitals", "at": iso(at_us), "device": plan.device, **fields}
    if not plan.clock.right:
        wrong_us = int(plan.clock.error_us(np.array([int(at_s)]))[0])
        line |= {"at": iso(at_us + wrong_us), "received_at": iso(at_us)}
    return at_us, line


def _scores(rng: np.random.Generator, plan: SessionPlan, body: Physiology) -> tuple[CheckInScore, ...]:
    people = plan.rng("staff")
    forgets = plan.conditions.staff.forgets_checkin
    rounds = [plan.dose_s + 60.0 * minute for minute in plan.protocol.checkin_min]
    rounds = [plan.dose_s - 180.0, *(due_s for due_s in rounds if people.random() >= forgets)]
    for event in plan.events:
        if event.name in _CONSCIOUSNESS:
            # Looked at when somebody notices, then every three minutes, and once more when it should be over.
            rounds += [float(at_s) for at_s in range(event.from_s + 65, event.to_s, 180)] + [event.span_s()[1] + 60.0]
    scores: list[CheckInScore] = []
    previous_s = float("-inf")
    for due_s in sorted(rounds):
        at_s = due_s + float(rng.integers(5, 40))
        if at_s < previous_s + 60 or at_s > plan.end_s - 60:
            continue
        previous_s = at_s
        moaas = round(float(body.channels["moaas"][int(at_s)]))
        scores.append(CheckInScore(at_s, "moaas", moaas))
        # Who answers only to prodding cannot fill in a scale; before the dose there is nothing to ask.
        if moaas > 2 and at_s > plan.dose_s:
            share = min(float(body.share[int(at_s)]), 1.5)
            takes_s = np.minimum(ANSWER_S * (1 + share) * np.exp(0.4 * rng.normal(size=2)), 150).cumsum()
            answers = rng.random(2) >= UNANSWERED * (1 + 4 * share)
            if plan.conditions.trials.hovering:
                answers[:] = True  # a score that nobody renewed by two hours would be past a limit
            asked: tuple[tuple[str, Pulled, float], ...] = (
                (plan.scale, "cadss", 1.0 if plan.scale == "cadss" else 6 / 23),
                ("distress", "distress", 1.0),
            )
            for (instrument, channel, of), took_s, answered in zip(asked, takes_s.tolist(), answers, strict=True):
                answered_s = round(at_s + took_s, 1)
                if answered and answered_s < plan.end_s - 5:
                    value = round(float(body.channels[channel][int(answered_s)]) * of)
                    scores.append(CheckInScore(answered_s, instrument, value, at_s))
    return tuple(scores)


def _checkin(plan: SessionPlan, rng: np.random.Generator, score: CheckInScore) -> SentLine:
    answer: dict[str, Any] = {"score": score.score}
    if score.instrument == "cadss-6":
        answer = {"items": list(_items(rng, int(score.score)))}
    entered = {"instrument": score.instrument, **answer, "respondent": "clinician", "by": "rn-1"}
    if score.prompted_s is not None:
        entered |= {"respondent": "patient", "prompted_at": iso(plan.at_us(score.prompted_s))}
    return _line(plan, score.at_s, "checkin", **_whose(plan), **entered)


def _answer(plan: SessionPlan, answer: ScriptedAnswer) -> SentLine:
    named = [item for item in answer.items if isinstance(item, str)]
    items: Any = dict.fromkeys(named, True) if named else list(answer.items)
    entered = {"instrument": answer.instrument, "items": items, "respondent": "patient", "by": "rn-1"}
    return _line(plan, answer.at_s, "checkin", **_whose(plan), **entered)


def _items(rng: np.random.Generator, total: int) -> Iterator[int]:
    """Six items of 0-4 with this total, unevenly, as people tick."""
    left = total
    for remaining in range(5, -1, -1):
        wanted = np.ceil(left / (remaining + 1) + rng.uniform(-0.4, 0.8))
        item = int(np.clip(wanted, left - 4 * remaining, min(4, left)))
        left -= item
        yield item
