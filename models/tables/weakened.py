"""Which rows of a table of limits watch less than the built-in ones, in words: a table in, the weakened rows out.

A clinic may have its reasons. It must give them, and everybody at the board reads them for as long as they hold, because who
relies on a limit must know that it is off or far out. A row that is moved a little, as for a person with lung disease, is no
such case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from models.tables.limits import FOLLOWS, LABELS, LIMITS, UNITS, Limit
from models.tables.rules import RULES

MUCH_LONGER_S: Final = 120.0
"""A hold that is longer than the built-in one by more than this is weaker. By us: so long nobody lies unwatched below 90 %."""


@dataclass(frozen=True, slots=True)
class WeakenedLimit:
    """A row that watches less, and in which way; `words` are for a nurse."""

    key: tuple[str, str, str]
    words: str


def weakened_limits(table: tuple[Limit, ...]) -> Iterator[WeakenedLimit]:
    """Each row that is off, whose limit is milder by more than its step, or which holds for much longer."""
    weak = set[tuple[str, str, str]]()
    # A row that follows another comes after it here, and says nothing that the other has said.
    for built_in, row in sorted(zip(LIMITS, table, strict=True), key=lambda pair: pair[0].channel in FOLLOWS):
        if (*row.key[:2], FOLLOWS.get(row.channel, "")) in weak:
            continue
        if (how := _weakened(built_in, row)) is not None:
            weak.add(row.key)
            yield WeakenedLimit(row.key, f"{RULES[row.rule].title}, {row.priority.word}, {LABELS[row.channel]}: {how}")


def _weakened(built_in: Limit, row: Limit) -> str | None:
    unit = UNITS[row.channel]
    milder = row.enter - built_in.enter if row.above else built_in.enter - row.enter
    # Where depth says nothing, its room to come back says how much is little.
    little = built_in.step or abs(built_in.leave - built_in.enter)
    if not row.enabled:
        return "off"
    if milder > little:
        return f"{row.past} {row.enter:g} {unit} instead of {built_in.enter:g}"
    if row.hold_s - built_in.hold_s > MUCH_LONGER_S:
        return f"only after {row.hold_s:g} s instead of {built_in.hold_s:g} s"
    return None
