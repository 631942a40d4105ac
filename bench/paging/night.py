"""One schedule: a small clinic, its people and phones, and the service that watches it, through crashes on a virtual clock.

The journal, ward, desk, ladder, rota, store, outbox and pager are the real ones, tied together as the service does
(`deploy/wiring.py`); the clock, the network's answers, and when the process dies are not. What the world outside remembers
outlives the process: senders send again what was not accepted, and people answer what they got.
Never here: what must be true afterwards (`promises.py`).
"""

from __future__ import annotations

import asyncio
import heapq
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any, Final

from sqlalchemy.exc import OperationalError

from alerts.effects import FrameEffects, Page
from alerts.notify.destination import Destination, Message, Outcome
from alerts.notify.pager import Pager
from alerts.rota.wall_clock import wall_of
from alerts.store.database import BUSY_S
from alerts.store.destinations import DestinationState, state_record
from alerts.store.store import Store
from bench.paging.faults import DURABLE, END_S, HEALED_S, Crash, Faults, drawn
from bench.paging.virtual import VirtualLoop, done, failed, later
from models.instants import MINUTE, SECOND, from_iso, to_datetime
from models.wire.observations import (
    AlertAcknowledged,
    AlertEscalated,
    AlertSnoozed,
    CheckIn,
    Conflicted,
    Event,
    Fault,
    Internal,
    RotaOverride,
    SessionStarted,
    SiteConfigured,
)
from streams.hosts.embedded import Owner, owes_pages
from streams.intake.append import Intake, Overloaded
from streams.journal.appender_clock import AppenderClock
from streams.journal.journal import SqliteJournal

METHODS: Final = {"ada": ["ada push", "ada sms"], "ben": ["ben push"], "cem": ["cem push"]}
DESTINATIONS: Final = ("ada push", "ada sms", "ben push", "cem push", "desk")
ROLES: Final = {"ada": "nurse", "ben": "nurse", "cem": "doctor"}
LONGEST_WAIT_S: Final = 30.0
"""No rung of any configuration here waits for longer."""
IDLE_S: Final = 8.0
"""How often an idle line looks; a page that is owed wakes it."""
ZONES: Final = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Casablanca",
)
DAYS: Final = ("2026-11-24", "2026-10-25", "2026-03-29", "2026-11-01", "2026-03-08", "2026-04-05", "2026-10-04")
"""An ordinary day, and days on which clocks change."""

Records = list[Event | Internal]


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a page to one person: when it began, and what the phone did. `took_s`: when it took the page."""

    key: str
    person: str
    destination: str
    began_s: float
    life: int
    how: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A phone took a page. `life`: in which run of the process."""

    page: Page
    person: str
    destination: str
    at_s: float
    life: int


