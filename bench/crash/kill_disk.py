"""What a killed service left on the disk, held against a linear replay of its journal. What must hold is said in `kill.py`."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from alerts.effects import FrameEffects, Page
from alerts.store.store import Store
from alerts.store.tables import OUTBOX
from bench.crash.kill_clinic import Answered, Fingerprint, Phone
from bench.crash.states import state_differences
from models.arrays import Document
from models.synthetic import SYNTHETIC_SITE
from streams.journal.frame import decode
from streams.journal.journal import SqliteJournal
from streams.shard import SHARD_FORMAT, Shard
from streams.ward.state import Clock

_FIELDS_SAID: Final = 5


def fingerprints(payload: bytes) -> Iterator[tuple[Fingerprint, str | None]]:
    """What a frame of the journal holds, with the sender's id of each event."""
    frame = decode(payload)
    for at_us, origin, row in zip(frame.at_us.tolist(), frame.origin.tolist(), frame.values.tolist(), strict=True):
        where = frame.origins[origin]
        values = tuple(None if math.isnan(value) else value for value in row)
        yield (where.site, where.session, where.patient, where.device, where.source, at_us, values), None
    for _, record in frame.events:
        yield (record.model_dump_json(exclude_none=True),), record.id


class Shadow:
    """A replay of the journal that never crashed, and its comparison with what the service has left behind."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        folder.mkdir()
        self._copy = folder / "copy"
        self.clock: Clock = clock
        self.shard = Shard(0, clock)
        self.store = Store(f"sqlite:///{folder / 'replay.sqlite'}")
        self.store.migrate()
        self.problems: list[str] = []
        self.pages: list[Page] = []
        self.stamps: dict[int, int] = {}
        """Offset → the journal's stamp, of frames that have effects."""
        self.have: Counter[Fingerprint] = Counter()
        self.commands: set[str] = set()
        self.page_offsets: dict[str, int] = {}
        self.checkpoints: set[int] = set()
        self.behind = 0
        self.shown = 0
        self._received_us = 0
        self._promised: Counter[Fingerprint] = Counter()
        self._seen = 0

    def compare(self, data: Path, answered: Answered, phone: Phone, when: str) -> None:
        """Hold what is on the disk against the replay. On a copy, so that the service itself finds it as it was left."""
        with answered.news:
            promised, commands = answered.records[self._seen :], list(answered.commands)
            self._seen += len(promised)
        sent = set(phone.got)
        shutil.rmtree(self._copy, ignore_errors=True)
        self._copy.mkdir()
        for file in data.glob("chairside.sqlite*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, self._copy)
        if not (self._copy / "chairside.sqlite").exists():
            return  # killed before it had made one
        with closing(Store(f"sqlite:///{self._copy / 'chairside.sqlite'}")) as store:
            store.migrate()
            self._read_on(when)
            self._effects(store, when)
            self._pages(store, sent, when)
            if store.conflicts():
                self._wrong(when, f"{store.conflicts()} conflicts")
        self._promised.update(promised)
        lost = [one for one in set(promised) if self.have[one] < self._promised[one]]
        if lost:
            self._wrong(when, f"{len(lost)} answered observations are not in the journal, {lost[0]} say")
        if missing := set(commands) - self.commands:
            self._wrong(when, f"answered commands are not in the journal: {sorted(missing)[:3]}")

    def _read_on(self, when: str) -> None:
        with closing(SqliteJournal(self._copy / "chairside.sqlite", lambda: 0, self.clock)) as journal:
            while entries := journal.read(self.shard.next_offset):
                for entry in entries:
                    if entry.received_us < self._received_us:
                        self._wrong(when, f"the journal's stamp goes back at {entry.offset}")
                    self._received_us = entry.received_us
                    for found, command in fingerprints(entry.payload):
                        self.have[found] += 1
                        if command is not None:
                            self.commands.add(command)
                    self._commit(self.shard.step(entry.offset, entry.received_us, entry.payload))

    def _commit(self, effects: FrameEffects) -> None:
        self.store.commit(effects)
        if effects.effects:
            self.stamps[effects.offset] = self._received_us
        for effect in effects.effects:
            if isinstance(effect, Page) and effect.site != SYNTHETIC_SITE:
                self.page_offsets[effect.key] = effects.offset
                self.pages.append(effect)

    def _effects(self, store: Store, when: str) -> None:
        stored, expected = store.digests(0), self.store.digests(0)
        if stored != expected[: len(stored)]:
            differing = next((a for a, b in zip(stored, expected, strict=False) if a != b), stored[-1:])
            self._wrong(when, f"effects differ from the replay's: {differing}")
        elif 0 < len(stored) < len(expected) and expected[len(stored)][0] == stored[-1][0]:
            self._wrong(when, f"frame {stored[-1][0]} is written in part")
        self.behind = max(self.behind, len(expected) - len(stored))
        checkpoint = store.load_checkpoint(0, SHARD_FORMAT)
        if checkpoint is not None:
            self.checkpoints.add(checkpoint.next_offset)
            if checkpoint.next_offset > self.shard.next_offset:
                self._wrong(when, f"a checkpoint at {checkpoint.next_offset} is ahead of the journal")
            if len(stored) < sum(effect[0] < checkpoint.next_offset for effect in expected):
                self._wrong(when, f"a checkpoint at {checkpoint.next_offset} is ahead of the written effects")

    def _pages(self, store: Store, sent: set[str], when: str) -> None:
        stored = store.digests(0)
        last = stored[-1][0] if stored else -1
        with store.database.reading() as connection:
            clinics = ~OUTBOX.c.doc.contains(f'"site":"{SYNTHETIC_SITE}"')
            owed = set(connection.scalars(sa.select(OUTBOX.c.key).where(clinics)))
        expected = {key for key, offset in self.page_offsets.items() if offset <= last}
        if owed != expected:
            self._wrong(when, f"pages in the outbox differ from the replay's: {sorted(owed ^ expected)[:3]}")
        if not sent <= owed:
            self._wrong(when, f"pages were sent that no written frame owes: {sorted(sent - owed)[:3]}")

    def at_the_end(self, data: Path, heard: list[Document], phone: Phone) -> None:
        """What must hold once everything has come to rest and the service was stopped in good order."""
        with closing(Store(f"sqlite:///{data / 'chairside.sqlite'}")) as store:
            if store.digests(0) != self.store.digests(0):
                self._wrong("at the end", "effects are missing")
            said_again = {key for key, _ in store.superseded_pages()}
            transitions = store.transitions(limit=10**9)
            if transitions != self.store.transitions(limit=10**9):
                self._wrong("at the end", "transitions differ from the replay's")
            if [one["seq"] for one in transitions] != list(range(1, len(transitions) + 1)):
                self._wrong("at the end", "seq has a gap")
            # It was there for everything that happened before the stop was asked for; what the stop brought, it may miss.
            if heard != transitions[: len(heard)] or len(heard) < self.shown:
                self._wrong("at the end", f"a board heard {len(heard)} transitions of {len(transitions)}, or others")
            for read_ in (Store.entries, Store.dead_letters):
                if read_(store, limit=10**9) != read_(self.store, limit=10**9):
                    self._wrong("at the end", f"{read_.__name__} differ from the replay's")
            checkpoint = store.load_checkpoint(0, SHARD_FORMAT)
            if checkpoint is None or checkpoint.next_offset != self.shard.next_offset:
                self._wrong("at the end", "no checkpoint was made when it stopped")
            elif differ := state_differences(checkpoint.state, self.shard.snapshot()):
                fields = "; ".join(differ[:_FIELDS_SAID])
                self._wrong(
                    "at the end", f"the last checkpoint differs from the replay's in {len(differ)} fields: {fields}"
                )
        if missing := set(self.page_offsets) - set(phone.got) - said_again:
            self._wrong("at the end", f"{len(missing)} pages never arrived, {min(missing)} say")
        if any(len(texts) > 1 for texts in phone.texts.values()):
            self._wrong("at the end", "a page came with two contents under one key")

    def _wrong(self, when: str, what: str) -> None:
        self.problems.append(f"{when}: {what}")
