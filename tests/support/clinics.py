"""Clinics that a browser is shown: twenty chairs with more alerts than a wall holds, twelve on an ordinary day, none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from models.arrays import Document
from tests.support.service import PATIENCE_S, Started, started

CHAIRS: Final = [str(n) for n in range(1, 21)]
TWELVE: Final = CHAIRS[:12]
"""The most that a wall draws with their strips."""

_SITE: Final = """
[site]
timezone = "Europe/Berlin"
[board]
chairs = %s
[destinations]
ada-phone = "console:"
[people.ada]
methods = ["ada-phone"]
[schedules.nurses]
timezone = "Europe/Berlin"
[[schedules.nurses.rotations]]
people = ["ada"]
since = 2026-01-01
handoff = 08:00:00
"""


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def observe(address: str, *observations: Document) -> None:
    answer = httpx.post(f"{address}/v1/observations", json=list(observations), timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()["set_aside"]) == (200, []), answer.text


def seated(address: str, chair: str, patient: str) -> str:
    """Somebody with esketamine a quarter of an hour ago; the session's name."""
    session = f"{patient}-now"
    observe(
        address,
        {"kind": "session.started", "at": ago(900), "patient": patient, "session": session, "chair": chair, "device": f"m-{chair}",
         "drug": "esketamine", "route": "intranasal", "planned_mg": 84, "planned_minutes": 10},
        {"kind": "dose", "at": ago(800), "patient": patient, "session": session, "drug": "esketamine", "route": "intranasal",
         "amount_mg": 84, "minutes": 10},
    )  # fmt: skip
    return session


def saturation(address: str, chair: str, *values: float, until_s: float = 0) -> None:
    """One a second, the last one so many seconds ago."""
    readings = [
        {
            "kind": "vitals",
            "at": ago(until_s + len(values) - 1 - i),
            "device": f"m-{chair}",
            "spo2": v,
            "hr": 70 + i % 3,
        }
        for i, v in enumerate(values)
    ]
    observe(address, *readings)


def cuff(address: str, chair: str, sbp: float, dbp: float, seconds_ago: float = 0) -> None:
    observe(address, {"kind": "vitals", "at": ago(seconds_ago), "device": f"m-{chair}", "sbp": sbp, "dbp": dbp})


def scored(address: str, session: str, **what: Any) -> None:
    observe(
        address,
        {"kind": "checkin", "at": ago(0), "session": session, "patient": session.removesuffix("-now"), **what},
    )


@contextmanager
def clinic_of(path: Path, chairs: list[str]) -> Iterator[Started]:
    """A service whose site has these chairs and somebody on call."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "site.toml").write_text(_SITE % str(chairs).replace("'", '"'))
    with started(path / "data", "--config", path / "site.toml") as process:
        yield process


def fill_the_wall(address: str) -> None:
    """Eighteen of twenty chairs taken, and far more alerts than a wall holds."""
    for n in range(1, 19):
        session = seated(address, str(n), f"W-{n}")
        cuff(address, str(n), 205, 124)
        if n % 2:
            scored(address, session, instrument="moaas", score=1)
        if n % 3 == 0:
            scored(address, session, instrument="cadss-6", score=18)


def fill_twelve_chairs(address: str) -> None:
    """Ten of twelve chairs taken on an ordinary day: one high pressure, one fall of oxygen, one who was given oxygen."""
    for n in range(1, 11):
        session = seated(address, str(n), f"T-{n}")
        cuff(address, str(n), 128 + n, 74 + n, 500)
        cuff(address, str(n), 172 if n == 4 else 131 + n, 121 if n == 4 else 76 + n, 60)
        scored(address, session, instrument="moaas", score=5 - n % 2)
        fall = [95.0 - i / 2 for i in range(14)] if n == 7 else []
        saturation(address, str(n), *[97.0, 96.0] * 15, *fall, *[88.0 if n == 7 else 96.0 + i % 2 for i in range(40)])
    observe(address, {"kind": "intervention", "at": ago(0), "patient": "T-9", "session": "T-9-now", "what": "oxygen"})
