"""`python -m bench.paging`: thousands of schedules of faults on a virtual clock, two processes; no high alert may be lost in any.

`--seed N` runs one schedule and says what became of it: so is a schedule that fails seen again.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.paging.night import begun
from bench.paging.promises import Verdict, judged

FOLDER: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None  # memory, as no disk is tried here
CHUNK: Final = 20


def live(seed: int) -> Verdict:
    """One schedule, from its seed to what became of it."""
    with TemporaryDirectory(prefix="night-", dir=FOLDER) as folder:
        world = begun(seed, Path(folder))
        try:
            world.run()
        except Exception as raised:  # noqa: BLE001  # whatever it is, the seed must be said
            return Verdict(seed, [f"{type(raised).__name__}: {raised}"])
        return judged(world)


def several(seeds: list[int]) -> list[Verdict]:
    """Schedules one after the other, without a log."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return [live(seed) for seed in seeds]
    finally:
        logging.disable(before)


def verdicts(first: int, schedules: int, processes: int) -> Iterator[Verdict]:
    """So many schedules, as they are done."""
    chunks = [list(range(at, min(at + CHUNK, first + schedules))) for at in range(first, first + schedules, CHUNK)]
    with ProcessPoolExecutor(processes) as pool:
        for done in pool.map(several, chunks):
            yield from done


def main() -> int:
    """Run, print; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.paging", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, help="one schedule, with all that happens in it")
    options = parser.parse_args()
    if options.seed is not None:
        with TemporaryDirectory(prefix="night-", dir=FOLDER) as folder:
            world = begun(options.seed, Path(folder))
            print(world.faults)
            world.run()
            for each in world.tries:
                print(f"{each.began_s:8.3f}  {each.key}  {each.person or '-'} by {each.destination}: {each.how}")
            verdict = judged(world)
        print(verdict)
        return int(bool(verdict.broken))
    began_s, total, broken, done = time.perf_counter(), Counter[str](), 0, 0
    latest_s = 0.0
    for verdict in verdicts(options.first, options.schedules, options.processes):
        done += 1
        latest_s = max(latest_s, verdict.latest_s)
        for name in ("high_alerts", "pages", "receipts", "duplicates", "crashes", "tries_failed", "calls_timed"):
            total[name] += getattr(verdict, name)
        for what in verdict.broken:
            broken += 1
            print(f"{what}\n    again: python -m bench.paging --seed {verdict.seed}", flush=True)
        if done % 200 == 0:
            print(
                f"{done} schedules, {time.perf_counter() - began_s:.0f} s, {broken} broken", file=sys.stderr, flush=True
            )
    took_s = time.perf_counter() - began_s
    print(f"{done} schedules from seed {options.first}, {took_s:.0f} s: {broken} promises broken")
    print(
        ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in total.items()),
        f"latest {latest_s:.3f} s",
        sep=", ",
    )
    return int(bool(broken))


if __name__ == "__main__":
    raise SystemExit(main())
