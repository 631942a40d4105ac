"""Hazards of the invented clinic: how often each strikes, when, and what it does to a body.

A hazard is a row of three tables: how often it strikes, which channels it pulls where, and what people do about it.
An event's name is the rule that should notice it; one event may well break several rules (a faint is `hypotension`, and
its slow heart is `bradycardia`).
Bad at: chains of events. Two hazards never overlap, and treatment ends an event when the plan says so, not sooner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from models.arrays import Floats

Pulled = Literal["hr", "pulse", "rr", "spo2", "etco2", "sbp", "dbp", "cadss", "distress", "moaas"]


@dataclass(frozen=True, slots=True)
class Hazard:
    """How often per session, when after the dose (minutes) and for how long (seconds)."""

    name: str
    per_infusion: float
    per_spray: float
    between_min: tuple[float, float]
    lasts_s: tuple[float, float]
    source: str


# fmt: off
HAZARDS: Final = (
    Hazard("hypertension",        0.0025,  0.0015,  (15, 45), (1500, 2100), "with those whom the drug alone takes there, severe hypertension in 0.98 % of infusions (Gen Hosp Psychiatry 2024) and 2.0-4.9 % of people sprayed for four weeks (Doherty 2020)"),
    Hazard("hypertensive-crisis", 0.0003,  0.0002,  (15, 45), (1500, 1800), "a tenth of severe hypertension; chosen by us"),
    Hazard("hypotension",         0.0020,  0.0010,  (5, 60),  (120, 240),   "faint; rare single cases, chosen by us"),
    Hazard("tachycardia",         0.0050,  0.0050,  (10, 60), (330, 540),   "HR events in 3.0 % of people (Doherty 2020), some six sessions each"),
    Hazard("bradycardia",         0.0020,  0.0010,  (5, 60),  (120, 240),   "chosen by us"),
    Hazard("desaturation",        0.0040,  0.0040,  (8, 60),  (120, 240),   "SpO2 below 93 % twice in under 3 % of people (esketamine programme), some seven sessions each"),
    Hazard("apnoea",              0.0003,  0.00005, (8, 50),  (36, 50),     "4.6 respiratory depressions in 100,000 sprays; sixfold for infusions, chosen by us"),
    Hazard("bradypnoea",          0.0010,  0.0005,  (8, 60),  (180, 360),   "chosen by us"),
    Hazard("sedation",            0.0050,  0.0100,  (18, 50), (600, 1200),  "MOAA/S 2-3; chosen by us, as the share below 4 is not published"),
    Hazard("unresponsive",        0.0010,  0.0035,  (15, 45), (180, 420),   "loss of consciousness in 0.3-0.4 % (label)"),
    Hazard("severe-dissociation", 0.0050,  0.0020,  (12, 40), (900, 1800),  "psychological distress stops 0.5 % of treatments (survey of 6,630 people)"),
    Hazard("never-started",       0.0050,  0.0050,  (2, 8),   (0, 0),       "chosen by us; ends this many minutes into the dose"),
    Hazard("no-data",             0.0200,  0.0200,  (5, 100), (180, 480),   "network cut; chosen by us"),
    Hazard("probe-off",           0.0300,  0.0300,  (5, 100), (300, 720),   "3 % of gaps in the sedation recordings outlast 3 min (hfnosedrct); chosen by us per session"),
)
# fmt: on
HAZARD: Final = {hazard.name: hazard for hazard in HAZARDS}
TECHNICAL: Final = ("never-started", "no-data", "probe-off")


@dataclass(frozen=True, slots=True)
class Pull:
    """Where an event takes a channel: from `mild` to `grave` by its strength, reached `onset_s` after `lag_s`.

    It stays there until `extra_s` after the event's end and returns over `recovery_s`.
    """

    channel: Pulled
    mild: float
    grave: float
    lag_s: float
    onset_s: float
    extra_s: float
    recovery_s: float
    noise: float = 1.0
    """How much of the wandering stays, at most one unit either way: an event does not look drawn with a ruler."""


# Depths follow the limits that published protocols act on (180/110, 200/120, HR 50 and 120, SpO2 90 and 85, breathing 8),
# a few units beyond them, so that a device's error does not decide whether the event happened. Speeds: chosen by us.
PULLS: Final[dict[str, tuple[Pull, ...]]] = {
    "hypertension": (Pull("sbp", 190, 196, 0, 240, 0, 900), Pull("dbp", 115, 117, 0, 240, 0, 900)),
    "hypertensive-crisis": (Pull("sbp", 213, 228, 0, 240, 0, 900), Pull("dbp", 126, 133, 0, 240, 0, 900)),
    "hypotension": (
        Pull("sbp", 78, 70, 0, 30, 0, 120),
        Pull("dbp", 48, 42, 0, 30, 0, 120),
        Pull("hr", 41, 36, 0, 25, 0, 90),
    ),
    "tachycardia": (Pull("hr", 132, 148, 0, 30, 0, 120),),
    "bradycardia": (Pull("hr", 41, 36, 0, 20, 0, 40),),
    "desaturation": (Pull("spo2", 87, 80, 0, 50, 0, 45),),
    # Saturation follows the breath by half a minute: the lung's store, the circulation, the oximeter's averaging.
    "apnoea": (
        Pull("rr", 0, 0, 0, 1, 0, 2),
        Pull("etco2", 0, 0, 0, 1, 0, 6),
        Pull("spo2", 86, 79, 25, 40, 30, 50),
    ),
    "bradypnoea": (Pull("rr", 6.4, 5, 0, 30, 0, 60), Pull("etco2", 47, 54, 0, 120, 0, 120)),
    "sedation": (Pull("moaas", 2, 2, 0, 60, 0, 60),),
    "unresponsive": (Pull("moaas", 1, 0, 0, 20, 0, 30), Pull("rr", 11, 11, 0, 30, 0, 60)),
    "severe-dissociation": (
        Pull("cadss", 73, 84, 0, 120, 0, 600),
        Pull("distress", 8, 9, 0, 60, 0, 600),
        Pull("hr", 98, 104, 0, 120, 0, 300),
    ),
    **dict.fromkeys(TECHNICAL, ()),
}

STAFF_RESPONSES: Final[dict[str, tuple[tuple[float, str, str], ...]]] = {
    "desaturation": ((75, "stimulation", "woken, chin lifted"), (95, "oxygen", "2 L/min by nasal cannula")),
    "apnoea": ((30, "stimulation", "airway opened, woken"), (45, "oxygen", "10 L/min by mask")),
    "bradypnoea": ((90, "stimulation", "asked to breathe"),),
    "hypotension": ((50, "position", "laid flat, legs raised"),),
    "unresponsive": ((60, "stimulation", "trapezius squeeze"), (80, "oxygen", "2 L/min by nasal cannula")),
    "severe-dissociation": ((420, "midazolam", "1 mg IV after calming had not helped"),),
}
"""Seconds after the event's start, what, detail. Antihypertensives wait for a second high cuff: see `notes.py`."""

