"""The load that all contenders get: devices, what each shows in each second, and the alerts that the rules make of it by hand.

As single JSON observations, and as the same samples in packed frames. One session in `EVENTS` has something happen to it: a fall
of oxygen, a racing heart, slow breathing. Never here: a contender, a broker.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import numpy as np

from bench.network.peers.plain import Rules
from bench.network.sender import row, template
from models.instants import SECOND, to_us
from models.tables.limits import LIMITS
from streams.journal.frame import Origin, pack_frame

SITE: Final = "peers"
LASTS_S: Final = 150
EVENTS: Final = 50
"""One session in so many has something happen to it."""
WARM: Final = "warm"
MARK: Final = "mark"
"""Devices whose only alerts say that the warm-up, and the load, have been worked through."""

Alert = tuple[str, str, int, int]
"""Device, rule, priority, and the instant, in microseconds since the load's beginning."""


def rows() -> list[tuple[Any, ...]]:
    """The rows of the limits' table that one measured channel decides alone, of the channels that the load has."""
    channels = {"spo2": "spo2", "rate": "pulse", "rr": "rr", "rr-alone": "rr"}
    return [
        (
            limit.rule, int(limit.priority), channels[limit.channel], limit.above, limit.past in "<>",
            limit.enter, limit.leave, max(limit.hold_s, limit.pleth_s), limit.leave_s,
        )
        for limit in LIMITS
        if limit.held and limit.channel in channels and (limit.rule, limit.channel) != ("bradypnoea", "rr")
    ]  # fmt: skip


def readings_at(number: int, second: int) -> dict[str, float]:
    """What the session's monitor shows."""
    odd = second % 2
    said = {"spo2": 97.0 - odd, "pulse": 70.0 + odd, "rr": 14.0 + odd}
    if number % EVENTS:
        return said
    kind, since = (number // EVENTS) % 3, second - 20 - (number // EVENTS) % 10
    if since < 0:
        return said
    if kind == 0:  # a fall of oxygen in two steps, which raises and then worsens
        low = 87.0 if since < 40 else 83.0
        return said | {"spo2": max(96.0 - since, low + odd)} if since < 80 else said
    if kind == 1:  # a racing heart
        return said | {"pulse": min(70.0 + 4 * since, 150.0 + odd)} if since < 100 else said
    # Slow breathing, past both of its limits at once: where its company counts (company.py) is no business of plain limits.
    return said | {"rr": 9.0 if since == 0 else 4.0 + odd} if since < 60 else said


def marked(second: int, begins: int) -> dict[str, float]:
    """A session whose oxygen falls so that it is raised, as high, `LOW_HOLD_S` later."""
    return {"spo2": 97.0 - second % 2 if second < begins else max(97.0 - (second - begins), 80.0 + second % 2)}


@dataclass
class Stream:
    """A load: devices, what each shows in each second, and what the rules make of it."""

    devices: int
    due: set[Alert] = field(default_factory=set)

    def names(self) -> list[str]:
        return [f"m{number}" for number in range(self.devices)] + [MARK]

    def readings(self, second: int) -> list[dict[str, float]]:
        """Of every device, the one that marks the end last."""
        return [readings_at(number, second) for number in range(self.devices)] + [self.mark(second)]

    def mark(self, second: int) -> dict[str, float]:
        return {"pulse": 70.0 + second % 2, "rr": 14.0 + second % 2} | marked(second, LASTS_S - 31)

    def warm_up(self, second: int) -> dict[str, float]:
        return {"pulse": 70.0 + second % 2, "rr": 14.0 + second % 2} | marked(second, 5)


def judged(stream: Stream, rules: Rules) -> set[Alert]:
    """The alerts that the rules come to, by hand."""
    names, states, due = stream.names(), [rules.start() for _ in range(stream.devices + 1)], set()
    for second in range(LASTS_S):
        for name, state, readings in zip(names, states, stream.readings(second), strict=True):
            for rule, priority in rules.step(state, second + 1.0, readings):
                due.add((name, rule, priority, second * SECOND))
    return due


def as_lines(stream: Stream, begin: datetime) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Single JSON observations with their keys: the warm-up's, and the load's."""

    def line(device: str, at: datetime, readings: Mapping[str, float]) -> tuple[bytes, bytes]:
        record = {"kind": "vitals", "at": at.isoformat(), "site": SITE, "device": device, **readings}
        return device.encode(), json.dumps(record).encode()

    warm = [
        line(name, begin - timedelta(seconds=60), readings)
        for name, readings in zip(stream.names(), stream.readings(0), strict=True)
    ] + [line(WARM, begin - timedelta(seconds=59 - s), stream.warm_up(s)) for s in range(40)]
    load = [
        line(name, begin + timedelta(seconds=second), readings)
        for second in range(LASTS_S)
        for name, readings in zip(stream.names(), stream.readings(second), strict=True)
    ]
    return warm, load


def as_frames(
    stream: Stream, begin: datetime, size: int
) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """The same as packed frames of `size`; a key for each block of devices that share frames."""
    names = stream.names()
    blocks = [(at, template([_origin(name) for name in names[at : at + size]])) for at in range(0, len(names), size)]

    def second_of(second: int, at: datetime) -> Iterator[tuple[bytes, bytes]]:
        values = np.repeat(row(readings_at(1, second))[None, :], len(names), axis=0)
        for number in range(0, stream.devices, EVENTS):
            values[number] = row(readings_at(number, second))
        values[-1] = row(stream.mark(second))
        for first, block in blocks:
            part = values[first : first + size]
            at_us = np.full(len(part), to_us(at), np.int64)
            yield (
                f"block{first}".encode(),
                pack_frame(msgspec.structs.replace(block, at_us=at_us, values=part)),
            )

    warm = list(second_of(0, begin - timedelta(seconds=60)))
    alone = template([_origin(WARM)])
    for second in range(40):
        at_us = np.full(1, to_us(begin - timedelta(seconds=59 - second)), np.int64)
        said = msgspec.structs.replace(alone, at_us=at_us, values=row(stream.warm_up(second))[None, :])
        warm.append((WARM.encode(), pack_frame(said)))
    load = [each for second in range(LASTS_S) for each in second_of(second, begin + timedelta(seconds=second))]
    return warm, load


def _origin(name: str) -> Origin:
    return Origin(SITE, None, None, name, None)
