"""`mood-worsening`: the newest score of a patient at home against their own recent level, at once and by rule.

A worsening lasts until a score is no longer worse than the level at which it began; a further rise is another one. A score of
another instrument neither ends nor repeats it. Never here: the table (`models/tables/worsening.py`), any forecast.
"""

from __future__ import annotations

from typing import Final

from models.instants import DAY, iso
from models.tables.instruments import INSTRUMENTS
from models.tables.rules import RULES
from models.tables.worsening import WORSENINGS, WorseningFound, judge_worsening, recent_level
from streams.ward.conclusions import Conclusion, over
from streams.ward.home.rows import AtHome, HomeScore
from streams.ward.sentences import number, rule_sentence
from streams.ward.state import Here, WardState

NEWS_FOR: Final = 7 * DAY
"""A score that comes later than this is history: by now there should be another one. Chosen by us, as the usual interval."""
_RULE: Final = "mood-worsening"


def fold_score(state: WardState, row: AtHome, instrument: str, scores: list[HomeScore], here: Here) -> None:
    """File what the newest of an instrument's scores (by time) means, and note the level of a worsening that begins."""
    conclusions, began = judge_mood(row, instrument, scores, here[0])
    for conclusion in conclusions:
        state.file(row, conclusion, here)
    if began is not None:
        condition = row.conditions[_RULE]
        condition.instrument, condition.level, condition.score = instrument, began.level, scores[-1].score


def judge_mood(
    row: AtHome, instrument: str, scores: list[HomeScore], clock_us: int
) -> tuple[list[Conclusion], WorseningFound | None]:
    """The conclusions of `mood-worsening` on an instrument's newest score, in order, and the worsening that begins, if one
    does.
    """
    limits = WORSENINGS.get(instrument)
    if limits is None:
        return [], None
    newest, before = scores[-1], [(one.day, one.score) for one in scores[:-1]]
    doses = [given.day for given in row.doses if given.at_us <= newest.at_us]
    found = judge_worsening(instrument, newest.score, recent_level(before, newest.day, doses[-1] if doses else None))
    condition = row.conditions.get(_RULE)
    title = INSTRUMENTS[instrument].title
    conclusions = []
    if condition is not None:
        if condition.instrument != instrument:
            return [], None
        again = newest.score >= condition.score + limits.rise
        if not again and judge_worsening(instrument, newest.score, condition.level) is not None:
            return [], None
        conclusions.append(over(_RULE, clock_us, f"{row.patient}: {title} is {number(newest.score)} now."))
        found = WorseningFound(condition.level, crossed=False) if again else found
    if found is None or clock_us - newest.at_us > NEWS_FOR:
        return conclusions, None
    rise = number(newest.score - found.level)
    crossing = f", severe from {number(limits.severe)} on" if found.crossed else ""
    detail = f"{title} {number(newest.score)}, {rise} over the recent {number(found.level)}{crossing}."
    evidence: dict[str, object] = {
        "instrument": instrument, "value": number(newest.score), "level": number(found.level),
        "limit": number(limits.severe if found.crossed else found.level + limits.rise), "unit": "points",
        "answered_at": iso(newest.at_us),
    }  # fmt: skip
    text = rule_sentence(row.patient, RULES[_RULE].title, detail)
    conclusions.append(Conclusion(_RULE, limits.priority, clock_us, newest.at_us, text, evidence, limits.source))
    return conclusions, found
