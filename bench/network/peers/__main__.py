"""Chairside beside stream processors: `python -m bench.network.peers` (`make prove-peers`).

The same limits on the same broker (plain.py), in one run: each contender is a process of its own, pinned to one core, and reads
a topic of one partition that the bench fills as fast as it can; broker and bench have the other core. Contenders that
take one event at a time read single JSON observations; those that can also read packed frames. Chairside's contenders are
the real processes: `chairside worker`, with `chairside edge` before it where single JSON observations come on `raw`, both
counted, and the database too.
Compared: the alerts of every contender must be those of the rules applied by hand; Chairside's must be the same sessions,
rules, priorities and instants. Measured: processor seconds, from /proc, of all processes of a contender from the first sample
poured until the last alert is out, after a warm-up in which each session had a sample. The broker's are given apart:
they hold what the bench writes to it too.
Bad at: several machines; what a contender's own tuning could still give. Peers do less: no sessions, no doubt of readings, no
estimates, no missing data, no life of an alert, no database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.network.peers.plain import Rules
from bench.network.peers.stream import LASTS_S, MARK, SITE, WARM, Alert, Stream, as_frames, as_lines, judged, rows
from bench.network.usage import children_of, cpu_s
from deploy.cluster.broker import LocalBroker
from deploy.cluster.database import LocalDatabase
from models.instants import to_us
from models.tables.rules import Priority
from models.wire.observations import SessionStarted
from streams.intake.kafka import frames as frames_of_records
from streams.journal.topics import ALERTS_TOPIC, OBSERVATIONS_TOPIC, RAW_TOPIC
from tests.support.network import Network, Processes, network_on, until

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent.parent
ENVIRONMENT: Final = ROOT / ".peers"
PATIENCE_S: Final = 300.0
"""How long a contender may take for a load."""
WORKER: Final = "Chairside: worker (Faust)"
FROM_RAW: Final = "Chairside: edge from raw, worker"
MARKED_BY: Final = "desaturation"
AT_A_TIME: Final = 2_000
"""Records that the bench writes before it waits for the broker."""


@dataclass(frozen=True)
class Contender:
    """One row of the table. `form`: frames of how many samples, or 0 for single JSON observations."""

    name: str
    form: int
    module: str = ""
    state: str = "dict"

    @property
    def ours(self) -> bool:
        return self.module in {"", "on_ward"}


CONTENDERS: Final = (
    Contender("Faust, event by event, Table", 0, "on_faust", "table"),
    Contender("Faust, event by event, dict", 0, "on_faust"),
    Contender("Quix Streams", 0, "on_quix"),
    Contender("Bytewax", 0, "on_bytewax"),
    Contender("aiokafka and a dict", 0, "on_aiokafka"),
    Contender(FROM_RAW, 0),
    Contender("Faust, a loop in each event, dict", 1000, "on_faust"),
    Contender("Quix Streams", 1000, "on_quix"),
    Contender("Bytewax", 1000, "on_bytewax"),
    Contender("aiokafka and a dict", 1000, "on_aiokafka"),
    Contender(WORKER, 100),
    Contender("Chairside: ward on bare aiokafka", 100, "on_ward"),
    Contender(WORKER, 1000),
    Contender("Chairside: ward on bare aiokafka", 1000, "on_ward"),
)


@dataclass
class Run:
    """What one run of a contender cost."""

    samples: int
    cpu_s: dict[str, float]
    broker_s: float
    wall_s: float
    differs: str = ""
    """How its alerts differ from those of the rules; empty: not at all."""

    @property
    def speed(self) -> float:
        """Samples for each processor second of all its processes."""
        return self.samples / sum(self.cpu_s.values())


def pin(pid: int, core: int) -> None:
    """Keep a process that runs, all its threads, on one core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def tree_s(pid: int) -> float:
    """Processor seconds of a process and all below it."""
    return cpu_s(pid, children=True) + sum(
        cpu_s(grandchild) for child in children_of(pid) for grandchild in children_of(child)
    )


