"""What a clinic's days leave, measured: disk by part, start, memory, backup, verify, restore, and that the copy decides the same.

Backup and restore are the commands' own functions; the service is a real `chairside serve` on the restored copy, last of all, as
its clock is today's. Never here: a day lived before.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.figures import Figure
from bench.speed.posting import PATIENCE_S, SERVE, Connection, running
from bench.year.days import Busy, day_of
from bench.year.living import RAW_DAYS, Clinic
from deploy.upkeep.backup import back_up, restore
from deploy.upkeep.verify import DATABASE, verify

STARTS: Final = 3
GOES_ON: Final = range(8 * 3600, 9 * 3600)
"""The next working day's hour that original and copy both live: arrivals, first doses."""
_AUDIT: Final = ("audit", "audit_chain", "audit_heads")


def measured(
    data: Path,
    days: int,
    start_us: int,
    week: Sequence[dict[int, Busy]],
    goes_on: range = GOES_ON,
    starts: int = STARTS,
) -> list[Figure]:
    """Figures of a directory in which so many days were lived, and which lives a part of another one.

    Raises:
        SystemExit: the backup is not whole, or the copy decides otherwise than the original.
    """
    part, aside = f"{days} days", data.with_name("aside")
    shutil.rmtree(aside, ignore_errors=True)
    found = [Figure(part, *each) for each in _disk(data, days)]

    def timed(what: str, work: Callable[[], object]) -> None:
        began, used = time.perf_counter(), time.process_time()
        work()
        found.append(Figure(part, what, [time.perf_counter() - began], "s"))
        found.append(Figure(part, f"{what}: of the processor", [time.process_time() - used], "s"))

    timed("backup", lambda: back_up(data, aside, time.time_ns() // 1000))
    (backup,) = aside.iterdir()
    timed("verify", lambda: _whole(backup))
    copy = aside / "restored"
    timed("restore", lambda: restore(backup, copy, say=lambda _: None))
    next_day = days + (7 - days % 7 if days % 7 >= len(week) else 0)
    compared = [_goes_on(each, week, next_day, start_us, goes_on) for each in (data, copy)]
    if compared[0] != compared[1]:
        raise SystemExit("the restored copy gives other effects than the original")
    found.append(
        Figure(part, "effects of the restored copy that are the original's, an hour on", [compared[0][0]], "effects")
    )
    found += [Figure(part, *each) for each in _service(copy, starts)]
    shutil.rmtree(aside)
    return found


def _goes_on(
    data: Path, week: Sequence[dict[int, Busy]], day: int, start_us: int, seconds: range
) -> tuple[int, list[tuple[int, int, str, str]]]:
    """All effects of a directory that has lived a part of a day more; how many, and each one's digest."""
    clinic = Clinic(data)
    clinic.lives(day_of(week, day, start_us, seconds))
    clinic.checkpoint()
    digests = clinic.store.digests(0)
    clinic.ends()
    return len(digests), digests


def size_mb(data: Path) -> float:
    """Of all files of a directory."""
    return sum(file.stat().st_size for file in data.iterdir()) / 10**6


def table_sizes(path: Path) -> dict[str, float]:
    """MB by table, its indexes with it; `free`: room in the file that is used again."""
    with closing(sqlite3.connect(path)) as database:
        owner = dict(database.execute("SELECT name, tbl_name FROM sqlite_master"))
        (free,) = database.execute("PRAGMA freelist_count").fetchone()
        (page,) = database.execute("PRAGMA page_size").fetchone()
        found = {"free": free * page / 10**6}
        for name, size in database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            whose = owner.get(name, name)
            found[whose] = found.get(whose, 0.0) + size / 10**6
    return found


def _disk(data: Path, days: int) -> Iterator[tuple[str, list[float], str]]:
    sizes = table_sizes(data / DATABASE)
    journal = sum(size for name, size in sizes.items() if name.startswith("journal"))
    checkpoints, free, minutes = (sizes.get(name, 0.0) for name in ("checkpoints", "free", "vitals_hours"))
    audit = sum(sizes.get(name, 0.0) for name in _AUDIT)
    yield "data directory", [size_mb(data)], "MB"
    yield f"of that the journal's seconds, of the last {min(days, RAW_DAYS)} days", [journal], "MB"
    yield "of that checkpoints, one a day of these", [checkpoints], "MB"
    yield "of that free, to be used again", [free], "MB"
    yield "of that vitals by the minute, for ever", [minutes], "MB"
    yield "of that audit and entries, for ever", [audit], "MB"
    yield (
        "of that alerts, pages and the rest, for ever",
        [sum(sizes.values()) - journal - checkpoints - free - minutes - audit],
        "MB",
    )
    with closing(sqlite3.connect(data / DATABASE)) as database:
        for what, wanted in (
            ("frames in the journal", "SELECT count(*) FROM journal"),
            ("alerts", "SELECT count(*) FROM alerts"),
            ("audit entries", "SELECT count(*) FROM audit"),
            ("sessions with vitals by the minute", "SELECT count(DISTINCT session) FROM vitals_hours"),
        ):
            yield what, [float(database.execute(wanted).fetchone()[0])], ""
        state = database.execute("SELECT length(state) FROM checkpoints ORDER BY next_offset DESC LIMIT 1").fetchone()
        yield "last checkpoint", [state[0] / 1000], "kB"


def _whole(folder: Path) -> None:
    if wrong := verify(folder).wrong:
        raise SystemExit(f"the backup is not whole: {wrong}")


def _service(data: Path, starts: int) -> Iterator[tuple[str, list[float], str]]:
    """Starts of `chairside serve` on a directory: until it answers, until what it is sent is decided; and what it takes."""
    answers: list[float] = []
    decides: list[float] = []
    memory: list[float] = []
    for number in range(starts):
        began = time.perf_counter()
        with running([*SERVE, "--data", str(data)], data.parent, pinned=False) as server:
            answers.append(time.perf_counter() - began)
            asyncio.run(_decided(server.port, f"first-decision-{number}"))
            decides.append(time.perf_counter() - began)
            status = Path(f"/proc/{server.pid}/status").read_text()
            memory.append(int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 10**6)
    if not starts:
        return
    yield "start of the service, until it takes the first line", answers, "s"
    yield "start of the service, until that line's alert is there", decides, "s"
    yield "memory of the started service", memory, "MB"


async def _decided(port: int, patient: str) -> None:
    """Send what raises an alert at once, and wait for it."""
    connection, until = Connection(port), time.monotonic() + PATIENCE_S
    line = {
        "kind": "vitals", "patient": patient, "device": patient, "at": datetime.now(UTC).isoformat(), "spo2": 97, "hr": 70,
    }  # fmt: skip
    status, said = await connection.ask("POST", "/v1/observations", json.dumps(line).encode())
    if status >= 300:
        raise RuntimeError(f"{status}: {said!r}")
    while time.monotonic() < until:
        _, body = await connection.ask("GET", "/v1/alerts")
        if patient.encode() in body:
            await connection.close()
            return
        await asyncio.sleep(0.02)
    raise RuntimeError(f"no alert of {patient}")
