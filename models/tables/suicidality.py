"""Suicidal answers: item 9 of the PHQ-9 or a C-SSRS screener in, how urgently somebody must talk with the patient out.

Positive answers raise, negative ones never clear: 71.6 % of people who died had answered item 9 with 0 (VA cohort).
Bad at: risk itself. An answer is a reason to talk, not a measurement.
Never here: a guess at an item that was not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.tables.instruments import ItemAnswer, Items, answers_of
from models.tables.rules import Priority

PHQ_9, CSSRS = "phq-9", "cssrs-screen"
SUICIDALITY_INSTRUMENTS: Final = (PHQ_9, CSSRS)

ITEM_9_SOURCE: Final = "PHQ-9 item 9 of 1 or more leads to a C-SSRS; a year's risk of an attempt rises from 0.4 % at 0 to 4 % at 3 (Simon 2013)"
CSSRS_SOURCE: Final = (
    "C-SSRS screener triage: Q4, Q5 or Q6 in the past 3 months high; Q3 or Q6 before that moderate; Q1, Q2 low"
)

# fmt: off
QUESTIONS: Final = {
    #  question                      priority if yes   in a nurse's words
    "1":        (Priority.LOW,    "wish to be dead"),
    "2":        (Priority.LOW,    "thoughts of suicide"),
    "3":        (Priority.MEDIUM, "a method in mind"),
    "4":        (Priority.HIGH,   "some intent to act"),
    "5":        (Priority.HIGH,   "a plan and intent"),
    "6":        (Priority.HIGH,   "suicidal behaviour"),
    "6-before": (Priority.MEDIUM, "suicidal behaviour more than 3 months ago"),
    "6-recent": (Priority.HIGH,   "suicidal behaviour in the past 3 months"),
}
# fmt: on
"""The C-SSRS screener's questions. Question 6 that does not say when counts as recent: the safe side, and it says so."""

_BEFORE: Final = ("life", "ever", "before", "ago")
_RECENT: Final = ("recent", "month", "3mo", "3-mo", "past-3")
"""Words in an item's name that say which part of question 6 it is, where that is asked in two."""
_ABOUT_DEATH: Final = ("suicid", "self-harm", "harm", "dead", "death")
"""Words in an item's name that make it item 9 of a PHQ-9 whose items have names and no numbers."""
_NO_HIGH_BELOW: Final = 4
"""With four questions positive at least one is Q4, Q5 or Q6: only three others exist."""


@dataclass(frozen=True, slots=True)
class Risk:
    """The priority of suicidal answers, in words, with the answer's value and its source."""

    priority: Priority
    words: str
    value: float
    source: str


def risk_of(instrument: str, items: Items | None, score: float | None) -> Risk | None:
    """The risk by a check-in's answers; None if nothing positive can be read.

    Items are read one by one even where the whole cannot be scored: one missing answer must not hide another.
    """
    if instrument == PHQ_9:
        answer = _item_9(items)
        if answer is None or not 1 <= answer <= 3:
            return None
        often = {1: "several days", 2: "more than half the days", 3: "nearly every day"}[answer]
        return Risk(Priority.MEDIUM, f"PHQ-9 item 9 is {answer}: {often}", answer, ITEM_9_SOURCE)
    if instrument != CSSRS:
        return None
    if items is None:
        return None if not score else _from_total(score)
    yes = _positive(items)
    if not yes:
        return None
    worst = max((QUESTIONS[question] for question in yes), key=lambda row: row[0])
    named = ", ".join(f"Q{question[0]} {QUESTIONS[question][1]}" for question in yes)
    return Risk(worst[0], f"C-SSRS yes to {named}", len(yes), CSSRS_SOURCE)


def _from_total(score: float) -> Risk:
    words = f"C-SSRS with {score:g} positive answers; which ones was not sent"
    return Risk(Priority.HIGH if score >= _NO_HIGH_BELOW else Priority.MEDIUM, words, score, CSSRS_SOURCE)


def _positive(items: Items) -> list[str]:
    """The questions answered with yes, in order; question 6 with when it was, if that was asked too."""
    answers = answers_of(CSSRS, items)
    yes = [answer for answer in answers if answer.value > 0]
    found = [str(n) for n in range(1, 6) if any(answer.number == n for answer in yes)]
    asked, recency = ({_when(answer) for answer in some if answer.number > 5} for some in (answers, yes))
    if "6-recent" in recency:
        found.append("6-recent")
    elif recency:
        # Asked when it was, and it was not in the past 3 months.
        found.append("6-before" if "6-recent" in asked or "6-before" in recency else "6")
    return found


def _when(answer: ItemAnswer) -> str:
    """The part of question 6 that an answer is of; a seventh answer is whether it was recent."""
    if answer.number == 7 or any(word in answer.rest for word in _RECENT) or answer.rest == "b":
        return "6-recent"
    if any(word in answer.rest for word in _BEFORE) or answer.rest == "a":
        return "6-before"
    return "6"


def _item_9(items: Items | None) -> int | None:
    answers = () if items is None else answers_of(PHQ_9, items)
    named = [answer.value for answer in answers if any(word in answer.rest for word in _ABOUT_DEATH)]
    return next((answer.value for answer in answers if answer.number == 9), max(named, default=None))


def item_9_unknown(instrument: str, items: Items | None) -> bool:
    """True if a PHQ-9 came without its item 9, so that its answer is unknown."""
    return instrument == PHQ_9 and _item_9(items) is None
