"""A monitor's own alarms, where they are sent: what it concludes from waves that nobody here sees is an observation.

An alarm of no breath raises `apnoea` at once: the monitor has waited already. It is over as every apnoea is, when RR or EtCO2
show a breath for long enough, but not within `STANDS_FOR`, because the numbers of the last breath may stay; where neither is
sent, the alarm's own end ends it.
Any other is filed under its session and raises nothing: its number is sent as well, and has limits of a clinic's own here. Whom
no session knows is set aside. Never here: silencing a monitor.
"""

from __future__ import annotations

from typing import Final

from models.instants import MINUTE, NEVER
from models.tables.channels import CHANNEL_COLUMN, STALE_AFTER
from models.tables.limits import KEYS
from models.tables.rules import RULES, Priority
from models.wire.observations import MonitorAlarm
from streams.journal.frame import Origin
from streams.ward.audit import audit, file_dead_letter, session_of
from streams.ward.conclusions import Conclusion, over
from streams.ward.rows import IDLE
from streams.ward.sentences import rule_sentence
from streams.ward.sessions import open_unannounced
from streams.ward.state import REPEAT_WINDOW, Here, WardState

STANDS_FOR: Final = MINUTE
"""Chosen by us: a capnograph may show the numbers of the last breath for some 40 s, and no sender must have to say the end."""
_ROWS: Final = tuple(n for n, (rule, _, _) in enumerate(KEYS) if rule == "apnoea")
_NO_BREATH: Final = KEYS.index(("apnoea", "high", "breaths"))
_WITNESSES: Final = [CHANNEL_COLUMN["rr"], CHANNEL_COLUMN["etco2"]]
_SOURCE: Final = "the monitor's own alarm; its delay is set at the monitor"


def fold_alarm(state: WardState, record: MonitorAlarm, at_us: int, here: Here) -> None:
    """File that the monitor of a session finds no breath, or that its alarm is over; one about nobody is set aside."""
    origin = Origin(record.site, record.session, record.patient, record.device, record.source)
    known, at_us = state.association, min(at_us, here[0])
    row = known.lookup(origin)
    if row is None and record.alarm == "no-breath":
        row = open_unannounced(state, origin, here)
    if row is None:
        named = record.patient or record.session or record.device
        why = "no session is open of it" if named else "no patient, session or device is named"
        file_dead_letter(state, record, here, "patient", why)
        return
    audit(state, record, session_of(state, row, record), here)
    if record.alarm != "no-breath":
        # On record, beside ours, and in the burden; the monitor tells it, and nothing here is told by it or silenced.
        return
    until_us, noted_us = known.cutoff_of(origin)
    if at_us <= until_us and here[0] - noted_us < REPEAT_WINDOW:
        # About somebody who was here before.
        return
    if record.active:
        _begin(state, row, at_us, here)
    else:
        _end(state, row, at_us, here)


def _begin(state: WardState, row: int, at_us: int, here: Here) -> None:
    rows, session = state.rows, state.association.sessions[row]
    rows.on[row, _NO_BREATH], rows.strikes[row, _NO_BREATH] = True, IDLE
    rows.alarm_until[row] = at_us + STANDS_FOR
    text = rule_sentence(session.where, RULES["apnoea"].title, "The monitor's own alarm: it finds no breath.")
    state.file(session, Conclusion("apnoea", Priority.HIGH, at_us, at_us, text, {"alarm": "no-breath"}, _SOURCE), here)


def _end(state: WardState, row: int, at_us: int, here: Here) -> None:
    rows, session = state.rows, state.association.sessions[row]
    rows.alarm_until[row] = NEVER
    if (here[0] - rows.heard[row, _WITNESSES] < STALE_AFTER).any():
        # Numbers of breathing end it.
        return
    rows.on[row, _NO_BREATH] = False
    if not rows.on[row, _ROWS].any():
        text = f"{session.where}: {RULES['apnoea'].title} is over: the monitor's own alarm is."
        state.file(session, over("apnoea", at_us, text), here)
