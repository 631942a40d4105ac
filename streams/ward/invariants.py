"""The invariants of a ward's state as code: sessions, rows, timers, limits and due times agree after every frame.

Nothing in the service calls this. Scenes and property tests do after each step, so that a rule or an entry that leaves the
state inconsistent is found where it did so, and not where somebody reads it. Cost: some 0.1 ms a session.
Never here: whether what is concluded is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgpack
import numpy as np

from models.instants import FAR, NEVER
from models.tables.rules import RULES
from streams.ward.association import Session
from streams.ward.rows import CONTINUOUS, NO_STEP
from streams.ward.rules.deeper import reckon_deeper
from streams.ward.state import WardState


class BrokenState(AssertionError):
    """A ward's state contradicts itself; the message lists every contradiction."""


def validate_state(state: WardState) -> None:
    """Check a ward between two frames.

    Raises:
        BrokenState: an invariant does not hold.
    """
    broken = [*_rows(state), *_indices(state), *_unannounced(state), *_home(state)]
    for row, session in sorted(state.association.sessions.items()):
        broken += [f"row {row} ({session.where}): {problem}" for problem in _session(state, row, session)]
    if state.emitted:
        broken.append(f"{len(state.emitted)} conclusions were not handed on")
    broken += [f"{count} {what}" for what, count in state.counts.items() if count < 0]
    if broken:
        raise BrokenState("; ".join(broken))


def _rows(state: WardState) -> Iterator[str]:
    """A used row is open for exactly one session, or free and at rest."""
    rows, taken = state.rows, set(state.association.sessions)
    used = set(range(rows.count))
    if taken != set(np.flatnonzero(rows.open[: rows.count]).tolist()):
        yield "open rows are not those of the sessions"
    if sorted(rows.free) != sorted(used - taken):
        yield "free rows are not those without a session"
    for row in used - taken:
        if rows.due[row] != FAR or rows.stepping[row]:
            yield f"row {row} is free and not at rest"
    for place, owner in enumerate(rows.steps.steps["row"].tolist()):
        if owner != NO_STEP and rows.step[owner, rows.steps.steps["column"][place]] != place:
            yield f"step {place} of row {owner} is not the one that the row has"


def _indices(state: WardState) -> Iterator[str]:
    """Every name leads to an open session that goes by it."""
    association = state.association
    for name, index, attribute in (
        ("session", association.by_name, "name"), ("patient", association.by_patient, "patient"),
    ):  # fmt: skip
        for (site, key), row in index.items():
            session = association.sessions.get(row)
            if session is None or (session.site, getattr(session, attribute)) != (site, key):
                yield f"{name} {key} leads to row {row}, which is another's"
    for index in (association.by_chair, association.by_device):
        yield from (
            f"{key} leads to row {row}, which is nobody's"
            for key, row in index.items()
            if row not in association.sessions
        )
    latest_us = max((newest_us for newest_us, _ in association.cutoffs.values()), default=NEVER)
    if association.latest_cutoff_us < latest_us:
        yield "a cutoff is later than the latest"


def _session(state: WardState, row: int, session: Session) -> Iterator[str]:
    """A session's row has what follows from its entries, and nothing of it is overdue that should have happened."""
    rows = state.rows
    if int(rows.limit_set[row]) != state.limits.set_of(session.site, session.patient):
        yield "the limits in its row are not its own"
    if bool(rows.dosed[row]) != (session.dose_us is not None):
        yield "its row and its doses disagree on whether a dose was given"
    timers = (session.checkin_due_us, session.lasting_due_us, session.peak_due_us, session.quiet_due_us)
    if int(rows.timer_due[row]) != min((due for due in timers if due is not None), default=FAR):
        yield "the timer in its row is not the next of its timers"
    if (session.quiet_due_us is None) is session.announced:
        yield "whoever sits there could be forgotten, or is nobody's to forget"
    if int(rows.recheck_due[row]) < FAR and session.cuff_rules.waits_us is None:
        yield "its row waits for a recheck, the rules on cuffs do not"
    if bool(rows.stepping[row]) != bool((rows.step[row] != NO_STEP).any()):
        yield "its row says otherwise than its channels whether a step is doubted"
    if (rows.stale_due[row, CONTINUOUS & (rows.heard[row] > NEVER)] == FAR).any():
        yield "a channel was heard and is not waited for"
    next_us = min(
        int(np.where(rows.stale[row], FAR, rows.stale_due[row]).min()),
        *(int(rows[row]) for rows in (
            rows.start_due, rows.cuff_due, rows.timer_due, rows.recheck_due, rows.idle_due, rows.lost_due,
        )),
    )  # fmt: skip
    if int(rows.due[row]) > next_us:
        yield f"it is looked at {int(rows.due[row]) - next_us} µs after it is due"
    if next_us < state.clock_us:
        yield f"something was due {state.clock_us - next_us} µs ago and did not happen"
    before = rows.deeper[row].copy()
    reckon_deeper(state, row)
    if not np.array_equal(before, rows.deeper[row], equal_nan=True):
        yield "a limit is told anew from another reading on than what was told says"
    if not session.conditions.keys() <= RULES.keys():
        yield "a condition has no rule"
    if [dose.at_us for dose in session.doses] != sorted(dose.at_us for dose in session.doses):
        yield "its doses are not in order"
    if [report.at_us for report in session.reports] != sorted(report.at_us for report in session.reports):
        yield "its check-ins are not in order"


def _unannounced(state: WardState) -> Iterator[str]:
    """How many sessions each sender has opened is counted as they are."""
    known = state.association
    found = Counter((each.site, each.source) for each in known.sessions.values() if not each.announced)
    if +known.unannounced != found:
        yield f"unannounced sessions are counted as {dict(+known.unannounced)}, and are {dict(found)}"


def _home(state: WardState) -> Iterator[str]:
    """Every due time of a patient at home is in the heap, and a row that changed is packed anew."""
    home = state.home
    for site, patient, due_us in home.unscheduled():
        yield f"{patient or 'the digest'} of {site} is due at {due_us} and not scheduled"
    if home.due_us < state.clock_us:
        yield "something was due at home and did not happen"
    for row in home.patients.values():
        if not row.conditions.keys() <= RULES.keys():
            yield f"{row.patient}: a condition has no rule"
    for key, packed in home.packed_rows.items():
        if packed != msgpack.packb(home.patients[key].packed()):
            yield f"{key[1]} was changed and would be packed as before"
