"""The rules: every name under which Chairside may raise an alert, its category and its title.

Names and categories are contract: people script them. `latches` is IEC 60601-1-8's latching: the alert stays up after
its condition is over until a person has seen it, because a desaturation that came and went is news, a probe put back is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal, cast

from models.tables.card import CardRow

Measured = Literal["reading", "score"]
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
    def word(self) -> PriorityName:
        """As on the wire: ``high``, ``medium``, ``low``, ``info``."""
        return _WORDS[self]


_WORDS: Final = tuple(cast(PriorityName, each.name.lower()) for each in Priority)

PRIORITY_SHAPES: Final = {Priority.HIGH: "▲", Priority.MEDIUM: "◆", Priority.LOW: "●", Priority.INFO: "○"}
"""Beside every colour (IEC 60601-1-8): a photocopy must read the same."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's name, category, whether its alerts latch, and its words on a board.

    `row`: the line of a card that its alerts light; None: the lines of the channels that an alert names, if it names any.
    `measured`: what shows that it goes on, and when it is over: readings of a monitor or a cuff, or scores of an observer. While
    it goes on its alert can be answered, not closed. None: it is an expectation, a form's answer or a matter of technique.
    """

    name: str
    category: Category
    latches: bool
    title: str
    row: CardRow | None
    measured: Measured | None = None

    def must_be_seen_to_end(self, session: str | None) -> bool:
        """Whether its alert is open for as long as it goes on: a person cannot close it. Of a score of somebody outside any
        session no end will be seen, so only a person closes that.
        """
        return self.measured == "reading" or (self.measured == "score" and session is not None)


# fmt: off
_TABLE: Final = (
    Rule("hypertension",           "cardiovascular", True,  "High blood pressure",        "pressure","reading"),
    Rule("hypertensive-crisis",    "cardiovascular", True,  "Very high blood pressure",   "pressure","reading"),
    Rule("pressure-rise",          "cardiovascular", True,  "Blood pressure risen",       "pressure","reading"),
    Rule("pressure-forecast",      "cardiovascular", False, "Blood pressure may rise",    "pressure"),
    Rule("hypotension",            "cardiovascular", True,  "Low blood pressure",         "pressure","reading"),
    Rule("tachycardia",            "cardiovascular", True,  "Fast heart rate",            "rate",  "reading"),
    Rule("bradycardia",            "cardiovascular", True,  "Slow heart rate",            "rate",  "reading"),
    Rule("hyperthermia",           "cardiovascular", True,  "High temperature",           None,    "reading"),
    Rule("hypothermia",            "cardiovascular", True,  "Low temperature",            None,    "reading"),
    Rule("desaturation",           "respiratory",    True,  "Low oxygen",                 "spo2",  "reading"),
    Rule("bradypnoea",             "respiratory",    True,  "Slow breathing",             "breathing","reading"),
    Rule("tachypnoea",             "respiratory",    True,  "Fast breathing",             "breathing","reading"),
    Rule("apnoea",                 "respiratory",    True,  "Not breathing",              "breathing","reading"),
    Rule("hypoventilation",        "respiratory",    True,  "CO2 building up",            "breathing","reading"),
    Rule("shallow-breathing",      "respiratory",    True,  "Shallow breathing",          "breathing","reading"),
    Rule("sedation",               "consciousness",  True,  "Sedated",                    "sedation","score"),
    Rule("unresponsive",           "consciousness",  True,  "Unresponsive",               "sedation","score"),
    Rule("dissociation",           "dissociation",   False, "Dissociating",               "dissociation","score"),
    Rule("severe-dissociation",    "dissociation",   True,  "Severe dissociation",        "dissociation","score"),
    Rule("prolonged-dissociation", "dissociation",   True,  "Dissociation lasting",       "dissociation","score"),
    Rule("suicidal-ideation",      "mood",           True,  "Suicidal thoughts",          None),
    Rule("answers-unread",         "mood",           True,  "Answers not understood",     None),
    Rule("mood-worsening",         "mood",           True,  "Mood worsening",             None),
    Rule("predose-pressure",       "protocol",       False, "Pressure before dose",       "pressure"),
    Rule("vitals-overdue",         "protocol",       False, "Cuff overdue",               "pressure"),
    Rule("checkin-overdue",        "protocol",       False, "Check-in overdue",           None),
    Rule("observation-incomplete", "protocol",       False, "Left before ready",          None),
    Rule("contraindication",       "protocol",       True,  "Contraindication",           None),
    Rule("dose-check",             "protocol",       True,  "Dose to be checked",         None),
    Rule("entry-unread",           "protocol",       True,  "Entry not understood",       None),
    Rule("help-asked",             "protocol",       True,  "Asks for somebody",          None),
    Rule("unscheduled",            "technical",      False, "Vitals without a session",   None),
    Rule("unknown-devices",        "technical",      False, "Unknown devices not watched", None),
    Rule("other-site",             "technical",      False, "Records for another site",   None),
    Rule("two-at-once",            "technical",      False, "Two sessions at once",       None),
    Rule("session-forgotten",      "technical",      False, "Session forgotten",          None),
    Rule("entry-refused",          "technical",      False, "Entry not used",             None),
    Rule("no-data",                "technical",      False, "No data",                    None),
    Rule("never-started",          "technical",      False, "Monitor never started",      None),
    Rule("probe-off",              "technical",      False, "Probe off",                  None),
    Rule("artefact",               "technical",      False, "Signal not believable",      None),
    Rule("implausible",            "technical",      False, "Readings out of range",      None),
    Rule("clock-skew",             "technical",      False, "Device clock wrong",         None),
    Rule("integrity",              "technical",      True,  "Internal fault",             None),
    Rule("page-failing",           "technical",      False, "Pages do not arrive",        None),
    Rule("host-clock",             "technical",      False, "Machine clock wrong",        None),
    Rule("disk-full",              "technical",      False, "Disk nearly full",           None),
    Rule("glass-broken",           "technical",      True,  "Read by another site",       None),
    Rule("nobody-on-call",         "technical",      False, "Nobody on call",             None),
    Rule("maintenance-due",        "maintenance",    False, "Maintenance dose due",       None),
    Rule("relapse-risk",           "maintenance",    False, "Relapse likely",             None),
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
    "apnoea": frozenset({"bradypnoea", "shallow-breathing"}),
    "unresponsive": frozenset({"sedation"}),
    "severe-dissociation": frozenset({"dissociation"}),
}
"""The first implies the others of the same patient: while it is open they are raised but not paged, and readiness for discharge
names the first alone. No technical rule stands before a measured one (a probe that is off hides
nothing that was measured), and nothing holds back a high priority."""
