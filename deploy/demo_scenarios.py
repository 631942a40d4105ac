"""The demonstration's close calls: what goes wrong in which chair, and what to look at, minute by minute.

Each is ten minutes of an afternoon in the invented clinic of twelve chairs, in which one thing happens that could hurt somebody.
Minutes are the clinic's. The lesson's words name what is on the board then; a test plays each and holds them to it.
Never here: playing (`demo.py`), what an event does to a body (`streams/clinic/hazards.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.settings import Settings


@dataclass(frozen=True, slots=True)
class Scenario:
    """One close call.

    events: chair from 0 → (event, minute after opening) each; nothing else goes wrong. rule: what tells it, of which chair.
    lesson: (minute after opening, what to look at), in order.
    """

    name: str
    title: str
    events: Mapping[int, Sequence[tuple[str, float]]]
    rule: str
    chair: str
    lesson: tuple[tuple[float, str], ...]


SCENARIOS: Final = {
    each.name: each
    for each in (
        Scenario(
            "slow-desaturation", "Oxygen falls while everybody looks at another chair",
            {1: (("desaturation", 1.0),), 2: (("probe-off", 0.5),)}, "desaturation", "2",
            (
                (0.0, "Chair 3 will lose its probe: a technical matter, low. Watch what comes after it."),
                (1.0, "Chair 2: the line of SpO2 bends. Nothing is told yet: a reading past its limit has to last."),
                (2.0, "Low oxygen stands above the probe now: worst first. Its number is of now, with the worst and how fast it falls."),
                (3.5, "Acknowledge it, and see who has it. Should it fall 5 % further it comes back, answered or not."),
                (6.0, "Once SpO2 is back the alert is over: it folds into one line until somebody has seen it."),
            ),
        ),
        Scenario(
            "high-pressure", "A pressure that one cuff cannot prove",
            {3: (("hypertensive-crisis", -4.0),)}, "hypertensive-crisis", "4",
            (
                (0.0, "Chair 4: the next cuff is due within minutes. Its pressure has risen since the last one."),
                (2.5, "The cuff is very high. The card says to recheck it now, not in ten minutes."),
                (4.0, "Rise, high and very high are one row, with one button for all of it."),
                (8.0, "Open the alert, and How this rule decides: the limit, where it comes from, and an example."),
            ),
        ),
        Scenario(
            "too-deep", "Somebody answers only to pain",
            {5: (("unresponsive", 1.5),)}, "unresponsive", "6",
            (
                (0.0, "Chair 6 had esketamine. A nurse scores sedation every few minutes."),
                (2.0, "The next score decides: at once, without a hold, and at high priority."),
                (4.0, "Unresponsive and sedated are one row. See the rung and the countdown: who is called next, and when."),
                (8.0, "The alert cannot be closed while the score stands. A better score ends it."),
            ),
        ),
        Scenario(
            "no-breath", "A pause in breathing under the oxygen's radar",
            {7: (("apnoea", 2.0),)}, "apnoea", "8",
            (
                (0.0, "Chair 8 breathes slowly and regularly. SpO2 is good, and stays so for a while."),
                (2.0, "Breathing stops. SpO2 will show it a minute late; the rate and CO2 show it now."),
                (3.5, "Not breathing is told before the oxygen falls. Look at the line of breathing."),
                (6.0, "It came back by itself and nobody saw it: over, not yet seen. It stays until somebody has."),
            ),
        ),
        Scenario(
            "network-cut", "A chair that nobody watches",
            {4: (("no-data", 1.0),)}, "no-data", "5",
            (
                (0.0, "Chair 5 is well. Its monitor is about to fall silent."),
                (1.5, "The values are struck through: they are of then, not of now. None of them is shown as 0, or as well."),
                (2.5, "No data is an alert of its own. It neither starts nor ends another one."),
                (7.0, "When the monitor is back what it kept is read too, and the hole in the lines is filled."),
            ),
        ),
    )
}  # fmt: skip


def demo_settings() -> Settings:
    """The demonstration's configuration: twelve chairs, and people on call. Every page is printed."""
    people = {"ada": "nurse", "ben": "nurse", "cleo": "physician", "dan": "physician"}
    document: dict[str, Any] = {
        "board": {"chairs": [str(n) for n in range(1, 13)]},
        "destinations": {f"{name}-phone": "console:" for name in people},
        "people": {
            name: {"display": name.capitalize(), "role": role, "methods": [f"{name}-phone"]}
            for name, role in people.items()
        },
        "schedules": {
            "nurses": {"timezone": "UTC", "rotations": [_rotation("ada", "ben")]},
            "physicians": {"timezone": "UTC", "rotations": [_rotation("cleo", "dan")]},
        },
        "policies": {
            "chairs": {
                "repeat_minutes": 5,
                "rungs": [
                    {"who": ["schedule:nurses"], "minutes": 2},
                    {"who": ["schedule:physicians"], "minutes": 3},
                ],
            }
        },
        "routes": [{"policy": "chairs"}],
    }
    return Settings.model_validate(document)


def _rotation(*people: str) -> dict[str, Any]:
    return {"people": list(people), "since": "2026-01-05", "handoff": "07:00:00", "every_days": 1}
