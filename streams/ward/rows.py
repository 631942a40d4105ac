"""The ward's state as a struct of arrays: one row per open session, one array per fact.

Arrays double when they are full and rows of ended sessions are used again. `packed` gives versioned bytes in which every
column goes by its name (a channel's, a limit's), so that a version with more channels or limits reads what an older one wrote.
Cost: about 1.5 kB of memory a session, under 500 B in a checkpoint. Never here: what any of it means.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.instants import FAR, NEVER
from models.tables.channels import CHANNEL_NAMES, CHANNELS
from models.tables.limits import KEYS, LIMITS
from streams.ward.signal import steps
from streams.ward.signal.steps import Steps

CONTINUOUS: Final = np.array([channel.continuous for channel in CHANNELS])

IDLE: Final = 3
"""Strikes at which a running hold is given up; a hold with this many is not running."""


class Kind(NamedTuple):
    """An array's columns by name (None: one value a row), element type and resting value."""

    columns: tuple[str, ...] | None
    dtype: str
    rest: float


_BEATS: Final = ("hr", "pulse")
_LIMIT_NAMES: Final = tuple(".".join(key) for key in KEYS)

# fmt: off
KINDS: Final = {
    "value":      Kind(CHANNEL_NAMES, "f8", np.nan),        # last trusted reading
    "at":         Kind(CHANNEL_NAMES, "i8", NEVER),         # newest sample's instant, trusted or not
    "trusted_at": Kind(CHANNEL_NAMES, "i8", NEVER),         # newest trusted sample's instant
    "heard":      Kind(CHANNEL_NAMES, "i8", NEVER),           # the shard's clock at the newest trusted sample
    "quality":    Kind(CHANNEL_NAMES, "u1", 0),               # of the newest sample
    "stale":      Kind(CHANNEL_NAMES, "?", 0),                # found absent, not heard since
    "held":       Kind(_LIMIT_NAMES, "i8", 0),        # µs, or further readings, held so far
    "since":      Kind(_LIMIT_NAMES, "i8", 0),        # when the running hold began
    "strikes":    Kind(_LIMIT_NAMES, "u1", IDLE),     # samples the other way since the last one towards
    "on":         Kind(_LIMIT_NAMES, "?", 0),         # in force
    "near":       Kind(CHANNEL_NAMES, "f8", np.nan),          # newest reading in range, believed or not
    "near_at":    Kind(CHANNEL_NAMES, "i8", NEVER),
    "same_since": Kind(CHANNEL_NAMES, "i8", NEVER),           # since when a continuous channel has shown the same
    "blank":      Kind(CHANNEL_NAMES, "i8", NEVER),           # newest line of the channel's device that lacked it
    "beat":       Kind(_BEATS, "f8", np.nan),         # the two rates, averaged (streams/ward/signal/agreement.py)
    "beat_at":    Kind(_BEATS, "i8", NEVER),
    "apart_since": Kind(None, "i8", NEVER),           # since when the two disagree
    "apart":      Kind(None, "?", 0),                 # and for so long that it is said
    "stepping":   Kind(None, "?", 0),                 # some channel's step is doubted (streams/ward/signal/steps.py)
    "marked_at":  Kind(None, "i8", NEVER),            # when `marked` was noted, and `earlier` a minute or more before it
    "earlier_at": Kind(None, "i8", NEVER),
    "marked":     Kind(CHANNEL_NAMES, "f8", np.nan),          # the trusted readings then: what a trend is told from
    "earlier":    Kind(CHANNEL_NAMES, "f8", np.nan),
    "usual":      Kind(CHANNEL_NAMES, "f8", np.nan),          # mean of the first marks, before the dose: the session's own baseline
    "marks":      Kind(None, "u1", 0),
    "frozen":     Kind(None, "?", 0),
    "warm":       Kind(None, "?", 0),                 # any hold running or limit in force
    "due":        Kind(None, "i8", FAR),              # never later than the next absence
    "start_due":  Kind(None, "i8", FAR),              # when the monitor should have started
    "cuff_due":   Kind(None, "i8", FAR),              # when the next cuff is overdue
    "timer_due":  Kind(None, "i8", FAR),              # the next of a session's timers
    "recheck_due": Kind(None, "i8", FAR),             # when a doubtful crisis has waited long enough
    "lost_due":   Kind(None, "i8", FAR),              # when silence pages
    "idle_due":   Kind(None, "i8", FAR),              # when an implicit session is given up
    "limit_set":  Kind(None, "i4", 0),
    "row_at":     Kind(None, "i8", NEVER),            # newest sample of any channel
    "watched":    Kind(None, "i8", 0),                # µs with data
    "peak_sbp":   Kind(None, "f8", -np.inf),          # highest good cuffs that nobody doubts, and the lowest trusted saturation
    "peak_dbp":   Kind(None, "f8", -np.inf),
    "lowest_spo2": Kind(None, "f8", np.inf),
    "skewed":     Kind(None, "?", 0),
    "keys":       Kind(tuple(f"key{n}" for n in range(8)), "u8", 0),  # the last idempotency keys of samples
    "open":       Kind(None, "?", 0),
}
# fmt: on

RECKONED: Final = {"limit_set"}
"""Not kept in a checkpoint: the numbers of the tables in force depend on which others have been."""


