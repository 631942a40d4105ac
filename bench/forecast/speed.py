"""`python -m bench.forecast.speed`: how fast forecasts are made, and how much is stored of a patient.

On invented patients twenty weeks into treatment: screening, six infusions, then one every third week; a PHQ-9 a week of
which every fifth is missing, a clinician's score before each dose, a mood every day from every other patient.
By processor time, as this machine is seldom alone. How good the forecasts are is another question (`bench.forecast`).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

from bench.figures import Figure, heading, table
from models.relapse.document import forecast_document
from models.relapse.facts import fact_of
from models.relapse.forecaster import forecast_many
from models.relapse.history import Course, PatientHistory
from models.relapse.stored import carry_on
from models.wire.observations import SetAside
from streams.intake.json import read_lines

FIRST: Final = datetime(2026, 1, 5, tzinfo=UTC)
WEEKS: Final = 20
LAST: Final = 7 * WEEKS
DOSES: Final = (0, 2, 4, 7, 9, 11, *range(32, LAST, 21))
ENROLLED: Final = 100_000


def lines(number: int) -> Iterator[dict[str, Any]]:
    """An invented patient's observations. Nothing is drawn: differences come from the number."""

    def said(day: int, hour: int, kind: str, **fields: Any) -> dict[str, Any]:
        at = (FIRST + timedelta(days=day, hours=hour)).isoformat()
        return {"kind": kind, "at": at, "patient": f"bench-{number:06}", **fields}

    def severity(day: int) -> int:
        since = day - max((dose for dose in DOSES if dose < day), default=0)
        return (
            (20 if day <= 0 else min(20, 4 + number % 4 + since * (2 + number % 3) // 6)) + (day * 7 + number) % 3 - 1
        )

    for day in (-7, -2):
        yield said(day, 9, "checkin", instrument="phq-9", score=severity(day))
    for day in range(LAST + 1):
        if day in DOSES:
            yield said(day, 9, "checkin", instrument="madrs", score=2 * severity(day))
            yield said(day, 10, "dose", drug="ketamine", route="iv", amount_mg=35)
        if day % 7 == number % 7 and (day // 7 + number) % 5:
            yield said(day, 18, "checkin", instrument="phq-9", score=severity(day))
        if number % 2:
            yield said(day, 20, "checkin", instrument="mood-vas", score=min(10, severity(day) // 2))


def history(number: int) -> PatientHistory:
    """The same as a history."""
    records = read_lines(json.dumps(line).encode() for line in lines(number)).records
    facts = [fact_of(record) for record in records if not isinstance(record, SetAside)]
    return PatientHistory(f"bench-{number:06}", [fact for fact in facts if fact is not None])


def courses(histories: list[PatientHistory], day: int) -> list[Course]:
    """What is known of each at the end of a day."""
    found = [each.course(FIRST.toordinal() + day) for each in histories]
    return [course for course in found if course is not None]


def figures(batch: int = 512, repetitions: int = 5) -> list[Figure]:
    """One patient alone, a batch, what is stored. A whole night is measured by `bench.forecast.night`."""
    histories = [history(number) for number in range(batch)]
    t0 = process_time()
    today = courses(histories, LAST)
    making = (process_time() - t0) / batch * 1e3
    yesterday = courses(histories, LAST - 1)
    t0 = process_time()
    forecast_many(today)
    whole = (process_time() - t0) / batch * 1e3
    _, states = carry_on(yesterday, [None] * batch)
    alone, together, said = [], [], []
    for repetition in range(repetitions):
        t0 = process_time()
        for row in range(repetition, repetition + 20):
            carry_on(today[row : row + 1], states[row : row + 1])
        alone.append((process_time() - t0) / 20 * 1e3)
        t0 = process_time()
        made, _ = carry_on(today, states)
        together.append(batch / (process_time() - t0))
        t0 = process_time()
        for row, course in enumerate(today):
            forecast_document(course, made, row)
        said.append((process_time() - t0) / batch * 1e6)
    size = sum(len(state) for state in states if state is not None) / batch
    return [
        Figure("forecast", "one patient alone: a day's update and forecast", alone, "ms", "≤ 5"),
        Figure("forecast", f"batches of {batch}, from stored state", together, "patients/s/core", "≥ 500"),
        Figure("forecast", f"from the first dose on, {WEEKS} weeks", [whole], "ms/patient"),
        Figure("forecast", "a course from its facts", [making], "ms/patient"),
        Figure("forecast", "the document", said, "µs/patient"),
        Figure("forecast", "stored state", [size], "B/patient"),
        Figure("forecast", f"stored state of {ENROLLED:,}", [size * ENROLLED / 1e9], "GB"),
    ]


def command(patients: int = 300, origins: int = 30) -> list[Figure]:
    """`chairside forecast` over a file, as somebody scores it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cohort.ndjson"
        with path.open("w", encoding="utf-8") as out:
            for number in range(patients):
                out.writelines(json.dumps(line) + "\n" for line in lines(number))
        last = FIRST + timedelta(days=LAST)
        first = last - timedelta(days=4 * (origins - 1))
        asked = ["--every", "4", "--from", first.date().isoformat(), "--to", last.date().isoformat(), "--cdf"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        t0 = perf_counter()
        run = [sys.executable, "-c", "from deploy.cli import main; main()", "forecast", str(path), *asked]
        answer = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        wall = perf_counter() - t0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if answer.count("\n") != patients * origins:
        raise ValueError(f"{answer.count(chr(10))} forecasts, not {patients * origins}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    what = f"chairside forecast, {patients} patients × {origins} origins"
    return [
        Figure("forecast", f"{what}, by the wall", [wall], "s", "≤ 120"),
        Figure("forecast", f"{what}, processor", [spent], "s"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.forecast.speed", description="How fast forecasts are made.")
    parser.add_argument("--batch", type=int, default=512)
    options = parser.parse_args()
    print(f"{heading('python -m bench.forecast.speed', 0)}\n\n{table([*figures(options.batch), *command()])}")


if __name__ == "__main__":
    main()
