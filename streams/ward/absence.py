"""Absence: what should have come and did not, found by time alone, and noticed when it comes back.

A continuous channel is stale `STALE_AFTER` after its last good reading, later if its sender is slow (`signal/beat.py`): one is
a lost probe (or what its last samples say), all are no data. A monitor may never start; what people owe is in `timers.py`.
Each falls due at its own instant of the clock, whenever the frame that shows it comes. Missing data begins and ends nothing
but these.
Bad at: distinguishing a broken network from a broken monitor.
"""

from __future__ import annotations

from typing import Final

from models.arrays import Flags
from models.faults import Due, falling_due
from models.instants import FAR, MINUTE, NEVER, SECOND
from models.tables.channels import CHANNEL_COLUMN, CHANNEL_NAMES, STALE_AFTER
from models.tables.rules import RULES, Priority
from streams.ward.compiled import compiled
from streams.ward.conclusions import Conclusion, over
from streams.ward.cuffs import recheck_overdue
from streams.ward.faults import tell_left_out
from streams.ward.rows import CHANNEL_COUNT, CONTINUOUS, Rows, SessionRecord
from streams.ward.rules.forgotten import judge_forgotten, note_life
from streams.ward.sample import SampleRecord
from streams.ward.sentences import absence_sentence, duration, number, rule_sentence
from streams.ward.sessions import GIVE_UP_AFTER, START_WITHIN, close_session, expect_channels
from streams.ward.signal.beat import NEVER_GOOD_AFTER
from streams.ward.signal.clocks import CLOCK_AHEAD, CLOCK_BEHIND
from streams.ward.signal.quality import DISAGREES, FROZEN, IMPLAUSIBLE, QUALITIES, STEP
from streams.ward.signal.units import in_words, looks_like
from streams.ward.state import DUE, Here, WardState
from streams.ward.timers import leave_out_timers, timer_falls_due

PAGE_STALE_AFTER: Final = 90 * SECOND
"""A chair that is silent is on the board once all it shows is stale, and pages so much later: two minutes after the last reading
of a monitor that sends every second. Chosen by us: a gateway that sends its minute late must not teach people to ignore the
page; the bedside monitor stays primary meanwhile."""
PAGE_EXPECTED_AFTER: Final = 10 * MINUTE
"""What the protocol expects, and what was not good for so long, or never, pages while the other channels go on. Chosen by us: a
probe that is put back in time pages nobody."""
_PRESSURES: Final = [CHANNEL_COLUMN["sbp"], CHANNEL_COLUMN["dbp"]]
_SPOT: Final = [*_PRESSURES, CHANNEL_COLUMN["temp"]]
_BREATHS_AND_BEATS: Final = [CHANNEL_COLUMN["rr"], CHANNEL_COLUMN["pulse"], CHANNEL_COLUMN["hr"]]
_LOST_BY: Final = {
    IMPLAUSIBLE: "implausible",
    STEP: "artefact",
    FROZEN: "artefact",
    DISAGREES: "artefact",
    QUALITIES.index("artefact"): "artefact",
}
"""Quality of a lost channel's last sample → the rule; with any other quality it is a probe that is off."""


@compiled
def next_due(session: SessionRecord) -> int:
    """The exact instant, µs, at which the next thing of a session falls due; FAR if nothing does."""
    due_us = min(
        session.start_due, session.cuff_due, session.timer_due, session.recheck_due, session.idle_due, session.lost_due
    )
    for column in range(CHANNEL_COUNT):
        if not session.stale[column]:
            due_us = min(due_us, session.stale_due[column])
    return due_us


