"""The intake: accepted means durable, many senders share one append, and time passes without observations too."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from models.wire.observations import Vitals
from streams.intake.append import Intake, Overloaded
from streams.journal.frame import FULL, decode
from streams.journal.journal import JournalEntry
from tests.support.scenes import moment
from tests.support.service import until


def vitals(count: int, patient: str = "P-1") -> list[Vitals]:
    return [Vitals(at=moment(second), patient=patient, hr=70) for second in range(count)]


class Disk:
    """A journal in memory whose disk answers when it is told to, or refuses."""

    def __init__(self) -> None:
        self.appends: list[list[bytes]] = []
        self.free = threading.Event()
        self.free.set()
        self.broken = False
        self.asked = 0

    def append(self, payloads: Sequence[bytes]) -> list[JournalEntry]:
        self.asked += 1
        self.free.wait(60)
        if self.broken:
            raise OSError("disk full")
        first = self.next_offset
        self.appends.append(list(payloads))
        return [JournalEntry(first + n, 0, payload) for n, payload in enumerate(payloads)]

    @property
    def next_offset(self) -> int:
        return sum(map(len, self.appends))

    def read(self, first_offset: int, limit: int = 1000) -> list[JournalEntry]:
        raise AssertionError("the intake reads nothing back")

    def offset_since(self, received_us: int) -> int:
        raise AssertionError("the intake reads nothing back")

    def patients(self) -> list[list[str | None]]:
        """Whose samples each append held."""
        frames = [[decode(payload) for payload in payloads] for payloads in self.appends]
        return [[frame.origins[n].patient for frame in group for n in frame.origin] for group in frames]


@asynccontextmanager
async def intake(disk: Disk, delivered: list[JournalEntry]) -> AsyncIterator[Intake]:
    taking = Intake(disk, delivered.extend)
    running = asyncio.create_task(taking.run())
    yield taking
    disk.free.set()
    taking.stop()
    await running


async def test_a_sender_is_answered_after_the_disk_has_it_and_not_before() -> None:
    disk, delivered = Disk(), list[JournalEntry]()
    async with intake(disk, delivered) as taking:
        disk.free.clear()
        sending = asyncio.create_task(taking.append(vitals(1)))
        await until(lambda: disk.asked, "the disk to be asked")
        assert not sending.done()
        disk.free.set()
        await sending
        assert [len(decode(entry.payload)) for entry in delivered] == [1]


async def test_what_arrives_while_the_disk_is_busy_shares_one_append() -> None:
    disk = Disk()
    async with intake(disk, []) as taking:
        disk.free.clear()
        first = asyncio.create_task(taking.append(vitals(1, "A")))
        await until(lambda: disk.asked, "the disk to be busy")
        others = [asyncio.create_task(taking.append(vitals(2, name))) for name in "BCD"]
        await asyncio.sleep(0)
        disk.free.set()
        await asyncio.gather(first, *others)
        assert disk.patients() == [["A"], ["B", "B", "C", "C", "D", "D"]]


async def test_a_large_post_becomes_several_frames_of_one_append() -> None:
    disk, delivered = Disk(), list[JournalEntry]()
    async with intake(disk, delivered) as taking:
        await taking.append(vitals(2 * FULL + 1))
        assert [len(decode(entry.payload)) for entry in delivered] == [FULL, FULL, 1]
        assert [entry.offset for entry in delivered] == [0, 1, 2]
        assert len(disk.appends) == 1


async def test_a_tick_comes_when_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.intake.append.TICK_S", 0.01)
    delivered: list[JournalEntry] = []
    async with intake(Disk(), delivered):
        await until(lambda: len(delivered) >= 3, "ticks")
    assert {len(decode(entry.payload)) for entry in delivered} == {0}


async def test_when_the_disk_refuses_every_sender_is_told_and_the_next_append_is_tried_anew() -> None:
    disk, delivered = Disk(), list[JournalEntry]()
    async with intake(disk, delivered) as taking:
        disk.broken = True
        with pytest.raises(Overloaded, match="the journal cannot be written: disk full"):
            await taking.append(vitals(1))
        disk.broken = False
        await taking.append(vitals(1))
        assert len(delivered) == 1


async def test_too_much_waiting_for_the_disk_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.intake.append.MOST_WAITING", 10)
    disk = Disk()
    async with intake(disk, []) as taking:
        disk.free.clear()
        accepted = [asyncio.create_task(taking.append(vitals(1)))]
        await until(lambda: disk.asked, "the disk to be busy")
        accepted.append(asyncio.create_task(taking.append(vitals(11))))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="too much is waiting"):
            await taking.append(vitals(1))
        disk.free.set()
        await asyncio.gather(*accepted)
        assert sum(map(len, disk.patients())) == 12


async def test_stopping_takes_nothing_more_and_finishes_what_was_taken() -> None:
    disk = Disk()
    async with intake(disk, []) as taking:
        disk.free.clear()
        taken = [asyncio.create_task(taking.append(vitals(1)))]
        await until(lambda: disk.asked, "the disk to be busy")
        taken.append(asyncio.create_task(taking.append(vitals(2))))
        await asyncio.sleep(0)
        taking.stop()
        with pytest.raises(Overloaded, match="stopping"):
            await taking.append(vitals(1))
        disk.free.set()
        await asyncio.gather(*taken)
    assert sum(map(len, disk.patients())) == 3


async def test_a_sender_that_went_away_costs_nobody_else_anything() -> None:
    disk = Disk()
    async with intake(disk, []) as taking:
        disk.free.clear()
        gone = asyncio.create_task(taking.append(vitals(1, "A")))
        await until(lambda: disk.asked, "the disk to be busy")
        gone.cancel()
        waiting = asyncio.create_task(taking.append(vitals(1, "B")))
        await asyncio.sleep(0)
        disk.free.set()
        await waiting
        assert disk.patients() == [["A"], ["B"]]
