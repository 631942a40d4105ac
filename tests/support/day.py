"""A day for the ward: what a shard makes of it, and its checkpoint after it, as bytes.

`python -m tests.support.day DAY CLOCK` prints them, so that a process whose compiler is off can be held against one whose is on.
One day is a clinic's. The other is noise: whatever can be sent, in any order, late, twice, in steps and out of range.
Never here: an assertion.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Final, cast

import numpy as np

from alerts.effects import encode
from models.instants import SECOND
from models.tables.channels import CHANNELS, STATUSES
from models.wire.observations import OBSERVATION, Event, SessionEnded, SessionStarted, SetAside, SiteConfigured, Vitals
from streams.clinic.clinic import simulate
from streams.intake.json import read_lines
from streams.shard import Shard
from streams.ward.state import Clock
from tests.support.scenes import START_US, moment, pack

Record = Vitals | Event | SetAside
Arrival = tuple[int, list[Record]]
"""When a frame is received, and what is in it."""

FRAME: Final = 100
NOISE_S: Final = 1500
DEVICES: Final = 3
WAITS_S: Final = (0.5, 1, 1, 1, 1, 1, 1, 2, 5, 31, 200)
NONSENSE: Final = (0.0, 1.0, 127.0, 255.0, 511.0, -5.0, 1e300)


def clinic() -> Iterator[Arrival]:
    """Four treatments on a bad day."""
    arrivals = list(simulate(sessions=4, seed=5, hours=5, adverse=20).arrivals())
    for start in range(0, len(arrivals), FRAME):
        some = arrivals[start : start + FRAME]
        lines = [json.dumps(line).encode() for _, line in some]
        yield some[-1][0], list(read_lines(lines).records)


def noise() -> Iterator[Arrival]:
    """Three devices that send anything, between entries that change who they are and what they are held against."""
    chance = np.random.default_rng(11)
    levels = {channel.name: (channel.lowest + channel.highest) / 2 for channel in CHANNELS}
    now_s = [0.0] * DEVICES
    for n in range(NOISE_S):
        records: list[Record] = []
        for device in range(DEVICES):
            now_s[device] += float(chance.choice(WAITS_S))
            late_s = float(chance.choice([0, 0, 0, 0, 3, 700, -90]))
            fields: dict[str, Any] = {"kind": "vitals", "at": moment(now_s[device] - late_s), "device": f"m-{device}"}
            if chance.random() < 0.2:
                fields["id"] = f"{device}-{n - int(chance.integers(0, 3))}"
            for channel in CHANNELS:
                match int(chance.choice(5, p=[0.56, 0.3, 0.06, 0.04, 0.04])):
                    case 0:
                        fields[channel.name] = round(levels[channel.name] + float(chance.normal(0, 2)), 1)
                    case 2:
                        levels[channel.name] = float(chance.uniform(channel.lowest, channel.highest))
                    case 3:
                        fields[channel.name] = float(chance.choice(NONSENSE))
                    case 4:
                        fields.setdefault("status", {})[channel.name] = str(chance.choice(STATUSES[1:]))
            records.append(OBSERVATION.validate_python(fields))
        if n % 150 == 40:
            name = f"S-{n // 150}"
            records.append(
                SessionStarted(at=moment(max(now_s)), session=name, patient="P-1", chair="1", device="m-1", drug="ketamine", route="iv")
            )  # fmt: skip
        if n % 150 == 120:
            records.append(SessionEnded(at=moment(max(now_s)), session=f"S-{n // 150}", patient="P-1"))
        if n % 400 == 200:
            limits = {"desaturation": {"medium": {"spo2": {"enter": 80 + n // 200, "leave": 90}}}}
            records.append(SiteConfigured.model_validate({"at": moment(max(now_s)), "limits": limits, "policies": {}}))
        yield START_US + round(max(now_s) * SECOND), records


DAYS: Final = {"clinic": clinic, "noise": noise}


def folded(day: str, clock: Clock) -> bytes:
    """The effects of a day, a line each, and the checkpoint after it."""
    shard = Shard(0, clock)
    lines: list[bytes] = []
    for offset, (received_us, records) in enumerate(DAYS[day]()):
        lines += [encode(effect).encode() for effect in shard.step(offset, received_us, pack(records)).effects]
    return b"\n".join([*lines, shard.snapshot()])


if __name__ == "__main__":
    sys.stdout.buffer.write(folded(sys.argv[1], cast(Clock, sys.argv[2])))
