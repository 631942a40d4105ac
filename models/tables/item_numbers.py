"""Item numbers: which item of an instrument a field's name has the number of, where its number is its own.

Names come as ``q9``, ``phq9_9``, ``PHQ-9 Item 9``, ``phq9`` beside ``phq1``, ``Q12_9``, ``9``, ``phq9i``, counted from 0 or in
tens. A name by itself often does not say which of its numbers is the item's, the names of a form together do: the reading that
finds the most items is taken, and where two readings are equally good, the names on which they differ are nobody's.
Never here: names without numbers (`forms.py`), the tables (`form_items.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

from models.tables.form_items import ASKED, BRANDS, NUMBERED_AS
from models.tables.instruments import Instrument

ItemNumbers = Mapping[str, tuple[int, str]]
"""Name → (number, what else the name says, as a slug)."""

_PAST_SPAN: Final = re.compile(r"(?:past|last|over|within|previous)[\W_]*\d+")
_SPAN: Final = re.compile(r"\d+[\W_]*(?:months?|mo|weeks?|wks?|days?|years?|hours?)(?![^\W_])")
"""A stretch of time in a name ("past 3 months", "2weeks"): its number is no item's."""
_LETTER: Final = re.compile(r"\d*([a-z])")


def numbers_of(scale: Instrument) -> range:
    """The numbers that an item can have. The C-SSRS screener may have a seventh: whether question 6 was recent."""
    return range(1, scale.items + 1 + (scale.name == "cssrs-screen"))


def numbers_in(scale: Instrument, names: Sequence[str]) -> tuple[ItemNumbers, frozenset[str]]:
    """The items' numbers that names have, beyond the last item's too; and the names that may be either of two items."""
    best: ItemNumbers = {}
    unsure: frozenset[str] = frozenset()
    most = 0
    own = BRANDS[scale.name][0]
    for brand in (*BRANDS[scale.name], ""):
        left = {name: _left(name, brand) for name in names}
        readings = [found for pick in (_first, _last) if (found := _read(scale, left, pick)) and _count(scale, found)]
        if not readings:
            continue
        count = max(_count(scale, reading) for reading in readings)
        # "phq9" alone is a total or item 9: what leaves a part of the instrument's name as a number needs company.
        torn = own.startswith(brand) and own[len(brand) :].isdigit()
        if count <= most or (torn and count == 1):
            continue
        best = next(reading for reading in readings if _count(scale, reading) == count)
        most = count
        unsure = frozenset(
            name for other in readings for name in best
            if count < scale.items and name in other and other[name][0] != best[name][0]
        )  # fmt: skip
    return (best, unsure) if most else (_lettered(scale, names), frozenset())


@cache
def _pattern(brand: str) -> re.Pattern[str]:
    return re.compile(r"[\W_]*".join(map(re.escape, brand)))


def left_of(name: str, brand: str) -> str | None:
    """What follows an instrument's name in a field's name, or stands before it; None: it does not have it."""
    lower = name.lower()
    found = _pattern(brand).search(lower)
    if found is None:
        return None
    after = lower[found.end() :]
    return after if re.search(r"[^\W_]", after) else lower[: found.start()]


def _left(name: str, brand: str) -> str:
    """What a brand leaves of a name; the whole name where it does not have it."""
    left = left_of(name, brand) if brand else None
    return name.lower() if left is None else left


def _first(numbers: Sequence[int]) -> int:
    return numbers[0]


def _last(numbers: Sequence[int]) -> int:
    return numbers[-1]


def _read(scale: Instrument, left: Mapping[str, str], pick: Callable[[Sequence[int]], int]) -> ItemNumbers:
    """One way to read the numbers in what is left of the names; empty where it cannot be right."""
    raw = {name: pick(numbers) for name, text in left.items() if (numbers := _numbers(text))}
    there, items = set(raw.values()), scale.items
    if 0 in there:
        if items in there:
            # Counted from 0 with one field more, or from 1 with one before: nobody knows.
            return {}
        raw = {name: number + 1 for name, number in raw.items()}
    elif there >= set(range(10, 10 * items + 1, 10)) and all(number % 10 == 0 for number in there):
        # Numbered in tens, as national surveys do: 10, 20 … 90, and then what comes after the last item.
        raw = {name: number // 10 for name, number in raw.items()}
    elif there and max(there) > items and there <= set(also := NUMBERED_AS.get(scale.name, ())):
        raw = {name: also.index(number) + 1 for name, number in raw.items()}
    inside = [number for number in raw.values() if number in numbers_of(scale)]
    if scale.name != "cssrs-screen" and len(set(inside)) != len(inside):
        return {}
    return {name: (number, _rest(left[name])) for name, number in raw.items()}


def _numbers(text: str) -> list[int]:
    text = _PAST_SPAN.sub(" ", text)
    without = _SPAN.sub(" ", text)
    return [int(digits) for digits in re.findall(r"\d{1,4}", without if re.search(r"\d", without) else text)]


def _rest(left: str) -> str:
    return "-".join(word for word in re.findall(r"[^\W\d_]+", left) if word not in ASKED)


def _count(scale: Instrument, reading: ItemNumbers) -> int:
    return len({number for number, _ in reading.values() if number in numbers_of(scale)})


def _lettered(scale: Instrument, names: Sequence[str]) -> ItemNumbers:
    """Items named by letters, from a to the last: only a whole form of them is one."""
    for brand in (*BRANDS[scale.name], ""):
        plain = {name: _LETTER.fullmatch("".join(re.findall(r"[^\W_]", _left(name, brand)))) for name in names}
        letters = {name: ord(found[1]) - ord("a") + 1 for name, found in plain.items() if found is not None}
        if sorted(letters.values()) == list(range(1, scale.items + 1)):
            return {name: (number, "") for name, number in letters.items()}
    return {}
