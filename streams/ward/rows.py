"""The ward's state as arrays: one row per open session, one field per fact.

A session's row is one record, so that all that a sample needs lies together in memory, and scalar code reads it by name:
``session.heard[column]``. Python reads a field of all rows as an array: ``rows.heard[row, column]``. Arrays double when they are
full, and rows of ended sessions are used again. `packed` gives bytes in which every column goes by its name (a channel's, a
limit's), so that a version with more channels or limits reads what an older one wrote.
Cost: about 2 kB of memory a session, under 500 B in a checkpoint. Never here: what any of it means.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats, Ints
from models.instants import FAR, NEVER, SECOND
from models.tables.capnographs import CAUTIOUS
from models.tables.channels import CHANNEL_COLUMN, CHANNEL_NAMES, CHANNELS, STALE_AFTER
from models.tables.limits import KEYS

CHANNEL_COUNT: Final = len(CHANNELS)
HELD_COUNT: Final = len(KEYS)
CONTINUOUS: Final = np.array([channel.continuous for channel in CHANNELS])

IDLE: Final = 3
"""Strikes at which a running hold is given up; a hold with this many is not running."""
NO_STEP: Final = -1
KEYS_KEPT: Final = 8
"""Chosen by us: a sender that tries again sends its last message, not one of long ago."""

Octets = NDArray[np.uint8]


class Kind(NamedTuple):
    """A field's columns by name (None: one value a row), element type and resting value."""

    columns: tuple[str, ...] | None
    dtype: str
    rest: float


_BEATS: Final = ("hr", "pulse")
_LIMIT_NAMES: Final = tuple(".".join(key) for key in KEYS)

