"""Blocks of lines of several files, put together by time.

A block is some lines of one file, read, with the instant at which each became known. `as_they_stand` lets no line become known
before one that stands above it; `in_time` takes such blocks of each file in their order and gives frames in which the lines of
all of them are in order of time, those of the earlier file first where times are equal. It works on arrays: a line's place
costs a sort's share, not a step of a heap.
Cost: 0.1 µs a line; memory for a block of each file. Never here: files, what a line means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from models.arrays import Ints
from models.instants import NEVER, to_us
from models.wire.observations import Event, Internal, SetAside
from streams.journal.frame import Frame, Origin, Packable, Sample, frame_of

LINES_AT_ONCE: Final = 4000
"""Lines of a frame at most: what the ward looks up once a frame is spread over many, and a bar still moves. Chosen by us."""


class Block(msgspec.Struct, frozen=True):
    """Lines of one file.

    known_us: (n,) when each became known, by what it says; NEVER: it could not be read. arrival: some line says when it arrived.
    """

    frame: Frame
    known_us: Ints
    arrival: bool = False


def block_of(records: Sequence[Packable], arrival: bool = False) -> Block:
    """Records of one file."""
    return Block(frame_of(records), np.array([known_at(record) for record in records], np.int64), arrival)


def known_at(record: Packable) -> int:
    """When a record became known, by what it says; NEVER: it is a line that could not be read, and has no time of its own."""
    if isinstance(record, Sample):
        return record.at_us if record.received_us is None else record.received_us
    return NEVER if isinstance(record, SetAside) else to_us(record.received_at or record.at)


def as_they_stand(blocks: Iterable[Block]) -> Iterator[Block]:
    """A file's lines, none of which becomes known before one that stands above it. Blocks without lines are left out."""
    last_us = NEVER
    for block in blocks:
        if len(block.known_us):
            known_us = np.maximum.accumulate(np.maximum(block.known_us, last_us))
            last_us = int(known_us[-1])
            yield Block(block.frame, known_us)


def in_time(files: Sequence[Iterator[Block]]) -> Iterator[Frame]:
    """The lines of all files by time, as frames."""
    waiting = {order: block for order, file in enumerate(files) if (block := next(file, None)) is not None}
    while waiting:
        # Of the file whose block ends first, no line can still come that belongs before that end, nor of any other.
        end_us, ending = min((int(block.known_us[-1]), order) for order, block in waiting.items())
        parts = []
        for order, block in sorted(waiting.items()):
            upto = int(np.searchsorted(block.known_us, end_us, "right" if order <= ending else "left"))
            if upto:
                parts.append(_cut(block, 0, upto))
            rest = _cut(block, upto, len(block.known_us)) if upto < len(block.known_us) else next(files[order], None)
            if rest is None:
                del waiting[order]
            else:
                waiting[order] = rest
        yield from _together(parts)


def _cut(block: Block, start: int, stop: int) -> Block:
    """Lines [start, stop) of a block."""
    if (start, stop) == (0, len(block.known_us)):
        return block
    frame = block.frame
    # An event's place among all lines is its position among the samples, and the events before it.
    events = [
        (position, event) for before, (position, event) in enumerate(frame.events) if start <= position + before < stop
    ]
    earlier = sum(position + before < start for before, (position, _) in enumerate(frame.events))
    first, last = start - earlier, stop - earlier - len(events)
    return Block(
        Frame(
            origins=frame.origins,
            origin=frame.origin[first:last],
            at_us=frame.at_us[first:last],
            values=frame.values[first:last],
            status=frame.status[first:last],
            keys=None if frame.keys is None else frame.keys[first:last],
            authors={row - first: author for row, author in frame.authors.items() if first <= row < last},
            events=tuple((position - first, event) for position, event in events),
        ),
        block.known_us[start:stop],
    )


def _together(parts: Sequence[Block]) -> Iterator[Frame]:
    """The lines of the parts by time, in frames of at most `LINES_AT_ONCE`."""
    if len(parts) == 1 and len(parts[0].known_us) <= LINES_AT_ONCE:
        yield parts[0].frame
        return
    origins: list[Origin] = []
    events: list[Event | Internal] = []
    authors: dict[int, tuple[str, str | None]] = {}
    lines, origin, samples = [], [], 0
    for part in parts:
        frame = part.frame
        # What each line is: a sample by its number among all samples, an event by its number, counted down from -1.
        here = np.arange(samples, samples + len(frame.at_us))
        if frame.events:
            numbers = -1 - np.arange(len(events), len(events) + len(frame.events))
            here = np.insert(here, [position for position, _ in frame.events], numbers)
            events += [event for _, event in frame.events]
        lines.append(here)
        origin.append(frame.origin + len(origins))
        origins += frame.origins
        authors.update({row + samples: author for row, author in frame.authors.items()})
        samples += len(frame.at_us)
    frames = [part.frame for part in parts]
    keyed = any(frame.keys is not None for frame in frames)
    keys = [np.zeros(len(frame.at_us), np.uint64) if frame.keys is None else frame.keys for frame in frames]
    every = Frame(
        origins=tuple(origins),
        origin=np.concatenate(origin),
        at_us=np.concatenate([frame.at_us for frame in frames]),
        values=np.concatenate([frame.values for frame in frames]),
        status=np.concatenate([frame.status for frame in frames]),
        keys=np.concatenate(keys) if keyed else None,
        authors=authors,
        events=(),
    )
    order = np.argsort(np.concatenate([part.known_us for part in parts]), kind="stable")
    lines_in_time = np.concatenate(lines)[order]
    for start in range(0, len(order), LINES_AT_ONCE):
        yield picked(every, events, lines_in_time[start : start + LINES_AT_ONCE])


def picked(every: Frame, events: Sequence[Event | Internal], lines: Ints) -> Frame:
    """The frame of these lines: the number of a sample among all, or of an event, counted down from -1."""
    is_sample = lines >= 0
    samples, positions = lines[is_sample], np.cumsum(is_sample)
    used, origin = np.unique(every.origin[samples], return_inverse=True)
    authors = {}
    if every.authors:
        authors = {row: every.authors[sample] for row, sample in enumerate(samples.tolist()) if sample in every.authors}
    return Frame(
        origins=tuple(every.origins[place] for place in used.tolist()),
        origin=origin.astype(np.int64),
        at_us=every.at_us[samples],
        values=every.values[samples],
        status=every.status[samples],
        keys=None if every.keys is None else every.keys[samples],
        authors=authors,
        events=tuple((int(positions[place]), events[-1 - lines[place]]) for place in np.flatnonzero(~is_sample)),
    )
