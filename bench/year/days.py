"""A working week of the invented clinic as frames, and any day of a year made of it: the same readings at other instants.

Five days (five seeds, twelve chairs, three sessions each) are packed as a clinic's gateway brings them, a frame a second. To make
a day costs seconds, to move it milliseconds, so the week is lived again and again: sessions get new names each day, patients
come back weekly for a quarter of a year, then others come. Every second without a frame is a tick, nights and week-ends too.
Bad at: news, after the first week. Never here: the journal, the ward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgpack
import numpy as np

from bench.speed.load import lines_of
from models.instants import DAY, SECOND, to_datetime, to_us
from streams.clinic.clinic import OPENS_US, simulate
from streams.intake.json import read_lines
from streams.journal.frame import FORMAT, Frame, FrameBuilder, decode, pack_frame

WORKING: Final = 5
OPEN_H: Final = 9.0
"""The last of three sessions in a chair is over by then."""
COURSE_WEEKS: Final = 13
"""How long a patient comes, once a week: an induction and its maintenance, rounded."""
WHOLE_DAY: Final = range(86_400)
MADE_US: Final = OPENS_US // DAY * DAY
"""The day on which the week's days are made."""
TICK: Final = FrameBuilder().seal()
_AT_US: Final = 3
"""Where a packed frame has its samples' instants (streams/journal/frame.py)."""


class Busy(NamedTuple):
    """A packed frame, and the same for moving it if it holds an event."""

    payload: bytes
    frame: Frame | None


def working_day(seed: int, sessions: int, hours: float = OPEN_H) -> dict[int, Busy]:
    """A day's frames by their second of the day."""
    made: dict[int, FrameBuilder] = {}
    for arrives_us, text in lines_of(simulate(sessions=sessions, seed=seed, hours=hours)):
        made.setdefault((arrives_us - MADE_US) // SECOND, FrameBuilder()).extend(read_lines([text]).records)
    sealed = {second: builder.seal() for second, builder in made.items()}
    frames = {second: decode(payload) for second, payload in sealed.items()}
    return {
        second: Busy(payload, frames[second] if frames[second].events else None) for second, payload in sealed.items()
    }


def working_week(sessions: int, hours: float = OPEN_H) -> list[dict[int, Busy]]:
    """Monday to Friday."""
    return [working_day(seed, sessions, hours) for seed in range(1, WORKING + 1)]


def day_of(week: Sequence[dict[int, Busy]], day: int, start_us: int, seconds: range) -> Iterator[tuple[int, bytes]]:
    """A day's frames with their stamps: of `seconds` of the day, counted from a Monday that begins at `start_us`."""
    weekday = day % 7
    busy = week[weekday] if weekday < len(week) else {}
    begins_us = start_us + day * DAY
    for second in seconds:
        found = busy.get(second)
        yield begins_us + second * SECOND, TICK if found is None else moved(found, begins_us - MADE_US, day)


def moved(busy: Busy, shift_us: int, day: int) -> bytes:
    """A frame of a made day as one of another: other instants, another session, the patient of that quarter."""
    if busy.frame is not None:
        events = tuple((place, _event_moved(record, shift_us, day)) for place, record in busy.frame.events)
        at_us = (busy.frame.at_us + shift_us).astype(np.int64)
        return pack_frame(
            Frame(**{name: getattr(busy.frame, name) for name in Frame.__struct_fields__} | {"at_us": at_us, "events": events})
        )  # fmt: skip
    parts = msgpack.unpackb(busy.payload)
    if parts[0] != FORMAT:
        raise ValueError(f"a frame of format {parts[0]}, and here only {FORMAT} can be moved")
    parts[_AT_US] = (np.frombuffer(parts[_AT_US], "<i8") + shift_us).tobytes()
    packed: bytes = msgpack.packb(parts)
    return packed


def _event_moved(record: Any, shift_us: int, day: int) -> Any:
    change: dict[str, Any] = {}
    for name in ("at", "prompted_at", "received_at"):
        if getattr(record, name, None) is not None:
            change[name] = to_datetime(to_us(getattr(record, name)) + shift_us)
    if getattr(record, "session", None) is not None:
        change["session"] = f"{record.session}-{day}"
    if getattr(record, "patient", None) is not None:
        change["patient"] = f"{record.patient}-{day % 7}-{day // 7 // COURSE_WEEKS}"
    return record.model_copy(update=change)
