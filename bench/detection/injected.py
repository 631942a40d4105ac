"""Invented events in recorded stretches: the recording's own noise, gaps and artefacts under an event whose truth is known.

The simulator and the detectors have the same authors; a recording has not. A stretch is drawn in which the recording shows no
event of the kind, and the channel is moved by `goal - base`, rising over `onset_s`, held for `lasts_s`, letting go over
`recovery_s`; base is the stretch's own median. What is missing stays missing, and what no body can show (SpO2 outside 50-100,
a pulse outside 30-200) stays as recorded. Every other stretch drawn must hold a disturbance. Nothing here happened to anyone.
Bad at: an event's company (a desaturating patient breathes less and moves more; here only the one channel changes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.detection.recordings import Recording
from bench.detection.told import Alert, replayed
from models.arrays import Floats
from models.instants import SECOND, to_datetime
from models.tables.rules import Priority
from models.wire.observations import Vitals

MEDIUM, HIGH = Priority.MEDIUM, Priority.HIGH
STEP_HELD_S: Final = 30.0
"""An impossible step is distrusted until it returns or has held 30 s, then counts from its first sample: the protocol's words."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is invented. `limit` and `hold_s` are of the row that must speak, `expects` its priority.

    `hidden_s`: the finger probe is off from a few seconds before the event until so long after its start.
    """

    name: str
    rules: tuple[str, ...]
    channel: str
    goal: float
    onset_s: int
    lasts_s: int
    recovery_s: int
    limit: float
    hold_s: float
    expects: Priority
    hidden_s: int = 0
    pleth_s: float = 0
    """The hold where an oximeter alone shows the rate, if that is longer."""

    @property
    def above(self) -> bool:
        return self.goal > self.limit

    def own_s(self, ecg: bool) -> float:
        """The time that telling it takes by rule: the hold, and a step is not believed before it has held `STEP_HELD_S`."""
        hold_s = self.hold_s if ecg else max(self.hold_s, self.pleth_s)
        return max(hold_s, STEP_HELD_S) if self.onset_s == 0 else hold_s


# Depths a few units past the limit, so that the recording's own noise does not decide whether it happened; an onset of 0 is a
# step, as after a gap or a bad averaging window, and is held long enough to be believed (30 s) and then held (its row's time).
_LOW, _SLOW, _FAST = ("desaturation",), ("bradycardia",), ("tachycardia",)
# fmt: off
KINDS: Final = (
    Kind("SpO2 87 over 60 s",          _LOW,  "spo2",  87, 60,  90, 45, 90, 15, MEDIUM),
    Kind("SpO2 86 over 15 s, short",   _LOW,  "spo2",  86, 15,  40, 15, 90, 15, MEDIUM),
    Kind("SpO2 86 over 3 min",         _LOW,  "spo2",  86, 180, 90, 60, 90, 15, MEDIUM),
    Kind("SpO2 86 at a step",          _LOW,  "spo2",  86, 0,   75, 0,  90, 15, MEDIUM),
    Kind("SpO2 81 over 30 s",          _LOW,  "spo2",  81, 30,  60, 30, 85, 10, HIGH),
    Kind("SpO2 80 at a step",          _LOW,  "spo2",  80, 0,   75, 0,  85, 10, HIGH),
    Kind("SpO2 74 over 45 s",          _LOW,  "spo2",  74, 45,  60, 60, 85, 10, HIGH),
    Kind("SpO2 86 behind a loose probe", _LOW, "spo2", 86, 30, 150, 45, 90, 15, MEDIUM, hidden_s=75),
    Kind("SpO2 79 behind a loose probe", _LOW, "spo2", 79, 30, 150, 45, 85, 10, HIGH, hidden_s=75),
    Kind("rate 40 over 15 s",          _SLOW, "rate",  40, 15,  75, 30, 45, 30, MEDIUM),
    Kind("rate 33 over 8 s",           _SLOW, "rate",  33, 8,   60, 20, 38, 15, HIGH, pleth_s=30),
    Kind("rate 39 at a step",          _SLOW, "rate",  39, 0,   90, 0,  45, 30, MEDIUM),
    Kind("rate 152 over 30 s",         _FAST, "rate", 152, 30, 120, 60, 140, 60, MEDIUM),
    Kind("rate 155 at a step",         _FAST, "rate", 155, 0,  135, 0,  140, 60, MEDIUM),
    Kind("RR 5 over 20 s",  ("bradypnoea", "apnoea"), "rr", 5, 20, 90, 20, 8, 30, MEDIUM),
    Kind("no breath",                  ("apnoea",),   "rr", 0, 10, 45, 10, 3, 20, HIGH),
)
# fmt: on

_READABLE: Final = {"spo2": (50.0, 100.0), "rate": (30.0, 200.0), "rr": (0.0, 60.0)}
_RESTING: Final = {"spo2": (93.0, 100.0), "rate": (52.0, 110.0), "rr": (10.0, 26.0)}
"""Where the stretch's own median must lie, so that the event is the only one in it."""
_QUIET_JUMP: Final = {"spo2": 4.0, "rate": 15.0, "rr": 8.0}
"""A second's change beyond this is a disturbance: SpO2 as in `believable.py`, the pulse as the recordings' movements."""
BEFORE_S, AFTER_S = 600, 120
"""Recorded time before and after the event that goes through the ward with it."""
PROBE_OFF_BEFORE_S: Final = 10
ALLOWED_S: Final = 5
MOSTLY: Final = 0.85
"""One reading in seven back inside is noise on a sustained event; more is a value that wavers. Chosen by us."""
DRAWS: Final = 400
"""Attempts to find a stretch for one event; where none fits, there is one event fewer, and the table says how many there are."""


