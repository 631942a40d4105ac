"""The ward's patients at home: what an entry, a forecast or a silence means for somebody who sits in no chair.

- `mood-worsening`: a score that is suddenly worse than the recent level (`models/tables/worsening.py`), at once and by rule.
- `checkin-overdue`: no answer by the end of the patient's own day on which the site's grace runs out; still none one interval
  later, somebody is paged, at noon where the patient is. Whoever is silent is in relapse twice as often.
- `maintenance-due`, `relapse-risk`: what a forecast says against what the clinic decided (`models/relapse/policies.py`).
- the digest: once a day, at the site's hour, who needs the scheduler.
A forecast begins and ends its own two rules and no other: nothing measured or answered is ever suppressed by one.
Bad at: a patient who moved on without a word; they stay silent until somebody closes the alert.
Cost: some 20 µs an entry. Never here: a session, a chair, a clock, how a forecast is made.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from alerts.effects import DeadLetter
from models.calendar import day_in, iso_day, zone_of
from models.findings import Digest, DigestLine
from models.instants import DAY, FAR, HOUR, iso, to_datetime, to_us
from models.tables.instruments import INSTRUMENTS
from models.tables.rules import RULES, Priority
from models.tables.worsening import WORSENINGS, WorseningFound, judge_worsening, recent_level
from models.wire.observations import CheckIn, Dose, DoseStopped, Event, ForecastMade, Intervention, PatientRegistered
from streams.ward.home.conclude import say
from streams.ward.home.forecasts import BOOKED_FOR, digest_line, fold_forecast, urgency
from streams.ward.home.rows import (
    KEPT_DOSES,
    KEPT_SCORES,
    AtHome,
    HomeDose,
    HomeScore,
    hour_us,
    next_hour_us,
    starts_us,
)
from streams.ward.sentences import number, plain
from streams.ward.state import DUE, Here, WardState

MOOD: Final = ("phq-9", "qids-sr16", "madrs", "phq-2", "mood-vas")
"""The instruments that speak of mood over days; the others are of a session."""
BOOKING: Final = "booking"
"""An intervention of this name is the patient's next visit; `detail` is its date or time, and empty when it was called off."""
NEWS_FOR: Final = 7 * DAY
"""A score that comes later than this is history: by now there should be another one. Chosen by us, as the usual interval."""
SETTLE: Final = HOUR
"""An entry whose next one would be overdue already is perhaps the first of many that come late together. Chosen by us."""
NOON: Final = 12
"""The local hour at which a second silence is paged: somebody is there to call. Chosen by us."""


# ---- entries ---------------------------------------------------------------------------------------------------------


def in_course(record: Event) -> bool:
    """Whether an entry is part of what a forecast is made from."""
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
            _expect(state, row, here)
        case Dose():
            _dosed(state, row, record, here)
        case CheckIn() if score is not None:
            _answered(state, row, record, score, here)
        case _:
            pass
    _await_digest(state, row.site, here)


def _offset_s(moment: datetime) -> int:
    offset = moment.utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def _dosed(state: WardState, row: AtHome, record: Dose, here: Here) -> None:
    at_us, day = to_us(record.at), day_in(record.at, zone_of(row.zone))
    row.doses = [given for given in row.doses if record.replaces is None or given.id != record.replaces]
    newest = not row.doses or at_us >= row.doses[-1].at_us
    mine = HomeDose(at_us, day, record.drug, record.id, record.route, record.amount_mg)
    row.doses = sorted([*row.doses, mine], key=_when)[-KEPT_DOSES:]
    row.dose_count += record.replaces is None
    row.first_dose_day = day if row.first_dose_day is None else min(row.first_dose_day, day)
    if row.booked_us is not None and at_us >= row.booked_us - DAY // 2:
        row.booked_us = None
    if newest:
        for rule in ("maintenance-due", "relapse-risk"):
            say(state, row, rule, None, at_us, at_us, here, f"{row.patient}: a dose was given.", {}, "")
    if row.answered_day is None:
        row.answered_day = day
        _expect(state, row, here)


def _when(one: HomeScore | HomeDose) -> tuple[int, str]:
    return one.at_us, one.id or ""


