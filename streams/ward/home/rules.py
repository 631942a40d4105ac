"""The ward's patients at home: entries, forecasts and time in; the rules at home, each in a file of its own, out.

- `mood-worsening` (`worsening.py`): a score that is suddenly worse than the recent level.
- `checkin-overdue` (`silence.py`): no answer when one was expected.
- `maintenance-due`, `relapse-risk` (`forecasts.py`): a forecast against what the clinic decided.
- the digest (`digest.py`): once a day, the patients who need the scheduler.
A forecast begins and ends its own two rules and no other: nothing measured or answered is ever suppressed by one.
Cost: some 20 µs an entry. Never here: a session, a chair, a clock, how a forecast is made.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from alerts.effects import DeadLetter
from models.calendar import day_in, zone_of
from models.faults import Due, falling_due
from models.instants import DAY, FAR, iso, to_us
from models.tables.rules import RULES
from models.wire.observations import CheckIn, Dose, DoseStopped, Event, ForecastMade, Intervention, PatientRegistered
from streams.ward.conclusions import over
from streams.ward.faults import tell_left_out
from streams.ward.home.digest import await_digest, restart_digests, schedule_next, send_digest
from streams.ward.home.forecasts import BOOKED_FOR, fold_forecast
from streams.ward.home.rows import (
    KEPT_DOSES,
    KEPT_SCORES,
    AtHome,
    HomeDose,
    HomeScore,
    hour_us,
)
from streams.ward.home.silence import NOON, expect_answer, judge_silence
from streams.ward.home.worsening import fold_score
from streams.ward.state import DUE, Here, WardState

MOOD: Final = ("phq-9", "qids-sr16", "madrs", "phq-2", "mood-vas")
"""The instruments of mood over days; the others are of a session."""
BOOKING: Final = "booking"
"""An intervention of this name is the patient's next visit; `detail` is its date or time, and empty when it was called off."""


# ---- entries ---------------------------------------------------------------------------------------------------------


def in_course(record: Event) -> bool:
    """True if an entry is part of what a forecast is made from."""
    match record:
        case PatientRegistered() | Dose() | DoseStopped():
            return True
        case CheckIn():
            return record.instrument in MOOD
        case Intervention():
            return record.session is None and record.what != BOOKING
        case _:
            return False


def fold_course_entry(state: WardState, record: Event, here: Here, score: float | None = None) -> None:
    """Fold an accepted entry into its patient's row, if it is part of a course or a booking. `score`: of a check-in."""
    if record.patient is None or not (in_course(record) or isinstance(record, Intervention)):
        return
    if isinstance(record, Intervention) and record.what == BOOKING:
        _book(state, state.home.row(record.site, record.patient), record, here)
        return
    if not in_course(record):
        return
    row = state.home.row(record.site, record.patient)
    row.entries += 1
    row.changed_us = here[0]
    row.offset_s = _offset_s(record.at)
    match record:
        case PatientRegistered() if record.timezone is not None and zone_of(record.timezone) is not None:
            row.zone = record.timezone
            expect_answer(state, row, here)
        case Dose():
            _dosed(state, row, record, here)
        case CheckIn() if record.takes_back:
            _take_back(state, row, record, here)
        case CheckIn() if score is not None:
            _answered(state, row, record, score, here)
        case _:
            pass
    await_digest(state, row.site, here)


def _offset_s(moment: datetime) -> int:
    offset = moment.utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def _dosed(state: WardState, row: AtHome, record: Dose, here: Here) -> None:
    at_us, day = to_us(record.at), day_in(record.at, zone_of(row.zone))
    row.doses = [given for given in row.doses if record.replaces is None or given.id != record.replaces]
    newest = not row.doses or at_us >= row.doses[-1].at_us
    if record.replaces is not None and record.amount_mg == 0:
        # It was taken back: nobody was treated.
        row.dose_count -= 1
        row.first_dose_day = row.first_dose_day if row.doses else None
        return
    mine = HomeDose(at_us, day, record.drug, record.id, record.route, record.amount_mg)
    row.doses = sorted([*row.doses, mine], key=_when)[-KEPT_DOSES:]
    row.dose_count += record.replaces is None
    row.first_dose_day = day if row.first_dose_day is None else min(row.first_dose_day, day)
    if row.booked_us is not None and at_us >= row.booked_us - DAY // 2:
        row.booked_us = None
    if newest:
        for rule in ("maintenance-due", "relapse-risk"):
            state.file(row, over(rule, at_us, f"{row.patient}: a dose was given."), here)
    if row.answered_day is None:
        row.answered_day = day
        expect_answer(state, row, here)


def _when(one: HomeScore | HomeDose) -> tuple[int, str]:
    return one.at_us, one.id or ""


