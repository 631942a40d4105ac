"""The ward alone: samples a second by frame size with all detectors on, and the bare decode of the same frames as the floor.

One run: for every frame decode and ward are timed one after the other, in one pass over the stream, and decode, ward and
desk together in another; the passes alternate, and all begin from the same state, an hour into a full house. Frames of
one sample and of a thousand hold the same stream. An entry (check-in, dose) is worked through on its own, so the same
vitals without the entries between them are timed as well.
Processor time is of this thread, so that what others do on the machine hardly counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from time import perf_counter_ns, thread_time_ns
from typing import Final

from bench.figures import Figure
from bench.speed.load import Line, Stamped, frames, full_house, lines_of
from models.instants import MINUTE
from streams.clinic.clinic import OPENS_US
from streams.journal.frame import decode
from streams.shard import Shard
from streams.ward.rows import IDLE

SESSIONS: Final = 500
HISTORY_MIN: Final = 65.0
ARRIVE_MIN: Final = 60.0
"""Arrivals over an hour: check-ins and cuffs then come evenly, as they do where not everyone is dosed at once."""
SIZES: Final = {1: 5_000, 10: 30_000, 100: 100_000, 1000: 200_000}
"""Frame size → observations a pass: each takes some tenths of a second."""
REPETITIONS: Final = 7
AIMS: Final = {100: "≥ 300,000", 1000: "≥ 1,000,000"}


@dataclass(slots=True)
class Passes:
    """Samples a second of processor time in each pass, and by the wall; `samples` a pass."""

    samples: int
    decode: list[float] = field(default_factory=list)
    ward: list[float] = field(default_factory=list)
    shard: list[float] = field(default_factory=list)
    ward_wall: list[float] = field(default_factory=list)
    over_decode: list[float] = field(default_factory=list)


def prepare(
    sessions: int = SESSIONS, history_min: float = HISTORY_MIN, further: int = 0, arrive_min: float = ARRIVE_MIN
) -> tuple[Shard, list[Line]]:
    """A shard that has had `history_min` of a full house, and the `further` lines that come next."""
    shard = Shard()
    per_second = max(sessions, 1)
    lines = lines_of(full_house(sessions, history_min + 1 + further / per_second / 60, arrive_min))
    until_us = OPENS_US + round(history_min * MINUTE)
    after: list[Line] = []

    def history() -> Iterator[Line]:
        for line in lines:
            if line.arrives_us >= until_us:
                after.append(line)
                return
            yield line

    for stamped in frames(history(), 1000):
        shard.step(shard.next_offset, stamped.received_us, stamped.payload)
    after.extend(islice(lines, further))
    return shard, after[:further]


def measure(state: bytes, stream: Sequence[Stamped], repetitions: int) -> Passes:
    """Alternate passes over the stream, each from `state`."""
    passes = Passes(sum(stamped.samples for stamped in stream))
    for _ in range(repetitions):
        decode_ns, ward_ns, wall_ns = _ward_pass(state, stream)
        shard_ns = _shard_pass(state, stream)
        passes.decode.append(passes.samples / decode_ns * 1e9)
        passes.ward.append(passes.samples / ward_ns * 1e9)
        passes.shard.append(passes.samples / shard_ns * 1e9)
        passes.ward_wall.append(passes.samples / wall_ns * 1e9)
        passes.over_decode.append(ward_ns / decode_ns)
    return passes


def _ward_pass(state: bytes, stream: Sequence[Stamped]) -> tuple[int, int, int]:
    """Nanoseconds of processor time in decode and in the ward, and by the wall in the ward."""
    ward = Shard.restore(state).ward
    clock, wall = thread_time_ns, perf_counter_ns
    decode_ns = ward_ns = wall_ns = 0
    for received_us, payload, _ in stream:
        t0 = clock()
        frame = decode(payload)
        t1 = clock()
        w1 = wall()
        ward.step(frame, received_us)
        w2 = wall()
        t2 = clock()
        decode_ns += t1 - t0
        ward_ns += t2 - t1
        wall_ns += w2 - w1
    return decode_ns, ward_ns, wall_ns


def _shard_pass(state: bytes, stream: Sequence[Stamped]) -> int:
    shard = Shard.restore(state)
    t0 = thread_time_ns()
    for received_us, payload, _ in stream:
        shard.step(shard.next_offset, received_us, payload)
    return thread_time_ns() - t0


def is_vitals(line: Line) -> bool:
    """A sample, not an entry: what people write down splits a frame and costs some 0.1 ms each."""
    return line.text.startswith(b'{"kind":"vitals"')


def steady(lines: Iterable[Line]) -> Iterator[Line]:
    """The samples that come in time and once: one a session a second, as on a day when the network holds."""
    seen: set[bytes] = set()
    for line in lines:
        if is_vitals(line) and b'"received_at"' not in line.text and line.text not in seen:
            seen.add(line.text)
            yield line


def warm_share(state: bytes, stream: Sequence[Stamped]) -> float:
    """The share of open sessions with a limit in force or a hold running, over the stream."""
    shard = Shard.restore(state)
    shares = []
    for received_us, payload, _ in stream:
        shard.step(shard.next_offset, received_us, payload)
        rows = shard.ward.rows
        warm = rows.on[: rows.count] | (rows.strikes[: rows.count] < IDLE)
        shares.append(float(warm.any(axis=1).mean()))
    return sum(shares) / len(shares)


def figures(
    shard: Shard, after: Sequence[Line], sizes: dict[int, int] = SIZES, repetitions: int = REPETITIONS,
    say: Callable[[str], None] = print,
) -> list[Figure]:  # fmt: skip
    """Every frame size on the same stream."""
    state = shard.snapshot()
    found: list[Figure] = []
    in_time = list(steady(after))
    for size, observations in sizes.items():
        lines = after[:observations]
        passes = measure(state, list(frames(lines, size)), repetitions)
        vitals = measure(state, list(frames(filter(is_vitals, lines), size)), repetitions)
        steadily = list(frames(in_time[:observations], size))
        of = f"frames of {size:,}"
        found += [
            Figure("decode", of, passes.decode, "samples/s/core"),
            Figure("ward", of, passes.ward, "samples/s/core", AIMS.get(size, "")),
            Figure("ward, by the wall", of, passes.ward_wall, "samples/s"),
            Figure("ward : decode", of, passes.over_decode, "times"),
            Figure("ward, entries left out", of, vitals.ward, "samples/s/core"),
            Figure(
                "ward, steady", of, measure(state, steadily, repetitions).ward, "samples/s/core", AIMS.get(size, "")
            ),
            Figure("decode, ward and desk", of, passes.shard, "samples/s/core"),
        ]
        say(f"{of}: ward {median(passes.ward):,.0f} samples/s/core")
    stream = list(frames(after[: max(sizes.values())], 500))
    found.append(
        Figure("stream", "sessions with a limit in force or a hold running", [100 * warm_share(state, stream)], "%")
    )
    return found
