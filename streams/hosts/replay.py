"""Replay: recorded observations in, transitions out, through the same ward and desk, as fast as the machine can.

The clock is the observed one: the running maximum of `at`, so everything that time decides falls due at its own instant on
the recording's clock, as if it had ticked every second. Two replays of the same files give the same bytes.
Never here: files and options, which are the command's (deploy/cli/app.py).
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from alerts.effects import AuditEntry, DeadLetter, Transition
from models.instants import EPOCH, HOUR, NEVER
from models.tables.suicidality import asks_about_suicide
from models.wire.observations import Event, Internal, SetAside, SiteConfigured
from streams.journal.frame import Frame, frame_of
from streams.shard import Shard


@dataclass(slots=True)
class Summary:
    """Counts of a replay: lines read, alerts raised and worsened by (rule, priority), lines set aside by reason, time watched.

    `examples`: for each reason the first line that was set aside for it. `fields`: fields that were set aside alone, by reason;
    their lines are used. `untold`: forms that may hold an answer about suicide and could not be told, because nothing has a time.
    """

    lines: int = 0
    raised: Counter[tuple[str, str]] = field(default_factory=Counter)
    worsened: Counter[tuple[str, str]] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    fields: Counter[str] = field(default_factory=Counter)
    untold: int = 0
    watched_us: int = 0
    sessions: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def hours(self) -> float:
        """Hours with data, over all sessions."""
        return self.watched_us / HOUR

    @property
    def used(self) -> int:
        """Lines that ward and desk could use."""
        return self.lines - self.set_aside.total()


class Replay:
    """One replay. `run` yields transitions as they fall due; `summary` is complete when it has ended."""

    def __init__(self, configuration: SiteConfigured | None = None) -> None:
        self.shard = Shard(0, "observed")
        self.summary = Summary()
        self._configuration = configuration

    def run(self, frames: Iterable[Frame]) -> Iterator[Transition]:
        """Replay frames in order; their boundaries mean nothing."""
        if self._configuration is not None:
            yield from self._step(frame_of([self._configuration]))
        for frame in _begun(frames):
            self.summary.lines += len(frame)
            yield from self._step(frame)
        ward, summary = self.shard.ward, self.summary
        summary.counts = ward.counts
        summary.watched_us = ward.watched_us

    def _step(self, frame: Frame) -> Iterator[Transition]:
        summary = self.summary
        if self.shard.ward.clock_us == NEVER:
            summary.untold += sum(_is_untold(event) for _, event in frame.events)
        for effect in self.shard.fold(frame, 0).effects:
            if isinstance(effect, Transition):
                if effect.transition in {"raised", "worsened"}:
                    counter = summary.raised if effect.transition == "raised" else summary.worsened
                    counter[effect.rule, effect.priority] += 1
                yield effect
            elif isinstance(effect, AuditEntry):
                for one in effect.doc.get("unread", ()):
                    summary.fields[reason_group(one["field"], one["reason"])] += 1
            elif isinstance(effect, DeadLetter):
                reason = reason_group(effect.field, effect.reason)
                summary.set_aside[reason] += 1
                summary.examples.setdefault(reason, effect.line)


MOST_UNREAD: Final = 10_000
"""Lines that wait for a first that can be read. What has more is no recording. Chosen by us."""


def _begun(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames, with the lines above all that could be read after the first that could.

    Before that there is no clock by which anybody could be told of a form that cannot be read.
    """
    unread: list[tuple[int, Event | Internal]] = []
    coming = iter(frames)
    for frame in coming:
        events = deque(frame.events)
        while events and events[0][0] == 0 and isinstance(events[0][1], SetAside):
            unread.append(events.popleft())
        if len(frame.at_us) or events or len(unread) > MOST_UNREAD:
            is_entry = events and events[0][0] == 0
            first = [events.popleft()] if is_entry else []
            here = 0 if is_entry else min(1, len(frame.at_us))
            after = [(here, event) for _, event in unread]
            yield msgspec.structs.replace(frame, events=(*first, *after, *events))
            yield from coming
            return
    if unread:
        yield frame_of(event for _, event in unread)


def _is_untold(event: Event | Internal) -> bool:
    """Whether it is a form that may hold an answer about suicide, and says no time at which anybody could be told."""
    if not isinstance(event, SetAside) or event.form is None or event.at != EPOCH:
        return False
    return asks_about_suicide(event.form, event.line)


_PLACE: Final = re.compile(r" at line \d+ column \d+| \(char \d+\)|: line \d+ column \d+")
_INDEX: Final = re.compile(r"\.\d+(?=\.|$)")


def reason_group(field: str, reason: str) -> str:
    """The words under which a line is counted that was set aside: its field and reason, without the place in the line."""
    words = _PLACE.sub("", reason)
    return f"{_INDEX.sub('', field)}: {words}" if field else words
