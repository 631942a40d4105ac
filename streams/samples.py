"""Samples in: find each one's session, judge it, hold it against the limits.

Several samples of one session are taken in rounds, each with at most one sample a session, so that every step is one array
operation over many sessions.
Bad at: one session with thousands of samples in a frame (a round each, about 0.1 ms).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.effects import AuditEntry
from models.channels import COLUMN as CHANNEL
from models.channels import NAMES
from models.instants import iso
from streams.absence import AHEAD, follow, lapse
from streams.frame import Frame, Origin
from streams.quality import judge
from streams.rows import FAR
from streams.sentences import number
from streams.sessions import GIVE_UP_AFTER, open_unannounced
from streams.state import OBSERVED, REMEMBER, Ints, WardState
from streams.thresholds import hold_samples

_SBP: Final = CHANNEL["sbp"]
_DBP: Final = CHANNEL["dbp"]


def fold_samples(state: WardState, frame: Frame, start: int, stop: int, ordinal: int, whole: bool) -> None:
    """Fold in the samples [start, stop) of a frame; `ordinal` is the first one's, `whole` says that they are all of it."""
    sent_us, origin = frame.at_us[start:stop], frame.origin[start:stop]
    at_us = sent_us
    if state.clock == "observed":
        clock_us = np.maximum(np.maximum.accumulate(at_us), state.clock_us)
        state.clock_us = int(clock_us[-1])
    else:
        clock_us = np.full(stop - start, state.clock_us)
        # A device whose clock runs ahead would make its own later samples late: use the time of arrival instead.
        at_us = np.where(at_us > clock_us + AHEAD, clock_us, at_us)
    count = stop - start
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
        _take(
            state, frame, start + done, origin[part], at_us[part], sent_us[part], clock_us[part], ordinal + done,
            whole and upto - done == count,
        )  # fmt: skip
        done = upto


def _take(
    state: WardState, frame: Frame, start: int, origin: Ints, at_us: Ints, sent_us: Ints, clock_us: Ints, ordinal: int,
    whole: bool,
) -> None:  # fmt: skip
    """Fold in samples during which no session is given up; `start` is the first one's place among the frame's samples."""
    row = _find(state, frame.origins, origin, at_us, clock_us, ordinal, whole)
    index = np.arange(len(origin))
    usable = row >= 0
    if not usable.all():
        index = index[usable]
    if frame.authors:
        _audit_samples(state, frame, start, start + len(origin), row, clock_us, ordinal)
    for turn in _rounds(row[index]):
        these = index[turn]
        _round(state, frame, start, these, row[these], at_us[these], sent_us[these], clock_us[these], ordinal)


def _find(
    state: WardState, origins: tuple[Origin, ...], origin: Ints, at_us: Ints, clock_us: Ints, ordinal: int, whole: bool
) -> Ints:
    """(n,) the row of each sample; an unannounced session is opened where none takes it.

    -1 where nobody is named, and where a sample is about whoever was there before.
    """
    rows = np.full(len(origins), -1)
    old = None
    if (at_us <= state.known.left_until).any():
        left = np.array([state.known.left_behind(each) for each in origins])[origin]
        old = (at_us <= left[:, 0]) & (clock_us - left[:, 1] < REMEMBER)
        state.counts["repeated or late"] += int(np.count_nonzero(old))
    first = range(len(origins)) if whole else dict.fromkeys(origin.tolist())
    find = state.known.find
    for which in first:
        row = find(origins[which])
        if row is None:
            mine = (origin == which) if old is None else (origin == which) & ~old
            sample = int(np.argmax(mine))
            if not mine[sample]:
                continue
            row = open_unannounced(state, origins[which], int(clock_us[sample]), ordinal + sample)
        rows[which] = row
    found = rows[origin]
    return found if old is None else np.where(old, -1, found)