STOPS_THE_DOSE: Final = ("hypertensive-crisis", "hypotension", "apnoea", "unresponsive", "severe-dissociation")
STOPPED_AFTER_S: Final = 75
"""Somebody looks, decides and turns a tap. Chosen by us."""


@dataclass(frozen=True, slots=True)
class HazardEvent:
    """A hazard that strikes: seconds since the session's start; `strength` 0 mild to 1 grave. `staged`: other pulls."""

    name: str
    from_s: int
    to_s: int
    strength: float
    staged: tuple[Pull, ...] | None = None

    @property
    def pulls(self) -> tuple[Pull, ...]:
        return PULLS[self.name] if self.staged is None else self.staged

    def span_s(self) -> tuple[int, int]:
        """From its start until the body is back."""
        tail = max((pull.extra_s + pull.recovery_s for pull in self.pulls), default=0)
        return self.from_s, self.to_s + int(tail)


def draw_events(
    rng: np.random.Generator, infusion: bool, dose_s: int, adverse: float, fixed: Iterable[tuple[str, float]]
) -> tuple[HazardEvent, ...]:
    """The events of one session, in order of time.

    Args:
        rng: this session's own stream.
        infusion: whether the drug runs into a vein.
        dose_s: the dose's start, seconds since the session's.
        adverse: multiplies every hazard's published rate.
        fixed: events wanted by (name, minute after the dose); these come mild, and before any drawn one.
    """
    events: list[HazardEvent] = []
    for name, minute in fixed:
        events.append(_place(HAZARD[name], dose_s, minute, HAZARD[name].lasts_s[0], 0.0))
    for hazard in HAZARDS:
        strikes, when, how_long, strength = rng.random(4)
        if strikes >= min(0.5, adverse * (hazard.per_infusion if infusion else hazard.per_spray)):
            continue
        minute = hazard.between_min[0] + when * (hazard.between_min[1] - hazard.between_min[0])
        lasts_s = hazard.lasts_s[0] + how_long * (hazard.lasts_s[1] - hazard.lasts_s[0])
        event = _place(hazard, dose_s, minute, lasts_s, float(strength))
        # Five minutes apart: what one event does to the body must not be counted for another.
        begin, end = event.span_s()
        if all(end + 300 < other.span_s()[0] or begin > other.span_s()[1] + 300 for other in events):
            events.append(event)
    return tuple(sorted(events, key=lambda event: event.from_s))


def _place(hazard: Hazard, dose_s: int, minute: float, lasts_s: float, strength: float) -> HazardEvent:
    from_s = 0 if hazard.name == "never-started" else dose_s + round(60 * minute)
    to_s = dose_s + round(60 * minute) if hazard.name == "never-started" else from_s + round(lasts_s)
    return HazardEvent(hazard.name, from_s, to_s, strength)


def pull_strength(pull: Pull, event: HazardEvent, second: Floats) -> Floats:
    """The strength of the pull at each second, 0..1, shape of `second`."""
    rising = (second - event.from_s - pull.lag_s) / pull.onset_s
    falling = 1 + (event.to_s + pull.extra_s - second) / pull.recovery_s
    held: Floats = np.clip(np.minimum(rising, falling), 0, 1)
    return held
