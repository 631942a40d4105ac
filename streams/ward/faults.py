"""Faults in the ward: a technical alert that something of ours failed, and what fell due and is left out for that.

The alert is its patient's and no session's, so that no end of a session closes it: only a person does, who has looked.
Never here: catching anything; that is the shard's.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.faults import Due
from models.findings import Finding, Subject
from models.tables.rules import RULES, Priority
from streams.ward.association import Session
from streams.ward.sentences import rule_sentence, with_chair
from streams.ward.state import Here, WardState


def tell_fault(
    state: WardState, site: str, who: Session | str | None, what: str, evidence: Mapping[str, object], source: str, here: Here
) -> None:  # fmt: skip
    """Conclude that something of ours failed. `who`: the session or the patient that it concerns; None: the whole site."""
    where, patient, chair = site, "-", None
    if isinstance(who, Session):
        where, patient, chair = who.where, who.patient, who.chair
    elif who is not None:
        where, patient = who, who
    by_hand = "" if who is None else " look after it by hand, and"
    text = rule_sentence(where, RULES["integrity"].title, f"{what}:{by_hand} tell whoever runs Chairside.")
    subject, at_us = Subject(site, patient, None, chair), max(here[0], 0)
    finding = Finding(
        "began", subject, "integrity", Priority.MEDIUM, at_us, at_us, at_us, text, with_chair(evidence, chair), source
    )  # fmt: skip
    state.emit(finding, here)


def tell_left_out(state: WardState, site: str, who: Session | str | None, due: Due, here: Here) -> None:
    """Conclude that what fell due was left out because it raised."""
    what = "What fell due here could not be worked out"
    tell_fault(state, site, who, what, {"raised": state.left_out[due]}, "a fault of Chairside itself", here)
