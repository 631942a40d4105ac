"""`other-site`: a sender writes about another site than the one that is served; what it sends is set aside, and not watched.

A gateway with the wrong site's name would else be silent: each line is answered and kept, and no chair ever shows its patient.
Never here: which sites are served (`streams/intake/admission.py`).
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.tables.rules import RULES, Priority
from models.wire.observations import SetAside
from streams.ward.rules.crowding import is_news
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "other-site"


def tell_other_site(state: WardState, record: SetAside, here: Here) -> None:
    """Add the finding that a line names another site; silent about any other line, and where it was told just now."""
    if record.field != "site" or not is_news(state, (_RULE, record.site, record.reason), here[0]):
        return
    what = f"{record.reason[:1].upper()}{record.reason[1:]}. Nothing of it is watched here: correct the sender's site."
    text = rule_sentence("A sender", RULES[_RULE].title, what)
    evidence = {"because": record.reason}
    subject, at_us = Subject(record.site, "-", None), here[0]
    finding = Finding(
        "began", subject, _RULE, Priority.MEDIUM, at_us, at_us, at_us, text, evidence, "every record is of a site that is served"
    )  # fmt: skip
    state.emit(finding, here)
