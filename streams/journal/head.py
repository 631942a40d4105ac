"""The head: which frame was the journal's last, in a file of its own beside it.

A journal cannot tell that its end is missing: a file that was cut, emptied, replaced by an older copy or robbed of its
write-ahead log is a good journal with fewer frames. The head knows better, because it is another file. It is written after each
append, over itself and without waiting for the disk: a process that is killed leaves it as it is; after a power cut it may
lie some seconds back, and never ahead of what was durable.
Cost: 10 µs an append. Bad at: knowing anything once it is deleted together with the journal. Never here: what is done about it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final, NamedTuple

from models.instants import iso

HEAD_FILE: Final = "journal.head"
_WIDTH: Final = 256
"""Bytes of it, always: so it is written over without a moment in which it is shorter."""


class Head(NamedTuple):
    """The journal's last frame: where, what the chain says there, and when it was stamped."""

    offset: int
    link: bytes
    received_us: int


class HeadFile:
    """The head of the journal in one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def read(self) -> Head | None:
        """What was written last; None if nothing was, or it cannot be made out."""
        try:
            said = json.loads(self.path.read_bytes())
            return Head(int(said["offset"]), bytes.fromhex(said["link"]), int(said["received_us"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, head: Head) -> None:
        """Put another head in its place. One that cannot be written costs the next start its knowledge, and nobody a frame."""
        said = {
            "offset": head.offset,
            "link": head.link.hex(),
            "received_us": head.received_us,
            "at": iso(head.received_us),
        }
        try:
            if self._file is None:
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            os.pwrite(self._file, json.dumps(said).ljust(_WIDTH - 1).encode() + b"\n", 0)
        except OSError:
            self.close()

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
