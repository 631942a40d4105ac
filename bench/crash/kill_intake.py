"""An acknowledged message is never lost, whichever way it came: `python -m bench.crash.kill_intake --kills 100 --seed 1`.

A real `chairside serve` is sent readings over MLLP, as FHIR and by an MQTT broker of another make, and killed with SIGKILL at
random moments, also while it starts. Each sender sends again what was not answered. After every kill the journal is held against
what was promised:

- a message that was answered `AA`, or 201, is in it. So is, in the end, all that the broker took, which
  keeps what was not acknowledged;
- nothing is in it that nobody sent, and the ward counts each reading once, however often it was sent.

Cost: some two seconds a kill. Bad at: power cuts, as `kill.py`. Never here: what becomes of a reading (kill.py proves that).
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import httpx

from bench.crash.kill import HASTY
from bench.crash.kill_clinic import Door
from models.instants import iso
from models.wire.hl7 import BEGIN, END
from streams.journal.frame import decode
from streams.journal.journal import SqliteJournal
from tests.support.broker import mqtt_broker, published, publisher
from tests.support.service import PATIENCE_S, Started, start

WAYS: Final = ("mllp", "fhir", "mqtt")
ANSWER_S: Final = 10.0
PAUSE_S: Final = 0.02
"""Between two messages of a sender: what is proved is what was answered, and not how many there are."""


@dataclass
class IntakeReport:
    """What was done, and what was found wrong: nothing, it is hoped."""

    seed: int
    kills: int = 0
    while_starting: int = 0
    seconds: float = 0.0
    answered: dict[str, int] = field(default_factory=dict)
    sent_again: dict[str, int] = field(default_factory=dict)
    in_journal_more_than_once: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        verdict = "nothing acknowledged was lost" if not self.problems else f"{len(self.problems)} PROBLEMS"
        ways = ", ".join(f"{self.answered[way]:,} by {way} ({self.sent_again[way]} sent again)" for way in WAYS)
        return (
            f"{verdict}: {self.kills} kills ({self.while_starting} while starting) in {self.seconds:.0f} s; acknowledged: {ways}; "
            f"{self.in_journal_more_than_once} readings in the journal more than once, and counted once"
        )


class Promises:
    """What each way was sent and answered: readings by their device, which says the way, and instant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_us = 0
        self.sent: set[tuple[str, int]] = set()
        self.answered: dict[str, list[tuple[str, int]]] = {way: [] for way in WAYS}
        self.again: Counter[str] = Counter()

    def next(self, way: str) -> int:
        """The instant of a new reading of a way: no two have the same."""
        with self._lock:
            self._last_us = max(time.time_ns() // 1_000_000 * 1000, self._last_us + 1000)
            self.sent.add((way, self._last_us))
            return self._last_us

    def keep(self, way: str, at_us: int) -> None:
        """It was answered."""
        with self._lock:
            self.answered[way].append((way, at_us))

    def kept(self) -> set[tuple[str, int]]:
        with self._lock:
            return {each for answered in self.answered.values() for each in answered}

    @property
    def fewest(self) -> int:
        """Answers of the service itself, by the way that had fewer. The broker's come whether it is there or not."""
        return min(len(self.answered[way]) for way in WAYS if way != "mqtt")

    def wait_for(self, answers: int) -> None:
        """Until each of the ways that the service answers itself has so many."""
        _until(lambda: self.fewest >= answers, "answers")


Try = Callable[[str, int], bool]
"""Sends the reading of an instant to the service at an address; whether it was answered as taken. No address: hang up."""


def sender(way: str, promises: Promises, door: Door, attempt: Try) -> threading.Thread:
    """Sends reading after reading while the door is open, each until it is answered."""

    def go_on() -> None:
        opening, waiting = 0, None
        while (opened := door.wait(opening)) is not None:
            address, opening = opened
            try:
                while True:
                    if waiting is None:
                        if door.over:
                            attempt("", 0)
                            return
                        waiting = promises.next(way)
                    else:
                        promises.again[way] += 1
                    if not attempt(address, waiting):
                        continue
                    promises.keep(way, waiting)
                    waiting = None
                    time.sleep(PAUSE_S)
            except (OSError, httpx.HTTPError):
                # It is dead, or this way in is not open yet: as long as the door stands, it is tried again.
                time.sleep(PAUSE_S)
                opening -= 1

    return threading.Thread(target=go_on, name=way)


def by_mllp(port: int) -> Try:
    """HL7's ORU^R01 over a connection that is opened anew when it was lost."""
    held: list[tuple[str, socket.socket]] = []

    def hang_up() -> None:
        for _, connection in held:
            connection.close()
        held.clear()

    def attempt(address: str, at_us: int) -> bool:
        if not address:
            hang_up()
            return False
        if not held or held[0][0] != address:
            hang_up()
            held.append((address, socket.create_connection(("127.0.0.1", port), ANSWER_S)))
        at = iso(at_us).replace("-", "").replace(":", "").replace("T", "").replace("Z", "+0000")
        head = f"MSH|^~\\&|GATEWAY|WARD|||{at}||ORU^R01^ORU_R01|{at_us}|P|2.6|||||||UNICODE UTF-8"
        line = f"OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.1|{_spo2(at_us)}|262688^MDC_DIM_PERCENT^MDC|||||R|||{at}||||mllp"
        try:
            connection = held[0][1]
            connection.sendall(BEGIN + f"{head}\r{line}\r".encode() + END)
            answer = b""
            while not answer.endswith(END):
                more = connection.recv(4096)
                if not more:
                    raise ConnectionError
                answer += more
        except OSError:
            hang_up()
            raise
        return f"MSA|AA|{at_us}".encode() in answer

    return attempt


def by_fhir() -> Try:
    """An Observation with its id."""

    def attempt(address: str, at_us: int) -> bool:
        resource = {
            "resourceType": "Observation", "id": f"o-{at_us}", "status": "final", "effectiveDateTime": iso(at_us),
            "device": {"identifier": {"value": "fhir"}}, "code": {"coding": [{"system": "http://loinc.org", "code": "59408-5"}]},
            "valueQuantity": {"value": _spo2(at_us), "unit": "%", "code": "%"},
        }  # fmt: skip
        if not address:
            return False
        return httpx.post(f"{address}/fhir/Observation", json=resource, timeout=ANSWER_S).status_code == 201

    return attempt


def by_mqtt(stop: threading.Event, promises: Promises, port: int) -> threading.Thread:
    """Publishes whether the service is there or not: the broker answers, and owes the service what that has not acknowledged."""

    def go_on() -> None:
        with publisher(port) as client:
            while not stop.is_set():
                at_us = promises.next("mqtt")
                reading = {"kind": "vitals", "at": iso(at_us), "device": "mqtt", "spo2": _spo2(at_us)}
                published(client, [reading])
                promises.keep("mqtt", at_us)
                stop.wait(PAUSE_S)

    return threading.Thread(target=go_on, name="mqtt")


def _spo2(at_us: int) -> int:
    return 94 + at_us // 1000 % 4


class Journal:
    """The readings of a journal, read on from where it was read to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0
        self.found: Counter[tuple[str, int]] = Counter()

    def read_on(self) -> None:
        """Count what has come since."""
        if not self._path.is_file():
            return
        journal = SqliteJournal(self._path, lambda: 0)
        try:
            while entries := journal.read(self._next):
                for entry in entries:
                    self.found.update(_readings(entry.payload))
                self._next = entries[-1].offset + 1
        finally:
            journal.close()


def _readings(payload: bytes) -> Iterator[tuple[str, int]]:
    frame = decode(payload)
    for origin, at_us in zip(frame.origin.tolist(), frame.at_us.tolist(), strict=True):
        device = frame.origins[origin].device
        if device in WAYS:
            yield device, at_us


def prove_intake(
    folder: Path, kills: int, seed: int, progress: Callable[[int], None] = lambda done: None,
    command: Sequence[str] = HASTY,
) -> IntakeReport:  # fmt: skip
    """Kill a service so many times under what comes by three ways, and compare. `command`: what is run as `chairside`."""
    begun = time.monotonic()
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    report, promises, door, stop = IntakeReport(seed), Promises(), Door(), threading.Event()
    port = _free_port()
    journal = Journal(folder / "data" / "chairside.sqlite")
    with mqtt_broker() as broker:
        config = folder / "site.toml"
        config.write_text(
            f'[hl7]\nport = {port}\n[mqtt]\nbroker = "mqtt://127.0.0.1:{broker.port}"\n[pages]\ndestinations = []\n'
        )
        options = (folder / "data", "--config", config)
        senders = [
            sender("mllp", promises, door, by_mllp(port)), sender("fhir", promises, door, by_fhir()),
            by_mqtt(stop, promises, broker.port),
        ]  # fmt: skip
        service: Started | None = None
        try:
            # The broker keeps messages for the service from its first subscription on.
            service = start(*options, command=command)
            _until(lambda: _mqtt_is_connected(service.address if service else ""), "the broker to be joined")
            for each in senders:
                each.start()
            for turn in range(kills):
                if turn and chance.random() < 0.2:
                    time.sleep(chance.uniform(0.0, 2.0))  # not waiting for anything: the moment of the kill
                    report.while_starting += 1
                else:
                    door.open(service.address)
                    promises.wait_for(promises.fewest + chance.randrange(5, 100))
                    time.sleep(chance.uniform(0.0, 0.05))
                door.shut()
                kept = {each for each in promises.kept() if each[0] != "mqtt"}
                service.kill()
                report.kills += 1
                if any("Traceback" in line for line in service.said):
                    report.problems.append(f"turn {turn}: it said\n" + "\n".join(service.said[-30:]))
                journal.read_on()
                _compare(report, kept, journal, promises, f"after kill {turn + 1}")
                progress(turn + 1)
                service = start(*options, command=command)
            stop.set()
            senders[2].join(PATIENCE_S)
            door.open(service.address)
            door.finish()
            for each in senders:
                each.join(PATIENCE_S)

            def all_there() -> bool:
                journal.read_on()
                return promises.kept() <= journal.found.keys()

            with suppress(TimeoutError):
                _until(all_there, "what the broker owes", PATIENCE_S / 3)
            _compare(report, promises.kept(), journal, promises, "at the end")
            _counted_once(report, service.address, journal)
        finally:
            stop.set()
            door.finish()
            door.shut()
            if service is not None and service.process.poll() is None:
                service.kill()
    report.answered = {way: len(answered) for way, answered in promises.answered.items()}
    report.sent_again = {way: promises.again[way] for way in WAYS}
    report.in_journal_more_than_once = sum(count > 1 for count in journal.found.values())
    report.seconds = round(time.monotonic() - begun, 1)
    return report


def _compare(report: IntakeReport, kept: set[tuple[str, int]], journal: Journal, promises: Promises, when: str) -> None:
    lost = kept - journal.found.keys()
    if lost:
        ways = Counter(way for way, _ in lost)
        report.problems.append(f"{when}: {len(lost)} acknowledged messages are not in the journal: {dict(ways)}")
    invented = journal.found.keys() - promises.sent
    if invented:
        report.problems.append(f"{when}: {len(invented)} readings that nobody sent")


def _counted_once(report: IntakeReport, address: str, journal: Journal) -> None:
    """The ward has seen each reading of the journal, and counts again what came again."""

    def counts() -> dict[str, float]:
        text = httpx.get(f"{address}/metrics", timeout=ANSWER_S).text
        lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith("chairside_ward_observations{")]
        return {name.partition('"')[2].rpartition('"')[0]: float(value) for name, _, value in lines}

    def settled() -> bool:
        return "chairside_frames_behind 0.0\n" in httpx.get(f"{address}/metrics", timeout=ANSWER_S).text

    _until(settled, "the ward to have seen it all")
    found = counts()
    again = sum(journal.found.values()) - len(journal.found)
    if found.get("repeated or late", 0) < again:
        report.problems.append(f"{again} readings came again, and the ward says {found}")


def _mqtt_is_connected(address: str) -> bool:
    with suppress(httpx.HTTPError):
        return bool(httpx.get(f"{address}/healthz", timeout=ANSWER_S).json().get("mqtt") == "connected")
    return False


def _until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    give_up_at = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.01)


def _free_port() -> int:
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        return int(trying.getsockname()[1])


def main() -> int:
    options = argparse.ArgumentParser(
        prog="python -m bench.crash.kill_intake", description=(__doc__ or "").splitlines()[0]
    )
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()

    def progress(done: int) -> None:
        if done % 10 == 0 or done == chosen.kills:
            print(f"{done} of {chosen.kills}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="chairside-kill-") as folder:
        report = prove_intake(Path(folder), chosen.kills, chosen.seed, progress)
    print(json.dumps(asdict(report), indent=2))
    print(report.summary, file=sys.stderr)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
