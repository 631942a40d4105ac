"""Suicidal answers: what the items about suicide say of the risk, how urgently somebody must talk, and what may hide one.

Positive answers raise, negative ones never clear: 71.6 % of people who died had answered item 9 with 0 (VA cohort). A form
that asks about suicide and cannot be read may hold a yes, so it raises as well.
Bad at: risk itself. An answer is a reason to talk, not a measurement.
Never here: a guess at an item that was not sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from models.tables.form_items import SUICIDAL_ITEMS, YES, slug
from models.tables.forms import Form, FormItems, ItemAnswer, UnreadAnswer, plain_items, read_form, says_when, total_in
from models.tables.instruments import INSTRUMENTS
from models.tables.rules import Priority

PHQ_9, CSSRS = "phq-9", "cssrs-screen"
SUICIDALITY_INSTRUMENTS: Final = (PHQ_9, CSSRS)

ITEM_9_SOURCE: Final = "PHQ-9 item 9 of 1 or more leads to a C-SSRS; a year's risk of an attempt rises from 0.4 % at 0 to 4 % at 3 (Simon 2013)"
CSSRS_SOURCE: Final = (
    "C-SSRS screener triage: Q4, Q5 or Q6 in the past 3 months high; Q3 or Q6 before that moderate; Q1, Q2 low"
)
UNREAD_SOURCE: Final = "an answer about suicide that cannot be read may be a yes; chosen by us"

# fmt: off
SUICIDAL_LEVELS: Final[Mapping[str, tuple[tuple[Priority, str], ...]]] = {
    #  the item about suicide: what answers 1, 2, 3 … mean, in our words
    "phq-9":     ((Priority.MEDIUM, "several days"), (Priority.MEDIUM, "more than half the days"), (Priority.MEDIUM, "nearly every day")),
    "qids-sr16": ((Priority.LOW, "life is empty"), (Priority.MEDIUM, "several times a week"), (Priority.HIGH, "several times a day, or plans, or an attempt")),
    "madrs":     ((Priority.LOW, "weary of life"), (Priority.LOW, "weary of life, fleeting thoughts"), (Priority.MEDIUM, "thoughts between fleeting and common"),
                  (Priority.MEDIUM, "better off dead, thoughts are common"), (Priority.HIGH, "between common thoughts and plans"), (Priority.HIGH, "plans or preparations")),
}
"""PHQ-9: Kroenke 2001. QIDS-SR16 item 12 and MADRS item 10 (Rush 2003; Montgomery & Asberg 1979) beside the screener's questions
that ask the same: weariness as Q1, thoughts as a positive item 9, plans and attempts as Q5 and Q6; where an answer covers
two, the graver. Chosen by us."""
SOURCES: Final = {
    "phq-9": ITEM_9_SOURCE,
    "qids-sr16": "QIDS-SR16 item 12 (Rush 2003), beside C-SSRS triage; chosen by us",
    "madrs": "MADRS item 10 (Montgomery & Asberg 1979), beside C-SSRS triage; chosen by us",
}
# fmt: on

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

_NO_HIGH_BELOW: Final = 4
"""With four questions positive at least one is Q4, Q5 or Q6: only three others exist."""


@dataclass(frozen=True, slots=True)
class Risk:
    """The priority of suicidal answers, in words, with the answer's value and its source."""

    priority: Priority
    words: str
    value: float
    source: str


def risk_of(instrument: str, items: FormItems | None, score: float | None) -> Risk | None:
    """What a check-in says of suicidal thoughts; None: nothing positive that can be read.

    Items are read one by one even where the whole cannot be scored: one missing answer must not hide another.
    """
    if instrument == CSSRS:
        return _screened(items, total_in(CSSRS, items) if score is None else score)
    number = SUICIDAL_ITEMS.get(instrument)
    if number is None:
        return None
    form, title = read_form(instrument, items), INSTRUMENTS[instrument].title
    answer = max((one.value for one in form.of(number)), default=0)
    if answer:
        priority, words = SUICIDAL_LEVELS[instrument][answer - 1]
        return Risk(priority, f"{title} item {number} is {answer}: {words}", answer, SOURCES[instrument])
    if any(one.number == number and _says_yes(one.value) for one in form.unread):
        words = f"{title} item {number} was answered with yes, and not how much"
        return Risk(Priority.MEDIUM, words, 1, SOURCES[instrument])
    return None


def _says_yes(value: object) -> bool:
    return value is True or (isinstance(value, str) and slug(value) in YES)


def _screened(items: FormItems | None, score: float | None) -> Risk | None:
    form = read_form(CSSRS, items)
    if not form.answers:
        return None if not score else _from_total(score)
    yes = _positive(form)
    if not yes:
        return None
    worst = max((QUESTIONS[question] for question in yes), key=lambda row: row[0])
    named = ", ".join(f"Q{question[0]} {QUESTIONS[question][1]}" for question in yes)
    return Risk(worst[0], f"C-SSRS yes to {named}", len(yes), CSSRS_SOURCE)


