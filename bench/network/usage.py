"""What the processes of a network cost, from /proc: processor seconds and memory, also of those that die and start again.

A look each second adds what was used since the last one; what a process used in its last second before it was killed is lost.
Memory is each process's share (PSS), so that what PostgreSQL's processes have in common is counted once.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
LOOK_S: Final = 1.0
WEIGH_EVERY: Final = 10
"""Looks between two of memory, which costs more."""


def cpu_s(pid: int, *, children: bool = False) -> float:
    """Seconds of processor that a process has used; with `children`, those too, dead ones included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    used = (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
    if not children:
        return used
    of_dead = (int(fields[13]) + int(fields[14])) / TICKS_A_SECOND
    return used + of_dead + sum(cpu_s(child) for child in children_of(pid))


def memory_mb(pid: int) -> float:
    """Megabytes that a process has in memory, its share of what it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def children_of(pid: int) -> list[int]:
    """Its child processes."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Usage:
    """What named processes use from `begin` on. `pids` gives those that there are now; a name may come with another pid.

    Args:
        families: names whose children are theirs, as the database's are.
    """

    def __init__(self, pids: Callable[[], Mapping[str, int]], families: frozenset[str] = frozenset()) -> None:
        self._pids = pids
        self._families = families
        self._last: dict[tuple[str, int], float] = {}
        self._looks = 0
        self.begin()

    def begin(self) -> None:
        """Count from now on."""
        self.cpu: defaultdict[str, float] = defaultdict(float)
        self.most_mb: dict[str, float] = {}
        self._look(counts=False)

    def figures(self) -> dict[str, float]:
        """Seconds of processor by name, up to now."""
        self._look()
        return {name: round(used, 1) for name, used in sorted(self.cpu.items())}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self._look()

    def _look(self, *, counts: bool = True) -> None:
        self._looks += 1
        for name, pid in self._pids().items():
            with suppress(OSError):  # it ended between two looks
                used = cpu_s(pid, children=name in self._families)
                if counts:
                    self.cpu[name] += max(0.0, used - self._last.get((name, pid), 0.0))
                self._last[name, pid] = used
                if self._looks % WEIGH_EVERY == 0:
                    family = [pid, *children_of(pid)] if name in self._families else [pid]
                    self.most_mb[name] = max(self.most_mb.get(name, 0.0), sum(map(memory_mb, family)))
