"""Documents about patients at home: the clinic's list, sorted by who is due, and one patient's page.

Made from the ward's rows (the present), the store (what was entered and forecast) and the forecaster's process (curves).
Read-only. A session's peaks are of what a person entered and, once it was ended, of what the monitor showed.
Never here: a forecast, a decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from models.arrays import Document
from models.instants import MINUTE, from_iso, iso, to_datetime
from models.relapse.policies import CheckIns
from models.tables.forms import score_of
from streams.ward.home.rows import AtHome, starts_us

FORECAST_FIELDS = ("as_of", "due", "relapse_probability", "response", "severity_now")


def patient_list(
    site: str, rows: Iterable[AtHome], forecasts: Sequence[Document], alerts: Mapping[str, Sequence[str]],
    policy: CheckIns, clock_us: int,
) -> Document:  # fmt: skip
    """The clinic's patients, the likeliest to be due within 14 days first, those without a forecast last.

    Args:
        forecasts: each patient's newest. alerts: patient → rules of their open alerts.
    """
    newest = {forecast["patient"]: forecast for forecast in forecasts}
    shown = [
        _row(row, newest.get(row.patient, {}), alerts.get(row.patient, ()), policy, clock_us)
        for row in rows
        if row.enrolled or row.patient in newest
    ]
    shown.sort(key=lambda each: (-likelihood(each), each["patient"]))
    return {"site": site, "as_of": iso(max(clock_us, 0)), "patients": shown}


def likelihood(forecast: Mapping[str, Any]) -> float:
    """P(due within 14 days) of a document; -1 where it has none. What lists are sorted by."""
    return float((forecast.get("relapse_probability") or {}).get("14d", -1.0))


def _row(row: AtHome, forecast: Document, alerts: Sequence[str], policy: CheckIns, clock_us: int) -> Document:
    dose = row.doses[-1] if row.doses else None
    answers = [(shown[-1].at_us, name, shown[-1].score) for name, shown in row.scores.items() if shown]
    last = max(answers, default=None)
    today = today_of(row, clock_us)
    return {
        "patient": row.patient,
        **{name: forecast.get(name) for name in FORECAST_FIELDS},
        "response": forecast.get("response", "unknown"),
        "reasons": forecast.get("reasons", []),
        "last_dose": None if dose is None else {
            "at": iso(dose.at_us), "drug": dose.drug, "route": dose.route, "amount_mg": dose.amount_mg,
            "days_ago": today - dose.day,
        },
        "doses": row.dose_count,
        "last_checkin": None if last is None else {"at": iso(last[0]), "instrument": last[1], "score": last[2]},
        **waiting(row, policy, clock_us),
        "alerts": list(alerts),
        "spacing": spacing_text(forecast),
    }  # fmt: skip


def waiting(row: AtHome, policy: CheckIns, clock_us: int) -> Document:
    """When the next answer is expected, whether it is overdue, and the next visit."""
    expected, overdue = None, "checkin-overdue" in row.conditions
    if policy.enabled and row.answered_day is not None:
        day = row.answered_day + policy.every_days + 1
        expected = iso(starts_us(day, row.tz))
        overdue = overdue or starts_us(day + policy.grace_days, row.tz) <= clock_us
    return {
        "checkin_due_at": expected,
        "overdue": overdue,
        "booked_at": None if row.booked_us is None else iso(row.booked_us),
    }


def spacing_text(forecast: Mapping[str, Any]) -> str | None:
    """The label's words on the gap between doses, in one line; shown beside a forecast, which they never change."""
    spacing = forecast.get("spacing")
    if not isinstance(spacing, dict):
        return None
    return f"{spacing.get('words')}; not before {spacing.get('not_before')} ({spacing.get('source')})"


