"""Contraindications: the drug of an open session and what is registered of its patient in, `contraindication` out.

Weighed when the session starts, when the drug turns out to be another one, and when somebody edits the registration
meanwhile; and, for planning, when somebody is registered who has no session. A condition that no table knows is said to be
unknown.
Never here: the tables (`models/tables/conditions.py`); whether to treat all the same, which is a physician's decision.
"""

from __future__ import annotations

from typing import Final

from models.tables.conditions import Contraindication, WeighedConditions, Weight, interactions_of, weigh_conditions
from models.tables.rules import RULES, Priority
from streams.ward.conclusions import Conclusion, over
from streams.ward.people import Person
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

_PRIORITY: Final[dict[Weight, Priority]] = {
    "contraindicated": Priority.HIGH,
    "defer": Priority.MEDIUM,
    "caution": Priority.LOW,
}
"""Before the dose minutes count and the harm may be death: high, once, where the label forbids it. Chosen by us."""
_ASKS: Final[dict[Weight, str]] = {
    "contraindicated": "The label forbids it.",
    "defer": "Ask a physician before the dose.",
    "caution": "Watch more closely.",
}
_RULE: Final = "contraindication"
_UNKNOWN: Final = Priority.LOW
"""Of what nobody has judged: on the board, before the dose. A problem list holds many that mean nothing here, so nobody is paged.
Chosen by us."""
UNKNOWN_SOURCE: Final = "in no table here: not judged; chosen by us"


def check_contraindication(state: WardState, row: int, at_us: int, here: Here, *, anew: bool = False) -> None:
    """File whether something registered of a session's patient speaks against its drug; nothing for an unannounced session.

    Args:
        anew: the conditions are others than before: they are told though they have the priority that is in force.
    """
    session = state.association.sessions[row]
    if not session.announced:
        return
    person = state.people.of(session.site, session.patient)
    conclusion = judge_contraindication(session.where, session.drug, person, at_us)
    before = session.conditions.get(_RULE)
    if anew and before is not None and before.priority == conclusion.priority:
        state.file(session, _changed(session.where, at_us), here)
    state.file(session, conclusion, here)
    if (session.site, session.patient) in state.home.patients:
        # What was said for planning is said with the session now.
        at_home = state.home.row(session.site, session.patient)
        state.file(
            at_home, over(_RULE, at_us, f"{session.patient}: {RULES[_RULE].title}; a session was started."), here
        )


def weigh_registration(state: WardState, site: str, patient: str, here: Here, *, anew: bool) -> None:
    """File what of somebody without a session will have to be decided before a dose: on the board only, whatever it weighs."""
    at_home, person = state.home.row(site, patient), state.people.of(site, patient)
    conclusion = judge_contraindication(patient, None, person, here[0], planned=True)
    if anew and conclusion.priority is not None and _RULE in at_home.conditions:
        state.file(at_home, _changed(patient, here[0]), here)
    state.file(at_home, conclusion, here)


def judge_contraindication(
    where: str, drug: str | None, person: Person, at_us: int, *, planned: bool = False
) -> Conclusion:  # fmt: skip
    """The conclusion of `contraindication` from a drug and what is registered of a person: in force, or over.

    Args:
        where: the place as sentences name it. drug: None where it was not said; then that of a ketamine treatment.
        planned: no dose is near, so nobody needs to be called.
    """
    weighed = weigh_conditions(drug, person.conditions)
    title = RULES[_RULE].title
    if not any(weighed):
        return over(_RULE, at_us, f"{where}: {title} is no longer registered.")
    name = "treatment" if planned else (drug or "ketamine").lower()
    evidence: dict[str, object] = {
        "drug": name,
        "conditions": [row.name for _, row in weighed.found],
        "weights": [each for each, _ in weighed.found],
        "unknown": list(weighed.unknown),
        "interactions": [row.name for _, row in interactions_of(drug, person.medications)],
    }
    sources = [row.source for _, row in weighed.found] + ([UNKNOWN_SOURCE] if weighed.unknown else [])
    priority = _PRIORITY[weighed.found[0][0]] if weighed.found and not planned else _UNKNOWN
    text = rule_sentence(where, title, _words(name, weighed))
    return Conclusion(_RULE, priority, at_us, at_us, text, evidence, "; ".join(dict.fromkeys(sources)))


def _changed(where: str, at_us: int) -> Conclusion:
    return over(_RULE, at_us, f"{where}: {RULES[_RULE].title}; the registration has changed.")


def _words(drug: str, weighed: WeighedConditions) -> str:
    parts = []
    if weighed.found:
        named = "; ".join(f"{_name(row)} ({row.words})" for _, row in weighed.found)
        parts.append(f"{drug.capitalize()} and {named}. {_ASKS[weighed.found[0][0]]}")
    if weighed.unknown:
        unknown = "; ".join(weighed.unknown)
        parts.append(f"Not judged, because no table knows it: {unknown}. Ask a physician before the dose.")
    return " ".join(parts)


def _name(row: Contraindication) -> str:
    return row.name.replace("-", " ")