def _answered(state: WardState, row: AtHome, record: CheckIn, score: float, here: Here) -> None:
    at_us, day = to_us(record.at), day_in(record.at, zone_of(row.zone))
    kept = [
        one for one in row.scores.get(record.instrument, ()) if record.replaces is None or one.id != record.replaces
    ]
    mine = HomeScore(at_us, day, score, record.id)
    kept = sorted([*kept, mine], key=_when)[-KEPT_SCORES:]
    row.scores[record.instrument] = kept
    if kept[-1] is mine or record.replaces is not None:
        _judge(state, row, record.instrument, kept, here)
    if record.instrument in state.home.policies(row.site).checkins.instruments:
        if row.answered_us is None or at_us > row.answered_us:
            row.answered_day, row.answered_us = day, at_us
        _expect(state, row, here)


def _book(state: WardState, row: AtHome, record: Intervention, here: Here) -> None:
    """The next visit is known, moved or called off. What cannot be read as a date is told of, and the old one stays."""
    said = (record.detail or "").strip()
    if not said or said.lower() == "cancelled":
        row.booked_us = None
        return
    try:
        if len(said) == len("2026-11-23"):
            row.booked_us = hour_us(date.fromisoformat(said).toordinal(), NOON, row.tz)
        else:
            moment = datetime.fromisoformat(said)
            row.booked_us = to_us(moment if moment.tzinfo else moment.replace(tzinfo=row.tz))
    except (ValueError, OverflowError):
        reason = "not a date or time: write 2026-11-30, or 2026-11-30T09:00+01:00"
        line = record.model_dump_json(exclude_none=True)[:2000]
        state.tell(DeadLetter(iso(max(here[0], 0)), record.site, "detail", reason, line), here)
        return
    policy = state.home.policies(row.site).maintenance
    for rule, days in (("maintenance-due", policy.lead_days), ("relapse-risk", BOOKED_FOR)):
        if row.booked_us <= here[0] + days * DAY:
            text = f"{row.patient}: a visit is booked."
            say(state, row, rule, None, here[0], here[0], here, text, {"booked_at": iso(row.booked_us)}, "")


# ---- worsening -------------------------------------------------------------------------------------------------------


def _judge(state: WardState, row: AtHome, instrument: str, kept: list[HomeScore], here: Here) -> None:
    """The newest score of an instrument against the recent level."""
    limits = WORSENINGS.get(instrument)
    if limits is None:
        return
    newest, before = kept[-1], [(one.day, one.score) for one in kept[:-1]]
    doses = [given.day for given in row.doses if given.at_us <= newest.at_us]
    found = judge_worsening(instrument, newest.score, recent_level(before, newest.day, doses[-1] if doses else None))
    stands = row.standing.get("mood-worsening")
    title = INSTRUMENTS[instrument].title
    if stands is not None and stands.instrument == instrument:
        again = newest.score >= stands.score + limits.rise
        over = judge_worsening(instrument, newest.score, stands.level) is None
        if not again and not over:
            return
        text = f"{row.patient}: {title} is {number(newest.score)} now."
        say(state, row, "mood-worsening", None, here[0], newest.at_us, here, text, {}, "")
        found = WorseningFound(stands.level, crossed=False) if again else found
    if found is None or "mood-worsening" in row.standing or here[0] - newest.at_us > NEWS_FOR:
        return
    rise = number(newest.score - found.level)
    crossing = f", severe from {number(limits.severe)} on" if found.crossed else ""
    text = plain(
        row.patient,
        RULES["mood-worsening"].title,
        f"{title} {number(newest.score)}, {rise} over the recent {number(found.level)}{crossing}.",
    )
    evidence: dict[str, object] = {
        "instrument": instrument, "value": number(newest.score), "level": number(found.level),
        "limit": number(limits.severe if found.crossed else found.level + limits.rise), "unit": "points",
        "answered_at": iso(newest.at_us),
    }  # fmt: skip
    say(state, row, "mood-worsening", limits.priority, here[0], newest.at_us, here, text, evidence, limits.source)
    if (began := row.standing.get("mood-worsening")) is not None:
        began.instrument, began.level, began.score = instrument, found.level, newest.score


# ---- silence ---------------------------------------------------------------------------------------------------------