def _round(
    state: WardState,
    frame: Frame,
    start: int,
    index: Ints,
    row: Ints,
    at_us: Ints,
    sent_us: Ints,
    clock_us: Ints,
    ordinal: int,
) -> None:
    """Samples of distinct sessions: judge, hold against the limits, and note what changed."""
    rows = state.rows
    late = rows.due[row] < clock_us
    if late.any():
        lapse(state, row[late], clock_us[late])
    values, status = frame.values[start + index], frame.status[start + index]
    repeated = None if frame.keys is None else _repeats(state, row, frame.keys[start + index])
    judged = judge(rows, row, at_us, clock_us, values, status, repeated)
    place = ordinal + index
    follow(state, row, at_us, sent_us, clock_us, judged, place)

    trusted, which = judged.trusted, rows.limit_set[row]
    low, high = state.limits.sets.calm_low[which], state.limits.sets.calm_high[which]
    hot = (
        (trusted & ((values <= low) | (values >= high))).any(axis=1)
        | rows.warm[row]
        | trusted[:, _SBP]
        | trusted[:, _DBP]
    )
    if hot.any():
        some = np.flatnonzero(hot)
        hold_samples(
            state,
            row[some],
            at_us[some],
            clock_us[some],
            values[some],
            trusted[some],
            judged.held_us[some],
            place[some],
        )


def _repeats(state: WardState, row: Ints, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """(n,) whether a sample's idempotency key is among its session's last eight; new ones are remembered."""
    ring = state.rows.keys[row]
    repeated: NDArray[np.bool_] = (ring == keys[:, None]).any(axis=1) & (keys != 0)
    new = (keys != 0) & ~repeated
    state.rows.keys[row[new]] = np.concatenate([keys[new, None], ring[new, :-1]], axis=1)
    return repeated


def _audit_samples(
    state: WardState, frame: Frame, start: int, stop: int, row: Ints, clock_us: Ints, ordinal: int
) -> None:
    """What a person entered by hand, a cuff as a rule, is an entry as well as a sample; sent twice, it is one."""
    for sample, by in frame.authors.items():
        if not start <= sample < stop:
            continue
        site, session, patient, device, source = frame.origins[frame.origin[sample]]
        sent = "" if frame.keys is None else str(frame.keys[sample])
        names = (*frame.origins[frame.origin[sample]], by, str(frame.at_us[sample]), sent)
        if state.had("\x1f".join(name or "" for name in names) + "\x1dvitals", int(clock_us[sample - start])):
            continue
        held = state.known.sessions.get(int(row[sample - start]))
        doc: dict[str, Any] = {
            name: number(float(value))
            for name, value in zip(NAMES, frame.values[sample], strict=True)
            if not np.isnan(value)
        }
        if held is not None:
            session, patient = held.name, held.patient
        at = iso(int(frame.at_us[sample]))
        doc = {"kind": "vitals", "at": at, **doc, "device": device, "source": source}
        entry = AuditEntry(
            at, site, patient, session, "vitals", by, "accepted", {k: v for k, v in doc.items() if v is not None}
        )
        state.tell(entry, (int(clock_us[sample - start]), OBSERVED, ordinal + sample - start))


def _rounds(row: Ints) -> list[Ints]:
    """Indices of samples in rounds: each row at most once a round, a row's samples in order over the rounds."""
    if len(row) < 2:
        return [np.arange(len(row))] if len(row) else []
    order = np.argsort(row, kind="stable")
    ranked = row[order]
    first = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    if len(first) == len(row):
        return [np.arange(len(row))]
    lengths = np.diff(np.concatenate([first, [len(row)]]))
    turn = np.arange(len(row)) - np.repeat(first, lengths)
    by_turn = np.argsort(turn, kind="stable")
    bounds = np.searchsorted(turn[by_turn], np.arange(1, int(turn.max()) + 1))
    return [np.sort(order[part]) for part in np.split(by_turn, bounds)]
