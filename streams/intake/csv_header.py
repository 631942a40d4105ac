"""The header of a table: which column is the time, whose a row is, and which are channels, in which unit.

A column is what `--rename` says it is; else what it is called, as on the wire (`spo2`) or as exports write it (`NAMES`), in any
case and with a unit beside it (`SpO2 (%)`, `Temp [°F]`, `t_ms`). A unit that is another than the channel's is converted, or the
column is left out with the reason; both are remarked. A column that is there twice is refused: who knows which is meant?
Bad at: units that a header keeps to itself. Cost: once a file. Never here: rows (`csv_file.py`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from models.tables.channels import CHANNEL_NAMES, CHANNELS
from models.tables.units import AS_IT_IS, CONVERSIONS, Conversion, plain_unit

COLUMN_NAMES: Final = frozenset({*CHANNEL_NAMES, "at", "t_s", "patient"})
"""What a column can be."""
DELIMITERS: Final = (",", ";", "\t", "|")
LINES_ABOVE: Final = 40
"""Lines within which a header is looked for: an export's own notes above it are shorter. Chosen by us."""

NAME_LINES: Final = 8
"""Lines over which a header with names in quotes may go. Chosen by us."""

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "at": ("time", "timestamp", "datetime", "date time", "date/time", "time stamp"),
    "t_s": ("t", "elapsed", "elapsed time"),
    "patient": ("patient id", "patientid", "patient alias", "subject", "subject id", "participant", "participant id"),
    "hr": ("heart rate", "heartrate"),
    "pulse": ("pulse rate", "pulserate", "pr"),
    "rr": ("resp rate", "respiratory rate", "respiration rate", "breathing rate"),
    "spo2": ("oxygen saturation", "o2 saturation"),
    "sbp": ("systolic", "systolic pressure", "systolic blood pressure", "systolic bp", "nibp systolic", "nibp sys"),
    "dbp": ("diastolic", "diastolic pressure", "diastolic blood pressure", "diastolic bp", "nibp diastolic", "nibp dia"),
    "map": ("mean arterial pressure", "mean pressure", "nibp mean"),
    "etco2": ("end tidal co2", "et co2"),
    "temp": ("temperature", "body temperature"),
    "tcco2": ("transcutaneous co2",),
}  # fmt: skip
"""What exports call a column, in lower case, its words apart by a space. Only what can mean nothing else."""


SECONDS: Final[Mapping[str, float]] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "microseconds"), 1e-6),
    **dict.fromkeys(("min", "minutes"), 60.0),
}
UTC_WORDS: Final = frozenset({"utc", "gmt", "z"})


class NotATable(ValueError):
    """The header names no time, or no channel, or one of them twice."""


class Column(NamedTuple):
    """A column that is a channel. place: its number in a row."""

    place: int
    channel: str
    scale: Conversion


@dataclass(frozen=True, slots=True)
class Layout:
    """What a header says of the fields of a row.

    header: the names as they stand. when: the time's place. seconds: None: it is a time; else what one of it is in seconds.
    utc: a time without an offset is UTC. whose: the patient's place; None: all rows are `patient`'s. channels: by place.
    remarks: what somebody should know of how it is read.
    """

    header: tuple[str, ...]
    when: int
    seconds: float | None
    utc: bool
    whose: int | None
    patient: str
    channels: tuple[Column, ...]
    delimiter: str
    remarks: tuple[str, ...]

    @property
    def last(self) -> int:
        """The last place that a row needs."""
        return max(self.when, self.whose or 0, *(column.place for column in self.channels))


class _Meaning(NamedTuple):
    """What a column may be: one of `COLUMN_NAMES`, in which scale. rank: the lower, the more certain. unit: as it is written."""

    name: str
    rank: int
    unit: str = ""
    scale: Conversion | None = AS_IT_IS
    utc: bool = False


