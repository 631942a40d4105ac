"""Twenty alerts and twenty suppressed crossings as small multiples: two minutes each, to be looked at by a person.

Chosen by the seed, turn by turn over the limits, so that the commonest kind does not fill the page. Grey dots are readings
that were trusted, crosses those that were not; the dashed line is the limit; the pale line behind is the other signal (pulse
behind SpO2, SpO2 behind a rate), on the right-hand axis. A colour is a priority: red high, amber medium.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from bench.detection.burden import SUPPRESSED, Burden, Fated, hold_s
from bench.detection.recordings import CHANNELS, SETS, Recording, load
from bench.detection.told import PHYSIOLOGICAL, Alert, Step
from bench.detection.watched import qualities
from models.instants import SECOND
from models.tables.rules import Priority

SHOWN: Final = 20
BEFORE_S, AFTER_S = 75, 45
"""An alert stands at 75 s of its two minutes; a suppressed crossing begins at 45 s of them."""
GREY, PALE, INK = "#5f6368", "#c9ccd1", "#202124"
COLOURS: Final = {Priority.HIGH: "#c5221f", Priority.MEDIUM: "#e8a100"}
LARGEST: Final = 300_000
Item = TypeVar("Item")
_CHANNEL: Final = {
    "desaturation": "spo2", "bradypnoea": "rr", "apnoea": "rr", "bradycardia": "rate", "tachycardia": "rate",
}  # fmt: skip
_LABEL: Final = {"spo2": "SpO2 %", "rate": "rate /min", "rr": "RR /min"}
_RANGE: Final = {"spo2": (85.0, 100.0), "rate": (40.0, 100.0)}
_BEHIND: Final = {"spo2": "rate", "rate": "spo2", "rr": "spo2"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One window. `marks`: (second, priority) of alerts in it; `span`: the seconds of the crossing."""

    recording: Recording
    channel: str
    limit: float
    from_s: float
    title: str
    said: str
    marks: tuple[tuple[float, Priority], ...]
    span: tuple[float, float] | None


def alert_panels(burdens: Sequence[Burden], folder: Path, seed: int) -> list[Panel]:
    """Twenty of the steps that called somebody, of every rule that did."""
    steps = [
        (alert, step, burden.of)
        for burden in burdens
        for alert in burden.alerts
        if alert.category in PHYSIOLOGICAL and alert.rule in _CHANNEL
        for step in alert.burdens()
    ]
    chosen = _in_turn(steps, [alert.rule for alert, _, _ in steps], seed)
    loaded: dict[str, Recording] = {}
    panels = []
    for alert, step, of in chosen:
        if alert.patient not in loaded:
            loaded[alert.patient] = load(_path(folder, of, alert.patient))
        panels.append(_of_alert(loaded[alert.patient], alert, step))
    return panels


def suppressed_panels(burdens: Sequence[Burden], seed: int) -> list[Panel]:
    """Twenty of the plain alarms that called nobody, of every limit."""
    fated = [each for burden in burdens for each in burden.fated if each.fate in SUPPRESSED]
    return [_of_crossing(each) for each in _in_turn(fated, [each.crossing.limit.name for each in fated], seed)]


def _in_turn(items: Sequence[Item], kinds: Sequence[str], seed: int) -> list[Item]:
    order = np.random.default_rng(seed).permutation(len(items)).tolist()
    by_kind: dict[str, list[Item]] = {}
    for index in order:
        by_kind.setdefault(kinds[index], []).append(items[index])
    chosen: list[Item] = []
    while len(chosen) < SHOWN and any(by_kind.values()):
        chosen += [kind.pop() for _, kind in sorted(by_kind.items()) if kind]
    return chosen[:SHOWN]


def _of_alert(recording: Recording, alert: Alert, step: Step) -> Panel:
    at_s = step.at_us / SECOND
    marks = tuple((each.at_us / SECOND, each.priority) for each in alert.burdens())
    said = step.text.partition(": ")[2].partition(". ")[2].rstrip(".")
    title = f"{recording.name.removesuffix('_numerics')}  {_clock(at_s)}  {alert.rule} {step.priority.word}"
    limit = {"desaturation": 90.0, "bradypnoea": 8.0, "apnoea": 3.0, "bradycardia": 45.0, "tachycardia": 120.0}[
        alert.rule
    ]
    return Panel(recording, _CHANNEL[alert.rule], limit, at_s - BEFORE_S, title, said, marks, None)


def _of_crossing(fated: Fated) -> Panel:
    crossing, at_s = fated.crossing, fated.recording.at_s
    from_s, to_s = float(at_s[crossing.first]), float(at_s[crossing.last])
    words = " ".join(fated.words)
    said = {
        "too short": f"too short: {fated.lasted_s:.0f} s of {hold_s(crossing):.0f} s; {words}",
        "not believed": f"not believed: {words}",
        "low": f"low only: {fated.lasted_s:.0f} s; {words}",
        "held back": f"held back: {fated.lasted_s:.0f} s of {hold_s(crossing):.0f} s; {words}",
    }[fated.fate]
    title = f"{fated.recording.name.removesuffix('_numerics')}  {_clock(from_s)}  {crossing.limit.name}"
    return Panel(
        fated.recording, crossing.limit.channel, crossing.limit.limit, from_s - AFTER_S, title, said, (), (from_s, to_s)
    )


