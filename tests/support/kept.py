"""A data directory with an hour of three chairs in it, as a service leaves it; made without one, in a second."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path
from typing import Final

from alerts.store.store import Store
from models.instants import HOUR, SECOND
from streams.hosts.embedded import Owner
from streams.journal.head import HEAD_FILE, HeadFile
from streams.journal.journal import SqliteJournal
from streams.shard import SHARD_FORMAT
from tests.deploy.test_crash import frames
from tests.support.service import START_US

STAMP_US: Final = 30 * SECOND
"""Between two frames, by the journal's clock."""
CHECKPOINTS_EVERY: Final = 10


class Lived:
    """Journal, store and owner on a directory, without a process. It dies if nobody `stop`s it."""

    def __init__(self, data: Path, *, accept_loss: bool = False) -> None:
        data.mkdir(exist_ok=True)
        self.store = Store(f"sqlite:///{data / 'chairside.sqlite'}")
        self.journal = SqliteJournal(
            data / "chairside.sqlite", lambda: self.stamp_us, "observed", head=HeadFile(data / HEAD_FILE), accept_loss=accept_loss
        )  # fmt: skip
        self._stamps = count(max(START_US - HOUR, self.journal.last_us + STAMP_US), STAMP_US)
        self.stamp_us = 0
        self.told: list[object] = []
        self.owner = Owner(self.journal, self.store, "observed", self.told.append, self.told.append)
        self.owner.restore()
        self.store.migrate()
        self.owner.recover()

    def takes(self, payload: bytes) -> None:
        """One frame, durable and decided."""
        self.stamp_us = next(self._stamps)
        (entry,) = self.journal.append([payload])
        self.decides(entry.offset, entry.received_us, payload)

    def decides(self, offset: int, received_us: int, payload: bytes) -> None:
        """A frame that is in the journal."""
        shard = self.owner.shard
        conflicts = self.store.commit(shard.step(offset, received_us, payload))
        assert conflicts == []
        if offset % CHECKPOINTS_EVERY == 0:
            self.store.save_checkpoint(0, shard.next_offset, shard.snapshot(), SHARD_FORMAT)

    def dies(self) -> None:
        self.journal.close()
        self.store.close()


def an_hour_in(data: Path, until: int | None = None) -> None:
    """The hour's frames, or the first of them, in a new directory."""
    lived = Lived(data)
    for payload in frames()[:until]:
        lived.takes(payload)
    lived.dies()


def copied(data: Path, to: Path) -> Path:
    """Another directory with the same files."""
    shutil.copytree(data, to)
    return to
