"""Notes in the data directory for whoever looks after it: which version runs, where it listens, when it was last backed up, and
when each destination last took a test page.

The first is written at each start and stays after the end: whether somebody runs is what the lock says. Never here: secrets.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from models.instants import from_iso, iso

RUNNING_FILE: Final = "running.json"
BACKUP_NOTE: Final = "last-backup.json"
TESTS_NOTE: Final = "last-page-tests.json"


def note_running(data: Path, address: str, now_us: int) -> None:
    """Write which version runs, over the note of the start before."""
    _write(data / RUNNING_FILE, {"version": version("chairside"), "address": address, "since": iso(now_us)})


def running_note(data: Path) -> dict[str, str]:
    """What the last start has written; empty where there is no note that can be read."""
    return _read(data / RUNNING_FILE)


def note_backup(data: Path, folder: Path, now_us: int) -> None:
    """Write that a backup was made, and where."""
    _write(data / BACKUP_NOTE, {"at": iso(now_us), "folder": str(folder)})


def last_backup_us(data: Path) -> int | None:
    """When the last backup was made; None: none is known of."""
    try:
        return from_iso(_read(data / BACKUP_NOTE)["at"])
    except (KeyError, ValueError):
        return None


def note_page_tests(data: Path, taken: Iterable[str], now_us: int) -> None:
    """Write which destinations took a test page, beside what is known of the others."""
    if names := list(taken):
        _write(data / TESTS_NOTE, _read(data / TESTS_NOTE) | dict.fromkeys(names, iso(now_us)))


def page_tests_us(data: Path) -> dict[str, int]:
    """When each destination last took a test page, by its name."""
    try:
        return {name: from_iso(at) for name, at in _read(data / TESTS_NOTE).items()}
    except ValueError:
        return {}


def _write(path: Path, note: dict[str, str]) -> None:
    """In place of what was there, and the folder's owner's: root's note must not keep the service's user from the next."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(json.dumps(note) + "\n", "utf-8")
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(new, owner.st_uid, owner.st_gid)
    new.replace(path)


def _read(path: Path) -> dict[str, str]:
    try:
        note = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(value) for name, value in note.items()} if isinstance(note, dict) else {}
