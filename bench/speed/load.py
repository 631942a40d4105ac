"""Load for the benchmarks: a full house of the invented clinic, as lines and as frames.

Every session is announced, has a chair and a device of its own and sends a sample a second, at its own point of the second,
so that samples of all sessions are interleaved as they would be. Signals, gaps, late batches, repeated lines, loose probes,
cuffs, doses and check-ins are `streams/clinic/clinic.py`'s; events come at `ADVERSE` times their published rates, which keeps
2-4 % of the samples at or past a limit.
Never here: a measurement.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from models.instants import MINUTE
from models.wire.observations import Vitals
from streams.clinic.clinic import OPENS_US, Clinic
from streams.clinic.plan import Booking
from streams.intake.json import read_lines
from streams.journal.frame import FrameBuilder

SEED: Final = 1
ADVERSE: Final = 15.0
"""Chosen so that 2-4 % of samples are at or past a limit: a bad day, not an impossible one."""
DOSE_S: Final = 240
"""Treated soon after they arrive, so that an hour of data has doses, check-ins and events of nearly all of them."""


class Line(NamedTuple):
    """An observation as it comes to an edge, and when."""

    arrives_us: int
    text: bytes


class Stamped(NamedTuple):
    """A frame as the journal has it. `samples` are the vitals in it."""

    received_us: int
    payload: bytes
    samples: int


def full_house(sessions: int, minutes: float, arrive_min: float = 2, seed: int = SEED) -> Clinic:
    """So many sessions that arrive evenly over `arrive_min` and stay for two hours, watched for so long."""
    apart_us = arrive_min * MINUTE / max(sessions, 1)
    bookings = tuple(
        Booking(n, OPENS_US + round(n * apart_us), chair=str(n + 1), dose_s=DOSE_S, adverse=ADVERSE)
        for n in range(sessions)
    )
    return Clinic(seed, bookings, OPENS_US + round(minutes * MINUTE))


def lines_of(clinic: Clinic) -> Iterator[Line]:
    """The clinic's observations as JSON, in order of arrival."""
    for arrives_us, observation in clinic.arrivals():
        yield Line(arrives_us, json.dumps(observation, separators=(",", ":"), ensure_ascii=False).encode())


def frames(lines: Iterable[Line], size: int) -> Iterator[Stamped]:
    """The lines as frames of `size` observations, the last one perhaps smaller, each stamped with its last line's arrival."""
    coming = iter(lines)
    builder = FrameBuilder()
    while some := list(islice(coming, size)):
        records = read_lines([text for _, text in some]).records
        for record in records:
            builder.add(record)
        yield Stamped(some[-1].arrives_us, builder.seal(), sum(isinstance(record, Vitals) for record in records))


def bodies(lines: Iterable[Line], size: int, senders: int) -> list[list[bytes]]:
    """Per sender, NDJSON bodies of `size` lines. A device always has the same sender, as behind a gateway of its own.

    What an announced session needs goes before its device's first sample, so it has the same sender too: a chair is a device.
    """
    waiting: list[list[bytes]] = [[] for _ in range(senders)]
    made: list[list[bytes]] = [[] for _ in range(senders)]
    of_subject: dict[str, int] = {}
    for line in lines:
        observation = json.loads(line.text)
        known = [observation.get(name) for name in ("device", "session", "patient")]
        sender = next((of_subject[name] for name in known if name in of_subject), len(of_subject) % senders)
        of_subject.update((name, sender) for name in known if name is not None)
        waiting[sender].append(line.text)
        if len(waiting[sender]) == size:
            made[sender].append(b"\n".join(waiting[sender]))
            waiting[sender] = []
    return made
