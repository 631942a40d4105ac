"""An alert's life, as a table: every phase × stimulus decided once.

The rules, in prose:
- A condition that begins raises an alert. It is active until somebody answers or the condition ends.
- When the condition ends, an alert that latches stays up until a person has seen it; any other closes.
- An acknowledgement or a snooze quiets this alert alone, and runs out: then the alert is active again.
- While a measured condition goes on, its alert can be acknowledged or snoozed, which run out, but not closed: nobody can decide
  that a saturation is no longer low. Which rules are measured is said in `models/tables/rules.py`.
- A worse priority breaks through an acknowledgement and a snooze, and so does a reading at the same priority that is worse than
  the one told last by its limit's step (`models/tables/limits.py`). An easier one changes nothing but the priority.
- An acknowledged or snoozed alert whose condition ends closes: somebody has seen it.
- A latched alert whose condition comes back gives way to a new one.
- Missing data is no stimulus: it never appears here.
- Where a move leads is said on every transition that it makes: boards and the store show that phase and derive none.

The diagram in `docs/lifecycle.md` is made from this table by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.tables.rules import RULES
from models.wire.live import AlertPhase, TransitionKind


class Stimulus(StrEnum):
    WORSENED = "worsened"
    EASED = "eased"
    RENAMED = "renamed"
    ENDED = "ended"
    ENDED_UNSEEN = "ended, and the rule latches"
    RECURRED = "recurred"
    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    UNSNOOZE = "unsnooze"
    CLOSE = "close"
    CLOSE_MEASURED = "close, and it is measured"
    ESCALATE = "escalate"
    RAN_OUT = "ran out"


COMMANDS: Final = {
    Stimulus.ACKNOWLEDGE,
    Stimulus.SNOOZE,
    Stimulus.UNSNOOZE,
    Stimulus.CLOSE,
    Stimulus.CLOSE_MEASURED,
    Stimulus.ESCALATE,
}


@dataclass(frozen=True, slots=True)
class Move:
    """What a stimulus does: the phase it leads to, the transitions it makes, and whether a page is owed."""

    to: AlertPhase
    steps: tuple[TransitionKind, ...]
    pages: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that has no meaning in this phase; `reason` goes to whoever gave it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Impossible:
    """A stimulus that cannot come in this phase; if it does, the desk is wrong."""


class IllegalStep(Exception):
    """The desk was asked for a step that its table calls impossible."""

    def __init__(self, phase: AlertPhase, stimulus: Stimulus) -> None:
        super().__init__(f"{stimulus} cannot come to an alert that is {phase}")


_OVER = Refusal("the alert is closed")
_NOT_SNOOZED = Refusal("the alert is not snoozed")
_GOES_ON = Refusal("it is measured and goes on: acknowledge or snooze it; it closes once the readings are back")
_NEVER = Impossible()

P, S = AlertPhase, Stimulus

# fmt: off
TABLE: Final[dict[tuple[AlertPhase, Stimulus], Move | Refusal | Impossible]] = {
    (P.ACTIVE, S.WORSENED):             Move(P.ACTIVE, ("worsened",), pages=True),
    (P.ACTIVE, S.EASED):                Move(P.ACTIVE, ("eased",)),
    # Its patient goes by another alias: whoever has it in hand has it still, and nobody is called anew.
    (P.ACTIVE, S.RENAMED):              Move(P.ACTIVE, ("renamed",)),
    (P.ACTIVE, S.ENDED):                Move(P.CLOSED, ("closed",)),
    # A desaturation that came and went is news to whoever comes back to the chair: it stays until a person has seen it.
    (P.ACTIVE, S.ENDED_UNSEEN):         Move(P.LATCHED, ("latched",)),
    # A condition that goes on cannot begin; only one that is over, and latched, can come back.
    (P.ACTIVE, S.RECURRED):             _NEVER,
    (P.ACTIVE, S.ACKNOWLEDGE):          Move(P.ACKNOWLEDGED, ("acknowledged",)),
    (P.ACTIVE, S.SNOOZE):               Move(P.SNOOZED, ("snoozed",)),
    (P.ACTIVE, S.UNSNOOZE):             _NOT_SNOOZED,
    # A person may close what goes on and is not measured. The desk raises it again if it becomes worse than what was closed.
    (P.ACTIVE, S.CLOSE):                Move(P.CLOSED, ("closed",)),
    # Acknowledged, then closed, at a saturation of 70 % that stays: silence for 48 minutes, down to 50 %.
    (P.ACTIVE, S.CLOSE_MEASURED):       _GOES_ON,
    (P.ACTIVE, S.ESCALATE):             Move(P.ACTIVE, ("escalated",), pages=True),
    # Nobody has quieted it, so there is nothing to run out.
    (P.ACTIVE, S.RAN_OUT):              _NEVER,

    # What somebody acknowledged was the milder condition: a worse one is paged as if nobody had answered.
    (P.ACKNOWLEDGED, S.WORSENED):       Move(P.ACTIVE, ("worsened",), pages=True),
    # Easier is no reason to take an answer back, nor to let it last longer.
    (P.ACKNOWLEDGED, S.EASED):          Move(P.ACKNOWLEDGED, ("eased",)),
    (P.ACKNOWLEDGED, S.RENAMED):        Move(P.ACKNOWLEDGED, ("renamed",)),
    (P.ACKNOWLEDGED, S.ENDED):          Move(P.CLOSED, ("closed",)),
    # Whoever acknowledged it has seen it: nothing is left to be seen, so it does not latch.
    (P.ACKNOWLEDGED, S.ENDED_UNSEEN):   Move(P.CLOSED, ("closed",)),
    (P.ACKNOWLEDGED, S.RECURRED):       _NEVER,
    # A second person takes it over, or the same one needs longer: its time begins anew, and the record says who and when.
    (P.ACKNOWLEDGED, S.ACKNOWLEDGE):    Move(P.ACKNOWLEDGED, ("acknowledged",)),
    (P.ACKNOWLEDGED, S.SNOOZE):         Move(P.SNOOZED, ("snoozed",)),
    (P.ACKNOWLEDGED, S.UNSNOOZE):       _NOT_SNOOZED,
    (P.ACKNOWLEDGED, S.CLOSE):          Move(P.CLOSED, ("closed",)),
    (P.ACKNOWLEDGED, S.CLOSE_MEASURED): _GOES_ON,
    # Whoever acknowledged it cannot cope alone: it is everybody's again, so it is active.
    (P.ACKNOWLEDGED, S.ESCALATE):       Move(P.ACTIVE, ("escalated",), pages=True),
    # An answer that ran out is followed by silence: the condition goes on, and nobody may be looking.
    (P.ACKNOWLEDGED, S.RAN_OUT):        Move(P.ACTIVE, ("expired",), pages=True),

    (P.SNOOZED, S.WORSENED):            Move(P.ACTIVE, ("worsened",), pages=True),
    (P.SNOOZED, S.EASED):               Move(P.SNOOZED, ("eased",)),
    (P.SNOOZED, S.RENAMED):             Move(P.SNOOZED, ("renamed",)),
    (P.SNOOZED, S.ENDED):               Move(P.CLOSED, ("closed",)),
    # Whoever snoozed it has seen it.
    (P.SNOOZED, S.ENDED_UNSEEN):        Move(P.CLOSED, ("closed",)),
    (P.SNOOZED, S.RECURRED):            _NEVER,
    (P.SNOOZED, S.ACKNOWLEDGE):         Move(P.ACKNOWLEDGED, ("acknowledged",)),
    (P.SNOOZED, S.SNOOZE):              Move(P.SNOOZED, ("snoozed",)),
    # Whoever takes a snooze back is looking at the alert, so nobody need be paged; a snooze that ran out, nobody is looking at.
    (P.SNOOZED, S.UNSNOOZE):            Move(P.ACTIVE, ("expired",)),
    (P.SNOOZED, S.CLOSE):               Move(P.CLOSED, ("closed",)),
    (P.SNOOZED, S.CLOSE_MEASURED):      _GOES_ON,
    (P.SNOOZED, S.ESCALATE):            Move(P.ACTIVE, ("escalated",), pages=True),
    (P.SNOOZED, S.RAN_OUT):             Move(P.ACTIVE, ("expired",), pages=True),

    # The condition of a latched alert is over: it can neither change nor end, and nothing about it was quieted.
    (P.LATCHED, S.WORSENED):            _NEVER,
    (P.LATCHED, S.EASED):               _NEVER,
    (P.LATCHED, S.RENAMED):             Move(P.LATCHED, ("renamed",)),
    (P.LATCHED, S.ENDED):               _NEVER,
    (P.LATCHED, S.ENDED_UNSEEN):        _NEVER,
    # The alert that is raised in its place says all that this one would, and pages for itself.
    (P.LATCHED, S.RECURRED):            Move(P.CLOSED, ("closed",)),
    # Being seen is all that it waited for.
    (P.LATCHED, S.ACKNOWLEDGE):         Move(P.CLOSED, ("acknowledged", "closed")),
    # A snooze would hide what has not been seen, and there is no condition to come back to.
    (P.LATCHED, S.SNOOZE):              Refusal("the condition is over: acknowledge it"),
    (P.LATCHED, S.UNSNOOZE):            _NOT_SNOOZED,
    (P.LATCHED, S.CLOSE):               Move(P.CLOSED, ("closed",)),
    # It is over: closing it says that it was seen.
    (P.LATCHED, S.CLOSE_MEASURED):      Move(P.CLOSED, ("closed",)),
    # Whoever finds it may want a colleague to look at what happened. It stays latched: being called is not having seen.
    (P.LATCHED, S.ESCALATE):            Move(P.LATCHED, ("escalated",), pages=True),
    (P.LATCHED, S.RAN_OUT):             _NEVER,

    # A command may come late, to an alert that is closed by then: that is refused, never an error.
    **{(P.CLOSED, stimulus): _OVER if stimulus in COMMANDS else _NEVER for stimulus in S},
}
# fmt: on


def decide(phase: AlertPhase, stimulus: Stimulus) -> Move | Refusal:
    """What `stimulus` does to an alert in `phase`.

    Raises:
        IllegalStep: the table says that this cannot happen.
    """
    found = TABLE[phase, stimulus]
    if isinstance(found, Impossible):
        raise IllegalStep(phase, stimulus)
    return found


def stimulus_of_close(rule: str, session: str | None) -> Stimulus:
    """What closing an alert of a rule by hand is to it; `session`: its subject's."""
    known = RULES.get(rule)
    return Stimulus.CLOSE_MEASURED if known is not None and known.must_be_seen_to_end(session) else Stimulus.CLOSE


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> active: raised"]
    for (phase, stimulus), found in TABLE.items():
        if isinstance(found, Move):
            page = " (page)" if found.pages else ""
            lines.append(f"    {phase} --> {found.to}: {stimulus}{page}")
    return "\n".join([*lines, "    closed --> [*]", ""])
