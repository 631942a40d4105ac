"""Recorded observations: NDJSON and CSV files, plain or gzipped, in; frames in order of arrival out.

The lines of one file are in order of arrival, unless they cannot be (`order.py`); several files are merged by time. A line
that cannot be read is set aside with its field and reason, and the next one is read. What is odd about a file as a whole (it
breaks off, it is newest first, cells of it are no numbers) is remarked once. `recorded_frames` reads many lines at once,
`read_file` one after the other, as records and as they stand; both read the same.
Cost: 3 µs an NDJSON line, 1 µs a CSV line; memory for a block of each file, and see `gathered.py` for one that is not in order.
Never here: what a line means.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from models.tables.channels import CHANNEL_NAMES
from models.wire.observations import Event, SetAside, Vitals
from streams.intake.blocks import LINES_AT_ONCE, Block, as_they_stand, block_of, in_time
from streams.intake.csv_file import Table, columns, rows
from streams.intake.csv_header import LINES_ABOVE, NotATable, header_at
from streams.intake.gaps import NoNumbers
from streams.intake.gathered import Gathered
from streams.intake.json import MARK, read_lines, read_packable
from streams.intake.order import RowOrder, order_of
from streams.intake.people import ends_as_a_table, people_of
from streams.intake.scan import RECEIVED_AT, csv_in_order, ndjson_in_order
from streams.intake.whole_lines import BLOCK_BYTES, Progress, Remark, UnreadableFile, whole_lines
from streams.journal.frame import Frame

Line = Vitals | Event | SetAside


def recorded_frames(
    paths: Sequence[Path], rename: Mapping[str, str], progress: Progress | None = None, remark: Remark | None = None,
    *, arrange: bool = True,
) -> Iterator[Frame]:  # fmt: skip
    """The lines of all files, by the time at which they became known; files in the order given where times are equal.

    Args:
        paths: the files. rename: CSV column → channel. progress: told how many bytes were read. remark: told what is odd about
            a file. arrange: False: the lines of a file are taken as they stand, whatever their times are.

    Raises:
        UnreadableFile: a file that cannot be opened, or no file can be read. One that cannot be beside others is left out.
    """
    say = remark or _say_nothing
    paths = _readable(paths, rename, say)
    tables = [path for path in paths if path.is_file() and _is_table(path, rename)]
    persons = iter(people_of(tables))
    files = [_File(path, next(persons) if path in tables else _named(path), rename, progress, say) for path in paths]
    return in_time([as_they_stand(file.arranged() if arrange else file.blocks()) for file in files])


def _readable(paths: Sequence[Path], rename: Mapping[str, str], say: Remark) -> Sequence[Path]:
    """The files that can be read; of the others it is said why they are left out."""
    if len(paths) < 2:
        return paths
    refused: dict[Path, UnreadableFile] = {}
    for path in paths:
        if not path.is_file():
            # What is not there is a slip of who asks; a pipe can be opened once only.
            continue
        try:
            _File(path, _named(path), rename, None, _say_nothing).opened()
        except UnreadableFile as wrong:
            refused[path] = wrong
            say(path, f"left out: {str(wrong).removeprefix(str(path)).lstrip(': ')}")
    if refused and len(refused) == len(set(paths)):
        raise next(iter(refused.values()))
    return [path for path in paths if path not in refused]


def read_file(path: Path, rename: Mapping[str, str]) -> Iterator[Line]:
    """The lines of one file as records, in order.

    Raises:
        UnreadableFile: it cannot be opened, or is a CSV without a usable header.
    """
    table, chunks = _File(path, _named(path), rename, None, _say_nothing).opened()
    if table is not None:
        yield from rows(_texts(chunks), table)
        return
    for chunk in chunks:
        yield from read_lines([line.strip() for line in chunk.split(b"\n")]).records


def _say_nothing(_path: Path, _what: str) -> None:
    pass


def _named(path: Path) -> str:
    (name,) = people_of([path])
    return name


def _is_table(path: Path, rename: Mapping[str, str], first: bytes | None = None) -> bool:
    """Whether a file that begins with these bytes is a table, whatever it is called; else its lines are observations.

    Raises:
        UnreadableFile: it cannot be opened, or is JSON that is not in lines.
    """
    if first is None:
        first = next(whole_lines(path, _say_nothing), b"")
    begins = first.removeprefix(MARK).lstrip()
    if begins.startswith(b"{") or ends_as_a_table(path):
        return not begins.startswith(b"{")
    if begins.startswith(b"["):
        raise UnreadableFile(f"{path} is a JSON array: give one observation a line")
    try:
        header_at(_text(begins).splitlines(), "", rename)
    except NotATable:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _File:
    """A file to be read. person: whose its rows are, if it is a table that does not say so."""

    path: Path
    person: str
    rename: Mapping[str, str]
    progress: Progress | None
    remark: Remark

    def _say(self, what: str) -> None:
        self.remark(self.path, what)

    def arranged(self) -> Iterator[Block]:
        """The lines, by time where they stand otherwise and that is no clock's doing."""
        # What can be read once only is taken as it comes.
        late = self._in_order() if self.path.is_file() else 0
        if late is not None:
            if late:
                self._say(f"late entries: {late:,}, which are taken where they stand")
            yield from self.blocks()
            return
        with ExitStack() as files:
            every = Gathered(files)
            for block in self.blocks():
                every.add(block)
            known_us, whose, sample = every.lines()
            found = order_of(known_us, whose, sample, arrival=every.arrival)
            self._say_order(found, len(known_us))
            yield from every.arranged(known_us, found.places(known_us), found.stray)

    def _say_order(self, found: RowOrder, count: int) -> None:
        if far := int(found.stray.sum()):
            self._say(f"{far} of {count:,} rows set aside: far in the future or the past, years from the others")
        match found.arrangement:
            case "newest first":
                self._say(f"newest first: its {count:,} rows are read from its end, in order of time")
            case "by time":
                self._say(f"{found.back:,} of {count:,} rows are earlier than a row above them: all are sorted by time")
            case "as it stands" if found.back:
                self._say(
                    f"{found.back:,} of {count:,} rows go back in time: they are taken in the order in which they stand"
                )

    def _in_order(self) -> int | None:
        """How many lines are late though a quick look finds them in order of time; None: it does not."""
        table, chunks = replace(self, remark=_say_nothing, progress=None).opened()
        return ndjson_in_order(chunks) if table is None else csv_in_order(chunks, table.layout)

    def blocks(self) -> Iterator[Block]:
        """The lines as they stand."""
        table, chunks = self.opened()
        if table is None:
            yield from self._ndjson(chunks)
            return
        for chunk in chunks:
            if b'"' in chunk:
                # What is quoted may go on over lines, and so over chunks.
                records = rows(_texts(chain([chunk], chunks)), table)
                while some := list(islice(records, LINES_AT_ONCE)):
                    yield block_of(some)
            elif (frame := columns(chunk, table.layout)) is None:
                yield block_of(list(rows(_texts([chunk]), table)))
            else:
                yield Block(frame, frame.at_us)
        for remark in table.remarks():
            self._say(remark)

    def _ndjson(self, chunks: Iterator[bytes]) -> Iterator[Block]:
        lost = NoNumbers()
        for chunk in chunks:
            reading = read_packable([line.strip() for line in chunk.split(b"\n")])
            for _, one in reading.parts:
                if one.field in CHANNEL_NAMES:
                    lost.add(one.field, one.value)
            yield block_of(reading.records, RECEIVED_AT in chunk)
        for remark in lost.remarks():
            self._say(remark)

    def opened(self) -> tuple[Table | None, Iterator[bytes]]:
        """The table that a file is, and its lines below the header; None, and its lines, each of them an observation.

        Raises:
            UnreadableFile: it cannot be opened, or has no usable header.
        """
        chunks = whole_lines(self.path, self.remark, self.progress)
        first = next(chunks, b"")
        if not _is_table(self.path, self.rename, first):
            return None, chain([first], chunks)
        # Pipes give little at once.
        while (
            len(first) < BLOCK_BYTES and first.count(b"\n") < LINES_ABOVE and (more := next(chunks, None)) is not None
        ):
            first += more
        lines = _text(first.removeprefix(MARK)).splitlines(keepends=True)
        try:
            number, layout = header_at(lines, self.person, self.rename)
        except NotATable as wrong:
            raise UnreadableFile(f"{self.path}: {wrong}") from wrong
        for remark in layout.remarks:
            self._say(remark)
        if layout.whose is None and self.person != _named(self.path):
            self._say(f"another file has the same name: whose rows these are is called {self.person}")
        if above := [line.strip() for line in lines[:number] if line.strip()]:
            self._say(f"{len(above)} lines above the header are no part of the table, such as {above[0][:60]!r}")
        return Table(layout, self.rename), chain(["".join(lines[number + 1 :]).encode()], chunks)


def _texts(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines as the csv module wants them, their ends as they are."""
    for chunk in chunks:
        yield from io.StringIO(_text(chunk), newline="")


def _text(chunk: bytes) -> str:
    """The text of whole lines: UTF-8, or where a line is none, what Windows writes in the west."""
    try:
        return chunk.decode()
    except UnicodeDecodeError:
        return "".join(map(_line_text, chunk.splitlines(keepends=True)))


def _line_text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
