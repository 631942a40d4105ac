"""Conclusions: what a rule says of its subject, and whether that is news; the same for a session and for a patient at home.

A rule returns a `Conclusion` whenever it has judged, however often it has said the same before; `WardState.file` alone turns it
into a finding, once when the rule begins, once when its priority changes, once when it is over.
Never here: when a rule judges, and of whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeVar

from models.tables.rules import RULE_INDEX, Priority

NO_EVIDENCE: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Conclusion:
    """One judgement of a rule. Times are microseconds; `evidence` holds JSON values only."""

    #: A name of `models.tables.rules.RULES`.
    rule: str
    #: The rule's priority from now on; None: the rule is over.
    priority: Priority | None
    #: The instant of which it is concluded: of the reading, or when it fell due. In the future it counts as now.
    at_us: int
    #: When the condition began, by the sender's clock; of no meaning where the rule is over.
    onset_us: int
    #: One sentence for a nurse: place, title, detail.
    text: str
    evidence: Mapping[str, object]
    #: Where limit or criterion come from; empty where the rule is over.
    source: str


def over(
    rule: str, at_us: int, text: str, evidence: Mapping[str, object] = NO_EVIDENCE, source: str = ""
) -> Conclusion:  # fmt: skip
    """The conclusion that a rule is over at an instant."""
    return Conclusion(rule, None, at_us, at_us, text, evidence, source)


@dataclass(slots=True)
class Condition:
    """A rule in force for a subject."""

    #: As last concluded.
    priority: Priority
    #: When it began, by the sender's clock; it stays while the priority changes.
    onset_us: int


AnyCondition = TypeVar("AnyCondition", bound=Condition)


class News(NamedTuple):
    """What a conclusion changes: the new priority (of a rule that is over, its last one), and since when it has been on."""

    change: Literal["began", "changed", "ended"]
    priority: Priority
    onset_us: int


def note_conclusion(
    conditions: dict[str, AnyCondition], begin: Callable[[Priority, int], AnyCondition], conclusion: Conclusion
) -> News | None:
    """Update the conditions of a subject, in place, by a conclusion; the news in it, None if there is none.

    Args:
        conditions: rule → the condition in force. begin: makes a new condition of a priority and an onset in µs.
    """
    rule, priority = conclusion.rule, conclusion.priority
    before = conditions.get(rule)
    if before is None:
        if priority is None:
            return None
        onset_us = min(conclusion.onset_us, conclusion.at_us)
        conditions[rule] = begin(priority, onset_us)
        return News("began", priority, onset_us)
    if priority is None:
        del conditions[rule]
        return News("ended", before.priority, before.onset_us)
    if priority == before.priority:
        return None
    before.priority = priority
    return News("changed", priority, before.onset_us)


def rank_of(rule: str, priority: Priority) -> int:
    """The place of a finding among others of one instant and subject: worst first, so that what it implies need not be paged."""
    return RULE_INDEX[rule] - len(RULE_INDEX) * int(priority)
