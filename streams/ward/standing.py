"""What was last said of a rule, and whether something is news: the same for a session and for a patient at home.

Never here: when, and of whom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from models.tables.rules import RULE_INDEX, Priority


@dataclass(slots=True)
class Condition:
    """A rule in force: what was last said of it."""

    priority: Priority
    onset_us: int


Stood = TypeVar("Stood", bound=Condition)


class News(NamedTuple):
    """What became of a rule, at which priority, since when (µs); one that is over keeps the priority that it had."""

    change: Literal["began", "changed", "ended"]
    priority: Priority
    onset_us: int


def news(
    standing: dict[str, Stood], begin: Callable[[Priority, int], Stood], rule: str, priority: Priority | None,
    at_us: int, onset_us: int,
) -> News | None:  # fmt: skip
    """The rule now has this priority (None: it is over): what that changes in `standing`, which follows; None: nothing."""
    before = standing.get(rule)
    if before is None:
        if priority is None:
            return None
        onset_us = min(onset_us, at_us)
        standing[rule] = begin(priority, onset_us)
        return News("began", priority, onset_us)
    if priority is None:
        del standing[rule]
        return News("ended", before.priority, before.onset_us)
    if priority == before.priority:
        return None
    before.priority = priority
    return News("changed", priority, before.onset_us)


def rank_of(rule: str, priority: Priority) -> int:
    """The worst first, so that what it says already need not be paged again."""
    return RULE_INDEX[rule] - len(RULE_INDEX) * int(priority)
