"""A clinic's service on a directory, lived through as fast as the machine can: days' frames in, a data directory out.

Journal, ward, desk, store, outbox, checkpoints and retention are the service's own, and so is what they write. Otherwise than in
`serve`: a minute's frames are appended in one transaction and nobody waits for the disk; a checkpoint follows every hour, not
every half minute (the last two and one a day stay either way); old frames are deleted once a day, not every ten minutes.
Staff is one person: each page arrives; what is high or medium is acknowledged in the next minute; in the evening what is open
is closed. Days that are there already are not lived again, so that a year that was broken off goes on.
Never here: HTTP, forecasts, what is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Final

from alerts.effects import FrameEffects, Transition
from alerts.store.outbox import Tried
from alerts.store.store import Store
from bench.year.days import Busy, day_of
from deploy.upkeep.retention import delete_old_frames
from models.instants import DAY, MINUTE, SECOND, to_datetime
from models.wire.observations import AlertAcknowledged, AlertClosed
from streams.hosts.embedded import Owner, owes_pages
from streams.journal.frame import FrameBuilder
from streams.journal.head import HEAD_FILE, HeadFile
from streams.journal.journal import JournalEntry, SqliteJournal
from streams.shard import SHARD_FORMAT

SITE: Final = "main"
RAW_DAYS: Final = 90
CHECKPOINT_EVERY_US: Final = 60 * MINUTE
EVENING: Final = 18 * 3600
"""The second of the day from which on what is open is closed."""
STAFF: Final = "ada"
_DESTINATION: Final = "console"
_AT_ONCE: Final = 1000
_ANSWERED: Final = ("high", "medium")

Stamped = tuple[int, bytes]
Answer = AlertAcknowledged | AlertClosed


class StampedJournal(SqliteJournal):
    """The journal, with frames that bring their stamps: many instants in one transaction."""

    def append_stamped(self, stamped: Sequence[Stamped]) -> list[JournalEntry]:
        """Append frames in order of their stamps."""
        with self._lock:
            self._open_chain()
            first = self.next_offset
            entries = [
                JournalEntry(first + n, received_us, payload) for n, (received_us, payload) in enumerate(stamped)
            ]
            self._write(entries)
        return entries

    def hurry(self) -> None:
        """Do not wait for the disk from now on."""
        self._connection.execute("PRAGMA synchronous=OFF")


class Clinic:
    """Journal, store and owner on a directory."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.now_us, self._kept_us = 0, 0
        self.store = Store(f"sqlite:///{data / 'chairside.sqlite'}")
        self.journal = StampedJournal(data / "chairside.sqlite", lambda: self.now_us, head=HeadFile(data / HEAD_FILE))
        self.owner = Owner(self.journal, self.store, "received", lambda _: None, _refuse)
        self.owner.restore()
        self.store.migrate()
        self.frames_read = self.owner.recover()
        self._day = self.owner.shard.ward.clock_us // DAY
        self._commands: list[Answer] = []

    def hurry(self) -> None:
        """Do not wait for the disk from now on."""
        self.journal.hurry()
        with closing(self.store.database.engine.raw_connection()) as connection:  # the pool gives it out again
            connection.cursor().execute("PRAGMA synchronous=OFF")

    def lives(self, stamped: Iterable[Stamped]) -> None:
        """Frames with their stamps, each decided and written, and what staff does of it; what was lived is passed over."""
        coming = (each for each in stamped if each[0] > self.journal.last_us)
        for _, minute in groupby(coming, key=lambda each: each[0] // MINUTE):
            self._minute(list(minute))

    def _minute(self, stamped: list[Stamped]) -> None:
        commands, self._commands = self._commands, []
        if commands:
            builder, begins_us = FrameBuilder(), stamped[0][0]
            builder.extend(each.model_copy(update={"at": to_datetime(begins_us)}) for each in commands)
            stamped = [(begins_us, builder.seal()), *stamped]
        owes = False
        for entry in self.journal.append_stamped(stamped):
            self.now_us = entry.received_us
            effects = self._step(entry)
            owes = owes or owes_pages(effects)
        if owes:
            self._page()
        if self.now_us >= self._kept_us + CHECKPOINT_EVERY_US:
            self.checkpoint()

    def _step(self, entry: JournalEntry) -> FrameEffects:
        shard = self.owner.shard
        effects = shard.step(entry.offset, entry.received_us, entry.payload)
        conflicts = self.store.commit(effects) if effects.to_write else []
        if conflicts or shard.faults:
            raise RuntimeError(f"frame {entry.offset}: {conflicts or list(shard.faults)}")
        for each in effects.effects:
            if isinstance(each, Transition) and each.transition == "raised" and each.priority in _ANSWERED:
                self._commands.append(self._answer(AlertAcknowledged, each.alert))
        return effects

    def _answer(self, kind: type[AlertAcknowledged] | type[AlertClosed], alert: str) -> Answer:
        return kind(at=to_datetime(self.now_us), site=SITE, alert=alert, by=STAFF)

    def _page(self) -> None:
        """Every page that is owed arrives."""
        while owed := self.store.claim_pages(_DESTINATION, [_DESTINATION], self.now_us, MINUTE, _AT_ONCE):
            self.store.mark_pages([Tried(each, arrived=True) for each in owed], self.now_us)

    def evening(self) -> None:
        """What is open is closed, by commands in the next minute."""
        self._commands += [
            self._answer(AlertClosed, each["alert"]) for each in self.store.alerts(SITE, open_only=True, limit=_AT_ONCE)
        ]

    def forget(self) -> int:
        """Delete the frames that are kept no longer; how many."""
        return delete_old_frames(self.journal, self.store, 0, self.now_us, RAW_DAYS, pause_s=0)

    def checkpoint(self) -> None:
        """Write one, the first of a day for as long as the frames behind it."""
        shard, day = self.owner.shard, self.now_us // DAY
        self.store.save_checkpoint(0, shard.next_offset, shard.snapshot(), SHARD_FORMAT, daily=day != self._day)
        self._day, self._kept_us = day, self.now_us

    def ends(self) -> None:
        """Leave the directory to others."""
        self.journal.close()
        self.store.close()


def _refuse(wrong: object) -> None:
    raise RuntimeError(f"the store disagrees: {wrong}")


def live(clinic: Clinic, week: Sequence[dict[int, Busy]], days: int, start_us: int, seconds: range) -> Iterator[int]:
    """Live `seconds` of each of so many days, from a Monday that begins at `start_us`; yields each day when it is over."""
    for day in range(days):
        if clinic.journal.last_us >= start_us + day * DAY + seconds[-1] * SECOND:
            continue
        evening_us = start_us + day * DAY + min(EVENING, seconds[-1] - 60) * SECOND
        stamped = list(day_of(week, day, start_us, seconds))
        clinic.lives(each for each in stamped if each[0] < evening_us)
        clinic.evening()
        clinic.lives(each for each in stamped if each[0] >= evening_us)
        clinic.forget()
        yield day
    clinic.checkpoint()
