"""The text of alerts: a conclusion's values in, one sentence that a nurse understands and the evidence behind it out.

Names nobody: the chair, the alias, the signal, the value and its limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from models.instants import HOUR, SECOND, iso
from models.tables.limits import LABELS, SENTENCE_DECIMALS, UNITS, Limit


def number(value: float, channel: str = "") -> float | int:
    """A number as a person writes it: at most one decimal, or the channel's own; an int where there is none."""
    rounded = round(value, SENTENCE_DECIMALS.get(channel, 1))
    return int(rounded) if rounded == int(rounded) else rounded


def with_unit(value: float, channel: str) -> str:
    """``84 %``: a reading of a limit's column."""
    return f"{number(value, channel)} {UNITS[channel]}"


def duration(seconds: float) -> str:
    """``40 s``, ``5 min``, ``3 h 10 min``, ``4 d 2 h``: nobody counts 4547 minutes."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes <= 180:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60) if minutes < 48 * 60 else divmod(round(minutes / 60), 24)
    units = ("h", "min") if minutes < 48 * 60 else ("d", "h")
    return f"{hours} {units[0]} {rest} {units[1]}" if rest else f"{hours} {units[0]}"


def ago(at_us: int, clock_us: int) -> str:
    """``5 min ago``; of what is hours old with its time and day: ``3 d 4 h ago (2026-11-06 09:12 UTC)``."""
    lasted = duration((clock_us - at_us) / SECOND)
    if clock_us - at_us <= 3 * HOUR:
        return f"{lasted} ago"
    day = f"{iso(at_us)[:10]} " if iso(at_us)[:10] != iso(clock_us)[:10] else ""
    return f"{lasted} ago ({day}{iso(at_us)[11:16]} UTC)"


def limit_sentence(where: str, limit: Limit, value: float, title: str) -> str:
    """``Chair 3 (A-17): Low oxygen. SpO2 84 %, at or below 85 % for 10 s.``"""
    word = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}[limit.past]
    held = f" for {duration(limit.hold_s)}" if limit.hold_s else ""
    reading = f"{LABELS[limit.channel]} {with_unit(value, limit.channel)}"
    if (value < limit.enter) if limit.above else (value > limit.enter):
        # A worse limit is over and this one is not: the reading is between where it begins and where it ends.
        back = (value <= limit.leave) if limit.above else (value >= limit.leave)
        leave = with_unit(limit.leave, limit.channel)
        still = f"back past {leave} for less than {duration(limit.leave_s)}" if back else f"not yet back at {leave}"
        return f"{where}: {title}. {reading}, {still}."
    return f"{where}: {title}. {reading}, {word} {with_unit(limit.enter, limit.channel)}{held}."


_BECAUSE: Final = {
    "": "; recheck",
    "confirmed": "; confirmed",
    "slow heart": ", and the heart is slow",
    "far": ", far above the cuff before: recheck now",
    "narrow": ", but its two pressures are too close to be believed at once: recheck now",
    "mean": ", but its mean is not between its two pressures: recheck now",
    "waits": ", still doubted: recheck now",
    "rechecked": "; the recheck is high too",
    "not rechecked": "; not rechecked within 3 min",
    "symptoms": ", with symptoms",
}
"""The end of a cuff's sentence, by the reason of its verdict."""


def cuff_sentence(where: str, limit: Limit, value: float | None, title: str, why: str) -> str:
    """``Chair 3 (A-17): High blood pressure. Systolic pressure 185 mmHg, at or above 180 mmHg; recheck.``"""
    word = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}[limit.past]
    end = "" if limit.rule == "hypertensive-crisis" and not why else _BECAUSE[why]
    if value is None:
        return f"{where}: {title}. {LABELS[limit.channel]} {word} {with_unit(limit.enter, limit.channel)}{end}."
    return f"{where}: {title}. {LABELS[limit.channel]} {with_unit(value, limit.channel)}, {word} {with_unit(limit.enter, limit.channel)}{end}."


def limit_evidence(
    limit: Limit, value: float | None, baseline: float | None, minute: float | None
) -> dict[str, object]:
    """The values, limit, unit, baseline and minute of the protocol behind a limit's finding."""
    evidence: dict[str, object] = {
        "channel": limit.channel,
        "value": None if value is None else number(value, limit.channel),
        "limit": limit.enter,
        "past": limit.past,
        "unit": UNITS[limit.channel],
        "data_age_s": 0,
    }
    if limit.hold_s:
        evidence["held_s"] = limit.hold_s
    if limit.readings > 1:
        evidence["readings"] = limit.readings
    if baseline is not None:
        evidence["baseline"] = number(baseline, limit.channel)
    if minute is not None:
        evidence["minute"] = number(minute)
    return evidence


def absence_sentence(where: str, title: str, channels: Sequence[str], since_s: float) -> str:
    """``Chair 3 (A-17): Probe off. No trusted SpO2 for 30 s.``"""
    what = ", ".join(_inside(LABELS[channel]) for channel in channels) or "reading"
    return f"{where}: {title}. No trusted {what} for {duration(since_s)}."


def _inside(label: str) -> str:
    """A label within a sentence: ``heart rate``, but ``SpO2``."""
    return label if label[1:] != label[1:].lower() else label.lower()


def rule_sentence(where: str, title: str, detail: str) -> str:
    """The text of a rule without a limit: place, title, detail."""
    return f"{where}: {title}. {detail}"


def with_chair(evidence: Mapping[str, object], chair: str | None) -> dict[str, object]:
    """The evidence with the chair in it, for pages and boards; a copy."""
    return {**evidence, "chair": chair} if chair is not None else dict(evidence)
