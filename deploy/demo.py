"""The demonstration: an invented clinic of twelve chairs, played faster than life through the real service.

Its time is the invented clinic's (the observed clock), so that a cuff every ten minutes comes every minute at ten times
the speed and every timer keeps its meaning. The data directory is deleted when it ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
import webbrowser
from pathlib import Path
from typing import Any, Final

from deploy.demo_past import mark_pages_sent, write_past
from deploy.demo_scenarios import Scenario, demo_settings
from deploy.http import listen, server
from deploy.wiring import Service, wall_us
from models.instants import HOUR, MINUTE, SECOND
from streams.clinic.clinic import demo_clinic
from streams.intake.json import read_lines

STEP_S: Final = 0.1
"""Observations are sent in tenths of a second, as many senders would."""
PAST: Final = 3 * HOUR
"""How long before the demonstration its past ends: before the first of the day's patients has come."""
HISTORY: Final = 1000
"""Lines at a time while the morning before the demonstration is caught up."""


def run_demo(
    port: int, speed: float, seed: int, browser: bool, minutes: float | None, scenario: Scenario | None = None
) -> None:
    """Serve the demonstration until interrupted, or for some minutes; with a scenario, one close call and what to look at."""
    listening = listen("127.0.0.1", port)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="chairside-demo-") as data:
        write_past(Path(data), seed, wall_us() - PAST)
        service = Service(Path(data), demo_settings(), clock="observed")
        mark_pages_sent(service.store)
        asyncio.run(_run(service, listening, address, speed, seed, browser, minutes, scenario))
        if service.tasks.failure is not None:
            raise service.tasks.failure


async def _run(
    service: Service, listening: Any, address: str, speed: float, seed: int, browser: bool, minutes: float | None,
    scenario: Scenario | None,
) -> None:  # fmt: skip
    web = server(service, "127.0.0.1", 0)
    serving = asyncio.create_task(web.serve(sockets=[listening]))
    await service.ready.wait()
    playing = asyncio.create_task(_play(service, speed, seed, scenario))
    sys.stderr.write(
        f"An invented clinic at {speed:g} times the speed of life. Nobody in it is real.\n"
        f"Board {address}/   chair pages {address}/chair   API {address}/docs   Ctrl-C ends it.\n"
    )
    if scenario is not None:
        sys.stderr.write(f"{scenario.title}. What to look at is said here and at the top of the board.\n")
    sys.stderr.flush()
    if browser:
        webbrowser.open(address)
    if minutes is not None:
        asyncio.get_running_loop().call_later(minutes * 60, setattr, web, "should_exit", True)
    try:
        await serving
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)


async def _play(service: Service, speed: float, seed: int, scenario: Scenario | None) -> None:
    """Send the clinic's observations when they are due; what happened before the start, at once."""
    now_us = service.now_us()
    start_us = now_us - now_us % SECOND
    if scenario is None:
        clinic, lesson = demo_clinic(seed, start_us, hours=24 * 7), []
    else:
        clinic, lesson = demo_clinic(seed, start_us, hours=24 * 7, events=scenario.events), [*scenario.lesson]
    lines = clinic.arrivals()
    begun = time.monotonic()
    waiting: list[bytes] = []
    for arrives_us, line in lines:
        due_s = (arrives_us - start_us) / SECOND / speed
        ahead_s = due_s - (time.monotonic() - begun)
        if lesson and arrives_us >= start_us + round(lesson[0][0] * MINUTE):
            service.lesson = lesson.pop(0)[1]
            sys.stderr.write(f"LOOK  {service.lesson}\n")
            sys.stderr.flush()
        if waiting and (ahead_s > 0 or len(waiting) >= HISTORY):
            await service.append(read_lines(waiting).records)
            waiting = []
        if ahead_s > 0:
            await asyncio.sleep(max(ahead_s, STEP_S))
        waiting.append(json.dumps(line, separators=(",", ":")).encode())
