"""The desk alone: what a further alert costs beside ten open alerts, and beside ten thousand.

The open ones are of as many patients at home, half of them acknowledged, so that each of those runs out at an instant of its own;
they are low, so that no page of theirs is due again meanwhile.
Beside them alerts from a chair live one after the other: raised and paged, acknowledged, run out and paged, over unseen,
acknowledged and closed. Processor time of this thread.
"""

from __future__ import annotations

from time import thread_time_ns
from typing import Final, Literal

from alerts.desk.desk import ACKNOWLEDGED_FOR, Desk
from alerts.effects import DeadLetter, Transition
from bench.figures import Figure
from models.findings import Finding, Subject
from models.instants import SECOND, to_datetime
from models.tables.rules import Priority
from models.wire.observations import AlertAcknowledged

OPEN: Final = (10, 10_000)
LIVES: Final = 100
REPETITIONS: Final = 5
EFFECTS: Final = 10
"""Of each life: raised, page, acknowledged, its entry, expired, page, latched, acknowledged, closed, its entry."""
LIFE_US: Final = ACKNOWLEDGED_FOR[Priority.MEDIUM] + SECOND
_START_US: Final = 1_750_000_000 * SECOND


def desk_with(count: int) -> tuple[Desk, int]:
    """A desk with so many open alerts, and its clock."""
    desk, clock_us = Desk(), _START_US
    for n in range(count):
        clock_us += 1000
        desk.advance(clock_us)
        desk.find(_finding("began", Subject("main", f"A-{n}", None), "mood-worsening", clock_us, Priority.LOW))
    for alert in list(desk.open)[::2]:
        clock_us += 1000
        _acknowledge(desk, alert, clock_us)
    desk.take()
    # The pages of so many beginnings are forgotten at the next page: that is not what is measured.
    lives(desk, clock_us, 1)
    return desk, clock_us + 2 * LIFE_US


def lives(desk: Desk, clock_us: int, count: int) -> int:
    """So many alerts' lives, one after the other; how many effects came of them."""
    effects = 0
    for n in range(count):
        subject = Subject("main", f"B-{n}", f"S-{n}", "1")
        desk.find(_finding("began", subject, "desaturation", clock_us))
        raised = desk.take()
        (alert,) = (one.alert for one in raised if isinstance(one, Transition))
        _acknowledge(desk, alert, clock_us)
        clock_us += LIFE_US
        desk.advance(clock_us)
        desk.find(_finding("ended", subject, "desaturation", clock_us))
        _acknowledge(desk, alert, clock_us)
        told = [*raised, *desk.take()]
        effects += sum(not isinstance(one, DeadLetter) and one.patient == subject.patient for one in told)
    return effects


def figures(repetitions: int = REPETITIONS, count: int = LIVES) -> list[Figure]:
    """Microseconds of an alert's life, by how many others are open."""
    found: list[Figure] = []
    for others in OPEN:
        took_us: list[float] = []
        for _ in range(repetitions):
            desk, clock_us = desk_with(others)
            began_ns = thread_time_ns()
            effects = lives(desk, clock_us, count)
            took_us.append((thread_time_ns() - began_ns) / 1000 / count)
            if effects != EFFECTS * count or len(desk.open) != others:
                raise ValueError(f"{effects} effects of {count} lives, {len(desk.open)} of {others} still open")
        found.append(Figure("desk", f"an alert's life beside {others:,} open ones", took_us, "µs"))
    return found


def _acknowledge(desk: Desk, alert: str, clock_us: int) -> None:
    desk.command(AlertAcknowledged(at=to_datetime(clock_us), alert=alert, by="rn-1"), clock_us)


def _finding(
    change: Literal["began", "ended"], subject: Subject, rule: str, at_us: int, priority: Priority = Priority.MEDIUM
) -> Finding:
    return Finding(change, subject, rule, priority, at_us, at_us, at_us, "text", {"value": 1}, "source")
