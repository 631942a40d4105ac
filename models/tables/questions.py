"""What a tablet asks of each questionnaire: the questions, where their owner lets everybody show them, and the answers.

PHQ-9 and PHQ-2 may be reproduced and displayed by anybody (Pfizer 2010). Other owners do not let everybody: of those the
questions are read from the clinic's own copy, and what is entered is the total or, where an answer counts for itself, each
answer under our own name of the question. Bad at: other languages than English.
Never here: how answers make a score (`instruments.py`), what one of them means (`suicidality.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.tables.suicidality import QUESTIONS


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """What is asked of an instrument. `items`: (name on the wire, words on the tablet); none: the total alone is entered.

    `answers`: (value, words), in order. `own`: the words are the instrument's own, and not ours.
    """

    instrument: str
    stem: str
    items: tuple[tuple[str, str], ...]
    answers: tuple[tuple[int, str], ...]
    own: bool
    source: str


# fmt: off
_PHQ: Final = (
    "Little interest or pleasure in doing things",
    "Feeling down, depressed, or hopeless",
    "Trouble falling or staying asleep, or sleeping too much",
    "Feeling tired or having little energy",
    "Poor appetite or overeating",
    "Feeling bad about yourself - or that you are a failure or have let yourself or your family down",
    "Trouble concentrating on things, such as reading the newspaper or watching television",
    "Moving or speaking so slowly that other people could have noticed? Or the opposite - being so fidgety or restless that you have been moving around a lot more than usual",
    "Thoughts that you would be better off dead or of hurting yourself in some way",
)
_HOW_OFTEN: Final = ((0, "Not at all"), (1, "Several days"), (2, "More than half the days"), (3, "Nearly every day"))
_STEM: Final = "Over the last 2 weeks, how often have you been bothered by any of the following problems?"
_BPRS: Final = ("Suspiciousness", "Hallucinations", "Unusual thoughts", "Disorganized thinking")
_YES_NO: Final = ((0, "No"), (1, "Yes"))


def _numbered(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((str(number), text) for number, text in enumerate(words, 1))


def _numbered_questions() -> tuple[tuple[str, str], ...]:
    return tuple((name, f"Question {name[0]}: {words}") for name, (_, words) in QUESTIONS.items() if name != "6")


_TABLE: Final = (
    Questionnaire("phq-9", _STEM, _numbered(_PHQ), _HOW_OFTEN, True, "Kroenke 2001; no permission required to reproduce, translate, display or distribute (Pfizer 2010)"),
    Questionnaire("phq-2", _STEM, _numbered(_PHQ[:2]), _HOW_OFTEN, True, "Kroenke 2003: the first two of PHQ-9"),
    Questionnaire("madrs", "The total of the clinic's own copy, 0 to 60.", (), (), False, "permission for each user (Montgomery and RCPsych)"),
    Questionnaire("qids-sr16", "The total of the clinic's own copy, 0 to 27.", (), (), False, "commercial use through ePROVIDE"),
    Questionnaire("cssrs-screen", "Read each question from the clinic's copy of the screener. Leave out what it says to skip.",
          _numbered_questions(),
          _YES_NO, False, "electronic use of the wording needs permission (Columbia)"),
    Questionnaire("bprs-4", "0 not present ... 6 extremely severe", _numbered(_BPRS), tuple((value, str(value)) for value in range(7)), False, "Janssen trials' four items; our words"),
    Questionnaire("mood-vas", "0 the best ... 10 the worst imaginable", (), (), False, "public domain"),
)
# fmt: on

QUESTIONNAIRES: Final = {asked.instrument: asked for asked in _TABLE}
