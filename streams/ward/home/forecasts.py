"""What a forecast means for a patient at home, by what their clinic decided (`models/relapse/policies.py`).

It begins and ends `maintenance-due` and `relapse-risk`, and no other rule. Every forecast is kept as it was made; one of an
earlier day than the newest moves nothing. Also the words for the digest, which are mostly a forecast's.
Never here: how a forecast is made, a page.
"""

from __future__ import annotations

from datetime import date
from math import inf
from typing import Final

from alerts.effects import Forecast
from models.calendar import iso_day
from models.instants import DAY, iso, to_datetime
from models.relapse.policies import HomePolicies
from models.tables.rules import RULES, Priority
from models.wire.observations import ForecastMade
from streams.ward.home.conclude import say
from streams.ward.home.rows import KEPT_FORECASTS, AtHome, DayForecast
from streams.ward.sentences import plain
from streams.ward.state import Here, WardState

EASES: Final = 0.1
"""P must fall this far below its threshold before a rule ends, or a forecast's noise (some 0.03) would end and begin it. Ours."""
RISE_OVER: Final = 3
"""Days over which a sharp rise is reckoned: within the shortest lead of a booking."""
BOOKED_FOR: Final = 7
"""`relapse-risk` is quiet at a high P(due within 7 days) where a visit is booked in them."""


def heed(state: WardState, record: ForecastMade, here: Here) -> str | None:
    """Keep a forecast and say what it means; why not, if it cannot be used."""
    day = date.fromisoformat(record.as_of).toordinal()
    if day > to_datetime(max(here[0], 0)).toordinal() + 1:
        return "is in the future"
    doc = record.model_dump(mode="json", exclude_none=True)
    row = state.home.row(record.site, record.patient)
    state.tell(Forecast(iso(here[0]), record.site, record.patient, record.as_of, record.known or "", doc), here)
    if day < row.as_of:
        return None
    row.as_of, row.made_of = day, -1 if record.entries is None else record.entries
    _foreseen(state, row, record, day, here)
    return None


def _foreseen(state: WardState, row: AtHome, record: ForecastMade, day: int, here: Here) -> None:
    policies = state.home.policies(row.site)
    said = _probabilities(record, policies.maintenance.lead_days)
    if said is None:
        for rule in ("maintenance-due", "relapse-risk"):
            say(state, row, rule, None, here[0], here[0], here, f"{row.patient}: no forecast now.", {}, "")
        return
    now = DayForecast(day, *said)
    if record.due is not None:
        now.window = (record.due.get("p10", ""), record.due.get("p90", ""))
    earlier = [one for one in row.foreseen if one.day < day]
    row.foreseen = [*earlier, now][-KEPT_FORECASTS:]
    _due(state, row, record, now, policies, here)
    _risk(state, row, record, now, [one.in_14 for one in earlier if one.day >= day - RISE_OVER], policies, here)


def _probabilities(record: ForecastMade, lead_days: int) -> tuple[float, float, float] | None:
    """P(due within 7, 14 days and the lead); None before there is a dose to wear off."""
    if record.cdf is not None:
        return record.cdf[7], record.cdf[14], record.cdf[lead_days]
    said = record.relapse_probability
    if not said or "7d" not in said or "14d" not in said:
        return None
    # Without the distribution, the nearest horizon that is not beyond the lead: never more than is known.
    lead = said.get("28d", 0.0) if lead_days >= 28 else said["14d"] if lead_days >= 14 else said["7d"]
    return said["7d"], said["14d"], lead


def _booked_within(row: AtHome, days: int, here: Here) -> bool:
    return row.booked_us is not None and here[0] - DAY <= row.booked_us <= here[0] + days * DAY


def _due(
    state: WardState, row: AtHome, record: ForecastMade, now: DayForecast, policies: HomePolicies, here: Here
) -> None:
    policy = policies.maintenance
    threshold = policy.due_probability - (EASES if "maintenance-due" in row.standing else 0.0)
    due = now.in_lead >= threshold and not _booked_within(row, policy.lead_days, here)
    likely = f"{_percent(now.in_lead)} within {policy.lead_days} days"
    text = plain(row.patient, RULES["maintenance-due"].title, f"{likely}{_window(now)}.")
    source = f"site policy: P >= {policy.due_probability:g} within {policy.lead_days} days"
    evidence = {**_evidence(row, record), "probability": now.in_lead, "within_days": policy.lead_days}
    evidence["limit"] = policy.due_probability
    priority = Priority.INFO if due else None
    say(state, row, "maintenance-due", priority, here[0], here[0], here, text, evidence, source)


def _risk(
    state: WardState, row: AtHome, record: ForecastMade, now: DayForecast, before: list[float], policies: HomePolicies,
    here: Here,
) -> None:  # fmt: skip
    policy = policies.maintenance
    standing = "relapse-risk" in row.standing
    high = now.in_7 >= policy.risk_probability - (EASES if standing else 0.0)
    high = high and not _booked_within(row, BOOKED_FOR, here)
    rise = now.in_14 - min(before, default=inf)
    risk = high or rise >= policy.rise
    evidence = {**_evidence(row, record), "probability": now.in_7, "within_days": 7, "limit": policy.risk_probability}
    detail = f"{_percent(now.in_7)} within 7 days and no visit booked in them"
    source = f"site policy: P >= {policy.risk_probability:g} within 7 days without a visit"
    if not high and risk:
        evidence.update(probability=now.in_14, within_days=14, limit=policy.rise, rise=round(rise, 4))
        detail = f"{_percent(now.in_14)} within 14 days, {_percent(rise)} more than {RISE_OVER} days ago"
        source = f"site policy: P within 14 days up by {policy.rise:g} in {RISE_OVER} days"
    text = plain(row.patient, RULES["relapse-risk"].title, f"{detail}{_window(now)}.")
    say(state, row, "relapse-risk", Priority.LOW if risk else None, here[0], here[0], here, text, evidence, source)


def _evidence(row: AtHome, record: ForecastMade) -> dict[str, object]:
    """What a later evaluation needs beside p*: which forecast it was."""
    return {
        "as_of": record.as_of, "due": record.due, "known": record.known, "model": record.model,
        "booked_at": None if row.booked_us is None else iso(row.booked_us),
    }  # fmt: skip


def _percent(probability: float) -> str:
    return f"{round(probability * 100)} %"


def _window(now: DayForecast) -> str:
    if now.window is None:
        return ""
    first, last = (text if text[:1].isdigit() else "after 12 weeks" for text in now.window)
    return f" (window {first} to {last})"


def urgency(row: AtHome) -> tuple[int, float]:
    rank = 0 if "relapse-risk" in row.standing else 1 if "maintenance-due" in row.standing else 2
    return rank, -row.foreseen[-1].in_lead if row.foreseen else 0.0


def digest_line(row: AtHome, standing: tuple[str, ...]) -> str:
    said = []
    if row.foreseen and standing[0] != "checkin-overdue":
        now = row.foreseen[-1]
        said.append(f"{_percent(now.in_7)} in 7 days, {_percent(now.in_14)} in 14{_window(now)}")
    if "checkin-overdue" in standing:
        said.append("no answer" if row.answered_us is None else f"no answer since {iso_day(row.answered_day or 0)}")
    if row.booked_us is not None:
        said.append(f"visit {to_datetime(row.booked_us).astimezone(row.tz).date().isoformat()}")
    return f"{row.patient}: {', '.join(said)}"
