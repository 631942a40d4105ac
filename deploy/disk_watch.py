"""The watch on the data directory's disk: says when it is nearly full, when it is all but full, and when there is room again.

Never here: the alert (streams/ward/rules/host_disk.py), what is done when it is full (the journal's append fails, and says so).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from models.instants import EPOCH
from models.wire.observations import DiskLow

log = logging.getLogger(__name__)

MB: Final = 10**6
LOW_MB: Final = 1000
"""Free space from which somebody is told, on a disk where that is less than a tenth. Chosen by us: a full clinic of twelve chairs
writes some 20 MB a day (docs/data.md), so that a month is left."""
URGENT_MB: Final = 200
"""And from which it is high. Chosen by us: some days of a full clinic, and room for the write-ahead log beside a backup."""
SHARE: Final = 0.1
ROOM_AGAIN: Final = 1.2
"""There is room again with a fifth more than that: a disk at the edge is told of once."""

DiskLevel = Literal["room", "low", "urgent"]


def disk_room(folder: Path) -> tuple[int, int]:
    """The size of a folder's disk, and what of it is free for us, in bytes."""
    found = shutil.disk_usage(folder)
    return found.total, found.free


def level_of(free_mb: float, of_mb: float, before: DiskLevel) -> DiskLevel:
    """How full a disk is, `before` being how full it was."""
    for level, most_mb in (("urgent", min(URGENT_MB, of_mb * SHARE / 2)), ("low", min(LOW_MB, of_mb * SHARE))):
        stands = before in (level, "urgent")
        if free_mb < most_mb * (ROOM_AGAIN if stands else 1):
            return "urgent" if level == "urgent" else "low"
    return "room"


class DiskWatch:
    """Watches one disk. `usage`: its size and what is free, in bytes. `standing`: its alert is open from before a restart."""

    def __init__(self, usage: Callable[[], tuple[int, int]], site: str, *, standing: bool) -> None:
        self._usage = usage
        self._site = site
        self._level: DiskLevel = "low" if standing else "room"
        self.free_bytes = 0

    def look(self) -> DiskLow | None:
        """What is news since the last look, for the journal; it is in the log too."""
        try:
            size, self.free_bytes = self._usage()
        except OSError:
            return None
        free_mb, of_mb = self.free_bytes / MB, size / MB
        before = self._level
        level = level_of(free_mb, of_mb, before)
        self._level = level
        if level == before:
            return None
        if level == "room":
            log.info("there is room on the disk again: %.0f MB", free_mb)
            return DiskLow(at=EPOCH, site=self._site)
        log.error("the disk is nearly full: %.0f MB of %.0f MB are free", free_mb, of_mb)
        return DiskLow(
            at=EPOCH, site=self._site, free_mb=round(free_mb), of_mb=round(of_mb), urgent=level == "urgent"
        )  # fmt: skip
