"""The clinic around a service that is killed: senders that send again, a nurse, a board that comes back, a phone.

Each is a thread that goes on until it is told to stop, whatever the service does meanwhile, and remembers what it was answered.
Never here: a kill, a comparison.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx

from models.arrays import Document
from models.instants import DAY, to_us
from models.tables.channels import CHANNEL_NAMES
from models.wire.observations import Event, SetAside, Vitals
from streams.clinic.clinic import OPENS_US, simulate
from streams.intake.json import read_lines
from tests.support.service import PATIENCE_S

Fingerprint = tuple[object, ...]
"""What was observed, whoever packs it: enough to tell whether the journal has it."""
NDJSON: Final = {"content-type": "application/x-ndjson"}


def fingerprint(record: Vitals | Event | SetAside) -> Fingerprint:
    if isinstance(record, Vitals):
        values = tuple(getattr(record, name) for name in CHANNEL_NAMES)
        return (record.site, record.session, record.patient, record.device, record.source, to_us(record.at), values)
    return (record.model_dump_json(exclude_none=True),)


class Lines:
    """An endless clinic's lines, dealt out to clients by monitor, so that each session's lines stay in order."""

    def __init__(self, seed: int, clients: int) -> None:
        self._source = self._days(seed)
        self._dealt: list[deque[str]] = [deque() for _ in range(clients)]
        self._of: dict[str, int] = {}
        self._monitors = 0
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def take(self, client: int, count: int) -> str:
        """The next lines of one client, as NDJSON."""
        with self._lock:
            mine = self._dealt[client]
            while len(mine) < count:
                line = next(self._source)
                text = json.dumps(line)
                if self._chance.random() < 0.003:
                    text = text[:-1]  # cut short: the edge sets it aside, and that is durable too
                self._dealt[self._whose(line)].append(text)
            return "\n".join(mine.popleft() for _ in range(count))

    def _whose(self, line: Document) -> int:
        device, patient, session = line.get("device"), line.get("patient"), line.get("session")
        known = [self._of[name] for name in (device, session, patient) if name in self._of]
        # Monitors in turn, whatever stands between them: a client without one would wait for ever.
        client = known[0] if known else self._monitors % len(self._dealt)
        self._monitors += not known and device is not None
        self._of.update({name: client for name in (device, patient, session) if name is not None})
        return client

    def _days(self, seed: int) -> Iterator[Document]:
        for day in range(10**6):
            clinic = simulate(sessions=36, seed=seed + day, hours=9, start_us=OPENS_US + day * DAY, adverse=200.0)
            yield from clinic.observations()


class Door:
    """Where the service is just now, if anywhere. A caller who was turned away waits for the next opening."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._address = ""
        self.opening = 0
        self.over = False

    def open(self, address: str) -> None:
        with self._news:
            self._address, self.opening = address, self.opening + 1
            self._news.notify_all()

    def shut(self) -> None:
        with self._news:
            self._address = ""

    def finish(self) -> None:
        with self._news:
            self.over = True
            self._news.notify_all()

    def wait(self, after: int) -> tuple[str, int] | None:
        """The address of an opening later than `after`; None if there will be none."""
        with self._news:
            self._news.wait_for(lambda: (self._address and self.opening > after) or self.over)
            return (self._address, self.opening) if self._address and self.opening > after else None


@dataclass
class Answered:
    """What the service has promised so far."""

    records: list[Fingerprint] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    posts: int = 0
    again: int = 0
    news: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, posts: int) -> bool:
        with self.news:
            return self.news.wait_for(lambda: self.posts >= posts, PATIENCE_S)


