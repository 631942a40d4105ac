"""Documents about patients at home: the clinic's list, sorted by who is due, and one patient's page.

Made from the ward's rows (the present), the store (what was entered and forecast) and the forecaster's process (curves).
Read-only. A session's peaks are of what a person entered and, once it was ended, of what the monitor showed.
Never here: a forecast, a decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from models.arrays import Document
from models.calendar import iso_day
from models.instants import MINUTE, from_iso, iso, to_datetime
from models.relapse.policies import CheckIns
from models.tables.forms import score_of
from models.wire.home import (
    CourseOut,
    KeptForecastOut,
    PastForecastOut,
    PatientAlertOut,
    PatientOut,
    PatientRowOut,
    PatientsOut,
    SessionOut,
    WaitingOut,
)
from streams.ward.home.rows import AtHome, starts_us


def patient_list(
    site: str, rows: Iterable[AtHome], forecasts: Sequence[KeptForecastOut], alerts: Mapping[str, Sequence[str]],
    policy: CheckIns, clock_us: int,
) -> PatientsOut:  # fmt: skip
    """The clinic's patients, the likeliest to be due within 14 days first, then those too early after a dose to say,
    those without a forecast last.

    Args:
        forecasts: each patient's newest. alerts: patient → rules of their open alerts.
    """
    newest = {forecast["patient"]: forecast for forecast in forecasts}
    shown = [
        _row(row, newest.get(row.patient), alerts.get(row.patient, ()), policy, clock_us)
        for row in rows
        if row.enrolled or row.patient in newest
    ]
    shown.sort(key=lambda each: (-likelihood(each), each["patient"]))
    return {"site": site, "as_of": iso(max(clock_us, 0)), "patients": shown}


def likelihood(forecast: KeptForecastOut | PatientRowOut) -> float:
    """P(due within 14 days) of a document; -1 where it has none, and between where it is too early to say. What lists are sorted
    by.
    """
    if forecast.get("judged_from") is not None:
        return -0.5
    found = forecast.get("relapse_probability") or {}
    return float(found.get("14d", -1.0))


def _row(
    row: AtHome, forecast: KeptForecastOut | None, alerts: Sequence[str], policy: CheckIns, clock_us: int
) -> PatientRowOut:  # fmt: skip
    dose = row.doses[-1] if row.doses else None
    answers = [(shown[-1].at_us, name, shown[-1].score) for name, shown in row.scores.items() if shown]
    last = max(answers, default=None)
    return {
        "patient": row.patient,
        "as_of": None if forecast is None else forecast["as_of"],
        "due": None if forecast is None else forecast.get("due"),
        "relapse_probability": None if forecast is None else forecast.get("relapse_probability"),
        "response": "unknown" if forecast is None else forecast.get("response", "unknown"),
        "severity_now": None if forecast is None else forecast.get("severity_now"),
        "reasons": [] if forecast is None else forecast.get("reasons", []),
        "last_dose": None if dose is None else {
            "at": iso(dose.at_us), "drug": dose.drug, "route": dose.route, "amount_mg": dose.amount_mg,
            "days_ago": today_of(row, clock_us) - dose.day,
        },
        "doses": row.dose_count,
        "last_checkin": None if last is None else {"at": iso(last[0]), "instrument": last[1], "score": last[2]},
        **waiting(row, policy, clock_us),
        "alerts": list(alerts),
        "spacing": None if forecast is None else spacing_text(forecast),
    }  # fmt: skip


def waiting(row: AtHome, policy: CheckIns, clock_us: int) -> WaitingOut:
    """When the next answer is expected, whether it is overdue, the next visit, and until when it is too early to forecast one."""
    judged_from = row.judged_from_day
    too_early = judged_from is not None and today_of(row, clock_us) < judged_from
    expected, overdue = None, "checkin-overdue" in row.conditions
    if policy.enabled and row.answered_day is not None:
        day = row.answered_day + policy.every_days + 1
        expected = iso(starts_us(day, row.tz))
        overdue = overdue or starts_us(day + policy.grace_days, row.tz) <= clock_us
    return {
        "checkin_due_at": expected,
        "overdue": overdue,
        "booked_at": None if row.booked_us is None else iso(row.booked_us),
        "judged_from": iso_day(judged_from) if judged_from is not None and too_early else None,
    }


def spacing_text(forecast: KeptForecastOut) -> str | None:
    """The label's words on the gap between doses, in one line; shown beside a forecast, which they never change."""
    spacing = forecast.get("spacing")
    return None if spacing is None else f"{spacing['words']}; not before {spacing['not_before']} ({spacing['source']})"