# fmt: off
KINDS: Final = {
    "value":      Kind(CHANNEL_NAMES, "f8", np.nan),  # last trusted reading
    "at":         Kind(CHANNEL_NAMES, "i8", NEVER),   # newest sample's instant, trusted or not
    "trusted_at": Kind(CHANNEL_NAMES, "i8", NEVER),   # newest trusted sample's instant
    "heard":      Kind(CHANNEL_NAMES, "i8", NEVER),   # the shard's clock at the newest trusted sample
    "quality":    Kind(CHANNEL_NAMES, "u1", 0),       # of the newest sample
    "stale":      Kind(CHANNEL_NAMES, "?", 0),        # found absent, not heard since
    "stale_due":  Kind(CHANNEL_NAMES, "i8", FAR),     # when it is absent unless heard before; FAR: it is not waited for
    "expected_at": Kind(CHANNEL_NAMES, "i8", FAR),    # the shard's clock from which the protocol expects it; FAR: it does not
    "came":       Kind(CHANNEL_NAMES, "i8", NEVER),   # the shard's clock at the newest sample, trusted or not
    "pace":       Kind(CHANNEL_NAMES, "i8", 0),       # its beat, µs; 0: not known (streams/ward/signal/beat.py)
    "lapses":     Kind(CHANNEL_NAMES, "u1", 0),       # losses one after the other, up to two
    "near":       Kind(CHANNEL_NAMES, "f8", np.nan),  # newest reading in range, believed or not
    "near_at":    Kind(CHANNEL_NAMES, "i8", NEVER),
    "odd":        Kind(CHANNEL_NAMES, "f8", np.nan),  # newest reading out of range
    "same_since": Kind(CHANNEL_NAMES, "i8", NEVER),   # since when a continuous channel has shown the same
    "blank":      Kind(CHANNEL_NAMES, "i8", NEVER),   # newest line of the channel's device that lacked it
    "step":       Kind(CHANNEL_NAMES, "i4", NO_STEP), # the doubted step's place in the pool of steps
    "stepping":   Kind(None, "?", 0),                 # some channel's step is doubted (streams/ward/signal/steps.py)
    "held":       Kind(_LIMIT_NAMES, "i8", 0),        # µs held so far
    "since":      Kind(_LIMIT_NAMES, "i8", 0),        # when the running hold began
    "strikes":    Kind(_LIMIT_NAMES, "u1", IDLE),     # samples the other way since the last one towards
    "on":         Kind(_LIMIT_NAMES, "?", 0),         # in force
    "deeper":     Kind(_LIMIT_NAMES, "f8", np.nan),   # of one in force: the reading from which on it is told anew; NaN: none is
    "deeper_held": Kind(_LIMIT_NAMES, "i8", 0),       # µs held there so far
    "deeper_strikes": Kind(_LIMIT_NAMES, "u1", IDLE),
    "beat":       Kind(_BEATS, "f8", np.nan),         # the two rates, averaged (streams/ward/signal/agreement.py)
    "beat_at":    Kind(_BEATS, "i8", NEVER),
    "apart_since": Kind(None, "i8", NEVER),           # since when the two disagree
    "apart":      Kind(None, "?", 0),                 # and for so long that it is said
    "marked_at":  Kind(None, "i8", NEVER),            # when `marked` was noted, and `earlier` a minute or more before it
    "earlier_at": Kind(None, "i8", NEVER),
    "marked":     Kind(CHANNEL_NAMES, "f8", np.nan),  # the trusted readings then: what a trend is told from
    "earlier":    Kind(CHANNEL_NAMES, "f8", np.nan),
    "usual":      Kind(CHANNEL_NAMES, "f8", np.nan),  # mean of the first marks, before the dose: the session's own baseline
    "marks":      Kind(None, "u1", 0),
    "dosed":      Kind(None, "?", 0),                 # a dose was given: `usual` is learnt no further
    "frozen":     Kind(None, "?", 0),
    "pulse_at":   Kind(None, "i8", NEVER),            # newest trusted pulse, and the newest that came back from a loss
    "pulse_back_at": Kind(None, "i8", NEVER),
    "rate_at":    Kind(None, "i8", NEVER),            # newest rate of breathing in range, and since when it shows no breath
    "no_rate_since": Kind(None, "i8", NEVER),
    "rate_awaited": Kind(None, "?", 0),               # it shows 0 since a gap: no breath was counted yet
    "breath_at":  Kind(None, "i8", NEVER),            # when RR or EtCO2, both being there, last showed a breath
    "own_rate":   Kind(None, "f8", np.nan),           # the session's own rate of breathing: mean of so many, the last of then
    "own_rate_of": Kind(None, "u1", 0),
    "own_rate_at": Kind(None, "i8", NEVER),
    "own_co2":    Kind(None, "f8", np.nan),           # the same of EtCO2
    "own_co2_of": Kind(None, "u1", 0),
    "own_co2_at": Kind(None, "i8", NEVER),
    "sedated":    Kind(None, "?", 0),                 # by its last score of consciousness
    "alarm_until": Kind(None, "i8", NEVER),           # until when the monitor's own alarm of no breath is in force
    "rate_back_us": Kind(None, "i8", round(CAUTIOUS.rate_back_s * SECOND)),  # what the capnograph does, by its make
    "co2_still_us": Kind(None, "i8", round(CAUTIOUS.still_s * SECOND)),
    "co2_held_us": Kind(None, "i8", round(CAUTIOUS.held_s * SECOND)),
    "due":        Kind(None, "i8", FAR),              # never later than the next absence
    "start_due":  Kind(None, "i8", FAR),              # when the monitor should have started
    "cuff_due":   Kind(None, "i8", FAR),              # when the next cuff is overdue
    "timer_due":  Kind(None, "i8", FAR),              # the next of a session's timers
    "recheck_due": Kind(None, "i8", FAR),             # when a doubtful crisis has waited long enough
    "lost_due":   Kind(None, "i8", FAR),              # when silence pages
    "idle_due":   Kind(None, "i8", FAR),              # when an implicit session is given up
    "limit_set":  Kind(None, "i4", 0),                # the number of the limits' table that it is held against
    "row_at":     Kind(None, "i8", NEVER),            # newest sample of any channel
    "watched":    Kind(None, "i8", 0),                # µs with data
    "peak_sbp":   Kind(None, "f8", -np.inf),          # highest good cuffs that nobody doubts, and the lowest trusted saturation
    "peak_dbp":   Kind(None, "f8", -np.inf),
    "lowest_spo2": Kind(None, "f8", np.inf),
    "skewed":     Kind(None, "?", 0),                 # its device's clock is wrong
    "keys":       Kind(tuple(f"key{n}" for n in range(KEYS_KEPT)), "u8", 0),  # the last idempotency keys of samples
    "minute":     Kind(None, "i8", NEVER),            # the minute under way, and of each channel's readings in it
    "minute_lowest": Kind(CHANNEL_NAMES, "f8", np.inf),  # (streams/ward/minutes.py)
    "minute_highest": Kind(CHANNEL_NAMES, "f8", -np.inf),
    "minute_sum": Kind(CHANNEL_NAMES, "f8", 0),
    "minute_count": Kind(CHANNEL_NAMES, "i4", 0),
    "open":       Kind(None, "?", 0),
}
# fmt: on

