"""Recorded vitals in a CSV file: rows in, records or arrays out. What its columns are, the header says (`csv_header.py`).

What is wrong costs as little as can be. A gap, however it is written, is no reading; a cell that is no number is none either,
and is counted; a row without a time is set aside, and so is the line of a quote that is never closed, not what follows it.
A header that comes again, as where files were put one after the other, counts from there on.

A row is read into a record by `rows`, which knows what is wrong with a bad one. `columns` reads many rows at once, as
arrays, if every one of them is plain: ASCII, nothing quoted, as many fields in each, every reading a number that the model
takes. Otherwise it gives up, and `rows` reads the same lines. So it has to be right only about what it takes.
Cost: 6 µs a row; 0.5 µs a plain one. Never here: files, the order of several.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite, isnan, nan
from typing import Final

import numpy as np
from pydantic import ValidationError

from models.arrays import Floats, Ints
from models.instants import EPOCH, SECOND, from_iso, to_datetime
from models.tables.channels import CHANNEL_COLUMN, CHANNEL_NAMES
from models.tables.units import AS_IT_IS, CONVERSIONS, plain_unit
from models.wire.observations import SetAside, Vitals
from streams.intake.csv_header import Layout, NotATable, layout_of
from streams.intake.gaps import NoNumbers, is_gap
from streams.intake.json import NOBODY, SHOWN, why
from streams.journal.frame import Frame, Origin

QUOTED_LINES: Final = 20
"""Lines over which a quoted text may go on. Chosen by us: more than a note has; a quote that is not closed by then never is."""

FEWER: Final = "fewer fields than the header has"
MORE: Final = "more fields than the header has"
UNCLOSED: Final = "a quote is never closed"
NUMBER: Final = "a number, not a time: write 2026-11-23T14:00:00Z, or call the column t_s if it counts seconds"
NO_OFFSET: Final = "a time without an offset: add Z or +hh:mm, or (UTC) to the column's name"
NO_TIME: Final = "not a time: write 2026-11-23T14:00:00Z"
NO_SECONDS: Final = "not a number of seconds"
TOO_FAR: Final = "too far away to be a time: are these milliseconds? Then call the column t_ms"


@dataclass(slots=True)
class Table:
    """A table that is being read. layout: of the rows to come. What was odd so far: `lost`, `headers`.

    lost: cells that are neither a number nor a gap. headers: that came again.
    """

    layout: Layout
    rename: Mapping[str, str]
    lost: NoNumbers = field(default_factory=NoNumbers)
    headers: int = 0

    def remarks(self) -> Iterator[str]:
        """What was odd, in sentences without their end."""
        yield from self.lost.remarks()
        if self.headers:
            yield f"headers among the rows: {self.headers}; each counts from there on"


def rows(lines: Iterator[str], table: Table) -> Iterator[Vitals | SetAside]:
    """Each row as a record; what cannot be read is set aside with its field and reason. `lines`: with their ends."""
    for row in _fields_of(lines, table):
        record = row if isinstance(row, SetAside) else _record(row, table)
        if record is not None:
            yield record


def _fields_of(lines: Iterator[str], table: Table) -> Iterator[list[str] | SetAside]:
    """The fields of each row. Quoted text may go on over lines; a quote that is never closed costs its own line."""
    ahead: deque[str] = deque()
    while (line := ahead.popleft() if ahead else next(lines, None)) is not None:
        layout = table.layout
        row = _parsed(line, layout)
        if isinstance(row, list) and not row:
            continue
        if line.count('"') % 2:
            taken: list[str] = []
            while len(taken) < QUOTED_LINES and (more := ahead.popleft() if ahead else next(lines, None)) is not None:
                taken.append(more)
                if more.count('"') % 2:
                    break
            together = _parsed("".join([line, *taken]), layout, strict=True)
            if isinstance(together, list) and len(together) == len(layout.header) and not _are_rows(taken, layout):
                row = together
            else:
                ahead.extendleft(reversed(taken))
                if isinstance(row, str) or len(row) != len(layout.header):
                    row = UNCLOSED
        yield _aside("", row, line.rstrip("\r\n")) if isinstance(row, str) else row


def _are_rows(lines: Sequence[str], layout: Layout) -> bool:
    """Whether a line that a quoted text would swallow is a row by itself."""
    read = (_parsed(line, layout) for line in lines[:-1])
    return any(isinstance(row, list) and len(row) == len(layout.header) and _is_time(row, layout) for row in read)


def _is_time(row: Sequence[str], layout: Layout) -> bool:
    try:
        _instant(row[layout.when], layout)
    except (ValueError, OverflowError):
        return False
    return True


def _parsed(text: str, layout: Layout, *, strict: bool = False) -> list[str] | str:
    """The fields of one row; a text says why there are none. `strict`: nothing follows a closing quote but a delimiter."""
    try:
        read = list(csv.reader([text], delimiter=layout.delimiter, strict=strict))
    except csv.Error as wrong:
        return str(wrong)
    return read[0] if read else []


def _record(row: list[str], table: Table) -> Vitals | SetAside | None:
    """A row's record; None: there is none to be made of it, and nothing to be said."""
    layout = table.layout
    line, named = layout.delimiter.join(row), layout.header[layout.when]
    if not "".join(row).strip():
        return None
    if len(row) <= layout.last:
        return _aside("", FEWER, line)
    if "".join(row[len(layout.header) :]).strip():
        # A decimal comma among commas, or a column without a name before the others: which field is which?
        return _aside("", MORE, line)
    try:
        at = to_datetime(_instant(row[layout.when], layout))
    except (ValueError, OverflowError) as wrong:
        if _is_header(row, table):
            return None
        return _aside(named, str(wrong) if isinstance(wrong, ValueError) else TOO_FAR, line)
    said: dict[str, object] = {"at": at, "patient": layout.patient}
    if layout.whose is not None:
        said["patient"] = row[layout.whose].strip()
        if is_gap(row[layout.whose]):
            return _aside(layout.header[layout.whose], NOBODY, line)
    for index, channel, scale in layout.channels:
        reading = _number(row[index], layout)
        if reading is None and (reading := _with_unit(row[index], channel, layout)) is not None:
            said[channel] = reading
        elif reading is None:
            table.lost.add(channel, row[index])
        elif not isnan(reading):
            said[channel] = reading if scale == AS_IT_IS else reading * scale.factor + scale.offset
    try:
        return Vitals.model_validate(said)
    except ValidationError as wrong:
        return _aside(*why(wrong.errors(include_url=False, include_context=False), 0), line)