def patient_page(
    site: str, row: AtHome, drawn: CourseOut, history: Sequence[KeptForecastOut], entered: Sequence[Document],
    raised: Mapping[str, int], alerts: Sequence[PatientAlertOut], policy: CheckIns, clock_us: int,
) -> PatientOut:  # fmt: skip
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


def _past(forecast: KeptForecastOut, drawn: CourseOut) -> PastForecastOut:
    """A past forecast beside what came of it: the first dose after it, or the first score at or past tau, whichever was first."""
    as_of = forecast["as_of"]
    tau = forecast.get("due_at_severity") or drawn["tau"]
    doses = [dose["day"] for dose in drawn["doses"] if dose["day"] > as_of]
    crossed = [
        score["day"]
        for score in drawn["scores"]
        if score["day"] > as_of and score["severity"] is not None and tau is not None and score["severity"] >= tau
    ]
    events = [(day, "dosed") for day in doses[:1]] + [(day, "crossed") for day in crossed[:1]]
    then = min(events, default=None)
    return {
        "as_of": as_of,
        "due": forecast.get("due"),
        "relapse_probability": forecast.get("relapse_probability"),
        "response": forecast.get("response") or "unknown",
        "severity_now": forecast.get("severity_now"),
        "then": None if then is None else f"{then[1]} {then[0]}",
    }


def _sessions(entered: Sequence[Document], raised: Mapping[str, int]) -> list[SessionOut]:
    """A row for each session that anything was entered in, the last one first; its readings are those that a person entered, and
    at its end the monitor's.
    """
    found: dict[str, SessionOut] = {}
    dosed: dict[str, int] = {}
    replaced = {(entry["session"], entry["replaces"]) for entry in entered if entry.get("replaces")}
    for entry in entered:
        if entry.get("id") is not None and (entry["session"], entry["id"]) in replaced:
            continue
        name = entry["session"]
        row = found.setdefault(name, {
            "session": name, "at": entry["at"], "ended_at": None, "drug": None, "route": None, "given_mg": None,
            "peak_sbp": None, "peak_dbp": None, "lowest_spo2": None, "peak_cadss": None, "left_min": None,
            "alerts": raised.get(name, 0),
        })  # fmt: skip
        match entry["kind"]:
            case "session.started":
                row.update({"drug": entry.get("drug"), "route": entry.get("route"), "at": entry["at"]})
            case "dose":
                dosed.setdefault(name, from_iso(entry["at"]))
                row["drug"] = entry.get("drug") or row["drug"]
                row["route"] = entry.get("route") or row["route"]
                if "amount_mg" in entry:
                    row["given_mg"] = (row["given_mg"] or 0) + entry["amount_mg"]
            case "dose.stopped":
                row["given_mg"] = entry.get("given_mg", row["given_mg"])
            case "session.ended":
                row["ended_at"] = entry["at"]
                seen = entry.get("seen", {})
                _worsen(row, seen.get("peak_sbp"), seen.get("peak_dbp"), seen.get("lowest_spo2"))
                if entry.get("discharged") and name in dosed:
                    row["left_min"] = round((from_iso(entry["at"]) - dosed[name]) / MINUTE, 1)
            case "checkin" if entry.get("instrument") == "cadss" and not _takes_back(entry):
                score = score_of("cadss", entry.get("items"), entry.get("score"))
                row["peak_cadss"] = max(score or 0, row["peak_cadss"] or 0)
            case "vitals" | "cuff.corrected":
                _worsen(row, entry.get("sbp"), entry.get("dbp"), entry.get("spo2"))
            case _:
                pass
    return sorted(found.values(), key=lambda each: from_iso(each["at"]), reverse=True)


def _takes_back(entry: Document) -> bool:
    """True if a check-in's entry takes out the one that it names and says nothing instead."""
    return entry.get("replaces") is not None and entry.get("items") is None and entry.get("score") is None


def _worsen(row: SessionOut, sbp: float | None, dbp: float | None, spo2: float | None) -> None:
    """Take readings into a session's peaks, and into its lowest saturation; None: not read."""
    row["peak_sbp"] = max((value for value in (row["peak_sbp"], sbp) if value is not None), default=None)
    row["peak_dbp"] = max((value for value in (row["peak_dbp"], dbp) if value is not None), default=None)
    row["lowest_spo2"] = min((value for value in (row["lowest_spo2"], spo2) if value is not None), default=None)


def today_of(row: AtHome, clock_us: int) -> int:
    """The patient's day by the shard's clock."""
    return to_datetime(max(clock_us, 0)).astimezone(row.tz).toordinal()