@compiled
def update_presence(session: SessionRecord, sample: SampleRecord) -> None:
    """Update what a session's row has of presence by a sample, and set the sample's flags of what is news of it."""
    before_us = session.row_at
    if not sample.any_fresh:
        sample.late += 1
    elif session.idle_due < FAR:
        session.idle_due = sample.clock_us + GIVE_UP_AFTER
    if before_us > NEVER:
        session.watched += min(max(sample.at_us - before_us, 0), STALE_AFTER)
    session.row_at = max(before_us, sample.at_us)
    sample.returned = False
    for column in range(CHANNEL_COUNT):
        if sample.trusted[column] and session.stale[column]:
            session.stale[column] = False
            sample.returned = True
    corrected_us = abs(sample.at_us - sample.sent_us)
    skewed = corrected_us > CLOCK_AHEAD or sample.sent_us < sample.clock_us - CLOCK_BEHIND
    sample.skewed = sample.any_fresh and skewed != (session.skewed != 0)
    if sample.skewed:
        session.skewed = skewed
    sample.begun = sample.any_fresh and (session.start_due < FAR or before_us == NEVER)


def file_presence(state: WardState, row: int, sample: SampleRecord, here: Here) -> None:
    """File what a sample's flags say of its monitor: it has started, a channel is back, the device froze, its clock is wrong."""
    clock_us, session = here[0], state.association.sessions[row]
    if sample.begun:
        state.rows.start_due[row] = FAR
        state.file(session, over("never-started", clock_us, "The monitor has started."), here)
        if (state.rows.stale[row] & (state.rows.heard[row] == NEVER)).any():
            # It starts after it was missed as a whole: its probes have their time from now on.
            expect_channels(state, row, clock_us)
    if sample.returned and "session-forgotten" in session.conditions:
        note_life(state, row, here)
    if sample.returned or sample.turned:
        # Absence is of the shard's clock, and so is its end: a batch that comes late ends it when it comes.
        _technical(state, row, clock_us, here)
    if sample.skewed:
        _clock_skew(state, row, int(sample.sent_us), here, bool(state.rows.skewed[row]))


def file_spot_readings(state: WardState, row: int, sample: SampleRecord, here: Here) -> None:
    """File that a cuff or a thermometer shows what none can show, and what it looks like; or that the next one can be."""
    session, quality = state.association.sessions[row], state.rows.quality[row]
    bad = [column for column in _SPOT if quality[column] == IMPLAUSIBLE]
    if not bad:
        if "implausible" in session.conditions:
            _technical(state, row, here[0], here)
        return
    now = [column for column in bad if sample.readable[column]]
    if not now:
        return
    cuff = not set(_PRESSURES).isdisjoint(now)
    columns = [column for column in (_PRESSURES if cuff else now) if sample.readable[column]]
    shown: dict[str, float] = {CHANNEL_NAMES[column]: float(sample.reading[column]) for column in columns}
    guess = looks_like(shown)
    none = "no cuff can show that" if cuff else "nobody has that"
    detail = f"{in_words(shown)}: {f'looks like {guess}' if guess else none}."
    text = rule_sentence(session.where, RULES["implausible"].title, detail)
    evidence: dict[str, object] = {"channels": [CHANNEL_NAMES[column] for column in bad], "shown": shown}
    if guess:
        evidence["looks_like"] = guess
    at_us = int(sample.at_us)
    source = "what oscillometric cuffs measure, and a diastolic below its systolic" if cuff else "the channel's range"
    state.file(session, Conclusion("implausible", Priority.LOW, at_us, at_us, text, evidence, source), here)


def fall_due(state: WardState, row: int, due_us: int) -> None:
    """File and do what is due of a session at this instant; what raised when it did so is left out."""
    due = Due("session", (row,), due_us)
    if due in state.left_out:
        _leave_out(state, row, due)
        return
    with falling_due(due):
        _do_due(state, row, due_us)


def _leave_out(state: WardState, row: int, due: Due) -> None:
    """Whatever is due of a session at this instant is over without having happened, and that is said."""
    rows, session, due_us = state.rows, state.association.sessions[row], due.at_us
    rows.stale[row] |= _gone(rows, row, due_us)
    for each in (rows.start_due, rows.cuff_due, rows.timer_due, rows.recheck_due, rows.lost_due):
        if each[row] == due_us:
            each[row] = FAR
    if rows.idle_due[row] == due_us:
        # It cannot be closed: tried again later, or it would be watched for ever.
        rows.idle_due[row] = due_us + GIVE_UP_AFTER
    leave_out_timers(state, row, due_us)
    tell_left_out(state, session.site, session, due, (due_us, DUE, 0))


