"""The invented clinic's past: some months of patients at home, so that a demonstration has courses to show.

Each patient has two scores before the first dose, an induction, and maintenance as the clinic gives it; answers come weekly, some
do not. A few are cases: one silent for weeks, one suddenly worse today, one in another zone, one who was given ECT elsewhere,
one whose next visit is booked. Sessions have entries and cuffs only; their monitors are not invented again.
Bad at: being a study (see `bench/cohort/cohort.py`). Never here: a clock; the same seed gives the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp
from random import Random
from typing import Any, Final

from models.arrays import Document
from models.instants import DAY, HOUR, MINUTE, SECOND, iso, to_datetime

PATIENT_COUNT: Final = 24
WEEKS: Final = 16
INDUCTION: Final = {"esketamine": (0, 3, 7, 10, 14, 17, 21, 24), "ketamine": (0, 2, 4, 7, 9, 11)}
AMOUNT: Final = {"esketamine": ("intranasal", 84.0, 10.0), "ketamine": ("iv", 35.0, 40.0)}
"""Days and amounts as usual: twice a week for four weeks (US label), six infusions in two weeks of 0.5 mg/kg for 70 kg (Singh
2016). Two dozen patients over four months fill a page and pass every stage; chosen by us."""


@dataclass(frozen=True, slots=True)
class Life:
    """One invented patient. Days are counted from the first dose; `ends` is today."""

    name: str
    drug: str
    ends: int
    baseline: float
    gain: float
    lasts: float
    every: int
    case: str
    zone: str


def weeks(seed: int, until_us: int, first: int = 1) -> list[Document]:
    """The observations before an instant, in order of time; patients are `P0001` on, like those of the invented day."""
    chance = Random(seed)
    lines: list[Document] = []
    for number in range(PATIENT_COUNT):
        lines += _course(_life(chance, f"P{first + number:04}", number), until_us, chance)
    before = iso(until_us)
    return sorted((line for line in lines if line["at"] < before), key=lambda line: (line["at"], line["patient"]))


def _life(chance: Random, name: str, number: int) -> Life:
    """Numbers around those of published cohorts (docs of `models/relapse/filter.py`), one patient in five hardly gaining."""
    case = {3: "silent", 5: "worse", 7: "ect", 9: "booked", 11: "new"}.get(number, "")
    drug = "esketamine" if number % 3 else "ketamine"
    ends = chance.randrange(20, 34) if case == "new" else chance.randrange(60, 7 * WEEKS)
    gain = chance.uniform(0.05, 0.25) if chance.random() < 0.15 else chance.uniform(0.7, 0.95)
    lasts = 50 * exp(chance.gauss(0, 0.6))
    every = 14 if lasts < 40 else 21 if lasts < 60 else 28
    return Life(
        name, drug, ends, chance.uniform(15, 22), gain, lasts, every, case,
        "America/New_York" if number == 8 else "Europe/London",
    )  # fmt: skip


def _course(life: Life, until_us: int, chance: Random) -> Iterator[Document]:
    today_us = until_us - until_us % DAY
    zero_us = today_us - life.ends * DAY
    induction = INDUCTION[life.drug]
    doses = [*induction, *range(induction[-1] + life.every, life.ends, life.every)]

    def at(day: float, hour: float) -> str:
        return iso(zero_us + round(day * DAY + hour * HOUR))

    def entry(kind: str, day: float, hour: float, **fields: Any) -> Document:
        return {"kind": kind, "at": at(day, hour), "patient": life.name, **fields}

    def severity(day: float) -> float:
        effect, last = 0.0, None
        for dose in doses:
            if dose >= day:
                break
            faded = 0.0 if last is None else effect * exp(-(dose - last) / life.lasts)
            effect, last = faded + 0.5 * max(life.gain * life.baseline - faded, 0.0), dose
        left = 0.0 if last is None else effect * exp(-(day - last) / life.lasts)
        return min(max(life.baseline - left + chance.gauss(0, 1.5), 0.0), 27.0)

    yield entry("patient.registered", -10, 9, timezone=life.zone, weight_kg=round(chance.uniform(55, 95), 1))
    for day in (-7, -2):
        yield entry("checkin", day, 18, instrument="phq-9", score=round(severity(day)), respondent="patient")
    if life.case == "ect":
        yield entry("dose", life.ends - 40, 8, drug="ect")
    for number, day in enumerate(doses):
        yield entry("checkin", day, 9, instrument="madrs", score=round(2 * severity(day)), respondent="clinician")
        yield from _session(life, f"{life.name}-{number + 1}", zero_us + day * DAY + 9 * HOUR + 30 * MINUTE, chance)
    quiet_from = life.ends - 24 if life.case == "silent" else life.ends + 1
    for day in range(10, life.ends + 1, 7):
        if day < quiet_from and chance.random() > 0.15:
            score = round(severity(day))
            yield entry("checkin", day, chance.uniform(17, 20), instrument="phq-9", score=score, respondent="patient")
    if life.case == "worse":
        for day, score in ((life.ends - 8, 7), (life.ends, 16)):
            yield entry("checkin", day, 7, instrument="phq-9", score=score, respondent="patient")
    if life.case == "booked":
        visit = to_datetime(today_us + 5 * DAY + 9 * HOUR).isoformat()
        yield entry("intervention", life.ends - 1, 12, what="booking", detail=visit)


def _session(life: Life, session: str, start_us: int, chance: Random) -> Iterator[Document]:
    """A treatment by its entries: cuffs as the protocol asks for them, one dissociation score, ready after two hours."""
    route, amount_mg, minutes = AMOUNT[life.drug]
    sbp, dbp = chance.gauss(122, 9), chance.gauss(76, 6)

    def entry(kind: str, minute: float, **fields: Any) -> Document:
        at_us = start_us + round(minute * MINUTE / SECOND) * SECOND
        return {"kind": kind, "at": iso(at_us), "patient": life.name, "session": session, **fields}

    yield entry("session.started", 0, drug=life.drug, route=route, planned_mg=amount_mg, by="rn-1")
    for minute in (1, 15, 29, 43, 57, 71, 85, 99, 113, 124):
        rise = 18 * exp(-(((minute - 45) / 30) ** 2))
        fields: Document = {"sbp": float(round(sbp + rise + chance.gauss(0, 3))), "dbp": float(round(dbp + rise / 2))}
        if minute == 124:
            fields["spo2"] = 97.0
        yield entry("vitals", minute, **fields, by="rn-1")
    yield entry("dose", 4, drug=life.drug, route=route, amount_mg=amount_mg, minutes=minutes, by="rn-1")
    for minute, cadss in ((3, 0), (44, round(abs(chance.gauss(9, 7)))), (84, 1), (124, 0)):
        yield entry("checkin", minute, instrument="moaas", score=5 if minute != 44 else 4, respondent="clinician")
        yield entry("checkin", minute + 0.2, instrument="cadss", score=cadss, respondent="patient")
    yield entry("checkin", 124.3, instrument="symptoms", items={}, respondent="patient")
    yield entry("session.ended", 124.5, reason="ready", discharged=True, by="rn-1")
