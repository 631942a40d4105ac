"""Staged events of the families of sessions: events of every rule, deep and shallow, long and too short, slow and sudden.

A trial is a row: which channels go where, and how long the rule wants it. What then really happens is read off the body like
everything else (`truth.py`), so a trial that fails to cross its limit is no event. Depth 0 is just past the limit, 1 far
beyond; a staged desaturation may hide behind a loose probe. Or nothing happens and everything hovers (`hover`): a unit inside
its limits, and now and then a single cuff past them that the next does not confirm.
Bad at: physiology. What coincides here was chosen to be found or to be ignored, not because it is common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.clinic.conditions import Trials
from streams.clinic.hazards import HazardEvent, Pull, Pulled
from streams.clinic.people import SimulatedPatient

_FASTEST: Final[dict[str, float]] = {"spo2": 3, "hr": 10, "rr": 8, "etco2": 12, "sbp": 2, "dbp": 2}
"""Per second. Believable steps of SpO2 are 4 % at most; rates are averaged over some beats and breaths; the rest by us."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A channel's goal, from depth 0 to depth 1, and how much of its wandering stays."""

    channel: Pulled
    shallow: float
    deep: float
    noise: float = 0.4


@dataclass(frozen=True, slots=True)
class Trial:
    """One staged event. `for_s` is the rule's own time past `limit` of the first reach's channel; else it `lasts_s`."""

    name: str
    reaches: tuple[Reach, ...]
    limit: float = 0.0
    for_s: float = 0.0
    lasts_s: tuple[int, int] = (0, 0)
    between_min: tuple[float, float] = (1, 110)
    onset_s: float = 0.0
    capnography: bool = False


@dataclass(frozen=True, slots=True)
class ScriptedAnswer:
    """A check-in outside the rounds: an instrument's items, by place or by name."""

    at_s: float
    instrument: str
    items: tuple[int, ...] | tuple[str, ...]


# fmt: off
TRIALS: Final = (
    Trial("desaturation",        (Reach("spo2", 88.8, 85.6),), 90, 15),
    Trial("hypertension",        (Reach("sbp", 187, 196, 1), Reach("dbp", 104, 116, 1)), lasts_s=(1200, 2400), between_min=(5, 70), onset_s=240),
    Trial("bradycardia",         (Reach("hr", 43.4, 39),), 45, 30),
    Trial("apnoea",              (Reach("rr", 2.4, 0), Reach("etco2", 4, 0), Reach("spo2", 92, 82)), 3.5, 20),
    Trial("tachycardia",         (Reach("hr", 143, 180),), 140, 60),
    Trial("sedation",            (Reach("moaas", 3, 2),), lasts_s=(400, 1200), between_min=(8, 80)),
    Trial("desaturation",        (Reach("spo2", 83.4, 70),), 85, 10),
    Trial("hypotension",         (Reach("sbp", 85, 82, 1), Reach("dbp", 54, 48, 1)), lasts_s=(420, 800), onset_s=60),
    Trial("bradypnoea",          (Reach("rr", 6.8, 4.6, 0.3),), 8, 30),
    Trial("severe-dissociation", (Reach("cadss", 34, 77), Reach("distress", 9, 8)), lasts_s=(600, 1500), between_min=(10, 60)),
    Trial("hypoventilation",     (Reach("etco2", 61.2, 78, 0.5), Reach("rr", 10, 9)), 60, 60, capnography=True),
    Trial("hypertensive-crisis", (Reach("sbp", 208, 232, 1), Reach("dbp", 118, 134, 1)), lasts_s=(900, 1800), between_min=(5, 70), onset_s=600),
    Trial("bradycardia",         (Reach("hr", 36.4, 28),), 38, 15),
    Trial("desaturation",        (Reach("spo2", 88.2, 86),), 90, 15),
    Trial("unresponsive",        (Reach("moaas", 1, 0),), lasts_s=(300, 700), between_min=(8, 80)),
    Trial("hypotension",         (Reach("sbp", 76, 66, 1), Reach("dbp", 47, 40, 1), Reach("hr", 52, 46)), lasts_s=(420, 800), onset_s=45),
    Trial("tachycardia",         (Reach("hr", 123, 137),), 120, 300),
    Trial("hypertension",        (Reach("sbp", 168, 178, 1), Reach("dbp", 113, 117, 1)), lasts_s=(1200, 2400), between_min=(5, 70), onset_s=240),
    Trial("severe-dissociation", (Reach("cadss", 34, 84), Reach("distress", 1, 3)), lasts_s=(600, 1500), between_min=(10, 60)),
    Trial("pressure-rise",       (Reach("sbp", 166, 176, 1), Reach("dbp", 92, 99, 1)), lasts_s=(1200, 2000), between_min=(5, 70), onset_s=240),
    Trial("prolonged-dissociation", (Reach("cadss", 9.5, 14),), lasts_s=(2700, 3000), between_min=(78, 84)),
    Trial("no-data",             (), lasts_s=(60, 300)),
    Trial("prolonged-dissociation", (Reach("moaas", 4, 4),), lasts_s=(2700, 3000), between_min=(78, 84)),
    Trial("dissociation",        (Reach("cadss", 17, 26),), lasts_s=(900, 1500), between_min=(10, 60)),
)
# fmt: on
"""Goals lie past the limits of the monitoring protocol that the truth is read by."""

