"""The scorecard's two charts: how often people are called, and how late an event is told.

Grey is what is compared with, one accent is Chairside. Colours of priorities are kept for priorities.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bench.detection.burden import Burden, counted
from bench.detection.card import LATE_S, grave
from bench.detection.injected import Outcome
from bench.detection.panels import GREY, INK, PALE, save
from bench.detection.plain import PLAIN
from bench.detection.simulated import Scored
from bench.detection.told import PHYSIOLOGICAL

ACCENT: Final = "#1a73e8"
FURTHEST_S: Final = 60.0
"""Right edge of the delays; what is later is drawn on it."""


def burden(burdens: Sequence[Burden], families: Sequence[Scored], out: Path) -> None:
    """Plain alarms, the same after 15 s, and Chairside's high and medium alerts; recordings by limit, invented by family."""
    mpl.use("Agg")
    figure = Figure(figsize=(11, 0.32 * len(families) + 1.6), dpi=80, layout="constrained")
    left, right = figure.subplots(1, 2)
    hours = sum(each.hours for each in burdens)
    rows = []
    for limit in PLAIN:
        told = sum(
            count for each in burdens for (rule, _), count in counted(each.alerts).items() if rule in limit.rules
        )
        plain = sum(each.plain[limit.name] for each in burdens)
        delayed = sum(each.delayed[limit.name] for each in burdens)
        rows.append((limit.name, plain / hours, delayed / hours, told / hours))
    _bars(left, rows, f"recordings, {hours:.0f} h")
    _bars(
        right,
        [
            (
                each.family,
                each.plain.total() / each.hours,
                each.delayed.total() / each.hours,
                counted([a for a in each.alerts if a.category in PHYSIOLOGICAL]).total() / each.hours,
            )
            for each in families
        ],
        f"invented sessions, {sum(each.hours for each in families):.0f} h",
    )
    save(figure, out)


def _bars(axis: Any, rows: Sequence[tuple[str, float, float, float]], title: str) -> None:
    place = np.arange(len(rows))[::-1]
    kinds = (
        (1, PALE, "plain limits"),
        (2, GREY, "plain limits, 15 s delay"),
        (3, ACCENT, "Chairside, high and medium"),
    )
    for column, colour, label in kinds:
        height = place + 0.27 * (2 - column)
        axis.barh(height, [row[column] for row in rows], height=0.25, color=colour, label=label)
    axis.set_yticks(place, [row[0] for row in rows], fontsize=7)
    axis.set_xlabel("alarms per patient-hour", fontsize=7, color=GREY)
    axis.set_title(title, fontsize=9, loc="left", color=INK)
    axis.legend(fontsize=7, frameon=False)
    _plain(axis)


def delays(families: Sequence[Scored], injected: Sequence[Outcome], out: Path) -> None:
    """Seconds beyond each rule's own time, an event a dot; the line is the promise."""
    mpl.use("Agg")
    rows: dict[str, list[float | None]] = {}
    for match in grave(families):
        rows.setdefault(f"{match.event.rule} {match.event.priority.word}", []).append(match.late_s)
    for outcome in injected:
        rows.setdefault(f"in recordings: {outcome.event.kind.rules[0]}", []).append(outcome.late_s)
    figure = Figure(figsize=(9, 0.26 * len(rows) + 1), dpi=80, layout="constrained")
    axis = figure.subplots()
    rng = np.random.default_rng(0)
    for place, (name, every) in zip(range(len(rows))[::-1], sorted(rows.items()), strict=True):
        late = np.clip([value for value in every if value is not None], 0, FURTHEST_S)
        lost = sum(value is None for value in every)
        axis.plot(late, place + rng.uniform(-0.25, 0.25, len(late)), ".", color=GREY, markersize=2.5, alpha=0.6)
        if len(late):
            axis.plot([np.median(late)] * 2, [place - 0.38, place + 0.38], color=ACCENT, linewidth=2)
        said = f"{len(every)}" + (f", {lost} not found" if lost else "")
        axis.text(FURTHEST_S * 1.02, place, said, fontsize=6.5, va="center", color=GREY)
        axis.text(-1, place, name, fontsize=7, va="center", ha="right", color=INK)
    axis.axvline(LATE_S, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axis.set_yticks([])
    axis.set_xlim(-0.5, FURTHEST_S)
    axis.set_xlabel("seconds beyond the rule's own time; an event a dot, the median a bar", fontsize=7, color=GREY)
    _plain(axis)
    save(figure, out)


def _plain(axis: Any) -> None:
    axis.tick_params(labelsize=7, colors=GREY, length=2)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(PALE)
