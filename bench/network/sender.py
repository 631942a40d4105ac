"""The senders of a network under load: every session's vitals once a second, in packed frames or over HTTP, and a flood.

Packed frames go straight to the brokers, as an edge writes them; over HTTP each clinic has a gateway that posts all its
sessions once a second, as NDJSON, to one of the edges. One session in a hundred desaturates every two minutes. Sessions open
a few thousand a second, each with vitals from then on. What the senders cost is kept small, and stated: frames and posts are
templates in which instants and readings are replaced.
Never here: what is measured (load.py).
"""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np
from aiokafka.errors import KafkaError

from bench.speed.posting import Connection
from models.instants import to_us
from models.tables.channels import CHANNEL_COLUMN, CHANNELS
from models.wire.observations import SessionStarted
from streams.intake.kafka import frames
from streams.journal.frame import FULL, Frame, Origin, pack_frame
from streams.journal.kafka import KafkaProducer
from streams.journal.topics import OBSERVATIONS_TOPIC, shard_of
from tests.support.network import hashed

FALLS: Final = 100
"""One session in so many desaturates, every `FALLS_EVERY_S`."""
FALLS_EVERY_S: Final = 120
LASTS_S: Final = 54
"""The rest of the two minutes is long enough for the alert to be over."""
OPENED_A_SECOND: Final = 2_000
"""Sessions that open each second; a network of a million does not open them all at once either."""
FLOODING: Final = "site-0"
STRANGERS: Final = 10_000
"""Unknown devices of the flood, each with a sample a second."""
LOOPS: Final = 10
"""How often the sender in a loop sends the same second again."""
RETRY_S: Final = 0.5

Readings = dict[str, float]

GOOD: Final = tuple({"spo2": 97.0 - n, "pulse": 70.0 + n, "rr": 14.0 + n} for n in range(2))
LOW: Final = tuple(
    {"spo2": max(97.0 - n, 98.0 - (LASTS_S - n), 83.0 + n % 2), "pulse": 70.0 + n % 2, "rr": 14.0 + n % 2}
    for n in range(LASTS_S)
)
"""A slide of one a second down and up again, because a step would be doubted for half a minute."""


def row(readings: Readings) -> np.ndarray[Any, np.dtype[np.float64]]:
    """One sample's values, as a frame has them."""
    values = np.full(len(CHANNELS), np.nan)
    for name, value in readings.items():
        values[CHANNEL_COLUMN[name]] = value
    return values


GOOD_ROWS: Final = tuple(map(row, GOOD))
LOW_ROWS: Final = tuple(map(row, LOW))


@dataclass(frozen=True, slots=True)
class Seat:
    """One session of the load. `falls_at`: the second of each two minutes at which its oxygen begins to fall; -1 for never."""

    site: str
    device: str
    falls_at: int

    def low_since(self, second: int) -> int:
        """How many seconds it has been falling; -1 for not."""
        since = (second - self.falls_at) % FALLS_EVERY_S
        return since if self.falls_at >= 0 and since < LASTS_S else -1


class Load(ABC):
    """The senders of all sites. `run` sends until `stop`; `grow` opens sessions meanwhile.

    Args:
        sites: over how many the sessions are spread.
    """

    def __init__(self, sites: int) -> None:
        self._sites = sites
        self._chance = random.Random(1)
        self._over = asyncio.Event()
        self._writing: set[asyncio.Task[None]] = set()
        self.sessions = 0
        self.sent = 0
        """Samples, each counted once however often it was sent."""
        self.again = 0
        """Frames or posts that had to be sent again."""
        self.late_s = 0.0
        """By how much the senders were behind their own clock, at the worst; set it to 0 to begin anew."""

    @abstractmethod
    async def open(self, seats: Sequence[Seat]) -> None:
        """Begin these sessions; what `run` sends has them from then on."""

    @abstractmethod
    async def run(self) -> None:
        """A second's vitals of everybody, each second, spread over it, until `stop`."""

    async def grow(self, sessions: int) -> None:
        """Open sessions, `OPENED_A_SECOND`, until there are so many."""
        part = OPENED_A_SECOND // 4
        while self.sessions < sessions:
            began = time.monotonic()
            seats = [self._seat(number) for number in range(self.sessions, min(sessions, self.sessions + part))]
            await self.open(seats)
            self.sessions += len(seats)
            await asyncio.sleep(max(0.0, 0.25 - (time.monotonic() - began)))

    async def stop(self) -> None:
        """Send no more; return when what was sent is accepted."""
        self._over.set()
        await asyncio.gather(*self._writing)

    def _seat(self, number: int) -> Seat:
        falls = self._chance.randrange(FALLS_EVERY_S) if self._chance.randrange(FALLS) == 0 else -1
        return Seat(f"site-{number % self._sites}", f"m{number}", falls)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _wait_until(self, moment: float) -> None:
        ahead_s = moment - time.monotonic()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        self.late_s = max(self.late_s, -ahead_s)


