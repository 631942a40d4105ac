"""A network on this machine: `make cluster` starts it, `make cluster-down` ends it.

Kafka and PostgreSQL from wheels and Maven Central, two workers, pagers and edges, a forecaster, and an invented clinic sending to
the first edge; its board is in the browser. All of it in one folder, which `down` leaves and `up` goes on with.
Never here: anything that production needs; that is docker-compose.yml, deploy/kubernetes and docs/network.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from deploy.cluster.broker import LocalBroker
from deploy.cluster.database import LocalDatabase
from streams.journal.kafka import KafkaConnection, create_topics

HOME: Final = Path(__file__).parent.parent.parent / "var" / "cluster"
LOCAL_SHARDS: Final = 8
FIRST_PORT: Final = 8000
PROCESSES: Final = {
    "worker-1": ["worker"],
    "worker-2": ["worker"],
    "pager-1": ["pager"],
    "pager-2": ["pager"],
    "forecaster": ["forecaster"],
    "edge-1": ["edge", "--port", str(FIRST_PORT), "--site", "north"],
    "edge-2": ["edge", "--port", str(FIRST_PORT + 1), "--site", "north"],
}
SITES_OF: Final = ("north", "south", "operators")


def up(folder: Path, *, load: bool) -> None:
    """Start all of it, and stay until interrupted or told to end."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pid").write_text(str(os.getpid()))
    with ExitStack() as stack:
        stack.callback((folder / "pid").unlink, missing_ok=True)
        _say("starting Kafka …")
        broker = LocalBroker(folder / "broker")
        broker.start()
        stack.callback(broker.stop)
        _say("starting PostgreSQL …")
        new = not (folder / "database").exists()
        database = LocalDatabase(folder / "database")
        database.start()
        stack.callback(database.stop)
        url = database.create("chairside") if new else database.url("chairside")
        asyncio.run(create_topics(KafkaConnection(broker.address), LOCAL_SHARDS, 1))
        network = configure(folder, broker, url)
        for name, command in PROCESSES.items():
            start(stack, folder, name, [*chairside(command), "--network", str(network)])
        if load:
            start(
                stack,
                folder,
                "clinic",
                [sys.executable, "-m", "deploy.cluster.clinic", f"http://127.0.0.1:{FIRST_PORT}"],
            )
        _say(f"board: http://127.0.0.1:{FIRST_PORT}, and the same at :{FIRST_PORT + 1}; logs and data in {folder}")
        _say("end it with Ctrl-C, or `make cluster-down`")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            signal.pause()
        except KeyboardInterrupt:
            _say("ending …")


def down(folder: Path) -> None:
    """End what `up` started, in order."""
    try:
        pid = int((folder / "pid").read_text())
        os.kill(pid, signal.SIGTERM)
    except (OSError, ValueError):
        _say("no cluster is running")
        return
    while (folder / "pid").exists():
        time.sleep(0.2)
    _say("ended")


def configure(folder: Path, broker: LocalBroker, url: str) -> Path:
    """Write the network's file and those of two sites; an existing site's file is left as it is."""
    network = folder / "network.toml"
    network.write_text(
        f'sites = "sites"\n\n[kafka]\nbrokers = "{broker.address}"\n\n[database]\nurl = {json.dumps(url)}\n', "utf-8"
    )
    (folder / "sites").mkdir(exist_ok=True)
    for site in SITES_OF:
        file = folder / "sites" / f"{site}.toml"
        if not file.exists():
            file.write_text(f'[site]\nname = "{site}"\n\n[pages]\ndestinations = ["console:"]\n', "utf-8")
    return network


def chairside(command: list[str]) -> list[str]:
    return [sys.executable, "-c", "from deploy.cli import main; main()", *command]


def start(stack: ExitStack, folder: Path, name: str, command: list[str]) -> None:
    """Start a process whose lines go to a file; ended when the stack is left."""
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def end() -> None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()

    stack.callback(end)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def run() -> None:
    arguments = argparse.ArgumentParser(prog="python -m deploy.cluster")
    arguments.add_argument("what", choices=("up", "down"))
    arguments.add_argument("--folder", type=Path, default=HOME)
    arguments.add_argument("--no-load", action="store_true", help="without the invented clinic")
    given = arguments.parse_args()
    if given.what == "up":
        up(given.folder.resolve(), load=not given.no_load)
    else:
        down(given.folder.resolve())


if __name__ == "__main__":
    run()
