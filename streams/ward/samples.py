"""Samples in: find each one's session, run the loop over them, and do in Python what it stops for.

Never here: what a sample is judged by, what makes something due.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from math import isnan
from typing import Any, Final, cast

import numpy as np

from alerts.effects import AuditEntry
from models.instants import iso
from models.tables.channels import CHANNEL_COLUMN, CHANNEL_NAMES
from streams.journal.frame import Frame, FrameBuilder, decode
from streams.ward import loop
from streams.ward.absence import fall_due, file_presence, file_spot_readings
from streams.ward.association import NAMELESS
from streams.ward.compiled import typed
from streams.ward.cuffs import fold_cuff
from streams.ward.home.rules import pass_time_at_home
from streams.ward.minutes import name_minutes
from streams.ward.rules.thresholds import file_flips
from streams.ward.sample import RATE, SampleRecord
from streams.ward.sentences import number
from streams.ward.sessions import open_unannounced
from streams.ward.signal.breathing import ALONE, BREATHS, SHALLOW
from streams.ward.signal.channel_table import CHANNEL_TABLE
from streams.ward.signal.doubted import DOUBTED
from streams.ward.state import OBSERVED, Here, WardState

_DERIVED: Final = {
    "rate": RATE, "breaths": BREATHS, "rr-alone": ALONE, "spo2-doubted": DOUBTED, "etco2-beside": SHALLOW,
}  # fmt: skip
_SBP: Final = CHANNEL_COLUMN["sbp"]
_DBP: Final = CHANNEL_COLUMN["dbp"]
_NO_KEYS: Final = np.zeros(0, np.uint64)
_NO_SAMPLES: Final = decode(FrameBuilder().seal())


def prepare() -> None:
    """Compile the loop, or read it from its cache, so that the first sample does not wait for it."""
    pass_time(WardState())


def pass_time(state: WardState) -> None:
    """Do what is due before now, in sessions and at home."""
    _fold_until(state, _NO_SAMPLES, 0, 0)
    pass_time_at_home(state)


def fold_samples(state: WardState, frame: Frame, start: int, stop: int) -> None:
    """Let time pass, and fold in the samples [start, stop) of a frame."""
    state.counts["samples"] += stop - start
    for place in sorted(frame.authors) if frame.authors else ():
        if start <= place < stop:
            _fold_until(state, frame, start, place + 1)
            _audit_sample(state, frame, place)
            start = place + 1
    _fold_until(state, frame, start, stop)


def _fold_until(state: WardState, frame: Frame, start: int, stop: int) -> None:
    """Run the loop over the samples [start, stop), doing what it stops for."""
    under_way, known, names = state.under_way, state.association, frame.origins
    under_way.clock_us[0] = state.clock_us
    keys = _NO_KEYS if frame.keys is None else frame.keys
    while True:
        rows, steps = state.rows, state.rows.steps
        numbers = known.numbers_of(names)
        tables = (
            under_way.array, rows.sessions, rows.due, CHANNEL_TABLE, state.limits.records, steps.steps, steps.traces,
            known.rows, state.clocks.of(known.origins), state.clocks.records, under_way.ended,
        )  # fmt: skip
        why = (fold_decoded if frame.decoded else loop.fold_in)(
            tables, frame.origin, numbers, known.cutoffs_of(names), frame.at_us, frame.values, frame.status, keys, start, stop,
            known.latest_cutoff_us,
        )  # fmt: skip
        if under_way.minutes[0]:
            name_minutes(state)
        if state.clock == "observed":
            state.clock_us = int(under_way.clock_us[0])
        if why == loop.DONE:
            return
        _act(state, frame, why)
        start = loop.GO_ON


def _fold_first(*arguments: Any) -> int:
    """Run the loop over the first frame that `decode` has made: the next need not be asked for the types of their arrays."""
    global fold_decoded  # noqa: PLW0603  # found when the first of them comes, and then for good
    why: int = cast(Any, loop.fold_in)(*arguments)
    fold_decoded = typed(loop.fold_in, *arguments)
    return why


fold_decoded: Callable[..., int] = _fold_first
"""The loop, for frames that `decode` has made."""


def _act(state: WardState, frame: Frame, why: int) -> None:
    """Do what the loop has stopped for."""
    sample, rows = state.under_way.record, state.rows
    row = int(sample.row)
    match why:
        case loop.FALLS_DUE:
            overdue = int(sample.overdue)
            fall_due(state, overdue, int(rows.due[overdue]))
        case loop.UNCLAIMED:
            _claim(state, frame, int(frame.origin[sample.place]))
        case loop.NEEDS_CUTOFFS:
            state.association.find_cutoffs(frame.origins)
        case loop.POOL_FULL:
            rows.steps.grow()
        case loop.HEARD:
            file_presence(state, row, sample, _place(state, frame))
        case loop.STEPPED:
            shown: dict[str, float] = {CHANNEL_NAMES[sample.column - 1]: float(sample.shown)}
            if sample.of_rate:
                shown["rate"] = float(sample.shown)
            if "rr" in shown:
                shown["rr-alone"] = float(sample.shown)
            file_flips(state, row, sample, _place(state, frame), shown)
        case loop.FLIPPED:
            file_flips(state, row, sample, _place(state, frame), _trusted(sample))
        case loop.CUFF:
            if sample.trusted[_SBP] or sample.trusted[_DBP]:
                _, entry = frame.authors.get(int(sample.place), (None, None))
                fold_cuff(state, row, int(sample.at_us), _place(state, frame), _trusted(sample), entry)
            file_spot_readings(state, row, sample, _place(state, frame))
        case loop.MINUTES_FULL:
            pass  # they have been named
        case loop.UNCOUNTED:
            state.counts["repeated or late"] += int(sample.late)
            state.counts["samples of nobody"] += int(sample.nameless)
            sample.late = sample.nameless = 0


def _claim(state: WardState, frame: Frame, which: int) -> None:
    """Find the session of an origin that was not looked up yet, and of the frame's others; open one if no open one takes it."""
    known, names = state.association, frame.origins
    row = known.find_row(names, which)
    if row is None:
        row = open_unannounced(state, names[which], _place(state, frame))
    known.note_row(int(known.numbers_of(names)[which]), NAMELESS if row is None else row)


