"""Contraindications: the drug of an open session and what is registered of its patient in, `contraindication` out.

Weighed when the session starts, when the drug turns out to be another one, and when somebody edits the registration meanwhile.
Never here: the tables (`models/tables/drugs.py`); whether to treat all the same, which is a physician's decision.
"""

from __future__ import annotations

from typing import Final

from models.tables.drugs import contraindications_of, interactions_of
from models.tables.rules import RULES, Priority
from streams.ward.conclusions import Conclusion, over
from streams.ward.people import Person
from streams.ward.sentences import plain
from streams.ward.state import Here, WardState

_PRIORITY: Final = {"contraindicated": Priority.HIGH, "defer": Priority.MEDIUM, "caution": Priority.LOW}
"""Before the dose minutes count and the harm may be death: high, once, where the label forbids it. Chosen by us."""
_ASKS: Final = {
    "contraindicated": "The label forbids it.",
    "defer": "Ask a physician before the dose.",
    "caution": "Watch more closely.",
}
_RULE: Final = "contraindication"


def weigh(state: WardState, row: int, at_us: int, here: Here) -> None:
    """File whether something registered of a session's patient speaks against its drug; nothing for an unannounced session."""
    session = state.known.sessions[row]
    if session.announced:
        person = state.people.of(session.site, session.patient)
        state.file(session, judge_contraindication(session.where, session.drug, person, at_us), here)


def judge_contraindication(where: str, drug: str | None, person: Person, at_us: int) -> Conclusion:
    """The conclusion of `contraindication` from a drug and what is registered of a person: in force, or over.

    Args:
        where: the place as sentences name it. drug: None where it was not said; then that of a ketamine treatment.
    """
    found = contraindications_of(drug, person.conditions)
    title = RULES[_RULE].title
    if not found:
        return over(_RULE, at_us, f"{where}: {title} is no longer registered.")
    weight, _ = found[0]
    name = (drug or "ketamine").lower()
    named = "; ".join(f"{row.name.replace('-', ' ')} ({row.words})" for _, row in found)
    text = plain(where, title, f"{name.capitalize()} and {named}. {_ASKS[weight]}")
    evidence: dict[str, object] = {
        "drug": name,
        "conditions": [row.name for _, row in found],
        "weights": [each for each, _ in found],
        "interactions": [row.name for _, row in interactions_of(drug, person.medications)],
    }
    source = "; ".join(dict.fromkeys(row.source for _, row in found))
    return Conclusion(_RULE, _PRIORITY[weight], at_us, at_us, text, evidence, source)
