"""Searches of the FHIR read API: a request's parameters in, what is searched for out, or what is wrong with them.

Dates may be a year, a month, a day or an instant, behind `eq`, `ne`, `gt`, `lt`, `ge`, `le`, `sa` or `eb`; without a zone, in
that of the site. Codes are `CODE` or `SYSTEM|CODE`, with commas between several. A parameter that is not known is refused: a
filter that does nothing would show more than was asked for.
Never here: reading the store, HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from models.instants import FAR, NEVER, to_us

ParameterKind = Literal["reference", "date", "token"]
MOST_SEARCHED: Final = 500
"""Resources of a page at the most, `USUALLY_SEARCHED` where `_count` does not say. By us: a page is then less than 1 MB."""
USUALLY_SEARCHED: Final = 100
PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
_DATE: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?P<time>\d\d:\d\d(?P<second>:\d\d(?:\.\d{1,9})?)?)"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


class Parameter(NamedTuple):
    """A search parameter: its name as FHIR has it, what its values are, and what it finds."""

    name: str
    kind: ParameterKind
    words: str


_ID_, _UPDATED = Parameter("_id", "token", "Its id."), Parameter("_lastUpdated", "date", "When it last changed here.")
_PATIENT = Parameter("patient", "reference", "The patient: `Patient/ALIAS`, or the alias alone.")
PARAMETERS: Final[Mapping[str, tuple[Parameter, ...]]] = {
    "Patient": (_ID_, _UPDATED, Parameter("identifier", "token", "The alias.")),
    "Observation": (
        _ID_, _UPDATED, _PATIENT, Parameter("date", "date", "When it was observed."),
        Parameter("code", "token", "What was observed, by LOINC."), Parameter("category", "token", "`vital-signs` or `survey`."),
    ),
    "QuestionnaireResponse": (_ID_, _UPDATED, _PATIENT, Parameter("authored", "date", "When it was answered.")),
    "Flag": (_ID_, _UPDATED, _PATIENT, Parameter("date", "date", "While it was so.")),
    "Communication": (_ID_, _UPDATED, _PATIENT, Parameter("sent", "date", "When the first one had it.")),
    "RiskAssessment": (_ID_, _UPDATED, _PATIENT, Parameter("date", "date", "The day of the forecast.")),
    "AuditEvent": (
        _ID_, _UPDATED, _PATIENT, Parameter("date", "date", "When it was recorded."),
        Parameter("type", "token", "What was done, such as `read` or `transition.raised`."),
    ),
}  # fmt: skip
"""What each type of resource is searched by."""
NEED_A_PATIENT: Final = frozenset(("Observation", "QuestionnaireResponse", "Communication", "RiskAssessment"))
"""Types that are searched one patient at a time: `patient` or `_id` must be there."""
EVERYWHERE: Final = frozenset(("_count", "_after", "_format", "_pretty", "site"))


class SearchRefused(ValueError):
    """A search that cannot be made, with the parameter that is wrong."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter


class DateCondition(NamedTuple):
    """A condition on a date: the prefix, and the interval that the date stands for, the end not in it; µs since 1970."""

    prefix: str
    start_us: int
    end_us: int

    def fits(self, start_us: int, end_us: int) -> bool:
        """Whether something that lasted from start to end, both in it, fulfils the condition (FHIR R4, 3.1.1.4.7)."""
        within = self.start_us <= start_us and end_us < self.end_us
        match self.prefix:
            case "eq":
                return within
            case "ne":
                return not within
            case "gt":
                return end_us >= self.end_us
            case "lt":
                return start_us < self.start_us
            case "ge":
                return within or end_us >= self.end_us
            case "le":
                return within or start_us < self.start_us
            case "sa":
                return start_us >= self.end_us
            case _:
                return end_us < self.start_us


class SearchedCode(NamedTuple):
    """A code that is looked for; `system` None: of any."""

    system: str | None
    code: str

    def fits(self, codes: Iterable[tuple[str, str]]) -> bool:
        """Whether it is among these (system, code)."""
        return any(code == self.code and self.system in (None, system) for system, code in codes)


