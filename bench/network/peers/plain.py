"""The rules that every contender judges by, as a stream processor's own code would have them: limits with hold and hysteresis.

A row is in force once a session's readings of its channel have been past `enter` for its hold, and out of force once they have
been back at `leave` for its leave time; three readings the other way start a hold anew. News is a rule that comes into force, or
does so with a higher priority. A sample that is not newer than the last one is dropped. The rows are those of
`models/tables/limits.py` that one measured channel decides alone.
A state is a list, so that whoever keeps states can write it as JSON.
What Chairside does beside: everything else (docs/network.md says what).
Imported by contenders that run without Chairside: never here, an import of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

STRIKES = 3

State = list[Any]
"""When the last sample was; then by row whether it is in force, since when a hold runs (or None), readings the other way."""
Readings = dict[str, float]
News = list[tuple[str, int]]


class Rules:
    """The rules of these rows: rule, priority, channel, above, strict, enter, leave, hold_s, leave_s."""

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        self.rows = [tuple(row) for row in rows]

    def start(self) -> State:
        """The state of a session that has had nothing."""
        return [0.0, *([False, None, 0] for _ in self.rows)]

    def step(self, state: State, at_s: float, readings: Readings) -> News:
        """Fold a sample in; which rules come into force, with their priorities. Modifies the state."""
        news: News = []
        if at_s <= state[0]:
            return news
        state[0] = at_s
        for n, (rule, priority, channel, above, strict, enter, leave, hold_s, leave_s) in enumerate(self.rows, 1):
            value = readings.get(channel)
            if value is None:
                continue
            mine = state[n]
            if mine[0]:
                towards = value <= leave if above else value >= leave
            elif above:
                towards = value > enter if strict else value >= enter
            else:
                towards = value < enter if strict else value <= enter
            if not towards:
                if mine[1] is not None:
                    mine[2] += 1
                    if mine[2] == STRIKES:
                        mine[1], mine[2] = None, 0
                continue
            if mine[1] is None:
                mine[1] = at_s
            mine[2] = 0
            if at_s - mine[1] >= (leave_s if mine[0] else hold_s) - 1e-6:
                mine[0], mine[1] = not mine[0], None
                if mine[0] and priority > max(
                    (row[1] for k, row in enumerate(self.rows, 1) if row[0] == rule and k != n and state[k][0]),
                    default=-1,
                ):
                    news.append((rule, priority))
        return news


class Given:
    """What a contender is told: a JSON file beside its process."""

    def __init__(self, file: str) -> None:
        said = json.loads(Path(file).read_text("utf-8"))
        self.brokers: str = said["brokers"]
        self.topic: str = said["topic"]
        self.alerts: str = said["alerts"]
        self.form: str = said["form"]
        self.state: str = said["state"]
        self.folder: str = said["folder"]
        self.database: str = said["database"]
        self.prefix: str = said["prefix"]
        self.rules = Rules(said["rows"])


def alert(device: str, at_s: float, rule: str, priority: int) -> dict[str, Any]:
    """An alert as contenders write it."""
    return {"device": device, "at_us": round(at_s * 1e6), "rule": rule, "priority": priority}


def sample_of(said: dict[str, Any]) -> tuple[str, float, Readings]:
    """Device, instant and readings of an observation that was read from JSON."""
    readings: Readings = {name: said[name] for name in ("spo2", "pulse", "rr") if name in said}
    return said["device"], datetime.fromisoformat(said["at"]).timestamp(), readings


def samples_of(frame: bytes) -> Iterator[tuple[str, float, Readings]]:
    """The same of a packed frame (streams/journal/frame.py), sample by sample."""
    import msgpack
    import numpy as np

    _, origins, origin, at_us, names, values, *_ = msgpack.unpackb(frame)
    devices = [msgpack.unpackb(each)[3] for each in origins]
    readings = np.frombuffer(values, "<f4").reshape(-1, len(names)).tolist()
    for place, at, row in zip(
        np.frombuffer(origin, "<u4").tolist(), np.frombuffer(at_us, "<i8").tolist(), readings, strict=True
    ):
        yield devices[place], at / 1e6, dict(zip(names, row, strict=True))
