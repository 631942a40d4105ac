"""Notes in the data directory for whoever looks after it: which version runs, where it listens, when it was last backed up.

The first is written at each start and stays after the end: whether somebody runs is what the lock says. Never here: secrets.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Final

from models.instants import from_iso, iso

RUNNING_FILE: Final = "running.json"
BACKUP_NOTE: Final = "last-backup.json"


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


def _write(path: Path, note: dict[str, str]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(note) + "\n", "utf-8")


def _read(path: Path) -> dict[str, str]:
    try:
        note = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(value) for name, value in note.items()} if isinstance(note, dict) else {}