def _gone(rows: Rows, row: int, due_us: int) -> Flags:
    """(C,) the channels that are lost from this instant on."""
    found: Flags = (rows.stale_due[row] == due_us) & ~rows.stale[row]
    return found


def _do_due(state: WardState, row: int, due_us: int) -> None:
    rows, session = state.rows, state.association.sessions.get(row)
    if session is None:
        return
    here = (due_us, DUE, 0)
    if rows.idle_due[row] == due_us:
        close_session(state, row, due_us, here)
        return
    if session.quiet_due_us == due_us:
        judge_forgotten(state, row, due_us, here)
        if row not in state.association.sessions:
            return
    if rows.start_due[row] == due_us:
        rows.start_due[row] = FAR
        detail = f"Nothing from the monitor {duration(START_WITHIN / SECOND)} after the start."
        text = rule_sentence(session.where, RULES["never-started"].title, detail)
        source = "3 min after session.started"
        conclusion = Conclusion("never-started", Priority.MEDIUM, due_us, due_us - START_WITHIN, text, {}, source)
        state.file(session, conclusion, here)
    if due_us in {rows.cuff_due[row], rows.timer_due[row]}:
        timer_falls_due(state, row, due_us)
    if rows.recheck_due[row] == due_us:
        rows.recheck_due[row] = FAR
        recheck_overdue(state, row, due_us, here)
    gone = _gone(rows, row, due_us)
    if gone.any() or rows.lost_due[row] == due_us:
        rows.stale[row] |= gone
        if rows.row_at[row] > NEVER:
            _technical(state, row, due_us, here)


