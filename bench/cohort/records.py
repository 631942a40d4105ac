"""An invented cohort as observations on the wire, line by line in order of time, and its truth as lines beside.

So the real path can be scored too: `chairside forecast F1.ndjson --every 7 --from … --to … --cdf`.
Cost: about 20 µs a line. Never here: anything that the cohort did not already decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from bench.cohort.days import DAYS, HORIZON, Cohort, Origins
from bench.cohort.policies import KINDS
from bench.cohort.reports import WEEKLY

FIRST: Final = date(2025, 1, 6)
ZONES: Final = ("America/New_York", "Europe/London", "Asia/Tokyo", "Australia/Sydney", "UTC")
WEIGHT_KG: Final = 80.0
USUAL_MG: Final = {True: 84.0, False: 0.5 * WEIGHT_KG}
"""One usual dose, by whether it is intranasal esketamine (84 mg) or intravenous ketamine (0.5 mg/kg)."""


def alias(cohort: Cohort, patient: int) -> str:
    """The patient's name on the wire."""
    return f"{cohort.family}-{cohort.seed}-{int(cohort.numbers[patient]):04d}"


def calendar_day(cohort: Cohort, patient: int, day: int) -> date:
    """The date of a day of the cohort; patients start on different dates."""
    return FIRST + timedelta(days=int(cohort.numbers[patient]) * 3 % 56 + day)


def lines_of(cohort: Cohort, patient: int, until: int = DAYS - 1, since: int = 0) -> Iterator[dict[str, Any]]:
    """One patient's observations from one day to the end of another, in order of time."""
    who = alias(cohort, patient)
    zone = ZoneInfo(ZONES[int(cohort.numbers[patient]) % len(ZONES)])
    nasal = bool(cohort.nasal[patient])
    instrument = WEEKLY[int(cohort.reporting.weekly[patient])]

    def at(day: int, hour: int, minute: int = 0) -> str:
        return datetime.combine(calendar_day(cohort, patient, day), time(hour, minute), zone).isoformat()

    if since == 0:
        yield {
            "kind": "patient.registered",
            "at": at(0, 8),
            "patient": who,
            "timezone": zone.key,
            "weight_kg": WEIGHT_KG,
        }
    for day in range(since, min(until, int(cohort.last_day[patient])) + 1):
        if not np.isnan(cohort.madrs[patient, day]):
            yield {
                "kind": "checkin",
                "at": at(day, 9, 40),
                "patient": who,
                "instrument": "madrs",
                "score": float(cohort.madrs[patient, day]),
            }
        if cohort.strength[patient, day] > 0:
            share = 1.0 if cohort.strength[patient, day] == 1 else 2 / 3  # 56 of 84 mg
            yield {
                "kind": "dose", "at": at(day, 10), "patient": who, "drug": "esketamine" if nasal else "ketamine",
                "route": "intranasal" if nasal else "iv", "amount_mg": USUAL_MG[nasal] * share,
            }  # fmt: skip
        if not np.isnan(cohort.score[patient, day]):
            yield {
                "kind": "checkin",
                "at": at(day, 18, 30),
                "patient": who,
                "instrument": instrument,
                "score": float(cohort.score[patient, day]),
            }
        if not np.isnan(cohort.mood[patient, day]):
            yield {
                "kind": "checkin",
                "at": at(day, 20),
                "patient": who,
                "instrument": "mood-vas",
                "score": float(cohort.mood[patient, day]),
            }


def lines(cohort: Cohort) -> Iterator[dict[str, Any]]:
    """All observations, patient by patient."""
    for patient in range(cohort.size):
        yield from lines_of(cohort, patient)


def truth_lines(cohort: Cohort, origins: Origins) -> Iterator[dict[str, Any]]:
    """What is true at each origin; `due` is null beyond the horizon."""
    for row in range(len(origins.patient)):
        patient = int(origins.patient[row])
        due = int(origins.due[row])
        yield {
            "patient": alias(cohort, patient),
            "as_of": calendar_day(cohort, patient, int(origins.day[row])).isoformat(),
            "due": due if due <= HORIZON else None,
            "severity": round(float(origins.severity[row]), 3),
            "tau": float(cohort.tau[patient]),
            "since_dose": int(origins.since[row]),
            "cycle": int(origins.further[row]),
            "answered": bool(origins.answered[row]),
            "policy": KINDS[int(origins.policy[row])],
        }
