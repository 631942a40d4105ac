"""`nobody-on-call`: the next hole of each schedule, in which somebody should be on call and nobody is, before and as it begins.

A site's configuration, its overrides and an instant in; findings and the next instant at which to look out. Medium `TOLD_BEFORE`
the hole; high, and told anew, when it begins; over when an override or an edit fills it, or the hole is over. A hole that grows
is worse than the one told. Between two instants nothing is asked, so that it costs a frame nothing.
Bad at: holes further ahead than `IN_SIGHT`; whether whoever is on call answers (the ladder's).
Cost: some 20 µs for each hand-off of four weeks, when the rota changes and at a hole's edges. Never here: a clock, whom it calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from alerts.rota.rota import holes
from alerts.rota.wall_clock import wall_of
from models.findings import Change, Finding, Subject
from models.instants import DAY, FAR, iso
from models.oncall import WEEKDAYS, OnCall, Override
from models.tables.rules import RULES, Priority

_RULE: Final = "nobody-on-call"
_SOURCE: Final = "the site's rota"
TOLD_BEFORE: Final = 3 * DAY
"""Chosen by us: a hole on Monday morning is told on Friday morning, while whoever makes the rota is still at work."""
IN_SIGHT: Final = 28 * DAY
"""How far ahead a hole is looked for, as `check-config` does. Chosen by us: a month's rota."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Nobody is on call from `since_us` until `until_us`; `FAR`: no end is in sight."""

    since_us: int
    until_us: int
    priority: Priority

    def packed(self) -> list[int]:
        """Msgpack-able."""
        return [self.since_us, self.until_us, int(self.priority)]


Told = Mapping[str, Hole]
"""Schedule → the hole that its alert is about; none: no alert is."""


def watch(
    site: str, rota: OnCall, overrides: Sequence[Override], told: Told, at_us: int
) -> tuple[list[Finding], dict[str, Hole], int]:
    """What is to be told at an instant, what is told from then on, and the next instant at which to look; `FAR`: never.

    Args:
        site: whose rota it is.
        rota, overrides: who is on call; overrides since the configuration, oldest first.
        told: what this gave last.
        at_us: now.
    """
    findings: list[Finding] = []
    now: dict[str, Hole] = {}
    next_us = FAR
    for schedule in sorted({*told, *rota.schedules}):
        before, hole = told.get(schedule), None
        if schedule in rota.schedules:
            hole, look_us = _look(rota, overrides, schedule, before, at_us)
            next_us = min(next_us, look_us)
        if hole is not None:
            now[schedule] = hole
        findings += [
            _finding(site, rota, schedule, change, about, at_us) for change, about in _changes(before, hole)
        ]  # fmt: skip
    return findings, now, next_us


def _look(
    rota: OnCall, overrides: Sequence[Override], schedule: str, before: Hole | None, at_us: int
) -> tuple[Hole | None, int]:
    """The hole of a schedule that is to be told of now, and when to look again."""
    end_us = at_us + IN_SIGHT
    since_us, until_us = next(holes(rota, schedule, at_us, end_us, overrides), (FAR, FAR))
    if since_us - TOLD_BEFORE > at_us:
        return None, min(since_us, end_us) - TOLD_BEFORE
    if since_us > at_us:
        return Hole(since_us, FAR if until_us == end_us else until_us, Priority.MEDIUM), since_us
    if before is not None and before.since_us <= at_us <= before.until_us:
        since_us = before.since_us
    return Hole(since_us, FAR if until_us == end_us else until_us, Priority.HIGH), until_us


def _changes(before: Hole | None, now: Hole | None) -> list[tuple[Change, Hole]]:
    """What has become of the hole that was told of. Another hole is another alert."""
    if before == now:
        return []
    if before is None or now is None or before.since_us != now.since_us:
        ended: list[tuple[Change, Hole]] = [] if before is None else [("ended", before)]
        return ended if now is None else [*ended, ("began", now)]
    longer = now.until_us > before.until_us and now.priority is before.priority
    return [("deepened" if longer else "changed", now)]


def _finding(site: str, rota: OnCall, schedule: str, change: Change, hole: Hole, at_us: int) -> Finding:
    subject = Subject(site, schedule, None)
    if change == "ended":
        text = f"{schedule}: Somebody is on call, or need not be."
        return Finding(
            "ended", subject, _RULE, hole.priority, at_us, at_us, at_us, text, {"schedule": schedule}, _SOURCE
        )
    zone = rota.schedules[schedule].timezone
    open_end = hole.until_us == FAR
    until = "and nobody is in sight" if open_end else f"until {_wall(hole.until_us, zone)}"
    text = f"{schedule}: {RULES[_RULE].title}. From {_wall(hole.since_us, zone)} {until} ({zone}). Put somebody there."
    evidence: dict[str, object] = {"schedule": schedule, "since": iso(hole.since_us)}
    if not open_end:
        evidence["until"] = iso(hole.until_us)
    return Finding(change, subject, _RULE, hole.priority, at_us, at_us, at_us, text, evidence, _SOURCE)


def _wall(at_us: int, zone: str) -> str:
    """As an English reader says it, whatever the machine's language."""
    wall = wall_of(at_us, zone)
    return f"{WEEKDAYS[wall.weekday()].capitalize()} {wall:%Y-%m-%d %H:%M}"