def header_at(lines: Sequence[str], patient: str, rename: Mapping[str, str]) -> tuple[int, Layout]:
    """The number of the line that is the header, and its layout.

    Raises:
        NotATable: none of the first lines is one; the message is about the first of them that is not empty.
    """
    refused: NotATable | None = None
    delimiters: Sequence[str] = DELIMITERS
    for number, line in enumerate(lines[:LINES_ABOVE]):
        if not line.strip():
            continue
        if found := re.fullmatch(r'"?sep=(.)"?\s*', line):  # how Excel is told
            delimiters = (found[1],)
            continue
        for last, text in _quoted(lines, number):
            try:
                return last, layout_of(*_split(text, delimiters), patient, rename)
            except NotATable as wrong:
                refused = refused or wrong
    raise refused or NotATable("no column `at` or `t_s` among nothing: it is empty")


def _quoted(lines: Sequence[str], number: int) -> Iterator[tuple[int, str]]:
    """How the header that begins in a line may be meant: the number of its last line, and its text.

    A name in quotes may go on over lines; a quote that is never closed would make one name of all that follows.
    """
    line = lines[number]
    if line.count('"') % 2:
        for last in range(number + 1, min(number + NAME_LINES, len(lines))):
            if (together := "".join(lines[number : last + 1])).count('"') % 2 == 0:
                yield last, together
                break
        yield number, line.replace('"', "")
    else:
        yield number, line


def _split(line: str, delimiters: Sequence[str]) -> tuple[list[str], str]:
    """The fields of a line, and what parts them: what makes the most."""
    read = []
    for delimiter in delimiters:
        try:
            read.append((next(csv.reader([line], delimiter=delimiter), []), delimiter))
        except csv.Error:
            continue
    return max(read, key=lambda each: len(each[0]), default=([line], delimiters[0]))


def layout_of(header: Sequence[str], delimiter: str, patient: str, rename: Mapping[str, str]) -> Layout:
    """The layout of a table by the names of its columns.

    Raises:
        NotATable: it has no time, or no channel, or one of them twice.
    """
    names = tuple(column.strip() for column in header)
    exact = {column: rename[column] for column in names if column in rename}
    loose = {_plain(column): name for column, name in rename.items() if column not in exact}
    found: dict[str, list[tuple[_Meaning, int]]] = {}
    for index, column in enumerate(names):
        if (meaning := _meaning(column, exact.get(column) or loose.get(_plain(column)))) is not None:
            found.setdefault(meaning.name, []).append((meaning, index))
    chosen = {name: _one_of(name, meanings, names) for name, meanings in found.items()}
    time = min((chosen[name] for name in ("at", "t_s") if name in chosen), key=lambda each: each[0].rank, default=None)
    all_names = _shown(names) or "nothing"
    if time is None:
        raise NotATable(f"no column `at` or `t_s` among {all_names}; name the time with --rename COLUMN=at")
    remarks, channels = [], []
    for name, (meaning, index) in chosen.items():
        if name in CONVERSIONS and meaning.scale is None:
            remarks.append(f"{names[index]} is left out: {meaning.unit} cannot be converted to {_UNIT[name]}")
        elif name in CONVERSIONS:
            channels.append(Column(index, name, meaning.scale or AS_IT_IS))
            if meaning.scale != AS_IT_IS:
                remarks.append(f"{names[index]} is converted from {meaning.unit} to {_UNIT[name]}")
    if not channels:
        why = "; ".join(remarks) or f"no channel among {all_names}"
        raise NotATable(f"{why}; map one with --rename COLUMN=CHANNEL")
    read_as = [f"{names[index]} as {name}" for name, (meaning, index) in chosen.items() if meaning.rank == _GUESSED]
    if read_as:
        remarks.append(f"read {', '.join(read_as)}")
    used = {index for _, index in chosen.values()}
    if unread := [name for index, name in enumerate(names) if index not in used and not _NAMELESS.fullmatch(name)]:
        remarks.append(f"not read: {_shown(unread)}")
    meaning, when = time
    seconds = None if meaning.name == "at" else (meaning.scale or AS_IT_IS).factor
    whose = chosen["patient"][1] if "patient" in chosen else None
    return Layout(names, when, seconds, meaning.utc, whose, patient, tuple(channels), delimiter, tuple(remarks))