RECKONED: Final = frozenset({"limit_set", "step", "stepping", "dosed"})
"""Not kept in a checkpoint, because something else in it says so: sites and patients, steps, doses."""
SEPARATE: Final = "due"
"""In an array of its own, because every frame looks through all rows of it."""


class SessionRecord(Protocol):
    """A session's row, as scalar code reads and writes it. `KINDS` says what each field means."""

    value: Floats
    at: Ints
    trusted_at: Ints
    heard: Ints
    quality: Octets
    stale: Octets
    stale_due: Ints
    expected_at: Ints
    came: Ints
    pace: Ints
    lapses: Octets
    near: Floats
    near_at: Ints
    odd: Floats
    same_since: Ints
    blank: Ints
    step: Ints
    stepping: bool
    held: Ints
    since: Ints
    strikes: Octets
    on: Octets
    deeper: Floats
    deeper_held: Ints
    deeper_strikes: Octets
    beat: Floats
    beat_at: Ints
    apart_since: int
    apart: bool
    marked_at: int
    earlier_at: int
    marked: Floats
    earlier: Floats
    usual: Floats
    marks: int
    dosed: bool
    frozen: bool
    pulse_at: int
    pulse_back_at: int
    rate_at: int
    no_rate_since: int
    rate_awaited: bool
    breath_at: int
    own_rate: float
    own_rate_of: int
    own_rate_at: int
    own_co2: float
    own_co2_of: int
    own_co2_at: int
    sedated: bool
    alarm_until: int
    rate_back_us: int
    co2_still_us: int
    co2_held_us: int
    start_due: int
    cuff_due: int
    timer_due: int
    recheck_due: int
    lost_due: int
    idle_due: int
    limit_set: int
    row_at: int
    watched: int
    peak_sbp: float
    peak_dbp: float
    lowest_spo2: float
    skewed: bool
    keys: NDArray[np.uint64]
    minute: int
    minute_lowest: Floats
    minute_highest: Floats
    minute_sum: Floats
    minute_count: Ints
    open: bool


def _stored(kind: Kind) -> str:
    # numba knows no flags inside a record: they are bytes there, and the arrays that Python sees are flags all the same.
    return "u1" if kind.dtype == "?" else kind.dtype


SESSION: Final = np.dtype(
    [
        (name, _stored(kind)) if kind.columns is None else (name, _stored(kind), (len(kind.columns),))
        for name, kind in KINDS.items()
        if name != SEPARATE
    ],
    align=True,
)


class Rows:
    """The records of all sessions, `count` of which have been used; their fields as attributes.

    A field's array is (capacity,), or (capacity, columns).
    """

    if TYPE_CHECKING:

        def __getattr__(self, field: str) -> NDArray[Any]: ...

    def __init__(self, capacity: int = 16) -> None:
        self.count = 0
        self.free: list[int] = []
        self.steps = StepPool()
        self._lay_out(np.full(capacity, _RESTING), np.full(capacity, KINDS[SEPARATE].rest, KINDS[SEPARATE].dtype))

    def _lay_out(self, sessions: NDArray[Any], due: Ints) -> None:
        self.sessions = sessions
        for name, kind in KINDS.items():
            setattr(self, name, due if name == SEPARATE else sessions[name].view(kind.dtype))

    def take(self) -> int:
        """The lowest resting row's index."""
        if self.free:
            row = min(self.free)
            self.free.remove(row)
        else:
            row, self.count = self.count, self.count + 1
            if row >= len(self.sessions):
                more = Rows(len(self.sessions))
                self._lay_out(np.concatenate([self.sessions, more.sessions]), np.concatenate([self.due, more.due]))
        self.open[row] = True
        return row

    def release(self, row: int) -> None:
        """Lay a row to rest."""
        self.steps.release(row)
        self.sessions[row] = _RESTING
        self.due[row] = FAR
        self.free.append(row)

    def rest(self, row: int, fields: Iterable[str]) -> None:
        """Put fields of a row to rest."""
        for name in fields:
            self.sessions[name][row] = _RESTING[name]

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
        return {"count": self.count, "free": sorted(self.free), "columns": columns, "steps": self.steps.packed()}

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
            if kind is None or name in RECKONED:
                continue
            labels = kind.columns or ("",)
            grid = getattr(rows, name).reshape(capacity, len(labels))
            for label, data in columns.items():
                if label in labels:
                    grid[:count, labels.index(label)] = np.frombuffer(data, kind.dtype)
        if "stale_due" not in packed["columns"]:
            # Written before beats were learnt.
            heard = CONTINUOUS & (rows.heard > NEVER)
            rows.stale_due[heard] = rows.heard[heard] + STALE_AFTER
        for row, name, *step in packed["steps"]:
            column = CHANNEL_COLUMN.get(name)
            if column is not None:
                rows.step[row, column] = rows.steps.keep(row, column, *step)
                rows.stepping[row] = True
        return rows


