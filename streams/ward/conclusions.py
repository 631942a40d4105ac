"""Conclusions: what a rule says of its subject, and whether that is news; the same for a session and for a patient at home.

A rule returns a `Conclusion` whenever it has judged, however often it has said the same before; `WardState.file` alone turns it
into a finding: when the rule begins, when its priority changes, when its reading is worse by a step, and when it is over.
Never here: when a rule judges, and of whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from models.findings import Change
from models.tables.limits import MEASURED_AS, Limit
from models.tables.rules import RULE_INDEX, Priority

NO_EVIDENCE: Final[Mapping[str, object]] = MappingProxyType({})


INEXACT: Final = 1e-9
"""Of a step: readings are decimals, and their differences are not exact."""


class Depth(NamedTuple):
    """A reading that a rule is in force by, and how deep it is.

    channel: that it is measured on. steps: how far beyond the limit, in the limit's steps. step: in the channel's unit, below 0
    where lower is worse.
    """

    channel: str
    value: float
    steps: float
    step: float

    def is_deeper_than(self, told: Depth) -> bool:
        """Whether it is worse than what was told by a step; of two channels, beyond their limits by one step more."""
        further = (self.value - told.value) / self.step if self.channel == told.channel else self.steps - told.steps
        return further >= 1 - INEXACT


def depth_of(limit: Limit, value: float | None) -> Depth | None:
    """The depth of a limit's reading; None where there is no reading, or depth says nothing."""
    if value is None or not limit.step:
        return None
    step = limit.step if limit.above else -limit.step
    return Depth(MEASURED_AS.get(limit.channel, limit.channel), value, (value - limit.enter) / step, step)


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
    #: Of a limit, how deep its reading is; None where that says nothing.
    depth: Depth | None = None


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
    #: The reading that was told last, if it had a depth: what is worse than it by a step is told anew.
    told: Depth | None = field(default=None, kw_only=True)


AnyCondition = TypeVar("AnyCondition", bound=Condition)


class News(NamedTuple):
    """What a conclusion changes: the new priority (of a rule that is over, its last one), and since when it has been on.

    was: of a rule that has deepened, what was told before.
    """

    change: Change
    priority: Priority
    onset_us: int
    was: Depth | None = None


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
        conditions[rule].told = conclusion.depth
        return News("began", priority, onset_us)
    if priority is None:
        del conditions[rule]
        return News("ended", before.priority, before.onset_us)
    depth, told = conclusion.depth, before.told
    if priority == before.priority:
        if depth is None or (told is not None and not depth.is_deeper_than(told)):
            return None
        before.told = depth
        # Where nothing was told that has a depth (an older version's), this is what the next one is compared with.
        return None if told is None else News("deepened", priority, before.onset_us, told)
    before.priority, before.told = priority, depth
    return News("changed", priority, before.onset_us)


def rank_of(rule: str, priority: Priority) -> int:
    """The place of a finding among others of one instant and subject: worst first, so that what it implies need not be paged."""
    return RULE_INDEX[rule] - len(RULE_INDEX) * int(priority)
