"""An export, by its mapping, as a table that `files.py` reads: a time in UTC, whose it is, and a column a channel.

Only times are read here, and lines of one instant put together; what a cell holds, its gaps and its units go on as they stand, to
the one reader of tables, and so does a time that is none: it is set aside there with its reason.
A local time that the clock shows twice is the later one where the line before it was later than the first.
Bad at: a table whose lines of one instant do not stand together. Cost: 5 µs a line, and a file beside it.
Never here: which mapping it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from models.tables.channels import CHANNEL_NAMES
from streams.intake.csv_header import DELIMITERS
from streams.intake.exports.mapping import COUNTED, ISO, ExportMapping, ScaledChannel
from streams.intake.gaps import is_gap
from streams.intake.people import people_of
from streams.intake.whole_lines import Progress, Remark, UnreadableFile, whole_lines


class NotThisExport(UnreadableFile):
    """A file that is not as its mapping says; the message says which column is missing, or that a zone is."""


class _Writes(Protocol):
    def writerow(self, row: Iterable[str], /) -> object: ...


def delimiter_of(line: str) -> str:
    """What parts the fields of a line: what makes the most."""
    return max(DELIMITERS, key=lambda each: len(next(csv.reader([line], delimiter=each), [])))


@dataclass(slots=True)
class Times:
    """Reads the times of one export. zone: of those that say none."""

    mapping: ExportMapping
    zone: ZoneInfo | None
    _before: datetime | None = None
    _first: str | None = None
    ambiguous: int = 0

    def utc(self, text: str) -> datetime | None:
        """The instant of a time as it stands; None: it is none."""
        formats = self.mapping.time.formats
        for form in (self._first, *formats) if self._first else formats:
            moment = self._read(text, form)
            if moment is not None:
                self._first = form
                self._before = moment
                return moment
        return None

    def _read(self, text: str, form: str) -> datetime | None:
        plain = " ".join(text.split())
        with suppress(ValueError, OverflowError):
            if form in COUNTED:
                return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
                    seconds=float(plain.replace(",", ".")) * COUNTED[form]
                )
            moment = datetime.fromisoformat(plain) if form == ISO else datetime.strptime(plain, form)  # noqa: DTZ007  # its zone is given below
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
            return None if self.zone is None else self._in_zone(moment, self.zone)
        return None

    def _in_zone(self, wall: datetime, zone: ZoneInfo) -> datetime:
        first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first < second and self._before is not None and self._before > first:
            self.ambiguous += 1
            return second
        return first


@dataclass(slots=True)
class ExportTable:
    """An open export. columns: name → place. rows: its lines below the header, with their ends."""

    mapping: ExportMapping
    delimiter: str
    columns: dict[str, int]
    header: list[str]
    texts: Iterator[str]
    remarks: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[list[str]]:
        """The fields of each line that has any."""
        for row in csv.reader(self.texts, delimiter=self.delimiter):
            if any(cell.strip() for cell in row):
                yield row


def open_export(path: Path, mapping: ExportMapping, remark: Remark, progress: Progress | None = None) -> ExportTable:
    """A file as its mapping says it is.

    Raises:
        NotThisExport: a column is missing. UnreadableFile: it cannot be opened.
    """
    texts = _lines(path, remark, progress)
    for _ in range(mapping.skip):
        next(texts, None)
    first = next((line for line in texts if line.strip()), "")
    delimiter: str = mapping.delimiter or delimiter_of(first)
    cells = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter), [])]
    header = cells if mapping.header else [str(number) for number in range(1, len(cells) + 1)]
    columns = {name: place for place, name in reversed(list(enumerate(header)))}
    if not mapping.header:
        texts = _again(first, texts)
    missing = [name for name in mapping.needs() if name not in columns]
    if missing or (mapping.channels and not any(name in columns for name in mapping.channels)):
        wanted = missing or list(mapping.channels)
        raise NotThisExport(
            f"{path}: no column {', '.join(wanted[:6])} among {', '.join(header[:12])}: see `chairside inspect {path}`"
        )
    return ExportTable(mapping, delimiter, columns, header, texts)


def convert(
    path: Path, mapping: ExportMapping, zone: str | None, out: Path, remark: Remark, progress: Progress | None = None
) -> None:  # fmt: skip
    """Write an export as a table that is read everywhere here.

    Args:
        zone: of its local times, unless the mapping says one.

    Raises:
        NotThisExport, UnreadableFile: it is not as the mapping says, or cannot be read.
    """
    named = mapping.time.zone or zone
    if mapping.time.is_local and named is None:
        raise NotThisExport(
            f"{path}: its times are local and say no zone: say --zone, for example --zone Europe/Berlin"
        )
    table = open_export(path, mapping, remark, progress)
    times = Times(mapping, None if named is None else ZoneInfo(named))
    with out.open("w", encoding="utf-8", newline="") as written:
        # Semicolons, so that a decimal comma is one.
        writer = csv.writer(written, delimiter=";", lineterminator="\n")
        if mapping.long is None:
            _wide(table, times, writer)
        else:
            _long(table, times, writer)
    if times.ambiguous:
        remark(path, f"{times.ambiguous} times that the clock of {named} shows twice are taken for the later hour")
    for said in table.remarks:
        remark(path, said)


def _wide(table: ExportTable, times: Times, writer: _Writes) -> None:
    mapping, columns = table.mapping, table.columns
    used = [(columns[name], what) for name, what in mapping.channels.items() if name in columns]
    taken = [what.channel if isinstance(what, ScaledChannel) else what for _, what in used]
    twice = {channel for channel in taken if taken.count(channel) > 1}
    if twice:
        table.remarks.append(f"{', '.join(sorted(twice))} stands in several columns: the first is taken")
        used = [each for place, each in enumerate(used) if taken.index(taken[place]) == place]
    whose = None if mapping.patient is None else columns.get(mapping.patient)
    names = [what if isinstance(what, str) else f"{what.channel} ({what.unit})" for _, what in used]
    writer.writerow(["at", *(["patient"] if whose is not None else []), *names])
    unread = [
        name
        for name in table.header
        if name not in mapping.channels and name not in mapping.time.columns and name != mapping.patient
    ]
    if unread:
        table.remarks.append(f"not read: {', '.join(unread[:12])}")
    gaps = {gap.lower() for gap in mapping.gaps}
    places = [columns[name] for name in mapping.time.columns]
    for row in table.rows():
        cells = [_cell(row, place, gaps) for place, _ in used]
        person = [] if whose is None else [_cell(row, whose, set())]
        writer.writerow([_when(row, places, times), *person, *cells])


def _long(table: ExportTable, times: Times, writer: _Writes) -> None:
    long = table.mapping.long
    if long is None:
        return
    columns = table.columns
    channels = [name for name in CHANNEL_NAMES if name in set(long.names.values())]
    whose = None if long.whose is None else columns.get(long.whose)
    writer.writerow(["at", *(["patient"] if whose is not None else []), *channels])
    gaps = {gap.lower() for gap in table.mapping.gaps}
    places = [columns[name] for name in table.mapping.time.columns]
    together: dict[str, str] = {}
    current: tuple[str, str] | None = None
    others: dict[str, int] = {}

    def put() -> None:
        if current is not None and together:
            person = [] if whose is None else [current[1]]
            writer.writerow([current[0], *person, *(together.get(name, "") for name in channels)])
        together.clear()

    for row in table.rows():
        name = _cell(row, columns[long.name], set())
        channel = long.names.get(name)
        if channel is None:
            others[name] = others.get(name, 0) + 1
            continue
        here = (_when(row, places, times), "" if whose is None else _cell(row, whose, set()))
        if here != current or channel in together:
            put()
            current = here
        together[channel] = _cell(row, columns[long.value], gaps)
    put()
    if others:
        named = ", ".join(
            f"{name} ({count:,})" for name, count in sorted(others.items(), key=lambda each: -each[1])[:8]
        )
        table.remarks.append(f"values of other names are not read: {named}")


def _cell(row: Sequence[str], place: int, gaps: set[str]) -> str:
    text = row[place].strip() if place < len(row) else ""
    return "" if text.lower() in gaps or is_gap(text) else text


def _when(row: Sequence[str], places: Sequence[int], times: Times) -> str:
    text = " ".join(row[place].strip() for place in places if place < len(row))
    moment = times.utc(text)
    # What is no time is set aside by the reader of tables, with what stands here.
    return (text or "no time") if moment is None else moment.isoformat().replace("+00:00", "Z")


def _lines(path: Path, remark: Remark, progress: Progress | None) -> Iterator[str]:
    for chunk in whole_lines(path, remark, progress):
        yield from io.StringIO(chunk.decode("utf-8-sig", "replace"), newline="")


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def converted(
    paths: Sequence[Path], mapping: ExportMapping, zone: str | None, folder: Path, remark: Remark, progress: Progress | None = None
) -> dict[Path, Path]:  # fmt: skip
    """Every export as a table of its own in a folder, by the file that it came from; each keeps the name of whose it is.

    Raises:
        NotThisExport, UnreadableFile: one of them is not as the mapping says, or cannot be read.
    """
    found: dict[Path, Path] = {}
    for number, (path, person) in enumerate(zip(paths, people_of(list(paths)), strict=True)):
        place = folder / str(number)
        place.mkdir()
        found[path] = place / f"{person.replace('/', '-')}.csv"
        convert(path, mapping, zone, found[path], remark, progress)
    return found