def _is_header(row: Sequence[str], table: Table) -> bool:
    """Whether the row is a header; then it is the table's from here on."""
    try:
        table.layout = layout_of(row, table.layout.delimiter, table.layout.patient, table.rename)
    except NotATable:
        return False
    table.headers += 1
    return True


_ZONE: Final = re.compile(r"\s*(?:(Z|UTC|GMT)|([+-]\d\d:?\d\d))$", re.IGNORECASE)


def _instant(text: str, layout: Layout) -> int:
    """The instant of a time.

    Raises:
        ValueError: it is none, with the reason. OverflowError: it is too far away.
    """
    if layout.seconds is not None:
        number = _number(text, layout)
        if number is None or isnan(number):
            raise ValueError(NO_SECONDS)
        return round(number * layout.seconds * SECOND)
    try:
        return from_iso(text)
    except ValueError:
        pass
    plain = text.strip()
    if re.fullmatch(r"[-+]?[\d.,]+", plain):
        raise ValueError(NUMBER)
    plain = _ZONE.sub(lambda found: found[2] or "Z", plain)
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError as wrong:
        raise ValueError(NO_TIME) from wrong
    if moment.tzinfo is None:
        if not layout.utc:
            raise ValueError(NO_OFFSET)
        plain += "Z" if len(plain) > len("2026-11-23") else "T00:00:00Z"
    return from_iso(plain)


def _number(text: str, layout: Layout) -> float | None:
    """A cell's number; NaN where it is a gap, None where it is neither."""
    plain = text.strip()
    if is_gap(plain):
        return nan
    if layout.delimiter != "," and plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        return None
    # Python reads 9_7 as 97, and digits of other scripts; nobody writes them so and means it.
    return number if isfinite(number) and "_" not in plain and plain.isascii() else None


_QUANTITY: Final = re.compile(r"\s*([-+]?\d[\d.,]*)\s*([^\d\s.,].*)")


def _with_unit(text: str, channel: str, layout: Layout) -> float | None:
    """A reading that names its unit (``97 %``, ``36.9 °C``), in the channel's; None: it is none, or of no known unit."""
    found = _QUANTITY.fullmatch(text)
    if found is None or (scale := CONVERSIONS[channel].get(plain_unit(found[2]))) is None:
        return None
    number = _number(found[1], layout)
    return None if number is None else number * scale.factor + scale.offset