Cursor = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for. `when` and `updated` must all be fulfilled, of each list of tokens one. `after`: the cursor."""

    kind: str
    ids: tuple[str, ...] | None
    patient: str | None
    when: tuple[DateCondition, ...]
    updated: tuple[DateCondition, ...]
    tokens: Mapping[str, tuple[tuple[SearchedCode, ...], ...]]
    count: int
    after: Cursor | None

    def from_us(self) -> int:
        """Nothing that is an instant before this one fits."""
        lows = [moment.start_us for moment in self.when if moment.prefix in {"eq", "ge"}]
        return max([*lows, *(moment.end_us for moment in self.when if moment.prefix in {"gt", "sa"})], default=NEVER)

    def until_us(self) -> int:
        """Nothing that is an instant at this one or after it fits."""
        highs = [moment.end_us for moment in self.when if moment.prefix in {"eq", "le"}]
        return min([*highs, *(moment.start_us for moment in self.when if moment.prefix in {"lt", "eb"})], default=FAR)


def search_of(kind: str, pairs: Sequence[tuple[str, str]], zone: str) -> Search:
    """The search of a request's parameters.

    Args:
        pairs: name and value, in order, names as often as they were sent. zone: of dates that have none.

    Raises:
        SearchRefused: a parameter is not known, or its value is none.
    """
    known = {each.name: each for each in PARAMETERS[kind]}
    ids: tuple[str, ...] | None = None
    patient: str | None = None
    when: list[DateCondition] = []
    updated: list[DateCondition] = []
    tokens: dict[str, list[tuple[SearchedCode, ...]]] = {}
    count, after = USUALLY_SEARCHED, None
    for name, value in pairs:
        if name == "_count":
            if not (value.isascii() and value.isdecimal() and len(value) < 10) or int(value) < 1:
                raise SearchRefused(name, "a number from 1")
            count = min(int(value), MOST_SEARCHED)
        elif name == "_after":
            after = cursor_of(value)
        elif name in EVERYWHERE:
            continue
        elif name not in known:
            there = ", ".join(sorted((*known, "_count")))
            raise SearchRefused(name, f"is no parameter of {kind} here: there are {there}")
        elif name == "_id":
            asked = tuple(part for part in value.split(",") if part)
            ids = asked if ids is None else tuple(one for one in ids if one in asked)
        elif name == "patient":
            alias = value.removeprefix("Patient/")
            if not alias or patient not in (None, alias):
                raise SearchRefused(name, "one patient at a time")
            patient = alias
        elif known[name].kind == "date":
            (updated if name == "_lastUpdated" else when).append(moment_of(name, value, zone))
        else:
            tokens.setdefault(name, []).append(tuple(_token(part) for part in value.split(",")))
    if kind in NEED_A_PATIENT and patient is None and ids is None:
        raise SearchRefused("patient", "say whose: patient=Patient/ALIAS")
    either = {name: tuple(lists) for name, lists in tokens.items()}
    return Search(kind, ids, patient, tuple(when), tuple(updated), either, count, after)


def moment_of(name: str, value: str, zone: str) -> DateCondition:
    """The condition of a date with its prefix.

    Raises:
        SearchRefused: it is none.
    """
    # In a query `+` is a space: a zone east of Greenwich often comes so.
    text = value.replace(" ", "+")
    prefix = text[:2] if text[:2] in PREFIXES else ""
    matched = _DATE.fullmatch(text.removeprefix(prefix))
    if matched is None:
        raise SearchRefused(name, f"{value[:60]} is no date: YYYY, YYYY-MM, YYYY-MM-DD or an instant")
    year, month, day, time, second = (matched[part] for part in ("year", "month", "day", "time", "second"))
    own = matched["zone"]
    try:
        moment = datetime.fromisoformat(
            f"{year}-{month or '01'}-{day or '01'}T{(time or '00:00')[:15]}{'' if own is None else own}"
        )
        start = moment if own is not None else moment.replace(tzinfo=ZoneInfo(zone))
        if time is not None:
            fraction = len((second or "").partition(".")[2])
            # Of what is shorter than a millisecond no resource here says anything.
            span = (
                timedelta(minutes=1)
                if second is None
                else timedelta(seconds=1)
                if fraction == 0
                else timedelta(milliseconds=1)
            )
            end = start + span
        elif day is not None:
            end = start + timedelta(days=1)
        elif month is not None:
            end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        else:
            end = start.replace(year=start.year + 1)
        return DateCondition(prefix or "eq", to_us(start), to_us(end))
    except (ValueError, OverflowError) as wrong:
        raise SearchRefused(name, f"{value[:60]} is no date: {wrong}") from wrong


def cursor_of(text: str) -> Cursor:
    """The cursor of a link to a next page.

    Raises:
        SearchRefused: it is none of ours.
    """
    at, mark, id_ = text.partition("~")
    if not mark or not re.fullmatch(r"-?\d{1,18}", at, re.ASCII):
        raise SearchRefused("_after", "is none of ours: follow the link `next` of a Bundle")
    return int(at), id_


def _token(text: str) -> SearchedCode:
    system, bar, code = text.rpartition("|")
    return SearchedCode(system if bar else None, code)
