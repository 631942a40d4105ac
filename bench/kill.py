"""The long proof of crash safety: `python -m bench.kill --kills 200 --seed 1`.

A real `chairside serve` is fed by several clients and killed with SIGKILL at random moments, also while it starts and
recovers; now and then it is stopped in good order instead. Clients send again what was not answered. After every kill, and
once more at the end, what is on the disk is held against a linear replay of the journal as it stands:

- everything that was answered is in the journal, and the journal has no gap;
- the effects in the store are those of the replay, frame by frame and none of them in part; no conflict, no gap in `seq`;
- a checkpoint stands on effects that are all written, and the last one is the very state of the replay;
- every page that a frame owes is in the outbox, none is sent before that, and in the end each has arrived;
- a board that came back after every kill has heard each transition once, in order, and nothing that was taken back.

Checkpoints come a hundred times as often as in life, so that kills hit them. Cost: some two seconds a kill.
Bad at: power cuts. A killed process leaves what it wrote to the system; that fsync means fsync is the disk's promise.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import sqlalchemy as sa

from alerts.effects import FrameEffects, Page
from alerts.store import Store
from alerts.tables import OUTBOX
from models.instants import DAY, to_us
from models.records import Event, SetAside, Vitals
from streams.clinic import OPENS_US, simulate
from streams.edge import read
from streams.frame import decode
from streams.journal import SqliteJournal
from streams.shard import STATE, Shard
from streams.state import Clock
from tests.service import PATIENCE_S, Started, start

HASTY: Final = (
    sys.executable, "-c",
    "import streams.owner; streams.owner.CHECKPOINT_S = 0.3; from deploy.cli import main; main()",
)  # fmt: skip
NDJSON: Final = {"content-type": "application/x-ndjson"}

Fingerprint = tuple[object, ...]
"""What was observed, whoever packs it: enough to tell whether the journal has it."""
Document = dict[str, Any]


# ---- the clinic ------------------------------------------------------------------------------------------------------


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
        client = known[0] if known else self._monitors % len(self._dealt)
        self._monitors += not known
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
        reading = read(waiting.pop().encode(), NDJSON["content-type"])
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
        if answer.status_code == 202:
            with answered.news:
                answered.commands.append(tap)
        if answer.status_code in (202, 404):
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
        self.texts: dict[str, set[str]] = {}


class _Answering(BaseHTTPRequestHandler):
    server: Phone

    def do_POST(self) -> None:
        page = json.loads(self.rfile.read(int(self.headers["content-length"])))
        refused = self.server.chance.random() < 0.05
        if not refused:
            self.server.got[page["key"]] += 1
        self.server.texts.setdefault(page["key"], set()).add(page["title"] + page["message"])
        try:
            self.send_response(500 if refused else 200)
            self.end_headers()
        except OSError:
            self.close_connection = True  # the pager was killed meanwhile

    def log_message(self, *_: Any) -> None:
        pass


# ---- what is on the disk ---------------------------------------------------------------------------------------------


def fingerprint(record: Vitals | Event | SetAside) -> Fingerprint:
    if isinstance(record, Vitals):
        values = (record.hr, record.pulse, record.rr, record.spo2, record.sbp, record.dbp, record.map, record.etco2,
                  record.temp, record.tcco2)  # fmt: skip
        return (record.site, record.session, record.patient, record.device, record.source, to_us(record.at), values)
    return (record.model_dump_json(exclude_none=True),)


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
        for effect in effects.effects:
            if isinstance(effect, Page):
                self.page_offsets[effect.key] = effects.offset

    def _effects(self, store: Store, when: str) -> None:
        stored, expected = store.digests(0), self.store.digests(0)
        if stored != expected[: len(stored)]:
            differing = next((a for a, b in zip(stored, expected, strict=False) if a != b), stored[-1:])
            self._wrong(when, f"effects differ from the replay's: {differing}")
        elif 0 < len(stored) < len(expected) and expected[len(stored)][0] == stored[-1][0]:
            self._wrong(when, f"frame {stored[-1][0]} is written in part")
        self.behind = max(self.behind, len(expected) - len(stored))
        checkpoint = store.load_checkpoint(0, STATE)
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
            owed = set(connection.scalars(sa.select(OUTBOX.c.key)))
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
            checkpoint = store.load_checkpoint(0, STATE)
            if checkpoint is None or checkpoint.next_offset != self.shard.next_offset:
                self._wrong("at the end", "no checkpoint was made when it stopped")
            elif checkpoint.state != self.shard.snapshot():
                self._wrong("at the end", "the last checkpoint is another state than the replay's")
        if missing := set(self.page_offsets) - set(phone.got):
            self._wrong("at the end", f"{len(missing)} pages never arrived, {min(missing)} say")
        if any(len(texts) > 1 for texts in phone.texts.values()):
            self._wrong("at the end", "a page came with two contents under one key")

    def _wrong(self, when: str, what: str) -> None:
        self.problems.append(f"{when}: {what}")


# ---- the proof -------------------------------------------------------------------------------------------------------


@dataclass
class Report:
    """What was done, and what was found wrong: nothing, it is hoped."""

    seed: int
    clock: str
    kills: int = 0
    while_starting: int = 0
    stops: int = 0
    seconds: float = 0.0
    posts: int = 0
    sent_again: int = 0
    observations: int = 0
    commands: int = 0
    frames: int = 0
    effects: int = 0
    transitions: int = 0
    pages: int = 0
    pages_arrived: int = 0
    checkpoints: int = 0
    effects_not_yet_written_at_most: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        verdict = "nothing lost, nothing twice" if not self.problems else f"{len(self.problems)} PROBLEMS"
        return (
            f"{verdict}: {self.kills} kills ({self.while_starting} while starting) and {self.stops} stops on the "
            f"{self.clock} clock in {self.seconds:.0f} s; {self.observations:,} observations answered in {self.posts:,} posts "
            f"({self.sent_again} sent again), {self.frames:,} frames, {self.transitions:,} transitions, {self.pages:,} pages "
            f"arrived {self.pages_arrived:,} times"
        )


def prove(
    folder: Path, kills: int, seed: int, clock: Clock = "received", clients: int = 4,
    progress: Callable[[int, Report], None] = lambda done, report: None,
) -> Report:  # fmt: skip
    """Kill a service so many times and compare. `folder` is made, and left for whoever wants to look."""
    begun = time.monotonic()
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    data, report = folder / "data", Report(seed, clock)
    phone, door, answered, heard = Phone(seed), Door(), Answered(), list[Document]()
    threading.Thread(target=phone.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    config = folder / "site.toml"
    config.write_text(f'[pages]\ndestinations = ["json://127.0.0.1:{phone.server_port}"]\n')
    options = ("--config", config, "--clock", clock)
    shadow = Shadow(folder / "shadow", clock)
    lines = Lines(seed, clients)
    senders = [
        Caller(f"sender {n}", door, sender(lines, n, answered, random.Random(seed * 100 + n))) for n in range(clients)
    ]
    others = [
        Caller("nurse", door, nurse(answered, random.Random(seed * 100 + 99)), 0.02), Caller("board", door, board(heard))
    ]  # fmt: skip
    for caller in (*senders, *others):
        caller.start()
    service: Started | None = None
    try:
        for turn in range(kills):
            service = start(data, *options, command=HASTY)
            if turn and chance.random() < 0.2:
                time.sleep(chance.uniform(0.0, 2.0))  # not waiting for anything: the moment of the kill
                report.while_starting += 1
            else:
                door.open(service.address)
                answered.wait_for(answered.posts + chance.randrange(1, 30))
                time.sleep(chance.uniform(0.0, 0.05))
            door.shut()
            if chance.random() < 0.05:
                if service.stop() not in (0, -15):
                    shadow.problems.append(f"stop {turn}: it ended with {service.process.returncode}")
                report.stops += 1
            else:
                service.kill()
                report.kills += 1
            if any("Traceback" in line for line in service.said):
                shadow.problems.append(f"turn {turn}: it said\n" + "\n".join(service.said[-30:]))
            shadow.compare(data, answered, phone, f"after kill {turn + 1}")
            progress(turn + 1, report)
        service = start(data, *options, command=HASTY)
        shadow.shown = _come_to_rest(service, door, senders, others, heard)
        service.stop()
        shadow.compare(data, answered, phone, "at the end")
        shadow.at_the_end(data, heard, phone)
    finally:
        door.finish()
        door.shut()
        if service is not None and service.process.poll() is None:
            service.kill()
        phone.shutdown()
        phone.server_close()
    _count(report, shadow, answered, phone)
    report.seconds = round(time.monotonic() - begun, 1)
    shadow.store.close()
    return report


def _come_to_rest(
    service: Started, door: Door, senders: list[Caller], others: list[Caller], heard: list[Document]
) -> int:
    """Everybody finishes what is in hand, every page arrives; how many transitions the board had to have heard."""
    address = service.address
    door.open(address)
    door.finish()
    for caller in (*senders, others[0]):
        if not caller.finished.wait(PATIENCE_S):
            raise TimeoutError(f"{caller.name} is not done")
    give_up_at = time.monotonic() + PATIENCE_S * 3
    with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:

        def at_rest() -> bool:
            missed = client.get("/v1/transitions", params={"after": heard[-1]["seq"] if heard else 0}).json()
            text = client.get("/metrics").text
            settled = all(f"chairside_{name} 0.0\n" in text for name in ("pages_owed", "frames_behind"))
            return settled and not missed["transitions"]

        while not at_rest():
            if time.monotonic() > give_up_at:
                raise TimeoutError("pages are owed still, or the board has not heard everything")
            time.sleep(0.05)
    return len(heard)


def _count(report: Report, shadow: Shadow, answered: Answered, phone: Phone) -> None:
    report.posts, report.sent_again = answered.posts, answered.again
    report.observations, report.commands = len(answered.records), len(answered.commands)
    report.frames, report.effects = shadow.shard.next_offset, len(shadow.store.digests(0))
    report.transitions = len(shadow.store.transitions(limit=10**9))
    report.pages, report.pages_arrived = len(shadow.page_offsets), sum(phone.got.values())
    report.checkpoints, report.effects_not_yet_written_at_most = len(shadow.checkpoints), shadow.behind
    report.problems = shadow.problems


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m bench.kill", description=(__doc__ or "").splitlines()[0])
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--clock", choices=("received", "observed"), default="received")
    options.add_argument("--report", type=Path, help="write the report here as JSON too")
    chosen = options.parse_args()

    def progress(done: int, report: Report) -> None:
        if done % 10 == 0 or done == chosen.kills:
            print(f"{done} of {chosen.kills}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="chairside-kill-") as folder:
        report = prove(Path(folder), chosen.kills, chosen.seed, chosen.clock, progress=progress)
    print(json.dumps(asdict(report), indent=2))
    if chosen.report is not None:
        chosen.report.write_text(json.dumps(asdict(report), indent=2) + "\n")
    print(report.summary, file=sys.stderr)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
