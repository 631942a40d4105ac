"""How soon: from the sample that completes a desaturation to its alert on the live feed, with 500 sessions at 1 Hz over HTTP.

A real `chairside serve` on the received clock, in real time. Every chair's device posts its own sample each second on a
connection of its own, or one gateway posts all of a second's samples at once. Saturations fall at random; the sixteenth
reading below 90 % completes the fifteen seconds of the rule. Two latencies each: from the moment that sample's post was
begun, and from its 2xx, which is when it was durable. The alert's own `at` must be that sample's.
`python -m bench.speed.latency [--seconds S] [--sessions N]`; a clinic of 500 chairs is some forty times a real one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from bench.figures import Figure, heading, table
from bench.speed.load import SEED
from bench.speed.posting import SERVE, Connection, Server, running
from models.instants import MINUTE, SECOND, from_iso, iso
from models.tables.limits import LIMITS

Senders = Literal["devices", "gateway"]
SESSIONS: Final = 500
SECONDS: Final = 60
SHARE: Final = 0.4
"""Of the sessions, how many desaturate once: some 200 alerts in the minute, so that a 99th percentile means something."""
HOLD: Final = next(round(row.hold_s) for row in LIMITS if row.key == ("desaturation", "medium", "spo2"))
LASTS: Final = HOLD + 6
PATIENCE_S: Final = 20.0
AIM_MS: Final = 500


@dataclass(slots=True)
class Played:
    """What was seen. Milliseconds, one per alert. `late` is how far the client fell behind its own beat at worst."""

    due: int = 0
    from_send: list[float] = field(default_factory=list)
    from_accepted: list[float] = field(default_factory=list)
    elsewhere: int = 0
    posts: int = 0
    accepted: int = 0
    late_ms: float = 0.0
    server_share: float = 0.0


@dataclass(slots=True)
class Plan:
    """The readings to come. values: (seconds, sessions, 3) hr, rr, spo2. completes: (sessions,) the second, -1 for none."""

    values: NDArray[np.int64]
    phase_us: NDArray[np.int64]
    completes: NDArray[np.int64]


def plan(sessions: int, seconds: int, seed: int = SEED) -> Plan:
    """Signals that wander in whole numbers, and who desaturates when."""
    rng = np.random.default_rng(seed)
    wander = np.zeros((seconds, sessions, 3))
    for second in range(1, seconds):
        wander[second] = 0.9 * wander[second - 1] + rng.normal(0, (1.0, 0.5, 0.3), (sessions, 3))
    level = np.stack([rng.integers(60, 90, sessions), rng.integers(12, 18, sessions), np.full(sessions, 97)], axis=1)
    values = np.rint(level + wander).astype(np.int64)
    values[:, :, 2] = np.clip(values[:, :, 2], 95, 100)
    completes = np.full(sessions, -1)
    for session in np.flatnonzero(rng.random(sessions) < SHARE).tolist():
        onset = int(rng.integers(4, seconds - LASTS - 2))
        # No faster than blood can: a jump would be an artefact.
        values[onset - 2 : onset, session, 2] = 95, 91
        values[onset : onset + LASTS, session, 2] = rng.integers(87, 90, LASTS)
        completes[session] = onset + HOLD
    return Plan(values, rng.integers(0, 1000, sessions) * 1000, completes)


class Clinic:
    """Plays a plan against a server, and listens."""

    def __init__(self, server: Server, planned: Plan, speed: float) -> None:
        self._server, self._plan, self._speed = server, planned, speed
        self.seconds, self.sessions = len(planned.values), len(planned.phase_us)
        self.played = Played(due=int((planned.completes >= 0).sum()))
        self._sent: dict[tuple[str, int], float] = {}
        self._accepted: dict[tuple[str, int], float] = {}
        self._heard: list[tuple[str, int, float]] = []
        self._done = asyncio.Event()
        # Faster than life the senders' clocks run ahead: begin behind, within what is no clock error yet.
        ahead_us = round(self.seconds * SECOND * (1 - 1 / speed))
        now_us = time.time_ns() // 1000
        self._begin_us = now_us - now_us % 1000 - min(ahead_us, 5 * MINUTE)

    async def play(self, senders: Senders) -> Played:
        """Open the sessions, send every sample at its time, and wait for the alerts."""
        opening = Connection(self._server.port)
        await opening.post(b"\n".join(self._announcement(session) for session in range(self.sessions)))
        await opening.close()
        listening = asyncio.create_task(self._listen())
        server_s, began = self._server.cpu_s(), time.perf_counter()
        if senders == "devices":
            await asyncio.gather(*(self._device(session, began) for session in range(self.sessions)))
        else:
            await self._gateway(began)
        self.played.server_share = (self._server.cpu_s() - server_s) / (time.perf_counter() - began)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), PATIENCE_S)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        self.reckon()
        return self.played

    async def _device(self, session: int, began: float) -> None:
        connection = Connection(self._server.port)
        phase_s = int(self._plan.phase_us[session]) / SECOND
        for second in range(self.seconds):
            await self._until(began + (second + phase_s) / self._speed)
            await self._post(connection, second, [session])
        await connection.close()

    async def _gateway(self, began: float) -> None:
        connection = Connection(self._server.port)
        order = np.argsort(self._plan.phase_us, kind="stable").tolist()
        for second in range(self.seconds):
            await self._until(began + (second + 1) / self._speed)
            await self._post(connection, second, order)
        await connection.close()

    async def _until(self, moment: float) -> None:
        left = moment - time.perf_counter()
        if left > 0:
            await asyncio.sleep(left)
        self.played.late_ms = max(self.played.late_ms, (time.perf_counter() - moment) * 1000)

    async def _post(self, connection: Connection, second: int, sessions: Sequence[int]) -> None:
        body = b"\n".join(self._sample(session, second) for session in sessions)
        sent = time.perf_counter()
        answer = await connection.post(body)
        accepted = time.perf_counter()
        self.played.posts += 1
        self.played.accepted += answer["accepted"]
        for session in sessions:
            if self._plan.completes[session] == second:
                key = (f"S{session}", self._at_us(session, second))
                self._sent[key], self._accepted[key] = sent, accepted

    def _at_us(self, session: int, second: int) -> int:
        phase_us = int(self._plan.phase_us[session])
        return self._begin_us + second * SECOND + phase_us

    def _announcement(self, session: int) -> bytes:
        started = {
            "kind": "session.started", "at": iso(self._begin_us), "patient": f"P{session}", "session": f"S{session}",
            "chair": str(session), "device": f"monitor-{session}", "drug": "ketamine", "route": "iv", "planned_mg": 35,
        }  # fmt: skip
        return json.dumps(started).encode()

    def _sample(self, session: int, second: int) -> bytes:
        hr, rr, spo2 = self._plan.values[second, session].tolist()
        sample = {
            "kind": "vitals",
            "at": iso(self._at_us(session, second)),
            "device": f"monitor-{session}",
            "hr": hr,
            "rr": rr,
            "spo2": spo2,
        }
        return json.dumps(sample).encode()

    async def _listen(self) -> None:
        """Read the live feed as a board does; only alerts are looked into."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port, limit=2**25)
        writer.write(b"GET /v1/live?site=main HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
        event = b""
        try:
            while line := await reader.readline():
                if line.startswith(b"event: "):
                    event = line[7:].strip()
                elif line.startswith(b"data: ") and event == b"alert":
                    self._hear(json.loads(line[6:]), time.perf_counter())
        finally:
            writer.close()
            await writer.wait_closed()

    def _hear(self, transition: dict[str, Any], now: float) -> None:
        if transition["transition"] == "raised" and transition["rule"] == "desaturation":
            self._heard.append((transition["session"], from_iso(transition["at"]), now))
            if len(self._heard) == self.played.due:
                self._done.set()

    def reckon(self) -> None:
        """Fold what was heard so far into `played`."""
        for session, at_us, now in self._heard:
            key = (session, at_us)
            if key not in self._sent:
                self.played.elsewhere += 1
                continue
            self.played.from_send.append((now - self._sent[key]) * 1000)
            self.played.from_accepted.append((now - self._accepted[key]) * 1000)


def run(senders: Senders, sessions: int = SESSIONS, seconds: int = SECONDS, speed: float = 1.0) -> Played:
    """One run against a server of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="chairside-bench-") as folder,
        running([*SERVE, "--data", folder], Path(folder), pinned=False) as server,
    ):

        async def played() -> Played:
            return await Clinic(server, plan(sessions, seconds), speed).play(senders)

        return asyncio.run(played())


def figures(senders: Senders, played: Played, sessions: int) -> list[Figure]:
    """Percentiles of one run."""
    part = f"latency, {sessions} {senders}" if senders == "devices" else f"latency, one gateway for {sessions}"
    found = [Figure(part, "alerts seen of those due", [100 * len(played.from_send) / max(played.due, 1)], "%", "100")]
    for name, values in (("2xx → alert", played.from_accepted), ("send → alert", played.from_send)):
        for word, percent in (("p50", 50), ("p99", 99), ("max", 100)):
            if values:
                aim = f"≤ {AIM_MS}" if word == "p99" else ""
                found.append(Figure(part, f"{name}, {word}", [float(np.percentile(values, percent))], "ms", aim))
    found.append(Figure(part, "server", [100 * played.server_share], "% of a core"))
    found.append(Figure(part, "client behind its beat, worst", [played.late_ms], "ms"))
    return found


def main() -> None:
    """Both variants, once each."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.speed.latency", description="Accepted sample to alert on the live feed."
    )
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    options = parser.parse_args()
    if options.seconds < LASTS + 8:
        parser.error(f"--seconds must be at least {LASTS + 8}: a desaturation needs {HOLD} s to count")
    found: list[Figure] = []
    whole = True
    kinds: tuple[Senders, ...] = ("devices", "gateway")
    for senders in kinds:
        print(f"{options.sessions} sessions, {senders}, {options.seconds} s …", file=sys.stderr, flush=True)
        played = run(senders, options.sessions, options.seconds)
        whole &= len(played.from_send) == played.due and not played.elsewhere
        found += figures(senders, played, options.sessions)
    print(heading("make prove-latency", SEED), table(found), sep="\n\n")
    if not whole:
        raise SystemExit("some alerts did not come, or came for another sample than the one that completed them")


if __name__ == "__main__":
    main()
