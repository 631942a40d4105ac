"""What goes out about the rules themselves: `GET /v1/rules`, the rule book of a site. Typed documents, as those of `live.py`."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from models.tables.rules import Category, PriorityName
from models.wire.live import WHOLE_DOCUMENT


@WHOLE_DOCUMENT
class CitedOut(TypedDict):
    """A source that is named by a number; `address`: where it can be read."""

    number: str
    title: str
    what: str
    address: str | None


@WHOLE_DOCUMENT
class LimitRowOut(TypedDict):
    """One row of a rule's limits as it is in force here. `words` says it whole; `changed`: this site's differs, and
    `built_in` is what it would be; `why`: whether the limit itself is past, and why; `source` without the numbers of the list.
    """

    priority: PriorityName
    channel: str
    label: str
    unit: str
    past: Literal["<", "<=", ">", ">="]
    enter: float
    leave: float
    hold_s: float
    leave_s: float
    readings: int
    step: float
    enabled: bool
    changed: bool
    words: str
    built_in: str
    why: str
    source: str
    cited: list[CitedOut]


@WHOLE_DOCUMENT
class ExampleStepOut(TypedDict):
    """What the rule's alert did, so many seconds after the example began."""

    at_s: float
    transition: str
    priority: PriorityName
    text: str


@WHOLE_DOCUMENT
class ExampleOut(TypedDict):
    """An invented course that was played through the product: the line that decides as (seconds, value), its limits, and what
    became of the alert.
    """

    channel: str
    label: str
    unit: str
    points: list[tuple[float, float]]
    enter: float
    leave: float
    steps: list[ExampleStepOut]


@WHOLE_DOCUMENT
class RuleOut(TypedDict):
    """One rule. `latches`: it stays until it is seen, though it is over; `ends`: whether it ends by itself; `must_go_on`: what is
    measured cannot be closed by hand; `holds_back`: titles of what is not paged beside it, because it says the same.
    """

    rule: str
    title: str
    category: Category
    decides: str
    latches: bool
    ends: Literal["by itself", "by a person"]
    must_go_on: bool
    holds_back: list[str]
    limits: list[LimitRowOut]
    example: ExampleOut | None


@WHOLE_DOCUMENT
class RulesOut(TypedDict):
    """`GET /v1/rules`: every rule, in the table's order, with the limits in force at a site."""

    site: str
    rules: list[RuleOut]


RULES_ADAPTER: Final[TypeAdapter[RulesOut]] = TypeAdapter(RulesOut)