class Course:
    """Where contenders run: servers, cores, and what they are told."""

    def __init__(self, folder: Path, broker: LocalBroker, database: LocalDatabase, core: int) -> None:
        self.folder = folder
        self.broker = broker
        self.database = database
        self.core = core
        self.rules = Rules(rows())
        self._number = 0

    async def run(self, contender: Contender, stream: Stream) -> Run:
        """One run, in topics and a database of its own.

        Raises:
            TimeoutError: its last alert does not come.
        """
        self._number += 1
        folder = self.folder / f"run-{self._number}"
        folder.mkdir()
        folder.chmod(0o755)
        network = await network_on(self.broker, self.database, 1)
        alerts = network.connection.named(ALERTS_TOPIC)
        topic = network.connection.named(OBSERVATIONS_TOPIC)
        if not contender.ours:
            topic, alerts = f"peer-{self._number}", f"peer-{self._number}-alerts"
            await make_topics(self.broker.address, topic, alerts)
        elif not contender.form:
            topic = network.connection.named(RAW_TOPIC)
        said = {
            "brokers": self.broker.address, "topic": topic, "alerts": alerts, "form": "frames" if contender.form else "json",
            "state": contender.state, "folder": str(folder), "database": network.url, "rows": self.rules.rows,
            "prefix": network.connection.prefix,
        }  # fmt: skip
        (folder / "given.json").write_text(json.dumps(said))
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.address, max_request_size=12 * 2**20)
        await producer.start()
        try:
            with ExitStack() as stack:
                pids = await self._start(stack, contender, network, folder)
                if contender.ours:
                    await open_sessions(producer, network, stream)
                begin = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=LASTS_S + 5)
                warm, load = as_frames(stream, begin, contender.form) if contender.form else as_lines(stream, begin)
                await pour(producer, topic, warm)
                hearing = Hearing(self.broker.address, alerts, begin, self.rules, ours=contender.ours)
                await hearing.until(WARM)
                if contender.ours:
                    pids["database"] = int((self.database.folder / "postmaster.pid").read_text().split()[0])
                before, broker_s, began = (
                    {n: tree_s(p) for n, p in pids.items()},
                    cpu_s(self.broker.pid),
                    time.monotonic(),
                )
                await pour(producer, topic, load)
                await hearing.until(MARK)
                cost = {name: tree_s(pid) - before[name] for name, pid in pids.items()}
                took = Run(len(load) if not contender.form else LASTS_S * (stream.devices + 1), cost,
                           cpu_s(self.broker.pid) - broker_s, time.monotonic() - began)  # fmt: skip
        finally:
            await producer.stop()
        seen = {each for each in hearing.seen if each[0] != WARM}
        if seen != stream.due:
            took.differs = f"missing {sorted(stream.due - seen)[:3]}, besides {sorted(seen - stream.due)[:3]}"
        return took

    async def _start(
        self, stack: ExitStack, contender: Contender, network: Network, folder: Path
    ) -> dict[str, int]:  # fmt: skip
        """Start its processes, pinned; their ids."""
        if contender.module:
            python = sys.executable if contender.ours else str(ENVIRONMENT / "bin" / "python")
            log = stack.enter_context((folder / "log").open("ab"))
            process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
                [python, "-m", f"bench.network.peers.{contender.module}", str(folder / "given.json")],
                cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            os.sched_setaffinity(process.pid, {self.core})
            return {contender.module: process.pid}
        processes = stack.enter_context(closing(Processes(network, folder)))
        processes.start("worker", "worker")
        await until(lambda: "loading shards" in processes.log("worker"), "the worker is at work")
        if not contender.form:
            await (await processes.edge("edge")).aclose()
        pids = {name: process.pid for name, process in processes.running.items()}
        for pid in pids.values():
            pin(pid, self.core)
        return pids


class Hearing:
    """The alerts that a contender writes, as they come."""

    def __init__(self, brokers: str, topic: str, begin: datetime, rules: Rules, *, ours: bool) -> None:
        self._begin_us = to_us(begin)
        self._ours = ours
        self._rules = {row[0] for row in rules.rows}
        """Of Chairside's, the others are left out: where the machine stalls, missing data is said, and is no rule of theirs."""
        self._topic = topic
        self._brokers = brokers
        self.seen: set[Alert] = set()

    async def until(self, last: str) -> None:
        """Return when the device's alert has come, and nothing has for a moment.

        Raises:
            TimeoutError: it does not come.
        """
        consumer = AIOKafkaConsumer(bootstrap_servers=self._brokers, enable_auto_commit=False)
        await consumer.start()
        try:
            place = TopicPartition(self._topic, 0)
            consumer.assign([place])
            consumer.seek(place, 0)
            async with asyncio.timeout(PATIENCE_S):
                while not any(alert[:2] == (last, MARKED_BY) for alert in self.seen):
                    for record in (await consumer.getmany(place, timeout_ms=100)).get(place, ()):
                        self._hear(json.loads(record.value))
        finally:
            await consumer.stop()

    def _hear(self, said: dict[str, Any]) -> None:
        if not self._ours:
            self.seen.add((said["device"], said["rule"], said["priority"], said["at_us"] - self._begin_us))
        elif said["transition"] in {"raised", "worsened"} and said["rule"] in self._rules:
            at_us = to_us(datetime.fromisoformat(said["at"])) - self._begin_us
            self.seen.add((said["patient"], said["rule"], int(Priority[said["priority"].upper()]), at_us))


async def pour(producer: AIOKafkaProducer, topic: str, records: Sequence[tuple[bytes, bytes]]) -> None:
    """Write records in order, as fast as the broker takes them."""
    for at in range(0, len(records), AT_A_TIME):
        waiting = [await producer.send(topic, value, key, 0) for key, value in records[at : at + AT_A_TIME]]
        await asyncio.gather(*waiting)


async def open_sessions(producer: AIOKafkaProducer, network: Network, stream: Stream) -> None:
    """What a ward must know of its sessions, and a contender need not."""
    at = datetime.now(UTC) - timedelta(seconds=LASTS_S + 90)
    records = [
        SessionStarted(
            at=at, site=SITE, patient=name, session=f"s-{name}", chair=name, device=name, drug="esketamine",
            route="intranasal", planned_mg=56.0,
        )
        for name in [*stream.names(), WARM]
    ]  # fmt: skip
    topic = network.connection.named(OBSERVATIONS_TOPIC)
    await pour(producer, topic, [(b"", frame) for frame in frames_of_records(records)])


