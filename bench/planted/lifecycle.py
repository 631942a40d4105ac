"""Faults in the table of an alert's life."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.planted.fault import Fault, Suite

_lifecycle = partial(Fault, file="alerts/desk/lifecycle.py")

# fmt: off
LIFECYCLE: Final = Suite(
    "An alert's life",
    ("tests/alerts/test_lifecycle.py", "tests/alerts/test_desk.py", "tests/alerts/test_desk_machine.py"),
    (
        _lifecycle("L1", old='(P.ACTIVE, S.ENDED_UNSEEN):         Move(P.LATCHED, ("latched",)),',
                   new='(P.ACTIVE, S.ENDED_UNSEEN):         Move(P.CLOSED, ("closed",)),',
                   why="what came and went unseen closes"),
        _lifecycle("L2", old='(P.ACKNOWLEDGED, S.WORSENED):       Move(P.ACTIVE, ("worsened",), pages=True),',
                   new='(P.ACKNOWLEDGED, S.WORSENED):       Move(P.ACKNOWLEDGED, ("worsened",)),',
                   why="worse does not break through an acknowledgement"),
        _lifecycle("L3", old='(P.SNOOZED, S.UNSNOOZE):            Move(P.ACTIVE, ("expired",)),',
                   new='(P.SNOOZED, S.UNSNOOZE):            Move(P.ACTIVE, ("expired",), pages=True),',
                   why="whoever takes a snooze back is paged"),
        _lifecycle("L4", old='(P.SNOOZED, S.WORSENED):            Move(P.ACTIVE, ("worsened",), pages=True),',
                   new='(P.SNOOZED, S.WORSENED):            Move(P.ACTIVE, ("worsened",)),',
                   why="worse breaks through a snooze, but pages nobody"),
        _lifecycle("L5", old='(P.SNOOZED, S.RAN_OUT):             Move(P.ACTIVE, ("expired",), pages=True),',
                   new='(P.SNOOZED, S.RAN_OUT):             Move(P.ACTIVE, ("expired",)),',
                   why="a snooze that ran out pages nobody"),
        _lifecycle("L6", old='(P.ACKNOWLEDGED, S.RAN_OUT):        Move(P.ACTIVE, ("expired",), pages=True),',
                   new='(P.ACKNOWLEDGED, S.RAN_OUT):        Move(P.ACKNOWLEDGED, ("expired",)),',
                   why="an acknowledgement lasts for ever"),
        _lifecycle("L7", old='(P.ACKNOWLEDGED, S.EASED):          Move(P.ACKNOWLEDGED, ("eased",)),',
                   new='(P.ACKNOWLEDGED, S.EASED):          Move(P.ACTIVE, ("eased",)),',
                   why="easier takes an acknowledgement back"),
        _lifecycle("L8", old='(P.LATCHED, S.ACKNOWLEDGE):         Move(P.CLOSED, ("acknowledged", "closed")),',
                   new='(P.LATCHED, S.ACKNOWLEDGE):         Move(P.CLOSED, ("closed",)),',
                   why="who saw a latched alert is not on record"),
        _lifecycle("L9", old='(P.LATCHED, S.ACKNOWLEDGE):         Move(P.CLOSED, ("acknowledged", "closed")),',
                   new='(P.LATCHED, S.ACKNOWLEDGE):         Move(P.LATCHED, ("acknowledged",)),',
                   why="a latched alert that was seen stays up"),
        _lifecycle("L10", old='(P.LATCHED, S.ESCALATE):            Move(P.LATCHED, ("escalated",), pages=True),',
                   new='(P.LATCHED, S.ESCALATE):            Move(P.ACTIVE, ("escalated",), pages=True),',
                   why="what is over becomes active when it is escalated, and nothing will end it"),
        _lifecycle("L11", old='(P.ACKNOWLEDGED, S.ESCALATE):       Move(P.ACTIVE, ("escalated",), pages=True),',
                   new='(P.ACKNOWLEDGED, S.ESCALATE):       Move(P.ACTIVE, ("escalated",)),',
                   why="calling for help after an acknowledgement calls nobody"),
        _lifecycle("L12", old='(P.ACKNOWLEDGED, S.ACKNOWLEDGE):    Move(P.ACKNOWLEDGED, ("acknowledged",)),',
                   new='(P.ACKNOWLEDGED, S.ACKNOWLEDGE):    Move(P.ACKNOWLEDGED, ()),',
                   why="a second acknowledgement leaves no transition"),
        _lifecycle("L13", old='(P.LATCHED, S.SNOOZE):              Refusal("the condition is over: acknowledge it"),',
                   new='(P.LATCHED, S.SNOOZE):              Move(P.SNOOZED, ("snoozed",)),',
                   why="a snooze hides what nobody has seen"),
        _lifecycle("L14", old='(P.ACKNOWLEDGED, S.ENDED_UNSEEN):   Move(P.CLOSED, ("closed",)),',
                   new='(P.ACKNOWLEDGED, S.ENDED_UNSEEN):   Move(P.LATCHED, ("latched",)),',
                   why="what was acknowledged must be seen a second time"),
        _lifecycle("L15", old='(P.LATCHED, S.RECURRED):            Move(P.CLOSED, ("closed",)),',
                   new='(P.LATCHED, S.RECURRED):            Move(P.ACTIVE, ("worsened",), pages=True),',
                   why="what comes back is the old alert, with its old onset, and a second one beside it"),
        _lifecycle("L16", old="_OVER if stimulus in COMMANDS else _NEVER for", new="_NEVER for",
                   why="a command that comes too late stops the desk"),
        _lifecycle("L17", old="if isinstance(found, Impossible):", new="if False:",
                   why="what cannot happen passes in silence"),
    ),
)  # fmt: skip
# fmt: on