@dataclass(slots=True)
class World:
    """Everything outside the process. Times are seconds from the schedule's beginning."""

    seed: int
    folder: Path
    chance: Random = field(init=False)
    faults: Faults = field(init=False)
    start_us: int = field(init=False)
    now_s: float = 0.0
    lives: int = 0
    ahead_us: int = 0
    agenda: list[tuple[float, int, Records]] = field(default_factory=list)
    tries: list[Try] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    lied: set[tuple[str, str]] = field(default_factory=set)
    """(page, person) of whom some phone said that it took it, and did not."""
    marked: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """(page, person, destination) → when it was durable that it arrived."""
    committed: dict[str, float] = field(default_factory=dict)
    disturbed: list[tuple[float, float]] = field(default_factory=list)
    """When the process was down, or its disk in trouble."""
    accepted: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    crashed: Crash | None = None
    """How the present life ended; None: it has not, or by itself."""
    _sending: set[asyncio.Future[None]] = field(default_factory=set)
    _number: int = 0
    _loop: VirtualLoop | None = None
    _more: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.faults = drawn(self.chance, DESTINATIONS)
        hand_off = from_iso(f"{self.chance.choice(DAYS)}T{self.chance.randint(0, 23):02}:00:00Z")
        self.start_us = hand_off - round(self.chance.uniform(5, 85) * SECOND)
        self._plan()

    # ---- clocks

    @property
    def time_s(self) -> float:
        return self.now_s if self._loop is None else self._loop.time()

    def steady_us(self) -> int:
        return self.start_us + round(self.time_s * SECOND)

    def wall_us(self) -> int:
        jumped = sum(by_s for at_s, by_s in self.faults.jumps if at_s <= self.time_s)
        return self.steady_us() + round(jumped * SECOND)

    # ---- what people and monitors do

    def post(self, at_s: float, *records: Event | Internal) -> None:
        """Have a sender post this, until it is accepted."""
        self._number += 1
        named: Records = [record.model_copy(update={"id": f"n-{self._number}"}) for record in records]
        heapq.heappush(self.agenda, (at_s, self._number, named))
        if self._more is not None:
            self._more.set()

    def _plan(self) -> None:
        chance = self.chance
        zone = chance.choice(ZONES)
        self.post(0.0, self._configuration(zone))
        for number in range(chance.randint(1, 3)):
            at_s = chance.uniform(2, 35)
            patient = f"P-{number}"
            common: dict[str, Any] = {"at": to_datetime(self.start_us + round(at_s * SECOND)), "patient": patient}
            if chance.random() < 0.5:
                if chance.random() < 0.3:
                    self.post(at_s - 1.5, CheckIn(**common, instrument="phq-9", items=[1, 2, 1, 2, 1, 1, 0, 0, 1]))
                thoughts: dict[str, Any] = {"q1": True, "q2": True, "q3": False, "q4": True, "q5": False, "q6": False}
                self.post(at_s, CheckIn(**common, instrument="cssrs-screen", items=thoughts))
                continue
            common["session"] = f"S-{number}"
            self.post(
                max(at_s - 2, 0.5),
                SessionStarted(**common, chair=str(number), device=f"m-{number}", drug="ketamine", route="iv"),
            )
            self.post(at_s, CheckIn(**common, instrument="moaas", score=1))
            if chance.random() < 0.3:
                self.post(at_s + chance.uniform(5, 40), CheckIn(**common, instrument="moaas", score=5))
        for _ in range(chance.choice([0, 0, 1, 2])):
            self.post(chance.uniform(5, HEALED_S), self._configuration(zone))
        for _ in range(chance.choice([0, 0, 1, 2])):
            since_us = self.start_us + round(chance.uniform(0, 80) * SECOND)
            who, covers = chance.choice(
                [("cem", "ada"), ("ben", "ada"), ("ada", "ben"), ("ada", None), (None, "ada"), (None, None)]
            )
            swap = RotaOverride(
                at=to_datetime(self.start_us), schedule="nurses", who=who, covers=covers, since=to_datetime(since_us),
                until=to_datetime(since_us + round(chance.uniform(5, 60) * SECOND)), by="cem",
            )  # fmt: skip
            self.post(chance.uniform(1, 40), swap)

    def _configuration(self, zone: str) -> SiteConfigured:
        chance = self.chance
        wall = wall_of(self.start_us + 3 * MINUTE, zone).replace(minute=0, second=0, microsecond=0)
        day, before = wall.date(), wall.date() - timedelta(days=3)
        common: dict[str, Any] = {"handoff": f"{wall:%H:%M}"}
        turns = {**common, "people": ["ada", "ben"], "since": day.isoformat()}
        earlier = {**common, "people": ["ben", "ada"], "since": before.isoformat(), "until": day.isoformat()}

        def minutes() -> float:
            return chance.choice([0.25, 0.25, LONGEST_WAIT_S / 60])

        first, second = ["schedule:nurses"], ["cem", "ben"]
        if chance.random() < 0.3:
            first, second = second, first
        rota = {
            "timezone": zone,
            "people": {name: {"role": role} for name, role in ROLES.items()},
            "schedules": {"nurses": {"timezone": zone, "rotations": [earlier, turns]}},
            "policies": {
                "chairs": {"rungs": [{"who": first, "minutes": minutes()}, {"who": second, "minutes": minutes()}], "repeat_minutes": minutes()},
                "mood": {"rungs": [{"who": ["role:doctor"], "minutes": minutes()}, {"who": ["schedule:nurses"], "minutes": minutes()}], "repeat_minutes": minutes(), "answers": chance.choice([1, 2])},
            },
            "routes": [{"policy": "mood", "categories": ["mood"]}, {"policy": "chairs"}],
        }  # fmt: skip
        return SiteConfigured(at=to_datetime(self.start_us), rota=rota)

    def take(self, message: Message, destination: str) -> None:
        """A phone took a page; somebody may answer it."""
        self.receipts.append(Receipt(message.page, message.person, destination, self.time_s, self.lives))
        chance = self.chance
        if message.page.kind != "page" or self.time_s > HEALED_S or chance.random() < 0.6:
            return
        by, after_s = message.person or "rn-1", chance.uniform(1, 25)
        at = to_datetime(self.steady_us() + round(after_s * SECOND))
        for alert in message.page.alerts:
            said: dict[str, Any] = {"at": at, "alert": alert, "by": by}
            match chance.random():
                case part if part < 0.7:
                    self.post(self.time_s + after_s, AlertAcknowledged(**said))
                case part if part < 0.9:
                    until = to_datetime(self.steady_us() + round((after_s + 20) * SECOND))
                    self.post(self.time_s + after_s, AlertSnoozed(**said, until=until))
                case _:
                    self.post(self.time_s + after_s, AlertEscalated(**said))

    # ---- what becomes of a call of the process

    def call(self, loop: VirtualLoop, name: str, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """What the process gives to a thread (`Machine`): done, refused, late, or the last thing that it does."""
        writes = name in DURABLE
        if writes and name != "claim_pages" and self.dies(loop, name, "before", count=True):
            return loop.create_future()
        trouble = next((each for each in self.faults.troubles if each.since_s <= self.time_s < each.until_s), None)
        if writes and trouble is not None:
            self.disturb(self.time_s, self.time_s + BUSY_S + 4)
            if trouble.kind == "slow":
                return later(
                    loop, self.chance.uniform(0.1, 3), lambda: self._worked(loop, name, work), lambda: not loop.died
                )
            error = sqlite3.OperationalError(
                "database is locked" if trouble.kind == "locked" else "database or disk is full"
            )
            raised = error if name == "append" else OperationalError(name, None, error)
            if trouble.kind == "full":
                return failed(loop, raised)

            def refuse() -> None:
                raise raised

            return later(loop, BUSY_S, refuse, lambda: not loop.died)
        return done(loop, lambda: self._worked(loop, name, work))

    def _worked(self, loop: VirtualLoop, name: str, work: Callable[[], Any]) -> Any:
        given = work()
        if name == "claim_pages":
            if given and (self.dies(loop, name, "before", count=True) or self.dies(loop, name, "after")):
                return []
        elif name in DURABLE:
            self.dies(loop, name, "after")
        return given

    def dies(self, loop: VirtualLoop, name: str, side: str, *, count: bool = False) -> bool:
        """Whether the process dies here. `count`: this is the next call of that name."""
        self.calls[name] += count
        if self.time_s >= HEALED_S or loop.died:
            return False
        crash = next(
            (
                each
                for each in self.faults.crashes
                if (each.call, each.nth, each.side) == (name, self.calls[name], side)
            ),
            None,
        )
        if crash is None:
            return False
        self.faults.crashes.remove(crash)
        self.crashed = crash
        loop.die()
        return True

    def disturb(self, since_s: float, until_s: float) -> None:
        """What happens from then to then may be late."""
        self.disturbed.append((since_s, until_s))

    # ---- living

    def run(self) -> None:
        """Live through the schedule, life after life."""
        while self.now_s < END_S:
            Life(self).live()
            crash, self.crashed = self.crashed, None
            if crash is not None:
                self.disturb(self.now_s - 1, self.now_s + crash.down_s + 3)
                self.now_s += crash.down_s

    async def play(self, intake: Intake) -> None:
        """Have everybody do what they do, until the end."""
        self._more = asyncio.Event()
        while self.time_s < END_S:
            next_s = min(self.agenda[0][0] if self.agenda else END_S, END_S)
            try:
                async with asyncio.timeout(max(next_s - self.time_s, 0)):
                    await self._more.wait()
            except TimeoutError:
                pass
            self._more.clear()
            while self.agenda and self.agenda[0][0] <= self.time_s:
                _, number, records = heapq.heappop(self.agenda)
                self._sending.add(asyncio.ensure_future(self._send(intake, number, records)))

    async def _send(self, intake: Intake, number: int, records: Records) -> None:
        again_s: float | None = self.time_s + 1
        try:
            await intake.append(records)
            self.accepted += 1
            again_s = None
            if self.chance.random() < self.faults.repeats:
                again_s = self.time_s + self.chance.uniform(0.1, 20)
        except Overloaded:
            pass
        finally:
            if again_s is not None:
                heapq.heappush(self.agenda, (again_s, number, records))
                if self._more is not None:
                    self._more.set()


class Phone:
    """A phone behind `Notifier`, as well or ill as the schedule has it."""

    def __init__(self, world: World, name: str, loop: VirtualLoop) -> None:
        self.world, self.name, self.loop = world, name, loop

    async def send(self, message: Message) -> Outcome:
        world, loop = self.world, self.loop
        chance, how = world.chance, "ok"
        often, ways = world.faults.phones.get(self.name, (0.0, ()))
        if world.time_s < HEALED_S and ways and chance.random() < often:
            how = chance.choice(ways)
        world.tries.append(Try(message.page.key, message.person, self.name, world.time_s, world.lives, how))
        if world.dies(loop, "send", "before", count=True):
            await loop.create_future()
        await asyncio.sleep(chance.uniform(0.02, 0.3) if how != "slow" else chance.uniform(1, 9))
        if how in {"ok", "slow", "takes and hangs", "takes and says no"}:
            world.take(message, self.name)
        if world.dies(loop, "send", "after"):
            await loop.create_future()
        match how:
            case "hangs" | "takes and hangs":
                await loop.create_future()
            case "refused" | "takes and says no":
                return Outcome(False, "HTTP 500")
            case "busy":
                return Outcome(False, "HTTP 429")
            case "says yes and takes nothing":
                world.lied.add((message.page.key, message.person))
        await asyncio.sleep(chance.uniform(0.01, 0.2))
        return Outcome(True)


class Life:
    """The process from a start to its end."""

    def __init__(self, world: World) -> None:
        world.lives += 1
        self.world = world
        self.loop = world._loop = VirtualLoop(world.now_s, world)
        path = world.folder / "clinic.sqlite"
        self.store = Store(f"sqlite:///{path}")
        stamps_us = AppenderClock(world.wall_us, world.steady_us)
        self.journal = SqliteJournal(path, stamps_us)
        stamps_us.go_on_from(self.journal.last_us)
        self.owner = Owner(self.journal, self.store, "received", self._committed, self._fault)
        self.intake = Intake(self.journal, self.owner.deliver)
        self.pager = Pager(
            self.store, [Destination(name, Phone(world, name, self.loop)) for name in DESTINATIONS], stamps_us, world.steady_us,
            people=METHODS, report=self._report, idle_s=IDLE_S,
        )  # fmt: skip
        self.faults: list[Conflicted | Fault] = []

    def live(self) -> None:
        world = self.world
        self.owner.restore()
        self.owner.recover()
        mark = self.store.mark_pages

        def marked(tried: Any, now_us: int) -> None:
            mark(tried, now_us)
            for each in tried:
                if each.arrived:
                    owed = each.owed
                    world.marked.setdefault((owed.page.key, owed.person, owed.destination), world.time_s)

        marked.__name__ = "mark_pages"
        self.store.mark_pages = marked  # type: ignore[method-assign]  # what is measured is the part that runs
        try:
            self.loop.live(self._run())
        finally:
            world.now_s = self.loop.time()
            world._loop = world._more = None
            world._sending.clear()
            self.journal.close()
            self.store.close()
        if self.faults:
            raise AssertionError(f"the store disagrees with the journal: {self.faults}")

    async def _run(self) -> None:
        parts = [asyncio.ensure_future(part) for part in (self.owner.run(), self.intake.run(), self.pager.run())]
        playing = asyncio.ensure_future(self.world.play(self.intake))
        await asyncio.wait([*parts, playing], return_when=asyncio.FIRST_COMPLETED)
        for part in parts:
            if part.done():
                part.result()
                raise AssertionError("a task of the service ended by itself")
        playing.result()

    def _committed(self, effects: FrameEffects) -> None:
        for effect in effects.effects:
            if isinstance(effect, Page):
                self.world.committed.setdefault(effect.key, self.world.time_s)
        if owes_pages(effects):
            self.pager.wake()

    def _fault(self, fault: Conflicted | Fault) -> None:
        self.faults.append(fault)

    async def _report(self, state: DestinationState, well: Sequence[str]) -> None:
        await self.intake.append([state_record(state, state.name, len(well), "main", self.world.steady_us())])


@cache
def empty_store() -> Path:
    """An empty store of this version, made once a process."""
    path = Path(mkdtemp(prefix="paging-")) / "empty.sqlite"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path


def begun(seed: int, folder: Path) -> World:
    """A schedule's world, in an empty folder."""
    shutil.copy(empty_store(), folder / "clinic.sqlite")
    return World(seed, folder)
