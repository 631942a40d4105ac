"""`glass-broken`: a clinician of another site reads one patient of this one. Only a person closes it: it has happened.

Never here: who may (deploy/access/glass.py), the reason, which is in the audit: it may hold a name, and an alert holds none.
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.instants import iso, to_us
from models.tables.rules import RULES, Priority
from models.wire.observations import GlassBroken
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "glass-broken"
_SOURCE: Final = "45 CFR 164.312(a)(2)(ii), emergency access"


def file_glass_broken(state: WardState, record: GlassBroken, here: Here) -> None:
    """Add a finding that the glass before a patient was broken."""
    until = iso(to_us(record.until))
    detail = f"{record.by} of {record.of} may read it until {until}. The reason is in the audit; ask them if it is not enough."
    text = rule_sentence(record.patient, RULES[_RULE].title, detail)
    evidence = {"by": record.by, "of": record.of, "until": until}
    at_us = max(here[0], 0)
    subject = Subject(record.site, record.patient, None)
    state.emit(
        Finding("began", subject, _RULE, Priority.MEDIUM, at_us, at_us, at_us, text, evidence, _SOURCE),
        here,
    )
