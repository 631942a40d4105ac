"""Contraindications: what is registered of a person, weighed against the drug of their open session.

Weighed when the session starts, when the drug turns out to be another one, and when somebody edits the registration meanwhile.
Never here: the tables (`models/tables/drugs.py`); whether to treat all the same, which is a physician's decision.
"""

from __future__ import annotations

from typing import Final

from models.tables.drugs import contraindications_of, interactions_of
from models.tables.rules import RULES, Priority
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
    """Say what speaks against a session's drug, as registered now."""
    session = state.known.sessions[row]
    if not session.announced:
        return
    person = state.people.of(session.site, session.patient)
    found = contraindications_of(session.drug, person.conditions)
    title = RULES[_RULE].title
    if not found:
        text = f"{session.where}: {title} is no longer registered."
        state.say(row, _RULE, None, at_us, at_us, here, text, {}, "")
        return
    weight, _ = found[0]
    drug = (session.drug or "ketamine").lower()
    named = "; ".join(f"{row.name.replace('-', ' ')} ({row.words})" for _, row in found)
    text = plain(session.where, title, f"{drug.capitalize()} and {named}. {_ASKS[weight]}")
    evidence: dict[str, object] = {
        "drug": drug,
        "conditions": [row.name for _, row in found],
        "weights": [each for each, _ in found],
        "interactions": [row.name for _, row in interactions_of(session.drug, person.medications)],
    }
    source = "; ".join(dict.fromkeys(row.source for _, row in found))
    state.say(row, _RULE, _PRIORITY[weight], at_us, at_us, here, text, evidence, source)