def _expect(state: WardState, row: AtHome, here: Here) -> None:
    """When the next check-in is overdue, and when somebody is paged about it."""
    policy = state.home.policies(row.site).checkins
    wanted = policy.enabled and row.answered_day is not None
    last_day = (row.answered_day or 1) + policy.every_days + policy.grace_days
    due_us = starts_us(last_day + 1, row.tz) if wanted else FAR
    if due_us <= here[0] and "checkin-overdue" in row.standing:
        return  # an old answer that came late: still overdue
    row.due_us = row.page_us = FAR
    if wanted:
        row.due_us = max(due_us, here[0] + SETTLE)
        row.page_us = hour_us(last_day + policy.every_days, NOON, row.tz)
        if row.page_us <= row.due_us:
            row.page_us = next_hour_us(row.due_us, NOON, row.tz)
    state.home.waits(row)
    text = f"{row.patient}: answered." if wanted else f"{row.patient}: nothing is expected from home."
    say(state, row, "checkin-overdue", None, here[0], here[0], here, text, {}, "")


def pass_time_at_home(state: WardState) -> None:
    """Let what is due of patients at home before the clock happen, each at its own instant."""
    home = state.home
    while (due := home.due_us) < state.clock_us:
        site, patient = home.take_due()
        if patient is None:
            _digest(state, site, due)
            continue
        row = home.row(site, patient)
        paging = row.page_us == due
        if paging:
            row.page_us = FAR
        else:
            row.due_us = FAR
        home.waits(row)
        _silent(state, row, Priority.MEDIUM if paging else Priority.LOW, due)


def _silent(state: WardState, row: AtHome, priority: Priority, due_us: int) -> None:
    policy = state.home.policies(row.site).checkins
    since = "none yet" if row.answered_us is None else f"the last on {iso_day(row.answered_day or 0)}"
    text = plain(row.patient, RULES["checkin-overdue"].title, f"No answer from home, {since}.")
    evidence: dict[str, object] = {
        "every_days": policy.every_days, "grace_days": policy.grace_days, "instruments": list(policy.instruments),
        "answered_at": None if row.answered_us is None else iso(row.answered_us),
    }  # fmt: skip
    source = f"site policy: every {policy.every_days} days, {policy.grace_days} days of grace"
    say(state, row, "checkin-overdue", priority, due_us, due_us, (due_us, DUE, 0), text, evidence, source)


# ---- the digest ------------------------------------------------------------------------------------------------------


def policies_changed(state: WardState, site: str, here: Here) -> None:
    """The site's policies are in force: reckon anew what is due by them."""
    home = state.home
    waiting = [row for _, row in sorted(home.patients.items()) if row.site == site]
    for row in waiting:
        home.row(*row.key)
        _expect(state, row, here)
    home.digests(site, FAR)
    if waiting:
        _next_digest(state, site, here[0])


def foresee(state: WardState, record: ForecastMade, here: Here) -> str | None:
    """Keep a forecast and say what it means; why not, if it cannot be used."""
    why_not = fold_forecast(state, record, here)
    if why_not is None:
        _await_digest(state, record.site, here)
    return why_not


def _await_digest(state: WardState, site: str, here: Here) -> None:
    """A site's digests begin with its first patient: before, there would be nobody in them."""
    if state.home.digest_us.get(site, FAR) == FAR:
        _next_digest(state, site, here[0])


def _next_digest(state: WardState, site: str, after_us: int) -> None:
    policies = state.home.policies(site)
    zone = zone_of(policies.zone)
    if policies.maintenance.digest and zone is not None:
        state.home.digests(site, next_hour_us(after_us, policies.maintenance.digest_hour, zone))


def _digest(state: WardState, site: str, due_us: int) -> None:
    """Who needs the scheduler today: most likely to relapse first, then who is due, then who is silent."""
    zone = zone_of(state.home.policies(site).zone)
    rules = ("relapse-risk", "maintenance-due", "checkin-overdue")
    rows = [row for row in state.home.patients.values() if row.site == site and any(r in row.standing for r in rules)]
    lines = []
    for row in sorted(rows, key=lambda row: (urgency(row), row.patient)):
        standing = tuple(rule for rule in rules if rule in row.standing)
        lines.append(DigestLine(row.patient, standing, digest_line(row, standing)))
    day = to_datetime(due_us).astimezone(zone).date().isoformat()
    if lines:
        state.tell(Digest(site, day, due_us, tuple(lines)), (due_us, DUE, 0))
    _next_digest(state, site, due_us)