def _place(state: WardState, frame: Frame) -> Here:
    """When and where the sample under way is, among everything in its frame."""
    place = int(state.under_way.record.place)
    before = bisect_right([position for position, _ in frame.events], place)
    return int(state.under_way.clock_us[0]), OBSERVED, place + before


def _trusted(sample: SampleRecord) -> dict[str, float]:
    """The readings of a judged sample that are believed, by channel; and what is derived of them that limits are held against.

    What is not believed is left out: an alert's evidence is made of trusted readings.
    """
    found: dict[str, float] = {
        name: float(reading)
        for name, reading, trusted in zip(CHANNEL_NAMES, sample.reading, sample.trusted, strict=False)
        if trusted
    }
    return found | {name: float(sample.reading[column]) for name, column in _DERIVED.items() if sample.trusted[column]}


def _audit_sample(state: WardState, frame: Frame, place: int) -> None:
    """Audit a sample that a person entered by hand, a cuff as a rule; one that is sent again is not audited again."""
    by, sent_id = frame.authors[place]
    clock_us = int(state.under_way.clock_us[0])
    site, session, patient, device, source = origin = frame.origins[frame.origin[place]]
    sent = "" if frame.keys is None else str(frame.keys[place])
    names = (*origin, by, str(frame.at_us[place]), sent)
    if state.is_repeat("\x1f".join(name or "" for name in names) + "\x1dvitals", clock_us):
        return
    taken = state.association.sessions.get(int(state.under_way.record.row))
    if taken is not None:
        session, patient = taken.name, taken.patient
    at = iso(int(frame.at_us[place]))
    read: dict[str, float] = {
        name: number(float(value), name)
        for name, value in zip(CHANNEL_NAMES, frame.values[place], strict=True)
        if not isnan(value)
    }
    doc: dict[str, Any] = {"kind": "vitals", "at": at, "id": sent_id, **read, "device": device, "source": source}
    said = {name: value for name, value in doc.items() if value is not None}
    entry = AuditEntry(at, site, patient, session, "vitals", by, "accepted", said, iso(clock_us))
    before = bisect_right([position for position, _ in frame.events], place)
    state.emit(entry, (clock_us, OBSERVED, place + before))