def _clock(second: float) -> str:
    return f"{int(second) // 3600}:{int(second) % 3600 // 60:02d}:{int(second) % 60:02d}"


def _path(folder: Path, of: str, patient: str) -> Path:
    return folder / of / SETS[of].replace("P*", patient).replace("bidmc_*_numerics", patient)


def draw(panels: Sequence[Panel], folder: Path, heading: str, out: Path) -> None:
    """One page of panels, five across."""
    mpl.use("Agg")
    words = _words(panels, folder)
    figure = Figure(figsize=(15, 2.55 * -(-len(panels) // 5) + 0.4), dpi=80, layout="constrained")
    figure.suptitle(heading, fontsize=10, color=INK, x=0.005, ha="left")
    axes = figure.subplots(-(-len(panels) // 5), 5, squeeze=False)
    for nth, axis in enumerate(axes.ravel()):
        if nth >= len(panels):
            axis.set_visible(False)
            continue
        _draw_one(axis, panels[nth], words[panels[nth].recording.name], nth + 1)
    save(figure, out)


def save(figure: Figure, out: Path) -> None:
    """As a picture of few colours; refuses one that is too large for a page of documentation."""
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata={"Software": None})
    Image.open(out).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(out, optimize=True)
    if out.stat().st_size > LARGEST:
        raise ValueError(f"{out} is larger than {LARGEST} bytes")


def _words(panels: Sequence[Panel], folder: Path) -> Mapping[str, Mapping[str, list[str]]]:
    """What the ward thought of every reading shown, by recording."""
    rows: dict[str, Any] = {}
    for panel in panels:
        recording = panel.recording
        mine = rows.setdefault(recording.name, (recording, np.zeros(len(recording.at_s), bool)))[1]
        mine |= _inside(panel)
    return {
        name: qualities(_path(folder, recording.of, name), asked, CHANNELS) for name, (recording, asked) in rows.items()
    }


def _inside(panel: Panel) -> Any:
    at_s = panel.recording.at_s
    return (at_s >= panel.from_s) & (at_s <= panel.from_s + BEFORE_S + AFTER_S)


def _draw_one(axis: Any, panel: Panel, words: Mapping[str, Sequence[str]], number: int) -> None:
    recording, inside = panel.recording, _inside(panel)
    second = recording.at_s[inside] - panel.from_s
    value = recording.reading(panel.channel)[inside]
    names = _sources(recording, panel.channel, inside)
    believed = np.array(
        [words[name][row] == "good" for name, row in zip(names, np.flatnonzero(inside).tolist(), strict=True)]
    )
    behind = axis.twinx()
    other = recording.reading(_BEHIND[panel.channel])[inside]
    behind.plot(second, other, color=PALE, linewidth=0.8, zorder=1)
    # Wide enough that a flat line looks flat.
    least, most = _RANGE[_BEHIND[panel.channel]]
    behind.set_ylim(np.nanmin(np.append(other, least)), np.nanmax(np.append(other, most)))
    axis.set_zorder(behind.get_zorder() + 1)
    axis.patch.set_visible(False)
    if panel.span is not None:
        axis.axvspan(panel.span[0] - panel.from_s, panel.span[1] - panel.from_s, color="#eceff1", linewidth=0, zorder=0)
    axis.axhline(panel.limit, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axis.plot(second[believed], value[believed], ".", color=GREY, markersize=3, zorder=3)
    axis.plot(second[~believed], value[~believed], "x", color=INK, markersize=3, markeredgewidth=0.7, zorder=3)
    for at_s, priority in panel.marks:
        if 0 <= at_s - panel.from_s <= BEFORE_S + AFTER_S:
            axis.axvline(at_s - panel.from_s, color=COLOURS[priority], linewidth=1.6, zorder=2)
    axis.set_xlim(0, BEFORE_S + AFTER_S)
    axis.set_xticks([0, 30, 60, 90, 120])
    lowest, highest = np.nanmin(np.append(value, panel.limit)), np.nanmax(np.append(value, panel.limit))
    axis.set_ylim(lowest - 2, highest + 2)
    axis.yaxis.get_major_locator().set_params(integer=True, nbins=5)
    behind.yaxis.get_major_locator().set_params(integer=True, nbins=4)
    for each in (axis, behind):
        each.tick_params(labelsize=6, colors=GREY if each is axis else PALE, length=2)
        for spine in each.spines.values():
            spine.set_visible(False)
    axis.set_title(f"{number}  {panel.title}\n{panel.said}", fontsize=7, loc="left", color=INK)
    axis.set_ylabel(_LABEL[panel.channel], fontsize=6, color=GREY)


def _sources(recording: Recording, channel: str, inside: Any) -> Iterable[str]:
    """The channel that each reading shown came from: a rate is the heart's, or the pulse where there is none."""
    if channel != "rate":
        return [channel] * int(np.count_nonzero(inside))
    return ["pulse" if without else "hr" for without in np.isnan(recording.channels["hr"][inside])]
