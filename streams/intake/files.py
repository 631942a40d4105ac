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
from typing import Final

from models.wire.observations import Event, SetAside, Vitals
from streams.intake.blocks import LINES_AT_ONCE, Block, as_they_stand, block_of, in_time
from streams.intake.csv_file import Table, columns, rows
from streams.intake.csv_header import LINES_ABOVE, NotATable, header_at
from streams.intake.gathered import Gathered
from streams.intake.json import MARK, read_lines, read_packable
from streams.intake.order import RowOrder, order_of
from streams.intake.scan import ARRIVAL, csv_in_order, ndjson_in_order
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
        UnreadableFile: a file that cannot be opened, or a CSV without a usable header.
    """
    say = remark or _say_nothing
    patients = patients_of(paths, say)
    files = [_File(path, patient, rename, progress, say) for path, patient in zip(paths, patients, strict=True)]
    return in_time([as_they_stand(file.arranged() if arrange else file.blocks()) for file in files])


def read_file(path: Path, rename: Mapping[str, str]) -> Iterator[Line]:
    """The lines of one file as records, in order.

    Raises:
        UnreadableFile: it cannot be opened, or is a CSV without a usable header.
    """
    (patient,) = patients_of([path], _say_nothing)
    chunks = whole_lines(path, _say_nothing)
    if patient is None:
        for chunk in chunks:
            yield from read_lines([line.strip() for line in chunk.split(b"\n")]).records
    else:
        table, below = _File(path, patient, rename, None, _say_nothing).table(chunks)
        yield from rows(_texts(below), table)


def _say_nothing(_: str) -> None:
    pass


# ---- whose a file is -------------------------------------------------------------------------------------------------

_TABLES: Final = (".csv", ".tsv")


def patients_of(paths: Sequence[Path], say: Remark) -> list[str | None]:
    """Whose each table's rows are unless they say so: its file's name without endings; None: it is no table.

    Two files are two people: of one name, they are told apart by their folders, else by their whole names or by a number.
    """
    bare = [_without_ending(path) for path in paths]
    names = list(bare)
    for name in dict.fromkeys(one for one in bare if one is not None and bare.count(one) > 1):
        places = [place for place, one in enumerate(bare) if one == name]
        mine = [_apart(paths, places, place, name) for place in places]
        for count, (place, each) in enumerate(zip(places, mine, strict=True), 1):
            names[place] = each if mine.count(each) == 1 else f"{each}#{count}"
        called = ", ".join(str(names[place]) for place in places)
        say(f"{len(places)} files are called {name}: {called} are their people")
    return names


def _apart(paths: Sequence[Path], places: Sequence[int], place: int, name: str) -> str:
    """The shortest name of a file that no other of its name has."""
    folders = {other: paths[other].resolve().parts[:-1] for other in places}
    mine = folders[place]
    for depth in range(1, len(mine)):
        if sum(parts[-depth:] == mine[-depth:] for parts in folders.values()) == 1:
            return "/".join([*mine[-depth:], name])
    return paths[place].name


def _without_ending(path: Path) -> str | None:
    """A table's name without the endings of its kind, which have no case; None: it is no table."""
    name = path.name
    if name.lower().endswith(".gz"):
        name = name[: -len(".gz")]
    return name[: -len(_TABLES[0])] if name.lower().endswith(_TABLES) else None


# ---- a file ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """A file to be read. `patient`: whose its rows are unless they say so; None: it is NDJSON."""

    path: Path
    patient: str | None
    rename: Mapping[str, str]
    progress: Progress | None
    remark: Remark

    def _say(self, what: str) -> None:
        self.remark(f"{self.path}: {what}")

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
        chunks = whole_lines(self.path, _say_nothing)
        if self.patient is None:
            return ndjson_in_order(chunks)
        table, below = replace(self, remark=_say_nothing).table(chunks)
        return csv_in_order(below, table.layout)

    def blocks(self) -> Iterator[Block]:
        """The lines as they stand."""
        chunks = whole_lines(self.path, self._say, self.progress)
        return _ndjson(chunks) if self.patient is None else self._csv(chunks)

    def table(self, chunks: Iterator[bytes]) -> tuple[Table, Iterator[bytes]]:
        """The table of a file, and its lines below the header.

        Raises:
            UnreadableFile: it has no usable header.
        """
        first = b""
        # Pipes give little at once.
        while (
            len(first) < BLOCK_BYTES and first.count(b"\n") < LINES_ABOVE and (chunk := next(chunks, None)) is not None
        ):
            first += chunk
        lines = _text(first.removeprefix(MARK)).splitlines(keepends=True)
        try:
            number, layout = header_at(lines, self.patient or "", self.rename)
        except NotATable as wrong:
            raise UnreadableFile(f"{self.path}: {wrong}") from wrong
        for remark in layout.remarks:
            self._say(remark)
        if above := [line.strip() for line in lines[:number] if line.strip()]:
            self._say(f"{len(above)} lines above the header are no part of the table, such as {above[0][:60]!r}")
        return Table(layout, self.rename), chain(["".join(lines[number + 1 :]).encode()], chunks)

    def _csv(self, chunks: Iterator[bytes]) -> Iterator[Block]:
        table, below = self.table(chunks)
        for chunk in below:
            if b'"' in chunk:
                # What is quoted may go on over lines, and so over chunks.
                records = rows(_texts(chain([chunk], below)), table)
                while some := list(islice(records, LINES_AT_ONCE)):
                    yield block_of(some)
            elif (frame := columns(chunk, table.layout)) is None:
                yield block_of(list(rows(_texts([chunk]), table)))
            else:
                yield Block(frame, frame.at_us)
        for remark in table.remarks():
            self._say(remark)


def _ndjson(chunks: Iterator[bytes]) -> Iterator[Block]:
    for chunk in chunks:
        yield block_of(read_packable([line.strip() for line in chunk.split(b"\n")]).records, ARRIVAL in chunk)


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
