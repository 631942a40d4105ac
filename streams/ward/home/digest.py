"""The daily digest: once a day, at the site's hour, the patients at home who need the scheduler.

Never here: its page (`alerts/desk/digest.py`), the rules that put a patient in it.
"""

from __future__ import annotations

from models.calendar import iso_day, zone_of
from models.findings import IN_DIGEST, Digest, DigestLine
from models.instants import FAR, to_datetime
from streams.ward.home.forecasts import percent, window_words
from streams.ward.home.rows import AtHome, next_hour_us
from streams.ward.state import DUE, Here, WardState


def restart_digests(state: WardState, site: str, after_us: int, *, anybody: bool) -> None:
    """Schedule a site's next digest anew, after its policies changed; none where it has no patients."""
    state.home.schedule_digest(site, FAR)
    if anybody:
        schedule_next(state, site, after_us)


def await_digest(state: WardState, site: str, here: Here) -> None:
    """Schedule a site's first digest, if it has none: digests begin with its first patient."""
    if state.home.digest_us.get(site, FAR) == FAR:
        schedule_next(state, site, here[0])


def schedule_next(state: WardState, site: str, after_us: int) -> None:
    policies = state.home.policies(site)
    zone = zone_of(policies.zone)
    if policies.maintenance.digest and zone is not None:
        state.home.schedule_digest(site, next_hour_us(after_us, policies.maintenance.digest_hour, zone))


def send_digest(state: WardState, site: str, due_us: int) -> None:
    """Add the digest of a site, if anybody is in it, and schedule the next: relapse risk first, then due, then silent."""
    zone = zone_of(state.home.policies(site).zone)
    patients = [row for row in state.home.patients.values() if row.site == site]
    rows = [row for row in patients if any(rule in row.conditions for rule in IN_DIGEST)]
    lines = []
    for row in sorted(rows, key=lambda row: (urgency(row), row.patient)):
        in_force = tuple(rule for rule in IN_DIGEST if rule in row.conditions)
        lines.append(DigestLine(row.patient, in_force, digest_line(row, in_force)))
    day = to_datetime(due_us).astimezone(zone).date().isoformat()
    if lines:
        state.emit(Digest(site, day, due_us, tuple(lines)), (due_us, DUE, 0))
    schedule_next(state, site, due_us)


def urgency(row: AtHome) -> tuple[int, float]:
    """The sort key of a digest's patients: relapse risk first, then who is due, the likeliest first."""
    rank = 0 if "relapse-risk" in row.conditions else 1 if "maintenance-due" in row.conditions else 2
    return rank, -row.recent_forecasts[-1].in_lead if row.recent_forecasts else 0.0


def digest_line(row: AtHome, standing: tuple[str, ...]) -> str:
    """A patient's line of the digest: chances, silence, next visit. standing: their rules of it, the most urgent first."""
    parts = []
    if row.recent_forecasts and standing[0] != "checkin-overdue":
        now = row.recent_forecasts[-1]
        parts.append(f"{percent(now.in_7)} in 7 days, {percent(now.in_14)} in 14{window_words(now)}")
    if "checkin-overdue" in standing:
        parts.append("no answer" if row.answered_us is None else f"no answer since {iso_day(row.answered_day or 0)}")
    if row.booked_us is not None:
        parts.append(f"visit {to_datetime(row.booked_us).astimezone(row.tz).date().isoformat()}")
    return f"{row.patient}: {', '.join(parts)}"
