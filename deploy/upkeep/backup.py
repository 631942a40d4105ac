"""A backup of a data directory while the service runs, all of one moment; and its restoration at another place.

A backup is a folder with a copy of every file that cannot be made again: the database (SQLite's online backup, one reading of the
whole, for which nobody waits), the accounts, the keys, the last good configuration, and a list with each file's SHA-256.
`restore` lays it out as a data directory; with an instant, as it was then: frames, effects and alerts after it are taken out
(until.py). What is restored is another clinic's past to nobody: started with destinations, it calls people about what is open.
Cost: as long as reading and writing the database takes; meanwhile its write-ahead log grows. Never here: the service's own part.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from deploy.access.database import ACCOUNTS_FILE
from deploy.privacy.names import NAMES_FILE
from deploy.upkeep.until import cut_at
from deploy.upkeep.verify import DATABASE, LIST_FILE, reading, sha256
from models.instants import iso
from streams.journal.head import HEAD_FILE, Head, HeadFile

_OF_THE_PROCESS: Final = ("lock", HEAD_FILE)
"""Files that are a running process's: the head is made anew of what the copy holds."""


class BackupRefused(RuntimeError):
    """It cannot be made or restored; the message says why and what to do."""


def back_up(data: Path, into: Path, now_us: int) -> Path:
    """Copy a data directory into a new folder below `into`, named by the instant; that folder.

    Raises:
        BackupRefused: there is nothing to back up, or a backup of this second. OSError, sqlite3.Error: it cannot be written.
    """
    if not (data / DATABASE).is_file():
        raise BackupRefused(f"there is no {DATABASE} in {data}: give the --data of `serve`")
    into.mkdir(parents=True, exist_ok=True)
    made = into / f"chairside-{iso(now_us)[:19].replace(':', '')}Z"
    partial = made.with_name(f"{made.name}.partial")
    if made.exists():
        raise BackupRefused(f"{made} is there already: wait a second, and try again")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    for name in (DATABASE, ACCOUNTS_FILE, NAMES_FILE):
        if (data / name).is_file():
            _copy_database(data / name, partial / name)
    for file in sorted(data.iterdir()):
        if file.is_file() and ".sqlite" not in file.name and file.suffix != ".new" and file.name not in _OF_THE_PROCESS:
            shutil.copyfile(file, partial / file.name)
    head = _write_head(partial)
    for file in partial.iterdir():
        file.chmod(0o600)
    listed: dict[str, Any] = {
        "made_at": iso(now_us), "version": version("chairside"), "frames_until": head.offset, "received_until": iso(head.received_us),
        "files": {file.name: sha256(file) for file in sorted(partial.iterdir())},
    }  # fmt: skip
    (partial / LIST_FILE).write_text(json.dumps(listed, indent=2) + "\n", "utf-8")
    for file in partial.iterdir():
        _sync(file)
    partial.rename(made)
    _sync(into)
    return made


def restore(backup: Path, data: Path, until_us: int | None = None, say: Callable[[str], None] = print) -> None:
    """Lay a backup out as a new data directory; as it was at an instant, if one is given.

    Raises:
        BackupRefused: the directory is not empty, the backup is not whole, or the instant is not in what it kept.
    """
    if not (backup / LIST_FILE).is_file():
        raise BackupRefused(f"{backup} is no backup: it has no {LIST_FILE}")
    if data.exists() and any(data.iterdir()):
        raise BackupRefused(f"{data} is not empty: restore to a new directory, and give `serve` that one as --data")
    listed = json.loads((backup / LIST_FILE).read_text("utf-8"))
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    for name, digest in listed["files"].items():
        if not (backup / name).is_file():
            raise BackupRefused(f"{backup / name} is missing: take another backup")
        shutil.copyfile(backup / name, data / name)
        (data / name).chmod(0o600)
        if sha256(data / name) != digest:
            raise BackupRefused(f"{backup / name} is not as it was backed up: take another backup")
    if until_us is not None:
        with closing(sqlite3.connect(data / DATABASE, isolation_level=None)) as database:
            try:
                say(cut_at(database, until_us))
            except ValueError as wrong:
                raise BackupRefused(f"{wrong}. {data} holds the whole backup") from wrong
    _write_head(data)


def _copy_database(source: Path, to: Path) -> None:
    with closing(reading(source)) as original, closing(sqlite3.connect(to)) as copy:
        # All pages at once: one reading transaction, so that a service that writes each second makes it no longer.
        original.backup(copy, pages=-1)
        # A backup is one file, and can be read where nothing may be written.
        copy.execute("PRAGMA journal_mode=DELETE")


def _write_head(folder: Path) -> Head:
    """Write the head that belongs to a folder's journal."""
    with closing(reading(folder / DATABASE)) as database:
        row = database.execute(
            "SELECT offset_, link, received_us FROM journal LEFT JOIN journal_links USING (offset_) ORDER BY offset_ DESC LIMIT 1"
        ).fetchone()
    head = Head(-1, b"", 0) if row is None else Head(row[0], bytes(row[1] or b""), row[2])
    (folder / HEAD_FILE).unlink(missing_ok=True)
    if row is not None:
        file = HeadFile(folder / HEAD_FILE)
        file.write(head)
        file.close()
    return head


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