async def make_topics(brokers: str, *names: str) -> None:
    """Make topics of one partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1) for name in names])
    await admin.close()


def make_environment() -> None:
    """The contenders' environment, from the locked requirements."""
    uv, python = ROOT / ".uv" / "bin" / "uv", ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, ENVIRONMENT], check=True)
    subprocess.run([uv, "pip", "sync", "--quiet", "--python", python, HERE / "requirements.txt"], check=True)


def table(runs: Mapping[Contender, Sequence[Run]]) -> list[dict[str, Any]]:
    """The table: medians, and how many times its speed Chairside has in the same form."""
    lines = []
    for contender, mine in runs.items():
        speed = median(run.speed for run in mine)
        lines.append(
            {
                "contender": contender.name,
                "from": f"frames of {contender.form:,}" if contender.form else "single JSON",
                "samples_per_cpu_s": round(speed),
                "range": [round(min(run.speed for run in mine)), round(max(run.speed for run in mine))],
                "cpu_s": {name: round(median(run.cpu_s[name] for run in mine), 2) for name in mine[0].cpu_s},
                "broker_s": round(median(run.broker_s for run in mine), 2),
                "wall_s": round(median(run.wall_s for run in mine), 2),
                "samples": mine[0].samples,
            }
        )
    return lines


def ratios(runs: Mapping[Contender, Sequence[Run]]) -> dict[str, float]:
    """Medians of Chairside over those of the others."""
    speed = {(c.name, c.form): median(run.speed for run in mine) for c, mine in runs.items()}
    ours = {form: speed.get((WORKER, form)) for form in (100, 1000)} | {0: speed.get((FROM_RAW, 0))}
    said = {}
    for (name, form), theirs in speed.items():
        mine = ours[form]
        if mine is not None and name not in {WORKER, FROM_RAW}:
            said[f"frames of {form}: worker : {name}" if form else f"single JSON: edge and worker : {name}"] = round(
                mine / theirs, 2
            )
        if not form and ours[1000] is not None and name != FROM_RAW:
            said[f"worker from frames of 1000 : {name} from single JSON"] = round(ours[1000] / theirs, 1)
    return said


async def prove(given: argparse.Namespace, folder: Path, cores: Sequence[int]) -> dict[str, Any]:
    """Run all; the figures."""
    runs: dict[Contender, list[Run]] = {}
    failed: list[str] = []
    with ExitStack() as stack:
        broker, database = LocalBroker(folder / "broker"), LocalDatabase(folder / "database")
        for server in (broker, database):
            server.start()
            stack.callback(server.stop)
        course = Course(folder, broker, database, cores[-1])
        streams = {form: Stream(devices) for form, devices in ((0, given.devices), (1000, given.devices_in_frames))}
        for stream in streams.values():
            stream.due = judged(stream, course.rules)
        for number in range(given.repeat):
            for contender in CONTENDERS:
                if given.only and not re.search(given.only, f"{contender.name} {contender.form}"):
                    continue
                try:
                    run = await course.run(contender, streams[1000 if contender.form else 0])
                except TimeoutError:
                    failed.append(f"{contender.name}, {contender.form or 'JSON'}: its last alert did not come")
                    continue
                if run.differs:
                    failed.append(f"{contender.name}, {contender.form or 'JSON'}: other alerts: {run.differs}")
                runs.setdefault(contender, []).append(run)
                say(
                    f"{number + 1}: {contender.name}, {contender.form or 'JSON'}: {run.speed:,.0f} samples a CPU second"
                )
    versions = re.findall(
        r"^(quixstreams|bytewax|faust-streaming|aiokafka)==(\S+)", (HERE / "requirements.txt").read_text(), re.MULTILINE
    )
    return {
        "versions": dict(versions), "rules": [row[0] for row in course.rules.rows], "repeated": given.repeat,
        "alerts": {str(form): len(stream.due) for form, stream in streams.items()},
        "not_as_by_hand": failed, "contenders": table(runs), "ratios": ratios(runs),
    }  # fmt: skip


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.network.peers", description="Chairside beside its peers.")
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--devices", type=int, default=400, help="of the load in single JSON observations")
    arguments.add_argument("--devices-in-frames", type=int, default=10_000)
    arguments.add_argument("--only", default="", help="a pattern: the contenders whose name and form it matches")
    given = arguments.parse_args()
    make_environment()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[:-1]) or set(cores))  # the servers too: they inherit it
    with tempfile.TemporaryDirectory(prefix="chairside-peers-") as folder:
        Path(folder).chmod(0o755)
        figures = asyncio.run(prove(given, Path(folder), cores))
    print(json.dumps(figures, indent=1))
    return 1 if figures["not_as_by_hand"] else 0


if __name__ == "__main__":
    sys.exit(main())
