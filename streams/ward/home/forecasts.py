"""What a forecast means for a patient at home, by what their clinic decided (`models/relapse/policies.py`).

It begins and ends `maintenance-due` and `relapse-risk`, and no other rule. Every forecast is stored as it was made; one of an
earlier day than the newest changes no rule. One of the first days after a dose begins none: no response could have shown yet.
Never here: how a forecast is made, a page.
"""

from __future__ import annotations

from datetime import date
from math import inf
from typing import Final

from alerts.effects import Forecast
from models.calendar import iso_day
from models.instants import DAY, iso, to_datetime
from models.relapse.policies import Maintenance
from models.tables.rules import RULES, Priority
from models.wire.observations import ForecastMade
from streams.ward.conclusions import Conclusion, over
from streams.ward.home.rows import KEPT_FORECASTS, AtHome, DayForecast
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

EASES: Final = 0.1
"""P must fall this far below its threshold before a rule ends, or a forecast's noise (some 0.03) would end and begin it. Ours."""
RISE_OVER: Final = 3
"""Days over which a sharp rise is reckoned: within the shortest lead of a booking."""
BOOKED_FOR: Final = 7
"""`relapse-risk` is quiet at a high P(due within 7 days) where a visit is booked in them."""


def fold_forecast(state: WardState, record: ForecastMade, here: Here) -> str | None:
    """Store a forecast, and file what it means where it is the patient's newest; why it cannot be used, or None."""
    day = date.fromisoformat(record.as_of).toordinal()
    if day > to_datetime(max(here[0], 0)).toordinal() + 1:
        return "is in the future"
    doc = record.model_dump(mode="json", exclude_none=True)
    row = state.home.row(record.site, record.patient)
    state.emit(Forecast(iso(here[0]), record.site, record.patient, record.as_of, record.known or "", doc), here)
    if day < row.forecast_day:
        return None
    row.forecast_day, row.forecast_entries = day, -1 if record.entries is None else record.entries
    policy = state.home.policies(row.site).maintenance
    chances = _chances(record, policy.lead_days)
    if chances is None:
        for rule in ("maintenance-due", "relapse-risk"):
            state.file(row, over(rule, here[0], f"{row.patient}: no forecast now."), here)
        return None
    now = DayForecast(day, *chances)
    if record.due is not None:
        now.window = (record.due.get("p10", ""), record.due.get("p90", ""))
    earlier = [one for one in row.recent_forecasts if one.day < day]
    row.recent_forecasts = [*earlier, now][-KEPT_FORECASTS:]
    judged_from = row.judged_from_day
    if judged_from is not None and day < judged_from:
        for rule in ("maintenance-due", "relapse-risk"):
            text = f"{row.patient}: too early after a dose to say, until {iso_day(judged_from)}."
            state.file(row, over(rule, here[0], text), here)
        return None
    recent = [one.in_14 for one in earlier if one.day >= max(day - RISE_OVER, judged_from or 0)]
    state.file(row, judge_maintenance(row, record, now, policy, here[0]), here)
    state.file(row, judge_relapse_risk(row, record, now, recent, policy, here[0]), here)
    return None


def _chances(record: ForecastMade, lead_days: int) -> tuple[float, float, float] | None:
    """P(due within 7, 14 days and the lead); None before there is a dose to wear off."""
    if record.cdf is not None:
        return record.cdf[7], record.cdf[14], record.cdf[lead_days]
    within = record.relapse_probability
    if not within or "7d" not in within or "14d" not in within:
        return None
    # Without the distribution, the nearest horizon that is not beyond the lead: never more than is known.
    lead = within.get("28d", 0.0) if lead_days >= 28 else within["14d"] if lead_days >= 14 else within["7d"]
    return within["7d"], within["14d"], lead


def _booked_within(row: AtHome, days: int, clock_us: int) -> bool:
    """True if the next visit is booked within so many days, or was for yesterday."""
    return row.booked_us is not None and clock_us - DAY <= row.booked_us <= clock_us + days * DAY


def judge_maintenance(
    row: AtHome, record: ForecastMade, now: DayForecast, policy: Maintenance, clock_us: int
) -> Conclusion:  # fmt: skip
    """The conclusion of `maintenance-due`: in force while P(due within the lead) is over the threshold and no visit booked."""
    rule = "maintenance-due"
    threshold = policy.due_probability - (EASES if rule in row.conditions else 0.0)
    due = now.in_lead >= threshold and not _booked_within(row, policy.lead_days, clock_us)
    likely = f"{percent(now.in_lead)} within {policy.lead_days} days"
    text = rule_sentence(row.patient, RULES[rule].title, f"{likely}{window_words(now)}.")
    source = f"site policy: P >= {policy.due_probability:g} within {policy.lead_days} days"
    evidence = {**_evidence(row, record), "probability": now.in_lead, "within_days": policy.lead_days}
    evidence["limit"] = policy.due_probability
    return Conclusion(rule, Priority.INFO if due else None, clock_us, clock_us, text, evidence, source)


def judge_relapse_risk(
    row: AtHome, record: ForecastMade, now: DayForecast, recent: list[float], policy: Maintenance, clock_us: int
) -> Conclusion:
    """The conclusion of `relapse-risk`: in force at a high P(due within 7 days) without a visit in them, or after a sharp rise.

    Args:
        recent: P(due within 14 days) of the days before, as far as `RISE_OVER` goes back.
    """
    rule = "relapse-risk"
    high = now.in_7 >= policy.risk_probability - (EASES if rule in row.conditions else 0.0)
    high = high and not _booked_within(row, BOOKED_FOR, clock_us)
    rise = now.in_14 - min(recent, default=inf)
    risk = high or rise >= policy.rise
    evidence = {**_evidence(row, record), "probability": now.in_7, "within_days": 7, "limit": policy.risk_probability}
    detail = f"{percent(now.in_7)} within 7 days and no visit booked in them"
    source = f"site policy: P >= {policy.risk_probability:g} within 7 days without a visit"
    if not high and risk:
        evidence.update(probability=now.in_14, within_days=14, limit=policy.rise, rise=round(rise, 4))
        detail = f"{percent(now.in_14)} within 14 days, {percent(rise)} more than {RISE_OVER} days ago"
        source = f"site policy: P within 14 days up by {policy.rise:g} in {RISE_OVER} days"
    text = rule_sentence(row.patient, RULES[rule].title, f"{detail}{window_words(now)}.")
    return Conclusion(rule, Priority.LOW if risk else None, clock_us, clock_us, text, evidence, source)


def _evidence(row: AtHome, record: ForecastMade) -> dict[str, object]:
    """What a later evaluation needs beside p*: which forecast it was."""
    return {
        "as_of": record.as_of, "due": record.due, "known": record.known, "model": record.model,
        "booked_at": None if row.booked_us is None else iso(row.booked_us),
    }  # fmt: skip


def percent(probability: float) -> str:
    """A probability in words: ``83 %``."""
    return f"{round(probability * 100)} %"


def window_words(now: DayForecast) -> str:
    """The window of a forecast in brackets, empty without one: `` (window 2026-03-05 to after 12 weeks)``."""
    if now.window is None:
        return ""
    first, last = (text if text[:1].isdigit() else "after 12 weeks" for text in now.window)
    return f" (window {first} to {last})"
