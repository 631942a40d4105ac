"""The machine's own clock is wrong: it was set back or ahead while we ran, or before. Time passes on, and somebody is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.clock_watch import ClockWatch
from deploy.settings import PagesPart, Settings
from models.instants import DAY, HOUR, MINUTE, SECOND, iso, to_datetime
from models.wire.observations import Intervention
from streams.journal.appender_clock import AppenderClock
from streams.shard import Shard
from tests.support.service import START_US, Inside, serving, until_answered

QUIET = Settings(pages=PagesPart(destinations=()))


@dataclass
class Machine:
    """A machine whose time passes and whose wall clock is set by hand; its monitors' clocks are right."""

    steady_us: int = 0
    apart_us: int = 0
    """How far the wall clock is ahead of the truth."""
    clock: AppenderClock = field(init=False)

    def __post_init__(self) -> None:
        self.starts()

    def starts(self) -> None:
        """The process is started anew."""
        self.clock = AppenderClock(lambda: self.true_us + self.apart_us, lambda: self.steady_us)

    @property
    def true_us(self) -> int:
        return START_US + self.steady_us


@dataclass
class Clinic:
    inside: Inside
    machine: Machine

    async def passes(self, length_us: int) -> None:
        """Time passes, in steps of half a minute; an entry at another site takes the place of a tick."""
        until_us = self.machine.steady_us + length_us
        while self.machine.steady_us < until_us:
            self.machine.steady_us = min(self.machine.steady_us + 30 * SECOND, until_us)
            tick = Intervention(at=to_datetime(self.machine.true_us), patient="clock", what="tick", site="clock")
            await self.inside.service.append([tick])
        await self.inside.settled()

    async def shows(self, spo2: int, seconds: int) -> None:
        """A monitor with a right clock sends for so long."""
        for _ in range(seconds):
            self.machine.steady_us += SECOND
            line = {"kind": "vitals", "at": iso(self.machine.true_us), "patient": "P-1", "spo2": spo2, "pulse": 80}
            await self.inside.post(line)

    async def open_alerts(self) -> dict[str, dict[str, Any]]:
        await self.inside.settled()
        return {one["rule"]: one for one in (await self.inside.get("/v1/alerts", open=True))["alerts"]}


@asynccontextmanager
async def running(data: Path, machine: Machine) -> AsyncIterator[Clinic]:
    async with serving(data, QUIET, "received", machine.clock) as inside:
        yield Clinic(inside, machine)
        # Whatever the clock did, a replay of the journal says the same.
        await inside.settled()
        shard = Shard()
        for entry in inside.service.journal.read(0, 10**6):
            shard.step(entry.offset, entry.received_us, entry.payload)
        assert shard.snapshot() == inside.service.owner.shard.snapshot()


@pytest.mark.parametrize("set_by_us", [-HOUR, DAY], ids=["an hour back", "a day ahead"])
async def test_after_the_wall_was_set_silence_and_expiry_come_when_they_are_due(tmp_path: Path, set_by_us: int) -> None:
    machine = Machine()
    async with running(tmp_path, machine) as clinic:
        await clinic.shows(97, 2)
        machine.apart_us += set_by_us
        await clinic.shows(97, 2)
        assert "no-data" not in await clinic.open_alerts(), "no time has passed for her"
        await clinic.passes(2 * MINUTE)
        silent = (await clinic.open_alerts())["no-data"]
        answer = await clinic.inside.http.post(
            f"/v1/alerts/{silent['alert']}/snooze", json={"by": "rn-1", "minutes": 5}
        )
        assert answer.status_code == 202
        await clinic.passes(4 * MINUTE)
        assert (await clinic.open_alerts())["no-data"]["phase"] == "snoozed"
        await clinic.passes(2 * MINUTE)
        assert (await clinic.open_alerts())["no-data"]["phase"] == "active", "the snooze has run out"


async def test_a_step_of_the_wall_is_an_alert_with_its_size_that_ends_when_the_clock_is_right(tmp_path: Path) -> None:
    machine = Machine()
    async with running(tmp_path, machine) as clinic:
        await clinic.shows(97, 1)
        machine.apart_us -= HOUR

        async def told() -> Any:
            return (await clinic.open_alerts()).get("host-clock")

        alert = await until_answered(told, "the alert")
        assert (alert["priority"], alert["category"]) == ("medium", "technical")
        assert alert["text"] == (
            "main: Machine clock wrong. It was set back by 60 min. Time is taken as it passes, so times shown here are 60 min "
            "ahead of it. Tell whoever runs Chairside."
        )
        health = await clinic.inside.turns(200)
        assert health["clock_apart_s"] == pytest.approx(-3600, abs=1)
        assert "chairside_clock_apart_seconds -3" in (await clinic.inside.http.get("/metrics")).text
        machine.apart_us += HOUR

        async def over() -> bool:
            return not await told()

        await until_answered(over, "its end")


async def test_a_start_behind_the_journal_says_so_and_time_goes_on(tmp_path: Path) -> None:
    machine = Machine(apart_us=DAY)
    async with running(tmp_path, machine) as clinic:
        await clinic.shows(97, 2)
    machine.apart_us = 0
    machine.starts()
    async with running(tmp_path, machine) as clinic:
        await until_answered(clinic.open_alerts, "the alert")
        said = (await clinic.open_alerts())["host-clock"]["text"]
        assert "behind the last time in the journal" in said
        await clinic.passes(2 * MINUTE)
        assert {"no-data", "host-clock"} <= (await clinic.open_alerts()).keys()
    # Another start while it stands says nothing new.
    machine.starts()
    async with running(tmp_path, machine) as clinic:
        await clinic.passes(10 * SECOND)
        raised = [one for one in await clinic.inside.transitions() if one["rule"] == "host-clock"]
        assert [one["transition"] for one in raised] == ["raised"]


async def test_a_value_says_its_true_age_after_the_wall_was_set(tmp_path: Path) -> None:
    machine = Machine()
    async with running(tmp_path, machine) as clinic:
        await clinic.shows(97, 2)
        machine.apart_us -= HOUR
        await clinic.passes(20 * SECOND)
        (chair,) = (await clinic.inside.get("/v1/chairs"))["chairs"]
        assert chair["values"]["spo2"]["age_s"] == pytest.approx(20, abs=2)


def test_a_small_gap_is_nobodys_news() -> None:
    machine = Machine()
    watch = ClockWatch(machine.clock, "main", standing=False)
    for apart_us in (0, 4 * SECOND, -4 * SECOND):
        machine.apart_us = apart_us
        assert watch.look() is None
