"""The long proof of crash safety: `python -m bench.crash.kill --kills 200 --seed 1`.

A real `chairside serve` is fed by several clients and killed with SIGKILL at random moments, also while it starts and
recovers; now and then it is stopped in good order instead. Clients send again what was not answered. After every kill, and
once more at the end, what is on the disk is held against a linear replay of the journal as it stands:

- everything that was answered is in the journal, and the journal has no gap;
- the effects in the store are those of the replay, frame by frame and none of them in part; no conflict, no gap in `seq`;
- a checkpoint stands on effects that are all written, and the last one is the very state of the replay;
- every page that a frame owes is in the outbox, none is sent before that, and in the end each has arrived;
- a board that came back after every kill has heard each transition once, in order, and nothing that was taken back;
- with `--pages`, real people are called (`kill_pages.py`): every high alert reached somebody on its ladder, and ladders climb on.

Checkpoints come a hundred times as often as in life, so that kills hit them. Cost: some two seconds a kill.
Bad at: power cuts. A killed process leaves what it wrote to the system; that fsync means fsync is the disk's promise.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import httpx

from bench.crash.kill_clinic import Answered, Caller, Door, Lines, Phone, board, nurse, sender
from bench.crash.kill_disk import Shadow
from bench.crash.kill_pages import Mailbox, climbed, site, unreached
from models.arrays import Document
from streams.ward.state import Clock
from tests.support.service import PATIENCE_S, Started, start

HASTY: Final = (
    sys.executable, "-c",
    "import streams.hosts.embedded; streams.hosts.embedded.CHECKPOINT_S = 0.3; from deploy.cli import main; main()",
)  # fmt: skip


LADDERS_FROM: Final = 20
"""Kills from which a ladder must have gone on after one: the first rung has its turn after a quarter of a minute."""


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
    high_alerts: int = 0
    rungs: int = 0
    rungs_after_a_restart: int = 0
    latest_rung_s: float = 0.0
    first_decisions_s: list[float] = field(default_factory=list)
    """From the start of the process to the first frame decided, for each start that was given the time."""
    problems: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        verdict = "nothing lost, nothing twice" if not self.problems else f"{len(self.problems)} PROBLEMS"
        return (
            f"{verdict}: {self.kills} kills ({self.while_starting} while starting) and {self.stops} stops on the "
            f"{self.clock} clock in {self.seconds:.0f} s; {self.observations:,} observations answered in {self.posts:,} posts "
            f"({self.sent_again} sent again), {self.frames:,} frames, {self.transitions:,} transitions, {self.pages:,} pages "
            f"arrived {self.pages_arrived:,} times{self._ladders}; {self._starts}"
        )

    @property
    def _ladders(self) -> str:
        if not self.high_alerts:
            return ""
        return (
            f", {self.high_alerts} high alerts, {self.rungs} rungs climbed, {self.rungs_after_a_restart} of them after a restart, "
            f"the latest {self.latest_rung_s:.1f} s after its instant"
        )

    @property
    def _starts(self) -> str:
        times = sorted(self.first_decisions_s)
        if not times:
            return "no start was timed"
        return f"start to first decision {times[len(times) // 2]:.1f} s (half), {times[-1]:.1f} s (all)"


def prove(
    folder: Path, kills: int, seed: int, clock: Clock = "received", clients: int = 4, pages: bool = False,
    progress: Callable[[int, Report], None] = lambda done, report: None,
) -> Report:  # fmt: skip
    """Kill a service so many times and compare. `folder` is made, and left for whoever wants to look. `pages`: with people."""
    begun = time.monotonic()
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    data, report = folder / "data", Report(seed, clock)
    phone, door, answered, heard = Phone(seed), Door(), Answered(), list[Document]()
    threading.Thread(target=phone.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    config = folder / "site.toml"
    mailbox = Mailbox(phone)
    config.write_text(
        site(phone, mailbox) if pages else f'[pages]\ndestinations = ["json://127.0.0.1:{phone.server_port}"]\n'
    )
    starts_us: list[int] = []
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
            begun_at = time.monotonic()
            starts_us.append(time.time_ns() // 1000)
            service = start(data, *options, command=HASTY)
            if turn and chance.random() < 0.2:
                time.sleep(chance.uniform(0.0, 2.0))  # not waiting for anything: the moment of the kill
                report.while_starting += 1
            else:
                door.open(service.address)
                report.first_decisions_s.append(round(_first_decision(service.address) - begun_at, 2))
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
        if pages:
            _people(report, shadow, phone, starts_us)
    finally:
        door.finish()
        door.shut()
        if service is not None and service.process.poll() is None:
            service.kill()
        mailbox.close()
        phone.shutdown()
        phone.server_close()
    _count(report, shadow, answered, phone)
    report.seconds = round(time.monotonic() - begun, 1)
    shadow.store.close()
    return report


def _first_decision(address: str) -> float:
    """When the service has decided a frame that came after its start."""
    with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        first: int | None = None
        while True:
            answer = client.get("/healthz")
            offset = answer.json()["next_offset"]
            first = offset if first is None else first
            if answer.status_code == 200 and offset > first:
                return time.monotonic()
            time.sleep(0.01)


def _people(report: Report, shadow: Shadow, phone: Phone, starts_us: list[int]) -> None:
    """What must have reached the people who are called."""
    transitions = shadow.store.transitions(limit=10**9)
    report.high_alerts, lost = unreached(transitions, shadow.pages, phone.by_whom)
    report.rungs, report.rungs_after_a_restart, latest_s = climbed(transitions, shadow.stamps, starts_us)
    report.latest_rung_s = round(latest_s, 1)
    if lost:
        shadow.problems.append(f"{len(lost)} high alerts reached nobody on their ladder: {lost[:3]}")
    if report.kills >= LADDERS_FROM and not report.rungs_after_a_restart:
        shadow.problems.append("no ladder went on after a restart")


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
    options = argparse.ArgumentParser(prog="python -m bench.crash.kill", description=(__doc__ or "").splitlines()[0])
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--clock", choices=("received", "observed"), default="received")
    options.add_argument("--pages", action="store_true", help="call people by HTTP and SMTP, up a ladder")
    options.add_argument("--report", type=Path, help="write the report here as JSON too")
    chosen = options.parse_args()

    def progress(done: int, report: Report) -> None:
        if done % 10 == 0 or done == chosen.kills:
            print(f"{done} of {chosen.kills}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="chairside-kill-") as folder:
        report = prove(Path(folder), chosen.kills, chosen.seed, chosen.clock, pages=chosen.pages, progress=progress)
    print(json.dumps(asdict(report), indent=2))
    if chosen.report is not None:
        chosen.report.write_text(json.dumps(asdict(report), indent=2) + "\n")
    print(report.summary, file=sys.stderr)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
