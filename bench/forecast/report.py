"""Targets, tables and plots of the scorecard.

Never here: how a number comes about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Plot

from bench.figures import heading
from bench.forecast.scores import Scores
from models.arrays import Flags, Floats

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "forecast.md"
IMAGES: Final = DOCS / "images" / "forecast"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report. `missed`: targets that do not hold."""

    title: str
    text: str
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A number and where it must lie."""

    what: str
    value: float
    low: float = -np.inf
    high: float = np.inf

    @property
    def met(self) -> bool:
        return bool(self.low <= self.value <= self.high)

    @property
    def row(self) -> tuple[str, ...]:
        wanted = (
            f"{self.low:g} – {self.high:g}"
            if np.isfinite(self.low) and np.isfinite(self.high)
            else f"≥ {self.low:g}"
            if np.isfinite(self.low)
            else f"≤ {self.high:g}"
        )
        return self.what, f"{self.value:.3f}", wanted, "yes" if self.met else "**no**"


def targets_table(targets: Sequence[Target]) -> str:
    """What must hold, and whether it does."""
    return table(("target", "found", "wanted", "met"), [target.row for target in targets])


def missed(targets: Sequence[Target]) -> tuple[str, ...]:
    return tuple(f"{target.what} is {target.value:.3f}" for target in targets if not target.met)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns are lined up; all but the first to the right."""
    widths = [max(len(str(row[column])) for row in (heads, *rows)) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        cells = [
            str(cell).ljust(width) if column == 0 else str(cell).rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "| " + " | ".join(cells) + " |"

    rule = (
        "|"
        + "|".join("-" * (width + 2) if column == 0 else "-" * (width + 1) + ":" for column, width in enumerate(widths))
        + "|"
    )
    return "\n".join([line(heads), rule, *map(line, rows)])


HEADS: Final = (
    "",
    "CRPS, d",
    "skill",
    "AUROC 7",
    "AUROC 14",
    "Brier 7",
    "Brier 14",
    "ECE 7",
    "ECE 14",
    "80 % covers",
    "under",
    "over",
    "width, d",
)


def row_of(name: str, s: Scores) -> tuple[str, ...]:
    return (
        name,
        f"{s.crps:.2f}",
        *(
            f"{value:.3f}"
            for value in (
                s.skill,
                s.auroc_7,
                s.auroc_14,
                s.brier_7,
                s.brier_14,
                s.ece_7,
                s.ece_14,
                s.cover,
                s.low,
                s.high,
            )
        ),
        f"{s.width:.0f}",
    )


def mean_of(parts: Sequence[Scores]) -> Scores:
    """The plain mean over families (and seeds)."""
    return Scores(
        *(type(getattr(parts[0], name))(np.mean([getattr(part, name) for part in parts])) for name in Scores.__slots__)
    )


def written(sections: Sequence[Section], command: str, seeds: Sequence[int]) -> str:
    """All sections as they stand in the docs."""
    parts = [f"### {section.title}\n\n{section.text}" for section in sections]
    return heading(command, seeds[0]) + "\n\n" + "\n\n".join(parts)


def reliability(name: str, curves: dict[str, tuple[Floats, Flags]]) -> None:
    """Forecast against frequency in ten bins, one curve a family."""
    plot, axes = _plot()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", linewidth=1)
    for label, (p, happened) in curves.items():
        bins = np.minimum((p * 10).astype(int), 9)
        size = np.bincount(bins, minlength=10)
        some = size >= 20
        mean = np.bincount(bins, p, minlength=10)[some] / size[some]
        share = np.bincount(bins, happened.astype(float), minlength=10)[some] / size[some]
        axes.plot(mean, share, marker="o", markersize=4, label=label)
    axes.set(xlabel="forecast P(due within 14 days)", ylabel="share that was due", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    _save(plot, name)


def histogram(name: str, parts: dict[str, Floats]) -> None:
    """Randomised PIT, ten bins; level is calibrated, a hill is blurred, a bowl is too sure."""
    plot, axes = _plot()
    for label, u in parts.items():
        share = np.histogram(u, bins=10, range=(0, 1))[0] / len(u) * 10
        axes.stairs(share, np.linspace(0, 1, 11), label=label, linewidth=1.6)
    axes.axhline(1, color="0.7", linestyle="--", linewidth=1)
    axes.set(xlabel="probability integral transform", ylabel="density", xlim=(0, 1), ylim=(0, None))
    axes.legend(frameon=False)
    _save(plot, name)


def lines(name: str, curves: dict[str, tuple[Sequence[float], Sequence[float]]], xlabel: str, ylabel: str) -> None:
    """Points joined by lines."""
    plot, axes = _plot()
    for label, (x, y) in curves.items():
        order = np.argsort(x)
        axes.plot(np.asarray(x)[order], np.asarray(y)[order], marker="o", markersize=4, label=label)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend(frameon=False)
    _save(plot, name)


def fans(name: str, days: Floats, parts: list[tuple[str, Floats, int]]) -> None:
    """Some forecasts as curves with the day on which it was due."""
    plot, axes = _plot()
    for label, cdf, due in parts:
        (curve,) = axes.plot(days, cdf, label=label)
        if due <= days[-1]:
            axes.plot([due], [cdf[due]], marker="D", color=curve.get_color())
    axes.set(
        xlabel="days from the origin (a diamond: when it was due)", ylabel="P(due by then)", ylim=(0, 1), xlim=(0, 84)
    )
    axes.legend(frameon=False)
    _save(plot, name)


def _plot() -> tuple[Plot, mpl.axes.Axes]:
    mpl.use("Agg")
    plot = Plot(figsize=(6.4, 4.2), dpi=110, layout="constrained")
    axes = plot.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return plot, axes


def _save(plot: Plot, name: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    plot.savefig(IMAGES / f"{name}.png", metadata={"Software": None})
