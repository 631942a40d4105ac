"""A form's items as answers: what each says and to which item it belongs, by name, code or place, and what was not understood.

- A list as long as the instrument holds its answers in order. A list of another length is not understood: nobody knows
  which item is missing or too many, and a shifted item 8 must not be read as item 9.
- Named answers belong to the item whose number, LOINC code or words the name has. Fields beside the items shift nothing.
- ``null``, an empty text and words for it are not answered; every other answer still counts.
- An answer is a number of the instrument's range, also as text, or one of its words. Nothing is guessed: a name that fits
  two items, a number out of range and a word that no table has are not understood, and are said to be.

Good at: saying what it cannot read. Bad at: forms in other languages. Cost: 2 µs an item in a list, 10 µs a named one.
Never here: the tables (`form_items.py`), what an answer means (`suicidality.py`, `symptoms.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, NamedTuple

from models.tables.form_items import (
    ALSO_CALLED,
    ANSWER_WORDS,
    ASKED,
    BRANDS,
    CODES,
    EXTRA,
    ITEM_WORDS,
    NO,
    NOT_ANSWERED,
    ONLY_ITEM,
    OTHER_CODES,
    SUICIDAL_ITEMS,
    TOTALS,
    WHEN_WORDS,
    ItemWords,
    slug,
)
from models.tables.instruments import INSTRUMENTS, Instrument
from models.tables.item_numbers import left_of, numbers_in, numbers_of

FormValue = int | float | bool | str | None
FormItems = Sequence[FormValue] | Mapping[str, FormValue] | str
"""Answers in order, answers by name, or a text that is neither."""

_CSSRS: Final = "cssrs-screen"
_WHEN: Final = 7
"""A seventh answer of the C-SSRS screener: whether the behaviour of question 6 was in the past 3 months."""
_BEHAVIOUR: Final = {6, _WHEN}
_MAY_SKIP: Final = {_CSSRS}
"""Questions 3 to 5 are not asked after a no to question 2, and question 6 may come in two: lifetime, past 3 months."""
_LONGEST_TEXT: Final = 200


class ScoreRefused(ValueError):
    """Items or a score that this instrument cannot have. `field` is ``items`` or ``score``."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class ItemAnswer(NamedTuple):
    """The answer to an item: its number, counted from 1, what else its name or its words say, and the value."""

    number: int
    rest: str
    value: int


