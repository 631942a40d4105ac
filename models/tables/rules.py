"""The rules: every name under which Chairside may raise an alert, its category and its title.

Names and categories are contract: people script them. `latches` is IEC 60601-1-8's latching: the alert stays up after
its condition is over until a person has seen it, because a desaturation that came and went is news, a probe put back is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

Category = Literal[
    "cardiovascular", "respiratory", "consciousness", "dissociation", "mood", "protocol", "technical", "maintenance"
]


PriorityName = Literal["high", "medium", "low", "info"]


class Priority(IntEnum):
    """IEC 60601-1-8 priorities, in order; `INFO` is its information signal."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        """As on the wire: ``high``, ``medium``, ``low``, ``info``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's name, category, whether its alerts latch, and its words on a board."""

    name: str
    category: Category
    latches: bool
    title: str


# fmt: off
_TABLE: Final = (
    Rule("hypertension",           "cardiovascular", True,  "High blood pressure"),
    Rule("hypertensive-crisis",    "cardiovascular", True,  "Very high blood pressure"),
    Rule("pressure-rise",          "cardiovascular", True,  "Blood pressure risen"),
    Rule("pressure-forecast",      "cardiovascular", False, "Blood pressure may rise"),
    Rule("hypotension",            "cardiovascular", True,  "Low blood pressure"),
    Rule("tachycardia",            "cardiovascular", True,  "Fast heart rate"),
    Rule("bradycardia",            "cardiovascular", True,  "Slow heart rate"),
    Rule("hyperthermia",           "cardiovascular", True,  "High temperature"),
    Rule("hypothermia",            "cardiovascular", True,  "Low temperature"),
    Rule("desaturation",           "respiratory",    True,  "Low oxygen"),
    Rule("bradypnoea",             "respiratory",    True,  "Slow breathing"),
    Rule("tachypnoea",             "respiratory",    True,  "Fast breathing"),
    Rule("apnoea",                 "respiratory",    True,  "Not breathing"),
    Rule("hypoventilation",        "respiratory",    True,  "CO2 building up"),
    Rule("sedation",               "consciousness",  True,  "Sedated"),
    Rule("unresponsive",           "consciousness",  True,  "Unresponsive"),
    Rule("dissociation",           "dissociation",   False, "Dissociating"),
    Rule("severe-dissociation",    "dissociation",   True,  "Severe dissociation"),
    Rule("prolonged-dissociation", "dissociation",   True,  "Dissociation lasting"),
    Rule("suicidal-ideation",      "mood",           True,  "Suicidal thoughts"),
    Rule("mood-worsening",         "mood",           True,  "Mood worsening"),
    Rule("predose-pressure",       "protocol",       False, "Pressure before dose"),
    Rule("vitals-overdue",         "protocol",       False, "Cuff overdue"),
    Rule("checkin-overdue",        "protocol",       False, "Check-in overdue"),
    Rule("observation-incomplete", "protocol",       False, "Left before ready"),
    Rule("contraindication",       "protocol",       True,  "Contraindication"),
    Rule("unscheduled",            "technical",      False, "Vitals without a session"),
    Rule("no-data",                "technical",      False, "No data"),
    Rule("never-started",          "technical",      False, "Monitor never started"),
    Rule("probe-off",              "technical",      False, "Probe off"),
    Rule("artefact",               "technical",      False, "Signal not believable"),
    Rule("implausible",            "technical",      False, "Readings out of range"),
    Rule("clock-skew",             "technical",      False, "Device clock wrong"),
    Rule("integrity",              "technical",      True,  "Records disagree"),
    Rule("maintenance-due",        "maintenance",    False, "Maintenance dose due"),
    Rule("relapse-risk",           "maintenance",    False, "Relapse likely"),
)
# fmt: on

RULES: Final = {rule.name: rule for rule in _TABLE}
RULE_NAMES: Final = tuple(RULES)
RULE_INDEX: Final = {name: index for index, name in enumerate(RULE_NAMES)}

INHIBITS: Final[Mapping[str, frozenset[str]]] = {
    "no-data": frozenset({"probe-off", "artefact", "implausible", "vitals-overdue", "clock-skew"}),
    "never-started": frozenset({"vitals-overdue"}),
    "hypertensive-crisis": frozenset({"hypertension", "pressure-rise", "pressure-forecast"}),
    "hypertension": frozenset({"pressure-rise", "pressure-forecast"}),
    "apnoea": frozenset({"bradypnoea"}),
    "unresponsive": frozenset({"sedation"}),
    "severe-dissociation": frozenset({"dissociation"}),
}
"""The first implies the others of the same patient: while it is open they are raised but not paged, and readiness for discharge
names the first alone. No technical rule stands before a measured one (a probe that is off hides
nothing that was measured), and nothing holds back a high priority."""
