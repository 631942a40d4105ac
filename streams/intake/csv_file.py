"""Recorded vitals in a CSV file: a header with `at` or `t_s` and channel columns, and a patient column or one patient a file.

A row is read into a record by `rows`, which knows what is wrong with a bad one. `columns` reads many rows at once, as
arrays, if every one of them is plain: ASCII, nothing quoted, as many fields in each, every reading a number that the model
takes. Otherwise it gives up, and `rows` reads the same lines. So it has to be right only about what it takes.
Cost: 5 µs a row; 0.5 µs a plain one. Never here: files, the order of several.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Final

import numpy as np
from pydantic import ValidationError

from models.arrays import Floats, Ints
from models.instants import EPOCH, SECOND, from_iso, to_datetime
from models.tables.channels import CHANNEL_COLUMN, CHANNEL_NAMES
from models.wire.observations import SetAside, Vitals
from streams.intake.json import SHOWN, why
from streams.journal.frame import Frame, Origin

_TIMES: Final = ("at", "t_s")


class NotATable(ValueError):
    """The header names no time, or no channel."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a header says of the fields of a row: which is the time, whose the row is, and which are channels.

    header: the names, renamed. patient: whose all rows are if `whose` is None. channels: (field, channel).
    """

    header: tuple[str, ...]
    when: int
    whose: int | None
    patient: str
    channels: tuple[tuple[int, str], ...]

    @property
    def in_seconds(self) -> bool:
        return self.header[self.when] == "t_s"


def layout_of(header: Sequence[str], patient: str, rename: Mapping[str, str]) -> Layout:
    """The layout of a table.

    Raises:
        NotATable: it has no time, or no channel.
    """
    names = tuple(rename.get(column.strip(), column.strip()) for column in header)
    when = next((names.index(name) for name in _TIMES if name in names), None)
    if when is None:
        raise NotATable(f"no column `at` or `t_s` among {', '.join(names) or 'nothing'}")
    channels = tuple((index, name) for index, name in enumerate(names) if name in CHANNEL_NAMES)
    if not channels:
        raise NotATable(f"no channel among {', '.join(names)}; map one with --rename COLUMN=CHANNEL")
    whose = names.index("patient") if "patient" in names else None
    return Layout(names, when, whose, patient, channels)


def rows(fields: Iterator[list[str]], layout: Layout) -> Iterator[Vitals | SetAside]:
    """Each row as a record; what cannot be read is set aside with its field and reason."""
    while True:
        try:
            row = next(fields)
        except StopIteration:
            return
        except csv.Error as wrong:
            yield _aside("", str(wrong), [])
            continue
        if not row:
            continue
        index = layout.when
        try:
            at_us = round(float(row[index]) * SECOND) if layout.in_seconds else from_iso(row[index])
            said: dict[str, object] = {
                "at": to_datetime(at_us),
                "patient": layout.patient if layout.whose is None else row[layout.whose],
            }
            for index, channel in layout.channels:
                if row[index]:
                    said[channel] = float(row[index])
        except (ValueError, IndexError, OverflowError) as wrong:
            yield _aside(layout.header[index], str(wrong), row)
            continue
        try:
            yield Vitals.model_validate(said)
        except ValidationError as wrong:
            yield _aside(*why(wrong.errors(include_url=False, include_context=False), 0), row)


def _aside(field: str, reason: str, row: Sequence[str]) -> SetAside:
    return SetAside(at=EPOCH, field=field, reason=reason, line=",".join(row)[:SHOWN])


def columns(lines: bytes, layout: Layout) -> Frame | None:
    """Whole lines as a frame; None if any of them is not plain."""
    fields = _fields(lines)
    channels = {channel: index for index, channel in layout.channels}
    used = [layout.when, *channels.values(), *([] if layout.whose is None else [layout.whose])]
    if fields is None or len(fields) <= max(used) or len(channels) < len(layout.channels):
        return None
    count = len(fields[layout.when])
    values = np.full((count, len(CHANNEL_NAMES)), nan)
    try:
        at_us = _instants(fields[layout.when], layout.in_seconds)
        for channel, index in channels.items():
            read = np.array([float(text) if text else nan for text in fields[index]])
            if np.count_nonzero(np.isfinite(read)) != count - fields[index].count(""):
                return None
            values[:, CHANNEL_COLUMN[channel]] = read
        patients = [layout.patient] * count if layout.whose is None else fields[layout.whose]
        places = {patient: place for place, patient in enumerate(dict.fromkeys(patients))}
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


def _fields(lines: bytes) -> list[list[str]] | None:
    """The columns of lines that split at every comma and newline into as many fields each; None if they do not."""
    if not lines.isascii() or b'"' in lines:
        return None
    lines = lines.strip(b"\r\n") + b"\n"
    if b"\r" in lines or b"\n\n" in lines:
        lines = re.sub(rb"(\r?\n)+", b"\n", lines)
    marks = np.frombuffer(lines, np.uint8)
    ends, commas = np.flatnonzero(marks == ord("\n")), np.flatnonzero(marks == ord(","))
    in_each = np.diff(np.searchsorted(commas, ends), prepend=0)
    too_long = np.diff(ends, prepend=-1).max() > csv.field_size_limit()
    if too_long or b"\r" in lines or (in_each != in_each[0]).any():
        return None
    texts = lines.decode("ascii").replace("\n", ",").split(",")
    width = int(in_each[0]) + 1
    return [texts[index:-1:width] for index in range(width)]


def _instants(texts: Sequence[str], in_seconds: bool) -> Ints:
    """The instants of times.

    Raises:
        ValueError, OverflowError: one of them is none, or too far away to be one.
    """
    if not in_seconds:
        return np.array([from_iso(text) for text in texts], np.int64)
    micros: Floats = np.rint(np.array([float(text) for text in texts]) * SECOND)
    if not (np.abs(micros) < 2**62).all():
        raise OverflowError("no instant")
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
