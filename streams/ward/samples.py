"""Samples in: find each one's session, judge it, hold it against the limits.

Several samples of one session are taken in rounds, each with at most one sample a session, so that every step is one array
operation over many sessions.
Bad at: one session with thousands of samples in a frame (a round each, about 0.1 ms).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.effects import AuditEntry
from models.arrays import Ints
from models.instants import FAR, iso
from models.tables.channels import CHANNEL_COLUMN, CHANNEL_NAMES
from streams.journal.frame import Frame
from streams.ward.absence import AHEAD, follow, lapse
from streams.ward.rules.thresholds import hold_samples, hold_step, read_cuff
from streams.ward.sentences import number
from streams.ward.sessions import GIVE_UP_AFTER, open_unannounced
from streams.ward.signal.quality import judge
from streams.ward.signal.trends import mark
from streams.ward.state import OBSERVED, REMEMBER, WardState

_SBP, _DBP, _SPO2 = CHANNEL_COLUMN["sbp"], CHANNEL_COLUMN["dbp"], CHANNEL_COLUMN["spo2"]


def fold_samples(state: WardState, frame: Frame, start: int, stop: int, ordinals: Ints) -> None:
    """Fold in the samples [start, stop) of a frame; ordinals: (n,) of all its samples, among everything in it."""
    sent_us = frame.at_us[start:stop]
    at_us = sent_us
    count = stop - start
    if state.clock == "observed":
        clock_us = np.maximum(np.maximum.accumulate(at_us), state.clock_us)
        state.clock_us = int(clock_us[-1])
    else:
        clock_us = np.full(count, state.clock_us)
        # A device whose clock runs ahead would make its own later samples late: use the time of arrival instead.
        at_us = np.where(at_us > clock_us + AHEAD, clock_us, at_us)
    state.counts["samples"] += count
    done = 0
    while done < count:
        # Nobody is given up in the middle of what is taken at once: a sample after that begins a new session.
        idle = state.rows.idle_due[: state.rows.count]
        until_us = min(int(idle.min(initial=FAR)), int(clock_us[done]) + GIVE_UP_AFTER)
        if until_us < clock_us[done]:
            gone = np.flatnonzero(idle < clock_us[done])
            lapse(state, gone, np.full(gone.size, clock_us[done]))
            continue
        upto = int(np.searchsorted(clock_us, until_us, side="right"))
        part = slice(done, upto)
        taken = np.arange(start + done, start + upto)
        _take(state, frame, Samples(taken, taken, at_us[part], sent_us[part], clock_us[part], ordinals[taken]))
        done = upto


@dataclass(slots=True)
class Samples:
    """Samples of one frame, all arrays (n,): `taken` their places in it, `row` the sessions that they belong to."""

    taken: Ints
    row: Ints
    at_us: Ints
    sent_us: Ints
    clock_us: Ints
    ordinal: Ints

    def only(self, which: Ints) -> Samples:
        """Some of them."""
        return Samples(
            self.taken[which], self.row[which], self.at_us[which], self.sent_us[which], self.clock_us[which],
            self.ordinal[which],
        )  # fmt: skip


def _take(state: WardState, frame: Frame, samples: Samples) -> None:
    """Fold in samples during which no session is given up."""
    samples.row = _find(state, frame, samples)
    if frame.authors:
        _audit_samples(state, frame, samples)
    unowned = samples.row < 0
    if unowned.any():
        samples = samples.only(np.flatnonzero(~unowned))
    for turn in _rounds(samples.row):
        _round(state, frame, samples if turn is None else samples.only(turn))


def _find(state: WardState, frame: Frame, samples: Samples) -> Ints:
    """(n,) the row of each sample; an unannounced session is opened where none takes it.

    -1 where nobody is named, and where a sample is about whoever was there before.
    """
    known, origins = state.known, frame.origins
    origin = frame.origin[samples.taken]
    old = None
    if (samples.at_us <= known.left_until).any():
        left = np.array([known.left_behind(each) for each in origins])[origin]
        old = (samples.at_us <= left[:, 0]) & (samples.clock_us - left[:, 1] < REMEMBER)
        state.counts["repeated or late"] += int(np.count_nonzero(old))
    rows = np.array(known.rows_of(origins))
    if (rows < 0).any():
        # In order of appearance, which a cut elsewhere would not change.
        for which in dict.fromkeys((origin if old is None else origin[~old]).tolist()):
            row = known.find(origins[which])
            if row is None:
                mine = (origin == which) if old is None else (origin == which) & ~old
                sample = int(np.argmax(mine))
                row = open_unannounced(
                    state, origins[which], int(samples.clock_us[sample]), int(samples.ordinal[sample])
                )
            rows[which] = row
    found: Ints = rows[origin]
    return found if old is None else np.where(old, -1, found)


def _round(state: WardState, frame: Frame, samples: Samples) -> None:
    """Samples of distinct sessions: judge, hold against the limits, and note what changed."""
    rows, row, clock_us = state.rows, samples.row, samples.clock_us
    late = rows.due[row] < clock_us
    if late.any():
        lapse(state, row[late], clock_us[late])
    values, status = frame.values.take(samples.taken, 0), frame.status.take(samples.taken, 0)
    repeated = None if frame.keys is None else _repeats(state, row, frame.keys[samples.taken])
    judged = judge(rows, row, samples.at_us, clock_us, values, status, repeated)
    follow(state, row, samples.at_us, samples.sent_us, clock_us, judged, samples.ordinal)

    for i, column, step in judged.believed:
        here = (int(clock_us[i]), OBSERVED, int(samples.ordinal[i]))
        hold_step(state, int(row[i]), int(samples.at_us[i]), here, column, step)
        if column == _SPO2:
            rows.lowest_spo2[row[i]] = min(rows.lowest_spo2[row[i]], *(reading for _, reading in step.samples))
    sets, which = state.limits.sets, rows.limit_set[row]
    near = (values <= sets.calm_low.take(which, 0)) | (values >= sets.calm_high.take(which, 0))
    some = np.flatnonzero((judged.trusted & near).any(axis=1) | rows.warm[row])
    if some.size:
        at_us = samples.at_us[some]
        hold_samples(
            state, row[some], at_us, clock_us[some], values[some], judged.trusted[some],
            judged.held_us(some, at_us), judged.before_us(some), samples.ordinal[some],
        )  # fmt: skip
    lower = values[:, _SPO2] < rows.lowest_spo2.take(row)
    if np.count_nonzero(lower):
        lower &= judged.trusted[:, _SPO2]
        rows.lowest_spo2[row[lower]] = values[lower, _SPO2]
    mark(state, row, samples.at_us)
    read = judged.trusted[:, _SBP] | judged.trusted[:, _DBP]
    if read.any():
        for i in np.flatnonzero(read).tolist():
            here = (int(clock_us[i]), OBSERVED, int(samples.ordinal[i]))
            read_cuff(state, int(row[i]), int(samples.at_us[i]), here, values[i], judged.trusted[i])


def _repeats(state: WardState, row: Ints, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """(n,) whether a sample's idempotency key is among its session's last eight; new ones are remembered."""
    ring = state.rows.keys[row]
    repeated: NDArray[np.bool_] = (ring == keys[:, None]).any(axis=1) & (keys != 0)
    new = (keys != 0) & ~repeated
    state.rows.keys[row[new]] = np.concatenate([keys[new, None], ring[new, :-1]], axis=1)
    return repeated


def _audit_samples(state: WardState, frame: Frame, samples: Samples) -> None:
    """What a person entered by hand, a cuff as a rule, is an entry as well as a sample; sent twice, it is one."""
    first = int(samples.taken[0])
    for taken, (by, sent_id) in frame.authors.items():
        i = taken - first
        if not 0 <= i < len(samples.taken):
            continue
        clock_us = int(samples.clock_us[i])
        site, session, patient, device, source = origin = frame.origins[frame.origin[taken]]
        sent = "" if frame.keys is None else str(frame.keys[taken])
        names = (*origin, by, str(frame.at_us[taken]), sent)
        if state.had("\x1f".join(name or "" for name in names) + "\x1dvitals", clock_us):
            continue
        held = state.known.sessions.get(int(samples.row[i]))
        if held is not None:
            session, patient = held.name, held.patient
        at = iso(int(frame.at_us[taken]))
        read: dict[str, float] = {
            name: number(float(value), name)
            for name, value in zip(CHANNEL_NAMES, frame.values[taken], strict=True)
            if not np.isnan(value)
        }
        doc: dict[str, Any] = {"kind": "vitals", "at": at, "id": sent_id, **read, "device": device, "source": source}
        said = {name: value for name, value in doc.items() if value is not None}
        entry = AuditEntry(at, site, patient, session, "vitals", by, "accepted", said, iso(clock_us))
        state.tell(entry, (clock_us, OBSERVED, int(samples.ordinal[i])))


def _rounds(row: Ints) -> Iterator[Ints | None]:
    """Indices of samples in rounds: each row at most once a round, a row's samples in order over the rounds.

    None: all of them, as they are.
    """
    if not len(row):
        return
    seen = np.zeros(int(row.max()) + 1, bool)
    seen[row] = True
    if np.count_nonzero(seen) == len(row):
        yield None
        return
    order = np.argsort(row, kind="stable")
    ranked = row[order]
    first = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    lengths = np.diff(np.concatenate([first, [len(row)]]))
    turn = np.arange(len(row)) - np.repeat(first, lengths)
    by_turn = np.argsort(turn, kind="stable")
    bounds = np.searchsorted(turn[by_turn], np.arange(1, int(turn.max()) + 1))
    for part in np.split(by_turn, bounds):
        yield np.sort(order[part])
