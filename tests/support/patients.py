"""Patients for tests of forecasting, told day by day from their first dose (day 0, a Monday in January 2026)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from models.relapse.facts import fact_of
from models.relapse.history import PatientHistory
from streams.intake.json import read_lines

FIRST = datetime(2026, 1, 5, tzinfo=UTC)


class Patient:
    """A patient's lines, as a sender would write them. Every method returns the patient, so that a story reads on."""

    def __init__(self, name: str = "P1", lines: list[str] | None = None, offset_h: float = 0.0) -> None:
        self.name = name
        self.lines = lines or []
        self.zone = timezone(timedelta(hours=offset_h))

    def day(self, number: int) -> int:
        return FIRST.toordinal() + number

    def date(self, number: int) -> str:
        return (FIRST + timedelta(days=number)).date().isoformat()

    def tell(
        self, kind: str, day: float, hour: float = 12.0, *, received: datetime | None = None, **fields: Any
    ) -> Patient:
        at = (FIRST + timedelta(days=day, hours=hour)).replace(tzinfo=self.zone)
        line = {"kind": kind, "at": at.isoformat(), "patient": self.name, **fields}
        if received is not None:
            line["received_at"] = received.isoformat()
        self.lines.append(json.dumps(line))
        return self

    def phq(self, day: float, score: float, hour: float = 18.0, **fields: Any) -> Patient:
        return self.tell("checkin", day, hour, instrument="phq-9", score=score, **fields)

    def madrs(self, day: float, score: float, hour: float = 9.0, **fields: Any) -> Patient:
        return self.tell("checkin", day, hour, instrument="madrs", score=score, **fields)

    def score(self, day: float, instrument: str, score: float, hour: float = 18.0, **fields: Any) -> Patient:
        return self.tell("checkin", day, hour, instrument=instrument, score=score, **fields)

    def dose(self, day: float, drug: str = "ketamine", hour: float = 10.0, **fields: Any) -> Patient:
        usual = {"ketamine": {"route": "iv", "amount_mg": 35}, "esketamine": {"route": "intranasal", "amount_mg": 84}}
        return self.tell("dose", day, hour, drug=drug, **{**usual.get(drug, {}), **fields})

    def history(self) -> PatientHistory:
        reading = read_lines(line.encode() for line in self.lines)
        records = [record for record in reading.records if record.kind != "line.set-aside"]
        facts = (fact_of(record) for record in records)
        return PatientHistory(self.name, [fact for fact in facts if fact is not None])