def _aside(where: str, reason: str, line: str) -> SetAside:
    return SetAside(at=EPOCH, field=where, reason=reason, line=line[:SHOWN])


def columns(lines: bytes, layout: Layout) -> Frame | None:
    """Whole lines as a frame; None if any of them is not plain."""
    fields = _fields(lines, layout)
    if fields is None:
        return None
    count = len(fields[layout.when])
    values = np.full((count, len(CHANNEL_NAMES)), nan)
    try:
        at_us = _instants(fields[layout.when], layout)
        for index, channel, scale in layout.channels:
            read = _readings(fields[index], layout)
            if read is None:
                return None
            values[:, CHANNEL_COLUMN[channel]] = read if scale == AS_IT_IS else read * scale.factor + scale.offset
        patients = [layout.patient] * count if layout.whose is None else [name.strip() for name in fields[layout.whose]]
        places = {patient: place for place, patient in enumerate(dict.fromkeys(patients))}
        if layout.whose is not None and any(map(is_gap, places)):
            return None
        origins = _origins(places, at_us, values)
    except (ValueError, OverflowError):
        return None
    return Frame(
        origins=origins,
        origin=np.array([places[patient] for patient in patients], np.int64),
        at_us=at_us,
        values=values,
        status=np.zeros(values.shape, np.uint8),
        keys=None,
        authors={},
        events=(),
    )


def _readings(texts: Sequence[str], layout: Layout) -> Floats | None:
    """A channel's readings, NaN in gaps; None if a cell is neither a number nor a gap."""
    try:
        read = np.array([float(text) if text else nan for text in texts])
        if np.isfinite(read).sum() == len(texts) - texts.count("") and "_" not in "".join(texts):
            return read
    except ValueError:
        pass
    # The same few ways to write a gap come all the time.
    known = {text: _number(text, layout) for text in set(texts)}
    return None if None in known.values() else np.array([known[text] for text in texts])


def _fields(lines: bytes, layout: Layout) -> list[list[str]] | None:
    """The columns of lines that split at every delimiter and newline into as many fields each; None if they do not."""
    if not lines.isascii() or b'"' in lines:
        return None
    delimiter = layout.delimiter
    lines = lines.strip(b"\r\n") + b"\n"
    if b"\r" in lines or b"\n\n" in lines:
        lines = re.sub(rb"(\r?\n)+", b"\n", lines)
    marks = np.frombuffer(lines, np.uint8)
    ends, commas = np.flatnonzero(marks == ord("\n")), np.flatnonzero(marks == ord(delimiter))
    in_each = np.diff(np.searchsorted(commas, ends), prepend=0)
    too_long = np.diff(ends, prepend=-1).max() > csv.field_size_limit()
    width = int(in_each[0]) + 1
    if too_long or b"\r" in lines or (in_each != in_each[0]).any() or width <= layout.last:
        return None
    texts = lines.decode("ascii").replace("\n", delimiter).split(delimiter)
    fields = [texts[index:-1:width] for index in range(width)]
    return None if any(map(any, fields[len(layout.header) :])) else fields


def _instants(texts: Sequence[str], layout: Layout) -> Ints:
    """The instants of times.

    Raises:
        ValueError, OverflowError: one of them is none, or too far away to be one.
    """
    if layout.seconds is None:
        return np.array([from_iso(text) for text in texts], np.int64)
    if "_" in "".join(texts):
        raise ValueError(NO_SECONDS)
    micros: Floats = np.rint(np.array([float(text) for text in texts]) * layout.seconds * SECOND)
    if not (np.abs(micros) < 2**62).all():
        raise OverflowError(TOO_FAR)
    return micros.astype(np.int64)


def _origins(patients: Iterable[str], at_us: Ints, values: Floats) -> tuple[Origin, ...]:
    """The origin of each patient, as the model has it.

    The model's bounds are intervals: where it takes the least and the greatest of each column, it takes what is between.

    Raises:
        ValueError, OverflowError: the model would refuse a row.
    """
    origins = []
    for patient in patients:
        for bound in (np.fmin, np.fmax):
            readings = zip(CHANNEL_NAMES, bound.reduce(values).tolist(), strict=True)
            said = {name: reading for name, reading in readings if not isnan(reading)}
            at = to_datetime(int(bound.reduce(at_us)))
            record = Vitals.model_validate({"at": at, "patient": patient, **said})
        origins.append(Origin(record.site, record.session, record.patient, record.device, record.source))
    return tuple(origins)
