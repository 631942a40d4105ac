"""A frame in parts of one record each, and the part that stands for a record that could not be folded in.

Frame boundaries carry no information, so the parts of a frame, one after the other, mean what the frame means. That is how a
shard finds the record that raises, and does without it.
Cost: some 20 µs a record; only where something has raised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isnan
from typing import Any

import numpy as np
from msgspec.structs import replace

from models.instants import EPOCH, iso
from models.tables.channels import CHANNEL_NAMES, STATUSES
from models.wire.observations import Fault
from streams.journal.frame import Frame


def one_by_one(frame: Frame) -> Iterator[Frame]:
    """The records of a frame, in order, each as a frame of its own; an empty frame is a part too."""
    if not len(frame):
        yield frame
    done = 0
    for position, record in frame.events:
        yield from (_sample(frame, n) for n in range(done, position))
        yield replace(_nothing(frame), events=((0, record),))
        done = position
    yield from (_sample(frame, n) for n in range(done, len(frame.at_us)))


def _sample(frame: Frame, n: int) -> Frame:
    part = slice(n, n + 1)
    return replace(
        frame, origins=(frame.origins[int(frame.origin[n])],), origin=np.zeros(1, np.int64), at_us=frame.at_us[part],
        values=frame.values[part], status=frame.status[part], keys=None if frame.keys is None else frame.keys[part],
        authors={0: frame.authors[n]} if n in frame.authors else {}, events=(), unknown=0,
    )  # fmt: skip


def _nothing(frame: Frame) -> Frame:
    none = slice(0, 0)
    return replace(
        frame, origins=(), origin=frame.origin[none], at_us=frame.at_us[none], values=frame.values[none],
        status=frame.status[none], keys=None, authors={}, events=(), unknown=0,
    )  # fmt: skip


def in_its_place(part: Frame, raised: str) -> Frame | None:
    """What is folded in instead of a part that raises: the record as set aside, with why. None: there is no record in it.

    Args:
        part: of `one_by_one`. raised: the exception in a line.
    """
    if part.events:
        ((_, record),) = part.events
        if isinstance(record, Fault):
            return None
        what = f"An entry ({record.kind}) could not be processed and is set aside"
        device = getattr(record, "device", None)
        line = record.model_dump_json(exclude_none=True)
        about = {"site": record.site, "patient": record.patient, "session": record.session, "device": device}
    elif len(part.at_us):
        what = "A line of vitals could not be processed and is set aside"
        origin = part.origins[0]
        about = {"site": origin.site, "patient": origin.patient, "session": origin.session, "device": origin.device}
        line = _line(part)
    else:
        return None
    fault = Fault.model_validate({"at": EPOCH, **about, "what": what, "raised": raised, "line": line})
    return replace(_nothing(part), events=((0, fault),))


def _line(part: Frame) -> str:
    """A sample as it might have been sent."""
    by, sent_id = part.authors.get(0, (None, None))
    said: dict[str, Any] = {
        "kind": "vitals", "at": iso(int(part.at_us[0])), "id": sent_id, "by": by, **part.origins[0]._asdict(),
        **{name: value for name, value in zip(CHANNEL_NAMES, part.values[0].tolist(), strict=True) if not isnan(value)},
        "status": {name: STATUSES[code] for name, code in zip(CHANNEL_NAMES, part.status[0].tolist(), strict=True) if code},
    }  # fmt: skip
    kept = {name: value for name, value in said.items() if value not in (None, {})}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