SHOWN_NAMES: Final = 12
"""Names that a remark lists at most. Chosen by us."""
_NAMELESS: Final = re.compile(r"|unnamed.*|index|row", re.IGNORECASE)
"""Columns that count rows, or are none."""
_UNIT: Final[Mapping[str, str]] = {channel.name: channel.shown_unit for channel in CHANNELS}
_RENAMED, _NAMED, _GUESSED = range(3)
_KNOWN: Final = {other: name for name, others in NAMES.items() for other in others}
_BRACKETED: Final = re.compile(r"(.+?)\s*(?:\(([^()]+)\)|\[(.+)\])")
_APART: Final = re.compile(r"(.+?)(?:[\s_,]+|(?=%))([^\s_,]+)")


def _one_of(name: str, meanings: Sequence[tuple[_Meaning, int]], names: Sequence[str]) -> tuple[_Meaning, int]:
    """The column that is meant.

    Raises:
        NotATable: more than one may be.
    """
    rank = min(meaning.rank for meaning, _ in meanings)
    best = [each for each in meanings if each[0].rank == rank]
    if len(best) > 1:
        columns = " and ".join(names[index] for _, index in best)
        raise NotATable(
            f"{len(best)} columns are {name}: {columns}; keep one, or choose one with --rename COLUMN={name}"
        )
    return best[0]


def _meaning(column: str, renamed: str | None) -> _Meaning | None:
    """What a column is, which may have been renamed; None: nothing that is read here."""
    if renamed is None and column.lower() in COLUMN_NAMES:
        return _Meaning(column.lower(), _NAMED)
    for base, unit, bracketed in _readings(column):
        known = base.lower() in COLUMN_NAMES
        name = renamed or (base.lower() if known else _KNOWN.get(_words(base)))
        if name is None:
            continue
        rank = _RENAMED if renamed else _NAMED if known else _GUESSED
        if not unit:
            return _Meaning(name, rank)
        plain = plain_unit(unit)
        if name in {"at", "t_s"}:
            if plain in SECONDS:
                # A time that is counted in seconds is none of a calendar.
                return _Meaning(renamed or "t_s", rank, unit, Conversion(SECONDS[plain]))
            if bracketed or plain in UTC_WORDS:
                return _Meaning(name, rank, unit, utc=plain in UTC_WORDS)
        elif name in CONVERSIONS and (bracketed or plain in CONVERSIONS[name]):
            scale = CONVERSIONS[name].get(plain)
            # Who renames a column says that it is in the channel's unit, unless its name says otherwise.
            return _Meaning(name, rank, unit, AS_IT_IS if scale is None and renamed else scale)
    return None if renamed is None else _Meaning(renamed, _RENAMED)


def _readings(column: str) -> Iterator[tuple[str, str, bool]]:
    """How a column's name may be read: the name, the unit or nothing, and whether that stands in brackets."""
    bracketed, apart = _BRACKETED.fullmatch(column), _APART.fullmatch(column)
    if bracketed:
        yield bracketed[1], bracketed[2] or bracketed[3], True
    if apart:
        yield apart[1], apart[2], False
    yield column, "", False


def _plain(name: str) -> str:
    """A name as people type it again: in any case, its spaces as they come."""
    return " ".join(name.split()).casefold()


def _shown(names: Sequence[str]) -> str:
    """Names for a message, which is a line."""
    return ", ".join(
        [*(" ".join(name.split())[:40] for name in names[:SHOWN_NAMES]), *(["…"] if len(names) > SHOWN_NAMES else [])]
    )


def _words(name: str) -> str:
    return re.sub(r"[\s_.-]+", " ", name.replace("₂", "2")).strip().lower()
