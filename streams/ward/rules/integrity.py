"""`integrity`: what the system itself found wrong with its records: an effect that disagrees with the store, frames not used.

Each is a finding that only a person closes: nobody can see from the records that it is over.
"""

from __future__ import annotations

from alerts.effects import DeadLetter
from models.findings import Finding, Subject
from models.instants import iso
from models.tables.rules import Priority
from models.wire.observations import Conflicted, Fault, FrameSetAside
from streams.journal.frame import Origin
from streams.ward.faults import tell_fault
from streams.ward.state import Here, WardState


def file_conflict(state: WardState, record: Conflicted, here: Here) -> None:
    """Add a finding for an effect that disagrees with what the store has."""
    what = f"Records disagree: effect {record.effect} of frame {record.offset}"
    evidence = {"offset": record.offset, "effect": record.effect, "stored": record.stored, "offered": record.offered}
    tell_fault(state, record.site, None, what, evidence, "an effect's key names one content", here)


def file_fault(state: WardState, record: Fault, here: Here) -> None:
    """Add a finding that something of ours failed; a record that it cost is counted and kept as a dead letter."""
    if record.line is not None:
        state.counts["set aside"] += 1
        state.emit(DeadLetter(iso(max(here[0], 0)), record.site, "", record.raised, record.line), here)
    origin = Origin(record.site, record.session, record.patient, record.device, record.source)
    row = state.association.lookup(origin)
    who = record.patient if row is None else state.association.sessions[row]
    tell_fault(state, record.site, who, record.what, {"raised": record.raised}, "a fault of Chairside itself", here)


def file_unused_frames(state: WardState, record: FrameSetAside, here: Here) -> None:
    """Add a finding for frames of the journal that were not used: nobody can say what was in them, so somebody must look."""
    which = (
        f"Frame {record.offset}"
        if record.until == record.offset + 1
        else f"Frames {record.offset} to {record.until - 1}"
    )
    fate = "lost: the journal has them no longer" if record.lost else "set aside"
    text = f"{which} of the journal: {fate}. {record.reason}. Tell whoever runs Chairside."
    evidence = {"offset": record.offset, "until": record.until, "lost": record.lost, "reason": record.reason}
    subject = Subject(record.site, "-", None)
    priority = Priority.HIGH if record.lost else Priority.MEDIUM
    state.emit(
        Finding("began", subject, "integrity", priority, here[0], here[0], here[0], text, evidence, "every frame of the journal is used"),
        here,
    )  # fmt: skip
    if not record.lost:
        state.counts["set aside"] += 1
        state.emit(DeadLetter(iso(max(here[0], 0)), record.site, "frame", record.reason, which), here)
