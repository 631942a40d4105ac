"""`python -m bench.detection.shallow`: what would have to stand beside a low CO2 to find what nurses acted on.

The labels of `breathing_states` say where CO2 was low (low CO2, slow with low CO2, low CO2 periodic), each act of a nurse on the
airway is in it, and its saturations are measured: so a combination's finds and its cost an hour can be counted, without a
rate and without an EtCO2. A stretch is acted on if somebody was spoken to, or their airway or oxygen was seen to, in it or within
half a minute.
Bad at: depth. A label says low, not how low; an EtCO2 of 15 is rarer than the label.
"""

from __future__ import annotations

import csv
import gzip
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.detection.capnograph import load, paths, runs

LOW_CO2: Final = (2, 7, 8)
LASTS_S: Final = (20, 60, 120, 180)
ACTED_WITHIN_S: Final = 30
LOW_SPO2: Final = 93.0
FALL: Final = 3.0
OWN_S: Final = 600


@dataclass(frozen=True, slots=True)
class Stretch:
    """Low CO2 on end: the lowest saturation in it, how far that is below the person's own, and whether somebody acted."""

    length_s: int
    lowest: float
    fall: float
    acted: bool


def stretches(path: Path) -> tuple[list[Stretch], float]:
    """One person's stretches of low CO2, and the hours watched."""
    person = load(path)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        acts = np.array([bool(row["nurse"]) for row in csv.DictReader(file)])
    spo2 = person.measured["spo2"]
    read = spo2[:OWN_S][np.isfinite(spo2[:OWN_S])]
    own = float(np.median(read)) if len(read) else np.nan
    found = []
    for first, last in runs(np.isin(person.state, LOW_CO2)):
        here = slice(first, last + 1 + ACTED_WITHIN_S)
        seen = spo2[here][np.isfinite(spo2[here])]
        lowest = float(seen.min()) if len(seen) else np.nan
        found.append(Stretch(last - first + 1, lowest, own - lowest, bool(acts[here].any())))
    return found, len(person.state) / 3600


def table(every: list[Stretch], hours: float) -> str:
    """As Markdown: a row for each length and company."""
    lines = ["| low CO2 for | beside it | stretches | an hour | acted on |", "| --: | --- | --: | --: | --: |"]
    for lasts_s in LASTS_S:
        for words, beside in (
            ("anything", every),
            (f"SpO2 {LOW_SPO2:.0f} or less", [one for one in every if one.lowest <= LOW_SPO2]),
            (f"SpO2 {FALL:.0f} below one's own", [one for one in every if one.fall >= FALL]),
        ):
            long = [one for one in beside if one.length_s >= lasts_s]
            acted = sum(one.acted for one in long)
            lines.append(f"| {lasts_s} s | {words} | {len(long)} | {len(long) / hours:.2f} | {acted} |")
    return "\n".join(lines)


def main() -> int:
    """Count, and print the table."""
    if not (folder := paths()):
        print("no recordings: CHAIRSIDE_DATA names their folder", file=sys.stderr)
        return 1
    people = [stretches(path) for path in folder]
    every = [one for found, _ in people for one in found]
    print(table(every, sum(hours for _, hours in people)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
