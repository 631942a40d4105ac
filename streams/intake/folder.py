"""A watched folder: files that others put there in, their observations to the journal, once each, and where they stand in a file.

Observations one a line, tables (of a format, if the site says one) and HL7 batches. A file is read when it has stood still for
`SETTLED_LOOKS` looks, so none is read half-written; one that changes while it is read is read again, and one that has grown
goes on where it was read to. How far each is, is written after every batch, so a restart goes on there; what was appended just
before is sent again, which changes nothing. Nothing is moved, changed or deleted.
What cannot be read is set aside with the file's name, where other lines that could not be used are.
Bad at: two writers of one file; names that say who somebody is: a table's name is its patient's alias. Never here: what a line
means.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator

from models.calendar import zone_of
from models.instants import EPOCH
from models.wire.observations import SetAside
from streams.intake.admission import Admission
from streams.intake.append import Overloaded, Records
from streams.intake.exports.converted import converted
from streams.intake.exports.mapping import BadMapping, format_named
from streams.intake.files import read_file
from streams.intake.hl7.fields import BadMessage, Fields
from streams.intake.hl7.message import read_message
from streams.intake.hl7.times import HomeZone
from streams.intake.json import read_packable
from streams.intake.post import arranged
from streams.intake.whole_lines import UnreadableFile

log = logging.getLogger(__name__)

FOLDER_LOOKS_EVERY_S: Final = 2.0
"""How often the folder is looked at. Chosen by us."""
SETTLED_LOOKS: Final = 2
"""Looks in a row that find a file as it was, before it is read. Chosen by us: whoever writes a file pauses for less."""
BATCH_LINES: Final = 500
"""Lines or messages that are appended at once: some 10 ms of the disk. Chosen by us."""
_UNFINISHED: Final = (".part", ".tmp", ".crdownload", ".filepart", ".swp", "~")
"""How names end that others give to files they are still writing."""
_HL7: Final = re.compile(rb"\s*\x0b?(FHS|BHS|MSH)[|^~]")


class FolderPart(BaseModel):
    """The watched folder. format, zone: of tables that are exports (docs/files.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path | None = None
    format: str | None = None
    zone: str | None = None

    @field_validator("path", mode="before")
    @classmethod
    def _a_folder(cls, path: object) -> object:
        if isinstance(path, str) and not Path(path).is_dir():
            raise ValueError(f"{path}: there is no such folder")
        return Path(path) if isinstance(path, str) else path

    @field_validator("format")
    @classmethod
    def _known_format(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                format_named(name)
            except BadMapping as bad:
                raise ValueError(str(bad)) from bad
        return name

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone_of(zone) is None:
            raise ValueError(f"unknown time zone {zone!r}; for example Europe/Berlin")
        return zone


class _Seen(NamedTuple):
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far a file is read: `lines` of it, as it was with this size and time; `digest` is of its bytes then.

    failed: why it cannot be read, as it is; empty: it can.
    """

    size: int
    mtime_ns: int
    digest: str
    lines: int
    done: bool
    failed: str = ""


class _Batch(NamedTuple):
    records: Records
    accepted: int
    bad: int
    lines: int


class FolderIntake:
    """Watches one folder.

    Args:
        state: the file in which it is written how far each is. append: durable when it returns. counted: told how many were
            accepted and set aside. zone: of times of HL7 messages that say none.
    """

    def __init__(
        self, part: FolderPart, state: Path, append: Callable[[Records], Awaitable[None]], counted: Callable[[int, int], None],
        admission: Admission, zone: HomeZone,
    ) -> None:  # fmt: skip
        self._part = part
        self._state = state
        self._append = append
        self._counted = counted
        self._admission = admission
        self._zone = zone
        self._still: dict[str, tuple[_Seen, int]] = {}
        self.files: dict[str, FileProgress] = _progress_in(state)

    async def run(self) -> None:
        """Look for ever. A look that fails is told, and tried again."""
        log.info("watching the folder %s", self._part.path)
        while True:
            try:
                await self.look()
            except (OSError, Overloaded) as wrong:
                log.error("the folder is read later: %s", wrong)
            await asyncio.sleep(FOLDER_LOOKS_EVERY_S)

    async def look(self) -> None:
        """Read what has come and stands still, oldest first."""
        for path, seen in self._settled():
            await self._take(path, seen)

    def _settled(self) -> list[tuple[Path, _Seen]]:
        """The files that stand still and are not read to their end."""
        if self._part.path is None:
            return []
        there: dict[str, tuple[_Seen, int]] = {}
        found = []
        for path in self._part.path.iterdir():
            if path.name.startswith(".") or path.name.endswith(_UNFINISHED) or not path.is_file():
                continue
            seen = _seen(path)
            before, looks = self._still.get(path.name, (seen, 0))
            there[path.name] = seen, looks + 1 if before == seen else 1
            known = self.files.get(path.name)
            is_over = known is not None and (known.done or known.failed) and (known.size, known.mtime_ns) == seen
            if there[path.name][1] >= SETTLED_LOOKS and not is_over:
                found.append((path, seen))
        self._still = there
        return sorted(found, key=lambda each: (each[1].mtime_ns, each[0].name))

    async def _take(self, path: Path, seen: _Seen) -> None:
        known = self.files.get(path.name)
        digest = await asyncio.to_thread(_digest, path, seen.size)
        lines = 0
        if known is not None and known.size <= seen.size:
            # The same file, or one that has grown: it goes on. Any other is read from its beginning.
            same = digest if known.size == seen.size else await asyncio.to_thread(_digest, path, known.size)
            lines = known.lines if same == known.digest else 0
            if lines and known.size < seen.size and not await asyncio.to_thread(_ends_a_line, path, known.size):
                lines -= 1  # its last line had not ended
        log.info("%s: reading%s", path.name, f" on from line {lines + 1:,}" if lines else "")
        with tempfile.TemporaryDirectory(prefix="chairside-") as folder:
            try:
                batches = self._batches(path, lines, Path(folder))
                while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                    await self._append(batch.records)
                    self._counted(batch.accepted, batch.bad)
                    lines += batch.lines
                    self._note(path, FileProgress(*seen, digest, lines, done=False))
                    if _seen(path) != seen:
                        log.warning("%s: changes while it is read: it is read again", path.name)
                        self._note(path, FileProgress(*seen, "", 0, done=False))
                        return
            except UnreadableFile as bad:
                reason = str(bad).replace(str(path), path.name)
                log.error("%s", reason)
                site = self._admission.filed_under(None)
                await self._append([SetAside(at=EPOCH, site=site, field=path.name, reason=reason, line="")])
                self._counted(0, 1)
                self._note(path, FileProgress(*seen, digest, lines, done=False, failed=reason))
                return
        self._note(path, FileProgress(*seen, digest, lines, done=True))
        log.info("%s: read, %s lines in all", path.name, f"{lines:,}")

    def _note(self, path: Path, progress: FileProgress) -> None:
        self.files[path.name] = progress
        made = self._state.with_suffix(".new")
        made.write_text(json.dumps({name: asdict(each) for name, each in self.files.items()}), "utf-8")
        made.replace(self._state)

    def _batches(self, path: Path, skip: int, folder: Path) -> Iterator[_Batch]:
        """A file's lines after the first `skip`, as records.

        Raises:
            UnreadableFile: it is nothing that can be read here.
        """
        with path.open("rb") as file:
            begins = file.read(4096)
        if _HL7.match(begins):
            yield from self._messages(path, skip)
        elif begins.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            yield from self._lines(_whole(path), skip)
        else:
            table = path
            if self._part.format is not None:
                mapping = format_named(self._part.format)
                table = converted(
                    [path], mapping, self._part.zone, folder, lambda _, what: log.info("%s: %s", path.name, what)
                )[path]
            records = read_file(table, {})
            yield from self._rows(records, skip)

    def _lines(self, lines: Iterator[bytes], skip: int) -> Iterator[_Batch]:
        lines = islice(lines, skip, None)
        while some := list(islice(lines, BATCH_LINES)):
            reading = read_packable(some, self._admission)
            yield _Batch(arranged(reading.records), reading.accepted, len(reading.bad), len(some))

    def _rows(self, records: Iterator[object], skip: int) -> Iterator[_Batch]:
        """Rows of a table, through the one validation of what senders send; those that are set aside keep their reason."""
        rows = islice(records, skip, None)
        while some := list(islice(rows, BATCH_LINES)):
            aside = [
                row.model_copy(update={"site": self._admission.filed_under(None)})
                for row in some
                if isinstance(row, SetAside)
            ]
            texts = [
                row.model_dump_json(exclude_none=True).encode()
                for row in some
                if isinstance(row, BaseModel) and not isinstance(row, SetAside)
            ]
            reading = read_packable(texts, self._admission)
            yield _Batch([*reading.records, *aside], reading.accepted, len(reading.bad) + len(aside), len(some))

    def _messages(self, path: Path, skip: int) -> Iterator[_Batch]:
        body = path.read_bytes().replace(b"\r\n", b"\r").replace(b"\n", b"\r")
        messages = [part.strip(b"\x0b\x1c\r ") for part in re.split(rb"(?:^|[\x0b\x1c\r])(?=MSH[|^~])", body)]
        for message in islice((each for each in messages if each.startswith(b"MSH")), skip, None):
            # What ends a batch is no segment of the message before it.
            plain = re.split(rb"\r(?=(?:BTS|FTS|BHS|FHS)\|)", message)[0]
            try:
                reading = read_message(Fields(plain), self._admission, self._zone)
            except BadMessage as bad:
                line = plain.split(b"\r")[0].decode("utf-8", "replace")
                aside = SetAside(
                    at=EPOCH, site=self._admission.filed_under(None), field="MSH", reason=str(bad), line=line
                )
                yield _Batch([aside], 0, 1, 1)
                continue
            yield _Batch(arranged(reading.records), reading.accepted, len(reading.bad), 1)


def _whole(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.strip()


def _seen(path: Path) -> _Seen:
    stat = path.stat()
    return _Seen(stat.st_size, stat.st_mtime_ns)


def _ends_a_line(path: Path, size: int) -> bool:
    """Whether a file's first bytes end with a line."""
    with path.open("rb") as file:
        file.seek(max(size - 1, 0))
        return file.read(1) in {b"\n", b"\r"}


def _digest(path: Path, size: int) -> str:
    """A hash of a file's first bytes."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (part := file.read(min(size, 2**20))):
            found.update(part)
            size -= len(part)
    return found.hexdigest()


def _progress_in(state: Path) -> dict[str, FileProgress]:
    """What was written of each file; of what cannot be read nothing, so that all is read again, which changes nothing."""
    try:
        found: Mapping[str, dict[str, Any]] = json.loads(state.read_text("utf-8"))
        return {name: FileProgress(**each) for name, each in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError):
        log.warning("%s cannot be read: the folder's files are read again", state.name)
        return {}
