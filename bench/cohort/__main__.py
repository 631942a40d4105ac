"""Writes an invented cohort as observations, and its truth: `python -m bench.cohort --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.cohort.cohort import origins, simulate
from bench.cohort.families import FAMILIES
from bench.cohort.policies import KINDS
from bench.cohort.records import lines, truth_lines


def main() -> None:
    """Write a cohort and its truth."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.cohort", description="An invented cohort as observations, with its truth."
    )
    parser.add_argument("--family", choices=FAMILIES, default="F1")
    parser.add_argument("--patients", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--everybody", action="store_true", help="poor responders too, not only who improved in induction"
    )
    parser.add_argument("--out", type=Path, help="observations as NDJSON; stdout if not given")
    parser.add_argument(
        "--truth", type=Path, help="one line per origin: due (85 is beyond), severity, and what it depends on"
    )
    options = parser.parse_args()
    cohort = simulate(options.family, options.patients, options.seed, responders=not options.everybody)
    text = "".join(f"{json.dumps(line)}\n" for line in lines(cohort))
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text, "utf-8")
    if options.truth is not None:
        options.truth.write_text(
            "".join(f"{json.dumps(line)}\n" for line in truth_lines(cohort, origins(cohort))), "utf-8"
        )
    print(f"{options.family}: {len(KINDS)} policies, {cohort.size} patients", file=sys.stderr)


if __name__ == "__main__":
    main()
