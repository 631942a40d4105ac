"""The clinician's page of rules: the tables of rules, limits and blind spots in, docs/rules.md out (`make schema`).

Every rule with what it decides, from when to when, why, from which source, an example that the product has played, what it holds
back, and what cannot be seen of it.
Bad at: a site's own limits; the board and `chairside check-config` show those. Never here: a number that no table has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deploy.handbook.example_picture import picture_of
from models.instants import MINUTE
from models.tables.blind_spots import BY_SENSOR, Sensor
from models.tables.limits import CONFIRM_WITHIN, LABELS, LIMITS, UNITS, Limit
from models.tables.rule_words import DECIDES
from models.tables.rules import INHIBITS, PRIORITY_SHAPES, RULES, Rule
from models.wire.rules import ExampleOut
from streams.rule_book import rule_book

SENSORS: Final[dict[str, Sensor]] = {
    "spo2": "oximeter", "spo2-doubted": "oximeter", "pulse": "oximeter", "rate": "ECG", "hr": "ECG", "rr": "rate of breathing",
    "rr-alone": "rate of breathing", "breaths": "capnograph", "etco2": "capnograph", "etco2-beside": "capnograph", "temp": "thermometer",
    "sbp": "cuff", "dbp": "cuff", "map": "cuff", "sbp-rise": "cuff", "dbp-rise": "cuff", "moaas": "scores", "cadss": "scores",
}  # fmt: skip
"""Which sensor's blind spots are those of a limit."""
PAST_WORDS: Final = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}
HOW_IT_ENDS: Final = {
    "reading": "While it goes on it can be answered, not closed; it is over once the readings are back.",
    "score": "While it goes on it can be answered, not closed; it is over once a score is back.",
    None: "It can be closed by whoever has seen to it.",
}
ROLE_WORDS: Final = {
    "alone": "",
    "and": "and only together with another row: ",
    "instead": "in place of a second cuff: ",
}


def rendered_rules() -> str:
    """The page, as Markdown."""
    examples = _examples()
    lines = [
        "# Every rule",
        "",
        "Written by `make schema` from [`models/tables/rules.py`](../models/tables/rules.py),",
        "[`limits.py`](../models/tables/limits.py) and [`blind_spots.py`](../models/tables/blind_spots.py). These are the built-in limits, which",
        "a clinic changes in its own file; **none of them was validated for ketamine in depression**. Sources in brackets: [sources](sources.md).",
        f"A cuff confirms the one before if it comes within {CONFIRM_WITHIN // MINUTE} minutes; a limit without a hold counts at its first reading.",
        "",
    ]
    category = None
    for rule in RULES.values():
        if rule.category != category:
            category = rule.category
            lines += [f"## {category.capitalize()}", ""]
        lines += _section(rule, examples.get(rule.name))
    return "\n".join(lines)


def rendered_pictures() -> dict[str, str]:
    """File name → SVG of each rule's example; rules without a limit have none."""
    return {f"{name}.svg": picture_of(example, RULES[name].title) for name, example in _examples().items()}


def _examples() -> dict[str, ExampleOut]:
    return {each["rule"]: each["example"] for each in rule_book("main", LIMITS)["rules"] if each["example"] is not None}


def _section(rule: Rule, example: ExampleOut | None) -> Iterator[str]:
    own = [limit for limit in LIMITS if limit.rule == rule.name]
    yield f"### {rule.title}"
    yield ""
    stays = " Its alert stays until somebody has seen it, also when it is over." if rule.latches else ""
    yield f"{DECIDES[rule.name]}"
    yield ""
    yield f"`{rule.name}`. {HOW_IT_ENDS[rule.measured]}{stays}"
    yield ""
    if own:
        yield "| | when | over | told anew when worse by | why | source |"
        yield "|---|---|---|---|---|---|"
        yield from map(_row, own)
        yield ""
    if example is not None:
        yield f"![An invented course, played by the product: what the alert did](images/rules/{rule.name}.svg)"
        yield ""
    if held := INHIBITS.get(rule.name):
        yield f"While it is open these are on the board and not paged: {', '.join(sorted(RULES[name].title.lower() for name in held))}."
        yield ""
    for sensor in dict.fromkeys(SENSORS[limit.channel] for limit in own):
        spot = BY_SENSOR[sensor]
        yield f"**Cannot be seen** with {spot.missing}: {spot.unseen}. Still seen: {spot.still}."
        yield ""


def _row(limit: Limit) -> str:
    unit = UNITS[limit.channel]
    held = (
        f" for {limit.hold_s:g} s"
        if limit.hold_s
        else f", {limit.readings} readings in a row"
        if limit.readings > 1
        else ""
    )
    pleth = f" ({limit.pleth_s:g} s by the pulse alone)" if limit.pleth_s else ""
    when = (
        f"{ROLE_WORDS[limit.role]}{LABELS[limit.channel]} {PAST_WORDS[limit.past]} {limit.enter:g} {unit}{held}{pleth}"
    )
    stays = f" for {limit.leave_s:g} s" if limit.leave_s else ""
    off = " (off unless a clinic switches it on)" if not limit.enabled else ""
    step = f"{limit.step:g} {unit}" if limit.step else ""
    return (
        f"| {PRIORITY_SHAPES[limit.priority]} {limit.priority.word} | {when}{off} | back at {limit.leave:g} {unit}{stays} | {step} "
        f"| {limit.at_limit} | {limit.source} |"
    )