class UnreadAnswer(NamedTuple):
    """Something in a form that was not understood. `number`: the item that it is surely about, if it is."""

    number: int | None
    name: str
    value: FormValue
    why: str

    @property
    def plainly_no(self) -> bool:
        """Whether it can hide nothing positive: it is not answered, a no, or a nought."""
        return _not_answered(self.value) or self.value in (0, False) or (
            isinstance(self.value, str) and (slug(self.value) in NO or _whole(self.value) == 0)
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was read: answers by number, the items that were left out, and what was not understood."""

    answers: tuple[ItemAnswer, ...] = ()
    skipped: frozenset[int] = frozenset()
    unread: tuple[UnreadAnswer, ...] = ()

    def of(self, number: int) -> list[ItemAnswer]:
        """The answers to one item: usually one."""
        return [answer for answer in self.answers if answer.number == number]


# ---- on the wire -----------------------------------------------------------------------------------------------------


def instrument_called(name: object) -> object:
    """An instrument's own name for one of its other names; anything else as it is."""
    if not isinstance(name, str) or name in INSTRUMENTS:
        return name
    plain = slug(name)
    return plain if plain in INSTRUMENTS else ALSO_CALLED.get(plain, name)


_NAME_FIELDS: Final = ("linkId", "code", "loinc", "item", "question", "name", "key", "id")
_VALUE_FIELDS: Final = (
    "answer", "value", "score", "response", "valueInteger", "valueDecimal", "valueBoolean", "valueString", "valueCoding", "code",
    "display",
)  # fmt: skip


def plain_items(items: object) -> object:
    """What a sender calls items, as flat answers: a list, a mapping or a text, of any JSON.

    A list of objects that each have a name and a value is read by name. What is nested deeper is kept as text, which no table
    has: so it is set aside by its instrument, and not by the shape of its JSON. Bounds are the wire's (`models/wire/bounds.py`).
    """
    if isinstance(items, Mapping):
        return {name: _flat(value) for name, value in items.items()}
    if not isinstance(items, list | tuple):
        return items if items is None else _as_text(items)
    named = [_named_pair(item) for item in items]
    pairs = dict(pair for pair in named if pair is not None)
    # Of two answers under one name none is left out: then they are no named answers.
    if pairs and len(pairs) == len(items):
        return {name: _flat(value) for name, value in pairs.items()}
    return [_flat(item) for item in items]


def _named_pair(item: object) -> tuple[str, object] | None:
    if isinstance(item, Mapping):
        name = next((field for field in _NAME_FIELDS if isinstance(item.get(field), str | int)), None)
        value = next((field for field in _VALUE_FIELDS if field in item and field != name), None)
        return None if name is None or value is None else (str(item[name]), item[value])
    return None


def _flat(value: object, depth: int = 4) -> FormValue:
    """One answer: a scalar as it is, an object or a list of one by its value, else as text."""
    if isinstance(value, list) and len(value) == 1 and depth:
        return _flat(value[0], depth - 1)
    if isinstance(value, Mapping) and depth:
        field = next((name for name in _VALUE_FIELDS if name in value), None)
        if field is not None:
            return _flat(value[field], depth - 1)
    if value is None or isinstance(value, bool | int | float):
        return value
    return _as_text(value)


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    try:
        return json.dumps(value, default=str)[:_LONGEST_TEXT]
    except (ValueError, RecursionError):
        return "?"


# ---- one answer ------------------------------------------------------------------------------------------------------

_DASHES: Final = frozenset({"", "-", "--", "---", "–", "—", "."})
_NUMBER_TEXT: Final = re.compile(r"[+]?\d{1,6}(?:[.,]0*)?")
_OF_ALL: Final = re.compile(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*")
"""``2/5``: so many of the most there is."""
_NUMBER_FIRST: Final = re.compile(r"(\d{1,2})\s*([-–—=:.)(,]|\s)\s*(.*[^\W\d_].*)", re.DOTALL)


def _not_answered(value: FormValue) -> bool:
    return value is None or (isinstance(value, str) and (value.strip() in _DASHES or slug(value) in NOT_ANSWERED))


def _whole(text: str) -> int | None:
    """The whole number that a text is; None: it is none."""
    stripped = text.strip()
    return int(re.split(r"[.,]", stripped)[0]) if _NUMBER_TEXT.fullmatch(stripped) else None


def _answer(scale: Instrument, number: int, rest: str, value: FormValue) -> ItemAnswer | str | None:
    """What one item was answered; None: nothing. A text: why it is not understood."""
    if _not_answered(value):
        return None
    words = ANSWER_WORDS.get(scale.name, {})
    found: int | None = None
    if isinstance(value, bool):
        found = words.get("yes" if value else "no")
    elif isinstance(value, str):
        found, rest = _text_answer(scale, number, rest, value, words)
    elif value is not None and isfinite(value) and value == int(value):
        found = int(value)
    lowest, highest = scale.item_range
    if found is None or not lowest <= found <= highest:
        return f"an answer is not one of {lowest} to {highest}" + (" or of the words for them" if words else "")
    return ItemAnswer(number, rest, found)


def _text_answer(
    scale: Instrument, number: int, rest: str, text: str, words: Mapping[str, int]
) -> tuple[int | None, str]:
    """The value of an answer that came as text, with what its words add to `rest`."""
    plain = slug(text)
    if plain in words:
        return words[plain], rest
    if (found := _whole(text)) is not None:
        return found, rest
    if (part := _OF_ALL.fullmatch(text)) is not None:
        return (int(part[1]) if int(part[2]) == scale.item_range[1] else None), rest
    if (both := _NUMBER_FIRST.fullmatch(text.strip())) is not None:
        # "2 - more than half the days": the number counts where its words say the same, or may be an item's own text.
        found = int(both[1])
        said = words.get(slug(both[3]))
        free = said is None and (not words or scale.items == 1)
        agrees = not both[2].isspace() if free else said == found
        return (found if agrees else None), rest
    if scale.name == _CSSRS:
        if plain.startswith("yes-"):
            return 1, "-".join(part for part in (rest, plain.removeprefix("yes-")) if part)
        if number in _BEHAVIOUR and says_when(plain) and not plain.startswith(("no-", "not-")):
            return 1, plain
    return None, rest


def says_when(plain: str) -> str:
    """When a slug says that something was: ``recent`` (in the past 3 months), ``before`` (earlier), or nothing."""
    words = plain.split("-")
    return next((when for when, starts in WHEN_WORDS if any(word.startswith(starts) for word in words)), "")


# ---- a form ----------------------------------------------------------------------------------------------------------


class _Given(NamedTuple):
    """An answer whose item is known: its number, what else its name says, the name and the value as sent."""

    number: int
    rest: str
    name: str
    value: FormValue


def read_form(instrument: str, items: FormItems | None) -> Form:
    """Read a form's items; an empty form where there are none."""
    scale = INSTRUMENTS.get(instrument)
    if items is None or scale is None:
        return Form()
    if isinstance(items, str):
        return Form(unread=(UnreadAnswer(None, "", items, "its items are neither a list nor named"),))
    if isinstance(items, Mapping):
        return _named_form(scale, items)
    if len(items) == scale.items or (instrument == _CSSRS and len(items) == _WHEN):
        return _form(scale, [_Given(number, "", str(number), value) for number, value in enumerate(items, 1)])
    if items and instrument == _CSSRS and all(isinstance(item, str) for item in items):
        # Questions that were ticked: each of them is a yes, if it is surely one of them.
        ticked = _named_form(scale, dict.fromkeys((str(item) for item in items), True))
        if not ticked.unread:
            return ticked
    why = f"a list has as many answers as there are items: {scale.items}"
    return Form(unread=tuple(UnreadAnswer(None, str(place), value, why) for place, value in enumerate(items, 1)))


def _form(scale: Instrument, given: Iterable[_Given], unread: Iterable[UnreadAnswer] = ()) -> Form:
    """A form of answers whose items are known, with what else was not understood."""
    answers: list[ItemAnswer] = []
    skipped: set[int] = set()
    lost = list(unread)
    for number, rest, name, value in given:
        found = _answer(scale, number, rest, value)
        if found is None:
            skipped.add(number)
        elif isinstance(found, str):
            lost.append(UnreadAnswer(number, name, value, found))
        elif scale.name == _CSSRS and number in _BEHAVIOUR:
            # Question 6 may come in two parts.
            answers.append(found)
        elif (same := next((one for one in answers if one.number == number), None)) is None:
            answers.append(found)
        elif same.value != found.value:
            # Both are kept, so that the worse is heard; the form has no score.
            answers.append(found)
            lost.append(UnreadAnswer(number, name, value, "an item has two different answers"))
    return Form(tuple(sorted(answers)), frozenset(skipped) - {answer.number for answer in answers}, tuple(lost))


_CODE: Final = re.compile(r"(?<![\d-])\d{4,5}-\d(?![\d-])")


def _named_form(scale: Instrument, items: Mapping[str, FormValue]) -> Form:
    """A form of named answers: by code, by number, by words; what is beside the items is left out."""
    codes = CODES.get(scale.name, {})
    known: list[_Given] = []
    unknown: list[UnreadAnswer] = []
    fields: dict[str, FormValue] = {}
    for name, value in items.items():
        found = _CODE.findall(name)
        if found and found[0] in codes:
            known.append(_Given(*codes[found[0]], name, value))
        elif found and found[0] not in OTHER_CODES:
            unknown.append(UnreadAnswer(None, name, value, "a code is none of its items'"))
        elif not found and (scale.items == 1 or not TOTALS & set(slug(name).split("-"))):
            fields[name] = value
    if scale.items == 1:
        known += _only_item(scale, fields)
        return _form(scale, known, unknown)
    beside: list[UnreadAnswer] = []
    numbers, unsure = numbers_in(scale, list(fields))
    for name, value in fields.items():
        number, rest = numbers.get(name, (None, ""))
        words = _worded(scale.name, name)
        if name in unsure or (number is not None and words is not None and _contradict(scale, words, number)):
            unknown.append(UnreadAnswer(None, name, value, "a name may mean two of its items"))
        elif number is not None and number in numbers_of(scale):
            known.append(_Given(number, rest, name, value))
        elif number is None and words is not None:
            known.append(_Given(words.number, slug(name), name, value))
        elif not EXTRA & set(slug(name).split("-")):
            beside.append(UnreadAnswer(None, name, value, "a name is none of its items'"))
    if not known and len(beside) == scale.items and scale.name not in SUICIDAL_ITEMS:
        # A total does not ask in which order its items came, and none of them is about suicide.
        known = [_Given(place, "", one.name, one.value) for place, one in enumerate(beside, 1)]
    # Where every item is there under its own name, whatever else there is stands beside them.
    whole = set(range(1, scale.items + 1)) <= {one.number for one in known}
    return _form(scale, known, unknown if whole else [*unknown, *beside])


def _only_item(scale: Instrument, fields: Mapping[str, FormValue]) -> list[_Given]:
    """The one item of a scale of one: the fields that have its name, or one of those that mean the item."""
    found = []
    for name, value in fields.items():
        brand = next((one for one in BRANDS[scale.name] if left_of(name, one) is not None), "")
        left = name if not brand else left_of(name, brand) or ""
        numbers = {int(digits) for digits in re.findall(r"\d{1,4}", left)}
        words = set(re.findall(r"[^\W\d_]+", left.lower()))
        if numbers <= {1} and (brand or numbers or words & ONLY_ITEM) and words <= ONLY_ITEM | ASKED | TOTALS:
            found.append(_Given(1, "", name, value))
    return found


def _worded(instrument: str, name: str) -> ItemWords | None:
    """The item whose words a name has; None: no item's."""
    words = slug(name).split("-")
    for row in ITEM_WORDS.get(instrument, ()):
        if all(any(word.startswith(start) for word in words) for start in row.words):
            return row
    return None


def _contradict(scale: Instrument, words: ItemWords, number: int) -> bool:
    both = {words.number, number}
    return not words.weak and len(both) == 2 and not (scale.name == _CSSRS and both == _BEHAVIOUR)


# ---- the score -------------------------------------------------------------------------------------------------------


def total_in(instrument: str, items: FormItems | None) -> float | None:
    """The total that stands among items in place of all of them; None: there are items, or no total."""
    if instrument not in INSTRUMENTS or not isinstance(items, Mapping) or not items:
        return None
    named = {name: set(slug(name).split("-")) for name in items}
    if INSTRUMENTS[instrument].items == 1 or not all(words & (TOTALS | EXTRA) for words in named.values()):
        return None
    totals = [
        _number(items[name])
        for name, words in named.items()
        if words & {"total", "sum", "score"} and not words & _BESIDE
    ]
    return totals[0] if len(totals) == 1 else None


_BESIDE: Final = {"date", "time", "timestamp", "version", "risk", "level", "id"}


def _number(value: FormValue) -> float | None:
    if isinstance(value, str):
        return _whole(value)
    return None if value is None or isinstance(value, bool) else float(value)


def score_of(instrument: str, items: FormItems | None, score: float | None) -> float | None:
    """The instrument's total from items, or the one that was sent. None for `symptoms`, which are words, not a number.

    Raises:
        ScoreRefused: neither was sent, or what was sent is not understood, not whole or out of the instrument's range.
    """
    if instrument == "symptoms":
        return None
    scale = INSTRUMENTS[instrument]
    form = read_form(instrument, items)
    if score is None:
        score = total_in(instrument, items)
    if form.answers or form.unread or (items is not None and score is None):
        return _score_of_form(scale, form)
    if score is None:
        raise ScoreRefused("score", f"{scale.title} came with neither items nor a score")
    low, high = scale.score_range
    if not low <= score <= high:
        raise ScoreRefused("score", f"{scale.title} is {low:g} to {high:g}")
    return score


def _score_of_form(scale: Instrument, form: Form) -> float:
    if form.unread:
        raise ScoreRefused("items", f"{scale.title}: {form.unread[0].why}")
    if scale.name in _MAY_SKIP and form.answers:
        # Question 6 in two parts is one question.
        yes = {min(answer.number, scale.items) for answer in form.answers if answer.value}
        return float(len(yes))
    if len(form.answers) != scale.items:
        why = "not all are answered" if form.skipped else "not all are there"
        raise ScoreRefused("items", f"{scale.title} has {scale.items} items; {why}")
    return min(scale.scoring([answer.value for answer in form.answers]), scale.score_range[1])
