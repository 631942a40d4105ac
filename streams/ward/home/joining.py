"""Two rows of patients at home that are one person, joined: the course of both, and the rules in force of both.

Never here: when two are one person (`streams/ward/merging.py`).
"""

from __future__ import annotations

from models.calendar import zone_of
from streams.ward.home.digest import await_digest
from streams.ward.home.rows import KEPT_DOSES, KEPT_SCORES, AtHome, HomeCondition, HomeDose, HomeScore
from streams.ward.home.silence import expect_answer
from streams.ward.state import Here, WardState


def join_at_home(state: WardState, site: str, into: str, gone: str, here: Here) -> None:
    """Join the row of an alias that goes to that of the one that stays, and set anew what is waited for."""
    row, other = state.home.row(site, into), state.home.take_out(site, gone)
    if other is not None:
        join_rows(row, other, here[0])
    if zone_of(zone := state.people.of(site, into).timezone) is not None:
        row.zone = zone
    expect_answer(state, row, here)
    await_digest(state, site, here)


def join_rows(row: AtHome, other: AtHome, clock_us: int) -> None:
    """Fold a row into another, in place. Of two rules in force the worse goes on, of two alike the older one."""
    if row.zone is None:
        row.zone = other.zone
    if other.changed_us > row.changed_us:
        row.offset_s, row.changed_us = other.offset_s, other.changed_us
    row.entries += other.entries
    for instrument, scores in other.scores.items():
        row.scores[instrument] = sorted([*row.scores.get(instrument, ()), *scores], key=_when)[-KEPT_SCORES:]
    row.doses = sorted([*row.doses, *other.doses], key=_when)[-KEPT_DOSES:]
    row.dose_count += other.dose_count
    row.first_dose_day = min(_known(row.first_dose_day, other.first_dose_day), default=None)
    if row.answered_us is None and other.answered_us is None:
        # Nobody answered yet: an answer is expected from the first dose on.
        row.answered_day = min(_known(row.answered_day, other.answered_day), default=None)
    elif other.answered_us is not None and (row.answered_us is None or other.answered_us > row.answered_us):
        row.answered_day, row.answered_us = other.answered_day, other.answered_us
    booked = _known(row.booked_us, other.booked_us)
    row.booked_us = min((each for each in booked if each >= clock_us), default=max(booked, default=None))
    # Each was made of half a course: the next one is made of both, and rises over no other.
    row.forecast_entries, row.recent_forecasts = -1, []
    for rule, condition in other.conditions.items():
        mine = row.conditions.get(rule)
        if mine is None or _rank(condition) > _rank(mine):
            row.conditions[rule] = condition


def _known(*values: int | None) -> list[int]:
    return [each for each in values if each is not None]


def _when(one: HomeScore | HomeDose) -> tuple[int, str]:
    return one.at_us, one.id or ""


def _rank(condition: HomeCondition) -> tuple[int, int]:
    return int(condition.priority), -condition.onset_us