def started(seat: Seat, now: datetime) -> SessionStarted:
    """The observation that opens a session."""
    return SessionStarted(
        at=now, site=seat.site, patient=f"p{seat.device}", session=f"s{seat.device}", chair=seat.device,
        device=seat.device, drug="esketamine", route="intranasal", planned_mg=56.0,
    )  # fmt: skip


@dataclass
class _Block:
    """Up to `FULL` sessions of a shard that share a frame, and the frame without instants and readings."""

    seats: list[Seat] = field(default_factory=list)
    frame: Frame | None = None

    def packed(self, second: int) -> bytes:
        """The frame of a second."""
        if self.frame is None:
            self.frame = template([Origin(seat.site, None, None, seat.device, None) for seat in self.seats])
        values = np.repeat(GOOD_ROWS[second % 2][None, :], len(self.seats), axis=0)
        for place, seat in enumerate(self.seats):
            if seat.falls_at >= 0 and (low := seat.low_since(second)) >= 0:
                values[place] = LOW_ROWS[low]
        return filled(self.frame, values)


def template(origins: Sequence[Origin]) -> Frame:
    """A frame with a sample of each origin, without instants and readings."""
    count = len(origins)
    distinct = dict.fromkeys(origins)
    places = {origin: place for place, origin in enumerate(distinct)}
    return Frame(
        origins=tuple(distinct), origin=np.array([places[origin] for origin in origins], np.int64),
        at_us=np.zeros(count, np.int64), values=np.full((count, len(CHANNELS)), np.nan),
        status=np.zeros((count, len(CHANNELS)), np.uint8), keys=None, authors={}, events=(),
    )  # fmt: skip


def filled(frame: Frame, values: np.ndarray[Any, np.dtype[np.float64]]) -> bytes:
    """The bytes of a template with these readings, of now."""
    at_us = np.full(len(values), to_us(datetime.now(UTC)), np.int64)
    return pack_frame(msgspec.structs.replace(frame, at_us=at_us, values=values))