def _technical(state: WardState, row: int, at_us: int, here: Here) -> None:
    """File which technical rules are in force, after channels went stale or came back."""
    rows, session = state.rows, state.association.sessions[row]
    # As lists: of ten channels they are read in a third of the time that arrays take.
    stale_due, heard, expected_at = (each[row].tolist() for each in (rows.stale_due, rows.heard, rows.expected_at))
    expected = (CONTINUOUS & ((rows.trusted_at[row] > NEVER) | rows.stale[row])).tolist()
    quality, all_stale = rows.quality[row].tolist(), rows.stale[row].tolist()
    stale = [column for column in range(CHANNEL_COUNT) if all_stale[column] and expected[column]]
    heard_us = [
        heard[column] if heard[column] > NEVER
        else expected_at[column] if expected_at[column] < FAR else stale_due[column] - NEVER_GOOD_AFTER
        for column in range(CHANNEL_COUNT)
    ]  # fmt: skip
    page_at_us = {column: heard_us[column] + PAGE_EXPECTED_AFTER for column in stale if expected_at[column] < FAR}
    lost: dict[str, list[int]] = {}
    rules: tuple[str, ...] = ("no-data", "probe-off", "artefact", "implausible")
    lost_due_us = FAR
    silent = bool(stale) and len(stale) == sum(expected)
    came = [int(rows.came[row, column]) for column in stale if quality[column] == DISAGREES]
    said_us = max(came, default=NEVER) + STALE_AFTER
    if silent and here[0] < said_us:
        # Nothing is believed, because two probes disagree, and both go on: that is no silence, but may become one.
        lost["artefact"] = stale
        lost_due_us = said_us
    elif silent:
        lost["no-data"] = stale
        # What was lost before stays as it was said: silence neither begins nor ends it.
        rules = ("no-data",)
        page_us = max(stale_due[column] for column in stale) + PAGE_STALE_AFTER
        lost_due_us = page_us if here[0] < page_us else FAR
    else:
        for column in stale:
            lost.setdefault(_LOST_BY.get(quality[column], "probe-off"), []).append(column)
        lost_due_us = min((at for at in page_at_us.values() if at > here[0]), default=FAR)
    rows.lost_due[row] = lost_due_us
    rows.due[row] = min(rows.due[row], lost_due_us)
    if rows.frozen[row] or rows.apart[row]:
        lost.setdefault("artefact", [])
    if "implausible" not in lost and any(quality[column] == IMPLAUSIBLE for column in _SPOT):
        # The last cuff or thermometer showed what none can show: only another one ends that.
        rules = tuple(rule for rule in rules if rule != "implausible")
    for rule in rules:
        title, before = RULES[rule].title, session.conditions.get(rule)
        if rule not in lost:
            if before is not None:
                state.file(session, over(rule, at_us, f"{session.where}: {title} is over."), here)
            continue
        columns = lost[rule]
        # Of a session that nobody announced nobody knows whether somebody is still there: its silence pages nobody.
        pages = (rule == "no-data" and lost_due_us == FAR and session.announced) or (
            rule != "no-data" and any(page_at_us.get(column, FAR) <= here[0] for column in columns)
        )
        priority = Priority.MEDIUM if pages else Priority.LOW
        if before is not None and before.priority == priority:
            # As was said: which channels it is of is no news.
            continue
        names = [CHANNEL_NAMES[column] for column in columns]
        onset_us = max(heard_us[column] for column in columns) if columns else _spoilt_since(rows, row)
        since_s = (here[0] - onset_us) / SECOND
        text = absence_sentence(session.where, title, names, since_s)
        if not columns and rows.apart[row]:
            ecg, pleth = (number(round(float(rate))) for rate in rows.beat[row])
            text = rule_sentence(
                session.where, title, f"Heart rate {ecg} and pulse {pleth} /min disagree for {duration(since_s)}."
            )
        elif not columns:
            text = rule_sentence(session.where, title, f"All signals unchanged for {duration(since_s)}.")
        evidence: dict[str, object] = {"channels": names, "data_age_s": number(since_s)}
        evidence["quality"] = {CHANNEL_NAMES[column]: QUALITIES[quality[column]] for column in columns}
        if rule == "implausible":
            shown: dict[str, float] = {CHANNEL_NAMES[column]: float(rows.odd[row, column]) for column in columns}
            evidence["shown"] = shown
            guess = looks_like({**_newest(rows, row), **shown})
            text = f"{text.removesuffix('.')}: {in_words(shown)}."
            if guess:
                evidence["looks_like"] = guess
                text = f"{text.removesuffix('.')} looks like {guess}."
        source = "stale 30 s after the last good reading; of a slower sender, two of its own beats and 10 s"
        state.file(session, Conclusion(rule, priority, at_us, onset_us, text, evidence, source), here)


def _newest(rows: Rows, row: int) -> dict[str, float]:
    """The newest rates of breathing and heart as sent, in range or not."""
    return {
        CHANNEL_NAMES[column]: float((rows.odd if rows.quality[row, column] == IMPLAUSIBLE else rows.near)[row, column])
        for column in _BREATHS_AND_BEATS
        if rows.at[row, column] > NEVER
    }


def _spoilt_since(rows: Rows, row: int) -> int:
    """Since when a device's probes disagree, or all that it shows has stood still."""
    if rows.apart[row]:
        return int(rows.apart_since[row])
    return int(rows.same_since[row, CONTINUOUS & (rows.quality[row] == FROZEN)].max(initial=NEVER))


def _clock_skew(state: WardState, row: int, sent_us: int, here: Here, skewed: bool) -> None:
    session = state.association.sessions[row]
    off_s = (sent_us - here[0]) / SECOND
    text = rule_sentence(session.where, RULES["clock-skew"].title, f"The device's clock is {duration(abs(off_s))} off.")
    priority, evidence = Priority.LOW if skewed else None, {"off_s": number(off_s)}
    source = "more than 1 min ahead or 10 min behind, or set back by more than 1 min"
    state.file(session, Conclusion("clock-skew", priority, here[0], here[0], text, evidence, source), here)
