"""What each way in costs a core, beside the bare parse of its messages: `python -m bench.speed.ways`.

A message is one reading of one device. The server is the way in, the intake and the SQLite journal as `serve` has them, without
ward, desk and store: an answer still means fsynced. Processor time is counted, all of the server's threads, so that other work
on the machine lengthens the clock and not the figure. The bare parse is that of the way's own library, on the same bytes.
`python -m bench.speed.ways --serve FOLDER BROKER` runs the server.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from ipaddress import ip_network
from pathlib import Path
from time import thread_time_ns
from typing import Any, Final

import hl7
import msgspec
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from alerts.store.store import Store
from bench.figures import Figure, table
from bench.speed.edge import kept
from bench.speed.posting import PATIENCE_S, Connection, Server, running
from deploy.http import listen
from models.instants import from_iso, iso
from models.wire.hl7 import BEGIN, END
from streams.intake.admission import Admission
from streams.intake.append import Intake
from streams.intake.fhir.http import fhir_routes
from streams.intake.files import recorded_frames
from streams.intake.hl7.mllp import MllpIntake
from streams.intake.http import observation_routes
from streams.intake.mqtt import MqttIntake
from streams.intake.mqtt_part import MqttPart
from streams.journal.journal import SqliteJournal
from tests.support.broker import mqtt_broker, published, publisher

MESSAGES: Final = 4_000
SENDERS: Final = 8
START_US: Final = from_iso("2026-11-23T14:00:00Z")


def hl7_message(n: int) -> bytes:
    """A reading as ORU^R01."""
    at = f"{iso(START_US + n * 1_000_000)[:19].replace('-', '').replace(':', '').replace('T', '')}+0000"
    head = f"MSH|^~\\&|GATEWAY^0011^EUI-64|WARD|||{at}||ORU^R01^ORU_R01|{n}|P|2.6|||||||UNICODE UTF-8"
    segments = [
        head, "PID|||willow^^^CLINIC^PI||^^^^^^U", "PV1||O|^^3", f"OBR|1|1|1|182777000^monitoring^SCT|||{at}",
        f"OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.1|{94 + n % 4}|262688^MDC_DIM_PERCENT^MDC|||||R|||{at}||||m-{n % 40}",
        f"OBX|2|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.1.1.2|{70 + n % 9}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R|||{at}||||m-{n % 40}",
    ]  # fmt: skip
    return "".join(f"{each}\r" for each in segments).encode()


def fhir_resource(n: int) -> bytes:
    """The same as an Observation."""
    return json.dumps({
        "resourceType": "Observation", "id": f"o-{n}", "status": "final", "subject": {"reference": "Patient/willow"},
        "device": {"identifier": {"value": f"m-{n % 40}"}}, "effectiveDateTime": iso(START_US + n * 1_000_000),
        "code": {"coding": [{"system": "http://loinc.org", "code": "59408-5"}]},
        "valueQuantity": {"value": 94 + n % 4, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
    }).encode()  # fmt: skip


def json_line(n: int) -> bytes:
    """The same as an observation of ours."""
    at = iso(START_US + n * 1_000_000)
    return json.dumps(
        {"kind": "vitals", "at": at, "device": f"m-{n % 40}", "patient": "willow", "spo2": 94 + n % 4}
    ).encode()


def csv_row(n: int) -> bytes:
    """The same as a row of a table."""
    return f"willow,{iso(START_US + n * 1_000_000)},{94 + n % 4},{70 + n % 9}\n".encode()


# ---- the senders -----------------------------------------------------------------------------------------------------


async def over_mllp(port: int, bodies: Sequence[bytes]) -> None:
    """Each sender waits for the answer to each message, as the protocol has it."""

    async def send(mine: Sequence[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in mine:
            writer.write(BEGIN + body + END)
            if b"MSA|AA" not in await reader.readuntil(END):
                raise RuntimeError("not taken")
        writer.close()

    await asyncio.gather(*(send(bodies[n::SENDERS]) for n in range(SENDERS)))


async def over_http(port: int, path: str, kind: str, bodies: Sequence[bytes]) -> None:
    """Each sender waits for the answer to each post."""

    async def send(mine: Sequence[bytes]) -> None:
        connection = Connection(port)
        for body in mine:
            status, said = await connection.ask("POST", path, body, kind)
            if status not in (200, 201):
                raise RuntimeError(f"{status}: {said[:300]!r}")
        await connection.close()

    await asyncio.gather(*(send(bodies[n::SENDERS]) for n in range(SENDERS)))


def measured(
    name: str, parse: Callable[[bytes], Any], bodies: Sequence[bytes], send: Callable[[Server, int], None]
) -> list[Figure]:
    """A way's figures: what the server did a second of a core, and what the parse alone would."""
    with (
        tempfile.TemporaryDirectory(prefix="chairside-bench-") as folder,
        mqtt_broker() as broker,
        running(["-m", "bench.speed.ways", "--serve", folder, str(broker.port)], Path(folder)) as server,
    ):
        send(server, broker.port)
        before = _settled(folder, len(bodies))
        used, began = server.cpu_s(), time.perf_counter()
        send(server, broker.port)
        held = _settled(folder, before + len(bodies))
        cpu_s, wall_s = server.cpu_s() - used, time.perf_counter() - began
    if held != before + len(bodies):
        raise RuntimeError(f"{name}: {len(bodies)} went, {held - before} are in the journal")
    began_ns = thread_time_ns()
    for body in bodies:
        parse(body)
    parse_s = (thread_time_ns() - began_ns) / 1e9
    return [
        Figure(name, "one message a reading", [len(bodies) / cpu_s], "messages/s/core"),
        Figure(name, "by the wall", [len(bodies) / wall_s], "messages/s"),
        Figure(name, "the bare parse", [len(bodies) / parse_s], "messages/s/core"),
    ]


