"""Facts: records of the wire in, what of them matters to the course of a depression out.

A fact is a small tuple that sorts, pickles and compares. Bad at: free text. Cost: 2 µs a record.
Never here: which facts are valid, and the course that they make (`history.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from models.calendar import zone_of
from models.tables.forms import score_of
from models.tables.severity import SCALES
from models.wire.observations import (
    CheckIn,
    Dose,
    DoseStopped,
    Event,
    ForecastMade,
    Intervention,
    PatientRegistered,
    Record,
    Vitals,
)

FactKind = Literal["registered", "dose", "stopped", "score", "intervention", "seen"]


class Fact(NamedTuple):
    """What of an observation matters to a course.

    at: when it happened. received: when the clinic had it. replaces: the id of the entry that it corrects, or empty.
    name: a drug, instrument or intervention. value: its amount in mg, its score, or (registered) the weight in kg.
    """

    kind: FactKind
    at: datetime
    received: datetime
    id: str
    replaces: str
    source: str
    session: str
    name: str = ""
    route: str | None = None
    value: float | None = None
    timezone: str = ""
    medications: tuple[str, ...] | None = None


def fact_of(record: Vitals | Event) -> Fact | None:
    """The fact of a record; None where the record is of no patient.

    Raises:
        ScoreRefused: a score that its instrument cannot have.
    """
    if record.patient is None or isinstance(record, ForecastMade):
        return None
    match record:
        case Dose():
            return _fact("dose", record, record.drug.strip().lower(), record.route, record.amount_mg)
        case DoseStopped():
            return _fact("stopped", record, value=record.given_mg)
        case CheckIn() if record.takes_back:
            return _fact("seen", record)
        case CheckIn():
            score = score_of(record.instrument, record.items, record.score)
            return (
                _fact("score", record, record.instrument, value=score)
                if record.instrument in SCALES
                else _fact("seen", record)
            )
        case Intervention():
            return _fact("intervention", record, record.what.strip().lower())
        case PatientRegistered():
            zone = record.timezone if record.timezone and zone_of(record.timezone) else ""
            given = record.medications
            medications = None if given is None else tuple(sorted({each.strip().lower() for each in given}))
            return _fact("registered", record, value=record.weight_kg)._replace(timezone=zone, medications=medications)
        case _:
            return _fact("seen", record)


def _fact(kind: FactKind, record: Record, name: str = "", route: str | None = None, value: float | None = None) -> Fact:
    # The receiver may be in another offset; where no zone is known, days follow the observation's own.
    received = record.at if record.received_at is None else record.received_at.astimezone(record.at.tzinfo)
    return Fact(
        kind, record.at, received, record.id or "", record.replaces or "",
        record.source or "", record.session or "", name, route, value,
    )  # fmt: skip
