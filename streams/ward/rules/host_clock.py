"""`host-clock`: the clock of the machine that stamps the journal is far from the shard's time; over once they are together.

Never here: which of them is right, how far is far (streams/journal/appender_clock.py, the host).
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.instants import HOUR, SECOND
from models.tables.rules import RULES, Priority
from models.wire.observations import ClockApart
from streams.ward.sentences import duration, rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "host-clock"
_SOURCE: Final = "time must pass for whoever is watched, whatever a clock says"
_HOURS_FROM_S: Final = 2 * HOUR / SECOND


def file_clock_apart(state: WardState, record: ClockApart, here: Here) -> None:
    """Add a finding that the machine's clock and the shard's time are apart, or together again (`apart_s` is None)."""
    subject, at_us = Subject(record.site, "-", None), max(here[0], 0)
    if record.apart_s is None:
        change, detail, evidence = "ended", "It is right again.", dict[str, object]()
    else:
        change, detail = "began", _detail(record)
        evidence = {"apart_s": record.apart_s, "stepped_s": record.stepped_s}
    text = rule_sentence(record.site, RULES[_RULE].title, detail)
    finding = Finding(
        "ended" if change == "ended" else "began", subject, _RULE, Priority.MEDIUM, at_us, at_us, at_us, text, evidence, _SOURCE
    )  # fmt: skip
    state.emit(finding, here)


def _detail(record: ClockApart) -> str:
    apart_s = record.apart_s or 0.0
    if record.stepped_s:
        what = f"It was set {'ahead' if record.stepped_s > 0 else 'back'} by {_length(record.stepped_s)}"
    else:
        what = f"It is {_length(apart_s)} {'ahead of' if apart_s > 0 else 'behind'} the last time in the journal"
    if record.stands:
        return f"{what}. Until it has caught up no time passes here: silence and calls come as much later. Set it right, and tell whoever runs Chairside."
    shown = f"times shown here are {_length(apart_s)} {'behind' if apart_s > 0 else 'ahead of'} it"
    return f"{what}. Time is taken as it passes, so {shown}. Tell whoever runs Chairside."


def _length(seconds: float) -> str:
    """``40 s``, ``60 min``, ``24 h``."""
    seconds = abs(seconds)
    return duration(seconds) if seconds < _HOURS_FROM_S else f"{seconds * SECOND / HOUR:.0f} h"