@dataclass(frozen=True, slots=True)
class Invented:
    """One event. Rows [begin, end) of the recording are its window; seconds are the recording's."""

    alias: str
    kind: Kind
    recording: Recording
    begin: int
    end: int
    from_s: float
    onset_s: float
    over_s: float
    moved: dict[str, Floats]
    readable: NDArray[np.bool_]
    disturbed: bool

    @property
    def own_s(self) -> float:
        """The time that telling it takes by rule, on this recording."""
        return self.kind.own_s(bool(np.isfinite(self.recording.channels["hr"]).any()))

    def lines(self, as_recorded: bool = False) -> Iterator[Vitals]:
        """The window as vitals of its own patient; `as_recorded`: without the event, to see what the stretch does alone."""
        channels = dict(self.recording.channels) if as_recorded else {**self.recording.channels, **self.moved}
        rows = slice(self.begin, self.end)
        columns = {name: values[rows].tolist() for name, values in channels.items()}
        for n, second in enumerate(self.recording.at_s[rows].tolist()):
            fields = {name: values[n] for name, values in columns.items() if values[n] == values[n]}
            yield Vitals(at=to_datetime(round(second * SECOND)), patient=self.alias, **fields)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether it was found, and how many seconds later than it had to be; None where it was not."""

    event: Invented
    found: bool
    late_s: float | None


def invent(recordings: Sequence[Recording], per_kind: int, seed: int) -> list[Invented]:
    """`per_kind` events of every kind in these recordings, where they have the channel; drawn by the seed, alone by kind."""
    events: list[Invented] = []
    for number, kind in enumerate(KINDS):
        rng = np.random.default_rng([seed, number])
        # P085's seconds are whole minutes, sixty rows each: an event of seconds cannot be put there.
        usable = [
            recording
            for recording in recordings
            if np.isfinite(recording.reading(kind.channel)).any() and (np.diff(recording.at_s) > 0).all()
        ]
        for nth in range(per_kind if usable else 0):
            for draw in range(DRAWS):
                recording = usable[int(rng.integers(len(usable)))]
                rough = nth % 2 == 1 and draw < DRAWS // 2
                event = _placed(recording, kind, rng, f"invented-{number}-{nth}", rough)
                if event is not None:
                    events.append(event)
                    break
    return events


def _placed(
    recording: Recording, kind: Kind, rng: np.random.Generator, alias: str, wanted_rough: bool
) -> Invented | None:
    """The event at a random second of this recording, or None where it would not be an event, or not the only one."""
    at_s, value = recording.at_s, recording.reading(kind.channel)
    lasts = kind.onset_s + kind.lasts_s + kind.recovery_s
    room = at_s[-1] - at_s[0] - lasts - 60
    if room < 60:
        return None
    start_s = at_s[0] + 60 + float(rng.integers(int(room)))
    grip = np.clip(
        np.minimum(_share(at_s - start_s, kind.onset_s), _share(start_s + lasts - at_s, kind.recovery_s)), 0, 1
    )
    around = (at_s >= start_s - 60) & (at_s < start_s + lasts + 60)
    lowest, highest = _READABLE[kind.channel]
    readable = (value >= lowest) & (value <= highest)
    if np.count_nonzero(readable & around) < 0.5 * np.count_nonzero(around):
        return None
    base = float(np.median(value[readable & around]))
    resting = _RESTING[kind.channel]
    past_alone = (value > resting[1]) if kind.above else (value < resting[0])
    if not resting[0] <= base <= resting[1] or (past_alone & readable & around).any():
        return None
    moved = {}
    for name in ("hr", "pulse") if kind.channel == "rate" else (kind.channel,):
        recorded = recording.channels[name]
        shown = (recorded >= lowest) & (recorded <= highest)
        shifted = np.rint(recorded + grip * (kind.goal - base))
        moved[name] = np.where(shown & (grip > 0), np.clip(shifted, 0, 100 if name == "spo2" else 240), recorded)
    if kind.hidden_s:
        off = (at_s >= start_s - PROBE_OFF_BEFORE_S) & (at_s < start_s + kind.hidden_s)
        for name in ("spo2", "pulse"):
            moved[name] = np.where(off, np.nan, moved.get(name, recording.channels[name]))
        readable &= ~off
    smooth = base + grip * (kind.goal - base)
    beyond = (smooth > kind.limit) if kind.above else (smooth < kind.limit)
    held = beyond & readable
    after = _reading(moved, kind.channel)
    kept = held & ((after > kind.limit) if kind.above else (after < kind.limit))
    # The recording's own swing may lift the moved value back inside; then nothing was sustained.
    enough = kind.hold_s + 10 + (30 if kind.onset_s == 0 else 0)
    if np.count_nonzero(kept) < max(enough, 0.8 * np.count_nonzero(held)):
        return None
    window = np.flatnonzero((at_s >= start_s - BEFORE_S) & (at_s < start_s + lasts + AFTER_S))
    near = (at_s >= start_s - 30) & (at_s < start_s + lasts)
    jumps = np.abs(np.diff(value[near])) > _QUIET_JUMP[kind.channel]
    rough = bool((~readable[near]).any() or jumps.any())
    if wanted_rough and not rough:
        return None
    first = _sustained(np.flatnonzero(held), kept, int(kind.hold_s))
    if first is None:
        return None
    last = len(beyond) - 1 - int(np.argmax(beyond[::-1]))
    return Invented(
        alias, kind, recording, int(window[0]), int(window[-1]) + 1, start_s, float(at_s[first]), float(at_s[last]),
        moved, readable, rough,
    )  # fmt: skip


def _sustained(held: NDArray[np.int64], kept: NDArray[np.bool_], hold_s: int) -> int | None:
    """The row from which it is sustained: past the limit there, and in `MOSTLY` of the readings of the limit's own time.

    held: the rows of the event that have a reading.
    """
    past = np.concatenate([[0], np.cumsum(kept[held])])
    most = past[hold_s:] - past[:-hold_s] >= MOSTLY * hold_s
    rows = held[: len(most)][most & kept[held[: len(most)]]]
    return int(rows[0]) if len(rows) else None


def _share(seconds: Floats, over_s: float) -> Floats:
    return np.where(seconds >= 0, 1.0, 0.0) if over_s == 0 else seconds / over_s


def _reading(channels: dict[str, Floats], channel: str) -> Floats:
    if channel != "rate":
        return channels[channel]
    return np.where(np.isnan(channels["hr"]), channels["pulse"], channels["hr"])


def found(events: Sequence[Invented], as_recorded: bool = False) -> list[Outcome]:
    """Replay every event's window, all at once, each as a patient of its own, and say which were found and how late."""
    lines = sorted((line for event in events for line in event.lines(as_recorded)), key=lambda line: line.at)
    alerts, _ = replayed(lines)
    by_alias: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_alias.setdefault(alert.patient, []).append(alert)
    return [_outcome(event, by_alias.get(event.alias, [])) for event in events]


def _outcome(event: Invented, alerts: Sequence[Alert]) -> Outcome:
    kind = event.kind
    # An event is found while it lasts; what comes when it is over finds nothing.
    reached = [
        reached_us / SECOND
        for alert in alerts
        if alert.rule in kind.rules and (reached_us := alert.reached_us(kind.expects)) is not None
    ]
    inside = [at_s for at_s in reached if event.onset_s <= at_s <= event.over_s + ALLOWED_S]
    if not inside:
        return Outcome(event, found=False, late_s=None)
    at_s = event.recording.at_s
    between = (at_s >= event.onset_s) & (at_s < inside[0])
    unread = np.count_nonzero(between & ~event.readable)
    return Outcome(event, found=True, late_s=inside[0] - event.onset_s - event.own_s - float(unread))
