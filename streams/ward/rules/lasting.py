"""`prolonged-dissociation`: dissociation or drowsiness on the last known scores, `LASTING_AFTER` the start of the dose or later.

It falls due on the last known score, whether or not anybody asks again, and is over with the first score that shows neither.
Never here: when it falls due (`timers.py`), what scores add up to (`models/session/reports.py`).
"""

from __future__ import annotations

from typing import Final

from models.instants import MINUTE, SECOND
from models.session.reports import AWAKE, GONE, Report, assess
from models.tables.limits import UNITS
from models.tables.rules import RULES, Priority
from streams.ward.conclusions import Conclusion, over
from streams.ward.doses import LASTING_AFTER
from streams.ward.sentences import duration, number, rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "prolonged-dissociation"
_SOURCE: Final = (
    "CADSS >4 or MOAA/S <5 at 120 min from the start of the dose: the label's observation is 2 h and until resolved"
)


def judge_lasting(state: WardState, row: int, at_us: int, here: Here) -> Conclusion | None:
    """The conclusion on a session's scores; None where it is too early to say that anything lasts.

    Args:
        at_us: of the newest score, or when it fell due.
    """
    session, clock_us, title = state.association.sessions[row], here[0], RULES[_RULE].title
    assessment = assess(session.reports, ())
    if not (assessment.dissociating or assessment.drowsy):
        return over(_RULE, at_us, f"{session.where}: {title} is over.")
    if session.dose_us is None or clock_us < session.dose_us + LASTING_AFTER:
        # After another dose it begins anew; what is in force already stays so until a score says that it is over.
        return None
    found = [
        assessment.newest[column]
        for column, there in (("cadss", assessment.dissociating), ("moaas", assessment.drowsy))
        if there
    ]
    ages = [(clock_us - report.at_us) / SECOND for report in found]
    minute = round((clock_us - session.dose_us) / MINUTE)
    scores = " and ".join(
        f"{_scored(report)}, {duration(age_s)} ago" for report, age_s in zip(found, ages, strict=True)
    )
    evidence: dict[str, object] = {
        "value": number(found[0].scale[1]), "unit": UNITS["cadss" if assessment.dissociating else "moaas"],
        "limit": GONE if assessment.dissociating else AWAKE, "instrument": found[0].instrument,
        "data_age_s": number(ages[0]), "minute": minute,
    }  # fmt: skip
    text = rule_sentence(session.where, title, f"{scores}; {minute} min since the dose began.")
    onset_us = min(at_us, session.dose_us + LASTING_AFTER)
    return Conclusion(_RULE, Priority.MEDIUM, at_us, onset_us, text, evidence, _SOURCE)


def _scored(report: Report) -> str:
    """``CADSS-6 7``."""
    words = {"cadss": "CADSS", "cadss-6": "CADSS-6", "moaas": "MOAA/S"}[report.instrument]
    return f"{words} {number(report.score)}"
