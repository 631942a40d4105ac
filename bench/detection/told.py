"""What Chairside told: the transitions of a replay as alerts, each with its steps, so that they can be counted and matched.

Lines go through `streams/hosts/replay.py`, as `chairside replay` sends them: the observed clock, frames of any size. An alert
counts towards the burden each time it is raised at, or worsens to, high or medium; easing and closing cost nobody a walk.
Never here: the ward's own state. What is scored is what was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from alerts.effects import Transition
from models.instants import NEVER, from_iso, iso
from models.tables.rules import Priority
from models.wire.observations import Event, SetAside, SiteConfigured, Vitals
from streams.hosts.replay import Replay, Summary
from streams.journal.frame import Frame, frame_of, frames_of

PHYSIOLOGICAL: Final = frozenset({"cardiovascular", "respiratory", "consciousness", "dissociation"})
"""Categories of what a body does. Technical and protocol alerts are about wires and clocks, and counted beside."""

_WORDS: Final = {priority.word: priority for priority in Priority}
_OVER: Final = frozenset({"latched", "closed"})


@dataclass(frozen=True, slots=True)
class Step:
    """One transition that gave the alert a priority. `sent_us`: its time as sent, where `at_us` is when it was told."""

    at_us: int
    what: str
    priority: Priority
    text: str
    sent_us: int | None = None


@dataclass(slots=True)
class Alert:
    """One alert's life as far as it was replayed. `over_us`: when its condition ended, None if it still stands."""

    patient: str
    session: str | None
    rule: str
    category: str
    onset_us: int
    steps: list[Step] = field(default_factory=list)
    over_us: int | None = None

    def reached_us(self, priority: Priority) -> int | None:
        """When it first had this priority or a worse one."""
        return next((step.at_us for step in self.steps if step.priority >= priority), None)

    def burdens(self) -> Iterator[Step]:
        """The steps that call somebody: raised at, or worsened to, high or medium."""
        return (step for step in self.steps if step.what in {"raised", "worsened"} and step.priority >= Priority.MEDIUM)

    def stands(self, from_us: int, to_us: int, priority: Priority) -> bool:
        """Whether it had this priority or a worse one, and was not over, at some instant of [from, to]."""
        reached = self.reached_us(priority)
        return reached is not None and reached <= to_us and (self.over_us is None or self.over_us > from_us)


def gathered(transitions: Iterable[Transition]) -> list[Alert]:
    """The alerts of a replay, in the order in which they were raised."""
    alerts: dict[str, Alert] = {}
    for transition in transitions:
        alert = alerts.get(transition.alert)
        if alert is None:
            alert = alerts[transition.alert] = Alert(
                transition.patient,
                transition.session,
                transition.rule,
                transition.category,
                from_iso(transition.onset_at),
            )
        at_us = from_iso(transition.at)
        if transition.transition in {"raised", "worsened", "eased"}:
            alert.steps.append(Step(at_us, transition.transition, _WORDS[transition.priority], transition.text))
        elif transition.transition in _OVER and alert.over_us is None:
            alert.over_us = at_us
    return list(alerts.values())


Line = Vitals | Event | SetAside


def replayed(lines: Iterable[Line], configuration: SiteConfigured | None = None) -> tuple[list[Alert], Summary]:
    """The alerts that these lines raise, and what the replay came to."""
    run = Replay(configuration)
    return gathered(run.run(frames_of(lines))), run.summary


def replayed_as_told(
    lines: Iterable[Line], arrives_us: Callable[[Line], int], configuration: SiteConfigured | None = None
) -> tuple[list[Alert], list[Alert], Summary]:
    """The same alerts twice: by the times that they say, and by the arrival of the line that told of them, which no clock bends.

    Each line is a frame of its own, some ten times as slow.
    """
    now_us = NEVER

    def one_by_one() -> Iterator[Frame]:
        nonlocal now_us
        for line in lines:
            now_us = max(now_us, arrives_us(line))
            yield frame_of([line])

    run = Replay(configuration)
    said: list[Transition] = []
    told: list[Transition] = []
    for transition in run.run(one_by_one()):
        said.append(transition)
        told.append(replace(transition, at=iso(now_us)))
    by_arrival = gathered(told)
    for alert, as_said in zip(by_arrival, alerts := gathered(said), strict=True):
        alert.steps = [replace(one, sent_us=sent.at_us) for one, sent in zip(alert.steps, as_said.steps, strict=True)]
    return alerts, by_arrival, run.summary