class PackedLoad(Load):
    """Straight to the brokers, in packed frames."""

    def __init__(self, producer: KafkaProducer, shards: int, sites: int) -> None:
        super().__init__(sites)
        self._producer = producer
        self._blocks: list[list[_Block]] = [[] for _ in range(shards)]
        self._flooding: list[Frame] = []
        self.flooding_since_us: int | None = None
        self.written: Counter[bytes] = Counter()
        """Hashes of the frames that were accepted."""

    async def open(self, seats: Sequence[Seat]) -> None:
        by_shard: dict[int, list[Seat]] = {}
        for seat in seats:
            by_shard.setdefault(shard_of(seat.site, len(self._blocks)), []).append(seat)
        now = datetime.now(UTC)
        await asyncio.gather(
            *(self._write(shard, frames([started(seat, now) for seat in mine])) for shard, mine in by_shard.items())
        )
        for shard, mine in by_shard.items():
            blocks = self._blocks[shard]
            for seat in mine:
                if not blocks or len(blocks[-1].seats) >= FULL:
                    blocks.append(_Block())
                blocks[-1].seats.append(seat)
                blocks[-1].frame = None

    def flood(self) -> None:
        """From now on one site misbehaves: unknown devices, all its sessions in alarm, and a sender in a loop."""
        self.flooding_since_us = to_us(datetime.now(UTC))
        shard = self._blocks[shard_of(FLOODING, len(self._blocks))]
        mine = [
            Origin(FLOODING, None, None, seat.device, None)
            for block in shard for seat in block.seats if seat.site == FLOODING
        ]  # fmt: skip
        strangers = [Origin(FLOODING, None, None, f"stranger{number}", None) for number in range(STRANGERS)]
        everybody = [*strangers, *mine, *(mine * LOOPS)]
        self._flooding = [template(everybody[at : at + FULL]) for at in range(0, len(everybody), FULL)]

    async def run(self) -> None:
        began, second, shards = time.monotonic(), 0, len(self._blocks)
        while not self._over.is_set():
            if self._flooding:
                low = LOW_ROWS[LASTS_S // 2 - second % 2]
                flood = [filled(frame, np.repeat(low[None, :], len(frame), axis=0)) for frame in self._flooding]
                self.sent += sum(map(len, self._flooding))
                self._start(self._write(shard_of(FLOODING, shards), flood))
            for shard, blocks in enumerate(self._blocks):
                await self._wait_until(began + second + shard / shards)
                if blocks:
                    self.sent += sum(len(block.seats) for block in blocks)
                    self._start(self._write(shard, [block.packed(second) for block in blocks]))
            second += 1

    async def _write(self, shard: int, packed: list[bytes]) -> None:
        while True:
            try:
                await self._producer.send(OBSERVATIONS_TOPIC, [(None, frame) for frame in packed], shard)
                break
            except KafkaError:
                self.again += len(packed)
                await asyncio.sleep(RETRY_S)  # what was written all the same is written twice, and dropped by the ward
        self.written.update(map(hashed, packed))


class _Poster:
    """A kept connection to one edge, for one post at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = Connection(port)

    async def post(self, body: bytes) -> int:
        """Post until it is accepted; how often it had to be sent again.

        Raises:
            RuntimeError: some of it was set aside.
        """
        again = 0
        while True:
            with suppress(OSError, EOFError, TimeoutError):
                status, content = await self._connection.ask("POST", "/v1/observations", body)
                if status == 200:
                    if msgspec.json.decode(content)["accepted"] != body.count(b"\n") + 1:
                        raise RuntimeError(f"not all was accepted: {content[:300]!r}")
                    return again
                if status != 503:
                    raise RuntimeError(f"{status}: {content[:300]!r}")
            again += 1
            self._connection = Connection(self._port)
            await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        await self._connection.close()


class _Gateway:
    """One clinic's gateway: its sessions' lines without instant, and its way to an edge."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.poster = _Poster(port)
        self.sessions = 0
        self._good: list[list[str]] = [[], []]
        self._bodies: list[bytes] | None = None
        self._falling: list[Seat] = []

    def add(self, seat: Seat) -> None:
        """A session that is open from now on."""
        self.sessions += 1
        if seat.falls_at >= 0:
            self._falling.append(seat)
            return
        for odd in range(2):
            self._good[odd].append(line(seat, GOOD[odd]))
        self._bodies = None

    def body(self, second: int) -> bytes:
        """All its sessions' lines of a second."""
        if self._bodies is None:
            self._bodies = ["\n".join(lines).encode() for lines in self._good]
        of_falling = [
            line(seat, GOOD[second % 2] if (low := seat.low_since(second)) < 0 else LOW[low]) for seat in self._falling
        ]
        text = b"\n".join([part for part in (self._bodies[second % 2], "\n".join(of_falling).encode()) if part])
        return text.replace(INSTANT.encode(), datetime.now(UTC).isoformat().encode())


INSTANT: Final = "@"
"""Where a line's instant goes; in no name and number of these lines."""


def line(seat: Seat, readings: Readings) -> str:
    """A session's line without its instant."""
    said = ",".join(f'"{name}":{value:g}' for name, value in readings.items())
    return f'{{"kind":"vitals","at":"{INSTANT}","site":"{seat.site}","device":"{seat.device}",{said}}}'


class HttpLoad(Load):
    """Over HTTP to the edges at these ports."""

    def __init__(self, ports: Sequence[int], sites: int) -> None:
        super().__init__(sites)
        self._gateways = {f"site-{n}": _Gateway(ports[n % len(ports)]) for n in range(sites)}
        self.posts_s: list[float] = []
        """How long each post took to be answered, since this was emptied last."""

    async def open(self, seats: Sequence[Seat]) -> None:
        now, by_site = datetime.now(UTC), dict[str, list[Seat]]()
        for seat in seats:
            by_site.setdefault(seat.site, []).append(seat)

        async def open_at(site: str, mine: list[Seat]) -> None:
            gateway = self._gateways[site]
            body = b"\n".join(started(seat, now).model_dump_json(exclude_none=True).encode() for seat in mine)
            opening = _Poster(gateway.port)  # its other connection is busy with vitals
            self.again += await opening.post(body)
            await opening.close()
            for seat in mine:
                gateway.add(seat)

        await asyncio.gather(*(open_at(site, mine) for site, mine in by_site.items()))

    async def run(self) -> None:
        began = time.monotonic()
        for number, gateway in enumerate(self._gateways.values()):
            self._start(self._post(gateway, began + number / len(self._gateways)))
        await self._over.wait()

    async def _post(self, gateway: _Gateway, began: float) -> None:
        """One gateway's posts, one after the other: a slow edge makes it late."""
        second = 0
        while not self._over.is_set():
            await self._wait_until(began + second)
            if count := gateway.sessions:
                body, sent = gateway.body(second), time.monotonic()
                self.again += await gateway.poster.post(body)
                self.posts_s.append(time.monotonic() - sent)
                self.sent += count
            second += 1
