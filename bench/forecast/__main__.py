"""The forecast's scorecard: `python -m bench.forecast` (quick), `--full` (as published), `--write` (into the docs).

Every family of F1-F4 is scored with models that never saw it, then all of it again with other patients. What must hold is
in the targets (`report.py`); the exit status is 1 where a target is missed, so that a worse forecaster cannot go unnoticed.
Cost: quick 10 minutes of one core, full about an hour; gathered origins are kept in `--cache`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from bench.figures import write_into
from bench.forecast.leave_out import Bench
from bench.forecast.report import PAGE, Section, written
from bench.forecast.sections import SECTIONS
from bench.forecast.train import PATIENTS, Growth


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.forecast", description="How good the forecasts are, on patients whose truth is known."
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="300 patients a family and two seeds, as in docs/forecast.md; else 80 and one",
    )
    parser.add_argument("--seeds", type=int, nargs="+", help="seeds of the scored cohorts (1 2 with --full, 1 without)")
    parser.add_argument("--patients", type=int, help="patients a family")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="may be repeated; all sections if not given")
    parser.add_argument("--cache", type=Path, help="keep gathered origins in this folder, and use what is there")
    parser.add_argument("--write", action="store_true", help=f"put tables and plots into {PAGE.name} and its images")
    options = parser.parse_args()
    bench = Bench(
        patients=options.patients or (300 if options.full else 80),
        training=PATIENTS if options.full else 60,
        growth=Growth() if options.full else replace(Growth(), trees=60),
        folder=options.cache,
    )
    seeds = options.seeds or ([1, 2] if options.full else [1])
    found: list[Section] = []
    for name in options.only or list(SECTIONS):
        print(f"{name} …", file=sys.stderr, flush=True)
        section = SECTIONS[name](bench, seeds, options.write)
        print(section.text, flush=True)
        found.append(section)
    if options.write:
        write_into(PAGE, written(found, "python -m bench.forecast " + " ".join(sys.argv[1:]), seeds))
    missed = [target for section in found for target in section.missed]
    print("all targets are met" if not missed else "missed: " + "; ".join(missed), file=sys.stderr)
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