class StepRecord(Protocol):
    """A step that is doubted: the reading before it, the instant of the sample before it, and how many samples it has so far.

    row: the session's; NO_STEP: this place in the pool is free. furthest: from where it was, signed, of earlier steps too:
    what has returned is judged by all of it. other_us: once it is believed, of a rate: until when the other probe's rate was
    believed in its stead. back: the last sample was about where it had been; so must the next be.
    """

    row: int
    column: int
    before: float
    before_us: int
    furthest: float
    other_us: int
    length: int
    back: bool


class TraceRecord(Protocol):
    """One sample of a doubted step: its instant and its reading."""

    at_us: int
    reading: float


# fmt: off
STEP_RECORD: Final = np.dtype([
    ("row", "i8"), ("column", "i8"), ("before", "f8"), ("before_us", "i8"), ("furthest", "f8"), ("other_us", "i8"),
    ("length", "i8"), ("back", "u1"),
], align=True)
TRACE_RECORD: Final = np.dtype([("at_us", "i8"), ("reading", "f8")])
# fmt: on


class StepPool:
    """The doubted steps of all sessions, in places that are used again: a step and its samples at the same index.

    Few sessions have one at a time, so they are not part of a session's record. `in_use` places are taken.
    """

    def __init__(self) -> None:
        self.steps, self.traces = _places(2 * CHANNEL_COUNT, 64)

    @property
    def longest(self) -> int:
        """How many samples a step can have before the pool must grow."""
        return int(self.traces.shape[1])

    @property
    def in_use(self) -> int:
        return int(np.count_nonzero(self.steps["row"] != NO_STEP))

    def grow(self) -> None:
        """Make room for twice as many steps, each of twice as many samples."""
        places = len(self.steps)
        steps, traces = _places(2 * places, 2 * self.longest)
        steps[:places], traces[:places, : self.longest] = self.steps, self.traces
        self.steps, self.traces = steps, traces

    def release(self, row: int) -> None:
        """Forget a session's steps."""
        self.steps["row"][self.steps["row"] == row] = NO_STEP

    def keep(
        self, row: int, column: int, before: float, before_us: int, samples: list[tuple[int, float]], back: bool, furthest: float
    ) -> int:  # fmt: skip
        """Put a step into a free place, as `packed` has it; its index."""
        while self.in_use + CHANNEL_COUNT > len(self.steps) or len(samples) >= self.longest:
            self.grow()
        place = int(np.argmax(self.steps["row"] == NO_STEP))
        self.steps[place] = (row, column, before, before_us, furthest, NEVER, len(samples), back)
        self.traces[place, : len(samples)] = [tuple(sample) for sample in samples]
        return place

    def packed(self) -> list[Any]:
        """As msgpack-able values, columns by their channels' names, sessions and channels in order."""
        taken = [
            (step, trace) for step, trace in zip(self.steps.tolist(), self.traces, strict=True) if step[0] != NO_STEP
        ]
        return [
            [row, CHANNEL_NAMES[column], before, before_us, trace[:length].tolist(), bool(back), furthest]
            for (row, column, before, before_us, furthest, _, length, back), trace in sorted(
                taken, key=lambda one: one[0][:2]
            )
        ]


def _places(count: int, longest: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """So many free places, each for a step of so many samples."""
    steps = np.zeros(count, STEP_RECORD)
    steps["row"] = NO_STEP
    return steps, np.zeros((count, longest), TRACE_RECORD)


def _resting() -> NDArray[Any]:
    resting = np.zeros((), SESSION)
    for name, kind in KINDS.items():
        if name != SEPARATE:
            resting[name] = kind.rest
    return resting


_RESTING: Final = _resting()
"""A row of no session."""


def _rests(column: NDArray[Any], kind: Kind) -> bool:
    return bool((np.isnan(column) if kind.rest != kind.rest else column == kind.rest).all())
