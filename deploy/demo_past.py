"""The demonstration's past: months of invented courses, and the forecasts that would have been made in them.

A forecast of each of the last weeks is made from the entries received by then, as the service would have, and every page of
those weeks was answered, so that the pages can show past forecasts beside what happened, and a burden. Cost: two seconds of work.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from alerts.store.store import Store
from alerts.store.tables import OUTBOX
from models.calendar import zone_of
from models.instants import DAY, MINUTE, from_iso, to_datetime, to_us
from models.wire.observations import AlertAcknowledged, AlertClosed, Event, ForecastMade, SetAside, Vitals
from streams.clinic.weeks import weeks
from streams.forecasts.jobs import ForecastRequest, PatientInput, make_forecasts
from streams.forecasts.shipped import shipped_pool
from streams.hosts.replay import Replay
from streams.intake.json import read_lines
from streams.journal.frame import frames_of, pack_frame
from streams.journal.journal import SqliteJournal
from streams.ward.home.rows import starts_us

WEEKLY: Final = 8
"""Past forecasts of each patient."""


def write_past(data: Path, seed: int, until_us: int) -> None:
    """Write the past into a new journal; the service that opens it folds it in before it starts."""
    journal = SqliteJournal(data / "chairside.sqlite", lambda: until_us, "observed")
    journal.append([pack_frame(frame) for frame in frames_of(past_records(seed, until_us))])
    journal.close()


def mark_pages_sent(store: Store) -> None:
    """Mark every page in the store as sent when it was owed."""
    with store.database.writing() as connection:
        connection.execute(sa.update(OUTBOX).values(addressed=True, sent_us=OUTBOX.c.at_us))


PastRecord = Vitals | Event | SetAside


def past_records(seed: int, until_us: int) -> list[PastRecord]:
    """The records before an instant, in order of time, with a forecast a week. A later one would set the clock ahead."""
    lines = weeks(seed, until_us)
    made = _forecasts(lines, until_us)
    records = _in_time([*read_lines(json.dumps(line).encode() for line in lines).records, *made])
    known = [each for each in (*records, *_answers(records)) if to_us(each.at) <= until_us]
    return _in_time(known)


def _in_time(records: list[PastRecord]) -> list[PastRecord]:
    return sorted(records, key=lambda record: (to_us(record.at), isinstance(record, ForecastMade)))


def _answers(records: list[PastRecord]) -> list[AlertAcknowledged | AlertClosed]:
    """Answers to every alert of the records: pages within minutes and closed within the hour, the others by the next day."""
    answers: list[AlertAcknowledged | AlertClosed] = []
    for n, step in enumerate(Replay().run(frames_of(records))):
        if step.transition == "raised" and step.rule == "mood-worsening" and step.priority == "low":
            answers.append(AlertClosed(at=to_datetime(from_iso(step.at) + DAY), alert=step.alert, by="scheduler"))
        if step.transition == "raised" and step.priority in {"high", "medium"}:
            by, at_us = f"rn-{1 + n % 3}", from_iso(step.at)
            seen, done = to_datetime(at_us + (2 + n % 7) * MINUTE), to_datetime(at_us + 50 * MINUTE)
            answers += [
                AlertAcknowledged(at=seen, alert=step.alert, by=by),
                AlertClosed(at=done, alert=step.alert, by=by),
            ]
    return answers


def _forecasts(lines: list[dict[str, Any]], until_us: int) -> list[ForecastMade]:
    entries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    zones: dict[str, str] = {}
    for line in lines:
        if line["kind"] not in {"vitals", "session.started", "session.ended"}:
            entries[line["patient"]].append({**line, "received_at": line["at"]})
        if line["kind"] == "patient.registered":
            zones[line["patient"]] = line["timezone"]
    found = []
    inputs = {patient: PatientInput(entry_list) for patient, entry_list in sorted(entries.items())}
    for week in range(WEEKLY, 0, -1):
        wanted = []
        for patient, entry_list in inputs.items():
            zone = zone_of(zones[patient])
            day = to_datetime(until_us - week * 7 * DAY).astimezone(zone).toordinal()
            if zone is not None:
                wanted.append((ForecastRequest("main", patient, day, starts_us(day + 1, zone)), entry_list))
        for made in make_forecasts(wanted, shipped_pool()):
            if made.cached is not None:
                inputs[made.request.patient] = PatientInput(None, made.cached)
            if made.forecast is not None:
                at = to_datetime(made.request.until_us + 2 * MINUTE)
                fields = {**made.forecast, "at": at, "source": "forecaster"}
                found.append(ForecastMade.model_validate(fields, strict=False))
    return found
