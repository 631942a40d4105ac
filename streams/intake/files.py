"""Recorded observations: NDJSON and CSV files, plain or gzipped, in; frames in order of arrival out.

The lines of one file are in order of arrival; several files are merged by time. A line that cannot be read is set aside
with its field and reason, and the next one is read. `recorded_frames` reads many lines at once, `read_file` one after the
other, as records; both read the same.
Cost: 3 µs an NDJSON line, 1 µs a CSV line; memory for a block of each file. Never here: what a line means.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from models.instants import NEVER
from models.wire.observations import Event, SetAside, Vitals
from streams.intake.blocks import LINES_AT_ONCE, Block, block_of, in_time
from streams.intake.csv_file import Layout, NotATable, columns, layout_of, rows
from streams.intake.json import MARK, read_lines, read_packable
from streams.journal.frame import Frame

Line = Vitals | Event | SetAside
Stream = io.BufferedReader | gzip.GzipFile
Progress = Callable[[int], None]
"""Told how many bytes were read, now and then."""

BLOCK_BYTES: Final = 2**18
"""Bytes that are read at once: some thousand lines, so that what a block costs is spread over many."""


class UnreadableFile(ValueError):
    """A file that is no recording; the message says which and why."""


def recorded_frames(
    paths: Sequence[Path], rename: Mapping[str, str], progress: Progress | None = None
) -> Iterator[Frame]:
    """The lines of all files, by the time at which they became known; files in the order given where times are equal.

    Args:
        paths: the files. rename: CSV column → channel.

    Raises:
        UnreadableFile: a file that cannot be opened, or a CSV without a usable header.
    """
    return in_time([_blocks(path, rename, progress) for path in paths])


def read_file(path: Path, rename: Mapping[str, str]) -> Iterator[Line]:
    """The lines of one file as records, in order.

    Raises:
        UnreadableFile: it cannot be opened, or is a CSV without a usable header.
    """
    with _opened(path) as (file, _):
        if (patient := _patient_of(path)) is None:
            for line in file:
                yield from read_lines([line.strip()]).records
        else:
            fields = csv.reader(io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline=""))
            yield from rows(fields, layout_of(next(fields, []), patient, rename))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Stream, BinaryIO]]:
    """A file, unpacked; and as it is, to be asked how far it was read.

    Raises:
        UnreadableFile: it cannot be opened, or what is done with it meanwhile fails for a reason of the file's.
    """
    try:
        raw = path.open("rb")
    except OSError as wrong:
        raise UnreadableFile(f"{path}: {wrong.strerror}") from wrong
    try:
        with raw:
            begins = raw.peek(16)
            if begins.startswith(b"SQLite format 3"):
                raise UnreadableFile(
                    f"{path} is a database, no recording: `chairside serve --data` goes on with a service's"
                )
            packed = begins[:2] == b"\x1f\x8b"
            yield gzip.GzipFile(fileobj=raw) if packed else raw, raw
    except (OSError, EOFError, csv.Error, NotATable) as wrong:
        raise UnreadableFile(f"{path}: {wrong}") from wrong


def _patient_of(path: Path) -> str | None:
    """Whose a CSV file's rows are unless it says so; None: it is no CSV file."""
    name = path.name.removesuffix(".gz")
    return name.partition(".")[0] if name.endswith(".csv") else None


def _blocks(path: Path, rename: Mapping[str, str], progress: Progress | None) -> Iterator[Block]:
    """The lines of one file, in order."""
    patient = _patient_of(path)
    with _opened(path) as (file, raw):
        chunks = _whole_lines(file)
        before = 0
        for block in _ndjson(chunks) if patient is None else _csv(chunks, patient, rename):
            # A pipe does not know where it is.
            if progress is not None and raw.seekable():
                progress(raw.tell() - before)
                before = raw.tell()
            if len(block.known_us):
                yield block


def _whole_lines(file: Stream) -> Iterator[bytes]:
    """A file's bytes, cut at ends of lines."""
    begun = b""
    while piece := file.read1(BLOCK_BYTES):
        lines, end, after = piece.rpartition(b"\n")
        if end:
            yield begun + lines + end
            begun = after
        else:
            begun += piece
    if begun:
        yield begun


def _ndjson(chunks: Iterator[bytes]) -> Iterator[Block]:
    known_us = NEVER
    for chunk in chunks:
        block = block_of(read_packable([line.strip() for line in chunk.split(b"\n")]).records, known_us)
        known_us = _last_us(block, known_us)
        yield block


def _csv(chunks: Iterator[bytes], patient: str, rename: Mapping[str, str]) -> Iterator[Block]:
    first = next(chunks, b"").removeprefix(MARK)
    head, _, lines = first.partition(b"\n")
    if b'"' in head or b"\r" in head.removesuffix(b"\r"):
        fields = csv.reader(_texts(chain([first], chunks)))
        yield from _row_by_row(fields, layout_of(next(fields, []), patient, rename), NEVER)
        return
    layout = layout_of(next(csv.reader(_texts([head])), []), patient, rename)
    known_us = NEVER
    for chunk in chain([lines], chunks):
        if b'"' in chunk:
            # What is quoted may go on over any number of lines.
            yield from _row_by_row(csv.reader(_texts(chain([chunk], chunks))), layout, known_us)
            return
        frame = columns(chunk, layout)
        if frame is None:
            block = block_of(list(rows(csv.reader(_texts([chunk])), layout)), known_us)
        else:
            block = Block(frame, np.maximum.accumulate(np.maximum(frame.at_us, known_us)))
        known_us = _last_us(block, known_us)
        yield block


def _texts(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines as the csv module wants them, their ends as they are."""
    for chunk in chunks:
        yield from io.StringIO(chunk.decode("utf-8", "replace"), newline="")


def _row_by_row(fields: Iterator[list[str]], layout: Layout, known_us: int) -> Iterator[Block]:
    records = rows(fields, layout)
    while some := list(islice(records, LINES_AT_ONCE)):
        block = block_of(some, known_us)
        known_us = _last_us(block, known_us)
        yield block


def _last_us(block: Block, known_us: int) -> int:
    """When the block's last line became known; of a block without lines, when the one before it did."""
    return int(block.known_us[-1]) if len(block.known_us) else known_us
