"""A note in the data directory of which version runs on it and where it listens, for whoever looks after it.

It is written at each start and stays after the end: whether somebody runs is what the lock says. Never here: anything secret.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Final

from models.instants import iso

RUNNING_FILE: Final = "running.json"


def note_running(data: Path, address: str, now_us: int) -> None:
    """Write the note, over the one of the start before."""
    path = data / RUNNING_FILE
    path.touch(mode=0o600)
    path.write_text(
        json.dumps({"version": version("chairside"), "address": address, "since": iso(now_us)}) + "\n", "utf-8"
    )


def running_note(data: Path) -> dict[str, str]:
    """What the last start has written; empty where there is no note that can be read."""
    try:
        note = json.loads((data / RUNNING_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(value) for name, value in note.items()} if isinstance(note, dict) else {}