ANSWERED: Final[tuple[tuple[str, tuple[int, ...] | tuple[str, ...], float], ...]] = (
    ("phq-9", (1, 2, 2, 1, 0, 2, 1, 0, 0), -6),
    ("phq-9", (2, 3, 2, 1, 1, 2, 1, 0, 1), -6),
    ("cssrs-screen", (1, 1, 0, 1, 0, 0), -5),
    ("symptoms", ("chest-pain",), 0),
    ("cssrs-screen", (1, 0, 0, 0, 0, 0), -5),
)
"""Instrument, items, minute after the dose; symptoms are asked while the pressure is high. One of these in a staged session."""


def stage(
    rng: np.random.Generator, trials: Trials, number: int, person: SimulatedPatient, dose_s: int, end_s: int
) -> tuple[tuple[HazardEvent, ...], tuple[ScriptedAnswer, ...], bool]:
    """The events of a staged session, its scripted answers, and whether it needs a capnograph."""
    if trials.hovering:
        return hover(rng, dose_s, end_s), (), True
    events: list[HazardEvent] = []
    capnography = False
    count = int(rng.integers(trials.events[0], trials.events[1] + 1))
    # Rules take turns, so that a few sessions have all of them.
    first = number * max(trials.events) + int(rng.integers(2))
    for n in range(count):
        trial = TRIALS[(first + n) % len(TRIALS)]
        capnography |= trial.capnography
        # Each has its slot of the two hours; those that have their own time of the session keep it.
        slot = 110 / count
        minute = 1 + n * slot + rng.uniform(0, 0.4) * slot
        lowest, highest = trial.between_min
        from_s = dose_s + round(60 * (minute if lowest <= minute <= highest else rng.uniform(lowest, highest)))
        events += _staged(rng, trials, trial, person, from_s, end_s)
    answers = []
    if count:
        instrument, items, minute = ANSWERED[number % len(ANSWERED)]
        at_s = dose_s + 60 * minute
        high = [event for event in events if event.name == "hypertension"]
        if instrument != "symptoms":
            answers.append(ScriptedAnswer(at_s, instrument, items))
        elif high:
            answers.append(ScriptedAnswer(high[0].from_s + 900.0, instrument, items))
    return tuple(sorted(events, key=lambda event: event.from_s)), tuple(answers), capnography