def patient_page(
    site: str, row: AtHome, drawn: Document, history: Sequence[Document], entered: Sequence[Document],
    raised: Mapping[str, int], alerts: Sequence[Document], policy: CheckIns, clock_us: int,
) -> Document:  # fmt: skip
    """The document of one patient's page: their whole course.

    Args:
        drawn: of `jobs.course_page`. history: past forecasts by day. entered, raised: their sessions' entries and alerts.
    """
    newest = history[-1] if history else None
    return {
        "site": site, "patient": row.patient, "as_of": iso(max(clock_us, 0)), **drawn,
        "forecast": newest,
        "history": [_past(each, drawn) for each in history],
        "sessions": _sessions(entered, raised),
        **waiting(row, policy, clock_us),
        "alerts": list(alerts),
    }  # fmt: skip


def _past(forecast: Document, drawn: Document) -> Document:
    """A past forecast beside what came of it: the first dose after it, or the first score at or past tau, whichever was first."""
    as_of = forecast["as_of"]
    tau = forecast.get("due_at_severity") or drawn.get("tau")
    doses = [dose["day"] for dose in drawn["doses"] if dose["day"] > as_of]
    crossed = [
        score["day"]
        for score in drawn["scores"]
        if score["day"] > as_of and score["severity"] is not None and tau is not None and score["severity"] >= tau
    ]
    events = [(day, "dosed") for day in doses[:1]] + [(day, "crossed") for day in crossed[:1]]
    then = min(events, default=None)
    shown = {name: forecast.get(name) for name in FORECAST_FIELDS}
    return {
        **shown,
        "response": shown["response"] or "unknown",
        "then": None if then is None else f"{then[1]} {then[0]}",
    }


_PEAKS: Final = (("sbp", "peak_sbp", max), ("dbp", "peak_dbp", max), ("spo2", "lowest_spo2", min))


def _sessions(entered: Sequence[Document], raised: Mapping[str, int]) -> list[Document]:
    """A row for each session that anything was entered in, the last one first; its readings are those that a person entered, and
    at its end the monitor's.
    """
    found: dict[str, Document] = {}
    dosed: dict[str, int] = {}
    for entry in entered:
        name = entry["session"]
        row = found.setdefault(name, {
            "session": name, "at": entry["at"], "ended_at": None, "drug": None, "route": None, "given_mg": None,
            "peak_sbp": None, "peak_dbp": None, "lowest_spo2": None, "peak_cadss": None, "left_min": None,
            "alerts": raised.get(name, 0),
        })  # fmt: skip
        match entry["kind"]:
            case "session.started":
                row.update(drug=entry.get("drug"), route=entry.get("route"), at=entry["at"])
            case "dose":
                dosed.setdefault(name, from_iso(entry["at"]))
                row["drug"] = entry.get("drug") or row["drug"]
                row["route"] = entry.get("route") or row["route"]
                row["given_mg"] = (
                    (row["given_mg"] or 0) + entry["amount_mg"] if "amount_mg" in entry else row["given_mg"]
                )
            case "dose.stopped":
                row["given_mg"] = entry.get("given_mg", row["given_mg"])
            case "session.ended":
                row["ended_at"] = entry["at"]
                for _, field, worst in _PEAKS:
                    seen = [value for value in (row[field], entry.get("seen", {}).get(field)) if value is not None]
                    row[field] = worst(seen, default=None)
                if entry.get("discharged") and name in dosed:
                    row["left_min"] = round((from_iso(entry["at"]) - dosed[name]) / MINUTE, 1)
            case "checkin" if entry.get("instrument") == "cadss":
                score = score_of("cadss", entry.get("items"), entry.get("score"))
                row["peak_cadss"] = max(score or 0, row["peak_cadss"] or 0)
            case "vitals":
                for channel, field, worst in _PEAKS:
                    if channel in entry:
                        row[field] = entry[channel] if row[field] is None else worst(row[field], entry[channel])
            case _:
                pass
    return sorted(found.values(), key=lambda each: from_iso(each["at"]), reverse=True)


def today_of(row: AtHome, clock_us: int) -> int:
    """The patient's day by the shard's clock."""
    return to_datetime(max(clock_us, 0)).astimezone(row.tz).toordinal()
