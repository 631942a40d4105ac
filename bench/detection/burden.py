"""The burden on recordings: Chairside's alerts beside plain limit alarms, and what became of every plain alarm.

A plain alarm is `told` if an alert was raised at or worsened to high or medium while it lasted, `standing` if such an alert
stood already, and else suppressed, for one of these reasons, the first that fits:
- `low`: a low alert was raised (a rate above 120 for five minutes);
- `not believed`: most of its readings were not trusted;
- `too short`: it was over before the hold of the table's row at that limit ran out;
- `held back`: anything else: gaps and readings back inside slowed the hold until it was over.
Bad at: saying who was right. That is what the plots are for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from bench.detection.believable import LowRun, low_runs
from bench.detection.plain import Crossing, crossings
from bench.detection.recordings import CHANNELS, RENAME, SETS, Recording, files, load
from bench.detection.told import Alert, gathered
from bench.detection.watched import qualities
from models.instants import SECOND
from models.tables.limits import LIMITS
from models.tables.rules import Priority
from streams.hosts.replay import Replay
from streams.intake.files import recorded_frames

Fate = Literal["told", "standing", "low", "not believed", "too short", "held back"]
FATES: Final[tuple[Fate, ...]] = ("told", "standing", "low", "not believed", "too short", "held back")
SUPPRESSED: Final[frozenset[Fate]] = frozenset({"low", "not believed", "too short", "held back"})
LOOKED_S: Final = 90
"""Seconds of a crossing whose quality is asked for: longer than any hold of a medium or high row on these channels."""
RAISED_WITHIN_S: Final = 5


@dataclass(frozen=True, slots=True)
class Fated:
    """A plain alarm and what became of it; `words`: the quality of its first readings, most frequent first."""

    recording: Recording
    crossing: Crossing
    fate: Fate
    words: tuple[str, ...]
    lasted_s: float
    alert: Alert | None

    @property
    def from_s(self) -> float:
        return float(self.recording.at_s[self.crossing.first])


@dataclass(slots=True)
class Burden:
    """Everything about one set of recordings."""

    of: str
    hours: float
    people: int
    alerts: list[Alert]
    fated: list[Fated]
    delayed: Counter[str]
    runs: list[tuple[LowRun, Alert | None]]

    @property
    def plain(self) -> Counter[str]:
        return Counter(each.crossing.limit.name for each in self.fated)

    @property
    def missed(self) -> list[LowRun]:
        return [run for run, alert in self.runs if alert is None]


def counted(alerts: Sequence[Alert]) -> Counter[tuple[str, str]]:
    """(rule, priority) → how often raised at, or worsened to, high or medium. Every category."""
    return Counter((alert.rule, step.priority.word) for alert in alerts for step in alert.burdens())


def burden_of(of: str, paths: Sequence[Path]) -> Burden:
    """These people of one set, all in one replay, as the command line takes them."""
    run = Replay()
    alerts = gathered(run.run(recorded_frames(paths, RENAME)))
    by_patient: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_patient.setdefault(alert.patient, []).append(alert)
    fated: list[Fated] = []
    delayed: Counter[str] = Counter()
    runs: list[tuple[LowRun, Alert | None]] = []
    for path in paths:
        recording = load(path)
        mine = by_patient.get(recording.name, [])
        fated += _fates(path, recording, mine)
        delayed.update(each.limit.name for each in crossings(recording, delayed=True))
        runs += [(run, _raised(run, mine)) for run in low_runs(recording)]
    return Burden(of, run.summary.hours, len(paths), alerts, fated, delayed, runs)


def all_burdens(folder: Path) -> list[Burden]:
    return [burden_of(of, files(folder, [of])) for of in SETS]


def hold_s(crossing: Crossing) -> float:
    """The hold of the table's row at this very limit."""
    return max(
        row.hold_s
        for row in LIMITS
        if row.rule in crossing.limit.rules and row.above == crossing.limit.above and row.enter == crossing.limit.limit
    )


def _raised(run: LowRun, alerts: Sequence[Alert]) -> Alert | None:
    """The desaturation alert of at least medium priority that stood at some instant of the run."""
    return next(
        (
            alert
            for alert in alerts
            if alert.rule == "desaturation"
            and alert.stands(round(run.from_s * SECOND), round((run.to_s + RAISED_WITHIN_S) * SECOND), Priority.MEDIUM)
        ),
        None,
    )


def _fates(path: Path, recording: Recording, alerts: Sequence[Alert]) -> list[Fated]:
    found = crossings(recording)
    if not found:
        return []
    rows = np.zeros(len(recording.at_s), bool)
    for crossing in found:
        rows[crossing.first : min(crossing.last, crossing.first + LOOKED_S) + 1] = True
    words = qualities(path, rows, CHANNELS)
    return [_fate(recording, crossing, words, alerts) for crossing in found]


def _fate(recording: Recording, crossing: Crossing, words: Mapping[str, list[str]], alerts: Sequence[Alert]) -> Fated:
    from_s, to_s = float(recording.at_s[crossing.first]), float(recording.at_s[crossing.last])
    channel = crossing.limit.channel
    if channel == "rate":
        channel = "pulse" if np.isnan(recording.channels["hr"][crossing.first]) else "hr"
    said = Counter(words[channel][crossing.first : min(crossing.last, crossing.first + LOOKED_S) + 1])
    ranked = tuple(word for word, _ in said.most_common())
    lasted_s = to_s - from_s + 1
    mine = [alert for alert in alerts if alert.rule in crossing.limit.rules]
    begin_us, end_us = round(from_s * SECOND), round((to_s + 1) * SECOND)
    told = next((a for a in mine if any(begin_us <= step.at_us <= end_us for step in a.burdens())), None)
    stood = next((a for a in mine if a.stands(begin_us, begin_us, Priority.MEDIUM)), None)
    low = any(a.stands(begin_us, end_us, Priority.LOW) for a in mine)
    fate: Fate
    if told is not None:
        fate = "told"
    elif stood is not None:
        fate = "standing"
    elif low:
        fate = "low"
    elif said["good"] < 0.5 * said.total():
        fate = "not believed"
    else:
        fate = "too short" if lasted_s <= hold_s(crossing) else "held back"
    return Fated(recording, crossing, fate, ranked, lasted_s, told or stood)