def _settled(folder: str, wanted: int) -> int:
    """How many observations the journal has, as soon as it has those that are wanted."""
    until = time.monotonic() + PATIENCE_S
    while (held := kept(Path(folder) / "chairside.sqlite")) < wanted and time.monotonic() < until:
        time.sleep(0.05)
    return held


def of_files(count: int) -> list[Figure]:
    """A table's rows, read into frames in this process; the bare parse is Python's own reader."""
    rows = [csv_row(n) for n in range(count)]
    with tempfile.TemporaryDirectory(prefix="chairside-bench-") as folder:
        path = Path(folder) / "day.csv"
        path.write_bytes(b"patient,at,spo2,pulse\n" + b"".join(rows))
        began_ns = thread_time_ns()
        held = sum(map(len, recorded_frames([path], {})))
        used_s = (thread_time_ns() - began_ns) / 1e9
        began_ns = thread_time_ns()
        with path.open(newline="") as file:
            parsed = sum(1 for _ in csv.reader(file)) - 1
        parse_s = (thread_time_ns() - began_ns) / 1e9
    if not held == parsed == count:
        raise RuntimeError(f"{count} rows, {held} read, {parsed} parsed")
    return [
        Figure("a table in a file", "rows into frames", [count / used_s], "rows/s/core"),
        Figure("a table in a file", "the bare parse (csv)", [count / parse_s], "rows/s/core"),
    ]


def figures(messages: int = MESSAGES) -> list[Figure]:
    """Every way in."""
    segments, resources, lines = (
        [make(n) for n in range(messages)] for make in (hl7_message, fhir_resource, json_line)
    )

    def to_broker(_: Server, port: int) -> None:
        with publisher(port) as client:
            published(client, lines)

    def port_of(server: Server) -> int:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            for line in server.log.read_text().splitlines():
                if line.startswith("mllp on "):
                    return int(line.removeprefix("mllp on "))
            time.sleep(0.02)
        raise RuntimeError("the server did not say where it takes HL7")

    fhir, ours = ("/fhir/Observation", "application/fhir+json"), ("/v1/observations", "application/json")
    return [
        *measured("HTTP, JSON", msgspec.json.decode, lines, lambda s, _: asyncio.run(over_http(s.port, *ours, lines))),
        *measured("HL7 over MLLP", lambda body: hl7.parse(body.decode()), segments, lambda s, _: asyncio.run(over_mllp(port_of(s), segments))),
        *measured("FHIR over HTTP", json.loads, resources, lambda s, _: asyncio.run(over_http(s.port, *fhir, resources))),
        *measured("MQTT, JSON", msgspec.json.decode, lines, to_broker),
        *of_files(50 * messages),
    ]  # fmt: skip


def serve(folder: Path, broker: int) -> None:
    """All ways in before one journal, until it is told to stop."""
    path = folder / "chairside.sqlite"
    journal = SqliteJournal(path, lambda: time.time_ns() // 1000)
    store = Store(f"sqlite:///{path}")
    intake = Intake(journal, lambda entries: None)
    admission = Admission("main")
    mllp = MllpIntake(
        intake.append,
        lambda taken, aside: None,
        admission,
        UTC,
        lambda: time.time_ns() // 1000,
        [ip_network("127.0.0.0/8")],
    )
    mqtt = MqttIntake(
        MqttPart(broker=f"mqtt://127.0.0.1:{broker}"), intake.append, lambda taken, aside: None, admission
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(each) for each in (intake.run(), mllp.run("127.0.0.1", 0), mqtt.run())]
        while mllp.port is None or mqtt.trouble:  # noqa: ASYNC110 - they say it by no event
            await asyncio.sleep(0.01)
        print(f"mllp on {mllp.port}", flush=True)
        yield
        for task in tasks[1:]:
            task.cancel()
        intake.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        journal.close()

    app = FastAPI(lifespan=lifespan, default_response_class=JSONResponse)
    app.include_router(observation_routes(intake.append, store, lambda accepted, set_aside: None, admission))
    app.include_router(fhir_routes(intake.append, lambda accepted, set_aside: None, admission))
    listening = listen("127.0.0.1", 0)
    print(f"edge on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False, loop="uvloop", http="httptools", lifespan="on")
    uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    """Measure and print, or serve."""
    options = argparse.ArgumentParser(prog="python -m bench.speed.ways", description=(__doc__ or "").splitlines()[0])
    options.add_argument("--messages", type=int, default=MESSAGES)
    options.add_argument("--serve", nargs=2, metavar=("FOLDER", "BROKER"))
    chosen = options.parse_args()
    if chosen.serve:
        serve(Path(chosen.serve[0]), int(chosen.serve[1]))
        return
    print(table(figures(chosen.messages)))
    print(f"load of the machine meanwhile: {os.getloadavg()[0]:.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()