def _from_total(score: float) -> Risk:
    words = f"C-SSRS with {score:g} positive answers; which ones was not sent"
    return Risk(Priority.HIGH if score >= _NO_HIGH_BELOW else Priority.MEDIUM, words, score, CSSRS_SOURCE)


def _positive(form: Form) -> list[str]:
    """The questions answered with yes, in order; question 6 with when it was, if that was asked too."""
    yes = [answer for answer in form.answers if answer.value > 0]
    found = [str(n) for n in range(1, 6) if any(answer.number == n for answer in yes)]
    asked, recency = ({_when(answer) for answer in some if answer.number > 5} for some in (form.answers, yes))
    if "6-recent" in recency:
        found.append("6-recent")
    elif recency:
        # Asked when it was, and it was not in the past 3 months.
        found.append("6-before" if "6-recent" in asked or "6-before" in recency else "6")
    return found


def _when(answer: ItemAnswer) -> str:
    """What part of question 6 an answer is; a seventh answer is whether it was recent."""
    if answer.number == 7 or answer.rest == "b":
        return "6-recent"
    if answer.rest == "a":
        return "6-before"
    when = says_when(answer.rest)
    return f"6-{when}" if when else "6"


def item_9_unknown(instrument: str, items: FormItems | None) -> bool:
    """Whether a PHQ-9 came without its item 9: then nobody knows what the answer was."""
    return instrument == PHQ_9 and not read_form(PHQ_9, items).of(9)


# ---- what may hide an answer -----------------------------------------------------------------------------------------


def hidden_in(instrument: str, items: FormItems | None) -> str | None:
    """Why a form may hold an answer about suicide that was not understood; None: it cannot.

    What is plainly a no hides nothing, and neither does what is beside an item about suicide that was read.
    """
    if instrument not in SUICIDAL_ITEMS:
        return _answered_beside(instrument, items)
    form, number = read_form(instrument, items), SUICIDAL_ITEMS[instrument]
    if items and form == Form() and total_in(instrument, items) is None:
        return "none of its answers could be read"
    open_ones = [one for one in form.unread if not one.plainly_no and not (number and one.number not in (None, number))]
    if not open_ones or (number and form.of(number) and all(one.number is None for one in open_ones)):
        return None
    return open_ones[0].why


def _answered_beside(instrument: str, items: FormItems | None) -> str | None:
    """Why a form may hold one though its instrument does not ask: a PHQ-9 that is called PHQ-2, an item added by a clinic."""
    if instrument == "phq-2" and _has_item_9(items):
        return "it has an item 9, as PHQ-9 has"
    fields = items.items() if isinstance(items, Mapping) else ((items, True),) if isinstance(items, str) else ()
    asked = any(_MENTIONS.search(name) and not UnreadAnswer(None, name, value, "").plainly_no for name, value in fields)
    return "it has no item about suicide, and one was answered" if asked else None


def _has_item_9(items: FormItems | None) -> bool:
    return any(one.value for one in read_form(PHQ_9, items).of(9))


_ASKS: Final = re.compile(
    r"phq|patient.health.questionnaire|ss[\W_]*rs|columbia|suicid|qids|inventory.of.depress|madrs|montgomery|ham[\W_]*d|hdrs|hamilton|bdi"
    r"|beck|\basq\b|epds|edinburgh|\bsbq|\bssi\b|self[\W_]*harm",
    re.IGNORECASE,
)
_ASKS_NOTHING: Final = re.compile(r"phq[\W_]*(?:2|4|8|15|two|eight)(?!\d)", re.IGNORECASE)
"""PHQ-2, PHQ-4, PHQ-8 and PHQ-15 leave the item out."""
_MENTIONS: Final = re.compile(
    r"suicid|self[\W_]*harm|better[\W_]*off[\W_]*dead|44260-8|9324[6-9]-\d|93250-9|93267-3|93269-9", re.IGNORECASE
)


def asks_about_suicide(form: str, line: str) -> bool:
    """Whether a form that could not be read at all may hold an answer about suicide.

    Args:
        form: what the sender calls the instrument; empty if it says nothing: then it may be any. line: what was sent.
    """
    if not form:
        return True
    if form in INSTRUMENTS and form not in SUICIDAL_ITEMS:
        return bool(_MENTIONS.search(line))
    asks = _ASKS.search(form) and (not _ASKS_NOTHING.search(form) or _is_phq_9(line))
    return form in SUICIDAL_ITEMS or bool(asks or _MENTIONS.search(line))


def _is_phq_9(line: str) -> bool:
    """Whether a line that calls itself another PHQ has a positive item 9 all the same."""
    try:
        items = plain_items(json.loads(line)["items"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
    return _has_item_9(cast("FormItems | None", items))