def _answered(state: WardState, row: AtHome, record: CheckIn, score: float, here: Here) -> None:
    at_us, day = to_us(record.at), day_in(record.at, zone_of(row.zone))
    scores = [
        one for one in row.scores.get(record.instrument, ()) if record.replaces is None or one.id != record.replaces
    ]
    mine = HomeScore(at_us, day, score, record.id)
    scores = sorted([*scores, mine], key=_when)[-KEPT_SCORES:]
    row.scores[record.instrument] = scores
    if scores[-1] is mine or record.replaces is not None:
        fold_score(state, row, record.instrument, scores, here)
    if record.instrument in state.home.policies(row.site).checkins.instruments:
        if row.answered_us is None or at_us > row.answered_us:
            row.answered_day, row.answered_us = day, at_us
        expect_answer(state, row, here)


def _take_back(state: WardState, row: AtHome, record: CheckIn, here: Here) -> None:
    """Take out an answer that was never given: what stands is judged by those before it, and the next is due after them."""
    scores = row.scores.get(record.instrument, [])
    gone = [one for one in scores if one.id == record.replaces]
    if not gone:
        return
    left = [one for one in scores if one.id != record.replaces]
    row.scores[record.instrument] = left
    if left:
        fold_score(state, row, record.instrument, left, here)
    else:
        del row.scores[record.instrument]
        condition = row.conditions.get("mood-worsening")
        if condition is not None and condition.instrument == record.instrument:
            text = f"{row.patient}: {RULES['mood-worsening'].title} is over: an entry was taken back."
            state.file(row, over("mood-worsening", here[0], text), here)
    if record.instrument in state.home.policies(row.site).checkins.instruments and row.answered_us == gone[0].at_us:
        answered = [one for name, kept in row.scores.items() if name in MOOD for one in kept]
        newest = max(answered, key=_when, default=None)
        row.answered_day, row.answered_us = (row.first_dose_day, None) if newest is None else (newest.day, newest.at_us)
        expect_answer(state, row, here)


def _book(state: WardState, row: AtHome, record: Intervention, here: Here) -> None:
    """Set, move or clear the next visit. What cannot be read as a date is set aside, and the old one stays."""
    written = (record.detail or "").strip()
    if not written or written.lower() == "cancelled":
        row.booked_us = None
        return
    try:
        if len(written) == len("2026-11-23"):
            row.booked_us = hour_us(date.fromisoformat(written).toordinal(), NOON, row.tz)
        else:
            moment = datetime.fromisoformat(written)
            row.booked_us = to_us(moment if moment.tzinfo else moment.replace(tzinfo=row.tz))
    except (ValueError, OverflowError):
        reason = "not a date or time: write 2026-11-30, or 2026-11-30T09:00+01:00"
        line = record.model_dump_json(exclude_none=True)[:2000]
        state.emit(DeadLetter(iso(max(here[0], 0)), record.site, "detail", reason, line), here)
        return
    policy = state.home.policies(row.site).maintenance
    for rule, days in (("maintenance-due", policy.lead_days), ("relapse-risk", BOOKED_FOR)):
        if row.booked_us <= here[0] + days * DAY:
            text = f"{row.patient}: a visit is booked."
            state.file(row, over(rule, here[0], text, {"booked_at": iso(row.booked_us)}), here)


# ---- time and configuration ------------------------------------------------------------------------------------------


def pass_time_at_home(state: WardState) -> None:
    """File what fell due of patients at home before the clock, each at its own instant."""
    home = state.home
    while (due := home.due_us) < state.clock_us:
        site, patient = home.take_due()
        what = Due("digest", (site,), due) if patient is None else Due("patient", (site, patient), due)
        if what in state.left_out:
            tell_left_out(state, site, patient, what, (due, DUE, 0))
        if patient is None:
            if what in state.left_out:
                schedule_next(state, site, due)
                continue
            with falling_due(what):
                send_digest(state, site, due)
            continue
        row = home.row(site, patient)
        paging = row.page_us == due
        if paging:
            row.page_us = FAR
        else:
            row.due_us = FAR
        home.schedule(row)
        if what not in state.left_out:
            with falling_due(what):
                conclusion = judge_silence(row, home.policies(site).checkins, due, paging=paging)
                state.file(row, conclusion, (due, DUE, 0))


def policies_changed(state: WardState, site: str, here: Here) -> None:
    """Set anew what is due of a site's patients, after its policies changed."""
    home = state.home
    waiting = [row for _, row in sorted(home.patients.items()) if row.site == site]
    for row in waiting:
        home.row(*row.key)
        expect_answer(state, row, here)
    restart_digests(state, site, here[0], anybody=bool(waiting))


def foresee(state: WardState, record: ForecastMade, here: Here) -> str | None:
    """Store a forecast and file what it means; why it cannot be used, or None."""
    why_not = fold_forecast(state, record, here)
    if why_not is None:
        await_digest(state, record.site, here)
    return why_not
