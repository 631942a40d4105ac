"""Absence: what should have come and did not, found by time alone, and noticed when it comes back.

A continuous channel is stale `STALE_AFTER` after its last good reading: one is a lost probe (or what its last samples say),
all are no data. A monitor may never start; what people owe is in `timers.py`. Each falls due at its own instant of the clock,
whenever the frame that shows it comes. Missing data begins and ends nothing but these.
Cost: one comparison a session a frame; the reckoning only where something may be due. Bad at: telling a broken network from
a broken monitor.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Ints
from models.instants import FAR, MINUTE, NEVER, SECOND
from models.tables.channels import CHANNEL_NAMES, STALE_AFTER
from models.tables.rules import RULES, Priority
from streams.ward.home import rules as home
from streams.ward.rows import CONTINUOUS, Rows
from streams.ward.rules.thresholds import not_rechecked
from streams.ward.sentences import absence_sentence, duration, number, plain
from streams.ward.sessions import GIVE_UP_AFTER, START_WITHIN, close_session
from streams.ward.signal.quality import DISAGREES, FROZEN, IMPLAUSIBLE, QUALITIES, STEP, Judged
from streams.ward.state import DUE, OBSERVED, Here, WardState
from streams.ward.timers import fall_due

PAGE_SILENCE_AFTER: Final = 2 * MINUTE
"""A chair that is silent is on the board after `STALE_AFTER` and pages after this long. Chosen by us: a gateway that sends
its minute late must not teach people to ignore the page; the bedside monitor stays primary meanwhile."""
AHEAD: Final = MINUTE
BEHIND: Final = 10 * MINUTE
"""A device's clock this far from the shard's is wrong: ahead, nothing explains it; behind, a late batch might."""

_WIDTH = len(CHANNEL_NAMES)
_LOST_BY: Final = {
    IMPLAUSIBLE: "implausible",
    STEP: "artefact",
    FROZEN: "artefact",
    DISAGREES: "artefact",
    QUALITIES.index("artefact"): "artefact",
}
"""What a channel's last sample says of why it is lost; anything else is a probe that is off."""


def pass_time(state: WardState) -> None:
    """Let everything fall due that is due before now, for the sessions that had no sample to do it."""
    used = state.rows.due[: state.rows.count]
    late = np.flatnonzero(used < state.clock_us)
    if late.size:
        lapse(state, late, np.full(late.size, state.clock_us))
    if state.home.due_us < state.clock_us:
        home.pass_time_at_home(state)


def lapse(state: WardState, row: Ints, clock_us: Ints) -> None:
    """Let what is due before the clock happen, each at its own instant. row, clock_us: (n,), rows distinct.

    `rows.due` is never late but may be early, so it is reckoned anew here for the few rows where it has come.
    """
    rows = state.rows
    exact = _next_due(state, row)
    rows.due[row] = exact
    for i in np.flatnonzero(exact < clock_us).tolist():
        one, until = int(row[i]), int(clock_us[i])
        due = int(exact[i])
        while due < until:
            _fall_due(state, one, due)
            due = int(_next_due(state, row[i : i + 1])[0])
        rows.due[one] = due


def _next_due(state: WardState, row: Ints) -> Ints:
    """(n,) the exact instant of the next absence."""
    rows = state.rows
    heard = rows.heard[row]
    waiting = CONTINUOUS & (heard > NEVER) & ~rows.stale[row]
    quiet = np.where(waiting, heard + STALE_AFTER, FAR).min(axis=1)
    for others in (
        rows.start_due, rows.cuff_due, rows.timer_due, rows.recheck_due, rows.idle_due, rows.lost_due,
    ):  # fmt: skip
        quiet = np.minimum(quiet, others[row])
    due: Ints = quiet
    return due


def _fall_due(state: WardState, row: int, due_us: int) -> None:
    rows, session = state.rows, state.known.sessions.get(row)
    if session is None:
        return
    here = (due_us, DUE, 0)
    if rows.idle_due[row] == due_us:
        close_session(state, row, due_us, here)
        return
    if rows.start_due[row] == due_us:
        rows.start_due[row] = FAR
        detail = f"Nothing from the monitor {duration(START_WITHIN / SECOND)} after the start."
        text = plain(session.where, RULES["never-started"].title, detail)
        state.say(
            row,
            "never-started",
            Priority.MEDIUM,
            due_us,
            due_us - START_WITHIN,
            here,
            text,
            {},
            "3 min after session.started",
        )
    if due_us in {rows.cuff_due[row], rows.timer_due[row]}:
        fall_due(state, row, due_us)
    if rows.recheck_due[row] == due_us:
        rows.recheck_due[row] = FAR
        not_rechecked(state, row, due_us, here)
    gone = CONTINUOUS & (rows.heard[row] + STALE_AFTER == due_us) & (rows.heard[row] > NEVER) & ~rows.stale[row]
    if gone.any() or rows.lost_due[row] == due_us:
        rows.stale[row] |= gone
        _technical(state, row, due_us, here)