class Rows:
    """The arrays, as attributes; shape (capacity,) or (capacity, columns). `count` rows have been used."""

    value: NDArray[np.float64]
    at: NDArray[np.int64]
    trusted_at: NDArray[np.int64]
    heard: NDArray[np.int64]
    quality: NDArray[np.uint8]
    stale: NDArray[np.bool_]
    held: NDArray[np.int64]
    since: NDArray[np.int64]
    strikes: NDArray[np.uint8]
    on: NDArray[np.bool_]
    near: NDArray[np.float64]
    near_at: NDArray[np.int64]
    same_since: NDArray[np.int64]
    blank: NDArray[np.int64]
    beat: NDArray[np.float64]
    beat_at: NDArray[np.int64]
    apart_since: NDArray[np.int64]
    apart: NDArray[np.bool_]
    stepping: NDArray[np.bool_]
    marked_at: NDArray[np.int64]
    earlier_at: NDArray[np.int64]
    marked: NDArray[np.float64]
    earlier: NDArray[np.float64]
    usual: NDArray[np.float64]
    marks: NDArray[np.uint8]
    frozen: NDArray[np.bool_]
    warm: NDArray[np.bool_]
    due: NDArray[np.int64]
    start_due: NDArray[np.int64]
    cuff_due: NDArray[np.int64]
    timer_due: NDArray[np.int64]
    recheck_due: NDArray[np.int64]
    lost_due: NDArray[np.int64]
    idle_due: NDArray[np.int64]
    limit_set: NDArray[np.int32]
    row_at: NDArray[np.int64]
    watched: NDArray[np.int64]
    peak_sbp: NDArray[np.float64]
    peak_dbp: NDArray[np.float64]
    lowest_spo2: NDArray[np.float64]
    skewed: NDArray[np.bool_]
    keys: NDArray[np.uint64]
    open: NDArray[np.bool_]

    def __init__(self, capacity: int = 16) -> None:
        self.count = 0
        self.free: list[int] = []
        self.steps: Steps = {}
        for name, kind in KINDS.items():
            setattr(self, name, _resting(kind, capacity))

    def take(self) -> int:
        """The lowest resting row's index."""
        if self.free:
            row = min(self.free)
            self.free.remove(row)
        else:
            row, self.count = self.count, self.count + 1
            if row >= len(self.open):
                for name, kind in KINDS.items():
                    array = getattr(self, name)
                    setattr(self, name, np.concatenate([array, _resting(kind, len(array))]))
        self.open[row] = True
        return row

    def give_back(self, row: int) -> None:
        """Lay a row to rest."""
        for name, kind in KINDS.items():
            getattr(self, name)[row] = kind.rest
        self.steps.pop(row, None)
        self.free.append(row)

    def packed(self) -> dict[str, Any]:
        """The used rows, as msgpack-able columns."""
        columns = {}
        for name, kind in KINDS.items():
            if name in RECKONED:
                continue
            used = getattr(self, name)[: self.count]
            labels = kind.columns or ("",)
            grid = used.reshape(self.count, len(labels))
            columns[name] = {
                label: np.ascontiguousarray(grid[:, column]).tobytes()
                for column, label in enumerate(labels)
                if not _rests(grid[:, column], kind)
            }
        return {"count": self.count, "free": sorted(self.free), "columns": columns, "steps": steps.packed(self.steps)}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Rows:
        """The rows of `packed`; a column that this version has and that one had not is at rest."""
        count = packed["count"]
        capacity = 16
        while capacity < count:
            capacity *= 2
        rows = cls(capacity)
        rows.count, rows.free = count, list(packed["free"])
        for name, columns in packed["columns"].items():
            kind = KINDS.get(name)
            if kind is None:
                continue
            labels = kind.columns or ("",)
            grid = getattr(rows, name).reshape(capacity, len(labels))
            for label, data in columns.items():
                if label in labels:
                    grid[:count, labels.index(label)] = np.frombuffer(data, kind.dtype)
        rows.steps = steps.unpacked(packed.get("steps", []))
        if "steps" not in packed:
            rows._take_over(packed["columns"].get("changed_at", {}))
        return rows

    def _take_over(self, changed_at: dict[str, bytes]) -> None:
        """From a version that knew only the last trusted reading, and when any channel of a session had changed."""
        self.near[:], self.near_at[:] = self.value, self.trusted_at
        for data in changed_at.values():
            since = np.where(CONTINUOUS, np.frombuffer(data, "i8")[:, None], NEVER)
            self.same_since[: self.count] = np.where(self.near_at[: self.count] > NEVER, since, NEVER)


def cuff_columns(packed: dict[str, Any]) -> list[dict[str, dict[str, Any]]]:
    """Per row, what a version that held cuffs as arrays has written of them; of a version like this one, nothing."""
    columns: dict[str, dict[str, bytes]] = packed["columns"]
    cuffs = {".".join(limit.key) for limit in LIMITS if limit.by_cuff}
    if not any(name in cuffs for of_limits in ("on", "strikes") for name in columns.get(of_limits, {})):
        return []
    wanted = {"value": "f8", "trusted_at": "i8", "on": "?", "strikes": "u1", "since": "i8"}
    grids = {
        name: {key: np.frombuffer(data, wanted[name]) for key, data in columns.get(name, {}).items()} for name in wanted
    }
    return [
        {name: {key: grid[row] for key, grid in grids[name].items()} for name in wanted}
        for row in range(packed["count"])
    ]  # fmt: skip


def _resting(kind: Kind, capacity: int) -> NDArray[Any]:
    shape = (capacity,) if kind.columns is None else (capacity, len(kind.columns))
    return np.full(shape, kind.rest, dtype=kind.dtype)


def _rests(column: NDArray[Any], kind: Kind) -> bool:
    return bool((np.isnan(column) if kind.rest != kind.rest else column == kind.rest).all())
