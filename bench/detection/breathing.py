"""Breathing on a real monitor's numbers: pauses told in time, and alerts about nothing, with and without a capnograph.

The recordings are `breathing_states`, with RR and EtCO2 invented over their labels (`capnograph.py`). An alert is loud at high
or medium. It is about something if within a minute of it there is a labelled pause of 20 s, slow breathing of 30 s, or a
saturation below 90 % that can be believed; it cannot be about more, because the labels say no more.
Bad at: whether anybody had to act. The labels say how somebody breathed, not how they fared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.detection.believable import LOW, believable
from bench.detection.capnograph import PAUSE, SLOW, UNLABELLED, Labelled, Shown, capnograph, lines, load, runs
from bench.detection.recordings import Recording
from bench.detection.told import Alert, Step, replayed
from models.instants import SECOND
from models.tables.rules import Priority

PAUSE_COUNTS_S: Final = 40
"""A pause that must be told: the numbers show it for some seconds."""
TOLD_WITHIN_S: Final = 10
ABOUT_PAUSE_S, ABOUT_SLOW_S, NEAR_S = 20, 30, 60


@dataclass(frozen=True, slots=True)
class Told:
    """A pause that must be told, with the second in which the numbers show it; `late_s`: when it was, None never."""

    patient: str
    first_s: int
    length_s: int
    shown_s: int
    late_s: float | None

    @property
    def in_time(self) -> bool:
        return self.late_s is not None and self.late_s <= TOLD_WITHIN_S


@dataclass(frozen=True, slots=True)
class Loud:
    """One time that somebody is called; `about`: whether anything of what it may be about was there within a minute."""

    patient: str
    rule: str
    priority: Priority
    at_s: float
    about: bool


@dataclass(slots=True)
class Breathing:
    """What was measured. `apnoea`: alerts of that rule; `breathing`: those raised while the label says breathing.

    `alone`: what is loud on the same recordings without RR and EtCO2, in `alone_hours`.
    """

    people: int
    hours: float
    pauses: list[Told]
    apnoea: int
    breathing: int
    loud: list[Loud]
    alone_hours: float
    alone: list[Loud]

    @property
    def nothing(self) -> list[Loud]:
        """What was loud about nothing."""
        return [each for each in self.loud if not each.about]


def measure(paths: Sequence[Path], seed: int) -> Breathing:
    """Replay these people twice, with the capnograph and without."""
    people = [load(path) for path in paths]
    shown = {person.name: capnograph(person, seed) for person in people}
    alerts, summary = replayed(lines((person, shown[person.name]) for person in people))
    without, bare = replayed(lines((person, None) for person in people))
    found = Breathing(len(people), summary.hours, [], 0, 0, [], bare.hours, [])
    for person in people:
        mine = [alert for alert in alerts if alert.patient == person.name]
        found.pauses += _pauses(person, shown[person.name], mine)
        raised = [step for alert in mine if alert.rule == "apnoea" and (step := _loud(alert)) is not None]
        states = [_state(person, step) for step in raised]
        found.apnoea += len(states)
        found.breathing += sum(state not in {PAUSE, UNLABELLED} for state in states)
        found.loud += louds(person, mine)
        found.alone += louds(person, [alert for alert in without if alert.patient == person.name])
    return found


def _loud(alert: Alert) -> Step | None:
    return next(alert.burdens(), None)


def _state(person: Labelled, step: Step) -> int:
    """The label in the second of a step."""
    return int(person.state[min(step.at_us // SECOND, len(person.state) - 1)])


def _pauses(person: Labelled, shown: Shown, alerts: Sequence[Alert]) -> list[Told]:
    found = []
    for pause in shown.pauses:
        if pause.length_s < PAUSE_COUNTS_S or pause.shown is None:
            continue
        told = [
            max(step.at_us / SECOND, pause.first) - pause.shown
            for alert in alerts
            if alert.rule == "apnoea" and (step := _loud(alert)) is not None
            and step.at_us <= (pause.last + 1 + TOLD_WITHIN_S) * SECOND
            and (alert.over_us is None or alert.over_us > pause.first * SECOND)
        ]  # fmt: skip
        found.append(Told(person.name, pause.first, pause.length_s, pause.shown, min(told, default=None)))
    return found


def louds(person: Labelled, alerts: Sequence[Alert]) -> list[Loud]:
    """Every time that somebody is called about a person, and whether it can be about anything."""
    events = [run for run in runs(person.state == PAUSE) if run[1] - run[0] + 1 >= ABOUT_PAUSE_S]
    events += [run for run in runs(np.isin(person.state, SLOW)) if run[1] - run[0] + 1 >= ABOUT_SLOW_S]
    events += runs(_low_oxygen(person))
    return [
        Loud(
            person.name, alert.rule, step.priority, at_s,
            any(first - NEAR_S <= at_s <= last + NEAR_S for first, last in events),
        )
        for alert in alerts
        for step in alert.burdens()
        for at_s in [step.at_us / SECOND]
    ]  # fmt: skip


def _low_oxygen(person: Labelled) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    rows = np.arange(len(person.state), dtype=np.float64)
    recording = Recording(person.name, "breathing_states", rows, person.measured)
    return believable(recording) & (person.measured["spo2"] < LOW)


def by_rule(loud: Sequence[Loud]) -> list[tuple[str, Priority, int, int]]:
    """(rule, priority, how many, how many about nothing), the most frequent first."""
    every = Counter((each.rule, each.priority) for each in loud)
    nothing = Counter((each.rule, each.priority) for each in loud if not each.about)
    return [(rule, priority, count, nothing[rule, priority]) for (rule, priority), count in every.most_common()]
