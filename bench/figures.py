"""Figures: a median of several repetitions with its range, and a table of them that says on which machine.

This machine is seldom alone: the wall clock includes what others did, so speeds are given by the processor time that the
work took, too. A figure that was measured once says so by having no range.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing: repetitions in `unit`, the aim beside it."""

    part: str
    what: str
    values: Sequence[float]
    unit: str
    aim: str = ""

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> str:
        return f"{short(min(self.values))} – {short(max(self.values))}" if len(self.values) > 1 else ""


def short(value: float) -> str:
    """Three digits, or all of an integer's thousands."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table, which reads well enough on a terminal."""
    heads = ("part", "what", "median", "lowest – highest", "unit", "aim")
    rows = [(f.part, f.what, short(f.median), f.spread, f.unit, f.aim) for f in figures]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    numeric = (2, 3)
    rule = ["-" * (width - 1) + ":" if column in numeric else "-" * width for column, width in enumerate(widths)]
    laid = [
        [cell.rjust(width) if column in numeric else cell.ljust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in (heads, *rows)
    ]  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in (laid[0], rule, *laid[1:]))


def machine() -> str:
    """The processor, how many of it, and the versions that matter."""
    name = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    cores = 0
    if cpuinfo.is_file():
        lines = cpuinfo.read_text().splitlines()
        cores = sum(line.startswith("processor") for line in lines)
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {cores} cores; Python {platform.python_version()}, numpy {np.__version__}, {platform.system()}"


def heading(command: str, seed: int) -> str:
    """Where and how the figures were made; the load says how alone they were."""
    today = datetime.now(UTC).date().isoformat()
    load = os.getloadavg()[1]
    return f"{today} · {machine()}, load {load:.1f} · seed {seed} · `{command}`"


BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def write_into(page: Path, text: str) -> None:
    """Put the text between the page's two marks.

    Raises:
        ValueError: the page has no such marks.
    """
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")