class Caller(threading.Thread):
    """Somebody who talks to the service, across its deaths. `work` is one thing to get done, tried again until it is."""

    def __init__(self, name: str, door: Door, work: Callable[[httpx.Client], bool], pause_s: float = 0.0) -> None:
        super().__init__(name=name, daemon=True)
        self._door, self._work, self._pause_s = door, work, pause_s
        self._pausing = threading.Event()
        self.finished = threading.Event()

    def run(self) -> None:
        try:
            seen = 0
            while (found := self._door.wait(seen)) is not None:
                address, opening = found
                try:
                    with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
                        while not (self._work(client) and self._door.over):
                            self._pausing.wait(self._pause_s)
                        return
                except httpx.TransportError:
                    seen = opening
        finally:
            self.finished.set()


def sender(lines: Lines, number: int, answered: Answered, chance: random.Random) -> Callable[[httpx.Client], bool]:
    """Posts batches; one that was not answered is sent again with the same content."""
    waiting: list[str] = []

    def work(client: httpx.Client) -> bool:
        if waiting:
            answered.again += 1
        else:
            waiting.append(lines.take(number, chance.choice((1, 5, 40, 200, 800))))
        answer = client.post("/v1/observations", content=waiting[0].encode(), headers=NDJSON)
        if answer.status_code not in (200, 422):
            return False
        reading = read_lines(waiting.pop().encode().split(b"\n"))
        with answered.news:
            answered.records += [fingerprint(record) for record in reading.records]
            answered.posts += 1
            answered.news.notify_all()
        return True

    return work


def nurse(answered: Answered, chance: random.Random) -> Callable[[httpx.Client], bool]:
    """Answers open alerts; an answer that was not taken is given again under its own id."""
    waiting: list[tuple[str, str, str]] = []

    def work(client: httpx.Client) -> bool:
        if not waiting:
            standing = client.get("/v1/alerts", params={"open": True}).json()["alerts"]
            if not standing:
                return True
            verb = chance.choice(("acknowledge", "acknowledge", "snooze", "unsnooze", "escalate", "close"))
            waiting.append((chance.choice(standing)["alert"], verb, f"tap-{chance.getrandbits(64):x}"))
        alert, verb, tap = waiting[0]
        answer = client.post(f"/v1/alerts/{alert}/{verb}", json={"by": "rn-1", "id": tap})
        # A refused close is in the journal as well.
        if answer.status_code in (202, 409):
            with answered.news:
                answered.commands.append(tap)
        if answer.status_code in (202, 404, 409):
            waiting.clear()
            return True
        return False

    return work


def board(heard: list[Document]) -> Callable[[httpx.Client], bool]:
    """Listens, and comes back with its last number."""

    def work(client: httpx.Client) -> bool:
        last = str(heard[-1]["seq"] if heard else 0)
        event = ""
        with client.stream("GET", "/v1/live", headers={"last-event-id": last}) as stream:
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event == "alert":
                    heard.append(json.loads(line.removeprefix("data: ")))
        # A feed that ends is a server that stops: come back at the next opening.
        raise httpx.RemoteProtocolError("the feed ended")

    return work


class Phone(ThreadingHTTPServer):
    """Takes pages, most of them."""

    daemon_threads = True

    def __init__(self, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.chance = random.Random(seed)
        self.got: Counter[str] = Counter()
        self.by_whom: dict[str, set[str]] = {}
        self.texts: dict[str, set[str]] = {}

    def took(self, key: str, whom: str) -> None:
        """Somebody has got a page."""
        self.got[key] += 1
        self.by_whom.setdefault(key, set()).add(whom)


class _Answering(BaseHTTPRequestHandler):
    server: Phone

    def do_POST(self) -> None:
        page = json.loads(self.rfile.read(int(self.headers["content-length"])))
        refused = self.server.chance.random() < 0.05
        if not refused:
            self.server.took(page["key"], self.path.strip("/"))
        self.server.texts.setdefault(page["key"], set()).add(page["title"] + page["message"])
        try:
            self.send_response(500 if refused else 200)
            self.end_headers()
        except OSError:
            self.close_connection = True  # the pager was killed meanwhile

    def log_message(self, *_: Any) -> None:
        pass
