"""Bounds of what comes in: one type for each kind of number, name and list on the wire, each with the reason for its bounds.

A value that no clinic can mean is refused where it arrives, by field and reason: further in it would be somebody's division by
zero, a checkpoint that cannot be packed, or a document that no board can read. Bounds are wide on purpose. What somebody may
have meant, or mistyped (another unit, a code for "not known"), is taken and judged where it is understood: a dose of an
implausible amount is still a dose, and one bad answer must not hide the answer about suicide beside it.
Bad at: what is plausible. That is the business of the tables (`models/tables/`), and of the ward for readings.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema
from typing_extensions import TypeAliasType

CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
"""What ends a line, moves a cursor or ends a C string. PostgreSQL and file systems refuse NUL; a page is one line."""


class OneLine:
    """For `Annotated[str, ...]`: no control characters."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        pattern = f"^[^{CONTROL[1:-1]}]*$".replace(r"\u", r"\x").replace("2028", "{2028}").replace("2029", "{2029}")
        plain = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=pattern), "control_character",
            custom_error_message="Value holds a control character: a name is one line of text",
        )  # fmt: skip
        return core_schema.chain_schema([handler(source), plain])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "not": {"pattern": CONTROL}}


# ---- texts -----------------------------------------------------------------------------------------------------------

Name = Annotated[str, Field(min_length=1, max_length=200), OneLine()]
"""An id, an alias, a name of anything: 36 characters are a UUID, 64 a hash, 200 a URI. One line of text."""
Drug = Annotated[str, Field(min_length=1, max_length=60), OneLine()]
"""A drug's name: the longest international non-proprietary names have some 30 characters."""
Text = Annotated[str, Field(max_length=4000)]
"""What somebody writes: a page or so."""
EXCERPT_LENGTH: Final = 2000
"""Characters of what was set aside that are kept: enough to see what it was, too few to fill a disk. Chosen by us."""
Excerpt = Annotated[str, BeforeValidator(lambda text: text[:EXCERPT_LENGTH])]
"""Ours, about what somebody sent: cut, never refused."""
MANY: Final = 100
"""Entries of a list or an object: CADSS has 23 items, nobody has a hundred diagnoses. Chosen by us."""


# ---- instants --------------------------------------------------------------------------------------------------------

_FIRST, _LAST = 1900, 2199
_NUMBER: Final = re.compile(r"\s*[-+]?[\d.,]+\s*")


def refuse_number(value: Any) -> Any:
    """A time as it came, where it is a text or a `datetime`; a number is none, nor is one written as text.

    Raises:
        PydanticCustomError: "20261109" is a day in 2026 as HL7 writes it, and pydantic reads it as seconds: a day in 1970.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        raise PydanticCustomError("number_as_time", "Input is a number, not a time: write 2026-11-23T14:00:00Z")
    if not isinstance(value, str | datetime):
        raise PydanticKnownError("datetime_type")
    return value


class WrittenOut:
    """For `Annotated[AwareDatetime, Field(strict=False), ...]`: no number. Strict, no text would pass behind this."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(refuse_number, handler(source))


Moment = Annotated[
    AwareDatetime,
    Field(strict=False, ge=datetime(_FIRST, 1, 1, tzinfo=UTC), lt=datetime(_LAST + 1, 1, 1, tzinfo=UTC)),
    WrittenOut(),
]
"""An instant that a clinic can mean, and that can be added to: near the ends of the calendar, arithmetic and zones fail."""


def _day(text: str) -> str:
    if not _FIRST <= date.fromisoformat(text).year <= _LAST:
        raise ValueError(f"the year is not within {_FIRST} to {_LAST}")
    return text


Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", max_length=10), AfterValidator(_day)]
"""A date within the same years, as text."""


# ---- numbers ---------------------------------------------------------------------------------------------------------

Number = Annotated[float, Field(allow_inf_nan=False)]
"""A reading, and only a reading: a line must not lose its other channels for one, so each is judged by the ward
(`streams/ward/signal/quality.py`), where what its channel cannot show proves nothing."""
Kilograms = Annotated[float, Field(ge=10, le=650, allow_inf_nan=False)]
"""The heaviest person on record had 635 kg; adults have lived with anorexia at some 20 kg, and 10 leaves room for a child.
Doses per kilogram and the drug's volume follow from it, so nothing near zero."""
BirthYear = Annotated[int, Field(ge=1880, le=2200)]
"""The oldest person ever verified reached 122; nobody is born after the last instant that there is."""
Milligrams = Annotated[float, Field(ge=-1e10, le=1e10, allow_inf_nan=False)]
"""Any slip of unit down to nanograms (1,200 mg, the most of `models/tables/drugs.py`, are 1.2e9 ng) and any code for "not known"
(-1, 9999): such an amount counts as one usual dose. Beyond it is no amount."""
Minutes = Annotated[float, Field(ge=-1e10, le=1e10, allow_inf_nan=False)]
"""Any slip of unit down to microseconds (40 min are 2.4e9 µs) and codes for "not known": what does not last under a day lasts
as long as usual."""
Whole = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)]
"""The whole numbers on which all readers of JSON agree (RFC 8259, section 6)."""
AnswerText = Annotated[str, Field(max_length=200)]
"""An answer in words: the longest of a form's own words have some 100 characters."""
ItemValue = bool | Whole | Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)] | AnswerText | None
"""An item's answer, null where it was left out. Neither a code for "skipped" (-9, 999) nor a word that nobody knows must refuse
the line: the score is, what was answered is heard, and what was not understood is said to be."""
Total = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
"""An instrument's total, codes for "not known" included. The instrument's own range is in `models/tables/instruments.py`."""
LimitValue = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]
"""Where a limit begins or ends: no channel in `models/tables/channels.py` reaches beyond 280 in its unit."""
HoldSeconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
"""An hour: what lasts longer than that before anybody is told is no alarm. Chosen by us."""
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Phq9 = Annotated[float, Field(ge=0, le=27, allow_inf_nan=False)]
"""Severity, or a spread of it, on the PHQ-9 scale."""
Entries = Annotated[int, Field(ge=0, le=1_000_000)]
"""How many entries a course has: twenty years of daily mood are 7,300, and a sender may repeat itself a hundred times."""
Days = Annotated[int, Field(ge=0, le=3660)]
"""A gap between doses: ten years."""


# ---- anything --------------------------------------------------------------------------------------------------------

Finite = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]

if TYPE_CHECKING:
    Plain = Any  # mypy does not follow an alias into itself through `Annotated`
else:
    _list, _dict = (
        Annotated[list["Plain"], Field(max_length=10 * MANY)],
        Annotated[dict[Name, "Plain"], Field(max_length=MANY)],
    )
    Plain = TypeAliasType("Plain", bool | Whole | Finite | Text | _list | _dict | None)
"""JSON of a shape that is read elsewhere (a site's policies), every number and text in it bounded."""
