"""Recorded files for tests: what a replay makes of them, and tables of a few rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.tables.channels import CHANNEL_NAMES
from models.wire.observations import SetAside
from streams.intake.files import recorded_frames
from streams.journal.frame import Frame


def in_order(read: Iterable[Frame]) -> list[Any]:
    """What frames hold, sample by sample and event by event, whatever their boundaries."""
    found: list[Any] = []
    for frame in read:
        events = list(frame.events)
        for n in range(len(frame.at_us)):
            while events and events[0][0] <= n:
                found.append(events.pop(0)[1])
            key = 0 if frame.keys is None else int(frame.keys[n])
            origin = frame.origins[frame.origin[n]]
            found.append((origin, int(frame.at_us[n]), frame.values[n].tobytes(), frame.status[n].tobytes(), key, frame.authors.get(n)))  # fmt: skip
        found += [event for _, event in events]
    return found


def replayed_as(
    folder: Path, *contents: tuple[str, bytes], rename: dict[str, str] | None = None
) -> tuple[list[Any], list[str]]:
    """What files hold, in the order in which a replay has it, and what is remarked of them."""
    remarks: list[str] = []
    paths = []
    for name, content in contents:
        paths.append(folder / name)
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_bytes(content)
    read = in_order(
        recorded_frames(paths, rename or {}, None, lambda path, what: remarks.append(f"{path.name}: {what}"))
    )
    return read, remarks


def table(*lines: str, header: str = "at,spo2,hr", end: str = "\n") -> bytes:
    return end.join([header, *lines, ""]).encode()


def spo2(read: Sequence[Any]) -> list[float]:
    """SpO2 of every sample, in order; NaN where there is none."""
    place = CHANNEL_NAMES.index("spo2")
    return [float(np.frombuffer(each[2])[place]) for each in read if isinstance(each, tuple)]


def asides(read: Sequence[Any]) -> list[tuple[str, str]]:
    return [(each.field, each.reason) for each in read if isinstance(each, SetAside)]
