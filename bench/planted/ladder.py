"""Faults by which an on-call system loses somebody: timers, ladders, the rota, and pages on their way.

Each has been somebody's real outage. The near tests are layers: examples, state machines, and schedules of crashes
(`bench/paging/`); docs/planted-faults.md says which of them notices what.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.planted.fault import Fault, Suite

_desk = partial(Fault, file="alerts/desk/desk.py")
_ladder = partial(Fault, file="alerts/desk/ladder.py")
_rota = partial(Fault, file="alerts/rota/rota.py")
_outbox = partial(Fault, file="alerts/store/outbox.py")

EXAMPLES: Final = (
    "tests/alerts/test_ladder.py", "tests/alerts/test_desk.py", "tests/alerts/test_lifecycle.py", "tests/alerts/rota/test_rota.py",
    "tests/alerts/rota/test_watch.py", "tests/alerts/test_people.py", "tests/alerts/test_pager.py",
)  # fmt: skip
MACHINES: Final = ("tests/alerts/test_ladder_machine.py", "tests/alerts/test_desk_machine.py")
SCHEDULES: Final = ("tests/bench/test_paging.py",)

# fmt: off
LADDER: Final = Suite(
    "Ladders, the rota, and pages on their way",
    (*EXAMPLES, *MACHINES, *SCHEDULES),
    (
        _desk("N1", old="FAR if mild or each.phase is AlertPhase.LATCHED else clock_us + mine.wait_us\n            self.open.note_due(each)",
              new="FAR if mild or each.phase is AlertPhase.LATCHED else clock_us + mine.wait_us",
              why="a lost timer: the next rung is due, and nobody looks"),
        _outbox("N2", old='.values(state="sending", attempts', new='.values(state="sent", attempts',
                why="claim, then send: what a sender that died was sending counts as sent"),
        Fault("N3", "alerts/desk/lifecycle.py", old='(P.SNOOZED, S.WORSENED):            Move(P.ACTIVE, ("worsened",), pages=True)',
              new='(P.SNOOZED, S.WORSENED):            Move(P.SNOOZED, ("worsened",))',
              why="a snooze hides what is worse"),
        Fault("N4", "alerts/rota/wall_clock.py", old="first = wall.replace(tzinfo=zone, fold=0)", new="first = wall.replace(tzinfo=zone, fold=1)",
              why="a gap at a clock change: in the hour that comes twice nobody is on call"),
        _outbox("N5", old="return sa.and_(DELIVERIES.c.attempts == 0, high if", new="return sa.and_(DELIVERIES.c.attempts >= 0, high if",
                why="retries starve a new page: they take its lane"),
        _ladder("N6", old="self.policy, rungs, self.answers, self.rung, self.calls,", new="self.policy, rungs, self.answers, self.rung + 1, self.calls,",
                why="a restart skips a rung"),
        _desk("N7", old="return clock_us + (ACKNOWLEDGED_AT_HOME if at_home else ACKNOWLEDGED_FOR)[alert.priority]", new="return FAR",
              why="acknowledged for ever"),
        _rota("N8", old="if not since_us <= at_us < until_us:", new="if not since_us < at_us < until_us:",
              why="an override is ignored at the instant at which it begins"),
        _ladder("N9", old="return Call(len(self.rungs), None, self.rungs[-1][1], tuple(skipped))", new="return Call(len(self.rungs), None, DAY, tuple(skipped))",
                why="a ladder stops after its last rung"),
        _desk("N10", old="            return\n        self._watch_rota(record.site, clock_us)",
              new="            return\n        self._watch_rota(record.site, clock_us)\n        for each in self.open.values():\n            _ladder(each).restart()",
              why="a new configuration resets the ladders that are being climbed"),
    ),
    plain=True,
)
# fmt: on