def follow(
    state: WardState, row: Ints, at_us: Ints, sent_us: Ints, clock_us: Ints, judged: Judged, place: Ints
) -> None:
    """Note that these sessions were heard: what was absent is back, what froze is frozen."""
    rows = state.rows
    fresh = judged.any_fresh
    state.counts["repeated or late"] += len(row) - int(np.count_nonzero(fresh))
    rows.due[row] = np.minimum(rows.due[row], clock_us + STALE_AFTER)
    idle = rows.idle_due[row]
    rows.idle_due[row] = np.where((idle < FAR) & fresh, clock_us + GIVE_UP_AFTER, idle)
    before = rows.row_at[row]
    rows.watched[row] += np.where(before > NEVER, np.minimum(np.maximum(at_us - before, 0), STALE_AFTER), 0)
    rows.row_at[row] = np.maximum(before, at_us)

    back = judged.trusted & rows.stale.take(row, 0)
    returned: NDArray[np.bool_] = np.any(back, axis=1)
    if returned.any():
        rows.stale[row] &= ~back
    skewed = fresh & ((sent_us > clock_us + AHEAD) | (sent_us < clock_us - BEHIND))
    turned = fresh & (skewed != rows.skewed[row])
    begun = fresh & (rows.start_due[row] < FAR) | fresh & (before == NEVER)
    changed_ = returned | judged.turned | turned | begun
    if not changed_.any():
        return
    rows.skewed[row] = np.where(turned, skewed, rows.skewed[row])
    for i in np.flatnonzero(changed_).tolist():
        one, at, clock = int(row[i]), int(at_us[i]), int(clock_us[i])
        here = (clock, OBSERVED, int(place[i]))
        if begun[i]:
            rows.start_due[one] = FAR
            state.say(one, "never-started", None, clock, at, here, "The monitor has started.", {}, "")
        if returned[i] or judged.turned[i]:
            # Absence is of the shard's clock, and so is its end: a batch that comes late ends it when it comes.
            _technical(state, one, clock, here)
        if turned[i]:
            _clock_skew(state, one, int(sent_us[i]), here, bool(skewed[i]))


def _technical(state: WardState, row: int, at_us: int, here: Here) -> None:
    """Channels went stale or came back: which technical rules hold now."""
    rows, session = state.rows, state.known.sessions[row]
    expected = CONTINUOUS & (rows.trusted_at[row, :_WIDTH] > NEVER)
    stale = rows.stale[row] & expected
    lost: dict[str, list[int]] = {}
    rules: tuple[str, ...] = ("no-data", "probe-off", "artefact", "implausible")
    rows.lost_due[row] = FAR
    if stale.any() and stale.sum() == expected.sum():
        lost["no-data"] = np.flatnonzero(stale).tolist()
        # What was lost before stays as it was said: silence neither begins nor ends it.
        rules = ("no-data",)
        if here[0] < (page_us := int(rows.heard[row, stale].max()) + PAGE_SILENCE_AFTER):
            rows.lost_due[row] = page_us
            rows.due[row] = min(rows.due[row], page_us)
    else:
        for column in np.flatnonzero(stale).tolist():
            lost.setdefault(_LOST_BY.get(int(rows.quality[row, column]), "probe-off"), []).append(column)
    if rows.frozen[row] or rows.apart[row]:
        lost.setdefault("artefact", [])
    for rule in rules:
        title = RULES[rule].title
        if rule not in lost:
            state.say(row, rule, None, at_us, at_us, here, f"{session.where}: {title} is over.", {}, "")
            continue
        columns = lost[rule]
        names = [CHANNEL_NAMES[column] for column in columns]
        onset_us = int(rows.heard[row, columns].max()) if columns else _spoilt_since(rows, row)
        since_s = (here[0] - onset_us) / SECOND
        text = absence_sentence(session.where, title, names, since_s)
        if not columns and rows.apart[row]:
            ecg, pleth = (number(round(float(rate))) for rate in rows.beat[row])
            text = plain(
                session.where, title, f"Heart rate {ecg} and pulse {pleth} /min disagree for {duration(since_s)}."
            )
        elif not columns:
            text = plain(session.where, title, f"All signals unchanged for {duration(since_s)}.")
        evidence: dict[str, object] = {"channels": names, "data_age_s": number(since_s)}
        evidence["quality"] = {CHANNEL_NAMES[column]: QUALITIES[rows.quality[row, column]] for column in columns}
        # Nobody has said that somebody is still there whom nobody announced: their silence pages nobody.
        pages = rule == "no-data" and rows.lost_due[row] == FAR and session.announced
        priority = Priority.MEDIUM if pages else Priority.LOW
        state.say(row, rule, priority, at_us, onset_us, here, text, evidence, "stale 30 s after the last good reading")


def _spoilt_since(rows: Rows, row: int) -> int:
    """Since when a device's probes disagree, or all that it shows has stood still."""
    if rows.apart[row]:
        return int(rows.apart_since[row])
    return int(rows.same_since[row, CONTINUOUS & (rows.quality[row] == FROZEN)].max(initial=NEVER))


def _clock_skew(state: WardState, row: int, at_us: int, here: Here, skewed: bool) -> None:
    session = state.known.sessions[row]
    off_s = (at_us - here[0]) / SECOND
    text = plain(session.where, RULES["clock-skew"].title, f"The device's clock is {duration(abs(off_s))} off.")
    state.say(
        row, "clock-skew", Priority.LOW if skewed else None, at_us, at_us, here, text, {"off_s": number(off_s)},
        "more than 1 min ahead or 10 min behind",
    )  # fmt: skip