def _staged(
    rng: np.random.Generator, trials: Trials, trial: Trial, person: SimulatedPatient, from_s: int, end_s: int
) -> list[HazardEvent]:
    depth = float(rng.uniform(*trials.depth))
    onset_s, recovery_s = (float(rng.uniform(*trials.onset_s)) for _ in range(2))
    sustained = rng.random() >= trials.short
    hidden = rng.random() < trials.behind_probe_off
    if not trial.for_s:
        lasts_s = int(rng.integers(trial.lasts_s[0], trial.lasts_s[1] + 1))
        pulls = tuple(_pull(reach, depth, max(trial.onset_s, onset_s), 3 * recovery_s) for reach in trial.reaches)
        return [HazardEvent(trial.name, from_s, min(from_s + lasts_s, end_s), 0.0, pulls)]
    times = rng.uniform(*(trials.times if sustained else trials.short_times))
    target_s = trial.for_s * float(times)
    main = trial.reaches[0]
    goal = main.shallow + depth * (main.deep - main.shallow)
    rest = {"hr": person.hr, "spo2": person.spo2, "rr": person.rr, "etco2": person.etco2}[main.channel]
    # The ramps spend this share of their time past the limit; shorter ramps where that alone would be too long.
    past = abs((goal - trial.limit) / (goal - rest))
    least_s = abs(goal - rest) / _FASTEST[main.channel]
    shrink = min(1.0, 0.7 * target_s / max(past * (onset_s + recovery_s), 1e-9))
    onset_s, recovery_s = max(onset_s * shrink, least_s), max(recovery_s * shrink, least_s)
    plateau_s = max(target_s - past * (onset_s + recovery_s), 0.0)
    to_s = from_s + round(onset_s + plateau_s)
    hides = hidden and sustained and main.channel == "spo2"
    returns_s = from_s + round(onset_s) + int(rng.integers(10, 60))
    if hides:
        to_s = max(to_s, returns_s + 60)
    reaching = (_secondary(trial, reach, depth, onset_s, recovery_s, sustained) for reach in trial.reaches)
    events = [HazardEvent(trial.name, from_s, to_s, 0.0, tuple(pull for pull in reaching if pull is not None))]
    if hides:
        events.append(HazardEvent("probe-off", from_s - int(rng.integers(5, 60)), returns_s, 0.0))
    return events


def _pull(reach: Reach, depth: float, onset_s: float, recovery_s: float) -> Pull:
    goal = reach.shallow + depth * (reach.deep - reach.shallow)
    if reach.channel == "moaas":
        goal = round(goal)
    return Pull(reach.channel, goal, goal, 0, onset_s, 0, recovery_s, reach.noise)


def _secondary(
    trial: Trial, reach: Reach, depth: float, onset_s: float, recovery_s: float, sustained: bool
) -> Pull | None:
    pull = _pull(reach, depth, onset_s, recovery_s)
    if trial.name == "apnoea" and reach.channel == "etco2":
        return Pull("etco2", pull.mild, pull.grave, 0, max(onset_s, 4.0), 0, max(recovery_s, 4.0), 0.2)
    if trial.name == "apnoea" and reach.channel == "spo2":
        # Saturation follows the breath by half a minute, and a short pause does not reach it.
        return Pull("spo2", pull.mild, pull.grave, 25, 40, 30, 50) if sustained else None
    return pull


_HOVER: Final[tuple[tuple[Reach, ...], ...]] = (
    (Reach("spo2", 90.4, 90.4), Reach("hr", 45.4, 45.4), Reach("sbp", 92, 94, 1), Reach("dbp", 55, 55)),
    (Reach("hr", 119.4, 119.4), Reach("sbp", 176, 178, 1), Reach("dbp", 106, 108, 1), Reach("rr", 9.45, 9.45)),
    (Reach("hr", 139.4, 139.4), Reach("spo2", 90.4, 91), Reach("cadss", 27, 27), Reach("distress", 6, 9)),
    (Reach("etco2", 58.5, 58.5), Reach("rr", 9.45, 10), Reach("moaas", 4, 4), Reach("spo2", 90.4, 92)),
    (Reach("hr", 45.4, 46), Reach("spo2", 90.4, 90.4), Reach("etco2", 16.5, 17), Reach("rr", 9.45, 9.45)),
)
"""A unit inside: SpO2 90, heart rate 45, 120 and 140, breathing 9, CO2 59 and 16, 179/109 and 91, CADSS 27, MOAA/S 4."""


def hover(rng: np.random.Generator, dose_s: int, end_s: int) -> tuple[HazardEvent, ...]:
    """Stretches of ten to twenty minutes along the limits, with a rest between."""
    events = []
    at_s = dose_s + int(rng.integers(60, 400))
    turn = int(rng.integers(len(_HOVER)))
    while at_s < end_s - 1500:
        lasts_s = int(rng.integers(600, 1200))
        place = float(rng.random())
        ramp_s = float(rng.uniform(20, 120))
        # A score still past 4, or MOAA/S below 5, at two hours is past a limit: nothing of the kind in the last hour.
        late = at_s + lasts_s > dose_s + 80 * 60
        reaches = [reach for reach in _HOVER[turn % len(_HOVER)] if not late or reach.channel not in ("cadss", "moaas")]
        events.append(
            HazardEvent("hover", at_s, at_s + lasts_s, 0.0, tuple(_pull(r, place, ramp_s, ramp_s) for r in reaches))
        )
        at_s += lasts_s + int(rng.integers(180, 420))
        turn += 1
    return tuple(events)
