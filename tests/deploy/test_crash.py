"""Crash safety: a process that dies at any moment loses nothing that it accepted, and does nothing that stays done twice.

Here each boundary of the path is a place to die at, by hand; then a real process is killed a few times. The long version
is `make prove-kill`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import msgpack
import pytest

from alerts.effects import Page, effect_document
from alerts.notify.destination import Destination, InThread, Message, Outcome
from alerts.notify.pager import Pager
from alerts.store import ledger
from alerts.store.store import Store
from bench.crash.kill import prove
from bench.crash.kill_intake import prove_intake
from models.instants import MINUTE, SECOND
from streams.clinic.clinic import simulate
from streams.hosts.embedded import Owner
from streams.intake.json import read_lines
from streams.journal.frame import FrameBuilder
from streams.journal.journal import SqliteJournal
from streams.shard import SHARD_FORMAT, Shard
from streams.ward.state import Clock
from tests.support.paging import sent
from tests.support.service import START_US, chairside, started, until


@cache
def frames(seed: int = 4) -> list[bytes]:
    """A busy hour of three chairs, cut into frames at random, with ticks between."""
    chance = random.Random(seed)
    clinic = simulate(sessions=3, seed=seed, hours=1.1, adverse=200.0)
    records = iter(read_lines(json.dumps(line).encode() for line in clinic.observations()).records)
    payloads, builder = [], FrameBuilder()
    room = chance.randrange(1, 600)
    for record in records:
        builder.add(record)
        if len(builder) >= room:
            payloads.append(builder.seal())
            if chance.random() < 0.2:
                payloads.append(builder.seal())
            room = chance.randrange(1, 600)
    return [*payloads, builder.seal()]


@dataclass
class Process:
    """Journal, store and owner on one file, as one process has them. Dying is forgetting them."""

    path: Path
    clock: Clock
    ticking: Iterator[int]
    told: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = SqliteJournal(self.path, lambda: next(self.ticking), self.clock)
        self.store = Store(f"sqlite:///{self.path}")
        self.owner = Owner(self.journal, self.store, self.clock, self._tell, self._disagree)
        self.owner.restore()
        if self.journal.next_offset == 0:
            self.store.migrate()
        self.owner.recover()

    def _tell(self, effects: object) -> None:
        raise AssertionError("a recovering owner tells nobody")

    def _disagree(self, conflict: object) -> None:
        raise AssertionError(f"the store disagrees: {conflict}")

    def dies(self) -> None:
        self.journal.close()
        self.store.close()


class PowerCut(Exception):
    pass


def nothing(process: Process, payload: bytes) -> None:
    """Before the frame is in the journal: nobody was told that it is."""


def append_only(process: Process, payload: bytes) -> None:
    process.journal.append([payload])


def step_too(process: Process, payload: bytes) -> None:
    (entry,) = process.journal.append([payload])
    process.owner.shard.step(entry.offset, entry.received_us, entry.payload)


def commit_in_part(process: Process, payload: bytes) -> None:
    (entry,) = process.journal.append([payload])
    effects = process.owner.shard.step(entry.offset, entry.received_us, entry.payload)
    with suppress(PowerCut), process.store.database.writing() as connection:
        if effects.effects:
            ledger.write(connection, process.store.database.insert, effects)
        raise PowerCut


def commit_whole(process: Process, payload: bytes) -> None:
    (entry,) = process.journal.append([payload])
    assert process.store.commit(process.owner.shard.step(entry.offset, entry.received_us, entry.payload)) == []


def checkpoint_too(process: Process, payload: bytes) -> None:
    commit_whole(process, payload)
    shard = process.owner.shard
    process.store.save_checkpoint(0, shard.next_offset, shard.snapshot(), SHARD_FORMAT)


def commit_twice(process: Process, payload: bytes) -> None:
    """Two owners of one shard, for a moment, after a rebalance."""
    (entry,) = process.journal.append([payload])
    other = Shard.restore(process.owner.shard.snapshot())
    for shard in (process.owner.shard, other):
        assert process.store.commit(shard.step(entry.offset, entry.received_us, entry.payload)) == []


BOUNDARIES: list[Callable[[Process, bytes], None]] = [
    nothing, append_only, step_too, commit_in_part, commit_whole, checkpoint_too, commit_twice,
]  # fmt: skip


def lived(
    path: Path, clock: Clock, payloads: list[bytes], deaths: Callable[[int], Callable[[Process, bytes], None] | None]
) -> Process:
    """Work through the frames; `deaths` says where the process dies at a frame, if it does."""
    ticking = (START_US + n * 7 * SECOND for n in count())
    process = Process(path, clock, ticking)
    for number, payload in enumerate(payloads):
        boundary = deaths(number)
        if boundary is None:
            commit_whole(process, payload)
            continue
        boundary(process, payload)
        process.dies()
        process = Process(path, clock, ticking)
        if boundary is nothing:
            commit_whole(process, payload)  # the sender was not answered, and sends again
    return process


def linear(path: Path, journal: SqliteJournal, clock: Clock) -> tuple[Store, Shard]:
    """What a replay of the journal gives, in one go."""
    shard, store = Shard(0, clock), Store(f"sqlite:///{path}")
    store.migrate()
    while entries := journal.read(shard.next_offset):
        for entry in entries:
            store.commit(shard.step(entry.offset, entry.received_us, entry.payload))
    return store, shard


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=lambda boundary: boundary.__name__)
def test_dying_at_any_boundary_leaves_what_a_replay_of_the_journal_gives(
    tmp_path: Path, boundary: Callable[[Process, bytes], None]
) -> None:
    payloads = frames()
    chance = random.Random(1)
    dying = {number for number in range(len(payloads)) if chance.random() < 0.2}
    process = lived(tmp_path / "a.sqlite", "received", payloads, lambda number: boundary if number in dying else None)
    expected, shard = linear(tmp_path / "b.sqlite", process.journal, "received")
    assert process.journal.next_offset == len(payloads)
    assert process.store.digests(0) == expected.digests(0)
    assert len(expected.transitions()) > 10
    assert process.store.transitions() == expected.transitions()
    assert process.store.alerts() == expected.alerts()
    assert process.store.conflicts() == 0
    assert process.owner.shard.snapshot() == shard.snapshot()
    process.dies()
    expected.close()


@pytest.mark.parametrize(("clock", "seed"), [("received", 0), ("observed", 1)])
def test_dying_anywhere_again_and_again_changes_nothing(tmp_path: Path, clock: Clock, seed: int) -> None:
    payloads, chance = frames(seed + 10), random.Random(seed)
    process = lived(tmp_path / "a.sqlite", clock, payloads, lambda _: chance.choice([None, *BOUNDARIES]))
    expected, shard = linear(tmp_path / "b.sqlite", process.journal, clock)
    assert process.store.digests(0) == expected.digests(0)
    assert process.owner.shard.snapshot() == shard.snapshot()
    seqs = [one["seq"] for one in process.store.transitions()]
    assert seqs == list(range(1, len(seqs) + 1))
    process.dies()
    expected.close()


def test_a_checkpoint_older_than_another_is_not_kept(tmp_path: Path) -> None:
    process = lived(tmp_path / "a.sqlite", "observed", frames()[:9], lambda _: checkpoint_too)
    assert process.owner.checkpointed_offset == 9
    assert not process.store.save_checkpoint(0, 5, b"older", SHARD_FORMAT)
    again = process.store.load_checkpoint(0, SHARD_FORMAT)
    assert again is not None
    assert again.next_offset == 9
    process.dies()


class Phone:
    """Takes every page, and pulls the plug on its sender at some of them, before it can note that they arrived."""

    def __init__(self) -> None:
        self.got: list[str] = []

    def send(self, message: Message) -> Outcome:
        self.got.append(message.page.key)
        return Outcome(True)


async def test_a_pager_that_dies_in_the_middle_of_a_send_sends_again_under_the_same_key(tmp_path: Path) -> None:
    process = lived(tmp_path / "a.sqlite", "observed", frames(), lambda n: checkpoint_too if n % 8 == 0 else None)
    owed = pages_of(process)
    assert len(owed) > 3
    phone = Phone()
    destination = Destination("phone", InThread(phone))
    chance = random.Random(3)
    now_us = START_US
    while True:  # each turn is a pager that begins, sends some, and dies while sending one
        process.store.start_paging(["phone"], alone=True)
        claimed = process.store.claim_pages("phone", ["phone"], now_us, MINUTE)
        if not claimed or len(phone.got) > 200:
            break
        for page in claimed:
            await destination.deliver(Message(page.page))
            if chance.random() < 0.5:
                process.store.mark_pages([sent(page)], now_us)
        process.dies()
        process = Process(tmp_path / "a.sqlite", "observed", iter([]))
    said_again = {key for key, _ in process.store.superseded_pages()}
    assert set(phone.got) == {page["key"] for page in owed} - said_again
    assert len(phone.got) > len(owed) - len(said_again) > 3
    assert process.store.page_counts(now_us).owed == 0
    process.dies()


async def test_pages_owed_by_frames_that_were_never_told_about_are_sent_by_the_next_pager(tmp_path: Path) -> None:
    process = lived(tmp_path / "a.sqlite", "observed", frames(), lambda n: append_only if n % 9 == 0 else None)
    expected = {page["key"] for page in pages_of(process)}
    phone = Phone()
    pager = Pager(process.store, [Destination("phone", InThread(phone))], lambda: START_US)
    running = asyncio.create_task(pager.run())
    await until(lambda: process.store.page_counts(START_US).owed == 0, "every page to arrive")
    assert await pager.drain(running)
    said_again = {key for key, _ in process.store.superseded_pages()}
    assert sorted(phone.got) == sorted(expected - said_again)
    assert len(phone.got) > 3
    process.dies()


def pages_of(process: Process) -> list[Mapping[str, Any]]:
    """The pages that a replay of the journal owes."""
    shard, found = Shard(0, process.clock), []
    while entries := process.journal.read(shard.next_offset):
        for entry in entries:
            effects = shard.step(entry.offset, entry.received_us, entry.payload).effects
            found += [effect_document(effect) for effect in effects if isinstance(effect, Page)]
    return found


# ---- a real process --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("clock", "seed", "kills"), [("received", 5, 20), ("observed", 6, 3)])
def test_a_killed_service_has_lost_nothing_and_done_nothing_twice(
    tmp_path: Path, clock: Clock, seed: int, kills: int
) -> None:
    """On the received clock people are called too, by HTTP and SMTP: each high alert has reached somebody on its ladder."""
    report = prove(tmp_path / "proof", kills=kills, seed=seed, clock=clock, clients=3, pages=clock == "received")
    assert report.problems == []
    assert report.kills + report.stops == kills
    assert report.observations > 500
    assert report.transitions > 0


@pytest.mark.slow
def test_what_was_acknowledged_by_any_way_in_is_there_after_a_kill(tmp_path: Path) -> None:
    report = prove_intake(tmp_path / "proof", kills=2, seed=5)
    assert report.problems == []
    assert report.kills == 2
    assert min(report.answered.values()) > 5


def refused(data: Path, *options: object) -> str:
    """What `serve` says in refusing to start: one line."""
    done = chairside("serve", "--port", "0", "--data", data, *options)
    said = done.stderr.decode()
    assert done.returncode == 1, said
    assert "Traceback" not in said, said
    return said.strip().splitlines()[-1]


def test_a_data_directory_has_one_process_one_clock_and_versions_that_are_known(tmp_path: Path) -> None:
    with started(tmp_path, "--clock", "observed") as first:
        assert first.address
        assert refused(tmp_path, "--clock", "observed") == (
            f"chairside: {tmp_path} is in use by another chairside: stop it, or use another --data"
        )
    file = tmp_path / "chairside.sqlite"
    assert refused(tmp_path) == (f"chairside: {file} was begun with clock observed, not received: use another --data")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        ((state,),) = database.execute("SELECT state FROM checkpoints").fetchall()
        later = {**msgpack.unpackb(zlib.decompress(state), strict_map_key=False), "state": 99}
        database.execute("UPDATE checkpoints SET state = ?", (zlib.compress(msgpack.packb(later)),))
    assert refused(tmp_path, "--clock", "observed") == (
        "chairside: checkpoint format 99; this version reads 1. "
        "Start the version that wrote it, and upgrade from there one version at a time"
    )
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("DELETE FROM checkpoints")
        database.execute("UPDATE journal SET payload = X'00' WHERE offset_ = 0")
    assert "frame 0 is not as it was written: bytes of it have changed" in refused(tmp_path, "--clock", "observed")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("DELETE FROM journal_links")
        database.execute("INSERT INTO journal_notes VALUES (0, 1000, 'unlinked', 'of a version that made no links', 1)")
    assert refused(tmp_path, "--clock", "observed").startswith("chairside: the journal cannot be read on: not a frame")
    file.write_bytes(b"not a database at all" * 1000)
    assert refused(tmp_path, "--clock", "observed").startswith(
        "chairside: the database cannot be used: file is not a database. Keep a copy of the files"
    )
